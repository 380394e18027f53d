"""Look the pinned packages up among known vulnerabilities: `make audit`.

One question to osv.dev, which has PyPI's advisories among others. Without a network there is a
notice and no failure; a clean answer is good for a day. `make check` does without it.
"""

import json
import re
import sys
import time
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SERVICE = "https://api.osv.dev/v1/querybatch"
TIMEOUT_SECONDS = 5.0
CLEAN_SECONDS = 86_400.0
# Advisories that do not concern us, each with the reason.
IGNORED: dict[str, str] = {}

_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;]+)", re.MULTILINE)


def read_pins(files: Iterable[Path]) -> list[tuple[str, str]]:
    """Name and version of every pinned package."""
    return sorted({pin for file in files for pin in _PIN.findall(file.read_text())})


def find_advisories(
    pins: list[tuple[str, str]], service: str = SERVICE
) -> dict[tuple[str, str], list[str]]:
    """The advisories of each package that has some. Raises OSError or ValueError."""
    queries = [
        {"package": {"name": name, "ecosystem": "PyPI"}, "version": version}
        for name, version in pins
    ]
    request = urllib.request.Request(
        service,
        json.dumps({"queries": queries}).encode(),
        {"Content-Type": "application/json", "User-Agent": "analytics-service-audit"},
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
        results: list[dict[str, Any]] = json.load(response)["results"]
    found = {}
    for pin, result in zip(pins, results, strict=True):
        names = [advisory["id"] for advisory in result.get("vulns") or ()]
        if names := [name for name in names if name not in IGNORED]:
            found[pin] = names
    return found


def is_clean(stamp: Path, files: Iterable[Path]) -> bool:
    """Whether these files were found clean within a day."""
    if not stamp.exists():
        return False
    checked_at = stamp.stat().st_mtime
    changed = any(file.stat().st_mtime > checked_at for file in files)
    return not changed and time.time() - checked_at < CLEAN_SECONDS


def main(root: Path = ROOT, service: str = SERVICE) -> int:
    files = sorted(root.glob("requirements*.txt"))
    stamp = root / ".venv" / ".audited"
    if is_clean(stamp, files):
        return 0
    pins = read_pins(files)
    try:
        found = find_advisories(pins, service)
    except (OSError, ValueError, KeyError) as exc:
        print(f"Not audited, because osv.dev did not answer: {exc}")
        return 0
    for (name, version), advisories in found.items():
        print(f"{name} {version}: {', '.join(advisories)}")
    if found:
        return 1
    print(f"No known vulnerability in {len(pins)} packages.")
    stamp.touch()
    return 0


if __name__ == "__main__":
    sys.exit(main())
