# Everything sets itself up: a clone and Python 3.11 or newer are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO ?= runs/demo

PYTHONS := 3.11 3.12 3.13

.PHONY: demo test faults pythons lint format clean

$(VENV)/installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("grokjax needs Python 3.11 or newer, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

demo: $(VENV)/installed  ## eight seeds of the notebook's network, trained until they grok
	$(BIN)/python experiments/seeds.py --seeds 8 --out $(DEMO)

test: $(VENV)/installed
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not fault"

faults: $(VENV)/installed  ## kills, failing disks, a fuzz of settings, hostile files: as long again
	$(BIN)/python -m pytest -n 2 --dist loadfile -m fault

pythons:  ## the tests on each of these Pythons that is here, in environments of their own
	@for version in $(PYTHONS); do \
	  export PYENV_VERSION=$$version; \
	  python$$version -c '' 2>/dev/null || { echo "there is no Python $$version here"; continue; }; \
	  $(MAKE) test faults PYTHON=python$$version VENV=$(VENV)-$$version || exit 1; \
	done

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

format: $(VENV)/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(PYTHONS:%=$(VENV)-%) .pytest_cache .hypothesis .ruff_cache
