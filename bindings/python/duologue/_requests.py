"""Options of commands: of a response, of changes to a running session; pictures."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Optional, TypedDict, Union

from ._json import plain
from ._lib import native
from .config import (
    Modality,
    NoiseReduction,
    ReasoningEffort,
    ToolChoice,
    ToolHandling,
    Transcription,
    TurnDetection,
)
from .errors import LimitError, bad_argument, bad_type, near

if TYPE_CHECKING:
    from ._options import Path, ToolLike
    from .tools import Tool

ImageDetail = Literal["auto", "low", "high"]
"""How closely the model looks at a picture: the vendor's choice, roughly, closely."""
ImageSource = Union[bytes, bytearray, memoryview, "Path"]
"""A picture: its bytes, the path of a file, or a URL (``https:`` or ``data:``)."""

_DETAILS = ("auto", "low", "high")
# Nobody takes one of that size; it is not read to find that out. What the vendor takes, the engine says.
_MOST_BYTES = 64 << 20


class ItemReference(TypedDict):
    """An item of the conversation, as input of a response."""

    item: str
    """Its id, as in :class:`~duologue.Message`."""


class InputText(TypedDict):
    """A text that is in no conversation, as input of a response."""

    role: Literal["user", "assistant", "system"]
    """Who says it."""
    text: str
    """The words."""


class ResponseOptions(TypedDict, total=False):
    """Keywords of :meth:`Client.request_response`. What is left out, or None, is as the session says."""

    instructions: Optional[str]
    """What the model shall do in this response; added to the session's own."""
    replace_instructions: bool
    """``instructions`` take the place of the session's own."""
    output_modality: Optional[Modality]
    """Spoken or written."""
    voice: Optional[str]
    """The vendor's voice name."""
    tools: Optional[Iterable[ToolLike]]
    """Functions the model may call in this response, in place of the client's."""
    tool_choice: Optional[ToolChoice]
    """Whether it may, must or must not."""
    max_output_tokens: Optional[int]
    """Upper bound of generated tokens, 1 to 4096."""
    metadata: Optional[Mapping[str, str]]
    """Labels for the vendor's logs: at most 15, keys of 64 and values of 512 characters."""
    out_of_band: bool
    """It is no part of the conversation: its words come as ``Transcript`` events with its response id, and neither
    history nor speaker gets them. :meth:`Client.ask` waits for such words."""
    audible: bool
    """``out_of_band`` only: the speaker plays it all the same."""
    input: Optional[Sequence[Union[ItemReference, InputText]]]
    """What the model sees in place of the conversation. Empty: nothing."""


class SessionChanges(TypedDict, total=False):
    """Keywords of :meth:`Client.update_session`: what can change while a session runs.

    None gives the default back, but ``transcription=None`` switches transcription off.
    """

    instructions: Optional[str]
    """The system prompt."""
    voice: Optional[str]
    """The vendor's voice name, until the assistant has spoken (``voice_locked``)."""
    speed: Optional[float]
    """Speed of speech, while no response is generated (``response_running``)."""
    output_modality: Optional[Modality]
    """Spoken or written answers."""
    max_output_tokens: Union[int, Literal["inf"], None]
    """Upper bound of generated tokens a response."""
    reasoning_effort: Optional[ReasoningEffort]
    """How much the model thinks before it answers."""
    turn_detection: Optional[TurnDetection]
    """When the user's turn begins and ends; what is not named stays."""
    transcription: Optional[Transcription]
    """Transcription of the user's speech; what is not named stays."""
    noise_reduction: Optional[NoiseReduction]
    """The vendor's noise suppression."""
    tools: Optional[Iterable[ToolLike]]
    """Functions the model may call, in place of those it may call now."""
    tool_choice: Optional[ToolChoice]
    """Whether it may, must or must not."""
    parallel_tool_calls: Optional[bool]
    """The model may call several functions at once."""
    tool_handling: Optional[ToolHandling]
    """How calls are handled; what is not named stays."""
    extra: Optional[Mapping[str, Any]]
    """Fields of the vendor's session object."""


def response_options(
    options: Mapping[str, Any],
) -> tuple[Optional[str], Optional[tuple[dict[str, Tool], set[str]]]]:
    """The JSON text for the engine, and the functions in it when there are tools."""
    for name in options:
        if name not in ResponseOptions.__annotations__:
            raise bad_argument(
                name, "is no option of a response", near(name, ResponseOptions.__annotations__)
            )
    given = {name: value for name, value in options.items() if value is not None}
    declared = None
    if "tools" in given:
        given["tools"], run_here, names = definitions(given["tools"])
        declared = run_here, names
    return (json.dumps(plain(given, "")) if given else None), declared


def session_changes(
    changes: Optional[Mapping[str, Any]], keywords: Mapping[str, Any]
) -> tuple[str, Optional[tuple[dict[str, Tool], set[str]]]]:
    """The JSON text for the engine, and the functions in it when there are tools."""
    if changes is not None and not isinstance(changes, Mapping):
        raise bad_type("changes", "a mapping", changes, "or give keywords")
    for name in keywords:
        if name not in SessionChanges.__annotations__:
            fix = near(name, SessionChanges.__annotations__)
            raise bad_argument(name, "cannot change while a session runs", fix)
    given = {**(changes or {}), **keywords}
    declared = None
    if given.get("tools") is not None:
        given["tools"], run_here, names = definitions(given["tools"])
        declared = run_here, names
    elif "tools" in given:
        declared = {}, set[str]()
    return json.dumps(plain(given, "")), declared


def definitions(tools: Any) -> tuple[list[Any], dict[str, Tool], set[str]]:
    """Entries of the document, the functions that are run here by name, and the names of all."""
    from .tools import collect  # Takes a while to import: only for who has tools.

    entries, run_here = collect(tools)
    names = (entry.get("name") for entry in entries)
    return entries, run_here, {name for name in names if isinstance(name, str)}


def image_input(image: ImageSource, mime_type: Optional[str], detail: Optional[ImageDetail]) -> Any:
    """A picture as the engine takes it. Reads files."""
    data: Optional[bytes] = None
    url: Optional[str] = None
    if isinstance(image, (bytes, bytearray, memoryview)):
        data = bytes(image)
    elif isinstance(image, str) and (image.startswith("data:") or "://" in image):
        url = image
    elif isinstance(image, (str, os.PathLike)):
        data = _read(image)
    else:
        raise bad_type("image", "the bytes of a picture, a path, or a URL", image)
    if mime_type is not None and not isinstance(mime_type, str):
        raise bad_type("mime_type", "a string", mime_type)
    if detail is not None and detail not in _DETAILS:
        raise bad_argument("detail", f"{detail!r} is unknown", "use " + ", ".join(_DETAILS))
    closely = None if detail is None else getattr(native.ImageDetail, detail.upper())
    return native.ImageInput(data=data, url=url, mime_type=mime_type, detail=closely)


def _read(path: Any) -> bytes:
    try:
        size = os.stat(path).st_size
        if size > _MOST_BYTES:
            text = f"{os.fspath(path)} has {size} bytes, more than any model takes"
            raise LimitError(text, code="image_too_large", field="image", fix="make the picture smaller")
        with open(path, "rb") as file:
            return file.read()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        fix = "give the path of a PNG or JPEG file, its bytes, or a URL"
        raise bad_argument("image", f"{os.fspath(path)!r} cannot be read: {reason}", fix) from error
