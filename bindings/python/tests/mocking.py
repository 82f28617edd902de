"""What tests with a mocked service share."""

from __future__ import annotations

import asyncio
from typing import Any

import duologue
from duologue.testing import MockService

#: 20 ms of microphone audio.
FRAME = b"\1\0" * 480
SECOND = b"\1\0" * 24000


def clean(client: Any) -> None:
    """The engine had nothing to complain about."""
    counted = client.stats().session
    found = {
        name: getattr(counted, name)
        for name in ("malformed", "unknown_events", "unknown_items", "duplicates")
    }
    assert set(found.values()) == {0}, found
    assert counted.odd_audio == 0 and counted.truncate_refused == 0


async def until(stream: Any, kind: type, **fields: Any) -> Any:
    """The next event of a kind with these fields."""

    async def search() -> Any:
        async for event in stream:
            assert not isinstance(event, (duologue.WarningEvent, duologue.ErrorEvent)), event
            if isinstance(event, kind) and all(getattr(event, key) == value for key, value in fields.items()):
                return event
        raise AssertionError("the stream ended")

    return await asyncio.wait_for(search(), 10)


def names(mock: MockService) -> list[str]:
    return [call.name for call in mock.calls]


def events_until_done(events: Any) -> list[duologue.Transcript]:
    found: list[duologue.Transcript] = []
    while True:
        event = events.next(5)
        assert event is not None
        if isinstance(event, duologue.TurnDone):
            return found
        found.append(event)
