"""Events and records are those of the engine, immutable, and copy as any dataclass."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import re
import typing
from pathlib import Path
from typing import Any, Union, get_args, get_type_hints

import pytest
from duologue import _types, events
from duologue.errors import ArgumentError, ArgumentTypeError, ToolError
from duologue.events import (
    ALL_EVENTS,
    EVENT_TYPES,
    AnyEvent,
    AudioPart,
    CallRef,
    Event,
    ImagePart,
    Message,
    Raw,
    SpeechStarted,
    SpeechStopped,
    State,
    Status,
    TextPart,
    ToolCall,
    ToolCallPart,
    ToolResultPart,
    Transcript,
    event_mask,
)

ROOT = Path(__file__).resolve().parents[3]
RUST = [
    *(ROOT / "src" / "event").glob("*.rs"),
    ROOT / "src" / "message.rs",
    ROOT / "src" / "session" / "mod.rs",
]
RUST += [ROOT / "src" / "client" / name for name in ("state.rs", "availability.rs")]
RUST += [ROOT / "src" / "client" / "shared.rs"]
in_repository = pytest.mark.skipif(not RUST[-1].exists(), reason="only in the repository")
ENVELOPE = ["seq", "time_ms", "epoch", "turn", "response", "item", "inferred", "labels"]


def source() -> str:
    return "\n".join(re.sub(r"^\s*(//|#\[).*$", "", p.read_text(encoding="utf-8"), flags=re.M) for p in RUST)


def rust_struct(name: str) -> list[str]:
    body = re.search(rf"pub struct {name} \{{(.*?)\n\}}", source(), re.S)
    assert body is not None, name
    return re.findall(r"^    pub (\w+):", body[1], re.M)


def rust_enum(name: str) -> dict[str, str]:
    """Variants and what is in them."""
    body = re.search(rf"pub enum {name} \{{(.*?)\n\}}", source(), re.S)
    assert body is not None, name
    found = re.findall(r"^    (\w+)(?:\((\w+)\)| \{(.*?)\n    \})?,", body[1], re.M | re.S)
    return {snake(name): tuple_of or inside for name, tuple_of, inside in found}


def snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def names(cls: type) -> list[str]:
    return [f.name.rstrip("_") for f in dataclasses.fields(cls)]


@in_repository
def test_tags_and_bits_are_those_of_the_engine() -> None:
    listed = re.search(r"NAMES: \[&str; \d+\] = \[(.*?)\]", source(), re.S)
    assert listed is not None
    tags = re.findall(r'"(\w+)"', listed[1])
    assert list(EVENT_TYPES) == tags == list(get_args(_types.EventType))
    bits = dict(re.findall(r"^    ([A-Z_]+) = (\d+);", source(), re.M))
    assert {tag: cls.bit for tag, cls in EVENT_TYPES.items()} == {t: 1 << int(bits[t.upper()]) for t in tags}
    assert [cls.type for cls in get_args(AnyEvent)] == tags


@in_repository
def test_fields_are_those_of_the_engine() -> None:
    assert [*rust_struct("Event")][:-1] == names(Event) == ENVELOPE
    for tag, payload in rust_enum("EventKind").items():
        own = names(EVENT_TYPES[tag])[len(ENVELOPE) :]
        whole = {"Status": ["status"], "Error": ["error"]}
        assert own == (whole[payload] if payload in whole else rust_struct(payload)), tag


@in_repository
@pytest.mark.parametrize(
    "name",
    ["Availability", "CallRef", "Message", "Ended", "Difference", "Tokens", "State", "SessionStats", "Stats"],
)
def test_records_are_those_of_the_engine(name: str) -> None:
    assert names(getattr(events, name)) == rust_struct(name)


@in_repository
def test_parts_and_status_are_those_of_the_engine() -> None:
    parts: dict[str, type] = {
        cls.type: cls for cls in (TextPart, AudioPart, ToolCallPart, ToolResultPart, ImagePart)
    }
    variants = rust_enum("Part")
    assert list(parts) == list(variants) == list(get_args(_types.PartType))
    for tag, inside in variants.items():
        assert names(parts[tag]) == re.findall(r"^        (\w+):", inside, re.M), tag
    status = rust_enum("Status")
    assert list(status) == list(get_args(_types.StatusKind))
    fields = {name for inside in status.values() for name in re.findall(r"^        (\w+):", inside, re.M)}
    assert fields | {"kind"} == set(names(Status))


@in_repository
def test_words_are_those_of_the_engine() -> None:
    for name, alias in vars(_types).items():
        if typing.get_origin(alias) is typing.Literal and name not in ("EventType", "PartType"):
            assert list(get_args(alias)) == list(rust_enum(name)), name


dataclasses_mark = "__dataclass_fields__"


def classes() -> list[type]:
    found: list[type] = [
        v for v in vars(events).values() if isinstance(v, type) and dataclasses.is_dataclass(v)
    ]
    assert len(found) > len(EVENT_TYPES)
    return found


def made(cls: type) -> Any:
    return cls(**{f.name: f"<{f.name}>" for f in dataclasses.fields(cls)})


@pytest.mark.parametrize("cls", classes())
def test_records_behave_as_frozen_dataclasses(cls: type) -> None:
    record, again = made(cls), made(cls)
    field = dataclasses.fields(cls)[0].name
    for name in (field, "new"):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(record, name, 1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        delattr(record, field)
    assert all(getattr(record, f.name) == f"<{f.name}>" for f in dataclasses.fields(cls))
    for other in (copy.copy(record), copy.deepcopy(record), pickle.loads(pickle.dumps(record)), again):
        assert other == record and hash(other) == hash(record) and repr(other) == repr(record)
    changed: Any = dataclasses.replace(record, **{field: "other"})
    assert changed != record and getattr(changed, field) == "other"
    assert dataclasses.asdict(record) == {f.name: f"<{f.name}>" for f in dataclasses.fields(cls)}
    assert repr(record).startswith(f"{cls.__name__}({field}='<{field}>'")


@pytest.mark.parametrize("cls", classes())
def test_everything_is_documented_and_typed(cls: type) -> None:
    assert cls.__doc__ and not cls.__doc__.startswith(f"{cls.__name__}(")
    hints = get_type_hints(cls)
    signature = inspect.signature(cls)
    assert list(signature.parameters) == [f.name for f in dataclasses.fields(cls)]
    assert set(signature.parameters) <= set(hints)


def test_arguments_that_do_not_fit_are_refused() -> None:
    with pytest.raises(TypeError):
        Transcript(1, 2, 3)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        CallRef(1, "id", 3)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        CallRef(epoch=1, id="id", more=3)  # type: ignore[call-arg]


def test_records_of_different_classes_differ() -> None:
    started: Event = SpeechStarted(**envelope(), who="user", source="server", audio_ms=5)
    stopped: Event = SpeechStopped(**envelope(), who="user", source="server", audio_ms=5)
    assert started != stopped and hash(started) != hash(stopped)


def message(*parts: Union[TextPart, AudioPart, ToolCallPart, ImagePart]) -> Message:
    return Message("m", "user", parts, "completed", False, 1, 0)


def test_text_of_a_message() -> None:
    call = ToolCallPart("c", "f", "{}", {}, "result", "completed")
    audio = AudioPart("two words", "two", 100, 50)
    assert (
        message(TextPart("one"), call, audio, TextPart(""), ImagePart(None, "u", "image/png")).text
        == "one two words"
    )
    assert message().text == ""


def envelope() -> dict[str, Any]:
    return dict.fromkeys(ENVELOPE)


def test_input_of_a_tool_call() -> None:
    call = CallRef(1, "c")
    assert ToolCall(**envelope(), call=call, name="f", arguments='{"a": [1]}').input == {"a": [1]}
    for wrong in ("", "{", "[" * 200_000):
        with pytest.raises(ToolError) as caught:
            _ = ToolCall(**envelope(), call=call, name="f", arguments=wrong).input
        assert caught.value.field == "arguments" and caught.value.code == "invalid_json"
    assert Raw(**envelope(), direction="input", json='{"type": "x"}').data == {"type": "x"}


def test_status_in_words() -> None:
    words = ["is_idle", "is_connecting", "is_connected", "is_reconnecting", "is_error"]
    for kind in get_args(_types.StatusKind):
        status = Status(kind)
        assert [word for word in words if getattr(status, word)] == [f"is_{kind}"]
        assert status.is_over == (kind in ("idle", "error"))


def test_masks() -> None:
    assert event_mask() == event_mask([Event]) == ALL_EVENTS == 2**64 - 1
    assert event_mask([Transcript]) == event_mask(["transcript"]) == 1 << 10
    assert event_mask([Transcript, "audio", Transcript]) == (1 << 10) | (1 << 11)
    with pytest.raises(ArgumentError) as caught:
        event_mask([Transcript, "transcripts"])
    assert (caught.value.field, caught.value.fix) == ("types[1]", "did you mean 'transcript'?")
    for wrong in (int, 7, None, State):
        with pytest.raises(ArgumentTypeError) as refused:
            event_mask([wrong])  # type: ignore[list-item]
        assert refused.value.field == "types[0]"


def test_all_is_complete() -> None:
    public = {n for n in vars(events) if not n.startswith("_") and n[0].isupper()} - {
        "Any",
        "Union",
        "Iterable",
    }
    assert public == {n for n in events.__all__ if n[0].isupper()}
