"""What a provider and model can do."""

from __future__ import annotations

from typing import Literal, Optional, TypedDict

from .config import Scheduling, VadMode


class ImageLimits(TypedDict):
    """What pictures may be."""

    mime_types: list[str]
    """Their types."""
    max_bytes: int
    """Bytes of one, before it is written as text."""
    urls: bool
    """The vendor fetches a picture that is given as an address."""


class Capabilities(TypedDict):
    """What a provider and model can do. None: not declared; False: confirmed that it cannot."""

    provider: str
    """Provider name."""
    model: str
    """Model in use."""
    model_known: bool
    """The model is in the catalogue. If not, it is taken to be like the provider's newest."""
    transports: list[Literal["websocket", "webrtc"]]
    """How the provider can be reached from here."""
    credentials: list[str]
    """Kinds of credentials the provider takes."""
    input_rate: int
    """Rate the vendor takes, frames a second."""
    output_rate: int
    """Rate the vendor gives."""
    turn_modes: list[VadMode]
    """Who can decide when the user's turn ends."""
    text_in: Optional[bool]
    """Text turns."""
    text_out: Optional[bool]
    """Written answers."""
    image_in: Optional[bool]
    """Pictures."""
    video_in: Optional[bool]
    """Frames of a camera, about one a second."""
    images: Optional[ImageLimits]
    """What pictures may be, where they can be at all."""
    silent_context: Optional[bool]
    """Text that the model takes note of without answering."""
    say: Optional[Literal["exact", "instructed"]]
    """How a given text can be spoken: as it is, or by a model that is told to say it word for word."""
    out_of_band: Optional[bool]
    """Answers beside the conversation."""
    tools: Optional[bool]
    """Function tools on the wire."""
    parallel_tools: Optional[bool]
    """Whether the model calls several functions at once can be chosen."""
    tool_scheduling: list[Scheduling]
    """What the model can do with the result of a call: values of ``scheduling`` of a tool."""
    reasoning: Optional[bool]
    """How much the model thinks can be chosen."""
    updates: list[str]
    """Keys of the configuration that can change while a session runs."""
    cancel: Optional[bool]
    """A running response can be cancelled."""
    truncate: Optional[bool]
    """The client tells the vendor what was heard."""
    user_transcription: Optional[bool]
    """The user's speech is transcribed."""
    feedback: Optional[bool]
    """Answers can be rated."""
    user_activity: Optional[bool]
    """The model can be told that the user is busy, and waits."""
    usage: Optional[bool]
    """What an answer cost is told."""
    voices: list[str]
    """Voices that are known, the recommended ones first; a provider may have more."""
    idle_audio: Optional[Literal["none", "keepalive", "continuous"]]
    """What the vendor wants to hear while the microphone is off or muted."""
    reconnect: Optional[Literal["resume", "replay", "new"]]
    """How a conversation can go on after its connection was lost."""
    max_session_s: Optional[int]
    """Longest session, seconds."""
