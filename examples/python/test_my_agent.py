"""An agent and its tests: no network, no key, plain pytest.

pip install duologue pytest
pytest test_my_agent.py
"""

from __future__ import annotations

import asyncio
from typing import Any

import duologue
from duologue.testing import MockService

BOOKED: list[str] = []


def book_table(day: str, people: int) -> dict[str, Any]:
    """Books a table.

    :param day: the day of the week.
    :param people: how many will come.
    """
    if people > 8:
        raise duologue.ToolError("we have no table for more than 8")
    BOOKED.append(f"{day} for {people}")
    return {"booked": True, "day": day}


def waiter(**options: Any) -> duologue.Client:
    """The agent: a waiter on the telephone."""
    return duologue.connect(instructions="You are a waiter. Be brief.", tools=[book_table], **options)


def test_the_waiter_knows_its_job() -> None:
    async def call() -> None:
        mock = MockService()
        async with waiter(service=mock):
            assert "waiter" in mock.session["instructions"]
            assert [tool["name"] for tool in mock.session["tools"]] == ["book_table"]

    asyncio.run(call())


def test_it_books() -> None:
    async def call() -> None:
        mock = MockService()
        async with waiter(service=mock):
            mock.simulate_transcription("A table for two on Friday, please.")
            result = mock.simulate_tool_call("book_table", {"day": "Friday", "people": 2})
            assert (await result).json() == {"booked": True, "day": "Friday"}
            assert BOOKED[-1] == "Friday for 2"
            # The model reads the result, and is asked to go on.
            await mock.wait_for("request_response")
            refused = mock.simulate_tool_call("book_table", {"day": "Friday", "people": 9})
            assert (await refused).output == "we have no table for more than 8"

    asyncio.run(call())


def test_what_was_said_is_kept() -> None:
    async def call() -> None:
        mock = MockService(reply="What can I do for you?")
        async with waiter(service=mock) as client:
            transcripts = client.events(duologue.Transcript)
            mock.simulate_transcription("Hello!")
            async for said in transcripts:
                if said.role == "assistant" and said.mode == "final":
                    break
            assert [message.text for message in client.messages()] == ["Hello!", "What can I do for you?"]

    asyncio.run(call())


def test_it_can_be_interrupted() -> None:
    async def call() -> None:
        mock = MockService()
        async with waiter(service=mock) as client:
            events = client.events(duologue.PlaybackStarted, duologue.Interrupted)
            five_seconds = bytes(5 * 24000 * 2)
            mock.simulate_audio(five_seconds, transcript="Today we have soup, fish, and a very long list.")
            async for event in events:
                if isinstance(event, duologue.PlaybackStarted):
                    mock.simulate_interruption()
                    continue
                # The model is told how much of its answer was heard.
                told = await mock.wait_for("truncate")
                assert told["audio_end_ms"] == event.heard_ms < 5000
                break

    asyncio.run(call())
