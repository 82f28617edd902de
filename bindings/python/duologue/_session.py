"""A client's engine side: commands and their ends, tools, and the end of it all."""

from __future__ import annotations

import asyncio
import threading
import warnings
import weakref
from typing import TYPE_CHECKING, Any, Callable, Optional

from ._lib import native, take
from ._listener import Callback, Listener
from ._watch import BATCH, Watch
from .errors import ClosedError, Error, LimitError, StateError
from .events import Completed, State, ToolCall, ToolCancelled, ToolTimeout, event_mask

if TYPE_CHECKING:
    from .tools import Tool

_CLOSE_TIMEOUT = 10.0
_EXIT_TIMEOUT = 2.0
_SLOTS = 32
_MASK = event_mask((Completed, ToolCall, ToolCancelled, ToolTimeout))


def closed() -> ClosedError:
    """What every call gets that comes too late."""
    return ClosedError("the client is closed", fix="make another one")


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
        self._ops: dict[int, asyncio.Future[None]] = {}
        self._running: dict[tuple[int, str], asyncio.Task[None]] = {}
        self._last: Optional[State] = None
        self._slots: set[int] = set()
        self._slots_lock = threading.Lock()

    @property
    def engine(self) -> Any:
        """The engine's client."""
        engine = self._engine
        if engine is None:
            raise closed()
        return engine

    @property
    def is_closed(self) -> bool:
        """Nothing works any more."""
        return self._engine is None

    def state(self) -> State:
        """The snapshot; after the end the last one."""
        engine = self._engine
        if engine is None:
            assert self._last is not None
            return self._last
        state: State = engine.state()
        return state

    def _bind(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.get_running_loop()
        if self._loop is None:
            queue = self.engine.event_queue(_MASK)
            self._watch = Watch(loop, queue, self._ready)
            self._queue, self._loop = queue, loop
        elif self._loop is not loop:
            raise StateError(
                "the client is used by another event loop",
                code="wrong_loop",
                fix="await its methods in the loop that connected it, or use duologue.blocking",
            )
        return loop

    async def command(self, give: Callable[[Any], int]) -> None:
        """Gives a command and waits for its end."""
        loop = self._bind()
        op = give(self.engine)
        done: asyncio.Future[None] = loop.create_future()
        self._ops[op] = done
        try:
            await done
        finally:
            self._ops.pop(op, None)

    async def connect(self) -> None:
        """Connects; being cancelled takes it back."""
        try:
            await self.command(lambda engine: engine.connect())
        except asyncio.CancelledError:
            if self._engine is not None:
                self._engine.disconnect()
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
                task = self._running.get((event.call.epoch, event.call.id))
                if task is not None:
                    task.cancel()

    def _completed(self, event: Completed) -> None:
        done = self._ops.get(event.op)
        if done is None or done.done():
            return
        if event.error is None:
            done.set_result(None)
        else:
            done.set_exception(event.error)

    def _call(self, event: ToolCall) -> None:
        owner = self._owner()
        tool = None if owner is None else owner._tools.get(event.name)
        # Without a function of that name it is for who reads the events.
        if tool is None or self._loop is None:
            return
        task = self._loop.create_task(self._run(tool, event, owner))
        key = (event.call.epoch, event.call.id)
        self._running[key] = task
        task.add_done_callback(lambda _: self._running.pop(key, None))

    async def _run(self, tool: Tool, event: ToolCall, owner: Any) -> None:
        from .tools import ToolContext, run  # There already: the client has a tool.

        output, is_error = await run(tool, event, ToolContext(client=owner, call=event))
        engine = self._engine
        if engine is None:
            return
        try:
            call = native.CallRef(epoch=event.call.epoch, id=event.call.id)
            engine.submit_tool_result(call, output, is_error)
        except Error as error:
            _log_late_result(event, error)

    def add_listener(self, callback: Callable[[Any], object], mask: int) -> Listener:
        """See `Client.add_listener`."""
        engine = self.engine
        with self._slots_lock:
            slot = next((slot for slot in range(_SLOTS) if slot not in self._slots), None)
            if slot is None:
                raise LimitError(
                    f"the client has {_SLOTS} listeners",
                    code="too_many",
                    fix="remove one, or call several functions in one",
                )
            self._slots.add(slot)
        try:
            engine.set_listener(slot, mask, Callback(callback))
        except Error:
            self._slots.discard(slot)
            raise
        return Listener(self, slot)

    def remove_listener(self, slot: int) -> None:
        """See `Listener.remove`."""
        engine = self._engine
        if engine is not None:
            try:
                engine.set_listener(slot, 0, None)
            except ClosedError:
                return
            self._slots.discard(slot)

    async def close(self) -> None:
        """Disconnects, and releases everything the engine holds."""
        engine = self._engine
        if engine is None:
            return
        for task in list(self._running.values()):
            task.cancel()
        try:
            if self._loop is not None and not engine.status().is_over:
                await asyncio.wait_for(self.command(lambda e: e.disconnect()), _CLOSE_TIMEOUT)
        except (Error, asyncio.TimeoutError):
            # It ended by itself, or hangs: either way it is destroyed now.
            pass
        finally:
            if self._engine is not None:
                await self._destroy()

    async def _destroy(self) -> None:
        engine = self._release()
        if self._slots:
            # Waits for a listener that is running, which needs this thread's interpreter lock, or this loop.
            await asyncio.get_running_loop().run_in_executor(None, engine.destroy)
        else:
            engine.destroy()

    def _release(self) -> Any:
        engine = self._engine
        self._last = self.state()
        self._engine = None
        self._detach()
        return engine

    def _detach(self) -> None:
        """In the loop's own thread."""
        if self._watch is not None:
            self._watch.end()
            self._watch = None
        if self._queue is not None:
            self._queue.close()
            self._queue = None
        for done in self._ops.values():
            if not done.done():
                done.set_exception(closed())
        self._ops = {}

    def abandon(self, name: str) -> None:
        """The client object was dropped, or the program ends: from any thread, without waiting for anybody."""
        engine, self._engine = self._engine, None
        if engine is None:
            return
        over = engine.status().is_over
        if self._watch is not None:
            self._watch.abandon()
        if self._slots:
            # A listener that is running is waited for, elsewhere. A program that ends gives it a moment: later
            # it would find no interpreter.
            ending = threading.Thread(target=engine.destroy, name="duologue-end", daemon=True)
            ending.start()
            if self._owner() is not None:
                ending.join(_EXIT_TIMEOUT)
        else:
            engine.destroy()
        if not over and self._owner() is None:
            warnings.warn(f"unclosed <{name} connected>", ResourceWarning, stacklevel=2)


def _log_late_result(event: ToolCall, error: Error) -> None:
    import logging

    logging.getLogger("duologue").warning("the result of tool %s was not taken: %s", event.name, error)
