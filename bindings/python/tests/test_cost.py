"""What must stay cheap: importing, and events for listeners."""

from __future__ import annotations

import inspect
import subprocess
import sys
import threading
from typing import Any

import duologue
from duologue import blocking


def _python(program: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_importing_it_imports_nothing_else() -> None:
    new = "import sys; old = set(sys.modules); import duologue; print(*sorted(set(sys.modules) - old))"
    assert _python(new).split() == ["__future__", "duologue"]


def test_words_and_errors_need_no_engine() -> None:
    loaded = "import sys, duologue; duologue.Transcript; duologue.Error; print(*sys.modules)"
    assert not {"ctypes", "asyncio", "duologue._lib"} & set(_python(loaded).split())


def test_a_client_without_tools_needs_none() -> None:
    made = (
        "import sys, duologue; duologue.Client(api_key='c4n4ry-key'); print('duologue.tools' in sys.modules)"
    )
    assert _python(made) == "False"


def test_every_name_is_found_first() -> None:
    fresh = (
        "import duologue\n"
        "kept = dict(vars(duologue))\n"
        "for name in [*duologue.__all__, 'events', 'errors', 'config']:\n"
        "    vars(duologue).clear(); vars(duologue).update(kept); getattr(duologue, name)\n"
        "print(hasattr(duologue, 'nothing'), set(duologue.__all__) <= set(dir(duologue)))"
    )
    assert _python(fresh) == "False True"


def test_a_record_shows_its_fields_before_it_is_used() -> None:
    fields = [*inspect.signature(duologue.ToolTimeout).parameters]
    assert fields == [
        "seq",
        "time_ms",
        "epoch",
        "turn",
        "response",
        "item",
        "inferred",
        "labels",
        "call",
        "name",
    ]
    assert inspect.signature(duologue.SessionStats).parameters["malformed"].default == 0


def test_a_thread_that_calls_listeners_stays_the_same_to_python(service: Any) -> None:
    mine = threading.local()
    seen: dict[int, list[int]] = {}

    heard = threading.Semaphore(0)

    def listen(_event: object) -> None:
        mine.calls = getattr(mine, "calls", 0) + 1
        seen.setdefault(threading.get_native_id(), []).append(mine.calls)
        heard.release()

    with blocking.connect(service=service, api_key="c4n4ry-key") as client:
        client.add_listener(listen, duologue.Completed)
        for _ in range(5):
            client.set_input_muted(False)
        # More than there are threads at first: one of them heard two.
        for _ in range(5):
            assert heard.acquire(timeout=60)
    for calls in seen.values():
        assert calls == [*range(1, len(calls) + 1)]
    assert max(len(calls) for calls in seen.values()) > 1
