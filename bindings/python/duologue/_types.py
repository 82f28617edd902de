"""The words of the vocabulary: values of enums, exactly as in JSON."""

from __future__ import annotations

from typing import Literal

Role = Literal["user", "assistant", "system"]
"""Who said it."""
SpeechSource = Literal["server", "local"]
"""Who heard speech: the vendor's voice activity detection, or ours."""
InterruptSource = Literal["user", "call", "server"]
"""What cut the assistant off: the person, a call of the host, or the vendor."""
MessageOp = Literal["added", "updated", "removed"]
"""Kind of change to the conversation."""
MessageState = Literal["in_progress", "completed", "incomplete"]
"""How far a message is."""
ToolCallState = Literal["pending", "running", "completed", "failed", "cancelled"]
"""Life of a tool call."""
PartType = Literal["text", "audio", "tool_call", "tool_result", "image"]
"""Kind of a piece of a message."""
TranscriptMode = Literal["delta", "replace", "final", "correction"]
"""How a transcript text is applied: append, replace what is pending, the whole text, or replace a final."""
TranscriptStage = Literal["recognized", "generated", "heard"]
"""What a transcript is about: what the user said, what the model wrote, or what was played of it."""
Direction = Literal["input", "output"]
"""Which way: from the microphone to the vendor, or from the vendor to the speaker."""
UsageScope = Literal["response", "session"]
"""What a usage figure covers."""
Phase = Literal["credential", "dial", "ice", "dtls", "configure"]
"""Step of connecting."""
EndedBy = Literal["none", "user", "agent", "network", "error", "limit"]
"""Who ended the last run."""
StatusKind = Literal["idle", "connecting", "connected", "reconnecting", "error"]
"""The connection in one word."""
Agent = Literal["idle", "thinking", "speaking"]
"""What the agent does, by what is audible."""
Mode = Literal["idle", "listening", "thinking", "speaking"]
"""One word for a user interface, derived from both speakers."""
EventType = Literal[
    "status",
    "mode",
    "speech_started",
    "speech_stopped",
    "playback_started",
    "playback_finished",
    "generation_done",
    "turn_done",
    "interrupted",
    "message",
    "transcript",
    "audio",
    "audio_level",
    "tool_call",
    "tool_cancelled",
    "tool_timeout",
    "credential_needed",
    "completed",
    "session_configured",
    "capability_changed",
    "session_replaced",
    "transport_changed",
    "usage",
    "latency",
    "device",
    "warning",
    "error",
    "raw",
    "lagged",
]
"""The tag of an event."""
