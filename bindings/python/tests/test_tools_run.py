"""Running tools: whatever happens, the model gets an answer and the loop lives."""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
import datetime
import decimal
import enum
import functools
import logging
import pathlib
import sys
import threading
import uuid
from collections import OrderedDict, deque, namedtuple
from collections.abc import Callable, Iterator
from typing import Any, Optional

import pytest
from duologue.events import CallRef, ToolCall
from duologue.tools import Tool, ToolContext, ToolError, encode_result, run, run_blocking


def call(arguments: str = "{}") -> ToolCall:
    return ToolCall(1, 2, 1, None, None, None, False, {}, CallRef(1, "c"), "f", arguments)


Runner = Callable[..., "tuple[str, bool]"]


@pytest.fixture(params=["async", "blocking"])
def runner(request: pytest.FixtureRequest) -> Iterator[Runner]:
    def in_loop(*args: Any) -> tuple[str, bool]:
        return asyncio.run(run(*args))

    yield in_loop if request.param == "async" else run_blocking


def both(function: Callable[..., Any]) -> list[Tool]:
    """The function as a sync tool, as an async one, and as a sync one that returns an awaitable."""

    @functools.wraps(function)
    async def later(*args: Any, **keywords: Any) -> Any:
        return function(*args, **keywords)

    @functools.wraps(function)
    def awaitable(*args: Any, **keywords: Any) -> Any:
        return later(*args, **keywords)

    tools = [Tool(function), Tool(later), Tool(awaitable)]
    assert [made.is_async for made in tools] == [False, True, False]
    return tools


def test_results_reach_the_model(runner: Runner) -> None:
    def add(a: int, b: int = 2) -> int:
        return a + b

    for made in both(add):
        assert runner(made, call('{"a": 1.0}')) == ("3", False)
        assert runner(made, call('{"b": 1}')) == ("a: missing", True)


def test_errors_for_the_model_are_told_as_they_are(runner: Runner, caplog: pytest.LogCaptureFixture) -> None:
    def book() -> None:
        raise ToolError("fully booked; ask for another day")

    for made in both(book):
        assert runner(made, call()) == ("fully booked; ask for another day", True)
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]


class Unprintable(Exception):
    def __str__(self) -> str:
        raise ValueError("no")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (KeyError("x"), "KeyError: 'x'"),
        (ValueError(), "ValueError"),
        (SystemExit(1), "SystemExit: 1"),
        (StopIteration(), "StopIteration"),
        (Unprintable(), "Unprintable: it cannot be printed"),
        (asyncio.TimeoutError("mine"), "TimeoutError: mine"),
    ],
)
def test_other_errors_are_told_and_logged(
    runner: Runner, error: BaseException, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise error

    for made in both(fail):
        caplog.clear()
        output, is_error = runner(made, call())
        # Python turns a StopIteration out of a coroutine into this.
        assert is_error and (output == text or output == "RuntimeError: coroutine raised StopIteration")
        (record,) = [r for r in caplog.records if r.name == "duologue"]
        assert record.levelno == logging.ERROR and record.exc_info and record.exc_info[1] is not None


def test_the_model_s_mistakes_do_not_call_the_function(runner: Runner) -> None:
    def never(x: int) -> None:
        raise AssertionError("was called")

    for made in both(never):
        for arguments in ("{", '{"x": "1"}', "[]", '{"x": 1, "y": 2}'):
            output, is_error = runner(made, call(arguments))
            assert is_error and "AssertionError" not in output


def test_the_context_is_given(runner: Runner) -> None:
    def where(context: ToolContext, city: str) -> str:
        return f"{context.client} {context.call.call.id} {city}"

    it = call('{"city": "Rome"}')
    for made in both(where):
        assert list(made.parameters["properties"]) == ["city"]
        assert runner(made, it, ToolContext("client", it)) == ("client c Rome", False)
        output, is_error = runner(made, call('{"city": "Rome", "context": 1}'), ToolContext("client", it))
        assert is_error and output.startswith("context: unknown")


VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE", default="none")


def test_where_functions_run() -> None:
    seen: list[tuple[int, str]] = []

    def note() -> None:
        seen.append((threading.get_ident(), VARIABLE.get()))
        VARIABLE.set("changed inside")

    async def main() -> None:
        VARIABLE.set("caller")
        for made in both(note)[:2]:
            await run(made, call())
        assert VARIABLE.get() == "caller"

    asyncio.run(main())
    here = threading.get_ident()
    assert [v for _, v in seen] == ["caller", "caller"]
    assert seen[0][0] != here and seen[1][0] == here


def test_a_blocking_function_does_not_hold_up_the_loop() -> None:
    async def main() -> tuple[str, bool]:
        started, go = threading.Event(), threading.Event()
        loop = asyncio.get_running_loop()

        def wait() -> str:
            started.set()
            return "woken" if go.wait(30) else "forgotten"

        task = asyncio.ensure_future(run(Tool(wait), call()))
        await loop.run_in_executor(None, started.wait)
        go.set()
        return await task

    assert asyncio.run(main()) == ("woken", False)


def test_a_timeout_of_a_thread() -> None:
    release = threading.Event()

    def slow() -> None:
        release.wait(30)

    async def main() -> None:
        try:
            assert await run(Tool(slow, timeout=0.01), call()) == ("the tool took longer than 0.01 s", True)
        finally:
            release.set()

    asyncio.run(main())


async def forever(started: asyncio.Event, cancelled: asyncio.Event) -> None:
    started.set()
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        cancelled.set()
        raise


def waiting(started: asyncio.Event, cancelled: asyncio.Event, timeout: Optional[float] = None) -> Tool:
    return Tool(functools.partial(forever, started=started, cancelled=cancelled), timeout=timeout)


def test_a_timeout_cancels_a_coroutine() -> None:
    async def main() -> None:
        started, cancelled = asyncio.Event(), asyncio.Event()
        answer = await run(waiting(started, cancelled, timeout=0.01), call())
        assert answer == ("the tool took longer than 0.01 s", True)
        # Before the loop ends, which cancels everything anyway.
        await asyncio.wait_for(cancelled.wait(), 30)

    asyncio.run(main())


def test_cancellation_reaches_the_function_and_the_caller() -> None:
    async def main() -> None:
        started, cancelled = asyncio.Event(), asyncio.Event()
        task = asyncio.ensure_future(run(waiting(started, cancelled), call()))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(cancelled.wait(), 30)

    asyncio.run(main())


def test_nothing_out_of_a_thread_ends_the_loop() -> None:
    def fail(word: str) -> None:
        raise {"k": KeyboardInterrupt, "s": SystemExit, "g": GeneratorExit}[word]

    async def main() -> list[tuple[str, bool]]:
        return [await run(Tool(fail), call(f'{{"word": "{word}"}}')) for word in "ksg"]

    names = ["KeyboardInterrupt", "SystemExit", "GeneratorExit"]
    assert asyncio.run(main()) == [(name, True) for name in names]


def test_a_function_that_cancels_itself_is_an_error() -> None:
    async def give_up() -> None:
        raise asyncio.CancelledError

    assert asyncio.run(run(Tool(give_up), call())) == ("the tool was cancelled", True)


class Color(enum.Enum):
    RED = "red"


class Model:
    def model_dump(self, mode: str = "python") -> dict[str, Any]:
        return {"when": "today"} if mode == "json" else {"when": datetime.date(2026, 1, 2)}


class OldModel:
    def model_dump(self) -> dict[str, Any]:
        return {"when": datetime.date(2026, 1, 2)}


@dataclasses.dataclass
class Room:
    name: str
    guests: tuple[str, ...]
    inner: Optional[Room] = None


Pair = namedtuple("Pair", "a b")


@pytest.mark.parametrize(
    ("value", "output"),
    [
        ("text", "text"),
        ("", ""),
        (None, "null"),
        (True, "true"),
        (3, "3"),
        (0.5, "0.5"),
        ({"ä": [1, (2, None)]}, '{"ä":[1,[2,null]]}'),
        (
            Room("a", ("x",), Room("b", ())),
            '{"name":"a","guests":["x"],"inner":{"name":"b","guests":[],"inner":null}}',
        ),
        (Pair(1, Color.RED), '{"a":1,"b":"red"}'),
        (Color.RED, "red"),
        ({Color.RED: 1, 2: 3, None: 4}, '{"red":1,"2":3,"null":4}'),
        ([Model(), OldModel()], '[{"when":"today"},{"when":"2026-01-02"}]'),
        (datetime.datetime(2026, 1, 2, 3, 4), "2026-01-02T03:04:00"),
        ([uuid.UUID(int=1)], '["00000000-0000-0000-0000-000000000001"]'),
        ([decimal.Decimal("1.10"), pathlib.PurePosixPath("/a")], '["1.10","/a"]'),
        ({1}, "[1]"),
        (deque([1]), "[1]"),
        (OrderedDict(b=1, a=2), '{"b":1,"a":2}'),
    ],
)
def test_encoding(value: Any, output: str) -> None:
    assert encode_result(value) == output


def own() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (b"x", "result"),
        ({"a": [b"x"]}, "result.a[0]"),
        (object(), "result"),
        ([float("nan")], "result[0]"),
        ({(1, 2): 3}, "result"),
        (Room, "result"),
        ("\ud800", "result"),
        (Room("a", (object(),)), "result.guests[0]"),  # type: ignore[arg-type]
        (iter([]), "result"),
        (memoryview(b"x"), "result"),
    ],
)
def test_what_cannot_be_told(value: Any, where: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ToolError) as caught:
        encode_result(value)
    assert caught.value.field == where and caught.value.code == "invalid_result" and caught.value.fix

    def give() -> Any:
        return value

    output, is_error = asyncio.run(run(Tool(give), call()))
    assert is_error and output.startswith(where)
    assert [r.levelno for r in caplog.records if r.name == "duologue"] == [logging.ERROR]


def test_a_result_that_contains_itself() -> None:
    with pytest.raises(ToolError, match="levels deep"):
        encode_result(own())


def test_a_result_that_breaks_while_it_is_read(runner: Runner) -> None:
    class Broken:
        def model_dump(self, **_: Any) -> Any:
            raise OSError("gone")

    def give() -> Any:
        return Broken()

    for made in both(give):
        assert runner(made, call()) == ("OSError: gone", True)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="StrEnum")
def test_str_enums_are_plain_texts() -> None:
    kind = enum.StrEnum("kind", {"A": "a"})  # type: ignore[attr-defined,unused-ignore]
    text = encode_result(kind.A)
    assert text == "a" and type(text) is str
