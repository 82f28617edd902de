#!/bin/sh
# Installs what the tests in C and C++ need: compilers, build tools that find the library, valgrind.
# The sanitizers' runtimes are gcc's own. Safe to run again: what is there is left alone.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
deps=${DUOLOGUE_REFEREES:-$here/../../.deps}
mkdir -p "$deps"
topic=compilers
. "$here/../apt.sh"

# What the program is called, and the Debian package it comes in.
missing=$(while read -r program package; do
    command -v "$program" >/dev/null 2>&1 || printf '%s ' "$package"
done <<LIST
gcc gcc
g++ g++
clang clang
clang++ clang
make make
cmake cmake
pkg-config pkg-config
valgrind valgrind
nm binutils
readelf binutils
LIST
)
# Without its headers and runtimes a compiler is of no use: the package alone may bring neither.
sanitizes() { printf 'int main(void) { return 0; }\n' | gcc -x c -fsanitize="$1" -o /dev/null - >/dev/null 2>&1; }
if [ -z "$missing" ]; then
    sanitizes address && sanitizes thread || missing="gcc libc6-dev"
else
    missing="$missing libc6-dev"
fi
if [ -n "$missing" ]; then
    missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ')
    # One word each.
    # shellcheck disable=SC2086
    apt_install "compilers for C and C++ with their tools are needed: apt-get install $missing" $missing
fi
sanitizes address && sanitizes thread || fail "gcc cannot link its sanitizers: apt-get install gcc libc6-dev"
# On some systems it wants the C library's debugging symbols.
valgrind --quiet true >/dev/null 2>&1 || apt_install "valgrind does not start: apt-get install libc6-dbg" libc6-dbg
say "ready: $(gcc -dumpfullversion) gcc, $(clang -dumpversion) clang, $(valgrind --version)"
