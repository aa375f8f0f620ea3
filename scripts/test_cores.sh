#!/usr/bin/env bash
# Runs the tests on the lowest langchain-core that pyproject.toml allows, and on the newest that
# can be installed. `make test-cores` calls it; what is in $VENV lies between the two.
#
# Each of the two environments is what is in $VENV with another langchain-core in front of it. So
# they take seconds to make, and the newest core can be had before the package index has all that
# it asks for: langchain-core 1.8.2 wants a certifi that was not there yet when it came out.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=$(cd "${VENV:-.venv}" && pwd)
lowest=$(sed -n 's/^ *"langchain-core>=\([0-9.]*\),.*/\1/p' pyproject.toml)

# What goes through langchain-core, without the local engine, the emulator's own tests and those
# of the HTTP client, in which it has no part.
tests=(
  tests/unit
  tests/integration/test_agent_middleware.py
  tests/integration/test_agents_on_emulator.py
  tests/integration/test_caches.py
  tests/integration/test_callbacks.py
  tests/integration/test_copies.py
  tests/integration/test_init_chat_model.py
  tests/integration/test_langgraph.py
  tests/integration/test_runnables.py
  tests/integration/test_standard_on_emulator.py
  tests/integration/test_tracing.py
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

for requirement in "langchain-core==$lowest" langchain-core; do
  environment=$venv/cores/${requirement//=/}
  # Made again when pyproject.toml has changed, as the Makefile does with $VENV.
  [[ $environment/made -nt pyproject.toml ]] || make_environment "$environment" "$requirement"
  "$environment/bin/python" -c '
from importlib.metadata import version
from langchain_core.version import VERSION

assert version("langchain-core") == VERSION
print(f"Testing on langchain-core {VERSION} ...")'
  "$environment/bin/python" -m pytest --quiet -n auto "${tests[@]}" "$@"
done
