"""The tracker's scripts, read and stripped once, and under which names they are served."""

import gzip
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256, sha384
from pathlib import Path

from django.conf import settings
from django.http import Http404

from analytics.web.strip import strip_script

FOLDER = Path(settings.BASE_DIR) / "tracker"
CORE, MORE = "tracker.js", "tracker-more.js"
_HASH_CHARS = 16
_HASHED = re.compile(r"(?P<core>tracker\.[0-9a-f]{16})(?P<more>-more)?\.js")
_HOUR_SECONDS, _YEAR_SECONDS = 3_600, 365 * 86_400
# A script under a name that says nothing of its content is asked for anew each hour.
_CHANGING = f"public, max-age={_HOUR_SECONDS}"
_LASTING = f"public, max-age={_YEAR_SECONDS}, immutable"


@dataclass(frozen=True, slots=True)
class Script:
    """One of the two, as it goes out."""

    content: bytes
    packed: bytes
    etag: str

    @property
    def integrity(self) -> str:
        """For the attribute of that name."""
        return f"sha384-{b64encode(sha384(self.content).digest()).decode()}"


@dataclass(frozen=True, slots=True)
class Served:
    script: Script
    cache_control: str


@cache
def read_script(name: str) -> Script:
    content = strip_script((FOLDER / name).read_text(encoding="utf-8")).encode()
    digest = sha256(content).hexdigest()[:_HASH_CHARS]
    return Script(content, gzip.compress(content, 9, mtime=0), f'"{digest}"')


def read_core() -> Script:
    return read_script(CORE)


@cache
def find_hashed_name() -> str:
    """The name that changes with either script: what it names never does."""
    digest = sha256(read_core().content + read_script(MORE).content).hexdigest()
    return f"tracker.{digest[:_HASH_CHARS]}.js"


def is_plain(route: str) -> bool:
    """Whether it is the route of a name without a hash."""
    return route.count(".") == 1


def find_hashed(name: str) -> Served:
    """The script of a name with a hash, or in its place where that is of another release.

    Raises Http404 for what is no such name.
    """
    match = _HASHED.fullmatch(name)
    if match is None:
        raise Http404
    lasts = match["core"] + ".js" == find_hashed_name()
    return Served(read_script(MORE if match["more"] else CORE), _LASTING if lasts else _CHANGING)


def list_scripts() -> Mapping[str, Served]:
    """All, by the path of each; the second is beside the first as `-more` says."""
    more = read_script(MORE)
    names = {CORE: _CHANGING, settings.TRACKER_NAME: _CHANGING, find_hashed_name(): _LASTING}
    scripts = {}
    for name, cache_control in names.items():
        scripts[f"/{name}"] = Served(read_core(), cache_control)
        scripts[f"/{name.removesuffix('.js')}-more.js"] = Served(more, cache_control)
    return scripts
