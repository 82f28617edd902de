"""A part of the behavioural suite (``tests/behaviour``) in Python: the same conversations with every provider over
every transport. Nothing here knows a provider; what cannot be done is said by a capability, and what comes of it all is
what ``tests/behaviour/matrix.txt`` says for Rust."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
import wave
from collections.abc import AsyncIterator, Awaitable, Iterator
from pathlib import Path
from typing import Any, Callable, Optional

import duologue
import pytest

ROOT = Path(__file__).resolve().parents[3]
MATRIX = ROOT / "tests" / "behaviour" / "matrix.txt"
pytestmark = pytest.mark.skipif(not MATRIX.exists(), reason="only in the repository")

#: Nothing that is waited for takes so long on a machine that works.
PATIENCE = 60
FRAME = 960
SILENCE = bytes(48_000)

WEATHER: Any = {
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
MANUAL: Any = {"mode": "manual"}


def matrix() -> dict[str, dict[str, str]]:
    """What becomes of the cells of each way."""
    found: dict[str, dict[str, str]] = {}
    cells: dict[str, str] = {}
    for line in MATRIX.read_text(encoding="utf-8").splitlines():
        if not line.startswith(" "):
            cells = found[line] = {}
        else:
            name, outcome = line.split(maxsplit=1)
            cells[name] = outcome
    return found


def question() -> bytes:
    with wave.open(str(ROOT / "assets" / "question1.wav")) as sound:
        return sound.readframes(sound.getnframes())


class Talk:
    """A client in the workshop, and what it was told."""

    def __init__(self, client: duologue.Client) -> None:
        self.client = client
        self.events = client.events()

    async def until(self, kind: Any, fits: Callable[[Any], bool] = lambda _: True) -> Any:
        async def wait() -> Any:
            while True:
                event = await self.events.__anext__()
                if isinstance(event, kind) and fits(event):
                    return event

        return await asyncio.wait_for(wait(), PATIENCE)

    async def answer(self, words: str) -> None:
        """The assistant says this, sooner or later."""

        def fits(event: Any) -> bool:
            return event.mode == "final" and event.role == "assistant" and words in event.text

        await self.until(duologue.Transcript, fits)

    async def say(self, pcm: bytes) -> None:
        """As fast as it is taken."""

        async def push() -> None:
            for at in range(0, len(pcm), FRAME):
                while not self.client.push_audio(pcm[at : at + FRAME]):
                    await asyncio.sleep(0.001)

        await asyncio.wait_for(push(), PATIENCE)

    @contextlib.asynccontextmanager
    async def saying(self, pcm: bytes) -> AsyncIterator[None]:
        talking = asyncio.ensure_future(self.say(pcm))
        try:
            yield
            await talking
        finally:
            talking.cancel()

    def check_cut(self) -> None:
        """What was heard of an answer that was cut is its beginning; one that nobody heard is in no history."""
        for message in self.client.messages():
            if message.interrupted:
                part: Any = message.parts[0]
                assert part.transcript.startswith(part.heard_transcript) and part.heard_ms <= part.duration_ms
                assert len(part.heard_transcript) < len(part.transcript)


class Way:
    """Who is talked to, and how: a line of the matrix."""

    def __init__(self, name: str, url: str) -> None:
        provider, transport, *model = name.split(" ")
        self._config: Any = {"base_url": url, "transport": transport, "model": model[0] if model else None}
        self._provider = provider

    def make(self, **config: Any) -> duologue.Client:
        return duologue.connect(self._provider, api_key="c4n4ry-key", **self._config, **config)

    @contextlib.asynccontextmanager
    async def talk(self, **config: Any) -> AsyncIterator[Talk]:
        client = self.make(**config)
        try:
            talk = Talk(client)
            await client.connect()
            yield talk
        finally:
            await client.close()


async def spoken_turn(way: Way) -> None:
    async with way.talk() as talk, talk.saying(question() + SILENCE):
        said: Optional[str] = None
        over = False
        # Some services tell the words last.
        while said is None or not over:
            event = await talk.until((duologue.Transcript, duologue.TurnDone))
            over = over or isinstance(event, duologue.TurnDone)
            if isinstance(event, duologue.Transcript) and (event.role, event.mode) == ("user", "final"):
                said = event.text
        assert "lighthouse" in said
        user, assistant = talk.client.messages()
        assert (user.role, assistant.role) == ("user", "assistant")
        assert assistant.text == "The first lighthouses were open fires on hills."
        part: Any = assistant.parts[0]
        assert part.heard_transcript == part.transcript
        assert part.heard_ms == part.duration_ms > 500


async def text_turn(way: Way) -> None:
    async with way.talk() as talk:
        await talk.client.send_text("How tall is the tallest one?")
        await talk.answer("one hundred and thirty three metres")
        await talk.until(duologue.TurnDone)


async def tool(way: Way) -> None:
    async with way.talk(tools=[WEATHER]) as talk:
        await talk.client.send_text("What is the weather like in Paris?")
        call = await talk.until(duologue.ToolCall)
        assert (call.name, call.input) == ("get_weather", {"city": "Paris"})
        await talk.client.submit_tool_result(call, {"weather": "sunny"})
        await talk.answer("eighteen degrees")
        await talk.until(duologue.TurnDone)


async def interruption(way: Way) -> None:
    async with way.talk() as talk:
        await talk.client.send_text("Read me something long.")
        await talk.until(duologue.PlaybackStarted)
        async with talk.saying(question() + SILENCE):
            cut = await talk.until(duologue.Interrupted)
            assert cut.source == "user"
            talk.check_cut()
            # And the question that cut it is answered.
            await talk.answer("open fires")


async def host_interrupts(way: Way) -> None:
    async with way.talk() as talk:
        await talk.client.send_text("Read me something long.")
        await talk.until(duologue.PlaybackStarted)
        await talk.client.interrupt()
        talk.check_cut()
        await talk.client.send_text("How tall is the tallest one?")
        await talk.answer("one hundred and thirty three metres")
        await talk.until(duologue.TurnDone)


async def manual_turn(way: Way) -> None:
    async with way.talk(turn_detection=MANUAL) as talk:
        await talk.client.start_listening()
        await talk.say(question())
        await talk.client.stop_listening()
        await talk.answer("open fires")
        await talk.until(duologue.TurnDone)
        assert len([m for m in talk.client.messages() if m.text]) == 2


async def update(way: Way) -> None:
    async with way.talk(instructions="Be kind.") as talk:
        await talk.client.update_session(instructions="Be brief.")
        await talk.client.send_text("How tall is the tallest one?")
        await talk.answer("one hundred and thirty three metres")


async def usage(way: Way) -> None:
    async with way.talk() as talk:
        await talk.client.send_text("What is a lighthouse?")
        used = await talk.until(duologue.Usage)
        assert used.input.total > 0 and used.output.total > 0


def always(_: duologue.Capabilities) -> Optional[str]:
    return None


#: Each cell, and the capability that is missing for it, if one is.
CELLS: dict[Callable[[Way], Awaitable[None]], Callable[[duologue.Capabilities], Optional[str]]] = {
    spoken_turn: always,
    text_turn: lambda can: "text_in" if can["text_in"] is False else None,
    tool: lambda can: "tools" if can["tools"] is False else None,
    interruption: always,
    host_interrupts: always,
    manual_turn: lambda can: None if "manual" in can["turn_modes"] else "turn_modes",
    update: lambda can: None if "instructions" in can["updates"] else "updates",
    usage: lambda can: "usage" if can["usage"] is False else None,
}


async def outcome(way: Way, cell: Callable[[Way], Awaitable[None]]) -> str:
    client = way.make()
    missing = CELLS[cell](client.capabilities())
    await client.close()
    if missing is not None:
        return f"n/a {missing}"
    try:
        await cell(way)
    except Exception:
        traceback.print_exc()
        return "FAIL"
    return "pass"


@pytest.fixture(scope="module")
def urls() -> Iterator[dict[str, str]]:
    """Where each provider is."""
    with contextlib.ExitStack() as stack:
        found = {}
        for provider in sorted({name.split(" ")[0] for name in matrix()}):
            simulator = duologue.Simulator(ROOT / "assets" / "workshop.json", provider=provider)
            found[provider] = stack.enter_context(simulator).url
        yield found


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.__name__)
def test_every_way_behaves_alike(cell: Callable[[Way], Awaitable[None]], urls: dict[str, str]) -> None:
    ways = matrix()

    async def main() -> list[str]:
        made = [Way(name, urls[name.split(" ")[0]]) for name in ways]
        # They wait most of the time, so they do it together.
        return await asyncio.gather(*(outcome(way, cell) for way in made))

    expected = {name: cells[cell.__name__] for name, cells in ways.items()}
    assert len(expected) == 8, "the matrix has every provider and transport"
    assert dict(zip(ways, asyncio.run(main()))) == expected
