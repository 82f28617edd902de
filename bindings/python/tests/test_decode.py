"""The short way from bytes to records says what the generated code says."""

from __future__ import annotations

import dataclasses
import enum
import json
import random
import re
import sys
import types
import typing
from pathlib import Path
from typing import Any

import duologue
import pytest
from duologue import _decode
from duologue._lib import native
from duologue.events import EVENT_TYPES


def _untouched() -> Any:
    """A second copy of the generated module, which nobody taught anything."""
    path = Path(native.__file__)
    # It would take the engine's calls of listeners and services away from the first.
    source = re.sub(r"_UniffiLib\.uniffi_duologue_fn_init_callback_vtable_\w+\(", "id(", path.read_text())
    module = types.ModuleType("duologue_untouched")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    exec(compile(source, str(path), "exec"), vars(module))
    return module


GENERATED = _untouched()
KINDS = [getattr(GENERATED.EventKind, name.upper()) for name in EVENT_TYPES]
# Texts that are JSON in the vocabulary and values in Python.
JSON_FIELDS = {"input", "effective", "wished"}


def _some(hint: Any, name: str, chance: random.Random) -> Any:
    """A value of a type of the generated module."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Union:
        return None if chance.random() < 0.3 else _some(arguments[0], name, chance)
    if origin in (list, typing.List):
        return [_some(arguments[0], name, chance) for _ in range(chance.randrange(3))]
    if origin in (dict, typing.Dict):
        return {f"key {n}": _some(str, name, chance) for n in range(chance.randrange(4))}
    if hint is str:
        if name in JSON_FIELDS:
            return json.dumps({"a": [chance.randrange(9), "ü", None]})
        return chance.choice(["", "plain", "zwölf Boxkämpfer", "\u65e5\u672c \U0001f3a4"])
    if hint is bool:
        return chance.random() < 0.5
    if hint is int:
        return chance.randrange(1, 1 << 16)
    if hint is float:
        return chance.randrange(64) / 64
    if hint is bytes:
        return chance.randbytes(2 * chance.randrange(50)) if hasattr(chance, "randbytes") else b"ab"
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return chance.choice(list(hint))
    variants = [v for n, v in vars(hint).items() if isinstance(v, type) and n.isupper()]
    cls = chance.choice(variants) if variants else hint
    return _record(cls, chance)


def _record(cls: type, chance: random.Random) -> Any:
    hints = typing.get_type_hints(cls.__init__, vars(GENERATED))
    hints.pop("return", None)
    return cls(**{name: _some(hint, name, chance) for name, hint in hints.items()})


def _same(ours: Any, theirs: Any, where: str, field: str = "") -> None:
    """Both say the same, each in its words."""
    if isinstance(theirs, enum.Enum):
        assert ours == theirs.name.lower(), where
    elif isinstance(theirs, list):
        assert isinstance(ours, tuple) and len(ours) == len(theirs), where
        for number, (a, b) in enumerate(zip(ours, theirs)):
            _same(a, b, f"{where}[{number}]", field)
    elif isinstance(theirs, str) and field in JSON_FIELDS:
        assert ours == json.loads(theirs), where
    elif isinstance(ours, duologue.Error):
        assert ours.error_class == theirs._class.name.lower(), where
        for name in (
            "code",
            "message",
            "field",
            "fix",
            "provider_code",
            "fatal",
            "retryable",
            "retry_after_ms",
        ):
            assert getattr(ours, name) == getattr(theirs, name), f"{where}.{name}"
    elif isinstance(theirs, GENERATED.Status):
        assert ours.kind == type(theirs).__name__.split(".")[-1].lower(), where
        for name, value in vars(theirs).items():
            holder = ours.ended if ours.kind == "idle" else ours
            _same(getattr(holder, name), value, f"{where}.{name}", name)
    elif hasattr(theirs, "__dict__"):
        for name, value in vars(theirs).items():
            known = {"_from": "from_"}.get(name, name)
            _same(getattr(ours, known), value, f"{where}.{name}", name)
    else:
        assert ours == theirs, where


@pytest.mark.parametrize("number", range(len(KINDS)), ids=list(EVENT_TYPES))
def test_every_kind_of_event(number: int) -> None:
    chance = random.Random(number)
    for _ in range(30):
        event = _record(GENERATED.Event, chance)
        event.kind = _record(KINDS[number], chance)
        buffer = GENERATED._UniffiFfiConverterTypeEvent.lower(event)
        data = buffer.data[: buffer.len]
        buffer.free()
        reader = _decode.Reader(data)
        ours = _decode.event(reader)
        assert reader.at == len(data)
        assert type(ours) is list(EVENT_TYPES.values())[number]
        for name in ("seq", "time_ms", "epoch", "turn", "response", "item", "inferred"):
            _same(getattr(ours, name), getattr(event, name), name)
        assert ours.labels == (event.labels or {})
        payload = vars(event.kind)
        assert {f.name for f in dataclasses.fields(ours)} - {
            f.name for f in dataclasses.fields(duologue.Event)
        } == {{"_from": "from_"}.get(name, name) for name in payload}
        for name, value in payload.items():
            _same(getattr(ours, {"_from": "from_"}.get(name, name)), value, name, name)


def test_the_snapshot() -> None:
    chance = random.Random(7)
    for _ in range(30):
        state = _record(GENERATED.State, chance)
        buffer = GENERATED._UniffiFfiConverterTypeState.lower(state)
        data = buffer.data[: buffer.len]
        buffer.free()
        reader = _decode.Reader(data)
        _same(_decode.state(reader), state, "state")
        assert reader.at == len(data)


def test_the_tags_are_the_engines() -> None:
    assert list(EVENT_TYPES) == native.event_names()
    assert len(GENERATED.ErrorClass) == len(_decode._CLASSES)
    assert [c.name.lower() for c in GENERATED.ErrorClass] == list(_decode._CLASSES)
