"""Schemas of functions, and what the model may write for them."""

# Hints are evaluated here, as in most programs; test_tools_hints.py has those that are texts.
import dataclasses
import datetime
import enum
import sys
import typing
import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple, NewType, Optional, TypedDict, Union

import pytest
from duologue import ArgumentError
from duologue.tools import Tool, ToolContext, ToolError


class Unit(enum.Enum):
    CELSIUS = "celsius"
    FAHRENHEIT = "fahrenheit"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclasses.dataclass
class Place:
    """Somewhere.

    Attributes:
        city: Where people live.
    """

    city: str
    zip: Optional[int] = None
    tags: list[str] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        if self.city == "Atlantis":
            raise ValueError("it is under water")


class Base(TypedDict):
    name: str


class Person(Base, total=False):
    age: int


class Point(NamedTuple):
    x: float
    y: float = 0.0


UserId = NewType("UserId", int)
PLACE = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "Where people live."},
        "zip": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["city"],
    "additionalProperties": False,
}
UTC = datetime.timezone.utc
NO = object()


def one(hint: Any) -> Tool:
    def f(x) -> None:  # type: ignore[no-untyped-def]
        pass

    f.__annotations__ = {"x": hint}
    return Tool(f)


# hint, schema, [(what the model writes, the Python value or NO)]
CASES: "list[tuple[Any, dict[str, Any], list[tuple[str, Any]]]]" = [
    (str, {"type": "string"}, [('"a"', "a"), ("3", NO), ("null", NO)]),
    (int, {"type": "integer"}, [("3", 3), ("3.0", 3), ("3.5", NO), ('"3"', NO), ("true", NO)]),
    (
        float,
        {"type": "number"},
        [("3", 3.0), ("0.5", 0.5), ("false", NO), ('"1"', NO), ("1" + "0" * 400, NO)],
    ),
    (bool, {"type": "boolean"}, [("true", True), ("1", NO), ('"true"', NO)]),
    (None, {"type": "null"}, [("null", None), ("false", NO)]),
    (Any, {}, [("[1]", [1]), ("null", None)]),
    (object, {}, [("{}", {})]),
    (list, {"type": "array", "items": {}}, [('[1, "a"]', [1, "a"]), ("{}", NO)]),
    (list[int], {"type": "array", "items": {"type": "integer"}}, [("[1, 2.0]", [1, 2]), ('["1"]', NO)]),
    (Sequence[str], {"type": "array", "items": {"type": "string"}}, [("[]", []), ('"ab"', NO)]),
    (
        "set[int]",
        {"type": "array", "items": {"type": "integer"}, "uniqueItems": True},
        [("[1, 1]", {1}), ("1", NO)],
    ),
    (
        "frozenset[str]",
        {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        [("[]", frozenset())],
    ),
    (set, {"type": "array", "items": {}, "uniqueItems": True}, [("[1]", {1}), ("[[1]]", NO)]),
    (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}, [("[1]", (1,)), ("[true]", NO)]),
    (
        tuple[int, str],
        {
            "type": "array",
            "minItems": 2,
            "maxItems": 2,
            "prefixItems": [{"type": "integer"}, {"type": "string"}],
        },
        [('[1, "a"]', (1, "a")), ("[1]", NO), ('["a", 1]', NO)],
    ),
    (tuple[()], {"type": "array", "minItems": 0, "maxItems": 0}, [("[]", ()), ("[1]", NO)]),
    (tuple, {"type": "array", "items": {}}, [("[1]", (1,))]),
    (tuple, {"type": "array", "items": {}}, [("[1]", (1,))]),
    (dict, {"type": "object"}, [('{"a": 1}', {"a": 1}), ("[]", NO)]),
    (
        dict[str, int],
        {"type": "object", "additionalProperties": {"type": "integer"}},
        [('{"a": 1, "b": 2.0}', {"a": 1, "b": 2}), ('{"a": "1"}', NO)],
    ),
    (Mapping[str, Any], {"type": "object"}, [("{}", {})]),
    (
        Optional[int],
        {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        [("1", 1), ("null", None), ('"1"', NO)],
    ),
    (
        Union[float, int],
        {"anyOf": [{"type": "number"}, {"type": "integer"}]},
        [("3", 3), ("3.0", 3.0), ("true", NO)],
    ),
    (Union[int, float], {"anyOf": [{"type": "integer"}, {"type": "number"}]}, [("3.0", 3.0), ("3", 3)]),
    (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}, [('"a"', "a"), ('"c"', NO)]),
    (Literal[1, "a", None], {"enum": [1, "a", None]}, [("1", 1), ("1.0", 1), ("true", NO), ("null", None)]),
    (Literal[True], {"type": "boolean", "enum": [True]}, [("true", True), ("1", NO)]),
    (Literal[Unit.CELSIUS], {"type": "string", "enum": ["celsius"]}, [('"celsius"', Unit.CELSIUS)]),
    (
        Unit,
        {"type": "string", "enum": ["celsius", "fahrenheit"]},
        [('"celsius"', Unit.CELSIUS), ('"CELSIUS"', NO)],
    ),
    (Level, {"type": "integer", "enum": [1, 2]}, [("2", Level.HIGH), ("3", NO), ('"LOW"', NO)]),
    (UserId, {"type": "integer"}, [("7", 7)]),
    (Annotated[int, "How many."], {"type": "integer", "description": "How many."}, [("7", 7)]),
    (
        Place,
        PLACE,
        [('{"city": "Rome"}', Place("Rome")), ('{"city": "Atlantis"}', NO), ("{}", NO), ('"Rome"', NO)],
    ),
    (
        Person,
        {
            "type": "object",
            "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
            "required": ["name"],
            "additionalProperties": False,
        },
        [('{"name": "A"}', {"name": "A"}), ('{"age": 1}', NO), ('{"name": "A", "height": 1}', NO)],
    ),
    (
        Point,
        {
            "type": "object",
            "properties": {"x": {"type": "number"}, "y": {"type": "number", "default": 0.0}},
            "required": ["x"],
            "additionalProperties": False,
        },
        [('{"x": 1}', Point(1.0)), ("[1, 2]", NO)],
    ),
    (
        datetime.datetime,
        {"type": "string", "format": "date-time"},
        [
            ('"2026-01-02T03:04:05Z"', datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
            ('"2026-01-02T03:04:05"', datetime.datetime(2026, 1, 2, 3, 4, 5)),
            ('"tomorrow"', NO),
            ("5", NO),
        ],
    ),
    (
        datetime.date,
        {"type": "string", "format": "date"},
        [('"2026-01-02"', datetime.date(2026, 1, 2)), ('"2"', NO)],
    ),
    (
        datetime.time,
        {"type": "string", "format": "time"},
        [('"03:04:05"', datetime.time(3, 4, 5)), ('"25:00"', NO)],
    ),
    (
        uuid.UUID,
        {"type": "string", "format": "uuid"},
        [(f'"{uuid.UUID(int=7)}"', uuid.UUID(int=7)), ('"7"', NO)],
    ),
]


@pytest.mark.parametrize(("hint", "schema", "values"), CASES, ids=lambda v: str(v)[:40])
def test_hints(hint: Any, schema: "dict[str, Any]", values: "list[tuple[str, Any]]") -> None:
    made = one(hint)
    assert made.parameters == {
        "type": "object",
        "properties": {"x": schema},
        "required": ["x"],
        "additionalProperties": False,
    }
    for written, value in values:
        arguments = f'{{"x": {written}}}'
        if value is NO:
            with pytest.raises(ToolError, match=r"^x"):
                made.parse_arguments(arguments)
        else:
            got = made.parse_arguments(arguments)["x"]
            assert got == value and type(got) is type(value), written


@pytest.mark.skipif(sys.version_info < (3, 10), reason="PEP 604")
def test_unions_with_a_bar() -> None:
    assert one(eval("int | None")).parameters == one(Optional[int]).parameters
    assert one("int | None").parameters == one(Optional[int]).parameters


@pytest.mark.parametrize(
    ("hint", "message"),
    [
        (bytes, "the type bytes has no JSON form"),
        (complex, "the type complex has no JSON form"),
        (dict[int, str], "keys of"),
        ("set[list[int]]", "cannot be in a set"),
        ("Missing", "cannot be resolved"),
        (Literal[b"x"], "has no JSON form"),
        (list[bytes], "bytes"),
        (Optional[bytes], "bytes"),
        (type, "no JSON form"),
        (typing.Callable[[int], str], r"the type typing\.Callable"),
        (typing.Iterator[int], "no JSON form"),
        (enum.Enum("Empty", []), "no members"),
        (dataclasses.make_dataclass("Bad", [("raw", bytes)]), r"Bad\.raw: the type bytes"),
        (dataclasses.make_dataclass("Init", [("x", dataclasses.InitVar[int])]), "InitVar"),
    ],
)
def test_hints_that_have_no_json_form(hint: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message) as caught:
        one(hint)
    assert caught.value.field == "f(x)" and caught.value.fix and caught.value.code == "invalid_tool"


def test_everything_wrong_is_told_at_once() -> None:
    def book(place: Place, guests: int, names: list[str], unit: Unit = Unit.CELSIUS) -> None:
        pass

    with pytest.raises(ToolError) as caught:
        Tool(book).parse_arguments('{"place": {"cty": "x"}, "names": ["a", 3], "unit": "kelvin", "x": 1}')
    assert str(caught.value).split("; ") == [
        "guests: missing",
        "x: unknown",
        "known are place, guests, names, unit",
        "place.city: missing",
        "place.cty: unknown",
        "known are city, zip, tags",
        "names[1]: expected a string, got 3",
        'unit: expected one of "celsius", "fahrenheit", got "kelvin"',
    ]


def test_problems_are_bounded() -> None:
    with pytest.raises(ToolError) as caught:
        one(list[int]).parse_arguments('{"x": [' + ",".join(['"' + "a" * 100 + '"'] * 1000) + "]}")
    assert len(str(caught.value)) < 1000
    with pytest.raises(ToolError) as caught:
        one(int).parse_arguments("{" + ",".join(f'"{n}": 1' for n in range(1000)) + "}")
    assert len(str(caught.value)) < 1000


def test_fields_that_a_dataclass_sets_itself() -> None:
    made: Any = dataclasses.make_dataclass(
        "Made", [("a", int), ("b", int, dataclasses.field(init=False, default=7))]
    )
    tool = one(made)
    assert list(tool.parameters["properties"]["x"]["properties"]) == ["a"]
    assert tool.parse_arguments('{"x": {"a": 1}}')["x"].b == 7


def test_a_union_tells_what_is_wrong_inside() -> None:
    with pytest.raises(ToolError) as caught:
        one(Optional[Place]).parse_arguments('{"x": {"city": 3}}')
    assert str(caught.value) == "x.city: expected a string, got 3"
    with pytest.raises(ToolError) as caught:
        one(Union[int, str, None]).parse_arguments('{"x": []}')
    assert str(caught.value) == "x: expected an integer or a string or null, got []"


@pytest.mark.parametrize("arguments", ["{", "[1]", '"x"', "nul", '{"x": NaN}', "[" * 100_000, '{"x": 1} {}'])
def test_what_is_no_json_object(arguments: str) -> None:
    for made in (one(Any), Tool(lambda **_: None, name="f", parameters={"type": "object"})):
        with pytest.raises(ToolError) as caught:
            made.parse_arguments(arguments)
        assert caught.value.code == "invalid_arguments"


def test_no_arguments() -> None:
    made = Tool(test_no_arguments)
    assert made.parameters == {"type": "object", "properties": {}, "additionalProperties": False}
    for nothing in ("", " ", "{}"):
        assert made.parse_arguments(nothing) == {}
    with pytest.raises(ToolError, match="x: unknown; nothing is expected here"):
        made.parse_arguments('{"x": 1}')


def test_a_schema_of_ones_own_is_not_touched() -> None:
    schema = {"type": "object", "properties": {"q": {"type": "string"}}}

    def find(context: ToolContext, **query: Any) -> None:
        pass

    made = Tool(find, parameters=schema)
    assert made.parameters is schema and made.context_parameter == "context"
    assert made.parse_arguments('{"q": 1}') == {"q": 1}


def test_a_result_is_scheduled() -> None:
    def note() -> None:
        """Writes it down."""

    assert Tool(note, scheduling="silent").definition()["scheduling"] == "silent"
    assert "scheduling" not in Tool(note).definition()
    with pytest.raises(ArgumentError) as refused:
        Tool(note, scheduling="later")  # type: ignore[arg-type]
    assert refused.value.field == "scheduling"
    assert "when_idle" in str(refused.value)
