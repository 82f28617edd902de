"""The mocked service: what it records, wrong use of it, and what stays of it."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from typing import Any, Optional

import duologue
import pytest
from duologue import blocking
from duologue.testing import Call, MockService, MockTimeoutError
from mocking import FRAME, clean, events_until_done, until


@pytest.fixture(autouse=True)
def nothing_stays() -> Any:
    yield
    gc.collect()
    assert duologue.live_clients() == 0


def test_tool_answered_by_hand_or_never() -> None:
    async def main() -> None:
        mock = MockService(timeout=0.05)
        tool = {"name": "ask", "parameters": {"type": "object", "properties": {}}}
        async with duologue.connect(service=mock, tools=[tool]) as client:  # type: ignore[list-item]
            stream = client.events(duologue.ToolCall)
            result = mock.simulate_tool_call("ask", {})
            call = await until(stream, duologue.ToolCall)
            with pytest.raises(MockTimeoutError) as late:
                await result
            assert late.value.code == "timeout" and "ask" in str(late.value)
            # Who gave up waiting changes nothing for who still does.
            given_up = asyncio.ensure_future(asyncio.wait_for(result, 10))
            await asyncio.sleep(0)
            given_up.cancel()
            with pytest.raises(asyncio.CancelledError):
                await given_up
            await client.submit_tool_result(call, "done")
            assert (await result).output == "done"
            lost = mock.simulate_tool_call("ask", {})
        assert not mock.connected
        with pytest.raises(duologue.StateError) as gone:
            await lost
        assert gone.value.code == "not_connected"

    asyncio.run(main())


def test_microphone() -> None:
    async def main() -> None:
        mock = MockService()
        async with duologue.connect(service=mock) as client:
            assert client.push_audio(FRAME * 10) == 4800
            heard = await mock.wait_for("send_audio")
            assert heard["bytes"] > 0
            while len(mock.audio) < 9600:
                await asyncio.sleep(0)
            assert mock.audio == FRAME * 10
            # Without another call in between it is one.
            last = mock.calls_named("send_audio")[-1]
            assert (last["bytes"], last["ms"]) == (9600, 200)
            assert all(frame["type"] != "input_audio_buffer.append" for frame in mock.frames)
            mock.simulate_transcription("Hi")
            clean(client)

    asyncio.run(main())


def test_waiting_before_it_happens() -> None:
    """`wait_for` gives each call once, in order, to who waits first; a cancelled one takes nothing."""

    async def main() -> None:
        mock = MockService()
        early = asyncio.ensure_future(mock.wait_for("send_text"))
        cancelled = asyncio.ensure_future(mock.wait_for("send_text"))
        await asyncio.sleep(0)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        async with duologue.connect(service=mock) as client:
            for text in ("a", "b"):
                await client.send_text(text, respond=False)
            assert (await early)["text"] == "a"
            assert (await mock.wait_for("send_text"))["text"] == "b"
            with pytest.raises(MockTimeoutError):
                await mock.wait_for("send_text", timeout=0)
            clean(client)

    asyncio.run(main())


@pytest.mark.parametrize("wrong", [7, RuntimeError("no words")])
def test_reply_that_fails(wrong: Any) -> None:
    """The client gets a failed response, the test the exception."""

    def reply(heard: str) -> str:
        if isinstance(wrong, Exception):
            raise wrong
        answer: str = wrong
        return answer

    async def main() -> None:
        mock = MockService(reply=reply)
        async with duologue.connect(service=mock) as client:
            stream = client.events(duologue.TurnDone)
            await client.send_text("Hi")
            done = await asyncio.wait_for(stream.__anext__(), 5)
            assert done.status == "failed"
            with pytest.raises(duologue.HostError) as failed:
                mock.simulate_transcription("Still there?")
            assert failed.value.code == "mock_failed"
            expected = RuntimeError if isinstance(wrong, Exception) else duologue.ArgumentTypeError
            assert isinstance(failed.value.__cause__, expected)
            mock.check()

    asyncio.run(main())


def test_context_manager_checks() -> None:
    def reply(heard: str) -> Optional[str]:
        raise RuntimeError("broken")

    with pytest.raises(duologue.HostError):
        with MockService(reply=reply) as mock, blocking.connect(service=mock) as client:
            events = client.events(duologue.TurnDone)
            client.send_text("Hi")
            assert events.next(5) is not None


def test_before_a_client_is_there() -> None:
    mock = MockService()
    for simulate in (
        lambda: mock.simulate_transcription("x"),
        lambda: mock.simulate_audio(FRAME),
        lambda: mock.simulate_tool_call("f", {}),
        mock.simulate_interruption,
        lambda: mock.simulate_error("code", "message"),
        mock.simulate_close,
        lambda: mock.send({"type": "x"}),
    ):
        with pytest.raises(duologue.StateError) as early:
            simulate()
        assert early.value.code == "not_connected"
    assert (mock.calls, mock.frames, mock.session, mock.audio) == ([], [], {}, b"")


def test_wrong_state() -> None:
    with MockService() as mock, blocking.connect(service=mock):
        with pytest.raises(duologue.StateError) as nothing:
            mock.simulate_interruption()
        assert "nothing to interrupt" in str(nothing.value)
        mock.simulate_transcription("Hal", final=False)
        with pytest.raises(duologue.StateError):
            mock.simulate_interruption()
        mock.simulate_tool_call("f", {}, call_id="c")
        with pytest.raises(duologue.ArgumentError) as twice:
            mock.simulate_tool_call("f", {}, call_id="c")
        assert twice.value.field == "call_id"


def test_blocking_waits_in_a_loop_are_refused() -> None:
    async def main() -> None:
        mock = MockService()
        async with duologue.connect(service=mock):
            with pytest.raises(duologue.StateError) as held:
                mock.wait_for_blocking("send_text")
            assert held.value.code == "would_deadlock"
            with pytest.raises(duologue.StateError):
                mock.simulate_tool_call("f", {}).result()

    asyncio.run(main())


#: Without their types: they are called wrongly.
MOCK: Any = MockService
CONNECT: Any = blocking.connect


async def _coroutine(heard: str) -> str:
    return heard


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda m: MOCK(reply=7), "reply"),
        (lambda m: MOCK(reply=_coroutine), "reply"),
        (lambda m: MOCK(timeout=-1), "timeout"),
        (lambda m: MOCK(timeout="1"), "timeout"),
        (lambda m: MOCK(timeout=float("nan")), "timeout"),
        (lambda m: m.simulate_transcription(b"x"), "text"),
        (lambda m: m.simulate_transcription("\ud800"), "text"),
        (lambda m: m.simulate_transcription("x", "system"), "role"),
        (lambda m: m.simulate_transcription("x", final=1), "final"),
        (lambda m: m.simulate_audio("x"), "pcm"),
        (lambda m: m.simulate_audio(b""), "pcm"),
        (lambda m: m.simulate_audio(b"123"), "pcm"),
        (lambda m: m.simulate_audio(bytes(48000 * 301)), "pcm"),
        (lambda m: m.simulate_audio(FRAME, transcript=None), "transcript"),
        (lambda m: m.simulate_tool_call("", {}), "name"),
        (lambda m: m.simulate_tool_call(None, {}), "name"),
        (lambda m: m.simulate_tool_call("f", [1]), "arguments"),
        (lambda m: m.simulate_tool_call("f", {"a": {1, 2}}), "arguments.a"),
        (lambda m: m.simulate_tool_call("f", {}, call_id=""), "call_id"),
        (lambda m: m.simulate_tool_call("f", {}, call_id=3), "call_id"),
        (lambda m: m.simulate_error(1, "x"), "code"),
        (lambda m: m.simulate_error("x", None), "message"),
        (lambda m: m.simulate_error("x", "y", param=1), "param"),
        (lambda m: m.simulate_error("x", "y", event_id=1), "event_id"),
        (lambda m: m.simulate_close(999), "code"),
        (lambda m: m.simulate_close("1000"), "code"),
        (lambda m: m.simulate_close(1000, None), "reason"),
        (lambda m: m.send("x"), "event"),
        (lambda m: m.send({"type": 1}), "event.type"),
        (lambda m: m.send({"type": "x", "at": object()}), "event.at"),
        (lambda m: m.wait_for_blocking("send_txt"), "name"),
        (lambda m: m.wait_for_blocking("send_text", timeout=-1), "timeout"),
        (lambda m: m.calls_named("x"), "name"),
        (lambda m: CONNECT(service=object()), "service"),
    ],
)
def test_wrong_arguments(call: Any, field: str) -> None:
    """Each names its parameter, with a client or without."""
    with pytest.raises(duologue.ArgumentError) as wrong:
        call(MockService())
    assert wrong.value.field == field


def test_near_names() -> None:
    with pytest.raises(duologue.ArgumentError, match="send_text"):
        MockService().calls_named("send_txt")


def test_waiting_in_vain_says_why() -> None:
    mock = MockService(timeout=0)
    with pytest.raises(MockTimeoutError, match="no client is connected"):
        mock.wait_for_blocking("close")
    with blocking.connect(service=mock) as client:
        events = client.events(duologue.Transcript)
        mock.simulate_transcription("Well, ", role="assistant", final=False)
        # The client knows of the response.
        assert events.next(5) is not None
        client.send_text("And this?")
        with pytest.raises(MockTimeoutError, match="send_text; the response resp_0001 is open"):
            mock.wait_for_blocking("request_response")
        assert repr(mock) == "<duologue.testing.MockService connected>"


def test_calls_are_values() -> None:
    assert Call("send_text", {"text": "a"}) == Call("send_text", {"text": "a"}, 7)
    assert Call("send_text", {"text": "a"})["text"] == "a"


def test_nothing_keeps_a_mock() -> None:
    """The engine keeps what it calls, but not for longer than the mock and its clients live."""
    mock = MockService()
    gone = threading.Event()
    core = weakref.ref(mock._core, lambda _: gone.set())
    with blocking.connect(service=mock) as client:
        client.send_text("x", respond=False)
    del mock, client
    # The engine lets go on a thread of its own, and then nothing waits for the garbage collector.
    assert gone.wait(10), core()


def test_a_mock_nobody_keeps_works() -> None:
    with blocking.connect(service=MockService(reply="Here!")) as client:
        gc.collect()
        events = client.events(duologue.Transcript, duologue.TurnDone)
        client.send_text("Where?")
        assert [event.text for event in events_until_done(events) if event.mode == "final"] == ["Here!"]
        clean(client)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duologue._mock_calls.MAX_AUDIO", 2000)
    with MockService() as mock, blocking.connect(service=mock) as client:
        client.push_audio(FRAME * 5)
        while mock.calls_named("send_audio") == [] or mock.calls_named("send_audio")[-1]["bytes"] < 4800:
            pass
        assert len(mock.audio) == 2000


def test_push_to_talk_pictures_and_context() -> None:
    async def main() -> None:
        mock = MockService(reply=lambda said: f"You said: {said}")
        async with duologue.connect(service=mock, turn_detection={"mode": "manual"}) as client:
            words = client.events(duologue.Transcript)
            await client.send_context("The shop is closed.")
            assert (await mock.wait_for("send_context"))["text"] == "The shop is closed."
            async with client.turn():
                # What comes before it is thrown away with it.
                await mock.wait_for("clear_input")
                for _ in range(10):
                    assert client.push_audio(FRAME) > 0
                mock.simulate_transcription("Is it open?", final=False)
            await mock.wait_for("stop_listening")
            said = await until(words, duologue.Transcript, mode="final", role="assistant")
            assert said.text == "You said: Is it open?"
            with pytest.raises(duologue.LimitError) as short:
                async with client.turn():
                    pass
            assert short.value.code == "turn_too_short"
            await client.send_image(b"\x89PNG" + bytes(20), text="And this?", respond=False)
            picture = await mock.wait_for("send_image")
            assert picture["text"] == "And this?" and picture["image_url"].startswith("data:image/png")
            assert [m.role for m in client.messages()] == ["system", "user", "assistant", "user"]
            assert client.messages()[1].text == "Is it open?"
            clean(client)

    asyncio.run(main())
