"""The sources of traffic that have a name, by host, app and spelling."""

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, cast, get_args

Kind = Literal["search", "ai", "social", "video", "shopping", "mail", "site"]

_FOLDER = Path(__file__).with_name("lists")
SOURCES: Final = _FOLDER / "sources.toml"
MORE_SOURCES: Final = _FOLDER / "more_sources.toml"
_KINDS_OF_MORE: Final[dict[str, Kind]] = {"search": "search", "social": "social", "email": "mail"}

_COUNTRY = re.compile(r"(.+?)\.(?:(?:com?|net|org|ac|or|ne)\.[a-z]{2}|[a-z]{2}|com|net|org|cat)")


class KnownSource(NamedTuple):
    """A source by the name that people know. `site`: none of the other kinds."""

    name: str
    kind: Kind


class _Known:
    """What the lists say, to be looked up."""

    def __init__(self) -> None:
        self.alone: dict[str, KnownSource] = {}
        self.below: dict[str, KnownSource] = {}
        self.brands: dict[str, KnownSource] = {}
        self.brands_below: dict[str, KnownSource] = {}
        self.spellings: dict[str, KnownSource] = {}
        self.more: dict[str, KnownSource] = {}
        own = tomllib.loads(SOURCES.read_text())
        ambiguous = frozenset(own["ambiguous"])
        for source, line in _read_lines(own):
            for word in line.split():
                self._learn(source, word)
            if (name := source.name.lower()) not in ambiguous:
                self.spellings.setdefault(name, source)
        more = tomllib.loads(MORE_SOURCES.read_text())
        left_out = frozenset(own["left_out"])
        for listed, kind in _KINDS_OF_MORE.items():
            for name, hosts in more[listed].items():
                source = KnownSource(name, kind)
                self.more.update((host, source) for host in hosts if host not in left_out)

    def _learn(self, source: KnownSource, word: str) -> None:
        begin, _, rest = word.partition(":")
        if begin == "utm":
            self.spellings[rest] = source
        elif begin == "app":
            self.alone[f"android-app://{rest}"] = self.alone[rest] = source
        elif begin == "ios":
            self.alone[f"ios-app://{rest}"] = source
        elif word.endswith(".*"):
            below = word.startswith("*.")
            brand = word.removeprefix("*.").removesuffix(".*")
            (self.brands_below if below else self.brands)[brand] = source
            self.spellings.setdefault(brand, source)
        elif word.startswith("="):
            self.alone[word[1:]] = source
        else:
            self.below[word] = source

    def find(self, host: str) -> KnownSource | None:
        """Who `host` is; what names it more closely counts."""
        if found := self.alone.get(host):
            return found
        rest = host
        while "." in rest:
            if found := self.below.get(rest):
                return found
            rest = rest.partition(".")[2]
        if country := _COUNTRY.fullmatch(host):
            if found := self.brands.get(country[1]):
                return found
            labels = country[1]
            while labels:
                if found := self.brands_below.get(labels):
                    return found
                labels = labels.partition(".")[2]
        return self.more.get(host)


def _read_lines(own: dict[str, Any]) -> Iterator[tuple[KnownSource, str]]:
    for kind in get_args(Kind):
        for name, line in own[kind].items():
            yield KnownSource(name, cast(Kind, kind)), line


@cache
def _known() -> _Known:
    return _Known()


def find_host(host: str) -> KnownSource | None:
    """Who the host of a referrer is, as `referrer_host` gives it; apps, too."""
    return _known().find(host)


def find_spelling(utm_source: str) -> KnownSource | None:
    """Who `utm_source` means; it is in lower case."""
    known = _known()
    if found := known.spellings.get(utm_source):
        return found
    return known.find(utm_source.removeprefix("www.")) if "." in utm_source else None


def learn_sources() -> None:
    """Read the lists, before the first event needs them."""
    _known()
