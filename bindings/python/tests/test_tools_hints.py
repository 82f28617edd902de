"""Hints that are texts: postponed, recursive, or not to be resolved."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Annotated, Any, Optional, TypedDict, Union

import pytest
from duologue import ArgumentError
from duologue.tools import Tool, ToolError

if TYPE_CHECKING:
    from decimal import Decimal

    from duologue.tools import ToolContext


@dataclasses.dataclass
class Tree:
    value: int
    children: list[Tree]


@dataclasses.dataclass
class Husband:
    wife: Optional[Wife] = None


@dataclasses.dataclass
class Wife:
    husband: Optional[Husband] = None


Json = Union[int, dict[str, "Json"]]


def test_types_that_contain_themselves() -> None:
    def plant(tree: Tree, second: Optional[Tree] = None) -> None: ...

    made = Tool(plant)
    ref = {"$ref": "#/$defs/Tree"}
    assert made.parameters["properties"] == {
        "tree": ref,
        "second": {"anyOf": [ref, {"type": "null"}], "default": None},
    }
    assert made.parameters["$defs"] == {
        "Tree": {
            "type": "object",
            "properties": {"value": {"type": "integer"}, "children": {"type": "array", "items": ref}},
            "required": ["value", "children"],
            "additionalProperties": False,
        }
    }
    tree = made.parse_arguments('{"tree": {"value": 1, "children": [{"value": 2, "children": []}]}}')["tree"]
    assert tree == Tree(1, [Tree(2, [])])
    with pytest.raises(ToolError) as caught:
        made.parse_arguments('{"tree": {"value": 1, "children": [{"value": "2", "children": []}]}}')
    assert str(caught.value) == 'tree.children[0].value: expected an integer, got "2"'
    with pytest.raises(ToolError, match="nested too deeply"):
        made.parse_arguments('{"tree": ' + '{"value": 1, "children": [' * 900 + "]}" * 900 + "}")


def test_types_that_contain_each_other() -> None:
    def marry(pair: Husband) -> None: ...

    made = Tool(marry)
    assert made.parameters["properties"]["pair"] == {"$ref": "#/$defs/Husband"}
    value = made.parse_arguments('{"pair": {"wife": {"husband": {"wife": null}}}}')["pair"]
    assert value == Husband(Wife(Husband(None)))


def test_two_types_of_one_name() -> None:
    def make() -> Any:
        node: Any = dataclasses.make_dataclass("Node", [("next", Any, None)])
        node.__annotations__["next"] = Optional[node]
        return node

    first, second = make(), make()

    def f(a, b) -> None: ...  # type: ignore[no-untyped-def]

    f.__annotations__ = {"a": first, "b": second}
    made = Tool(f)
    assert made.parameters["properties"] == {"a": {"$ref": "#/$defs/Node"}, "b": {"$ref": "#/$defs/Node_"}}
    assert set(made.parameters["$defs"]) == {"Node", "Node_"}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="type statements")
def test_type_statements() -> None:
    scope: dict[str, Any] = {}
    exec("type Json = int | dict[str, Json]\ndef f(x: Json, y: list[Json]): pass", scope)
    made = Tool(scope["f"])
    assert made.parameters["properties"]["x"] == {"$ref": "#/$defs/Json"}
    assert made.parse_arguments('{"x": {"a": {"b": 1}}, "y": [1]}') == {"x": {"a": {"b": 1}}, "y": [1]}
    with pytest.raises(ToolError, match=r"x\.a"):
        made.parse_arguments('{"x": {"a": {"b": "1"}}, "y": [1]}')


def test_required_keys_although_hints_are_texts() -> None:
    extensions: Any = pytest.importorskip("typing_extensions")
    scope: dict[str, Any] = {"__name__": __name__, **vars(extensions)}
    exec(
        "from __future__ import annotations\n"
        "class A(TypedDict):\n    a: int\n    b: NotRequired[Annotated[int, 'Bee.']]\n"
        "class B(TypedDict, total=False):\n    a: Required[ReadOnly[int]]\n    b: int\n",
        scope,
    )
    for name in "AB":
        scope[name].__module__ = "made_up"
        sys.modules["made_up"] = type(sys)("made_up")
        vars(sys.modules["made_up"]).update(scope)

        def f(x) -> None: ...  # type: ignore[no-untyped-def]

        f.__annotations__ = {"x": scope[name]}
        assert Tool(f).parameters["properties"]["x"]["required"] == ["a"], name
    del sys.modules["made_up"]


class Options(TypedDict, total=False):
    """What is possible.

    Attributes:
        deep: Look deeper.
    """

    deep: bool


def test_postponed_hints() -> None:
    def find(options: Options, count: Annotated[int, "How many."] = 1, name: Optional[str] = None) -> None:
        """Finds.

        Args:
            count: is said above already.
            name: A name.
        """

    assert Tool(find).parameters["properties"] == {
        "options": {
            "type": "object",
            "properties": {"deep": {"type": "boolean", "description": "Look deeper."}},
            "additionalProperties": False,
        },
        "count": {"type": "integer", "description": "How many.", "default": 1},
        "name": {
            "anyOf": [{"type": "string"}, {"type": "null"}],
            "description": "A name.",
            "default": None,
        },
    }


def test_what_only_type_checkers_know() -> None:
    def price(amount: Decimal) -> None: ...
    def where(context: ToolContext, city: str) -> Decimal: ...  # type: ignore[empty-body]

    with pytest.raises(ArgumentError) as caught:
        Tool(price)
    assert caught.value.field == "price(amount)" and "Decimal" in caught.value.message
    assert caught.value.fix is not None and "at run time" in caught.value.fix
    made = Tool(where)
    assert made.context_parameter == "context" and list(made.parameters["properties"]) == ["city"]


def test_an_alias_that_contains_itself() -> None:
    def f(x: Json) -> None: ...

    # A plain alias has no name to refer to, so it can only be refused.
    with pytest.raises(ArgumentError) as caught:
        Tool(f)
    assert caught.value.field == "f(x)"
