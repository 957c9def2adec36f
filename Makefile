# One line per verb. `make run` and `make test` need only Python 3.11 (with venv), git and make.
SHELL := /bin/bash
PORT ?= 8000
HOST ?= 127.0.0.1
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
PY := $(VENV)/bin/python
MANAGE := $(PY) manage.py
export PATH := $(PATH):$(CURDIR)/$(VENV)/bin
export PYTHONUNBUFFERED := 1
unexport PYTHONDONTWRITEBYTECODE # some shells set it; without cached bytecode every process starts seconds later

# uv takes seconds where pip takes a minute; pip follows where only its own configuration reaches the package index.
define install
{ echo "Installing pinned dependencies …"; \
  $(VENV)/bin/uv pip install --quiet --system-certs --python $(PY) --require-hashes -r requirements/$(1).lock || { \
  echo "Trying again with pip …"; \
  $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/$(1).lock; }; }
endef

.PHONY: run run-production test test-fast test-postgres lint types arrows bench setup setup-dev setup-spark messages clean help

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 18

run: setup ## set up and run the site with the demo on port 8000 or $PORT
	@$(MANAGE) migrate --verbosity 0
	@$(MANAGE) demo
	@$(MANAGE) serve --host $(HOST) --port $(PORT)

run-production: setup ## the same on the servers named in the environment, without the demo: docs/operators.md
	@ETRON_PRODUCTION=1 $(MANAGE) check --deploy --fail-level WARNING
	@ETRON_PRODUCTION=1 $(MANAGE) migrate --verbosity 0
	@ETRON_PRODUCTION=1 $(MANAGE) collectstatic --noinput --verbosity 0
	@ETRON_PRODUCTION=1 $(MANAGE) serve --host $(HOST) --port $(PORT)

test: setup-dev ## every test, always
	@$(PY) -m tests.run

test-fast: setup-dev ## the inner loop: no browser, nothing slow
	@$(PY) -m pytest -q -n 2 -m "not slow and not browser and not postgres"

lint: setup-dev ## ruff
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check .

types: setup-dev ## mypy, strict
	@$(VENV)/bin/mypy .

arrows: setup-dev ## import-linter
	@$(VENV)/bin/lint-imports

bench: setup-dev ## ratios against peers; NAME=… for one, QUICK=1 for small sizes
	@$(PY) -m benchmarks $(if $(NAME),--name $(NAME)) $(if $(QUICK),--quick)

setup: $(VENV)/.run static/dist/.built locale/.compiled ## environment for running
setup-dev: $(VENV)/.dev static/dist/.built locale/.compiled ## environment for developing
setup-spark: setup $(VENV)/.spark ## Apache Spark as a table engine (needs Java 17): docs/operators.md

messages: setup-dev ## collect strings for translation (needs GNU gettext)
	@$(MANAGE) makemessages -l zh_Hans --no-location --no-wrap --no-obsolete --ignore=node_modules --ignore=var --ignore=.venv
	@sed -i '/^"POT-Creation-Date\|^"Report-Msgid-Bugs-To/d' locale/zh_Hans/LC_MESSAGES/django.po

$(VENV)/.base: requirements/bootstrap.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11 is missing: install python3.11 with its venv module."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "Python 3.11 is needed, $(PYTHON) is $$($(PYTHON) --version 2>&1). Set PYTHON=/path/to/python3.11."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing: install the package python3.11-venv."; exit 1; }
	@echo "Making the environment in $(VENV) …"
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.lock
	@touch $@

$(VENV)/.run: $(VENV)/.base requirements/run.lock
	@test -f $(VENV)/.dev -a $(VENV)/.dev -nt requirements/dev.lock || $(call install,run)
	@touch $@

$(VENV)/.dev: $(VENV)/.base requirements/dev.lock
	@$(call install,dev)
	@touch $@

$(VENV)/.spark: $(VENV)/.base requirements/spark.lock
	@$(call install,spark)
	@touch $@

static/dist/.built: package.json package-lock.json $(wildcard static/js/*.js) $(wildcard scripts/*.mjs) | $(VENV)/.base
	@command -v npm >/dev/null || test -f $(VENV)/.dev || $(MAKE) --no-print-directory $(VENV)/.run
	@echo "Bundling browser code …"
	@npm ci --silent --no-progress && npm run --silent build
	@touch $@

locale/.compiled: $(wildcard locale/*/LC_MESSAGES/django.po) | $(VENV)/.base
	@test -f $(VENV)/.run -o -f $(VENV)/.dev || $(MAKE) --no-print-directory $(VENV)/.run
	@$(VENV)/bin/pybabel --quiet compile --domain django --directory locale --statistics 2>/dev/null || $(VENV)/bin/pybabel compile --domain django --directory locale
	@touch $@

clean: ## remove what was built; keeps var/ (the data)
	rm -rf $(VENV) node_modules static/dist locale/.compiled
