# `make demo` sets up and runs the main job; `make test` sets up and runs every check; `make coverage` shows the
# lines that the tests of some rooms do not reach; `make screenshots` makes those of docs anew; `make faults`,
# `make crash` and `make soak` go on attacking it; `make wheel-demo` runs the demo from an installed wheel in an empty
# folder; `make dist` builds what is uploaded; `make docs` builds the site in docs/_build/html, and `make benchmarks` its
# page of measured figures.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test lint coverage screenshots faults crash soak wheel-demo dist docs benchmarks setup setup-dev clean

demo: setup
	$(BIN)/ckseq demo

# TESTED="signal storage" leaves out rooms whose tests ran already
test: lint
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder $(TESTED:%=--ignore=tests/%)

lint: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/numpydoc lint $$(find ckseq -name '*.py')
	$(BIN)/lint-imports --config setup.cfg
	$(BIN)/mypy

# apart from `make test`, because measuring makes the tests slower by a quarter; COVERED="learn models" for other rooms
COVERED ?= protocol signal sources storage tracking
coverage: setup-dev
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder $(COVERED:%=tests/%) $(COVERED:%=--cov=ckseq.%)

# thousands of damaged inputs; CKSEQ_FAULTS is their number for each source and kind of damage
faults: setup-dev
	CKSEQ_FAULTS=200 $(BIN)/python -m pytest -s tests/faults

# apart from `make test`, because it takes half an hour; CRASHES=50 for fewer, CKSEQ_SEED=1 for others
CRASHES ?= 200
crash: setup-dev
	CKSEQ_CRASHES=$(CRASHES) CKSEQ_FLIPS=2000 $(BIN)/python -m pytest -s tests/crash

# of a run on drawn faces: the report, a sequence and the explanations, in docs; look at them afterwards
screenshots: setup-dev
	CKSEQ_SCREENSHOTS=docs $(BIN)/python -m pytest tests/report/test_page_in_browser.py -k screenshots

# an hour of visitors of the page, good and bad, on this computer only
SOAK_S ?= 3600
soak: setup-dev
	CKSEQ_SOAK_S=$(SOAK_S) $(BIN)/python -m pytest -s tests/tasks/test_live.py -k visitors

wheel-demo:
	rm -rf wheel-demo build
	mkdir -p wheel-demo/work
	$(PYTHON) -m venv wheel-demo/venv
	wheel-demo/venv/bin/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir wheel-demo/dist .
	wheel-demo/venv/bin/python -m pip install --quiet --disable-pip-version-check "$$(ls wheel-demo/dist/*.whl)[networks]"
	cd wheel-demo/work && ../venv/bin/ckseq demo

dist: setup-dev
	rm -rf dist build
	$(BIN)/python -m build --outdir dist .
	$(BIN)/python -m twine check --strict dist/*

# a warning is an error; nothing is read from the network
docs: $(VENV)/installed-docs
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

benchmarks:
	$(PYTHON) docs/benchmarks.py

setup: $(VENV)/installed
setup-dev: $(VENV)/installed-dev

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "ckseq needs Python 3.11 or newer; say which with: make PYTHON=python3.11 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(BIN)/python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[networks]"
	touch $@

$(VENV)/installed-dev: $(BIN)/python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $@ $(VENV)/installed

$(VENV)/installed-docs: $(BIN)/python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[docs]"
	touch $@

clean:
	rm -rf docs/_build docs/auto_gallery docs/gallery/twin docs/gallery/twin.h5 docs/gallery/cv dist $(VENV) build *.egg-info wheel-demo .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
