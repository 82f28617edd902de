"""What takes more than one step: asking beside the conversation, and reading pictures."""

from __future__ import annotations

import asyncio
from typing import Any, Optional

from ._requests import ImageDetail, ImageSource, ResponseOptions, image_input
from ._stream import EventStream
from .errors import ClosedError, Error, ProviderError, StateError
from .events import ErrorEvent, Transcript, TurnDone, event_mask


async def load(image: ImageSource, mime_type: Optional[str], detail: Optional[ImageDetail]) -> Any:
    """A picture as the engine takes it; files are read in a thread."""
    return await asyncio.to_thread(image_input, image, mime_type, detail)


async def ask(client: Any, options: ResponseOptions) -> str:
    """A response outside the conversation, as text."""
    options["out_of_band"], options["output_modality"] = True, "text"
    parts: list[str] = []
    error: Optional[Error] = None
    # From before it is asked for: nothing of it is missed.
    with_errors = event_mask((Transcript, TurnDone, ErrorEvent))
    stream: EventStream[Any] = EventStream(client, with_errors)
    try:
        response = await client._session.request_response(options)
        async for event in stream:
            if event.response != response:
                continue
            if isinstance(event, ErrorEvent):
                error = event.error
            elif isinstance(event, Transcript):
                if event.mode == "final":
                    parts.append(event.text)
            elif event.status == "completed":
                return "".join(parts)
            else:
                raise error or _failed(event)
    finally:
        stream.close()
    if client.closed:
        raise ClosedError("the client was closed before the answer was whole")
    raise StateError(
        "the session ended before the answer was whole", code="not_connected", fix="connect again"
    )


def _failed(end: TurnDone) -> ProviderError:
    reason = f": {end.reason}" if end.reason else ""
    return ProviderError(
        f"the answer is {end.status}{reason}", code=f"response_{end.status}", provider_code=end.reason
    )
