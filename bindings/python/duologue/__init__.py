"""Realtime voice conversations with AI models.

A client holds a conversation: it listens to microphone audio, says what the model answers, is interrupted
correctly, runs tools, and keeps a history that says what was heard::

    import asyncio
    import duologue

    async def main() -> None:
        async with duologue.connect("openai", instructions="Be brief.") as client:
            events = client.events(duologue.Transcript, duologue.TurnDone)
            await client.send_text("Hello!")
            async for event in events:
                if isinstance(event, duologue.TurnDone):
                    break
                if event.mode == "final":
                    print(event.text)

    asyncio.run(main())

:mod:`duologue.blocking` has the same names for programs without asyncio, :mod:`duologue.testing` a service for
your tests. Everything that fails raises a subclass of :class:`Error`.
"""

from __future__ import annotations

TYPE_CHECKING = False  # As type checkers know it; importing typing would take longer than all the rest.

if TYPE_CHECKING:
    from typing import Any

    from . import blocking, simulator, testing
    from ._analyser import Analyser, Level, Levels
    from ._capabilities import Capabilities, ImageLimits
    from ._client import Client, connect
    from ._credentials import Credential, CredentialRequest
    from ._engine import (
        catalogue,
        clock_us,
        config_schema,
        live_clients,
        transcript_schema,
        validate_config,
        version,
    )
    from ._listener import Listener
    from ._requests import InputText, ItemReference, ResponseOptions, SessionChanges
    from ._stream import EventStream
    from ._transcript import TranscriptDocument, TranscriptMessage
    from .config import (
        NOT_GIVEN,
        AudioConfig,
        AudioInput,
        AudioOutput,
        ConfigDocument,
        CredentialPolicy,
        NotGiven,
        Recovery,
        Tls,
        ToolChoiceFunction,
        ToolDefinition,
        ToolHandling,
        Transcription,
        TurnDetection,
    )
    from .errors import (
        ArgumentError,
        ArgumentTypeError,
        ClosedError,
        ConfigError,
        CredentialError,
        DeviceError,
        Error,
        HostError,
        InternalError,
        LimitError,
        NetworkError,
        PermissionDeniedError,
        ProtocolError,
        ProviderError,
        QuotaError,
        StateError,
        TlsError,
        ToolError,
        UnsupportedError,
    )
    from .events import (
        AnyEvent,
        Audio,
        AudioLevel,
        AudioPart,
        Availability,
        CallRef,
        CapabilityChanged,
        Completed,
        CredentialNeeded,
        DeviceEvent,
        Difference,
        Ended,
        ErrorEvent,
        Event,
        GenerationDone,
        ImagePart,
        Interrupted,
        Lagged,
        Latency,
        MediaStats,
        Message,
        MessageEvent,
        ModeEvent,
        Part,
        PlaybackFinished,
        PlaybackStarted,
        Raw,
        SessionConfigured,
        SessionReplaced,
        SessionStats,
        SpeechStarted,
        SpeechStopped,
        State,
        Stats,
        Status,
        StatusEvent,
        TextPart,
        Tokens,
        ToolCall,
        ToolCallPart,
        ToolCancelled,
        ToolResultPart,
        ToolTimeout,
        Transcript,
        TransportChanged,
        TurnDone,
        Usage,
        WarningEvent,
    )
    from .simulator import Simulator
    from .tools import Tool, ToolContext, tool

    __version__: str

# Everything is loaded when it is used: programs that may not talk at all start as fast as without duologue.
_LATER = {
    "Analyser": "_analyser",
    "Capabilities": "_capabilities",
    "ImageLimits": "_capabilities",
    "Client": "_client",
    "Credential": "_credentials",
    "CredentialRequest": "_credentials",
    "EventStream": "_stream",
    "InputText": "_requests",
    "Level": "_analyser",
    "Levels": "_analyser",
    "ItemReference": "_requests",
    "Listener": "_listener",
    "ResponseOptions": "_requests",
    "SessionChanges": "_requests",
    "Simulator": "simulator",
    "Tool": "tools",
    "ToolContext": "tools",
    "TranscriptDocument": "_transcript",
    "TranscriptMessage": "_transcript",
    "blocking": "",
    "catalogue": "_engine",
    "clock_us": "_engine",
    "config": "",
    "config_schema": "_engine",
    "connect": "_client",
    "errors": "",
    "events": "",
    "live_clients": "_engine",
    "simulator": "",
    "testing": "",
    "tool": "tools",
    "transcript_schema": "_engine",
    "validate_config": "_engine",
    "version": "_engine",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "__version__":
        value: Any = import_module("._engine", __name__).version()
    elif name not in _LATER:
        # A word of the vocabulary, and then all of them.
        for part in ("errors", "config", "events"):
            module = import_module("." + part, __name__)
            globals().update((word, getattr(module, word)) for word in __all__ if hasattr(module, word))
        if name not in globals():
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return globals()[name]
    elif _LATER[name]:
        value = getattr(import_module("." + _LATER[name], __name__), name)
    else:
        value = import_module("." + name, __name__)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER, *__all__, "__version__"})


__all__ = [
    "NOT_GIVEN",
    "Analyser",
    "AnyEvent",
    "ArgumentError",
    "ArgumentTypeError",
    "Audio",
    "AudioConfig",
    "AudioInput",
    "AudioLevel",
    "AudioOutput",
    "AudioPart",
    "Availability",
    "CallRef",
    "Capabilities",
    "CapabilityChanged",
    "Client",
    "ClosedError",
    "Completed",
    "ConfigDocument",
    "ConfigError",
    "Credential",
    "CredentialError",
    "CredentialNeeded",
    "CredentialPolicy",
    "CredentialRequest",
    "DeviceError",
    "DeviceEvent",
    "Difference",
    "Ended",
    "Error",
    "ErrorEvent",
    "Event",
    "EventStream",
    "GenerationDone",
    "HostError",
    "ImageLimits",
    "ImagePart",
    "InputText",
    "InternalError",
    "Interrupted",
    "ItemReference",
    "Lagged",
    "Latency",
    "Level",
    "Levels",
    "LimitError",
    "Listener",
    "MediaStats",
    "Message",
    "MessageEvent",
    "ModeEvent",
    "NetworkError",
    "NotGiven",
    "Part",
    "PermissionDeniedError",
    "PlaybackFinished",
    "PlaybackStarted",
    "ProtocolError",
    "ProviderError",
    "QuotaError",
    "Raw",
    "Recovery",
    "ResponseOptions",
    "SessionChanges",
    "SessionConfigured",
    "SessionReplaced",
    "SessionStats",
    "Simulator",
    "SpeechStarted",
    "SpeechStopped",
    "State",
    "StateError",
    "Stats",
    "Status",
    "StatusEvent",
    "TextPart",
    "Tls",
    "TlsError",
    "Tokens",
    "Tool",
    "ToolCall",
    "ToolCallPart",
    "ToolCancelled",
    "ToolChoiceFunction",
    "ToolContext",
    "ToolDefinition",
    "ToolError",
    "ToolHandling",
    "ToolResultPart",
    "ToolTimeout",
    "Transcript",
    "TranscriptDocument",
    "TranscriptMessage",
    "Transcription",
    "TransportChanged",
    "TurnDetection",
    "TurnDone",
    "UnsupportedError",
    "Usage",
    "WarningEvent",
    "blocking",
    "catalogue",
    "clock_us",
    "config_schema",
    "connect",
    "live_clients",
    "simulator",
    "testing",
    "tool",
    "transcript_schema",
    "validate_config",
    "version",
]
