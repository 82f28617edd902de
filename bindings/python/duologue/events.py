"""The events of a client, as immutable records.

Which one it is: ``isinstance(event, Transcript)``, or ``event.type == "transcript"``. Type checkers narrow
:data:`AnyEvent` by both.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Union, cast

from ._event import Event
from ._events_conversation import (
    Audio,
    AudioLevel,
    Completed,
    CredentialNeeded,
    GenerationDone,
    Interrupted,
    MessageEvent,
    ModeEvent,
    PlaybackFinished,
    PlaybackStarted,
    SpeechStarted,
    SpeechStopped,
    StatusEvent,
    ToolCall,
    ToolCancelled,
    ToolTimeout,
    Transcript,
    TurnDone,
)
from ._events_service import (
    CapabilityChanged,
    DeviceEvent,
    ErrorEvent,
    Lagged,
    Latency,
    Raw,
    SessionConfigured,
    SessionReplaced,
    TransportChanged,
    Usage,
    WarningEvent,
)
from ._records import (
    AudioPart,
    Availability,
    CallRef,
    Difference,
    Ended,
    ImagePart,
    MediaStats,
    Message,
    Part,
    SessionStats,
    State,
    Stats,
    Status,
    TextPart,
    Tokens,
    ToolCallPart,
    ToolResultPart,
)
from ._types import (
    Agent,
    Direction,
    EndedBy,
    EventType,
    InterruptSource,
    MessageOp,
    MessageState,
    Mode,
    PartType,
    Phase,
    Role,
    SpeechSource,
    StatusKind,
    ToolCallState,
    TranscriptMode,
    TranscriptStage,
    UsageScope,
)
from .errors import bad_argument, bad_type, near

__all__ = [
    "ALL_EVENTS",
    "EVENT_TYPES",
    "Agent",
    "AnyEvent",
    "Audio",
    "AudioLevel",
    "AudioPart",
    "Availability",
    "CallRef",
    "CapabilityChanged",
    "Completed",
    "CredentialNeeded",
    "DeviceEvent",
    "Difference",
    "Direction",
    "Ended",
    "EndedBy",
    "ErrorEvent",
    "Event",
    "EventType",
    "GenerationDone",
    "ImagePart",
    "InterruptSource",
    "Interrupted",
    "Lagged",
    "Latency",
    "MediaStats",
    "Message",
    "MessageEvent",
    "MessageOp",
    "MessageState",
    "Mode",
    "ModeEvent",
    "Part",
    "PartType",
    "Phase",
    "PlaybackFinished",
    "PlaybackStarted",
    "Raw",
    "Role",
    "SessionConfigured",
    "SessionReplaced",
    "SessionStats",
    "SpeechSource",
    "SpeechStarted",
    "SpeechStopped",
    "State",
    "Stats",
    "Status",
    "StatusEvent",
    "StatusKind",
    "TextPart",
    "Tokens",
    "ToolCall",
    "ToolCallPart",
    "ToolCallState",
    "ToolCancelled",
    "ToolResultPart",
    "ToolTimeout",
    "Transcript",
    "TranscriptMode",
    "TranscriptStage",
    "TransportChanged",
    "TurnDone",
    "Usage",
    "UsageScope",
    "WarningEvent",
    "event_mask",
]

AnyEvent = Union[
    StatusEvent,
    ModeEvent,
    SpeechStarted,
    SpeechStopped,
    PlaybackStarted,
    PlaybackFinished,
    GenerationDone,
    TurnDone,
    Interrupted,
    MessageEvent,
    Transcript,
    Audio,
    AudioLevel,
    ToolCall,
    ToolCancelled,
    ToolTimeout,
    CredentialNeeded,
    Completed,
    SessionConfigured,
    CapabilityChanged,
    SessionReplaced,
    TransportChanged,
    Usage,
    Latency,
    DeviceEvent,
    WarningEvent,
    ErrorEvent,
    Raw,
    Lagged,
]
"""Any event, for type checkers: narrowed by ``isinstance`` and by ``type``."""

EVENT_TYPES: dict[str, type[Event]] = {cls.type: cls for cls in cast(Any, AnyEvent).__args__}
"""The class of each tag, in the order of their bits."""
for _index, _cls in enumerate(EVENT_TYPES.values()):
    _cls.bit = 1 << _index

ALL_EVENTS = (1 << 64) - 1
"""The mask of all events, later kinds included."""


def event_mask(types: Iterable[Union[type[Event], EventType, str]] = ()) -> int:
    """The mask of these classes or tags; none at all: of all events."""
    mask = 0
    for number, kind in enumerate(types):
        where = f"types[{number}]"
        if isinstance(kind, str):
            if kind not in EVENT_TYPES:
                raise bad_argument(where, f"no event is called {kind!r}", near(kind, EVENT_TYPES))
            mask |= EVENT_TYPES[kind].bit
        elif isinstance(kind, type) and issubclass(kind, Event):
            mask |= kind.bit or ALL_EVENTS
        else:
            raise bad_type(where, "a class of events or its tag", kind)
    return mask or ALL_EVENTS
