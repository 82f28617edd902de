"""From the arguments of a client to an engine's client."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Callable, Literal, Optional, Union

from . import _lib
from ._lib import native
from ._requests import definitions
from ._session import forked
from ._toolbox import Toolbox
from .config import NOT_GIVEN, NotGiven, ToolDefinition, build_document
from .errors import CredentialError, Error, bad_argument, bad_type

if TYPE_CHECKING:
    from .events import ToolCall
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
        if not value.isascii():
            raise CredentialError(
                "the key contains characters no key has",
                code="malformed_key",
                field="value",
                fix="give the key as the provider shows it",
            )
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


def secret(credential: object, name: str = "credential") -> Credential:
    """A credential that was given as one or as a key."""
    if isinstance(credential, str):
        try:
            return Credential(credential)
        except CredentialError as error:
            error.field = name
            raise
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
    try:
        path.encode()
    except UnicodeEncodeError:
        raise bad_argument(name, "is no Unicode text", "rename the file") from None
    if "\0" in path:
        raise bad_argument(name, "contains a NUL", "give the path of a WAV file")
    return path


def _files(microphone: Optional[Path], speaker: Optional[Path]) -> tuple[Optional[str], Optional[str]]:
    hears, records = _path("microphone", microphone), _path("speaker", speaker)
    if records is not None:
        # The file itself is made when there is something to record.
        folder = os.path.dirname(os.path.abspath(records))
        if os.path.isdir(records) or not os.path.isdir(folder) or not os.access(folder, os.W_OK):
            fix = "give a file in a folder that exists and can be written"
            raise bad_argument("speaker", f"{records} cannot be written", fix)
        if hears is not None and os.path.realpath(hears) == os.path.realpath(records):
            raise bad_argument("speaker", "would overwrite the microphone's file", "give another one")
    return hears, records


def _credential(
    provider: str, api_key: Optional[str], credential: Optional[Credential]
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
        if not api_key.strip():
            fix = "give the key as the provider shows it"
            raise CredentialError("the key is empty", code="missing_key", field="api_key", fix=fix)
        return secret(api_key, "api_key")
    found = os.environ.get("OPENAI_API_KEY") if provider == "openai" else None
    return secret(found, "OPENAI_API_KEY") if found else None


def _source(document: dict[str, Any], side: str, source: str, name: str) -> None:
    """Says who has the audio, unless the document does."""
    audio = document.setdefault("audio", {})
    if isinstance(audio, dict):
        sides = audio.setdefault(side, {})
        if isinstance(sides, dict) and sides.setdefault("source", source) != source:
            said = sides["source"]
            raise bad_argument(
                name, f"means nothing with audio.{side}.source {said!r}", "leave one of them out"
            )


def _names(tools: object) -> set[str]:
    entries = tools if isinstance(tools, list) else []
    names = (entry.get("name") for entry in entries if isinstance(entry, dict))
    return {name for name in names if isinstance(name, str)}


def _say(document: dict[str, Any], section: str, key: str, value: str, name: str) -> None:
    """Says what the keyword `name` means, unless the document says something else."""
    part = document.setdefault(section, {})
    if isinstance(part, dict) and part.setdefault(key, value) != value:
        raise bad_argument(name, f"means nothing with {section}.{key} {part[key]!r}", "leave one of them out")


def make_engine(
    keywords: Mapping[str, object],
    *,
    tools: Union[Iterable[ToolLike], NotGiven],
    api_key: Optional[str],
    credential: Optional[Credential],
    microphone: Optional[Path],
    speaker: Optional[Path],
    service: Optional[MockService],
    on_undeclared_tool: Optional[Callable[[ToolCall], object]],
    config: Optional[Mapping[str, Any]],
) -> tuple[Any, Toolbox]:
    """A client of the engine that is not connected, and what it has for the calls of the model."""
    given = dict(keywords)
    run_here: dict[str, Tool] = {}
    if tools is not NOT_GIVEN:
        given["tools"], run_here, _ = definitions(tools)
    document = build_document(given, config)
    toolbox = Toolbox(run_here, _names(document.get("tools")), on_undeclared_tool)
    if on_undeclared_tool is not None:
        _say(document, "tool_handling", "undeclared", "host", "on_undeclared_tool")
    line = None
    hears, records = _files(microphone, speaker)
    provider = document.get("provider", "openai")
    key = _credential(provider, api_key, credential)
    if service is not None:
        line = _line(service)
        if document.get("base_url") is not None:
            raise bad_argument("base_url", "means nothing to a mocked service", "leave it out")
        key = key or Credential(_SIMULATED_KEY)
    elif provider == "simulator":
        from . import simulator

        for name, value in (("base_url", document.get("base_url")), ("api_key", api_key or credential)):
            if value is not None:
                raise bad_argument(name, "means nothing to the simulator", "leave it out")
        document["provider"], document["base_url"] = "openai", simulator.shared().url
        key = Credential(_SIMULATED_KEY)
    elif document.get("base_url") is None and os.environ.get("DUOLOGUE_BASE_URL"):
        document["base_url"] = os.environ["DUOLOGUE_BASE_URL"]

    files = None
    if hears is not None or records is not None:
        files = native.FileAudio(microphone=hears, speaker=records)
        if hears is not None:
            _source(document, "input", "device", "microphone")
        if records is not None:
            _source(document, "output", "device", "speaker")
            if hears is None and isinstance(document["audio"], dict):
                document["audio"].setdefault("input", {"source": "none"})
    options = native.ClientOptions(credential=key.for_engine() if key else None, files=files, service=line)
    if _lib.forked:
        raise forked()
    try:
        return native.Client(json.dumps(document), options), toolbox
    except Error as error:
        if error.field == "credential" and credential is None:
            error.field = "api_key"
        elif error.field == "provider" and error.fix:
            error.fix += ' or "simulator"'
        raise


def _line(service: Any) -> Any:
    line = getattr(service, "_line", None)
    if not isinstance(line, native.MockService):
        raise bad_type("service", "a duologue.testing.MockService", service)
    return line
