"""The functions of a client: which of them answers a call."""

from __future__ import annotations

import functools
import inspect
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Callable, Optional

from .errors import bad_type

if TYPE_CHECKING:
    from .events import ToolCall
    from .tools import Tool

    Tools = tuple[dict[str, Tool], set[str]]

# As many as the engine remembers.
_RESPONSES = 64


class CatchAll:
    """The host's function for calls of undeclared tools, as what is run for one of them."""

    timeout = None
    context_parameter = None

    def __init__(self, function: Callable[[ToolCall], object], call: ToolCall) -> None:
        """Fits the function to a call."""
        self.name = call.name
        self.function = functools.partial(function, call)
        self.is_async = inspect.iscoroutinefunction(function)

    def parse_arguments(self, _arguments: str) -> dict[str, Any]:
        """The function looks at the call itself."""
        return {}


class Toolbox:
    """What a client has for the calls of the model."""

    def __init__(
        self,
        tools: Tools,
        catch_all: Optional[Callable[[ToolCall], object]] = None,
    ) -> None:
        """Of the functions that are run here, and the names of all declared tools, with a function here or not."""
        if catch_all is not None and not callable(catch_all):
            raise bad_type("on_undeclared_tool", "a function", catch_all)
        self._functions, self._names = tools
        self._catch_all = catch_all
        # Of changes that the service has not confirmed.
        self._coming: dict[str, Tool] = {}
        # Of single responses, the newest last.
        self._responses: OrderedDict[str, Tools] = OrderedDict()

    def find(self, call: ToolCall) -> Any:
        """What answers a call; None: who reads the events does."""
        declared = self._responses.get(call.response or "", (self._functions, self._names))
        for functions in (declared[0], self._coming):
            if call.name in functions:
                return functions[call.name]
        if self._catch_all is None or call.name in declared[1]:
            return None
        return CatchAll(self._catch_all, call)

    def of_response(self, response: str, tools: Tools) -> None:
        """The tools of one response."""
        self._responses[response] = tools
        if len(self._responses) > _RESPONSES:
            self._responses.popitem(last=False)

    def expect(self, functions: dict[str, Tool]) -> None:
        """These may be declared any moment."""
        self._coming.update(functions)

    def replace(self, tools: Tools) -> None:
        """The declared tools are these from now on."""
        self._functions, self._names = tools
        self._coming = {}
