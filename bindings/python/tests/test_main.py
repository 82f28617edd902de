"""``python -m duologue``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from duologue import __main__ as program
from duologue._native import version


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command from outside."""
    return subprocess.run(
        [sys.executable, "-m", "duologue", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={"PATH": "", **environment},
    )


def test_arguments_output_and_exit_code_are_the_program_s() -> None:
    schema = run("schema", "config")
    assert (schema.returncode, schema.stderr) == (0, "")
    assert "instructions" in json.loads(schema.stdout)["properties"]
    text = run("talk", "--text", "a b", "--text", "")
    assert text.returncode == 2
    assert "--text" in text.stderr
    # No key, no network.
    assert run("talk", "--text", "hello").returncode == 3


def test_without_the_program_it_says_so() -> None:
    missing = run("talk", "--simulate", DUOLOGUE_PROGRAM="/no/such/program")
    assert (missing.returncode, missing.stdout) == (2, "")
    assert missing.stderr.count("\n") == 1 and "/no/such/program" in missing.stderr
    version_alone = run("--version", DUOLOGUE_PROGRAM="/no/such/program")
    assert (version_alone.returncode, version_alone.stdout) == (0, f"duologue {version()}\n")


def test_a_program_that_cannot_be_run_is_no_traceback(tmp_path: Path) -> None:
    broken = tmp_path / "duologue"
    broken.write_bytes(b"\x7fELF")
    broken.chmod(0o755)
    ended = run("talk", DUOLOGUE_PROGRAM=str(broken))
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: ") and ended.stderr.count("\n") == 1


def test_elsewhere_than_on_posix_it_waits(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = program.find_program()
    monkeypatch.setattr(program, "find_program", lambda: path)

    class Elsewhere:
        name = "elsewhere"

    monkeypatch.setattr(program, "os", Elsewhere)
    assert program.main(["schema", "scenario"]) == 0
    assert "caller" in json.loads(capfd.readouterr().out)["properties"]
    assert program.main(["schema", "nothing"]) == 2
