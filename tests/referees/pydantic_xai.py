#!/usr/bin/env python3
"""Drives the simulator with pydantic-ai's client of Grok Voice: pydantic_xai.py BASE_URL CLIPS [PART...]

xAI has no client of its own for its voice API; this one was written by others than us, against the service. BASE_URL
is "http://HOST:PORT/v1", CLIPS the folder with the spoken clips, PART one of spoken, text, tool, interruption, manual,
silence and refusal (all of these if none is named), or resumed, which needs a scenario of its own. They talk at the same
time, each on a connection of its own. One JSON line of results for each; exits 1 when any of them fails. Everything
waits for events, bounded, never for time to pass; an error the client tells, or a frame that it cannot read, fails the
part.
"""

import asyncio
import json
import sys
import traceback
import warnings
import wave
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic_ai import Agent
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.messages import (
    FunctionToolCallEvent,
    FunctionToolResultEvent,
    ModelRequest,
    ModelResponse,
    PartDeltaEvent,
    PartEndEvent,
    RealtimeInputSpeechEndEvent,
    RealtimeInputSpeechStartEvent,
    RealtimeInputTranscriptionErrorEvent,
    RealtimeSessionErrorEvent,
    RealtimeTurnCompleteEvent,
    SpeechPart,
    SpeechPartDelta,
    ToolCallPart,
    ToolReturnPart,
)
from pydantic_ai.providers.xai import XaiProvider
from pydantic_ai.realtime.xai import XaiRealtimeModel

MODEL = "grok-voice-latest"
RATE = 24_000
BYTES_PER_MS = RATE // 500
CHUNK_MS = 40
PATIENCE_S = 60

# The bundled scenario: typed words about the weather ask for the tool, all else takes its turns.
FIRST_QUESTION = "Can you tell me about the history of the lighthouse?"
FIRST_ANSWER = "Of course. The first lighthouses were open fires on hills"
SECOND_ANSWER = "The tallest one is one hundred and thirty three metres high."
TOOL_ANSWER = "In Paris it is eighteen degrees and sunny."


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def pcm_of(path):
    with wave.open(str(path)) as clip:
        shape = (clip.getframerate(), clip.getnchannels(), clip.getsampwidth())
        expect(shape == (RATE, 1, 2), f"{path} is {shape}, wanted 24 kHz mono 16 bit")
        return clip.readframes(clip.getnframes())


class Here(XaiProvider):
    """xAI at another address: the package takes its own from the provider."""

    def __init__(self, base_url, api_key):
        super().__init__(api_key=api_key)
        self.where = base_url

    @property
    def base_url(self):
        return self.where


class Talk:
    """One session: all events in order of arrival, and waiting for one of them."""

    def __init__(self, session):
        self.session = session
        self.events = []
        self.closed = None
        self.arrival = asyncio.Condition()
        self.reader = asyncio.create_task(self.read())

    async def read(self):
        failure = "the session is over"
        try:
            async for event in self.session:
                async with self.arrival:
                    self.events.append(event)
                    if isinstance(event, (RealtimeSessionErrorEvent, RealtimeInputTranscriptionErrorEvent)):
                        self.closed = f"an error is told: {event!r}"
                    self.arrival.notify_all()
        except Exception as error:
            failure = repr(error)
        async with self.arrival:
            self.closed = self.closed or failure
            self.arrival.notify_all()

    async def wait(self, what, found, since=0):
        """The index of the first event at or after `since` that `found` likes."""

        def look():
            return next((i for i in range(since, len(self.events)) if found(self.events[i])), None)

        try:
            async with asyncio.timeout(PATIENCE_S), self.arrival:
                while look() is None:
                    expect(self.closed is None, f"it ended while waiting for {what}: {self.closed}")
                    await self.arrival.wait()
        except TimeoutError:
            tail = [event.event_kind for event in self.events[since:]][-12:]
            raise AssertionError(f"no {what} within {PATIENCE_S} s; last events: {tail}") from None
        return look()

    async def kind(self, kind, since=0):
        return await self.wait(kind.__name__, lambda event: isinstance(event, kind), since)

    async def spoken(self, speaker, since=0):
        """The first part that this one finished after `since`, and where it ends."""

        def found(event):
            return isinstance(event, PartEndEvent) and getattr(event.part, "speaker", None) == speaker

        at = await self.wait(f"the end of what the {speaker} says", found, since)
        return self.events[at].part, at

    async def audible(self, since=0):
        def found(event):
            return isinstance(event, PartDeltaEvent) and bool(getattr(event.delta, "audio_chunk", None))

        return await self.wait("audio", found, since)

    def deltas(self, speaker, first=0, last=None):
        found = [event.delta for event in self.events[first:last] if isinstance(event, PartDeltaEvent)]
        return [d for d in found if isinstance(d, SpeechPartDelta) and d.speaker == speaker]

    def audio(self, first=0, last=None):
        return b"".join(d.audio_chunk or b"" for d in self.deltas("assistant", first, last))

    def parts(self, speaker):
        """What of the history was said by this one."""
        messages = [part for message in self.session.all_messages() for part in message.parts]
        return [part for part in messages if isinstance(part, SpeechPart) and part.speaker == speaker]

    async def speak(self, pcm):
        for start in range(0, len(pcm), CHUNK_MS * BYTES_PER_MS):
            await self.session.send_audio(pcm[start : start + CHUNK_MS * BYTES_PER_MS])

    async def say(self, pcm):
        """A clip, then the silence that ends the turn."""
        await self.speak(pcm)
        await self.speak(bytes(1_500 * BYTES_PER_MS))

    def all_is_well(self):
        expect(self.closed is None, f"{self.closed}")


class Stage:
    """Where the parts find the simulator."""

    def __init__(self, base, clips):
        self.base = base
        self.clips = clips

    def clip(self, number):
        return pcm_of(self.clips / f"question{number}.wav")

    @asynccontextmanager
    async def talk(self, key="any", tools=(), **settings):
        agent = Agent(instructions="Be brief.", tools=tools)
        model = XaiRealtimeModel(MODEL, provider=Here(self.base, key), settings=settings)
        async with agent.realtime(model).session() as session:
            talk = Talk(session)
            try:
                yield talk
                talk.all_is_well()
            finally:
                talk.reader.cancel()


async def spoken(stage):
    async with stage.talk(output_speech_timestamps=True) as talk:
        # Silence alone is no turn.
        await talk.speak(bytes(1_000 * BYTES_PER_MS))
        await talk.say(stage.clip(1))
        start = await talk.kind(RealtimeInputSpeechStartEvent)
        end = await talk.kind(RealtimeInputSpeechEndEvent, start)
        item = talk.events[start].item_id
        expect(item and talk.events[end].item_id == item, "speech starts and ends as one item")
        reply, done = await talk.spoken("assistant", end)
        expect(reply.transcript.startswith(FIRST_ANSWER), f"said {reply.transcript!r}")
        over = await talk.kind(RealtimeTurnCompleteEvent, end)
        audio_ms = len(talk.audio()) // BYTES_PER_MS
        expect(audio_ms > 5_000, f"{audio_ms} ms of audio")

        # Snapshots, each of the whole turn so far.
        heard, _ = await talk.spoken("user")
        expect(heard.transcript == FIRST_QUESTION, f"heard {heard.transcript!r}")
        snapshots = [d.transcript for d in talk.deltas("user") if d.transcript is not None]
        expect(len(snapshots) > 1 and snapshots[-1] == FIRST_QUESTION, f"snapshots {snapshots}")
        expect(all(FIRST_QUESTION.startswith(s) for s in snapshots), f"snapshots {snapshots}")

        # When each piece of the answer is heard.
        times = reply.timestamps or []
        expect(len(times) > 1, f"timestamps {times}")
        expect("".join(t.text for t in times) == reply.transcript, "the timed pieces are the transcript")
        ends = [t.start_ms + t.duration_ms for t in times]
        expect([t.start_ms for t in times] == [0, *ends[:-1]], f"the pieces follow each other: {times}")
        expect(ends[-1] == audio_ms, f"the last piece ends at {ends[-1]} of {audio_ms} ms")

        (asked,), (answered,) = talk.parts("user"), talk.parts("assistant")
        expect((asked.transcript, answered.id) == (FIRST_QUESTION, reply.id), "the history has both")
        expect(over >= done - 1, "the turn is over when the answer is")
        return {"heard": heard.transcript, "snapshots": len(snapshots), "pieces": len(times), "spoken_ms": audio_ms}


async def text(stage):
    async with stage.talk() as talk:
        billed = []
        for answer in (FIRST_ANSWER, SECOND_ANSWER):
            since = len(talk.events)
            await talk.session.send("And then?")
            await talk.session.wait_for_reply()
            reply, _ = await talk.spoken("assistant", since)
            expect(reply.transcript.startswith(answer), f"said {reply.transcript!r}")
            billed.append(talk.session.usage.audio_seconds)
        kinds = [type(message) for message in talk.session.all_messages()]
        expect(kinds == [ModelRequest, ModelResponse] * 2, f"the history is {kinds}")
        # The service tells the sum of the conversation; the client takes it apart.
        expect(0 < billed[0] < billed[1] < 60, f"billed {billed} s")
        usage = talk.session.usage
        expect(usage.input_tokens > 0 and usage.output_tokens > 0, f"{usage}")
        return {"billed": billed, "tokens": [usage.input_tokens, usage.output_tokens]}


async def tool(stage):
    asked = []

    async def get_weather(city: str) -> str:
        """Tells the current weather of a city."""
        asked.append(city)
        return "18 degrees"

    async with stage.talk(tools=[get_weather]) as talk:
        await talk.session.send("What is the weather in Paris?")
        called = await talk.kind(FunctionToolCallEvent)
        returned = await talk.kind(FunctionToolResultEvent, called)
        over = await talk.kind(RealtimeTurnCompleteEvent, returned)
        reply, _ = await talk.spoken("assistant", returned)
        expect(reply.transcript == TOOL_ANSWER, f"said {reply.transcript!r}")
        expect(asked == ["Paris"], f"asked {asked}")
        ends = [e for e in talk.events[:over] if isinstance(e, RealtimeTurnCompleteEvent)]
        expect(not ends, "the turn is over once, after the answer")
        parts = [part for message in talk.session.all_messages() for part in message.parts]
        (call,) = [part for part in parts if isinstance(part, ToolCallPart)]
        (result,) = [part for part in parts if isinstance(part, ToolReturnPart)]
        expect((call.tool_name, result.content) == ("get_weather", "18 degrees"), f"{call} {result}")
        return {"asked": asked, "said": reply.transcript}


async def interruption(stage):
    async with stage.talk() as talk:
        await talk.say(stage.clip(1))
        begun = await talk.audible()
        await talk.say(stage.clip(2))
        again = await talk.kind(RealtimeInputSpeechStartEvent, begun)
        cut, ended = await talk.spoken("assistant", begun)
        words = cut.transcript.strip()
        expect(words and FIRST_ANSWER.startswith(words[:40]), f"said {cut.transcript!r}")
        reply, _ = await talk.spoken("assistant", ended + 1)
        expect(reply.transcript == SECOND_ANSWER, f"then said {reply.transcript!r}")
        await talk.kind(RealtimeTurnCompleteEvent, ended)
        responses = [m for m in talk.session.all_messages() if isinstance(m, ModelResponse)]
        expect([m.state for m in responses] == ["interrupted", "complete"], f"{[m.state for m in responses]}")
        cut_ms = len(talk.audio(0, again)) // BYTES_PER_MS
        return {"cut_ms": cut_ms, "then": reply.transcript}


async def manual(stage):
    async with stage.talk(turn_detection=False) as talk:
        for number, answer in ((1, FIRST_ANSWER), (2, SECOND_ANSWER)):
            since = len(talk.events)
            # The client sends the commit instead of a request, once it was told of speech.
            await talk.speak(stage.clip(number))
            await talk.kind(RealtimeInputSpeechStartEvent, since)
            await talk.session.commit_audio()
            await talk.session.create_response()
            await talk.session.wait_for_reply()
            reply, _ = await talk.spoken("assistant", since)
            expect(reply.transcript.startswith(answer), f"said {reply.transcript!r}")
        # A second request after committed speech: the client clears the buffer first, else nothing comes.
        since = len(talk.events)
        await talk.session.create_response()
        await talk.session.wait_for_reply()
        again, _ = await talk.spoken("assistant", since)
        expect(len(talk.parts("user")) == 2, "two turns were spoken")
        return {"turns": [part.transcript for part in talk.parts("user")], "again": again.transcript}


async def silence(stage):
    async with stage.talk(turn_detection=False) as talk:
        # A commit of silence is not answered, so the client asks, too.
        await talk.speak(bytes(1_000 * BYTES_PER_MS))
        await talk.session.commit_audio()
        await talk.session.create_response()
        await talk.session.wait_for_reply()
        reply, _ = await talk.spoken("assistant")
        expect(not talk.parts("user"), "silence is no turn")
        return {"said": reply.transcript}


async def resumed(stage):
    """For a simulator that commits late: a turn whose end was told goes on, and what answered its half is dropped."""
    clip = stage.clip(1)
    middle = len(clip) // 2 // BYTES_PER_MS * BYTES_PER_MS
    async with stage.talk() as talk:
        await talk.speak(clip[:middle])
        await talk.speak(bytes(1_000 * BYTES_PER_MS))
        await talk.speak(clip[middle:])
        # Until the detector finds the end, and the turn is committed.
        await talk.speak(bytes(6_000 * BYTES_PER_MS))
        start = await talk.kind(RealtimeInputSpeechStartEvent)
        end = await talk.kind(RealtimeInputSpeechEndEvent, start)
        again = await talk.kind(RealtimeInputSpeechStartEvent, end)
        expect(talk.events[again].item_id == talk.events[start].item_id, "it is the same item")
        reply, done = await talk.spoken("assistant", again)
        await talk.kind(RealtimeTurnCompleteEvent, again)
        expect(reply.transcript.startswith(FIRST_ANSWER), f"said {reply.transcript!r}")
        answers = [m for m in talk.session.all_messages() if isinstance(m, ModelResponse) and m.parts]
        expect([m.state for m in answers] == ["complete"], f"{answers}")
        (asked,) = talk.parts("user")
        expect(asked.transcript == FIRST_QUESTION, f"heard {asked.transcript!r}")
        return {"heard": asked.transcript}


async def refusal(stage):
    try:
        async with stage.talk(key="invalid-key"):
            pass
    except ModelHTTPError as error:
        expect(error.status_code == 401, f"refused with {error.status_code}")
        return {"status": error.status_code}
    raise AssertionError("a key that is wrong is not refused")


PARTS = {p.__name__: p for p in (spoken, text, tool, interruption, manual, silence, refusal)}
OTHERS = {"resumed": resumed}


async def run(name, stage):
    try:
        return {"part": name, "ok": True, **(await {**PARTS, **OTHERS}[name](stage))}
    except Exception as error:
        traceback.print_exc()
        return {"part": name, "ok": False, "error": f"{type(error).__name__}: {error}"}


async def main():
    base, clips, *parts = sys.argv[1:]
    stage = Stage(base, Path(clips))
    results = await asyncio.gather(*(run(part, stage) for part in parts or PARTS))
    for result in results:
        print(json.dumps(result), flush=True)
    return 0 if all(result["ok"] for result in results) else 1


if __name__ == "__main__":
    warnings.simplefilter("error", UserWarning)
    sys.exit(asyncio.run(main()))
