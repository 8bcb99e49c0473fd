# Every target sets up what it needs: a clean clone, python3 (3.11 or newer) and make are enough.
# DATA_DIR=… (on the command line or in the environment) keeps data elsewhere than in .local.

PYTHON ?= python3
PORT ?= 8000
HOST ?= 127.0.0.1
BIN := .venv/bin
MANAGE := $(BIN)/python manage.py

# What `deploy-check` pretends to be; nothing is connected to.
PRODUCTION := DJANGO_HTTPS=true DJANGO_DEBUG=false DJANGO_ALLOWED_HOSTS=autonomy.example.org \
	DATABASE_URL=postgresql://autonomy@database/autonomy REDIS_URL=redis://redis:6379/0

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo demo-faults demo-turnitin run-v2 run-autonomy-worker run-autonomy-beat bootstrap-autonomy test-autonomy test-browser \
	bench bench-console chaos lint types contracts migrations-check deploy-check ci-gate format clean

help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z0-9-]+:.*## / { printf "  make %-22s %s\n", $$1, $$2 }' Makefile

setup: ## Install what is needed to run (done by every other target too)
	@$(PYTHON) .ci/venv.py requirements.txt

setup-dev: ## Install what is needed to develop and test
	@$(PYTHON) .ci/venv.py requirements-dev.txt

demo: setup ## Write one document without any key: make demo SOURCES=folder TOPIC="…"
	@$(MANAGE) demo $${SOURCES:+--sources "$$SOURCES"} $${TOPIC:+--topic "$$TOPIC"}

demo-faults: setup ## The same on a bad day of its providers: make demo-faults FIRST="429:2, 500*3"
	@$(MANAGE) demo_faults $${FIRST+--first "$$FIRST"} $${SECOND+--second "$$SECOND"} $${THIRD+--third "$$THIRD"}

demo-turnitin: setup ## The same with a Turnitin that is played, whose webhooks get lost and come too often
	@$(MANAGE) demo_turnitin

run-v2: setup ## Run everything here (web server, worker, beat, database): make run-v2 PORT=8000
	@exec $(MANAGE) stack --host "$(HOST)" --port "$(PORT)"

run-autonomy-worker: setup ## Run one more worker
	@exec $(BIN)/python -m celery -A config worker --without-gossip --without-mingle -n "worker-$$$$@%h"

run-autonomy-beat: setup ## Run beat, which looks for lost and due work
	@exec $(BIN)/python -m celery -A config beat

bootstrap-autonomy: setup ## Make the tables, the first staff account and its API token
	@$(MANAGE) migrate --verbosity 0
	@$(MANAGE) bootstrap

test-autonomy: setup-dev ## Run the tests: make test-autonomy ARGS="-k budget"
	$(BIN)/python -m pytest -n auto --maxprocesses 8 $(ARGS)

test-browser: ## Use the console in a real Chromium, also with axe: make test-browser BROWSER_SHOTS=folder ARGS="-k login"
	@$(PYTHON) .ci/venv.py requirements-browser.txt
	@chromium="$$($(PYTHON) .ci/chromium.py)" && CHROMIUM="$$chromium" $(BIN)/python -m pytest autonomy/tests/browser $(ARGS)

chaos: setup ## Kill workers and servers while runs go on, then audit: make chaos RUNS=300 KILLS=40 SEED=1
	@$(BIN)/python -m benchmarks.chaos $${RUNS:+--runs "$$RUNS"} $${KILLS:+--kills "$$KILLS"} $${SEED:+--seed "$$SEED"} \
		$${REDIS:+--redis "$$REDIS"} $${POSTGRES:+--postgres "$$POSTGRES"}

bench: setup ## Measure Autonomy beside its peers: make bench RUNS=300 ROUNDS=5, or QUICK=1 for a look
	@$(PYTHON) .ci/venv.py benchmarks/requirements.txt benchmarks/.venv
	@$(BIN)/python -m benchmarks $${RUNS:+--runs "$$RUNS"} $${ROUNDS:+--rounds "$$ROUNDS"} $${QUICK:+--quick}

bench-console: setup ## Measure the console on a year of runs: make bench-console SCALE=1 FOLDER=… to keep the data
	@$(BIN)/python -m benchmarks.console $${SCALE:+--scale "$$SCALE"} $${FOLDER:+--folder "$$FOLDER"} $${EXPLAIN:+--explain} \
		$${ONLY:+--only "$$ONLY"}

lint: setup-dev ## Check style and formatting
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .

types: setup-dev ## Check types
	$(BIN)/python -m mypy

contracts: setup-dev ## Check who imports whom
	$(BIN)/lint-imports

migrations-check: setup-dev ## Check that no migration is missing
	$(MANAGE) makemigrations --check --dry-run

deploy-check: setup-dev ## Check the settings as production would have them
	@echo "manage.py check --deploy, with production's environment"
	@$(PRODUCTION) DJANGO_SECRET_KEY="$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(50))')" \
		$(MANAGE) check --deploy --fail-level WARNING

ci-gate: lint types contracts migrations-check deploy-check test-autonomy ## All that a change must pass

format: setup-dev ## Mend style and formatting
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

clean: ## Remove .venv and caches; data (.local) stays
	rm -rf .venv benchmarks/.venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
