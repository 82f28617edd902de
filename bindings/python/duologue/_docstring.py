"""What a docstring says about a function and its parameters: Google, NumPy and reST styles."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Optional

_Ends = Callable[[list[str], int], bool]
_GOOGLE = re.compile(
    r"(Args|Arguments|Parameters|Params|Keyword Args|Keyword Arguments|Other Parameters|Attributes):\s*$"
)
_HEADING = re.compile(
    r"(Returns?|Yields?|Raises|Examples?|Notes?|Warnings?|Warns|See Also|References|Todo|Usage)\s*:\s*$"
)
_NUMPY = re.compile(r"(Parameters|Other Parameters|Attributes)\s*$")
_RULE = re.compile(r"-{3,}\s*$")
_REST_PARAM = re.compile(
    r":(?:param|parameter|arg|argument|key|keyword)\s+(?:[^:]*\s)?\*{0,2}(\w+)\s*:\s*(.*)$"
)
_REST = re.compile(r":\w+(\s[^:]*)?:(\s|$)")
_GOOGLE_ENTRY = re.compile(r"\*{0,2}(\w+)\s*(?:\(.*?\))?\s*:(?:\s+(.*))?$")
_NUMPY_ENTRY = re.compile(r"(\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)\s*(?::.*)?$")


def parse(doc: Optional[str]) -> tuple[Optional[str], dict[str, str]]:
    """The text before the first section, and the descriptions of the parameters by name.

    All that text and not only its first line: "when to use it" is what a model needs most, and it is often
    the second sentence.
    """
    lines = inspect.cleandoc(doc or "").splitlines()
    found: dict[str, str] = {}
    head = len(lines)
    at = 0
    while at < len(lines):
        line = lines[at]
        under = lines[at + 1] if at + 1 < len(lines) else ""
        if _RULE.match(under) and line.strip() and not line[0].isspace():
            head = min(head, at)
            body, at = _block(lines, at + 2, _numpy_ends)
            if _NUMPY.match(line):
                _numpy(body, found)
        elif _GOOGLE.match(line) or _HEADING.match(line):
            head = min(head, at)
            body, at = _block(lines, at + 1, _google_ends)
            if _GOOGLE.match(line):
                _google(body, found)
        elif _REST.match(line):
            head = min(head, at)
            match = _REST_PARAM.match(line)
            body, at = _block(lines, at + 1, _google_ends)
            if match:
                found.setdefault(match[1], _join([match[2], *body]))
        else:
            at += 1
    return _paragraphs(lines[:head]) or None, {name: text for name, text in found.items() if text}


def _google_ends(lines: list[str], at: int) -> bool:
    return bool(lines[at].strip()) and not lines[at][0].isspace()


def _numpy_ends(lines: list[str], at: int) -> bool:
    return at + 1 < len(lines) and bool(lines[at].strip()) and bool(_RULE.match(lines[at + 1]))


def _block(lines: list[str], at: int, ends: _Ends) -> tuple[list[str], int]:
    body = []
    while at < len(lines) and not ends(lines, at):
        body.append(lines[at])
        at += 1
    return body, at


def _google(body: list[str], found: dict[str, str]) -> None:
    indents = [len(line) - len(line.lstrip()) for line in body if line.strip()]
    _entries(body, min(indents, default=0), _GOOGLE_ENTRY, found)


def _numpy(body: list[str], found: dict[str, str]) -> None:
    _entries(body, 0, _NUMPY_ENTRY, found)


def _entries(body: list[str], indent: int, pattern: re.Pattern[str], found: dict[str, str]) -> None:
    """Entries that begin at ``indent`` and go on with deeper lines."""
    names: list[str] = []
    texts: list[str] = []

    def done() -> None:
        for name in names:
            found.setdefault(name.strip().lstrip("*"), _join(texts))

    for line in body:
        if not line.strip():
            continue
        match = pattern.match(line.strip()) if len(line) - len(line.lstrip()) <= indent else None
        if match:
            done()
            names = match[1].split(",")
            texts = [match[2] or ""] if pattern is _GOOGLE_ENTRY else []
        else:
            texts.append(line)
    done()


def _join(lines: list[str]) -> str:
    return " ".join(line.strip() for line in lines if line.strip())


def _paragraphs(lines: list[str]) -> str:
    """Wrapped lines are joined; lists and indented text keep theirs."""
    out: list[str] = []
    for line in lines:
        text = line.rstrip()
        joins = (
            out and out[-1] and text and not text[0].isspace() and not re.match(r"([-*+]|\d+[.)])\s", text)
        )
        if joins:
            out[-1] += " " + text
        else:
            out.append(text)
    return "\n".join(out).strip()
