"""A connection that is lost and comes back: what the program sees of it, and that the conversation goes on."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable, Optional

import duologue
import pytest
from conftest import Either
from duologue.testing import MockService
from mocking import clean

TEXT: Any = {"output_modality": "text", "audio": {"input": {"source": "none"}, "output": {"source": "none"}}}
#: The first connection is lost behind the first answer.
CUT: Any = {"connection": 1, "when": {"event": {"type": "response.done"}}, "do": "drop"}
#: The service asks for a minute's peace: longer than any test.
BUSY = duologue.QuotaError("too many requests", code="rate_limited", retryable=True, retry_after_ms=50_000)


@pytest.fixture
def simulate(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Starts simulators that know where the conversation was, and that have faults."""
    running: list[duologue.Simulator] = []

    def start(*faults: Any) -> str:
        turns = [{"hear": word, "reply": [{"text": f"You said {word}."}]} for word in ("one", "two")]
        scenario = {
            "name": "recovery",
            "continue": True,
            "turns": turns,
            "fallback": [{"text": "What?"}],
            "faults": list(faults),
        }
        path = tmp_path / f"{len(running)}.json"
        path.write_text(json.dumps(scenario), encoding="utf-8")
        running.append(duologue.Simulator(path).start())
        return running[-1].url

    yield start
    for simulator in running:
        simulator.close()


class Talk:
    """A client of either kind with a stream of what matters here."""

    def __init__(self, either: Either, url: Optional[str] = None, **options: Any) -> None:
        options = {"config": TEXT, **options}
        if url is not None:
            options.update(base_url=url, api_key="c4n4ry-key")
        self.either, self.client = either, either.make(**options)
        kinds = (duologue.StatusEvent, duologue.SessionReplaced, duologue.TurnDone)
        self.events = self.client.events(*kinds)

    def do(self, work: Any) -> Any:
        return self.either.do(work)

    def wait(self, work: Callable[[], Any]) -> Any:
        """Something that happens elsewhere, for some of which the loop must run."""
        return self.do(asyncio.to_thread(work)) if self.either.loop is not None else work()

    def next(self) -> Any:
        if self.either.loop is None:
            event = self.events.next(60)
            assert event is not None, "nothing came, or the run is over"
            return event
        return self.do(asyncio.wait_for(self.events.__anext__(), 60))

    def until(self, kind: type, what: Callable[[Any], bool] = lambda _: True) -> Any:
        while True:
            event = self.next()
            if isinstance(event, kind) and what(event):
                return event

    def waits(self) -> duologue.Status:
        """The next wait before a try. A wait has no phase, a step of a try has."""
        status: duologue.Status = self.until(
            duologue.StatusEvent, lambda e: e.status.is_reconnecting and e.status.phase is None
        ).status
        return status

    def back(self) -> duologue.SessionReplaced:
        """The connection came back; nothing but the way there came before."""
        while True:
            event = self.next()
            if isinstance(event, duologue.SessionReplaced):
                return event
            assert isinstance(event, duologue.StatusEvent), event
            assert event.status.is_reconnecting or event.status.is_connected, event

    def rest(self, events: Any = None) -> list[Any]:
        """What comes until the run is over in good order."""
        stream = self.events if events is None else events
        if self.either.loop is None:
            events: list[Any] = list(iter(lambda: stream.next(60), None))
            assert self.client.status.is_over
            return events

        async def read() -> list[Any]:
            return [event async for event in stream]

        found: list[Any] = self.do(asyncio.wait_for(read(), 60))
        return found

    def say(self, words: str) -> None:
        self.do(self.client.send_text(words))
        assert self.until(duologue.TurnDone).status == "completed"

    def texts(self) -> list[str]:
        return [message.text for message in self.client.messages()]


@pytest.fixture
def talk(either: Either) -> Iterator[Callable[..., Talk]]:
    """Makes clients, and closes them."""
    talks: list[Talk] = []

    def make(*arguments: Any, **options: Any) -> Talk:
        talks.append(Talk(either, *arguments, **options))
        return talks[-1]

    yield make
    for one in talks:
        one.do(one.client.close())


def mocked(talk: Callable[..., Talk], **options: Any) -> tuple[Talk, MockService]:
    """A conversation of one turn with a mock."""
    mock = MockService(reply="Yes.")
    one = talk(service=mock, **options)
    one.do(one.client.connect())
    one.say("one")
    return one, mock


def test_a_lost_connection_comes_back_and_the_talk_goes_on(
    talk: Callable[..., Talk], simulate: Callable[..., str]
) -> None:
    busy = {"when": {"upgrade": 2}, "do": {"refuse": {"status": 429, "retry_after_s": 1}}}
    one = talk(simulate(CUT, busy))
    one.do(one.client.connect())
    one.say("one")
    first = one.waits()
    assert (first.attempt, first.reason) == (1, "connection_lost")
    # At random, within 300 ms.
    assert first.retry_in_ms is not None and 0 <= first.retry_in_ms <= 300
    second = one.waits()
    assert (second.attempt, second.reason, second.retry_in_ms) == (2, "rate_limited", 1000)
    assert not second.is_over and not second.is_connected and second.error is None
    assert one.client.status.is_reconnecting
    # Waits for the connection.
    one.do(one.client.send_text("two"))
    replaced = one.back()
    assert (replaced.why, replaced.context, replaced.gap_ms) == ("reconnect", "full", 0)
    assert one.client.status.is_connected
    done = one.until(duologue.TurnDone)
    assert (done.status, done.epoch) == ("completed", replaced.epoch)
    assert one.texts() == ["one", "You said one.", "two", "You said two."]
    assert one.do(one.client.ping()) > 0
    assert one.client.state().error is None
    one.do(one.client.disconnect())
    assert [event.status.kind for event in one.rest()] == ["idle"]


def test_each_step_of_coming_back_is_told(talk: Callable[..., Talk], simulate: Callable[..., str]) -> None:
    one = talk(simulate(CUT))
    one.do(one.client.connect())
    one.say("one")
    steps: list[duologue.Status] = []
    while not (steps and steps[-1].is_connected):
        steps.append(one.next().status)
    assert {step.kind for step in steps[:-1]} == {"reconnecting"}
    assert [step.phase for step in steps[:-1]] == [None, "dial", "configure"]
    assert {step.attempt for step in steps[:-1]} == {1}
    assert one.client.stats().session.malformed == 0


def test_disconnecting_ends_the_wait(talk: Callable[..., Talk]) -> None:
    one, mock = mocked(talk)
    mock.refuse_dials(1, BUSY)
    mock.simulate_close(1012)
    assert one.waits().attempt == 1
    status = one.waits()
    assert (status.attempt, status.retry_in_ms) == (2, 50_000)
    one.do(one.client.disconnect())
    # Without another try.
    (last,) = one.rest()
    assert last.status.is_idle and (last.status.ended.by, last.status.ended.code) == ("user", "disconnected")
    assert [call.name for call in mock.calls].count("connect") == 1
    # The same client may begin anew, and its service is told the conversation.
    one.do(one.client.connect())
    assert one.until(duologue.SessionReplaced).why == "connect"
    assert one.texts() == ["one", "Yes."]


def test_commands_that_waited_fail_with_the_run(either: Either, talk: Callable[..., Talk]) -> None:
    one, mock = mocked(talk)
    mock.refuse_dials(1, BUSY)
    mock.simulate_close()
    while one.waits().attempt != 2:
        pass
    for refused in (one.client.ping, lambda: one.client.send_raw({"type": "x"})):
        with pytest.raises(duologue.StateError) as away:
            one.do(refused())
        assert away.value.code == "not_connected" and away.value.retryable
    updated: list[str] = []

    def update() -> None:
        with pytest.raises(duologue.Error) as failed:
            one.client.update_session(instructions="Be brief.")
        updated.append(failed.value.code)

    if either.loop is not None:
        waiting = either.loop.create_task(one.client.update_session(instructions="Be brief."))
        one.do(asyncio.sleep(0))
        one.do(one.client.disconnect())
        with pytest.raises(duologue.Error) as failed:
            one.do(waiting)
        updated.append(failed.value.code)
    else:
        thread = threading.Thread(target=update)
        thread.start()
        one.do(one.client.disconnect())
        thread.join(60)
    assert updated in (["cancelled"], ["not_connected"])


def test_another_network_needs_no_patience(talk: Callable[..., Talk]) -> None:
    one, mock = mocked(talk)
    mock.refuse_dials(1, BUSY)
    mock.simulate_close()
    while one.waits().attempt != 2:
        pass
    one.do(one.client.network_changed())
    status = one.waits()
    assert (status.attempt, status.reason, status.retry_in_ms) == (1, "network_changed", 0)
    assert one.back().why == "reconnect"
    # A connection that works is left for another one too.
    one.do(one.client.network_changed())
    assert one.waits().reason == "network_changed"
    assert one.back().context == "full"
    assert one.do(one.client.ping()) >= 0
    one.say("two")
    assert one.texts() == ["one", "Yes.", "two", "Yes."]
    assert [call.connection for call in mock.calls_named("connect")] == [1, 2, 3]
    assert [call["error"].code for call in mock.calls_named("dial_refused")] == ["rate_limited"]
    clean(one.client)


def test_without_reconnecting_a_lost_connection_is_the_end(talk: Callable[..., Talk]) -> None:
    one, mock = mocked(talk, recovery={"reconnect": False})
    with pytest.raises(duologue.StateError) as off:
        one.do(one.client.network_changed())
    assert off.value.code == "reconnect_off"
    mock.simulate_close()
    with pytest.raises(duologue.NetworkError) as lost:
        while True:
            assert not one.next().status.is_reconnecting
    assert (lost.value.code, lost.value.fatal, lost.value.retryable) == ("connection_lost", True, True)


def test_after_too_many_tries_the_run_is_over_and_the_conversation_is_kept(talk: Callable[..., Talk]) -> None:
    one, mock = mocked(talk, recovery={"max_attempts": 2})
    mock.refuse_dials(2, duologue.NetworkError("nobody answers", retryable=True))
    mock.simulate_close()
    with pytest.raises(duologue.NetworkError) as lost:
        while True:
            one.next()
    assert lost.value.code == "reconnect_failed" and "after 2 tries" in str(lost.value)
    assert "nobody answers" in str(lost.value)
    assert one.client.status.is_error and one.texts() == ["one", "Yes."]
    one.do(one.client.connect())
    assert one.until(duologue.SessionReplaced).context == "full"
    one.say("two")


def test_what_no_other_try_can_mend_ends_it(talk: Callable[..., Talk]) -> None:
    one, mock = mocked(talk)
    mock.refuse_dials(1, duologue.CredentialError("the service refused the API key", fix="look at it"))
    mock.simulate_close(1001)
    with pytest.raises(duologue.CredentialError) as refused:
        while True:
            one.next()
    assert (refused.value.code, refused.value.fix, refused.value.fatal) == ("auth", "look at it", True)
    assert mock.calls_named("dial_refused")[0].connection == 0


def test_a_first_connect_is_refused_at_once(talk: Callable[..., Talk]) -> None:
    mock = MockService()
    mock.refuse_dials()
    mock.refuse_dials(0)
    mock.refuse_dials(1, BUSY)
    one = talk(service=mock)
    for code, after in (("unavailable", None), ("rate_limited", 50_000)):
        with pytest.raises(duologue.Error) as refused:
            one.do(one.client.connect())
        assert (refused.value.code, refused.value.retry_after_ms) == (code, after)
    one.do(one.client.connect())
    assert [call.name for call in mock.calls[:3]] == ["dial_refused", "dial_refused", "connect"]
    for wrong in (-1, True, 1.5, "2"):
        with pytest.raises(duologue.ArgumentError, match="times"):
            mock.refuse_dials(wrong)  # type: ignore[arg-type]
    with pytest.raises(duologue.ArgumentTypeError, match="error"):
        mock.refuse_dials(1, OSError())  # type: ignore[arg-type]


def test_a_conversation_is_kept_taken_over_and_forgotten(
    talk: Callable[..., Talk], simulate: Callable[..., str]
) -> None:
    url = simulate()
    one = talk(url)
    one.do(one.client.connect())
    one.say("one")
    kept = json.dumps(one.client.export_history())
    one.do(one.client.disconnect())

    other = talk(url)
    other.do(other.client.import_history(kept))
    assert [m["role"] for m in other.client.export_history()["messages"]] == ["user", "assistant"]
    other.do(other.client.connect())
    replaced = other.until(duologue.SessionReplaced)
    assert (replaced.why, replaced.context) == ("connect", "full")
    # The service knows it: what is said next is answered by the next turn.
    other.say("go on")
    assert other.texts()[2:] == ["go on", "You said two."]
    other.do(other.client.disconnect())
    other.rest()
    other.do(other.client.clear_history())
    assert other.texts() == [] and other.client.export_history() == {"version": 1, "messages": []}
    other.do(other.client.connect())
    other.say("go on")
    assert other.texts() == ["go on", "You said one."]


def test_what_is_said_meanwhile_is_heard_or_counted(talk: Callable[..., Talk]) -> None:
    mock = MockService()
    one = talk(service=mock, config={"output_modality": "text"}, recovery={"pre_roll_ms": 1000})
    one.do(one.client.connect())
    mock.refuse_dials(1, BUSY)
    mock.simulate_close()
    while one.waits().attempt != 2:
        pass
    frames = [bytes([number, 0]) * 480 for number in range(150)]

    def speak() -> None:
        for frame in frames:
            # Faster than anybody speaks.
            while not one.client.push_audio(frame):
                time.sleep(0.001)

    one.wait(speak)
    one.do(one.client.network_changed())
    # Of three seconds one is kept.
    assert one.back().gap_ms == 2000
    one.do(one.client.ping())
    assert mock.audio == b"".join(frames[100:])
    assert {call.connection for call in mock.calls_named("send_audio")} == {2}


def test_a_tool_goes_on_without_a_connection(talk: Callable[..., Talk]) -> None:
    running, go_on = threading.Event(), threading.Event()

    def slow() -> str:
        """Takes long."""
        running.set()
        assert go_on.wait(60)
        return "done"

    mock = MockService()
    one = talk(service=mock, tools=[slow])
    cancelled = one.client.events(duologue.ToolCancelled)
    one.do(one.client.connect())
    result = mock.simulate_tool_call("slow", {})
    assert one.wait(lambda: running.wait(60))
    mock.refuse_dials(1, BUSY)
    mock.simulate_close()
    while one.waits().attempt != 2:
        pass
    assert not result.done()
    go_on.set()
    one.do(one.client.network_changed())
    assert one.back().context == "full"
    assert one.wait(lambda: result.result(60)).output == "done"
    told = mock.calls_named("submit_tool_result")
    assert [(call["output"], call.connection) for call in told] == [("done", 2)]
    one.do(one.client.disconnect())
    assert one.rest(cancelled) == []
