"""Levels and spectra."""

from __future__ import annotations

import array
import asyncio
import base64
import math
from typing import Any

import duologue
import pytest
from conftest import Polite

PULL: Any = {"output": {"delivery": "pull"}}


def tone(frames: int, bin_: int) -> bytes:
    """A tone on a frequency of 512 frames."""
    wave = (int(16000 * math.sin(math.tau * bin_ * n / 512)) for n in range(frames))
    return array.array("h", wave).tobytes()


def loudest(analyser: duologue.Analyser) -> int:
    data = analyser.byte_frequency_data()
    assert data is not None and len(data) == analyser.frequency_bin_count == 256
    places = [n for n, byte in enumerate(data) if byte == max(data)]
    return (places[0] + places[-1]) // 2


def test_both_directions_while_connected() -> None:
    async def main() -> None:
        service = Polite()
        client = duologue.Client(service=service, audio=PULL)
        looks: Any = {"fft_size": 512, "smoothing": 0}
        mine, theirs = client.analyser("input", **looks), client.analyser("output", **looks)
        nothing = (theirs.byte_frequency_data, theirs.float_frequency_data, theirs.byte_time_domain_data)
        assert [look() for look in (*nothing, theirs.float_time_domain_data)] == [None] * 4
        assert client.levels() is None and theirs.voice_bands(8) is None and theirs.sample_rate is None
        assert repr(mine) == "<duologue.Analyser input 512>" and mine.direction == "input"
        async with client:
            while not client.state().status.is_connected:
                await asyncio.sleep(0)
            client.push_audio(tone(1024, 20))
            assert loudest(mine) == 20 and mine.sample_rate == 24000
            silence = theirs.float_frequency_data()
            assert silence is not None and list(silence) == [-math.inf] * 256
            assert theirs.byte_time_domain_data() == bytes([128] * 512)
            of = {"response_id": "R", "item_id": "A", "output_index": 0, "content_index": 0}
            service.say("response.created", response={"id": "R"})
            service.say("response.output_item.added", response_id="R", item={"id": "A", "type": "message"})
            service.say("response.output_audio.delta", **of, delta=base64.b64encode(tone(24000, 40)).decode())
            heard = 0
            while heard < 4800:
                heard += client.pull_audio(240)[1]
                await asyncio.sleep(0)
            assert loudest(theirs) == 40
            wave, bars, levels = theirs.float_time_domain_data(), theirs.voice_bands(169), client.levels()
            assert wave is not None and len(wave) == 512 and 0.45 < max(wave) < 0.5
            # As many bars as there are frequencies from 94 Hz on.
            assert bars is not None and len(bars) == 169 and bars[38] == max(bars) == 255
            assert levels is not None and 0.8 < levels.output.rms < levels.output.peak < 1
            assert isinstance(levels.input, duologue.Level)
        assert theirs.byte_frequency_data() is None

    asyncio.run(main())


def test_what_is_wrong_is_told(service: Polite) -> None:
    client = duologue.Client(service=service)
    ranges: list[tuple[dict[str, Any], str]] = [
        ({"fft_size": 1000}, "fft_size"),
        ({"fft_size": -1}, "fft_size"),
        ({"min_decibels": 0}, "min_decibels"),
        ({"smoothing": 1.5}, "smoothing"),
    ]
    for wrong, field in ranges:
        with pytest.raises(duologue.ArgumentError) as refused:
            client.analyser("input", **wrong)
        assert refused.value.field == field
    kinds: list[dict[str, Any]] = [{"fft_size": "many"}, {"max_decibels": None}, {"smoothing": True}]
    for wrong in kinds:
        with pytest.raises(duologue.ArgumentTypeError):
            client.analyser("input", **wrong)
    with pytest.raises(duologue.ArgumentError, match="direction"):
        client.analyser("both")  # type: ignore[arg-type]
    with pytest.raises(duologue.ArgumentError, match="count"):
        client.analyser("input").voice_bands(1_000_000)
    deaf: Any = {"input": {"source": "none"}}
    with pytest.raises(duologue.StateError, match=r"audio\.input\.source"):
        duologue.Client(service=service, audio=deaf).analyser("input")
