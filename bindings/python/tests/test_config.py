"""The types of the document are those of its JSON Schema, and documents are put together with care."""

from __future__ import annotations

import enum
import json
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from duologue import ArgumentError, ArgumentTypeError
from duologue.config import NOT_GIVEN, ConfigDocument, build_document

SCHEMA = Path(__file__).resolve().parents[3] / "docs" / "config.schema.json"


def expand(schema: Any, defs: dict[str, Any]) -> Any:
    """A schema as types: objects by their keys, enums by their values, scalars by their names."""
    if "$ref" in schema:
        return expand(defs[schema["$ref"].rsplit("/", 1)[1]], defs)
    if "anyOf" in schema or "oneOf" in schema:
        return merge(*(expand(s, defs) for s in schema.get("anyOf") or schema["oneOf"]))
    if "const" in schema:
        return {("value", schema["const"])}
    if "enum" in schema:
        return {("value", value) for value in schema["enum"]}
    kinds = schema.get("type", "any")
    return merge(*(kind_of(kind, schema, defs) for kind in ([kinds] if isinstance(kinds, str) else kinds)))


def kind_of(kind: str, schema: Any, defs: dict[str, Any]) -> Any:
    if kind == "object" and "properties" in schema:
        required = set(schema.get("required", ()))
        keys = {k: (k in required, expand(s, defs)) for k, s in schema["properties"].items()}
        return {("object", frozenset((k, r, frozenset(t)) for k, (r, t) in keys.items()))}
    if kind == "object":
        rest = schema["additionalProperties"]
        return {("map", frozenset({("any",)} if rest is True else expand(rest, defs)))}
    if kind == "array":
        return {("list", frozenset(expand(schema["items"], defs)))}
    return {(kind,)}


def merge(*kinds: Any) -> Any:
    return set().union(*kinds)


def typed(hint: Any) -> Any:
    """A type hint in the same form."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Union:
        return merge(*map(typed, args))
    if origin is Literal:
        return {("value", value) for value in args}
    if isinstance(hint, type) and hasattr(hint, "__required_keys__"):
        keys = get_type_hints(hint)
        needed = hint.__required_keys__
        return {
            (
                "object",
                frozenset((k, k in needed, frozenset(typed(t))) for k, t in keys.items()),
            )
        }
    if (args and issubclass(origin, dict)) or getattr(origin, "__name__", "") == "Mapping":
        return {("map", frozenset(typed(args[1])))}
    if getattr(origin, "__name__", "") == "Sequence":
        return {("list", frozenset(typed(args[0])))}
    names = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null", Any: "any"}
    return {(names[hint],)}


def any_schema(kinds: Any) -> Any:
    """``tools[].parameters`` is any JSON in the schema; the type says what is legal: an object or null."""
    text = {("map", frozenset({("any",)})), ("null",)}
    return {("any",)} if kinds == text else kinds


@pytest.mark.skipif(not SCHEMA.exists(), reason="only in the repository")
def test_types_and_schema_are_the_same_at_every_depth() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    compare(expand(schema, schema["$defs"]), typed(ConfigDocument), "")


def compare(wanted: Any, there: Any, path: str) -> None:
    there = any_schema(there)
    nested = {kind[0]: kind[1] for kind in wanted if kind[0] in ("object", "list", "map")}
    for kind, inner in nested.items():
        match = [k[1] for k in there if k[0] == kind]
        assert match, f"{path}: no {kind}"
        if kind == "object":
            wanted_keys, keys = ({k: (r, t) for k, r, t in side} for side in (inner, match[0]))
            assert sorted(wanted_keys) == sorted(keys), path
            for key, (required, types) in wanted_keys.items():
                assert keys[key][0] == required, f"{path}.{key}: required"
                compare(types, keys[key][1], f"{path}.{key}")
        else:
            compare(inner, match[0], f"{path}[]")
    flat = [{k for k in side if k[0] not in ("object", "list", "map")} for side in (wanted, there)]
    assert flat[0] == flat[1], path
    assert len(nested) == sum(1 for k in there if k[0] in ("object", "list", "map")), path


def test_keywords_win_over_the_document_and_none_is_null() -> None:
    config = {
        "voice": "cedar",
        "transcription": None,
        "audio": {"level_events": False, "input": {"rate": 16000}},
    }
    given = {"voice": "marin", "model": NOT_GIVEN, "audio": {"level_events": True}, "instructions": None}
    assert build_document(given, config) == {
        "voice": "marin",
        "transcription": None,
        "audio": {"level_events": True, "input": {"rate": 16000}},
        "instructions": None,
    }
    assert config["audio"] == {"level_events": False, "input": {"rate": 16000}}
    assert build_document({}) == {}
    assert build_document({"transcription": NOT_GIVEN}, {"transcription": None}) == {"transcription": None}
    assert build_document({"transcription": None}, {"transcription": {"model": "x"}}) == {
        "transcription": None
    }


class _Word(str, enum.Enum):
    PULL = "pull"


def test_values_become_plain_and_are_copied() -> None:
    roots = ["PEM"]
    document = build_document(
        {"tls": {"extra_roots": roots}, "tools": ({"name": "f"},), "labels": {"a": _Word.PULL}}
    )
    assert document == {"tls": {"extra_roots": ["PEM"]}, "tools": [{"name": "f"}], "labels": {"a": "pull"}}
    assert type(document["labels"]["a"]) is str
    roots.append("later")
    assert document["tls"]["extra_roots"] == ["PEM"]
    json.dumps(document, allow_nan=False)


def test_names_the_engine_would_not_know() -> None:
    with pytest.raises(ArgumentError) as caught:
        build_document({"voic": "marin"})
    assert caught.value.field == "voic" and caught.value.fix == "did you mean 'voice'?"
    # The engine names the path of a wrong key in `config` itself.
    assert build_document({}, {"voic": 1}) == {"voic": 1}


@pytest.mark.parametrize(
    ("extra", "path"),
    [
        ({"foo": [1, 2, {3}]}, "extra.foo[2]"),
        ({"foo": {"bar": b"x"}}, "extra.foo.bar"),
        ({"foo": memoryview(b"x")}, "extra.foo"),
        ({"foo": [[object()]]}, "extra.foo[0][0]"),
        ({"foo": {1: 2}}, "extra.foo"),
        ({"foo": NOT_GIVEN}, "extra.foo"),
        (lambda: 1, "extra"),
    ],
)
def test_what_json_does_not_have_is_named(extra: Any, path: str) -> None:
    for keywords, config in (({"extra": extra}, None), ({}, {"extra": extra})):
        with pytest.raises(ArgumentTypeError) as caught:
            build_document(keywords, config)
        assert caught.value.field == path


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), "\ud800"])
def test_numbers_and_texts_that_are_none(value: Any) -> None:
    with pytest.raises(ArgumentError) as caught:
        build_document({"extra": {"foo": [value]}})
    assert caught.value.field == "extra.foo[0]"
    assert not isinstance(caught.value, ArgumentTypeError)


def test_a_document_that_contains_itself() -> None:
    extra: dict[str, Any] = {}
    extra["x"] = extra
    with pytest.raises(ArgumentError, match="levels deep"):
        build_document({"extra": extra})


@pytest.mark.parametrize("config", ["{}", [], 7, [("voice", "marin")]])
def test_config_is_a_mapping(config: Any) -> None:
    with pytest.raises(ArgumentTypeError) as caught:
        build_document({}, config)
    assert caught.value.field == "config"
