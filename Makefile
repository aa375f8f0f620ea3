# `make help` lists what there is. Everything runs in .venv, which is made when missing.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- What a newcomer runs -------------------------------------------------------------

.PHONY: demo
demo: $(VENV)/demo.stamp ## Run the tour: on Scaleway with SCW_SECRET_KEY, on a local toy model without
	@$(BIN)/python examples/tour.py

.PHONY: test
test: lint types bench-guard ## Everything CI checks: style, types, imports, a rough check of speed, all tests, other cores
	$(BIN)/pytest -n auto
	@$(MAKE) --no-print-directory test-cores

# --- Its parts ------------------------------------------------------------------------

.PHONY: lint
lint: $(VENV)/dev.stamp ## Style and import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

.PHONY: types
types: $(VENV)/dev.stamp ## mypy --strict
	$(BIN)/mypy

.PHONY: unit
unit: $(VENV)/dev.stamp ## Tests without an engine
	$(BIN)/pytest tests/unit

.PHONY: integration
integration: $(VENV)/dev.stamp ## Tests against the local engine and the emulator
	$(BIN)/pytest tests/integration

.PHONY: test-cores
test-cores: $(VENV)/dev.stamp ## The tests that depend on langchain-core, on its lowest supported and its newest version
	@VENV=$(VENV) scripts/test_cores.sh

.PHONY: test-live
test-live: $(VENV)/dev.stamp ## Tests against Scaleway itself: needs SCW_SECRET_KEY, is billed
	@test -n "$$SCW_SECRET_KEY" || { echo "make test-live talks to Scaleway: set SCW_SECRET_KEY first." >&2; exit 2; }
	$(BIN)/pytest -m live --force-enable-socket tests/integration

.PHONY: format
format: $(VENV)/dev.stamp ## Format the code and fix what ruff can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: profiles
profiles: $(VENV)/dev.stamp ## Write langchain_scaleway/data/ and docs/models.md from scripts/models.toml
	$(BIN)/python -m scripts.make_profiles
	$(BIN)/python -m scripts.make_models_page

.PHONY: profiles-check
profiles-check: $(VENV)/dev.stamp ## Compare scripts/models.toml with what Scaleway offers: docs/maintaining-models.md
	@$(BIN)/python -m scripts.check_profiles $(ARGS)

.PHONY: bench
bench: $(VENV)/bench.stamp ## Measure against the floor and other integrations, in ten minutes: docs/performance.md
	@$(BIN)/python -m benchmarks $(ARGS)

.PHONY: bench-quick
bench-quick: $(VENV)/bench.stamp ## The same with less of everything, in a minute
	@$(BIN)/python -m benchmarks --quick $(ARGS)

.PHONY: bench-guard
bench-guard: $(VENV)/dev.stamp ## A rough check of speed: fail if a ratio to the floor is far off
	@$(BIN)/python -m benchmarks --guard

.PHONY: docs
docs: $(VENV)/docs.stamp ## Build the documentation in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

.PHONY: build
build: $(VENV)/dev.stamp ## Make the sdist and the wheel in dist/, and try them in a clean environment
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*
	$(BIN)/python -m scripts.check_packages

.PHONY: clean
clean: ## Remove all that these targets made
	rm -rf $(VENV) build dist site .benchmarks .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- The environment: a stamp records what pyproject.toml asked for --------------------

$(VENV)/python.stamp:
	@command -v $(PYTHON) > /dev/null || { \
	  echo "There is no $(PYTHON) here; langchain-scaleway needs Python 3.11 or newer." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "langchain-scaleway needs Python 3.11 or newer, and $(PYTHON) is `$(PYTHON) --version 2>&1`." >&2; \
	  echo "Name a newer one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "Making $(VENV) ..."
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "$(PYTHON) -m venv failed; Debian and Ubuntu ship it in the package python3-venv." >&2; exit 1; }
	@touch $@

# An extra of the project, such as `dev`, in editable mode.
$(VENV)/%.stamp: $(VENV)/python.stamp pyproject.toml
	@echo "Installing the project with its extra '$*' ..."
	@$(PIP) --editable '.[$*]'
	@touch $@
