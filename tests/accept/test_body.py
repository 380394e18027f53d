"""Bodies as clients out there send them: types, charsets, byte order marks, gzip and deflate."""

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest

from analytics.databases.mongo import EVENTS, collection
from analytics.events.event import MAX_EVENT_BODY_BYTES
from ingestion.accept.judge import MAX_BATCH_BODY_BYTES
from ingestion.drain.loop import drain
from tests.accept.test_post_event import read_entries, read_problem
from tests.conftest import Api, TestProject
from tests.service import Gunicorn, build_request

pytest_plugins = ("tests.service",)

EVENT = b'{"path":"/ct"}'
PACKED = gzip.compress(EVENT, mtime=0)  # the same in each process that collects the tests
LINES = b'{"path":"/a"}\n{"path":"/b"}\n'
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def deflate_raw(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
}


@pytest.mark.parametrize(
    "content_type",
    [
        *("application/json; charset=utf8", "application/json; charset=UTF8"),
        *('application/json; charset="utf-8"', "application/json;charset= utf-8 "),
        *("application/json; charset=us-ascii", "application/json; Charset=Utf-8"),
        *("application/json; version=1", "application/json; charset=utf-8; profile=x"),
        *("application/json; profile=x; charset=utf-8", "application/json;", "application/json; ;"),
        *('application/json; profile="a;charset=latin1"', "application/json; odd"),
    ],
)
def test_json_is_taken_whatever_else_its_type_says(ingest: Api, content_type: str) -> None:
    assert ingest.post("/event", EVENT, content_type=content_type).status_code == 202


@pytest.mark.parametrize(
    "content_type",
    [
        *("application/json; charset=latin-1", "application/json; charset=iso-8859-1"),
        *("application/json; version=1; charset=utf-16", 'application/json; charset="utf-7"'),
        *("application/json; charset=utf-8; charset=latin1", "application/json; charset="),
    ],
)
def test_another_charset_is_refused_as_such(ingest: Api, content_type: str) -> None:
    answer = ingest.post("/event", EVENT, content_type=content_type)

    assert (answer.status_code, read_problem(answer)["code"]) == (415, "unsupported_charset")


@pytest.mark.parametrize(
    "content_type",
    [
        *("application/jsonl", "application/x-ndjson; charset=UTF-8", "application/x-jsonlines"),
        *("application/ndjson", "application/jsonlines;charset=utf8", "Application/X-NDJSON; a=b"),
    ],
)
def test_lines_are_taken_under_each_of_their_names(ingest: Api, content_type: str) -> None:
    answer = ingest.post("/events", LINES, content_type=content_type)

    assert (answer.status_code, answer.json()["accepted"]) == (202, 2)


@pytest.mark.parametrize("body", [LINES, EVENT])
def test_lines_that_call_themselves_an_array_are_told_their_name(ingest: Api, body: bytes) -> None:
    problem = read_problem(ingest.post("/events", body))

    assert problem["code"] == "not_an_array"
    assert "application/x-ndjson" in problem["detail"]


@pytest.mark.parametrize(
    ("path", "body", "content_type"),
    [
        ("/event", EVENT, "application/json"),
        ("/events", b"[" + EVENT + b"]", "application/json"),
        ("/events", LINES, "application/x-ndjson"),
    ],
)
def test_a_byte_order_mark_is_skipped(
    ingest: Api, path: str, body: bytes, content_type: str
) -> None:
    answer = ingest.post(path, BYTE_ORDER_MARK + body, content_type=content_type)

    assert answer.status_code == 202
    [entry] = read_entries()
    assert not any(event.raw.startswith(BYTE_ORDER_MARK) for event in entry.events)


def test_a_second_byte_order_mark_is_not_json(ingest: Api) -> None:
    answer = ingest.post("/event", 2 * BYTE_ORDER_MARK + EVENT)

    assert read_problem(answer)["code"] == "invalid_json"


@pytest.mark.parametrize("coding", [*PACKERS, "GZIP", " deflate "])
def test_a_packed_body_is_taken_for_what_it_holds(ingest: Api, coding: str) -> None:
    packed = PACKERS[coding.strip().lower()](BYTE_ORDER_MARK + EVENT)

    assert ingest.post("/event", packed, HTTP_CONTENT_ENCODING=coding).status_code == 202
    [entry] = read_entries()
    assert [event.raw for event in entry.events] == [EVENT]


def test_deflate_without_its_frame_is_taken_too(ingest: Api) -> None:
    answer = ingest.post("/event", deflate_raw(EVENT), HTTP_CONTENT_ENCODING="deflate")

    assert answer.status_code == 202


@pytest.mark.parametrize("coding", ["identity", "Identity", ""])
def test_a_body_may_say_that_it_is_not_packed(ingest: Api, coding: str) -> None:
    assert ingest.post("/event", EVENT, HTTP_CONTENT_ENCODING=coding).status_code == 202


@pytest.mark.parametrize(
    "coding", ["br", "zstd", "compress", "gzip, gzip", "gzip, identity", "deflate,gzip", "*", ","]
)
def test_another_coding_is_refused_with_those_that_are_understood(ingest: Api, coding: str) -> None:
    answer = ingest.post("/event", PACKED, HTTP_CONTENT_ENCODING=coding)

    assert (answer.status_code, read_problem(answer)["code"]) == (415, "unsupported_encoding")
    assert answer["Accept-Encoding"] == "gzip, deflate"


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", EVENT),
        ("gzip", b"\x1f"),
        ("gzip", PACKED[:-1]),
        ("gzip", PACKED[:-8]),
        ("gzip", PACKED[:5]),
        ("gzip", PACKED + b"x"),
        ("gzip", PACKED + PACKED),
        ("gzip", PACKED[:-8] + bytes(8)),
        ("gzip", zlib.compress(EVENT)),
        ("deflate", EVENT),
        ("deflate", b"x"),
        ("deflate", zlib.compress(EVENT)[:-1]),
        ("deflate", zlib.compress(EVENT)[:-4] + bytes(4)),
        ("deflate", zlib.compress(EVENT) + b"\x00"),
        ("deflate", deflate_raw(EVENT)[:-1]),
        ("deflate", deflate_raw(EVENT) + b"x"),
        ("deflate", PACKED),
    ],
)
def test_what_is_not_one_whole_packed_body_is_refused(
    ingest: Api, coding: str, body: bytes
) -> None:
    answer = ingest.post("/event", body, HTTP_CONTENT_ENCODING=coding)

    assert (answer.status_code, read_problem(answer)["code"]) == (400, "bad_compression")


@pytest.mark.parametrize("coding", PACKERS)
@pytest.mark.parametrize(
    ("path", "limit_bytes", "event"),
    [
        ("/event", MAX_EVENT_BODY_BYTES, EVENT),
        ("/events", MAX_BATCH_BODY_BYTES, b"[" + EVENT + b"]"),
    ],
)
def test_a_body_may_unpack_to_exactly_the_limit(
    ingest: Api, coding: str, path: str, limit_bytes: int, event: bytes
) -> None:
    for size, status in ((limit_bytes, 202), (limit_bytes + 1, 413)):
        body = PACKERS[coding](event.ljust(size))
        answer = ingest.post(path, body, HTTP_CONTENT_ENCODING=coding)

        assert answer.status_code == status
    assert read_problem(answer)["code"] == "body_too_large"


@pytest.mark.parametrize("coding", PACKERS)
def test_a_bomb_is_not_unpacked(ingest: Api, coding: str) -> None:
    bomb = PACKERS[coding](bytes(60_000_000))
    assert len(bomb) < MAX_EVENT_BODY_BYTES
    tracemalloc.start()
    answer = ingest.post("/event", bomb, HTTP_CONTENT_ENCODING=coding)
    _, most_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (answer.status_code, read_problem(answer)["code"]) == (413, "body_too_large")
    assert most_bytes < 5_000_000


@pytest.mark.slow
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_packed_bodies_come_over_the_wire(
    gunicorn: Gunicorn, served: TestProject, framing: str
) -> None:
    """The first request of a connection and those after it are read by two parsers."""
    with gunicorn.connect() as wire:
        for n in range(3):
            body = gzip.compress(b'{"path":"/ct","eventId":"%s-%d"}' % (framing.encode(), n))
            headers = {"Content-Encoding": "gzip"}
            if framing == "chunked":
                headers["Transfer-Encoding"] = "chunked"
                body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
            wire.send(build_request("POST", "/event", body, headers, key=served.ingest_key))
            answer = wire.read_answer()
            assert (answer.status, answer.json()["eventId"]) == (202, f"{framing}-{n}")


USER_AGENTS = [
    ("München/1".encode(), "München/1"),
    ("München/1".encode("latin-1"), "München/1"),
    ("東京/1 \U0001f600".encode(), "東京/1 \U0001f600"),
    (b"\xc3\x28 \xff", "Ã( ÿ"),
    (b"\xed\xa0\x80", "\xed\xa0\x80"),  # a lone surrogate is no UTF-8
    (b"plain/1", "plain/1"),
    ("é".encode() * 1_100, "é" * 1_024),
]


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "expected"), USER_AGENTS)
def test_a_user_agent_is_utf_8_or_else_latin_1(
    gunicorn: Gunicorn, served: TestProject, sent: bytes, expected: str
) -> None:
    with gunicorn.connect() as wire:
        for path in ("/event", "/event", "/events"):
            event = b'{"path":"%s"}' % path_of(sent).encode()
            body = event if path == "/event" else b"[" + event + b"]"
            request = build_request("POST", path, body, {"User-Agent": "@"}, key=served.ingest_key)
            wire.send(request.replace(b"User-Agent: @", b"User-Agent: " + sent))
            assert wire.read_answer().status == 202
    drain(0)

    stored = collection(EVENTS).find({"project": served.id, "path": path_of(sent)})
    assert [event["userAgent"] for event in stored] == [expected] * 3


def path_of(sent: bytes) -> str:
    """A path of its own for each case."""
    return f"/{zlib.crc32(sent)}"
