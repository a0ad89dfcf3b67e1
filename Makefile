# Everything a fresh machine needs is Python 3.11 or newer and this file.
#   make fit     make test     make PYTHON=python3.13 test
PYTHON ?= python3
# Where there is no NVIDIA GPU, torch's CPU build spares more than 2 GB of CUDA. It is not on PyPI: this names the index
# that has it, such as https://download.pytorch.org/whl/cpu. Without it pip takes what it is set up to find.
TORCH_INDEX ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALLED := $(VENV)/installed
# Compiled modules are kept, whatever the environment says: the tests begin many processes, which would compile them anew.
export PYTHONDONTWRITEBYTECODE :=
# neighbours stay in one process, which makes their fixtures and loads their kernels once
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 8 --dist worksteal
# of `make gpu`: steps (none: all), the Kodak pictures, a picture of many megapixels
GPU_STEPS ?=
PICTURES ?= $(wildcard ../shared/data/kodak)
LARGE ?= $(wildcard ../shared/data/image_mp/albert.jpg)

.PHONY: help fit serve quick test test-all test-service check docs notebook resolution constraints gpu tcnn clean

help:
	@echo 'make fit       fit examples/chelsea.png; writes out/chelsea.inr and a comparison picture'
	@echo 'make serve     the fitting service, with a page that shows fits while they run; its data are in out/service'
	@echo 'make quick     the most telling tests (under a minute)'
	@echo 'make test      the tests (a few minutes)'
	@echo 'make test-all  the tests with the long ones'
	@echo 'make test-service  outside suites and a browser against the service; needs chromium; LONG=1 takes all'
	@echo 'make check     ruff and mypy'
	@echo 'make docs      build the guides and the reference of the package into out/docs'
	@echo 'make notebook  run examples/tour.ipynb again, after a change of it'
	@echo 'make resolution  resolve the dependencies for every Python and platform, without installing them'
	@echo 'make constraints  make constraints.txt again, after a change of dependencies; UPGRADE=1 takes the newest versions'
	@echo 'make gpu       tests and benchmark of the GPU engines with $(PYTHON), which needs torch and triton; see docs/gpu.md'
	@echo 'make tcnn      build tiny-cuda-nn for $(PYTHON) from the folder TCNN_SOURCE=...; see docs/gpu.md'
	@echo 'make clean     remove the virtual environment'

fit: $(INSTALLED)
	@mkdir -p out
	$(BIN)/inr fit examples/chelsea.png -o out/chelsea.inr --force

serve: $(INSTALLED)
	@mkdir -p out
	$(BIN)/inr serve out/service

quick: $(INSTALLED)
	$(PYTEST) --quick

test: $(INSTALLED)
	$(PYTEST)

test-all: $(INSTALLED)
	$(PYTEST) --long

# What is not on the machine is not tested, and named: a browser, a Python that one of the suites needs.
test-service: $(INSTALLED)
	$(PIP) install --quiet -c constraints.txt -e '.[service-tests]'
	$(BIN)/python -m pytest --service $(if $(LONG),--long) -rs

check: $(INSTALLED)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

docs: $(INSTALLED)
	$(PIP) install --quiet -c constraints.txt -e '.[docs]'
	PYTHONPATH=. NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo 'out/docs/index.html'

notebook: $(INSTALLED)
	$(BIN)/python tools/run_notebook.py examples/tour.ipynb

resolution: $(INSTALLED)
	$(BIN)/python tools/check_resolution.py

constraints: $(INSTALLED)
	UV_PYTHON_DOWNLOADS=never $(BIN)/uv pip compile --quiet --python $(BIN)/python --universal --fork-strategy fewest \
		--python-version 3.11 --all-extras --no-annotate --custom-compile-command 'make constraints' \
		$(if $(UPGRADE),--upgrade) pyproject.toml --output-file constraints.txt

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
# On Linux without an NVIDIA GPU, torch comes first: from TORCH_INDEX, or from a folder that pip is set up to look in.
$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "inr needs Python 3.11 or newer: make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	@set -e; echo 'Setting up $(VENV): some minutes, the first time only'; \
	if [ "$$(uname -s)" != Linux ]; then \
		echo 'Fetches up to 0.4 GB'; \
	elif nvidia-smi --list-gpus >/dev/null 2>&1; then \
		echo 'Fetches up to 3.1 GB, most of it CUDA for torch'; \
	elif [ -n '$(TORCH_INDEX)' ]; then \
		echo 'Fetches up to 0.7 GB, with the build of torch that $(TORCH_INDEX) has'; \
		$(PIP) install --quiet --no-deps --index-url '$(TORCH_INDEX)' -c constraints.txt torch; \
	elif $(PIP) install --quiet --no-deps --no-index -c constraints.txt torch >/dev/null 2>&1; then \
		echo 'Fetches up to 0.5 GB; torch is on this machine'; \
	else \
		echo 'Fetches up to 3.1 GB, most of it CUDA, which nothing on this machine uses;'; \
		echo 'TORCH_INDEX=https://download.pytorch.org/whl/cpu, where it can be reached, makes it 0.7 GB'; \
	fi
	$(PIP) install --quiet -c constraints.txt -e '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV)
