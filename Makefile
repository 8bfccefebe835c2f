# Everything runs in .venv, made on first use from the hashes in requirements.lock; `make help` lists the targets.

BIN := .venv/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check --no-input
INSTALL := $(PIP) install --require-hashes --requirement
# hatchling comes out of the lock as well, so nothing unpinned is fetched to build the project itself.
INSTALL_PROJECT := $(PIP) install --no-build-isolation --no-deps --editable .
PYTEST := $(BIN)/python -m pytest --numprocesses logical --dist worksteal
COMPILE := .cache/uv/bin/uv --no-config pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-annotate --no-header $(if $(UPGRADE),--upgrade)

.PHONY: help demo test test-long check check-format check-lint check-types check-imports format lock bench pictures build clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

demo: .venv/run ## Take the whole tour offline, in ./promptlab-demo
	@$(BIN)/promptlab demo

test: .venv/dev ## Run the tests in parallel (ARGS="-k rating" runs some)
	@$(PYTEST) $(ARGS)

test-long: .venv/dev ## Run the tests that take minutes: kills, faults and outages in full
	@$(PYTEST) -m long $(ARGS)

check: check-format check-lint check-types check-imports ## Check format, lint, types and the direction of imports

check-format: .venv/dev
	@$(BIN)/ruff format --check --quiet

check-lint: .venv/dev
	@$(BIN)/ruff check --quiet

check-types: .venv/dev
	@$(BIN)/mypy --no-error-summary

check-imports: .venv/dev
	@$(BIN)/lint-imports --no-logo

format: .venv/dev ## Format the code and mend what lint can mend
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format --quiet

bench: .venv/dev ## Run the benchmarks (NAME=import_time runs one)
	@for name in $(or $(NAME),$(basename $(notdir $(wildcard bench/[a-z]*.py)))); do \
		$(BIN)/python -m bench.$$name || exit; \
	done

pictures: .venv/dev ## Make the pictures of the README anew, from a real run
	@$(BIN)/python docs/pictures/make.py

build: .venv/run ## Build wheel and sdist into dist/
	@$(BIN)/python -m hatchling build

lock: .cache/uv/made ## Pin new dependencies in requirements.lock (UPGRADE=1 renews every pin)
	@for part in run dev; do cp requirements.lock .cache/$$part.lock; done
	@printf 'hatchling\neditables\n' | $(COMPILE) pyproject.toml - --output-file .cache/run.lock >/dev/null
	@$(COMPILE) pyproject.toml --group dev --constraint .cache/run.lock \
		$$(sed -n 's/^\([a-z0-9-]*\)==.*/--no-emit-package \1/p' .cache/run.lock) \
		--output-file .cache/dev.lock >/dev/null
	@{ echo '# Made by `make lock` for every platform and Python >= 3.11.' && \
		echo '# Run: what promptlab needs, and what builds it.' && cat .cache/run.lock && \
		echo '# Development: what its tests and checks need besides.' && cat .cache/dev.lock; } > .cache/new.lock
	@cmp -s .cache/new.lock requirements.lock || cp .cache/new.lock requirements.lock

clean: ## Remove everything that these targets made
	@rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist promptlab-demo
	@find src tests bench migrations -name __pycache__ -prune -exec rm -rf {} +

# The stamps: a target installs only when the lock or the project's metadata is newer.

.venv/made:
	@for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
		if "$$python" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			"$$python" -m venv .venv && touch $@; exit; \
		fi; \
	done; \
	echo "promptlab needs Python 3.11 or newer with its venv module:" \
		"install python3 and python3-venv from your system's packages, or name one with PYTHON=/path/to/python3." >&2; \
	exit 1

.venv/run: .venv/made requirements.lock pyproject.toml
	@echo "Installing promptlab into .venv (once) ..."
	@sed '/^# Development/,$$d' requirements.lock > .venv/run.lock
	@$(INSTALL) .venv/run.lock
	@$(INSTALL_PROJECT)
	@touch $@

.venv/dev: .venv/run
	@echo "Installing what the tests and checks need (once) ..."
	@$(INSTALL) requirements.lock
	@touch $@

.cache/uv/made: .venv/made
	@$(BIN)/python -m venv .cache/uv
	@.cache/uv/bin/python -m pip -qq --disable-pip-version-check install uv
	@touch $@
