"""Running tools: whatever happens, the model gets an answer."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import logging
from typing import TYPE_CHECKING, Any, Optional

from ._encode import encode_result
from .errors import ToolError, words

if TYPE_CHECKING:
    from .events import ToolCall
    from .tools import Tool, ToolContext

_log = logging.getLogger("duologue")


async def run(
    tool: Tool, call: ToolCall, context: Optional[ToolContext] = None, *, watched: bool = False
) -> tuple[str, bool]:
    """Runs a call and returns the model's answer, and whether it is an error.

    `watched`: somebody else cancels what takes longer than the tool's timeout.

    Coroutine functions run in this loop, others in the loop's default executor with a copy of the context
    variables. Never raises but ``asyncio.CancelledError`` when it is cancelled itself; a function in a thread
    goes on then, and after a timeout, because a thread cannot be stopped.
    """
    keywords, refusal = _keywords(tool, call, context)
    if refusal is not None:
        return refusal, True
    work = asyncio.ensure_future(_attempt(tool, keywords))
    try:
        done, _ = await asyncio.wait({work}, timeout=None if watched else tool.timeout)
    except asyncio.CancelledError:
        work.cancel()
        raise
    if not done:
        # Not waited for: the function may refuse to be cancelled.
        work.cancel()
        return f"the tool took longer than {tool.timeout:g} s", True
    if work.cancelled():
        return "the tool was cancelled", True
    return work.result()


def run_blocking(tool: Tool, call: ToolCall, context: Optional[ToolContext] = None) -> tuple[str, bool]:
    """The same in this thread, without an event loop; a coroutine function gets a loop of its own.

    Not for a thread whose loop is running. The timeout of a function that is no coroutine function is not
    watched: this thread is the one it has.
    """
    if tool.is_async:
        return asyncio.run(run(tool, call, context))
    keywords, refusal = _keywords(tool, call, context)
    if refusal is not None:
        return refusal, True
    result, failure = guarded(functools.partial(tool.function, **keywords))
    if failure is None and inspect.isawaitable(result):
        return asyncio.run(_finish(tool, result))
    return _told(tool, failure) if failure is not None else _encoded(tool, result)


def _keywords(
    tool: Tool, call: ToolCall, context: Optional[ToolContext]
) -> tuple[dict[str, Any], Optional[str]]:
    try:
        keywords = tool.parse_arguments(call.arguments)
    except ToolError as error:
        _log.info("tool %s: the model's arguments are wrong: %s", tool.name, error)
        return {}, _clean(str(error))
    if tool.context_parameter is not None:
        keywords[tool.context_parameter] = context
    return keywords, None


async def _attempt(tool: Tool, keywords: dict[str, Any]) -> tuple[str, bool]:
    function = functools.partial(tool.function, **keywords)
    if tool.is_async:
        return await _finish(tool, function)
    # The failure is returned and not raised: a SystemExit out of a future would end the loop. In a thread
    # that is not the main one, a KeyboardInterrupt is nobody's Ctrl-C either.
    call = functools.partial(contextvars.copy_context().run, guarded, function, (BaseException,))
    result, failure = await asyncio.get_running_loop().run_in_executor(None, call)
    if failure is not None:
        return _told(tool, failure)
    return await _finish(tool, result) if inspect.isawaitable(result) else _encoded(tool, result)


async def _finish(tool: Tool, work: Any) -> tuple[str, bool]:
    """Awaits what a function returned, or calls a coroutine function and awaits that."""
    try:
        result = await (work() if isinstance(work, functools.partial) else work)
    except (asyncio.CancelledError, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        # pytest's failures are no Exceptions, and what they say is for the model too.
        return _told(tool, error)
    return _encoded(tool, result)


def guarded(
    function: Any, caught: tuple[type[BaseException], ...] = (Exception, SystemExit)
) -> tuple[Any, Optional[BaseException]]:
    try:
        return function(), None
    except caught as error:
        return None, error


def _encoded(tool: Tool, result: object) -> tuple[str, bool]:
    try:
        return encode_result(result), False
    except Exception as error:
        _log.exception("tool %s: its result cannot be told to the model", tool.name)
        return _clean(str(error)) if isinstance(error, ToolError) else words(error), True


def _told(tool: Tool, error: BaseException) -> tuple[str, bool]:
    """A ToolError is meant for the model; anything else is also the host's business."""
    if isinstance(error, ToolError):
        return _clean(str(error)), True
    _log.error("tool %s failed", tool.name, exc_info=error)
    return words(error), True


def _clean(text: str) -> str:
    """Half characters cannot leave Python."""
    return text.encode("utf-8", "replace").decode()
