# make run      builds .venv if needed, then trains and scores the main method on the main task
# make test     lint, types and the fast tests (minutes);   make slow   the studies
# make browser  the site's tests in a Chromium that is installed (adds Playwright's Python package to .venv)
# make boards   whether the boards' tables and figures are what their records give (minutes)
# make bench    the committed benchmarks;   make bench-peers   the metrics beside other libraries'
#
# On Linux pip's default torch is the CUDA build (gigabytes). For the CPU build:
#   make run PIP_FLAGS="--extra-index-url https://download.pytorch.org/whl/cpu"

PYTHON ?= python3
PIP_FLAGS ?=
WORKERS ?= 2
BIN := .venv/bin

# Two workers with one thread each: more threads per worker only make two cores wait for each other.
THREADS := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false

.DEFAULT_GOAL := run
.PHONY: run test lint fast slow browser boards bench bench-peers clean

.venv/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install $(PIP_FLAGS) -c constraints.txt -e '.[dev]'
	touch $@

run: .venv/.ready
	$(BIN)/morlbench run --method moe-cmab --task fluency-vs-helpfulness

test: lint fast

lint: .venv/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fast: .venv/.ready
	$(THREADS) $(BIN)/pytest -n $(WORKERS) --dist loadfile

slow: .venv/.ready
	$(BIN)/pytest -m slow --benchmark-skip

browser: .venv/.ready
	@command -v chromium || command -v chromium-browser || command -v google-chrome || { echo "no Chromium on the path"; exit 1; }
	$(BIN)/pip install -c constraints.txt playwright
	$(THREADS) $(BIN)/pytest tests/test_site_browser.py

boards: .venv/.ready
	$(THREADS) $(BIN)/morlbench rank exact --check && $(THREADS) $(BIN)/morlbench rank text --check

bench: .venv/.ready
	$(BIN)/pytest tests/benchmark -o addopts= --benchmark-only -s

# Other libraries go into a folder of their own, without their dependencies (torch among them).
build/peers/.ready: tests/benchmark/peers.txt .venv/.ready
	$(BIN)/pip install --no-deps --upgrade --target build/peers -r $<
	touch $@

bench-peers: build/peers/.ready
	OMP_NUM_THREADS=1 PYTHONPATH=build/peers $(BIN)/pytest tests/benchmark/bench_peers.py -o addopts= -q

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
