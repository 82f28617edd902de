"""A service for tests of your own program: no network, no key, no waiting.

Give a :class:`MockService` to a client, let it say what a model and a person would say, and look at what your
program did::

    mock = MockService()
    async with duologue.connect(service=mock, tools=[weather]) as client:
        result = mock.simulate_tool_call("weather", {"city": "Oslo"})
        assert (await result).json() == {"degrees": -3}

The client is a real one: turns, interruption, tools and history are the engine's. Only the vendor is played,
which speaks as OpenAI's Realtime API does. What the mock is told to say is sent at once, and handled by the
client on a thread of its own; so wait for an event of the client or for a call
(:meth:`MockService.wait_for`), and open ``client.events()`` before you simulate.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Callable, Literal, Optional, Union

from . import _mock_events as wire
from ._audio import Samples, samples
from ._json import plain
from ._mock_calls import (
    MAX_AUDIO,
    MAX_CALLS,
    NAMES,
    Call,
    MockTimeoutError,
    Promise,
    ToolOutput,
    ToolResult,
    refuse_in_a_loop,
    seconds,
)
from ._mock_core import Core, make_line
from ._orders import boolean, string, whole
from .errors import ERROR_CLASSES, Error, NetworkError, StateError, bad_argument, bad_type, near

__all__ = ["MAX_AUDIO", "MAX_CALLS", "Call", "MockService", "MockTimeoutError", "ToolOutput", "ToolResult"]

#: The longest audio of one call: what the engine keeps for a speaker.
_MAX_PCM = 300_000 * wire.BYTES_PER_MS


class MockService:
    """Plays OpenAI's Realtime API for one client at a time: ``duologue.connect(service=mock)``.

    A client that asks for a response gets one that waits for ``simulate_transcription(...,
    role="assistant")``, ``simulate_audio`` or ``simulate_tool_call``; with ``reply`` it is answered at once.
    Without a request they open a response of their own. Answers are speech, or text with
    ``output_modality="text"``. As with the vendor there is one response at a time: while one is open the
    client does not ask for another.

    Every method can be called from any thread. What goes wrong on the engine's thread, in ``reply`` above
    all, is told to the client as an error of the service, and raised (:class:`~duologue.HostError`) by the
    next method that simulates or waits, and by :meth:`check`.

    :param reply: what every response says, or a function that is given the newest words of the user, or the
        newest output of a tool, for a response outside the conversation its instructions, and returns what to
        say; None leaves the response to ``simulate_...``. It runs on the engine's network thread: it must not
        block.
    :param timeout: seconds that :meth:`wait_for` and a :class:`ToolResult` wait, unless told otherwise.
    """

    def __init__(
        self, *, reply: Union[str, Callable[[str], Optional[str]], None] = None, timeout: float = 5.0
    ) -> None:
        """See the class."""
        if reply is not None and not isinstance(reply, str):
            if not callable(reply):
                raise bad_type("reply", "text or a function", reply)
            if inspect.iscoroutinefunction(reply):
                raise bad_type("reply", "a function that is no coroutine function", reply)
        self._timeout = seconds(timeout, 5.0)
        self._core = Core(string("reply", reply) if isinstance(reply, str) else reply)
        self._line = make_line(self._core)

    def __repr__(self) -> str:
        """Its client."""
        return f"<duologue.testing.MockService {'connected' if self._core.connected else 'not connected'}>"

    # What the client did

    @property
    def connected(self) -> bool:
        """A client is connected."""
        return self._core.is_open()

    @property
    def calls(self) -> list[Call]:
        """What clients did, in order; the newest 10,000.

        By name, with their arguments:

        - ``dial_refused``: a dial came to nothing because of :meth:`refuse_dials`; ``error``
        - ``connect``: a connection was opened
        - ``session_update``: ``session``, what the client asked for
        - ``send_text``: ``text``, ``role``, ``item_id``
        - ``send_image``: ``image_url``, and ``text``, ``role``, ``item_id``
        - ``send_context``: ``text``, ``role``, ``item_id``
        - ``stop_listening``: a turn by hand was committed; what ``simulate_transcription`` said with ``final=False`` is
          what the user said
        - ``clear_input``: what was said is thrown away; a turn by hand begins with it, so wait for it before you
          simulate words of that turn
        - ``send_audio``: ``bytes`` and ``ms`` of microphone audio; one call until another comes between
        - ``request_response``: ``instructions``, ``out_of_band`` and the whole ``response``; by the method of that
          name, by ``send_text``, and when tools have answered
        - ``submit_tool_result``: ``call_id``, ``output``; also what tools return
        - ``interrupt``: ``response_id`` of a response that shall not be generated any further
        - ``truncate``: ``item_id``, ``content_index``, ``audio_end_ms``: how much of an answer was heard
        - ``delete``: ``item_id`` of an answer of which nothing was heard
        - ``replay``: an ``item`` of an earlier connection is told to this one
        - ``send_raw``: any other ``event``
        - ``close``: ``by`` whom the connection was ended, ``client`` or ``service``
        """
        self._core.is_open()
        with self._core.lock:
            return list(self._core.log.calls)

    def calls_named(self, name: str) -> list[Call]:
        """The calls of a name."""
        wanted = _call_name(name)
        return [call for call in self.calls if call.name == wanted]

    @property
    def frames(self) -> list[dict[str, Any]]:
        """The client's events as they were on the wire, without audio; the newest 10,000."""
        with self._core.lock:
            return list(self._core.log.frames)

    @property
    def session(self) -> dict[str, Any]:
        """The session object the client asked for, in the vendor's words: instructions, tools, voice."""
        with self._core.lock:
            copy: dict[str, Any] = json.loads(json.dumps(self._core.wished))
        return copy

    @property
    def audio(self) -> bytes:
        """Microphone audio that came: mono 16-bit samples at 24 kHz, little endian; the newest 32 MiB."""
        with self._core.lock:
            return bytes(self._core.log.audio)

    async def wait_for(self, name: str, timeout: Optional[float] = None) -> Call:
        """The first call of ``name`` that was not returned before; waits for it.

        Raises :class:`MockTimeoutError`, whose text says what the client did instead.
        """
        promise, limit = self._expect(name, timeout)
        try:
            await promise.wait_async(limit)
        except asyncio.CancelledError:
            with self._core.lock:
                self._core.log.give_up(promise)
            raise
        return self._called(name, promise, limit)

    def wait_for_blocking(self, name: str, timeout: Optional[float] = None) -> Call:
        """The same for threads without an event loop."""
        refuse_in_a_loop()
        promise, limit = self._expect(name, timeout)
        promise.wait(limit)
        return self._called(name, promise, limit)

    def _expect(self, name: str, timeout: Optional[float]) -> tuple[Promise[Call], float]:
        limit, wanted = seconds(timeout, self._timeout), _call_name(name)
        self.check()
        with self._core.lock:
            return self._core.log.expect(wanted), limit

    def _called(self, name: str, promise: Promise[Call], limit: float) -> Call:
        self.check()
        with self._core.lock:
            if promise.done():
                return promise.value()
            self._core.log.give_up(promise)
        raise MockTimeoutError(f"no new {name} within {limit:g} s", fix=self._core.told())

    def check(self) -> None:
        """Raises what went wrong on the engine's thread since the last time."""
        self._core.check()

    # What happens to the client

    def simulate_transcription(
        self, text: str, role: Literal["user", "assistant"] = "user", *, final: bool = True
    ) -> None:
        """Somebody says something.

        The user speaks a turn: speech starts and stops, and its words are recognized. If the session says so
        the answer that is being generated ends, and a response to the turn begins. The assistant answers with
        words that have no sound (:meth:`simulate_audio` has).

        :param final: False: ``text`` is the next piece, and more follows. The last call, with True, gives the
        whole
            text.
        """
        said, complete = string("text", text), boolean("final", final)
        if role not in ("user", "assistant"):
            raise bad_argument("role", f"{role!r} cannot be simulated", "use 'user' or 'assistant'")
        with self._core.saying() as vendor:
            if role == "assistant":
                vendor.say(wire.pieces(vendor.rest(said) if complete else said))
                if complete:
                    vendor.end_response()
                return
            if said and not vendor.transcribes:
                raise StateError(
                    "the session has no transcription of the user",
                    code="no_transcription",
                    fix="configure transcription, or simulate a turn without words: ''",
                )
            if complete:
                vendor.end_turn(said)
            else:
                vendor.partial(said)
        self._core.reply()
        self.check()

    def simulate_audio(self, pcm: Samples, *, transcript: str = "", final: bool = True) -> None:
        """The assistant speaks, in pieces of 100 ms that are sent at once, as fast as a real service is.

        :param pcm: mono 16-bit samples at 24 kHz, at most 300 s.
        :param transcript: the words, spread over the audio.
        :param final: False: the response goes on.
        """
        sound, words, complete = samples(pcm), string("transcript", transcript), boolean("final", final)
        if not sound:
            raise bad_argument("pcm", "has no samples", "use simulate_transcription for words without sound")
        if len(sound) % 2:
            raise bad_argument("pcm", f"{len(sound)} bytes are no whole 16-bit samples")
        if len(sound) > _MAX_PCM:
            raise bad_argument("pcm", "longer than 300 s", "simulate several responses")
        with self._core.saying() as vendor:
            vendor.say(wire.pieces(words), sound)
            if complete:
                vendor.end_response()

    def simulate_tool_call(
        self,
        name: str,
        arguments: Union[Mapping[str, Any], str],
        *,
        call_id: Optional[str] = None,
        final: bool = True,
    ) -> ToolResult:
        """The model calls a function.

        :param arguments: a mapping, or text that is told as it is, valid JSON or not.
        :param call_id: the vendor's id (default: one of the mock's).
        :param final: False: the response goes on, for example with another call.
        :returns: the answer to come.
        """
        function = string("name", name)
        if not function:
            raise bad_argument("name", "is empty", "give the name of a function")
        if isinstance(arguments, str):
            told = string("arguments", arguments)
        elif isinstance(arguments, Mapping):
            told = json.dumps(plain(arguments, "arguments"), ensure_ascii=False)
        else:
            raise bad_type("arguments", "a mapping or text", arguments)
        if call_id is not None and not string("call_id", call_id):
            raise bad_argument("call_id", "is empty", "leave it out")
        complete = boolean("final", final)
        with self._core.saying() as vendor:
            number = self._core.ids.new("call") if call_id is None else call_id
            if number in vendor.calls:
                raise bad_argument("call_id", f"{number!r} was used on this connection", "leave it out")
            result = ToolResult(number, function, self._timeout)
            self._core.results[number] = result
            vendor.call(number, function, told)
            if complete:
                vendor.end_response()
        return result

    def simulate_out_of_band(self, text: str) -> None:
        """The model answers the oldest open response outside the conversation: what ``client.ask`` waits for."""
        said = string("text", text)
        with self._core.saying() as vendor:
            if not vendor.outside:
                message = "no response outside the conversation is open"
                raise StateError(message, code="no_response", fix="wait for request_response first")
            vendor.answer(vendor.outside[0], said)

    def simulate_interruption(self) -> None:
        """The user begins to speak over the answer.

        The answer that is being generated ends, if the session says so. The client stops playing and says
        what was heard: a ``truncate``, or a ``delete``. The turn is completed by the next
        ``simulate_transcription``.
        """
        with self._core.saying() as vendor:
            if vendor.detection() is None:
                message = "the session detects no turns, so the service does not hear an interruption"
                raise StateError(message, code="no_turn_detection", fix="configure turn_detection")
            if vendor.turn is not None:
                raise StateError(
                    "the user speaks already", fix="complete the turn with simulate_transcription"
                )
            if vendor.response is None and not vendor.audio_ms:
                raise StateError("there is nothing to interrupt", fix="let the assistant speak first")
            vendor.start_turn()

    def simulate_error(
        self,
        code: str,
        message: str,
        *,
        error_type: str = "invalid_request_error",
        param: Optional[str] = None,
        event_id: Optional[str] = None,
    ) -> None:
        """The service reports an error.

        :param code: the vendor's code, for example ``session_expired``.
        :param param: the vendor's path of what is wrong.
        :param event_id: the client's event that caused it, from :attr:`frames`.
        """
        told = (string("error_type", error_type), string("code", code), string("message", message))
        about = None if param is None else string("param", param)
        cause = None if event_id is None else string("event_id", event_id)
        with self._core.saying() as vendor:
            vendor.emit(wire.error(*told, about, cause))

    def simulate_close(self, code: Optional[int] = None, reason: str = "") -> None:
        """The connection ends when the client has read what was sent before.

        After a break, and after codes like 1001 and 1011, the client connects to this mock again and tells it the
        conversation (``replay``), unless ``recovery={"reconnect": False}``; :meth:`refuse_dials` holds that up.

        :param code: the WebSocket close code, 1000 to 4999; None: the network breaks.
        """
        if code is not None:
            if not isinstance(code, int) or isinstance(code, bool):
                raise bad_type("code", "an int", code)
            if not 1000 <= code <= 4999:
                raise bad_argument("code", f"{code} is no close code", "give 1000 to 4999")
        self._core.end(code, string("reason", reason))

    def refuse_dials(self, times: int = 1, error: Optional[Error] = None) -> None:
        """Refuses the next dials, after those that are to be refused already.

        What refuses the first dial of a ``connect`` is raised by it. A client that has lost its connection tries
        again after what is ``retryable``; everything else ends its run.

        :param times: how many dials.
        :param error: with what. As a real service: ``CredentialError`` with the code ``auth`` for status 401,
            ``QuotaError`` with ``rate_limited`` and perhaps ``retry_after_ms`` for 429, ``NetworkError`` with
            ``connect_failed`` where nobody answers. Default: ``NetworkError`` with ``unavailable``, as 503.
        """
        count = whole("times", times)
        if error is None:
            error = NetworkError(
                "the service is unavailable (HTTP 503)",
                code="unavailable",
                fix="try again later",
                retryable=True,
            )
        elif not isinstance(error, Error):
            raise bad_type("error", "a duologue.Error", error)
        elif error.error_class not in ERROR_CLASSES:
            raise bad_argument("error", f"{error.error_class!r} is no class of errors")
        if count:
            with self._core.lock:
                self._core.refusals.append((count, error))

    def send(self, event: Mapping[str, Any]) -> None:
        """Sends an event of the vendor's as it is; an ``event_id`` is added when it has none."""
        if not isinstance(event, Mapping):
            raise bad_type("event", "a mapping", event)
        told = plain(event, "event")
        if not isinstance(told.get("type"), str):
            raise bad_type("event.type", "a string", told.get("type"))
        with self._core.saying() as vendor:
            vendor.emit(told)

    def __enter__(self) -> MockService:
        """Itself: ``with MockService() as mock`` raises at the end what went wrong on the engine's thread."""
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        """Checks, unless the block raised."""
        if kind is None:
            self.check()


def _call_name(name: str) -> str:
    wanted = string("name", name)
    if wanted not in NAMES:
        raise bad_argument("name", f"no call is named {wanted!r}", near(wanted, NAMES))
    return wanted
