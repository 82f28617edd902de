"""What can go wrong: one exception class per family of errors.

Every exception of the package is an :class:`Error`. Catch a family by its class, a single cause by
``code``; ``fix`` says what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Optional

__all__ = [
    "ERROR_CLASSES",
    "ArgumentError",
    "ArgumentTypeError",
    "ClosedError",
    "ConfigError",
    "CredentialError",
    "DeviceError",
    "Error",
    "HostError",
    "InternalError",
    "LimitError",
    "NetworkError",
    "PermissionDeniedError",
    "ProtocolError",
    "ProviderError",
    "QuotaError",
    "StateError",
    "TlsError",
    "ToolError",
    "UnsupportedError",
]


class Error(Exception):
    """What went wrong, in words for a person and codes for a program. Never contains a secret.

    :param message: one sentence for a person.
    :param code: stable snake_case word; each class has a default.
    :param field: JSON path or parameter the error is about.
    :param fix: what to do about it, one sentence.
    :param provider_code: the vendor's own code, where there is one.
    :param fatal: true when the session cannot go on.
    :param retryable: true when the same call may succeed later without a change.
    :param retry_after_ms: how long the service asks to be left alone, milliseconds.
    :param error_class: family, as in the JSON form; each class has its own.
    """

    error_class: str = "internal"
    code: str = "error"
    message: str
    field: Optional[str]
    fix: Optional[str]
    provider_code: Optional[str]
    fatal: bool
    retryable: bool
    retry_after_ms: Optional[int]

    def __init__(
        self,
        message: str,
        *,
        code: Optional[str] = None,
        field: Optional[str] = None,
        fix: Optional[str] = None,
        provider_code: Optional[str] = None,
        fatal: bool = False,
        retryable: bool = False,
        retry_after_ms: Optional[int] = None,
        error_class: Optional[str] = None,
    ) -> None:
        """See the class."""
        message = message if isinstance(message, str) else str(message)
        super().__init__(message)
        self.message = message
        self.code = type(self).code if code is None else code
        self.field = field
        self.fix = fix
        self.provider_code = provider_code
        self.fatal = fatal
        self.retryable = retryable
        self.retry_after_ms = retry_after_ms
        self.error_class = type(self).error_class if error_class is None else error_class

    def __str__(self) -> str:
        """One line: where, the cause, the vendor's code, then the fix."""
        text = self.message if self.field is None else f"{self.field}: {self.message}"
        if self.provider_code is not None and self.provider_code not in self.message:
            text += f" ({self.provider_code})"
        return text if self.fix is None else f"{text}; {self.fix}"

    def __repr__(self) -> str:
        """The class with every field that says something."""
        fields = [repr(self.message), f"code={self.code!r}"]
        for name in ("field", "fix", "provider_code", "retry_after_ms"):
            value = getattr(self, name)
            if value is not None:
                fields.append(f"{name}={value!r}")
        fields += [f"{name}=True" for name in ("fatal", "retryable") if getattr(self, name)]
        if self.error_class != type(self).error_class:
            fields.append(f"error_class={self.error_class!r}")
        return f"{type(self).__name__}({', '.join(fields)})"

    def __reduce__(self) -> Any:
        """Pickling and copying keep every field, in subclasses with an ``__init__`` of their own too."""
        return _restore, (type(self), self.args, self.__dict__.copy())

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, as the engine writes it."""
        out: dict[str, Any] = {"class": self.error_class, "code": self.code, "message": self.message}
        for name in ("field", "fix", "provider_code"):
            value = getattr(self, name)
            if value is not None:
                out[name] = value
        out.update(fatal=self.fatal, retryable=self.retryable)
        if self.retry_after_ms is not None:
            out["retry_after_ms"] = self.retry_after_ms
        return out


def _restore(cls: type[Error], args: Any, fields: Mapping[str, Any]) -> Error:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(fields)
    return error


class ArgumentError(Error, ValueError):
    """A call was made with a value that can never be right; ``field`` names the parameter."""

    error_class = "argument"
    code = "invalid_argument"


class ArgumentTypeError(ArgumentError, TypeError):
    """A call was made with a value of a wrong Python type; ``field`` names the parameter."""


class ConfigError(Error, ValueError):
    """The configuration document is wrong; ``field`` names the JSON path."""

    error_class = "config"
    code = "invalid_config"


class UnsupportedError(Error):
    """The provider, model or build cannot do this."""

    error_class = "unsupported"
    code = "unsupported"


class StateError(Error, RuntimeError):
    """The call is right but not now."""

    error_class = "state"
    code = "invalid_state"


class ClosedError(StateError):
    """The client is over."""

    code = "closed"


class CredentialError(Error):
    """A credential is missing, expired or refused."""

    error_class = "credential"
    code = "auth"


class NetworkError(Error, ConnectionError):
    """The network or the peer's transport failed."""

    error_class = "network"
    code = "connect_failed"


# Not a NetworkError: who catches those to try again must not do so with a refused certificate.
class TlsError(Error, ConnectionError):
    """The peer's certificate or the TLS handshake was refused."""

    error_class = "tls"
    code = "tls"


class ProtocolError(Error):
    """The peer broke the protocol, or duologue did."""

    error_class = "protocol"
    code = "protocol"


class ProviderError(Error):
    """The vendor reported a failure of its own."""

    error_class = "provider"
    code = "provider"


class QuotaError(Error):
    """Billing or rate limits of the account."""

    error_class = "quota"
    code = "quota"


class LimitError(Error):
    """A documented bound was exceeded."""

    error_class = "limit"
    code = "limit"


class DeviceError(Error):
    """An audio device failed."""

    error_class = "device"
    code = "device"


class PermissionDeniedError(Error, PermissionError):
    """The operating system denied access."""

    error_class = "permission"
    code = "permission_denied"


class ToolError(Error):
    """A tool failed, timed out or does not exist.

    Raise it inside a tool to tell the model what went wrong: it reads the text as it is.
    """

    error_class = "tool"
    code = "tool_failed"


class HostError(Error):
    """Host code is too slow or misbehaved."""

    error_class = "host"
    code = "host"


class InternalError(Error):
    """A bug in duologue."""

    code = "internal"


#: The exception of each error class, by its name in the JSON form.
ERROR_CLASSES: dict[str, type[Error]] = {
    "argument": ArgumentError,
    "config": ConfigError,
    "unsupported": UnsupportedError,
    "state": StateError,
    "credential": CredentialError,
    "network": NetworkError,
    "tls": TlsError,
    "protocol": ProtocolError,
    "provider": ProviderError,
    "quota": QuotaError,
    "limit": LimitError,
    "device": DeviceError,
    "permission": PermissionDeniedError,
    "tool": ToolError,
    "host": HostError,
    "internal": InternalError,
}


def words(error: BaseException) -> str:
    """An exception in one line, whatever it is made of."""
    try:
        text = str(error)
    except BaseException:
        text = "it cannot be printed"
    text = text.encode("utf-8", "replace").decode()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def from_fields(
    error_class: str,
    code: str,
    message: str,
    field: Optional[str] = None,
    fix: Optional[str] = None,
    provider_code: Optional[str] = None,
    fatal: bool = False,
    retryable: bool = False,
    retry_after_ms: Optional[int] = None,
) -> Error:
    """The exception for an error of the engine. A class of a later version is a plain :class:`Error`."""
    cls = ERROR_CLASSES.get(error_class, Error)
    if cls is StateError and code == "closed":
        cls = ClosedError
    return cls(
        message,
        code=code,
        field=field,
        fix=fix,
        provider_code=provider_code,
        fatal=fatal,
        retryable=retryable,
        retry_after_ms=retry_after_ms,
        error_class=error_class,
    )


def bad_argument(
    field: str, message: str, fix: Optional[str] = None, *, code: Optional[str] = None
) -> ArgumentError:
    """The error to raise for a parameter whose value can never be right."""
    return ArgumentError(message, field=field, fix=fix, code=code)


def bad_type(field: str, expected: str, got: object, fix: Optional[str] = None) -> ArgumentTypeError:
    """The error to raise for a parameter of a wrong type.

    Only the type of ``got`` is told: its value may be a secret.
    """
    kind = "None" if got is None else type(got).__name__
    return ArgumentTypeError(f"expected {expected}, got {kind}", field=field, fix=fix)


def near(word: str, known: Iterable[str]) -> str:
    """The fix for a word nobody knows."""
    # Only when something is wrong: difflib costs import time.
    from difflib import get_close_matches

    names = list(known)
    found = get_close_matches(word, names, 1)
    return f"did you mean {found[0]!r}?" if found else f"use one of: {', '.join(names)}"
