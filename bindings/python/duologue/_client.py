"""The client for asyncio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Optional, TypeVar, Union, overload

from . import _orders
from ._ask import ask, load
from ._base import ClientBase
from ._requests import ImageDetail, ImageSource, InputText, ItemReference, ResponseOptions, SessionChanges
from ._stream import EventStream
from .errors import Error
from .events import AnyEvent, CallRef, Event, EventType, ToolCall, event_mask

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._transcript import TranscriptDocument

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
        """Ends the run, also while connecting or reconnecting. The client can connect again, the conversation stays."""
        await self._session.disconnect()

    async def close(self) -> None:
        """Disconnects and releases everything; doing it twice is no error.

        Waits for a listener that is running, however long it takes.
        """
        await self._session.close()

    async def start_listening(self) -> None:
        """Begins the user's turn by hand, with ``turn_detection={"mode": "manual"}`` (push to talk).

        The assistant is cut off, and the microphone goes to the service, beginning with the moment before this
        call. With the vendor's turn detection it only switches capturing on.
        """
        await self._session.command(_orders.start_listening)

    async def stop_listening(self) -> None:
        """Ends the user's turn by hand and asks for the answer.

        What is shorter than ``turn_detection.minimum_ms`` is thrown away, and :class:`~duologue.LimitError` with
        the code ``turn_too_short`` is raised. With the vendor's turn detection it switches capturing off, and what
        the user is in the middle of saying is answered.
        """
        await self._session.command(_orders.stop_listening)

    async def clear_input(self) -> None:
        """Forgets what the user said since the last turn."""
        await self._session.command(_orders.clear_input)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """The user's turn as a block: :meth:`start_listening`, and at its end :meth:`stop_listening`.

        A block that is left by an exception, or is cancelled, was no turn: what was said is thrown away.
        """
        await self.start_listening()
        try:
            yield
        except BaseException:
            with suppress(Error):
                await self._session.abandon_turn()
            raise
        await self.stop_listening()

    async def send_text(self, text: str, *, respond: bool = True, interrupt: bool = False) -> None:
        """Adds a user message.

        :param respond: asks for an answer.
        :param interrupt: cuts the assistant off first.
        """
        await self._session.command(_orders.send_text(text, respond, interrupt))

    async def send_image(
        self,
        image: ImageSource,
        *,
        text: Optional[str] = None,
        respond: bool = True,
        interrupt: bool = False,
        detail: Optional[ImageDetail] = None,
        mime_type: Optional[str] = None,
    ) -> None:
        """Adds a user message with a picture.

        What the service does not take is refused: ``image_too_large``, ``image_type``, ``image_url``.

        :param image: its bytes, the path of a file, or a URL.
        :param text: words to it.
        :param respond: asks for an answer.
        :param interrupt: cuts the assistant off first.
        :param detail: how closely the model looks.
        :param mime_type: for example ``image/png``; default: told from the picture itself.
        """
        picture = await load(image, mime_type, detail)
        await self._session.command(_orders.send_image(picture, text, respond, interrupt))

    async def send_video_frame(self, image: ImageSource, *, mime_type: Optional[str] = None) -> None:
        """Shows what a camera sees, for a model that takes frames (``capabilities.video_in``: Gemini, JPEG).

        About one a second; each is billed. The next spoken turn sees it, a typed one may not. It is no message of the
        history, and nothing waits for another connection: refused with ``not_connected`` then, elsewhere with
        ``video``.

        :param image: its bytes, or the path of a file.
        :param mime_type: default: told from the picture itself.
        """
        frame = await load(image, mime_type, None)
        await self._session.command(_orders.send_video_frame(frame))

    async def send_feedback(self, item: str, score: Optional[Literal["like", "dislike"]]) -> None:
        """Tells the service what the user thinks of an answer (``capabilities.feedback``: ElevenLabs).

        :param item: the message of the assistant, one of the newest of this connection.
        :param score: ``None`` takes it back.
        """
        await self._session.command(_orders.send_feedback(item, score))

    async def send_user_activity(self) -> None:
        """Says that the user is there and busy, typing for example: an agent that would speak into the silence waits.

        Good for a few seconds, so say it again while it lasts (``capabilities.user_activity``: ElevenLabs).
        """
        await self._session.command(_orders.send_user_activity())

    async def send_context(self, text: str) -> None:
        """Tells the model something, as a system message, without asking for an answer."""
        await self._session.command(_orders.send_context(text))

    async def say(self, text: str) -> None:
        """Has the assistant say this, after what is under way; returns when it begins.

        Where the vendor has no such command (OpenAI), the model is told to say it word for word, and may not.
        """
        await self._session.command(_orders.say(text))

    async def request_response(self, **options: Unpack[ResponseOptions]) -> str:
        """Asks for a response; returns its id when it has begun.

        Keywords are those of :class:`~duologue.ResponseOptions`: ``instructions`` (added to the session's own unless
        ``replace_instructions``), ``output_modality``, ``voice``, ``tools``, ``tool_choice``, ``max_output_tokens``,
        ``metadata``, ``out_of_band`` (no part of the conversation), ``audible``, ``input``. They are for this one
        response.
        """
        return await self._session.request_response(options)

    async def ask(
        self,
        instructions: str,
        *,
        replace_instructions: bool = False,
        input: Optional[Sequence[Union[ItemReference, InputText]]] = None,
        max_output_tokens: Optional[int] = None,
        metadata: Optional[Mapping[str, str]] = None,
    ) -> str:
        """Has the model write something beside the conversation, and returns the text.

        For example ``await client.ask("Summarize the call in one sentence.")``. The model knows the conversation,
        or what ``input`` says instead; the conversation does not learn of it. A failure of the service is raised
        as :class:`~duologue.ProviderError`.
        """
        options: ResponseOptions = {
            "instructions": instructions,
            "replace_instructions": replace_instructions,
            "input": input,
            "max_output_tokens": max_output_tokens,
            "metadata": metadata,
        }
        return await ask(self, options)

    async def update_session(
        self, changes: Optional[Mapping[str, Any]] = None, **keywords: Unpack[SessionChanges]
    ) -> None:
        """Changes the running session; returns when the service has confirmed.

        Keywords are those of :class:`~duologue.SessionChanges`, keys of the configuration document: ``instructions``,
        ``voice``, ``turn_detection``, ``tools`` and so on. Objects are merged, everything else is replaced, None gives
        the default back; a refusal leaves everything as it was. ``changes`` is the same as a mapping.

        Refused are other keys (``immutable_field``), another voice once the assistant has spoken (``voice_locked``)
        and another speed while a response is generated (``response_running``).
        """
        await self._session.update_session(changes, keywords)

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

    async def import_history(self, transcript: Union[str, TranscriptDocument, Mapping[str, Any]]) -> None:
        """Adds a conversation that was held elsewhere behind what there is, all of it or nothing.

        Only while not connected; the next connect tells it to the service. Names of messages and calls that services
        do not take (longer than 32 characters, or of others than letters, digits, ``_`` and ``-``), that are there
        twice or that this client could give itself are replaced; what was open is settled, and calls that ran are
        cancelled. Raises :class:`~duologue.ArgumentError` with the path of what is wrong, ``connected``, and
        :class:`~duologue.LimitError` (``history_full``) beyond 2000 messages, 8 MiB of text or 8 MiB of pictures.

        :param transcript: what :meth:`export_history` gives, or its JSON text.
        """
        await self._session.command(_orders.import_history(transcript))

    async def clear_history(self) -> None:
        """Forgets the conversation; only while not connected."""
        await self._session.command(_orders.clear_history)

    async def network_changed(self) -> None:
        """Says that the network is another one now: the connection is opened anew at once.

        Returns when that has begun; ``StatusEvent`` tells the rest. Refused with ``not_connected``, and with
        ``reconnect_off`` where ``recovery["reconnect"]`` is.
        """
        await self._session.command(_orders.network_changed)

    async def ping(self) -> float:
        """Measures the way to the service and back; returns seconds. At most 16 at a time.

        Refused with ``not_connected``, also while a lost connection comes back.
        """
        return await self._session.ping()

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
