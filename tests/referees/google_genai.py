#!/usr/bin/env python3
"""Drives the simulator with Google's own Python client: google_genai.py BASE_URL CLIPS [PART...]

BASE_URL is "https://HOST:PORT" (the client dials wss there, and trusts what SSL_CERT_FILE names), CLIPS the folder
with the spoken clips, PART one of spoken, text, tool, interruption, resumption, manual, refusal and token (all of them
if none is named). They talk at the same time, each on a connection of its own. One JSON line of results for each; exits
1 when any of them fails. Everything waits for messages, bounded, never for time to pass; nothing the simulator sends
may be unknown to the package's own types.
"""

import asyncio
import json
import sys
import traceback
import warnings
import wave
from datetime import datetime, timedelta, timezone
from pathlib import Path

from google import genai
from google.genai import errors, types

MODEL = "gemini-3.8-live"
OLDER = "gemini-2.5-flash-native-audio-preview-12-2025"
RATE = 24_000
CHUNK_MS = 40
PATIENCE_S = 60

# The bundled scenario: typed words about the weather ask for the tool, all else takes its turns.
FIRST_ANSWER = "Of course. The first lighthouses were open fires"
SECOND_ANSWER = "The tallest one is one hundred and thirty three metres high."
TOOL_ANSWER = "In Paris it is eighteen degrees and sunny."
WEATHER = types.FunctionDeclaration(
    name="get_weather",
    description="Tells the current weather of a city.",
    parameters=types.Schema(
        type=types.Type.OBJECT,
        properties={"city": types.Schema(type=types.Type.STRING)},
        required=["city"],
    ),
)


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def pcm_of(path):
    with wave.open(str(path)) as clip:
        shape = (clip.getframerate(), clip.getnchannels(), clip.getsampwidth())
        expect(shape == (RATE, 1, 2), f"{path} is {shape}, wanted 24 kHz mono 16 bit")
        return clip.readframes(clip.getnframes())


def at_16_khz(pcm):
    """Two of three samples, the second one between its neighbours: speech enough for a detector."""
    samples = memoryview(pcm).cast("h")
    out = bytearray()
    for i in range(0, len(samples) - 2, 3):
        for value in (samples[i], (samples[i + 1] + samples[i + 2]) // 2):
            out += value.to_bytes(2, "little", signed=True)
    return bytes(out)


def names(value, path=""):
    """The paths of all fields of a message."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield f"{path}.{key}"
            if key != "args":
                yield from names(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from names(inner, path)


def check_known(raw, message):
    """The package forbids unknown fields where it validates, but first drops what it does not know."""
    told = set(names(message.model_dump(mode="json", by_alias=True, exclude_none=True)))
    wire = {name.replace(".voiceActivity.type", ".voiceActivity.voiceActivityType") for name in names(raw)}
    expect(wire == told, f"the package does not know {sorted(wire - told)} or makes up {sorted(told - wire)}")


class Talk:
    """One connection: all messages in order of arrival, and waiting for one of them."""

    def __init__(self, session):
        self.session = session
        self.messages = []
        self.closed = None
        self.arrival = asyncio.Condition()
        receive, raws = session._ws.recv, []

        async def recv(*args, **kwargs):
            frame = await receive(*args, **kwargs)
            expect(isinstance(frame, bytes), "messages are binary frames")
            raws.append(json.loads(frame))
            return frame

        session._ws.recv = recv
        self.raws = raws
        self.reader = asyncio.create_task(self.read())

    async def read(self):
        try:
            while True:
                async for message in self.session.receive():
                    check_known(self.raws[len(self.messages)], message)
                    async with self.arrival:
                        self.messages.append(message)
                        self.arrival.notify_all()
        except Exception as error:
            async with self.arrival:
                self.closed = error
                self.arrival.notify_all()

    async def wait(self, what, found, since=0):
        """The index of the first message at or after `since` that `found` likes."""

        def look():
            return next((i for i in range(since, len(self.messages)) if found(self.messages[i])), None)

        try:
            async with asyncio.timeout(PATIENCE_S), self.arrival:
                while look() is None:
                    expect(self.closed is None, f"connection ended while waiting for {what}: {self.closed!r}")
                    await self.arrival.wait()
        except TimeoutError:
            raise AssertionError(f"no {what} within {PATIENCE_S} s; last: {self.raws[-3:]}") from None
        return look()

    async def content(self, field, since=0):
        return await self.wait(field, lambda m: m.server_content and getattr(m.server_content, field), since)

    async def activity(self, kind, since=0):
        return await self.wait(
            kind, lambda m: m.voice_activity and m.voice_activity.voice_activity_type == kind, since
        )

    async def resumable(self, wanted, since=0):
        def fits(message):
            update = message.session_resumption_update
            return update and bool(update.resumable) == wanted

        return self.messages[await self.wait("resumption", fits, since)].session_resumption_update

    def contents(self, field, first=0, last=None):
        found = [m.server_content for m in self.messages[first:last] if m.server_content]
        return [getattr(content, field) for content in found if getattr(content, field)]

    def said(self, field, first=0, last=None):
        return "".join(t.text or "" for t in self.contents(field, first, last))

    def audio(self, first=0, last=None):
        parts = [part for turn in self.contents("model_turn", first, last) for part in turn.parts]
        expect(all(p.inline_data.mime_type == "audio/pcm;rate=24000" for p in parts), "audio is labelled")
        return b"".join(part.inline_data.data for part in parts)

    async def turn(self, since=0):
        """A whole turn of the model: where it ends, its words and its sound."""
        generated = await self.content("generation_complete", since)
        over = await self.content("turn_complete", generated)
        audio, words = self.audio(since, over), self.said("output_transcription", since, over)
        expect(len(audio) > RATE and len(audio) % 2 == 0, f"{len(audio)} bytes of speech")
        usage = self.messages[over].usage_metadata
        expect(usage and usage.response_token_count > 0, "a turn has its usage")
        expect(usage.total_token_count == usage.prompt_token_count + usage.response_token_count, f"{usage}")
        return over, words, audio

    async def speak(self, pcm, rate=RATE):
        step = CHUNK_MS * rate * 2 // 1000
        for start in range(0, len(pcm), step):
            blob = types.Blob(data=pcm[start : start + step], mime_type=f"audio/pcm;rate={rate}")
            await self.session.send_realtime_input(audio=blob)

    async def say(self, pcm, rate=RATE):
        """A clip, then the silence that ends the turn."""
        await self.speak(pcm, rate)
        await self.speak(bytes(rate * 3), rate)


class connected:
    def __init__(self, client, model=MODEL, **config):
        config = {"response_modalities": ["AUDIO"], "output_audio_transcription": {}, **config}
        self.manager = client.aio.live.connect(model=model, config=config)

    async def __aenter__(self):
        session = await self.manager.__aenter__()
        expect(session.session_id, "the session has a name")
        self.talk = Talk(session)
        return self.talk

    async def __aexit__(self, *failure):
        self.talk.reader.cancel()
        await self.manager.__aexit__(*failure)


def turn_of(text):
    return types.Content(role="user", parts=[types.Part(text=text)])


async def spoken(client, clips):
    async with connected(client, input_audio_transcription={}) as talk:
        await talk.speak(bytes(16_000), 16_000)
        await talk.say(at_16_khz(pcm_of(clips / "question2.wav")), 16_000)
        start = await talk.activity(types.VoiceActivityType.ACTIVITY_START)
        end = await talk.activity(types.VoiceActivityType.ACTIVITY_END, start)
        offset = float(talk.messages[start].voice_activity.audio_offset.rstrip("s"))
        expect(0.3 < offset < 2, f"speech begins at {offset} s, half a second of silence before it")
        over, words, audio = await talk.turn(end)
        expect(words.startswith(FIRST_ANSWER), f"said {words!r}")
        status = talk.messages[over].server_content.interaction_status
        expect(status == types.InteractionStatus.IDLE, f"the request is done, not {status}")
        heard = talk.said("input_transcription")
        expect(heard == "Can you tell me about the history of the lighthouse?", f"heard {heard!r}")
        pieces = len(talk.contents("input_transcription"))
        expect(pieces > 1, "a transcript comes in pieces")
        return {"heard": heard, "spoken_ms": len(audio) // 48, "pieces": pieces}


async def text(client, clips):
    said = {}
    for model in (MODEL, OLDER):
        async with connected(client, model) as talk:
            # What is only said for the record is not answered.
            if model == MODEL:
                past = [
                    turn_of("I like ships."),
                    types.Content(role="model", parts=[types.Part(text="Me too.")]),
                ]
                await talk.session.send_client_content(turns=past, turn_complete=False)
            await talk.session.send_client_content(turns=turn_of("And then?"), turn_complete=True)
            _, said[model], _ = await talk.turn()
    async with connected(client) as talk:
        await talk.session.send_realtime_input(text="Hello, who are you?")
        _, said["realtime"], _ = await talk.turn()
        expect(not any(m.voice_activity for m in talk.messages), "nobody spoke")
    expect(said[MODEL] == SECOND_ANSWER, f"{said}")
    expect(said[OLDER].startswith(FIRST_ANSWER) and said["realtime"].startswith(FIRST_ANSWER), f"{said}")
    return said


async def tool(client, clips):
    answers = {}
    for model, scheduling in ((OLDER, None), (MODEL, "WHEN_IDLE"), (MODEL, "INTERRUPT")):
        async with connected(client, model, tools=[types.Tool(function_declarations=[WEATHER])]) as talk:
            await talk.session.send_client_content(turns=turn_of("What is the weather in Paris?"))
            at = await talk.wait("tool_call", lambda m: m.tool_call)
            (call,) = talk.messages[at].tool_call.function_calls
            expect((call.name, call.args) == ("get_weather", {"city": "Paris"}), f"called {call}")
            response = types.FunctionResponse(id=call.id, name=call.name, response={"output": "18 degrees"})
            response.scheduling = scheduling and types.FunctionResponseScheduling(scheduling)
            await talk.session.send_tool_response(function_responses=response)
            generated = await talk.wait(
                "answer", lambda m: m.server_content and m.server_content.model_turn, at
            )
            over, _, _ = await talk.turn(generated - 1)
            answers[f"{model} {scheduling}"] = words = talk.said("output_transcription", at, over)
            expect(words == TOOL_ANSWER, f"said {words!r}")
            ended = len(talk.contents("turn_complete"))
            expect(
                ended == (1 if model == OLDER else 2),
                f"{ended} turns: a model that does not wait ends one before",
            )
    return answers


async def interruption(client, clips):
    async with connected(client) as talk:
        await talk.say(pcm_of(clips / "question1.wav"))
        await talk.content("model_turn")
        await talk.say(pcm_of(clips / "question2.wav"))
        cut = await talk.content("interrupted")
        over = await talk.content("turn_complete", cut)
        expect(talk.messages[over - 1].server_content.interrupted, "the end of the turn follows at once")
        expect(not talk.contents("generation_complete", 0, over + 1), "an interrupted turn has no other end")
        half = talk.audio(0, cut)
        _, words, _ = await talk.turn(over + 1)
        expect(words == SECOND_ANSWER, f"said {words!r}")
        return {"cut_ms": len(half) // 48, "then": words}


async def resumption(client, clips):
    async with connected(client, session_resumption={}) as talk:
        await talk.session.send_realtime_input(text="Hello, who are you?")
        # Inside of a turn nothing can be resumed.
        expect(not (await talk.resumable(False)).new_handle, "no handle for what cannot be resumed")
        over, first, _ = await talk.turn()
        handle = (await talk.resumable(True, over)).new_handle
    async with connected(client, session_resumption={"handle": handle}) as talk:
        await talk.session.send_realtime_input(text="Go on.")
        _, second, _ = await talk.turn()
    expect((first[:20], second) == (FIRST_ANSWER[:20], SECOND_ANSWER), f"{first!r}, then {second!r}")
    await refused(1007, connected(client, session_resumption={"handle": "nobody's"}))
    return {"first": first, "second": second}


async def manual(client, clips):
    by_hand = {"automatic_activity_detection": {"disabled": True}}
    async with connected(client, realtime_input_config=by_hand, input_audio_transcription={}) as talk:
        await talk.say(pcm_of(clips / "question1.wav"))
        await talk.session.send_realtime_input(activity_start=types.ActivityStart())
        await talk.speak(pcm_of(clips / "question1.wav"))
        await talk.session.send_realtime_input(activity_end=types.ActivityEnd())
        _, words, _ = await talk.turn()
        expect(words.startswith(FIRST_ANSWER), "what was said before the start is nobody's turn")
        return {"heard": talk.said("input_transcription")}


async def refused(code, connecting):
    try:
        async with connecting as talk:
            await talk.wait("close", lambda _: False)
    except errors.APIError as error:
        expect(error.code == code, f"closed with {error.code}, wanted {code}: {error}")
        return str(error)
    raise AssertionError(f"not refused, wanted {code}")


async def refusal(client, clips):
    return {
        "model": await refused(1008, connected(client, "gemini-1.0")),
        "text": await refused(1007, connected(client, response_modalities=["TEXT"])),
        "thinking": await refused(1007, connected(client, "gemini-3.8-live-extended-thinking")),
    }


async def token(client, clips):
    alpha = client_of(client._base, "any", "v1alpha")
    soon = datetime.now(timezone.utc) + timedelta(minutes=5)
    minted = await alpha.aio.auth_tokens.create(
        config=types.CreateAuthTokenConfig(
            uses=1,
            expire_time=soon,
            live_connect_constraints=types.LiveConnectConstraints(
                model=MODEL,
                config=types.LiveConnectConfig(response_modalities=["AUDIO"], output_audio_transcription={}),
            ),
        )
    )
    expect(minted.name.startswith("auth_tokens/"), "a token has its name")
    holder = client_of(client._base, minted.name, "v1alpha")
    # The model is locked: another one is not heard of.
    async with connected(holder, "gemini-1.0") as talk:
        await talk.session.send_realtime_input(text="Hello, who are you?")
        _, words, _ = await talk.turn()
    expect(words.startswith(FIRST_ANSWER), f"said {words!r}")
    again = await refused(1008, connected(holder))
    stranger = await refused(1008, connected(client_of(client._base, "auth_tokens/unknown", "v1alpha")))
    return {"again": again, "stranger": stranger}


PARTS = {p.__name__: p for p in (spoken, text, tool, interruption, resumption, manual, refusal, token)}


def client_of(base, key, version):
    client = genai.Client(api_key=key, http_options={"base_url": base, "api_version": version})
    client._base = base
    return client


async def run(name, client, clips):
    try:
        return {"part": name, "ok": True, **(await PARTS[name](client, clips))}
    except Exception as error:
        traceback.print_exc()
        return {"part": name, "ok": False, "error": f"{type(error).__name__}: {error}"}


async def main():
    base, clips, *parts = sys.argv[1:]
    client = client_of(base, "any", "v1beta")
    results = await asyncio.gather(*(run(part, client, Path(clips)) for part in parts or PARTS))
    for result in results:
        print(json.dumps(result), flush=True)
    return 0 if all(result["ok"] for result in results) else 1


if __name__ == "__main__":
    warnings.simplefilter("ignore", errors.ExperimentalWarning)
    # Of a value that no enum has the package only warns.
    warnings.filterwarnings("error", message=".*is not a valid")
    sys.exit(asyncio.run(main()))
