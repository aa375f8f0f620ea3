# `make help` lists what there is. Everything runs in .venv, which is made when missing, on the exact
# versions in requirements/.

PYTHON ?= python3
VENV := .venv
SCRIPTS := $(if $(filter Windows_NT,$(OS)),Scripts,bin)
BIN := $(VENV)/$(SCRIPTS)
INSTALL := $(BIN)/uv pip install --quiet --build-constraints requirements/build.txt

# Environments beside it, each resolved as a whole.
LANES := $(VENV)/lanes
VERSIONS = $(BIN)/uv pip freeze --quiet --python $(1) | grep -E '^(lang|httpx|pydantic|pytest=)'

# TESTS="tests/unit -k tool" names some; TESTS=part those that other packages and platforms can change.
TESTS ?= tests
SELECTED = $(if $(filter-out part,$(TESTS)),$(TESTS),tests/unit $(wildcard $(PART:%=tests/integration/test_%*.py)))
PART := agent cache callbacks copies emulator init langgraph runnables standard_on structured tracing

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- What a newcomer runs -------------------------------------------------------------

.PHONY: demo
demo: $(VENV)/demo.stamp ## Run the tour: on Scaleway with SCW_SECRET_KEY, on a local toy model without
	@$(BIN)/python examples/tour.py

.PHONY: test
test: lint types ## Style, types, imports, all tests, on the locked versions
	$(BIN)/pytest -n auto

.PHONY: setup
setup: $(VENV)/dev.stamp ## Only make .venv, with all that development needs

# --- Its parts ------------------------------------------------------------------------

.PHONY: lint
lint: $(VENV)/dev.stamp ## Style, import directions, workflows, and whether requirements/ is in step
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/python -m scripts.lock --check
	$(BIN)/actionlint
	$(BIN)/zizmor --quiet --offline --persona pedantic .github

.PHONY: types
types: $(VENV)/dev.stamp ## mypy --strict
	$(BIN)/mypy

.PHONY: tests
tests: $(VENV)/dev.stamp ## Only the tests: all, or TESTS="tests/unit -k tool", or TESTS=part
	$(BIN)/pytest -n auto $(SELECTED)

.PHONY: coverage
coverage: $(VENV)/dev.stamp ## All tests, and which lines and branches none of them reaches
	$(BIN)/pytest -n auto --cov --cov-report= $(SELECTED)
	$(BIN)/coverage report

# --- The same tests elsewhere: each environment is resolved as a whole ----------------

# The pages show what the locked versions print.
.PHONY: test-lowest
test-lowest: $(LANES)/lowest.stamp ## Tests on the lowest versions that pyproject.toml allows
	@$(call VERSIONS,$(LANES)/lowest)
	$(LANES)/lowest/$(SCRIPTS)/pytest -n auto --ignore tests/integration/test_docs.py $(SELECTED)

.PHONY: test-newest
test-newest: $(VENV)/tools.stamp ## Tests on the newest versions that the package index has
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(LANES)/newest
	@$(INSTALL) --python $(LANES)/newest --refresh --requirements pyproject.toml --all-extras --group docs --group test --editable .
	@$(call VERSIONS,$(LANES)/newest)
	$(LANES)/newest/$(SCRIPTS)/pytest -n auto $(SELECTED)

# In a copy, with the one line changed that would move the package to the fork, and users with it.
.PHONY: test-httpx2
test-httpx2: $(VENV)/dev.stamp ## Tests of the package on httpx2 in the place of httpx
	@rm -rf $(LANES)/httpx2 && mkdir -p $(LANES)/httpx2
	@git ls-files | tar -cf - -T - | tar -xf - -C $(LANES)/httpx2
	@for file in langchain_scaleway/client/transport.py tests/typing/user_code.py; do \
	  sed 's/^import httpx$$/import httpx2 as httpx/' $$file > $(LANES)/httpx2/$$file; done
	cd $(LANES)/httpx2 && export PYTHONPATH=$$PWD \
	  && ../../$(SCRIPTS)/python -c 'from langchain_scaleway.client.transport import LIBRARY; assert "httpx2" in LIBRARY' \
	  && ../../$(SCRIPTS)/pytest -n auto $(SELECTED)

.PHONY: test-python
test-python: $(VENV)/tools.stamp ## Tests on another Python: make test-python VERSION=3.14
	@test -n "$(VERSION)" || { echo "Which Python? make test-python VERSION=3.14" >&2; exit 2; }
	@$(BIN)/uv venv --quiet --clear --python $(VERSION) $(LANES)/python
	@$(INSTALL) --python $(LANES)/python --requirements requirements/dev.txt --editable .
	$(LANES)/python/$(SCRIPTS)/pytest -n auto $(SELECTED)

.PHONY: test-ray
test-ray: $(LANES)/ray.stamp ## The test of the example that runs on Ray, which is half a gigabyte
	$(LANES)/ray/$(SCRIPTS)/pytest -k ray_pile tests/integration/test_examples.py

# The source distribution has the tests; without its package, only what is installed can be tested.
.PHONY: test-wheel
test-wheel: $(VENV)/tools.stamp ## Tests of the sdist on the wheel, both in dist/ (`make build`)
	@test -n "$(wildcard dist/*.whl)" || { echo "Run make build first." >&2; exit 2; }
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(LANES)/wheel
	@$(INSTALL) --python $(LANES)/wheel --requirements requirements/dev.txt dist/*.whl
	@mkdir $(LANES)/wheel/source && tar -xzf dist/*.tar.gz -C $(LANES)/wheel/source --strip-components 1
	@rm -r $(LANES)/wheel/source/langchain_scaleway
	cd $(LANES)/wheel/source && ../$(SCRIPTS)/pytest -n auto $(SELECTED)

.PHONY: test-live
test-live: $(VENV)/dev.stamp ## Tests against Scaleway itself: needs SCW_SECRET_KEY, is billed
	@test -n "$$SCW_SECRET_KEY" || { echo "make test-live talks to Scaleway: set SCW_SECRET_KEY first." >&2; exit 2; }
	$(BIN)/python -m langchain_scaleway doctor
	-$(BIN)/python -m langchain_scaleway check $(ARGS)
	$(BIN)/pytest -m live --force-enable-socket tests/integration

.PHONY: soak
soak: $(VENV)/dev.stamp ## Thousands of streams at once and of calls in a row, a tenth of them hit by a fault
	$(BIN)/pytest -m soak -s tests/integration/test_soak.py

.PHONY: format
format: $(VENV)/dev.stamp ## Format the code and fix what ruff can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: profiles
profiles: $(VENV)/dev.stamp ## Write langchain_scaleway/data/ and docs/models.md from scripts/models.toml
	$(BIN)/python -m scripts.make_model_table
	$(BIN)/python -m scripts.make_models_page

.PHONY: profiles-check
profiles-check: $(VENV)/dev.stamp ## Compare scripts/models.toml with what Scaleway offers: docs/maintaining-models.md
	@$(BIN)/python -m scripts.check_profiles $(ARGS)

.PHONY: bench
bench: $(LANES)/bench.stamp ## Measure beside bare httpx and other integrations, in half an hour: docs/performance.md
	@$(LANES)/bench/$(SCRIPTS)/python -m benchmarks $(ARGS)

.PHONY: bench-quick
bench-quick: $(LANES)/bench.stamp ## The same with less of everything, in a minute
	@$(LANES)/bench/$(SCRIPTS)/python -m benchmarks --quick $(ARGS)

.PHONY: docs
docs: $(VENV)/docs.stamp ## Build the documentation in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

.PHONY: build
build: $(VENV)/dev.stamp ## Make the sdist and the wheel in dist/, and try it in a clean environment
	rm -rf dist
	$(BIN)/uv build --quiet --build-constraints requirements/build.txt
	$(BIN)/twine check --strict dist/*
	$(BIN)/python -m scripts.check_packages

.PHONY: lock
lock: $(VENV)/tools.stamp ## Bring requirements/ in step with pyproject.toml
	$(BIN)/python -m scripts.lock

.PHONY: upgrade
upgrade: $(VENV)/tools.stamp ## Move requirements/ to the newest versions
	$(BIN)/python -m scripts.lock --upgrade

.PHONY: clean
clean: ## Remove all that these targets made
	rm -rf $(VENV) build dist site .benchmarks .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- The environments: a stamp records that one was made of the files it depends on ------

# pip installs uv, and uv, which is faster, all else.
$(VENV)/tools.stamp: requirements/tools.txt
	@command -v $(PYTHON) > /dev/null || { \
	  echo "There is no $(PYTHON) here; langchain-scaleway needs Python 3.11 or newer." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "langchain-scaleway needs Python 3.11 or newer, and $(PYTHON) is `$(PYTHON) --version 2>&1`." >&2; \
	  echo "Name a newer one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "Making $(VENV) ..."
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "$(PYTHON) -m venv failed; Debian and Ubuntu ship it in the package python3-venv." >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

# The package in editable mode, with what requirements/NAME.txt lists. To resolve both together
# shows at once if the file is not in step.
$(VENV)/%.stamp: requirements/%.txt requirements/build.txt pyproject.toml $(VENV)/tools.stamp
	@echo "Installing $< ..."
	@$(INSTALL) --python $(BIN)/python --requirements $< --editable .
	@touch $@

$(LANES)/%.stamp: requirements/%.txt requirements/build.txt pyproject.toml $(VENV)/tools.stamp
	@echo "Installing $< ..."
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(LANES)/$*
	@$(INSTALL) --python $(LANES)/$* --requirements $< --editable .
	@touch $@
