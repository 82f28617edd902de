"""A conversation as a neutral document."""

from __future__ import annotations

from typing import Any, Literal, Optional, TypedDict, Union


class _Text(TypedDict):
    type: Literal["text"]
    content: str


class TranscriptText(_Text):
    """Typed or written text."""


class _Audio(TypedDict):
    type: Literal["audio"]
    transcript: str


class TranscriptAudio(_Audio, total=False):
    """Speech. ``transcript`` is what was said (user) or generated (assistant); empty: nobody knows."""

    heard_transcript: Optional[str]
    """Assistant only: the words that were really played. Absent: all of them."""
    duration_ms: Optional[int]
    """Milliseconds received (assistant) or spoken (user)."""
    heard_ms: Optional[int]
    """Assistant only: milliseconds really played, at most ``duration_ms``."""


class _ToolCall(TypedDict):
    type: Literal["tool_call"]
    name: str


class TranscriptToolCall(_ToolCall, total=False):
    """A call of a function by the model, with its result. It stands alone in its message."""

    id: Optional[str]
    """Its name."""
    arguments: Optional[str]
    """Arguments as the model wrote them (JSON text). One of ``arguments`` and ``input`` is enough."""
    input: Any
    """Arguments as a value."""
    output: Optional[str]
    """What the model was answered."""
    state: Optional[Literal["pending", "running", "completed", "failed", "cancelled"]]
    """How far the call is."""


class _Image(TypedDict):
    type: Literal["image"]
    mime_type: str


class TranscriptImage(_Image, total=False):
    """A picture: one of ``data`` and ``url``; neither when it is no longer kept."""

    data: Optional[str]
    """Base64 of the encoded picture."""
    url: Optional[str]
    """Where the picture is."""


class _Message(TypedDict):
    role: Literal["user", "assistant", "system"]
    parts: list[Union[TranscriptText, TranscriptAudio, TranscriptToolCall, TranscriptImage]]


class TranscriptMessage(_Message, total=False):
    """A message: ``role`` says who, ``parts`` what."""

    id: Optional[str]
    """Its name; a new one when it is missing, there twice or not what services take."""
    state: Optional[Literal["in_progress", "completed", "incomplete"]]
    """How far it is; ``completed`` when it is left out."""
    interrupted: Optional[bool]
    """The assistant was cut off while this was audible or pending."""
    created_ms: Optional[int]
    """Start of speech or time of sending, milliseconds on the clock of the client that held the conversation."""


class TranscriptDocument(TypedDict):
    """A conversation in no vendor's words. Its JSON Schema is :func:`duologue.transcript_schema`."""

    version: Literal[1]
    """Version of this document."""
    messages: list[TranscriptMessage]
    """The messages in order."""
