"""Sound as aiortc has it: a microphone in real time, and the samples of a frame that came."""

import array
import asyncio
import fractions
import math

import av
from aiortc import MediaStreamTrack

RATE = 48_000
#: 20 ms.
STEP = RATE // 50


class Microphone(MediaStreamTrack):
    """Gives a frame each 20 ms: `samples(at)` has its bytes, from that sample on."""

    kind = "audio"

    def __init__(self, samples):
        super().__init__()
        self.samples = samples
        self.at = 0
        self.begun = None

    async def recv(self):
        loop = asyncio.get_running_loop()
        if self.begun is None:
            self.begun = loop.time()
        wait = self.begun + self.at / RATE - loop.time()
        if wait > 0:
            await asyncio.sleep(wait)
        frame = av.AudioFrame(format="s16", layout="mono", samples=STEP)
        frame.planes[0].update(self.samples(self.at))
        frame.sample_rate = RATE
        frame.pts = self.at
        frame.time_base = fractions.Fraction(1, RATE)
        self.at += STEP
        return frame


def tone(hz):
    """A tone without an end."""
    second = array.array("h", (int(8000 * math.sin(2 * math.pi * hz * i / RATE)) for i in range(RATE))).tobytes()
    return lambda at: second[2 * (at % RATE) : 2 * (at % RATE + STEP)]


def samples(frame):
    """The first channel of a frame that came."""
    channels = len(frame.layout.channels)
    return array.array("h", bytes(frame.planes[0]))[: frame.samples * channels : channels]
