#!/usr/bin/env python3
"""Drives the simulator with ElevenLabs' own Python client: elevenlabs_python.py BASE_URL PRIVATE_URL CLIPS [PART...]

Both URLs are "http://HOST:PORT", of a simulator with a public agent and of one with a private agent that permits no
overrides, CLIPS the folder with the spoken clips, PART one of spoken, tool, interruption, correction, text, context,
file, signed, refusal and end (all of them if none is named). They talk at the same time, each in a conversation of
its own. One JSON line of results for each; exits 1 when any of them fails. Everything waits for messages, bounded,
never for time to pass.
"""

import json
import sys
import threading
import traceback
import wave
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from elevenlabs.client import ElevenLabs
from elevenlabs.conversational_ai.conversation import (
    AgentChatResponsePartType,
    AudioInterface,
    ClientTools,
    Conversation,
    ConversationInitiationData,
)

RATE = 16_000
CHUNK_MS = 100
PATIENCE_S = 60

# The bundled scenario: typed words about the weather ask for the tool, all else takes its turns.
GREETING = "Hello, what would you like to know?"
HEARD = "Can you tell me about the history of the lighthouse?"
FIRST_ANSWER = "Of course. The first lighthouses were open fires on hills, which guided ships at night."
SECOND_ANSWER = "The tallest one is one hundred and thirty three metres high."
TOOL_ANSWER = "In Paris it is eighteen degrees and sunny."
PNG = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000020802000000")

# What is sent unasked, and what the parts below want beside.
EVENTS = [
    "conversation_initiation_metadata",
    "ping",
    "audio",
    "interruption",
    "user_transcript",
    "agent_response",
    "agent_response_correction",
    "agent_response_complete",
    "client_tool_call",
    "agent_tool_response",
    "context_usage",
]


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def clip(path):
    """A clip of 24 kHz at 16 kHz: two of three samples, the second one between its neighbours."""
    with wave.open(str(path)) as file:
        shape = (file.getframerate(), file.getnchannels(), file.getsampwidth())
        expect(shape == (24_000, 1, 2), f"{path} is {shape}, wanted 24 kHz mono 16 bit")
        samples = memoryview(file.readframes(file.getnframes())).cast("h")
    out = bytearray()
    for i in range(0, len(samples) - 2, 3):
        for value in (samples[i], (samples[i + 1] + samples[i + 2]) // 2):
            out += value.to_bytes(2, "little", signed=True)
    return bytes(out)


class Headset(AudioInterface):
    """What is said goes in when a test wants it to, what is heard is kept."""

    def __init__(self, note):
        self.note = note
        self.say = None

    def start(self, input_callback):
        self.say = input_callback
        self.note("started", None)

    def stop(self):
        self.note("stopped", None)

    def output(self, audio):
        self.note("output", audio)

    def interrupt(self):
        self.note("interrupted", None)


class Recorded(Conversation):
    """The package's own class, which also tells what came over the wire before it looks at it."""

    note = None

    def _handle_message(self, message, ws):
        self.note(message["type"], message)
        super()._handle_message(message, ws)


class Talk:
    """One conversation: everything that came and everything the package made of it, in order."""

    def __init__(self, url, speaks=True, auth=False, tools=None, **data):
        self.log = []
        self.arrival = threading.Condition()
        self.headset = Headset(self.note) if speaks else None
        override = data.setdefault("conversation_config_override", {})
        override.setdefault("conversation", {})["client_events"] = EVENTS
        Recorded.note = None
        self.conversation = Recorded(
            ElevenLabs(base_url=url, api_key="any"),
            "agent_referee",
            requires_auth=auth,
            audio_interface=self.headset,
            client_tools=tools,
            config=ConversationInitiationData(**data),
            callback_agent_response=lambda text: self.note("told", text),
            callback_agent_response_correction=lambda *texts: self.note("corrected", texts),
            callback_agent_chat_response_part=lambda text, part: self.note("part", (part, text)),
            callback_user_transcript=lambda text: self.note("heard", text),
            callback_audio_alignment=lambda alignment: self.note("aligned", alignment),
            callback_disconnect=lambda details: self.note("over", details),
        )
        self.conversation.note = self.note

    def __enter__(self):
        self.conversation.start_session()
        self.wait("conversation_initiation_metadata")
        if self.headset:
            self.wait("started")
        return self

    def __exit__(self, *failure):
        self.conversation.end_session()
        self.conversation.wait_for_session_end()

    def note(self, kind, value):
        with self.arrival:
            self.log.append((kind, value))
            self.arrival.notify_all()

    def wait(self, kind, since=0, count=1):
        """The index of the `count`-th entry of this kind at or after `since`."""

        def look():
            found = [i for i in range(since, len(self.log)) if self.log[i][0] == kind]
            return found[count - 1] if len(found) >= count else None

        def over():
            return kind != "over" and any(entry[0] == "over" for entry in self.log)

        with self.arrival:
            self.arrival.wait_for(lambda: look() is not None or over(), PATIENCE_S)
            found = look()
            last = [entry[0] for entry in self.log[-5:]]
            expect(found is not None, f"no {kind} within {PATIENCE_S} s, or the end before it; last: {last}")
            return found

    def all(self, kind, first=0, last=None):
        return [value for name, value in self.log[first:last] if name == kind]

    def one(self, kind, since=0):
        return self.log[self.wait(kind, since)][1]

    def speak(self, pcm):
        step = CHUNK_MS * RATE * 2 // 1000
        for start in range(0, len(pcm), step):
            self.headset.say(pcm[start : start + step])

    def ask(self, pcm):
        """A clip, then the silence that ends the turn."""
        self.speak(pcm)
        self.speak(bytes(RATE * 3))

    def reply(self, since=0):
        """A whole reply: where it ends, and its words."""
        end = self.wait("agent_response_complete", since)
        usage = self.all("context_usage", since, end)
        expect(len(usage) == 1, f"{len(usage)} context_usage in one reply")
        return end, " ".join(self.all("told", since, end))


SILENT = {"agent": {"first_message": ""}}


def spoken(url, private, clips):
    with Talk(url) as talk:
        greeted, words = talk.reply()
        expect(words == GREETING, f"greeted {words!r}")
        talk.ask(clip(clips / "question1.wav"))
        heard = talk.one("heard", greeted)
        expect(heard == HEARD, f"heard {heard!r}")
        end, words = talk.reply(greeted + 1)
        expect(words.startswith(FIRST_ANSWER), f"said {words!r}")
        audio = b"".join(talk.all("output", greeted, end))
        expect(len(audio) > RATE * 2 * 5 and len(audio) % 2 == 0, f"{len(audio)} bytes of speech")
        letters = "".join("".join(a.chars) for a in talk.all("aligned", greeted, end))
        expect(letters == words, f"letters {letters!r}")
        return {"heard": heard, "spoken_ms": len(audio) // (RATE * 2 // 1000)}


def tool(url, private, clips):
    tools, asked = ClientTools(), []

    def get_weather(parameters):
        asked.append(parameters)
        return "18 degrees"

    tools.register("get_weather", get_weather)
    with Talk(url, tools=tools, conversation_config_override=dict(SILENT)) as talk:
        talk.conversation.send_user_message("What is the weather in Paris?")
        call = talk.one("client_tool_call")["client_tool_call"]
        _, words = talk.reply()
        expect(words == TOOL_ANSWER, f"said {words!r}")
        expect(len(asked) == 1 and asked[0]["city"] == "Paris", f"asked {asked}")
        expect(asked[0]["tool_call_id"] == call["tool_call_id"], f"{call} became {asked}")
        response = talk.one("agent_tool_response")["agent_tool_response"]
        expect(response["is_called"] and not response["is_error"], f"{response}")
        return {"said": words}


def cut(talk, begun, clips):
    """Interrupts; what is told then of the reply that was cut."""
    talk.ask(clip(clips / "question2.wav"))
    interrupted = talk.wait("interrupted", begun)
    number = talk.one("interruption")["interruption_event"]["event_id"]
    # Which of the two it is depends on whether the text was there by then.
    told = talk.all("agent_response", begun, interrupted)
    end, words = talk.reply(interrupted)
    expect(words.endswith(SECOND_ANSWER), f"said {words!r}")
    corrections = talk.all("corrected", interrupted, end)
    cuts = [text for text in talk.all("told", interrupted, end) if text != SECOND_ANSWER]
    stale = [a["audio_event"]["event_id"] for a in talk.all("audio", interrupted, end)]
    expect(all(other > number for other in stale), f"audio of {stale} after the interruption of {number}")
    expect(bool(told) == bool(corrections), f"told {told} and corrected {corrections}")
    if not told:
        expect(len(cuts) <= 1, f"told {cuts}")
    # What was cut off is told with dots at its end.
    left = corrections[0][1].removesuffix("...") if told else "".join(cuts)
    whole = corrections[0][0] if told else FIRST_ANSWER
    expect(whole.startswith(left) and len(left) < len(whole), f"of {whole!r} left {left!r}")
    return {"corrected": bool(told), "left": left}


def interruption(url, private, clips):
    with Talk(url, conversation_config_override=dict(SILENT)) as talk:
        talk.ask(clip(clips / "question1.wav"))
        # The text is there when two thirds of the audio are.
        return cut(talk, talk.wait("output", count=8), clips)


def correction(url, private, clips):
    with Talk(url, conversation_config_override=dict(SILENT)) as talk:
        talk.ask(clip(clips / "question1.wav"))
        talk.wait("told")
        result = cut(talk, 0, clips)
        expect(result["corrected"], "a text that was told is corrected")
        return result


def text(url, private, clips):
    with Talk(url, speaks=False, conversation_config_override=dict(SILENT)) as talk:
        talk.conversation.send_user_message("Hello, who are you?")
        _, words = talk.reply()
        parts = talk.all("part")
        kinds = [part for part, _ in parts]
        middle = [AgentChatResponsePartType.DELTA] * (len(parts) - 2)
        expect(
            kinds == [AgentChatResponsePartType.START, *middle, AgentChatResponsePartType.STOP], f"{kinds}"
        )
        expect("".join(piece for _, piece in parts) == words, f"{parts} became {words!r}")
        expect(not talk.all("audio"), "nothing is spoken")
        return {"parts": len(parts)}


def context(url, private, clips):
    with Talk(url, conversation_config_override=dict(SILENT)) as talk:
        talk.conversation.send_contextual_update("The user likes ships.")
        talk.conversation.register_user_activity()
        # A ping later nobody has said anything.
        talk.wait("ping")
        expect(not talk.all("agent_response"), "an update is not answered")
        talk.conversation.send_user_message("Hello, who are you?")
        _, words = talk.reply()
        expect(words.startswith(FIRST_ANSWER), f"said {words!r}")
        usage = talk.one("context_usage")["context_usage_event"]
        expect(usage["context_tokens"] > 5, f"{usage}")
        return {"tokens": usage["context_tokens"]}


def file(url, private, clips):
    with Talk(url, conversation_config_override=dict(SILENT)) as talk:
        client = talk.conversation.client
        uploaded = client.conversational_ai.conversations.files.create(
            talk.conversation._conversation_id, file=("point.png", PNG, "image/png")
        )
        talk.conversation.send_multimodal_message(text="What is this?", file_ids=[uploaded.file_id])
        _, words = talk.reply()
        expect(words.startswith(FIRST_ANSWER), f"said {words!r}")
        return {"file": bool(uploaded.file_id)}


def signed(url, private, clips):
    with Talk(private, auth=True) as talk:
        _, words = talk.reply()
        expect(words == GREETING, f"greeted {words!r}")
    over = talk.one("over")
    expect(over.reason == "user", f"{over}")
    return {"said": words}


def refused(talk):
    """How a conversation ends that does not begin."""
    talk.conversation.start_session()
    over = talk.one("over")
    talk.conversation.wait_for_session_end()
    expect(over.reason == "error" and not talk.all("conversation_initiation_metadata"), f"{over}")
    return over


def refusal(url, private, clips):
    stranger = refused(Talk(private))
    expect("401" in stranger.message, f"{stranger}")
    override = refused(Talk(private, auth=True, conversation_config_override=dict(SILENT)))
    expect(override.close_code == 1008 and "first_message" in override.close_reason, f"{override}")
    unknown = refused(Talk(url, conversation_config_override={"agent": {"first_message": "Hello {{name}}"}}))
    expect(unknown.close_code == 1008 and "name" in unknown.close_reason, f"{unknown}")
    return {"override": override.close_reason, "variable": unknown.close_reason}


def end(url, private, clips):
    brief = {"agent": {"first_message": ""}, "conversation": {"max_duration_seconds": 1}}
    with Talk(url, conversation_config_override=brief) as talk:
        over = talk.one("over")
        error = talk.one("error")["error_event"]
    expect((over.reason, over.close_code) == ("agent", 1000), f"{over}")
    expect(error["error_type"] == "max_duration_exceeded", f"{error}")
    return {"reason": over.close_reason}


ALL = (spoken, tool, interruption, correction, text, context, file, signed, refusal, end)
PARTS = {part.__name__: part for part in ALL}


def run(name, url, private, clips):
    try:
        return {"part": name, "ok": True, **PARTS[name](url, private, clips)}
    except Exception as error:
        traceback.print_exc()
        return {"part": name, "ok": False, "error": f"{type(error).__name__}: {error}"}


def main():
    url, private, clips, *parts = sys.argv[1:]
    with ThreadPoolExecutor(len(PARTS)) as pool:
        results = list(pool.map(lambda part: run(part, url, private, Path(clips)), parts or PARTS))
    for result in results:
        print(json.dumps(result), flush=True)
    return 0 if all(result["ok"] for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
