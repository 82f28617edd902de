"""A client's engine side: commands and their ends, tools, and the end of it all."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import threading
import time
import warnings
import weakref
from collections.abc import Mapping
from typing import Any, Callable, Optional

from . import _credentials, _lib, _orders, _requests
from ._lib import native, take
from ._listener import Callback, Listener
from ._watch import BATCH, Watch
from .errors import ClosedError, CredentialError, Error, LimitError, StateError
from .events import (
    Completed,
    CredentialNeeded,
    State,
    StatusEvent,
    ToolCall,
    ToolCancelled,
    ToolTimeout,
    event_mask,
)

_log = logging.getLogger("duologue")
_CLOSE_TIMEOUT = 10.0
_EXIT_TIMEOUT = 2.0
_SLOTS = 32
# A result nobody waits for any more.
_LATE = ("call_over", "stale_call")
_MASK = event_mask((Completed, ToolCall, ToolCancelled, ToolTimeout))
_CREDENTIALS = event_mask((CredentialNeeded, StatusEvent))


# The call that this task, or thread, is the tool of.
_serving: contextvars.ContextVar[Optional[tuple[int, str]]] = contextvars.ContextVar("serving", default=None)


def closed() -> ClosedError:
    """What every call gets that comes too late."""
    return ClosedError("the client is closed", fix="make another one")


def forked() -> StateError:
    """What a child process gets."""
    return StateError(
        "this process was forked from one that used duologue, whose threads are not here",
        code="forked",
        fix="start the process by multiprocessing's spawn, or import duologue only in the child",
    )


class Session:
    """What must outlive the client object when that is dropped without being closed.

    It belongs to the loop in which the first command was awaited.
    """

    def __init__(self, engine: Any, owner: Any) -> None:
        """A session over an engine's client."""
        self._engine: Optional[Any] = engine
        self._owner: weakref.ref[Any] = weakref.ref(owner)
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._watch: Optional[Watch] = None
        self._queue: Optional[Any] = None
        self._ops: dict[int, asyncio.Future[Completed]] = {}
        self._tools_of: dict[int, Any] = {}
        self._running: dict[tuple[int, str], asyncio.Task[None]] = {}
        self._asking: Optional[asyncio.Task[None]] = None
        self._hanging_up: Optional[tuple[int, str]] = None
        self._last: Optional[State] = None
        self._slots: dict[int, Listener] = {}
        self._closing: Optional[asyncio.Task[None]] = None
        # Of what any thread may do: the slots, and who is first.
        self._lock = threading.Lock()

    @property
    def engine(self) -> Any:
        """The engine's client."""
        engine = self._engine
        if engine is None:
            raise closed()
        if _lib.forked:
            raise forked()
        return engine

    @property
    def is_closed(self) -> bool:
        """Nothing works any more."""
        return self._engine is None

    @property
    def is_over(self) -> bool:
        """It is closed, and nobody is waited for any more."""
        return self._engine is None and (self._closing is None or self._closing.done())

    def state(self) -> State:
        """The snapshot; after the end the last one."""
        engine = self._engine
        if engine is None:
            if self._last is None:
                raise closed()
            return self._last
        state: State = engine.state()
        return state

    def _bind(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.get_running_loop()
        with self._lock:
            if self._loop is None:
                asks = getattr(self._owner(), "_ask_credential", None) is not None
                queue = self.engine.event_queue(_MASK | (_CREDENTIALS if asks else 0))
                self._watch = Watch(loop, queue, self._ready)
                self._queue, self._loop = queue, loop
        if self._loop is not loop:
            raise _wrong_loop()
        return loop

    async def command(self, give: Callable[[Any], int], tools: Any = None) -> Optional[str]:
        """Gives a command and waits for its end; the response that began with it, if one did.

        `tools`: those of that response.
        """
        return (await self._end_of(give, tools)).response

    async def ping(self) -> float:
        """See `Client.ping`."""
        return ((await self._end_of(_orders.ping)).round_trip_us or 0) / 1e6

    async def _end_of(self, give: Callable[[Any], int], tools: Any = None) -> Completed:
        """Gives a command and waits for its end."""
        loop = self._bind()
        op = give(self.engine)
        done: asyncio.Future[Completed] = loop.create_future()
        self._ops[op] = done
        if tools is not None:
            self._tools_of[op] = tools
        try:
            return await done
        finally:
            self._ops.pop(op, None)

    async def disconnect(self) -> None:
        """See `Client.disconnect`."""
        self._hanging_up = _serving.get()
        await self.command(_orders.disconnect)

    async def request_response(self, options: Mapping[str, Any]) -> str:
        """See `Client.request_response`."""
        text, tools = _requests.response_options(options)
        return await self.command(_orders.request_response(text), tools) or ""

    async def update_session(self, changes: Optional[Mapping[str, Any]], more: Mapping[str, Any]) -> None:
        """See `Client.update_session`."""
        text, tools = _requests.session_changes(changes, more)
        owner = self._owner()
        toolbox: Any = None if owner is None else owner._tools
        del owner
        if tools is None or toolbox is None:
            await self.command(_orders.update_session(text))
            return
        # The model may call them before the confirmation is told here.
        toolbox.expect(tools[0])
        await self.command(_orders.update_session(text))
        toolbox.replace(tools)

    async def abandon_turn(self) -> None:
        """Ends a turn that was none."""
        # Given together, so that nothing is said in between.
        ends = await asyncio.gather(
            self.command(_orders.clear_input), self.command(_orders.stop_listening), return_exceptions=True
        )
        for end in ends:
            if isinstance(end, BaseException) and getattr(end, "code", None) != "turn_too_short":
                raise end

    async def connect(self) -> None:
        """Connects; being cancelled takes it back."""
        try:
            await self.command(lambda engine: engine.connect())
        except asyncio.CancelledError:
            if self._engine is not None:
                self._engine.disconnect()
            raise
        except CredentialError as error:
            if error.code == "missing_key":
                error.field = "api_key"
                error.fix = (
                    'set OPENAI_API_KEY (gemini: GEMINI_API_KEY), or pass api_key; "simulator" needs none'
                )
            raise

    def _ready(self) -> None:
        try:
            events = take(self._queue, BATCH) if self._queue is not None else []
        except Error:
            # The engine ended the client.
            self._detach()
            return
        for event in events:
            if isinstance(event, Completed):
                self._completed(event)
            elif isinstance(event, ToolCall):
                self._call(event)
            elif isinstance(event, (ToolCancelled, ToolTimeout)):
                key = (event.call.epoch, event.call.id)
                task = self._running.get(key)
                # A tool may hang up and go on.
                if task is not None and key != self._hanging_up:
                    task.cancel()
            elif isinstance(event, CredentialNeeded):
                self._needed(event)
            elif isinstance(event, StatusEvent) and event.status.is_over:
                self._stop_asking()

    def _completed(self, event: Completed) -> None:
        tools, owner = self._tools_of.pop(event.op, None), self._owner()
        # Before the next event, which may be a call.
        if tools is not None and owner is not None and event.response is not None:
            owner._tools.of_response(event.response, tools)
        done = self._ops.get(event.op)
        if done is None or done.done():
            return
        if event.error is None:
            done.set_result(event)
        else:
            done.set_exception(event.error)

    def _call(self, event: ToolCall) -> None:
        owner = self._owner()
        tool = None if owner is None else owner._tools.find(event)
        # Without a function for it it is for who reads the events.
        if tool is None or self._loop is None:
            return
        task = self._loop.create_task(self._run(tool, event, owner))
        key = (event.call.epoch, event.call.id)
        self._running[key] = task
        task.add_done_callback(lambda _: self._running.pop(key, None))

    def _needed(self, event: CredentialNeeded) -> None:
        owner, loop = self._owner(), self._loop
        self._stop_asking()
        if owner is None or loop is None:
            return
        config = owner.config()
        left = max(0, event.deadline_ms - event.time_ms) / 1000
        request = _credentials.CredentialRequest(
            event.request_id, event.reason, left, config["provider"], config["model"]
        )
        self._asking = loop.create_task(_credentials.answer(self._engine, owner._ask_credential, request))

    def _stop_asking(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None

    async def _run(self, tool: Any, event: ToolCall, owner: Any) -> None:
        from .tools import ToolContext, run  # There already: the client has a tool.

        context = None if tool.context_parameter is None else ToolContext(client=owner, call=event)
        # The client may be dropped while the tool runs.
        del owner
        _serving.set((event.call.epoch, event.call.id))
        # How long it may take, the engine watches: then this task is cancelled.
        answer: tuple[str, bool] = await run(tool, event, context, watched=True)
        call = native.CallRef(epoch=event.call.epoch, id=event.call.id)
        try:
            await self.command(lambda engine: engine.submit_tool_result(call, *answer))
        except ClosedError:
            return
        except Error as error:
            # Late is no failure: it took too long or the connection is gone, and everybody was told.
            if error.code not in _LATE:
                _log.error("the result of tool %s was not taken: %s", event.name, error)

    def add_listener(self, callback: Callable[[Any], object], mask: int) -> Listener:
        """See `Client.add_listener`."""
        engine = self.engine
        with self._lock:
            slot = next((slot for slot in range(_SLOTS) if slot not in self._slots), None)
            if slot is None:
                raise LimitError(
                    f"the client has {_SLOTS} listeners",
                    code="too_many",
                    fix="remove one, or call several functions in one",
                )
            listener = self._slots[slot] = Listener(self, slot)
        try:
            engine.set_listener(slot, mask, Callback(callback))
        except Error:
            with self._lock:
                self._slots.pop(slot, None)
            raise
        return listener

    def remove_listener(self, listener: Listener, slot: int) -> None:
        """See `Listener.remove`."""
        engine = self._engine
        # The slot is free only when the engine has let go of it. Who removes twice must not meet a successor.
        if engine is not None and self._slots.get(slot) is listener:
            try:
                engine.set_listener(slot, 0, None)
            except ClosedError:
                return
            with self._lock:
                if self._slots.get(slot) is listener:
                    del self._slots[slot]

    async def close(self) -> None:
        """Disconnects, and releases everything the engine holds. All who call it wait for the same end."""
        loop = self._loop
        if loop is not None and loop is not asyncio.get_running_loop() and loop.is_running():
            raise _wrong_loop()
        if loop is None or loop is not asyncio.get_running_loop():
            # Never used, or its loop is over: there is nobody to disconnect with.
            await self._destroy(loop is None)
            return
        if self._closing is None:
            self._closing = loop.create_task(self._close(_serving.get()))
        await asyncio.shield(self._closing)

    async def _close(self, caller: Optional[tuple[int, str]]) -> None:
        self._hanging_up = caller
        for key, task in list(self._running.items()):
            if key != caller:
                task.cancel()
        try:
            if self._engine is not None and not self._engine.status().is_over:
                await asyncio.wait_for(self.command(lambda e: e.disconnect()), _CLOSE_TIMEOUT)
        except (Error, asyncio.TimeoutError):
            # It ended by itself, or hangs: either way it is destroyed now.
            pass
        finally:
            await self._destroy(True)

    async def _destroy(self, alive: bool) -> None:
        """`alive`: the loop this belongs to is the one that runs."""
        engine = self._engine
        if engine is None:
            return
        self._last = engine.state()
        recording = engine.recording_error()
        if recording is not None:
            _log.error("the recording of the conversation ended early: %s", recording)
        self._engine = None
        try:
            if alive:
                self._detach()
            elif self._watch is not None:
                self._watch.abandon()
        finally:
            if self._slots:
                # It waits for a listener that is running, which needs the interpreter, or this loop. Not in the
                # loop's executor, where tools may stand before it.
                await _in_thread(engine.destroy)
            else:
                engine.destroy()

    def _detach(self) -> None:
        """In the loop's own thread."""
        if self._watch is not None:
            self._watch.end()
            self._watch = None
        if self._queue is not None:
            self._queue.close()
            self._queue = None
        self._stop_asking()
        for done in self._ops.values():
            if not done.done():
                done.set_exception(closed())
        self._ops = {}

    def abandon(self, name: str) -> None:
        """The client object was dropped, or the program ends: from any thread, without waiting for anybody."""
        engine = self._engine
        if engine is None or _lib.forked:
            return
        self._last = engine.state()
        self._engine = None
        over, ending = self._last.status.is_over, self._owner() is not None
        if self._watch is not None:
            self._watch.abandon()
        if self._slots:
            # A listener that is running is waited for, elsewhere. A program that ends gives all of them together
            # a moment: later they would find no interpreter.
            thread = threading.Thread(target=engine.destroy, name="duologue-end", daemon=True)
            thread.start()
            if ending:
                thread.join(_time_left())
        else:
            engine.destroy()
        if not over and not ending:
            warnings.warn(f"unclosed <{name} connected>", ResourceWarning, stacklevel=2)


def _wrong_loop() -> StateError:
    return StateError(
        "the client is used by another event loop",
        code="wrong_loop",
        fix="await its methods in the loop that connected it, or use duologue.blocking",
    )


_exit_until = 0.0


def _time_left() -> float:
    """Seconds a program that ends waits, for all its clients together."""
    global _exit_until
    _exit_until = _exit_until or time.monotonic() + _EXIT_TIMEOUT
    return max(0.0, _exit_until - time.monotonic())


async def _in_thread(work: Callable[[], object]) -> None:
    """Waits for `work` in a thread of its own, which holds up neither the loop nor the end of the program."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def finish() -> None:
        if not done.done():
            done.set_result(None)

    def run_it() -> None:
        work()
        # Without a loop nobody waits any more.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(finish)

    threading.Thread(target=run_it, name="duologue-end", daemon=True).start()
    await done
