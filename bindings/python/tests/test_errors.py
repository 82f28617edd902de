"""Errors carry what the engine said, read as it prints them, and survive pickling."""

from __future__ import annotations

import copy
import pickle
import re
from pathlib import Path

import pytest
from duologue import errors
from duologue.errors import (
    ERROR_CLASSES,
    ArgumentError,
    ArgumentTypeError,
    ClosedError,
    Error,
    NetworkError,
    PermissionDeniedError,
    StateError,
    TlsError,
    ToolError,
    bad_argument,
    bad_type,
    from_fields,
)

RUST = Path(__file__).resolve().parents[3] / "src" / "error" / "mod.rs"

ALL_FIELDS = {
    "code": "c",
    "message": "m",
    "field": "audio.rate",
    "fix": "remove it",
    "provider_code": "p",
    "fatal": True,
    "retryable": True,
}


@pytest.mark.skipif(not RUST.exists(), reason="only in the repository")
def test_every_class_of_the_engine_has_an_exception() -> None:
    body = re.search(r"pub enum ErrorClass \{(.*?)\n\}", RUST.read_text(encoding="utf-8"), re.S)
    assert body is not None
    names = re.findall(r"^    (\w+),$", body[1], re.M)
    assert list(ERROR_CLASSES) == [name.lower() for name in names]


@pytest.mark.parametrize("name", list(ERROR_CLASSES))
def test_fields_arrive_in_the_class_they_belong_to(name: str) -> None:
    error = from_fields(name, **ALL_FIELDS)  # type: ignore[arg-type]
    assert type(error) is ERROR_CLASSES[name]
    assert error.to_dict() == {"class": name, **ALL_FIELDS}


def test_the_classes_can_be_caught_as_pythons_own() -> None:
    for name, base in [
        ("argument", ValueError),
        ("config", ValueError),
        ("state", RuntimeError),
        ("network", ConnectionError),
        ("tls", ConnectionError),
        ("permission", PermissionError),
    ]:
        with pytest.raises(base):
            raise from_fields(name, "c", "m")
    assert issubclass(ArgumentTypeError, ArgumentError) and issubclass(ArgumentTypeError, TypeError)
    assert not issubclass(TlsError, NetworkError), "a refused certificate must not be dialled again"


def test_closed_and_unknown_classes() -> None:
    assert type(from_fields("state", "closed", "m")) is ClosedError
    assert type(from_fields("state", "not_connected", "m")) is StateError
    assert type(from_fields("network", "closed", "m")) is NetworkError
    later = from_fields("quantum", "c", "m")
    assert type(later) is Error and later.error_class == "quantum"


# The Rust tests of Display have the first; the others follow its code.
@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"field": "audio.rate", "fix": "remove it"}, "audio.rate: unknown key; remove it"),
        ({}, "unknown key"),
        ({"provider_code": "bad_key"}, "unknown key (bad_key)"),
        ({"provider_code": "key"}, "unknown key"),
        ({"provider_code": ""}, "unknown key"),
        ({"field": "", "fix": ""}, ": unknown key; "),
        ({"field": "a", "provider_code": "p", "fix": "f"}, "a: unknown key (p); f"),
    ],
)
def test_text_is_that_of_the_engine(fields: dict[str, str], text: str) -> None:
    for name in ("config", "network", "permission"):
        assert str(from_fields(name, "c", "unknown key", **fields)) == text  # type: ignore[arg-type]


class _Own(ToolError):
    def __init__(self, city: str, country: str) -> None:
        super().__init__(f"{city} is not in {country}", fix="try another")
        self.city = city


@pytest.mark.parametrize("name", [*ERROR_CLASSES, "own"])
def test_copies_are_whole(name: str) -> None:
    error: Error = _Own("Paris", "Peru") if name == "own" else from_fields(name, **ALL_FIELDS)  # type: ignore[arg-type]
    copies = [copy.copy(error), copy.deepcopy(error)]
    copies += [pickle.loads(pickle.dumps(error, level)) for level in range(pickle.HIGHEST_PROTOCOL + 1)]
    for other in copies:
        assert type(other) is type(error) and other is not error
        assert other.__dict__ == error.__dict__ and other.args == error.args
        assert str(other) == str(error) and repr(other) == repr(error)


def test_repr_shows_what_is_set() -> None:
    assert repr(ToolError("no")) == "ToolError('no', code='tool_failed')"
    assert repr(from_fields("quantum", "c", "m", fatal=True)) == (
        "Error('m', code='c', fatal=True, error_class='quantum')"
    )
    assert repr(PermissionDeniedError("m", field="microphone")) == (
        "PermissionDeniedError('m', code='permission_denied', field='microphone')"
    )


def test_helpers_name_the_parameter_and_never_the_value() -> None:
    error = bad_type("api_key", "a string", 12345)
    assert isinstance(error, ArgumentTypeError) and error.field == "api_key"
    assert str(error) == "api_key: expected a string, got int"
    assert "got None" in str(bad_type("text", "a string", None))
    assert str(bad_argument("frames", "must be positive", "use 480")) == "frames: must be positive; use 480"
    assert bad_argument("x", "y").error_class == "argument"


def test_all_is_complete() -> None:
    public = {n for n, v in vars(errors).items() if isinstance(v, type) and issubclass(v, Error)}
    assert public <= set(errors.__all__)
