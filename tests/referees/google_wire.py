#!/usr/bin/env python3
"""Holds JSON messages of a Gemini Live client against the `google-genai` package's own types.

Reads JSON lines on stdin, prints one line per defect (`path: what`), then the count, and exits 1 when there was any
defect or nothing to look at.

    google_wire.py < messages.jsonl     check
    google_wire.py --self-test          correct examples must pass, planted defects must be caught

The package's types forbid unknown fields. They know no one-of and accept names in both cases, so that is looked at here:
exactly one top-level field, exactly one field of `realtimeInput`, camel case everywhere. `setup.realtimeInputConfig` is
missing in the package's type of the setup (its converter writes it all the same) and is held against its own type.
"""

import json
import sys

from google.genai import types
from pydantic import ValidationError

ONE_OF = ("setup", "clientContent", "realtimeInput", "toolResponse", "contextUpdate")
# What the host names itself: arguments, results, schemas' properties.
FREE = {"response", "args", "properties"}


def snakes(value, path):
    """Names that are not camel case."""
    if isinstance(value, dict):
        for name, inner in value.items():
            here = f"{path}.{name}"
            if "_" in name:
                yield f"{here}: not camel case"
            if name not in FREE:
                yield from snakes(inner, here)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from snakes(inner, f"{path}[{i}]")


def validated(model, value, path):
    try:
        model.model_validate(value)
    except ValidationError as error:
        for defect in error.errors():
            yield f"{path}.{'.'.join(str(part) for part in defect['loc'])}: {defect['msg']}"


def defects(message):
    if not isinstance(message, dict):
        return ["the message is no object"]
    found = []
    if sorted(message) != sorted(set(message) & set(ONE_OF)) or len(message) != 1:
        found.append(f"top level: {sorted(message)} is not exactly one of {', '.join(ONE_OF)}")
    realtime = message.get("realtimeInput")
    if isinstance(realtime, dict) and len(realtime) != 1:
        found.append(f"realtimeInput: {sorted(realtime)} is not exactly one field")
    found.extend(snakes(message, "message"))
    setup = message.get("setup")
    if isinstance(setup, dict) and "realtimeInputConfig" in setup:
        setup = dict(setup)
        config = setup.pop("realtimeInputConfig")
        found.extend(validated(types.RealtimeInputConfig, config, "setup.realtimeInputConfig"))
        message = {**message, "setup": setup}
    found.extend(validated(types.LiveClientMessage, message, "message"))
    return found


def self_test():
    audio = {"mimeType": "audio/pcm;rate=16000", "data": "AAA="}
    good = [
        {"setup": {"model": "models/m", "realtimeInputConfig": {"automaticActivityDetection": {"disabled": True}}}},
        {"realtimeInput": {"audio": audio}},
        {"realtimeInput": {"activityStart": {}}},
        {"clientContent": {"turns": [{"role": "user", "parts": [{"text": "hi"}]}], "turnComplete": True}},
        {"toolResponse": {"functionResponses": [{"id": "1", "name": "f", "response": {"a_b": 1}}]}},
    ]
    bad = [
        {},
        [],
        {"setup": {"model": "m"}, "realtimeInput": {"text": "x"}},
        {"setup": {"model": "m", "generation_config": {}}},
        {"setup": {"model": "m", "temperature": 1.0}},
        {"setup": {"model": "m", "realtimeInputConfig": {"automaticActivityDetection": {"disable": True}}}},
        {"setup": {"model": "m", "generationConfig": {"voiceName": "Kore"}}},
        {"realtimeInput": {"audio": audio, "text": "x"}},
        {"realtimeInput": {"audio": {"mime": "audio/pcm", "data": "AAA="}}},
        {"clientContent": {"turns": [{"role": "user", "content": "hi"}]}},
        {"toolResponse": {"functionResponses": [{"callId": "1", "name": "f"}]}},
        {"contextUpdate": {"tools": [{"functionDeclarations": []}]}},
    ]
    wrong = [f"refused: {message}: {defects(message)}" for message in good if defects(message)]
    wrong += [f"not caught: {message}" for message in bad if not defects(message)]
    print("\n".join(wrong) or f"{len(good)} good, {len(bad)} caught")
    return 1 if wrong else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    count = failed = 0
    for line in sys.stdin:
        if not line.strip():
            continue
        count += 1
        for defect in defects(json.loads(line)):
            failed += 1
            print(f"{line[:80].strip()}...: {defect}")
    print(f"{count} messages, {failed} defects")
    return 1 if failed or not count else 0


sys.exit(main())
