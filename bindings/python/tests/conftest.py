"""A service in this process that confirms everything and says what a test tells it to."""

from __future__ import annotations

import asyncio
import gc
import inspect
import json
import threading
from collections.abc import Iterator
from typing import Any, Callable, Optional

import duologue
import pytest
from duologue import blocking
from duologue._lib import native


class Polite(native.Service):
    """Knows as much of the protocol as a client needs to be content."""

    def __init__(self, *, silent: bool = False) -> None:
        self._line = native.MockService(self)
        self._silent = silent
        self._frames: list[dict[str, Any]] = []
        self._news = threading.Condition()
        self._ids = 0

    def dialled(self) -> None:
        """Nobody is refused."""

    def opened(self) -> list[str]:
        with self._news:
            self._frames.append({"type": "opened"})
            self._news.notify_all()
        return [] if self._silent else [self._frame("session.created", session={})]

    def received(self, frame: str) -> list[str]:
        event = json.loads(frame)
        with self._news:
            self._frames.append(event)
            self._news.notify_all()
        kind = event["type"]
        if kind == "session.update" and not self._silent:
            return [self._frame("session.updated", session=event["session"])]
        if kind == "conversation.item.create":
            item = {"status": "completed", **event["item"]}
            return [
                self._frame("conversation.item.added", item=item),
                self._frame("conversation.item.done", item=item),
            ]
        return []

    def closed(self) -> None:
        with self._news:
            self._frames.append({"type": "closed"})
            self._news.notify_all()

    def _frame(self, kind: str, **fields: Any) -> str:
        self._ids += 1
        return json.dumps({"type": kind, "event_id": f"event_{self._ids}", **fields})

    def say(self, kind: str, **fields: Any) -> None:
        self._line.send(self._frame(kind, **fields))

    def hang_up(self, code: Optional[int] = None) -> None:
        self._line.close(code, "")

    def heard(self, kind: str, matching: Callable[[dict[str, Any]], bool] = lambda _: True) -> dict[str, Any]:
        """The first frame of a kind, when it has come."""
        found: list[dict[str, Any]] = []

        def look() -> bool:
            found.extend(f for f in self._frames if f["type"] == kind and matching(f))
            return bool(found)

        with self._news:
            assert self._news.wait_for(look, timeout=60), f"no {kind} came"
        return found[0]

    def call_tool(
        self, name: str, arguments: str, call_id: str = "call_1", response: str = "R", metadata: Any = None
    ) -> None:
        """The model calls a function; `metadata` is that of the request for the response."""
        item = {"id": f"item_{call_id}", "type": "function_call", "name": name, "call_id": call_id}
        whole = {**item, "arguments": arguments, "status": "completed"}
        begun = {"id": response, "status": "in_progress", "metadata": metadata}
        self.say("response.created", response=begun)
        self.say(
            "response.output_item.added", response_id=response, output_index=0, item={**item, "arguments": ""}
        )
        self.say("conversation.item.added", item={**item, "arguments": ""})
        self.say(
            "response.function_call_arguments.done",
            response_id=response,
            item_id=item["id"],
            output_index=0,
            call_id=call_id,
            name=name,
            arguments=arguments,
        )
        self.say("response.output_item.done", response_id=response, output_index=0, item=whole)
        self.say("conversation.item.done", item=whole)
        self.say("response.done", response={"id": response, "status": "completed", "output": [whole]})

    def answer(self, call_id: str = "call_1") -> str:
        """What the client answered to a call."""
        frame = self.heard("conversation.item.create", lambda f: f["item"].get("call_id") == call_id)
        text: str = frame["item"]["output"]
        return text

    def write(self, text: str, response: str = "R", item: str = "A") -> None:
        """A written answer."""
        of = {"response_id": response, "item_id": item, "output_index": 0, "content_index": 0}
        whole = {"id": item, "type": "message", "role": "assistant"}
        self.say("response.created", response={"id": response})
        self.say("response.output_item.added", response_id=response, item=whole)
        self.say("response.content_part.added", **of, part={"type": "text", "text": ""})
        for word in text.split(" "):
            self.say("response.output_text.delta", **of, delta=word + " ")
        self.say("response.output_text.done", **of, text=text)
        self.say("response.done", response={"id": response, "status": "completed"})


MARK = "c4n4ry"
"""In every key and token of the tests, as in tests/common/canary.rs: whatever shows it has leaked it."""


def _looked_at(name: str) -> None:
    """Everything of a type that comes out of the engine is looked at."""
    converter = getattr(native, f"_UniffiFfiConverterType{name}")
    read = converter.read

    def looking(stream: Any) -> Any:
        value = read(stream)
        shown = repr(value) + str(value)
        if MARK in shown:
            _leaks.append(f"{name}: {shown}")
        return value

    converter.read = staticmethod(looking)


_leaks: list[str] = []
for _name in ("Event", "ErrorInfo", "DuologueError", "Status", "Message", "State"):
    _looked_at(_name)


class Either:
    """A client of either kind, used alike."""

    def __init__(self, style: str) -> None:
        self.loop = asyncio.new_event_loop() if style == "asyncio" else None
        self.make: Any = duologue.connect if self.loop else blocking.connect

    def do(self, work: Any) -> Any:
        return self.loop.run_until_complete(work) if self.loop and inspect.isawaitable(work) else work


@pytest.fixture(params=["asyncio", "threads"])
def either(request: Any) -> Iterator[Either]:
    style = Either(request.param)
    yield style
    if style.loop:
        style.loop.close()


@pytest.fixture
def service() -> Polite:
    return Polite()


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No client outlives its test, and no callback of the engine raised into nothing."""
    import sys

    unhandled: list[Any] = []
    before = sys.unraisablehook
    sys.unraisablehook = lambda info: unhandled.append((info.exc_value, info.object))
    try:
        yield
        gc.collect()
        assert duologue.live_clients() == 0
    finally:
        sys.unraisablehook = before
    assert unhandled == []
    assert _leaks == [], "a secret was shown"
