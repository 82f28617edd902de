#!/bin/sh
# The Python package as a user gets it: builds both wheels, installs them into empty environments of every Python
# that can be had, with no Rust within reach, and runs the README's quick start and all examples there. Then the
# tests, the types and the style. Part of `make test`; every result is a line that tests/run.sh counts.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH= cd -- "$here/../../.." && pwd)
cd "$root" # ruff tells by it which rules are for the examples
package=$root/bindings/python
config=$package/pyproject.toml
deps=$root/.deps
mkdir -p "$deps"

topic=python
. "$root/tests/apt.sh"
. "$package/venv.sh"
# A user's settings are none of ours.
unset PYTHONPATH PYTHONHOME PYTHONSTARTUP DUOLOGUE_PROGRAM DUOLOGUE_BASE_URL OPENAI_API_KEY
export PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

# check NAME COMMAND...: one step; what it says is shown when it fails.
check() {
    name=$1
    shift
    check_status=0
    "$@" >"$work/log" 2>&1 </dev/null || check_status=$?
    [ -z "${DUOLOGUE_CANARY-}" ] || cat "$work/log" >>"$DUOLOGUE_CANARY/python.log"
    if [ $check_status -eq 0 ]; then
        passed=$((passed + 1))
        say "ok: $name"
    else
        failed=$((failed + 1))
        say "FAILED: $name"
        sed 's/^/    /' "$work/log"
    fi
}

# alone VENV COMMAND...: in an empty folder, with nothing but the environment within reach.
alone() {
    venv=$1
    shift
    rm -rf "$work/alone" && mkdir "$work/alone"
    (cd "$work/alone" && exec env -i HOME="$work/alone" PATH="$venv/bin" LC_ALL=C.UTF-8 "$timeout" -k 10 120 "$@")
}
timeout=$(command -v timeout)

# interpreter X.Y: sets `found` to a Python of this version that works, or to nothing.
interpreter() {
    found=
    for candidate in python3 "python$1" "$HOME/.pyenv/versions/$1".*/bin/python3 /opt/python/"$1"*/bin/python3; do
        candidate=$(command -v "$candidate" 2>/dev/null) || continue
        "$candidate" -c "import sys, ensurepip, venv; sys.exit('%d.%d' % sys.version_info[:2] != '$1')" 2>/dev/null ||
            continue
        found=$candidate
        return
    done
}

# missing X.Y: Debian may have it.
missing() {
    if [ "$(id -u)" -eq 0 ] && command -v apt-cache >/dev/null 2>&1 &&
        [ -n "$(apt-cache search --names-only "^python$1-venv\$" 2>/dev/null)" ]; then
        (apt_install "Python $1 is not here" "python$1" "python$1-venv") || true
        interpreter "$1"
    fi
}

# quick_start README: the first block of Python after the mark.
quick_start() {
    awk '/^<!-- quick start -->/ { marked = 1; next }
         marked && /^```python/ { inside = 1; next }
         inside && /^```/ { exit }
         inside' "$1"
}

quick_start_is_one() {
    [ -s "$work/quick_start.py" ] || { echo "bindings/python/README.md: no block of Python after <!-- quick start -->"; return 1; }
    lines=$(wc -l <"$work/quick_start.py")
    [ "$lines" -le 15 ] || { echo "the quick start has $lines lines, 15 are promised"; return 1; }
    quick_start "$root/README.md" | diff "$work/quick_start.py" - ||
        { echo "README.md and bindings/python/README.md differ"; return 1; }
}

nothing_of_rust() {
    # shellcheck disable=SC2016
    alone "$1" /bin/sh -c '! command -v cargo && ! command -v rustc && ! command -v duologue'
}

# Before the program is there: what does not need it works, what does says what to do.
without_the_program() {
    pip_offline "$1" duologue
    alone "$1" python -m duologue --version | grep -q '^duologue [0-9]' || return 1
    status=0
    alone "$1" python -m duologue talk 2>"$work/talk" || status=$?
    [ $status -eq 2 ] && grep -q 'pip install "duologue\[simulator\]"' "$work/talk" || { cat "$work/talk"; return 1; }
}

# As the README has it, and from dist alone.
pip_offline() {
    alone "$1" python -m pip install --quiet --no-index --find-links "$root/dist" "$2"
}

# example VENV PROGRAM ARGUMENT...: runs it, and what it was told to record is more than a header.
example() {
    example_venv=$1
    shift
    alone "$example_venv" python "$@" || return 1
    case "$*" in
    *answer.wav) [ "$(wc -c <"$work/alone/answer.wav")" -gt 10000 ] || { echo "answer.wav is empty"; return 1; } ;;
    esac
}

# installed VENV: both wheels, over what an earlier run left.
installed() {
    "$1/bin/python" -m pip uninstall --quiet --yes duologue duologue-simulator 2>/dev/null
    pip_offline "$1" "duologue[simulator]"
}

# tests X.Y VENV: pytest over the installed package; its count becomes one of ours.
tests() {
    status=0
    (cd "$work" && "$timeout" -k 10 600 "$2/bin/python" -m pytest -q -raP -p no:cacheprovider -c "$config" \
        --rootdir "$package" "$package/tests" "$root/examples/python") >"$work/pytest" 2>&1 </dev/null || status=$?
    if [ $status -eq 0 ]; then
        tail -n 1 "$work/pytest" | sed "s/^/python: pytest on $1: /"
    else
        # What passing tests printed is for the search below only.
        awk '/^=+ PASSES =+$/ { hide = 1 } /^=+ (FAILURES|ERRORS|short test summary info) =+$/ { hide = 0 } !hide' \
            "$work/pytest"
    fi
    # Looked through at the end of `make test` (tests/canary.sh).
    [ -z "${DUOLOGUE_CANARY-}" ] || cp "$work/pytest" "$DUOLOGUE_CANARY/pytest-$1.log"
    tail -n 1 "$work/pytest" | awk -v status=$status -v on="$1" '
        / in [0-9.]+s/ {
            for (i = 2; i <= NF; i++) {
                if ($i ~ /^(passed|xpassed),?$/) passed = $(i - 1)
                if ($i ~ /^failed,?$/) failed += $(i - 1)
                if ($i ~ /^errors?,?$/) failed += $(i - 1)
                if ($i ~ /^(skipped|xfailed),?$/) skipped += $(i - 1)
            }
        }
        END {
            # It ended in another way than by a test: a crash, no tests, the time.
            if (status && !failed) failed = 1
            printf "test result: %s. %d passed; %d failed; %d ignored; pytest on %s\n",
                failed ? "FAILED" : "ok", passed, failed, skipped, on
            exit failed > 0
        }' || pytest_failed=1
}

sh "$package/wheels.sh"

pytest_failed=0
quick_start "$package/README.md" >"$work/quick_start.py"
check "the quick start is the same in both READMEs" quick_start_is_one

default_python
version() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }
default=$(version "$python")
versions=$(printf '%s\n' "$default" 3.9 3.11 3.13 | awk '!seen[$0]++')
# 3.11 is there to be Debian's own: no loss where that is another.
for wanted in $versions; do
    interpreter "$wanted"
    [ -n "$found" ] || missing "$wanted"
    if [ -z "$found" ]; then
        skipped=$((skipped + 1))
        say "NOT TESTED on Python $wanted: there is none here (looked on PATH, in ~/.pyenv, in Debian)"
        continue
    fi
    venv=$work/venv-$wanted
    make_venv "$found" "$venv"
    check "$wanted: nothing of Rust within reach" nothing_of_rust "$venv"
    check "$wanted: installs and says what is missing" without_the_program "$venv"
    check "$wanted: installs with the simulator" pip_offline "$venv" "duologue[simulator]"
    check "$wanted: imports" alone "$venv" python -c "import duologue; duologue.__doc__"
    check "$wanted: the README's quick start" alone "$venv" python "$work/quick_start.py"
    for example in "$root"/examples/python/*.py; do
        [ -e "$example" ] || continue
        case ${example##*/} in
        # A test, not a program: below.
        test_*) continue ;;
        # Talks to the bench's own server.
        load.py) set -- --help ;;
        hello_voice.py | push_to_talk.py | file_to_file.py) set -- "$root/assets/question1.wav" answer.wav ;;
        *) set -- ;;
        esac
        check "$wanted: examples/python/${example##*/}" example "$venv" "$example" "$@"
    done
    rm -rf "$venv"

    # The tests' own environment is kept: it needs the network.
    kept=$deps/python-$wanted
    pins="$(cksum <"$here/requirements.txt") $("$found" --version 2>&1)"
    if [ "$(cat "$kept.stamp" 2>/dev/null)" != "$pins" ] || ! "$kept/bin/python" -c 'import pytest' 2>/dev/null; then
        say "installing what the tests on $wanted need"
        rm -f "$kept.stamp"
        make_venv "$found" "$kept"
        pip_install "$kept" --requirement "$here/requirements.txt"
        printf '%s\n' "$pins" >"$kept.stamp"
    fi
    check "$wanted: installs for the tests" installed "$kept"
    tests "$wanted" "$kept"
done

# Types and style need one Python, and tools that do not run on the oldest.
tools=$deps/python-$default/bin
if [ -x "$tools/mypy" ]; then
    set -- "$root"/examples/python/*.py
    [ -e "$1" ] || set --
    check "mypy: the package" "$tools/mypy" --config-file "$config" --cache-dir "$deps/mypy" "$package/duologue" "$@"
    # As a user has it: the types come from the wheel.
    [ $# -eq 0 ] || check "mypy: the examples over the installed package" sh -c \
        'cd "$1" && tools=$2 && shift 2 && exec "$tools/mypy" --strict --config-file /dev/null --cache-dir "$0" "$@"' \
        "$deps/mypy-installed" "$work" "$tools" "$work/quick_start.py" "$@"
    check "ruff: rules" "$tools/ruff" check --config "$config" --no-cache "$package" "$@"
    check "ruff: format" "$tools/ruff" format --check --config "$config" --no-cache "$package" "$@"
else
    failed=$((failed + 1))
    say "FAILED: mypy and ruff need Python 3.11 or newer as python3 (this is $default)"
fi

verdict=ok
[ $failed -eq 0 ] || verdict=FAILED
printf 'test result: %s. %d passed; %d failed; %d ignored; the Python package from outside\n' \
    $verdict $passed $failed $skipped
[ $failed -eq 0 ] && [ $pytest_failed -eq 0 ]
