#!/bin/sh
# What a call of the C ABI costs: builds examples/c/call_cost.c over the optimised library (make lib) and runs it
# against the simulator. Prints nanoseconds.
set -eu
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}
target=$("$cargo" metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
work=$(mktemp -d)
pid=
trap 'if [ -n "$pid" ]; then kill "$pid" 2>/dev/null; fi; rm -rf "$work"' EXIT

${CC:-cc} -O2 -Iinclude examples/c/call_cost.c -o "$work/call_cost" -pthread \
    -L"$target/release" -lduologue -Wl,-rpath,"$work"
# The name the loader asks for.
cp "$target/release/libduologue.so" "$work/$(readelf -d "$target/release/libduologue.so" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')"
"$cargo" build --quiet --features cli --bin duologue
"$target/debug/duologue" simulate --for-seconds 120 >"$work/simulator" &
pid=$!
until grep -q listening "$work/simulator"; do kill -0 "$pid"; sleep 0.1; done
OPENAI_API_KEY=any DUOLOGUE_BASE_URL=$(awk '{print $2}' "$work/simulator") "$work/call_cost"
