"""The client for threads: the same names, calls that wait."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import threading
from typing import Any

import duologue
import duologue.blocking
import pytest
from conftest import Polite

TEXT: Any = {"output_modality": "text", "audio": {"input": {"source": "none"}, "output": {"source": "none"}}}
#: A connection that is lost is the end of the run.
ONCE: Any = {**TEXT, "recovery": {"reconnect": False}}


def test_a_conversation(service: Polite) -> None:
    with duologue.blocking.connect(service=service, config=TEXT) as client:
        assert client.status.is_connected and "blocking.Client connected" in repr(client)
        words = client.events(duologue.Transcript, duologue.TurnDone)
        client.send_text("Hello", respond=False)
        service.write("Good day to you.")
        said = []
        for event in words:
            if isinstance(event, duologue.TurnDone):
                break
            said.append(event.text)
        assert said == ["Good ", "day ", "to ", "you. ", "Good day to you."]
        assert words.next(timeout=0) is None and words.next(timeout=0.001) is None
        client.disconnect()
        client.connect()
    assert client.closed and [m.text for m in client.messages()] == ["Hello", "Good day to you."]
    assert words.next() is None and list(words) == []
    client.close()


def test_both_clients_have_the_same_names_and_arguments() -> None:
    def public(cls: type) -> dict[str, str]:
        found = {}
        for name, member in inspect.getmembers(cls):
            if not name.startswith("_") and name != "closed" and inspect.isfunction(member):
                signature = inspect.signature(member)
                found[name] = str(signature.replace(return_annotation=inspect.Signature.empty))
        return found

    assert public(duologue.Client) == public(duologue.blocking.Client)
    assert len(public(duologue.Client)) > 15


def test_commands_say_what_is_wrong(service: Polite) -> None:
    with duologue.blocking.connect(service=service, config=TEXT) as client:
        with pytest.raises(duologue.ArgumentTypeError, match="text"):
            client.send_text(None)  # type: ignore[arg-type]
        with pytest.raises(duologue.Error) as unknown:
            client.submit_tool_result(duologue.CallRef(1, "nobody"), "x")
        assert unknown.value.code == "not_found"
        stream = client.events()
        for wrong in ("soon", True):
            with pytest.raises(duologue.ArgumentTypeError, match="timeout"):
                stream.next(timeout=wrong)  # type: ignore[arg-type]
        for never in (-1, float("nan")):
            with pytest.raises(duologue.ArgumentError, match="timeout"):
                stream.next(timeout=never)
    with pytest.raises(duologue.ClosedError):
        client.send_text("late")
    with pytest.raises(duologue.ClosedError):
        client.push_audio(b"")


def test_it_is_refused_in_an_event_loop(service: Polite) -> None:
    async def main() -> None:
        client = duologue.blocking.Client(service=service, config=TEXT)
        with pytest.raises(duologue.StateError) as wrong:
            client.connect()
        assert wrong.value.code == "would_deadlock" and "duologue.Client" in str(wrong.value)
        await asyncio.to_thread(client.connect)
        await asyncio.to_thread(client.close)

    asyncio.run(main())


def test_tools_of_both_kinds(service: Polite) -> None:
    async def slow(city: str) -> str:
        """Waits."""
        await asyncio.sleep(0)
        return f"rain in {city}"

    def quick(context: duologue.ToolContext) -> str:
        """Uses its client, which waits."""
        context.client.send_raw({"type": "input_audio_buffer.clear"})
        return "sun"

    with duologue.blocking.connect(service=service, config=TEXT, tools=[slow, quick]):
        service.call_tool("slow", '{"city": "Rome"}')
        assert service.answer() == "rain in Rome"
        service.call_tool("quick", "{}", "call_2", response="R2")
        assert service.answer("call_2") == "sun"
        assert service.heard("input_audio_buffer.clear")


def test_control_c_ends_a_connect_and_a_wait() -> None:
    silent = Polite(silent=True)
    client = duologue.blocking.Client(service=silent, config=TEXT)

    def interrupt() -> None:
        silent.heard("opened")
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        client.connect()
    client.close()
    client = duologue.blocking.Client(service=silent, config=TEXT)
    events = client.events(duologue.Raw)
    waiting = threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        waiting.start()
        next(events)
    client.close()


def test_another_thread_closes_what_one_waits_for(service: Polite) -> None:
    with duologue.blocking.connect(service=service, config=TEXT) as client:
        events = client.events(duologue.Raw)
        ended = threading.Event()

        def read() -> None:
            assert list(events) == []
            ended.set()

        threading.Thread(target=read).start()
        events.close()
        assert ended.wait(60)


def test_many_threads_command_one_client(service: Polite) -> None:
    with duologue.blocking.connect(service=service, config=TEXT) as client:
        threads = [
            threading.Thread(target=client.send_text, args=(f"number {n}",), kwargs={"respond": False})
            for n in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(m.text for m in client.messages()) == sorted(f"number {n}" for n in range(20))


def test_a_stream_stops_with_the_session(service: Polite) -> None:
    client = duologue.blocking.Client(service=service, config=ONCE)
    turns = client.events(duologue.TurnDone)
    client.connect()
    service.write("One")
    service.hang_up(1000)
    assert len(list(turns)) == 1
    client.connect()
    service.hang_up()
    with pytest.raises(duologue.NetworkError):
        next(turns)
    client.close()


def test_a_listener_may_close_its_client(service: Polite) -> None:
    client = duologue.blocking.Client(service=service, config=TEXT)
    client.connect()
    heard = threading.Event()

    def hang_up(event: duologue.TurnDone) -> None:
        client.close()
        heard.set()

    client.add_listener(hang_up, duologue.TurnDone)
    turns = client.events(duologue.TurnDone)
    service.write("Bye")
    assert heard.wait(60)
    # Waits for the end that the listener asked for.
    client.close()
    assert client.closed and duologue.live_clients() == 0
    assert len(list(turns)) <= 1


def test_times_beyond_all_bounds_are_for_ever(service: Polite) -> None:
    with duologue.blocking.connect(service=service, config=TEXT) as client:
        turns = client.events(duologue.TurnDone)
        threading.Timer(0.05, service.write, ("Hi",)).start()
        event = turns.next(timeout=float("inf"))
        assert event is not None
        threading.Timer(0.05, service.write, ("Ho", "R2", "B")).start()
        assert turns.next(timeout=1e300) is not None
