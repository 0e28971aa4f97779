# Each target makes and fills .venv by itself. Packages come from wherever pip is set to look.
PYTHON ?= python3.11
BIN := .venv/bin
READY := .venv/.ready
SIDELIGHT_DATA ?= $(wildcard ../shared/data)
LOWEST := .venv-lowest
EXTRAS := dev,demo,text,image,combine,serve,postgres,client,ann
FAST := -m "not slow and not browser and not examples"
TORCH := $(shell grep '^torch==' constraints.txt)
BENCHMARKS := $(filter-out benchmarks/shape.py,$(shell grep -l "shape[.]start" benchmarks/*.py))

.PHONY: demo test test-lowest test-rest test-all check format bench docs changelog clean
.DELETE_ON_ERROR:

demo: $(READY)  ## The whole job on real groceries data: encode, fit, compare, recommend, explain.
	$(BIN)/sidelight demo --force

test: $(READY)  ## The fast tests; `check` runs the examples. Real data only if SIDELIGHT_DATA is set.
	$(BIN)/python -m pytest -q -n 2 --dist worksteal $(FAST)

# The test client of older releases of starlette uses a name that anyio deprecates; no bound of ours reaches it.
test-lowest: $(LOWEST)/.ready  ## The fast tests on the lowest versions that pyproject.toml allows.
	$(LOWEST)/bin/python -m pytest -q -n 2 --dist worksteal $(FAST) \
		-W "ignore:The anyio.abc.BlockingPortal alias is deprecated:DeprecationWarning"

test-rest: $(READY)  ## The slow tests, and those in a headless browser.
	$(BIN)/python -m pytest -q -n 2 --dist worksteal -m "(slow or browser) and not examples"

test-all: $(READY)  ## Every test.
	SIDELIGHT_DATA="$(SIDELIGHT_DATA)" $(BIN)/python -m pytest -q -n 2 --dist worksteal

check: $(READY)  ## Style, types, layers, budgets, and all examples.
	$(BIN)/ruff check --no-cache .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict src
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest -q tests/test_budgets.py tests/test_project.py
	$(BIN)/python -m pytest -q -n 2 --dist worksteal -m examples
	$(BIN)/python benchmarks/render.py --check

format: $(READY)  ## Put the source into the form that `check` asks for.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)  ## Every benchmark, then benchmarks/RESULTS.md from their results.
	@test -n "$(SIDELIGHT_DATA)" || { echo "make bench: set SIDELIGHT_DATA to the folder of data sets" >&2; exit 2; }
	set -e; for script in $(BENCHMARKS); do echo "$$script" >&2; \
		SIDELIGHT_DATA="$(SIDELIGHT_DATA)" $(BIN)/python $$script > /dev/null; done
	$(BIN)/python benchmarks/render.py

docs: $(READY)  ## The documentation site, in site/.
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

changelog: $(READY)  ## Move the fragments in changelog.d into CHANGELOG.md: make changelog VERSION=0.2.0.
	$(BIN)/towncrier build --yes --version "$(VERSION)"

clean:  ## Remove what tools left behind; .venv and .venv-lowest stay.
	rm -rf build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

# A virtual environment at $(1), unless it is there.
define environment
	@set -e; found=; for python in $(PYTHON) python3; do \
		if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then echo "make: Sidelight needs Python 3.11 or newer; found $$(python3 --version 2>&1);" \
		"install it, or name one: make PYTHON=/path/to/python3.11" >&2; exit 1; fi; \
	if ! $(1)/bin/python -m pip --version > /dev/null 2>&1; then "$$found" -m venv --clear $(1); fi
endef

# torch goes first and by exact version: anything else may pull gigabytes of GPU libraries.
$(READY): pyproject.toml constraints.txt
	$(call environment,.venv)
	$(BIN)/python -m pip install -q -c constraints.txt $(TORCH)
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[$(EXTRAS)]'
	@touch $@

# What the named packages need themselves is as new as they allow.
$(LOWEST)/.ready: pyproject.toml constraints.txt scripts/lowest.py
	$(call environment,$(LOWEST))
	$(LOWEST)/bin/python scripts/lowest.py $(EXTRAS) > $(LOWEST)/requirements.txt
	$(LOWEST)/bin/python -m pip install -q $(TORCH)
	$(LOWEST)/bin/python -m pip install -q --upgrade --upgrade-strategy eager -r $(LOWEST)/requirements.txt -e .
	@touch $@
