#!/bin/sh
# Which line of the conformance checklists is shown by which test (docs/conformance-*.md), from a run of
# those tests: fails when one of them does not exist or did not pass. `make conformance` runs them;
# tests/run.sh gives the log of its own run: sh tests/conformance.sh LOG
set -eu
cd "$(dirname "$0")/.."
pages="openai:62 gemini:32 xai:29 elevenlabs:29"
log=${1-}

if [ -z "$log" ]; then
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    # Only the targets the page names, and of them only those tests.
    named=$(grep -oh '`[a-z_/]*\.rs::[a-z0-9_]*`' docs/conformance-*.md | tr -d '`' | sort -u)
    set -- random_conversations_keep_every_promise
    for test in $named; do set -- "$@" "${test#*::}"; done
    targets=$(printf '%s\n' $named tests/random.rs:: | sed -n 's,^src/.*,--lib,p
        s,^tests/\([a-z_]*\)/.*,--test \1,p
        s,^tests/\([a-z_]*\)\.rs::.*,--test \1,p' | sort -u)
    # shellcheck disable=SC2086
    cargo test --quiet --features cli,capi $targets --no-run
    # shellcheck disable=SC2086
    cargo test --features cli,capi $targets --no-fail-fast -- "$@" >"$log" 2>&1 || true
fi

status=0
for checked in $pages; do
name=${checked%%:*}
page=docs/conformance-$name.md
awk -v page="$page" -v vendor="$name" -v lines="${checked##*:}" '
    # target::test of a file and a test as the page writes them.
    function key(file, test,    path) {
        if (file ~ /^src\//) return "lib " test
        if (split(file, path, "/") == 3) return path[2] " " test
        sub(/\.rs$/, "", path[2])
        return path[2] " " test
    }
    # The file a test of the page is in, as a module: what its full name in the run has to begin with.
    function module(file,    path, n, i, name) {
        n = split(file, path, "/")
        sub(/\.rs$/, "", path[n])
        if (path[1] == "tests") return n == 3 && path[3] != "main" ? path[3] "::" : ""
        name = path[2]
        for (i = 3; i <= n; i++) name = name "::" path[i]
        return name "::"
    }
    FILENAME != page {
        if ($1 == "Running") {
            target = $2 == "unittests" ? $3 : $2
            if (target == "src/lib.rs") target = "lib"
            else if (!sub(/^tests\//, "", target)) target = ""
            sub(/\.rs$/, "", target)
            sub(/\/main$/, "", target)
        }
        if ($1 == "test" && $3 == "..." && target != "") {
            short = $2
            sub(/^.*::/, "", short)
            # One name may be there twice, in two modules.
            found[target " " short] = found[target " " short] " " $2 "=" ($4 == "ok" ? "ok" : "failed")
        }
        next
    }
    /^## / { left = /^## Left/ }
    /^\| [0-9]/ {
        split($0, cell, " *\\| *")
        if (left) {
            n = split(cell[2], numbers, ", ")
            for (i = 1; i <= n; i++) line[numbers[i] + 0] = cell[3] ": left: " cell[4]
            next
        }
        tests = ""
        text = cell[4]
        if (text ~ /invariants/)
            text = text " `tests/random.rs::random_conversations_keep_every_promise`"
        while (match(text, /`[a-z_\/]+\.rs::[a-z0-9_]+`/)) {
            name = substr(text, RSTART + 1, RLENGTH - 2)
            text = substr(text, RSTART + RLENGTH)
            at = index(name, "::")
            file = substr(name, 1, at - 1)
            test = substr(name, at + 2)
            verdict = "is in no run"
            n = split(found[key(file, test)], runs, " ")
            for (i = 1; i <= n; i++) {
                if (index(runs[i], module(file)) != 1) continue
                if (runs[i] ~ /=ok$/ && verdict != "failed") verdict = "ok"
                else if (runs[i] !~ /=ok$/) verdict = "failed"
            }
            sub(/^[a-z]*\//, "", file)
            sub(/\.rs$/, "", file)
            tests = tests (tests == "" ? "" : ", ") file "::" test
            if (verdict != "ok") { tests = tests " (" toupper(verdict) ")"; bad++ }
            if (!(name in once)) shown++
            once[name] = 1
        }
        if (tests == "") { tests = "NO TEST"; bad++ }
        n = split(cell[2], numbers, ", ")
        for (i = 1; i <= n; i++) line[numbers[i] + 0] = cell[3] ": " tests
        covered += n
    }
    END {
        for (i = 1; i <= lines; i++) {
            if (!(i in line)) { line[i] = "NOT ON THE PAGE"; bad++ }
            printf "conformance: %s %d %s\n", vendor, i, line[i]
        }
        printf "conformance: %s: %d of %d lines shown by %d tests, the rest left", vendor, covered, lines, shown
        if (bad) printf "; %d FAILED", bad
        printf "\n"
        exit bad > 0
    }' "$log" "$page" || status=1
done
exit $status
