"""From the bytes the engine gives to the records of this package.

uniffi's generated code reads a record field by field through several Python calls each, 15 to 30 µs an event.
Here the same bytes become the package's own records in one go. The format is that of the pinned version of
uniffi: big-endian numbers, texts and lists with a length in front, a byte before what may be missing, enums by
number from 1. A test compares every kind of event with what the generated code makes of it.
"""

from __future__ import annotations

import ctypes
import json
from struct import Struct
from typing import Any, Callable, Optional

from ._records import (
    AudioPart,
    CallRef,
    Difference,
    Ended,
    ImagePart,
    Message,
    Part,
    State,
    Status,
    TextPart,
    Tokens,
    ToolCallPart,
    ToolResultPart,
)
from .errors import ERROR_CLASSES, Error, from_fields
from .events import EVENT_TYPES, Event

_u8 = Struct(">B").unpack_from
_u32 = Struct(">I").unpack_from
_i32 = Struct(">i").unpack_from
_u64 = Struct(">Q").unpack_from
_f32 = Struct(">f").unpack_from
_f64 = Struct(">d").unpack_from
_envelope = Struct(">QQI").unpack_from

# In the order of the Rust enums; EVENTS.md has the words.
_PHASES = ("credential", "dial", "ice", "dtls", "configure")
_ENDED_BY = ("none", "user", "agent", "network", "error", "limit")
_AGENTS = ("idle", "thinking", "speaking")
_MODES = ("idle", "listening", "thinking", "speaking")
_ROLES = ("user", "assistant", "system")
_SPEECH_SOURCES = ("server", "local")
_INTERRUPT_SOURCES = ("user", "call", "server")
_MESSAGE_OPS = ("added", "updated", "removed")
_MESSAGE_STATES = ("in_progress", "completed", "incomplete")
_TOOL_STATES = ("pending", "running", "completed", "failed", "cancelled")
_TRANSCRIPT_MODES = ("delta", "replace", "final", "correction")
_TRANSCRIPT_STAGES = ("recognized", "generated", "heard")
_DIRECTIONS = ("input", "output")
_USAGE_SCOPES = ("response", "session")
_CLASSES = tuple(ERROR_CLASSES)


class Reader:
    """A place in the bytes."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes) -> None:
        """At the beginning."""
        self.data = data
        self.at = 0

    def u8(self) -> int:
        """A byte, and so a truth."""
        value = self.data[self.at]
        self.at += 1
        return value

    def flag(self) -> bool:
        """A truth."""
        return self.u8() != 0

    def u32(self) -> int:
        """Four bytes."""
        value: int = _u32(self.data, self.at)[0]
        self.at += 4
        return value

    def i32(self) -> int:
        """Four bytes with a sign."""
        value: int = _i32(self.data, self.at)[0]
        self.at += 4
        return value

    def u64(self) -> int:
        """Eight bytes."""
        value: int = _u64(self.data, self.at)[0]
        self.at += 8
        return value

    def f32(self) -> float:
        """A short float."""
        value: float = _f32(self.data, self.at)[0]
        self.at += 4
        return value

    def f64(self) -> float:
        """A float."""
        value: float = _f64(self.data, self.at)[0]
        self.at += 8
        return value

    def raw(self) -> bytes:
        """Bytes with their length in front."""
        start = self.at + 4
        self.at = end = start + _u32(self.data, self.at)[0]
        return self.data[start:end]

    def text(self) -> str:
        """A text."""
        start = self.at + 4
        self.at = end = start + _u32(self.data, self.at)[0]
        return self.data[start:end].decode()

    def maybe_text(self) -> Optional[str]:
        """A text that may be missing."""
        self.at += 1
        return self.text() if self.data[self.at - 1] else None

    def word(self, words: tuple[str, ...]) -> Any:
        """A value of an enum without data."""
        self.at += 4
        return words[_i32(self.data, self.at - 4)[0] - 1]

    def json(self) -> Any:
        """A text that is JSON."""
        return json.loads(self.text())

    def many(self, read: Callable[[Reader], Any]) -> tuple[Any, ...]:
        """A list."""
        return tuple([read(self) for _ in range(self.u32())])


def error(r: Reader) -> Error:
    """An error as an exception; nobody raises it here."""
    error_class, code = r.word(_CLASSES), r.text()
    r.i32()  # The number of the C interface.
    message, field, fix, provider_code = r.text(), r.maybe_text(), r.maybe_text(), r.maybe_text()
    fatal, retryable = r.flag(), r.flag()
    retry_after_ms = r.u64() if r.flag() else None
    return from_fields(
        error_class, code, message, field, fix, provider_code, fatal, retryable, retry_after_ms
    )


def thrown(r: Reader) -> Error:
    """What a call throws: an enum of one variant around the error."""
    r.i32()
    return error(r)


def status(r: Reader) -> Status:
    """The connection."""
    kind = r.i32()
    if kind == 1:
        return Status("idle", ended=Ended(r.word(_ENDED_BY), r.text(), r.text()))
    if kind == 2:
        return Status("connecting", phase=r.word(_PHASES))
    if kind == 3:
        return Status("connected")
    if kind == 4:
        attempt, retry_in_ms, reason = r.u32(), r.u64(), r.text()
        phase = r.word(_PHASES) if r.flag() else None
        return Status("reconnecting", attempt=attempt, retry_in_ms=retry_in_ms, reason=reason, phase=phase)
    return Status("error", error=error(r))


def call(r: Reader) -> CallRef:
    """A tool call's name across reconnects."""
    return CallRef(r.u32(), r.text())


def part(r: Reader) -> Part:
    """A piece of a message."""
    kind = r.i32()
    if kind == 1:
        return TextPart(r.text())
    if kind == 2:
        return AudioPart(r.text(), r.maybe_text(), r.u64(), r.u64())
    if kind == 3:
        call_id, name, arguments, given = r.text(), r.text(), r.text(), r.maybe_text()
        parsed = None if given is None else json.loads(given)
        return ToolCallPart(call_id, name, arguments, parsed, r.maybe_text(), r.word(_TOOL_STATES))
    if kind == 4:
        return ToolResultPart(r.text(), r.text(), r.flag())
    return ImagePart(r.maybe_text(), r.maybe_text(), r.text())


def message(r: Reader) -> Message:
    """An entry of the conversation."""
    return Message(
        r.text(), r.word(_ROLES), r.many(part), r.word(_MESSAGE_STATES), r.flag(), r.u64(), r.u64()
    )


def state(r: Reader) -> State:
    """The snapshot."""
    revision, connection, mode, speaking = r.u64(), status(r), r.word(_MODES), r.flag()
    agent, newest = r.word(_AGENTS), error(r) if r.flag() else None
    return State(revision, connection, mode, speaking, agent, newest, r.many(message))


def _tokens(r: Reader) -> Tokens:
    return Tokens(r.u64(), r.u64(), r.u64(), r.u64(), r.u64())


def _difference(r: Reader) -> Difference:
    return Difference(r.text(), r.json(), r.json())


def _speech(r: Reader) -> tuple[Any, ...]:
    return r.word(_ROLES), r.word(_SPEECH_SOURCES), r.u64()


def _end(r: Reader) -> tuple[Any, ...]:
    return r.text(), r.maybe_text()


def _tool_end(r: Reader) -> tuple[Any, ...]:
    return call(r), r.text()


def _session(r: Reader) -> tuple[Any, ...]:
    return r.json(), r.many(_difference)


def _one_error(r: Reader) -> tuple[Any, ...]:
    return (error(r),)


# What follows the envelope, of each kind in order.
_PAYLOADS: tuple[Callable[[Reader], tuple[Any, ...]], ...] = (
    lambda r: (status(r),),
    lambda r: (r.word(_MODES), r.flag(), r.word(_AGENTS)),
    _speech,
    _speech,
    lambda r: (r.u32(),),
    lambda r: (r.u32(), r.u64(), r.flag(), r.flag()),
    _end,
    _end,
    lambda r: (r.u64(), r.word(_INTERRUPT_SOURCES), r.flag(), r.flag()),
    lambda r: (r.word(_MESSAGE_OPS), r.maybe_text(), message(r), r.many(Reader.u32)),
    lambda r: (
        r.word(_ROLES),
        r.u32(),
        r.word(_TRANSCRIPT_MODES),
        r.text(),
        r.word(_TRANSCRIPT_STAGES),
        r.flag(),
        r.u32() if r.flag() else None,
    ),
    lambda r: (r.u32(), r.u32(), r.raw()),
    lambda r: (r.word(_DIRECTIONS), r.f32(), r.f32()),
    lambda r: (call(r), r.text(), r.text()),
    _tool_end,
    _tool_end,
    lambda r: (r.u64(), r.text(), r.u64()),
    lambda r: (r.u64(), error(r) if r.flag() else None, r.u64() if r.flag() else None),
    _session,
    _session,
    lambda r: (r.text(), r.text(), r.u64()),
    lambda r: (r.text(), r.text(), r.text()),
    lambda r: (
        r.word(_USAGE_SCOPES),
        r.flag(),
        _tokens(r),
        _tokens(r),
        r.f64() if r.flag() else None,
        r.u64() if r.flag() else None,
    ),
    lambda r: (r.u64(), r.u64(), r.u64(), r.u64()),
    lambda r: (r.text(), r.text(), r.flag()),
    _one_error,
    _one_error,
    lambda r: (r.word(_DIRECTIONS), r.text()),
    lambda r: (r.u64(), r.u64(), r.u64(), r.u64(), r.u64()),
)
_KINDS = tuple(zip(EVENT_TYPES.values(), _PAYLOADS))


def event(r: Reader) -> Event:
    """An event."""
    seq, time_ms, epoch = _envelope(r.data, r.at)
    r.at += 20
    turn = r.u64() if r.u8() else None
    response, item, inferred = r.maybe_text(), r.maybe_text(), r.flag()
    labels = {r.text(): r.text() for _ in range(r.u32())} if r.u8() else {}
    cls, payload = _KINDS[r.i32() - 1]
    made: Any = cls
    result: Event = made(seq, time_ms, epoch, turn, response, item, inferred, labels, *payload(r))
    return result


def events(data: bytes) -> list[Event]:
    """A list of events."""
    r = Reader(data)
    return [event(r) for _ in range(r.u32())]


def _through(decode: Callable[[Reader], Any]) -> Any:
    """Fits `decode` under a generated converter, which reads from a stream over the engine's memory."""

    def read(stream: Any) -> Any:
        reader = stream.__dict__.get("reader")
        if reader is None:
            # Once a buffer, however many events are in it.
            reader = stream.reader = Reader(ctypes.string_at(stream.data, stream.len))
        reader.at = stream.offset
        value = decode(reader)
        stream.offset = reader.at
        return value

    return staticmethod(read)


def install(native: Any) -> None:
    """Makes the generated module give this package's records and raise its exceptions."""
    for name, decode in (
        ("Event", event),
        ("ErrorInfo", error),
        ("DuologueError", thrown),
        ("Status", status),
        ("Message", message),
        ("State", state),
        ("Mode", lambda r: r.word(_MODES)),
    ):
        getattr(native, f"_UniffiFfiConverterType{name}").read = _through(decode)
