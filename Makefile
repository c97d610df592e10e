# milkrun: build, run, test. "make" lists what there is.
#
# Targets that need a tool install it first, and say so before they do; "make TARGET NO_INSTALL=1" refuses.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT  ?= $(shell git rev-parse --verify --quiet HEAD || echo unknown)
# The commit's date and not today's, so that the same commit gives the same binary.
DATE    ?= $(shell git log -1 --format=%cI 2>/dev/null || echo unknown)

PREFIX   ?= /usr/local
FUZZTIME ?= 10s

export CGO_ENABLED := 1
export NO_INSTALL
# The version comes from above; Go's own look at the repository fails where git distrusts the folder's owner.
export GOFLAGS := $(GOFLAGS) -buildvcs=false

.DEFAULT_GOAL := help
.PHONY: help build run test lint bench fuzz fmt deps test-deps install package clean

help: ## list the targets
	@echo "make TARGET [NO_INSTALL=1]"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

build: deps ## build ./milkrun
	go build -trimpath -o milkrun \
		-ldflags '-X main.version=$(VERSION) -X main.commit=$(COMMIT) -X main.date=$(DATE)' ./cmd/milkrun

run: build ## build, then run the daemon on jobs.toml against stand-ins of the partners
	./milkrun run --sandbox

test: ## run every check: formatting, vet, all tests with real databases, linters (.ci/run)
	@command -v bash >/dev/null || .ci/install bash
	.ci/run

lint: ## run the linters only
	@.ci/install compiler lint
	./.bin/golangci-lint run

bench: deps ## measure the throughput (docs/performance.md)
	go run ./cmd/milkrun-bench

fuzz: deps ## run each fuzz target for FUZZTIME (10s)
	.ci/fuzz $(FUZZTIME)

fmt: ## format the code
	gofmt -w .

deps: ## install what building needs: a C compiler
	@.ci/install compiler

test-deps: ## install what testing needs: that, bash, PostgreSQL, MariaDB, systemd, a browser, golangci-lint
	@.ci/install compiler bash databases systemd browser lint

install: build ## install into PREFIX/bin (/usr/local/bin); DESTDIR is honoured
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 milkrun $(DESTDIR)$(PREFIX)/bin/milkrun

package: deps ## build the .deb and .rpm into ./dist (packaging/)
	VERSION='$(VERSION)' COMMIT='$(COMMIT)' DATE='$(DATE)' packaging/build.sh dist

clean: ## remove the binary and the packages; state files, data and ./.bin stay
	rm -rf milkrun dist
