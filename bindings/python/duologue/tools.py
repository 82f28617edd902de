"""Functions the model may call: their schema from type hints and docstring, and how they are run."""

from __future__ import annotations

import functools
import inspect
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Optional, Union, cast, get_args, overload

from ._encode import encode_result
from ._event import record
from ._run import run, run_blocking
from .config import Scheduling, ToolDefinition
from .errors import ArgumentError, ToolError, bad_argument, bad_type
from .events import ToolCall

if TYPE_CHECKING:
    from ._schema import Field, Object

__all__ = ["Tool", "ToolContext", "ToolError", "collect", "encode_result", "run", "run_blocking", "tool"]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@record
class ToolContext:
    """What a tool may know of its call: give a parameter this type, and the model does not see it."""

    client: Any
    """The client the call came on."""
    call: ToolCall
    """The call."""


class Tool:
    """A function the model may call.

    Calling a Tool calls its function.
    """

    name: str
    """1 to 64 letters, digits, ``_`` or ``-``."""
    description: Optional[str]
    """When and how to use it."""
    parameters: Mapping[str, Any]
    """JSON Schema of the arguments."""
    output_schema: Optional[Mapping[str, Any]]
    """JSON Schema of the result."""
    function: Callable[..., Any]
    """What is called."""
    timeout: Optional[float]
    """Seconds after which the model is told that it took too long. None: as ``tool_handling`` says, 30 s."""
    scheduling: Optional[Scheduling]
    """What the model does with the result. None: it waits for it and answers it."""
    is_async: bool
    """The function is a coroutine function."""
    context_parameter: Optional[str]
    """The parameter that gets the :class:`ToolContext`."""

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: Optional[str] = None,
        description: Optional[str] = None,
        parameters: Optional[Mapping[str, Any]] = None,
        output_schema: Union[Mapping[str, Any], bool, None] = None,
        timeout: Optional[float] = None,
        scheduling: Optional[Scheduling] = None,
    ) -> None:
        """Reads the function's name, docstring and type hints for what is not given.

        With ``parameters`` of your own the hints are not looked at: the function gets the model's JSON as
        keywords. ``output_schema`` is the JSON Schema of the result, or True to make it of the return annotation:
        a result that does not fit reaches the model as an error.
        """
        # Here and below: who has no tools does not pay for importing what they need.
        from . import _docstring

        if isinstance(function, Tool):
            function = function.function
        inner = _inner(function)
        summary, docs = _docstring.parse(_doc(function, inner))
        self.function = self.__wrapped__ = function
        self.__doc__ = getattr(inner, "__doc__", None)
        self.name = _tool_name(name, function, inner)
        if description is not None and not isinstance(description, str):
            raise bad_type("description", "a string", description)
        self.description = summary if description is None else description
        self.timeout = _timeout(timeout)
        self.scheduling = _scheduling(scheduling)
        self.is_async = inspect.iscoroutinefunction(inner)
        self.context_parameter = None
        self._arguments: Optional[Object] = None
        signature = _parameters(self.name, function)
        if parameters is not None:
            if not isinstance(parameters, Mapping):
                raise bad_type("parameters", "a JSON Schema object", parameters)
            self.parameters = parameters
            for parameter in signature:
                if _is_context(parameter.annotation):
                    self._take_context(parameter)
        else:
            self._read_hints(signature, docs, inner)
        self.output_schema = self._result_schema(output_schema, inner)

    @classmethod
    def from_function(
        cls,
        function: Callable[..., Any],
        *,
        name: Optional[str] = None,
        description: Optional[str] = None,
        output_schema: Union[Mapping[str, Any], bool, None] = None,
        timeout: Optional[float] = None,
        scheduling: Optional[Scheduling] = None,
    ) -> Tool:
        """The tool of a function: schema from its hints, descriptions from its docstring.

        Raises :class:`~duologue.ArgumentError` that names function and parameter for what has no JSON form.
        """
        return cls(
            function,
            name=name,
            description=description,
            output_schema=output_schema,
            timeout=timeout,
            scheduling=scheduling,
        )

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """Calls the function."""
        return self.function(*args, **keywords)

    def __repr__(self) -> str:
        """Name and parameters."""
        return f"Tool({self.name!r}, parameters={list(self.parameters.get('properties', ()))})"

    def definition(self) -> ToolDefinition:
        """The entry of ``tools`` in the configuration document."""
        made: ToolDefinition = {"name": self.name, "parameters": self.parameters}
        if self.description:
            made["description"] = self.description
        if self.output_schema is not None:
            made["output_schema"] = self.output_schema
        if self.timeout is not None:
            made["timeout_ms"] = max(1, math.ceil(self.timeout * 1000))
        if self.scheduling is not None:
            made["scheduling"] = self.scheduling
        return made

    def parse_arguments(self, arguments: str) -> dict[str, Any]:
        """The keywords for the function from the JSON the model wrote.

        Raises :class:`ToolError` whose text tells the model everything that is wrong.
        """
        from ._schema import Mismatch

        try:
            value = json.loads(arguments, parse_constant=_no_constant) if arguments.strip() else {}
            if self._arguments is None:
                if not isinstance(value, dict):
                    raise ToolError("the arguments are no JSON object", code="invalid_arguments")
                return value
            return cast("dict[str, Any]", self._arguments.read(value, ""))
        except Mismatch as error:
            raise ToolError(str(error), code="invalid_arguments") from None
        except ValueError as error:
            if isinstance(error, ToolError):
                raise
            raise ToolError(f"the arguments are no JSON: {error}", code="invalid_arguments") from None
        except RecursionError:
            raise ToolError("the arguments are nested too deeply", code="invalid_arguments") from None

    def _take_context(self, parameter: inspect.Parameter) -> None:
        if self.context_parameter is not None:
            raise _refuse(self.name, parameter.name, "is a second ToolContext", "keep one of them")
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise _refuse(
                self.name, parameter.name, "cannot be given by name", "make it an ordinary parameter"
            )
        self.context_parameter = parameter.name

    def _read_hints(self, signature: list[inspect.Parameter], docs: dict[str, str], inner: Any) -> None:
        from ._hints import Compiler, Refused, evaluate, field
        from ._schema import Object

        compiler = Compiler()
        scope = getattr(inspect.unwrap(inner), "__globals__", {})
        fields: dict[str, Field] = {}
        for number, parameter in enumerate(signature):
            name, hint = parameter.name, parameter.annotation
            _by_name(self.name, parameter)
            if hint is parameter.empty:
                if number == 0 and name in ("self", "cls"):
                    raise _refuse(
                        self.name, name, "is not bound", "give the bound method: tool(instance.method)"
                    )
                raise _refuse(self.name, name, "has no type hint", f"write {name}: str, or what it is")
            try:
                if not _is_context(hint):
                    hint = evaluate(hint, scope)
                if _is_context(hint):
                    self._take_context(parameter)
                    continue
                required = parameter.default is parameter.empty
                fields[name] = field(compiler.kind(hint), parameter.default, required, docs.get(name))
            except Refused as error:
                raise _refuse(self.name, name, error.message, error.fix) from None
        self._arguments = Object(fields, dict)
        self.parameters = {**self._arguments.schema, **({"$defs": compiler.defs} if compiler.defs else {})}

    def _result_schema(self, given: object, inner: Any) -> Optional[Mapping[str, Any]]:
        if given is None or given is False:
            return None
        if isinstance(given, Mapping):
            return given
        if given is not True:
            raise bad_type("output_schema", "a JSON Schema object, or True", given)
        from ._hints import Compiler, Refused, evaluate

        hint = getattr(inner, "__annotations__", {}).get("return", inspect.Parameter.empty)
        if hint is inspect.Parameter.empty:
            raise _refuse(self.name, "return", "has no type hint", "write -> and what it returns")
        compiler = Compiler()
        try:
            kind = compiler.kind(evaluate(hint, getattr(inspect.unwrap(inner), "__globals__", {})))
        except Refused as error:
            raise _refuse(self.name, "return", error.message, error.fix) from None
        return {**kind.schema, **({"$defs": compiler.defs} if compiler.defs else {})}


@overload
def tool(function: Callable[..., Any]) -> Tool: ...
@overload
def tool(
    *,
    name: Optional[str] = None,
    description: Optional[str] = None,
    output_schema: Union[Mapping[str, Any], bool, None] = None,
    timeout: Optional[float] = None,
    scheduling: Optional[Scheduling] = None,
) -> Callable[[Callable[..., Any]], Tool]: ...
def tool(
    function: Optional[Callable[..., Any]] = None,
    *,
    name: Optional[str] = None,
    description: Optional[str] = None,
    output_schema: Union[Mapping[str, Any], bool, None] = None,
    timeout: Optional[float] = None,
    scheduling: Optional[Scheduling] = None,
) -> Union[Tool, Callable[[Callable[..., Any]], Tool]]:
    """Makes a :class:`Tool` of a function: ``@tool``, or ``@tool(name=..., timeout=...)``."""

    def make(function: Callable[..., Any]) -> Tool:
        return Tool(
            function,
            name=name,
            description=description,
            output_schema=output_schema,
            timeout=timeout,
            scheduling=scheduling,
        )

    return make if function is None else make(function)


def collect(
    tools: Iterable[Union[Callable[..., Any], Tool, Mapping[str, Any]]], where: str = "tools"
) -> tuple[list[ToolDefinition], dict[str, Tool]]:
    """What ``tools=[...]`` means: the document's entries, and the tools that are run here, by name.

    A mapping is an entry of the document; its calls are left to the host.
    """
    if isinstance(tools, (str, Mapping)) or not isinstance(tools, Iterable):
        raise bad_type(where, "a list of functions", tools)
    definitions: list[ToolDefinition] = []
    ours: dict[str, Tool] = {}
    for number, entry in enumerate(tools):
        if isinstance(entry, Mapping):
            definitions.append(cast(ToolDefinition, entry))
            continue
        if not callable(entry):
            raise bad_type(f"{where}[{number}]", "a function, a Tool or a mapping", entry)
        made = entry if isinstance(entry, Tool) else Tool(entry)
        if made.name in ours:
            raise bad_argument(f"{where}[{number}]", f"{made.name!r} is there twice", "give it another name")
        ours[made.name] = made
        definitions.append(made.definition())
    return definitions, ours


def _inner(function: Any) -> Any:
    """What is behind partials, bound methods and objects with ``__call__``."""
    if isinstance(function, (type, classmethod)) or not (
        callable(function) or isinstance(function, staticmethod)
    ):
        raise bad_type("function", "a function", function, "give a function, or a bound method")
    while True:
        if isinstance(function, functools.partial):
            function = function.func
        elif isinstance(function, staticmethod) or inspect.ismethod(function):
            function = function.__func__
        elif inspect.isroutine(function) or hasattr(function, "__wrapped__"):
            return function  # the latter is the object of a decorator, such as functools.lru_cache
        else:
            function = type(function).__call__


def _doc(function: Any, inner: Any) -> Optional[str]:
    """Of an object with ``__call__``: that of the method, else of the class."""
    if getattr(inner, "__name__", "") == "__call__" and not inner.__doc__:
        return type(function).__doc__
    return inspect.getdoc(inner)


def _parameters(name: str, function: Any) -> list[inspect.Parameter]:
    """Those that are still to be given; what a partial has bound is the host's, not the model's."""
    if isinstance(function, staticmethod):
        function = function.__func__
    inner = _inner(function)
    if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        raise _refuse(name, None, "is a generator", "return a list, or one text")
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError, NameError) as error:
        raise _refuse(name, None, f"has no readable signature: {error}", "wrap it in a function") from None
    bound: set[str] = set()
    while isinstance(function, functools.partial):
        bound.update(function.keywords)
        function = function.func
    return [parameter for parameter in signature.parameters.values() if parameter.name not in bound]


def _by_name(function: str, parameter: inspect.Parameter) -> None:
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        stars = "*" if parameter.kind is parameter.VAR_POSITIONAL else "**"
        raise _refuse(
            function,
            stars + parameter.name,
            "cannot be told to a model",
            "name each parameter, or use a dict",
        )
    if parameter.kind is parameter.POSITIONAL_ONLY:
        raise _refuse(function, parameter.name, "is positional-only", "remove the / behind it")


def _is_context(hint: Any) -> bool:
    # Its name is enough: it may be imported for type checkers only.
    if isinstance(hint, str):
        return hint.split(".")[-1].strip("'\"") == "ToolContext"
    return hint is ToolContext or ToolContext in get_args(hint)


def _refuse(function: str, parameter: Optional[str], message: str, fix: str) -> ArgumentError:
    where = function if parameter is None else f"{function}({parameter})"
    return bad_argument(where, message, fix, code="invalid_tool")


def _tool_name(name: object, function: Any, inner: Any) -> str:
    if name is None:
        # An object with __call__ is called like its class.
        name = getattr(inner, "__name__", "__call__")
        name = type(function).__name__ if name == "__call__" else name
    if not isinstance(name, str):
        raise bad_type("name", "a string", name)
    if not _NAME.fullmatch(name):
        raise bad_argument("name", f"{name!r} is not a function name", "use 1 to 64 letters, digits, _ or -")
    return name


def _timeout(value: Any) -> Optional[float]:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise bad_type("timeout", "seconds", value)
    if not 0 < value <= 3600:
        fix = "give seconds up to 3600, or leave it out for what tool_handling says"
        raise bad_argument("timeout", f"{value} is out of range", fix)
    return float(value)


def _scheduling(value: Any) -> Optional[Scheduling]:
    known = get_args(Scheduling)
    if value is None or value in known:
        return cast("Optional[Scheduling]", value)
    raise bad_argument("scheduling", f"{value!r} is none of them", f"use one of {', '.join(known)}")


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")
