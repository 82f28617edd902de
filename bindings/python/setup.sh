#!/bin/sh
# Installs what building the wheels needs into <repository>/.deps/wheels: a virtual environment with maturin, in
# the version that pyproject.toml names. Safe to run again: an environment with the right version is left alone.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
deps=$here/../../.deps
mkdir -p "$deps"
deps=$(CDPATH= cd -- "$deps" && pwd)

topic=wheels
. "$here/../../tests/apt.sh"
. "$here/venv.sh"

maturin=$(sed -n 's/^requires = \["\(maturin==[^"]*\)"\]$/\1/p' "$here/pyproject.toml")
[ -n "$maturin" ] || fail "bindings/python/pyproject.toml names no version of maturin"

default_python
pins="$maturin $("$python" --version 2>&1)"
if [ "$(cat "$deps/wheels.stamp" 2>/dev/null)" = "$pins" ] && "$deps/wheels/bin/maturin" --version >/dev/null 2>&1; then
    say "maturin is up to date"
else
    rm -f "$deps/wheels.stamp"
    make_venv "$python" "$deps/wheels"
    say "installing $maturin"
    pip_install "$deps/wheels" "$maturin"
    printf '%s\n' "$pins" >"$deps/wheels.stamp"
fi
