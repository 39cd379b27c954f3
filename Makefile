# The table of contents of the project: `make` prints it, people and .ci/run use the same targets.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.setup-stamp
.DEFAULT_GOAL := $(if $(EXE),program,help)
.PHONY: help setup play view test test-all learn-check check bench program binary binary-test clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' Makefile

setup: $(STAMP) ## create .venv and install everything into it (once; PYTHON=python3.12 picks another)
	@:

# Everything goes to stderr: `make play` is a UCI engine, and its stdout belongs to the protocol.
$(STAMP): setup.cfg pyproject.toml constraints.txt
	@echo 'setup: installing into .venv, about a minute' >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv >&2
	@$(BIN)/python -m pip install -qq --disable-pip-version-check \
	    --constraint constraints.txt --editable '.[train,dev]' >&2
	@echo 'setup: compiling the network, some seconds' >&2
	@printf 'uci\nisready\n' | $(BIN)/python uci_main.py >/dev/null # so that a chess program need not wait for it
	@touch $@

play: $(STAMP) ## speak UCI on the terminal: type `uci`, `position startpos`, `go`, `quit`
	@exec $(BIN)/python uci_main.py

view: $(STAMP) ## see it think: open the page on this machine
	@exec $(BIN)/python uci_main.py view

test: $(STAMP) ## run the fast tests
	@$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

test-all: $(STAMP) ## run the slow tests too
	@$(BIN)/python -m pytest -m 'not gpu and not teacher and not browser and not binary and not cluster'

learn-check: $(STAMP) ## learn games from nothing and check how well they are played, over an hour
	@$(BIN)/recursezero learn-check

check: $(STAMP) ## check format, lint, types and layout
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest tests/test_layout.py

bench: $(STAMP) ## measure time and outputs of a move, and the training step beside a plain one
	@$(BIN)/recursezero bench
	@$(BIN)/recursezero bench --training

# In an environment of its own: what else is installed would find its way into the program.
binary: ## build dist/recursezero, a folder with the program, which needs no Python
	@test -x build/venv/bin/python || $(PYTHON) -m venv build/venv
	@build/venv/bin/python -m pip install -qq --disable-pip-version-check \
	    --constraint constraints.txt --editable '.[binary]'
	@build/venv/bin/pyinstaller --noconfirm --log-level WARN --distpath dist --workpath build/binary .ci/recursezero.spec
	@tar -C dist -cf - recursezero | xz -6 -T0 > dist/recursezero.tar.xz
	@du -sm dist/recursezero dist/recursezero.tar.xz

binary-test: $(STAMP) ## test the program that `make binary` has built
	@$(BIN)/python -m pytest -m binary tests/test_binary.py

program: ## build EXE=FILE, which starts an installation of this version: what OpenBench calls
	@test -n '$(EXE)' || { echo 'program: expected EXE=FILE, the file to write' >&2; exit 2; }
	@.ci/openbench-program '$(PYTHON)' '$(EXE)'

clean: ## remove caches and build products; .venv, weights, data and runs stay
	@rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
