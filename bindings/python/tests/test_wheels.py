"""What is in the wheels, and what is not. They are those of ``make wheels`` in ``dist/``."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import subprocess
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
#: Largest size of each, in bytes: what they have with a little room, so that nobody packs something large unnoticed.
GATES = {"duologue": 8_000_000, "duologue_simulator": 11_000_000}
#: Parts of every Linux system with glibc, whatever is installed there. No sound library, for one.
EVERYWHERE = {"libc.so.6", "libm.so.6", "libgcc_s.so.1"}


class Wheel:
    """One of the wheels, opened."""

    def __init__(self, name: str) -> None:
        paths = list((ROOT / "dist").glob(f"{name}-[0-9]*.whl"))
        assert len(paths) == 1, f"make wheels: {paths}"
        self.name = name
        self.path = paths[0]
        with zipfile.ZipFile(self.path) as archive:
            assert archive.testzip() is None
            self.files = {entry.filename: archive.read(entry) for entry in archive.infolist()}
            self.modes = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}

    def info(self, name: str) -> str:
        """A file of the metadata."""
        return self.files[f"{self.name}-{cargo_version()}.dist-info/{name}"].decode()

    def binary(self) -> str:
        """The name of what was compiled."""
        (found,) = [name for name, content in self.files.items() if content.startswith(b"\x7fELF")]
        return found


def cargo_version() -> str:
    """The one version of the project."""
    found = re.search(r'^version = "([^"]+)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    assert found is not None
    return found.group(1)


@pytest.fixture(scope="module", params=["duologue", "duologue_simulator"])
def wheel(request: pytest.FixtureRequest) -> Wheel:
    """Each of both."""
    return Wheel(request.param)


@pytest.fixture(scope="module")
def engine() -> Wheel:
    """The one with the package."""
    return Wheel("duologue")


def metadata(wheel: Wheel) -> Message:
    """What the package index reads."""
    return Parser().parsestr(wheel.info("METADATA"))


def test_one_wheel_fits_every_python(wheel: Wheel) -> None:
    name, version, python, abi, platform = wheel.path.stem.split("-")
    assert (name, version, python, abi) == (wheel.name, cargo_version(), "py3", "none")
    assert re.fullmatch(r"(manylinux_2_\d+|macosx_\d+_\d+)_\w+|win_\w+", platform), platform
    tags = [line for line in wheel.info("WHEEL").splitlines() if line.startswith("Tag: ")]
    assert tags == [f"Tag: py3-none-{platform}"]
    assert "Root-Is-Purelib: false" in wheel.info("WHEEL")


def test_metadata(wheel: Wheel) -> None:
    found = metadata(wheel)
    assert found["Name"] == wheel.name.replace("_", "-")
    assert found["Version"] == cargo_version()
    assert found["Requires-Python"] == ">=3.9"
    assert found["License-Expression"] == "MIT OR Apache-2.0"
    assert sorted(found.get_all("License-File", [])) == ["LICENSE-APACHE", "LICENSE-MIT"]
    for name in ("LICENSE-MIT", "LICENSE-APACHE"):
        assert wheel.info(f"licenses/{name}") == (ROOT / name).read_text()
    assert found["Summary"] and str(found.get_payload()).startswith("# duologue")


def test_nothing_is_installed_along(wheel: Wheel) -> None:
    required = metadata(wheel).get_all("Requires-Dist", [])
    if wheel.name == "duologue":
        # The same version: both are made from one source.
        assert required == [f"duologue-simulator=={cargo_version()} ; extra == 'simulator'"]
    else:
        assert required == []


def test_size(wheel: Wheel) -> None:
    assert wheel.path.stat().st_size <= GATES[wheel.name]


def test_record_is_complete_and_right(wheel: Wheel) -> None:
    rows = {name: (digest, size) for name, digest, size in csv.reader(io.StringIO(wheel.info("RECORD")))}
    assert set(rows) == set(wheel.files)
    for name, (digest, size) in rows.items():
        if name.endswith("/RECORD"):
            continue
        content = wheel.files[name]
        want = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
        assert (digest, int(size)) == (f"sha256={want}", len(content)), name


def test_the_package_is_complete_and_typed(engine: Wheel) -> None:
    sources = {
        str(path.relative_to(ROOT / "bindings" / "python"))
        for path in (ROOT / "bindings" / "python" / "duologue").iterdir()
        if path.suffix == ".py" or path.name == "py.typed"
    }
    assert "duologue/py.typed" in sources
    generated = {
        "duologue/_native/__init__.py",
        "duologue/_native/duologue.py",
        "duologue/_native/libduologue.so",
    }
    info = f"duologue-{cargo_version()}.dist-info/"
    assert {name for name in engine.files if not name.startswith(info)} == sources | generated


def test_the_simulator_is_one_program() -> None:
    wheel = Wheel("duologue_simulator")
    version = cargo_version()
    program = f"duologue_simulator-{version}.data/scripts/duologue"
    assert [name for name in wheel.files if ".dist-info/" not in name] == [program]
    assert wheel.modes[program] & 0o111 == 0o111, "it can be run"


def test_nothing_generated_is_in_git() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "bindings/python", "dist"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert "bindings/python/pyproject.toml" in listed
    assert not [name for name in listed if "_native" in name or name.startswith("dist/")]


def readelf(tmp_path: Path, wheel: Wheel, option: str) -> str:
    """What it says about the compiled part."""
    binary = tmp_path / "binary"
    binary.write_bytes(wheel.files[wheel.binary()])
    return subprocess.run(
        ["readelf", option, "-W", str(binary)], capture_output=True, text=True, check=True
    ).stdout


def test_only_what_every_system_has_is_linked(tmp_path: Path, wheel: Wheel) -> None:
    dynamic = readelf(tmp_path, wheel, "-d")
    needed = set(re.findall(r"\(NEEDED\).*\[(.+)\]", dynamic))
    assert "libc.so.6" in needed
    rest = {name for name in needed - EVERYWHERE if not name.startswith("ld-linux")}
    assert rest == set()
    assert not re.search(r"\((RPATH|RUNPATH)\)", dynamic), (
        "looks for libraries in a folder of the build machine"
    )


def test_no_debug_information(tmp_path: Path, wheel: Wheel) -> None:
    sections = readelf(tmp_path, wheel, "-S")
    assert ".text" in sections
    assert ".debug_" not in sections


def test_no_folder_of_the_build_machine_is_named(wheel: Wheel) -> None:
    for name, content in wheel.files.items():
        for folder in {str(ROOT), str(Path.home()) + "/", "/.cargo/registry"}:
            assert folder.encode() not in content, f"{name} names {folder}"
