"""Events of what the service and the machine report: configuration, figures, devices, failures."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Literal, Optional

from ._event import Event, record
from ._records import Difference, Tokens
from ._types import Direction, UsageScope
from .errors import Error


@record
class SessionConfigured(Event):
    """The vendor acknowledged the configuration."""

    type: ClassVar[Literal["session_configured"]] = "session_configured"
    effective: Any
    """The vendor's session object as it came."""
    differences: tuple[Difference, ...]
    """Where it differs from the wish."""


@record
class CapabilityChanged(Event):
    """What the session can do changed."""

    type: ClassVar[Literal["capability_changed"]] = "capability_changed"
    effective: Any
    """The vendor's session object as it came."""
    differences: tuple[Difference, ...]
    """Where it differs from the wish."""


@record
class SessionReplaced(Event):
    """The conversation continues on another vendor session."""

    type: ClassVar[Literal["session_replaced"]] = "session_replaced"
    why: str
    """``reconnect``: the connection was lost; ``rollover``: the vendor was about to end its session, or has;
    ``connect``: the client connected with a conversation there was already; ``reconfigure``."""
    context: str
    """How much of the conversation it was told: ``full``, ``partial`` or ``none``."""
    gap_ms: int
    """Microphone audio lost."""


@record
class TransportChanged(Event):
    """The conversation continues on another transport."""

    type: ClassVar[Literal["transport_changed"]] = "transport_changed"
    from_: str
    """Before (``from`` in JSON, a reserved word here)."""
    to: str
    """After."""
    why: str
    """Why."""


@record
class Usage(Event):
    """Tokens used."""

    type: ClassVar[Literal["usage"]] = "usage"
    scope: UsageScope
    """What it covers."""
    cumulative: bool
    """True when later figures include this one."""
    input: Tokens
    """Read by the model."""
    output: Tokens
    """Written by the model."""
    cost: Optional[float]
    """In US dollars, where priced."""
    billed_ms: Optional[int]
    """Time the vendor bills, milliseconds, where it bills by time."""


@record
class Latency(Event):
    """How long a turn took, from the last voiced sample to the first played one."""

    type: ClassVar[Literal["latency"]] = "latency"
    endpointing_ms: int
    """Last voiced sample until the vendor said the turn ended."""
    service_ms: int
    """From there (or from sending text) to the first audio or text received."""
    buffer_ms: int
    """From there to the first sample played."""
    total_ms: int
    """Their sum."""


@record
class DeviceEvent(Event):
    """An audio device came, went or changed."""

    type: ClassVar[Literal["device"]] = "device"
    change: str
    """``added``, ``removed``, ``changed``, ``lost``, ``denied`` or ``silent``."""
    device: str
    """Which device."""
    half_duplex: bool
    """The microphone is closed while the agent is audible."""


@record
class WarningEvent(Event):
    """Something a developer should see; the session goes on."""

    type: ClassVar[Literal["warning"]] = "warning"
    error: Error
    """What."""


@record
class ErrorEvent(Event):
    """A failure."""

    type: ClassVar[Literal["error"]] = "error"
    error: Error
    """What; ``error.fatal`` tells whether the session ended."""


@record
class Raw(Event):
    """A vendor event as it came, opt-in by ``raw_events``."""

    type: ClassVar[Literal["raw"]] = "raw"
    direction: Direction
    """``input``: sent to the vendor; ``output``: received."""
    json: str
    """The JSON text."""

    @property
    def data(self) -> Any:
        """The JSON parsed."""
        return json.loads(self.json)


@record
class Lagged(Event):
    """The host was too slow and these were dropped."""

    type: ClassVar[Literal["lagged"]] = "lagged"
    levels: int
    """Level events."""
    raw: int
    """Raw events."""
    figures: int
    """Usage and latency events replaced by newer ones."""
    merged: int
    """Transcript and message deltas merged into one."""
    audio: int
    """Audio events."""
