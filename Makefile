# To try lanyard: make run. To test it: make test. The other targets are for people who change it.

SHELL := /bin/bash
.DELETE_ON_ERROR:
.PHONY: run demo-agent build packages packages-decide console browser console-big screenshots test check postgres unit conformance bench properties fuzz crash failover linearizability soak model upstream generate docs image examples clean help

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
# The race detector does not look into SQLite as it was translated from C: that runs in one goroutine at a time, and
# instrumented takes a third of the tests' time.
UNRACED := -gcflags=modernc.org/sqlite/lib=-race=false -gcflags=modernc.org/libc=-race=false
FUZZTIME ?= 10s
DURATION ?= 5m
PLATFORMS ?= host
properties: WORLDS ?= 200
crash: ROUNDS ?= 200
failover: ROUNDS ?= 20

help: ## List the targets.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 17

run: build ## Build lanyard and serve a demo instance from ./lanyard-data.
	@command -v aws >/dev/null || echo "The AWS CLI is not installed, so the aws command below does not work here. Any AWS SDK works too (README.md)."
	@exec bin/lanyard serve --demo --data ./lanyard-data

demo-agent: build ## Guard the tools of a scripted AI agent: a call is refused, granted and audited. Runs offline.
	@go run ./cmd/demo-agent -lanyard bin/lanyard -python "$$(.ci/python)"

build: ## Build bin/lanyard, one static binary, with the web console if Node.js is installed.
	@command -v go >/dev/null || { echo "Building lanyard requires Go 1.26 or newer: https://go.dev/dl/"; exit 1; }
	@.ci/console
	CGO_ENABLED=0 go build -trimpath -o bin/lanyard ./cmd/lanyard

packages: ## Build the packages for Python and npm into dist/, for PLATFORMS (host): all, or "linux/arm64 …".
	@PLATFORMS="$(PLATFORMS)" .ci/packages

packages-decide: ## Build the decision engine for JavaScript and Python, as packages in dist/.
	@.ci/packages-decide

console: ## Build the web console that bin/lanyard embeds (requires Node.js).
	@CI=true .ci/console

test: check postgres unit conformance browser ## Set up what the tests need, and run them all.

check: ## Check formatting, vet, staticcheck, known vulnerabilities and generated files.
	@bad=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go')); [ -z "$$bad" ] || { echo "gofmt would change:"; echo "$$bad"; exit 1; }
	go vet ./...
	go run $(STATICCHECK) ./...
	@.ci/vulnerabilities $(GOVULNCHECK)
	go run ./cmd/modelgen generate -check -dir internal/awsapi/model
	@.ci/console-types -check
	cd bench && gofmt -l . | (! grep .) && go vet ./... && go run $(STATICCHECK) ./... && go test ./...

postgres:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || \
		echo "The tests of the PostgreSQL store will be skipped (and fail under CI=true): apt-get install postgresql-15"

unit: ## Run the Go tests with the race detector, and the seeds of each fuzz target.
	@.ci/console # some tests are about the page as it is served
	go test -race $(UNRACED) -timeout 10m ./...
	@# What needs allocations as they are without the race detector, or takes ten times as long with it.
	go test -run 'TestCanariesWork|TestLargeFiles|TestBounds' -count 1 ./internal/console ./internal/template ./internal/policytest

conformance: build ## Run real clients against the built binary: boto3, AWS CLI, JavaScript, Go.
	LANYARD_BIN=$(CURDIR)/bin/lanyard conformance/run.sh

screenshots: build ## Regenerate the README's picture of the console.
	@SCREENSHOTS=1 CI=true .ci/browser

browser: build ## Test the console with Vitest, and with Playwright in Chromium.
	@.ci/browser

console-big: build ## Test the console with 100,000 users: no page loads everything; shows how long each takes.
	@LANYARD_BIG=1 .ci/browser big

bench: ## Measure the performance, and write docs/performance.md.
	cd bench && go run . -out ../docs/performance.md

properties: ## Try the properties of lint, plans and mirrors on WORLDS (200) random instances each.
	LANYARD_WORLDS=$(WORLDS) go test -timeout 2h ./internal/lint
	go test -timeout 2h ./internal/stack ./internal/mirror ./internal/compare ./internal/past -rapid.checks $(WORLDS)

fuzz: ## Run every fuzz target for FUZZTIME (10s) each.
	@for pkg in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "$$pkg $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
		done; \
	done

crash: ## Kill the server with -9 under 64 writers, ROUNDS (200) times; cut the power 20 times as often.
	LANYARD_CRASH_ROUNDS=$(ROUNDS) go test -run 'Kill|PowerLoss' -count 1 -timeout 2h -v ./cmd/lanyard

failover: ## Kill PostgreSQL's primary under load, ROUNDS (20) times; make test does it once.
	LANYARD_FAILOVER_ROUNDS=$(ROUNDS) go test -run 'TestFailover$$' -count 1 -timeout 4h -v ./cmd/lanyard

linearizability: ## Check the calls of three servers with Porcupine for DURATION (5m), under kills and failovers.
	LANYARD_LINEARIZABILITY=$(DURATION) go test -run 'TestLinearizability' -count 1 -timeout 12h -v ./cmd/lanyard

soak: ## Compare the decision engine with its oracle 100,000,000 times.
	LANYARD_DECISIONS=100000000 go test -run Oracle -count 1 -timeout 4h -v ./access

model: ## Upgrade to the newest service model that botocore ships.
	rm -rf .cache/model && mkdir -p .cache/model
	python3 -m pip download --quiet --no-deps --dest .cache/model botocore
	go run ./cmd/modelgen reduce -wheel .cache/model/botocore-*.whl -out internal/awsapi/model
	$(MAKE) generate docs

upstream: ## Fail if botocore ships a newer service model than the pinned one (for a scheduled job).
	@rm -rf .cache/upstream && mkdir -p .cache/upstream/model && python3 -m pip download --quiet --no-deps --dest .cache/upstream botocore
	@cp internal/awsapi/model/operations.txt .cache/upstream/model/ && go run ./cmd/modelgen reduce -wheel .cache/upstream/botocore-*.whl -out .cache/upstream/model
	@diff -rq internal/awsapi/model/model.json .cache/upstream/model/model.json || { echo "botocore ships a newer service model; run make model"; exit 1; }

generate: ## Regenerate the Go files that come from the pinned model.
	go run ./cmd/modelgen generate -dir internal/awsapi/model
	@.ci/console-types

docs: ## Regenerate docs/coverage.md from the operation table.
	go test -run TestCoverage -update .

image: ## Build the container image with Docker, Podman or Buildah: lanyard:VERSION and lanyard:latest.
	@.ci/image lanyard:$$(cat cmd/lanyard/VERSION) lanyard:latest

examples: ## Try the examples for Testcontainers, those in languages that are installed; without Docker they only compile.
	@.ci/examples

clean: ## Remove build results and the caches of the tests; never data.
	rm -rf bin dist .cache
