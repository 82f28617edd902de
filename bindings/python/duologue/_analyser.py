"""Levels and spectra, for whoever draws them."""

from __future__ import annotations

import sys
from array import array
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

from ._lib import native
from ._orders import whole
from .errors import bad_argument, bad_type

if TYPE_CHECKING:
    from ._types import Direction


class Level(NamedTuple):
    """Loudness on the scale -60..0 dBFS, as 0..1."""

    rms: float
    """Of the signal's power."""
    peak: float
    """Of its largest sample."""


class Levels(NamedTuple):
    """How loud both directions are."""

    input: Level
    """The microphone."""
    output: Level
    """What is played."""


class Analyser:
    """What is in the sound of one direction, with the numbers of a browser's ``AnalyserNode``.

    Made by :meth:`Client.analyser`. Everything is computed when it is asked for, on the thread that asks, and gives
    None while there is no connection. Asking again before 128 more frames have passed gives the same. Smoothing goes
    from one call to the next, as in a browser, and starts anew with each ``connect``. It does not keep its client.
    """

    def __init__(self, engine: Any, direction: Direction, fft_size: int) -> None:
        """Used by the client."""
        self._engine = engine
        self.direction: Direction = direction
        """What it looks at."""
        self.fft_size = fft_size
        """Frames it looks at."""

    def __repr__(self) -> str:
        """What it looks at."""
        return f"<duologue.Analyser {self.direction} {self.fft_size}>"

    @property
    def frequency_bin_count(self) -> int:
        """Half of :attr:`fft_size`. Frequency ``n`` is that of ``n * sample_rate / fft_size`` hertz."""
        return self.fft_size // 2

    @property
    def sample_rate(self) -> Optional[int]:
        """Frames per second of the sound; None without a connection, and before there was any sound."""
        rate: Optional[int] = self._engine.sample_rate()
        return rate

    def byte_frequency_data(self) -> Optional[bytes]:
        """``getByteFrequencyData``: 0 at ``min_decibels``, 255 at ``max_decibels``, low frequencies first."""
        data: Optional[bytes] = self._engine.byte_frequency_data()
        return data

    def float_frequency_data(self) -> Optional[array[float]]:
        """``getFloatFrequencyData``: decibels; silence is ``-inf``."""
        return _floats(self._engine.float_frequency_data())

    def byte_time_domain_data(self) -> Optional[bytes]:
        """``getByteTimeDomainData``: the waveform, oldest frame first; 128 is silence."""
        data: Optional[bytes] = self._engine.byte_time_domain_data()
        return data

    def float_time_domain_data(self) -> Optional[array[float]]:
        """``getFloatTimeDomainData``: the waveform from -1 to 1, oldest frame first."""
        return _floats(self._engine.float_time_domain_data())

    def voice_bands(self, count: int) -> Optional[bytes]:
        """The frequency bytes between 100 and 8000 Hz spread over ``count`` bars, the same at every rate."""
        bars: Optional[bytes] = self._engine.voice_bands(whole("count", count))
        return bars


def levels(found: Any) -> Optional[Levels]:
    """The engine's levels."""
    return found and Levels(
        Level(found.input.rms, found.input.peak), Level(found.output.rms, found.output.peak)
    )


def analyser(
    engine: Any,
    direction: Direction,
    fft_size: int,
    min_decibels: float,
    max_decibels: float,
    smoothing: float,
) -> Analyser:
    """See `Client.analyser`."""
    if direction not in ("input", "output"):
        raise bad_argument("direction", f"{direction!r} is no direction", 'use "input" or "output"')
    numbers = {"min_decibels": min_decibels, "max_decibels": max_decibels, "smoothing": smoothing}
    for name, number in numbers.items():
        if not isinstance(number, (int, float)) or isinstance(number, bool):
            raise bad_type(name, "a number", number)
    size = whole("fft_size", fft_size)
    which = native.Direction.INPUT if direction == "input" else native.Direction.OUTPUT
    made = engine.analyser(which, size, float(min_decibels), float(max_decibels), float(smoothing))
    return Analyser(made, direction, size)


def _floats(data: Optional[bytes]) -> Optional[array[float]]:
    if data is None:
        return None
    floats = array("f", data)
    if sys.byteorder == "big":
        floats.byteswap()
    return floats
