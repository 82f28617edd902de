"""The vendor's side of one connection: the conversation as OpenAI's Realtime API keeps it."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Callable, Optional

from . import _mock_events as wire
from ._mock_events import Json

#: Responses outside the conversation that may be open.
MAX_OUTSIDE = 16


@dataclass
class Turn:
    """The user speaks."""

    item: str
    started_ms: int
    partial: str = ""


@dataclass
class Part:
    """A message of the assistant that is being generated."""

    item: str
    index: int
    audio: bool
    text: str = ""
    previous: Optional[str] = None


@dataclass
class Response:
    """A response that is not done."""

    id: str
    metadata: object
    #: It is spoken.
    audio: bool
    #: It is no part of the conversation.
    outside: bool = False
    #: Nobody has answered it.
    wants_reply: bool = False
    #: What is answered.
    asked: str = ""
    output: list[Json] = field(default_factory=list)
    part: Optional[Part] = None


class Refusal(Exception):
    """The service refuses a client's event."""

    def __init__(self, code: Optional[str], message: str, param: Optional[str] = None) -> None:
        """With the words of an error event."""
        super().__init__(message)
        self.code, self.message, self.param = code, message, param


class Vendor:
    """What a connection is about. Events to send collect in `out`: who calls takes them, under the lock."""

    def __init__(self, number: int, new_id: Callable[[str], str]) -> None:
        """A new connection."""
        self.out: list[Json] = []
        self.session = wire.session(number)
        #: Order of the conversation.
        self.items: list[str] = []
        #: Assistant audio by item, milliseconds.
        self.audio_ms: dict[str, int] = {}
        self.calls: set[str] = set()
        self.response: Optional[Response] = None
        #: Responses outside the conversation, oldest first.
        self.outside: list[Response] = []
        self.turn: Optional[Turn] = None
        self.heard_ms = 0
        self.last_input = ""
        self._new_id = new_id

    # What the session says

    def detection(self) -> Optional[Json]:
        """Turn detection in force; None: the client ends turns."""
        found: Optional[Json] = self.session["audio"]["input"]["turn_detection"]
        return found

    @property
    def transcribes(self) -> bool:
        """User speech is transcribed."""
        return self.session["audio"]["input"]["transcription"] is not None

    def emit(self, *events: Json) -> None:
        """Sends events."""
        for event in events:
            self.out.append(event if "event_id" in event else {**event, "event_id": self._new_id("event")})

    # The conversation

    def last_item(self) -> Optional[str]:
        """The newest item."""
        return self.items[-1] if self.items else None

    def add_item(self, item: Json, after: Optional[str] = None) -> Optional[str]:
        """Puts an item into the conversation and says after which it is."""
        if after == "root":
            self.items.insert(0, item["id"])
            previous = None
        elif after is not None:
            if after not in self.items:
                message = f"Cannot add item: the item with ID '{after}' does not exist."
                raise Refusal("item_create_invalid_previous_item_id", message, "previous_item_id")
            self.items.insert(self.items.index(after) + 1, item["id"])
            previous = after
        else:
            previous = self.last_item()
            self.items.append(item["id"])
        self.emit(wire.item_added(item, previous))
        return previous

    def create_item(self, item: Json, after: Optional[str]) -> None:
        """The client adds an item."""
        item = {"object": "realtime.item", "status": "completed", **item}
        item.setdefault("id", self._new_id("item"))
        if item["id"] in self.items:
            message = f"Error adding item: the item with ID '{item['id']}' already exists."
            raise Refusal("item_create_duplicate_item_id", message, "item.id")
        previous = self.add_item(item, after)
        self.emit(wire.item_done(item, previous))

    def _known(self, item: str, verb: str) -> None:
        if item not in self.items:
            message = f"Cannot {verb} item: the item with ID '{item}' does not exist."
            raise Refusal(f"item_{verb}_invalid_item_id", message, "item_id")

    def truncate(self, item: str, part: int, end_ms: int) -> None:
        """The client says how much of an item was heard."""
        self._known(item, "truncate")
        length = self.audio_ms.get(item)
        if length is None:
            raise Refusal("unsupported_content_type", "Only model output audio can be truncated.", "item_id")
        if end_ms > length:
            raise Refusal(
                "invalid_value",
                f"Audio content of {length}ms is already shorter than {end_ms}ms",
                "audio_end_ms",
            )
        self.audio_ms[item] = end_ms
        kind = "conversation.item.truncated"
        self.emit({"type": kind, "item_id": item, "content_index": part, "audio_end_ms": end_ms})

    def delete(self, item: str) -> None:
        """The client removes an item."""
        self._known(item, "delete")
        self.items.remove(item)
        self.emit({"type": "conversation.item.deleted", "item_id": item})

    # The user

    def start_turn(self) -> Turn:
        """The user speaks; goes on with a turn that has begun."""
        if self.turn is not None:
            return self.turn
        self.turn = Turn(self._new_id("item"), self.heard_ms)
        detection = self.detection()
        if detection is not None:
            kind = "input_audio_buffer.speech_started"
            self.emit({"type": kind, "audio_start_ms": self.heard_ms, "item_id": self.turn.item})
            if detection.get("interrupt_response", True) and self.response is not None:
                self.end_response("cancelled", {"type": "cancelled", "reason": "turn_detected"})
        return self.turn

    def partial(self, text: str) -> None:
        """More words of the user are recognized."""
        turn = self.start_turn()
        turn.partial += text
        # Without turn detection nothing is recognized before the turn is committed.
        if self.detection() is not None:
            self.emit(*wire.transcription_deltas(turn.item, text))

    def end_turn(self, text: str) -> None:
        """The user has spoken."""
        turn = self.start_turn()
        self.turn, self.last_input = None, text
        detection = self.detection()
        # As long as what was really pushed, else as long as one needs to say it and to be known to be silent.
        silence = (detection or {}).get("silence_duration_ms") or 0
        self.heard_ms = max(self.heard_ms, turn.started_ms + max(300, 60 * len(text)) + silence)
        if detection is not None:
            kind = "input_audio_buffer.speech_stopped"
            self.emit({"type": kind, "audio_end_ms": self.heard_ms, "item_id": turn.item})
        head = {"previous_item_id": self.last_item(), "item_id": turn.item}
        self.emit({"type": "input_audio_buffer.committed", **head})
        item = wire.user_speech(turn.item, None)
        previous = self.add_item(item)
        self.emit(wire.item_done(item, previous))
        if self.transcribes:
            told = turn.partial if detection is not None else ""
            rest = text[len(told) :] if text.startswith(told) else ""
            self.emit(*wire.transcription_deltas(turn.item, rest), *wire.transcription(turn.item, text))
        if detection is not None and detection.get("create_response", True) and self.response is None:
            self.open_response({})

    def commit(self) -> None:
        """The client ends the user's turn: what was recognized so far is what was said."""
        self.end_turn(self.turn.partial if self.turn is not None else "")

    def clear(self) -> None:
        """The client throws away what was said since the last turn."""
        self.turn = None
        self.emit({"type": "input_audio_buffer.cleared"})

    # The assistant

    def _new_response(self, options: Json, asked: str, wants_reply: bool) -> Response:
        modalities = options.get("output_modalities") or self.session["output_modalities"]
        outside = options.get("conversation") == "none"
        made = (self._new_id("resp"), options.get("metadata"), "audio" in modalities)
        response = Response(*made, outside, wants_reply, asked)
        self.emit({"type": "response.created", "response": self._shown(response, "in_progress")})
        return response

    def open_response(self, options: Json, wants_reply: bool = True) -> Response:
        """A response of the conversation begins."""
        self.response = self._new_response(options, self.last_input, wants_reply)
        return self.response

    def request_response(self, options: Json) -> None:
        """The client asks for a response."""
        if options.get("conversation") == "none":
            if len(self.outside) >= MAX_OUTSIDE:
                message = f"More than {MAX_OUTSIDE} responses outside the conversation are open."
                raise Refusal("rate_limit_exceeded", message)
            asked = options.get("instructions") or self.last_input
            self.outside.append(self._new_response(options, asked, True))
            return
        if self.response is not None:
            message = f"Conversation already has an active response in progress: {self.response.id}"
            raise Refusal("conversation_already_has_active_response", message)
        self.open_response(options)

    @staticmethod
    def _shown(response: Response, status: str, details: Optional[Json] = None) -> Json:
        about = (response.id, status, response.metadata, response.output, details, response.outside)
        return wire.response(*about)

    def open_responses(self) -> list[Response]:
        """All that are not done."""
        return ([self.response] if self.response is not None else []) + self.outside

    def cancel(self, response_id: Optional[str]) -> None:
        """The client stops a response."""
        for response in self.outside:
            if response.id == response_id:
                self._finish(response, "cancelled", {"type": "cancelled", "reason": "client_cancelled"})
                return
        if self.response is None or response_id not in (None, self.response.id):
            message = "Cancellation failed: no active response found"
            raise Refusal("response_cancel_not_active", message)
        self.end_response("cancelled", {"type": "cancelled", "reason": "client_cancelled"})

    def _open(self) -> Response:
        response = self.response or self.open_response({}, wants_reply=False)
        response.wants_reply = False
        return response

    def _part(self, response: Response, audio: bool) -> tuple[Part, Json]:
        """The part that is being generated, and the head of events about it."""
        part = response.part
        if part is not None and part.audio != audio:
            self._end_part(response, "completed")
            part = None
        if part is None:
            part = response.part = Part(self._new_id("item"), len(response.output), audio)
            item = wire.message(part.item, "in_progress", None)
            response.output.append(item)
            head = {"response_id": response.id, "output_index": part.index}
            self.emit({"type": "response.output_item.added", **head, "item": item})
            if not response.outside:
                part.previous = self.add_item(item)
            empty = {"type": "audio", "transcript": ""} if audio else {"type": "text", "text": ""}
            added = {"type": "response.content_part.added", **self._head(response, part), "part": empty}
            self.emit(added)
            if audio:
                self.audio_ms[part.item] = 0
        return part, self._head(response, part)

    @staticmethod
    def _head(response: Response, part: Part) -> Json:
        return {
            "response_id": response.id,
            "item_id": part.item,
            "output_index": part.index,
            "content_index": 0,
        }

    def say(self, words: Iterable[str], pcm: bytes = b"") -> None:
        """Words of the answer, and how they sound: the words spread over the audio."""
        self._speak(self._open(), words, pcm)

    def answer(self, response: Response, text: str) -> None:
        """An open response says the text, as far as it has not, and is done."""
        response.wants_reply = False
        self._speak(response, wire.pieces(self._rest(response, text)))
        self._finish(response, "completed")

    def _speak(self, response: Response, words: Iterable[str], pcm: bytes = b"") -> None:
        part, head = self._part(response, response.audio or bool(pcm))
        kind = "response.output_audio_transcript.delta" if part.audio else "response.output_text.delta"
        waiting = list(words)
        step = wire.DELTA_MS * wire.BYTES_PER_MS
        deltas = [pcm[at : at + step] for at in range(0, len(pcm), step)]
        for number, delta in enumerate(deltas):
            # A word is told with the audio in which it begins.
            due = -(-len(waiting) // (len(deltas) - number))
            for word in waiting[:due]:
                self._word(part, kind, head, word)
            del waiting[:due]
            audio = base64.b64encode(delta).decode()
            self.emit({"type": "response.output_audio.delta", **head, "delta": audio})
            self.audio_ms[part.item] += wire.milliseconds(delta)
        for word in waiting:
            self._word(part, kind, head, word)

    def _word(self, part: Part, kind: str, head: Json, word: str) -> None:
        part.text += word
        self.emit({"type": kind, **head, "delta": word})

    def rest(self, text: str) -> str:
        """What of a text the open part has not said yet."""
        return text if self.response is None else self._rest(self.response, text)

    @staticmethod
    def _rest(response: Response, text: str) -> str:
        part = response.part
        if part is None:
            return text
        return text[len(part.text) :] if text.startswith(part.text) else text

    def call(self, call_id: str, name: str, arguments: str) -> None:
        """The model calls a function."""
        response = self._open()
        if response.part is not None:
            self._end_part(response, "completed")
        self.calls.add(call_id)
        item, index = self._new_id("item"), len(response.output)
        begun = wire.function_call(item, "in_progress", call_id, name, "")
        ended = wire.function_call(item, "completed", call_id, name, arguments)
        place = {"response_id": response.id, "output_index": index}
        about = {**place, "item_id": item, "call_id": call_id}
        self.emit({"type": "response.output_item.added", **place, "item": begun})
        previous = self.add_item(begun)
        half = len(arguments) // 2
        kind = "response.function_call_arguments"
        for delta in (arguments[:half], arguments[half:]):
            if delta:
                self.emit({"type": f"{kind}.delta", **about, "delta": delta})
        self.emit({"type": f"{kind}.done", **about, "name": name, "arguments": arguments})
        response.output.append(ended)
        self.emit(
            {"type": "response.output_item.done", **place, "item": ended}, wire.item_done(ended, previous)
        )

    def _end_part(self, response: Response, status: str) -> None:
        part = response.part
        if part is None:
            return
        response.part = None
        head = self._head(response, part)
        if part.audio:
            kind, content = (
                "response.output_audio_transcript.done",
                {"type": "audio", "transcript": part.text},
            )
            self.emit({"type": "response.output_audio.done", **head})
            self.emit({"type": kind, **head, "transcript": part.text})
            shown = {"type": "output_audio", "transcript": part.text}
        else:
            content = {"type": "text", "text": part.text}
            self.emit({"type": "response.output_text.done", **head, "text": part.text})
            shown = {"type": "output_text", "text": part.text}
        self.emit({"type": "response.content_part.done", **head, "part": content})
        item = wire.message(part.item, status, shown)
        response.output[part.index] = item
        place = {"response_id": response.id, "output_index": part.index}
        self.emit({"type": "response.output_item.done", **place, "item": item})
        if not response.outside:
            self.emit(wire.item_done(item, part.previous))

    def end_response(self, status: str = "completed", details: Optional[Json] = None) -> None:
        """The response of the conversation is done, if there is one."""
        if self.response is not None:
            self._finish(self.response, status, details)

    def _finish(self, response: Response, status: str, details: Optional[Json] = None) -> None:
        self._end_part(response, "completed" if status == "completed" else "incomplete")
        if response.outside:
            self.outside.remove(response)
        else:
            self.response = None
        self.emit({"type": "response.done", "response": self._shown(response, status, details)})

    def fail(self, response: Response, details: Json) -> None:
        """An open response fails."""
        self._finish(response, "failed", details)

    def update_session(self, patch: Json) -> None:
        """The client sets the session."""
        self.session = wire.updated(self.session, patch)
        self.emit({"type": "session.updated", "session": self.session})

    def append(self, audio: Any) -> bytes:
        """Microphone audio."""
        try:
            pcm = base64.b64decode(audio, validate=True)
        except (TypeError, ValueError):
            raise Refusal(
                "invalid_value", "Invalid 'audio'. Expected base64-encoded bytes.", "audio"
            ) from None
        self.heard_ms += wire.milliseconds(pcm)
        return pcm
