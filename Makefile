# Needs only a clone and Python 3.11 or newer; the environment is made on first use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO ?= runs/demo

PYTHONS := 3.11 3.12 3.13

.PHONY: demo test faults pythons docs lint format clean

$(VENV)/installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("grokjax needs Python 3.11 or newer, got " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

demo: $(VENV)/installed  ## train eight seeds of the notebook's network until they grok
	$(BIN)/python experiments/seeds.py --seeds 8 --out $(DEMO)

test: $(VENV)/installed
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not fault"

faults: $(VENV)/installed  ## kills, failing disks, random settings, hostile files: as long again
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m fault

pythons:  ## run the tests on each installed Python, in separate environments
	@for version in $(PYTHONS); do \
	  export PYENV_VERSION=$$version; \
	  python$$version -c '' 2>/dev/null || { echo "Python $$version is not installed"; continue; }; \
	  $(MAKE) test faults PYTHON=python$$version VENV=$(VENV)-$$version || exit 1; \
	done

docs: $(VENV)/installed  ## the guide and the reference, as HTML in site/
	$(BIN)/python -m grokjax.guide.site site

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

format: $(VENV)/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf site $(VENV) $(PYTHONS:%=$(VENV)-%) .pytest_cache .hypothesis .ruff_cache
