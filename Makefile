# `make demo` and `make test` need nothing but make and Python 3.11, 3.12 or 3.13.
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# the newest Python that fits and can make environments
SUITS := import sys, venv, ensurepip; raise SystemExit(not (3, 11) <= sys.version_info[:2] < (3, 14))
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3 python; do \
	command -v $$name >/dev/null 2>&1 && $$name -c '$(SUITS)' >/dev/null 2>&1 && echo $$name && break; done)

# every cache stays inside this folder
export PIP_CACHE_DIR := $(CURDIR)/.cache/pip
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export XDG_CACHE_HOME := $(CURDIR)/.cache
export MPLCONFIGDIR := $(CURDIR)/.cache/matplotlib

.DEFAULT_GOAL := help
.PHONY: help demo test lint fix coverage docs picture bench evidence

help:  ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

demo: $(STAMP)  ## Run the example on real data and print where its tear sheet is
	$(BIN)/bt-run examples/spy_qqq.yaml

test: $(STAMP)  ## Run the whole suite
	$(BIN)/pytest -q -n auto

lint: $(STAMP)  ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fix: $(STAMP)  ## Format, order imports, and write the reference
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/python docs/reference.py

coverage: $(STAMP)  ## Run the suite and print which lines no test reaches (some minutes)
	$(BIN)/pytest -q -n auto --cov --cov-report=term:skip-covered

docs: $(STAMP)  ## Write the reference, build the site into build/docs, and test the documents
	$(BIN)/python docs/reference.py
	$(BIN)/sphinx-build -W --keep-going -q -b html docs build/docs
	$(BIN)/pytest -q -n auto --dist loadfile tests/docs

picture: $(STAMP)  ## Draw the picture of the page that the README shows (needs Chromium)
	$(BIN)/python docs/images/picture.py

bench: $(STAMP)  ## Measure the example, the engine, the tracker and the policy beside their peers (some ten minutes)
	$(BIN)/python benchmarks/example.py
	$(BIN)/python benchmarks/decisions.py
	$(BIN)/python benchmarks/report.py
	$(BIN)/python benchmarks/data.py
	@test -x .cache/peers/bin/python || $(BIN)/python -m venv .cache/peers
	@.cache/peers/bin/python -m pip install --quiet bt==1.4.1 vectorbt==1.2.0 vectorbt-rust \
		|| echo "bench: the peers could not be installed into .cache/peers; those that are missing are skipped"
	$(BIN)/python benchmarks/engine.py
	@test -x .cache/tracker_peers/bin/python || $(BIN)/python -m venv .cache/tracker_peers
	@.cache/tracker_peers/bin/python -m pip install --quiet skfolio==1.12.2 cvxportfolio==1.5.1 qpsolvers daqp piqp \
		|| echo "bench: the peers could not be installed into .cache/tracker_peers; those that are missing are skipped"
	$(BIN)/python benchmarks/tracker.py
	@test -x .cache/policy_peers/bin/python || $(BIN)/python -m venv .cache/policy_peers
	@.cache/policy_peers/bin/python -m pip install --quiet skfolio==1.12.2 Riskfolio-Lib==7.4.0 \
		|| echo "bench: the peers could not be installed into .cache/policy_peers; those that are missing are skipped"
	$(BIN)/python benchmarks/policy.py
	$(BIN)/python benchmarks/allocation.py
	$(BIN)/python benchmarks/sweep.py

evidence: $(STAMP)  ## Collect what supports the claims of the README
	$(BIN)/python benchmarks/mutation.py
	$(BIN)/python benchmarks/real_stocks.py
	$(BIN)/python benchmarks/lookahead.py
	$(BIN)/python benchmarks/fuzz.py
	$(BIN)/python benchmarks/kills.py
	$(BIN)/python benchmarks/sweep.py --evidence
	$(BIN)/python benchmarks/luck.py
	$(BIN)/python benchmarks/regimes.py
	$(BIN)/python benchmarks/volatility_target.py
	$(BIN)/python benchmarks/policy_laws.py

$(STAMP): setup.cfg pyproject.toml constraints.txt
	@if [ -z "$(PYTHON)" ]; then \
		echo "make: no Python 3.11, 3.12 or 3.13 with venv was found; install one (on Debian and Ubuntu:" >&2; \
		echo "apt install python3 python3-venv), or name one: make test PYTHON=/path/to/python3.12" >&2; \
		exit 1; fi
	@if [ ! -x $(BIN)/python ]; then echo "making $(VENV) with $(PYTHON)"; $(PYTHON) -m venv $(VENV); fi
	@echo "installing into $(VENV); the first time takes a few minutes"
	@$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $@
