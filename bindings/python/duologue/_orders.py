"""Commands as the engine takes them, their arguments checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Callable, Optional, Union

from ._lib import native
from .errors import bad_argument, bad_type
from .events import CallRef, ToolCall

Order = Callable[[Any], int]


def boolean(name: str, value: object) -> bool:
    """`value`, which is a bool."""
    if not isinstance(value, bool):
        raise bad_type(name, "a bool", value)
    return value


def string(name: str, value: object) -> str:
    """`value`, which is a str."""
    if not isinstance(value, str):
        raise bad_type(name, "a string", value)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise bad_type(name, "text", value, "remove lone surrogates") from None
    return value


def whole(name: str, value: object) -> int:
    """`value`, which is an int from 0 to what the engine can count."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise bad_type(name, "an int", value)
    if not 0 <= value < 1 << 32:
        raise bad_argument(name, f"{value} is out of range", "give 0 to 4294967295")
    return value


def instant(name: str, value: object) -> int:
    """`value`, which is a time of `clock_us`."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise bad_type(name, "microseconds as an int", value)
    if not 0 <= value < 1 << 64:
        raise bad_argument(name, f"{value} is out of range", "give a time of duologue.clock_us()")
    return value


def send_text(text: str, respond: bool, interrupt: bool) -> Order:
    """See `Client.send_text`."""
    said = string("text", text)
    respond, interrupt = boolean("respond", respond), boolean("interrupt", interrupt)
    return lambda engine: engine.send_text(said, respond, interrupt)


def send_image(image: Any, text: Optional[str], respond: bool, interrupt: bool) -> Order:
    """See `Client.send_image`; `image` as the engine has it."""
    words = None if text is None else string("text", text)
    respond, interrupt = boolean("respond", respond), boolean("interrupt", interrupt)
    return lambda engine: engine.send_image(image, words, respond, interrupt)


def send_video_frame(image: Any) -> Order:
    """See `Client.send_video_frame`; `image` as the engine has it."""
    return lambda engine: engine.send_video_frame(image)


def send_feedback(item: str, score: Optional[str]) -> Order:
    """See `Client.send_feedback`."""
    rated = string("item", item)
    word = None if score is None else string("score", score)
    return lambda engine: engine.send_feedback(rated, word)


def send_user_activity() -> Order:
    """See `Client.send_user_activity`."""
    return lambda engine: engine.send_user_activity()


def send_context(text: str) -> Order:
    """See `Client.send_context`."""
    said = string("text", text)
    return lambda engine: engine.send_context(said)


def say(text: str) -> Order:
    """See `Client.say`."""
    said = string("text", text)
    return lambda engine: engine.say(said)


def request_response(options: Optional[str]) -> Order:
    """See `Client.request_response`; `options` as JSON text."""
    return lambda engine: engine.request_response(options)


def update_session(changes: str) -> Order:
    """See `Client.update_session`; `changes` as JSON text."""
    return lambda engine: engine.update_session(changes)


def submit_tool_result(call: Union[CallRef, ToolCall], output: object, is_error: bool) -> Order:
    """See `Client.submit_tool_result`."""
    from .tools import encode_result

    ref = call.call if isinstance(call, ToolCall) else call
    if not isinstance(ref, CallRef):
        raise bad_type("call", "the tool_call event or its CallRef", call)
    answer, failed = encode_result(output), boolean("is_error", is_error)
    named = native.CallRef(epoch=whole("call.epoch", ref.epoch), id=string("call.id", ref.id))
    return lambda engine: engine.submit_tool_result(named, answer, failed)


def set_capture(on: bool) -> Order:
    """See `Client.set_capture`."""
    wanted = boolean("on", on)
    return lambda engine: engine.set_capture(wanted)


def set_input_muted(muted: bool) -> Order:
    """See `Client.set_input_muted`."""
    wanted = boolean("muted", muted)
    return lambda engine: engine.set_input_muted(wanted)


def send_raw(event: Union[str, Mapping[str, Any]]) -> Order:
    """See `Client.send_raw`."""
    if isinstance(event, str):
        frame = string("json", event)
    elif isinstance(event, Mapping):
        from ._json import plain

        frame = json.dumps(plain(event, "json"))
    else:
        raise bad_type("json", "a mapping or JSON text", event)
    return lambda engine: engine.send_raw(frame)


def import_history(transcript: Union[str, Mapping[str, Any]]) -> Order:
    """See `Client.import_history`."""
    if isinstance(transcript, str):
        document = string("transcript", transcript)
    elif isinstance(transcript, Mapping):
        from ._json import plain

        document = json.dumps(plain(transcript, "transcript"))
    else:
        raise bad_type("transcript", "a mapping or JSON text", transcript)
    return lambda engine: engine.import_history(document)


def clear_history(engine: Any) -> int:
    """See `Client.clear_history`."""
    op: int = engine.clear_history()
    return op


def network_changed(engine: Any) -> int:
    """See `Client.network_changed`."""
    op: int = engine.network_changed()
    return op


def ping(engine: Any) -> int:
    """See `Client.ping`."""
    op: int = engine.ping()
    return op


def connect(engine: Any) -> int:
    """See `Client.connect`."""
    op: int = engine.connect()
    return op


def disconnect(engine: Any) -> int:
    """See `Client.disconnect`."""
    op: int = engine.disconnect()
    return op


def interrupt(engine: Any) -> int:
    """See `Client.interrupt`."""
    op: int = engine.interrupt()
    return op


def start_listening(engine: Any) -> int:
    """See `Client.start_listening`."""
    op: int = engine.start_listening()
    return op


def stop_listening(engine: Any) -> int:
    """See `Client.stop_listening`."""
    op: int = engine.stop_listening()
    return op


def clear_input(engine: Any) -> int:
    """See `Client.clear_input`."""
    op: int = engine.clear_input()
    return op
