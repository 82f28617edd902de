#!/bin/sh
# Shows that the tests notice every line of tests/mutants/list.txt: the simulation, and where that cannot see
# it by its nature, the tests of the session. All mutants are built into one program, asleep; each is awake in
# one run. `MUTANTS=3 5` wakes only these.
set -eu
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
target=${CARGO_TARGET_DIR:-$PWD/target}
mkdir "$scratch/tree"
tar -cf - Cargo.toml Cargo.lock build.rs src tests benches examples docs include assets bindings/c 2>/dev/null |
    tar -xf - -C "$scratch/tree"

# The list is written into the copy; its numbers and lines come out.
MUTANTS_INTO=$scratch/tree $cargo test --quiet --no-default-features --test mutants write -- --nocapture |
    awk -F '\t' 'NF == 2' >"$scratch/list"
count=$(wc -l <"$scratch/list")
[ "$count" -eq "$(grep -vc -e '^#' -e '^$' tests/mutants/list.txt)" ] || { echo "mutants: the list does not fit the sources" >&2; exit 1; }

echo "mutants: building $count into one program"
cd "$scratch/tree"
export CARGO_TARGET_DIR="$target" CARGO_INCREMENTAL=0
RUSTFLAGS=-Awarnings $cargo test --no-default-features --test simulation --test session --no-run 2>"$scratch/build" || {
    cat "$scratch/build" >&2
    exit 1
}
program() { sed -n "s/.*(\(.*\/$1-[0-9a-f]*\)).*/\1/p" "$scratch/build"; }
simulation=$(program simulation)
session=$(program session)
# Asleep they change nothing.
SEEDS=1000 FIRST=1 "$simulation" >/dev/null 2>&1 && "$session" >/dev/null 2>&1 || {
    echo "mutants: the tests fail without any" >&2
    exit 1
}

survived=0 awake=0
while IFS="$(printf '\t')" read -r number line; do
    case " ${MUTANTS:-$number} " in *" $number "*) ;; *) continue ;; esac
    export MUTANT="$number"
    awake=$((awake + 1))
    if ! SEEDS=1000 FIRST=1 timeout 300 "$simulation" >"$scratch/out" 2>&1; then
        by="simulation, $(sed -n 's/^FAILED seed \([0-9]*\).*/seed \1/p' "$scratch/out" | head -1)"
    elif ! timeout 300 "$session" >"$scratch/out" 2>&1; then
        by="session, $(sed -n 's/^test \(.*\) \.\.\. FAILED/\1/p' "$scratch/out" | head -1)"
    else
        by=""
        survived=$((survived + 1))
    fi
    if [ -n "$by" ]; then echo "caught    $number ($by): $line"; else echo "SURVIVED  $number: $line"; fi
done <"$scratch/list"
if [ "$survived" -gt 0 ]; then echo "mutants: $survived survived" >&2; exit 1; fi
echo "mutants: all $awake were caught"
