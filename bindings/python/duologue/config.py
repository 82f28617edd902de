"""The configuration document as types, and how one is put together from keywords.

The document is plain JSON and the same in every language: each :class:`ConfigDocument` key is a keyword of
:func:`duologue.connect`. Its JSON Schema is :func:`duologue.config_schema`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Optional, TypedDict, Union

from ._json import plain
from .errors import bad_argument, bad_type, near

__all__ = [
    "NOT_GIVEN",
    "AudioConfig",
    "AudioDelivery",
    "AudioInput",
    "AudioOutput",
    "AudioSource",
    "AuthStyle",
    "ConfigDocument",
    "CredentialPolicy",
    "CredentialSource",
    "Delivery",
    "Eagerness",
    "Modality",
    "NoiseReduction",
    "NotGiven",
    "Positions",
    "RawEvents",
    "ReasoningEffort",
    "Recovery",
    "Scheduling",
    "SdpForm",
    "SdpProxy",
    "Tls",
    "ToolChoice",
    "ToolChoiceFunction",
    "ToolDefinition",
    "ToolHandling",
    "Transcription",
    "TranscriptionDelay",
    "TransportChoice",
    "TurnDetection",
    "UndeclaredTools",
    "VadMode",
    "build_document",
]

AudioDelivery = Literal["events", "pull"]
"""How a host gets the assistant's audio: as it comes, or when it takes it with ``pull_audio``."""
AudioSource = Literal["host", "device", "none"]
"""Who has the audio: the host, the audio device given to the client, or nobody."""
AuthStyle = Literal["header", "subprotocol"]
"""How the credential travels in the WebSocket handshake."""
CredentialSource = Literal["given", "asked"]
"""Who provides the credential: it was given before connecting, or the host is asked at each dial."""
Delivery = Literal["callbacks", "queue"]
"""How a host without event streams gets events. The Python package chooses it itself."""
Eagerness = Literal["auto", "low", "medium", "high"]
"""How soon a pause counts as the end of a turn: the vendor's middle, or from patient to eager."""
Modality = Literal["audio", "text"]
"""Spoken or written."""
NoiseReduction = Literal["near_field", "far_field"]
"""The vendor's noise suppression: a microphone close to the mouth, or across the room."""
Positions = Literal["estimated", "reported"]
"""Who says what was heard of audio the host plays: the engine, or the host with ``report_playback``."""
RawEvents = Literal["none", "unknown", "all"]
"""Which vendor events become ``raw`` events: none, those not understood, or all but audio."""
ReasoningEffort = Literal["minimal", "low", "medium", "high", "xhigh"]
"""How much the model thinks before it answers."""
SdpForm = Literal["sdp", "multipart", "json"]
"""How a server takes the offer of a call: alone, in a form with the session, or in a JSON object."""
TranscriptionDelay = Literal["minimal", "low", "medium", "high", "xhigh"]
"""How long a transcriber may wait for context."""
TransportChoice = Literal["websocket", "webrtc", "auto"]
"""Which transport carries the conversation: events and audio over one WebSocket; a call over WebRTC; or a call, and a
WebSocket where no path for one is found within 2 s or the service takes no calls
(:class:`~duologue.TransportChanged`)."""
UndeclaredTools = Literal["refuse", "host"]
"""What becomes of a call of a function that is not in ``tools``: the model is told so, or the host gets it."""
VadMode = Literal["server", "semantic", "manual"]
"""Who decides when the user's turn ends: the vendor by loudness and silence, the vendor by what was said, or the
host with ``start_listening`` and ``stop_listening`` (push to talk)."""


class AudioInput(TypedDict, total=False):
    """The microphone's direction."""

    source: AudioSource
    """Who has the audio; ``host``."""
    rate: Optional[int]
    """Host audio only: frames a second of what is pushed, 8000 to 192000. Default: the provider's."""


class AudioOutput(TypedDict, total=False):
    """The speaker's direction."""

    source: AudioSource
    """Who has the audio; ``host``."""
    rate: Optional[int]
    """Host audio only: frames a second of what is delivered, 8000 to 192000. Default: the provider's."""
    delivery: AudioDelivery
    """Host audio only: how the host gets it; ``events``."""
    positions: Positions
    """Host audio only: who says what was heard; ``estimated``."""


class AudioConfig(TypedDict, total=False):
    """Audio in and out."""

    input: AudioInput
    """From the microphone."""
    output: AudioOutput
    """To the speaker."""
    level_events: bool
    """Measure loudness and tell it in ``audio_level`` events; on."""


class _SdpProxyUrl(TypedDict):
    url: str
    """Where offers are posted: ``https``, or ``http`` on this machine."""


class SdpProxy(_SdpProxyUrl, total=False):
    """The application's own server, which takes the offer of a call to the service and keeps the vendor's key.

    The client's credential is the application's own then, a bearer token; without one nothing is sent.
    """

    form: SdpForm
    """What it takes; ``sdp``."""


class Tls(TypedDict, total=False):
    """Transport security. There is no way to switch verification off."""

    extra_roots: Sequence[str]
    """Certificates (PEM text) trusted beside the platform's."""


Scheduling = Literal["wait", "when_idle", "interrupt", "silent"]
"""What the model does with the result of a call: waits for it and answers it; talks on and speaks of it when it has
nothing else to say; breaks off to speak of it; takes note of it without speaking of it."""


class _ToolName(TypedDict):
    name: str
    """1 to 64 letters, digits, ``_`` or ``-``."""


class ToolDefinition(_ToolName, total=False):
    """A function the model may call, as the document has it."""

    description: Optional[str]
    """When and how to use it."""
    parameters: Optional[Mapping[str, Any]]
    """JSON Schema of the arguments (an object schema). Absent: no arguments. A call whose arguments do not fit is
    answered with an error and never reaches the host."""
    output_schema: Optional[Mapping[str, Any]]
    """JSON Schema of the result. A result that does not fit reaches the model as an error. The vendor does not see
    it."""
    timeout_ms: Optional[int]
    """How long a call may take, 1 to 3600000 milliseconds. Absent: ``tool_handling.timeout_ms``."""
    scheduling: Optional[Scheduling]
    """What the model does with the result. Absent: it waits for it and answers it."""


class ToolChoiceFunction(TypedDict):
    """One tool and no other."""

    function: str
    """Its name."""


ToolChoice = Union[Literal["auto", "none", "required"], ToolChoiceFunction]
"""Whether tools may be called: the model decides, never, always some tool, or this one."""


class ToolHandling(TypedDict, total=False):
    """How calls are handled."""

    timeout_ms: int
    """How long a call may take, 1 to 3600000 milliseconds; then the model is told that it took too long. 30000."""
    result_max_length: int
    """Characters of a result that reach the model, 256 to 262144. A longer one is cut, stays valid JSON and says
    that and how much was cut. 16384."""
    undeclared: UndeclaredTools
    """Calls of functions that are not in ``tools``; ``refuse``."""
    mute_input: bool
    """The vendor hears silence while calls run; off."""
    approve: Sequence[str]
    """ElevenLabs only: tools of MCP servers that may run when the agent asks for approval. Any other is refused then,
    with the warning ``tool_not_approved``."""


class Transcription(TypedDict, total=False):
    """Transcription of the user's speech."""

    model: str
    """The vendor's transcription model."""
    language: Optional[str]
    """ISO-639-1 code of the language, when known."""
    languages: Sequence[str]
    """Languages that may be spoken, as ISO-639-1 codes; instead of ``language``."""
    keywords: Sequence[str]
    """Words to expect: names, terms."""
    prompt: Optional[str]
    """Hints for the transcriber."""
    delay: Optional[TranscriptionDelay]
    """How long the transcriber may wait for context."""


class TurnDetection(TypedDict, total=False):
    """When the user's turn begins and ends. Absent fields keep the vendor's defaults."""

    mode: VadMode
    """Who decides; ``server``."""
    threshold: Optional[float]
    """``server`` only: 0 to 1; higher needs louder speech."""
    prefix_padding_ms: Optional[int]
    """``server``: audio kept from before speech was noticed, milliseconds. ``manual``: audio kept from before
    ``start_listening``, 0 to 2000; 300."""
    silence_duration_ms: Optional[int]
    """``server`` only: silence that ends a turn, milliseconds."""
    idle_timeout_ms: Optional[int]
    """``server`` only: the vendor speaks up when nobody said anything for so long, 5000 to 30000 milliseconds.
    Absent: never."""
    eagerness: Optional[Eagerness]
    """``semantic`` only: how soon a pause counts as the end."""
    minimum_ms: Optional[int]
    """``manual`` only: the shortest turn, 100 to 10000 milliseconds; what is shorter is thrown away. 100."""
    create_response: bool
    """The end of a turn is answered; on. Off: ask with ``request_response``."""
    interrupt_response: bool
    """The user's speech (``manual``: ``start_listening``) cuts the assistant off; on."""


class CredentialPolicy(TypedDict, total=False):
    """How the client gets its credential."""

    source: CredentialSource
    """Who provides it; ``given``."""
    timeout_ms: int
    """``asked`` only: how long the host may take to answer, 100 to 120000 milliseconds; 15000."""
    refresh_ahead: bool
    """``asked`` only: a new one is asked for before the present one expires; off. A failure keeps the call."""
    ephemeral_only: bool
    """Long-lived keys are refused: for programs that others can take apart. Off but on phones."""


class Recovery(TypedDict, total=False):
    """What happens when the connection is lost or its session is about to end."""

    reconnect: bool
    """A connection that is lost is opened again and told what was said; on. Off: the session ends with an error."""
    max_attempts: int
    """Tries in a row, 1 to 1000; 10."""
    max_offline_ms: int
    """How long without a connection before the session ends, 1000 to 3600000 milliseconds; 60000."""
    pre_roll_ms: int
    """Microphone audio kept while there is no connection, 0 to 30000 milliseconds; 5000. The newest is sent when there
    is one again."""
    rollover: bool
    """The next session is opened before the vendor ends this one, and taken between two turns; on."""
    context_note: Optional[str]
    """Told to the model behind the conversation it is given in a new session, 1 to 4096 bytes: without it a model may
    greet again, or change the language. None: nothing is told."""


class ConfigDocument(TypedDict, total=False):
    """What a session shall be. There is no secret in it."""

    provider: str
    """Who answers; ``openai``."""
    model: Optional[str]
    """The vendor's model name. Default: the provider's."""
    base_url: Optional[str]
    """Base URL of the service, ``https`` or (loopback only) ``http``. Default: the provider's."""
    transport: TransportChoice
    """How the service is reached; ``websocket``."""
    sdp_proxy: Optional[SdpProxy]
    """Where calls are offered, if not at the service itself. Only with ``transport`` ``webrtc``."""
    auth: AuthStyle
    """How the credential travels in the WebSocket handshake; ``header``."""
    instructions: Optional[str]
    """The system prompt. Absent: the vendor's own."""
    voice: Optional[str]
    """The vendor's voice name. Default: the provider's."""
    speed: Optional[float]
    """Speed of speech, 0.25 to 1.5."""
    output_modality: Modality
    """Spoken or written answers; ``audio``."""
    max_output_tokens: Union[int, Literal["inf"], None]
    """Upper bound of generated tokens a response, 1 to 4096. Absent or ``"inf"``: no bound."""
    temperature: Optional[float]
    """Randomness of the answers, 0 to 2, where the model has it."""
    reasoning_effort: Optional[ReasoningEffort]
    """How much the model thinks before it answers, where the model thinks."""
    turn_detection: TurnDetection
    """When the user's turn begins and ends."""
    greeting: Optional[str]
    """Said as soon as the session is up, word for word as far as the model obeys."""
    transcription: Optional[Transcription]
    """Transcription of the user's speech. None switches it off."""
    noise_reduction: Optional[NoiseReduction]
    """The vendor's noise suppression."""
    tools: Sequence[ToolDefinition]
    """Functions the model may call."""
    tool_choice: ToolChoice
    """Whether it may, must or must not; ``auto``."""
    parallel_tool_calls: Optional[bool]
    """The model may call several functions at once, where the model lets one choose."""
    tool_handling: ToolHandling
    """How calls are handled."""
    credentials: CredentialPolicy
    """Where the credential comes from. A function as ``credential`` chooses ``asked`` itself."""
    recovery: Recovery
    """What happens when the connection is lost."""
    audio: AudioConfig
    """Audio in and out."""
    auto_capture: bool
    """Start capturing as soon as connected; on. Off: nothing is captured until ``start_listening()`` or
    ``set_capture(True)``."""
    raw_events: RawEvents
    """Vendor events handed through as ``raw`` events; ``none``."""
    delivery: Delivery
    """How events are delivered. The Python package chooses it itself."""
    tls: Tls
    """Transport security."""
    strict: bool
    """What the provider or model cannot do is an error; on. Off: it is left out, and each connect warns of it."""
    labels: Mapping[str, str]
    """Free labels of the host (participant, session, tenant), in every event of the client: at most 32 with at most
    256 bytes each."""
    extra: Mapping[str, Any]
    """Fields merged into the vendor's session object untouched, for what duologue does not know yet."""


class NotGiven(enum.Enum):
    """The type of :data:`NOT_GIVEN`."""

    NOT_GIVEN = "not given"

    def __repr__(self) -> str:
        """As it is written."""
        return "NOT_GIVEN"

    def __bool__(self) -> Literal[False]:
        """Never true."""
        return False


# A sentinel and not None, because None says something: `transcription=None` switches it off, and
# silence about that would be billed. In every other key that may be null, null is the default.
NOT_GIVEN: Literal[NotGiven.NOT_GIVEN] = NotGiven.NOT_GIVEN
"""Default of keywords: the key stays out of the document. None is the document's ``null``."""


def build_document(
    keywords: Mapping[str, object], config: Optional[Mapping[str, Any]] = None
) -> dict[str, Any]:
    """The document of ``config`` with ``keywords`` over it, as plain values ready for ``json.dumps``.

    Objects are merged, so that a keyword changes of ``config`` only what it names; everything else, lists too, is
    replaced. :data:`NOT_GIVEN` leaves a key alone; None is ``null``. What JSON does not have is refused here with
    its path; the engine checks names, types and ranges.
    """
    if config is not None and not isinstance(config, Mapping):
        raise bad_type("config", "a mapping", config, "parse JSON text with json.loads")
    for name in keywords:
        if name not in ConfigDocument.__annotations__:
            raise bad_argument(
                name, "is no key of the configuration", near(name, ConfigDocument.__annotations__)
            )
    given = {key: value for key, value in keywords.items() if value is not NOT_GIVEN}
    document: dict[str, Any] = plain(config or {}, "")
    merge(document, plain(given, ""))
    return document


def merge(document: dict[str, Any], changes: Mapping[str, Any]) -> None:
    """Puts ``changes`` into ``document``: objects into objects, everything else in the place of what was there."""
    for key, value in changes.items():
        there = document.get(key)
        if isinstance(there, dict) and isinstance(value, dict):
            merge(there, value)
        else:
            document[key] = value
