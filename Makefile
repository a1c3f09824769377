# Everything sets itself up: `make run` and `make test` need Python 3.11 or newer, and nothing else.
BIN := .venv/bin
LOCK = .tools/bin/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
	--no-emit-index-url --no-annotate --no-header $(LOCKFLAGS)
# One more than the two cores this is made for: many tests wait for a process or a clock. Long ones that are left move on.
PYTEST_FLAGS ?= -n 3 --dist worksteal
export PYTHON

# An environment that was moved, or whose Python is gone, is made anew.
usable := $(shell $(BIN)/python -c '' 2>/dev/null && [ "$$(cat .venv/.root 2>/dev/null)" = "$$(pwd)" ] && echo yes)
stale := $(if $(usable),,stale)

.PHONY: help env run test types tests coverage bench faults gallery lock clean stale
.DEFAULT_GOAL := help

help:
	@echo "make run     set up if need be, then run the bot (paperround run)"
	@echo "make test    set up if need be, then ruff, mypy and every test; make coverage tries ten times the examples, and says which lines are reached"
	@echo "make env     set up only: .venv with $(BIN)/paperround"
	@echo "make bench   measure"
	@echo "make faults  kill, stall, refuse and freeze, and count what is lost or doubled (FAULTS='kills --short')"
	@echo "make gallery  send every message and button to the tests' platforms, judge them, draw them in gallery/"
	@echo "make lock    write requirements/*.txt anew (LOCKFLAGS=--upgrade for newer versions)"
	@echo "make clean   take away what make brought; your data and configuration stay"
	@echo "PYTHON=python3.12 chooses the Python of a new .venv."

env: .venv/.run

.venv/.run: requirements/run.txt requirements/uv.txt requirements/install pyproject.toml $(stale)
	@requirements/install run

.venv/.dev: requirements/dev.txt .venv/.run
	@requirements/install dev

run: env
	@$(BIN)/paperround run

test: .venv/.dev
	$(BIN)/ruff check .
	@$(MAKE) --no-print-directory -j2 types tests

types: .venv/.dev
	$(BIN)/mypy

tests: .venv/.dev
	$(BIN)/python -m pytest $(PYTEST_FLAGS)

coverage: .venv/.dev
	PAPERROUND_EXAMPLES=thorough $(BIN)/python -m pytest --cov=bot --cov=adapters --cov=storage --cov-report=term:skip-covered $(PYTEST_FLAGS)

.venv/.bench: requirements/bench.txt .venv/.dev
	@requirements/install bench

bench: .venv/.bench
	$(BIN)/python -m tests.bench

faults: .venv/.dev
	$(BIN)/python -m tests.faults $(FAULTS)

# Pictures need a Chromium; where there is none it says what to install and writes the pages all the same.
gallery: .venv/.dev
	$(BIN)/python -m tests.gallery $(GALLERY)

.tools/bin/uv: requirements/uv.txt
	@python=$${PYTHON:-python3}; "$$python" -m venv .tools
	@.tools/bin/python -m pip install --quiet --require-hashes -r requirements/uv.txt
	@touch $@

# hatchling and editables are in run.txt so that the project installs without an isolated, unlocked build.
lock: .tools/bin/uv
	printf 'hatchling>=1.26\neditables>=0.5\n' | $(LOCK) -o requirements/run.txt pyproject.toml -
	$(LOCK) -c requirements/run.txt --group dev -o requirements/dev.txt pyproject.toml
	$(LOCK) -c requirements/dev.txt --group bench -o requirements/bench.txt
	echo uv | $(LOCK) -o requirements/uv.txt -

clean:
	rm -rf .venv .tools .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage* bench-results gallery
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
