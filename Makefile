# What can be done here. `make help` lists it; CONTRIBUTING.md says when.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo build token windows assets test race fuzz faults soak bench lint drill clean

BIN    := bin/lienthong
ASSETS := internal/web/portal/asset
DIST   := $(ASSETS)/dist/icons.svg
DEMO   ?=
VERSION ?=
STAMP  := $(if $(VERSION),-ldflags "-X lienthong/internal/agent/update.stamped=$(VERSION)")
FUZZ   ?= 600

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: build ## build, then run the hub with synthetic facilities (DEMO="--listen 127.0.0.1:9090" adds flags)
	$(BIN) demo $(DEMO)

build: $(DIST) ## build bin/lienthong (one file, no cgo; VERSION= stamps a release)
	CGO_ENABLED=0 go build -trimpath $(STAMP) -o $(BIN) ./cmd/lienthong

token: ## build bin/lienthong-token, which signs with PKCS#11 tokens (needs a C compiler)
	CGO_ENABLED=1 go build -trimpath -tags pkcs11 -o bin/lienthong-token ./cmd/lienthong-token

windows: $(DIST) ## build bin/lienthong.exe and vet what is Windows's own
	@VERSION="$(VERSION)" sh script/windows.sh

assets: ## copy what the pages load out of npm packages
	sh $(ASSETS)/build.sh

# Built once, and again when its list changes. Without npm the program still
# builds: its pages then use system fonts and no scripts, and say nothing more.
$(DIST): package.json $(ASSETS)/build.sh $(ASSETS)/icons.txt
	@sh script/assets.sh

test: ## everything: tools, assets, format, vet, tests on both stores, cross-build
	@sh script/test.sh

race: ## the packages that share memory, under the race detector (needs a C compiler)
	@sh script/race.sh

fuzz: ## every fuzz target, FUZZ seconds in all (default 600)
	@sh script/fuzz.sh $(FUZZ)

soak: ## every fault run a few rounds, again and again for FOR seconds (default 3600), a new seed each time
	@sh script/soak.sh "$(or $(FOR),3600)"

faults: ## the hub under faults, all rounds (SEED=, ROUNDS=, RUN="R1|R18"); see doc/design/faults.md
	@SEED="$(SEED)" ROUNDS="$(ROUNDS)" RUN="$(RUN)" sh script/faults.sh

bench: build ## the floor, intake end to end, and the Go benchmarks
	@sh script/bench.sh

lint: ## gofmt, vet, staticcheck
	@sh script/lint.sh

drill: ## encrypt a hub at work, restore it elsewhere, hold every receipt against it
	@sh script/drill.sh

clean: ## remove what was built
	rm -rf bin out $(ASSETS)/dist
