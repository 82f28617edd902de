"""Samples in the forms Python has them."""

from __future__ import annotations

from typing import Any, Union

from .errors import bad_argument, bad_type

Samples = Union[bytes, bytearray, memoryview, Any]
"""Mono 16-bit samples, native endian: bytes, or anything with a buffer of bytes or of 16-bit integers
(``array.array("h")``, a NumPy array of ``int16``)."""

_FORMATS = frozenset(("B", "b", "c", "h", "@h", "=h", "<h", "@B", "=B", "<B"))


# More than a minute at any rate; the engine takes half a second at once.
_MOST = 1 << 25


def samples(pcm: Samples) -> bytes:
    """The bytes of samples."""
    data = pcm if type(pcm) is bytes else _copied(pcm)
    if len(data) > _MOST:
        fix = "push in real time, for example 20 ms at a time"
        raise bad_argument("pcm", f"{len(data)} bytes are more than half a second", fix, code="too_long")
    return data


def _copied(pcm: Any) -> bytes:
    try:
        view = memoryview(pcm)
    except TypeError:
        raise bad_type("pcm", "bytes or a buffer of 16-bit samples", pcm) from None
    except ValueError as error:
        raise bad_argument("pcm", str(error), "push it before the buffer is released") from None
    if view.format not in _FORMATS:
        fix = "convert to 16-bit integers, for example (x * 32767).astype('int16')"
        raise bad_type("pcm", f"16-bit integers, not format {view.format!r}", pcm, fix)
    # A column of one channel, as some audio libraries have it.
    if view.ndim != 1 and not (view.ndim == 2 and view.shape is not None and view.shape[1] == 1):
        raise bad_type("pcm", f"one channel, not {view.ndim} dimensions", pcm, "mix down to mono first")
    return view.tobytes()
