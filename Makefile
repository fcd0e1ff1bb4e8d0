# Two commands do everything on a fresh machine: `make explore` and `make test`.
# Everything is installed into .venv and node_modules; nothing outside the clone is touched, but
# for Debian's Chromium, which the browser tests install when there is none and they may.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# On every core, so a thread each; what is not run is not imported either. Browser tests wait for
# pages and kernels, so there are three at a time; who has none left takes from the others, whose
# files may hold the longest.
PYTEST_FAST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --ignore tests/browser --ignore tests/compat
BUNDLE := widget/induction_explorer/static/widget.js
JS_SOURCES := $(shell find js -type f) package.json package-lock.json tsconfig.json

.PHONY: explore test check compat build contract lint types page-tests fast-page-tests fast-tests enforced-tests bench others screenshots docs mutants chromium dist clean

explore: build
	$(BIN)/python tools/explore.py $(ARGS)

# Side by side: none of them keeps every core at work by itself.
SIDE_BY_SIDE := --no-print-directory --jobs=2 --output-sync

test: build chromium
	$(MAKE) $(SIDE_BY_SIDE) enforced-tests lint types page-tests
	$(PYTEST_FAST) -m "not enforced"
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/browser -n 3 --dist worksteal

# Leaves to `make test`: slow tests, browser tests, the shapes in the kernels' signatures, and of what
# is tested on many models, lengths or faults all but two.
check: build
	$(MAKE) $(SIDE_BY_SIDE) fast-tests lint types fast-page-tests

# Other Pythons and other versions of what we stand on, in environments kept in build/compat/, and
# other hosts. PYTHONS="/path/to/python3.13 ..." names interpreters that are not on PATH.
compat: build chromium .venv/compat tests/compat/vscode/node_modules/installed
	PYTHONS="$(PYTHONS)" $(BIN)/python -m pytest -m compat $(ARGS)

build: $(BUNDLE) .venv/installed

# After a change to what can be asked of a checkpoint.
contract: .venv/installed
	$(BIN)/python tools/contract.py
	node js/options.mjs

lint: .venv/installed build/schemas
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# Seldom changed, and as long to check as all else is to lint.
build/schemas: .venv/installed CITATION.cff $(wildcard .github/*.yml .github/workflows/*.yml)
	$(BIN)/check-jsonschema -q --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema -q --builtin-schema vendor.citation-file-format CITATION.cff
	$(BIN)/zizmor --quiet --offline .github
	mkdir -p build && touch $@

types: .venv/installed node_modules/installed
	$(BIN)/mypy
	npm run --silent check

page-tests: build
	npm run --silent test

# Those of slow files draw the whole page by the dozen.
fast-page-tests: build
	npm run --silent test -- --exclude '**/*.slow.test.ts'

fast-tests: build
	$(PYTEST_FAST) -m "not slow" --cases 2

# The kernels' fast tests with every shape in their signatures enforced, which takes them half as
# long again: of a test with many cases three, other ones in each test. What is not marked so runs
# without.
enforced-tests: build
	$(PYTEST_FAST) tests/kernels -m enforced --jaxtyping-packages=induction_kernels,beartype.beartype

bench: build chromium
	$(BIN)/python tests/benchmarks/speed.py --json docs/performance.json
	$(BIN)/python tests/benchmarks/gpu.py --json docs/performance-gpu.json
	$(BIN)/python tests/benchmarks/report.py
	$(BIN)/python tests/benchmarks/first.py
	$(BIN)/python tests/benchmarks/scrub.py
	$(BIN)/python tests/benchmarks/hover.py
	$(BIN)/python tests/benchmarks/rank.py
	$(BIN)/python tests/benchmarks/recording.py
	$(BIN)/python tests/benchmarks/sweeps.py

# Beside CircuitsVis and BertViz, which is installed for it alone with the scripts that it loads.
others: build chromium build/others/installed
	$(BIN)/python tests/benchmarks/others.py --json docs/performance-others.json $(ARGS)
	$(BIN)/python tests/benchmarks/report.py

# Hours, and no part of `make test`; what it takes is installed for it alone.
mutants: build .venv/mutants tools/mutants/node_modules/installed
	$(BIN)/python tools/mutants/mutants.py $(ARGS)

# A site in build/docs/site; what it takes is installed for it alone. Then its faults: links that
# lead nowhere, and whatever would be fetched from elsewhere.
docs: build .venv/docs
	$(BIN)/python tools/pages/build.py

screenshots: build chromium
	$(BIN)/python tools/screenshots.py

chromium: .venv/installed
	$(BIN)/python tools/chromium.py

# pip first: dependency groups came with 25.1. Then torch, by its exact version: asked for by range,
# the registry's newest build brings gigabytes of CUDA.
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Name one with make PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(PIP) "$$(grep '^pip==' constraints.txt)"
	$(PIP) "$$(grep '^torch==' constraints.txt)"
	$(PIP) --constraint constraints.txt --editable '.[all]' --group dev
	touch $@

node_modules/installed: package.json package-lock.json
	@command -v npm >/dev/null || { echo "Node.js 20 or newer is needed to build the widget, and npm was not found. Install Node.js (on Debian: apt install nodejs npm), or install the released wheel, which needs none." >&2; exit 1; }
	npm ci --no-audit --no-fund
	touch $@

.venv/mutants: .venv/installed tools/mutants/constraints.txt
	$(PIP) --constraint constraints.txt --constraint tools/mutants/constraints.txt --group mutants
	touch $@

.venv/docs: .venv/installed tools/pages/constraints.txt
	$(PIP) --constraint constraints.txt --constraint tools/pages/constraints.txt --group docs
	touch $@

.venv/compat: .venv/installed tests/compat/constraints.txt
	$(PIP) --constraint constraints.txt --constraint tests/compat/constraints.txt --group compat
	touch $@

tests/compat/vscode/node_modules/installed: tests/compat/vscode/package.json tests/compat/vscode/package-lock.json
	npm ci --prefix tests/compat/vscode --ignore-scripts --no-audit --no-fund
	touch $@

build/others/installed: tests/benchmarks/others/package-lock.json tests/benchmarks/others/constraints.txt
	$(PIP) --no-deps --target build/others --upgrade --requirement tests/benchmarks/others/constraints.txt
	cp tests/benchmarks/others/package*.json build/others
	npm ci --prefix build/others --no-audit --no-fund
	touch $@

# Beside the project's own, in which it finds Vitest.
tools/mutants/node_modules/installed: tools/mutants/package.json tools/mutants/package-lock.json node_modules/installed
	npm ci --prefix tools/mutants --no-audit --no-fund
	touch $@

$(BUNDLE): $(JS_SOURCES) node_modules/installed
	npm run --silent build

dist: build
	rm -rf dist
	$(BIN)/python -m build

clean:
	rm -rf .venv node_modules tools/mutants/node_modules tests/compat/vscode/node_modules widget/induction_explorer/static dist build
