"""What can be asked of the engine without a client."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Union

from ._json import plain
from ._lib import native
from ._orders import string
from .errors import Error, bad_type


def version() -> str:
    """The version of the engine, for example ``0.1.0``."""
    number: str = native.version()
    return number


def live_clients() -> int:
    """Clients that were made and not released; 0 when everything was closed."""
    count: int = native.live_clients()
    return count


def clock_us() -> int:
    """Microseconds on the clock of capture and playback times (``CLOCK_MONOTONIC`` on Unix)."""
    now: int = native.clock_us()
    return now


def config_schema() -> dict[str, Any]:
    """The JSON Schema of the configuration document."""
    schema: dict[str, Any] = json.loads(native.config_schema())
    return schema


def transcript_schema() -> dict[str, Any]:
    """The JSON Schema of a transcript, as :meth:`Client.export_history` gives it."""
    schema: dict[str, Any] = json.loads(native.transcript_schema())
    return schema


def catalogue() -> dict[str, Any]:
    """What is known of providers, models and voices without asking anybody.

    ``catalogue()["providers"]`` has each provider's defaults, ``models`` (until when they live, what follows
    them), ``transcription_models`` and ``voices``.
    """
    known: dict[str, Any] = json.loads(native.catalogue())
    return known


def validate_config(config: Union[str, Mapping[str, Any]]) -> None:
    """Checks a configuration document, a mapping or JSON text, as making a client does.

    Raises :class:`~duologue.ConfigError`, whose ``field`` is the path of what is wrong.
    """
    if isinstance(config, Mapping):
        document = json.dumps(plain(config, ""))
    elif isinstance(config, str):
        document = string("config", config)
    else:
        raise bad_type("config", "a mapping or JSON text", config)
    try:
        native.validate_config(document)
    except Error as error:
        error.field = error.field or "config"
        raise
