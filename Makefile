# Start with `make run` and `make test`. They need only Python 3.11 or newer, and make.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
PORT ?= 8000
HOST ?= 127.0.0.1
BIN := .venv/bin

.PHONY: help run test docs reset-demo lint redocly schema release-schema clients errors events examples bench trust verify lock clean
.DEFAULT_GOAL := run

help:  ## list these commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/.runtime  ## install, migrate, load the demo into an empty database, and serve it (PORT=8001, HOST=0.0.0.0)
	@$(MAKE) --no-print-directory docs || echo "The documentation could not be built. The server starts without it."
	@$(call default,DEBUG,true) $(call default,PUBLIC_URL,http://$(reached):$(PORT)) \
	$(if $(filter 0.0.0.0,$(HOST)),$(call default,ALLOWED_HOSTS,localhost$(comma)127.0.0.1$(comma)$(reached))) \
	$(BIN)/python manage.py serve --demo --host $(HOST) --port $(PORT)

# A variable for a command, unless the environment or .env sets it.
default = $(if $(shell grep -sE '^(export +)?$(1)=' .env),,$(1)=$${$(1):-$(2)})
comma := ,
# The address under which other machines reach this one: of the interface to the internet, found without a packet.
reached = $(if $(filter 0.0.0.0,$(HOST)),$(shell $(PYTHON) -c "import socket; s = socket.socket(type=socket.SOCK_DGRAM); \
	s.connect(('192.0.2.1', 9)); print(s.getsockname()[0])" 2>/dev/null || echo localhost),localhost)

test: .venv/.dev  ## run the tests on SQLite, or with USE_POSTGRES=true REDIS_URL=… (ARGS goes to pytest)
	@$(BIN)/python -m pytest $(ARGS)

docs: .venv/.runtime webroot/docs/index.html  ## build the documentation, which is served at /docs/

# Each page has the navigation, so that all of them are written when one changes. Those that did not are not read again.
webroot/docs/index.html: $(wildcard docs/*.md docs/*/*.md docs/site/* docs/site/theme/* docs/site/theme/static/*) \
		docs/openapi.yaml docs/asyncapi.yaml CHANGELOG.md CONTRIBUTING.md bench/RESULTS.md common/reads/README.md \
		requirements-docs.txt
	@echo "Building the documentation"
	@$(BIN)/python -m sphinx -q -j auto -b dirhtml -c docs/site -d .venv/.doctrees docs webroot/docs
	@$(BIN)/python -m whitenoise.compress --quiet --no-brotli webroot
	@touch $@

reset-demo: .venv/.runtime  ## empty the embedded database and load the demo again (FORCE=yes allows PostgreSQL)
	@$(call default,DEBUG,true) $(BIN)/python manage.py demo --reset $(if $(filter yes,$(FORCE)),--force)

lint: .venv/.dev  ## check formatting, types, layers, migrations and the schema
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	git ls-files -z '*.py' ':!*/migrations/*' | xargs -0 $(BIN)/django-upgrade --target-version 5.2 --check
	$(BIN)/djlint --quiet --check --lint $$(git ls-files '*.html')
	$(BIN)/lint-imports
	$(BIN)/mypy .
	DEBUG=true $(BIN)/python manage.py makemigrations --check --dry-run
	@$(call production,check --deploy --fail-level WARNING)
	DEBUG=true $(BIN)/python manage.py spectacular --validate --fail-on-warn --file .venv/openapi.yaml
	@diff -u docs/openapi.yaml .venv/openapi.yaml || { echo "docs/openapi.yaml is stale: run make schema"; exit 1; }

redocly: docs/client/node_modules/.package-lock.json docs/client/generators/node_modules/.package-lock.json
redocly:  ## check docs/openapi.yaml by the rules of Redocly, and docs/asyncapi.yaml by AsyncAPI's parser; needs npm
	REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true \
	docs/client/node_modules/.bin/redocly lint --config docs/redocly.yaml docs/openapi.yaml

	node docs/client/generators/asyncapi.mjs docs/asyncapi.yaml

clients: .venv/.clients docs/client/generators/node_modules/.package-lock.json  ## walk a day with clients of each generator; needs npm
	$(BIN)/python -m pytest config/tests/test_typescript.py config/tests/test_generators.py $(ARGS)

%/node_modules/.package-lock.json: %/package-lock.json
	cd $* && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

# Run manage.py with the settings of a public host, which `check --deploy` needs.
production = SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(60))') \
	DEBUG=false ALLOWED_HOSTS=garage.example $(BIN)/python manage.py $(1)

schema: .venv/.dev  ## write docs/openapi.yaml, and docs/asyncapi.yaml for the sockets
	DEBUG=true $(BIN)/python manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml
	DEBUG=true $(BIN)/python manage.py asyncapi --write

release-schema: .venv/.dev schema  ## print what changed since the released schema, and record the present one
	DEBUG=true $(BIN)/python manage.py schema_changes --release

errors: .venv/.dev  ## write the table of docs/errors.md
	DEBUG=true $(BIN)/python manage.py error_codes --write

events: .venv/.dev  ## write the table of docs/events.md
	DEBUG=true $(BIN)/python manage.py event_types --write

examples: .venv/.dev  ## record the examples of the schema and of the tutorial from the demo data
	RECORD_EXAMPLES=1 $(BIN)/python -m pytest -q config/tests/test_examples.py config/tests/test_tutorial.py
	$(MAKE) schema

bench: .venv/.bench  ## compare with other frameworks and write bench/RESULTS.md (ARGS="chat" measures one part)
	@$(BIN)/python -m bench.run $(ARGS)

trust: .venv/.dev  ## try the promises of docs/security.md on real servers (ARGS="--short" or ARGS="--smoke" for fewer)
	@$(BIN)/python -m trust $(ARGS)

verify:  ## run all checks of a release with .ci/full, in about an hour and a half
	@.ci/full

lock: $(BIN)/uv  ## resolve requirements*.in into requirements*.txt, with hashes
	$(compile) requirements-uv.in -o requirements-uv.txt
	$(compile) requirements.in -o requirements.txt
	$(compile) --constraints requirements.txt requirements-docs.in -o requirements-docs.txt
	$(compile) --constraints requirements.txt requirements-dev.in -o requirements-dev.txt
	$(compile) --constraints requirements-dev.txt requirements-bench.in -o requirements-bench.txt
	$(compile) --constraints requirements-dev.txt requirements-clients.in -o requirements-clients.txt

# Resolve for all platforms and Python 3.11 or newer. The files contain no registry URLs.
compile = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

clean:  ## remove the installed packages, the embedded database and its files
	rm -rf .venv var staticfiles webroot db.sqlite3*

.venv/.runtime: requirements.txt requirements-docs.txt | $(BIN)/python
	@$(call install,$(if $(wildcard .venv/.dev),requirements-dev.txt,requirements.txt requirements-docs.txt))
	@touch $@

.venv/.dev: requirements-dev.txt requirements-docs.txt requirements.txt | $(BIN)/python
	@$(call install,requirements-dev.txt)
	@touch $@ .venv/.runtime

.venv/.bench: requirements-bench.txt requirements-dev.txt requirements.txt | $(BIN)/python
	@$(call install,requirements-bench.txt)
	@touch $@ .venv/.dev .venv/.runtime

.venv/.clients: requirements-clients.txt requirements-dev.txt requirements.txt | $(BIN)/python
	@$(call install,requirements-clients.txt)
	@touch $@ .venv/.dev .venv/.runtime

$(BIN)/uv: requirements-uv.txt | $(BIN)/python
	@$(call pip,requirements-uv.txt)
	@touch $@

# uv makes the environment equal to the file. Compiling saves 6 s at the first start. If uv cannot be installed, or finds no
# packages because only pip is configured with an index, pip installs the same file.
install = echo "Installing the packages of $(1) into .venv"; \
	{ $(MAKE) --no-print-directory $(BIN)/uv \
	  && $(BIN)/uv pip sync --python $(BIN)/python --require-hashes --compile-bytecode $(1); } \
	|| { echo "uv failed. pip installs instead, which takes a minute"; $(call pip,$(1)); }
pip = $(BIN)/python -m pip install --disable-pip-version-check --require-hashes $(addprefix -r ,$(1))

# A bare Debian lacks ensurepip. Use the system's pip instead, or install the venv package with apt if there is no pip.
$(BIN)/python:
	@echo "Making a virtual environment in .venv with $(PYTHON)"
	@$(PYTHON) -m venv .venv >/dev/null 2>&1 && $(BIN)/python -m pip --version >/dev/null 2>&1 \
	|| { rm -rf .venv && $(PYTHON) -m venv --without-pip .venv \
	     && $(PYTHON) -m pip --python $(BIN)/python install --quiet pip 2>/dev/null; } \
	|| { rm -rf .venv; test "$$(id -u)" = 0 && apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null \
	     && $(PYTHON) -m venv .venv; } \
	|| { rm -rf .venv; echo "Python cannot make a virtual environment: install python3-venv, then run make again."; exit 1; }
