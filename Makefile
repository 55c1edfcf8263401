# Two commands matter: make run, and make test. The rest is for people who change lanyard.

SHELL := /bin/bash
.DELETE_ON_ERROR:
.PHONY: run build console browser console-big screenshots test check postgres unit conformance bench fuzz crash failover linearizability soak model upstream generate docs clean help

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
FUZZTIME ?= 10s
DURATION ?= 5m
crash: ROUNDS ?= 200
failover: ROUNDS ?= 20

help: ## Show the targets.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 17

run: build ## Build lanyard and start it on ./lanyard-data with a demo instance.
	@command -v aws >/dev/null || echo "The AWS CLI is not installed, so the aws line below will not run here; any AWS SDK will do (README.md)."
	@exec bin/lanyard serve --demo --data ./lanyard-data

build: ## Build bin/lanyard, one static binary, with the web console if Node.js is there.
	@command -v go >/dev/null || { echo "Go 1.26 or newer is needed to build lanyard: https://go.dev/dl/"; exit 1; }
	@.ci/console
	CGO_ENABLED=0 go build -trimpath -o bin/lanyard ./cmd/lanyard

console: ## Build the web console, which bin/lanyard holds (needs Node.js).
	@CI=true .ci/console

test: check postgres unit conformance browser ## Set up what the tests need and run them all.

check: ## Formatting, vet, staticcheck, known vulnerabilities, generated files.
	@bad=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go')); [ -z "$$bad" ] || { echo "gofmt would change:"; echo "$$bad"; exit 1; }
	go vet ./...
	go run $(STATICCHECK) ./...
	@.ci/vulnerabilities $(GOVULNCHECK)
	go run ./cmd/modelgen generate -check -dir internal/awsapi/model
	cd bench && gofmt -l . | (! grep .) && go vet ./... && go run $(STATICCHECK) ./... && go test ./...

postgres:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || \
		echo "The tests of the PostgreSQL store will be skipped (and fail under CI=true): apt-get install postgresql-15"

unit: ## Go tests with the race detector; each fuzz target runs its seeds.
	go test -race -timeout 10m ./...

conformance: build ## Real SDK clients against the built binary: boto3, AWS CLI, JavaScript, Go.
	LANYARD_BIN=$(CURDIR)/bin/lanyard conformance/run.sh

screenshots: build ## Make the README's picture of the console anew.
	@SCREENSHOTS=1 CI=true .ci/browser

browser: build ## The console: Vitest, and Playwright in Chromium against the built binary.
	@.ci/browser

console-big: build ## The console with 100,000 users: that no page loads everything, and how long each takes.
	@LANYARD_BIG=1 .ci/browser big

bench: ## Measure, and write docs/performance.md.
	cd bench && go run . -out ../docs/performance.md

fuzz: ## Run every fuzz target for FUZZTIME (10s) each.
	@for pkg in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "$$pkg $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
		done; \
	done

crash: ## Kill -9 under 64 writers, ROUNDS (200) times, and cut the power 20 times as often.
	LANYARD_CRASH_ROUNDS=$(ROUNDS) go test -run 'Kill|PowerLoss' -count 1 -timeout 2h -v ./cmd/lanyard

failover: ## Kill PostgreSQL's primary under load, ROUNDS (20) times; the suite does once.
	LANYARD_FAILOVER_ROUNDS=$(ROUNDS) go test -run 'TestFailover$$' -count 1 -timeout 4h -v ./cmd/lanyard

linearizability: ## Check calls of three servers with Porcupine for DURATION (5m), with kills and failovers.
	LANYARD_LINEARIZABILITY=$(DURATION) go test -run 'TestLinearizability' -count 1 -timeout 12h -v ./cmd/lanyard

soak: ## Hold the decision engine to its oracle 100,000,000 times.
	LANYARD_DECISIONS=100000000 go test -run Oracle -count 1 -timeout 4h -v ./access

model: ## Move to the newest service model that botocore ships.
	rm -rf .cache/model && mkdir -p .cache/model
	python3 -m pip download --quiet --no-deps --dest .cache/model botocore
	go run ./cmd/modelgen reduce -wheel .cache/model/botocore-*.whl -out internal/awsapi/model
	$(MAKE) generate docs

upstream: ## Tell whether botocore ships a newer service model than the pinned one (for a scheduled job).
	@rm -rf .cache/upstream && mkdir -p .cache/upstream/model && python3 -m pip download --quiet --no-deps --dest .cache/upstream botocore
	@cp internal/awsapi/model/operations.txt .cache/upstream/model/ && go run ./cmd/modelgen reduce -wheel .cache/upstream/botocore-*.whl -out .cache/upstream/model
	@diff -rq internal/awsapi/model/model.json .cache/upstream/model/model.json || { echo "botocore has moved: make model"; exit 1; }

generate: ## Make the generated Go files anew from the pinned model.
	go run ./cmd/modelgen generate -dir internal/awsapi/model

docs: ## Make docs/coverage.md anew from the operation table.
	go test -run TestCoverage -update .

clean: ## Remove what was built, and the caches of the tests; never data.
	rm -rf bin .cache
