"""What the clients for asyncio and for threads have in common: making one, and what acts at once."""

from __future__ import annotations

import inspect
import json
import weakref
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Callable, Literal, Optional, TypeVar, Union, cast, overload

from . import _lib
from ._analyser import Analyser, Levels, analyser, levels
from ._audio import Samples, samples
from ._capabilities import Capabilities
from ._credentials import Answer, Credential, CredentialFunction, secret
from ._listener import Listener
from ._options import Path, ToolLike, make_engine
from ._orders import boolean, instant, string, whole
from ._session import Session
from ._transcript import TranscriptDocument
from .config import (
    NOT_GIVEN,
    AudioConfig,
    AuthStyle,
    CredentialPolicy,
    Modality,
    NoiseReduction,
    NotGiven,
    RawEvents,
    ReasoningEffort,
    Recovery,
    SdpProxy,
    Tls,
    ToolChoice,
    ToolHandling,
    Transcription,
    TransportChoice,
    TurnDetection,
)
from .errors import bad_type
from .events import (
    AnyEvent,
    Availability,
    CredentialNeeded,
    Event,
    EventType,
    MediaStats,
    Message,
    Mode,
    SessionStats,
    State,
    Stats,
    Status,
    ToolCall,
    event_mask,
)

if TYPE_CHECKING:
    from .events import Direction
    from .testing import MockService

E1 = TypeVar("E1", bound=Event)


def _name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}".replace("duologue._client.", "duologue.")


def _request_id(request: Union[int, CredentialNeeded]) -> int:
    return request.request_id if isinstance(request, CredentialNeeded) else instant("request", request)


class ClientBase:
    """A voice session. It can connect, disconnect and connect again; the conversation stays until it is closed.

    Every keyword that is not described here is a key of the configuration document, described in
    :class:`~duologue.ConfigDocument`; what is left out has its default. Nothing is dialled yet.

    :param provider: who answers: ``openai``, ``gemini``, ``xai``, ``azure``, ``elevenlabs``, ``compatible``, or
        ``simulator`` for the offline one of ``pip install "duologue[simulator]"``, which needs no key.
    :param tools: functions the model may call, plain or coroutine functions: their schema comes from type hints
        and docstring, and they are run when the model calls. A mapping is an entry of the document; its calls
        come as :class:`~duologue.ToolCall` events to be answered with ``submit_tool_result``.
    :param api_key: the provider's key; default: the environment variable ``OPENAI_API_KEY``, or for ``gemini``
        ``GEMINI_API_KEY`` or ``GOOGLE_API_KEY``.
    :param credential: the same with its kind; or a function that gets one, plain or a coroutine function. It is called
        with a :class:`~duologue.CredentialRequest` at each dial, and ahead of expiry where ``credentials`` says so,
        and returns a key or a :class:`~duologue.Credential`; what it raises refuses.
    :param base_url: default: the environment variable ``DUOLOGUE_BASE_URL``, else the provider's.
    :param microphone: a WAV file that is heard in real time instead of what is pushed.
    :param speaker: a WAV file that is written, both sides of the conversation, in real time.
    :param service: a :class:`duologue.testing.MockService` instead of the network.
    :param on_undeclared_tool: called with each :class:`~duologue.ToolCall` of a function that is not in ``tools``;
        what it returns, or awaits and returns, is the answer. For tools that are declared elsewhere, in ``extra`` or
        a stored prompt. Without it the model is told that there is no such function.
    :param config: a configuration document, for example one that clients share. Keywords are merged over it: an
        object changes only what it names, everything else is replaced.
    """

    def __init__(
        self,
        provider: Union[str, NotGiven] = NOT_GIVEN,
        *,
        model: Union[str, NotGiven, None] = NOT_GIVEN,
        base_url: Union[str, NotGiven, None] = NOT_GIVEN,
        transport: Union[TransportChoice, NotGiven] = NOT_GIVEN,
        sdp_proxy: Union[SdpProxy, NotGiven, None] = NOT_GIVEN,
        auth: Union[AuthStyle, NotGiven] = NOT_GIVEN,
        instructions: Union[str, NotGiven, None] = NOT_GIVEN,
        voice: Union[str, NotGiven, None] = NOT_GIVEN,
        speed: Union[float, NotGiven, None] = NOT_GIVEN,
        output_modality: Union[Modality, NotGiven] = NOT_GIVEN,
        max_output_tokens: Union[int, Literal["inf"], NotGiven, None] = NOT_GIVEN,
        temperature: Union[float, NotGiven, None] = NOT_GIVEN,
        reasoning_effort: Union[ReasoningEffort, NotGiven, None] = NOT_GIVEN,
        turn_detection: Union[TurnDetection, NotGiven] = NOT_GIVEN,
        greeting: Union[str, NotGiven, None] = NOT_GIVEN,
        transcription: Union[Transcription, NotGiven, None] = NOT_GIVEN,
        noise_reduction: Union[NoiseReduction, NotGiven, None] = NOT_GIVEN,
        tools: Union[Iterable[ToolLike], NotGiven] = NOT_GIVEN,
        tool_choice: Union[ToolChoice, NotGiven] = NOT_GIVEN,
        parallel_tool_calls: Union[bool, NotGiven, None] = NOT_GIVEN,
        tool_handling: Union[ToolHandling, NotGiven] = NOT_GIVEN,
        credentials: Union[CredentialPolicy, NotGiven] = NOT_GIVEN,
        recovery: Union[Recovery, NotGiven] = NOT_GIVEN,
        audio: Union[AudioConfig, NotGiven] = NOT_GIVEN,
        auto_capture: Union[bool, NotGiven] = NOT_GIVEN,
        raw_events: Union[RawEvents, NotGiven] = NOT_GIVEN,
        tls: Union[Tls, NotGiven] = NOT_GIVEN,
        strict: Union[bool, NotGiven] = NOT_GIVEN,
        labels: Union[Mapping[str, str], NotGiven] = NOT_GIVEN,
        extra: Union[Mapping[str, Any], NotGiven] = NOT_GIVEN,
        api_key: Optional[str] = None,
        credential: Union[Credential, CredentialFunction, None] = None,
        microphone: Optional[Path] = None,
        speaker: Optional[Path] = None,
        service: Optional[MockService] = None,
        on_undeclared_tool: Optional[Callable[[ToolCall], object]] = None,
        config: Optional[Mapping[str, Any]] = None,
    ) -> None:
        """See the class."""
        keywords = {
            "provider": provider,
            "model": model,
            "base_url": base_url,
            "transport": transport,
            "sdp_proxy": sdp_proxy,
            "auth": auth,
            "instructions": instructions,
            "voice": voice,
            "speed": speed,
            "output_modality": output_modality,
            "max_output_tokens": max_output_tokens,
            "temperature": temperature,
            "reasoning_effort": reasoning_effort,
            "turn_detection": turn_detection,
            "greeting": greeting,
            "transcription": transcription,
            "noise_reduction": noise_reduction,
            "tool_choice": tool_choice,
            "parallel_tool_calls": parallel_tool_calls,
            "tool_handling": tool_handling,
            "credentials": credentials,
            "recovery": recovery,
            "audio": audio,
            "auto_capture": auto_capture,
            "raw_events": raw_events,
            "tls": tls,
            "strict": strict,
            "labels": labels,
            "extra": extra,
        }
        engine, self._tools = make_engine(
            keywords,
            tools=tools,
            api_key=api_key,
            credential=credential,
            microphone=microphone,
            speaker=speaker,
            service=service,
            on_undeclared_tool=on_undeclared_tool,
            config=config,
        )
        # Of the engine's events only what is needed wakes the loop.
        self._ask_credential = credential if callable(credential) else None
        self._session = Session(engine, self)
        # Not __del__, in which what this object is made of may be gone already. The session must not refer to
        # this object, nor to its tools, which may.
        self._dropped = weakref.finalize(self, self._session.abandon, _name(type(self)))

    def __repr__(self) -> str:
        """Its connection."""
        kind = "closed" if self._session.is_closed else self.status.kind
        return f"<{_name(type(self))} {kind}>"

    def set_credential(self, credential: Union[str, Credential]) -> None:
        """Replaces the secret for the next connect; a string is a key. Acts at once."""
        self._session.engine.set_credential(secret(credential).for_engine())

    def answer_credential(self, request: Union[int, CredentialNeeded], credential: Answer) -> None:
        """Answers a ``CredentialNeeded`` event, with ``credentials={"source": "asked"}``. Acts at once.

        Raises ``stale_request`` when it is not waited for any more, and what is wrong with the credential: then
        the request stays open for a better one. A function as ``credential`` does all this by itself.
        """
        self._session.engine.answer_credential(_request_id(request), secret(credential).for_engine())

    def refuse_credential(
        self, request: Union[int, CredentialNeeded], message: str, *, retryable: bool = False
    ) -> None:
        """Says why there is no credential: the connect fails, or, when it was asked for ahead, the call goes on."""
        why = string("message", message)
        self._session.engine.refuse_credential(_request_id(request), why, boolean("retryable", retryable))

    # Reading

    @property
    def closed(self) -> bool:
        """The client was closed: its status and its conversation can still be read, nothing else works."""
        return self._session.is_closed

    @property
    def status(self) -> Status:
        """The connection."""
        if self._session.is_closed:
            return self._session.state().status
        status: Status = self._session.engine.status()
        return status

    @property
    def mode(self) -> Mode:
        """One word for a user interface."""
        return self.state().mode if self._session.is_closed else cast(Mode, self._session.engine.mode())

    def state(self) -> State:
        """A snapshot: connection, speakers, conversation."""
        return self._session.state()

    def messages(self) -> tuple[Message, ...]:
        """The conversation in order, pending words included."""
        return self._session.state().messages

    def export_history(self) -> TranscriptDocument:
        """The conversation as a neutral document, in any status: to be kept, or given to another client.

        Plain values ready for ``json.dumps``; :class:`~duologue.TranscriptDocument` has the keys.
        """
        document: TranscriptDocument = json.loads(self._session.engine.export_history())
        return document

    def availability(self) -> Availability:
        """Whether a connect has a chance, and whether there is a microphone. Asks neither network nor device."""
        found = self._session.engine.availability()
        return Availability(found.credential, found.transport, found.microphone)

    def stats(self) -> Stats:
        """Counters since the client was made."""
        counted = json.loads(self._session.engine.stats())
        session, media = counted.pop("session"), counted.pop("media")
        return Stats(SessionStats(**session), media=media and MediaStats(**media), **counted)

    def capabilities(self) -> Capabilities:
        """What the provider and model can do."""
        found: Capabilities = json.loads(self._session.engine.capabilities())
        return found

    def config(self) -> dict[str, Any]:
        """The configuration document the client was made with, defaults filled in.

        Changes of a session are not in it.
        """
        document: dict[str, Any] = json.loads(self._session.engine.config())
        return document

    # Audio

    def push_audio(self, pcm: Samples, *, captured_at_us: Optional[int] = None) -> int:
        """Hands over microphone audio: mono 16-bit samples at ``audio.input.rate`` (default: the provider's).

        Copies and returns the frames taken: all, or none when half a second is waiting already. So push in
        real time, 20 ms at a time, and offer again what was not taken. Never blocks. From any thread, one at a
        time. While a lost connection comes back everything is taken, and ``recovery["pre_roll_ms"]`` of it kept.

        :param captured_at_us: when the first frame was captured, by :func:`duologue.clock_us`.
        """
        data = samples(pcm)
        if captured_at_us is None:
            return _lib.push_audio(self._session.engine, data)
        taken: int = self._session.engine.push_audio_at(data, instant("captured_at_us", captured_at_us))
        return taken

    def pull_audio(self, frames: int, *, audible_at_us: Optional[int] = None) -> tuple[bytes, int]:
        """Takes assistant audio to play now: ``frames`` of it, and how many of them are audio, the first ones.

        With ``audio={"output": {"delivery": "pull"}}``; at the pace at which it is played, at most 100 ms at
        once. The rest is silence. Never blocks. From any thread, one at a time.

        :param audible_at_us: when the first frame leaves the loudspeaker, by :func:`duologue.clock_us`.
        """
        engine, count = self._session.engine, whole("frames", frames)
        if audible_at_us is None:
            pulled = engine.pull_audio(count)
        else:
            pulled = engine.pull_audio_at(count, instant("audible_at_us", audible_at_us))
        return pulled.pcm, pulled.frames

    def report_playback(self, item: str, part: int, played_ms: int, latency_ms: int = 0) -> None:
        """Says how much of content part ``part`` of ``item`` has been given to the system to play.

        With ``audio={"output": {"positions": "reported"}}``: what is not reported was not heard. Never blocks.

        :param latency_ms: milliseconds until what was given is heard.
        """
        self._session.engine.report_playback(
            string("item", item),
            whole("part", part),
            whole("played_ms", played_ms),
            whole("latency_ms", latency_ms),
        )

    # Drawing

    def levels(self) -> Optional[Levels]:
        """How loud both directions are now, for whoever draws as often as the screen does; None when not connected.

        While a lost connection is coming back it goes on. The output is what was played. Of ``audio`` events it moves
        ten times a second of audio at most, and only when the engine has something to do, unless there is an analyser
        of it. Muting does not show. Never blocks.
        """
        return levels(self._session.engine.levels())

    def analyser(
        self,
        direction: Direction,
        *,
        fft_size: int = 2048,
        min_decibels: float = -100.0,
        max_decibels: float = -30.0,
        smoothing: float = 0.8,
    ) -> Analyser:
        """Looks at the microphone (``"input"``) or at what is played as a browser's ``AnalyserNode`` does.

        From here on the newest sound of that direction is kept for it, 256 KiB a direction, and of ``audio`` events
        all that it is given from here on.

        :param fft_size: frames looked at, a power of two from 32 to 32768. There are half as many frequencies.
        :param min_decibels: what the byte 0 stands for.
        :param max_decibels: what the byte 255 stands for.
        :param smoothing: how much of the reading before stays in each new one, 0 to 1.
        """
        return analyser(self._session.engine, direction, fft_size, min_decibels, max_decibels, smoothing)

    # Events

    @overload
    def add_listener(self, callback: Callable[[AnyEvent], object]) -> Listener: ...
    @overload
    def add_listener(self, callback: Callable[[E1], object], *types: type[E1]) -> Listener: ...
    @overload
    def add_listener(self, callback: Callable[[AnyEvent], object], *types: EventType) -> Listener: ...
    def add_listener(self, callback: Callable[..., object], *types: Any) -> Listener:
        """Calls ``callback`` with every event of ``types`` (default: all) on a thread of the engine.

        For programs without an event loop, and for what must not wait for one: audio. Calls of one client come
        in order and never at once. The callback may block, other clients do not wait for it, but its own ends
        with ``host_too_slow`` when 1024 events wait for more than five seconds. What it raises is logged, and
        ends the session with ``listener_panicked``. A callback that refers to the client keeps it alive until
        the client is closed. At most 32 at a time.
        """
        if not callable(callback):
            raise bad_type("callback", "a function", callback)
        if inspect.iscoroutinefunction(callback):
            fix = "read events() for that, or call asyncio.run_coroutine_threadsafe in it"
            raise bad_type("callback", "a function that is no coroutine function", callback, fix)
        return self._session.add_listener(callback, event_mask(types))
