"""Load driver: what a conversation through the Python package costs, in a form a bench can compare.

The same contract and the same conversation as examples/rust/load.rs: the bench server stamps every audio delta
and reads the stamps in microphone frames (`DuoStamp`, CLOCK_MONOTONIC nanoseconds and a sequence number in the
first 24 bytes). One thread or one task has all microphones. `--loop thread` gets events in listeners, on the
engine's threads; `--loop asyncio` reads a stream for each session in one event loop. Linux (and its `/proc`) is
assumed.

    ./run.py "cmd:python3 .../load.py --loop thread" --seconds 20 --mode paced
    ./run.py "cmd:python3 .../load.py --loop asyncio" --seconds 2000 --mode fast

What is switched on is what an application would have: server VAD, transcription, one tool that is a plain
function, the assistant's audio, the heard ledger. Level events are off, because none of the clients it is
compared with measures loudness. A flush is the `interrupted` event, which comes when audio was cut that had not
been heard. Prints one line of JSON. Exit code 0 when the conversation ran, 1 when it did not, 2 for a wrong
option.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import resource
import struct
import sys
import threading
import time
from array import array
from collections.abc import Iterator
from typing import Any, Union

import duologue
from duologue import blocking

MAGIC = b"DuoStamp"
FRAME = 480  # 20 ms of 24 kHz mono
MODES = {
    "paced": "real-time microphones (default)",
    "fast": "as fast as the replies come, at most two turns ahead",
    "idle": "connected only",
    "tick": "the pacing clock with nothing sent",
}
# Kinds that are not asked for wake nobody.
KINDS = (
    duologue.Audio,
    duologue.Transcript,
    duologue.Interrupted,
    duologue.WarningEvent,
    duologue.ErrorEvent,
)
SETTLE = 0.3

now = time.monotonic_ns


class Options(argparse.Namespace):
    """The command line."""

    url: str
    sessions: int
    seconds: float
    mode: str
    turn_ms: float
    loop: str

    @staticmethod
    def parse(words: list[str] | None = None) -> Options:
        """Reads it; ends the program with code 2 when it is wrong."""
        parser = argparse.ArgumentParser(
            prog="load.py",
            description="Measures what realtime voice sessions cost, against a stamping bench server.",
            epilog="Prints one line of JSON: CPU from getrusage between connected and the last audio, memory, "
            "delivery latency of the stamped deltas, times of playback flushes, tool calls, transcript characters.",
        )
        modes = "; ".join(f"{mode}: {meaning}" for mode, meaning in MODES.items())
        url_help = "the server's realtime endpoint; plain ws only to this machine"
        parser.add_argument("--url", required=True, type=endpoint, help=url_help)
        parser.add_argument("--sessions", type=count, default=1, help="sessions in this process (default 1)")
        parser.add_argument(
            "--seconds", type=amount, default=20, help="microphone audio for each, in seconds (default 20)"
        )
        parser.add_argument("--mode", choices=tuple(MODES), default="paced", help=modes)
        parser.add_argument(
            "--turn-ms", type=amount, default=4000, help="audio the server takes as one turn (default 4000)"
        )
        parser.add_argument(
            "--loop",
            choices=("thread", "asyncio"),
            default="thread",
            help="thread: listeners on the engine's threads, microphones on the main one (default); "
            "asyncio: everything in one event loop",
        )
        return parser.parse_args(words, Options())


def endpoint(word: str) -> str:
    """A URL of the server."""
    if not word.endswith("/realtime"):
        raise argparse.ArgumentTypeError("it must end in /realtime")
    return word


def count(word: str) -> int:
    """A number of sessions."""
    number = int(word)
    if number < 1:
        raise argparse.ArgumentTypeError("it must be at least 1")
    return number


def amount(word: str) -> float:
    """A positive number."""
    number = float(word)
    if not (number > 0 and math.isfinite(number)):
        raise argparse.ArgumentTypeError("it must be a positive number")
    return number


class Observed:
    """What was observed, by the listeners or tasks of all sessions."""

    def __init__(self) -> None:
        """Nothing yet."""
        # Sums of several listeners at once; appending needs no lock.
        self._lock = threading.Lock()
        self.delivery_us = array("I")
        self.flush_ns: list[int] = []
        self.errors: list[str] = []
        self.out_bytes = self.text = self.tools = 0

    def event(self, event: Any) -> None:
        """One event of `KINDS`, of any session."""
        if type(event) is duologue.Audio:
            self.audio(event.pcm)
        elif type(event) is duologue.Transcript:
            # The assistant's words as they come, the user's when they are final.
            streamed = event.stage == "generated"
            if event.stage != "heard" and streamed == (event.mode == "delta"):
                with self._lock:
                    self.text += len(event.text)
        elif type(event) is duologue.Interrupted:
            self.flush_ns.append(now())
        else:
            self.errors.append(str(event.error))

    def audio(self, pcm: bytes) -> None:
        """Assistant audio, perhaps with a stamp."""
        arrived = now()
        if pcm.startswith(MAGIC):
            sent = int.from_bytes(pcm[8:16], "little")
            self.delivery_us.append(max(0, arrived - sent) // 1000)
        with self._lock:
            self.out_bytes += len(pcm)

    def get_weather(self, city: str) -> dict[str, object]:
        """Weather for a city."""
        with self._lock:
            self.tools += 1
        return {"temp_c": 18, "sky": "clear"}


class Microphone:
    """One frame of a tone, stamped anew each time."""

    def __init__(self) -> None:
        """A tone of 420 Hz."""
        tone = b"".join(struct.pack("<h", int(6000 * math.sin(i * 0.11))) for i in range(FRAME))
        self._rest = tone[24:]
        self.sequence = 0
        self.refused = 0

    def frame(self) -> bytes:
        """The next 20 ms, stamped with the moment they are handed over."""
        self.sequence += 1
        return MAGIC + struct.pack("<QQ", now(), self.sequence) + self._rest


AnyClient = Union[duologue.Client, blocking.Client]


def settings(options: Options, observed: Observed) -> dict[str, Any]:
    """The arguments of a client."""
    return {
        "base_url": options.url[: -len("/realtime")],
        "model": "gpt-realtime-2.1",
        "instructions": "Be brief.",
        "tools": [observed.get_weather],
        "audio": {"level_events": False},
        "api_key": "sk-none",
    }


class Conversation:
    """What the microphones do, as the times to sleep in between: the caller knows how to sleep."""

    def __init__(self, options: Options, observed: Observed) -> None:
        """With nobody yet."""
        self.options, self.observed = options, observed
        self.microphone = Microphone()
        self.clients: list[Any] = []

    def sleeps(self) -> Iterator[float]:
        """The conversation of the mode."""
        if self.options.mode == "idle":
            return iter((self.options.seconds,))
        return self.fast() if self.options.mode == "fast" else self.paced()

    def push(self, client: AnyClient) -> Iterator[float]:
        """Hands one frame over. The engine takes half a second ahead; beyond that it has to have its turn."""
        frame = self.microphone.frame()
        while client.push_audio(frame) == 0:
            self.microphone.refused += 1
            yield 0.0002

    def paced(self) -> Iterator[float]:
        """Real-time microphones."""
        # Four phases, so that the frames of many sessions do not all fall on one moment.
        phases = [self.clients[phase::4] for phase in range(4)]
        start = time.monotonic()
        for tick in range(int(self.options.seconds * 200)):
            if not phases[tick % 4]:
                continue
            delay = start + tick * 0.005 - time.monotonic()
            if delay > 0:
                yield delay
            for client in phases[tick % 4]:
                if self.options.mode == "tick":
                    self.microphone.frame()
                else:
                    yield from self.push(client)
        yield SETTLE

    def fast(self) -> Iterator[float]:
        """As fast as it goes, at most two turns ahead of the replies."""
        frames = int(self.options.seconds * 50)
        for k in range(frames):
            yield from self.replies(k * 20 // self.options.turn_ms - 1)
            for client in self.clients:
                yield from self.push(client)
            if k % 10 == 9:
                yield 0
        yield from self.replies(frames * 20 // self.options.turn_ms)

    def replies(self, turns: float) -> Iterator[float]:
        """Until the replies to so many turns are there, but for a few deltas; or will not come any more."""
        wanted = (turns * self.options.turn_ms * 48 - 12_000) * len(self.clients)
        while self.observed.out_bytes < wanted and not self.observed.errors:
            yield 0.001

    def look_for_losses(self) -> None:
        """Nothing may have been lost; blocks that were refused have been offered again."""
        overruns = 0
        for client in self.clients:
            stats = client.stats()
            overruns += stats.capture_overruns
            if stats.dropped_audio + stats.session.output_overrun + stats.session.malformed > 0:
                self.observed.errors.append(repr(stats))
        if overruns != self.microphone.refused:
            self.observed.errors.append("microphone audio was lost")


def in_threads(options: Options, observed: Observed) -> dict[str, Any]:
    """Events in listeners on the engine's threads, the microphones on this one."""
    talk = Conversation(options, observed)
    startup = Usage()
    try:
        for _ in range(options.sessions):
            client = blocking.Client(**settings(options, observed))
            talk.clients.append(client)
            client.add_listener(observed.event, *KINDS)
            client.connect()
        time.sleep(SETTLE)  # What connecting stirred up settles.
        connected = Usage()
        for delay in talk.sleeps():
            time.sleep(delay)
        return figures(talk, startup, connected, Usage())
    finally:
        for client in talk.clients:
            client.close()


async def in_a_loop(options: Options, observed: Observed) -> dict[str, Any]:
    """Events in a stream for each session, read by a task of its own; the microphones in another."""
    talk = Conversation(options, observed)
    startup = Usage()

    async def read(stream: Any) -> None:
        async for event in stream:
            observed.event(event)

    readers = []
    try:
        for _ in range(options.sessions):
            client = duologue.Client(**settings(options, observed))
            talk.clients.append(client)
            readers.append(asyncio.create_task(read(client.events(*KINDS))))
            await client.connect()
        await asyncio.sleep(SETTLE)  # What connecting stirred up settles.
        connected = Usage()
        for delay in talk.sleeps():
            await asyncio.sleep(delay)
        return figures(talk, startup, connected, Usage())
    finally:
        for client in talk.clients:
            await client.close()
        await asyncio.gather(*readers)


class Usage:
    """What the process has used so far."""

    def __init__(self) -> None:
        """Looks now."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        self.at = time.monotonic()
        self.user, self.system, self.waits = used.ru_utime * 1e3, used.ru_stime * 1e3, used.ru_nvcsw
        self.cpu = self.user + self.system
        with open("/proc/self/status") as status:
            kib = {line.partition(":")[0]: line.split()[1] for line in status if line.startswith("Vm")}
        self.rss, self.peak = int(kib["VmRSS"]), int(kib["VmHWM"])


def figures(talk: Conversation, startup: Usage, connected: Usage, end: Usage) -> dict[str, Any]:
    """What the bench reads."""
    talk.look_for_losses()
    options, seen = talk.options, talk.observed
    return {
        "peer": f"duologue-python-{options.loop}",
        "version": duologue.version(),
        "mode": options.mode,
        "sessions": options.sessions,
        "wall_s": round(end.at - connected.at, 3),
        "in_s": talk.microphone.sequence / 50,
        "out_s": seen.out_bytes / 48_000,
        "cpu_ms": round(end.cpu - connected.cpu, 3),
        "cpu_user_ms": round(end.user - connected.user, 3),
        "cpu_sys_ms": round(end.system - connected.system, 3),
        "wakeups": end.waits - connected.waits,
        "startup_cpu_ms": round(startup.cpu, 3),
        "connect_cpu_ms": round(connected.cpu - startup.cpu, 3),
        "rss_base_kib": startup.rss,
        "rss_connected_kib": connected.rss,
        "rss_kib": end.rss,
        "rss_peak_kib": end.peak,
        "delivery_us": percentiles(sorted(seen.delivery_us)),
        "flush_ns": seen.flush_ns,
        "tools": seen.tools,
        "text_chars": seen.text,
        "errors": seen.errors[:16],
    }


def percentiles(us: list[int]) -> dict[str, int] | None:
    """Of sorted times."""
    if not us:
        return None

    def at(share: float) -> int:
        return us[round((len(us) - 1) * share)]

    return {"n": len(us), "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "max": us[-1]}


def main() -> int:
    """Runs it."""
    options, observed = Options.parse(), Observed()
    try:
        if options.loop == "thread":
            found = in_threads(options, observed)
        else:
            found = asyncio.run(in_a_loop(options, observed))
    except duologue.Error as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(found), flush=True)
    return 0 if duologue.live_clients() == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
