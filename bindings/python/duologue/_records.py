"""The records events are made of: the conversation, the connection, the figures."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Optional, Union

from ._event import record
from ._types import (
    Agent,
    EndedBy,
    MessageState,
    Mode,
    Phase,
    Role,
    StatusKind,
    ToolCallState,
)
from .errors import Error


@record
class CallRef:
    """A tool call across reconnects: the connection it came on and the vendor's id."""

    epoch: int
    """Connection number the call came on."""
    id: str
    """The vendor's call id."""


@record
class TextPart:
    """Typed or written text."""

    type: ClassVar[Literal["text"]] = "text"
    content: str
    """The text."""


@record
class AudioPart:
    """Speech."""

    type: ClassVar[Literal["audio"]] = "audio"
    transcript: str
    """What was said (user) or generated (assistant). Empty until known."""
    heard_transcript: Optional[str]
    """Assistant only: the words that were really played."""
    duration_ms: int
    """Milliseconds of audio received (assistant) or spoken (user)."""
    heard_ms: int
    """Assistant only: milliseconds really played."""


@record
class ToolCallPart:
    """A call of a host function by the model."""

    type: ClassVar[Literal["tool_call"]] = "tool_call"
    id: str
    """Call id."""
    name: str
    """Function name."""
    arguments: str
    """Arguments exactly as the model wrote them (JSON text)."""
    input: Any
    """Arguments parsed; None while incomplete or when they are not valid JSON."""
    output: Optional[str]
    """What the model was answered."""
    state: ToolCallState
    """How far the call is."""


@record
class ToolResultPart:
    """The answer to a tool call, as its own item."""

    type: ClassVar[Literal["tool_result"]] = "tool_result"
    tool_call_id: str
    """The call answered."""
    content: str
    """Result text (JSON, or a plain string)."""
    is_error: bool
    """True when the tool failed."""


@record
class ImagePart:
    """A picture: exactly one of ``data`` and ``url``."""

    type: ClassVar[Literal["image"]] = "image"
    data: Optional[str]
    """Base64 of the encoded picture."""
    url: Optional[str]
    """Where the picture is."""
    mime_type: str
    """For example ``image/png``."""


Part = Union[TextPart, AudioPart, ToolCallPart, ToolResultPart, ImagePart]
"""A piece of a message."""


@record
class Message:
    """One entry of the conversation."""

    id: str
    """The conversation item."""
    role: Role
    """Who said it."""
    parts: tuple[Part, ...]
    """Content in order; a gap (content not seen yet) is an empty text part."""
    state: MessageState
    """How far it is."""
    interrupted: bool
    """True when the assistant was cut off while this was audible or pending."""
    revision: int
    """Grows with every change, 1 for a new message."""
    created_ms: int
    """Start of speech or time of sending, on the event clock."""

    @property
    def text(self) -> str:
        """All text of the message: typed text and transcripts joined by spaces."""
        texts = []
        for part in self.parts:
            if isinstance(part, TextPart):
                texts.append(part.content)
            elif isinstance(part, AudioPart):
                texts.append(part.transcript)
        return " ".join(text for text in texts if text)

    @property
    def heard_text(self) -> str:
        """The same as far as it was heard: of the assistant's speech the words that were really played."""
        texts = []
        for part in self.parts:
            if isinstance(part, TextPart):
                texts.append(part.content)
            elif isinstance(part, AudioPart):
                texts.append(part.transcript if self.role == "user" else part.heard_transcript or "")
        return " ".join(text for text in texts if text)


@record
class Ended:
    """Why the client is idle."""

    by: EndedBy
    """Who ended the last run; ``none``: never connected."""
    code: str
    """Stable word, for example ``remote_closed``."""
    detail: str
    """For a person."""


@record
class Status:
    """The connection. Fields that do not belong to the kind are None."""

    kind: StatusKind
    """Which one it is."""
    ended: Optional[Ended] = None
    """``idle``: how the last run ended."""
    phase: Optional[Phase] = None
    """``connecting``, and ``reconnecting`` while dialling: the step."""
    attempt: Optional[int] = None
    """``reconnecting``: number of the attempt, from 1."""
    retry_in_ms: Optional[int] = None
    """``reconnecting``: until the next dial."""
    reason: Optional[str] = None
    """``reconnecting``: why."""
    error: Optional[Error] = None
    """``error``: why the run is over."""

    @property
    def is_idle(self) -> bool:
        """Not connected."""
        return self.kind == "idle"

    @property
    def is_connecting(self) -> bool:
        """On the way for the first time."""
        return self.kind == "connecting"

    @property
    def is_connected(self) -> bool:
        """Configured and ready."""
        return self.kind == "connected"

    @property
    def is_reconnecting(self) -> bool:
        """Lost, coming back."""
        return self.kind == "reconnecting"

    @property
    def is_error(self) -> bool:
        """Over for this run because of an error."""
        return self.kind == "error"

    @property
    def is_over(self) -> bool:
        """Nothing more happens until the next connect: idle or error."""
        return self.kind in ("idle", "error")


@record
class Difference:
    """A field the vendor set otherwise than wished."""

    path: str
    """Path in the vendor's session, dotted."""
    wished: Any
    """What was asked for."""
    effective: Any
    """What is in force."""


@record
class Tokens:
    """Tokens by modality."""

    total: int = 0
    """All."""
    text: int = 0
    """Text."""
    audio: int = 0
    """Audio."""
    image: int = 0
    """Pictures."""
    cached: int = 0
    """Of these, read from the vendor's cache."""


@record
class State:
    """Where a client is."""

    revision: int
    """Number of changes so far."""
    status: Status
    """The connection."""
    mode: Mode
    """One word for a user interface."""
    user_speaking: bool
    """The person is speaking."""
    agent: Agent
    """The agent."""
    error: Optional[Error]
    """The newest error of this run, fatal or not."""
    messages: tuple[Message, ...]
    """The conversation in order, pending words included."""

    @property
    def pending_user(self) -> Optional[str]:
        """What the user is saying, as far as it is known; None when it is known whole."""
        return self._pending("user")

    @property
    def pending_assistant(self) -> Optional[str]:
        """What the assistant is saying, as far as it is known; None when it is known whole."""
        return self._pending("assistant")

    def _pending(self, role: Role) -> Optional[str]:
        newest = next((message for message in reversed(self.messages) if message.role == role), None)
        return (newest.text or None) if newest is not None and newest.state == "in_progress" else None


@record
class Availability:
    """What a connect would find: each field is why not, None is good."""

    credential: Optional[Error]
    """There is no credential and nobody is asked for one, or it is over."""
    transport: Optional[Error]
    """This build has no way to dial."""
    microphone: Optional[Error]
    """Nobody will be heard; the client works all the same, with text."""

    @property
    def can_connect(self) -> bool:
        """A connect has a chance."""
        return self.credential is None and self.transport is None


@record
class SessionStats:
    """Counters of what a healthy session has none of, and some it has."""

    malformed: int = 0
    """Frames that were not understood."""
    unknown_events: int = 0
    """Events whose name is not in the reference."""
    unknown_items: int = 0
    """Events about items or responses nobody announced."""
    duplicates: int = 0
    """Events that came a second time."""
    odd_audio: int = 0
    """Frames of assistant audio with an odd number of bytes."""
    late_audio: int = 0
    """Frames of assistant audio dropped because the response was cut off."""
    output_overrun: int = 0
    """Frames of assistant audio dropped because more than 300 s were waiting."""
    benign_errors: int = 0
    """Vendor errors that mean nothing is wrong."""
    truncate_refused: int = 0
    """Truncates and deletes the vendor refused."""
    microphone_frames: int = 0
    """Microphone frames sent."""
    stale_inputs: int = 0
    """Commands that came twice or too late."""
    unknown_reports: int = 0
    """Playback reports about audio nobody was given."""


@record
class MediaStats:
    """How media travelled so far. Counts are of the whole connection, the rest is the newest figure."""

    packets: int = 0
    """Media packets that came."""
    lost: int = 0
    """Packets that never came."""
    late: int = 0
    """Packets that came after their time."""
    foreign: int = 0
    """Packets that were no audio of this call."""
    concealed: int = 0
    """Frames of 20 ms that were made up because nothing had come for them."""
    recovered: int = 0
    """Frames of 20 ms that were taken from the packet after theirs."""
    jitter_us: int = 0
    """Smoothed variation of the time packets take, in microseconds (RFC 3550)."""
    round_trip_us: Optional[int] = None
    """Time to the service and back, in microseconds; `None`: not known yet."""
    delay_ms: Optional[int] = None
    """How long audio waits so that what is late is not missed, in milliseconds; `None`: nothing is played."""
    sent: int = 0
    """Packets of microphone audio that were sent, silence included."""
    sent_redundant: int = 0
    """Those of them that also carry what it takes to make up for the packet before them."""
    sent_lost_permille: Optional[int] = None
    """Share of those sent of late that the service reports as lost, in thousandths; `None`: it has not reported."""
    dropped_microphone: int = 0
    """Frames of 20 ms of microphone audio that were dropped because too much was waiting."""


@record
class Stats:
    """Counters of a client since it was made."""

    session: SessionStats
    """Of the session."""
    dropped_audio: int = 0
    """Microphone frames dropped because the network was too slow."""
    capture_overruns: int = 0
    """Microphone frames that found the capture ring full."""
    underruns: int = 0
    """Times the speaker ran dry inside an item."""
    media: Optional[MediaStats] = None
    """How media travels on the present connection, where it travels beside the events (a call)."""
