#!/bin/sh
# Installs or removes the C library; `make install` and `make uninstall` call it.
#   sh bindings/c/install.sh install|uninstall
# PREFIX (/usr/local), LIBDIR (lib: inside PREFIX unless absolute), DESTDIR (none: where packages are
# staged), PROFILE (release: cargo's build profile), CARGO (cargo).
set -eu
cd "$(dirname "$0")/../.."

prefix=${PREFIX:-/usr/local}
destdir=${DESTDIR:-}
profile=${PROFILE:-release}
cargo=${CARGO:-cargo}
libdir=${LIBDIR:-lib}
templates=bindings/c

fail() { printf 'install: %s\n' "$*" >&2; exit 1; }

case $prefix in /*) ;; *) fail "PREFIX must be an absolute path, not $prefix" ;; esac
prefix=${prefix%/}
case $libdir in
    "$prefix"/*) libdir=${libdir#"$prefix"/} ;;
    /*) fail "LIBDIR must be inside of PREFIX, or the installed files could not find each other after a move" ;;
esac
libdir=${libdir%/}

# Where the prefix is, seen from $libdir/pkgconfig: one step up for each part.
up=$(printf '%s/pkgconfig' "$libdir" | sed 's,[^/][^/]*,..,g')

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
major=${version%%.*}
rest=${version#*.}
case $major in
    0) abi=0.${rest%%.*} ;;
    *) abi=$major ;;
esac
soname=libduologue.so.$abi
shared_file=libduologue.so.$version

to=$destdir$prefix
lib=$to/$libdir
doc=$to/share/doc/duologue
cmake=$lib/cmake/duologue

uninstall() {
    # Every patch version of this ABI, an older one too.
    rm -f "$lib/$soname".* "$lib/$soname" "$lib/libduologue.so" "$lib/libduologue.a" \
        "$lib/pkgconfig/duologue.pc" "$lib/pkgconfig/duologue-static.pc" \
        "$to/include/duologue.h" "$to/include/duologue.hpp"
    # Nobody else's folders.
    rm -rf "$cmake" "$doc"
}

# fill TEMPLATE TARGET
fill() {
    sed -e "s|@version@|$version|g" -e "s|@up@|$up|g" -e "s|@native@|$native|g" \
        -e "s|@native_cmake@|$native_cmake|g" -e "s|@shared_file@|$shared_file|g" -e "s|@soname@|$soname|g" \
        -e "s|@abi_pattern@|$(printf '%s.' "$abi" | sed 's,[.],[.],g')|g" -e "s|@pointer_bytes@|$pointer_bytes|g" \
        "$1" >"$2"
    chmod 644 "$2"
}

install_all() {
    [ "$(uname -s)" = Linux ] || fail "only Linux is supported so far: build with \`make lib\` and copy by hand"
    said=$(mktemp)
    trap 'rm -f "$said"' EXIT
    # The same command as `make lib`: nothing is built twice, and the compiler repeats what it said.
    made=$(DUOLOGUE_CDYLIB=1 "$cargo" rustc --lib --profile "$profile" --features capi,webrtc \
        --crate-type cdylib,staticlib --color never --message-format json-render-diagnostics \
        -- --print native-static-libs 2>"$said") || { cat "$said" >&2; fail "the library cannot be built"; }
    files=$(printf '%s\n' "$made" | grep '"crate_types":\["cdylib","staticlib"\]' |
        sed -n 's/.*"filenames":\["\([^]]*\)"\].*/\1/p' | sed 's/","/\n/g')
    so=$(printf '%s\n' "$files" | grep '\.so$') || fail "cargo names no shared library"
    a=$(printf '%s\n' "$files" | grep '\.a$') || fail "cargo names no static library"
    native=$(sed -n 's/^note: native-static-libs: //p' "$said")
    [ -n "$native" ] || fail "rustc does not say what the static library needs"
    native_cmake=$(printf '%s' "$native" | sed -e 's/^-l//' -e 's/ -l/;/g')
    # The fifth byte of an ELF file: 1 for 32 bits, 2 for 64.
    pointer_bytes=$(($(od -An -tu1 -j4 -N1 "$so") * 4))

    # What an older version left would be found beside the new one.
    uninstall
    mkdir -p "$lib/pkgconfig" "$cmake" "$to/include" "$doc"
    install -m 755 "$so" "$lib/$shared_file"
    ln -s "$shared_file" "$lib/$soname"
    ln -s "$soname" "$lib/libduologue.so"
    install -m 644 "$a" "$lib/libduologue.a"
    for header in include/duologue.h include/duologue.hpp; do
        [ ! -f $header ] || install -m 644 $header "$to/include/"
    done
    for file in duologue.pc duologue-static.pc; do
        fill $templates/$file.in "$lib/pkgconfig/$file"
    done
    for file in duologue-config.cmake duologue-config-version.cmake duologue-targets.cmake; do
        fill $templates/$file.in "$cmake/$file"
    done
    install -m 644 LICENSE-APACHE LICENSE-MIT "$doc/"
    [ ! -d docs/licences ] || cp -R docs/licences "$doc/"

    echo "installed duologue $version in $to"
    [ -n "$destdir" ] || echo "a library in a new place is found after \`ldconfig\`, or with LD_LIBRARY_PATH=$prefix/$libdir"
}

case ${1:-} in
    install) install_all ;;
    uninstall) uninstall && echo "removed duologue from $to" ;;
    *) fail "say install or uninstall" ;;
esac
