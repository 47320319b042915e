# One verb for each intent; `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
CONFIGURATION ?= release
SWIFT_BUILD := swift build -c $(CONFIGURATION)
SWIFT_TEST := swift test -c $(CONFIGURATION)
NODE := .tools/driver/playwright/driver/node

.PHONY: help setup build demo chaos soak simulate test test-unit test-integration lint format bench clean

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install what is missing (Debian packages; Node and the browser driver into .tools/)
	@scripts/setup

build: setup ## build quarry and quarry-shepherd
	$(SWIFT_BUILD) --product quarry
	$(SWIFT_BUILD) --product quarry-shepherd
	@git rev-parse --short=12 HEAD > "$$($(SWIFT_BUILD) --show-bin-path)/quarry.commit" 2>/dev/null || true

demo: build ## crawl the bundled shop with two workers and check the result
	@$(NODE) examples/shop/demo.ts --quarry "$$($(SWIFT_BUILD) --show-bin-path)/quarry"

simulate: ## the fleet under seeds of faults (SEEDS=200 STEPS=500; SEED=7 replays one)
	@scripts/setup --checks
	$(SWIFT_BUILD) --build-tests
	@SIMULATION_SEEDS="$(SEEDS)" SIMULATION_STEPS="$(STEPS)" SIMULATION_SEED="$(SEED)" \
	  "$$($(SWIFT_BUILD) --show-bin-path)/quarryPackageTests.xctest" --testing-library swift-testing --filter SimulationTests

chaos: build ## crawl the shop while processes die (ROUNDS=10 PAGES=2000 BROWSER_PAGES=300 SEED=1)
	@$(NODE) examples/shop/chaos.ts --quarry "$$($(SWIFT_BUILD) --show-bin-path)/quarry" \
	  $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(PAGES),--pages $(PAGES)) \
	  $(if $(BROWSER_PAGES),--browser-pages $(BROWSER_PAGES)) $(if $(SEED),--seed $(SEED))

soak: build ## crawl the shop again and again and watch memory and keys (MINUTES=30)
	@$(NODE) examples/shop/soak.ts --quarry "$$($(SWIFT_BUILD) --show-bin-path)/quarry" $(if $(MINUTES),--minutes $(MINUTES))

test: ## every check and every test
	@scripts/setup --checks
	@scripts/check
	@scripts/test unit integration

test-unit: ## the tests that need no browser and no built binary
	@scripts/setup --checks
	@scripts/test unit

test-integration: ## the tests that run the built binary with real Redis, Node and Chromium
	@scripts/setup --checks
	@scripts/test integration

lint: ## arrows between targets, formatting, types of the TypeScript
	@scripts/setup --checks
	@scripts/check
	@scripts/lint

format: ## format Swift and TypeScript in place
	@scripts/setup --checks
	@scripts/lint --fix

bench: build ## measure, as ratios within one run
	$(SWIFT_BUILD) --product queue-benchmark
	$(SWIFT_BUILD) --product ingestion-benchmark
	$(SWIFT_BUILD) --product commit-benchmark
	$(SWIFT_BUILD) --product s3-benchmark
	$(SWIFT_BUILD) --product scale-benchmark
	@scripts/setup --checks
	@Benchmarks/run "$$($(SWIFT_BUILD) --show-bin-path)"

clean: ## remove build products (not .tools/, not data)
	rm -rf .build Benchmarks/.build
