"""Callbacks on the engine's threads."""

from __future__ import annotations

import logging
from typing import Any, Callable

from ._lib import native
from .errors import words

_log = logging.getLogger("duologue")


class Callback(native.EventListener):  # type: ignore[misc]
    """What the engine calls."""

    def __init__(self, function: Callable[[Any], object]) -> None:
        """Calls `function`."""
        self._function = function

    def on_event(self, event: Any) -> None:
        """Nothing but the engine's own exception leaves this."""
        try:
            self._function(event)
        except BaseException as error:
            _log.exception("a listener failed at a %s event; the session ends", event.type)
            raise native.HostError.Failed(reason=words(error)) from error


class Listener:
    """A callback that was added; :meth:`remove` ends it."""

    def __init__(self, session: Any, slot: int) -> None:
        """Used by the client."""
        self._session = session
        self._slot = slot

    def remove(self) -> None:
        """No call starts after this; outside callbacks it waits for the one that is running.

        Hold no lock here that the callback needs. Doing it twice is no error.
        """
        self._session.remove_listener(self, self._slot)
