"""Calls over WebRTC: the choice of the transport, media beside the events, and a server of one's own in between."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import duologue
import pytest
from conftest import Either

#: Nobody speaks, and what is said is counted as heard in real time.
QUIET: Any = {"audio": {"input": {"source": "none"}}}


def scenario(folder: Path, *faults: Any) -> Path:
    path = folder / "scenario.json"
    turns = [{"hear": "one", "reply": [{"say": "One, two, three."}]}]
    path.write_text(json.dumps({"name": "calls", "turns": turns, "faults": list(faults)}), encoding="utf-8")
    return path


def first(either: Either, events: Any) -> Any:
    return either.do(asyncio.wait_for(events.__anext__(), 60)) if either.loop else events.next(60)


def test_a_call_is_answered_aloud(either: Either, tmp_path: Path) -> None:
    with duologue.Simulator(scenario(tmp_path)) as simulator:
        client = either.make(base_url=simulator.url, api_key="c4n4ry-key", transport="webrtc", config=QUIET)
        assert client.capabilities()["transports"] == ["websocket", "webrtc"]
        events = client.events(duologue.TurnDone)
        either.do(client.connect())
        either.do(client.send_text("one"))
        assert first(either, events).status == "completed"
        media = client.stats().media
        assert media is not None and media.packets > 0 and media.sent > 0
        either.do(client.close())


def test_where_no_path_leads_a_websocket_is_used(either: Either, tmp_path: Path) -> None:
    with duologue.Simulator(scenario(tmp_path, {"when": {"upgrade": 1}, "do": "no_path"})) as simulator:
        client = either.make(base_url=simulator.url, api_key="c4n4ry-key", transport="auto", config=QUIET)
        events = client.events(duologue.TransportChanged)
        either.do(client.connect())
        change = first(either, events)
        assert (change.from_, change.to, change.why) == ("webrtc", "websocket", "no_path")
        assert client.stats().media is None
        either.do(client.close())


def test_a_server_of_ones_own_gets_no_key(either: Either, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy: Any = {"url": "http://127.0.0.1:1/calls"}
    with pytest.raises(duologue.ConfigError, match="sdp_proxy"):
        either.make(sdp_proxy=proxy)
    with pytest.raises(duologue.UnsupportedError, match="gets no key"):
        either.make(transport="webrtc", sdp_proxy=proxy, api_key="c4n4ry-key")

    # That of the environment is none for it.
    monkeypatch.setenv("OPENAI_API_KEY", "c4n4ry-key")
    with socket.socket() as taken:
        # Bound and not listening: nobody is there.
        taken.bind(("127.0.0.1", 0))
        proxy["url"] = f"http://127.0.0.1:{taken.getsockname()[1]}/calls"
        client = either.make(transport="webrtc", sdp_proxy=proxy, recovery={"reconnect": False})
        with pytest.raises(duologue.NetworkError, match=r"sdp_proxy\.url"):
            either.do(client.connect())
        either.do(client.close())
