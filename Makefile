# Everything a fresh machine needs is Python 3.11 or newer and this file.
#   make fit     make test     make PYTHON=python3.13 test
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 8
# of `make gpu`: steps (none: all), the Kodak pictures, a picture of many megapixels
GPU_STEPS ?=
PICTURES ?= $(wildcard ../shared/data/kodak)
LARGE ?= $(wildcard ../shared/data/image_mp/albert.jpg)

.PHONY: help fit test test-all check gpu tcnn clean

help:
	@echo 'make fit       fit examples/chelsea.png; writes out/chelsea.inr and a comparison picture'
	@echo 'make test      the tests (a few minutes)'
	@echo 'make test-all  the tests with the long ones'
	@echo 'make check     ruff and mypy'
	@echo 'make gpu       tests and benchmark of the GPU engines with $(PYTHON), which needs torch and triton; see docs/gpu.md'
	@echo 'make tcnn      build tiny-cuda-nn for $(PYTHON) from the folder TCNN_SOURCE=...; see docs/gpu.md'
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

# Installs and downloads nothing: neither $(VENV) nor anything else.
gpu:
	PYTHONPATH=".$${PYTHONPATH:+:$$PYTHONPATH}" $(PYTHON) benchmarks/gpu.py $(GPU_STEPS) \
		$(if $(PICTURES),--pictures '$(PICTURES)') $(if $(LARGE),--large '$(LARGE)')

tcnn:
	@test -f '$(TCNN_SOURCE)/bindings/torch/setup.py' || \
		{ echo 'make tcnn TCNN_SOURCE=FOLDER, with the sources of tiny-cuda-nn in it' >&2; exit 2; }
	@test -f '$(TCNN_SOURCE)/dependencies/cutlass/include/cutlass/cutlass.h' || \
		{ echo '$(TCNN_SOURCE) lacks its submodules: git submodule update --init --recursive' >&2; exit 2; }
	@$(PYTHON) -W ignore -c 'import pkg_resources, torch' 2>/dev/null || \
		{ echo '$(PYTHON) lacks what its set-up imports: torch, and pkg_resources of setuptools before 82' >&2; exit 2; }
	$(PYTHON) -m pip install --no-build-isolation --no-deps --no-index '$(TCNN_SOURCE)/bindings/torch'

# constraints.txt is one set of versions known to work together; without it pip takes the newest of everything.
$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "inr needs Python 3.11 or newer: make PYTHON=...")'
	@echo 'Setting up $(VENV): a few minutes, the first time only'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV)
