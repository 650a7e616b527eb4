# Every target does its own set-up on a Debian machine that has git, make and Go.

SHELL := /bin/bash
.DEFAULT_GOAL := build
.PHONY: build demo check test bench fuzz model soak-policy soak-forgeries soak-a soak-b clean

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

# Every run of delivery's protocol with a few crashes, failures and revocations.
model:
	MODEL=full go test ./test/model -count=1 -v

# The policy engine against its judge on 10 million random scenes, some 45 minutes on
# one core; goes on where it stopped. The result is docs/soak/policy.json.
soak-policy:
	mkdir -p docs/soak
	GOGC=400 POLICY_SOAK=$(CURDIR)/docs/soak/policy.json go test -vet=off -count=1 -timeout 0 -v -run '^TestSoak$$' ./internal/pure/policy

# Five million forged iterators and page tokens of Kinesis, about a minute. The result is
# docs/soak/forgeries.json.
soak-forgeries:
	mkdir -p docs/soak
	TOKEN_FORGERIES=5000000 TOKEN_FORGERIES_REPORT=$(CURDIR)/docs/soak/forgeries.json \
		go test -count=1 -timeout 0 -v -run '^TestNoForgedTokenIsAccepted$$' ./internal/service/kinesis

# The rigs of test/soak in two halves, SOAK_MINUTES (75) each, as root; a report goes
# to docs/soak.
soak-a soak-b:
	scripts/install-test-tools
	scripts/soak $(@:soak-%=%)

clean:
	rm -rf bin .cache
