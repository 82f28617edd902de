"""The simulator as a child process: where its program is found, how it starts and how it ends."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from duologue import simulator
from duologue.errors import (
    ArgumentError,
    ArgumentTypeError,
    ConfigError,
    HostError,
    StateError,
    UnsupportedError,
)
from duologue.simulator import Simulator, find_program, shared

PATIENCE = 30.0


def listens(url: str) -> bool:
    """Whether somebody accepts connections there."""
    parts = urlsplit(url)
    assert parts.hostname is not None and parts.port is not None
    try:
        socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE).close()
    # Reset: it was asked while it closed.
    except (ConnectionRefusedError, ConnectionResetError):
        return False
    return True


def ends(url: str) -> bool:
    """Whether it ends to listen before our patience does."""
    deadline = time.monotonic() + PATIENCE
    while listens(url):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def python(script: str) -> subprocess.CompletedProcess[str]:
    """What another Python says to this."""
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)


def script(path: Path, body: str) -> str:
    """A stand-in for the program."""
    path.write_text(f"#!{sys.executable}\n{body}\n")
    path.chmod(0o755)
    return str(path)


def test_a_with_block_starts_and_ends_it() -> None:
    with Simulator() as one, Simulator() as other:
        assert one.url.startswith("ws://127.0.0.1:")
        assert one.url != other.url
        assert listens(one.url) and listens(other.url)
        assert one.start() is one, "starting twice is no second start"
        urls = [one.url, other.url]
    assert not any(map(listens, urls))
    assert not one.running and one.pid is None
    one.close()
    with pytest.raises(StateError, match="does not run"):
        _ = one.url
    with one:
        assert listens(one.url)


def test_an_async_with_block_does_not_hold_up_the_loop() -> None:
    async def main() -> str:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)

        ticking = asyncio.ensure_future(tick())
        async with Simulator() as one:
            assert ticks > 10
            url = one.url
            assert listens(url)
        ticking.cancel()
        return url

    assert not listens(asyncio.run(main()))


def test_a_cancelled_start_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started, go = tmp_path / "started", tmp_path / "go"
    real = find_program()
    body = (
        "import os, sys, time\n"
        f"open({str(started)!r}, 'w').close()\n"
        f"while not os.path.exists({str(go)!r}): time.sleep(0.01)\n"
        f"os.execv({real!r}, [{real!r}, *sys.argv[1:]])"
    )
    monkeypatch.setenv("DUOLOGUE_PROGRAM", script(tmp_path / "slow", body))
    one = Simulator()

    async def main() -> None:
        starting = asyncio.ensure_future(one.__aenter__())
        while not started.exists():
            await asyncio.sleep(0.01)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        go.touch()

    # It waits for the threads.
    asyncio.run(main())
    assert one._process is not None, "it was started"
    assert not one.running


def test_the_last_reference_ends_it() -> None:
    one = Simulator().start()
    url = one.url
    del one
    gc.collect()
    assert not listens(url)


def test_options_reach_the_program(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.json"
    scenario.write_text('{"turns": "none"}')
    with pytest.raises(ConfigError, match="turns") as wrong:
        Simulator(scenario).start()
    assert wrong.value.field == "scenario"
    with pytest.raises(ArgumentError, match=r"no-such\.json") as missing:
        Simulator(str(tmp_path / "no-such.json")).start()
    assert missing.value.field == "scenario"
    ca = tmp_path / "ca.pem"
    with Simulator(ca_out=ca, any_model=True) as tls:
        assert tls.url.startswith("wss://")
        assert ca.read_text().startswith("-----BEGIN CERTIFICATE-----")
    with pytest.raises(ArgumentError) as unwritable:
        Simulator(ca_out=tmp_path / "no" / "ca.pem").start()
    assert unwritable.value.field == "ca_out"
    with Simulator() as one, pytest.raises(ConnectionError) as taken:
        Simulator(port=urlsplit(one.url).port or 0).start()
    assert getattr(taken.value, "field", None) == "port"


def test_the_url_is_for_clients_of_the_provider() -> None:
    found = {}
    for provider in ("openai", "gemini", "xai", "azure"):
        with Simulator(provider=provider) as one:
            found[provider] = urlsplit(one.url)._replace(netloc="").geturl()
    realtime = "ws:///v1/realtime"
    assert found == {
        "openai": realtime,
        "gemini": "http://",
        "xai": realtime,
        "azure": "ws:///openai/v1/realtime",
    }


@pytest.mark.parametrize(
    ("arguments", "field", "kind"),
    [
        ({"scenario": 1}, "scenario", ArgumentTypeError),
        ({"scenario": b"x"}, "scenario", ArgumentTypeError),
        ({"scenario": ""}, "scenario", ArgumentError),
        ({"scenario": "a\0b"}, "scenario", ArgumentError),
        ({"provider": None}, "provider", ArgumentTypeError),
        ({"provider": "nobody"}, "provider", ArgumentError),
        ({"ca_out": object()}, "ca_out", ArgumentTypeError),
        ({"any_model": 1}, "any_model", ArgumentTypeError),
        ({"port": "80"}, "port", ArgumentTypeError),
        ({"port": True}, "port", ArgumentTypeError),
        ({"port": 65536}, "port", ArgumentError),
        ({"start_seconds": "1"}, "start_seconds", ArgumentTypeError),
        ({"start_seconds": float("nan")}, "start_seconds", ArgumentError),
        ({"start_seconds": 0}, "start_seconds", ArgumentError),
    ],
)
def test_wrong_arguments_are_named(
    arguments: dict[str, object], field: str, kind: type[ArgumentError]
) -> None:
    with pytest.raises(kind) as wrong:
        Simulator(**arguments)  # type: ignore[arg-type]
    assert wrong.value.field == field


def test_a_program_that_does_not_listen_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = tmp_path / "pid"
    hangs = f"import os, time\nopen({str(pid)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)"
    monkeypatch.setenv("DUOLOGUE_PROGRAM", script(tmp_path / "hangs", hangs))
    one = Simulator(start_seconds=2)
    with pytest.raises(HostError, match="does not listen after 2 s") as late:
        one.start()
    assert late.value.code == "timeout"
    assert pid.exists(), "it has run"
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
    monkeypatch.setenv("DUOLOGUE_PROGRAM", script(tmp_path / "fails", "raise SystemExit(9)"))
    with pytest.raises(HostError, match="exit code 9"):
        Simulator().start()
    (tmp_path / "broken").write_bytes(b"\x7fELF")
    (tmp_path / "broken").chmod(0o755)
    monkeypatch.setenv("DUOLOGUE_PROGRAM", str(tmp_path / "broken"))
    with pytest.raises(HostError, match="cannot be run"):
        Simulator().start()


def test_where_the_program_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DUOLOGUE_PROGRAM", raising=False)
    assert Path(find_program()).samefile(Path(sys.prefix) / "bin" / "duologue"), "that of the distribution"
    mine = script(tmp_path / "duologue", "")
    monkeypatch.setenv("DUOLOGUE_PROGRAM", mine)
    assert find_program() == mine
    monkeypatch.setenv("DUOLOGUE_PROGRAM", str(tmp_path / "none"))
    with pytest.raises(UnsupportedError, match="is not a program") as named:
        find_program()
    assert named.value.field == "DUOLOGUE_PROGRAM"
    monkeypatch.delenv("DUOLOGUE_PROGRAM")
    monkeypatch.setattr(simulator, "_DISTRIBUTION", "duologue-nothing-like-it")
    assert Path(find_program()).samefile(Path(sys.prefix) / "bin" / "duologue"), "that among the scripts"
    monkeypatch.setattr(simulator.sysconfig, "get_path", lambda name: str(tmp_path / "empty"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_program() == mine
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(UnsupportedError) as missing:
        Simulator().start()
    assert 'pip install "duologue[simulator]"' in str(missing.value)


def test_all_threads_share_one() -> None:
    found: list[Simulator] = []
    barrier = threading.Barrier(8)

    def look() -> None:
        barrier.wait()
        found.append(shared())

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len(set(map(id, found))) == 1
    assert listens(found[0].url)
    found[0].close()
    assert listens(shared().url), "one that has ended is replaced"
    shared().close()


def test_it_ends_with_the_process_that_returns() -> None:
    ended = python("from duologue.simulator import shared; print(shared().url)")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert not listens(ended.stdout.strip())


@pytest.mark.skipif(os.name == "nt", reason="signals and fork")
def test_it_ends_with_the_process_that_is_killed() -> None:
    ended = python(
        "import os, signal\n"
        "from duologue.simulator import shared\n"
        "print(shared().url, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert ended.returncode == -9
    assert ends(ended.stdout.strip()), "an orphan"


@pytest.mark.skipif(os.name == "nt", reason="signals and fork")
def test_a_forked_child_leaves_it_alone_and_gets_its_own() -> None:
    ended = python(
        "import os, sys, socket\n"
        "from duologue.simulator import shared, Simulator\n"
        "first = shared(); mine = Simulator().start()\n"
        "url = first.url\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    assert not first.running and not mine.running\n"
        "    first.close(); mine.close()\n"
        "    assert shared().url != url\n"
        "    sys.exit(7)\n"
        "assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7\n"
        "assert shared() is first and first.url == url and mine.running\n"
        "for one in (first, mine):\n"
        "    socket.create_connection(('127.0.0.1', int(one.url.split(':')[2].split('/')[0]))).close()\n"
        "print('alive')"
    )
    assert (ended.returncode, ended.stdout) == (0, "alive\n"), ended.stderr


@pytest.mark.skipif(os.name == "nt", reason="signals and fork")
def test_a_forked_child_that_stays_does_not_keep_it_alive() -> None:
    read, write = os.pipe()
    body = (
        "import os, signal\n"
        "from duologue.simulator import Simulator\n"
        "one = Simulator().start()\n"
        "print(one.url, flush=True)\n"
        "if os.fork() == 0:\n"
        "    os.close(1); os.close(2)\n"
        f"    os.read({read}, 1)\n"
        "    os._exit(0)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    run = subprocess.run(
        [sys.executable, "-c", body], stdout=subprocess.PIPE, text=True, timeout=120, pass_fds=[read]
    )
    try:
        assert ends(run.stdout.strip()), "the grandchild holds it"
    finally:
        os.close(read)
        os.close(write)
