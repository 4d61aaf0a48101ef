# The front door. Needs Python >= 3.11 and make; everything else it sets up below this folder.
PYTHON ?= python3
CATALOGUE ?= catalogue
ARGS ?=
REGION ?= eu-west-1

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export PYTHONDONTWRITEBYTECODE := 1
export JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION := 1
# Two at a time, in the order of the folders; what a file's tests share is made once.
PARALLEL := -n 2 --dist loadfile --no-loadscope-reorder
# These wait more than they work; tests/end_to_end/conftest.py orders them and says which are apart.
WAITING := -n 4 --dist loadfile --no-loadscope-reorder
# What the emulators of a run asked IAM about.
CALLS := $(CURDIR)/.local/calls.jsonl
# tests/README.md has what each folder is for. Files that take long come first, so that both processes end together.
FAST := tests/second_opinion tests/infrastructure tests/security tests/engine tests/workflows tests/unit --ignore=tests/security/running
PIP := -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps
# A new environment (1) with these packages (2), installed by the pip that is pinned like all else.
define environment
@$(PYTHON) -m venv --clear $(1)
@$(1)/bin/python $(PIP) -r requirements/pip.txt
@$(1)/bin/python $(PIP) -r $(2)
endef
# The command line from this folder, built by what is installed: it asks no network.
PIP_EDITABLE := -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .

.DEFAULT_GOAL := help
.PHONY: help setup run catalogue route docs synth sizes check test coverage test-long mutants sdks soak second-opinion expressions calls seen-calls unit end-to-end security screenshots benchmarks format requirements clean lose back

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: .venv/.ready node_modules/.ready .local/emulator/.ready build/.ready  ## what the other targets need (they call it)

.venv/.ready: requirements/project.txt requirements/pip.txt
	@echo "setup: Python packages of the project"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.11 ...")'
	$(call environment,.venv,requirements/project.txt)
	@PYTHONWARNINGS="ignore:Editable installation" .venv/bin/python $(PIP_EDITABLE)
	@touch $@

node_modules/.ready: package-lock.json .venv/.ready
	@echo "setup: the CDK CLI"
	@npm ci --silent
	@touch $@

.local/emulator/.ready: requirements/emulator.txt requirements/pip.txt
	@echo "setup: the local emulator, in an environment of its own"
	$(call environment,.local/emulator,requirements/emulator.txt)
	@touch $@

.local/browser/.ready: tests/browser/package-lock.json tests/browser/unpack.js requirements/browser.txt .venv/.ready
	@echo "setup: a browser for tests"
	@.venv/bin/python $(PIP) -r requirements/browser.txt
	@rm -rf .local/browser && mkdir -p .local/browser
	@cd tests/browser && npm ci --silent && TMPDIR=$(CURDIR)/.local/browser node unpack.js
	@touch $@

.local/sdks/.ready: tests/sdks/package-lock.json requirements/sdk-1.txt requirements/sdk-2.txt .venv/.ready
	@echo "setup: the CloudEvents SDKs, each in an environment of its own"
	@mkdir -p .local/sdks
	$(call environment,.local/sdks/python-1,requirements/sdk-1.txt)
	$(call environment,.local/sdks/python-2,requirements/sdk-2.txt)
	@cp tests/sdks/.npmrc tests/sdks/package.json tests/sdks/package-lock.json .local/sdks && cd .local/sdks && npm ci --silent
	@touch $@

.local/second-opinion/.ready: tests/second_opinion/package-lock.json .venv/.ready
	@echo "setup: the reference implementation of JSONata, and a simulation of IAM"
	@mkdir -p .local/second-opinion
	@cp $(addprefix tests/second_opinion/,.npmrc package.json package-lock.json) .local/second-opinion && cd .local/second-opinion && npm ci --silent
	@touch $@

build/.ready: requirements/functions.txt infrastructure/packaging.py .venv/.ready
	@echo "setup: what the functions bring with them, for Lambda and for this machine"
	@.venv/bin/python -m infrastructure.packaging fetch
	@touch $@

run: setup  ## the whole system on this machine, until Ctrl-C (ARGS=--once: until all events arrived)
	@.venv/bin/python -m local --catalogue $(CATALOGUE) $(ARGS)

lose:  ## a region of `make run ARGS="--regions 2"` stops publishing (REGION=us-east-1 for the other)
	@.venv/bin/python -m local.publishing off $(REGION)

back:  ## that region goes on where it stopped
	@.venv/bin/python -m local.publishing on $(REGION)

synth: setup  ## the CloudFormation templates, into cdk.out
	@npx cdk synth --quiet

catalogue: setup  ## list and check the catalogue (CATALOGUE=folder: another one)
	@.venv/bin/python -m console catalogue list --catalogue $(CATALOGUE)
	@.venv/bin/python -m console catalogue check --catalogue $(CATALOGUE)

route: setup  ## which topic takes an event, and why not the others (EVENT=file, - for stdin)
	@.venv/bin/python -m console route $(EVENT) --catalogue $(CATALOGUE)

docs: setup  ## make docs/generated from the catalogue anew
	@.venv/bin/python -m console catalogue docs

sizes: setup  ## size and contents of each function's package
	@.venv/bin/python -m infrastructure.packaging sizes

check: setup .local/browser/.ready .local/second-opinion/.ready  ## format, lint, types, fast tests
	@ruff format --check .
	@ruff check .
	@mypy
	@pytest -q $(PARALLEL) $(FAST)

test: check end-to-end  ## everything

# To look at every line doubles the time that the fast tests take, so it is apart: the build does both at once.
coverage: setup .local/browser/.ready .local/second-opinion/.ready  ## what the fast tests do not see, with a floor
	@pytest -q $(PARALLEL) $(FAST) --cov --cov-report=term

test-long: setup soak  ## explorations, large numbers, all of the engine on the emulator, a soak (an hour and a half)
	@pytest -q tests/exploration
	@FAULT_RUNS=2000 pytest -q $(PARALLEL) tests/unit tests/engine --hypothesis-profile explore
	@LETTERS=10000 pytest -q tests/engine -k index_only
	@ADOPT_EVENTS=1000000 pytest -qs tests/engine/test_adoption_large.py
	@pytest -q $(PARALLEL) --emulator=all tests/engine
	@LOAD="50 60" pytest -q tests/end_to_end/test_verify.py -k works
	@BURST_SECONDS=60 pytest -qs tests/end_to_end/test_burst.py
	@CLIENTS_EVENTS=500 pytest -q tests/end_to_end/test_contract.py -k twenty_clients

soak: setup  ## a load while faults come and go, then nothing is lost (ARGS="--minutes 2 --seed 3")
	@.venv/bin/python -m tests.soak $(ARGS)

sdks: setup .local/sdks/.ready  ## record anew what the official CloudEvents SDKs send (tests/sdks)
	@for n in 1 2; do .local/sdks/python-$$n/bin/python tests/sdks/record.py > tests/sdks/recorded/python-$$n.json; done
	@cp tests/sdks/record.js tests/sdks/events.json .local/sdks
	@node .local/sdks/record.js > tests/sdks/recorded/javascript.json

second-opinion: setup .local/second-opinion/.ready  ## what programs of others say of expressions, templates, permissions (in check)
	@pytest -q tests/second_opinion

expressions: setup  ## record anew which expressions the workflows' tests evaluate, and on what
	@python -m pytest -q -p tests.second_opinion.recorder tests/workflows tests/engine/test_publishers.py tests/engine/test_adoption.py tests/engine/test_proof.py

calls: setup .local/browser/.ready  ## record what functions and people ask of AWS in the end-to-end tests (ONLY="tests": add what these ask)
	@rm -f $(CALLS)
	@RECORD_CALLS=$(CALLS) pytest -q $(WAITING) $(or $(ONLY),tests/end_to_end)
	@python -m tests.second_opinion.calls $(if $(ONLY),add,anew) $(CALLS)

seen-calls: setup  ## put on record what the last run of end-to-end tests asked of AWS as well
	@python -m tests.second_opinion.calls add $(CALLS)

unit: setup  ## the unit tests alone
	@pytest -q tests/unit

end-to-end: setup .local/browser/.ready  ## the tests that go through the deployed emulator
	@rm -f $(CALLS)
	@RECORD_CALLS=$(CALLS) pytest -q $(WAITING) --emulator=aws tests/end_to_end tests/engine tests/security/running
	@python -m tests.second_opinion.calls missing $(CALLS)

mutants: setup  ## would the fast tests notice a change? 100 of them, seeded (ARGS="--seed 2")
	@.venv/bin/python -m tests.mutants $(ARGS)

security: setup .local/browser/.ready  ## all attacks on a system like that of `make run`, a browser's included
	@pytest -q tests/security

screenshots: setup .local/browser/.ready  ## pictures of the local page for the README, of a run that has an incident
	@SCREENSHOTS=docs/images pytest -q tests/end_to_end/test_page.py -k incident

benchmarks: setup  ## measure the speed targets, a few minutes (ONLY="1 4": these; needs Python 3.13)
	@.venv/bin/python -m benchmarks $(ONLY)

format: setup  ## rewrite the sources in the project's format
	@ruff format .
	@ruff check --fix .

requirements: .venv/.ready  ## compile requirements/*.in to pinned files with hashes
	@cd requirements && for set in pip functions emulator project browser benchmarks sdk-1 sdk-2; do \
		uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url \
			--custom-compile-command "make requirements" $(UPGRADE) -o $$set.txt $$set.in || exit 1; done

clean:  ## remove all that set-up and runs made
	rm -rf .venv node_modules .local build cdk.out .mypy_cache .pytest_cache .ruff_cache .coverage
