# Every target does its own set-up on a Debian machine that has git, make and Go.

SHELL := /bin/bash
.DEFAULT_GOAL := build
.PHONY: build demo check test bench fuzz clean

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

# The program is one static file.
build:
	CGO_ENABLED=0 go build -trimpath -ldflags '-X main.version=$(VERSION)' -o bin/tributary ./cmd/tributary

# The whole story, printed step by step. ARGS='--input FILE' plays it on a file of yours.
demo: build
	bin/tributary demo $(ARGS)

# What has to hold before a commit, cheapest first.
check:
	scripts/check

# The same on a machine where nothing has been installed yet: what CI runs.
test:
	scripts/install-test-tools
	scripts/check

# A table of rates and latencies beside the floors measured in the same run.
bench: build
	go run ./bench $(ARGS)

# Every fuzz target in turn, FUZZTIME each.
fuzz:
	scripts/fuzz

clean:
	rm -rf bin .cache
