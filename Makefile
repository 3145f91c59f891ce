# Two commands for people: `make run` and `make test`. They need python3.11 (or newer) and make, nothing else.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
PORT ?= 8000
HOST ?= 127.0.0.1
BIN := .venv/bin

.PHONY: run test lint schema examples bench trust clean
.DEFAULT_GOAL := run

run: .venv/.runtime  ## install, migrate, load the demo into an empty database, serve
	@DEBUG=$${DEBUG:-true} PUBLIC_URL=$${PUBLIC_URL:-http://localhost:$(PORT)} $(BIN)/python manage.py serve --demo --host $(HOST) --port $(PORT)

test: .venv/.dev  ## the whole suite; USE_POSTGRES=true and REDIS_URL choose the real ones
	@$(BIN)/python -m pytest $(ARGS)

lint: .venv/.dev  ## everything that reads the code without running it
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
# request.headers reads every header there is; what each request asks for is taken from META.
	git ls-files -z '*.py' ':!*/migrations/*' | xargs -0 $(BIN)/django-upgrade --target-version 5.2 --check --skip request_headers
	$(BIN)/djlint --quiet --check --lint $$(git ls-files '*.html')
	$(BIN)/lint-imports
	$(BIN)/mypy .
	DEBUG=true $(BIN)/python manage.py makemigrations --check --dry-run
	@$(call production,check --deploy --fail-level WARNING)
	DEBUG=true $(BIN)/python manage.py spectacular --validate --fail-on-warn --file .venv/openapi.yaml
	@diff -u docs/openapi.yaml .venv/openapi.yaml || { echo "docs/openapi.yaml is stale: run make schema"; exit 1; }

# The settings of a public host, without a database: what `check --deploy` looks at.
production = SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(60))') \
	DEBUG=false ALLOWED_HOSTS=garage.example $(BIN)/python manage.py $(1)

schema: .venv/.dev  ## write the committed schema anew
	DEBUG=true $(BIN)/python manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml

examples: .venv/.dev  ## record the schema's examples from the demo data anew
	RECORD_EXAMPLES=1 $(BIN)/python -m pytest -q config/tests/test_examples.py
	$(MAKE) schema

clean:
	rm -rf .venv var staticfiles db.sqlite3*

.venv/.runtime: requirements.txt | $(BIN)/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/.dev: requirements-dev.txt requirements.txt | $(BIN)/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ .venv/.runtime

.venv/.bench: requirements-bench.txt requirements-dev.txt requirements.txt | $(BIN)/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	@touch $@ .venv/.dev .venv/.runtime

# A bare Debian lacks ensurepip: borrow the system's pip; without that one too, ask apt for the venv package.
$(BIN)/python:
	@$(PYTHON) -m venv .venv >/dev/null 2>&1 && $(BIN)/python -m pip --version >/dev/null 2>&1 \
	|| { rm -rf .venv && $(PYTHON) -m venv --without-pip .venv \
	     && $(PYTHON) -m pip --python $(BIN)/python install --quiet pip 2>/dev/null; } \
	|| { rm -rf .venv; test "$$(id -u)" = 0 && apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null \
	     && $(PYTHON) -m venv .venv; } \
	|| { rm -rf .venv; echo "Python cannot make a virtual environment: install python3-venv, then run make again."; exit 1; }

bench: .venv/.bench  ## ours against its peers on PostgreSQL; writes bench/RESULTS.md. ARGS="chat" measures that alone
	@$(BIN)/python -m bench.run $(ARGS)

trust: .venv/.dev  ## what docs/security.md promises, tried against real servers; ARGS="--short" for fewer cases
	@$(BIN)/python -m trust $(ARGS)
