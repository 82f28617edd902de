"""What a client did to a mocked service, and waiting for it."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
from collections import deque
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Generic, Optional, TypeVar

from ._mock_events import BYTES_PER_MS
from .errors import Error, StateError, bad_argument, bad_type

T = TypeVar("T")

#: Calls, and frames, that are remembered: the newest.
MAX_CALLS = 10_000
#: Bytes of microphone audio that are remembered: the newest, about eleven minutes.
MAX_AUDIO = 32 * 1024 * 1024

#: Every name of a call.
NAMES = (
    "dial_refused",
    "connect",
    "session_update",
    "send_text",
    "send_image",
    "send_context",
    "send_audio",
    "stop_listening",
    "clear_input",
    "request_response",
    "submit_tool_result",
    "interrupt",
    "truncate",
    "delete",
    "replay",
    "send_raw",
    "close",
)


class MockTimeoutError(StateError, TimeoutError):
    """What a test waited for did not happen in time; the text says what did."""

    code = "timeout"


@dataclass(frozen=True)
class Call:
    """One thing a client did. ``call["text"]`` is short for ``call.arguments["text"]``."""

    name: str
    """What, for example ``send_text``."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """With what; the keys depend on the name."""
    index: int = field(default=0, compare=False)
    """Number of the call, from 0."""
    connection: int = field(default=0, compare=False)
    """Number of the connection it came on, from 1; 0 for a dial that was refused."""

    def __getitem__(self, key: str) -> Any:
        """An argument."""
        return self.arguments[key]


@dataclass(frozen=True)
class ToolOutput:
    """What the client answered to a tool call.

    The vendor's protocol does not say whether a tool failed: of one that did, ``output`` is the error's text.
    """

    call_id: str
    """The call."""
    name: str
    """Name of the function."""
    output: str
    """The answer as the model reads it."""

    def json(self) -> Any:
        """The answer parsed as JSON; raises :class:`~duologue.ArgumentError` when it is none."""
        try:
            return json.loads(self.output)
        except ValueError:
            raise bad_argument("output", "is not JSON", "compare output, which is plain text") from None


def seconds(timeout: Optional[float], default: float) -> float:
    """A time to wait; None: the default."""
    if timeout is None:
        return default
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise bad_type("timeout", "seconds", timeout)
    if not 0 <= timeout < 1e6:
        raise bad_argument("timeout", f"{timeout} is no time to wait", "give seconds from 0")
    return float(timeout)


def in_a_loop() -> bool:
    """An event loop runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def refuse_in_a_loop() -> None:
    """Waiting would hold up what is waited for."""
    if in_a_loop():
        raise StateError(
            "waiting here would hold up the event loop that runs",
            code="would_deadlock",
            fix="await it instead",
        )


class Promise(Generic[T]):
    """A value to come, for threads and for event loops."""

    def __init__(self) -> None:
        """Without the value."""
        self._future: Future[T] = Future()
        # Who waits may be cancelled; the value comes nevertheless.
        self._future.set_running_or_notify_cancel()

    def done(self) -> bool:
        """It is here, or never comes."""
        return self._future.done()

    def give(self, value: T) -> None:
        """The value; a second one is nobody's."""
        if not self._future.done():
            self._future.set_result(value)

    def fail(self, error: Exception) -> None:
        """It never comes."""
        if not self._future.done():
            self._future.set_exception(error)

    def wait(self, timeout: float) -> bool:
        """Waits in this thread, and says whether it is here."""
        concurrent.futures.wait((self._future,), timeout)
        return self._future.done()

    async def wait_async(self, timeout: float) -> bool:
        """Waits in this loop, and says whether it is here."""
        mirror = asyncio.wrap_future(self._future)
        # Retrieved, so that the loop does not log what the caller raises.
        mirror.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.wait({mirror}, timeout=timeout)
        return self._future.done()

    def value(self) -> T:
        """What came."""
        return self._future.result(0)


class ToolResult:
    """The answer to a tool call that may still come: ``await`` it, or call :meth:`result` in a thread."""

    def __init__(self, call_id: str, name: str, timeout: float) -> None:
        """Made by ``MockService.simulate_tool_call``."""
        self._call_id, self._name, self._timeout = call_id, name, timeout
        self._promise: Promise[ToolOutput] = Promise()

    @property
    def call_id(self) -> str:
        """The call."""
        return self._call_id

    @property
    def name(self) -> str:
        """Name of the function."""
        return self._name

    def done(self) -> bool:
        """The client has answered, or is gone."""
        return self._promise.done()

    def result(self, timeout: Optional[float] = None) -> ToolOutput:
        """Waits for the answer in this thread, ``timeout`` seconds at most (default: the mock's).

        Raises :class:`MockTimeoutError`, and :class:`~duologue.StateError` when the connection ended before.
        """
        limit = seconds(timeout, self._timeout)
        if not self._promise.done():
            refuse_in_a_loop()
        return self._value(self._promise.wait(limit), limit)

    def __await__(self) -> Generator[Any, None, ToolOutput]:
        """Waits for the answer in an event loop, as long as the mock's ``timeout``."""
        return self._wait().__await__()

    def __repr__(self) -> str:
        """The call, and how far it is."""
        return f"<ToolResult of {self._name} ({self._call_id}): {'done' if self.done() else 'pending'}>"

    async def _wait(self) -> ToolOutput:
        return self._value(await self._promise.wait_async(self._timeout), self._timeout)

    def _value(self, came: bool, limit: float) -> ToolOutput:
        if came:
            return self._promise.value()
        raise MockTimeoutError(
            f"the client did not answer the call {self._call_id} of {self._name} within {limit:g} s",
            fix="is there a tool of that name, and does it return?",
        )

    def _answer(self, output: str) -> None:
        self._promise.give(ToolOutput(self._call_id, self._name, output))

    def _lose(self) -> None:
        message = f"the connection ended before the call {self._call_id} of {self._name} was answered"
        self._promise.fail(StateError(message, code="not_connected"))


class CallLog:
    """Calls in order, raw frames and audio, all bounded. Whoever calls holds the service's lock."""

    def __init__(self) -> None:
        """Empty."""
        self.calls: deque[Call] = deque(maxlen=MAX_CALLS)
        self.frames: deque[dict[str, Any]] = deque(maxlen=MAX_CALLS)
        self.audio = bytearray()
        #: The connection that is open, or was last.
        self.connection = 0
        self._count = 0
        self._seen: dict[str, int] = {}
        self._waiting: list[tuple[str, Promise[Call]]] = []

    def refused(self, error: Error) -> None:
        """Records a dial that came to nothing."""
        self._record("dial_refused", {"error": error}, 0)

    def add(self, name: str, **arguments: Any) -> None:
        """Records a call, and gives it to who waits for it first."""
        self._record(name, arguments, self.connection)

    def _record(self, name: str, arguments: dict[str, Any], connection: int) -> None:
        call = Call(name, arguments, self._count, connection)
        self._count += 1
        self.calls.append(call)
        for at, (wanted, promise) in enumerate(self._waiting):
            if wanted == name:
                del self._waiting[at]
                self._seen[name] = call.index
                promise.give(call)
                break

    def hear(self, pcm: bytes) -> None:
        """Records audio. What comes without another call in between is one call."""
        self.audio += pcm
        if len(self.audio) > MAX_AUDIO:
            del self.audio[: len(self.audio) - MAX_AUDIO]
        last = self.calls[-1] if self.calls else None
        if last is None or last.name != "send_audio" or last.connection != self.connection:
            self.add("send_audio", bytes=len(pcm), ms=len(pcm) // BYTES_PER_MS)
            return
        total = last["bytes"] + len(pcm)
        arguments = {"bytes": total, "ms": total // BYTES_PER_MS}
        self.calls[-1] = Call("send_audio", arguments, last.index, last.connection)

    def expect(self, name: str) -> Promise[Call]:
        """The next call of a name that nobody was given yet; perhaps it is here."""
        promise: Promise[Call] = Promise()
        seen = self._seen.get(name, -1)
        for call in self.calls:
            if call.name == name and call.index > seen:
                self._seen[name] = call.index
                promise.give(call)
                return promise
        self._waiting.append((name, promise))
        return promise

    def give_up(self, promise: Promise[Call]) -> None:
        """Nobody waits any more."""
        self._waiting = [waiting for waiting in self._waiting if waiting[1] is not promise]

    def told(self) -> str:
        """The calls in one line."""
        names: Iterator[str] = (call.name for call in list(self.calls)[-20:])
        return ", ".join(names) or "none"
