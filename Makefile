# Everything a person or CI runs. The environment is made on first use; a second call installs nothing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test test-slow oracles check bench clean
.DEFAULT_GOAL := test

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(READY)  ## train LeNet-5 on real handwritten digits and say where the report is
	$(BIN)/striate train digits --net lenet5 --run runs/demo --overwrite

test: $(READY)  ## the tests that run in minutes, offline
	$(BIN)/python -m pytest -n 2

test-slow: $(READY)  ## the tests that take longer
	$(BIN)/python -m pytest -n 2 -m slow

oracles: $(READY)  ## what tests compare with, where it is there; never needed by the package
	$(BIN)/python -m pip install --quiet --no-deps torchvision==0.28.0 timm==1.0.31
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[pretrained]'

check: $(READY)  ## format, lint, types
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

bench: $(READY)  ## ratios against named peers, measured in the same run
	$(BIN)/python benchmarks/lenet_mnist.py

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
