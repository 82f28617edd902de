"""The same client for programs without asyncio: the same names, calls that wait.

Coroutines that tools are made of, and what commands wait for, run in one event loop on a thread of its own
(``duologue-loop``), which all blocking clients share. Reading events and pushing audio use no thread.
"""

from __future__ import annotations

import asyncio
import select
import sys
import threading
import time
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Literal, Optional, TypeVar, Union, overload

from . import _orders
from ._ask import ask, load
from ._base import ClientBase
from ._lib import in_listener, wakeup_fd
from ._requests import ImageDetail, ImageSource, InputText, ItemReference, ResponseOptions, SessionChanges
from ._stream import Backlog
from .errors import ClosedError, Error, StateError, bad_argument, bad_type
from .events import AnyEvent, CallRef, Event, EventType, ToolCall, event_mask

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._transcript import TranscriptDocument

__all__ = ["Client", "EventStream", "connect"]

C = TypeVar("C", bound="Client")
E1 = TypeVar("E1", bound=Event)
E2 = TypeVar("E2", bound=Event)
E3 = TypeVar("E3", bound=Event)
E4 = TypeVar("E4", bound=Event)
E_co = TypeVar("E_co", bound=Event, covariant=True)
T = TypeVar("T")

# What poll() can count, in seconds: then it is looked again.
_LONGEST = 1_000_000.0

_lock = threading.Lock()
_loop: Optional[asyncio.AbstractEventLoop] = None


def _shared_loop() -> asyncio.AbstractEventLoop:
    global _loop
    with _lock:
        if _loop is None:
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="duologue-loop", daemon=True).start()
            _loop = loop
        return _loop


def _refuse_in_a_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise StateError(
        "a blocking client would hold up the event loop that runs here",
        code="would_deadlock",
        fix="use duologue.Client, or asyncio.to_thread",
    )


def _wait(work: Coroutine[Any, Any, T]) -> T:
    """Runs `work` in the shared loop. Control-C cancels it."""
    try:
        _refuse_in_a_loop()
    except StateError:
        work.close()
        raise
    future = asyncio.run_coroutine_threadsafe(work, _shared_loop())
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


def _seconds(timeout: Optional[float]) -> Optional[float]:
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise bad_type("timeout", "seconds", timeout)
    if not timeout >= 0:
        raise bad_argument(
            "timeout", f"{timeout} is no time to wait", "give seconds from 0, or None for ever"
        )
    return float(min(timeout, 1e12))


class EventStream(Backlog, Generic[E_co]):
    """What happens to a client, in order, from when the stream was made. Made by :meth:`Client.events`.

    ``for event in stream`` waits for each; :meth:`next` waits for a time. It stops when the session ends, and
    raises what ended it when that was an error. Iterate again to go on with the next one: nothing was lost. It is
    over for good when the client is closed. Streams are independent of each other. Each is bounded (1024 events,
    300 s of audio): a stream nobody reads for long ends the session with ``host_too_slow``, so close what is not
    read any more. One thread at a time reads a stream.
    """

    def __iter__(self) -> EventStream[E_co]:
        """Itself."""
        return self

    def __next__(self) -> E_co:
        """The next event; waits for it."""
        event = self._next(None)
        assert event is not None
        return event

    def next(self, timeout: Optional[float] = None) -> Optional[E_co]:
        """The next event; None when ``timeout`` seconds passed without one, or when the session ended.

        A time of zero only looks.
        """
        try:
            return self._next(_seconds(timeout))
        except StopIteration:
            return None

    def _next(self, timeout: Optional[float]) -> Optional[E_co]:
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._events:
            queue = self._queue
            if queue is None:
                raise StopIteration
            try:
                if self._fill():
                    break
                over = self._over()
                if over is not None:
                    self._events.append(over)
                    break
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return None
                _sleep_on(queue, left)
            except ClosedError:
                self.close()
                raise StopIteration from None
        event: E_co = self._give(StopIteration)
        return event

    def __enter__(self) -> EventStream[E_co]:
        """Itself."""
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        """Closes it."""
        self.close()


def _sleep_on(queue: Any, timeout: Optional[float]) -> None:
    """Until there is something. In Python's own call, so that Control-C works."""
    if sys.platform == "win32":
        # No descriptor to wait for: Control-C is looked for between short waits.
        queue.wait(200 if timeout is None else max(1, int(min(timeout, 0.2) * 1000)))
        return
    poll = select.poll()
    poll.register(wakeup_fd(queue), select.POLLIN)
    poll.poll(None if timeout is None else max(1, int(min(timeout, _LONGEST) * 1000)))


class Client(ClientBase):  # noqa: D101 - it has one
    __doc__ = (
        (ClientBase.__doc__ or "").replace(
            "Nothing is dialled yet.",
            "Nothing is dialled yet: ``with`` connects and closes, or do it with :meth:`connect` and :meth:`close`.",
        )
        + """
    Methods may be called from any thread; commands return when the engine has done what they say. Errors are
    :class:`~duologue.Error`. Not for code that runs in an event loop: it is refused there.
    """
    )

    def __enter__(self: C) -> C:
        """Connects; what fails leaves nothing behind."""
        _refuse_in_a_loop()
        try:
            self.connect()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        """Closes."""
        self.close()

    def connect(self) -> None:
        """Dials and configures; returns when the service has confirmed, at most after 30 s.

        Control-C takes it back.
        """
        _wait(self._session.connect())

    def disconnect(self) -> None:
        """Ends the run, also while connecting or reconnecting. The client can connect again, the conversation stays."""
        _wait(self._session.disconnect())

    def close(self) -> None:
        """Disconnects and releases everything; doing it twice is no error.

        Waits for a listener that is running, however long it takes: hold no lock here that it needs. Inside a
        listener, of any client, it waits for nobody and returns at once.
        """
        if in_listener():
            # It would wait for itself.
            asyncio.run_coroutine_threadsafe(self._session.close(), _shared_loop())
        elif not self._session.is_over:
            _wait(self._session.close())

    def start_listening(self) -> None:
        """Begins the user's turn by hand, with ``turn_detection={"mode": "manual"}`` (push to talk).

        The assistant is cut off, and the microphone goes to the service, beginning with the moment before this
        call. With the vendor's turn detection it only switches capturing on.
        """
        _wait(self._session.command(_orders.start_listening))

    def stop_listening(self) -> None:
        """Ends the user's turn by hand and asks for the answer.

        What is shorter than ``turn_detection.minimum_ms`` is thrown away, and :class:`~duologue.LimitError` with
        the code ``turn_too_short`` is raised. With the vendor's turn detection it switches capturing off, and what
        the user is in the middle of saying is answered.
        """
        _wait(self._session.command(_orders.stop_listening))

    def clear_input(self) -> None:
        """Forgets what the user said since the last turn."""
        _wait(self._session.command(_orders.clear_input))

    @contextmanager
    def turn(self) -> Iterator[None]:
        """The user's turn as a block: :meth:`start_listening`, and at its end :meth:`stop_listening`.

        A block that is left by an exception was no turn: what was said is thrown away.
        """
        self.start_listening()
        try:
            yield
        except BaseException:
            with suppress(Error):
                _wait(self._session.abandon_turn())
            raise
        self.stop_listening()

    def send_text(self, text: str, *, respond: bool = True, interrupt: bool = False) -> None:
        """Adds a user message.

        :param respond: asks for an answer.
        :param interrupt: cuts the assistant off first.
        """
        _wait(self._session.command(_orders.send_text(text, respond, interrupt)))

    def send_image(
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
        picture = _wait(load(image, mime_type, detail))
        _wait(self._session.command(_orders.send_image(picture, text, respond, interrupt)))

    def send_video_frame(self, image: ImageSource, *, mime_type: Optional[str] = None) -> None:
        """Shows what a camera sees, for a model that takes frames (``capabilities.video_in``: Gemini, JPEG).

        About one a second; each is billed. The next spoken turn sees it, a typed one may not. It is no message of the
        history, and nothing waits for another connection: refused with ``not_connected`` then, elsewhere with
        ``video``.

        :param image: its bytes, or the path of a file.
        :param mime_type: default: told from the picture itself.
        """
        frame = _wait(load(image, mime_type, None))
        _wait(self._session.command(_orders.send_video_frame(frame)))

    def send_feedback(self, item: str, score: Optional[Literal["like", "dislike"]]) -> None:
        """Tells the service what the user thinks of an answer (``capabilities.feedback``: ElevenLabs).

        :param item: the message of the assistant, one of the newest of this connection.
        :param score: ``None`` takes it back.
        """
        _wait(self._session.command(_orders.send_feedback(item, score)))

    def send_user_activity(self) -> None:
        """Says that the user is there and busy, typing for example: an agent that would speak into the silence waits.

        Good for a few seconds, so say it again while it lasts (``capabilities.user_activity``: ElevenLabs).
        """
        _wait(self._session.command(_orders.send_user_activity()))

    def send_context(self, text: str) -> None:
        """Tells the model something, as a system message, without asking for an answer."""
        _wait(self._session.command(_orders.send_context(text)))

    def say(self, text: str) -> None:
        """Has the assistant say this, after what is under way; returns when it begins.

        Where the vendor has no such command (OpenAI), the model is told to say it word for word, and may not.
        """
        _wait(self._session.command(_orders.say(text)))

    def request_response(self, **options: Unpack[ResponseOptions]) -> str:
        """Asks for a response; returns its id when it has begun.

        Keywords are those of :class:`~duologue.ResponseOptions`: ``instructions`` (added to the session's own unless
        ``replace_instructions``), ``output_modality``, ``voice``, ``tools``, ``tool_choice``, ``max_output_tokens``,
        ``metadata``, ``out_of_band`` (no part of the conversation), ``audible``, ``input``. They are for this one
        response.
        """
        return _wait(self._session.request_response(options))

    def ask(
        self,
        instructions: str,
        *,
        replace_instructions: bool = False,
        input: Optional[Sequence[Union[ItemReference, InputText]]] = None,
        max_output_tokens: Optional[int] = None,
        metadata: Optional[Mapping[str, str]] = None,
    ) -> str:
        """Has the model write something beside the conversation, and returns the text.

        For example ``client.ask("Summarize the call in one sentence.")``. The model knows the conversation,
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
        return _wait(ask(self, options))

    def update_session(
        self, changes: Optional[Mapping[str, Any]] = None, **keywords: Unpack[SessionChanges]
    ) -> None:
        """Changes the running session; returns when the service has confirmed.

        Keywords are those of :class:`~duologue.SessionChanges`, keys of the configuration document: ``instructions``,
        ``voice``, ``turn_detection``, ``tools`` and so on. Objects are merged, everything else is replaced, None gives
        the default back; a refusal leaves everything as it was. ``changes`` is the same as a mapping.

        Refused are other keys (``immutable_field``), another voice once the assistant has spoken (``voice_locked``)
        and another speed while a response is generated (``response_running``).
        """
        _wait(self._session.update_session(changes, keywords))

    def interrupt(self) -> None:
        """Cuts the assistant off; returns when the speaker is silent and the service was told."""
        _wait(self._session.command(_orders.interrupt))

    def submit_tool_result(
        self, call: Union[ToolCall, CallRef], output: object, *, is_error: bool = False
    ) -> None:
        """Answers a tool call that no function of ``tools`` answers. Text goes as it is, the rest as JSON."""
        _wait(self._session.command(_orders.submit_tool_result(call, output, is_error)))

    def set_capture(self, on: bool) -> None:
        """Sends microphone audio to the service, or stops."""
        _wait(self._session.command(_orders.set_capture(on)))

    def set_input_muted(self, muted: bool) -> None:
        """Sends silence instead of the microphone."""
        _wait(self._session.command(_orders.set_input_muted(muted)))

    def import_history(self, transcript: Union[str, TranscriptDocument, Mapping[str, Any]]) -> None:
        """Adds a conversation that was held elsewhere behind what there is, all of it or nothing.

        Only while not connected; the next connect tells it to the service. Names of messages and calls that services
        do not take (longer than 32 characters, or of others than letters, digits, ``_`` and ``-``), that are there
        twice or that this client could give itself are replaced; what was open is settled, and calls that ran are
        cancelled. Raises :class:`~duologue.ArgumentError` with the path of what is wrong, ``connected``, and
        :class:`~duologue.LimitError` (``history_full``) beyond 2000 messages, 8 MiB of text or 8 MiB of pictures.

        :param transcript: what :meth:`export_history` gives, or its JSON text.
        """
        _wait(self._session.command(_orders.import_history(transcript)))

    def clear_history(self) -> None:
        """Forgets the conversation; only while not connected."""
        _wait(self._session.command(_orders.clear_history))

    def network_changed(self) -> None:
        """Says that the network is another one now: the connection is opened anew at once.

        Returns when that has begun; ``StatusEvent`` tells the rest. Refused with ``not_connected``, and with
        ``reconnect_off`` where ``recovery["reconnect"]`` is.
        """
        _wait(self._session.command(_orders.network_changed))

    def ping(self) -> float:
        """Measures the way to the service and back; returns seconds. At most 16 at a time.

        Refused with ``not_connected``, also while a lost connection comes back.
        """
        return _wait(self._session.ping())

    def send_raw(self, json: Union[str, Mapping[str, Any]]) -> None:
        """Sends one event of the vendor's protocol as it is."""
        _wait(self._session.command(_orders.send_raw(json)))

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

        Every stream is independent and bounded. Kinds that are not asked for wake nobody.
        """
        return EventStream(self, event_mask(types))


connect = Client
