#!/usr/bin/env python3
"""The vendor's own Python client in the workshop scenario: openai_python_turns.py BASE_URL [PART...]

BASE_URL is ".../v1", PART one of manual, aside, image, update and calls (all of them if none is named).
Results, waiting and the check of every event are those of openai_python.py.
"""

import asyncio
import base64
import json
import struct
import sys
import traceback
import zlib

from openai import AsyncOpenAI

from openai_python import BYTES_PER_MS, check_reply, connected, expect

MANUAL = {"audio": {"input": {"turn_detection": None, "transcription": {"model": "gpt-transcribe"}}}}
TOOLS = [{"type": "function", "name": name, "parameters": {"type": "object"}} for name in ("get_weather", "get_time")]


def png(width, height):
    """A grey image."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress((b"\0" + b"\x80" * width) * height)
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def message(*parts):
    return {"type": "message", "role": "user", "content": list(parts)}


async def manual_turn(client):
    async with connected(client, MANUAL) as talk:
        await talk.append(bytes(50 * BYTES_PER_MS))
        await talk.connection.input_audio_buffer.clear()
        cleared = await talk.wait("input_audio_buffer.cleared")
        await talk.append(bytes(60 * BYTES_PER_MS))
        await talk.connection.input_audio_buffer.commit(event_id="early")
        error = await talk.refused("early", cleared)
        expect(error.code == "input_audio_buffer_commit_empty" and "100ms" in error.message, f"refusal: {error}")
        await talk.append(bytes(60 * BYTES_PER_MS))
        await talk.connection.input_audio_buffer.commit()
        committed = await talk.wait("input_audio_buffer.committed")
        item = talk.events[committed].item_id
        placed = await talk.wait("conversation.item.done", committed)
        await talk.connection.response.create()
        done = await talk.wait("response.done", placed)
        audio, words = check_reply(talk, placed, done)
        expect(audio and "fires on hills" in words, f"the reply is {words!r}")
        heard = talk.events[await talk.wait("conversation.item.input_audio_transcription.completed", item_id=item)]
        expect(not talk.between("input_audio_buffer.speech_started"), "nobody looks for speech")
        await talk.unexpected_errors(allowed=("early",))
        return {"heard": heard.transcript, "words": words}


async def aside(client):
    async with connected(client, {}) as talk:
        await talk.connection.conversation.item.create(item=message({"type": "input_text", "text": "read me something long"}))
        since = await talk.wait("conversation.item.done")
        question = talk.events[since].item.id
        await talk.connection.response.create()
        await talk.wait("response.output_audio.delta", since)
        # Beside the answer that is being spoken, a question outside of the conversation.
        reference = {"type": "item_reference", "id": question}
        instructions = message({"type": "input_text", "text": "What kind of sentence is that?"})
        await talk.connection.response.create(
            response={"conversation": "none", "output_modalities": ["text"], "metadata": {"purpose": "classify"}, "input": [reference, instructions]}
        )
        while True:
            since = await talk.wait("response.created", since + 1)
            if talk.events[since].response.conversation_id is None:
                break
        identity = talk.events[since].response.id
        expect(talk.events[since].response.metadata == {"purpose": "classify"}, "metadata comes with response.created")
        while talk.events[since].response.id != identity or talk.events[since].type != "response.done":
            since = await talk.wait("response.done", since + 1)
        response = talk.events[since].response
        words = response.output[0].content[0].text
        expect((response.metadata, words) == ({"purpose": "classify"}, "question"), f"the aside is {response}")
        expect(not [e for e in talk.between("conversation.item.added") if e.item.id == response.output[0].id], "it leaves no item")
        await talk.connection.response.create(response={"conversation": "none", "input": [{"type": "item_reference", "id": "item_x"}]}, event_id="lost")
        error = await talk.refused("lost", 0)
        expect(error.param == "response.input[0].id", f"refusal: {error}")
        await talk.unexpected_errors(allowed=("lost",))
        return {"words": words}


async def image(client):
    async with connected(client, {"output_modalities": ["text"]}) as talk:
        def look(url, **more):
            return message({"type": "input_text", "text": "What is this?"}, {"type": "input_image", "image_url": url, **more})

        data = "data:image/png;base64," + base64.b64encode(png(17, 9)).decode()
        await talk.connection.conversation.item.create(item=look(data, detail="low"))
        placed = await talk.wait("conversation.item.done")
        await talk.connection.response.create()
        done = await talk.wait("response.done", placed)
        _, words = check_reply(talk, placed, done)
        expect(words == "I see a PNG image of 17 by 9 pixels.", f"the reply is {words!r}")
        tokens = talk.events[done].response.usage.input_token_details.image_tokens
        expect(tokens > 0, "an image costs tokens")
        await talk.connection.conversation.item.create(item=look("https://example.com/cat.png"), event_id="link")
        error = await talk.refused("link", done)
        expect(error.param == "item.content[1].image_url", f"refusal: {error}")
        await talk.unexpected_errors(allowed=("link",))
        return {"words": words, "image_tokens": tokens}


async def update(client):
    async with connected(client, MANUAL) as talk:
        since = len(talk.events)

        async def change(**session):
            nonlocal since
            await talk.connection.session.update(session={"type": "realtime", **session})
            since = await talk.wait("session.updated", since) + 1
            return talk.events[since - 1].session

        session = await change(audio={"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "low"}}})
        expect(session.audio.input.turn_detection.type == "semantic_vad", f"{session.audio.input}")
        expect(session.audio.input.transcription.model == "gpt-transcribe", "what is absent stays")
        session = await change(instructions="", audio={"input": {"transcription": None}, "output": {"voice": "cedar", "speed": 1.1}})
        expect(session.instructions == "" and session.audio.input.transcription is None, f"cleared: {session}")
        expect(session.audio.output.voice == "cedar" and session.audio.output.speed == 1.1, f"{session.audio.output}")

        said = '"Good day", he said.'
        await talk.connection.response.create(response={"instructions": f'Say the following text word for word, and nothing else:\n"""\n{said}\n"""'})
        done = await talk.wait("response.done", since)
        audio, words = check_reply(talk, since, done)
        expect(audio and words == said, f"the reply is {words!r}")
        await talk.connection.session.update(session={"type": "realtime", "audio": {"output": {"voice": "marin"}}}, event_id="voice")
        error = await talk.refused("voice", done)
        expect(error.code == "cannot_update_voice", f"refusal: {error}")
        await talk.unexpected_errors(allowed=("voice",))
        return {"words": words}


async def calls(client):
    async with connected(client, {"tools": TOOLS, "output_modalities": ["text"]}) as talk:
        await talk.connection.conversation.item.create(item=message({"type": "input_text", "text": "compare the two"}))
        placed = await talk.wait("conversation.item.done")
        await talk.connection.response.create()
        done = await talk.wait("response.done", placed)
        made = [item for item in talk.events[done].response.output if item.type == "function_call"]
        expect(len(made) == 3 and len({call.call_id for call in made}) == 3, f"calls: {made}")
        for call in made:
            await talk.connection.conversation.item.create(item={"type": "function_call_output", "call_id": call.call_id, "output": "{}"})
        await talk.connection.response.create()
        answered = await talk.wait("response.done", done + 1)
        _, words = check_reply(talk, done + 1, answered)
        expect("warmer" in words, f"the reply is {words!r}")
        await talk.unexpected_errors()
        return {"calls": [call.name for call in made], "words": words}


PARTS = {"manual": manual_turn, "aside": aside, "image": image, "update": update, "calls": calls}


async def main(url, parts):
    failures = 0
    async with AsyncOpenAI(api_key="sk-c4n4ry-key", base_url=url) as client:
        for name in parts or PARTS:
            try:
                result = {"ok": True, **await PARTS[name](client)}
            except Exception as error:
                failures += 1
                result = {"ok": False, "error": str(error) or repr(error)}
                traceback.print_exc()
            print(json.dumps({"referee": "openai-python", "part": name, **result}), flush=True)
    return failures


if __name__ == "__main__":
    if len(sys.argv) < 2 or not PARTS.keys() >= set(sys.argv[2:]):
        sys.exit(__doc__)
    sys.exit(1 if asyncio.run(main(sys.argv[1], sys.argv[2:])) else 0)
