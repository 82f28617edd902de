# Sourced after tests/apt.sh: makes virtual environments. Before sourcing: `topic` and `deps`, as there.

# default_python: sets `python` to the python3 of PATH, and says what is missing.
default_python() {
    python_fix="Python 3.9 or newer is needed: apt-get install python3 python3-venv"
    command -v python3 >/dev/null 2>&1 || apt_install "$python_fix" python3 python3-venv
    python=$(command -v python3) || fail "$python_fix"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null ||
        fail "$python_fix (found $("$python" --version 2>&1))"
}

has_venv() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }

# make_venv PYTHON FOLDER: a fresh environment with pip. Debian keeps the venv module in a package of its own: where
# that cannot be installed, uv or virtualenv make the same.
make_venv() {
    rm -rf "$2"
    if ! has_venv "$1" && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
        (apt_install "the venv module of $1 is missing" python3-venv) || true
    fi
    if has_venv "$1"; then
        "$1" -m venv "$2" >"$deps/venv.log" 2>&1 || fail "no virtual environment could be made, see $deps/venv.log"
    elif command -v uv >/dev/null 2>&1; then
        uv venv --quiet --seed --python "$1" "$2" || fail "uv could not make a virtual environment with $1"
    elif "$1" -m pip --version >/dev/null 2>&1; then
        PYTHONPATH=$deps/virtualenv "$1" -m virtualenv --version >/dev/null 2>&1 ||
            thrice "$deps/venv.log" "$1" -m pip install --quiet --disable-pip-version-check \
                --target "$deps/virtualenv" virtualenv
        PYTHONPATH=$deps/virtualenv "$1" -m virtualenv --quiet "$2" || fail "virtualenv failed with $1"
    else
        fail "$1 has neither venv nor pip: apt-get install python3-venv"
    fi
}

# thrice LOG COMMAND...: networks fail now and then.
thrice() {
    thrice_log=$1
    shift
    for thrice_wait in 2 10 0; do
        "$@" >"$thrice_log" 2>&1 && return
        sleep "$thrice_wait"
    done
    tail -n 5 "$thrice_log" >&2
    fail "failed three times: $* (see $thrice_log)"
}

# pip_install VENV ARGUMENT...: from the package index.
pip_install() {
    pip_venv=$1
    shift
    thrice "$deps/pip.log" "$pip_venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
}
