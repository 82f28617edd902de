"""Event streams for asyncio: each a bounded queue of its own in the engine."""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType
from typing import Any, Generic, Optional, TypeVar

from ._lib import take
from ._watch import BATCH, Watch
from .errors import ClosedError, StateError
from .events import Event

E_co = TypeVar("E_co", bound=Event, covariant=True)


class EventStream(Generic[E_co]):
    """What happens to a client, in order, from when the stream was made. Made by :meth:`Client.events`.

    ``async for event in stream``; or ``await anext(stream)``. It goes on over disconnects, since a client may
    connect again, and ends when the client is closed. Streams are independent of each other. Each is bounded
    (1024 events, 300 s of audio): a stream nobody reads for long ends the session with ``host_too_slow``, so
    close what is not read any more; dropping it closes it too. One task at a time reads a stream, in any loop.
    """

    def __init__(self, client: object, queue: Any) -> None:
        """Used by the client."""
        # The stream keeps its client alive.
        self._client: Optional[object] = client
        self._queue: Optional[Any] = queue
        self._events: deque[Any] = deque()
        self._reading = False

    def __aiter__(self) -> EventStream[E_co]:
        """Itself."""
        return self

    async def __anext__(self) -> E_co:
        """The next event."""
        if not self._events:
            await self._more()
        event: E_co = self._events.popleft()
        return event

    def _take(self) -> bool:
        if self._queue is None:
            raise StopAsyncIteration
        try:
            self._events.extend(take(self._queue, BATCH))
        except ClosedError:
            self.close()
            raise StopAsyncIteration from None
        return bool(self._events)

    async def _more(self) -> None:
        if self._reading:
            raise StateError(
                "another task reads this stream", fix="give each task a stream of its own with events()"
            )
        self._reading = True
        try:
            while not self._take():
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

    def close(self) -> None:
        """Unsubscribes; what waits is forgotten. A task that reads gets the end."""
        queue, self._queue, self._client = self._queue, None, None
        if queue is not None:
            queue.close()

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
