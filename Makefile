# What there is to do here. `make help` lists it.
# A Python 3.11 or 3.12; unset: the first that is found under any name.
PYTHON ?=
BIN := .venv/bin
# torch comes from the CPU index or a local folder where one is configured; see CONTRIBUTING.md
TORCH_ARGS ?=
# Python keeps what it has compiled, whatever the environment says: the tests start hundreds of processes, and each
# would compile a thousand modules again.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help install install-dev serve test test-light test-export test-slow coverage acceptance drills lint types style docs format bench openapi lock verify-full-size verify-coqui evaluate-starter evaluate-voices engines

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 20

WAVES := frontend/playground/vendor/wavesurfer.js
AXE := work/axe/axe.min.js
install: .venv/.serve $(WAVES) ## install what serving needs into .venv
install-dev: .venv/.dev $(WAVES) $(AXE) ## install what the tests and the exporter need, too

.venv/.serve: requirements/serve.txt pyproject.toml
	@test -x $(BIN)/python || { python=$$(sh requirements/find_python.sh $(PYTHON)) && "$$python" -m venv .venv; }
	@echo "installing what serving needs into .venv, once"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check uv==0.13.8
	@$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --require-hashes -r requirements/serve.txt
	@$(BIN)/uv pip install -q --python $(BIN)/python --no-deps -e .
	@touch $@

.venv/.dev: .venv/.serve requirements/dev.txt
	$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install -q --no-deps $(TORCH_ARGS) torch==2.13.0
	touch $@

# Left out where no npm registry is reached; the page says so.
$(WAVES): frontend/playground/packages.json | .venv/.serve
	@$(BIN)/python -m frontend.playground.fetch wavesurfer.js $(@D)

$(AXE): frontend/playground/packages.json | .venv/.serve
	@$(BIN)/python -m frontend.playground.fetch axe-core $(@D)

serve: install ## start Triton and the frontend, and say where
	@$(BIN)/tritone up --quiet

BY_FILE := --dist loadfile --no-loadscope-reorder # the tests of a file share what they start
TRITON_TESTS := tests/acceptance
EXPORT_TESTS := tests/export
SLOW_TO_IMPORT := tests/starter tests/benchmarks tests/backends/transformers tests/backends/tokenizer/test_encoding.py \
	tests/test_families.py tests/tritone/test_engines.py tests/tritone/test_schedules.py tests/tritone/families/test_ace_step.py \
	tests/frontend/contracts/test_openapi.py
APART := $(TRITON_TESTS) $(EXPORT_TESTS) $(SLOW_TO_IMPORT)
COUNTED := -p tests.line_probes # the lines that they run
PYTEST = $(BIN)/python -m pytest -m "not drill"
test: install-dev ## run every test but the drills, those against a real Triton included; count the lines that they run
	@$(MAKE) --no-print-directory -j3 test-in-turn export-beside slow-beside
	@$(MAKE) --no-print-directory coverage

.PHONY: test-in-turn
test-in-turn: install-dev
	@$(MAKE) --no-print-directory test-light
	@$(MAKE) --no-print-directory acceptance
%-beside: install-dev # what it says comes in one piece
	@mkdir -p build
	@$(MAKE) --no-print-directory test-$* > build/$*.log 2>&1; status=$$?; cat build/$*.log; exit $$status

test-light: install-dev ## run the tests that need no Triton and import fast
	@rm -rf build/lines
	$(PYTEST) tests $(COUNTED) -p no:schemathesis -n 2 $(BY_FILE) $(addprefix --ignore=,$(APART))

# To import torch, or to think of requests to the whole API, takes each process tens of seconds: one process for each,
# in the time that the others leave.
test-export: install-dev ## run the exporter's tests
	nice -n 10 $(PYTEST) -q -p no:schemathesis $(EXPORT_TESTS)

test-slow: install-dev ## run the other tests that import slowly
	nice -n 10 $(PYTEST) -q $(SLOW_TO_IMPORT)

coverage: install-dev ## fail where the last `make test` ran less than 90 % of the lines
	$(BIN)/coverage combine -q --keep && $(BIN)/coverage report

acceptance: install-dev ## run the tests against a real Triton only
	$(PYTEST) $(TRITON_TESTS) -q -p no:schemathesis -n 2 $(BY_FILE)

drills: install-dev ## run the long editions of the tests under load (about two hours)
	$(BIN)/python -m pytest -s -m drill

PROSE := '*.py' '*.md' '*.sh' '*.toml' '*.yaml' '*.yml' '*.mjs' '*.sql' Makefile
lint: install-dev ## check style, types, the direction of imports, spelling, the documents' links and line lengths
	@$(MAKE) --no-print-directory -j2 --output-sync=target types style docs

types: install-dev
	$(BIN)/mypy tritone backends export frontend ops starter benchmarks deploy examples tests

style: install-dev
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/lint-imports
	git ls-files -z $(PROSE) | xargs -0 $(BIN)/codespell
	! git ls-files -z '*.md' | LC_ALL=C.UTF-8 xargs -0 grep -nE '^.{121,}' # longer than 120 characters

docs: install-dev ## build the documents as a site into build/site; a link that leads nowhere fails
	@rm -rf build/docs && mkdir -p build/docs
	@git ls-files -z '*.md' '*.png' docs examples | xargs -0 cp --parents -t build/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

format: install-dev ## rewrite the code in the house style
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

bench: install-dev ## measure everything beside its peers (about 45 minutes), results in benchmarks/results/
	$(BIN)/python -m benchmarks all $(BENCH_ARGS)

openapi: install-dev ## write docs/openapi.json anew; a test compares it, review its diff
	$(BIN)/python -m frontend.openapi > docs/openapi.json

lock: ## compile requirements/*.txt from pyproject.toml
	sh requirements/compile.sh

verify-full-size: install-dev ## export and verify full-size models with random weights (about 12 GB, not in CI)
	$(BIN)/python -m export.full_size

# coqui-tts brings a hundred packages that nothing else needs. torchaudio's C++ parts fit no torch for CPUs, and what
# speaks here calls none of them: without them it loads.
build/coqui/.made: requirements/dev.txt requirements/coqui.txt | .venv/.dev
	$(BIN)/python -m venv --clear build/coqui
	$(BIN)/uv pip install -q --python build/coqui/bin/python --no-deps --require-hashes -r requirements/dev.txt
	$(BIN)/uv pip install -q --python build/coqui/bin/python --no-deps --require-hashes -r requirements/coqui.txt
	build/coqui/bin/python -m pip install -q --no-deps $(TORCH_ARGS) torch==2.13.0
	$(BIN)/uv pip install -q --python build/coqui/bin/python --no-deps -e .
	rm -f build/coqui/lib/python3.*/site-packages/torchaudio/lib/*.so
	touch $@

verify-coqui: build/coqui/.made ## compare exported voices of coqui with coqui-tts itself (2 GB of packages, not in CI)
	build/coqui/bin/python -m pytest -q tests/export/test_coqui.py

evaluate-voices: install-dev ## judge the voices by what a machine hears, write starter/VOICES.md
	$(BIN)/python -m benchmarks.voices

engines: install-dev ## build each engine that needs an environment of its own (about 5 GB), and try it
	$(BIN)/python -m pytest -s -p no:schemathesis tests/engines/drill_engines.py

evaluate-starter: install-dev ## measure the bundled checkpoint, write starter/EVALUATION.md
	$(BIN)/python -m starter evaluate
