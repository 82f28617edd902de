#!/bin/sh
# Installs what the referee tests need into <repository>/.deps:
#   .deps/python   a virtual environment with requirements.txt
#   .deps/node     node_modules of package.json and package-lock.json
# and Debian's Chromium beside it, which is the system's (CHROMIUM names another one).
# Safe to run again: an environment whose pins have not changed is left alone.
# DUOLOGUE_REFEREES names another folder than .deps.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
deps=${DUOLOGUE_REFEREES:-$here/../../.deps}
mkdir -p "$deps"
deps=$(CDPATH= cd -- "$deps" && pwd)

topic=referees
. "$here/../apt.sh"

fingerprint() { cat "$@" | cksum | tr ' ' '-'; }

# --- Python ---------------------------------------------------------------------------------------
python_fix="Python 3.11 or newer with its venv module is needed: apt-get install python3 python3-venv"
python_is_new() { python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
python_has_venv() { python3 -c 'import ensurepip, venv' 2>/dev/null; }

pins=$(fingerprint "$here/requirements.txt")
if [ "$(cat "$deps/python.stamp" 2>/dev/null)" = "$pins" ] && "$deps/python/bin/python" -c 'import openai, aiortc, elevenlabs, google.genai, pydantic_ai.realtime, xai_sdk' 2>/dev/null; then
    say "python is up to date"
else
    rm -rf "$deps/python" "$deps/python.stamp"
    if ! command -v python3 >/dev/null 2>&1 || ! python_has_venv; then
        apt_install "$python_fix" python3 python3-venv
    fi
    python_is_new || fail "$python_fix (found $(python3 --version 2>&1))"
    say "installing $(grep -ci '^[a-z].*==' "$here/requirements.txt") Python packages ($(grep -E '^(openai|google-genai|elevenlabs|pydantic-ai-slim|aiortc)==' "$here/requirements.txt" | tr '\n' ' '))"
    python3 -m venv "$deps/python"
    "$deps/python/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt" \
        >"$deps/python.log" 2>&1 || { tail -n 5 "$deps/python.log" >&2; fail "pip failed, see $deps/python.log"; }
    printf '%s\n' "$pins" >"$deps/python.stamp"
fi

# --- Node -----------------------------------------------------------------------------------------
node_fix="Node 20 or newer with npm is needed: apt-get install nodejs npm"
node_is_new() { node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null; }

pins=$(fingerprint "$here/package.json" "$here/package-lock.json")
if [ "$(cat "$deps/node.stamp" 2>/dev/null)" = "$pins" ] && [ -d "$deps/node/node_modules/@openai/agents-realtime" ] &&
    [ -d "$deps/node/node_modules/@elevenlabs/client" ] && [ -d "$deps/node/node_modules/playwright-core" ]; then
    say "node is up to date"
else
    rm -rf "$deps/node" "$deps/node.stamp"
    if ! command -v node >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then
        apt_install "$node_fix" nodejs npm
    fi
    node_is_new || fail "$node_fix (found $(node --version 2>&1))"
    say "installing Node packages (@openai/agents-realtime $(sed -n 's/.*agents-realtime": "\(.*\)".*/\1/p' "$here/package.json"))"
    mkdir -p "$deps/node"
    cp "$here/package.json" "$here/package-lock.json" "$deps/node/"
    (cd "$deps/node" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error) \
        >"$deps/node.log" 2>&1 || { tail -n 5 "$deps/node.log" >&2; fail "npm failed, see $deps/node.log"; }
    printf '%s\n' "$pins" >"$deps/node.stamp"
fi

# --- Chromium -------------------------------------------------------------------------------------
chromium=${CHROMIUM:-/usr/bin/chromium}
chromium_fix="Chromium is needed: apt-get install chromium, or set CHROMIUM to where one is"

if [ -x "$chromium" ]; then
    say "chromium is up to date"
else
    rm -f "$deps/chromium.stamp"
    [ -z "${CHROMIUM-}" ] || fail "$chromium_fix ($CHROMIUM is none)"
    apt_install "$chromium_fix" chromium
fi
printf '%s\n' "$chromium" >"$deps/chromium.stamp"

say "ready in $deps"
