#!/bin/sh
# make fuzz: every target for TIME seconds, one after the other, with what came out of it. TARGETS chooses some.
# What is found is left in fuzz/artifacts; the corpus grows in fuzz/work, and `sh fuzz/run.sh keep` takes what is
# worth keeping from there into fuzz/corpus.
set -eu
cd "$(dirname "$0")"
time=${TIME:-600}
dir=${FUZZ_TARGET_DIR:-target}
all=$(sed -n 's/^name = "\([a-z0-9_]*\)"$/\1/p' Cargo.toml)
targets=${TARGETS:-$all}

for tool in "rustup toolchain list | grep nightly" "cargo fuzz --version" "c++ --version"; do
    sh -c "$tool" >/dev/null 2>&1 || {
        echo "fuzz: needed: rustup toolchain install nightly; cargo install cargo-fuzz; a C++ compiler" >&2
        exit 1
    }
done

# fuzz COMMAND ARGUMENTS: no sanitizer, because what is fuzzed has hardly any unsafe code, and twice the speed finds more.
fuzz() {
    command=$1
    shift
    cargo +nightly fuzz "$command" --sanitizer none --target-dir "$dir" "$@"
}

# The longest input of a target: beyond it only time is lost.
longest() {
    case $1 in
    session_script) echo 2048 ;;
    reseed) echo 512 ;;
    tool_schema) echo 2048 ;;
    *) echo 4096 ;;
    esac
}

for target in $targets; do
    fuzz build "$target"
done
if [ "${1:-}" = keep ]; then
    for target in $targets; do
        # The smallest set of inputs that reaches what all of them reach. What is in the corpus already goes first.
        mkdir -p "work/$target"
        fuzz run "$target" "corpus/$target" "work/$target" -- -merge=1 -max_len="$(longest "$target")" 2>&1 | tail -n 1
    done
    du -sh --apparent-size corpus
    exit
fi

status=0
for target in $targets; do
    mkdir -p "work/$target" "artifacts/$target"
    before=$(find "artifacts/$target" -type f | wc -l)
    log=work/$target.log
    # The first directory takes what is new; the kept corpus and findings of the past are where it begins.
    seeds=corpus/$target
    [ -d "findings/$target" ] && seeds="$seeds findings/$target"
    # shellcheck disable=SC2086
    fuzz run "$target" "work/$target" $seeds -- -max_total_time="$time" -timeout=10 -rss_limit_mb=2048 \
        -max_len="$(longest "$target")" -print_final_stats=1 >"$log" 2>&1 || status=1
    found=$(($(find "artifacts/$target" -type f | wc -l) - before))
    awk -v target="$target" -v found="$found" '
        / cov: / { for (i = 1; i < NF; i++) { if ($i == "cov:") cov = $(i + 1); if ($i == "ft:") ft = $(i + 1)
            if ($i == "corp:") corp = $(i + 1) } }
        /^stat::number_of_executed_units/ { runs = $2 }
        /^stat::average_exec_per_sec/ { rate = $2 }
        /^stat::slowest_unit_time_sec/ { slow = $2 }
        END { printf "%-15s %10d executions (%d/s), coverage %d edges, %d features, corpus %s, slowest %d s, %d findings\n",
            target, runs, rate, cov, ft, corp, slow, found }' "$log"
    [ "$found" = 0 ] || { find "artifacts/$target" -type f; grep -m 3 -A 2 "panicked at\|ERROR: libFuzzer" "$log" || true; }
done
exit $status
