"""A mocked service between the engine's network thread and the test's threads."""

from __future__ import annotations

import itertools
import json
import threading
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable, Optional, Union

from . import _mock_events as wire
from ._lib import native
from ._mock_calls import CallLog, ToolResult
from ._mock_vendor import Refusal, Vendor
from .errors import Error, HostError, StateError, bad_type

Reply = Union[str, Callable[[str], Optional[str]]]
_APPEND = '{"type":"input_audio_buffer.append"'


def not_connected() -> StateError:
    """Nobody is there to hear it."""
    return StateError(
        "no client is connected to the mocked service",
        code="not_connected",
        fix="connect a client with service=mock first",
    )


class Ids:
    """Ids of a service, in order."""

    def __init__(self) -> None:
        """From 1 for every kind."""
        self._last: dict[str, int] = {}

    def new(self, kind: str) -> str:
        """For example ``item_0001``."""
        self._last[kind] = number = self._last.get(kind, 0) + 1
        return f"{kind}_{number:04}"


class Core:
    """State of a mock: it lives as long as the mock or a client of it."""

    def __init__(self, reply: Optional[Reply]) -> None:
        """Nobody is connected."""
        self.log = CallLog()
        self.wished: dict[str, Any] = {}
        self.results: dict[str, ToolResult] = {}
        self.failure: Optional[BaseException] = None
        self.lock = threading.RLock()
        #: The engine's object, which the mock keeps. Not kept here: it keeps this object.
        self.line: Callable[[], Any] = lambda: None
        self._reply = reply
        self._vendor: Optional[Vendor] = None
        self.ids = Ids()
        self._connections = itertools.count(1)
        #: Items, and answers to calls, of earlier connections.
        self._known: set[str] = set()
        self._answered: set[str] = set()
        #: Dials to refuse: how many, and with what.
        self.refusals: deque[tuple[int, Error]] = deque()

    # The engine calls, on its network thread. Nothing is raised there.

    def dialled(self) -> Optional[Error]:
        """A client dials: what refuses it."""
        with self.lock:
            if not self.refusals:
                return None
            times, error = self.refusals.popleft()
            if times > 1:
                self.refusals.appendleft((times - 1, error))
            self.log.refused(error)
            return error

    def opened(self) -> list[str]:
        """A client has connected."""
        with self.lock:
            self._end()
            self.log.connection = next(self._connections)
            self._vendor = vendor = Vendor(self.log.connection, self.ids.new)
            self.log.add("connect")
            vendor.emit({"type": "session.created", "session": vendor.session})
            return self._answers()

    def received(self, frame: str) -> list[str]:
        """The client sent a frame."""
        with self.lock:
            vendor = self._vendor
            if vendor is None:
                return []
            try:
                self._take(vendor, frame)
            except Exception as error:
                self._failed(error)
                vendor.emit(
                    wire.error("server_error", "mock_failed", f"the mock failed: {error!r}", None, None)
                )
            answers = self._answers()
        # The test's own code runs without the lock.
        return answers + self.reply()

    def closed(self) -> None:
        """The client is gone."""
        with self.lock:
            self._end()

    # Frames

    def _take(self, vendor: Vendor, frame: str) -> None:
        try:
            event = json.loads(frame)
        except ValueError:
            event = None
        if not isinstance(event, dict) or not isinstance(event.get("type"), str):
            vendor.emit(wire.error("invalid_request_error", "invalid_event", "no event", None, None))
            return
        if not frame.startswith(_APPEND):
            self.log.frames.append(event)
        try:
            self._act(vendor, event["type"], event)
        except Refusal as refusal:
            told = (refusal.code, refusal.message, refusal.param, event.get("event_id"))
            vendor.emit(wire.error("invalid_request_error", *told))

    def _act(self, vendor: Vendor, kind: str, event: dict[str, Any]) -> None:
        log = self.log
        if kind == "input_audio_buffer.append":
            log.hear(vendor.append(event.get("audio")))
        elif kind == "input_audio_buffer.commit":
            log.add("stop_listening")
            vendor.commit()
        elif kind == "input_audio_buffer.clear":
            log.add("clear_input")
            vendor.clear()
        elif kind == "session.update":
            patch = event.get("session") or {}
            self.wished = wire.updated(self.wished, patch)
            log.add("session_update", session=patch)
            vendor.update_session(patch)
        elif kind == "conversation.item.create":
            self._created(vendor, event.get("item") or {}, event)
        elif kind == "response.create":
            options = event.get("response") or {}
            outside = options.get("conversation") == "none"
            about = {"instructions": options.get("instructions"), "out_of_band": outside}
            log.add("request_response", **about, response=options)
            vendor.request_response(options)
        elif kind == "response.cancel":
            log.add("interrupt", response_id=event.get("response_id"))
            vendor.cancel(event.get("response_id"))
        elif kind == "conversation.item.truncate":
            cut = (event.get("item_id", ""), event.get("content_index", 0), event.get("audio_end_ms", 0))
            log.add("truncate", item_id=cut[0], content_index=cut[1], audio_end_ms=cut[2])
            vendor.truncate(*cut)
        elif kind == "conversation.item.delete":
            log.add("delete", item_id=event.get("item_id"))
            vendor.delete(event.get("item_id", ""))
        else:
            log.add("send_raw", event=event)

    def _created(self, vendor: Vendor, item: dict[str, Any], event: dict[str, Any]) -> None:
        # The note and what was imported are no command of the program's either.
        again = item.get("type") == "message" and str(event.get("event_id")).startswith("told_")
        told = again or item.get("id") in self._known
        if told or (item.get("type") == "function_call_output" and item.get("call_id") in self._answered):
            # A client that came back tells what was said.
            self.log.add("replay", item=item)
            vendor.create_item(item, event.get("previous_item_id"))
        elif item.get("type") == "function_call_output":
            call_id, output = str(item.get("call_id")), str(item.get("output"))
            self._answered.add(call_id)
            self.log.add("submit_tool_result", call_id=call_id, output=output)
            vendor.create_item(item, event.get("previous_item_id"))
            vendor.last_input = output
            result = self.results.pop(call_id, None)
            if result is not None:
                result._answer(output)
        elif item.get("type") == "message":
            content = item.get("content") or ()
            text = "".join(str(part.get("text", "")) for part in content)
            pictures = [part["image_url"] for part in content if "image_url" in part]
            about = {"text": text, "role": item.get("role"), "item_id": item.get("id")}
            if pictures:
                self.log.add("send_image", image_url=pictures[0], **about)
            else:
                self.log.add("send_context" if item.get("role") == "system" else "send_text", **about)
            vendor.create_item(item, event.get("previous_item_id"))
            if item.get("role") != "system":
                vendor.last_input = text
        else:
            self.log.add("send_raw", event=event)
            vendor.create_item(item, event.get("previous_item_id"))

    # Answers

    def _answers(self) -> list[str]:
        """What the vendor says is sent in its order, whoever makes it say more meanwhile."""
        vendor = self._vendor
        if vendor is None:
            return []
        frames = [json.dumps(event, separators=(",", ":")) for event in vendor.out]
        vendor.out.clear()
        line = self.line()
        if line is None:
            # The mock was dropped, so nobody else sends.
            return frames
        try:
            for frame in frames:
                line.send(frame)
        except Error as error:
            # On the network thread: the client is closing, or reads nothing.
            if not isinstance(error, StateError):
                self._failed(error)
        return []

    def reply(self) -> list[str]:
        """Answers the responses that were opened, when the mock answers by itself."""
        frames: list[str] = []
        while True:
            with self.lock:
                vendor = self._vendor
                if vendor is None or self._reply is None:
                    return frames
                response = next((one for one in vendor.open_responses() if one.wants_reply), None)
                if response is None:
                    return frames
                response.wants_reply = False
            failure: Optional[BaseException] = None
            words: Optional[str] = None
            try:
                words = self._reply if isinstance(self._reply, str) else self._reply(response.asked)
                if words is not None and not isinstance(words, str):
                    raise bad_type("reply", "a function that returns text or None", words)
            except Exception as error:
                failure = error
            with self.lock:
                # Meanwhile the client may have cancelled it.
                there = self._vendor is vendor and any(one is response for one in vendor.open_responses())
                if failure is not None:
                    self._failed(failure)
                    if there:
                        code, message = "mock_failed", "the mock's reply failed"
                        told = {"type": "server_error", "code": code, "message": message}
                        vendor.fail(response, {"type": "failed", "error": told})
                elif there and words is not None:
                    vendor.answer(response, words)
                frames += self._answers()

    # The test's threads

    @contextmanager
    def saying(self) -> Iterator[Vendor]:
        """Lets the vendor say something to the client that is connected."""
        self.check()
        with self.lock:
            vendor = self._vendor
            if vendor is None:
                raise not_connected()
            try:
                yield vendor
            except BaseException:
                vendor.out.clear()
                raise
            self._send_all(vendor)

    def _send_all(self, vendor: Vendor) -> None:
        line = self.line()
        events = list(vendor.out)
        vendor.out.clear()
        try:
            for event in events:
                line.send(json.dumps(event, separators=(",", ":")))
        except StateError:
            self._end()
            raise not_connected() from None

    def end(self, code: Optional[int], reason: str) -> None:
        """The service closes the connection."""
        self.check()
        with self.lock:
            if self._vendor is None:
                raise not_connected()
            try:
                self.line().close(code, reason)
            except StateError:
                self._end()
                raise not_connected() from None
            self._end("service")

    def is_open(self) -> bool:
        """A client is connected."""
        with self.lock:
            return self._vendor is not None

    def told(self) -> str:
        """What a test is told that waits in vain."""
        with self.lock:
            vendor = self._vendor
            said = f"the last calls were: {self.log.told()}"
            if vendor is None:
                return f"{said}; no client is connected"
            if vendor.response is not None:
                return f"{said}; the response {vendor.response.id} is open, simulate what it says"
            return said

    @property
    def connected(self) -> bool:
        """As far as known, a client is connected."""
        return self._vendor is not None

    def check(self) -> None:
        """Raises what went wrong on the network thread."""
        with self.lock:
            failure, self.failure = self.failure, None
        if failure is not None:
            text = f"the mocked service failed: {type(failure).__name__}: {failure}"
            raise HostError(text, code="mock_failed", fix="see the cause") from failure

    def _failed(self, error: BaseException) -> None:
        if self.failure is None:
            self.failure = error

    def _end(self, by: str = "client") -> None:
        if self._vendor is None:
            return
        self._known.update(self._vendor.items)
        self._vendor = None
        self.log.add("close", by=by)
        if by == "service":
            # The answers may come on the next connection.
            return
        results, self.results = self.results, {}
        for result in results.values():
            result._lose()


class Adapter(native.Service):  # type: ignore[misc]
    """What the engine calls."""

    def __init__(self, core: Core) -> None:
        """The engine keeps it, and with it the core."""
        self._core = core

    def dialled(self) -> Any:
        """See `Core.dialled`."""
        error = self._core.dialled()
        if error is None:
            return None
        return native.ErrorInfo(
            _class=native.ErrorClass[error.error_class.upper()],
            code=error.code,
            number=0,
            message=error.message,
            field=error.field,
            fix=error.fix,
            provider_code=error.provider_code,
            fatal=error.fatal,
            retryable=error.retryable,
            retry_after_ms=error.retry_after_ms,
        )

    def opened(self) -> list[str]:
        """See `Core.opened`."""
        return self._core.opened()

    def received(self, frame: str) -> list[str]:
        """See `Core.received`."""
        return self._core.received(frame)

    def closed(self) -> None:
        """See `Core.closed`."""
        self._core.closed()


def make_line(core: Core) -> Any:
    """The engine's side of a core."""
    line = native.MockService(Adapter(core))
    core.line = weakref.ref(line)
    return line
