"""Which functions can be tools, and what their docstrings say."""

import functools
from typing import Any, Optional

import pytest
from duologue import ArgumentError, ArgumentTypeError
from duologue._docstring import parse
from duologue.tools import Tool, ToolContext, ToolError, collect, tool


def test_parameters_that_cannot_be_told() -> None:
    def star(*cities: str) -> None: ...
    def stars(**cities: str) -> None: ...
    def bare(city) -> None: ...  # type: ignore[no-untyped-def]
    def twice(a: ToolContext, b: ToolContext) -> None: ...

    positional: Any = eval("lambda city, /: None")
    positional.__name__ = "positional"
    positional.__annotations__ = {"city": str}

    for function, where in [
        (star, "star(*cities)"),
        (stars, "stars(**cities)"),
        (bare, "bare(city)"),
        (twice, "twice(b)"),
        (positional, "positional(city)"),
    ]:
        with pytest.raises(ArgumentError) as caught:
            Tool(function)
        assert caught.value.field == where and caught.value.fix


class Shop:
    """A shop."""

    def __init__(self, name: str) -> None:
        self.name = name

    def price(self, item: str) -> str:
        """What an item costs."""
        return f"{item} at {self.name}"

    @classmethod
    def open(cls, day: str) -> str:
        return day

    @staticmethod
    def tax(amount: float) -> float:
        return amount

    def __call__(self, item: str) -> str:
        return item


def test_methods_partials_and_objects() -> None:
    shop = Shop("here")

    def keys(made: Tool) -> "list[str]":
        return [made.name, *made.parameters["properties"]]

    assert keys(Tool(shop.price)) == ["price", "item"]
    assert Tool(shop.price).description == "What an item costs."
    assert Tool(shop.price)(item="tea") == "tea at here"
    assert keys(Tool(Shop.open)) == ["open", "day"] and keys(Tool(Shop.tax)) == ["tax", "amount"]
    assert keys(Tool(shop)) == ["Shop", "item"] and Tool(shop).description == "A shop."
    with pytest.raises(ArgumentError) as caught:
        Tool(Shop.price)
    assert caught.value.field == "price(self)"


def test_what_a_partial_has_bound_is_not_the_models() -> None:
    def orders(user: int, limit: int = 5, *, state: str = "open") -> "list[int]":
        """Orders of a user."""
        return [user, limit]

    made = Tool(functools.partial(orders, user=7, state="any"))
    assert made.name == "orders" and made.description == "Orders of a user."
    assert list(made.parameters["properties"]) == ["limit"]
    assert made(**made.parse_arguments('{"limit": 2}')) == [7, 2]
    with pytest.raises(ToolError, match="user: unknown"):
        made.parse_arguments('{"user": 8}')
    assert list(Tool(functools.partial(orders, 7)).parameters["properties"]) == ["limit", "state"]


def test_decorated_functions() -> None:
    def logged(function: Any) -> Any:
        @functools.wraps(function)
        def inner(*args: Any, **keywords: Any) -> Any:
            return function(*args, **keywords)

        return inner

    @tool(name="look-up", description="Own words.", timeout=2)
    @logged
    def look(word: str) -> str:
        """Looks a word up."""
        return word.upper()

    assert isinstance(look, Tool) and look("a") == "A" and look.timeout == 2.0
    assert look.definition() == {
        "name": "look-up",
        "description": "Own words.",
        "parameters": {
            "type": "object",
            "properties": {"word": {"type": "string"}},
            "required": ["word"],
            "additionalProperties": False,
        },
        "timeout_ms": 2000,
    }


def test_objects_of_decorators() -> None:
    @functools.cache
    def cached(word: str) -> str:
        """Looks a word up."""
        return word

    made = Tool(cached)
    assert (made.name, made.description) == ("cached", "Looks a word up.")
    assert list(made.parameters["properties"]) == ["word"]
    again = Tool(made, name="again")
    assert again.function is cached and again.parameters == made.parameters


def test_an_optional_context_is_not_the_models() -> None:
    def f(city: str, context: Optional[ToolContext] = None) -> None: ...

    made = Tool(f)
    assert made.context_parameter == "context" and list(made.parameters["properties"]) == ["city"]


def test_generators_classes_and_other_things_are_refused() -> None:
    def generator(x: int) -> Any:
        yield x

    async def async_generator(x: int) -> Any:
        yield x

    for function in (generator, async_generator, functools.partial(generator, 1)):
        with pytest.raises(ArgumentError, match="is a generator"):
            Tool(function)
    for wrong in (Shop, 7, None, "f", Shop.__dict__["open"]):
        with pytest.raises(ArgumentTypeError) as caught:
            Tool(wrong)  # type: ignore[arg-type]
        assert caught.value.field == "function"


def test_options_are_checked() -> None:
    def f() -> None: ...

    options: list[dict[str, Any]] = [{"name": "get weather"}, {"name": ""}, {"name": "x" * 65}, {"name": 7}]
    options += [{"timeout": t} for t in (0, -1, float("nan"), float("inf"), "5", True)]
    options += [{"description": 7}, {"parameters": []}]
    for option in options:
        with pytest.raises(ArgumentError) as caught:
            Tool(f, **option)
        assert caught.value.field == next(iter(option)), option
    with pytest.raises(ArgumentError) as caught:
        Tool(lambda: None)
    assert caught.value.field == "name"


def test_a_list_of_tools() -> None:
    def f(x: int) -> int:
        return x

    made = Tool(f, name="g")
    mapping = {"name": "h", "parameters": None}
    definitions, ours = collect([f, made, mapping])
    assert (
        [d["name"] for d in definitions] == ["f", "g", "h"] and list(ours) == ["f", "g"] and ours["g"] is made
    )
    for wrong, where in [
        ([f, 7], "tools[1]"),
        ([f, f], "tools[1]"),
        ("f", "tools"),
        ({}, "tools"),
        (f, "tools"),
    ]:
        with pytest.raises(ArgumentError) as caught:
            collect(wrong)  # type: ignore[arg-type]
        assert caught.value.field == where


GOOGLE = """Looks up the weather.

    Use it when asked about the
    weather, never for news.

    - one
    - two

    Args:
        city (str): The city,
            note: as on a map.
        *days: How many.
        unit:
            Of temperature.

    Keyword Args:
        late (bool, optional): Even late.

    Returns:
        text: The answer.
    """
NUMPY = """Looks up the weather.

    Parameters
    ----------
    city : str
        The city,
        as on a map.

    unit, late : {"C", "F"}, optional
        Of temperature.

    Returns
    -------
    text : str
        The answer.
    """
REST = """Looks up the weather.

    :param city: The city,
        as on a map.
    :param str unit: Of temperature.
    :type unit: str
    :returns text: the answer
    :param late:
        Even late.
    """


@pytest.mark.parametrize(
    ("doc", "summary", "parameters"),
    [
        (
            GOOGLE,
            "Looks up the weather.\n\nUse it when asked about the weather, never for news.\n\n- one\n- two",
            {
                "city": "The city, note: as on a map.",
                "days": "How many.",
                "unit": "Of temperature.",
                "late": "Even late.",
            },
        ),
        (
            NUMPY,
            "Looks up the weather.",
            {"city": "The city, as on a map.", "unit": "Of temperature.", "late": "Of temperature."},
        ),
        (
            REST,
            "Looks up the weather.",
            {"city": "The city, as on a map.", "unit": "Of temperature.", "late": "Even late."},
        ),
        (None, None, {}),
        ("", None, {}),
        ("\n    Args:\n        x: y", None, {"x": "y"}),
        ("Note: this is prose.", "Note: this is prose.", {}),
        ("Args:", None, {}),
        ("A\n-----", None, {}),
        ("Text\n\n----", "Text\n\n----", {}),
    ],
)
def test_docstrings(doc: Any, summary: Any, parameters: Any) -> None:
    assert parse(doc) == (summary, parameters)


def test_descriptions_reach_the_schema() -> None:
    @tool
    def weather(context: ToolContext, city: str, unit: str = "C") -> str:
        """Looks up the weather.

        Args:
            context: Not the model's business.
            city: The city.
        """
        return city + unit

    assert weather.definition() == {
        "name": "weather",
        "description": "Looks up the weather.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "The city."},
                "unit": {"type": "string", "default": "C"},
            },
            "required": ["city"],
            "additionalProperties": False,
        },
    }


def test_defaults_are_told_where_json_can() -> None:
    class Secret:
        pass

    def f(a: Any = Secret(), b: str = None, c: Any = (1, 2), d: float = float("nan")) -> None:  # type: ignore[assignment] # noqa: B008, RUF013
        pass

    properties = Tool(f).parameters["properties"]
    assert properties == {"a": {}, "b": {"type": "string"}, "c": {"default": [1, 2]}, "d": {"type": "number"}}
    assert "required" not in Tool(f).parameters
