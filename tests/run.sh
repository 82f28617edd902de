#!/bin/sh
# Everything `make test` runs: lints, then every test, then one line with the count.
set -eu
cd "$(dirname "$0")/.."
log=$(mktemp)
# Everything this run prints and writes, also what passing tests print and nobody sees: at the end no secret
# may be in it (tests/canary.sh).
DUOLOGUE_CANARY=$(mktemp -d)
export DUOLOGUE_CANARY RUST_BACKTRACE=1
trap 'rm -rf "$log" "$DUOLOGUE_CANARY"' EXIT

# kept NAME: passes what it reads on, without what passing tests printed.
kept() {
    tee -a "$DUOLOGUE_CANARY/$1.log" |
        awk '/^successes:$/ { hide = 1 } /^failures:$|^test result:/ { hide = 0 } !hide { print; fflush() }'
}

sh tests/referees/setup.sh
sh tests/c_abi/setup.sh
# Nothing is skipped here for want of a tool.
export DUOLOGUE_REFEREES_REQUIRED=1 DUOLOGUE_COMPILERS_REQUIRED=1

echo "test: format, lints, documentation"
make --no-print-directory lint

echo "test: builds with gcc and Rust alone"
cargo check --quiet --no-default-features

echo "test: everything"
status=0
# The benchmarks are compiled here and run by `make bench`.
cargo test --features cli,capi --lib --bins --tests --examples --benches --no-run --quiet
cargo test --features cli,capi --lib --bins --tests --examples --no-fail-fast -- --show-output 2>&1 |
    kept rust | tee "$log" || status=1
echo "test: Opus by the library in C"
cargo test --quiet --features cli,capi,libopus --lib audio::opus -- --show-output 2>&1 |
    kept libopus | tee -a "$log" || status=1
cargo test --features cli,capi --doc -- --show-output 2>&1 | kept doc | tee -a "$log" || status=1

echo "test: the Python package"
{ sh bindings/python/tests/run.sh 2>&1 || echo "error: test failed: bindings/python/tests/run.sh"; } |
    kept python-run | tee -a "$log"

echo "test: the conformance checklist"
sh tests/conformance.sh "$log" || status=1

echo "test: no secret was shown"
sh tests/canary.sh "$DUOLOGUE_CANARY" || status=1

# The pipe hides cargo's own status: what it printed decides.
awk '/^test result:/ { passed += $4; failed += $6; skipped += $8 }
     /^error: [0-9]+ targets? failed|^error: could not|^error: test failed|^error: doctest failed/ { broken = 1 }
     END {
       if (skipped) printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
       else printf "%d passed, %d failed\n", passed, failed
       exit failed > 0 || broken || passed == 0
     }' "$log" || status=1
exit $status
