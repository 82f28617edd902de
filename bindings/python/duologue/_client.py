"""The client for asyncio."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Optional, TypeVar, Union, overload

from . import _orders
from ._base import ClientBase
from ._stream import EventStream
from .events import AnyEvent, CallRef, Event, EventType, ToolCall, event_mask

C = TypeVar("C", bound="Client")
E1 = TypeVar("E1", bound=Event)
E2 = TypeVar("E2", bound=Event)
E3 = TypeVar("E3", bound=Event)
E4 = TypeVar("E4", bound=Event)


class Client(ClientBase):
    __doc__ = (
        (ClientBase.__doc__ or "").replace(
            "Nothing is dialled yet.",
            "Nothing is dialled yet: ``async with`` connects and closes, or :meth:`connect` and :meth:`close` do.",
        )
        + """
    Coroutines are awaited in the event loop that connected, and return when the engine has done what they say;
    everything else acts at once and from any thread. Errors are :class:`~duologue.Error`.
    """
    )

    async def __aenter__(self: C) -> C:
        """Connects; what fails leaves nothing behind."""
        try:
            await self.connect()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        """Closes."""
        await self.close()

    async def connect(self) -> None:
        """Dials and configures; returns when the service has confirmed, at most after 30 s.

        Cancelling it (``asyncio.timeout``, ``Task.cancel``) takes it back.
        """
        await self._session.connect()

    async def disconnect(self) -> None:
        """Ends the run, also while connecting. The client can connect again, the conversation stays."""
        await self._session.command(_orders.disconnect)

    async def close(self) -> None:
        """Disconnects and releases everything; doing it twice is no error.

        Waits for a listener that is running, however long it takes.
        """
        await self._session.close()

    async def send_text(self, text: str, *, respond: bool = True, interrupt: bool = False) -> None:
        """Adds a user message.

        :param respond: asks for an answer.
        :param interrupt: cuts the assistant off first.
        """
        await self._session.command(_orders.send_text(text, respond, interrupt))

    async def request_response(self, *, instructions: Optional[str] = None) -> None:
        """Asks for a response. ``instructions`` replace the session's own for this one."""
        await self._session.command(_orders.request_response(instructions))

    async def interrupt(self) -> None:
        """Cuts the assistant off; returns when the speaker is silent and the service was told."""
        await self._session.command(_orders.interrupt)

    async def submit_tool_result(
        self, call: Union[ToolCall, CallRef], output: object, *, is_error: bool = False
    ) -> None:
        """Answers a tool call that no function of ``tools`` answers. Text goes as it is, the rest as JSON."""
        await self._session.command(_orders.submit_tool_result(call, output, is_error))

    async def set_capture(self, on: bool) -> None:
        """Sends microphone audio to the service, or stops."""
        await self._session.command(_orders.set_capture(on))

    async def set_input_muted(self, muted: bool) -> None:
        """Sends silence instead of the microphone."""
        await self._session.command(_orders.set_input_muted(muted))

    async def send_raw(self, json: Union[str, Mapping[str, Any]]) -> None:
        """Sends one event of the vendor's protocol as it is."""
        await self._session.command(_orders.send_raw(json))

    @overload
    def events(self) -> EventStream[AnyEvent]: ...
    @overload
    def events(self, a: type[E1], /) -> EventStream[E1]: ...
    @overload
    def events(self, a: type[E1], b: type[E2], /) -> EventStream[Union[E1, E2]]: ...
    @overload
    def events(self, a: type[E1], b: type[E2], c: type[E3], /) -> EventStream[Union[E1, E2, E3]]: ...
    @overload
    def events(
        self, a: type[E1], b: type[E2], c: type[E3], d: type[E4], /
    ) -> EventStream[Union[E1, E2, E3, E4]]: ...
    @overload
    def events(
        self,
        a: type[Event],
        b: type[Event],
        c: type[Event],
        d: type[Event],
        e: type[Event],
        /,
        *more: type[Event],
    ) -> EventStream[AnyEvent]: ...
    @overload
    def events(self, *types: EventType) -> EventStream[AnyEvent]: ...
    def events(self, *types: Any) -> EventStream[Any]:
        """What happens from now on, of these classes or tags (default: everything).

        Every stream is independent and bounded; see :class:`~duologue.EventStream`. Kinds that are not asked for
        wake nobody.
        """
        return EventStream(self, event_mask(types))


connect = Client
