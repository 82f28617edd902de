#!/bin/sh
# make impair: speech over networks that lose and delay packets, in virtual time, and how it sounds (PESQ-WB).
# What was heard is left in dist/impair. Installs the scorer into .deps/pesq, nothing outside of it.
set -eu
cd "$(dirname "$0")/.."
python=.deps/pesq/bin/python
if ! "$python" -c 'import pesq' 2>/dev/null; then
    fix="impair: needed: python3 with its venv module and headers, and a C compiler (apt-get install python3-venv python3-dev gcc)"
    rm -rf .deps/pesq
    python3 -m venv .deps/pesq || { echo "$fix" >&2; exit 1; }
    "$python" -m pip install --quiet --disable-pip-version-check --requirement benches/pesq-requirements.txt ||
        { echo "$fix" >&2; exit 1; }
fi
rm -rf dist/impair
mkdir -p dist/impair
DUOLOGUE_IMPAIR=$PWD/dist/impair ${CARGO:-cargo} test --quiet --features cli,capi --test lossy_speech a9 -- --nocapture
"$python" benches/pesq_table.py dist/impair
