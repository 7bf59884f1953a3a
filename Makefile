# `make demo` and `make test` set up everything they need in virtual environments beside this file.
PYTHON ?= python3.11
ifeq ($(shell $(PYTHON) -c "import sys" 2>/dev/null && echo yes),)
PYTHON := python3
endif
# A second interpreter for the core (no torch): the first of these that runs, or none.
PYTHON313 ?= $(firstword $(foreach p,python3.13 $(wildcard $(HOME)/.pyenv/versions/3.13*/bin/python),$(shell $(p) -c "print('$(p)')" 2>/dev/null)))
VENV := .venv
VENV313 := .venv-3.13
VENVZOO := .venv-zoo
BIN := $(VENV)/bin
# What needs neither torch nor TIFF.
CORE_TESTS := $(addprefix tests/,bitstream entropy intnet models chunk codecs conformance test_public_names.py)
SOURCES := pyproject.toml CMakeLists.txt $(wildcard native/*)

.PHONY: demo test test-3.13 test-zoo lint format clean

demo: $(VENV)/installed
	$(BIN)/python -m eval demo

test: $(VENV)/tested lint
	$(BIN)/python -m pytest
	$(MAKE) test-3.13
	$(MAKE) test-zoo

lint: $(VENV)/tested
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/tested
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test-3.13:
ifeq ($(PYTHON313),)
	@echo "Python 3.13 was not found: the core was tested on one Python only (set PYTHON313 to name one)"
else
	$(MAKE) $(VENV313)/installed
	$(VENV313)/bin/python -m pytest $(CORE_TESTS)
endif

# CompressAI needs torchvision, which does not import beside the CPU-only torch of $(VENV).
test-zoo: $(VENVZOO)/installed
	$(VENVZOO)/bin/python -m pytest tests/zoo_compressai zarr_neural/zoo/learned

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/installed: $(VENV)/bin/python $(SOURCES)
	$(BIN)/python -m pip install --quiet --editable ".[archive,eval]"
	touch $@

$(VENV)/tested: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --constraint constraints-cpu.txt --editable ".[archive,eval,train,dev]"
	touch $@

$(VENV313)/installed: $(SOURCES)
	$(PYTHON313) -m venv $(VENV313)
	$(VENV313)/bin/python -m pip install --quiet --upgrade pip
	$(VENV313)/bin/python -m pip install --quiet --editable ".[core-tests]"
	touch $@

$(VENVZOO)/installed: $(SOURCES)
	$(PYTHON) -m venv $(VENVZOO)
	$(VENVZOO)/bin/python -m pip install --quiet --upgrade pip
	$(VENVZOO)/bin/python -m pip install --quiet --config-settings=build-dir=build/zoo --editable ".[zoo,archive,eval]" "pytest>=8.2"
	touch $@

clean:
	rm -rf $(VENV) $(VENV313) $(VENVZOO) build demo-output
