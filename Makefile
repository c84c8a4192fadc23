# Everything a person does with a checkout. `make` alone lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

# What is inherited from an outer environment or virtual environment must not leak in.
export UV_PYTHON_DOWNLOADS := never
unexport DJANGO_SETTINGS_MODULE PYTHONPATH PYTHONDONTWRITEBYTECODE VIRTUAL_ENV

PY := .venv/bin/python
ARGS ?=
PYTEST := $(PY) -m pytest -n 2 --dist worksteal
FAST := $(wildcard tests/unit tests/properties tests/operations tests/api)

.PHONY: help
help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' Makefile | awk -F ':.*## ' '{ printf "make %-10s %s\n", $$1, $$2 }'

# Made anew when the lock or the recipe changes.
.venv/.runtime: requirements.lock tools/set-up
	@tools/set-up runtime </dev/null
	@touch $@

.venv/.dev: requirements-dev.lock tools/set-up
	@tools/set-up dev </dev/null
	@touch $@ .venv/.runtime

.PHONY: set-up
set-up: .venv/.dev ## virtual environment, dependencies and system libraries, for development

.PHONY: demo
demo: .venv/.runtime ## the example company, three months of bills, then the site on http://127.0.0.1:8000
	@exec $(PY) manage.py demo $(ARGS)

.PHONY: up
up: .venv/.runtime ## services, site, worker and scheduler in the foreground
	@exec $(PY) manage.py up $(ARGS)

.PHONY: test
test: .venv/.dev ## the whole suite
	$(PYTEST) -m "not long" $(ARGS)

.PHONY: test-fast
test-fast: .venv/.dev ## unit, properties, operations and API
	$(PYTEST) -m "not long" $(FAST) $(ARGS)

.PHONY: test-long
test-long: .venv/.dev ## everything, with thousands of examples for each property
	HYPOTHESIS_PROFILE=long $(PYTEST) $(ARGS)

.PHONY: bench
bench: .venv/.runtime ## how fast it is, beside what the machine could do; table and var/bench.json
	@$(PY) -m benchmarks $(ARGS)

.PHONY: lint
lint: .venv/.dev ## style, types, the rooms' order, missing migrations
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	$(PY) -m mypy .
	.venv/bin/lint-imports
	$(PY) manage.py makemigrations --check --dry-run --settings config.test_settings

.PHONY: lock
lock: .venv/.dev ## rewrite the locks from pyproject.toml
	.venv/bin/uv lock --quiet
	.venv/bin/uv export --quiet --no-emit-project --no-header --no-dev --output-file requirements.lock >/dev/null
	.venv/bin/uv export --quiet --no-emit-project --no-header --output-file requirements-dev.lock >/dev/null

.PHONY: clean
clean: ## remove what can be made again; the data in var/ stays
	rm -rf .venv staticfiles .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -not -path './var/*' -prune -exec rm -rf {} +
