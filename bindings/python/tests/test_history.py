"""A conversation that is kept, taken over and forgotten; pings and networks; asyncio and threads alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Optional

import duologue
import pytest
from conftest import Either, Polite

SCHEMA = Path(__file__).resolve().parents[3] / "docs" / "transcript.schema.json"
TOLD: dict[str, Any] = {
    "version": 1,
    "messages": [
        {"role": "user", "parts": [{"type": "text", "content": "My name is Ada."}]},
        {
            "role": "assistant",
            "parts": [
                {
                    "type": "audio",
                    "transcript": "Hello Ada, how are you?",
                    "heard_transcript": "Hello Ada,",
                    "duration_ms": 2000,
                    "heard_ms": 900,
                }
            ],
            "state": "incomplete",
            "interrupted": True,
        },
        {
            "role": "assistant",
            "parts": [{"type": "tool_call", "id": "c1", "name": "f", "input": {"n": 1}, "output": "2"}],
        },
    ],
}


def _made(either: Either, service: Optional[Polite] = None, **more: Any) -> Any:
    given: dict[str, Any] = {"api_key": "sk-any"} if service is None else {"service": service}
    return either.make("openai", **given, **more)


def test_a_conversation_goes_on_in_another_client(either: Either, service: Polite) -> None:
    first = _made(either)
    either.do(first.import_history(TOLD))
    kept = first.export_history()
    assert [m["role"] for m in kept["messages"]] == ["user", "assistant", "assistant"]
    assert kept["messages"][1]["parts"] == TOLD["messages"][1]["parts"]
    assert kept["messages"][1]["interrupted"] is True
    call = kept["messages"][2]["parts"][0]
    assert (call["id"], call["arguments"], call["state"]) == ("c1", '{"n":1}', "completed")
    either.do(first.clear_history())
    assert first.export_history() == {"version": 1, "messages": []}
    either.do(first.close())

    client = _made(either, service, recovery={"context_note": None})
    either.do(client.import_history(json.dumps(kept)))
    assert client.export_history() == kept
    either.do(client.connect())
    heard = service.heard("conversation.item.create", lambda f: f["item"].get("role") == "assistant")
    assert heard["item"]["content"][0]["text"] == "Hello Ada,"
    output = service.heard("conversation.item.create", lambda f: f["item"]["type"] == "function_call_output")
    assert output["item"]["call_id"] == "c1"
    for refused in (client.import_history, client.clear_history):
        with pytest.raises(duologue.StateError) as caught:
            either.do(refused(TOLD) if refused == client.import_history else refused())
        assert caught.value.code == "connected"
    either.do(client.close())


def test_what_is_no_transcript_is_told_with_its_path(either: Either) -> None:
    client = _made(either)
    wrong: tuple[tuple[Any, str], ...] = (
        ({"version": 1, "messages": [{"role": "bot", "parts": []}]}, "messages[0].role"),
        ({"version": 7, "messages": []}, "version"),
        ({"version": 1, "messages": [], "more": 1}, "more"),
        ({"version": 1, "messages": [{"role": "user", "parts": [b"x"]}]}, "transcript.messages[0].parts[0]"),
        (5, "transcript"),
    )
    for transcript, path in wrong:
        with pytest.raises(duologue.ArgumentError) as caught:
            either.do(client.import_history(transcript))
        assert caught.value.field == path
    many = {"version": 1, "messages": [{"role": "user", "parts": []}] * 2001}
    with pytest.raises(duologue.LimitError, match="more than 2000") as full:
        either.do(client.import_history(many))
    assert full.value.code == "history_full"
    assert client.messages() == ()
    either.do(client.close())


def test_a_ping_takes_time_and_a_network_may_change(either: Either) -> None:
    with duologue.Simulator() as simulator:
        client = _made(either, base_url=simulator.url)
        either.do(client.connect())
        assert 0 < either.do(client.ping()) < 15
        either.do(client.network_changed())
        assert client.status.kind in ("reconnecting", "connected")
        either.do(client.disconnect())
        for work in (client.ping, client.network_changed):
            with pytest.raises(duologue.StateError) as caught:
                either.do(work())
            assert caught.value.code == "not_connected"
        either.do(client.close())


@pytest.mark.skipif(not SCHEMA.exists(), reason="only in the repository")
def test_the_schema_is_the_published_one_and_the_types_have_its_keys() -> None:
    schema = duologue.transcript_schema()
    assert schema == json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert set(schema["properties"]) == set(duologue.TranscriptDocument.__annotations__)
    entry = next(d for d in schema["$defs"].values() if "created_ms" in d.get("properties", {}))
    assert set(entry["properties"]) == set(duologue.TranscriptMessage.__annotations__)
    assert set(entry["required"]) == duologue.TranscriptMessage.__required_keys__
