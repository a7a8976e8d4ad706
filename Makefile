# The commands of a newcomer: `make demo` and `make test`. They need Python 3.11 or later and make, nothing else.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

# The words that are set on the command line or in the environment, even to nothing.
GIVEN  := $(foreach name,LOGO THEME,$(if $(filter command environment,$(firstword $(origin $(name)))),$(name)))
# More options of the demo: make demo ARGS="--num-palettes 3 --json"
ARGS   ?=

# Pass a person's words as typed: `value` stops make from expanding dollars, the environment stops the shell from
# expanding anything.
override LOGO := $(value LOGO)
override THEME := $(value THEME)
export LOGO THEME

# Print pip's last line every third second until pip ends, and its whole log if it fails. Ctrl-C ends pip, too.
INSTALL_LOG := $(VENV)/install.log
define TELL
pip=$$!; trap 'kill $$pip; exit 130' INT TERM; seconds=0; \
	while kill -0 $$pip 2>/dev/null; do \
		sleep 1; seconds=$$((seconds + 1)); \
		[ $$((seconds % 3)) -ne 0 ] || printf '%5d s  %.70s\n' $$seconds "$$(grep -v "^ *WARNING" $(INSTALL_LOG) | tail -n 1)"; \
	done; \
	wait $$pip || { cat $(INSTALL_LOG) >&2; exit 1; }
endef

.DEFAULT_GOAL := help
.PHONY: help install demo dev test check format clean bench-recolor

help: ## Show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | \
		while IFS="$$(printf '\t')" read -r target text; do printf '  make %-16s %s\n' "$$target" "$$text"; done

install: $(READY) ## Make the virtual environment with pinned dependencies

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; this is " + sys.version.split()[0] + ". Say which: make PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
		{ echo "no virtual environment could be made; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Installing into $(VENV), about a minute the first time:"
	@$(BIN)/python -m pip install --progress-bar off --disable-pip-version-check -e '.[local,dev,flower]' -c constraints.txt \
		> $(INSTALL_LOG) 2>&1 & $(TELL)
	@touch $@

demo: $(READY) ## Run the main job: LOGO="a fox leaping over a crescent moon" THEME="warm autumn, hand-made"
	@$(BIN)/concept-worker demo $(if $(filter LOGO,$(GIVEN)),--logo "$$LOGO") \
		$(if $(filter THEME,$(GIVEN)),--theme "$$THEME") $(ARGS)

dev: $(READY) ## Keep stack, workers, beat and Flower running until Ctrl-C
	@$(BIN)/concept-worker dev

# Most tests wait for servers, so run more processes than cores. Each has a stack of its own; a file's tests share one.
JOBS ?= 3
PARALLEL = -n $(JOBS) --dist loadfile --no-loadscope-reorder
.PHONY: test-fast test-queue test-slow
test: $(READY) ## Run the tests, JOBS=3 processes side by side
	$(BIN)/python -m pytest $(PARALLEL)

test-fast: $(READY) ## Run the tests that start no server
	$(BIN)/python -m pytest $(PARALLEL) tests/unit

test-queue: $(READY) ## Run the tests of each Celery setting: a worker with it beside one without
	$(BIN)/python -m pytest tests/integration/queue

test-slow: $(READY) ## Run the tests and print the twenty slowest
	$(BIN)/python -m pytest $(PARALLEL) --durations=20

.PHONY: test-oracle test-contract bench-stack
test-oracle: $(READY) ## Compare the embedded Supabase with the real PostgREST (needs npm)
	$(BIN)/python -m pytest -m oracle tests/contract

test-contract: $(READY) ## Run the supabase-py suite against any server: SUPABASE_URL=… SUPABASE_SECRET_KEY=…
	CONCEPT_CONTRACT_URL="$(SUPABASE_URL)" CONCEPT_CONTRACT_KEY="$(SUPABASE_SECRET_KEY)" \
		CONCEPT_CONTRACT_JWT_SECRET="$(SUPABASE_JWT_SECRET)" \
		CONCEPT_CONTRACT_PUBLISHABLE_KEY="$(SUPABASE_PUBLISHABLE_KEY)" \
		$(BIN)/python -m pytest tests/contract/test_client_rest.py tests/contract/test_client_storage.py

bench-stack: $(READY) ## Measure the embedded stack: start, select against PostgREST, twenty threads for 30 s
	$(BIN)/python -m benchmarks.devstack

SEED ?=
RUNS ?= 100
.PHONY: chaos
chaos: $(READY) ## Kill processes at random while tasks run, then count broken promises: SEED=7 RUNS=100
	$(BIN)/python -m tests.chaos --runs $(RUNS) $(if $(SEED),--seed $(SEED))
	$(BIN)/python -m tests.chaos.mutations

FAULTS ?= $(if $(DEEP),3,2)
SCHEDULE ?=
PART ?= faults
.PHONY: prove
prove: $(READY) ## Try every schedule of two faults: PART=faults|locks|between FAULTS=1 DEEP=1 SEED=7 SCHEDULE="10 worker dies"
	@$(BIN)/python -m tests.prove --part $(PART) --faults $(FAULTS) $(if $(DEEP),--deep --budget 1800) \
		$(if $(SEED),--seed $(SEED)) $(if $(SCHEDULE),--schedule '$(SCHEDULE)')

ONLY ?=
.PHONY: mutants
mutants: $(READY) ## Take each part of the SQL out or turn it, and see that tests or search notice: ONLY=claim_task
	@$(BIN)/python -m tests.prove.mutants $(if $(ONLY),--only "$(ONLY)")

check: $(READY) ## Check lint, types and the import contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench-recolor: $(READY) ## Measure recoloring beside k-means, a 3D table and the floor
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]' -c constraints.txt
	$(BIN)/python -m benchmarks.recolor $(ARGS)

format: $(READY) ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

LOCK := requirements/deploy.txt
.PHONY: lock
lock: $(READY) ## Write the packages of a deployment with their hashes to requirements/deploy.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[lock]' -c constraints.txt
	@mkdir -p $(dir $(LOCK))
	$(BIN)/uv pip compile pyproject.toml --extra flower --constraint constraints.txt --universal --python-version 3.11 \
		--generate-hashes --annotation-style line --custom-compile-command "make lock" --quiet --output-file $(LOCK)

clean: ## Delete all that make and the demo created: environment, local data, pictures
	rm -rf $(VENV) .concept-worker out .mypy_cache .ruff_cache .pytest_cache .hypothesis
