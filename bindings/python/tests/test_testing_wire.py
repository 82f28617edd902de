"""What the mocked service says on the wire, without a client: answers, links, ids, refusals."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any, Optional

import pytest
from duologue._mock_core import Core

Frames = list[dict[str, Any]]


class Wire:
    """A connection to a service that nobody else uses: its answers come back."""

    def __init__(self) -> None:
        self.core = Core(None)
        self.all: Frames = []
        self.greeting = self._keep(self.core.opened())

    def _keep(self, frames: list[str]) -> Frames:
        events = [json.loads(frame) for frame in frames]
        self.all += events
        return events

    def give(self, kind: str, **fields: Any) -> Frames:
        """Sends a client's event."""
        return self._keep(self.core.received(json.dumps({"type": kind, "event_id": "mine", **fields})))

    def simulate(self, method: str, *arguments: Any) -> Frames:
        """Lets the service say something."""
        vendor = self.core._vendor
        assert vendor is not None
        getattr(vendor, method)(*arguments)
        return self._keep(self.core._answers())


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A connection; whatever was said on it, ids were new and items known."""
    wire = Wire()
    yield wire
    ids = [event["event_id"] for event in wire.all]
    assert len(set(ids)) == len(ids)
    items: list[Optional[str]] = [None]
    for event in wire.all:
        if event["type"] == "conversation.item.added":
            assert event["previous_item_id"] in items
            items.append(event["item"]["id"])
        elif event["type"] == "conversation.item.done":
            at = items.index(event["item"]["id"])
            assert event["previous_item_id"] in items[:at]
    assert wire.core.failure is None


def kinds(events: Frames) -> list[str]:
    return [event["type"] for event in events]


def refusal(events: Frames) -> Any:
    """The code of the one answer, an error that names the client's event."""
    assert kinds(events) == ["error"]
    assert events[0]["error"]["event_id"] == "mine"
    return events[0]["error"]["code"]


def message(item: str, text: str = "x") -> dict[str, Any]:
    return {"id": item, "type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def test_session(wire: Wire) -> None:
    assert kinds(wire.greeting) == ["session.created"]
    patch = {"type": "realtime", "instructions": "Be brief.", "audio": {"output": {"voice": "cedar"}}}
    (updated,) = wire.give("session.update", session=patch)
    session = updated["session"]
    assert updated["type"] == "session.updated"
    # What is not named stays.
    assert session["id"] == wire.greeting[0]["session"]["id"]
    assert session["audio"]["output"] == {
        "format": {"type": "audio/pcm", "rate": 24000},
        "voice": "cedar",
        "speed": 1.0,
    }
    (updated,) = wire.give("session.update", session={"audio": {"input": {"turn_detection": None}}})
    assert updated["session"]["audio"]["input"]["turn_detection"] is None
    semantic = {"type": "semantic_vad", "eagerness": "low"}
    (updated,) = wire.give("session.update", session={"audio": {"input": {"turn_detection": semantic}}})
    assert updated["session"]["audio"]["input"]["turn_detection"] == {
        **semantic,
        "create_response": True,
        "interrupt_response": True,
    }


def test_items_are_linked(wire: Wire) -> None:
    first = wire.give("conversation.item.create", item=message("a"))
    assert kinds(first) == ["conversation.item.added", "conversation.item.done"]
    assert [event["previous_item_id"] for event in first] == [None, None]
    second = wire.give("conversation.item.create", item=message("c"))
    assert [event["previous_item_id"] for event in second] == ["a", "a"]
    between = wire.give("conversation.item.create", item=message("b"), previous_item_id="a")
    assert between[0]["previous_item_id"] == "a"
    front = wire.give("conversation.item.create", item=message("0"), previous_item_id="root")
    assert front[0]["previous_item_id"] is None
    spoken = wire.simulate("end_turn", "")
    added = next(event for event in spoken if event["type"] == "conversation.item.added")
    assert added["previous_item_id"] == "c"
    assert wire.core._vendor is not None
    assert wire.core._vendor.items == ["0", "a", "b", "c", added["item"]["id"]]


def test_refusals(wire: Wire) -> None:
    wire.give("conversation.item.create", item=message("a"))
    assert (
        refusal(wire.give("conversation.item.create", item=message("a"))) == "item_create_duplicate_item_id"
    )
    lost = wire.give("conversation.item.create", item=message("b"), previous_item_id="nobody")
    assert refusal(lost) == "item_create_invalid_previous_item_id"
    unknown = {"item_id": "nobody", "content_index": 0, "audio_end_ms": 1}
    assert refusal(wire.give("conversation.item.truncate", **unknown)) == "item_truncate_invalid_item_id"
    assert refusal(wire.give("conversation.item.delete", item_id="nobody")) == "item_delete_invalid_item_id"
    text = {**unknown, "item_id": "a"}
    assert refusal(wire.give("conversation.item.truncate", **text)) == "unsupported_content_type"
    assert refusal(wire.give("response.cancel")) == "response_cancel_not_active"
    assert kinds(wire.give("response.create")) == ["response.created"]
    assert refusal(wire.give("response.create")) == "conversation_already_has_active_response"
    assert refusal(wire.give("input_audio_buffer.append", audio="no base64!")) == "invalid_value"


def test_truncation_is_checked(wire: Wire) -> None:
    """An answer is as long as its audio: who claims to have heard more is refused."""
    spoken = wire.simulate("say", ["One ", "two ", "three"], bytes(48 * 250))
    deltas = [event for event in spoken if event["type"] == "response.output_audio.delta"]
    assert [len(base64.b64decode(event["delta"])) // 48 for event in deltas] == [100, 100, 50]
    words = [event["delta"] for event in spoken if event["type"].endswith("transcript.delta")]
    assert words == ["One ", "two ", "three"]
    item = deltas[0]["item_id"]
    cut = {"item_id": item, "content_index": 0}
    too_much = wire.give("conversation.item.truncate", **cut, audio_end_ms=251)
    assert refusal(too_much) == "invalid_value"
    (told,) = wire.give("conversation.item.truncate", **cut, audio_end_ms=250)
    assert (told["type"], told["audio_end_ms"]) == ("conversation.item.truncated", 250)
    (gone,) = wire.give("conversation.item.delete", item_id=item)
    assert (gone["type"], gone["item_id"]) == ("conversation.item.deleted", item)


def test_speech_of_the_user(wire: Wire) -> None:
    events = wire.simulate("end_turn", "Hello you")
    # Not configured: not transcribed.
    assert kinds(events) == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
    ]
    assert events[0]["audio_start_ms"] < events[1]["audio_end_ms"]
    assert len({events[at]["item_id"] for at in range(3)}) == 1
    transcription = {"audio": {"input": {"transcription": {"model": "gpt-transcribe"}}}}
    wire.give("session.update", session=transcription)
    again = wire.simulate("end_turn", "Hello you")
    # The response that waits is cut off by the user.
    assert kinds(again)[:2] == ["input_audio_buffer.speech_started", "response.done"]
    prefix = "conversation.item.input_audio_transcription."
    said = [event for event in again if event["type"].startswith(prefix)]
    assert [event.get("delta", event.get("transcript")) for event in said] == ["Hello", " you", "Hello you"]
    assert again[0]["audio_start_ms"] >= events[1]["audio_end_ms"]


def test_without_turn_detection_there_are_no_turns(wire: Wire) -> None:
    wire.give("session.update", session={"audio": {"input": {"turn_detection": None}}})
    events = wire.simulate("end_turn", "")
    assert kinds(events) == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]


def test_a_response_shows_what_it_made(wire: Wire) -> None:
    """Words, then a call: two items, closed in order, summed up at the end."""
    wire.give("response.create", response={"metadata": {"client_event_id": "r"}})
    wire.simulate("say", ["One moment."])
    wire.simulate("call", "call_1", "f", '{"a":1}')
    (done,) = wire.simulate("end_response")
    response = done["response"]
    assert (response["status"], response["metadata"]) == ("completed", {"client_event_id": "r"})
    words, call = response["output"]
    assert words["content"] == [{"type": "output_audio", "transcript": "One moment."}]
    assert (call["call_id"], call["name"], call["arguments"]) == ("call_1", "f", '{"a":1}')
    assert [item["status"] for item in response["output"]] == ["completed", "completed"]
    deltas = [e["delta"] for e in wire.all if e["type"] == "response.function_call_arguments.delta"]
    assert "".join(deltas) == '{"a":1}'
    places = {
        e["item"]["id"]: e["output_index"] for e in wire.all if e["type"] == "response.output_item.done"
    }
    assert places == {words["id"]: 0, call["id"]: 1}


def test_a_response_outside_the_conversation_leaves_it_alone(wire: Wire) -> None:
    asked = {"conversation": "none", "output_modalities": ["text"], "metadata": {"client_event_id": "r"}}
    (created,) = wire.give("response.create", response=asked)
    assert created["response"]["conversation_id"] is None
    # Beside one of the conversation.
    (beside,) = wire.give("response.create")
    assert beside["response"]["conversation_id"] is not None
    vendor = wire.core._vendor
    assert vendor is not None
    events = wire.simulate("answer", vendor.outside[0], "happy")
    assert kinds(events) == [
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.done",
    ]
    done = events[-1]["response"]
    assert (done["id"], done["metadata"]) == (created["response"]["id"], {"client_event_id": "r"})
    assert vendor.items == [] and vendor.response is not None


def test_what_is_told_again_is_a_replay(wire: Wire) -> None:
    wire.give("conversation.item.create", item=message("U1"))
    wire.core.closed()
    wire.core.opened()
    wire.give("conversation.item.create", item=message("U1"))
    wire.give("conversation.item.create", item=message("U2"))
    calls = [(call.name, call.connection) for call in wire.core.log.calls]
    assert calls[-2:] == [("replay", 2), ("send_text", 2)]
    wire.all.clear()


def test_what_is_no_event(wire: Wire) -> None:
    for frame in ("{", "[]", "{}", '{"type": 1}'):
        (event,) = wire._keep(wire.core.received(frame))
        assert event["error"]["code"] == "invalid_event"


@pytest.mark.parametrize("text", ["", "a", " a", "a ", "a  b\n c\t", " ", "日本語 テキスト"])
def test_pieces_are_the_text(text: str) -> None:
    from duologue._mock_events import pieces

    assert "".join(pieces(text)) == text
