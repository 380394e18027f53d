"""The pinned packages: each with its hashes, and a wheel wherever the service is said to run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.paths import ROOT

NAMES = (
    "requirements", "requirements-otel", "requirements-clickhouse", "requirements-dev",
    "requirements-local",
)  # fmt: skip
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = ("x86_64-manylinux_2_28", "aarch64-manylinux_2_28", "aarch64-apple-darwin")
# The newest release of these has none for that Python; there they are built.
WITHOUT_WHEEL = {"3.14": ["datasketches"]}
ASKING_SECONDS = 100

_PIN = re.compile(r"(?m)^([a-z0-9-]+)==\S+(?: ; [^\\]+)? \\\n((?:    --hash=\S+(?: \\)?\n)+)")
_DIRECT = re.compile(r"(?m)^([A-Za-z0-9._-]+)")


def read_names(file: str) -> set[str]:
    return {name for name, _ in _PIN.findall((ROOT / file).read_text())}


@pytest.mark.parametrize("name", NAMES)
def test_every_package_is_pinned_with_its_hashes(name: str) -> None:
    text = (ROOT / f"{name}.txt").read_text()
    begun = re.findall(r"(?m)^(?!#)\S+", text)

    assert [pin.split("==")[0] for pin in begun] == [found for found, _ in _PIN.findall(text)]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_asked_for_is_pinned(name: str) -> None:
    asked = _DIRECT.findall((ROOT / f"{name}.in").read_text())

    direct = {package.lower().replace("_", "-") for package in asked if package != "-c"}
    assert direct - read_names(f"{name}.txt") == set()


@pytest.mark.parametrize("name", NAMES)
def test_a_file_says_nothing_of_where_packages_come_from(name: str) -> None:
    text = (ROOT / f"{name}.txt").read_text() + (ROOT / f"{name}.in").read_text()

    assert not re.search(r"://|index|find-links|trusted-host", text)


def test_a_package_has_one_version_in_all_files() -> None:
    versions: dict[tuple[str, str], set[str]] = {}
    pattern = re.compile(r"(?m)^([a-z0-9-]+)==(\S+)(?: ; ([^\\]+))? \\$")
    for name in NAMES:
        for package, version, marker in pattern.findall((ROOT / f"{name}.txt").read_text()):
            versions.setdefault((package, marker), set()).add(version)

    assert {found for found in versions.items() if len(found[1]) > 1} == set()


def leave_out(text: str, names: list[str]) -> str:
    """The requirements without some packages and their hashes."""
    for name in names:
        text = re.sub(rf"(?m)^{name}==.+\n(?:    .+\n)+", "", text)
    return text


@pytest.mark.slow
@pytest.mark.timeout(2 * ASKING_SECONDS)
@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", [
    PYTHONS[0],
    *(pytest.param(python, marks=pytest.mark.nightly) for python in PYTHONS[1:-1]),
    PYTHONS[-1],
])  # fmt: skip
def test_every_package_has_a_wheel_for(python: str, platform: str, tmp_path: Path) -> None:
    """Asks the package registry, and downloads nothing."""
    text = "".join((ROOT / f"{name}.txt").read_text() for name in NAMES)
    (tmp_path / "all.txt").write_text(leave_out(text, WITHOUT_WHEEL.get(python, [])))

    answer = ask_for_wheels(tmp_path / "all.txt", python, platform, tmp_path / "nowhere")

    assert answer.returncode == 0, answer.stderr
    assert "Would install" in answer.stderr


@pytest.mark.slow
@pytest.mark.timeout(2 * ASKING_SECONDS)
@pytest.mark.parametrize("python", WITHOUT_WHEEL)
def test_what_is_said_to_have_no_wheel_has_none(python: str, tmp_path: Path) -> None:
    answer = ask_for_wheels(ROOT / "requirements.txt", python, PLATFORMS[0], tmp_path)

    missing = re.findall(r"Because (\S+)==\S+ has no\s+usable\s+wheels", answer.stderr)
    assert missing == WITHOUT_WHEEL[python]


def ask_for_wheels(
    requirements: Path, python: str, platform: str, folder: Path
) -> "subprocess.CompletedProcess[str]":
    """What an installation there would take; skips the test where no registry answers."""
    command = [
        sys.executable, "-m", "uv", "pip", "install", "--dry-run", "--no-deps", "--require-hashes",
        "--only-binary", ":all:", "--python-version", python, "--python-platform", platform,
        "--target", str(folder), "--requirement", str(requirements),
    ]  # fmt: skip
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=ASKING_SECONDS
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"the package registry did not answer within {ASKING_SECONDS} s")
    if re.search(r"error sending request|Failed to fetch|dns error", answer.stderr, re.IGNORECASE):
        pytest.skip("no package registry answers here")
    return answer
