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
    "Delivery",
    "Modality",
    "NoiseReduction",
    "NotGiven",
    "Positions",
    "RawEvents",
    "Tls",
    "ToolChoice",
    "ToolChoiceFunction",
    "ToolDefinition",
    "Transcription",
    "TurnDetection",
    "build_document",
]

AudioDelivery = Literal["events", "pull"]
"""How a host gets the assistant's audio: as it comes, or when it takes it with ``pull_audio``."""
AudioSource = Literal["host", "device", "none"]
"""Who has the audio: the host, the audio device given to the client, or nobody."""
AuthStyle = Literal["header", "subprotocol"]
"""How the credential travels in the WebSocket handshake."""
Delivery = Literal["callbacks", "queue"]
"""How a host without event streams gets events. The Python package chooses it itself."""
Modality = Literal["audio", "text"]
"""Spoken or written."""
NoiseReduction = Literal["near_field", "far_field"]
"""The vendor's noise suppression: a microphone close to the mouth, or across the room."""
Positions = Literal["estimated", "reported"]
"""Who says what was heard of audio the host plays: the engine, or the host with ``report_playback``."""
RawEvents = Literal["none", "unknown", "all"]
"""Which vendor events become ``raw`` events: none, those not understood, or all but audio."""


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


class Tls(TypedDict, total=False):
    """Transport security. There is no way to switch verification off."""

    extra_roots: Sequence[str]
    """Certificates (PEM text) trusted beside the platform's."""


class _ToolName(TypedDict):
    name: str
    """1 to 64 letters, digits, ``_`` or ``-``."""


class ToolDefinition(_ToolName, total=False):
    """A function the model may call, as the document has it."""

    description: Optional[str]
    """When and how to use it."""
    parameters: Optional[Mapping[str, Any]]
    """JSON Schema of the arguments (an object schema). Absent: no arguments."""


class ToolChoiceFunction(TypedDict):
    """One tool and no other."""

    function: str
    """Its name."""


ToolChoice = Union[Literal["auto", "none", "required"], ToolChoiceFunction]
"""Whether tools may be called: the model decides, never, always some tool, or this one."""


class Transcription(TypedDict, total=False):
    """Transcription of the user's speech."""

    model: str
    """The vendor's transcription model."""
    language: Optional[str]
    """ISO-639-1 code of the language, when known."""
    prompt: Optional[str]
    """Hints for the transcriber."""


class TurnDetection(TypedDict, total=False):
    """Voice activity detection by the vendor. Absent fields keep the vendor's defaults."""

    threshold: Optional[float]
    """0 to 1; higher needs louder speech."""
    prefix_padding_ms: Optional[int]
    """Audio kept from before speech was noticed, milliseconds."""
    silence_duration_ms: Optional[int]
    """Silence that ends a turn, milliseconds."""
    create_response: bool
    """The vendor answers by itself at the end of a turn; on."""
    interrupt_response: bool
    """The user's speech cuts the assistant off; on."""


class ConfigDocument(TypedDict, total=False):
    """What a session shall be. There is no secret in it."""

    provider: str
    """Who answers; ``openai``."""
    model: Optional[str]
    """The vendor's model name. Default: the provider's."""
    base_url: Optional[str]
    """Base URL of the service, ``https`` or (loopback only) ``http``. Default: the provider's."""
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
    max_output_tokens: Optional[int]
    """Upper bound of generated tokens a response, 1 to 4096. Absent: no bound."""
    turn_detection: TurnDetection
    """Voice activity detection by the vendor."""
    transcription: Optional[Transcription]
    """Transcription of the user's speech. None switches it off."""
    noise_reduction: Optional[NoiseReduction]
    """The vendor's noise suppression."""
    tools: Sequence[ToolDefinition]
    """Functions the model may call."""
    tool_choice: ToolChoice
    """Whether it may, must or must not; ``auto``."""
    audio: AudioConfig
    """Audio in and out."""
    auto_capture: bool
    """Start capturing as soon as connected; on. Off: nothing is captured until ``set_capture(True)``."""
    raw_events: RawEvents
    """Vendor events handed through as ``raw`` events; ``none``."""
    delivery: Delivery
    """How events are delivered. The Python package chooses it itself."""
    tls: Tls
    """Transport security."""
    labels: Mapping[str, str]
    """Free labels of the host, kept with the client."""
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

    A keyword replaces its whole top-level key; :data:`NOT_GIVEN` leaves it alone; None is ``null``. What JSON
    does not have is refused here with its path; the engine checks names, types and ranges.
    """
    if config is not None and not isinstance(config, Mapping):
        raise bad_type("config", "a mapping", config, "parse JSON text with json.loads")
    for name in keywords:
        if name not in ConfigDocument.__annotations__:
            raise bad_argument(
                name, "is no key of the configuration", near(name, ConfigDocument.__annotations__)
            )
    given = {key: value for key, value in keywords.items() if value is not NOT_GIVEN}
    document: dict[str, Any] = plain({**(config or {}), **given}, "")
    return document
