# Tools are pinned here, not in go.mod, so that users of the module do not
# inherit them.
GOFUMPT     := go run mvdan.cc/gofumpt@v0.12.0
GOLANGCI    := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK := go run golang.org/x/vuln/cmd/govulncheck@v1.9.0
BENCHSTAT   := go run golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da

FUZZTIME ?= 20s
COUNT    ?= 10
VERSION  ?=

.DEFAULT_GOAL := help

.PHONY: all
all: fmt lint test ## what a change must pass

.PHONY: build
build: ## bin/necto, one file that needs no C library
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/necto ./cmd/necto

CLIENTS := testdata/clients

.PHONY: test
test: $(CLIENTS)/node_modules/.package-lock.json redis ## vet for every platform, race-checked and shuffled tests, real clients
	go vet ./...
	GOOS=darwin go vet ./...
	GOOS=windows go vet ./...
	go test -race -shuffle=on -timeout 15m ./...
	go test -run WebSocketClients ./cmd/necto # more messages than the race detector bears
	go test -run 'WebSocket(Allocations|Idle|FilterPrograms)|HTTP2SilentStreams' ./proxy # what it would distort, and more messages
	go test -run 'Clients|Polling|Memory' ./eventserver # what the detector finds in a library, and memory
	cd internal/bench && go vet ./... && go test ./...

# npm writes this file when it is done.
$(CLIENTS)/node_modules/.package-lock.json: $(CLIENTS)/package-lock.json
	@if command -v npm >/dev/null; then cd $(CLIENTS) && npm ci; \
	else echo "npm is not installed: the clients and readers of Node.js will NOT be tested"; fi

# A server that tests of streams start for themselves.
.PHONY: redis
redis:
	@command -v redis-server >/dev/null || \
	{ test "$$(id -u)" = 0 && apt-get update -qq && apt-get install -qq -y --no-install-recommends redis-server >/dev/null; } || \
	echo "redis-server is not installed: streams and clusters will NOT be tested"

.PHONY: lint
lint: ## golangci-lint (staticcheck is part of it), formatting, tidy go.mod
	$(GOLANGCI) run ./...
	cd internal/bench && $(GOLANGCI) run ./...
	@out="$$($(GOFUMPT) -l .)" && test -z "$$out" || { echo "$$out"; echo "run make fmt"; exit 1; }
	go mod tidy -diff
	cd internal/bench && go mod tidy -diff

.PHONY: fmt
fmt: ## format, and tidy go.mod
	go mod tidy
	cd internal/bench && go mod tidy
	$(GOFUMPT) -w .

.PHONY: bench
bench: ## benchmarks to bench.txt; compare with: make benchcmp OLD=old.txt
	go test -run '^$$' -bench . -benchmem -count $(COUNT) ./... | tee bench.txt

.PHONY: benchcmp
benchcmp: ## what changed from OLD to bench.txt
	$(BENCHSTAT) $(OLD) bench.txt

.PHONY: bench-peers
bench-peers: $(CLIENTS)/node_modules/.package-lock.json ## necto beside a relay, ReverseProxy, goproxy, nginx and socket.io, as a table
	cd internal/bench && go run .

.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME
	@set -e; for p in $$(go list ./...); do \
	  for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz'); do \
	    echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p; \
	  done; done

.PHONY: golden
golden: ## rewrite golden files; read the diff before committing
	UPDATE=1 go test ./...

.PHONY: cover
cover: ## coverage of all packages by all tests
	go test -coverprofile=cover.out -coverpkg=./... ./...
	go tool cover -func=cover.out | tail -1

.PHONY: vuln
vuln: ## known vulnerabilities in what necto calls
	$(GOVULNCHECK) ./...

.PHONY: help
help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "%-12s %s\n", $$1, $$2 }'
