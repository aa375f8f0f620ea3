#!/usr/bin/env bash
# Runs what goes through langchain-core on the lowest version of it that pyproject.toml allows, and
# on the newest that can be installed. `make test` calls it after all tests have run on what is in
# $VENV, which is often a third version.
#
# Each of the two environments is what is in $VENV with another langchain-core in front of it. So
# they take seconds to make, and the newest core can be had before the package index has all that
# it asks for: langchain-core 1.8.2 wants a certifi that was not there yet when it came out.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=$(cd "${VENV:-.venv}" && pwd)
supported=$(sed -n 's/^ *"\(langchain-core>=.*\)",$/\1/p' pyproject.toml)
lowest=$(sed 's/.*>=\([0-9.]*\).*/langchain-core==\1/' <<< "$supported")

# Messages and chunks, content blocks, streams of every version, schemas and tools, errors, and all
# that LangChain does with a model. Without what core has no part in: HTTP, the emulator, the engine.
tests=(
  tests/unit/test_{assistant_messages,chunks,content_blocks,errors,fields,messages,standard}.py
  tests/unit/test_{stream_parity,structured_replies,structured_requests}.py
  tests/unit/test_{remembered_tools,token_counts,tool_call_dialects,tools,typed_dicts}.py
  tests/integration/test_{agent_middleware,agents_on_emulator,caches,callbacks,copies}.py
  tests/integration/test_{init_chat_model,langgraph,runnables,standard_on_emulator,tracing}.py
)

# make_environment DIRECTORY REQUIREMENT
make_environment() {
  "$venv/bin/python" -m venv --clear --without-pip "$1"
  local packages
  packages=$("$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  "$venv/bin/python" - > "$packages/all_else.pth" << 'PYTHON'
import sysconfig

print(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})")
PYTHON
  "$venv/bin/python" -m pip --python "$1/bin/python" install --quiet --disable-pip-version-check \
    --no-deps --ignore-installed "$2"
  touch "$1/made"
}

# test_on NAME REQUIREMENT [PYTEST_ARGUMENT …]
test_on() {
  local environment=$venv/cores/$1
  # Made again when pyproject.toml has changed, as the Makefile does with $VENV.
  [[ $environment/made -nt pyproject.toml ]] || make_environment "$environment" "$2"
  "$environment/bin/python" -c '
from importlib.metadata import version
from langchain_core.version import VERSION

assert version("langchain-core") == VERSION
print(f"Testing on langchain-core {VERSION} ...")'
  "$environment/bin/python" -m pytest --quiet -n auto "${tests[@]}" "${@:3}"
}

test_on lowest "$lowest" "$@"
test_on newest "$supported" "$@"
