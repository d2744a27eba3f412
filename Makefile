# Everything a newcomer needs: `make run`, `make test`. Both set themselves up in .venv.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run test docs lint bench study fuzz mutants coverage test-lowest format clean

run: .venv/installed                ## the main job on the default scenario
	$(BIN)/cpalab run --out results/default --force

test: .venv/installed-test          ## lint, types, import contracts, doctests and tests; meanwhile the law is compiled
	{ $(BIN)/cpalab run dropshipping --users 2000 --json; $(BIN)/cpalab truth dropshipping --users 2000 --engine agents --json; } \
		>/dev/null 2>&1 & $(MAKE) lint && wait
	$(BIN)/python -m pytest -n auto --dist loadgroup -m "not study" tests

docs: .venv/installed-docs           ## the documentation as a site in build/docs; warnings are errors
	$(BIN)/sphinx-build -W --keep-going -q -b html docs build/docs

lint: .venv/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/codespell

study: .venv/installed-test         ## long statistical studies
	$(BIN)/python -m pytest -m study -s tests

fuzz: .venv/installed-test          ## 2,000 seeded mutants of scenarios and of tables, 12,500 of parameters
	CPALAB_FUZZ=125 $(BIN)/python -m pytest -s tests/fuzz/test_scenario_mutants.py tests/fuzz/test_parameter_mutants.py
	CPALAB_FUZZ=34 $(BIN)/python -m pytest -s tests/fuzz/test_table_mutants.py

mutants: .venv/installed-test       ## one-line mutants of the code, each with the test that must catch it
	$(BIN)/python tools/mutants.py

coverage: .venv/installed-test      ## share of lines that the tests run; fails below the gate in pyproject.toml
	NUMBA_DISABLE_JIT=0 $(BIN)/python -m coverage run -m pytest -n0 -m "not study and not browser" tests
	$(BIN)/python -m coverage report

test-lowest:                        ## the tests with the lowest versions that pyproject.toml declares, in .venv-lowest
	$(PYTHON) -m venv --clear .venv-lowest
	$(PYTHON) tools/lowest.py > .venv-lowest/constraints.txt
	.venv-lowest/bin/python -m pip install --quiet -e ".[test,excel,observational]" -c .venv-lowest/constraints.txt
	.venv-lowest/bin/python -m pytest -n auto --dist loadgroup -m "not study" tests

bench: .venv/installed-test         ## speed, as ratios measured in one run
	$(BIN)/python -m benchmarks

format: .venv/installed-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv .venv-lowest results build dist

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet -e .
	touch $@

.venv/installed-docs: .venv/installed
	$(BIN)/python -m pip install --quiet -e ".[docs]"
	touch $@

.venv/installed-test: .venv/installed
	$(BIN)/python -m pip install --quiet -e ".[test]"
	touch $@
