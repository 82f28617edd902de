"""The client for asyncio."""

from __future__ import annotations

import array
import asyncio
import base64
import json
from typing import Any

import duologue
import pytest
from conftest import Polite

TEXT: Any = {"output_modality": "text", "audio": {"input": {"source": "none"}, "output": {"source": "none"}}}
#: A connection that is lost is the end of the run.
ONCE: Any = {**TEXT, "recovery": {"reconnect": False}}


def test_a_conversation(service: Polite) -> None:
    async def main() -> None:
        client = duologue.connect(service=service, config=TEXT, instructions="Be brief.")
        assert client.status.kind == "idle" and not client.closed and "idle" in repr(client)
        async with client:
            assert client.status.is_connected and client.mode == "idle"
            everything = client.events()
            words = client.events(duologue.Transcript)
            await client.send_text("Hello")
            service.write("Good day to you.")
            said = [await words.__anext__() for _ in range(5)]
            assert [w.text for w in said] == ["Good ", "day ", "to ", "you. ", "Good day to you."]
            assert said[-1].mode == "final" and said[-1].role == "assistant" and said[-1].item == "A"
            seen = []
            async for event in everything:
                seen.append(event)
                if isinstance(event, duologue.TurnDone):
                    break
            assert [e.seq for e in seen] == list(range(seen[0].seq, seen[0].seq + len(seen)))
            assert [m.text for m in client.messages()] == ["Hello", "Good day to you."]
            assert client.state().messages == client.messages()
            assert client.stats().session.malformed == 0
            assert client.capabilities()["provider"] == "openai"
            assert client.config()["instructions"] == "Be brief."
        assert service.heard("session.update")["session"]["instructions"] == "Be brief."
        # What it knew stays, and nothing else works.
        assert client.closed and client.status.kind == "idle" and "closed" in repr(client)
        assert [m.role for m in client.messages()] == ["user", "assistant"]
        assert [e async for e in everything] != [] and [w async for w in words] == []

    asyncio.run(main())


def test_it_connects_again_and_remembers(service: Polite) -> None:
    async def main() -> None:
        client = duologue.Client(service=service, config=TEXT)
        await client.connect()
        await client.send_text("One", respond=False)
        await client.disconnect()
        ended = client.status.ended
        assert ended is not None and ended.by == "user"
        await client.connect()
        assert [m.text for m in client.messages()] == ["One"]
        with pytest.raises(duologue.StateError) as refused:
            await client.connect()
        assert refused.value.code == "already_connected"
        await client.close()
        await client.close()

    asyncio.run(main())


def test_commands_say_what_is_wrong(service: Polite) -> None:
    async def main() -> None:
        async with duologue.connect(service=service, config=TEXT) as client:
            with pytest.raises(duologue.ArgumentTypeError, match="text: expected a string, got int") as wrong:
                await client.send_text(3)  # type: ignore[arg-type]
            assert wrong.value.field == "text" and isinstance(wrong.value, TypeError)
            with pytest.raises(duologue.ArgumentTypeError, match="respond"):
                await client.send_text("x", respond=1)  # type: ignore[arg-type]
            with pytest.raises(duologue.ArgumentTypeError, match="text"):
                await client.send_text("lone \ud800")
            with pytest.raises(duologue.ArgumentTypeError, match="call"):
                await client.submit_tool_result("call_1", "x")  # type: ignore[arg-type]
            with pytest.raises(duologue.Error) as unknown:
                await client.submit_tool_result(duologue.CallRef(1, "nobody"), {"a": 1})
            assert unknown.value.code == "not_found"
            with pytest.raises(duologue.ArgumentError) as raw:
                await client.send_raw("no json")
            assert raw.value.fix
            with pytest.raises(duologue.ArgumentTypeError, match=r"json\.y"):
                await client.send_raw({"type": "x", "y": object()})
            await client.send_raw({"type": "input_audio_buffer.clear"})
            assert service.heard("input_audio_buffer.clear")
            with pytest.raises(duologue.ArgumentTypeError, match="muted"):
                await client.set_input_muted("yes")  # type: ignore[arg-type]
            with pytest.raises(duologue.ArgumentError, match=r"types\[0\].*did you mean 'transcript'"):
                client.events("transcripts")  # type: ignore[call-overload]
            with pytest.raises(duologue.ArgumentTypeError, match="callback"):
                client.add_listener(None)  # type: ignore[call-overload]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("arguments", "error", "field"),
    [
        ({"provider": "nobody"}, duologue.Error, "provider"),
        ({"speed": 9.0}, duologue.ConfigError, "speed"),
        ({"audio": {"input": {"rat": 1}}}, duologue.ConfigError, "audio.input.rat"),
        ({"extra": {"a": [0, object()]}}, duologue.ArgumentTypeError, "extra.a[1]"),
        ({"config": "{}"}, duologue.ArgumentTypeError, "config"),
        ({"api_key": 3}, duologue.ArgumentTypeError, "api_key"),
        (
            {"api_key": "c4n4ry-key", "credential": duologue.Credential("c4n4ry-token")},
            duologue.ArgumentError,
            "api_key",
        ),
        ({"credential": "c4n4ry-key"}, duologue.ArgumentTypeError, "credential"),
        ({"service": "me"}, duologue.ArgumentTypeError, "service"),
        ({"microphone": 3}, duologue.ArgumentTypeError, "microphone"),
        ({"microphone": ""}, duologue.ArgumentError, "microphone"),
        ({"microphone": "no\0path.wav"}, duologue.ArgumentError, "microphone"),
        ({"microphone": "no\udcff.wav"}, duologue.ArgumentError, "microphone"),
        (
            {"microphone": "/nowhere/question.wav", "api_key": "c4n4ry-key"},
            duologue.ArgumentError,
            "microphone",
        ),
        ({"microphone": "a.wav", "speaker": "a.wav"}, duologue.ArgumentError, "speaker"),
        (
            {"microphone": "a.wav", "audio": {"input": {"source": "none"}}},
            duologue.ArgumentError,
            "microphone",
        ),
        ({"speaker": "/nowhere/answer.wav"}, duologue.ArgumentError, "speaker"),
        ({"api_key": ""}, duologue.CredentialError, "api_key"),
        ({"api_key": "two words"}, duologue.CredentialError, "api_key"),
        ({"api_key": "\ud800"}, duologue.CredentialError, "api_key"),
        ({"service": Polite(), "credential": "sk"}, duologue.ArgumentTypeError, "credential"),
        ({"service": Polite(), "api_key": 5}, duologue.ArgumentTypeError, "api_key"),
        ({"service": Polite(), "base_url": "http://127.0.0.1:9"}, duologue.ArgumentError, "base_url"),
        ({"config": {1: 2}}, duologue.ArgumentTypeError, "config"),
        ({"tools": "f"}, duologue.ArgumentTypeError, "tools"),
        ({"tools": [3]}, duologue.ArgumentTypeError, "tools[0]"),
    ],
)
def test_every_wrong_argument_is_named(arguments: dict[str, Any], error: type[Exception], field: str) -> None:
    with pytest.raises(error) as wrong:
        duologue.connect(**arguments)
    assert isinstance(wrong.value, duologue.Error)
    assert wrong.value.field == field


def test_secrets_are_not_told(service: Polite, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "c4n4ry-key"
    assert "c4n4ry" not in repr(duologue.Credential(secret)) + str(duologue.Credential(secret))
    with pytest.raises(duologue.CredentialError) as wrong:
        duologue.connect(api_key=secret + " \u00e9")
    assert "c4n4ry" not in str(wrong.value) + repr(wrong.value)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    async def main() -> None:
        client = duologue.connect()
        with pytest.raises(duologue.CredentialError) as missing:
            await client.connect()
        assert missing.value.code == "missing_key"
        with pytest.raises(duologue.CredentialError):
            client.set_credential("no key has spaces")
        with pytest.raises(duologue.ArgumentTypeError, match="credential"):
            client.set_credential(3)  # type: ignore[arg-type]
        await client.close()
        later = duologue.connect(base_url="http://127.0.0.1:9")
        later.set_credential(duologue.Credential("c4n4ry-token", "ephemeral"))
        with pytest.raises(duologue.NetworkError):
            await later.connect()
        await later.close()

    asyncio.run(main())


def test_audio_in_every_form(service: Polite) -> None:
    async def main() -> None:
        async with duologue.connect(service=service) as client:
            frame = array.array("h", range(480))
            forms: list[Any] = [frame.tobytes(), bytearray(frame.tobytes()), memoryview(frame), frame]
            for form in forms:
                while not client.push_audio(form):
                    await asyncio.sleep(0.001)
            assert client.push_audio(frame, captured_at_us=duologue.clock_us()) in (0, 480)
            for wrong in (
                "text",
                3,
                array.array("f", [0.5]),
                memoryview(frame).cast("B").cast("h", (48, 10)),
            ):
                with pytest.raises(duologue.ArgumentTypeError) as error:
                    client.push_audio(wrong)
                assert error.value.field == "pcm"
            with pytest.raises(duologue.ArgumentError, match="pcm: has an odd number of bytes"):
                client.push_audio(b"abc")
            with pytest.raises(duologue.ArgumentError, match="captured_at_us"):
                client.push_audio(frame, captured_at_us=-1)
            with pytest.raises(duologue.StateError) as pulled:
                client.pull_audio(480)
            assert pulled.value.field == "audio.output.delivery"
            with pytest.raises(duologue.StateError):
                client.report_playback("item", 0, 10)
            sent = await asyncio.to_thread(service.heard, "input_audio_buffer.append")
            assert array.array("h", base64.b64decode(sent["audio"]))[:480].tolist() == list(range(480))

    asyncio.run(main())


def test_audio_out_by_events_and_by_pulling() -> None:
    samples = array.array("h", [7] * 2400).tobytes()
    of = {"response_id": "R", "item_id": "A", "output_index": 0, "content_index": 0}

    def speak(service: Polite) -> None:
        service.say("response.created", response={"id": "R"})
        service.say("response.output_item.added", response_id="R", item={"id": "A", "type": "message"})
        service.say("response.output_audio.delta", **of, delta=base64.b64encode(samples).decode())

    async def main() -> None:
        service = Polite()
        async with duologue.connect(service=service) as client:
            events = client.events(duologue.Audio)
            speak(service)
            audio = await events.__anext__()
            assert (audio.pcm, audio.rate, audio.part, audio.item) == (samples, 24000, 0, "A")
        service = Polite()
        pulling: Any = {"output": {"delivery": "pull"}}
        async with duologue.connect(service=service, audio=pulling) as client:
            speak(service)
            started = client.events(duologue.PlaybackStarted)
            heard = b""
            while len(heard) < 200:
                pcm, real = client.pull_audio(240)
                assert len(pcm) == 480
                heard += pcm[: real * 2]
                await asyncio.sleep(0)
            assert set(array.array("h", heard)) == {7}
            assert (await started.__anext__()).item == "A"
            with pytest.raises(duologue.ArgumentTypeError, match="frames"):
                client.pull_audio(1.5)  # type: ignore[arg-type]
            with pytest.raises(duologue.ArgumentError, match="frames"):
                client.pull_audio(1_000_000)

    asyncio.run(main())


def test_tools_are_run_and_failures_are_told(service: Polite, caplog: pytest.LogCaptureFixture) -> None:
    def add(a: int, b: int) -> dict[str, int]:
        """Adds."""
        return {"sum": a + b}

    async def slow(city: str, context: duologue.ToolContext) -> str:
        """Waits."""
        await asyncio.sleep(0)
        assert context.call.name == "slow" and isinstance(context.client, duologue.Client)
        return f"sunny in {city}"

    def broken() -> None:
        """Breaks."""
        raise RuntimeError("no such luck")

    async def main() -> None:
        async with duologue.connect(service=service, config=TEXT, tools=[add, slow, broken]):
            for number, (name, arguments) in enumerate(
                [
                    ("add", '{"a": 1, "b": 2}'),
                    ("slow", '{"city": "Rome"}'),
                    ("broken", "{}"),
                    ("add", '{"a": "x"}'),
                ]
            ):
                call_id = f"call_{number}"
                service.call_tool(name, arguments, call_id, response=f"R{number}")
                answers.append(await asyncio.to_thread(service.answer, call_id))

    answers: list[str] = []
    asyncio.run(main())
    assert json.loads(answers[0]) == {"sum": 3}
    assert answers[1] == "sunny in Rome"
    assert answers[2] == "RuntimeError: no such luck"
    assert "a: expected" in answers[3] or "b" in answers[3]
    assert "no such luck" in caplog.text and "Traceback" in caplog.text
    declared = service.heard("session.update")["session"]["tools"]
    assert [t["name"] for t in declared] == ["add", "slow", "broken"]


def test_a_tool_of_the_document_is_left_to_the_host(service: Polite) -> None:
    async def main() -> None:
        async with duologue.connect(service=service, config=TEXT, tools=[{"name": "mine"}]) as client:
            calls = client.events(duologue.ToolCall)
            service.call_tool("mine", '{"x": 1}')
            call = await calls.__anext__()
            assert call.name == "mine" and call.input == {"x": 1}
            await client.submit_tool_result(call, {"fine": True})
            assert json.loads(await asyncio.to_thread(service.answer)) == {"fine": True}
            with pytest.raises(duologue.Error):
                await client.submit_tool_result(call, "again")

    asyncio.run(main())


def test_streams_are_independent_and_end_when_closed(service: Polite) -> None:
    async def main() -> None:
        async with duologue.connect(service=service, config=TEXT) as client:
            one, two = client.events(duologue.TurnDone), client.events("turn_done", "message")
            service.write("Hi")
            assert isinstance(await one.__anext__(), duologue.TurnDone)
            kinds = [(await two.__anext__()).type for _ in range(3)]
            assert kinds[0] == "message"
            reader = asyncio.ensure_future(one.__anext__())
            await asyncio.sleep(0)
            with pytest.raises(duologue.StateError, match="another task"):
                await one.__anext__()
            one.close()
            with pytest.raises(StopAsyncIteration):
                await reader
            async with client.events() as three:
                pass
            with pytest.raises(StopAsyncIteration):
                await three.__anext__()
            # A task that is cancelled while it reads loses nothing.
            waiting = asyncio.ensure_future(two.__anext__())
            while (await asyncio.wait({waiting}, timeout=0.01))[0]:
                waiting = asyncio.ensure_future(two.__anext__())
            waiting.cancel()
            await asyncio.wait({waiting})
            service.write("Ho", response="R2", item="B")
            assert (await two.__anext__()).seq > 0

    asyncio.run(main())


def test_a_stream_stops_with_the_session_and_goes_on_with_the_next(service: Polite) -> None:
    async def main() -> None:
        client = duologue.Client(service=service, config=ONCE)
        turns, statuses = client.events(duologue.TurnDone), client.events(duologue.StatusEvent)
        await client.connect()
        service.write("One")
        await asyncio.to_thread(service.hang_up, 1000)
        assert [type(t).__name__ async for t in turns] == ["TurnDone"]
        assert [s.status.kind async for s in statuses] == ["connecting", "connecting", "connected", "idle"]
        await client.connect()
        service.write("Two", response="R2", item="B")
        service.hang_up()
        seen = []
        with pytest.raises(duologue.NetworkError) as lost:
            async for turn in turns:
                seen.append(turn.response)
        assert seen == ["R2"] and lost.value.fatal and lost.value.retryable
        await client.close()
        assert [t async for t in turns] == []

    asyncio.run(main())


def test_a_missing_key_says_where_to_put_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "")

    async def main() -> None:
        client = duologue.connect("openai")
        with pytest.raises(duologue.CredentialError) as missing:
            await client.connect()
        assert missing.value.field == "api_key" and "OPENAI_API_KEY" in str(missing.value)
        await client.close()

    asyncio.run(main())


def test_a_wrong_provider_is_told_all_of_them() -> None:
    with pytest.raises(
        duologue.Error, match='use one of: openai, gemini, xai, azure, elevenlabs, compatible or "simulator"'
    ):
        duologue.connect("simulater", api_key="c4n4ry-key")


def test_a_stream_that_came_too_late_ends(service: Polite) -> None:
    async def main() -> None:
        client = duologue.Client(service=service, config=ONCE)
        early = client.events(duologue.StatusEvent)
        await client.connect()
        service.hang_up()
        with pytest.raises(duologue.NetworkError):
            async for _ in early:
                pass
        for _ in range(2):
            with pytest.raises(duologue.NetworkError):
                async for _ in client.events(duologue.TurnDone):
                    pass
        # One that waits for the next session gets it.
        turns = client.events(duologue.TurnDone)
        await client.connect()
        service.write("Two", response="R2", item="B")
        assert (await turns.__anext__()).response == "R2"
        await client.disconnect()
        assert [t async for t in client.events(duologue.TurnDone)] == []
        await client.close()

    asyncio.run(main())


def test_whatever_a_tool_does_the_model_gets_an_answer(service: Polite) -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise SystemExit(3)

    def long() -> str:
        """Says too much."""
        return "x" * 300_000

    def half(x: int) -> None:
        """Gets half a character."""

    def raises(what: str) -> None:
        """Raises."""
        raise {
            "half": ValueError("no city \ud800"),
            "number": duologue.ToolError(404),  # type: ignore[arg-type]
            "key": duologue.ToolError(KeyError("k")),  # type: ignore[arg-type]
            "odd": Odd(),
        }[what]

    async def fails() -> None:
        """As a test does."""
        pytest.fail("not good")

    calls = [
        ("long", "{}", "more than 262144"),
        ("half", '{"x": "\\ud800"}', "not valid JSON"),
        ("half", '{"\\ud800": 1}', "not valid JSON"),
        ("raises", '{"what": "half"}', "ValueError: no city ?"),
        ("raises", '{"what": "number"}', "404"),
        ("raises", '{"what": "key"}', "'k'"),
        ("raises", '{"what": "odd"}', "Odd: it cannot be printed"),
        ("fails", "{}", "Failed: not good"),
    ]

    async def main() -> None:
        async with duologue.connect(service=service, config=TEXT, tools=[long, half, raises, fails]):
            for number, (name, arguments, words) in enumerate(calls):
                service.call_tool(name, arguments, f"call_{number}", response=f"R{number}")
                answer = await asyncio.to_thread(service.answer, f"call_{number}")
                assert words in answer, (name, arguments, answer[:200])

    asyncio.run(main())


def test_what_was_heard_of_a_message() -> None:
    parts = (duologue.AudioPart("one two three", "one two", 300, 200), duologue.TextPart("written"))
    said = duologue.Message("A", "assistant", parts, "incomplete", True, 1, 0)
    assert (said.text, said.heard_text) == ("one two three written", "one two written")
    asked = duologue.Message(
        "U", "user", (duologue.AudioPart("why", None, 100, 0),), "completed", False, 1, 0
    )
    assert asked.heard_text == "why"


def test_a_column_of_samples_is_one_channel(service: Polite) -> None:
    async def main() -> None:
        async with duologue.connect(service=service) as client:
            column = memoryview(array.array("h", range(480))).cast("B").cast("h", (480, 1))
            assert client.push_audio(column) == 480
            released = memoryview(bytearray(4))
            released.release()
            with pytest.raises(duologue.ArgumentError, match="pcm"):
                client.push_audio(released)
            with pytest.raises(duologue.ArgumentError, match=r"pcm: .* more than half a second"):
                client.push_audio(bytes(1 << 26))

    asyncio.run(main())


def test_listeners_are_plain_functions() -> None:
    async def listener(event: duologue.AnyEvent) -> None:
        """Would never run."""

    client = duologue.Client(api_key="c4n4ry-key")
    with pytest.raises(duologue.ArgumentTypeError, match="coroutine"):
        client.add_listener(listener)
