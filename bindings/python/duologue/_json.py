"""Values that can be written as JSON, checked with the path of what cannot."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Optional

from .errors import bad_argument, bad_type

#: Levels of a document. serde_json reads 128; nothing duologue knows is that deep.
MAX_DEPTH = 100


def child(path: str, key: str) -> str:
    """The path of a key inside an object."""
    return f"{path}.{key}" if path else key


def plain(value: object, path: str, depth: int = 0, hook: Optional[Callable[[object], object]] = None) -> Any:
    """``value`` as dicts, lists, texts, numbers, booleans and None, copied.

    Raises :class:`~duologue.ArgumentTypeError` for what JSON does not have, and
    :class:`~duologue.ArgumentError` for NaN, half characters and what is too deep; both name the path.
    ``hook`` may make something simpler of each value first.
    """
    if depth > MAX_DEPTH:
        raise bad_argument(path, f"more than {MAX_DEPTH} levels deep", "does it contain itself?")
    if hook is not None:
        value = hook(value)
    if value is None or value is True or value is False:
        return value
    # Subclasses become what JSON makes of them: an IntEnum is a number, a StrEnum a text.
    if isinstance(value, str):
        return text(value, path)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise bad_argument(path, f"{float(value)} is no JSON number", "use a finite number")
        return float(value)
    if isinstance(value, Mapping):
        out = {}
        for key, item in value.items():
            name = key if hook is None else hook(key)
            if hook is not None and isinstance(name, (int, float, bool, type(None))):
                name = json.dumps(plain(name, path))
            if not isinstance(name, str):
                raise bad_type(path or "config", "keys that are text", key)
            out[text(name, path)] = plain(item, child(path, name), depth + 1, hook)
        return out
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return [plain(item, f"{path}[{at}]", depth + 1, hook) for at, item in enumerate(value)]
    fix = "decode it to text" if isinstance(value, (bytes, bytearray, memoryview)) else None
    raise bad_type(path, "a value of JSON", value, fix)


def text(value: str, path: str) -> str:
    """``value`` as a plain ``str`` without half characters, which cannot leave Python as UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise bad_argument(path, f"not valid Unicode at character {error.start}") from error
    return str.__str__(value)
