"""The simulator as a child process: the vendors' protocols on this machine, without a model and without a key.

It needs the program of the distribution ``duologue-simulator``: ``pip install "duologue[simulator]"``.

    with Simulator() as simulator:
        client = duologue.connect(base_url=simulator.url, api_key="any")

``duologue.connect(provider="simulator")`` does that with one simulator for the whole process, :func:`shared`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import shutil
import subprocess
import sysconfig
import tempfile
import threading
import weakref
from importlib import metadata
from typing import IO, TYPE_CHECKING, Optional, Union

from .errors import (
    ArgumentError,
    ConfigError,
    Error,
    HostError,
    NetworkError,
    StateError,
    UnsupportedError,
    bad_argument,
    bad_type,
)

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

__all__ = ["Simulator", "find_program", "shared"]

#: Environment: the program to use instead of the one that was installed.
PROGRAM_VARIABLE = "DUOLOGUE_PROGRAM"
_DISTRIBUTION = "duologue-simulator"
_NAME = "duologue.exe" if os.name == "nt" else "duologue"
_INSTALL = 'pip install "duologue[simulator]"'
#: Whom the program plays.
_PROVIDERS = ("openai", "gemini", "xai", "azure", "elevenlabs")
#: How long the program may take to end in order, in seconds.
_END_SECONDS = 5.0
#: What the program's exit codes mean (``duologue simulate --help``), and which parameter they are about.
_EXITS: dict[int, tuple[type[Error], str]] = {
    4: (NetworkError, "port"),
    5: (ConfigError, "scenario"),
    6: (ArgumentError, "scenario"),
}


def find_program() -> str:
    """The path of the program ``duologue``.

    The environment variable ``DUOLOGUE_PROGRAM`` names it; else it is the one of the installed distribution
    ``duologue-simulator``, else one in the folder of this Python's scripts, else one on ``PATH``.

    :raises UnsupportedError: there is none.
    """
    named = os.environ.get(PROGRAM_VARIABLE)
    if named:
        if _is_program(named):
            return named
        raise UnsupportedError(
            f"{named} is not a program",
            code="no_simulator",
            field=PROGRAM_VARIABLE,
            fix="name the program duologue, or leave the variable out",
        )
    with contextlib.suppress(metadata.PackageNotFoundError):
        for file in metadata.distribution(_DISTRIBUTION).files or ():
            path = str(file.locate())
            if file.name == _NAME and _is_program(path):
                return path
    path = os.path.join(sysconfig.get_path("scripts"), _NAME)
    found = path if _is_program(path) else shutil.which(_NAME)
    if found is None:
        raise UnsupportedError(
            f"the program of {_DISTRIBUTION} is not installed", code="no_simulator", fix=_INSTALL
        )
    return found


def _is_program(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


class Simulator:
    """A simulator in a process of its own, on a free port of the loopback interface.

    A context manager, for ``with`` and ``async with``; or :meth:`start` and :meth:`close`. It ends with its last
    reference and with this process, however that ends.

    :param scenario: path of a JSON file that says what is spoken (``python -m duologue schema scenario``).
        Default: three spoken turns.
    :param provider: who is played: ``openai``, ``gemini``, ``xai``, ``azure`` or ``elevenlabs``.
        :attr:`url` is for its clients.
    :param any_model: accept models that are not in the vendor's catalogue.
    :param port: port to listen on; 0 is any free one.
    :param ca_out: serve TLS, and write the authority that clients must trust to this path (PEM).
    :param start_seconds: how long starting may take.
    """

    def __init__(
        self,
        scenario: Optional[Union[str, os.PathLike[str]]] = None,
        *,
        provider: str = "openai",
        any_model: bool = False,
        port: int = 0,
        ca_out: Optional[Union[str, os.PathLike[str]]] = None,
        start_seconds: float = 30.0,
    ) -> None:
        """See the class. Nothing is started yet."""
        options = ["--listen", f"127.0.0.1:{_port(port)}", "--until-stdin-closes"]
        options += ["--provider", _provider(provider)]
        if scenario is not None:
            options += ["--scenario", _path("scenario", scenario)]
        self._ca_out = None if ca_out is None else _path("ca_out", ca_out)
        if _flag("any_model", any_model):
            options.append("--any-model")
        if self._ca_out is not None:
            options += ["--tls", "--ca-out", self._ca_out]
        if isinstance(start_seconds, bool) or not isinstance(start_seconds, (int, float)):
            raise bad_type("start_seconds", "a number of seconds", start_seconds)
        if not 0 < start_seconds <= 3600:
            raise bad_argument("start_seconds", "it is not within 0 and 3600 s", "give the number of seconds")
        self._options = options
        self._start_seconds = float(start_seconds)
        self._lock = threading.Lock()
        self._process: Optional[subprocess.Popen[str]] = None
        self._end: Optional[weakref.finalize[..., Simulator]] = None
        self._url = ""

    @property
    def url(self) -> str:
        """The base URL to connect to, for example ``ws://127.0.0.1:40123/v1/realtime``.

        :raises StateError: the simulator does not run.
        """
        if not self.running:
            raise StateError("the simulator does not run", fix="start it: with Simulator() as simulator")
        return self._url

    @property
    def running(self) -> bool:
        """Whether the simulator was started and has not ended."""
        process = self._process
        return process is not None and process.poll() is None

    @property
    def pid(self) -> Optional[int]:
        """The number of the child process while it runs."""
        process = self._process
        return None if process is None or process.poll() is not None else process.pid

    def start(self) -> Self:
        """Starts the program and waits until it listens. Does nothing when it runs already.

        :raises UnsupportedError: the program is not installed.
        :raises ConfigError: the scenario is wrong.
        :raises Error: it does not start for another reason.
        """
        with self._lock:
            if not self.running:
                # What is left of one that ended by itself.
                self.close()
                self._launch(find_program())
        return self

    def close(self) -> None:
        """Ends the simulator and waits until it has ended. May be called more than once."""
        end = self._end
        if end is not None:
            end()

    def __enter__(self) -> Self:
        """Starts the simulator."""
        return self.start()

    def __exit__(
        self,
        exc_type: Optional[type[BaseException]],
        exc: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        """Ends the simulator."""
        self.close()

    async def __aenter__(self) -> Self:
        """Starts the simulator without holding up the event loop."""
        loop = asyncio.get_running_loop()
        over = threading.Event()

        def start() -> None:
            try:
                self.start()
            finally:
                over.set()

        def close() -> None:
            over.wait()
            self.close()

        starting = loop.run_in_executor(None, start)
        try:
            await asyncio.shield(starting)
            return self
        except asyncio.CancelledError:
            # The thread that starts it cannot be stopped. Another one ends what comes of it.
            starting.add_done_callback(lambda done: done.cancelled() or done.exception())
            loop.run_in_executor(None, close)
            raise

    async def __aexit__(
        self,
        exc_type: Optional[type[BaseException]],
        exc: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        """Ends the simulator without holding up the event loop."""
        await asyncio.get_running_loop().run_in_executor(None, self.close)

    def _launch(self, program: str) -> None:
        # A file, not a pipe: nobody would empty it while the program runs.
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as complaints:
            try:
                process = subprocess.Popen(
                    [program, "simulate", *self._options],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=complaints,
                    text=True,
                    encoding="utf-8",
                )
            except OSError as error:
                raise HostError(
                    f"{program} cannot be run: {error}", code="no_simulator", fix=_INSTALL
                ) from error
            end = weakref.finalize(self, _end, process, os.getpid())
            line = _first_line(process, self._start_seconds)
            if line is None or not line.startswith("listening "):
                if line is not None:
                    # Its output is over: so is the program, or nearly.
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(_END_SECONDS)
                code = process.poll()
                end()
                complaints.seek(0)
                raise self._failure(code, complaints.read())
        self._process, self._end, self._url = process, end, line.split()[1]
        _running.add(self)

    def _failure(self, code: Optional[int], complaints: str) -> Error:
        if code is None:
            return HostError(f"the simulator does not listen after {self._start_seconds:g} s", code="timeout")
        if code not in _EXITS:
            # All options are known to the program that belongs to this package.
            message = f"the simulator ended at once with exit code {code}"
            return HostError(message, code="simulator_failed", fix=_INSTALL)
        cls, field = _EXITS[code]
        message = complaints.strip().removeprefix("error: ")
        if self._ca_out is not None and message.startswith(self._ca_out):
            field = "ca_out"
        return cls(message, field=field, code="simulator_failed")

    def _forget(self) -> None:
        """After a fork, in the child: the simulator is the parent's alone."""
        process, self._process, self._url = self._process, None, ""
        self._lock = threading.Lock()
        if self._end is not None:
            self._end.detach()
            self._end = None
        if process is not None:
            # Held open here, it would keep the simulator alive when the parent is gone.
            if process.stdin is not None:
                with contextlib.suppress(OSError):
                    process.stdin.close()
            # Nothing is left for this process to wait for.
            process.returncode = 0


def shared() -> Simulator:
    """The simulator of this process, started at the first call. It ends with the process.

    Blocks until it listens. May be called from any thread. A process that was forked gets one of its own.
    """
    global _shared
    with _shared_lock:
        if _shared is None or not _shared.running:
            _shared = Simulator().start()
        return _shared


_shared: Optional[Simulator] = None
_shared_lock = threading.Lock()
_running: weakref.WeakSet[Simulator] = weakref.WeakSet()


def _after_fork() -> None:
    global _shared, _shared_lock, _running
    _shared_lock = threading.Lock()
    _shared = None
    running, _running = _running, weakref.WeakSet()
    for simulator in list(running):
        simulator._forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _end(process: subprocess.Popen[str], owner: int) -> None:
    """Ends the child; at most once, and never in a process that was forked off its owner."""
    if os.getpid() != owner:
        return
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
    process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _first_line(process: subprocess.Popen[str], seconds: float) -> Optional[str]:
    """The first line of the program's output, empty if there is none, or `None` if the time is up before."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    stdout = process.stdout
    assert stdout is not None
    threading.Thread(target=_read, args=(stdout, lines), name="duologue-simulator", daemon=True).start()
    try:
        return lines.get(timeout=seconds)
    except queue.Empty:
        return None


def _read(stdout: IO[str], lines: queue.SimpleQueue[str]) -> None:
    # A pipe cannot be read with a deadline on every system: a thread can wait for it. It closes it, too.
    line = ""
    with contextlib.suppress(OSError, ValueError), stdout:
        line = stdout.readline()
    lines.put(line)


def _path(field: str, value: object) -> str:
    if not isinstance(value, (str, os.PathLike)):
        raise bad_type(field, "a path", value)
    path = os.fspath(value)
    if not isinstance(path, str):
        raise bad_type(field, "a path in text", path)
    if not path or "\0" in path:
        raise bad_argument(field, "it is not a path", "give the path of a file")
    # An option otherwise.
    return os.path.join(os.curdir, path) if path.startswith("-") else path


def _provider(value: object) -> str:
    if not isinstance(value, str):
        raise bad_type("provider", "the name of a provider", value)
    if value not in _PROVIDERS:
        raise bad_argument(
            "provider", f"the simulator plays no {value!r}", f"use one of {', '.join(_PROVIDERS)}"
        )
    return value


def _flag(field: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise bad_type(field, "True or False", value)
    return value


def _port(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise bad_type("port", "a port number", value)
    if not 0 <= value <= 65535:
        raise bad_argument("port", f"{value} is not a port", "give one within 0 and 65535; 0 is any free one")
    return value
