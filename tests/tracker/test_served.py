"""The tracker's scripts as they are served: small, from memory, to every page."""

import gzip
from base64 import b64decode, b64encode
from hashlib import sha384
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from analytics.web.scripts import CORE, FOLDER, MORE, find_hashed_name, list_scripts, read_script
from analytics.web.strip import strip_script
from config.settings.environment import read_script_name
from tests.service import Gunicorn

pytest_plugins = ("tests.service",)

MOST_CORE_BYTES = 2_560  # packed
MOST_MORE_BYTES = 2_560
UNCHANGING = "public, max-age=31536000, immutable"


@pytest.mark.parametrize(("name", "most"), [(CORE, MOST_CORE_BYTES), (MORE, MOST_MORE_BYTES)])
def test_a_script_is_small(name: str, most: int) -> None:
    assert len(read_script(name).packed) <= most


@pytest.mark.parametrize("name", [CORE, MORE])
def test_the_source_is_plain(name: str) -> None:
    source = (FOLDER / name).read_text()

    assert source.isascii()
    assert max(map(len, source.splitlines())) <= 130
    assert "cookie" not in source


def test_what_is_stripped_is_comments_blank_lines_and_indentation() -> None:
    source = '// one\n\n  const a = "// no comment"\n    // two\n\tb(a) // three\n'

    assert strip_script(source) == 'const a = "// no comment"\nb(a) // three\n'


@pytest.mark.parametrize("line", ["a(`b\n  c`)", "a /* b */", '"a\\\n  b"'])
def test_what_cannot_be_stripped_line_by_line_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="cannot be stripped"):
        strip_script(line)


@pytest.mark.parametrize("path", ["/tracker.js", "/tracker-more.js"])
def test_a_script_is_served_to_every_page(client: Client, path: str) -> None:
    answer: Any = client.get(path, headers={"origin": "https://anyone.example"})

    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert answer["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer["Cache-Control"] == "public, max-age=3600"
    assert answer["Vary"] == "Accept-Encoding"
    assert answer.content.startswith(b"(() => {\n")
    assert int(answer["Content-Length"]) == len(answer.content)


def test_a_browser_that_has_it_is_told_so(client: Client) -> None:
    etag = client.get("/tracker.js")["ETag"]

    for known in (etag, f'"other", W/{etag}'):
        answer = client.get("/tracker.js", headers={"if-none-match": known})
        assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", etag)
    assert client.get("/tracker.js", headers={"if-none-match": '"other"'}).status_code == 200


def test_it_goes_packed_to_whom_it_may(client: Client) -> None:
    answer = client.get("/tracker.js", headers={"accept-encoding": "gzip, br"})

    assert answer["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.content) == client.get("/tracker.js").content
    assert len(answer.content) <= MOST_CORE_BYTES


def test_a_name_with_its_hash_is_kept_for_a_year_and_may_be_pinned(client: Client) -> None:
    name = find_hashed_name()
    answer = client.get(f"/{name}")

    assert answer["Cache-Control"] == UNCHANGING
    digest = b64encode(sha384(answer.content).digest()).decode()
    assert read_script(CORE).integrity == f"sha384-{digest}"
    assert len(b64decode(digest)) == 48
    more = client.get(f"/{name.replace('.js', '-more.js')}")
    assert (more.status_code, more["Cache-Control"]) == (200, UNCHANGING)


def test_the_name_of_another_release_gets_the_script_of_this_one(client: Client) -> None:
    for end, name in (("", CORE), ("-more", MORE)):
        answer = client.get(f"/tracker.0123456789abcdef{end}.js")
        assert answer.content == read_script(name).content
        assert answer["Cache-Control"] == "public, max-age=3600"
    assert client.get("/tracker.0123.js").status_code == 404


def test_the_operator_may_give_it_another_name(settings: Any) -> None:
    settings.TRACKER_NAME = "stats.js"

    assert {"/tracker.js", "/stats.js", "/stats-more.js"} <= list_scripts().keys()


@pytest.mark.parametrize("name", ["../x.js", "stats", "a b.js", ".js", "a/b.js"])
def test_a_name_that_is_none_stops_the_service(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKER_NAME", name)
    with pytest.raises(ImproperlyConfigured, match="TRACKER_NAME must be a name such as"):
        read_script_name("TRACKER_NAME", CORE)


def test_another_method_is_refused(client: Client) -> None:
    answer = client.post("/tracker.js")

    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")


def test_gunicorn_serves_it_on_the_short_way(gunicorn: Gunicorn) -> None:
    packed = {"Accept-Encoding": "gzip"}
    answer = gunicorn.request("GET", "/tracker.js?key=pk_live_x", headers=packed)

    assert answer.status == 200
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "x-frame-options" not in answer.headers  # of Django's middleware
    assert gzip.decompress(answer.body) == read_script(CORE).content
    head = gunicorn.request("HEAD", "/tracker.js")
    assert (head.status, head.body) == (200, b"")
    etag = {"If-None-Match": answer.headers["etag"]}
    known = gunicorn.request("GET", "/tracker.js", headers=etag)
    assert (known.status, known.body) == (304, b"")
    assert "content-length" not in known.headers
    assert gunicorn.request("POST", "/tracker.js").status == 405
