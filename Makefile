# The whole workflow, in words:
#
#   make serve    set everything up and open the desk of the example shop
#   make test     set up what the tests need, and run them all
#   make lint     what reads the code: formatting, style, types, layers, the widget
#   make bench    measure, print a table, write benchmarks/results.json
#   make bench-understanding   the same for the model of what customers want
#   make bench-channels        the same for the webhooks of messaging apps
#   make bench-engines         the same for what hears, reads, compares and speaks
#   make bench-calls           the same for voice calls, in real time
#   make docs     write the pages of docs/ that are made from the code
#   make clean    remove what was set up and made
#
# Choices: make serve PROJECT=my-desk PORT=9000; PYTHON=python3.12 for the virtual environment;
# TORCH_INDEX=URL names the index that PyTorch documents for its CPU builds, where the usual one
# has only builds for graphics cards.

PYTHON ?= python3
PROJECT ?= examples/voltaro
PORT ?= 8000
TORCH_INDEX ?=
PYTEST ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
TORCH := $(shell sed -n 's/^torch==/torch==/p' constraints.txt)

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev serve test lint format bench bench-understanding bench-channels bench-engines bench-calls docs pins clean

help:
	@sed -n '2,/^$$/{s/^# \{0,1\}//;p;}' Makefile

setup: .venv/.ready
setup-dev: .venv/.ready-dev

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Frontdesk needs Python 3.11 or later: make $(MAKECMDGOALS) PYTHON=python3.12'; exit 1; }
	@echo 'Making a virtual environment in .venv'
	@$(PYTHON) -m venv .venv

# torch comes first and by itself, so that an index of CPU builds is asked for nothing else.
.venv/.ready: pyproject.toml constraints.txt | $(BIN)/python
	@echo 'Installing the desk; the first time takes some minutes'
	@$(PIP) $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) --constraint constraints.txt $(TORCH)
	@$(PIP) --constraint constraints.txt --editable .
	@touch $@

# openai-whisper comes without triton, a gigabyte that only graphics cards use.
.venv/.ready-dev: .venv/.ready
	@echo 'Installing what the tests need'
	@$(PIP) --constraint constraints.txt --editable '.[dev]'
	@$(PIP) --constraint constraints.txt --no-deps openai-whisper
	@scripts/install-browser
	@touch $@

serve: .venv/.ready
	@$(BIN)/frontdesk serve --project $(PROJECT) --port $(PORT) --open

test: .venv/.ready-dev
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile $(PYTEST)

lint: .venv/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check-widget
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

format: .venv/.ready-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/.ready-dev
	$(BIN)/python -m benchmarks $(BENCH)

bench-understanding: .venv/.ready-dev
	$(BIN)/python -m benchmarks.understanding $(BENCH)

bench-channels: .venv/.ready-dev
	$(BIN)/python -m benchmarks.channels $(BENCH)

bench-engines: .venv/.ready-dev
	$(BIN)/python -m benchmarks.engines $(BENCH)

bench-calls: .venv/.ready-dev
	$(BIN)/python -m benchmarks.calls $(BENCH)

docs: .venv/.ready-dev
	$(BIN)/python -m scripts.configuration_docs
	$(BIN)/python -m scripts.command_docs

# In a new environment, without the old pins: what pip chooses today becomes constraints.txt.
pins:
	rm -rf build/pins && $(PYTHON) -m venv build/pins
	build/pins/bin/python -m pip install --quiet $(TORCH)
	build/pins/bin/python -m pip install --quiet --editable '.[dev]'
	{ sed -n '/^#/p' constraints.txt; build/pins/bin/python -m pip freeze --exclude-editable | \
		sed '/^#/d; s/+cpu$$//'; } > constraints.new
	mv constraints.new constraints.txt

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis \
		.import_linter_cache connectors/webchat/node_modules
	find bot connectors models tests benchmarks scripts -name __pycache__ -type d -prune \
		-exec rm -rf {} +
