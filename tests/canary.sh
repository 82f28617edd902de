#!/bin/sh
# Looks for the tests' marked secrets (tests/common/canary.rs, tests/c/canary.h) in everything a run printed and
# wrote, and fails when one is there: sh tests/canary.sh FOLDER
# The only place for them is the wire: the handshake between client and service.
set -eu
cd "$(dirname "$0")/.."
folder=$1
mark=$(sed -n 's/^pub const MARK: &str = "\(.*\)";$/\1/p' tests/common/canary.rs)
[ -n "$mark" ]
grep -q "\"$mark\"" tests/c/canary.h bindings/python/tests/conftest.py

# As text, and as the forms in which bytes are printed: base64 at its three offsets, hexadecimal, numbers.
numbers=$(printf %s "$mark" | od -An -v -tu1 | tr -s ' ' | sed 's/^ //; s/ *$//')
hex=$(printf %s "$mark" | od -An -v -tx1 | tr -s ' ' | sed 's/^ //; s/ *$//')
patterns=$(mktemp)
trap 'rm -f "$patterns"' EXIT
{
    printf '%s\n' "$mark"
    printf %s "$mark" | base64 | cut -c1-8
    printf 'x%s' "$mark" | base64 | cut -c3-9
    printf 'xx%s' "$mark" | base64 | cut -c4-10
    printf '%s\n' "$hex" | tr -d ' '
    printf '%s\n' "$hex"
    printf '%s\n' "$hex" | sed 's/ /, /g'
    printf '%s\n' "$numbers" | sed 's/ /, /g'
    # The key of talks with the simulator inside the program.
    echo sk-simulated
} >"$patterns"

# search PLACE: names what was found, and not in full: this is printed.
search() {
    # In capitals or not. Second: client secrets the simulator minted.
    LC_ALL=C grep -raioF -f "$patterns" "$1" | sort | uniq -c
    LC_ALL=C grep -raoE 'ek_[0-9A-Za-z]{32}' "$1" | cut -c1-200 | sed 's/ek_.*/ek_.../' | sort | uniq -c
}

# It would see one.
planted=$(mktemp -d)
trap 'rm -rf "$patterns" "$planted"' EXIT
while IFS= read -r pattern; do
    printf 'x %s y\n' "$pattern" >"$planted/leak"
    [ -n "$pattern" ] && [ -n "$(search "$planted")" ] || { echo "canary: would not see $pattern"; exit 1; }
done <"$patterns"

# There was something to look at.
watched=$(grep -rl '^watching tracing (true) and log (true)$' "$folder" | wc -l)
if [ "$watched" -lt 8 ] || [ ! -s "$folder/rust.log" ]; then
    echo "canary: only $watched programs were watched"
    exit 1
fi
found=$(search "$folder")
if [ -n "$found" ]; then
    echo "canary: FAILED: a secret of the tests was shown (times, file, what):"
    printf '%s\n' "$found" | sed "s,$folder/,,"
    # Where: the lines, with the secret taken out.
    LC_ALL=C grep -raiF "$mark" "$folder" | cut -c1-400 | sed "s,$folder/,,; s/$mark/[mark]/g" | head -n 20
    exit 1
fi
printf 'canary: no secret in %s KiB that the run printed and wrote; tracing and log of %s programs watched\n' \
    "$(du -sk "$folder" | cut -f1)" "$watched"
