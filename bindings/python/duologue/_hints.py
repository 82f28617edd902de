"""Kinds of JSON for type hints."""

from __future__ import annotations

import collections.abc as abc
import dataclasses
import datetime
import enum
import types
import typing
import uuid
from collections.abc import Mapping
from typing import Any, Optional, get_args, get_origin

from . import _docstring
from ._encode import to_json
from ._json import plain
from ._schema import (
    Anything,
    Choice,
    Described,
    Field,
    Integer,
    Items,
    Kind,
    Map,
    Mismatch,
    Number,
    Object,
    Reference,
    Text,
    Tuple,
    Union,
    boolean,
    null,
)
from .errors import ArgumentError


class Refused(Exception):
    """A hint that has no JSON form; says what to write instead."""

    def __init__(self, message: str, fix: str) -> None:
        """The caller knows where it stands."""
        super().__init__(message)
        self.message, self.fix = message, fix


def evaluate(annotation: Any, scope: Mapping[str, Any]) -> Any:
    """A hint without texts in it."""

    def holder() -> None:
        """Has the hint; without defaults, of which Python before 3.11 would make Optional."""

    holder.__annotations__ = {"hint": annotation}
    try:
        return typing.get_type_hints(holder, dict(scope), include_extras=True)["hint"]
    except Exception as error:  # a hint is any expression
        raise Refused(
            f"the type {_name(annotation)} cannot be resolved: {error}",
            "import it at run time at the top of the module; on Python 3.9 write Optional[X] and Union[X, Y]",
        ) from None


def describe(annotation: Any) -> Optional[str]:
    """The description inside ``Annotated``."""
    if get_origin(annotation) is typing.Annotated:
        for note in get_args(annotation)[1:]:
            for text in (note, getattr(note, "documentation", None), getattr(note, "description", None)):
                if isinstance(text, str):
                    return text
    return None


def field(kind: Kind, default: Any, required: bool, description: Optional[str]) -> Field:
    """A key of an object; a default is told where JSON can tell it."""
    more: dict[str, Any] = {}
    if description and "description" not in kind.schema:
        more["description"] = description
    if not required:
        try:
            value = to_json(default, "default")
            kind.read(value, "default")
            more["default"] = value
        except (ArgumentError, Mismatch):
            pass
    return Field(kind, required, more)


_TEXTS: dict[Any, tuple[str, Any]] = {
    datetime.datetime: ("date-time", lambda t: datetime.datetime.fromisoformat(_zone(t))),
    datetime.date: ("date", datetime.date.fromisoformat),
    datetime.time: ("time", lambda t: datetime.time.fromisoformat(_zone(t))),
    uuid.UUID: ("uuid", uuid.UUID),
}
_SIMPLE: dict[Any, Any] = {
    str: Text,
    int: Integer,
    float: Number,
    bool: boolean,
    None: null,
    type(None): null,
    Any: Anything,
    object: Anything,
}
_LISTS: tuple[Any, ...] = (list, abc.Sequence, abc.MutableSequence, abc.Iterable, abc.Collection)
_SETS: tuple[Any, ...] = (set, abc.Set, abc.MutableSet)
_MAPS: tuple[Any, ...] = (dict, abc.Mapping, abc.MutableMapping)
_CONTAINERS: tuple[Any, ...] = (*_LISTS, *_SETS, *_MAPS, tuple, frozenset)
_UNIONS = (typing.Union, getattr(types, "UnionType", typing.Union))


def _zone(text: str) -> str:
    # Python before 3.11 does not read the Z.
    return text[:-1] + "+00:00" if text[-1:] in "Zz" else text


class Compiler:
    """Turns hints into kinds; keeps the types that contain themselves."""

    def __init__(self) -> None:
        """One for each tool."""
        #: Schemas of types that contain themselves.
        self.defs: dict[str, Any] = {}
        self._open: dict[Any, Optional[Reference]] = {}
        self._done: dict[Any, Kind] = {}

    def kind(self, hint: Any) -> Kind:
        """The kind of a hint. Raises :class:`Refused`."""
        try:
            if hint in _SIMPLE:
                made: Kind = _SIMPLE[hint]()
                return made
            if hint in _TEXTS:
                return Text(*_TEXTS[hint])
        except TypeError:
            pass  # not hashable: a Literal of lists, say
        if hasattr(hint, "__supertype__"):
            return self.kind(hint.__supertype__)
        if hasattr(hint, "__value__") and type(hint).__name__ == "TypeAliasType":
            return self._named(hint, lambda: self.kind(hint.__value__))
        origin, args = get_origin(hint), get_args(hint)
        if origin is not None:
            return self._generic(hint, origin, args)
        if isinstance(hint, type):
            return self._class(hint)
        named = {tuple: typing.Tuple, list: typing.List, dict: typing.Dict}
        raise (
            _no_form(hint) if hint not in named.values() else Refused(f"{_name(hint)} is bare", "say of what")
        )

    def _generic(self, hint: Any, origin: Any, args: tuple[Any, ...]) -> Kind:
        if origin is typing.Annotated:
            description = describe(hint)
            kind = self.kind(args[0])
            return Described(kind, description) if description else kind
        if origin in _UNIONS:
            return Union([self.kind(arg) for arg in args])
        if origin is typing.Literal:
            return Choice([(_literal(arg), arg) for arg in _flat(args)])
        if origin in _MAPS:
            if args and args[0] not in (str, Any):
                raise Refused(f"keys of {_name(hint)} are no texts", "use dict[str, ...]")
            return Map(self.kind(args[1]) if args else Anything())
        if origin is tuple and args and args[-1] is not Ellipsis:
            return Tuple([] if args == ((),) else [self.kind(arg) for arg in args])
        if origin is tuple and not args and hint not in (tuple, getattr(typing, "Tuple", None)):
            return Tuple([])
        if origin not in _CONTAINERS:
            raise _no_form(hint)
        item = self.kind(args[0]) if args else Anything()
        if origin is tuple:
            return Items(item, tuple)
        if origin in _LISTS:
            return Items(item, list)
        if not item.hashable:
            raise Refused(f"items of {_name(hint)} cannot be in a set", "use list[...]")
        return Items(item, frozenset if origin is frozenset else set)

    def _class(self, cls: Any) -> Kind:
        if issubclass(cls, enum.Enum):
            choices = [(_literal(member), member) for member in cls]
            if not choices:
                raise Refused(f"{_name(cls)} has no members", "add some")
            return Choice(choices)
        if cls in _CONTAINERS:
            return self._generic(cls, cls, ())
        if issubclass(cls, dict) and hasattr(cls, "__required_keys__"):
            return self._named(cls, lambda: self._typed_dict(cls))
        if issubclass(cls, tuple) and hasattr(cls, "_fields"):
            return self._named(cls, lambda: self._named_tuple(cls))
        if dataclasses.is_dataclass(cls):
            return self._named(cls, lambda: self._dataclass(cls))
        raise _no_form(cls)

    def _named(self, cls: Any, make: Any) -> Kind:
        """A type that may be met again inside itself."""
        if cls in self._done:
            return self._done[cls]
        if cls in self._open:
            return self._open[cls] or self._refer(cls)
        self._open[cls] = None
        kind: Kind = make()
        reference = self._open.pop(cls)
        if reference is not None:
            self.defs[reference.schema["$ref"].rsplit("/", 1)[1]] = kind.schema
            reference.target = kind
            reference.takes, reference.expected = kind.takes, kind.expected
            kind = reference
        self._done[cls] = kind
        return kind

    def _refer(self, cls: Any) -> Reference:
        name = cls.__name__
        while name in self.defs:
            name += "_"
        self.defs[name] = {}
        reference = self._open[cls] = Reference(name)
        return reference

    def _hints(self, cls: Any) -> dict[str, Any]:
        try:
            return typing.get_type_hints(cls, include_extras=True)
        except Exception as error:  # a hint is any expression
            raise Refused(
                f"a type in {_name(cls)} cannot be resolved: {error}",
                "define it at the top of the module; on Python 3.9 write Optional[X] and Union[X, Y]",
            ) from None

    def _field(
        self, cls: Any, name: str, hint: Any, default: Any, required: bool, doc: Optional[str]
    ) -> Field:
        try:
            return field(self.kind(hint), default, required, doc)
        except Refused as error:
            raise Refused(f"{_name(cls)}.{name}: {error.message}", error.fix) from None

    def _typed_dict(self, cls: Any) -> Kind:
        docs = _docstring.parse(cls.__doc__)[1]
        fields = {}
        for name, whole in self._hints(cls).items():
            hint, required = whole, name in cls.__required_keys__
            # With postponed annotations __required_keys__ does not know of these.
            while getattr(get_origin(hint), "_name", None) in ("Required", "NotRequired", "ReadOnly"):
                word = getattr(get_origin(hint), "_name", None)
                required = required if word == "ReadOnly" else word == "Required"
                hint = get_args(hint)[0]
            fields[name] = self._field(cls, name, hint, ..., required, docs.get(name))
        return Object(fields, dict, hashable=False)

    def _named_tuple(self, cls: Any) -> Kind:
        hints, docs, defaults = self._hints(cls), _docstring.parse(cls.__doc__)[1], cls._field_defaults
        fields = {}
        for name in cls._fields:
            hint, default = hints.get(name, Any), defaults.get(name)
            fields[name] = self._field(cls, name, hint, default, name not in defaults, docs.get(name))
        return Object(fields, cls)

    def _dataclass(self, cls: Any) -> Kind:
        hints, docs = self._hints(cls), _docstring.parse(cls.__doc__)[1]
        if any(isinstance(hint, dataclasses.InitVar) for hint in hints.values()):
            raise Refused(f"{_name(cls)} has an InitVar", "use a field, or a TypedDict")
        fields, missing = {}, dataclasses.MISSING
        for f in dataclasses.fields(cls):
            if f.init:
                required = f.default is missing and f.default_factory is missing
                fields[f.name] = self._field(
                    cls, f.name, hints[f.name], f.default, required, docs.get(f.name)
                )
        return Object(fields, cls, hashable=cls.__hash__ is not None)


def _flat(args: tuple[Any, ...]) -> list[Any]:
    """Values of a Literal, those of Literals inside it too."""
    out: list[Any] = []
    for arg in args:
        out += _flat(get_args(arg)) if get_origin(arg) is typing.Literal else [arg]
    return out


def _literal(value: Any) -> Any:
    plainly = value.value if isinstance(value, enum.Enum) else value
    if not isinstance(plainly, (str, int, float)) and plainly is not None:
        raise Refused(f"{value!r} has no JSON form", "use texts, numbers, booleans or None")
    try:
        return plain(plainly, "")
    except ArgumentError as error:
        raise Refused(f"{value!r} has no JSON form: {error.message}", "use another value") from None


def _no_form(hint: Any) -> Refused:
    return Refused(
        f"the type {_name(hint)} has no JSON form",
        "use str, int, float, bool, list, dict, Literal, an Enum, a dataclass, a TypedDict or Any",
    )


def _name(hint: Any) -> str:
    return hint.__qualname__ if isinstance(hint, type) and not get_args(hint) else str(hint)
