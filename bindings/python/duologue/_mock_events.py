"""Events of the mocked service in the shapes of OpenAI's Realtime API. Sending one adds its `event_id`."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from typing import Any, Optional

Json = dict[str, Any]

#: Sample rate of audio in both directions; mono, 16 bits.
RATE = 24000
BYTES_PER_MS = RATE * 2 // 1000
#: Audio of one delta.
DELTA_MS = 100


def milliseconds(pcm: bytes) -> int:
    """Length of audio, whole milliseconds."""
    return len(pcm) // BYTES_PER_MS


def pieces(text: str) -> list[str]:
    """The words of a text with what separates them: joined they are the text."""
    return re.findall(r"\s*\S+(?:\s+$)?|^\s+$", text)


def session(number: int) -> Json:
    """A session before it is updated."""
    audio_format = {"type": "audio/pcm", "rate": RATE}
    return {
        "type": "realtime",
        "object": "realtime.session",
        "id": f"sess_{number:04}",
        "model": "gpt-realtime-2.1",
        "expires_at": int(time.time()) + 3600,
        "output_modalities": ["audio"],
        "instructions": "",
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "truncation": "auto",
        "tracing": None,
        "prompt": None,
        "include": None,
        "audio": {
            "input": {
                "format": dict(audio_format),
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": turn_detection("server_vad"),
            },
            "output": {"format": dict(audio_format), "voice": "marin", "speed": 1.0},
        },
    }


def turn_detection(kind: str) -> Json:
    """Turn detection of a type, with the service's defaults."""
    both = {"type": kind, "create_response": True, "interrupt_response": True}
    if kind == "server_vad":
        rest = {
            "threshold": 0.5,
            "prefix_padding_ms": 300,
            "silence_duration_ms": 200,
            "idle_timeout_ms": None,
        }
        return {**both, **rest}
    return {**both, "eagerness": "auto"}


def updated(old: Mapping[str, Any], patch: Mapping[str, Any]) -> Json:
    """A session after an update: what is not named stays."""
    new = dict(old)
    for key, value in patch.items():
        before = new.get(key)
        if key == "turn_detection" and isinstance(value, Mapping):
            kind = value.get("type", "server_vad")
            same = isinstance(before, Mapping) and before.get("type") == kind
            before = before if same else turn_detection(str(kind))
        both = isinstance(before, Mapping) and isinstance(value, Mapping)
        new[key] = updated(before or {}, value) if both else value
    return new


def error(
    kind: str, code: Optional[str], message: str, param: Optional[str], event_id: Optional[str]
) -> Json:
    """The vendor's error event."""
    told = {"type": kind, "code": code, "message": message, "param": param, "event_id": event_id}
    return {"type": "error", "error": told}


def item_added(item: Json, previous: Optional[str]) -> Json:
    """An item is in the conversation."""
    return {"type": "conversation.item.added", "previous_item_id": previous, "item": item}


def item_done(item: Json, previous: Optional[str]) -> Json:
    """An item is complete."""
    return {"type": "conversation.item.done", "previous_item_id": previous, "item": item}


def user_speech(item: str, transcript: Optional[str]) -> Json:
    """What the user said, as an item."""
    content = [{"type": "input_audio", "transcript": transcript}]
    return _item(item, "message", "completed", role="user", content=content)


def message(item: str, status: str, part: Optional[Json]) -> Json:
    """A message of the assistant."""
    return _item(item, "message", status, role="assistant", content=[] if part is None else [part])


def function_call(item: str, status: str, call_id: str, name: str, arguments: str) -> Json:
    """A call of a function."""
    return _item(item, "function_call", status, call_id=call_id, name=name, arguments=arguments)


def _item(item: str, kind: str, status: str, **fields: Any) -> Json:
    return {"id": item, "object": "realtime.item", "type": kind, "status": status, **fields}


def transcription(item: str, text: str) -> list[Json]:
    """The end of a transcription."""
    head = {"item_id": item, "content_index": 0}
    kind = "conversation.item.input_audio_transcription"
    usage = {"type": "duration", "seconds": 1}
    return [{"type": f"{kind}.completed", **head, "transcript": text, "usage": usage}]


def transcription_deltas(item: str, text: str) -> list[Json]:
    """Words that are recognized, one by one."""
    kind = "conversation.item.input_audio_transcription.delta"
    return [{"type": kind, "item_id": item, "content_index": 0, "delta": piece} for piece in pieces(text)]


def response(
    response_id: str,
    status: str,
    metadata: object,
    output: Iterable[Json],
    details: Optional[Json] = None,
    outside: bool = False,
) -> Json:
    """A response as `response.created` and `response.done` show it."""
    return {
        "id": response_id,
        "object": "realtime.response",
        "status": status,
        "status_details": details,
        "conversation_id": None if outside else "conv_0001",
        "metadata": metadata,
        "output": list(output),
        "usage": None,
    }
