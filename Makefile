# Everything a newcomer needs: `make run`, `make test`. Both set themselves up in .venv.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run test lint bench study format clean

run: .venv/installed                ## the main job on the default scenario
	$(BIN)/cpalab run --out results/default --force

test: .venv/installed-test          ## lint, types, import contracts, doctests and tests
	$(MAKE) lint
	$(BIN)/python -m pytest -n auto --dist loadgroup -m "not study" tests

lint: .venv/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

study: .venv/installed-test         ## long statistical studies
	$(BIN)/python -m pytest -m study -s tests

bench: .venv/installed-test         ## speed, as ratios measured in one run
	$(BIN)/python -m benchmarks

format: .venv/installed-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv results build dist

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet -e .
	touch $@

.venv/installed-test: .venv/installed
	$(BIN)/python -m pip install --quiet -e ".[test]"
	touch $@
