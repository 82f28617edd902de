"""Event streams: each a bounded queue of its own in the engine; and the one for asyncio."""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType
from typing import Any, Generic, Optional, TypeVar

from ._lib import take
from ._watch import BATCH, Watch
from .errors import ClosedError, Error, StateError
from .events import Event, StatusEvent

E_co = TypeVar("E_co", bound=Event, covariant=True)


class RunEnd:
    """Stands between the events of one run and those of the next."""

    def __init__(self, error: Optional[Error]) -> None:
        """What ended it, if it did not end in peace."""
        self.error = error


class Backlog:
    """What was taken from the engine and not given out yet. Both kinds of streams are made of it."""

    def __init__(self, client: Any, mask: int) -> None:
        """Subscribes."""
        self._wants_status = bool(mask & StatusEvent.bit)
        # The stream keeps its client alive.
        self._client: Optional[Any] = client
        self._queue: Optional[Any] = client._session.engine.event_queue(mask | StatusEvent.bit)
        self._events: deque[Any] = deque()
        # The session may have ended before: then its end is not in the queue.
        status = client.status
        self._ended = status.is_over and not (status.ended is not None and status.ended.by == "none")

    def _over(self) -> Optional[RunEnd]:
        """The end of a session that was over when the stream was made, as long as there is no other."""
        if not self._ended or self._client is None:
            return None
        status = self._client.status
        return RunEnd(status.error) if status.is_over else None

    def _fill(self) -> bool:
        """Takes what is there; true when there is something to give out. Raises `ClosedError` at the end."""
        for event in take(self._queue, BATCH):
            if type(event) is not StatusEvent:
                self._events.append(event)
                continue
            self._ended = False
            if self._wants_status:
                self._events.append(event)
            if event.status.is_over:
                self._events.append(RunEnd(event.status.error))
        return bool(self._events)

    def _give(self, stop: type[Exception]) -> Any:
        """The next event of those that are there; at the end of a run what ended it, or else `stop`."""
        event = self._events.popleft()
        if type(event) is RunEnd:
            raise stop if event.error is None else event.error
        return event

    def close(self) -> None:
        """Unsubscribes; what waits is forgotten. Who reads gets the end."""
        queue, self._queue, self._client = self._queue, None, None
        if queue is not None:
            queue.close()


class EventStream(Backlog, Generic[E_co]):
    """What happens to a client, in order, from when the stream was made. Made by :meth:`Client.events`.

    ``async for event in stream``; or ``await anext(stream)``. It stops when the session ends, and raises what
    ended it when that was an error. Iterate again to go on with the next one: nothing was lost. It is over for
    good when the client is closed. Streams are independent of each other. Each is bounded (1024 events, 300 s of
    audio): a stream nobody reads for long ends the session with ``host_too_slow``, so close what is not read any
    more; dropping it closes it too. One task at a time reads a stream, in any loop.
    """

    def __init__(self, client: Any, mask: int) -> None:
        """Used by the client."""
        super().__init__(client, mask)
        self._reading = False

    def __aiter__(self) -> EventStream[E_co]:
        """Itself."""
        return self

    async def __anext__(self) -> E_co:
        """The next event."""
        if not self._events:
            await self._more()
        event: E_co = self._give(StopAsyncIteration)
        return event

    def _take(self) -> bool:
        if self._queue is None:
            raise StopAsyncIteration
        try:
            return self._fill()
        except ClosedError:
            self.close()
            raise StopAsyncIteration from None

    async def _more(self) -> None:
        if self._reading:
            raise StateError(
                "another task reads this stream", fix="give each task a stream of its own with events()"
            )
        self._reading = True
        try:
            while not self._take():
                over = self._over()
                if over is not None:
                    self._events.append(over)
                    return
                await self._news()
        finally:
            self._reading = False

    async def _news(self) -> None:
        loop = asyncio.get_running_loop()
        news = loop.create_future()

        def tell() -> None:
            if not news.done():
                news.set_result(None)

        # Only while somebody waits: a descriptor stays readable until its events are taken.
        watch = Watch(loop, self._queue, tell)
        try:
            await news
        finally:
            watch.end()

    async def aclose(self) -> None:
        """The same as :meth:`close`, for ``contextlib.aclosing``."""
        self.close()

    async def __aenter__(self) -> EventStream[E_co]:
        """Itself."""
        return self

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        """Closes it."""
        self.close()
