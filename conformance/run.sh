#!/usr/bin/env bash
# Plays real clients against the server binary that LANYARD_BIN names: boto3, the AWS CLI and the SDKs of MCP (pytest),
# the JavaScript SDK (node --test) and the Go SDK (go test); and compares what the AWS CDK makes with what the Go tests
# read. Arguments go to pytest, and then nothing else runs:
#
#   LANYARD_BIN=bin/lanyard conformance/run.sh
#   LANYARD_BIN=bin/lanyard conformance/run.sh test_wire.py -k presigned
#
# What they need is installed once into .cache and node_modules, and again when its list changes. A part whose
# language is missing on this machine is skipped with a word, and fails under CI=true.
set -uo pipefail

if [ -z "${LANYARD_BIN:-}" ]; then
	echo "conformance: SKIPPED, LANYARD_BIN does not name the server binary to test; make conformance builds one"
	[ "${CI:-}" != true ]
	exit
fi
LANYARD_BIN=$(realpath "$LANYARD_BIN") || exit 1
export LANYARD_BIN PYTHONDONTWRITEBYTECODE=1
cd "$(dirname "$0")" || exit 1
cache=$(cd .. && pwd)/.cache
mkdir -p "$cache"
report=() failed=0

say() { printf '%s\n' "$*"; }

# part NAME COMMAND... runs a part and remembers how it ended.
part() {
	local name=$1 start=$SECONDS
	shift
	say "conformance: $name"
	if "$@"; then
		report+=("$name: passed in $((SECONDS - start)) s")
	else
		report+=("$name: FAILED after $((SECONDS - start)) s")
		failed=1
	fi
}

# missing NAME WHAT reports a part that cannot run here.
missing() {
	report+=("$1: SKIPPED, $2 is not installed")
	[ "${CI:-}" != true ] || failed=1
}

# stale STAMP FILE... reports whether the files differ from those for which STAMP was written; fresh writes STAMP.
stale() { [ "$(cat "$1" 2>/dev/null)" != "$(cksum "${@:2}")" ]; }
fresh() { cksum "${@:2}" >"$1"; }

# python_ready installs what requirements.txt names.
python_ready() { ../.ci/python >/dev/null; }

# node_ready FOLDER [FLAG...] installs what the folder's package.json names, with flags of npm.
node_ready() (
	cd "$1" || exit
	stamp=node_modules/.lanyard.sum
	if stale "$stamp" package.json package-lock.json; then
		npm ci --silent --no-audit --no-fund "${@:2}" && fresh "$stamp" package.json package-lock.json
	fi
)

# Without arguments the files are spread over processes, each with servers of its own.
run_python() {
	python_ready || return
	if command -v npm >/dev/null; then # now, not by several processes at once
		node_ready . && node_ready mcp --ignore-scripts || return
	fi
	[ $# -gt 0 ] || set -- --numprocesses 3 --dist loadfile
	"$cache/venv/bin/python3" -m pytest "$@"
}
run_node() { node_ready . && NODE_NO_WARNINGS=1 node --test --test-reporter=dot js/; }
run_cdk() { node_ready cdk && NODE_NO_WARNINGS=1 node --test --test-reporter=dot cdk/synth.test.mjs; }
run_go() { go vet -C gosdk ./... && go test -C gosdk -count=1 ./...; }

# with_server COMMAND... runs a command with a server of its own.
with_server() {
	local data url='' code=0
	data=$(mktemp -d)
	export AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=AKIACONFORMANCEROOT1 AWS_SECRET_ACCESS_KEY=conformance/root/secret/0123456789abcdef
	LANYARD_ROOT_ACCESS_KEY_ID=$AWS_ACCESS_KEY_ID LANYARD_ROOT_SECRET_ACCESS_KEY=$AWS_SECRET_ACCESS_KEY \
		"$LANYARD_BIN" serve --listen 127.0.0.1:0 --data "$data" --quota-instances=-1 >"$data/server.log" 2>&1 &
	local server=$!
	for _ in $(seq 200); do
		url=$(sed -n 's/.*"URL":"\([^"]*\)".*/\1/p' "$data/endpoint.json" 2>/dev/null)
		[ -z "$url" ] || break
		sleep 0.05
	done
	LANYARD_URL=$url "$@" || code=$?
	kill "$server" && wait "$server" || code=$?
	[ "$code" -eq 0 ] || cat "$data/server.log"
	rm -rf "$data"
	return "$code"
}

if command -v python3 >/dev/null; then
	part "boto3 and AWS CLI" run_python "$@"
else
	missing "boto3 and AWS CLI" python3
fi
if [ $# -eq 0 ]; then
	if command -v node >/dev/null && command -v npm >/dev/null; then
		part "JavaScript SDK" with_server run_node
		part "AWS CDK" run_cdk
	else
		missing "JavaScript SDK" "Node (with npm)"
		missing "AWS CDK" "Node (with npm)"
	fi
	if command -v go >/dev/null; then
		part "Go SDK" with_server run_go
	else
		missing "Go SDK" Go
	fi
fi
say "conformance:"
printf '  %s\n' "${report[@]}"
exit "$failed"
