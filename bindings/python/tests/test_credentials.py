"""Credentials: given, or asked for at each dial; never shown."""

from __future__ import annotations

import asyncio
import datetime
import logging
import threading
from typing import Any

import duologue
import pytest
from conftest import Polite
from duologue import blocking

CANARY = "sk-canary-7f3a"
TEXT: Any = {"output_modality": "text", "audio": {"input": {"source": "none"}, "output": {"source": "none"}}}


@pytest.mark.parametrize("kind", ["coroutine", "function", "awaitable"])
def test_a_function_is_asked_at_each_dial(service: Polite, kind: str) -> None:
    asked: list[duologue.CredentialRequest] = []
    threads = []

    def plain(request: duologue.CredentialRequest) -> str:
        asked.append(request)
        threads.append(threading.current_thread())
        return CANARY

    async def coroutine(request: duologue.CredentialRequest) -> duologue.Credential:
        return duologue.Credential(plain(request), "ephemeral")

    def awaitable(request: duologue.CredentialRequest) -> Any:
        return coroutine(request)

    function: Any = {"coroutine": coroutine, "function": plain, "awaitable": awaitable}[kind]

    async def main() -> None:
        client = duologue.connect(service=service, credential=function, config=TEXT, model="gpt-realtime-2")
        assert client.availability().can_connect and asked == []
        async with client:
            await client.disconnect()
            await client.connect()
            assert [(request.reason, request.model) for request in asked] == [
                ("connect", "gpt-realtime-2")
            ] * 2
            assert all(0 < request.time_left <= 15 for request in asked)
            assert asked[0].request_id != asked[1].request_id
            # What may block does not block the loop.
            assert (threads[0] is threading.main_thread()) == (kind != "function")
            with pytest.raises(duologue.StateError) as caught:
                client.set_credential(CANARY)
            assert caught.value.code == "credential_asked"

    asyncio.run(main())


def test_a_function_for_threads(service: Polite) -> None:
    with blocking.connect(service=service, credential=lambda request: CANARY, config=TEXT) as client:
        assert client.status.is_connected


class Later(duologue.Error):
    """Somebody's own."""


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (ValueError("the server is down"), "ValueError: the server is down"),
        (Later("try again", retryable=True), "try again"),
        (SystemExit(3), "SystemExit: 3"),
        ("", "is empty"),
        ("sk a", "contains spaces"),
        (7, "a string or a Credential"),
        (duologue.Credential(CANARY, "signed_url"), "signed"),
        (duologue.Credential(CANARY, expires_at=1_000), "expired"),
    ],
)
@pytest.mark.parametrize("style", ["coroutine", "function"])
def test_what_is_no_credential_refuses(
    service: Polite, found: Any, words: str, style: str, caplog: pytest.LogCaptureFixture
) -> None:
    def plain(_request: duologue.CredentialRequest) -> Any:
        if isinstance(found, BaseException):
            raise found
        return found

    async def coroutine(request: duologue.CredentialRequest) -> Any:
        return plain(request)

    async def main() -> None:
        function: Any = plain if style == "function" else coroutine
        client = duologue.connect(service=service, credential=function, config=TEXT)
        with pytest.raises(duologue.CredentialError) as caught:
            await client.connect()
        assert words in str(caught.value) and CANARY not in repr(caught.value)
        assert caught.value.retryable == isinstance(found, Later)
        await client.close()

    caplog.set_level(logging.DEBUG)
    if isinstance(found, SystemExit) and style == "coroutine":
        pytest.skip("asyncio ends the loop itself")
    asyncio.run(main())
    assert CANARY not in caplog.text


def test_who_hangs_up_does_not_wait_for_a_credential(service: Polite) -> None:
    async def main() -> None:
        asked, cancelled = asyncio.Event(), asyncio.Event()

        async def forever(_request: duologue.CredentialRequest) -> str:
            asked.set()
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()
            raise AssertionError

        client = duologue.connect(service=service, credential=forever, config=TEXT)
        connecting = asyncio.ensure_future(client.connect())
        await asked.wait()
        assert client.status.phase == "credential"
        await client.disconnect()
        with pytest.raises(duologue.Error):
            await connecting
        await asyncio.wait_for(cancelled.wait(), 30)
        await client.close()

    asyncio.run(main())


def test_a_function_that_takes_too_long_is_cancelled(service: Polite) -> None:
    async def main() -> None:
        cancelled = asyncio.Event()

        async def forever(_request: duologue.CredentialRequest) -> str:
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()
            raise AssertionError

        client = duologue.connect(
            service=service, credential=forever, credentials={"timeout_ms": 1000}, config=TEXT
        )
        with pytest.raises(duologue.CredentialError) as caught:
            await client.connect()
        assert caught.value.code == "credential_timeout"
        await asyncio.wait_for(cancelled.wait(), 30)
        await client.close()

    asyncio.run(main())


def test_answers_by_hand(service: Polite) -> None:
    async def main() -> None:
        client = duologue.connect(service=service, credentials={"source": "asked"}, config=TEXT)
        needed = client.events(duologue.CredentialNeeded)
        connecting = asyncio.ensure_future(client.connect())
        event = await needed.__anext__()
        with pytest.raises(duologue.CredentialError) as caught:
            client.answer_credential(event, "sk a")
        assert caught.value.code == "malformed_key"
        client.answer_credential(event, CANARY)
        with pytest.raises(duologue.StateError) as late:
            client.answer_credential(event.request_id, CANARY)
        assert late.value.code == "stale_request"
        await connecting
        await client.close()

        client = duologue.connect(service=service, credentials={"source": "asked"}, config=TEXT)
        needed = client.events(duologue.CredentialNeeded)
        connecting = asyncio.ensure_future(client.connect())
        client.refuse_credential(await needed.__anext__(), "nobody is logged in")
        with pytest.raises(duologue.CredentialError, match="nobody is logged in"):
            await connecting
        await client.close()

    asyncio.run(main())


def test_only_short_lived_ones() -> None:
    for credential in (None, duologue.Credential(CANARY, "bearer")):
        with pytest.raises(duologue.CredentialError) as caught:
            duologue.connect(
                api_key=None if credential else CANARY,
                credential=credential,
                credentials={"ephemeral_only": True},
            )
        assert caught.value.code == "ephemeral_only" and CANARY not in repr(caught.value)
    duologue.connect(api_key="ek_short", credentials={"ephemeral_only": True})


def test_what_a_credential_may_say() -> None:
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=1)
    made = duologue.Credential(
        CANARY, expires_at=soon, endpoint="wss://eu.example/v1?ticket=" + CANARY, model="m"
    )
    assert CANARY not in repr(made) and made.for_engine().expires_at == int(soon.timestamp())
    for wrong in ({"expires_at": datetime.datetime.now()}, {"expires_at": -1}, {"expires_at": "soon"}):
        with pytest.raises(duologue.ArgumentError) as caught:
            duologue.Credential(CANARY, **wrong)  # type: ignore[arg-type]
        assert caught.value.field == "expires_at"
    with pytest.raises(duologue.CredentialError) as refused:
        duologue.connect(credential=duologue.Credential(CANARY, endpoint="http://eu.example"))
    assert CANARY not in repr(refused.value)


def test_functions_nobody_could_ask() -> None:
    with pytest.raises(duologue.ArgumentTypeError) as caught:
        duologue.connect(credential=lambda: CANARY)  # type: ignore[arg-type,misc]
    assert caught.value.field == "credential" and "request" in str(caught.value.fix)
    for keywords in (
        {"credential": lambda request: CANARY, "credentials": {"source": "given"}},
        {"api_key": CANARY, "credentials": {"source": "asked"}},
        {"api_key": CANARY, "credential": lambda request: CANARY},
    ):
        with pytest.raises(duologue.ArgumentError) as refused:
            duologue.connect(**keywords)  # type: ignore[arg-type]
        assert CANARY not in repr(refused.value)
