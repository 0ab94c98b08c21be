# Every command of the README and of CI. Nothing but Python >= 3.11 and make is needed; servers come as Python wheels.
PYTHON ?= python3
PORT ?= 8400
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile

# Whoever starts the bot as often as the tests do wants what Python has compiled kept.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lint fix bench rows crash mutants lock clean

.venv: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Steward needs Python 3.11 or newer; name one with make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	# uv installs the lock ten times as fast; its own entry of the lock, hashes included, brings it in. Where it does not reach
	# an index that pip is configured for, pip installs the same files.
	sed -n '/^uv==/,/^    # via/p' requirements.lock > .venv/uv.txt
	$(PIP) --require-hashes -r .venv/uv.txt
	UV_HTTP_TIMEOUT=20 $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock || $(PIP) --require-hashes -r requirements.lock
	$(PIP) --quiet --no-build-isolation --no-deps -e .
	touch .venv

demo: .venv
	$(BIN)/steward demo --port $(PORT)

test: .venv
	$(BIN)/python -m pytest -n 3 --dist loadgroup

lint: .venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .

fix: .venv
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv
	$(BIN)/python -m tests.bench

rows: .venv
	$(BIN)/python -m tests.rows

crash: .venv
	$(BIN)/python -m tests.crash

# About half an hour on two cores; what was killed is remembered in mutants/ until its function or its tests change.
mutants: .venv
	$(BIN)/python -m tests.mutants

# Resolves both locks anew from pyproject.toml: all extras, and what an image needs. No index address is written.
COMPILE := $(BIN)/uv pip compile --quiet pyproject.toml --universal --generate-hashes --no-emit-index-url --python-version 3.11 --custom-compile-command "make lock"
lock: .venv
	$(COMPILE) --all-extras -o requirements.lock
	$(COMPILE) --constraint requirements.lock -o requirements.serve.lock

clean:
	rm -rf .venv mutants .mypy_cache .ruff_cache .pytest_cache .hypothesis
