# Two commands on a fresh machine: `make run` and `make test`. Options of the command line go through ARGS:
#   make run ARGS="--study ai_pilot --seed 2"
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

# One thread a process: results do not depend on it, and two cores are not fought over.
export OMP_NUM_THREADS ?= 1
# Compiled modules are kept, whatever the caller's environment says: else every process compiles the project again.
unexport PYTHONDONTWRITEBYTECODE
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export DAGSTER_DISABLE_TELEMETRY := yes
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help run test fast lint ui bench bench-peer real map spark clean venv manifest

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

venv:
	@sh scripts/build_venv.sh

manifest: venv
	@$(BIN)/python -m orchestration.manifest >/dev/null

run: venv ## sources to release: build what is missing, run the whole job, print the headline
	@$(BIN)/citycarbon run $(ARGS)

test: manifest ## all tests
	$(BIN)/pytest -n 2 --dist loadfile $(ARGS)

fast: manifest ## tests without a pipeline, a web server, real files or long experiments (a minute and a half)
	$(BIN)/pytest -n 2 --dist loadfile -m "not pipeline and not ui and not real and not slow" --hypothesis-profile fast $(ARGS)

lint: venv ## style, format, and locks that are in step and name no host
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	! grep -nE 'https?://' requirements.lock requirements-*.lock
	$(BIN)/python scripts/check_lock.py

ui: venv ## the Dagster UI on 127.0.0.1 (ARGS="--port 3001 --home DIR")
	@$(BIN)/python -m orchestration.ui $(ARGS)

bench: venv ## timings of the parts
	@$(BIN)/python -m benchmarks $(ARGS)

recovery: venv ## the estimators on thousands of panels whose truth is known (ARGS="--workers 2", ARGS=--check)
	@$(BIN)/python -m benchmarks.recovery $(ARGS)

real: venv ## the runs over real source files; needs CITYCARBON_REALDATA; writes real.json
	@$(BIN)/python -m orchestration.real $(ARGS)

bench-peer: venv ## optional: install wildboottest (200 MB), the peer of one benchmark
	@sh scripts/build_venv.sh bench

map: venv ## optional: install the boundary polygons (74 MB), with which Figure 1 is a filled map
	@sh scripts/build_venv.sh map

spark: venv ## optional: install Spark (430 MB; needs a Java runtime), for tables that outgrow one machine
	@sh scripts/build_venv.sh spark

clean: ## remove what was built (not the data folder)
	rm -rf $(VENV) dbt_project/target dbt_project/logs logs .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +
