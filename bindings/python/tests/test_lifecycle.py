"""Beginnings and ends that are not the usual ones."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import pathlib
import subprocess
import sys
import threading
import weakref
from typing import Any

import duologue
import pytest
from conftest import Polite

TEXT: Any = {"output_modality": "text", "audio": {"input": {"source": "none"}, "output": {"source": "none"}}}
#: A connection that is lost is the end of the run.
ONCE: Any = {**TEXT, "recovery": {"reconnect": False}}


def test_a_connect_that_is_cancelled_is_taken_back() -> None:
    silent = Polite(silent=True)

    async def main() -> None:
        client = duologue.Client(service=silent, config=TEXT)
        phases = client.events(duologue.StatusEvent)
        connecting = asyncio.ensure_future(client.connect())
        while (await phases.__anext__()).status.phase != "configure":
            pass
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        while not (await phases.__anext__()).status.is_idle:
            pass
        await client.close()
        # The same in the context manager, by a timeout.
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(enter(), 0.05)

    async def enter() -> None:
        async with duologue.connect(service=silent, config=TEXT):
            raise AssertionError("nobody confirmed")

    asyncio.run(main())


def test_a_connect_that_fails_leaves_nothing() -> None:
    async def main() -> None:
        with pytest.raises(duologue.NetworkError) as refused:
            async with duologue.connect(base_url="http://127.0.0.1:9", api_key="c4n4ry-key"):
                raise AssertionError("nobody is there")
        assert refused.value.code == "connect_failed" and refused.value.fix
        assert duologue.live_clients() == 0

    asyncio.run(main())


def test_a_listener_that_raises_ends_the_session(service: Polite, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with duologue.connect(service=service, config=TEXT) as client:
            threads = []

            def listener(event: duologue.AnyEvent) -> None:
                threads.append(threading.current_thread().name)
                if isinstance(event, duologue.Transcript):
                    raise KeyError("my mistake")

            client.add_listener(listener)
            errors = client.events(duologue.ErrorEvent)
            # It may have ended before everything was said.
            with contextlib.suppress(duologue.StateError):
                service.write("Hi")
            failed = await errors.__anext__()
            assert failed.error.code == "listener_panicked" and failed.error.fatal
            assert isinstance(failed.error, duologue.HostError)
            assert threading.main_thread().name not in threads

    asyncio.run(main())
    assert "my mistake" in caplog.text and "Traceback" in caplog.text


def test_listeners_come_and_go(service: Polite) -> None:
    async def main() -> None:
        async with duologue.connect(service=service, config=TEXT) as client:
            heard: list[str] = []
            done = threading.Event()

            def listener(event: duologue.TurnDone) -> None:
                heard.append(event.type)
                done.set()

            first = client.add_listener(listener, duologue.TurnDone)
            service.write("Hi")
            assert await asyncio.to_thread(done.wait, 60)
            first.remove()
            first.remove()
            turns = client.events(duologue.TurnDone)
            service.write("Ho", response="R2", item="B")
            await turns.__anext__()
            assert heard == ["turn_done"]
            for _ in range(32):
                client.add_listener(listener, "raw")
            with pytest.raises(duologue.LimitError) as full:
                client.add_listener(listener)
            assert full.value.code == "too_many"

    asyncio.run(main())


def test_close_waits_for_a_listener_that_is_running(service: Polite) -> None:
    async def main() -> None:
        client = duologue.Client(service=service, config=TEXT)
        await client.connect()
        running, go_on, ended = threading.Event(), threading.Event(), threading.Event()

        def listener(event: duologue.AnyEvent) -> None:
            running.set()
            go_on.wait(60)
            ended.set()

        client.add_listener(listener, duologue.Transcript)
        service.write("Hi")
        await asyncio.to_thread(running.wait, 60)
        closing = asyncio.ensure_future(client.close())
        # The loop goes on meanwhile.
        while not client.closed:
            await asyncio.sleep(0.001)
        assert not closing.done() and not ended.is_set()
        go_on.set()
        await closing
        assert ended.is_set()

    asyncio.run(main())


def test_a_listener_may_use_its_client(service: Polite) -> None:
    async def main() -> None:
        async with duologue.connect(service=service, config=TEXT) as client:
            said: list[object] = []
            done = threading.Event()

            def listener(event: duologue.TurnDone) -> None:
                said.append(client.messages()[-1].text)
                said.append(client.status.kind)
                mine.remove()
                done.set()

            mine = client.add_listener(listener, duologue.TurnDone)
            service.write("Hi")
            assert await asyncio.to_thread(done.wait, 60)
            assert said == ["Hi", "connected"]

    asyncio.run(main())


def test_an_unclosed_client_is_released_with_a_warning(service: Polite) -> None:
    async def main() -> None:
        client = duologue.Client(service=service, config=TEXT)
        await client.connect()
        client.add_listener(lambda _: None)
        gone = weakref.ref(client)
        with pytest.warns(ResourceWarning, match="unclosed <duologue.Client connected>"):
            del client
            gc.collect()
        assert gone() is None
        # A client with listeners ends on a thread of its own.
        while duologue.live_clients():
            await asyncio.sleep(0.001)
        # The loop still works and its descriptors are its own.
        other = Polite()
        async with duologue.connect(service=other, config=TEXT) as second:
            turns = second.events(duologue.TurnDone)
            other.write("Hi")
            await turns.__anext__()

    asyncio.run(main())


def test_a_client_that_never_connected_goes_quietly(recwarn: pytest.WarningsRecorder) -> None:
    duologue.Client(api_key="c4n4ry-key")
    gc.collect()
    assert duologue.live_clients() == 0 and not list(recwarn)


def test_a_stream_keeps_its_client(service: Polite) -> None:
    async def main() -> None:
        client = duologue.Client(service=service, config=TEXT)
        await client.connect()
        turns = client.events(duologue.TurnDone)
        holder = weakref.ref(client)
        del client
        gc.collect()
        service.write("Hi")
        await turns.__anext__()
        kept = holder()
        assert kept is not None
        await kept.close()

    asyncio.run(main())


def test_asyncio_run_that_ends_in_the_middle(service: Polite) -> None:
    left: list[duologue.Client] = []
    ends: list[str] = []

    async def tool() -> str:
        """Never ends."""
        begun[0].set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            ends.append("tool")
            raise
        return ""

    async def main() -> None:
        client = duologue.Client(service=service, config=TEXT, tools=[tool])
        await client.connect()
        left.append(client)
        begun.append(asyncio.Event())

        async def read() -> None:
            try:
                async for _ in client.events():
                    pass
            finally:
                ends.append("reader")

        reading.append(asyncio.ensure_future(read()))
        reading.append(asyncio.ensure_future(client.interrupt()))
        service.call_tool("tool", "{}")
        await begun[0].wait()

    begun: list[asyncio.Event] = []
    reading: list[Any] = []
    asyncio.run(main())
    reading.clear()
    assert sorted(ends) == ["reader", "tool"]
    client = left.pop()
    # Its loop is gone: what needs it says so, the rest works.
    assert client.status.is_connected

    async def elsewhere() -> None:
        with pytest.raises(duologue.StateError) as wrong:
            await client.send_text("Hi")  # noqa: F821 (deleted further down)
        assert wrong.value.code == "wrong_loop" and wrong.value.fix

    asyncio.run(elsewhere())
    with pytest.warns(ResourceWarning):
        del client
        gc.collect()
    assert duologue.live_clients() == 0


def test_a_client_of_a_loop_that_ended_can_be_closed(service: Polite) -> None:
    left: list[duologue.Client] = []

    async def main() -> None:
        client = duologue.Client(service=service, config=TEXT)
        await client.connect()
        left.append(client)

    asyncio.run(main())
    asyncio.run(left[0].close())
    assert left[0].closed and duologue.live_clients() == 0


def test_a_client_in_use_elsewhere_is_not_closed_here() -> None:
    silent = Polite(silent=True)
    client = duologue.Client(service=silent, config=TEXT)
    ended: list[str] = []

    async def first() -> None:
        try:
            await client.connect()
        except duologue.Error as error:
            ended.append(error.code)

    async def second() -> None:
        with pytest.raises(duologue.StateError) as wrong:
            await client.close()
        assert wrong.value.code == "wrong_loop"

    thread = threading.Thread(target=lambda: asyncio.run(first()))
    thread.start()
    silent.heard("opened")
    asyncio.run(second())
    silent.hang_up()
    thread.join(60)
    assert ended != [] and not client.closed
    asyncio.run(client.close())
    assert client.closed


def test_all_who_close_wait_for_the_same_end(service: Polite) -> None:
    async def main() -> None:
        client = duologue.Client(service=service, config=TEXT)
        await client.connect()
        running, go_on, ended = threading.Event(), threading.Event(), threading.Event()

        def listener(event: duologue.AnyEvent) -> None:
            running.set()
            go_on.wait(60)
            ended.set()

        client.add_listener(listener, duologue.Transcript)
        service.write("Hi")
        await asyncio.to_thread(running.wait, 60)
        closing = [asyncio.ensure_future(client.close()) for _ in range(3)]
        closing[0].cancel()
        while not client.closed:
            await asyncio.sleep(0.001)
        assert not closing[1].done() and not closing[2].done()
        go_on.set()
        await asyncio.gather(*closing[1:])
        assert ended.is_set() and closing[0].cancelled()

    asyncio.run(main())


def test_a_tool_may_close_its_client(service: Polite) -> None:
    after: list[str] = []

    async def bye(context: duologue.ToolContext) -> str:
        """Hangs up."""
        await context.client.close()
        after.append("went on")
        return "bye"

    async def main() -> None:
        client = duologue.Client(service=service, config=TEXT, tools=[bye])
        await client.connect()
        service.call_tool("bye", "{}")
        while not after:
            await asyncio.sleep(0.001)
        assert client.closed

    asyncio.run(main())


def test_a_client_of_a_closed_loop_can_be_closed(service: Polite) -> None:
    async def tool() -> str:
        """Never ends."""
        begun[0].set()
        await asyncio.sleep(3600)
        return ""

    begun: list[asyncio.Event] = []
    loop = asyncio.new_event_loop()
    client = duologue.Client(service=service, config=TEXT, tools=[tool])
    loop.run_until_complete(client.connect())

    async def some() -> None:
        begun.append(asyncio.Event())
        service.call_tool("tool", "{}")
        await begun[0].wait()

    loop.run_until_complete(some())
    loop.close()
    asyncio.run(client.close())
    assert client.closed and duologue.live_clients() == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_is_told() -> None:
    program = """
import asyncio, os, sys
import duologue
client = duologue.Client(api_key="c4n4ry-key")
child = os.fork()
if child == 0:
    codes = []
    for use in (lambda: asyncio.run(client.connect()), lambda: duologue.Client(api_key="c4n4ry-key")):
        try:
            use()
        except duologue.StateError as error:
            codes.append(error.code)
    os._exit(0 if codes == ["forked", "forked"] else 1)
print(os.waitpid(child, 0)[1])
"""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, timeout=60
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "0\n", "")


@pytest.mark.parametrize("listener", ["busy", "blocked"])
def test_a_program_ends_while_a_listener_runs(listener: str) -> None:
    """One that runs Python is stopped; one that waits in the system stays where it is."""
    program = """
import sys, time, threading
sys.path.insert(0, sys.argv[1])
import duologue, duologue.blocking
from conftest import Polite
services = [Polite() for _ in range(4)]
begun = threading.Semaphore(0)
def busy(event):
    begun.release()
    while True:
        time.sleep(0.001)
def blocked(event):
    begun.release()
    threading.Event().wait(60)
kept = []
for service in services:
    client = duologue.blocking.Client(service=service)
    client.connect()
    client.add_listener(globals()[sys.argv[2]], duologue.Transcript)
    service.write("Hi")
    begun.acquire()
    kept.append(client)
print("end", flush=True)
"""
    here = str(pathlib.Path(__file__).parent)
    run = subprocess.run(
        [sys.executable, "-c", program, here, listener], capture_output=True, text=True, timeout=120
    )
    assert (run.returncode, run.stdout) == (0, "end\n"), run.stderr


def test_two_clients_at_once_do_not_mix() -> None:
    async def talk(name: str, service: Polite) -> list[str]:
        async with duologue.connect(service=service, config=TEXT) as client:
            turns = client.events(duologue.TurnDone)
            for number in range(20):
                service.write(f"{name} {number}", response=f"R{number}", item=f"A{number}")
                await turns.__anext__()
            return [m.text for m in client.messages()]

    async def main() -> None:
        one, two = await asyncio.gather(talk("one", Polite()), talk("two", Polite()))
        assert one == [f"one {n}" for n in range(20)]
        assert two == [f"two {n}" for n in range(20)]

    asyncio.run(main())


def test_two_event_loops_in_two_threads() -> None:
    shared: list[duologue.Client] = []
    ready, over = threading.Event(), threading.Event()
    services = [Polite(), Polite()]

    async def first() -> None:
        async with duologue.connect(service=services[0], config=TEXT) as client:
            shared.append(client)
            ready.set()
            assert await asyncio.to_thread(over.wait, 60)

    async def second() -> str:
        async with duologue.connect(service=services[1], config=TEXT) as mine:
            # Another loop's client can be read here, its events too; awaiting its commands is refused.
            other = shared[0]
            turns = other.events(duologue.TurnDone)
            with pytest.raises(duologue.StateError):
                await other.send_text("Hi")
            services[0].write("from the first")
            await turns.__anext__()
            await mine.send_text("mine", respond=False)
            return other.messages()[-1].text

    said: list[str] = []
    failed: list[BaseException] = []

    def run(main: Any) -> None:
        try:
            result = asyncio.run(main())
            if result:
                said.append(result)
        except BaseException as error:
            failed.append(error)

    one = threading.Thread(target=run, args=(first,))
    one.start()
    assert ready.wait(60)
    two = threading.Thread(target=run, args=(second,))
    two.start()
    two.join(60)
    over.set()
    one.join(60)
    shared.clear()
    assert failed == [] and said == ["from the first"]


def test_the_service_hangs_up(service: Polite) -> None:
    async def main() -> None:
        async with duologue.connect(service=service, config=ONCE) as client:
            statuses = client.events(duologue.StatusEvent)
            pending = asyncio.ensure_future(client.request_response())
            await asyncio.to_thread(service.heard, "response.create")
            service.hang_up()
            ended = (await statuses.__anext__()).status
            assert ended.is_error and ended.error is not None and ended.error.retryable
            await asyncio.wait({pending})
            assert pending.exception() is None or isinstance(pending.exception(), duologue.Error)

    asyncio.run(main())


def test_a_program_that_just_ends() -> None:
    """With clients connected, listeners running and a stream read: no crash, no hang, no noise."""
    program = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
import duologue, duologue.blocking
from conftest import Polite
services = [Polite(), Polite()]
async def main():
    client = duologue.Client(service=services[0])
    await client.connect()
    client.add_listener(lambda event: None)
    globals()["kept"] = client, client.events()
asyncio.run(main())
also = duologue.blocking.Client(service=services[1])
also.connect()
also.add_listener(lambda event: None)
services[1].write("Hi")
print("end", flush=True)
"""
    run = subprocess.run(
        [sys.executable, "-c", program, str(pathlib.Path(__file__).parent)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "end\n", "")


def test_a_loop_that_watches_no_descriptors(service: Polite) -> None:
    """As Windows' default loop: a thread waits in its place."""

    class Loop(asyncio.SelectorEventLoop):
        def add_reader(self, *_: Any) -> None:
            raise NotImplementedError

        remove_reader = add_reader  # type: ignore[assignment]

    async def main() -> None:
        async with duologue.connect(service=service, config=TEXT) as client:
            words = client.events(duologue.Transcript)
            await client.send_text("Hello", respond=False)
            service.write("Good day to you.")
            assert [(await words.__anext__()).text for _ in range(5)][-1] == "Good day to you."
        assert [w async for w in words] == []

    loop = Loop()
    try:
        loop.run_until_complete(asyncio.wait_for(main(), 60))
    finally:
        loop.close()
