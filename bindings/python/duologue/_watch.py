"""The engine's event queues in an asyncio loop: one wake-up a batch, no thread in between."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Callable

from ._lib import wakeup_fd
from .errors import ClosedError, UnsupportedError

BATCH = 256
"""Events taken at once."""


class Watch:
    """Calls `ready` in `loop` while `queue` has something, until it is ended.

    Loops that watch no descriptors (Windows' default one) are told by a thread that waits for the queue.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, queue: Any, ready: Callable[[], None]) -> None:
        """Begins."""
        self._loop, self._queue, self._ready = loop, queue, ready
        self._fd = -1
        self._over = False
        try:
            self._fd = wakeup_fd(queue)
            loop.add_reader(self._fd, ready)
        except (NotImplementedError, UnsupportedError):
            self._fd = -1
            self._taken = threading.Event()
            threading.Thread(target=self._wait, name="duologue-watch", daemon=True).start()

    def _wait(self) -> None:
        # Looks without taking: a queue gives its events to one reader, which is the loop.
        while not self._over:
            try:
                self._queue.wait(None)
            except ClosedError:
                self._over = True
            self._taken.clear()
            try:
                self._loop.call_soon_threadsafe(self._tell)
            except RuntimeError:
                return  # The loop is closed: nobody listens any more.
            self._taken.wait()

    def _tell(self) -> None:
        self._ready()
        self._taken.set()

    def end(self) -> None:
        """Ends in the loop's own thread."""
        self._over = True
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            self._fd = -1
        else:
            self._taken.set()

    def abandon(self) -> None:
        """Ends from anywhere, also when the loop is closed or will never run again."""
        # The queue stays until the loop has let go of its descriptor: its number might be somebody else's
        # by then.
        try:
            self._loop.call_soon_threadsafe(self.end)
        except RuntimeError:
            self._over = True
