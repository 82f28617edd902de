"""Turns, tools, pictures and changes against the simulator, from asyncio and from threads alike."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import time
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional

import duologue
import pytest
from duologue import blocking

ASSETS = Path(__file__).resolve().parents[3] / "assets"
pytestmark = pytest.mark.skipif(not ASSETS.exists(), reason="only in the repository")


@pytest.fixture(scope="module")
def workshop() -> Iterator[str]:
    with duologue.Simulator(ASSETS / "workshop.json") as simulator:
        yield simulator.url


class Call:
    """A client of either kind, used alike."""

    def __init__(self, style: str, url: str) -> None:
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        if style == "asyncio":
            self._loop = asyncio.new_event_loop()
        self._url = url
        self.client: Any = None
        self.events: Any = None

    def connect(self, **config: Any) -> Call:
        make: Any = duologue.connect if self._loop else blocking.connect
        if "credential" not in config:
            config["api_key"] = "sk-any"
        self.client = make("openai", base_url=self._url, raw_events="all", **config)
        self.events = self.client.events()
        self.do(self.client.connect())
        return self

    def do(self, work: Any) -> Any:
        return self._loop.run_until_complete(work) if self._loop and inspect.isawaitable(work) else work

    def next(self) -> Any:
        if self._loop:
            return self.do(asyncio.wait_for(self.events.__anext__(), 30))
        event = self.events.next(30)
        assert event is not None, "the event never came"
        return event

    def until(self, kind: Any, **fields: Any) -> Any:
        """The next event of a kind with these fields."""
        while True:
            event = self.next()
            if isinstance(event, kind) and all(getattr(event, name) == v for name, v in fields.items()):
                return event

    def answer(self, role: str = "assistant") -> str:
        """What somebody says next, once it is said."""
        text: str = self.until(duologue.Transcript, mode="final", role=role).text
        return text

    def sent(self, kind: str) -> Any:
        """The next event of a kind that goes to the service."""
        while True:
            event = self.until(duologue.Raw, direction="input").data
            if event["type"] == kind:
                return event

    def push(self, pcm: bytes) -> None:
        """As fast as it is taken."""
        until = time.monotonic() + 30
        for at in range(0, len(pcm), 960):
            while not self.client.push_audio(pcm[at : at + 960]):
                assert time.monotonic() < until, "nobody takes the audio"
                time.sleep(0.001)

    @contextlib.contextmanager
    def refused(self, code: str, error: type[duologue.Error] = duologue.Error) -> Iterator[Any]:
        with pytest.raises(error) as caught:
            yield caught
        assert caught.value.code == code, repr(caught.value)

    def close(self) -> None:
        if self.client is not None:
            self.do(self.client.close())
        if self._loop:
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()
        self.client = self.events = None


@pytest.fixture(params=["asyncio", "blocking"])
def call(request: Any, workshop: str) -> Iterator[Call]:
    made = Call(request.param, workshop)
    try:
        yield made
    finally:
        made.close()


def question() -> bytes:
    with wave.open(str(ASSETS / "question1.wav")) as sound:
        return sound.readframes(sound.getnframes())


MANUAL: Any = {"mode": "manual"}


def test_push_to_talk_is_committed_and_answered(call: Call) -> None:
    call.connect(turn_detection=MANUAL)
    # Said before the button: it stays here, but for the last moment.
    call.push(question())
    call.do(call.client.start_listening())
    call.push(question())
    call.do(call.client.stop_listening())
    call.sent("input_audio_buffer.clear")
    call.sent("input_audio_buffer.commit")
    call.sent("response.create")
    assert "lighthouses" in call.answer()
    # A tap.
    call.do(call.client.start_listening())
    call.push(bytes(960))
    with call.refused("turn_too_short", duologue.LimitError):
        call.do(call.client.stop_listening())
    with call.refused("not_listening", duologue.StateError):
        call.do(call.client.stop_listening())


def test_a_turn_is_a_block(call: Call) -> None:
    call.connect(turn_detection=MANUAL)
    if isinstance(call.client, blocking.Client):
        with call.client.turn():
            call.push(question())
    else:

        async def hold() -> None:
            async with call.client.turn():
                await asyncio.to_thread(call.push, question())

        call.do(hold())
    assert "lighthouses" in call.answer()


def test_a_block_that_fails_was_no_turn(call: Call) -> None:
    call.connect(turn_detection=MANUAL)
    with pytest.raises(RuntimeError, match="dropped the handset"):
        if isinstance(call.client, blocking.Client):
            with call.client.turn():
                call.push(question())
                raise RuntimeError("dropped the handset")

        async def hold() -> None:
            async with call.client.turn():
                await asyncio.to_thread(call.push, question())
                raise RuntimeError("dropped the handset")

        call.do(hold())
    # Nothing was committed, and the next turn begins afresh.
    call.do(call.client.send_text("How tall is it?"))
    kinds = []
    while kinds[-1:] != ["response.create"]:
        kinds.append(call.until(duologue.Raw, direction="input").data["type"])
    assert "input_audio_buffer.commit" not in kinds and kinds.count("input_audio_buffer.clear") >= 2
    with call.refused("not_listening"):
        call.do(call.client.stop_listening())


def test_the_service_finds_the_end_of_what_was_said(call: Call) -> None:
    call.connect(turn_detection={"mode": "semantic", "eagerness": "high"})
    assert call.sent("session.update")["session"]["audio"]["input"]["turn_detection"] == {
        "type": "semantic_vad",
        "eagerness": "high",
        "create_response": True,
        "interrupt_response": True,
    }
    call.push(question() + bytes(2 * 48_000))
    assert "lighthouse" in call.answer("user")


@pytest.mark.parametrize("interruptible", [False, True])
def test_speech_does_not_cut_who_may_not_be_interrupted(call: Call, interruptible: bool) -> None:
    call.connect(turn_detection={"interrupt_response": interruptible})
    call.do(call.client.send_text("Read me something long"))
    call.until(duologue.PlaybackStarted)
    call.push(question())
    while True:
        event = call.next()
        if isinstance(event, duologue.Interrupted):
            assert interruptible and event.source == "user"
            return
        if isinstance(event, duologue.PlaybackFinished) and event.complete:
            assert not interruptible
            return


def test_text_only_is_read_and_written(call: Call) -> None:
    call.connect(output_modality="text", audio={"input": {"source": "none"}, "output": {"source": "none"}})
    call.do(call.client.send_text("How tall is it?"))
    assert "metres" in call.answer()
    call.until(duologue.TurnDone)
    assert all(message.text for message in call.client.messages())
    with call.refused("no_microphone", duologue.StateError):
        call.do(call.client.start_listening())


def test_a_picture_is_seen_and_context_is_silent(call: Call, tmp_path: Path) -> None:
    call.connect()
    png = ASSETS / "point.png"
    call.do(call.client.send_context("The user is in the workshop."))
    call.do(call.client.send_image(png.read_bytes(), text="What is this?", detail="low"))
    item = call.sent("conversation.item.create")["item"]
    assert (item["role"], item["content"][0]["text"]) == ("system", "The user is in the workshop.")
    picture = call.sent("conversation.item.create")["item"]["content"][-1]
    assert picture["image_url"].startswith("data:image/png;base64,") and picture["detail"] == "low"
    assert "PNG" in call.answer()
    assert [m.role for m in call.client.messages()] == ["system", "user", "assistant"]
    assert isinstance(call.client.messages()[1].parts[-1], duologue.ImagePart)
    # Other ways to give it, and what is wrong with some.
    for image in (png, str(png), bytearray(png.read_bytes()), memoryview(png.read_bytes())):
        call.do(call.client.send_image(image, respond=False))
    call.do(call.client.send_image(picture["image_url"], respond=False))
    limits = call.client.capabilities()["images"]
    large = tmp_path / "large.png"
    large.write_bytes(png.read_bytes() + bytes(limits["max_bytes"]))
    for image, code, error in (
        ("https://example.com/a.png", "image_url", duologue.UnsupportedError),
        (large, "image_too_large", duologue.LimitError),
        (b"GIF89a" + bytes(64), "image_type", duologue.UnsupportedError),
        (b"no picture", "invalid_argument", duologue.ArgumentError),
        (tmp_path / "none.png", "invalid_argument", duologue.ArgumentError),
        (7, "invalid_argument", duologue.ArgumentTypeError),
    ):
        with call.refused(code, error) as caught:
            call.do(call.client.send_image(image))
        assert caught.value.field == "image", repr(caught.value)
    with call.refused("video", duologue.UnsupportedError):
        call.do(call.client.send_video_frame(png))
    assert call.client.capabilities()["video_in"] is False
    with call.refused("feedback", duologue.UnsupportedError):
        call.do(call.client.send_feedback("item_1", None))
    with call.refused("user_activity", duologue.UnsupportedError):
        call.do(call.client.send_user_activity())
    with call.refused("feedback_score", duologue.ArgumentError) as caught:
        call.do(call.client.send_feedback("item_1", "very good"))
    assert caught.value.field == "score" and '"like"' in caught.value.fix
    with call.refused("invalid_argument") as caught:
        call.do(call.client.send_image(png, detail="closest"))
    assert caught.value.field == "detail" and "auto, low, high" in caught.value.fix


def test_instructions_change_and_the_voice_does_not_once_it_was_heard(call: Call) -> None:
    call.connect(instructions="Be brief.")
    call.do(call.client.update_session(voice="cedar"))
    call.do(call.client.say("Welcome aboard!"))
    assert call.answer() == "Welcome aboard!"
    call.until(duologue.TurnDone)
    with call.refused("voice_locked", duologue.StateError) as caught:
        call.do(call.client.update_session(voice="ash"))
    assert caught.value.field == "voice" and caught.value.fix
    call.do(call.client.update_session({"instructions": "Speak French."}))
    assert call.sent("session.update")["session"] == {"type": "realtime", "instructions": "Speak French."}
    call.do(call.client.update_session(turn_detection={"silence_duration_ms": 700}, transcription=None))
    changed = call.sent("session.update")["session"]["audio"]["input"]
    assert changed["transcription"] is None and changed["turn_detection"]["silence_duration_ms"] == 700
    with call.refused("immutable_field", duologue.ConfigError) as caught:
        call.do(call.client.update_session({"model": "gpt-realtime-2"}))
    assert caught.value.field == "model"
    with call.refused("invalid_argument", duologue.ArgumentError) as caught:
        call.do(call.client.update_session(instrutions="x"))
    assert (caught.value.field, caught.value.fix) == ("instrutions", "did you mean 'instructions'?")


def test_parallel_tools_get_one_answer(call: Call) -> None:
    looked: list[str] = []

    async def get_weather(city: str) -> dict[str, int]:
        """The weather in a city."""
        looked.append(city)
        return {"degrees": 18}

    def get_time() -> str:
        """The time."""
        looked.append("clock")
        return "noon"

    call.connect(tools=[get_weather, get_time], output_modality="text")
    call.do(call.client.send_text("Compare them"))
    assert "warmer" in call.answer()
    assert len(looked) == 3 and looked.count("clock") == 1
    outputs = [
        part.output
        for message in call.client.messages()
        for part in message.parts
        if isinstance(part, duologue.ToolCallPart)
    ]
    assert sorted(outputs) == ["noon", '{"degrees":18}', '{"degrees":18}']


def test_tools_can_change_while_the_session_runs(call: Call) -> None:
    def get_weather(city: str) -> str:
        """The weather in a city."""
        return f"fog in {city}"

    call.connect(output_modality="text")
    call.do(call.client.update_session(tools=[get_weather]))
    call.do(call.client.send_text("What is the weather?"))
    ended = call.until(duologue.MessageEvent)
    while not any(isinstance(part, duologue.ToolResultPart) for part in ended.message.parts):
        ended = call.until(duologue.MessageEvent)
    assert ended.message.parts[-1].content == "fog in Paris"


def test_calls_of_undeclared_tools_go_to_one_function(call: Call) -> None:
    def other(asked: duologue.ToolCall) -> dict[str, Any]:
        return {"tool": asked.name, **asked.input}

    # The service knows it from elsewhere.
    tool = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}}
    call.connect(on_undeclared_tool=other, output_modality="text", extra={"tools": [tool]})
    assert call.client.config()["tool_handling"]["undeclared"] == "host"
    call.do(call.client.send_text("What is the weather?"))
    ended = call.until(duologue.MessageEvent)
    while not any(isinstance(part, duologue.ToolResultPart) for part in ended.message.parts):
        ended = call.until(duologue.MessageEvent)
    assert json.loads(ended.message.parts[-1].content) == {"tool": "get_weather", "city": "Paris"}


def test_options_are_for_one_response_and_asking_leaves_no_trace(call: Call) -> None:
    call.connect(instructions="Be brief.", output_modality="text")
    call.do(call.client.send_text("How tall is it?", respond=False))
    assert (
        call.do(call.client.ask("Which kind of turn is it?", metadata={"purpose": "classify"})) == "question"
    )
    asked = call.sent("response.create")["response"]
    assert asked["conversation"] == "none" and asked["metadata"]["purpose"] == "classify"
    assert asked["instructions"] == "Be brief.\n\nWhich kind of turn is it?"
    response = call.do(
        call.client.request_response(instructions="In one sentence.", max_output_tokens=4000, input=None)
    )
    wanted = call.sent("response.create")["response"]
    assert wanted["instructions"] == "Be brief.\n\nIn one sentence." and wanted["max_output_tokens"] == 4000
    said = call.until(duologue.Transcript, mode="final")
    assert said.response == response and "metres" in said.text
    call.until(duologue.TurnDone, response=response)
    texts = [message.text for message in call.client.messages()]
    assert texts[:2] == ["How tall is it?", said.text] and "question" not in texts
    with call.refused("invalid_argument", duologue.ArgumentError) as caught:
        call.do(call.client.request_response(audible=True))
    assert caught.value.field == "options.audible"
    with call.refused("invalid_argument", duologue.ArgumentError) as caught:
        call.do(call.client.request_response(instruction="x"))
    assert caught.value.fix == "did you mean 'instructions'?"


def test_a_greeting_comes_first_and_labels_are_in_every_event(call: Call) -> None:
    shared = {"greeting": "Good morning, captain.", "labels": {"shop": "7", "participant": "?"}}
    call.connect(config=shared, labels={"participant": "p7"})
    while True:
        event = call.next()
        assert event.labels == {"shop": "7", "participant": "p7"}
        if isinstance(event, duologue.Transcript) and event.mode == "final":
            break
    assert event.text == "Good morning, captain."
    assert shared["labels"] == {"shop": "7", "participant": "?"}
    assert hash(event) == hash(event)


def test_what_the_model_lacks_is_refused_or_left_out_and_told(call: Call) -> None:
    with call.refused("unsupported_option", duologue.UnsupportedError) as caught:
        call.connect(temperature=0.5)
    assert caught.value.field == "temperature"
    call.connect(temperature=0.5, strict=False)
    assert call.until(duologue.WarningEvent).error.field == "temperature"


def test_pending_words_and_the_newest_error(call: Call) -> None:
    call.connect(output_modality="text")
    state = call.client.state()
    assert (state.error, state.pending_user, state.pending_assistant) == (None, None, None)
    call.do(call.client.send_text("How tall is it?"))
    call.until(duologue.Transcript, mode="delta")
    pending, seen = None, 0
    while pending is None and seen < 1000:
        state = call.client.state()
        pending, seen = state.pending_assistant, seen + 1
        if state.messages[-1].state == "completed" and state.messages[-1].role == "assistant":
            break
    assert call.answer().startswith(pending or "")
    call.until(duologue.TurnDone)
    assert call.client.state().pending_assistant is None
