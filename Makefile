# make demo | test | slow | check | clean: needs Linux, Python 3.11 or newer and make; uv is used where it is present.

PYTHON ?= python3
DEMO_FROM ?= 2013-06-01
DEMO_TO ?= 2013-07-31

BATCHOPS := .venv/bin/batchops
NIGHTS := --from $(DEMO_FROM) --to $(DEMO_TO)
TEST := .venv-test/bin/python
# Where memory serves as a disk and has the room, what tests sync to it costs nothing: most of a small night is that.
ROOM := $(shell df --output=avail -k /dev/shm 2>/dev/null | awk 'NR == 2 && $$1 > 8000000 { print "PYTEST_DEBUG_TEMPROOT=/dev/shm" }')
PYTEST := $(ROOM) $(TEST) -m pytest -q -n 2
# Files, not tests, are shared out: what a file's tests share is made once. In their own order, which ends with small
# ones: by the number of their tests, files of one long test would come last, and alone.
FAST := $(PYTEST) --dist loadfile --no-loadscope-reorder
SLOW := $(PYTEST) --dist worksteal -m slow

# Modules that were read once are kept compiled, whatever the caller's shell says: there are some thousand processes.
unexport PYTHONDONTWRITEBYTECODE

# As batchops does for itself: OpenMP threads that wait would spin, and take the cores from the other worker.
export OMP_WAIT_POLICY := PASSIVE

# The locks name everything with its hash, so nothing is resolved here; what has to be built is built by the locked
# setuptools and hatchling, so that no build fetches others.
LOCKED := --no-deps --require-hashes
BUILT := --no-build-isolation

ifneq ($(shell command -v uv 2>/dev/null),)
new_venv = uv venv -q --python $(PYTHON) $(1)
install = uv pip install -q --python $(1)/bin/python
else
new_venv = $(PYTHON) -m venv $(1)
install = $(1)/bin/python -m pip install -q --disable-pip-version-check
endif

.PHONY: demo test slow check clean locks

.venv/stamp: requirements.lock requirements-build.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	@echo "Installing into .venv: half a minute to a few minutes, once"
	@rm -rf .venv
	@$(call new_venv,.venv)
	@$(call install,.venv) $(LOCKED) -r requirements-build.lock
	@$(call install,.venv) $(LOCKED) $(BUILT) -r requirements.lock
	@$(call install,.venv) --no-deps $(BUILT) -e .
	@touch $@

# The same environment with the test set laid over it: the presence of pandas, an oracle of the tests, makes importing
# pandera.polars take 1.7 s instead of 0.3 s, which every process of the demo would pay.
.venv-test/stamp: .venv/stamp requirements-test.lock
	@rm -rf .venv-test
	@$(call new_venv,.venv-test)
	@$(TEST) -c 'import sysconfig, sys; open(sysconfig.get_path("purelib") + "/runtime.pth", "w").write(f"import site; site.addsitedir({sys.argv[1]!r})\n")' \
		"$$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
	@$(call install,.venv-test) $(LOCKED) -r requirements-test.lock
	@touch $@

var/data/stamp: .venv/stamp jobs/flights_data.py
	@.venv/bin/python -m jobs.flights_data
	@mkdir -p $(@D) && touch $@

# Exit 3 means that a night failed a limit and was flagged. July's weather and destinations really lie outside what the
# model was trained on, and the demo is there to show that; anything else that is not 0 stops it.
demo: var/data/stamp
	@$(BATCHOPS) -q model show flights_delay@champion >/dev/null 2>&1 || $(BATCHOPS) train flights_delay
	@$(BATCHOPS) backfill flights_delay $(NIGHTS) || [ $$? -eq 3 ]
	@$(BATCHOPS) labels flights_delay $(NIGHTS) || [ $$? -eq 3 ]
	@$(BATCHOPS) status flights_delay

test: .venv-test/stamp
	@$(FAST)

slow: .venv-test/stamp
	@$(SLOW)

check: .venv-test/stamp
	@$(TEST) -m ruff format --check .
	@$(TEST) -m ruff check .
	@$(TEST) -m mypy
	@.venv-test/bin/lint-imports --no-logo
	@$(FAST)

clean:
	rm -rf .venv .venv-test var dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Only after pyproject.toml changed; needs uv. One version of each library for every supported Python.
COMPILE := uv pip compile -q --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --no-header
locks:
	$(COMPILE) --group build -o requirements-build.lock
	$(COMPILE) pyproject.toml --extra demo -c requirements-build.lock -o requirements.lock
	$(COMPILE) --group test -c requirements.lock -c requirements-build.lock -o requirements-test.lock
