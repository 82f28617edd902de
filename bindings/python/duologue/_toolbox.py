"""The functions of a client: which of them answers a call."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, Callable, Optional

from .errors import bad_type

if TYPE_CHECKING:
    from .events import ToolCall
    from .tools import Tool


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
        functions: dict[str, Tool],
        names: set[str],
        catch_all: Optional[Callable[[ToolCall], object]] = None,
    ) -> None:
        """`names`: of all declared tools, with or without a function here."""
        if catch_all is not None and not callable(catch_all):
            raise bad_type("on_undeclared_tool", "a function", catch_all)
        self._functions = functions
        self._names = names
        self._catch_all = catch_all
        # Functions of single responses, and of changes the service has not confirmed.
        self._others: dict[str, Tool] = {}

    def find(self, call: ToolCall) -> Any:
        """What answers a call; None: who reads the events does."""
        tool = self._functions.get(call.name)
        if tool is None and call.name not in self._names:
            tool = self._others.get(call.name)
            if tool is None and self._catch_all is not None:
                return CatchAll(self._catch_all, call)
        return tool

    def lend(self, functions: dict[str, Tool]) -> None:
        """These may be called from now on, beside those that are declared."""
        self._others.update(functions)

    def replace(self, functions: dict[str, Tool], names: set[str]) -> None:
        """The declared tools are these from now on."""
        self._functions, self._names = functions, names
        self._others = {}
