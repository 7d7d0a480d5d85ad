# HardenTUI: `make` shows what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# a test file stays in one process, because its tests may share containers; those on a real Podman wait most of the time,
# so that four processes keep two processors busy (the order is that of tests/conftest.py)
TOGETHER := --dist loadfile --no-loadscope-reorder
PARALLEL := -n 4 $(TOGETHER)
# compiled files are kept, in the environment: else each process of the tests compiles the whole program again
unexport PYTHONDONTWRITEBYTECODE
export HARDENTUI_GROUNDS ?= $(CURDIR)/.grounds
export PYTHONPYCACHEPREFIX := $(CURDIR)/$(VENV)/compiled

.DEFAULT_GOAL := help
.PHONY: help run test test-long test-versions test-versions-short test-host test-host-short check format live unit soak screenshots recording bench docs site support single-file packages image release hashes first-tasks clean

help: ## show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 20

$(BIN)/.ready: pyproject.toml constraints.txt
	@tools/bootstrap $(VENV) $(PYTHON)
	@touch $@

run: $(BIN)/.ready ## open HardenTUI (ARGS="check --format json" for the command line)
	@$(BIN)/python -I -m hardentui $(ARGS) || { code=$$?; [ $$code -eq 1 ] || [ $$code -eq 4 ] || exit $$code; } # 1: findings, 4: something unknown

test: $(BIN)/.ready ## the tests that protect a promise: unit, property, TUI, architecture and live on a real Podman
	@tools/need_live
	@$(BIN)/python -m tools.alone $(if $(filter-out --durations=%,$(ARGS)),,--note .tested) $(PARALLEL) $(ARGS)

unit: $(BIN)/.ready ## the tests that need no Podman: minutes
	@$(BIN)/python -m pytest -n auto $(TOGETHER) -m "not live" $(ARGS)

live: $(BIN)/.ready ## only the tests on a real Podman
	@tools/need_live
	@$(BIN)/python -m pytest $(PARALLEL) -m live $(ARGS)

test-long: $(BIN)/.ready ## what `make test` leaves out, before a release: more services and faults, rootless again, every size of a screen
	@tools/need_live
	@HARDENTUI_REQUIRE_LIVE=1 $(BIN)/python -m pytest $(PARALLEL) -m "long and not host" $(ARGS)

test-versions: $(BIN)/.ready ## the live tests on Podman 4.3, 5.4 and 5.8; writes docs/support.md and docs/accuracy.md
	@tools/need_live
	@tools/need_live roots
	@tools/need_live host
	@$(BIN)/python -m tools.podman_versions

test-versions-short: $(BIN)/.ready ## those of them that CI runs: minutes
	@tools/need_live
	@tools/need_live roots
	@$(BIN)/python -m tools.podman_versions --short

test-host: $(BIN)/.ready ## the tests on real systemd hosts, in emulated machines with AppArmor and SELinux: minutes
	@HARDENTUI_REQUIRE_LIVE=1 $(BIN)/python -m pytest -m host $(ARGS) tests/host

test-host-short: $(BIN)/.ready ## those of them that CI runs
	@HARDENTUI_REQUIRE_LIVE=1 $(BIN)/python -m pytest -m "host and not long" $(ARGS) tests/host

check: $(BIN)/.ready ## all that CI checks besides the tests: lint, format, types, layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(BIN)/.ready ## format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

soak: $(BIN)/.ready ## thousands of random containers through a real Podman (a quarter of an hour or more)
	@tools/need_live
	@HARDENTUI_SOAK=2000 $(BIN)/python -m pytest -m live --timeout 0 tests/live/test_round_trip.py $(ARGS)

screenshots: $(BIN)/.ready ## render the real screens to screenshots/
	@$(BIN)/python -m tools.screenshots

docs: $(BIN)/.ready ## write the generated pages in docs/
	@$(BIN)/python -m tools.generate_docs
	@$(BIN)/python -m tools.man_page

site: $(BIN)/.ready ## the documentation as a site without network: dist/site/index.html
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group site
	@rm -rf dist/site
	@$(BIN)/python -m sphinx -q -W --keep-going -j auto -b dirhtml docs dist/site
	@echo dist/site/index.html

support: $(BIN)/.ready ## write docs/support.md from what the runs of live tests recorded since the last time
	@$(BIN)/python -m tools.support

recording: $(BIN)/.ready ## record the animated picture of the README
	@$(BIN)/python -m tools.recording

bench: $(BIN)/.ready ## speed, as ratios against the raw socket and a trivial table
	@$(BIN)/python -m benchmarks

single-file: $(BIN)/.ready ## one file with all dependencies, for hosts without network: dist/hardentui.pyz
	@$(BIN)/python -m tools.pack single-file

packages: $(BIN)/.ready ## a Debian package, an RPM, with all dependencies, and the Ansible collection: dist/
	@$(BIN)/python -m tools.pack deb rpm ansible

image: $(BIN)/.ready ## a container image, built with podman (BASE=… any image with Python 3.11 to 3.14)
	@$(BIN)/python -m tools.pack image
	@podman build --tag localhost/hardentui $(if $(BASE),--build-arg BASE=$(BASE)) dist/image

release: $(BIN)/.ready ## prepare release VERSION=X.Y.Z: changelog, commit, tag, all packages (RELEASING.md)
	@$(BIN)/python -m tools.release "$(VERSION)"

hashes: $(BIN)/.ready ## write the hashes of all that is installed with us, after a change in constraints.txt
	@$(BIN)/python -m tools.hashes

first-tasks: $(BIN)/.ready ## what a newcomer could do next, as the code tells it
	@$(BIN)/python -m tools.first_tasks

clean: ## remove what was built here
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
