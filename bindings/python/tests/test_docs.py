"""What the documentation shows is what there is."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import duologue
import pytest
from duologue import blocking

ROOT = Path(__file__).parents[3]
README = (ROOT / "bindings/python/README.md").read_text()
EXAMPLES = ROOT / "examples/python"


def _blocks(text: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def test_the_shortest_stays_short() -> None:
    assert len((EXAMPLES / "hello_voice.py").read_text().splitlines()) <= 15


def test_the_test_of_an_agent_is_the_example() -> None:
    assert (EXAMPLES / "test_my_agent.py").read_text() in _blocks(README)


def test_what_is_shown_is_python() -> None:
    blocks = _blocks(README)
    assert len(blocks) >= 5
    for block in blocks:
        # Snippets may stand in a coroutine.
        ast.parse("async def snippet():\n" + "".join(f"    {line}\n" for line in block.splitlines()))


def test_names_in_the_documentation_exist() -> None:
    named = set(re.findall(r"\bduologue\.([A-Za-z_]+)", README + (ROOT / "README.md").read_text()))
    # The files of the C library, the crate's and the project's own names look the same.
    others = {"h", "hpp", "clock_us"}
    assert sorted(n for n in named - others if not hasattr(duologue, n)) == []
    for method in re.findall(r"\bclient\.([a-z_]+)\(", README):
        assert hasattr(duologue.Client, method), method


@pytest.mark.parametrize(
    "cls", [duologue.Client, blocking.Client, duologue.EventStream, blocking.EventStream]
)
def test_everything_public_is_described(cls: type) -> None:
    bare = [
        name
        for name, member in inspect.getmembers(cls)
        if not name.startswith("_") and not inspect.getdoc(member)
    ]
    assert inspect.getdoc(cls) and bare == []


def test_everything_exported_exists() -> None:
    assert [name for name in duologue.__all__ if not hasattr(duologue, name)] == []
    assert set(duologue.__all__) <= set(dir(duologue))
