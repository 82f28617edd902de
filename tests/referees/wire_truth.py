#!/usr/bin/env python3
"""Holds JSON events of the OpenAI Realtime protocol against the `openai` package's own types.

Reads JSON lines {"side": "client"|"server", "event": {...}} on stdin, prints one line per defect
(`side type path: what`), then the counts, and exits 1 when there was any defect.

    wire_truth.py < events.jsonl     check
    wire_truth.py --self-test        correct examples must pass, planted defects must be caught

The package's models accept unknown keys at any depth and, unless told otherwise, "12" for an
integer, so an event is looked at in several independent ways:

1. strict validation against the model whose `type` it carries, then a walk over the result that
   requires `model_extra` to be empty at every depth;
2. the same validation with unknown keys forbidden, which also keeps a union from choosing a member
   that merely tolerates the value;
3. the validated value written back and compared with what came in, so that nothing was coerced or
   dropped on the way;
4. client events also against the package's request types (`*_param`), which are stricter about null
   and the only ones that know item references;
5. rules the package documents without typing them: which parts carry which fields, base64.

Free by design, because the package types them `object` or as a dictionary: JSON schemas of tools,
MCP annotations, metadata and prompt variables.
"""

import base64
import binascii
import copy
import json
import sys
from typing import Annotated, get_args, get_origin, get_type_hints

from openai.types.realtime import (
    realtime_client_event,
    realtime_client_event_param,
    realtime_server_event,
)
from openai.types.realtime.realtime_session_create_response import RealtimeSessionCreateResponse
from openai.types.realtime.realtime_transcription_session_create_response import (
    RealtimeTranscriptionSessionCreateResponse,
)
from openai.types.realtime.response_create_event_with_references_param import (
    ResponseCreateEventWithReferencesParam,
)
from openai.types.realtime.response_item_reference import ResponseItemReference
from pydantic import BaseModel, TypeAdapter, ValidationError


def members(union):
    """The classes of a (possibly annotated) union."""
    while get_origin(union) is Annotated:
        union = get_args(union)[0]
    return get_args(union)


def model_types(union):
    """The model of each `type`, the one literal its class allows."""
    return {get_args(cls.model_fields["type"].annotation)[0]: cls for cls in members(union)}


def request_types(union):
    found = {get_args(get_type_hints(cls)["type"])[0]: cls for cls in members(union)}
    found["response.create"] = ResponseCreateEventWithReferencesParam
    return {name: TypeAdapter(cls) for name, cls in found.items()}


MODELS = {
    "client": model_types(realtime_client_event.RealtimeClientEvent),
    "server": model_types(realtime_server_event.RealtimeServerEvent),
}
REQUESTS = request_types(realtime_client_event_param.RealtimeClientEventParam)

# The package's documentation says "can be set to null to turn off"; its request types do not.
DOCUMENTED_NULLS = (
    ("session", "audio", "input", "noise_reduction"),
    ("session", "audio", "input", "transcription"),
)

# What each kind of content part carries. The package has one flat class per role.
PART_FIELDS = {
    "input_text": ({"text"}, set()),
    "input_audio": (set(), {"audio", "transcript"}),
    "input_image": ({"image_url"}, {"detail"}),
    "output_text": ({"text"}, set()),
    "output_audio": (set(), {"audio", "transcript"}),
    "text": ({"text"}, set()),
    "audio": (set(), {"audio", "transcript"}),
}
# Objects that are told apart by `type`, though the package calls it optional.
TAGGED = {"Content", "Part", "RealtimeFunctionTool", "AudioPCM", "AudioPCMU", "AudioPCMA"}
# Open strings in the package whose documentation closes them.
CLOSED = {"conversation": {"auto", "none"}}
BASE64_EVENTS = {"input_audio_buffer.append": "audio", "response.output_audio.delta": "delta"}


# --- The package's types --------------------------------------------------------------------------


def dotted(path):
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text or "(event)"


def relevant(errors):
    """Without the complaints of union members that another `type` or `role` rules out."""
    ruled_out = []
    for error in errors:
        *holder, key = error["loc"] or ("",)
        member = str(holder[-1]) if holder else ""  # unions add the class name to the path
        if error["type"] == "literal_error" and key in ("type", "role") and member[:1].isupper():
            ruled_out.append(tuple(holder))
    kept = [e for e in errors if not any(e["loc"][: len(p)] == p for p in ruled_out)]
    return kept or errors


def complaints(error, prefix=()):
    for e in relevant(error.errors(include_url=False)):
        yield dotted(prefix + e["loc"]), f"{e['msg']} (got {shorten(e['input'])})"


def shorten(value):
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def extras(value, path=()):
    """Unknown keys anywhere in a validated value."""
    if isinstance(value, BaseModel):
        for key in value.model_extra or {}:
            yield dotted(path + (key,)), f"unknown field of {type(value).__name__}"
        for name, field in type(value).model_fields.items():
            if name in value.model_fields_set:
                yield from extras(getattr(value, name), path + (field.alias or name,))
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from extras(inner, path + (key,))
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from extras(inner, path + (index,))


def differences(sent, kept, path=()):
    """Where the validated value is not what was sent. An integer may stand for a float."""
    if isinstance(sent, dict) and isinstance(kept, dict):
        for key in sorted(sent.keys() | kept.keys()):
            if key not in kept:
                yield dotted(path + (key,)), "dropped by validation"
            elif key not in sent:
                yield dotted(path + (key,)), "invented by validation"
            else:
                yield from differences(sent[key], kept[key], path + (key,))
    elif isinstance(sent, list) and isinstance(kept, list) and len(sent) == len(kept):
        for index, (a, b) in enumerate(zip(sent, kept)):
            yield from differences(a, b, path + (index,))
    elif type(sent) is int and type(kept) is float and sent == kept:
        return
    elif type(sent) is not type(kept) or sent != kept:
        yield dotted(path), f"coerced from {shorten(sent)} to {shorten(kept)}"


def drain(value):
    """Request types hold lazy sequences: walking them is what validates them."""
    if isinstance(value, dict):
        return {key: drain(inner) for key, inner in value.items()}
    if isinstance(value, list) or hasattr(value, "__next__"):
        return [drain(inner) for inner in value]
    return value


def against_model(cls, event):
    """Looks 1, 2 and 3."""
    found = []
    try:
        found += extras(cls.model_validate(event, strict=True))
    except ValidationError:
        pass  # the second look reports it, with better paths
    try:
        value = cls.model_validate(event, strict=True, extra="forbid")
    except ValidationError as error:
        return found + list(complaints(error)), None
    found += extras(value)
    found += differences(event, value.model_dump(mode="python", by_alias=True, exclude_unset=True))
    return found, value


def against_request(event):
    """Look 4."""
    event = copy.deepcopy(event)
    for path in DOCUMENTED_NULLS:
        holder = event
        for step in path[:-1]:
            holder = holder.get(step) if isinstance(holder, dict) else None
        if isinstance(holder, dict) and path[-1] in holder and holder[path[-1]] is None:
            del holder[path[-1]]
    try:
        drain(REQUESTS[event["type"]].validate_python(event, strict=True, extra="forbid"))
    except ValidationError as error:
        return [(f"request type: {path}", what) for path, what in complaints(error)]
    return []


# --- What the package documents without typing it ---------------------------------------------------


def is_base64(text):
    try:
        return isinstance(text, str) and base64.b64encode(base64.b64decode(text, validate=True)).decode() == text
    except (binascii.Error, ValueError):
        return False


def untyped_rules(value, path=()):
    """Look 5, over a validated model."""
    if isinstance(value, BaseModel):
        name, fields = type(value).__name__, value.model_fields_set
        if name in TAGGED and value.type is None:
            yield dotted(path + ("type",)), f"missing in {name}"
        if name in ("Content", "Part") and value.type in PART_FIELDS:
            needed, allowed = PART_FIELDS[value.type]
            for field in sorted(needed - fields):
                yield dotted(path + (field,)), f"missing in a part of type {value.type}"
            for field in sorted(fields - needed - allowed - {"type"}):
                yield dotted(path + (field,)), f"does not belong to a part of type {value.type}"
            if getattr(value, "audio", None) is not None and not is_base64(value.audio):
                yield dotted(path + ("audio",)), "not base64 with padding"
        if name == "RealtimeFunctionTool":
            if not value.name:
                yield dotted(path + ("name",)), "missing in a function tool"
            if value.parameters is not None and not isinstance(value.parameters, dict):
                yield dotted(path + ("parameters",)), "a JSON schema is an object"
        for field in fields:
            inner = getattr(value, field)
            if field in CLOSED and isinstance(inner, str) and inner not in CLOSED[field]:
                yield dotted(path + (field,)), f"{shorten(inner)} is none of {sorted(CLOSED[field])}"
            yield from untyped_rules(inner, path + (field,))
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from untyped_rules(inner, path + (index,))


def split_session(event):
    """The `id`, `object` and `expires_at` that every real session object carries.

    The event models type the session as it is requested, without these three. The package types
    them in the answer to a client secret, so they are held against that class, and the rest of the
    session against the event's own model.
    """
    session = event.get("session")
    if not isinstance(session, dict):
        return event, []
    read_only = {key: session[key] for key in ("id", "object", "expires_at") if key in session}
    rest = {key: inner for key, inner in session.items() if key not in read_only}
    answer = (
        RealtimeTranscriptionSessionCreateResponse
        if session.get("type") == "transcription"
        else RealtimeSessionCreateResponse
    )
    found = []
    try:
        answer.model_validate({"type": session.get("type"), **read_only}, strict=True, extra="forbid")
    except ValidationError as error:
        found = [c for c in complaints(error, ("session",)) if c[0] != "session.type"]
    return {**event, "session": rest}, found


def split_references(event):
    """Item references, which only the request type of `response.create` knows."""
    response = event.get("response")
    items = response.get("input") if isinstance(response, dict) else None
    if not isinstance(items, list):
        return event, []
    found, rest = [], []
    for index, item in enumerate(items):
        if isinstance(item, dict) and item.get("type") == "item_reference":
            try:
                ResponseItemReference.model_validate(item, strict=True, extra="forbid")
            except ValidationError as error:
                found += complaints(error, ("response", "input", index))
        else:
            rest.append(item)
    return {**event, "response": {**response, "input": rest}}, found


def check(side, event):
    """Every defect of one event as (path, what)."""
    if not isinstance(event, dict) or not isinstance(event.get("type"), str):
        return [("type", "missing")]
    cls = MODELS[side].get(event["type"])
    if cls is None:
        return [("type", f"{event['type']} is no {side} event of the package")]

    found, plain = [], event
    if side == "server" and event["type"] in ("session.created", "session.updated"):
        plain, found = split_session(event)
    if event["type"] == "response.create":
        plain, found = split_references(event)

    typed, value = against_model(cls, plain)
    found += typed
    if side == "client":
        found += against_request(event)
    if value is not None:
        found += untyped_rules(value)
    field = BASE64_EVENTS.get(event["type"])
    if field and isinstance(event.get(field), str) and not is_base64(event[field]):
        found.append((field, "not base64 with padding"))
    return list(dict.fromkeys(found))


# --- Commands ---------------------------------------------------------------------------------------


def check_stream(lines):
    counts, kinds, bad = {"client": 0, "server": 0}, set(), 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            side, event = entry["side"], entry["event"]
            counts[side] += 1
        except (ValueError, KeyError, TypeError) as error:
            print(f"line {number}: not an entry: {error!r}")
            bad += 1
            continue
        kind = event.get("type") if isinstance(event, dict) else None
        kinds.add((side, kind))
        defects = check(side, event)
        bad += bool(defects)
        for path, what in defects:
            print(f"{side} {kind} {path}: {what}")
    client_kinds = sum(side == "client" for side, _ in kinds)
    print(
        f"wire truth: {counts['client']} client events of {client_kinds} types, "
        f"{counts['server']} server events of {len(kinds) - client_kinds} types, {bad} defective"
    )
    return bad or not sum(counts.values())


def self_test():
    import wire_truth_cases as cases

    failures = 0

    def fail(text):
        nonlocal failures
        failures += 1
        print(text)

    seen = {"client": set(), "server": set()}
    for side, event in cases.CORRECT:
        seen[side].add(event["type"])
        for path, what in check(side, event):
            fail(f"correct example refused: {side} {event['type']} {path}: {what}")
    for side, models in MODELS.items():
        for name in sorted(models.keys() - seen[side]):
            fail(f"no correct example of the {side} event {name}")

    for name, side, event, where in cases.PLANTED:
        defects = check(side, event)
        if not any(path.removeprefix("request type: ").endswith(where) for path, _ in defects):
            fail(f"planted defect not caught: {name} (expected at ...{where}, found {defects})")

    # The walk over `model_extra` on its own, without the help of the forbidding look.
    for name, side, event, where in cases.UNKNOWN_FIELDS:
        value = MODELS[side][event["type"]].model_validate(event, strict=True)
        if not any(path.endswith(where) for path, _ in extras(value)):
            fail(f"the walk over model_extra missed: {name}")

    print(
        f"self-test: {len(cases.CORRECT)} correct examples of {len(seen['client'])} client and "
        f"{len(seen['server'])} server events, {len(cases.PLANTED)} planted defects, {failures} failures"
    )
    return failures


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(1 if self_test() else 0)
    if sys.argv[1:]:
        sys.exit(__doc__)
    sys.exit(1 if check_stream(sys.stdin) else 0)
