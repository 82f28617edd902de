"""The mocked service: what it plays, and that the engine finds nothing wrong with it."""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import Any

import duologue
import pytest
from duologue import blocking
from duologue.testing import MockService, MockTimeoutError
from mocking import SECOND, clean, events_until_done, names, until


@pytest.fixture(autouse=True)
def nothing_stays() -> Any:
    yield
    gc.collect()
    assert duologue.live_clients() == 0


def test_conversation() -> None:
    """A spoken turn, an answer in words, a tool, an answer with sound."""

    def weather(city: str) -> dict[str, int]:
        """The weather of a city."""
        return {"degrees": -3 if city == "Oslo" else 20}

    async def main() -> None:
        mock = MockService()
        async with duologue.connect(service=mock, tools=[weather], instructions="Be brief.") as client:
            assert mock.connected
            assert mock.session["instructions"] == "Be brief."
            assert [tool["name"] for tool in mock.session["tools"]] == ["weather"]
            stream = client.events()
            mock.simulate_transcription("Hello there")
            said = await until(stream, duologue.Transcript, role="user", mode="final")
            assert said.text == "Hello there"
            mock.simulate_transcription("Hi!", role="assistant")
            await until(stream, duologue.TurnDone, status="completed")
            result = mock.simulate_tool_call("weather", {"city": "Oslo"}, call_id="call_of_mine")
            assert result.call_id == "call_of_mine"
            output = await result
            assert (output.name, output.output, output.json()) == (
                "weather",
                '{"degrees":-3}',
                {"degrees": -3},
            )
            assert (await result) is output and result.result() is output
            await mock.wait_for("request_response")
            mock.simulate_audio(SECOND[:9600], transcript="Minus three degrees.")
            done = await until(stream, duologue.PlaybackFinished)
            assert (done.heard_ms, done.complete) == (200, True)
            users, hello, call, answer = client.messages()
            assert (users.text, users.role) == ("Hello there", "user")
            assert isinstance(users.parts[0], duologue.AudioPart)
            # 60 ms a character.
            assert users.parts[0].duration_ms == 60 * len("Hello there")
            assert (hello.text, hello.role) == ("Hi!", "assistant")
            assert isinstance(call.parts[0], duologue.ToolCallPart)
            assert call.parts[0].state == "completed"
            assert isinstance(answer.parts[0], duologue.AudioPart)
            assert answer.parts[0].heard_transcript == "Minus three degrees."
            clean(client)
        assert not mock.connected
        assert names(mock) == ["connect", "session_update", "submit_tool_result", "request_response", "close"]

    asyncio.run(main())


def test_configured_as_wished() -> None:
    """The session is echoed, so nothing is set otherwise than wished."""

    async def main() -> None:
        mock = MockService()
        client = duologue.connect(service=mock, voice="cedar", turn_detection={"silence_duration_ms": 700})
        stream = client.events(duologue.SessionConfigured)
        async with client:
            configured = await until(stream, duologue.SessionConfigured)
            assert configured.differences == ()
            assert configured.effective["audio"]["output"]["voice"] == "cedar"
            assert configured.effective["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 700
            clean(client)

    asyncio.run(main())


@pytest.mark.parametrize("modality", ["audio", "text"])
def test_typed_turn_is_answered(modality: str) -> None:
    """`reply` answers what is asked; the answer is speech or text as the session says."""

    async def main() -> None:
        mock = MockService(reply=lambda heard: f"You said: {heard}")
        async with duologue.connect(service=mock, output_modality=modality) as client:  # type: ignore[arg-type]
            stream = client.events()
            await client.send_text("What is 2 + 2?")
            answer = await until(stream, duologue.Transcript, role="assistant", mode="final")
            assert answer.text == "You said: What is 2 + 2?"
            await until(stream, duologue.TurnDone, status="completed")
            mock.simulate_transcription("And three?")
            answer = await until(stream, duologue.Transcript, role="assistant", mode="final")
            assert answer.text == "You said: And three?"
            await until(stream, duologue.TurnDone, status="completed")
            part = client.messages()[1].parts[0]
            assert isinstance(part, duologue.AudioPart if modality == "audio" else duologue.TextPart)
            clean(client)
        sent = mock.calls_named("send_text")[0]
        assert (sent["text"], sent["role"]) == ("What is 2 + 2?", "user")
        assert sent["item_id"] == client.messages()[0].id
        assert mock.calls_named("request_response")[0]["instructions"] is None

    asyncio.run(main())


def test_waits_for_what_is_simulated() -> None:
    """Without `reply` a response that was asked for is open until something is simulated."""

    async def main() -> None:
        mock = MockService()
        async with duologue.connect(service=mock) as client:
            stream = client.events()
            await client.request_response(instructions="Greet.")
            asked = await mock.wait_for("request_response")
            assert asked["instructions"] == "Greet."
            mock.simulate_transcription("Good ", role="assistant", final=False)
            mock.simulate_transcription("morn", role="assistant", final=False)
            mock.simulate_transcription("Good morning!", role="assistant")
            said = await until(stream, duologue.Transcript, mode="final")
            done = await until(stream, duologue.TurnDone)
            assert said.text == "Good morning!" and done.response == said.response
            assert client.messages()[0].text == "Good morning!"
            clean(client)

    asyncio.run(main())


def test_partial_words_of_the_user() -> None:
    async def main() -> None:
        mock = MockService()
        async with duologue.connect(service=mock) as client:
            stream = client.events()
            mock.simulate_transcription("What", final=False)
            await until(stream, duologue.SpeechStarted, who="user")
            first = await until(stream, duologue.Transcript, mode="delta")
            assert client.state().user_speaking
            mock.simulate_transcription("What time?")
            second = await until(stream, duologue.Transcript, mode="delta")
            last = await until(stream, duologue.Transcript, mode="final")
            assert (first.text, second.text, last.text) == ("What", " time?", "What time?")
            assert first.item == last.item
            clean(client)

    asyncio.run(main())


def test_interruption_is_truthful_with_pulled_audio() -> None:
    """What is cut is what was pulled; the vendor is told, and the rest of the answer is forgotten."""

    async def main() -> None:
        mock = MockService()
        async with duologue.connect(service=mock, audio={"output": {"delivery": "pull"}}) as client:
            stream = client.events()
            mock.simulate_audio(SECOND * 2, transcript="Once upon a time there was a fox.", final=False)
            await until(stream, duologue.MessageEvent, op="updated")
            pulled = 0
            # The first pulls may find nothing: a little is buffered before the speaker starts.
            while pulled < 24000 // 2:
                pulled += client.pull_audio(480)[1]
                await asyncio.sleep(0)
            mock.simulate_interruption()
            # A host keeps pulling; so it tells when the speaker fell silent.
            while client.mode == "speaking" or not mock.calls_named("truncate"):
                pulled += client.pull_audio(480)[1]
                await asyncio.sleep(0)
            cut = await until(stream, duologue.Interrupted)
            assert cut.heard_ms == pulled // 24
            assert 500 <= cut.heard_ms < 2000
            told = await mock.wait_for("truncate")
            assert (told["item_id"], told["audio_end_ms"]) == (cut.item, cut.heard_ms)
            done = await until(stream, duologue.TurnDone)
            assert (done.status, done.reason) == ("cancelled", "turn_detected")
            message = client.messages()[0]
            assert message.interrupted and isinstance(message.parts[0], duologue.AudioPart)
            assert message.parts[0].heard_ms == cut.heard_ms
            mock.simulate_transcription("Stop, please.")
            said = await until(stream, duologue.Transcript, role="user", mode="final")
            assert said.text == "Stop, please."
            clean(client)

    asyncio.run(main())


def test_interruption_of_what_nobody_heard() -> None:
    """Nothing was pulled, so the answer is deleted."""

    async def main() -> None:
        mock = MockService()
        async with duologue.connect(service=mock, audio={"output": {"delivery": "pull"}}) as client:
            stream = client.events()
            mock.simulate_audio(SECOND, transcript="Never heard.")
            await until(stream, duologue.GenerationDone)
            mock.simulate_interruption()
            deleted = await mock.wait_for("delete")
            mock.simulate_transcription("I was faster.")
            await until(stream, duologue.Transcript, role="user", mode="final")
            assert [message.text for message in client.messages()] == ["I was faster."]
            assert deleted["item_id"] not in [message.id for message in client.messages()]
            clean(client)

    asyncio.run(main())


def test_interruption_after_generation_and_by_call() -> None:
    async def main() -> None:
        mock = MockService()
        async with duologue.connect(service=mock) as client:
            stream = client.events()
            generated, playing = (
                client.events(duologue.GenerationDone),
                client.events(duologue.PlaybackStarted),
            )
            mock.simulate_audio(SECOND * 5, transcript="It goes on and on.")
            await until(generated, duologue.GenerationDone)
            await until(playing, duologue.PlaybackStarted)
            await client.interrupt()
            cut = await until(stream, duologue.Interrupted, source="call")
            assert 0 <= cut.heard_ms < 5000
            await until(stream, duologue.TurnDone)
            # Nothing was being generated: there is nothing to cancel.
            assert mock.calls_named("interrupt") == []
            await client.send_text("More")
            await mock.wait_for("request_response")
            mock.simulate_transcription("It goes", role="assistant", final=False)
            await until(stream, duologue.Transcript, text=" goes")
            await client.interrupt()
            stopped = await mock.wait_for("interrupt")
            done = await until(stream, duologue.TurnDone)
            assert (done.status, done.reason, done.response) == (
                "cancelled",
                "client_cancelled",
                stopped["response_id"],
            )
            clean(client)

    asyncio.run(main())


def test_two_calls_in_one_response_and_a_tool_that_raises() -> None:
    def boom(why: str) -> None:
        """Fails."""
        raise ValueError(why)

    async def later(n: int) -> int:
        """Adds one."""
        await asyncio.sleep(0)
        return n + 1

    async def main() -> None:
        mock = MockService()
        async with duologue.connect(service=mock, tools=[boom, later]) as client:
            first = mock.simulate_tool_call("boom", {"why": "no wire"}, final=False)
            second = mock.simulate_tool_call("later", '{"n": 1}', final=False)
            third = mock.simulate_tool_call("later", "{nonsense")
            assert "no wire" in (await first).output
            assert (await second).json() == 2
            assert "arguments" in (await third).output.lower()
            with pytest.raises(duologue.ArgumentError) as wrong:
                (await first).json()
            assert wrong.value.field == "output"
            # One follow-up for all of them.
            await mock.wait_for("request_response")
            with pytest.raises(MockTimeoutError):
                await mock.wait_for("request_response", timeout=0)
            assert len(mock.calls_named("submit_tool_result")) == 3
            clean(client)

    asyncio.run(main())


def test_asking_beside_the_conversation() -> None:
    """`ask` is answered, in text, and leaves no trace."""

    async def main() -> None:
        mock = MockService(reply=lambda asked: f"<{asked}>")
        async with duologue.connect(service=mock, instructions="Be brief.") as client:
            assert await asyncio.wait_for(client.ask("Happy?"), 5) == "<Be brief.\n\nHappy?>"
            assert not client.messages()
            clean(client)
        assert mock.calls_named("request_response")[0]["out_of_band"] is True
        quiet = MockService()
        async with duologue.connect(service=quiet) as client:
            asking = asyncio.ensure_future(client.ask("Happy?"))
            await quiet.wait_for("request_response")
            quiet.simulate_transcription("Hello.", role="assistant")
            quiet.simulate_out_of_band("very")
            assert await asyncio.wait_for(asking, 5) == "very"
            with pytest.raises(duologue.StateError) as none:
                quiet.simulate_out_of_band("again")
            assert none.value.code == "no_response"

    asyncio.run(main())


def test_raw_events_both_ways() -> None:
    async def main() -> None:
        mock = MockService()
        async with duologue.connect(service=mock, raw_events="unknown") as client:
            stream = client.events(duologue.Raw)
            mock.send({"type": "vendor.news", "words": ["a"]})
            raw = await asyncio.wait_for(stream.__anext__(), 5)
            assert "vendor.news" in str(raw.json)
            await client.send_raw({"type": "output_audio_buffer.clear"})
            sent = await mock.wait_for("send_raw")
            assert sent["event"]["type"] == "output_audio_buffer.clear"
            assert mock.frames[-1]["type"] == "output_audio_buffer.clear"

    asyncio.run(main())


def test_error_and_close() -> None:
    async def main() -> None:
        mock = MockService()
        # The last close must not lead to a connection that is closed in its turn.
        async with duologue.connect(service=mock, recovery={"reconnect": False}) as client:
            stream = client.events(duologue.ErrorEvent, duologue.WarningEvent, duologue.StatusEvent)
            mock.simulate_error("bad_thing", "It is bad.", param="session.voice")
            told: Any = await asyncio.wait_for(stream.__anext__(), 5)
            assert told.error.provider_code == "bad_thing"
            # What another connection cannot mend ends the run.
            mock.simulate_close(1008, "against the rules")
            with pytest.raises(duologue.ProviderError) as policy:
                while True:
                    told = await asyncio.wait_for(stream.__anext__(), 5)
            assert policy.value.code == "policy" and told.status.is_over
            assert not mock.connected
            with pytest.raises(duologue.StateError) as gone:
                mock.simulate_transcription("Hello?")
            assert gone.value.code == "not_connected"
            # The same mock serves the next connection.
            await client.connect()
            assert mock.connected
            mock.simulate_close()
        assert [call["by"] for call in mock.calls_named("close")] == ["service", "service"]

    asyncio.run(main())


def test_blocking() -> None:
    def double(n: int) -> int:
        """Twice n."""
        return 2 * n

    mock = MockService(reply="Hello!")
    with blocking.connect(service=mock, tools=[double]) as client:
        events = client.events(duologue.Transcript, duologue.TurnDone)
        client.send_text("Hi")
        assert mock.wait_for_blocking("send_text")["text"] == "Hi"
        texts = [event.text for event in events_until_done(events) if event.mode == "final"]
        assert texts == ["Hello!"]
        result = mock.simulate_tool_call("double", {"n": 21})
        assert result.result(5).json() == 42
        with pytest.raises(MockTimeoutError) as late:
            mock.wait_for_blocking("truncate", timeout=0.01)
        assert "send_text" in str(late.value)
        clean(client)
    assert mock.wait_for_blocking("close")["by"] == "client"


def test_two_mocks_at_once() -> None:
    async def main() -> None:
        one, two = MockService(reply="one"), MockService(reply="two")
        async with duologue.connect(service=one) as first, duologue.connect(service=two) as second:
            streams = [first.events(duologue.Transcript), second.events(duologue.Transcript)]
            await asyncio.gather(first.send_text("1"), second.send_text("2"))
            said = [await until(stream, duologue.Transcript, mode="final") for stream in streams]
            assert [event.text for event in said] == ["one", "two"]
            assert [one.calls_named("send_text")[0]["text"], two.calls_named("send_text")[0]["text"]] == [
                "1",
                "2",
            ]
            # A mock serves one client at a time.
            with pytest.raises(duologue.Error) as taken:
                async with duologue.connect(service=one):
                    pass
            assert taken.value.code == "already_connected"
            clean(first)
            clean(second)

    asyncio.run(main())


def test_simulating_from_threads() -> None:
    """Events of several threads do not mix inside a response."""

    async def main() -> None:
        mock = MockService()
        async with duologue.connect(service=mock) as client:
            stream = client.events(duologue.TurnDone, duologue.WarningEvent, duologue.ErrorEvent)

            def talk(name: str) -> None:
                for number in range(20):
                    mock.simulate_transcription(f"{name} {number}", role="assistant")

            threads = [threading.Thread(target=talk, args=(name,)) for name in "abc"]
            for thread in threads:
                thread.start()
            for number in range(20):
                await client.send_text(f"t{number}", respond=False)
            for thread in threads:
                await asyncio.get_running_loop().run_in_executor(None, thread.join)
            for _ in range(60):
                await until(stream, duologue.TurnDone, status="completed")
            texts = sorted(message.text for message in client.messages())
            assert texts == sorted(
                [f"{a} {n}" for a in "abc" for n in range(20)] + [f"t{n}" for n in range(20)]
            )
            clean(client)

    asyncio.run(main())


def test_session_without_turns_or_transcription() -> None:
    async def main() -> None:
        mock = MockService()
        async with duologue.connect(service=mock, transcription=None) as client:
            with pytest.raises(duologue.StateError) as none:
                mock.simulate_transcription("words")
            assert none.value.code == "no_transcription"
            stream = client.events()
            mock.simulate_transcription("")
            await until(stream, duologue.SpeechStopped)
            clean(client)
        off = {"create_response": False, "interrupt_response": False}
        async with duologue.connect(service=mock, turn_detection=off) as client:  # type: ignore[arg-type]
            stream = client.events()
            mock.simulate_audio(SECOND, final=False)
            await until(stream, duologue.PlaybackStarted)
            mock.simulate_interruption()
            mock.simulate_transcription("go on")
            mock.simulate_transcription("and so forth", role="assistant")
            done = await until(stream, duologue.TurnDone)
            assert done.status == "completed"
            clean(client)

    asyncio.run(main())
