# rollcall: the two commands to know are `make demo` and `make test`.
SHELL := /bin/bash
.ONESHELL:
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build

export CGO_ENABLED ?= 0
VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -s -w -X main.version=$(VERSION)
SEED     ?= 7
PEOPLE   ?= 2000
DIRECTORY ?= okta
KILLS    ?= 2000

# The tools are Go modules at fixed versions: the go command fetches and builds them.
GOFUMPT  := go run mvdan.cc/gofumpt@v0.12.0
LINT     := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
VULN     := go run golang.org/x/vuln/cmd/govulncheck@v1.9.0

.PHONY: demo test crash race vuln keyring bench lint build cross fmt clean

## demo: the console on a made-up law firm, with every system simulated on loopback ports
demo:
	@mkdir -p bin
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/rollcall ./cmd/rollcall
	./bin/rollcall demo --seed $(SEED) --people $(PEOPLE) --directory $(DIRECTORY)

## build: the program for this machine
build:
	@mkdir -p bin
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/rollcall ./cmd/rollcall

## test: everything that can be proven on this machine
test:
	go vet ./...
	go test -timeout 20m ./...
	# what was held against what, and how often: of a test that passes go test shows nothing else
	go test -v -run 'TestThreats$$|TestDescribed|TestEveryOperation|TestOktaTokenEndpoint|TestThrottling' ./clients/demofirm | grep -E ' (threat tests|operations, |held against|requests in )'
	for module in clients/sdktest clients/sdktest/graph provisioning/dispatch/faults; do # the vendors' own libraries, and toxiproxy, which the program does not carry
	  (cd $$module && go vet ./... && go test -timeout 10m ./...)
	done
	bash provisioning/dispatch/pool/testdata/strace.sh
	bash clients/credentials/testdata/secret-service.sh
	bash tui/testdata/tmux.sh
	bash provisioning/report/browser/testdata/run.sh

## race: the tests under the race detector (needs a C compiler)
race:
	CGO_ENABLED=1 go test -race -timeout 25m ./...

## crash: SIGKILL at every step of the commit protocol in every kind of change, and KILLS (2,000) at random under faults
crash:
	ROLLCALL_KILLS=$(KILLS) go test -count=1 -v -timeout 90m -run 'TestKill' ./provisioning/dispatch/pool | grep -E '_test\.go:|^(---|FAIL|ok|panic)'

## keyring: the round trip through a real Secret Service under a private D-Bus (Linux; sets itself up where it may)
keyring:
	@bash clients/credentials/testdata/secret-service.sh

## bench: what fast means here, as ratios against a baseline in the same run
bench:
	go test -run '^$$' -bench . -benchmem -timeout 30m ./...

## lint: formatting, vet and the linters of .golangci.yml
lint:
	unformatted=$$($(GOFUMPT) -l cmd tui provisioning clients themes)
	if [[ -n $$unformatted ]]; then echo "gofumpt would change: $$unformatted"; exit 1; fi
	go mod tidy -diff
	$(LINT) run ./...

## vuln: known vulnerabilities in what is used
vuln:
	$(VULN) ./...

## cross: the program for every platform that it ships for, without cgo
cross:
	@mkdir -p dist
	for target in windows/amd64 windows/arm64 darwin/amd64 darwin/arm64 linux/amd64 linux/arm64; do
	  out=dist/rollcall-$${target/\//-}
	  [[ $$target == windows/* ]] && out=$$out.exe
	  GOOS=$${target%/*} GOARCH=$${target#*/} CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o $$out ./cmd/rollcall
	  echo "$$out"
	done

fmt:
	$(GOFUMPT) -w cmd tui provisioning clients themes

clean:
	rm -rf bin dist
