# Everything happens inside this checkout. `make run` is the first command, `make test` the second.

PYTHON     ?= python3
UV_VERSION := 0.13.9
START      ?= 2013-01-01
END        ?= 2014-01-01
# The day that ages are counted to, so that a year of the past goes through the tiers.
AS_OF      ?= $(END)

# Caches stay in the checkout unless the person has one already that is shared between checkouts.
export UV_CACHE_DIR  ?= $(CURDIR)/.cache/uv
export PIP_CACHE_DIR ?= $(CURDIR)/.cache/pip
export VIRTUAL_ENV   := $(CURDIR)/.venv

BIN  := .venv/bin
UV   := .venv/.uv-$(UV_VERSION)
# An environment is core (enough to run) or full (tests, linters, JupyterLab); full contains core.
CORE := .venv/.core
FULL := .venv/.full

# Tests run side by side, on as many processes as there are cores, four at the most: each may start a
# Spark session and kernels. JOBS=0 runs them in one, for a debugger.
JOBS     ?= auto
SIDE     := -n $(JOBS) --maxprocesses 4 --dist worksteal

# Of other programs that read the tables, which `make readers` fetches for the tests.
READERS := .cache/readers

.PHONY: run demo test test-slow soak readers lint bench lab lock clean help
.DEFAULT_GOAL := help

help:
	@echo "make run        all sources to gold and reports ($(START) to $(END)), then to its tiers;"
	@echo "                START=, END=, AS_OF= (the day that ages are counted to) to change"
	@echo "make demo       four days of runs in a lake of their own: a failure, a quarantine, a difference"
	@echo "make test       the tests; PYTEST='-k commit' to choose, JOBS=0 for one process"
	@echo "make test-slow  the long proofs: crashes, races, scale"
	@echo "make soak       the suites that test-slow takes a sample of, whole; hours"
	@echo "make readers    what the tests need to read tables by Spark with Delta and DuckDB's extension"
	@echo "make lint       ruff, mypy and the import contracts"
	@echo "make lab        JupyterLab with the Lakebook kernel"
	@echo "make bench      the benchmarks; writes docs/benchmarks.md"
	@echo "make lock       resolve pyproject.toml anew into both lock files"
	@echo "make clean      remove the environment and caches; tables and runs in .lake stay"

run: $(CORE)
	$(BIN)/lakebook run --start $(START) --end $(END)
	$(BIN)/lakebook run ops.tiering -p as_of=$(AS_OF)

demo: $(CORE)
	$(BIN)/python demo/make_demo.py

test: $(FULL)
	$(BIN)/python -m pytest $(SIDE) $(PYTEST)

test-slow: $(FULL)
	$(BIN)/python -m pytest -m slow $(SIDE) $(PYTEST)

soak: $(FULL)
	LAKEBOOK_SOAK=1 $(BIN)/python -m pytest -m soak --timeout 0 $(SIDE) $(PYTEST)

readers: $(FULL) $(READERS)/jars/.done $(READERS)/duckdb/.done

# The extension is for one release of DuckDB alone, which is not the lock's.
$(READERS)/duckdb/.done: tests/delta/duckdb_reader.lock | $(FULL)
	rm -rf $(@D)
	$(BIN)/uv pip install --quiet --require-hashes --no-deps --target $(@D) -r $<
	@touch $@

$(READERS)/jars/.done: Makefile
	rm -rf $(@D)
	for artifact in delta-spark_4.2_2.13 delta-storage; do \
	    mvn --batch-mode --quiet -Dstyle.color=never org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
	        -Dartifact=io.delta:$$artifact:4.4.0 -DoutputDirectory=$(CURDIR)/$(@D) || exit 1; done
	@touch $@

lint: $(FULL)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(FULL)
	$(BIN)/python benchmarks/run_all.py $(BENCH)

lab: $(FULL)
	$(BIN)/lakebook lab

lock: $(UV)
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --all-extras pyproject.toml \
	    -o requirements.lock -p 3.11
	$(BIN)/uv pip compile --quiet --universal --generate-hashes pyproject.toml \
	    -c requirements.lock -o requirements-core.lock -p 3.11

clean:
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache \
	    build dist dbt/target dbt/logs
	find . -name __pycache__ -type d -not -path './.git/*' -not -path './.lake/*' -prune -exec rm -rf {} +

# --- the environment -------------------------------------------------------------------------

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' || { \
	    echo "Lakebook needs Python 3.11 or 3.12, and '$(PYTHON)' is not one;" \
	         "install it and name it: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { \
	    echo "'$(PYTHON)' cannot make an environment; install its venv module" \
	         "(Debian: apt-get install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

# $(1): a lock file. The hashes make the environment the same on every machine. $(2): options of uv.
define install
	$(BIN)/uv pip sync --quiet --require-hashes $(2) $(1)
	$(BIN)/uv pip install --quiet --no-deps -e .
	$(BIN)/python -c "from lakebook.runtime.kernelspec import install; install()"
endef

# Once full, an environment stays full: `make run` after `make test` must not take the tests' tools away.
$(CORE): requirements-core.lock pyproject.toml | $(UV)
	$(call install,$(if $(wildcard $(FULL)),requirements.lock,requirements-core.lock))
	@touch $@

# The tests start thousands of processes: compiled once, their imports take half the time, also where
# PYTHONDONTWRITEBYTECODE keeps Python from doing so itself.
$(FULL): requirements.lock pyproject.toml | $(UV)
	$(call install,requirements.lock,--compile-bytecode)
	@touch $(CORE) $@
