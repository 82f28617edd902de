"""Calls as the engine and the functions handle them together: time, ends, results, undeclared tools."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import threading
from typing import Any

import duologue
import pytest
from conftest import Polite
from duologue import ArgumentError, Tool, tool

TEXT: Any = {"output_modality": "text", "audio": {"input": {"source": "none"}, "output": {"source": "none"}}}
#: A connection that is lost is the end of the run.
ONCE: Any = {**TEXT, "recovery": {"reconnect": False}}


def test_a_coroutine_that_takes_too_long_is_cancelled(service: Polite) -> None:
    async def main() -> None:
        cancelled = asyncio.Event()

        @tool(timeout=0.5)
        async def slow() -> str:
            """Takes long."""
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()
            return "late"

        async with duologue.connect(service=service, config=TEXT, tools=[slow]) as client:
            ends = client.events(duologue.ToolTimeout)
            service.call_tool("slow", "{}")
            end = await ends.__anext__()
            assert (end.name, end.call.id) == ("slow", "call_1")
            assert "in time" in await asyncio.to_thread(service.answer)
            await asyncio.wait_for(cancelled.wait(), 30)

    asyncio.run(main())


def test_what_a_thread_brings_too_late_is_dropped(service: Polite, caplog: pytest.LogCaptureFixture) -> None:
    go, gone = threading.Event(), threading.Event()

    @tool(timeout=0.5)
    def slow() -> str:
        """Takes long."""
        go.wait(60)
        gone.set()
        return "late"

    async def main() -> None:
        async with duologue.connect(service=service, config=TEXT, tools=[slow]) as client:
            events = client.events(duologue.ToolTimeout, duologue.ErrorEvent, duologue.WarningEvent)
            service.call_tool("slow", "{}")
            assert isinstance(await events.__anext__(), duologue.ToolTimeout)
            go.set()
            assert await asyncio.to_thread(gone.wait, 60)
            # A command later everything that could come has come.
            await client.send_text("Hello", respond=False)
            assert client.state().error is None

    caplog.set_level(logging.INFO)
    asyncio.run(main())
    assert caplog.text == ""


def test_calls_of_a_run_that_is_over_are_cancelled(service: Polite) -> None:
    async def main() -> None:
        running, cancelled = asyncio.Event(), asyncio.Event()

        async def slow() -> None:
            """Takes long."""
            running.set()
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        async with duologue.connect(service=service, config=ONCE, tools=[slow]) as client:
            ends = client.events(duologue.ToolCancelled)
            service.call_tool("slow", "{}")
            await running.wait()
            service.hang_up()
            # The session ends with it: the stream tells both, the call first.
            assert (await ends.__anext__()).name == "slow"
            with pytest.raises(duologue.NetworkError):
                await ends.__anext__()
            await asyncio.wait_for(cancelled.wait(), 30)

    asyncio.run(main())


def test_a_tool_may_hang_up_and_go_on(service: Polite) -> None:
    async def main() -> None:
        said = asyncio.Event()

        async def hang_up(context: duologue.ToolContext) -> str:
            """Ends the call."""
            await context.client.disconnect()
            said.set()
            return "bye"

        async with duologue.connect(service=service, config=TEXT, tools=[hang_up]):
            service.call_tool("hang_up", "{}")
            await asyncio.wait_for(said.wait(), 30)

    asyncio.run(main())


@dataclasses.dataclass
class Weather:
    """The weather."""

    sky: str
    degrees: float


def test_results_are_checked_and_cut(service: Polite) -> None:
    @tool(output_schema=True)
    def weather(right: bool) -> Weather:
        """The weather."""
        return Weather("sunny", 18.5) if right else {"sky": "sunny"}  # type: ignore[return-value]

    def book() -> str:
        """Tells all."""
        return "word " * 10_000

    schema = weather.definition()["output_schema"]
    assert schema is not None and schema["required"] == ["sky", "degrees"]
    assert schema["properties"]["degrees"] == {"type": "number"}

    async def main() -> None:
        async with duologue.connect(service=service, config=TEXT, tools=[weather, book]) as client:
            warnings = client.events(duologue.WarningEvent)
            service.call_tool("weather", '{"right": true}', "call_1", "R1")
            assert await asyncio.to_thread(service.answer, "call_1") == '{"sky":"sunny","degrees":18.5}'
            service.call_tool("weather", '{"right": false}', "call_2", "R2")
            assert "degrees" in json.loads(await asyncio.to_thread(service.answer, "call_2"))["error"]
            service.call_tool("book", "{}", "call_3", "R3")
            cut = json.loads(await asyncio.to_thread(service.answer, "call_3"))
            assert cut["truncated"] and cut["original_length"] == 50_000
            warning = (await warnings.__anext__()).error
            assert warning.code == "tool_output_too_large"
            # What the model writes is checked before the function sees it.
            service.call_tool("weather", '{"right": "yes"}', "call_4", "R4")
            assert "/right" in await asyncio.to_thread(service.answer, "call_4")

    asyncio.run(main())


def test_what_a_result_cannot_be() -> None:
    def silent():  # type: ignore[no-untyped-def]
        """Says nothing of what it returns."""

    def odd() -> asyncio.Event:
        """Returns what JSON does not have."""
        return asyncio.Event()

    for function in (silent, odd):
        with pytest.raises(ArgumentError) as caught:
            Tool(function, output_schema=True)
        assert caught.value.field == f"{function.__name__}(return)" and caught.value.fix
    with pytest.raises(ArgumentError) as caught:
        Tool(odd, output_schema="string")  # type: ignore[arg-type]
    assert caught.value.field == "output_schema"
    assert Tool(odd, output_schema={"type": "string"}).output_schema == {"type": "string"}
    assert Tool(odd, timeout=0.0001).definition()["timeout_ms"] == 1
    for timeout in (0, -1, 3601, True):
        with pytest.raises(ArgumentError):
            Tool(odd, timeout=timeout)


def test_the_function_for_undeclared_tools(service: Polite) -> None:
    async def other(call: duologue.ToolCall) -> str:
        if call.name == "unknown":
            raise duologue.ToolError("nobody knows that")
        return f"{call.name} of {call.input['of']}"

    def own() -> str:
        """One of ours."""
        return "mine"

    async def main() -> None:
        declared: Any = {"name": "by_hand"}
        tools = [own, declared]
        async with duologue.connect(
            service=service, config=TEXT, tools=tools, on_undeclared_tool=other
        ) as client:
            calls = client.events(duologue.ToolCall)
            service.call_tool("size", '{"of": "sun"}', "call_1", "R1")
            assert await asyncio.to_thread(service.answer, "call_1") == "size of sun"
            service.call_tool("unknown", "{}", "call_2", "R2")
            assert await asyncio.to_thread(service.answer, "call_2") == "nobody knows that"
            service.call_tool("own", "{}", "call_3", "R3")
            assert await asyncio.to_thread(service.answer, "call_3") == "mine"
            # Declared without a function: for who reads the events.
            service.call_tool("by_hand", "{}", "call_4", "R4")
            async for call in calls:
                if call.name == "by_hand":
                    await client.submit_tool_result(call, "by hand")
                    break
            assert await asyncio.to_thread(service.answer, "call_4") == "by hand"

    asyncio.run(main())
    with pytest.raises(ArgumentError) as caught:
        duologue.connect(tool_handling={"undeclared": "refuse"}, on_undeclared_tool=other)
    assert caught.value.field == "on_undeclared_tool"


def test_functions_of_one_response(service: Polite) -> None:
    def own() -> str:
        """Of the client."""
        return "the client's"

    def other() -> str:
        """Of one response."""
        return "the response's"

    async def main() -> None:
        async with duologue.connect(service=service, config=TEXT, tools=[own]) as client:
            asking = asyncio.ensure_future(client.request_response(tools=[Tool(other, name="own"), other]))
            request = await asyncio.to_thread(service.heard, "response.create")
            assert [entry["name"] for entry in request["response"]["tools"]] == ["own", "other"]
            metadata = request["response"]["metadata"]
            service.call_tool("own", "{}", "call_1", "R1", metadata)
            assert await asyncio.to_thread(service.answer, "call_1") == "the response's"
            assert await asking == "R1"
            service.call_tool("own", "{}", "call_2", "R2")
            assert await asyncio.to_thread(service.answer, "call_2") == "the client's"

    asyncio.run(main())


def test_without_it_the_model_is_told(service: Polite) -> None:
    async def main() -> None:
        async with duologue.connect(service=service, config=TEXT):
            service.call_tool("size", "{}")
            assert "no tool" in await asyncio.to_thread(service.answer)

    asyncio.run(main())
