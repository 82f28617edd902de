# Sourced by the setup scripts: how they talk and how they install Debian packages.
# Before sourcing: `topic`, which every line begins with, and `deps`, a folder for the log.

say() { printf '%s: %s\n' "$topic" "$*"; }
fail() { say "$*" >&2; exit 1; }

apt_updated=no
# apt_install FIX PACKAGE...: installs as root on Debian, otherwise names the one fix.
apt_install() {
    fix=$1
    shift
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        fail "$fix"
    fi
    if [ $apt_updated = no ]; then
        say "apt-get update"
        apt-get update -qq >"$deps/apt.log" 2>&1 || fail "apt-get update failed, see $deps/apt.log"
        apt_updated=yes
    fi
    say "apt-get install $*"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >>"$deps/apt.log" 2>&1 ||
        fail "apt-get install $* failed, see $deps/apt.log"
}
