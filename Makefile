# make distill   the whole project: train the teacher, distil, evaluate, report, package
# make test      what CI runs: lint, types, tests
# make test-oldest  the tests with the oldest versions that setup.cfg allows
# make release   sdist and wheel in dist/, checked; nothing is uploaded
# make test-long  the tests that `make test` leaves out because others of their kind are there
# make test-browser  the report's page in a headless Chromium, which it installs if there is none
# make lint      ruff only          make format   let ruff rewrite
# make clean     remove the environment, caches and build products (not what was trained)
#
# PYTHON  the interpreter that makes the environment           make test PYTHON=python3.12
# VENV    where the environment is                             make test VENV=/tmp/skd
# OLDEST  where that of the oldest versions is                 make test-oldest OLDEST=/tmp/old
# VARS    passed to `spacy project run distill`, by default a   make distill VARS="--vars.lang de"
#         small demonstration

PYTHON ?= python3
VENV ?= .venv
OLDEST ?= .venv-oldest
# A demonstration: less text and two thirds of the training that it is worth.
VARS ?= --vars.demo_words 80000 --vars.effort 0.65
WORKERS ?= 2

BIN := $(VENV)/bin
PIP_OPTIONS := --disable-pip-version-check --progress-bar off
PIP := $(BIN)/python -m pip install $(PIP_OPTIONS) -c constraints.txt
REQUIREMENTS := setup.cfg pyproject.toml constraints.txt

# One BLAS thread per test process: small matrices gain nothing from more, and workers would share
# the cores. No model is fetched: what tests need is installed or made.
TEST_ENV := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false \
	HF_HUB_OFFLINE=1

.PHONY: distill test test-long test-oldest test-browser release lint format clean
.NOTPARALLEL:
.DELETE_ON_ERROR:

distill: $(VENV)/.distill
	$(BIN)/python -m spacy project run distill . $(VARS)

test: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(TEST_ENV) $(BIN)/python -m pytest -n $(WORKERS)

# Ray's data sets need pandas and pyarrow, with which every process that imports scikit-learn takes
# seconds more to start.
test-long: $(VENV)/.test
	$(PIP) "ray[data]"
	$(TEST_ENV) $(BIN)/python -m pytest -n $(WORKERS) -m long

test-oldest: $(OLDEST)/.test
	$(TEST_ENV) $(OLDEST)/bin/python -m pytest -n $(WORKERS)

release: $(VENV)/.test
	rm -rf dist build
	$(BIN)/python -m build --no-isolation .
	$(BIN)/python -m twine check --strict dist/*
	$(BIN)/python tests/released.py dist

test-browser: $(VENV)/.browser
	$(TEST_ENV) SKD_BROWSER=fetch $(BIN)/python -m pytest -m browser tests/browser

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# A stamp is touched only after pip succeeded, so a failed or interrupted set-up is taken up again.
$(VENV)/.made:
	$(PYTHON) -m venv --clear $(VENV)
	touch $@

$(VENV)/.distill: $(VENV)/.made $(REQUIREMENTS)
	$(PIP) -e ".[demo,report]"
	touch $@

# What the tests need includes what `make distill` needs: both stamps.
$(VENV)/.test: $(VENV)/.made $(REQUIREMENTS)
	$(PIP) -e ".[dev,demo,report]"
	touch $(VENV)/.distill $@

# Made anew each time: an update in place would leave what is newer.
$(OLDEST)/.test: setup.cfg pyproject.toml tests/oldest.py
	$(PYTHON) -m venv --clear $(OLDEST)
	$(PYTHON) tests/oldest.py > $(OLDEST)/constraints.txt
	$(OLDEST)/bin/python -m pip install $(PIP_OPTIONS) -c $(OLDEST)/constraints.txt -e ".[dev]"
	touch $@

# Debian's Chromium where there is none and we may install it; else Selenium fetches one. axe-core
# checks the page for people who do not see it, or not well.
$(VENV)/.browser: $(VENV)/.test
	$(PIP) -e ".[browser]"
	npm install --prefix $(VENV)/axe --no-save --no-fund --no-audit axe-core@4
	command -v chromium || command -v google-chrome || \
		{ apt-get update && apt-get install -y chromium chromium-driver; } || true
	touch $@

clean:
	rm -rf $(VENV) $(OLDEST) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
