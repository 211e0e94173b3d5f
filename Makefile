# Two commands matter: `make demo` and `make test`. Everything they need is installed into this folder
# (.venv, .venv-sdk, tests/sdk/node_modules) from hash-locked lists, once, and again when a list changes.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

BIN := .venv/bin
PYTEST_ARGS ?=
# Tests start many processes, each of which would compile anew what none may keep compiled.
export PYTHONDONTWRITEBYTECODE :=
# One more than the two processors of the smallest machine: tests often wait for a worker.
TEST_PROCESSES ?= 3

.PHONY: help demo run test test-fast lint format lock clean install install-dev install-converter install-sdk install-postgres

help: ## List the commands
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## /\1\t/' | column -t -s $$'\t'

demo: install ## Install, then make a sample patient's chart end to end, offline
	@exec $(BIN)/chartbridge demo

run: install ## Install, then serve the API with a worker on http://127.0.0.1:8080 until Ctrl-C
	@exec $(BIN)/chartbridge serve

test: ## All checks and all tests, as CI runs them
	@$(MAKE) --no-print-directory -j 3 --output-sync=target lint install-converter install-sdk install-postgres
	@$(BIN)/pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

test-fast: install-converter ## Tests that take less than a few seconds each
	@$(BIN)/pytest -m "not slow and not sdk and not fault" $(PYTEST_ARGS)

lint: install-dev ## Style, types and the rules of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: install-dev ## Put all Python files into the project's style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: ## Choose versions anew and write requirements/*.txt and the SDK's package-lock.json
	@scripts/lock

clean: ## Remove what the commands above made, except ./data
	@find src -name '*.so' -delete -o -name '*__mypyc.digest' -delete
	@rm -rf .venv .venv-sdk tests/sdk/node_modules .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

install:
	@scripts/install runtime
	@scripts/install converter

install-dev:
	@scripts/install dev

install-converter: install-dev
	@scripts/install converter

install-sdk: install-dev
	@scripts/install python-sdk
	@scripts/install javascript-sdk

install-postgres: install-dev
	@scripts/install postgres
