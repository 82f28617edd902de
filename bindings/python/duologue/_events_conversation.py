"""Events of the connection, speech, playback, words, messages, tool calls and commands."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Literal, Optional

from ._event import Event, record
from ._records import CallRef, Message, Status
from ._types import (
    Agent,
    Direction,
    InterruptSource,
    MessageOp,
    Mode,
    Role,
    SpeechSource,
    TranscriptMode,
    TranscriptStage,
)
from .errors import Error, ToolError


@record
class StatusEvent(Event):
    """The connection changed."""

    type: ClassVar[Literal["status"]] = "status"
    status: Status
    """What it is now."""


@record
class ModeEvent(Event):
    """Who is audible changed."""

    type: ClassVar[Literal["mode"]] = "mode"
    mode: Mode
    """Derived from both speakers."""
    user_speaking: bool
    """The person is speaking."""
    agent: Agent
    """The agent."""


@record
class SpeechStarted(Event):
    """Somebody started to speak."""

    type: ClassVar[Literal["speech_started"]] = "speech_started"
    who: Role
    """Always the user today."""
    source: SpeechSource
    """Who heard it."""
    audio_ms: int
    """Position in the audio sent in this session, milliseconds."""


@record
class SpeechStopped(Event):
    """Somebody stopped to speak."""

    type: ClassVar[Literal["speech_stopped"]] = "speech_stopped"
    who: Role
    """Always the user today."""
    source: SpeechSource
    """Who heard it."""
    audio_ms: int
    """Position in the audio sent in this session, milliseconds."""


@record
class PlaybackStarted(Event):
    """The first sample of the item left the speaker."""

    type: ClassVar[Literal["playback_started"]] = "playback_started"
    part: int
    """Content index."""


@record
class PlaybackFinished(Event):
    """The item will not be heard further."""

    type: ClassVar[Literal["playback_finished"]] = "playback_finished"
    part: int
    """Content index."""
    heard_ms: int
    """Milliseconds really played."""
    complete: bool
    """All that was received was played."""
    estimated: bool
    """True when the engine counted, false when a device or the host's reports say so."""


@record
class GenerationDone(Event):
    """The model finished writing; it may be audible for long after."""

    type: ClassVar[Literal["generation_done"]] = "generation_done"
    status: str
    """``completed``, ``cancelled``, ``failed``, ``incomplete``, or what a vendor adds."""
    reason: Optional[str]
    """The vendor's reason, for example ``turn_detected``."""


@record
class TurnDone(Event):
    """The response is over: generated and, where it had audio, played or cut."""

    type: ClassVar[Literal["turn_done"]] = "turn_done"
    status: str
    """How generation ended, whatever was heard of it: see :class:`GenerationDone`."""
    reason: Optional[str]
    """The vendor's reason, for example ``turn_detected``."""


@record
class Interrupted(Event):
    """The assistant was cut off. Throw away audio of the item that was not played."""

    type: ClassVar[Literal["interrupted"]] = "interrupted"
    heard_ms: int
    """Milliseconds of the item really played."""
    source: InterruptSource
    """What did it."""
    server_truncated: bool
    """True when the vendor cuts its own copy, false when it was told where."""
    estimated: bool
    """Where ``heard_ms`` is from, as in :class:`PlaybackFinished`."""


@record
class MessageEvent(Event):
    """The conversation changed."""

    type: ClassVar[Literal["message"]] = "message"
    op: MessageOp
    """Kind of change."""
    after: Optional[str]
    """Message before this one; None: first."""
    message: Message
    """The message. For ``updated``, ``parts`` holds only what ``changed`` lists."""
    changed: tuple[int, ...]
    """Indices of changed parts; ``message.parts[i]`` is part ``changed[i]``."""


@record
class Transcript(Event):
    """Words of the item, as they come."""

    type: ClassVar[Literal["transcript"]] = "transcript"
    role: Role
    """Who."""
    part: int
    """Content index: the part of the message the words belong to."""
    mode: TranscriptMode
    """How to apply ``text``."""
    text: str
    """The words."""
    stage: TranscriptStage
    """What they are."""
    estimated: bool
    """True when duologue computed them from positions."""
    error_words: Optional[int]
    """Stage ``heard``: how many words too many or too few these may be, in 95 of 100 cases. None when nothing
    had to be estimated from the text."""


@record
class Audio(Event):
    """Assistant audio for a host that plays it."""

    type: ClassVar[Literal["audio"]] = "audio"
    part: int
    """Content index."""
    rate: int
    """Frames a second."""
    pcm: bytes
    """Mono samples, 16 bits, native endian."""


@record
class AudioLevel(Event):
    """Loudness on the scale -60..0 dBFS, as 0..1; at most ten a second and direction."""

    type: ClassVar[Literal["audio_level"]] = "audio_level"
    direction: Direction
    """Which way."""
    rms: float
    """Of the signal's power."""
    peak: float
    """Of its largest sample."""


@record
class ToolCall(Event):
    """The model calls a host function."""

    type: ClassVar[Literal["tool_call"]] = "tool_call"
    call: CallRef
    """Answer with this."""
    name: str
    """Function name."""
    arguments: str
    """JSON text as the model wrote it."""

    @property
    def input(self) -> Any:
        """The arguments parsed. Raises :class:`~duologue.ToolError` when they are no JSON."""
        try:
            return json.loads(self.arguments)
        except (ValueError, RecursionError) as error:
            raise ToolError(
                f"the arguments of {self.name} are no JSON: {error}", code="invalid_json", field="arguments"
            ) from error


@record
class ToolCancelled(Event):
    """A call is not waited for any more: the session has ended, or the vendor withdrew the call."""

    type: ClassVar[Literal["tool_cancelled"]] = "tool_cancelled"
    call: CallRef
    """The call."""
    name: str
    """Function name."""


@record
class ToolTimeout(Event):
    """A call took too long, and the model was told so. A result that comes now is refused."""

    type: ClassVar[Literal["tool_timeout"]] = "tool_timeout"
    call: CallRef
    """The call."""
    name: str
    """Function name."""


@record
class CredentialNeeded(Event):
    """The host must provide a credential."""

    type: ClassVar[Literal["credential_needed"]] = "credential_needed"
    request_id: int
    """Answer with this."""
    reason: str
    """``connect``: for a dial; ``reconnect``: for the dial after a lost connection; ``rollover``: for the next session,
    opened before this one ends; ``rejected``: the service refused the last one; ``refresh``: it expires soon."""
    deadline_ms: int
    """Until when, on the clock of ``time_ms``."""


@record
class Completed(Event):
    """A command ended. Of one that asked for a response, ``response`` is which one began."""

    type: ClassVar[Literal["completed"]] = "completed"
    op: int
    """The command."""
    error: Optional[Error]
    """None: it worked."""
    round_trip_us: Optional[int]
    """Of a ping: there and back, microseconds."""
