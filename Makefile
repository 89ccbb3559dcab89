# All set-up happens here: a fresh Linux machine with Python 3.11 and make needs nothing else.
# Each environment is built once and again only when its list of packages changes.

PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
DEMO ?= demo
TESTS ?= tests
WORKERS ?= 2
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test lint test-full docs docs-serve reference golden bench build clean

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/.core ## Simulate a lumbar study as DICOM, read it, say where the report lies
	@rm -rf $(DEMO)
	@echo "Simulating a lumbar study as DICOM ..."
	@$(BIN)/condyle simulate lumbar $(DEMO)/cohort --quiet
	@echo "Reading it with the shipped package ..."
	@$(BIN)/condyle read $(DEMO)/cohort -o $(DEMO)/report --quiet
	@echo "Done. Research use only; a simulated study is no patient."
	@echo "Open in a browser: $(abspath $(DEMO))/report/report.html"

test: $(VENV)/.full ## Run the whole test suite
	$(BIN)/python -m pytest $(TESTS) -m "not slow" -n $(WORKERS) --dist loadfile $(PYTEST_ARGS)

lint: $(VENV)/.full ## Style, types, layers
	$(BIN)/ruff check src tests scripts benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

test-full: $(VENV)/.full ## Run the long checks and write docs/evidence/full.json
	$(BIN)/python -m pytest $(TESTS) -m slow -p tests.evidence --evidence docs/evidence/full.json $(PYTEST_ARGS)

reference: $(VENV)/.full ## Write docs/reference from the code
	$(BIN)/python scripts/reference.py

golden: $(VENV)/.full ## Refresh the stored outputs in tests/golden (review them like code)
	CONDYLE_REFRESH_GOLDEN=1 $(BIN)/python -m pytest tests/cli -q -k golden

docs: $(VENV)/.docs reference ## Build the documentation site into site/
	$(BIN)/mkdocs build --strict --quiet

docs-serve: $(VENV)/.docs ## Show the documentation site on this machine while writing
	$(BIN)/mkdocs serve

bench: $(VENV)/.full ## Run the benchmarks and print their ratios
	$(BIN)/python -m benchmarks

build: $(VENV)/.full ## Build the wheel and the source archive into dist/
	$(BIN)/python -m build --outdir dist .

clean: ## Remove the environment and everything built
	rm -rf $(VENV) $(DEMO) build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed: name it with PYTHON=..." >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "$(PYTHON) cannot make environments: install its venv module (Debian: python3.11-venv)." >&2; exit 2; }

# The core alone: reads studies, has no torch.
$(VENV)/.core: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing Condyle into $(VENV) (a minute or two) ..."
	@$(PIP) -e .
	@touch $@

# Everything the tests and linters use.
$(VENV)/.full: $(VENV)/.core
	@echo "Installing what training and tests need into $(VENV) (some minutes) ..."
	@$(PIP) -e '.[train,evaluate,report,dicom-out,pdf,openvino,search,tensorboard,dev]'
	@touch $@

$(VENV)/.docs: $(VENV)/.full
	@$(PIP) -e '.[docs]'
	@touch $@
