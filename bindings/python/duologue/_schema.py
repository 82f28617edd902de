"""From type hints to JSON Schema, and from the model's JSON back to Python values."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Optional

from ._json import child


class Mismatch(Exception):
    """What the model wrote is not what was asked for; one line for each problem."""

    def __init__(self, problems: Iterable[str]) -> None:
        """One line each, beginning with the path."""
        self.problems = list(problems)
        super().__init__("; ".join(self.problems))


def wrong(path: str, expected: str, value: object) -> Mismatch:
    """The usual problem."""
    shown = json.dumps(value, ensure_ascii=False)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    return Mismatch([f"{path or 'the arguments'}: expected {expected}, got {shown}"])


class Kind:
    """A type: its schema, and how a value of JSON becomes one of it."""

    #: JSON Schema.
    schema: dict[str, Any]
    #: In words.
    expected: str
    #: Types of the JSON values it may take, as Python decodes them.
    takes: tuple[type, ...] = ()
    #: Its values can be in a set.
    hashable = True

    def read(self, value: Any, path: str) -> Any:
        """The Python value. Raises :class:`Mismatch`."""
        raise NotImplementedError


class Anything(Kind):
    """Any JSON."""

    expected = "any value"
    takes = (str, int, float, bool, type(None), list, dict)

    def __init__(self) -> None:
        """No condition."""
        self.schema = {}

    def read(self, value: Any, path: str) -> Any:
        """As it is."""
        return value


class Text(Kind):
    """A text, or what a text with a format stands for."""

    takes = (str,)

    def __init__(self, format: Optional[str] = None, parse: Callable[[str], Any] = str) -> None:
        """``parse`` raises ValueError for a text that is not in the format."""
        self.schema = {"type": "string", "format": format} if format else {"type": "string"}
        self.expected = f"a string in the format {format}" if format else "a string"
        self._parse = parse

    def read(self, value: Any, path: str) -> Any:
        """Texts only; numbers are not turned into them."""
        if not isinstance(value, str):
            raise wrong(path, self.expected, value)
        try:
            return self._parse(value)
        except ValueError:
            raise wrong(path, self.expected, value) from None


class Integer(Kind):
    """A whole number; 3.0 is one."""

    expected = "an integer"
    takes = (int,)

    def __init__(self) -> None:
        """No condition."""
        self.schema = {"type": "integer"}

    def read(self, value: Any, path: str) -> int:
        """Neither booleans nor texts."""
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong(path, self.expected, value)
        return int(value)


class Number(Kind):
    """A number."""

    expected = "a number"
    takes = (float, int)

    def __init__(self) -> None:
        """No condition."""
        self.schema = {"type": "number"}

    def read(self, value: Any, path: str) -> float:
        """Neither booleans nor texts."""
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise wrong(path, self.expected, value)
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise Mismatch([f"{path}: the number is too large"])
        return number


class Choice(Kind):
    """One of some values: a Literal, an Enum, a boolean or null."""

    def __init__(self, choices: list[tuple[Any, Any]], schema: Optional[dict[str, Any]] = None) -> None:
        """Pairs of JSON and Python values."""
        self._choices = choices
        values = [value for value, _ in choices]
        names = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
        types = {names[type(value)] for value in values}
        self.schema = schema or (
            {"type": types.pop(), "enum": values} if len(types) == 1 else {"enum": values}
        )
        shown = ", ".join(json.dumps(value, ensure_ascii=False) for value in values)
        self.expected = f"one of {shown}" if len(values) > 1 else shown
        self.takes = tuple(dict.fromkeys(type(value) for value in values))

    def read(self, value: Any, path: str) -> Any:
        """1, 1.0 and true are not all the same: only the numbers are."""
        for choice, meaning in self._choices:
            if choice == value and isinstance(choice, bool) == isinstance(value, bool):
                return meaning
        raise wrong(path, self.expected, value)


def boolean() -> Choice:
    """True or false."""
    kind = Choice([(True, True), (False, False)], {"type": "boolean"})
    kind.expected = "a boolean"
    return kind


def null() -> Choice:
    """None."""
    return Choice([(None, None)], {"type": "null"})


class Items(Kind):
    """A list, or what is made of one."""

    takes = (list,)

    def __init__(self, item: Kind, make: Callable[[list[Any]], Any]) -> None:
        """``make`` is the class of the result."""
        self._item, self._make = item, make
        unique = make in (set, frozenset)
        self.schema = {"type": "array", "items": item.schema, **({"uniqueItems": True} if unique else {})}
        self.expected = "an array"
        self.hashable = make is frozenset or (make is tuple and item.hashable)

    def read(self, value: Any, path: str) -> Any:
        """Every item; all problems at once."""
        if not isinstance(value, list):
            raise wrong(path, self.expected, value)
        made = _all((f"{path}[{at}]", self._item, item) for at, item in enumerate(value))
        try:
            return self._make(made)
        except TypeError:
            raise Mismatch([f"{path}: arrays and objects cannot be in a set"]) from None


class Tuple(Kind):
    """A list of a fixed length."""

    takes = (list,)

    def __init__(self, items: list[Kind]) -> None:
        """One kind for each place."""
        self._items = items
        size = len(items)
        self.schema = {"type": "array", "minItems": size, "maxItems": size}
        if items:
            self.schema["prefixItems"] = [item.schema for item in items]
        self.expected = f"an array of {size}"
        self.hashable = all(item.hashable for item in items)

    def read(self, value: Any, path: str) -> tuple[Any, ...]:
        """Of exactly that length."""
        if not isinstance(value, list) or len(value) != len(self._items):
            raise wrong(path, self.expected, value)
        return tuple(_all((f"{path}[{at}]", kind, value[at]) for at, kind in enumerate(self._items)))


class Map(Kind):
    """An object with any keys."""

    expected = "an object"
    takes = (dict,)
    hashable = False

    def __init__(self, item: Kind) -> None:
        """``item`` is the kind of the values."""
        self._item = item
        self.schema = {"type": "object", **({"additionalProperties": item.schema} if item.schema else {})}

    def read(self, value: Any, path: str) -> dict[str, Any]:
        """Every value; all problems at once."""
        if not isinstance(value, dict):
            raise wrong(path, self.expected, value)
        return dict(zip(value, _all((child(path, key), self._item, item) for key, item in value.items())))


class Field(NamedTuple):
    """A key of an object."""

    kind: Kind
    required: bool
    #: What is added to the kind's schema: description, default.
    more: dict[str, Any]


class Object(Kind):
    """An object with known keys; others are refused."""

    expected = "an object"
    takes = (dict,)

    def __init__(self, fields: dict[str, Field], make: Callable[..., Any], hashable: bool = True) -> None:
        """``make`` gets the fields as keywords."""
        self.fields, self._make, self.hashable = fields, make, hashable
        self.schema = {
            "type": "object",
            "properties": {k: {**f.kind.schema, **f.more} for k, f in fields.items()},
        }
        required = [name for name, field in fields.items() if field.required]
        if required:
            self.schema["required"] = required
        self.schema["additionalProperties"] = False

    def read(self, value: Any, path: str) -> Any:
        """Missing and unknown keys and wrong values; all problems at once."""
        if not isinstance(value, dict):
            raise wrong(path, self.expected, value)
        problems = [
            f"{child(path, n)}: missing" for n, f in self.fields.items() if f.required and n not in value
        ]
        known = "known are " + ", ".join(self.fields) if self.fields else "nothing is expected here"
        problems += [f"{child(path, key[:60])}: unknown; {known}" for key in value if key not in self.fields]
        given = [(name, item) for name, item in value.items() if name in self.fields]
        made = _all(((child(path, n), self.fields[n].kind, item) for n, item in given), problems)
        try:
            return self._make(**dict(zip((name for name, _ in given), made)))
        except Exception as error:  # a class may check its values
            raise Mismatch([f"{path}: {error}"]) from error


class Union(Kind):
    """One of several kinds."""

    def __init__(self, members: list[Kind]) -> None:
        """In the order they are tried, but 3 is an int first and 3.0 a float."""
        self._members = members
        self.schema = {"anyOf": [member.schema for member in members]}
        self.expected = " or ".join(member.expected for member in members)
        self.takes = tuple(dict.fromkeys(t for member in members for t in member.takes))
        self.hashable = all(member.hashable for member in members)

    def read(self, value: Any, path: str) -> Any:
        """The first member that takes it."""
        number = type(value) in (int, float)
        likely = [member for member in self._members if number and type(value) in member.takes[:1]]
        able = [member for member in self._members if type(value) in member.takes]
        failures = []
        for member in dict.fromkeys([*likely, *able, *self._members]):
            try:
                return member.read(value, path)
            except Mismatch as error:
                failures.append(error)
        # The only member of that shape tells best what is wrong inside.
        raise (
            failures[0]
            if len(able) == 1 and type(value) in (dict, list)
            else wrong(path, self.expected, value)
        )


class Reference(Kind):
    """A type with a name, inside itself."""

    expected = "an object"
    takes: tuple[type, ...] = (dict,)
    hashable = False
    target: Kind

    def __init__(self, name: str) -> None:
        """``target`` is set when it is known."""
        self.schema = {"$ref": f"#/$defs/{name}"}

    def read(self, value: Any, path: str) -> Any:
        """As the type does."""
        return self.target.read(value, path)


class Described(Kind):
    """A kind with a description of its own."""

    def __init__(self, kind: Kind, description: str) -> None:
        """As ``kind`` otherwise."""
        self._kind = kind
        self.schema = {**kind.schema, "description": description}
        self.expected, self.takes, self.hashable = kind.expected, kind.takes, kind.hashable

    def read(self, value: Any, path: str) -> Any:
        """As the kind does."""
        return self._kind.read(value, path)


#: Problems told at once: enough to repair a call, not a flood.
_MAX_PROBLEMS = 8


def _all(values: Iterable[tuple[str, Kind, Any]], problems: Optional[list[str]] = None) -> list[Any]:
    """Reads all; raises all their problems together."""
    found, made = list(problems or ()), []
    for path, kind, value in values:
        try:
            made.append(kind.read(value, path))
        except Mismatch as error:
            found += error.problems
        if len(found) >= _MAX_PROBLEMS:
            break
    if found:
        raise Mismatch(found[:_MAX_PROBLEMS])
    return made
