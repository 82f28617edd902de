#!/usr/bin/env python3
"""Drives the simulator with the vendor's own Python client: openai_python.py BASE_URL CLIPS [PART...]

BASE_URL is ".../v1", CLIPS the folder with the spoken clips, PART one of text, spoken, tool,
interruption and key (all of them if none is named). One JSON line of results for each conversation; exits 1
when any of them fails. Everything waits for events, bounded, never for time
to pass; every server event is held against the package's own types on arrival.
"""

import asyncio
import base64
import json
import sys
import time
import traceback
import wave
from pathlib import Path

from openai import AsyncOpenAI
from openai.types.realtime import ClientSecretCreateResponse
from websockets.exceptions import InvalidStatus

import wire_truth

MODEL = "gpt-realtime-2.1"
RATE = 24_000
CHUNK_MS = 40
PATIENCE_S = 20
BYTES_PER_MS = RATE * 2 // 1000

# The bundled scenario: typed words about the weather ask for the tool, all else takes its turns.
TEXT_QUESTION = "Hello, who are you?"
NEXT_QUESTION = "And what is that?"
TOOL_QUESTION = "What is the weather in Paris?"
TOOL = {
    "type": "function",
    "name": "get_weather",
    "description": "Tells the current weather of a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
SPOKEN_CLIP = "question1.wav"
INTERRUPTING_CLIP = "question2.wav"


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def pcm_of(path):
    with wave.open(str(path)) as clip:
        shape = (clip.getframerate(), clip.getnchannels(), clip.getsampwidth())
        expect(shape == (RATE, 1, 2), f"{path} is {shape}, wanted 24 kHz mono 16 bit")
        return clip.readframes(clip.getnframes())


class Conversation:
    """One connection: all events in order of arrival, and waiting for one of them."""

    def __init__(self, connection):
        self.connection = connection
        self.events = []
        self.closed = None
        self.arrival = asyncio.Condition()
        self.sent_audio_ms = 0
        self.reader = asyncio.create_task(self.read())

    async def read(self):
        try:
            while True:
                raw = await self.connection.recv_bytes()
                event = self.connection.parse_event(raw)
                defects = wire_truth.check("server", json.loads(raw))
                async with self.arrival:
                    self.events.append(event)
                    if defects:
                        self.closed = f"{event.type} is not what the package types: {defects}"
                    self.arrival.notify_all()
                if defects:
                    return
        except Exception as error:
            async with self.arrival:
                self.closed = repr(error)
                self.arrival.notify_all()

    async def wait(self, what, since=0, **fields):
        """The index of the first event at or after `since` of this type with these fields."""

        def found():
            for index in range(since, len(self.events)):
                event = self.events[index]
                if event.type == what and all(getattr(event, k, None) == v for k, v in fields.items()):
                    return index
            return None

        try:
            async with asyncio.timeout(PATIENCE_S), self.arrival:
                while found() is None:
                    expect(self.closed is None, f"connection ended while waiting for {what}: {self.closed}")
                    await self.arrival.wait()
        except TimeoutError:
            tail = [event.type for event in self.events[since:]][-12:]
            raise AssertionError(f"no {what} {fields or ''} within {PATIENCE_S} s; last events: {tail}") from None
        return found()

    def between(self, what, first=0, last=None, **fields):
        return [
            event
            for event in self.events[first:last]
            if event.type == what and all(getattr(event, k, None) == v for k, v in fields.items())
        ]

    def one(self, what, first=0, last=None, **fields):
        found = self.between(what, first, last, **fields)
        expect(len(found) == 1, f"{len(found)} x {what} {fields}, wanted one")
        return found[0]

    def one_item(self, what, item_id):
        found = [event for event in self.between(what) if event.item.id == item_id]
        expect(len(found) == 1, f"{len(found)} x {what} for {item_id}, wanted one")
        return found[0]

    def received_ms(self, item_id):
        deltas = self.between("response.output_audio.delta", item_id=item_id)
        return sum(len(base64.b64decode(event.delta)) for event in deltas) // BYTES_PER_MS

    async def append(self, pcm):
        """Sends audio as fast as the socket takes it."""
        step = CHUNK_MS * BYTES_PER_MS
        for start in range(0, len(pcm), step):
            chunk = pcm[start : start + step]
            await self.connection.input_audio_buffer.append(audio=base64.b64encode(chunk).decode())
            self.sent_audio_ms += len(chunk) // BYTES_PER_MS

    async def say(self, clip):
        """A clip, then the silence that ends the turn."""
        await self.append(clip)
        await self.append(bytes(1_500 * BYTES_PER_MS))

    async def refused(self, event_id, since):
        """The error that names the client event `event_id`."""
        while True:
            index = await self.wait("error", since)
            if self.events[index].error.event_id == event_id:
                return self.events[index].error
            since = index + 1

    async def unexpected_errors(self, allowed=()):
        found = [e.error for e in self.between("error") if e.error.event_id not in allowed]
        expect(not found, f"unexpected error events: {found}")


class connected:
    def __init__(self, client, session):
        self.manager = client.realtime.connect(model=MODEL)
        self.session = session

    async def __aenter__(self):
        self.connection = await self.manager.__aenter__()
        talk = self.talk = Conversation(self.connection)
        created = talk.events[await talk.wait("session.created")]
        expect(talk.events[0].type == "session.created", "session.created is the first event")
        await self.connection.session.update(session={"type": "realtime", **self.session}, event_id="setup")
        updated = talk.events[await talk.wait("session.updated")]
        before, after = created.session.to_dict(), updated.session.to_dict()
        expect(before["id"] == after["id"], "the session keeps its id")
        expect(after["model"] == MODEL, "the session tells its model")
        for key, value in self.session.items():
            expect(includes(after[key], value), f"session.updated has {key}={after[key]}, asked for {value}")
        return talk

    async def __aexit__(self, *failure):
        self.talk.reader.cancel()
        await self.manager.__aexit__(*failure)


def includes(whole, part):
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(k in whole and includes(whole[k], v) for k, v in part.items())
    return whole == part


def check_reply(talk, since, done):
    """The order and the sums of one finished reply; returns its audio and its transcript."""
    response = talk.events[done].response
    created = talk.events.index(talk.one("response.created", since, done))
    expect(talk.events[created].response.id == response.id, "created and done name the same response")
    expect(talk.events[created].response.status == "in_progress", "a created response is in progress")
    expect(response.status == "completed", f"response is {response.status}: {response.status_details}")
    usage = response.usage
    expect(usage and usage.total_tokens == usage.input_tokens + usage.output_tokens, f"usage does not add up: {usage}")

    audio, words = b"", ""
    for item in response.output:
        if item.type != "message":
            continue
        expect(item.status == "completed", f"item {item.id} is {item.status}")
        own = [(i, e) for i, e in enumerate(talk.events[:done]) if getattr(e, "item_id", None) == item.id]
        kinds = [e.type for _, e in own]
        added = talk.events.index(talk.one_item("response.output_item.added", item.id))
        placed = talk.events.index(talk.one_item("conversation.item.added", item.id))
        finished = talk.events.index(talk.one_item("response.output_item.done", item.id))
        expect(created < added < own[0][0] and placed < own[0][0], "an item is added before its parts")
        expect(own[-1][0] < finished < done, "an item is done after its parts and before its response")
        expect(kinds[0] == "response.content_part.added", f"first event of an item is {kinds[0]}")
        expect(kinds[-1] == "response.content_part.done", f"last event of an item is {kinds[-1]}")
        spoken = "".join(e.delta for _, e in own if e.type == "response.output_audio_transcript.delta")
        written = "".join(e.delta for _, e in own if e.type == "response.output_text.delta")
        for _, event in own:
            if event.type == "response.output_audio.delta":
                audio += base64.b64decode(event.delta, validate=True)
            elif event.type == "response.output_audio_transcript.done":
                expect(event.transcript == spoken, "the transcript is the sum of its deltas")
            elif event.type == "response.output_text.done":
                expect(event.text == written, "the text is the sum of its deltas")
        told = "".join((part.transcript or "") + (part.text or "") for part in item.content)
        expect(told == spoken + written, f"response.done says {told!r}, the deltas said {spoken + written!r}")
        words += told
    expect(len(audio) % 2 == 0, "audio is whole samples")
    return audio, words


def loudness(pcm):
    samples = memoryview(pcm).cast("h")
    return (sum(s * s for s in samples) / max(1, len(samples))) ** 0.5


async def text_turn(client, clips):
    async with connected(client, {"instructions": "Be brief.", "output_modalities": ["text"]}) as talk:
        await talk.connection.conversation.item.create(
            item={"id": "item_hello", "type": "message", "role": "user", "content": [{"type": "input_text", "text": TEXT_QUESTION}]},
            event_id="say",
        )
        added = await talk.wait("conversation.item.added")
        expect(talk.events[added].item.id == "item_hello", "the client's item id is kept")
        expect(talk.events[added].item.content[0].text == TEXT_QUESTION, "the item's text is kept")
        item_done = await talk.wait("conversation.item.done", added)

        await talk.connection.response.create(event_id="ask", response={"metadata": {"client_event_id": "ask"}})
        done = await talk.wait("response.done", item_done)
        audio, words = check_reply(talk, item_done, done)
        expect(talk.events[done].response.metadata == {"client_event_id": "ask"}, "metadata comes back")
        expect(not audio and words, "a text reply has words and no audio")
        expect(not talk.between("response.output_audio_transcript.delta"), "a text reply has no transcript")

        # The next answer is to be spoken, though the session writes.
        await talk.connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": NEXT_QUESTION}]}
        )
        await talk.connection.response.create(response={"output_modalities": ["audio"]})
        spoken = await talk.wait("response.done", done + 1)
        audio, transcript = check_reply(talk, done + 1, spoken)
        expect(audio and transcript, "a spoken reply has audio and a transcript")

        # What the service refuses, with the client's event id in the answer.
        refusals = {}
        since = len(talk.events)
        await talk.connection.response.cancel(event_id="late")
        refusals["cancel"] = (await talk.refused("late", since)).code
        await talk.append(bytes(60 * BYTES_PER_MS))
        await talk.connection.input_audio_buffer.commit(event_id="short")
        refusals["commit"] = (await talk.refused("short", since)).code
        await talk.connection.conversation.item.retrieve(item_id="item_nowhere", event_id="lost")
        refusals["retrieve"] = (await talk.refused("lost", since)).code
        await talk.connection.session.update(session={"type": "realtime", "voice": "marin"}, event_id="beta")
        refusals["update"] = (await talk.refused("beta", since)).code
        expect(
            refusals
            == {
                "cancel": "response_cancel_not_active",
                "commit": "input_audio_buffer_commit_empty",
                "retrieve": "item_retrieve_invalid_item_id",
                "update": "unknown_parameter",
            },
            f"refusals: {refusals}",
        )

        await talk.connection.conversation.item.delete(item_id="item_hello")
        await talk.wait("conversation.item.deleted", item_id="item_hello")
        await talk.unexpected_errors(allowed=("late", "short", "lost", "beta"))
        return {"words": words, "spoken": transcript, "spoken_ms": len(audio) // BYTES_PER_MS, "refused": sorted(refusals.values())}


LISTENING = {
    "output_modalities": ["audio"],
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": RATE},
            "transcription": {"model": "gpt-transcribe"},
            "turn_detection": {"type": "server_vad", "silence_duration_ms": 500, "create_response": True, "interrupt_response": True},
        },
        "output": {"voice": "marin"},
    },
}


async def heard_turn(talk, since):
    """The events by which the service takes a spoken turn; returns the index of its item."""
    started = await talk.wait("input_audio_buffer.speech_started", since)
    user = talk.events[started].item_id
    stopped = await talk.wait("input_audio_buffer.speech_stopped", started, item_id=user)
    committed = await talk.wait("input_audio_buffer.committed", stopped, item_id=user)
    added = await talk.wait("conversation.item.added", committed)
    expect(talk.events[added].item.id == user, "the spoken item keeps the id of its speech")
    expect(talk.events[added].item.role == "user", "the spoken item is the user's")
    expect(talk.events[added].item.content[0].type == "input_audio", "the spoken item holds audio")
    start_ms, end_ms = talk.events[started].audio_start_ms, talk.events[stopped].audio_end_ms
    expect(0 <= start_ms < end_ms <= talk.sent_audio_ms, f"speech from {start_ms} to {end_ms} ms of {talk.sent_audio_ms}")
    return added, user, (start_ms, end_ms)


async def spoken_turn(client, clips):
    clip = pcm_of(clips / SPOKEN_CLIP)
    async with connected(client, LISTENING) as talk:
        # Silence alone is no turn.
        await talk.append(bytes(1_000 * BYTES_PER_MS))
        await talk.say(clip)
        added, user, (start_ms, end_ms) = await heard_turn(talk, 0)
        expect(start_ms >= 500, f"speech starts at {start_ms} ms, though the first second was silence")
        done = await talk.wait("response.done", added)
        audio, words = check_reply(talk, added, done)
        expect(words and loudness(audio) > 100, "the reply is audible")
        reply = talk.one("conversation.item.added", added + 1, done)
        expect(reply.previous_item_id == user, "the reply follows the question")
        completed = await talk.wait("conversation.item.input_audio_transcription.completed", item_id=user)
        heard = talk.events[completed].transcript
        pieces = talk.between("conversation.item.input_audio_transcription.delta", item_id=user)
        expect(heard and pieces, "the question is transcribed, in pieces and whole")
        await talk.unexpected_errors()
        return {"heard": heard, "words": words, "speech_ms": [start_ms, end_ms], "reply_ms": len(audio) // BYTES_PER_MS}


async def tool_call(client, clips):
    async with connected(client, {"tools": [TOOL], "tool_choice": "auto", "output_modalities": ["audio"]}) as talk:
        await talk.connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": TOOL_QUESTION}]}
        )
        item_done = await talk.wait("conversation.item.done")
        await talk.connection.response.create()
        done = await talk.wait("response.done", item_done)
        response = talk.events[done].response
        calls = [item for item in response.output if item.type == "function_call"]
        expect(len(calls) == 1 and calls[0].name == TOOL["name"], f"calls: {calls}")
        call = calls[0]
        expect(call.status == "completed" and call.call_id, "the call is complete and has an id")
        arguments = talk.one("response.function_call_arguments.done", item_id=call.id)
        pieces = talk.between("response.function_call_arguments.delta", item_id=call.id)
        expect(pieces and "".join(p.delta for p in pieces) == arguments.arguments == call.arguments, "arguments add up")
        expect(arguments.call_id == call.call_id and arguments.name == call.name, "arguments name their call")
        expect({p.call_id for p in pieces} == {call.call_id}, "the pieces name their call")
        city = json.loads(call.arguments)["city"]

        await talk.connection.conversation.item.create(
            item={"type": "function_call_output", "call_id": call.call_id, "output": json.dumps({"city": city, "sky": "clear", "celsius": 21})}
        )
        placed = await talk.wait("conversation.item.done", done)
        expect(talk.events[placed].item.type == "function_call_output", "the result becomes an item")
        expect(not talk.between("response.created", done), "a result alone starts no response")
        await talk.connection.response.create()
        follow_up = await talk.wait("response.done", placed)
        audio, words = check_reply(talk, placed, follow_up)
        expect(audio and words, "the follow-up speaks")
        await talk.unexpected_errors()
        return {"arguments": call.arguments, "words": words, "reply_ms": len(audio) // BYTES_PER_MS}


async def interruption(client, clips):
    question, objection = pcm_of(clips / SPOKEN_CLIP), pcm_of(clips / INTERRUPTING_CLIP)
    async with connected(client, LISTENING) as talk:
        await talk.say(question)
        added, user, _ = await heard_turn(talk, 0)
        audible = await talk.wait("response.output_audio.delta", added)
        reply, interrupted = talk.events[audible].item_id, talk.events[audible].response_id

        # The user speaks up when the first second of the reply has arrived.
        while talk.received_ms(reply) < 1_000:
            audible = await talk.wait("response.output_audio.delta", audible + 1)
        await talk.append(objection)
        started = await talk.wait("input_audio_buffer.speech_started", audible)
        expect(not talk.between("response.done", added, started), "the reply is still being sent when the user speaks up")
        done = await talk.wait("response.done", started)
        response = talk.events[done].response
        expect(response.id == interrupted, "the interrupted response ends first")
        expect(response.status == "cancelled", f"the interrupted response is {response.status}")
        expect(response.status_details.reason == "turn_detected", f"its details are {response.status_details}")
        late = [e for e in talk.events[done:] if getattr(e, "response_id", None) == interrupted]
        expect(not late, f"events of the response after its end: {[e.type for e in late]}")
        received_ms = talk.received_ms(reply)

        # What was heard is a little less than what was received.
        heard_ms = received_ms // 2
        await talk.connection.conversation.item.truncate(item_id=reply, content_index=0, audio_end_ms=heard_ms, event_id="cut")
        cut = talk.events[await talk.wait("conversation.item.truncated", item_id=reply)]
        expect((cut.audio_end_ms, cut.content_index) == (heard_ms, 0), f"truncated: {cut}")
        since = len(talk.events)
        for event_id, end_ms in (("beyond", received_ms + 60_000), ("regrow", heard_ms + 10)):
            await talk.connection.conversation.item.truncate(item_id=reply, content_index=0, audio_end_ms=end_ms, event_id=event_id)
            error = await talk.refused(event_id, since)
            expect("already shorter than" in error.message, f"refusal: {error}")
        await talk.connection.conversation.item.truncate(item_id=user, content_index=0, audio_end_ms=10, event_id="not_yours")
        refusal = await talk.refused("not_yours", since)

        # The server forgets the words of a cut item, and keeps its audio up to the cut.
        await talk.connection.conversation.item.retrieve(item_id=reply)
        kept = talk.events[await talk.wait("conversation.item.retrieved")].item
        expect(kept.id == reply and kept.status == "incomplete", f"the cut item is {kept.status}")
        expect(not any(part.transcript for part in kept.content), f"the cut item keeps its transcript: {kept.content[0].transcript!r}")
        kept_ms = len(base64.b64decode(kept.content[0].audio)) // BYTES_PER_MS
        expect(kept_ms == heard_ms, f"the cut item keeps {kept_ms} ms of audio")

        # The interrupting turn is answered.
        await talk.append(bytes(1_500 * BYTES_PER_MS))
        added, _, _ = await heard_turn(talk, started)
        answered = await talk.wait("response.done", added)
        _, words = check_reply(talk, added, answered)
        await talk.unexpected_errors(allowed=("beyond", "regrow", "not_yours"))
        return {"received_ms": received_ms, "heard_ms": heard_ms, "wrong_item": refusal.code, "words": words}


async def ephemeral_key(client, clips):
    answer = await client.realtime.client_secrets.with_raw_response.create(
        expires_after={"anchor": "created_at", "seconds": 60},
        session={"type": "realtime", "model": MODEL, "instructions": "From the secret."},
    )
    secret = ClientSecretCreateResponse.model_validate_json(answer.content, strict=True, extra="forbid")
    expect(secret.value.startswith("ek_"), "a client secret starts with ek_")
    lifetime = secret.expires_at - time.time()
    expect(0 < lifetime <= 61, f"the secret lives {lifetime:.0f} s, asked for 60")
    expect(secret.session.instructions == "From the secret.", f"its session is {secret.session}")

    base = client.base_url
    for _ in range(2):  # one secret may start several sessions
        async with AsyncOpenAI(api_key=secret.value, base_url=base) as bearer, connected(bearer, {}) as talk:
            created = talk.one("session.created").session
            expect(created.instructions == "From the secret.", "the session starts as the secret says")

    refused = {}
    strangers = (
        ("invalid key", "sk-invalid", MODEL),
        ("never minted", "ek_never_minted", MODEL),
        ("unknown model", "sk-c4n4ry-key", "gpt-nonsense"),
    )
    for who, key, model in strangers:
        async with AsyncOpenAI(api_key=key, base_url=base, max_retries=0) as stranger:
            try:
                async with stranger.realtime.connect(model=model):
                    raise AssertionError(f"{who} may connect to {model}")
            except InvalidStatus as error:
                refused[who] = error.response.status_code
    expect(list(refused.values()) == [401, 401, 404], f"handshakes: {refused}")
    return {"refused": refused}


PARTS = {
    "text": text_turn,
    "spoken": spoken_turn,
    "tool": tool_call,
    "interruption": interruption,
    "key": ephemeral_key,
}


async def main(url, clips, parts):
    failures = 0
    async with AsyncOpenAI(api_key="sk-c4n4ry-key", base_url=url) as client:
        for name in parts or PARTS:
            try:
                result = {"ok": True, **await PARTS[name](client, clips)}
            except Exception as error:
                failures += 1
                result = {"ok": False, "error": str(error) or repr(error)}
                traceback.print_exc()
            print(json.dumps({"referee": "openai-python", "part": name, **result}), flush=True)
    return failures


if __name__ == "__main__":
    if len(sys.argv) < 3 or not PARTS.keys() >= set(sys.argv[3:]):
        sys.exit(__doc__)
    sys.exit(1 if asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])) else 0)
