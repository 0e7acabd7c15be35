# Two commands do everything: `make demo` runs the main job, `make test` passes the tests.
# Each makes its own .venv and installs what it needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := pyproject.toml CMakeLists.txt $(shell find src native -type f -not -name '*.so' -not -path '*__pycache__*' 2>/dev/null)

.PHONY: demo test check bench clean

demo: $(VENV)/.installed
	$(BIN)/latelight demo --output demo-output

test: $(VENV)/.dev check
	$(BIN)/python -m pytest

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/maxsim.py
	$(BIN)/python benchmarks/quality.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"

$(VENV)/.installed: $(VENV)/bin/python $(SOURCES)
	$(BIN)/python -m pip install --quiet .
	touch $@

$(VENV)/.dev: $(VENV)/bin/python $(SOURCES)
	$(BIN)/python -m pip install --quiet --group dev .
	touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) build demo-output
