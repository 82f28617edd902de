#!/bin/sh
# Builds the wheels of `duologue` and `duologue-simulator` into <repository>/dist, optimised (`make wheels`).
# maturin makes the library, has the generator write the Python over it, and packs both.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH= cd -- "$here/../.." && pwd)
cargo=${CARGO:-cargo}
sh "$here/setup.sh"

target=${CARGO_TARGET_DIR:-$root/target}
case $target in /*) ;; *) target=$PWD/$target ;; esac
export CARGO_TARGET_DIR="$target"

# maturin runs whatever `uniffi-bindgen` is on PATH. A folder of its own: other builds must not replace it.
"$cargo" build --quiet --locked --manifest-path "$root/bindings/uniffi-bindgen/Cargo.toml" \
    --target-dir "$target/uniffi-bindgen"
export PATH="$target/uniffi-bindgen/debug:$PATH"

# Messages of panics name source files: let them not name this machine's folders. (The engine's own are relative
# anyway.) In the encoded form, because a home may have a space in its path.
cargo_home=${CARGO_HOME:-$HOME/.cargo}
separator=$(printf '\037')
flags=${CARGO_ENCODED_RUSTFLAGS-$(printf '%s' "${RUSTFLAGS-}" | tr -s ' ' '\037')}
export CARGO_ENCODED_RUSTFLAGS="${flags:+$flags$separator}--remap-path-prefix=$cargo_home/registry/src=registry"

# What was built from an older version must not be installed in place of this one.
mkdir -p "$root/dist"
rm -f "$root"/dist/duologue-*.whl "$root"/dist/duologue_simulator-*.whl
for distribution in python python-simulator; do
    # maturin looks for the manifest from where it is.
    (cd "$root/bindings/$distribution" && "$root/.deps/wheels/bin/maturin" build --quiet --out "$root/dist")
done
ls -l "$root"/dist/*.whl | awk '{ sub(".*/", "", $NF); printf "wheels: %s, %.1f MB\n", $NF, $5 / 1000000 }'
