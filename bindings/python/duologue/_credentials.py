"""Secrets, and the host's function that is asked for one."""

from __future__ import annotations

import asyncio
import contextvars
import datetime
import functools
import inspect
import logging
from collections.abc import Awaitable
from typing import Any, Callable, Literal, Optional, Union

from ._event import record
from ._lib import native
from ._run import guarded
from .errors import CredentialError, Error, bad_argument, bad_type, words

_log = logging.getLogger("duologue")

CredentialKind = Literal["key", "api_key", "ephemeral", "signed_url", "bearer"]
"""What a secret is; ``key``: found out from the secret."""
_KINDS = ("key", "api_key", "ephemeral", "signed_url", "bearer")


@record
class CredentialRequest:
    """What a credential is needed for."""

    request_id: int
    """Number of the ``CredentialNeeded`` event."""
    reason: str
    """``connect``: for a dial; ``rejected``: the service refused the last one; ``refresh``: it expires soon."""
    time_left: float
    """Seconds the answer may take; then the function is cancelled."""
    provider: str
    """The configured provider."""
    model: Optional[str]
    """The configured model; a credential for another one is refused."""


class Credential:
    """A secret for the provider. It is never part of the configuration and never printed.

    :param value: the secret as the provider shows it.
    :param kind: ``key``: found out from the secret; ``api_key``: a long-lived key of the account;
        ``ephemeral``: a short-lived secret minted for one client; ``bearer``: a token of another issuer;
        ``signed_url``: a URL that carries its own permission. What the provider does not take is refused.
    :param expires_at: when it stops being good: seconds since 1970, or a ``datetime`` with a time zone.
    :param endpoint: the base URL it is good for, in the place of the configured one.
    :param model: the model it was minted for.
    """

    __slots__ = ("_endpoint", "_expires_at", "_kind", "_model", "_value")

    def __init__(
        self,
        value: str,
        kind: CredentialKind = "key",
        *,
        expires_at: Union[float, datetime.datetime, None] = None,
        endpoint: Optional[str] = None,
        model: Optional[str] = None,
    ) -> None:
        """See the class."""
        for name, text in (("value", value), ("endpoint", endpoint or ""), ("model", model or "")):
            if not isinstance(text, str):
                raise bad_type(name, "a string", text)
        if not value.isascii():
            raise CredentialError(
                "the key contains characters no key has",
                code="malformed_key",
                field="value",
                fix="give the key as the provider shows it",
            )
        if kind not in _KINDS:
            fix = "use " + ", ".join(_KINDS)
            raise bad_argument("kind", f"{kind!r} is no kind of credential", fix)
        self._value, self._kind, self._endpoint, self._model = value, kind, endpoint, model
        self._expires_at = _seconds(expires_at)

    def __repr__(self) -> str:
        """Without the secret."""
        return f"Credential([redacted], {self._kind!r})"

    def __reduce__(self) -> Any:
        """Secrets are not pickled."""
        raise TypeError("a Credential cannot be pickled: it would be readable there")

    def for_engine(self) -> Any:
        """Used by the client."""
        kind = None if self._kind == "key" else getattr(native.CredentialKind, self._kind.upper())
        return native.CredentialInput(
            kind=kind,
            value=self._value,
            expires_at=self._expires_at,
            endpoint=self._endpoint,
            model=self._model,
        )


Answer = Union[str, Credential]
CredentialFunction = Callable[[CredentialRequest], Union[Answer, Awaitable[Answer]]]
"""Gets a credential whenever one is needed: a plain function, which runs in a thread, or a coroutine function."""


def _seconds(at: Union[float, datetime.datetime, None]) -> Optional[int]:
    if isinstance(at, datetime.datetime):
        if at.tzinfo is None:
            raise bad_argument("expires_at", "has no time zone", "use datetime.now(timezone.utc) + ...")
        at = at.timestamp()
    if at is None:
        return None
    if isinstance(at, bool) or not isinstance(at, (int, float)):
        raise bad_type("expires_at", "seconds since 1970, or a datetime", at)
    if not 0 <= at < 1 << 53:
        raise bad_argument("expires_at", f"{at} is out of range", "give seconds since 1970")
    return int(at)


def secret(credential: object, name: str = "credential") -> Credential:
    """A credential that was given as one or as a key."""
    if isinstance(credential, str):
        try:
            return Credential(credential)
        except CredentialError as error:
            error.field = name
            raise
    if not isinstance(credential, Credential):
        raise bad_type("credential", "a string or a Credential", credential)
    return credential


def one_argument(function: Any) -> None:
    """Refuses what cannot be called with a request, before anybody waits for it."""
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        fix = "write def credential(request: duologue.CredentialRequest) -> str"
        raise bad_type("credential", "a function of one argument, the request", function, fix) from None
    except ValueError:
        pass  # Nobody knows what a function written in C takes.


async def answer(engine: Any, function: CredentialFunction, request: CredentialRequest) -> None:
    """Asks the host's function and tells the engine what it says. Cancelled when nobody waits for it any more."""
    work = asyncio.ensure_future(_ask(function, request))
    try:
        done, _ = await asyncio.wait({work}, timeout=request.time_left)
    finally:
        work.cancel()
    if not done:
        return  # The engine says that it took too long.
    try:
        message, retryable = "the function for credentials was cancelled", True
        if not work.cancelled():
            failure = work.exception()
            if failure is None:
                _give(engine, request, work.result())
                return
            if not isinstance(failure, Error):
                # Without its words, which may contain the secret.
                _log.error("the function for credentials raised %s", type(failure).__name__)
            message = str(failure) if isinstance(failure, Error) else words(failure)
            retryable = bool(getattr(failure, "retryable", False))
        engine.refuse_credential(request.request_id, message, retryable)
    except Error as error:
        if error.code not in ("stale_request", "closed"):
            _log.error("a credential was not taken: %s", error)


def _give(engine: Any, request: CredentialRequest, credential: object) -> None:
    try:
        engine.answer_credential(request.request_id, secret(credential).for_engine())
    except Error as error:
        # What cannot be used is as good as none.
        if error.code == "stale_request":
            raise
        engine.refuse_credential(request.request_id, str(error), error.retryable)


async def _ask(function: CredentialFunction, request: CredentialRequest) -> object:
    if inspect.iscoroutinefunction(function):
        found: object = await function(request)
        return found
    # As in tools: what it raises comes back as a value, so that no SystemExit ends the loop.
    work = functools.partial(guarded, functools.partial(function, request), (BaseException,))
    call = functools.partial(contextvars.copy_context().run, work)
    result, failure = await asyncio.get_running_loop().run_in_executor(None, call)
    if failure is not None:
        if isinstance(failure, Exception):
            raise failure
        raise CredentialError(words(failure), code="refused")
    return await result if inspect.isawaitable(result) else result
