# Everything a fresh machine needs is Python 3.11 or newer and this file.
#   make fit     make test     make PYTHON=python3.13 test
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 8

.PHONY: help fit test test-all check clean

help:
	@echo 'make fit       fit examples/chelsea.png; writes out/chelsea.inr and a comparison picture'
	@echo 'make test      the tests (a few minutes)'
	@echo 'make test-all  the tests with the long ones'
	@echo 'make check     ruff and mypy'
	@echo 'make clean     remove the virtual environment'

fit: $(INSTALLED)
	@mkdir -p out
	$(BIN)/inr fit examples/chelsea.png -o out/chelsea.inr --force

test: $(INSTALLED)
	$(PYTEST)

test-all: $(INSTALLED)
	$(PYTEST) --long

check: $(INSTALLED)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# constraints.txt is one set of versions known to work together; without it pip takes the newest of everything.
$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "inr needs Python 3.11 or newer: make PYTHON=...")'
	@echo 'Setting up $(VENV): a few minutes, the first time only'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV)
