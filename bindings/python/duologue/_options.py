"""From the arguments of a client to an engine's client."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Callable, Optional, Union

from . import _lib
from ._credentials import Credential, CredentialFunction, one_argument, secret
from ._engine import catalogue
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
    document: dict[str, Any], api_key: Optional[str], credential: Optional[object]
) -> Optional[Credential]:
    if api_key is not None and credential is not None:
        raise bad_argument("api_key", "was given beside a credential", "give one of them")
    if credential is not None:
        if not isinstance(credential, Credential):
            raise bad_type("credential", "a Credential, or a function that gets one", credential)
        return credential
    if api_key is not None:
        if not isinstance(api_key, str):
            raise bad_type("api_key", "a string", api_key)
        if not api_key.strip():
            fix = "give the key as the provider shows it"
            raise CredentialError("the key is empty", code="missing_key", field="api_key", fix=fix)
        return secret(api_key, "api_key")
    # A server of the application has the key itself.
    if document.get("sdp_proxy") is not None:
        return None
    # A key of one vendor is never sent to another.
    for known in catalogue()["providers"]:
        if known["name"] == document.get("provider", "openai"):
            for name in known["key_variables"]:
                found = os.environ.get(name)
                if found:
                    return secret(found, name)
    return None


def _asked(document: dict[str, Any], api_key: Optional[str], credential: Optional[object]) -> bool:
    """The host is asked at each dial; then there is nothing to give before."""
    if callable(credential):
        one_argument(credential)
        _say(document, "credentials", "source", "asked", "credential")
        credential = None
    policy = document.get("credentials")
    asked = isinstance(policy, dict) and policy.get("source") == "asked"
    if asked and (api_key is not None or credential is not None):
        name = "credential" if api_key is None else "api_key"
        raise bad_argument(name, "means nothing where credentials are asked for", "leave one of them out")
    return asked


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
    credential: Union[Credential, CredentialFunction, None],
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
    toolbox = Toolbox((run_here, _names(document.get("tools"))), on_undeclared_tool)
    if on_undeclared_tool is not None:
        _say(document, "tool_handling", "undeclared", "host", "on_undeclared_tool")
    line = None
    hears, records = _files(microphone, speaker)
    provider = document.get("provider", "openai")
    asked = _asked(document, api_key, credential)
    key = None if asked else _credential(document, api_key, credential)
    if service is not None:
        line = _line(service)
        if document.get("base_url") is not None:
            raise bad_argument("base_url", "means nothing to a mocked service", "leave it out")
        key = key or (None if asked else Credential(_SIMULATED_KEY))
    elif provider == "simulator":
        from . import simulator

        given_key = api_key or (None if asked else credential)
        for name, value in (("base_url", document.get("base_url")), ("api_key", given_key)):
            if value is not None:
                raise bad_argument(name, "means nothing to the simulator", "leave it out")
        document["provider"], document["base_url"] = "openai", simulator.shared().url
        key = None if asked else Credential(_SIMULATED_KEY)
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
