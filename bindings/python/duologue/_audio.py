"""Samples in the forms Python has them."""

from __future__ import annotations

from typing import Any, Union

from .errors import bad_type

Samples = Union[bytes, bytearray, memoryview, Any]
"""Mono 16-bit samples, native endian: bytes, or anything with a buffer of bytes or of 16-bit integers
(``array.array("h")``, a NumPy array of ``int16``)."""

_FORMATS = frozenset(("B", "b", "c", "h", "@h", "=h", "<h", "@B", "=B", "<B"))


def samples(pcm: Samples) -> bytes:
    """The bytes of samples."""
    if type(pcm) is bytes:
        return pcm
    try:
        view = memoryview(pcm)
    except TypeError:
        raise bad_type("pcm", "bytes or a buffer of 16-bit samples", pcm) from None
    if view.format not in _FORMATS:
        fix = "convert to 16-bit integers, for example (x * 32767).astype('int16')"
        raise bad_type("pcm", f"16-bit integers, not format {view.format!r}", pcm, fix)
    if view.ndim != 1:
        raise bad_type("pcm", f"one channel, not {view.ndim} dimensions", pcm, "mix down to mono first")
    return view.tobytes()
