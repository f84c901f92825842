# make run    start Stillroom on 127.0.0.1 (installs what it needs the first time)
# make test   all tests          make check   lint, format, types          make setup   install only

PYTHON ?= python3
PORT ?= 8501
BIN := .venv/bin
export HF_HUB_DISABLE_TELEMETRY := 1
export TOKENIZERS_PARALLELISM := false

.PHONY: run setup test check format

run: setup
	@echo "Stillroom is at http://127.0.0.1:$(PORT) (Ctrl-C stops it)"
	@$(BIN)/streamlit run app.py --server.port $(PORT)

setup: .venv/.ready
	@$(BIN)/python -m core prepare

.venv/.ready: requirements.txt requirements-nodeps.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 run"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing requirements (once, a few minutes) ..."
	@$(BIN)/pip install --disable-pip-version-check -q -r requirements.txt
	@$(BIN)/pip install --disable-pip-version-check -q --no-deps -r requirements-nodeps.txt
	@touch $@

.venv/.dev: .venv/.ready requirements-dev.txt
	@$(BIN)/pip install --disable-pip-version-check -q -r requirements-dev.txt
	@touch $@

test: .venv/.dev
	@$(BIN)/python -m core prepare
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
