#!/usr/bin/env python3
"""Prints the body with which Google's own client asks for an ephemeral token, for wishes given on stdin.

    google_tokens.py < wishes.json

The wishes: `uses`, `expires_at` and `new_session_expires_at` (seconds since 1970), and perhaps `model` and `config`,
the names and values of `LiveConnectConfig`. Nothing is sent: what the package would send is printed with camel-case
names, which the service takes as well as the package's mixture, and without the role of instructions.
"""

import json
import sys
import warnings
from datetime import datetime, timezone

from google import genai
from google.genai import errors, types


class Answer:
    body = '{"name": "auth_tokens/none"}'
    headers = None


def camel(value):
    if isinstance(value, dict):
        return {name_of(name): camel(inner) for name, inner in value.items()}
    return [camel(inner) for inner in value] if isinstance(value, list) else value


def name_of(name):
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def time(seconds):
    return datetime.fromtimestamp(seconds, timezone.utc)


def main():
    warnings.simplefilter("ignore", errors.ExperimentalWarning)
    wishes = json.load(sys.stdin)
    client = genai.Client(
        api_key="any", http_options={"base_url": "http://127.0.0.1:9", "api_version": "v1alpha"}
    )
    asked = []

    def request(method, path, body, options=None):
        asked.append((method, path, body))
        return Answer

    client._api_client.request = request
    config = types.CreateAuthTokenConfig(
        uses=wishes["uses"],
        expire_time=time(wishes["expires_at"]),
        new_session_expire_time=time(wishes["new_session_expires_at"]),
    )
    if "model" in wishes:
        config.live_connect_constraints = types.LiveConnectConstraints(
            model=wishes["model"], config=types.LiveConnectConfig(**wishes["config"])
        )
    client.auth_tokens.create(config=config)
    [(method, path, body)] = asked
    if (method, path) != ("post", "auth_tokens"):
        return f"asked for {method} {path}"
    body = camel(body)
    for name in ("expireTime", "newSessionExpireTime"):
        body[name] = body[name].replace("+00:00", "Z")
    body.get("bidiGenerateContentSetup", {}).get("systemInstruction", {}).pop("role", None)
    print(json.dumps(body))
    return 0


sys.exit(main())
