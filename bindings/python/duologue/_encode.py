"""What a tool returned, as the text the model reads."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import sys
from collections import deque
from collections.abc import Mapping, Set
from typing import Any

from ._json import plain
from .errors import ArgumentError, ToolError


def encode_result(value: object) -> str:
    """The text of a tool's result: a ``str`` as it is, everything else as JSON.

    Dataclasses, named tuples, objects with ``model_dump``, enums, dates and times, UUIDs, decimals, paths,
    sets and nested collections of them are understood. None is ``null``, which claims nothing.
    Raises :class:`~duologue.ToolError` that names the place of what cannot be told.
    """
    try:
        made = to_json(value, "result")
    except ArgumentError as error:
        fix = error.fix or "return text, numbers, dicts, lists, dataclasses, or a JSON text of your own"
        raise ToolError(error.message, code="invalid_result", field=error.field, fix=fix) from error
    # A text that was a StrEnum or another subclass is told as text as well.
    return made if isinstance(made, str) else json.dumps(made, ensure_ascii=False, separators=(",", ":"))


def to_json(value: object, path: str) -> Any:
    """``value`` as plain JSON values. Raises :class:`~duologue.ArgumentError` that names the path."""
    return plain(value, path, hook=_simpler)


def _simpler(value: object) -> object:
    """One step towards JSON; what is inside follows later."""
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (str, int, float, Mapping, list)) or value is None:
        return value
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    # Whose module nobody has imported, of that there is no value.
    for module, name in (("uuid", "UUID"), ("decimal", "Decimal"), ("pathlib", "PurePath")):
        cls = getattr(sys.modules.get(module), name, None)
        if cls is not None and isinstance(value, cls):
            return str(value)
    if isinstance(value, type):
        return value
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if hasattr(value, "model_dump"):
        try:
            return value.model_dump(mode="json")
        except TypeError:
            return value.model_dump()
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return value._asdict()
    if isinstance(value, (Set, deque)):
        return list(value)
    return value
