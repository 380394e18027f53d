"""The strict parser: what it takes, h11 and llhttp read the same way, to the last byte."""

import random
from collections.abc import Iterator

import pytest

from tests.hostile.cases import all_cases, head, post
from tests.hostile.mutations import mutate
from tests.server.parsers import Reading, read_by_h11, read_by_llhttp, read_strictly

MUTATIONS = 3_000
MANY_MUTATIONS = 200_000
EVENT = b'{"path":"/a"}'
NEXT = post(b'{"path":"/next"}')
CHUNKS = b"d\r\n" + EVENT + b"\r\n0\r\n\r\n"


def chunked(body: bytes, coding: str = "chunked") -> bytes:
    return post(body, f"Transfer-Encoding: {coding}")


TAKEN = {
    "plain": post(EVENT),
    "no body": head("GET /healthz HTTP/1.1"),
    "HTTP/1.0": head("GET /healthz HTTP/1.0"),
    "HTTP/1.0 without Host": b"GET /healthz HTTP/1.0\r\n\r\n",
    "an empty line before it": b"\r\n" + post(EVENT),
    "no blank behind the colon": post(EVENT, "X-A:b"),
    "blanks around a value": post(EVENT, "X-A: \t b \t "),
    "an empty value": post(EVENT, "X-A:"),
    "bytes of latin-1 in a value": post(EVENT, "User-Agent: M\xfcnchen/1"),
    "zeros before its length": post(EVENT, "Content-Length: 0013"),
    "absolute": head("GET http://other:8000/healthz?a=b HTTP/1.1"),
    "the server as a whole": head("OPTIONS * HTTP/1.1"),
    "chunks": chunked(CHUNKS),
    "chunks in upper case": chunked(CHUNKS, "Chunked"),
    "chunks with extensions": chunked(b'd;a;b=c;d="e;\\"f"\r\n' + CHUNKS[3:]),
    "chunks with a trailer": chunked(CHUNKS[:-2] + b"X-A: b\r\n\r\n"),
    "an IPv6 address as Host": post(EVENT).replace(b"localhost", b"[::1]:8000"),
}
REFUSED = {
    "LF ends its line": post(EVENT).replace(b"1.1\r\n", b"1.1\n"),
    "LF ends a header": post(EVENT, "X-A: b\nTransfer-Encoding: chunked"),
    "LF ends its head": post(EVENT).replace(b"\r\n\r\n", b"\r\n\n"),
    "LF ends everything": post(EVENT).replace(b"\r\n", b"\n"),
    "CR ends a header": post(EVENT, "X-A: b\rTransfer-Encoding: chunked"),
    "CR in its line": post(EVENT).replace(b"HTTP/1.1", b"HTTP/1.1\r"),
    "CR alone before it": b"\r" + post(EVENT),
    "LF alone before it": b"\n" + post(EVENT),
    "two empty lines before it": b"\r\n\r\n" + post(EVENT),
    "a folded header": post(EVENT, "X-A: b\r\n c"),
    "a folded length": post(EVENT, "Content-Length: 13\r\n 7"),
    "a folded first header": post(EVENT).replace(b"Host", b" Host"),
    "a blank before the colon": post(EVENT, "X-A : b"),
    "a tab before the colon": post(EVENT, "Content-Length\t: 13"),
    "no colon": post(EVENT, "X-A"),
    "no name": post(EVENT, ": b"),
    "NUL in a value": post(EVENT, "X-A: b\x00c"),
    "NUL in a name": post(EVENT, "X-\x00A: b"),
    "a byte of latin-1 in a name": post(EVENT, "X-\xc4: b"),
    "two lengths that differ": post(EVENT, "Content-Length: 13", "Content-Length: 5"),
    "two lengths that do not": post(EVENT, "Content-Length: 13", "content-length: 13"),
    "a list of lengths": post(EVENT, "Content-Length: 13, 13"),
    "a length with a plus": post(EVENT, "Content-Length: +13"),
    "a length below zero": post(EVENT, "Content-Length: -13"),
    "a length in hex": post(EVENT, "Content-Length: 0xd"),
    "a length with an underscore": post(EVENT, "Content-Length: 1_3"),
    "a length with a superscript": post(EVENT, "Content-Length: \xb2"),
    "no length": post(EVENT, "Content-Length:"),
    "a length and chunks": post(CHUNKS, "Content-Length: 13", "Transfer-Encoding: chunked"),
    "chunks and a length": post(CHUNKS, "Transfer-Encoding: chunked", "Content-Length: 13"),
    "chunks twice": chunked(CHUNKS, "chunked, chunked"),
    "chunks in two headers": post(CHUNKS, *["Transfer-Encoding: chunked"] * 2),
    "chunks behind gzip": chunked(CHUNKS, "gzip, chunked"),
    "chunks behind identity": chunked(CHUNKS, "identity, chunked"),
    "chunks before identity": chunked(CHUNKS, "chunked, identity"),
    "chunks behind a comma": chunked(CHUNKS, ", chunked"),
    "chunks with a parameter": chunked(CHUNKS, "chunked;q=1"),
    "chunks behind a vertical tab": chunked(CHUNKS, "\x0bchunked"),
    "identity alone": post(EVENT, "Transfer-Encoding: identity", "Content-Length: 13"),
    "an unknown coding": chunked(CHUNKS, "xchunked"),
    "chunks in HTTP/1.0": chunked(CHUNKS).replace(b"HTTP/1.1", b"HTTP/1.0"),
    "a chunk size with a plus": chunked(b"+" + CHUNKS),
    "a chunk size below zero": chunked(b"-" + CHUNKS),
    "a chunk size with 0x": chunked(b"0x" + CHUNKS),
    "a chunk size with an underscore": chunked(b"0_" + CHUNKS),
    "a blank before a chunk size": chunked(b" " + CHUNKS),
    "a blank behind a chunk size": chunked(b"d " + CHUNKS[1:]),
    "a blank before an extension": chunked(b"d ;a=b" + CHUNKS[1:]),
    "a blank in an extension": chunked(b"d; a = b" + CHUNKS[1:]),
    "an extension without a name": chunked(b"d;" + CHUNKS[1:]),
    "an extension that is not closed": chunked(b'd;a="b' + CHUNKS[1:]),
    "LF in an extension": chunked(b"d;a\nb" + CHUNKS[1:]),
    "CR in an extension": chunked(b"d;a\rb" + CHUNKS[1:]),
    "a chunk size of 17 digits": chunked(b"0" * 16 + CHUNKS),
    "LF behind a chunk size": chunked(b"d\n" + CHUNKS[3:]),
    "LF behind a chunk": chunked(CHUNKS.replace(b"}\r\n", b"}\n")),
    "a chunk that is longer than it says": chunked(b"c" + CHUNKS[1:]),
    "LF behind a trailer": chunked(CHUNKS[:-2] + b"X-A: b\n\r\n"),
    "a length in the trailer": chunked(CHUNKS[:-2] + b"Content-Length: 5\r\n\r\n"),
    "a folded trailer": chunked(CHUNKS[:-2] + b"X-A: b\r\n c\r\n\r\n"),
    "no Host in HTTP/1.1": b"GET /healthz HTTP/1.1\r\n\r\n",
    "two Hosts": head("GET /healthz HTTP/1.1", "Host: localhost"),
    "a list of Hosts": post(EVENT).replace(b"localhost", b"a, b"),
    "a Host with a path": post(EVENT).replace(b"localhost", b"a/b"),
    "a Host with a user": post(EVENT).replace(b"localhost", b"a@b"),
    "an absolute target without a host": head("GET http:///healthz HTTP/1.1"),
    "an absolute target with a user": head("GET http://a@b/healthz HTTP/1.1"),
    "a host and a port for GET": head("GET localhost:80 HTTP/1.1"),
    "an asterisk for GET": head("GET * HTTP/1.1"),
    "a relative target": head("GET healthz HTTP/1.1"),
    "a URL that only looks absolute": head("GET a?b=c://d HTTP/1.1"),
    "a fragment": head("GET /healthz#a HTTP/1.1"),
    "a byte beyond ASCII in its target": head("GET /\xe9 HTTP/1.1"),
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET /healthz\r\n\r\n",
    "HTTP/1.10": head("GET /healthz HTTP/1.10"),
    "HTTP/1.2": head("GET /healthz HTTP/1.2"),
    "HTTP/2.0": head("GET /healthz HTTP/2.0"),
    "http/1.1": head("GET /healthz http/1.1"),
    "a blank behind its line": head("GET /healthz HTTP/1.1 "),
    "two blanks in its line": head("GET  /healthz HTTP/1.1"),
    "a tab in its line": head("GET\t/healthz HTTP/1.1"),
    "a blank before its line": b" " + post(EVENT),
    "a method in lower case": head("get /healthz HTTP/1.1"),
    "a line of 9,000 bytes": head("GET /" + "a" * 9_000 + " HTTP/1.1"),
    "a header of 9,000 bytes": head("GET /healthz HTTP/1.1", "X-A: " + "b" * 9_000),
    "101 headers": head("GET /healthz HTTP/1.1", *["X-A: b"] * 100),
    "a head of 70,000 bytes": head("GET /healthz HTTP/1.1", *["X-A: " + "b" * 7_000] * 10),
}


@pytest.mark.parametrize("name", TAKEN)
def test_a_request_that_means_one_thing_is_taken(name: str) -> None:
    assert find_disagreement(TAKEN[name]) is None
    reading = read_strictly(TAKEN[name] + NEXT)

    assert reading is not None
    assert reading.end == len(TAKEN[name])


@pytest.mark.parametrize("name", REFUSED)
def test_a_request_that_may_mean_two_things_is_refused(name: str) -> None:
    assert read_strictly(REFUSED[name] + NEXT) is None


def test_an_underscore_is_no_hyphen() -> None:
    reading = read_strictly(post(EVENT, "Content-Length: 13", "Content_Length: 5"))

    assert reading is not None
    assert reading.body == EVENT
    assert b"content_length" not in dict(reading.headers)


def test_a_target_that_names_a_host_goes_before_the_header() -> None:
    reading = read_strictly(TAKEN["absolute"])

    assert reading is not None
    assert dict(reading.headers)[b"host"] == b"other:8000"


def test_what_is_taken_two_other_parsers_read_the_same_way() -> None:
    assert compare(MUTATIONS, seed=1) > MUTATIONS / 20


@pytest.mark.nightly
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("seed", range(2, 6))
def test_what_is_taken_of_many_requests_two_other_parsers_read_the_same_way(
    seed: int,
) -> None:
    assert compare(MANY_MUTATIONS // 4, seed) > MANY_MUTATIONS / 4 / 20


def compare(mutations: int, seed: int) -> int:
    """How many of so many requests are taken, all of which the others read as we do."""
    taken = 0
    for request in make_requests(mutations, seed):
        assert find_disagreement(request) is None, (request, find_disagreement(request))
        taken += read_strictly(request) is not None
    return taken


def make_requests(mutations: int, seed: int) -> Iterator[bytes]:
    rng = random.Random(seed)
    requests = [case.request for case in all_cases() if len(case.request) < 3_000]
    bases = [*TAKEN.values(), *REFUSED.values(), *requests]
    bases = [base for base in bases if len(base) < 3_000]
    yield from bases
    bases = [base for base in bases if base.find(b"\r\n\r\n", 20) > 40]
    for _ in range(mutations):
        base = rng.choice(bases)
        if rng.random() < 0.7:  # where a request ends is decided here
            end = base.find(b"\r\n\r\n", 20) + 4 + rng.choice((0, 8, 40))
            base = mutate(base[:end], rng) + base[end:]
        else:
            base = mutate(base, rng)
        yield base + rng.choice((b"", b"\r\n", NEXT))


def find_disagreement(data: bytes) -> str | None:
    """Who reads otherwise what is taken here."""
    ours = read_strictly(data)
    if ours is None or ours.method == b"CONNECT":  # nothing is read after that
        return None
    skipped = 2 * data.startswith(b"\r\n")
    data = data[skipped:]
    end = ours.end - skipped
    for name, theirs in (("h11", read_by_h11(data)), ("llhttp", read_by_llhttp(data, end))):
        if theirs is None:
            return f"{name} does not take it"
        if make_comparable(theirs, theirs.end) != make_comparable(ours, end):
            return f"{name} reads {theirs}, we read {ours}"
    return None


def make_comparable(reading: Reading, end: int) -> tuple[object, ...]:
    """Names with an underscore are left out here, and a target's host goes before the header."""
    headers = [
        (name, value.lower() if name == b"transfer-encoding" else value)
        for name, value in reading.headers
        if b"_" not in name
    ]
    if b"://" in reading.target.partition(b"?")[0]:
        headers = [(name, value) for name, value in headers if name != b"host"]
    return (reading.method, reading.target, headers, reading.body, end)
