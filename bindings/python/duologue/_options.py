"""From the arguments of a client to an engine's client."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Callable, Literal, Optional, Union

from ._lib import native
from .config import NOT_GIVEN, NotGiven, ToolDefinition, build_document
from .errors import bad_argument, bad_type

if TYPE_CHECKING:
    from .testing import MockService
    from .tools import Tool

Path = Union[str, "os.PathLike[str]"]
ToolLike = Union[Callable[..., Any], "Tool", ToolDefinition]
_SIMULATED_KEY = "sk-simulated"


class Credential:
    """A secret for the provider. It is never part of the configuration and never printed.

    :param value: the secret as the provider shows it.
    :param kind: ``key``: found out from the secret; ``api_key``: a long-lived key of the account;
        ``ephemeral``: a short-lived secret minted for one client.
    """

    __slots__ = ("_kind", "_value")

    def __init__(self, value: str, kind: Literal["key", "api_key", "ephemeral"] = "key") -> None:
        """See the class."""
        if not isinstance(value, str):
            raise bad_type("value", "a string", value)
        if kind not in ("key", "api_key", "ephemeral"):
            raise bad_argument("kind", f"{kind!r} is no kind of credential", "use key, api_key or ephemeral")
        self._value, self._kind = value, kind

    def __repr__(self) -> str:
        """Without the secret."""
        return f"Credential([redacted], {self._kind!r})"

    def __reduce__(self) -> Any:
        """Secrets are not pickled."""
        raise TypeError("a Credential cannot be pickled: it would be readable there")

    def for_engine(self) -> Any:
        """Used by the client."""
        option = native.CredentialOption
        return {"key": option.KEY, "api_key": option.API_KEY, "ephemeral": option.EPHEMERAL}[self._kind](
            value=self._value
        )


def secret(credential: object) -> Credential:
    """A credential that was given as one or as a key."""
    if isinstance(credential, str):
        return Credential(credential)
    if not isinstance(credential, Credential):
        raise bad_type("credential", "a string or a Credential", credential)
    return credential


def _path(name: str, value: Optional[Path]) -> Optional[str]:
    if value is None:
        return None
    try:
        path = os.fspath(value)
    except TypeError:
        raise bad_type(name, "a path", value) from None
    if not isinstance(path, str):
        raise bad_type(name, "a path of text", value)
    if not path:
        raise bad_argument(name, "is empty", "give the path of a WAV file")
    return path


def _credential(
    document: Mapping[str, Any], api_key: Optional[str], credential: Optional[Credential]
) -> Optional[Credential]:
    if api_key is not None and credential is not None:
        raise bad_argument("api_key", "was given beside a credential", "give one of them")
    if credential is not None:
        if not isinstance(credential, Credential):
            raise bad_type("credential", "a Credential", credential)
        return credential
    if api_key is not None:
        if not isinstance(api_key, str):
            raise bad_type("api_key", "a string", api_key)
        return Credential(api_key)
    found = os.environ.get("OPENAI_API_KEY") if document.get("provider", "openai") == "openai" else None
    return Credential(found) if found else None


def _source(document: dict[str, Any], side: str, source: str) -> None:
    """Says who has the audio, unless the document does."""
    audio = document.setdefault("audio", {})
    if isinstance(audio, dict):
        sides = audio.setdefault(side, {})
        if isinstance(sides, dict):
            sides.setdefault("source", source)


def make_engine(
    keywords: Mapping[str, object],
    *,
    tools: Union[Iterable[ToolLike], NotGiven],
    api_key: Optional[str],
    credential: Optional[Credential],
    microphone: Optional[Path],
    speaker: Optional[Path],
    service: Optional[MockService],
    config: Optional[Mapping[str, Any]],
) -> tuple[Any, dict[str, Tool]]:
    """A client of the engine that is not connected, and the tools that are run here, by name."""
    given = dict(keywords)
    run_here: dict[str, Tool] = {}
    if tools is not NOT_GIVEN:
        from .tools import collect  # Takes a while to import: only for who has tools.

        given["tools"], run_here = collect(tools)
    document = build_document(given, config)
    secret: Optional[Credential]
    line = None
    if service is not None:
        line = _line(service)
        secret = credential or Credential(api_key or _SIMULATED_KEY)
    elif document.get("provider") == "simulator":
        from . import simulator

        for name, value in (("base_url", document.get("base_url")), ("api_key", api_key or credential)):
            if value is not None:
                raise bad_argument(name, "means nothing to the simulator", "leave it out")
        document["provider"], document["base_url"] = "openai", simulator.shared().url
        secret = Credential(_SIMULATED_KEY)
    else:
        if document.get("base_url") is None and os.environ.get("DUOLOGUE_BASE_URL"):
            document["base_url"] = os.environ["DUOLOGUE_BASE_URL"]
        secret = _credential(document, api_key, credential)

    hears, records = _path("microphone", microphone), _path("speaker", speaker)
    files = None
    if hears is not None or records is not None:
        files = native.FileAudio(microphone=hears, speaker=records)
        _source(document, "input", "none" if hears is None else "device")
        _source(document, "output", "device")
    options = native.ClientOptions(
        credential=secret.for_engine() if secret else None, files=files, service=line
    )
    return native.Client(json.dumps(document), options), run_here


def _line(service: Any) -> Any:
    line = getattr(service, "_line", None)
    if not isinstance(line, native.MockService):
        raise bad_type("service", "a duologue.testing.MockService", service)
    return line
