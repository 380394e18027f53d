"""More hostile requests, each with the one answer that is ours.

A request is what stands on the wire. `{ingest}`, `{read}` and so on stand for keys, in bytes.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

KEYS = ("ingest", "read", "admin", "other")


@dataclass(frozen=True)
class Case:
    name: str
    request: bytes
    status: int
    code: str | None = None  # of the problem; None: not one
    ends: bool = False  # the client says no more after this, though it announced more


def head(line: str, *headers: str, key: str | None = "ingest") -> bytes:
    lines = [line, "Host: localhost"]
    if key:
        lines.append(f"Authorization: Bearer {{{key}}}")
    return "\r\n".join([*lines, *headers, "", ""]).encode("latin-1")


def post(body: bytes, *headers: str, path: str = "/event", key: str | None = "ingest") -> bytes:
    if not any(header.lower().startswith("content-type") for header in headers):
        headers = ("Content-Type: application/json", *headers)
    if not any(header.lower().startswith(("content-l", "transfer-")) for header in headers):
        headers = (*headers, f"Content-Length: {len(body)}")
    return head(f"POST {path} HTTP/1.1", *headers, key=key) + body


def get(path: str, *headers: str, key: str | None = "read") -> bytes:
    return head(f"GET {path} HTTP/1.1", *headers, key=key)


EVENT = b'{"path":"/hostile"}'


def with_property(value: bytes) -> bytes:
    return b'{"path":"/hostile","properties":{"v":' + value + b"}}"


def with_field(name: str, value: bytes) -> bytes:
    return b'{"path":"/hostile","%s":%s}' % (name.encode(), value)


def json_cases() -> Iterator[Case]:
    """What JSON can hold, and what pretends to be JSON."""
    bad = {
        "only blanks": b" \t\r\n ",
        "null": b"null",
        "true": b"true",
        "array of one": b"[" + EVENT + b"]",
        "two objects": EVENT + EVENT,
        "two lines": EVENT + b"\n" + EVENT,
        "trailing comma": b'{"path":"/a",}',
        "comment": b'{"path":"/a"/* */}',
        "unquoted key": b'{path:"/a"}',
        "unclosed": b'{"path":"/a"',
        "only a brace": b"{",
        "NUL behind it": EVENT + b"\x00",
        "NUL before it": b"\x00" + EVENT,
        "utf-16": '{"path":"/a"}'.encode("utf-16"),
        "utf-32": '{"path":"/a"}'.encode("utf-32"),
        "overlong slash": b'{"path":"\xc0\xaf"}',
        "overlong NUL": b'{"path":"\xc0\x80"}',
        "utf-8 beyond unicode": b'{"path":"\xf4\x90\x80\x80"}',
        "lone continuation": b'{"path":"\x80"}',
        "cut utf-8": b'{"path":"\xe2\x82"}',
        "bad escape": b'{"path":"\\x41"}',
        "short escape": b'{"path":"\\u12"}',
        "two low surrogates": b'{"path":"\\udc00\\udc00"}',
        "high surrogate and text": b'{"path":"\\ud800a"}',
        "raw newline": b'{"path":"a\nb"}',
        "minus NaN": with_property(b"-NaN"),
        "minus Infinity": with_property(b"-Infinity"),
        "plus sign": with_property(b"+1"),
        "leading zero": with_property(b"007"),
        "dot at the end": with_property(b"1."),
        "dot in front": with_property(b".5"),
        "python None": with_property(b"None"),
        "lone surrogate deep inside": with_property(b'[[["\\ud800"]]]'),
        "raw bytes in a property": with_property(b'"\xff\xfe"'),
    }
    expected = {"null": "wrong_type", "true": "wrong_type", "array of one": "wrong_type"}
    for name, body in bad.items():
        yield Case(f"json: {name}", post(body), 400, expected.get(name, "invalid_json"))
    numbers = {
        "1e400": b"1e400",
        "minus 1e400": b"-1e400",
        "2^64": b"18446744073709551616",
        "-2^63-1": b"-9223372036854775809",
        "2^63": b"9223372036854775808",
        "400 digits": b"9" * 400,
        "10,000 digits": b"9" * 10_000,
        "deep 2^63": b'[{"a":[9223372036854775808]}]',
    }
    for name, value in numbers.items():
        yield Case(f"number: {name}", post(with_property(value)), 400, "number_out_of_range")
    good = {
        "minus zero": b"-0",
        "minus zero float": b"-0.0",
        "1e-400": b"1e-400",
        "1e308": b"1e308",
        "-2^63": b"-9223372036854775808",
        "2^63-1": b"9223372036854775807",
        "0e999": b"0e999",
        "30 digits behind the dot": b"0." + b"1" * 30,
        "operator": b'{"$where":"sleep(1000)"}',
        "dollar and dots": b'{"$a.b.":{"..":1,"$":2}}',
        "proto": b'{"__proto__":{"admin":true},"constructor":{"prototype":{}}}',
        "_id": b'{"_id":1,"_id":2}',
        "DBRef": b'{"$ref":"users","$id":1,"$db":"admin"}',
        "extended JSON": b'{"$oid":"0123","$numberLong":"x","$date":{"$numberLong":"y"}}',
        "empty key": b'{"":{"":{"":1}}}',
        "NUL in a value": b'"a\\u0000b"',
        "noncharacters": b'"\\uffff\\ufffe\\ufdd0"',
        "astral": b'"\\ud83d\\ude00"',
        "bidi": '"\u202e\u2066"'.encode(),
        "all types": b'[null,true,1,1.5,"x",[],{}]',
        "html": b'"<script>alert(1)</script>"',
        "csv": b"\"=cmd|'/c calc'!A1\"",
        "log": b'"\\r\\n{\\"level\\":\\"error\\"}\\u001b[31m"',
    }
    for name, value in good.items():
        yield Case(f"property: {name}", post(with_property(value)), 202)
    depth = b'{"a":' * 31
    yield Case("depth: 32", post(with_property(depth + b"1" + b"}" * 31)), 202)
    depth = b'{"a":' * 32
    yield Case("depth: 33", post(with_property(depth + b"1" + b"}" * 32)), 400, "too_deep")
    for name, deep in {"arrays": b"[" * 30_000, "objects": b'{"a":' * 12_000}.items():
        yield Case(f"depth: {name} without end", post(with_property(deep)), 400, "too_deep")
    yield Case(
        "depth: arrays, whole",
        post(with_property(b"[" * 15_000 + b"]" * 15_000)),
        400,
        "too_deep",
    )


def field_cases() -> Iterator[Case]:
    """Each field of an event, with what it cannot be."""
    for field in ("path", "event", "eventId", "userId", "sessionId", "ip", "userAgent"):
        for name, value in {
            "number": b"1",
            "object": b'{"$gt":""}',
            "array": b'["a"]',
            "true": b"true",
        }.items():
            body = b'{"path":"/a","%s":%s}' % (field.encode(), value)
            if field == "path":
                body = b'{"path":%s}' % value
            yield Case(f"{field}: {name}", post(body), 400, "wrong_type")
    for field in ("event", "eventId", "userId", "sessionId"):
        for name, value in {
            "newline": b'"a\\nb"',
            "escape": b'"\\u001b[0m"',
            "C1": b'"\\u0085"',
        }.items():
            yield Case(f"{field}: {name}", post(with_field(field, value)), 400, "control_character")
        yield Case(f"{field}: empty", post(with_field(field, b'""')), 400, "too_short")
        long = b'"' + b"a" * 257 + b'"'
        yield Case(f"{field}: 257", post(with_field(field, long)), 400, "too_long")
    addresses = {
        "octal": b'"010.0.0.1"',
        "hex": b'"0x7f.1"',
        "short": b'"127.1"',
        "port": b'"127.0.0.1:80"',
        "cidr": b'"10.0.0.0/8"',
        "zone": b'"fe80::1%eth0"',
        "brackets": b'"[::1]"',
        "256": b'"256.0.0.1"',
        "blank": b'" 127.0.0.1"',
        "NUL": b'"127.0.0.1\\u0000"',
        "arabic digits": '"١٢٧.0.0.1"'.encode(),
        "empty": b'""',
        "long": b'"' + b"1" * 10_000 + b'"',
    }
    for name, value in addresses.items():
        yield Case(f"ip: {name}", post(with_field("ip", value)), 400, "bad_ip")
    for name, value in {"v4 in v6": b'"::ffff:1.2.3.4"', "any": b'"0.0.0.0"'}.items():
        yield Case(f"ip: {name}", post(with_field("ip", value)), 202)
    for name, value in {
        "empty": b'""',
        "blank": b'" "',
        "NUL": b'"2026-01-01\\u0000"',
        "arabic digits": '"٢٠٢٦-01-01"'.encode(),
        "month 13": b'"2026-13-01"',
        "offset of a day": b'"2026-01-01T00:00:00+24:00"',
        "1969": b'"1969-12-31T23:59:59Z"',
        "year 1": b'"0001-01-01T00:00:00+14:00"',
        "five digits of year": b'"12026-01-01"',
        "word": b'"now"',
        "template": b'"{{now}}"',
    }.items():
        yield Case(f"timestamp: {name}", post(with_field("timestamp", value)), 400, "bad_timestamp")
    for name in (
        "_id",
        "project",
        "projectId",
        "ingestedAt",
        "$set",
        "path.x",
        "Path",
        "",
        "__proto__",
    ):
        yield Case(f"unknown: {name!r}", post(with_field(name, b"1")), 400, "unknown_field")
    yield Case("unknown: NUL", post(b'{"path":"/a","\\u0000":1}'), 400, "unknown_field")
    yield Case("path twice", post(b'{"path":1,"path":"/a"}'), 400, "wrong_type")
    yield Case("path twice, both good", post(b'{"path":"/a","path":"/b"}'), 202)
    yield Case(
        "key in a property, NUL", post(with_property(b'{"a\\u0000b":1}')), 400, "bad_property_name"
    )
    yield Case(
        "key in a property, lone surrogate",
        post(with_property(b'{"\\udfff":1}')),
        400,
        "invalid_json",
    )


def batch_cases() -> Iterator[Case]:
    """Batches, as an array and as lines."""

    def lines(body: bytes, media_type: str = "application/x-ndjson") -> bytes:
        return post(body, f"Content-Type: {media_type}", path="/events")

    def array(body: bytes) -> bytes:
        return post(body, path="/events")

    yield Case(
        "lines: CRLF and blank ones", lines(b"\r\n\r\n" + EVENT + b"\r\n\n  \r\n" + EVENT), 202
    )
    yield Case("lines: none", lines(b""), 400, "empty_batch")
    yield Case("lines: only blank ones", lines(b"\n" * 100_000), 400, "empty_batch")
    yield Case("lines: NUL between", lines(EVENT + b"\x00" + EVENT), 400, "no_valid_event")
    yield Case("lines: an array", lines(b"[" + EVENT + b"]"), 400, "no_valid_event")
    yield Case("lines: CR alone", lines(EVENT + b"\r" + EVENT), 400, "no_valid_event")
    yield Case(
        "lines: U+2028 between", lines(EVENT + b"\xe2\x80\xa8" + EVENT), 400, "no_valid_event"
    )
    yield Case("lines: one of them good", lines(b"nonsense\n" + EVENT + b"\n{}"), 202)
    yield Case("lines: one giant", lines(b"x" * 1_000_000), 400, "no_valid_event")
    yield Case("lines: 1,001", lines((EVENT + b"\n") * 1_001), 413, "too_many_events")
    yield Case("lines: half a million", lines(b"1\n" * 500_000), 413, "too_many_events")
    yield Case("lines: BOM", lines(b"\xef\xbb\xbf" + EVENT), 202)
    yield Case("lines: BOM in the second", lines(EVENT + b"\n\xef\xbb\xbfx"), 202)
    yield Case("lines: as json", array(EVENT + b"\n" + EVENT), 400, "not_an_array")
    yield Case("lines: other spelling", lines(EVENT, "application/ndjson; charset=UTF-8"), 202)
    yield Case("lines: jsonl", lines(EVENT, "application/jsonl"), 202)
    yield Case("lines: text", lines(EVENT, "text/plain"), 415, "unsupported_media_type")
    yield Case(
        "array: 1,001", array(b"[" + b",".join([EVENT] * 1_001) + b"]"), 413, "too_many_events"
    )
    yield Case(
        "array: half a million numbers",
        array(b"[" + b"1," * 499_000 + b"1]"),
        413,
        "too_many_events",
    )
    yield Case("array: nested without end", array(b"[" * 500_000), 400, "too_deep")
    yield Case("array: nested in an item", array(b"[{" + b'"a":[' * 200_000), 400, "invalid_json")
    yield Case("array: string", array(b'"[]"'), 400, "not_an_array")
    yield Case("array: number", array(b"1e5"), 400, "not_an_array")
    yield Case("array: empty body", array(b""), 400, "invalid_json")
    yield Case("array: of arrays", array(b"[[],[]]"), 400, "no_valid_event")
    yield Case(
        "array: one over its size",
        array(b"[" + with_field("userAgent", b'"' + b"u" * 66_000 + b'"') + b"]"),
        400,
        "no_valid_event",
    )
    yield Case("array: good and bad", array(b"[" + EVENT + b',1,"x",{},null]'), 202)
    yield Case("array: for /event", post(b"[" + EVENT + b"]"), 400, "wrong_type")
    yield Case("body: over 1 MiB", array(b" " * (1024 * 1024 + 1)), 413, "body_too_large")


def body_cases() -> Iterator[Case]:
    """Types, encodings and lengths."""
    types = {
        "none": ("Content-Type:", "unsupported_media_type"),
        "form": ("Content-Type: application/x-www-form-urlencoded", "unsupported_media_type"),
        "text": ("Content-Type: text/plain", "unsupported_media_type"),
        "json-ish": ("Content-Type: application/json5", "unsupported_media_type"),
        "suffix": ("Content-Type: application/vnd.api+json", "unsupported_media_type"),
        "two in one": ("Content-Type: application/json, text/plain", "unsupported_media_type"),
        "wildcard": ("Content-Type: */*", "unsupported_media_type"),
        "long": ("Content-Type: " + "a" * 8_000, "unsupported_media_type"),
        "utf-16": ("Content-Type: application/json; charset=utf-16", "unsupported_charset"),
        "utf-7": ("Content-Type: application/json; charset=utf-7", "unsupported_charset"),
        "escape": ("Content-Type: application/json; charset=unicode_escape", "unsupported_charset"),
        "latin-1": ("Content-Type: application/json; charset=\xff", "unsupported_charset"),
    }
    for name, (header, code) in types.items():
        yield Case(f"type: {name}", post(EVENT, header), 415, code)
    for name in ("br", "zstd", "gzip, gzip", "identity, gzip", "*", "aes128gcm"):
        header = f"Content-Encoding: {name}"
        yield Case(f"encoding: {name}", post(EVENT, header), 415, "unsupported_encoding")
    for name in ("gzip", "x-gzip", "deflate"):
        header = f"Content-Encoding: {name}"
        yield Case(f"encoding: {name} that is none", post(EVENT, header), 400, "bad_compression")
    yield Case("encoding: identity", post(EVENT, "Content-Encoding: identity"), 202)
    yield Case(
        "encoding: twice",
        post(EVENT, "Content-Encoding: identity", "Content-Encoding: gzip"),
        415,
        "unsupported_encoding",
    )
    for length in ("+19", "19.0", "1_9", "19,19", "0x13", " ", "-0", "\u00b2", "1e1", "19 19"):
        request = post(EVENT, f"Content-Length: {length}")
        yield Case(f"length: {length!r}", request, 400, "malformed_request")
    yield Case("length: with zeros", post(EVENT, "Content-Length: 000000019"), 202)
    yield Case(
        "length: 30 digits", post(EVENT, "Content-Length: " + "9" * 30), 413, "body_too_large"
    )
    yield Case(
        "length: twice, the same",
        post(EVENT, "Content-Length: 19", "Content-Length: 19"),
        400,
        "malformed_request",
    )
    yield Case(
        "length: none",
        head("POST /event HTTP/1.1", "Content-Type: application/json"),
        400,
        "invalid_json",
    )
    yield Case(
        "length: longer than the body",
        post(EVENT, "Content-Length: 20"),
        400,
        "truncated_body",
        ends=True,
    )
    yield Case(
        "length: nothing comes", post(b"", "Content-Length: 20"), 400, "truncated_body", ends=True
    )
    yield Case("body on GET", get("/stats", "Content-Length: 19") + EVENT, 200)
    yield Case(
        "body on OPTIONS", head("OPTIONS /event HTTP/1.1", "Content-Length: 19") + EVENT, 204
    )
    yield Case("body on a 404", post(EVENT, path="/none"), 404, "not_found")
    yield Case(
        "key in the body", post(b'{"path":"/a","apiKey":"{ingest}"}', key=None), 401, "missing_key"
    )
    chunked = "Transfer-Encoding: chunked"
    whole = b"13\r\n" + EVENT + b"\r\n0\r\n\r\n"
    yield Case("chunks: extension", post(b'13;a=b;c="d"\r\n' + whole[4:], chunked), 202)
    yield Case("chunks: trailer", post(whole[:-2] + b"X-Trailer: 1\r\n\r\n", chunked), 202)
    yield Case("chunks: upper case", post(whole, "Transfer-Encoding: CHUNKED"), 202)
    yield Case(
        "chunks: 1 byte each",
        post(b"".join(b"1\r\n%c\r\n" % c for c in EVENT) + b"0\r\n\r\n", chunked),
        202,
    )
    yield Case("chunks: leading zeros", post(b"000000000013\r\n" + whole[4:], chunked), 202)
    for name, body in {
        "bad extension": b"13;\x00\r\n" + whole[4:],
        "key in a trailer": whole[:-2] + b"Authorization: Bearer x\r\n\r\n",
        "minus": b"-13\r\n" + whole[4:],
        "plus": b"+13\r\n" + whole[4:],
        "0x": b"0x13\r\n" + whole[4:],
        "blank before": b" 13\r\n" + whole[4:],
        "underscore": b"1_3\r\n" + whole[4:],
        "empty size": b"\r\n" + whole[4:],
        "LF only": whole.replace(b"\r\n", b"\n"),
        "no CRLF behind": b"13\r\n" + EVENT + b"xx0\r\n\r\n",
        "longer than said": b"5\r\n" + EVENT + b"\r\n0\r\n\r\n",
        "2^64": b"FFFFFFFFFFFFFFFFF\r\n" + EVENT,
        "an endless extension": b"13;" + b"a" * 20_000 + b"\r\n" + whole[4:],
    }.items():
        yield Case(f"chunks: {name}", post(body, chunked), 400, "truncated_body", ends=True)
    for name, coding in {
        "twice": "chunked, chunked",
        "not last": "chunked, gzip",
        "identity behind": "chunked, identity",
        "vertical tab": "\x0bchunked",
        "quoted": '"chunked"',
        "unknown": "xchunked",
        "gzip alone": "gzip",
        "empty": "",
    }.items():
        request = post(whole, f"Transfer-Encoding: {coding}")
        yield Case(f"coding: {name}", request, 400, "malformed_request")
    yield Case("coding: behind a tab", post(whole, "Transfer-Encoding: \tchunked"), 202)
    yield Case(
        "coding: and a length", post(whole, chunked, "Content-Length: 5"), 400, "malformed_request"
    )
    yield Case(
        "coding: in HTTP/1.0",
        post(whole, chunked).replace(b"HTTP/1.1", b"HTTP/1.0"),
        400,
        "malformed_request",
    )
    yield Case(
        "coding: underscore", post(EVENT, "Transfer_Encoding: chunked", "Content-Length: 19"), 202
    )


def wire_cases() -> Iterator[Case]:
    """Request lines and headers."""
    line = "POST /event HTTP/1.1"
    usual = ("Content-Type: application/json", "Content-Length: 19")
    refused = {
        "no version": "POST /event",
        "HTTP/0.9": "GET /healthz",
        "HTTP/2.0": "POST /event HTTP/2.0",
        "HTTP/1.10": "POST /event HTTP/1.10",
        "http/1.1": "POST /event http/1.1",
        "tab": "POST\t/event\tHTTP/1.1",
        "blank in the path": "POST /ev ent HTTP/1.1",
        "latin-1 in the path": "POST /\xe9v\xe9nt HTTP/1.1",
        "NUL in the path": "POST /event\x00 HTTP/1.1",
        "lower-case method": "post /event HTTP/1.1",
        "long method": "P" * 40 + " /event HTTP/1.1",
        "odd method": "P(ST /event HTTP/1.1",
        "no path": "POST  HTTP/1.1",
        "authority": "POST localhost:80 HTTP/1.1",
        "relative": "POST event HTTP/1.1",
        "asterisk": "POST * HTTP/1.1",
        "bad brackets": "POST http://[::1/event HTTP/1.1",
    }
    for name, first in refused.items():
        yield Case(f"line: {name}", head(first, *usual) + EVENT, 400, "malformed_request")
    yield Case(
        "line: two blanks",
        head("POST  /event HTTP/1.1", *usual) + EVENT,
        400,
        "malformed_request",
    )
    yield Case("line: 9,000 bytes", get("/stats?" + "a" * 9_000), 414, "uri_too_long")
    yield Case(
        "line: absolute", head("POST http://evil.example/event HTTP/1.1", *usual) + EVENT, 202
    )
    yield Case(
        "line: absolute, ftp", head("POST ftp://evil.example/event HTTP/1.1", *usual) + EVENT, 202
    )
    yield Case("line: CONNECT", head("CONNECT localhost:80 HTTP/1.1"), 404, "not_found")
    yield Case("line: OPTIONS *", head("OPTIONS * HTTP/1.1"), 404, "not_found")
    yield Case("line: PRI", head("PRI * HTTP/2.0"), 400, "malformed_request")
    yield Case(
        "line: TLS",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64 + b"\r\n\r\n",
        400,
        "malformed_request",
    )
    yield Case("line: empty lines first", b"\r\n" + head(line, *usual) + EVENT, 202)
    yield Case(
        "line: PROXY",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + head(line, *usual) + EVENT,
        400,
        "malformed_request",
    )
    headers = {
        "blank before the colon": "Content-Type : application/json",
        "no colon": "nonsense",
        "empty name": ": x",
        "NUL": "X-Odd: a\x00b",
        "CR alone": "X-Odd: a\rb",
        "escape": "X-Odd: \x1b[31m",
        "blank in the name": "X Odd: a",
        "latin-1 in the name": "X-\xc4: a",
        "folded": "X-Odd: a\r\n b",
        "LF alone": "X-Odd: a\nX-Other: b",
        "second Host": "Host: evil.example",
        "second Content-Type": "Content-Type: text/plain",
    }
    for name, header in headers.items():
        yield Case(f"header: {name}", head(line, *usual, header) + EVENT, 400, "malformed_request")
    yield Case(
        "header: 9,000 bytes",
        head(line, *usual, "X-Long: " + "a" * 9_000) + EVENT,
        431,
        "headers_too_large",
    )
    yield Case(
        "header: 200 of them",
        head(line, *usual, *(f"X-{n}: 1" for n in range(200))) + EVENT,
        431,
        "headers_too_large",
    )
    yield Case(
        "header: Expect", head(line, *usual, "Expect: 200-ok") + EVENT, 417, "expectation_failed"
    )
    for name, header in {
        "override of the method": "X-HTTP-Method-Override: DELETE",
        "upgrade": "Upgrade: h2c",
        "range": "Range: bytes=0-1",
        "if-none-match": "If-None-Match: *",
        "evil host forwarded": "X-Forwarded-Host: evil.example",
        "evil proto": "X-Forwarded-Proto: javascript",
        "rewritten path": "X-Original-URL: /admin/",
        "forwarded for nobody": "X-Forwarded-For: ,,,",
        "forwarded for a script": "X-Forwarded-For: <script>, 1.2.3.4:80, ::1",
        "forwarded, underscore": "X_FORWARDED_FOR: 1.2.3.4",
        "forwarded, 8 kB": "X-Forwarded-For: " + "1.2.3.4, " * 800,
        "user agent of 8 kB": "User-Agent: " + "u" * 8_000,
        "user agent of latin-1": "User-Agent: \xff\xfe\x80",
        "cookie": "Cookie: sessionid=x; csrftoken=y",
        "keep-alive and close": "Connection: keep-alive, close",
        "accept": "Accept: text/html;q=0.000001, */*;q=NaN",
        "language": "Accept-Language: " + "x-" * 2_000,
    }.items():
        yield Case(f"header: {name}", head(line, *usual, header) + EVENT, 202)
    without_host = post(EVENT).replace(b"Host: localhost\r\n", b"")
    yield Case("host: none", without_host, 400, "malformed_request")
    yield Case("host: none in HTTP/1.0", without_host.replace(b"/1.1", b"/1.0"), 202)
    for name, host in {"two in one": b"a, b", "user": b"a@b", "path": b"a/b"}.items():
        request = post(EVENT).replace(b"localhost", host)
        yield Case(f"host: {name}", request, 400, "malformed_request")
    yield Case("host: evil", post(EVENT).replace(b"Host: localhost", b"Host: evil.example"), 202)
    yield Case(
        "host: evil, reports", get("/stats").replace(b"Host: localhost", b"Host: evil.example"), 200
    )


def key_cases() -> Iterator[Case]:
    """Keys, where they are and where they must not be."""
    anonymous = post(EVENT, key=None)

    def authorized(value: str, *more: str) -> bytes:
        lines = "".join(f"Authorization: {text}\r\n" for text in (value, *more)).encode("latin-1")
        return anonymous.replace(b"Host: localhost\r\n", b"Host: localhost\r\n" + lines)

    for name, value, code in (
        ("basic", "Basic {ingest}", "missing_key"),
        ("no scheme", "{ingest}", "missing_key"),
        ("no blank", "Bearer{ingest}", "missing_key"),
        ("tab", "Bearer\t{ingest}", "missing_key"),
        ("quoted", 'Bearer "{ingest}"', "invalid_key"),
        ("more behind", "Bearer {ingest} x", "invalid_key"),
        ("list", "Bearer {ingest},{ingest}", "invalid_key"),
        ("upper case", "Bearer AK_LIVE_23456789_" + "A" * 43, "invalid_key"),
        ("wildcard", "Bearer *", "invalid_key"),
        ("redis pattern", "Bearer ak_live_????????_" + "?" * 43, "invalid_key"),
        ("operator", 'Bearer {"$ne":null}', "invalid_key"),
        ("path", "Bearer ../../keys", "invalid_key"),
        ("8 kB", "Bearer " + "a" * 8_000, "invalid_key"),
        ("latin-1", "Bearer ak_live_23456789_" + "\xe9" * 43, "invalid_key"),
        ("well formed", "Bearer ak_live_23456789_" + "A" * 43, "invalid_key"),
        ("undefined", "Bearer undefined", "invalid_key"),
        ("json null", "null", "missing_key"),
    ):
        yield Case(f"key: {name}", authorized(value), 401, code)
    yield Case("key: two blanks", authorized("Bearer   {ingest}  "), 202)
    yield Case("key: lower-case scheme", authorized("bearer {ingest}"), 202)
    yield Case(
        "key: two of them", authorized("Bearer {ingest}", "Bearer {other}"), 401, "invalid_key"
    )
    yield Case(
        "key: the same twice", authorized("Bearer {ingest}", "Bearer {ingest}"), 401, "invalid_key"
    )
    yield Case("key: good, then nonsense", authorized("Bearer {ingest}", "x"), 401, "invalid_key")
    yield Case(
        "key: in a cookie", post(EVENT, "Cookie: key={ingest}", key=None), 401, "missing_key"
    )
    yield Case(
        "key: in X-API-Key", post(EVENT, "X-API-Key: {ingest}", key=None), 401, "missing_key"
    )
    yield Case(
        "key: underscore",
        post(EVENT, "Authorization_: Bearer {ingest}", key=None),
        401,
        "missing_key",
    )
    for name, request in (
        ("a report's", get("/stats?key={read}&access_token={read}", key=None)),
        ("an event's", post(EVENT, path="/event?key={ingest}", key=None)),
        ("beside a good one", post(EVENT, path="/event?x={other}")),
        ("escaped", post(EVENT, path="/event?x=%20{ingest}")),
        ("a receipt's", get("/event/{ingest}")),
        ("beside a public one", post(EVENT, path="/event?key=pk_live_x&k={ingest}", key=None)),
    ):
        yield Case(f"key: in the address, {name}", request, 401, "key_in_address")
    for name, query in (
        ("empty", "key="),
        ("that nobody has", "key=pk_live_23456789_" + "A" * 43),
        ("escaped NUL", "key=pk_live_%00"),
        ("not UTF-8", "key=%ff%fe"),
        ("long", "key=" + "A" * 4_000),
        ("a script", "key=<script>"),
        ("an operator", "key[$ne]=1&key=1"),
    ):
        yield Case(
            f"key: public, {name}",
            post(EVENT, path=f"/event?{query}", key=None),
            *(401, "invalid_key"),
        )
    yield Case(
        "key: two public ones", post(EVENT, path="/event?key=a&key=b", key=None), 401, "two_keys"
    )
    yield Case(
        "key: of another name", post(EVENT, path="/event?KEY=a&k=b", key=None), 401, "missing_key"
    )
    for path in ("/stats", "/stats/timeseries", "/stats/breakdown?by=path", "/stats/realtime"):
        yield Case(f"key: none for {path}", get(path, key=None), 401, "missing_key")
        yield Case(f"key: ingest for {path}", get(path, key="ingest"), 403, "missing_scope")
    yield Case(
        "key: read for /events", post(b"[]", path="/events", key="read"), 403, "missing_scope"
    )


def path_cases() -> Iterator[Case]:
    """Addresses."""
    for path in (
        *(
            "/event;x",
            "/./event",
            "/x/../event",
            "/event%20",
            "/%2e/event",
        ),
        *(
            "/ev%65nt%00",
            "/event.json",
            "/%00",
            "/%ff%fe",
            "/events%0d%0a",
            "/.env",
            "/.git/config",
        ),
        *(
            "/static/../../etc/passwd",
            "/static/%2e%2e/%2e%2e/config/wsgi.py",
        ),
        *("/wp-login.php", "/actuator", "/debug", "/metrics/../event", "/%25"),
    ):
        yield Case(f"path: {path}", get(path), 404, "not_found")
    yield Case("path: slash at the end", get("/stats/"), 200)
    yield Case("path: encoded slash at the end", get("/event%2f"), 403, "missing_scope")
    yield Case("path: two slashes at the end", get("/event//"), 200)
    yield Case("path: up from the admin", get("/admin/../event"), 302)
    yield Case("path: encoded letter", post(EVENT, path="/%65vent"), 202)
    yield Case("path: query ignored", post(EVENT, path="/event?path=/other&$where=1"), 202)
    receipt = {
        "NUL": "a%00b",
        "operator": "%7B%22%24gt%22%3A%22%22%7D",
        "slashes": "a/b//c",
        "dots": "..%2f..%2fetc",
        "bad percent": "%zz",
        "percent": "%",
        "html": "%3Cscript%3E",
        "emoji": "%f0%9f%98%80",
        "4,000 bytes": "a" * 4_000,
    }
    for name, event_id in receipt.items():
        yield Case(f"receipt: {name}", get(f"/event/{event_id}"), 200)
    for name, event_id in {
        "overlong": "%c0%af",
        "surrogate": "%ed%a0%80",
        "bad utf-8": "%ff",
        "cut utf-8": "a%e2%82",
    }.items():
        yield Case(f"receipt: {name}", get(f"/event/{event_id}"), 400, "bad_encoding")
    yield Case("receipt: CRLF", get("/event/a%0d%0aX-Injected:%201"), 200)
    yield Case("receipt: none", get("/event/", key="ingest"), 405, "method_not_allowed")
    yield Case("receipt: no key", get("/event/x", key=None), 401, "missing_key")
    for path in ("/event", "/events", "/event/x", "/stats", "/stats/realtime", "/healthz"):
        for method in ("PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "QUERY"):
            request = head(f"{method} {path} HTTP/1.1", key="admin")
            yield Case(f"method: {method} {path}", request, 405, "method_not_allowed")
    yield Case("method: HEAD /event", head("HEAD /event HTTP/1.1"), 405, None)
    yield Case("method: HEAD /healthz", head("HEAD /healthz HTTP/1.1"), 200)
    yield Case("method: HEAD /stats", head("HEAD /stats HTTP/1.1", key="read"), 200)
    yield Case("health: odd query", get("/readyz?for=%00&for=reporting&$x[]=1"), 200)


def report_cases() -> Iterator[Case]:
    """Queries."""
    for query, code in {
        "start=%00": "bad_timestamp",
        "start=1e9": "bad_timestamp",
        "start=2026-01-01T00:00:00%2B99:99": "bad_timestamp",
        "start=-1": "bad_timestamp",
        "start=99999-01-01": "bad_timestamp",
        "start=2026-01-01&start=2026-01-02": "repeated_parameter",
        "start=2026-01-02&end=2026-01-01": "bad_window",
        "start=2026-01-01T00:00:00Z&end=2026-01-01T00:00:00Z": "bad_window",
        "limit=-1": "bad_limit",
        "limit=1e3": "bad_limit",
        "limit=%31%00": "bad_limit",
        "limit=99999999999999999999": "bad_limit",
        "limit=+5": "bad_limit",
        "limit=0x10": "bad_limit",
        "limit=": "bad_limit",
        "limit[]=5": "unknown_parameter",
        "exact=maybe": "bad_exact",
        "bots=maybe": "bad_bots",
        "bots=true&bots=only": "repeated_parameter",
        "exact[$ne]=1": "unknown_parameter",
        "groupBy=": "bad_group_by",
        "groupBy=_id": "bad_group_by",
        "groupBy=properties": "bad_group_by",
        "groupBy=properties.": "bad_group_by",
        "groupBy=properties.a%00b": "bad_group_by",
        "groupBy=properties." + "a." * 60 + "b": "bad_group_by",
        "groupBy=path,userId": "bad_group_by",
        "filter=": "bad_filter",
        "filter=path": "bad_filter",
        "filter=path:regex:.*": "bad_filter",
        "filter=path:is:%00": "bad_filter",
        "filter=_id:is:1": "bad_filter",
        "callback=alert": "unknown_parameter",
        "$where=1": "unknown_parameter",
        "__proto__=1": "unknown_parameter",
        "%ff=1": "unknown_parameter",
        "project=8000000000000000": "unknown_parameter",
    }.items():
        yield Case(f"stats: {query[:60]}", get(f"/stats?{query}"), 400, code)
    for query in (
        "filter=path:contains:(a%2B)%2B%24",
        "filter=userId:is:%24ne",
        "&&&",
        "filter=path:contains:%ff",
    ):
        yield Case(f"stats: {query}", get(f"/stats?{query}"), 200)
    for query, code in {
        "": "invalid_query",
        "start=2026-01-01&end=2026-01-02&interval=minute": "bad_interval",
        "start=2026-01-01&end=2026-01-02&timezone=../../etc/passwd": "bad_timezone",
        "start=2026-01-01&end=2026-01-02&timezone=%00": "bad_timezone",
        "start=2026-01-01&end=2026-01-02&timezone=" + "A" * 4_000: "bad_timezone",
        "start=1970-01-01&end=2070-01-01&interval=hour": "too_many_points",
        "start=0001-01-01&end=9999-12-31&interval=month": "too_many_points",
    }.items():
        yield Case(f"series: {query[:80]}", get(f"/stats/timeseries?{query}"), 400, code)
    for query, code in {
        "": "missing_parameter",
        "by=$path": "bad_group_by",
        "by=path&offset=-1": "bad_offset",
        "by=path&offset=9999999": "bad_offset",
        "by=path&by=event": "repeated_parameter",
    }.items():
        yield Case(f"breakdown: {query}", get(f"/stats/breakdown?{query}"), 400, code)


BOMB = "(((a{1,100}){1,100}){1,100}){1,100}"
KEYS_OF_PROPERTIES = (
    *("*", "$", "$.*", 'a"b', "a\\b", "__proto__", '"; DROP TABLE events; --', "'", "', 1) --"),
    *("a[0]", "[*]", "é", "\u2028", "$where", "{}", "%", "?", "$1", " "),
)


def ask(body: object, **more: object) -> bytes:
    if not isinstance(body, bytes):
        body = json.dumps({"metrics": ["views"], **more, "filter": body}).encode()
    return post(body, path="/query", key="read")


def compare(field: str, *values: object, op: str = "is") -> dict[str, object]:
    return {"field": field, "op": op, "values": list(values)}


def question_cases() -> Iterator[Case]:
    """Bodies of POST /query, and the lists beside it."""
    for name, body in {
        "empty": b"",
        "NaN": b'{"metrics":["views"],"limit":NaN}',
        "a key twice": b'{"metrics":["views"],"metrics":["users"]}',
        "half a pair": b'{"metrics":["\\ud800"]}',
        "not UTF-8": b'{"metrics":["\xff"]}',
        "UTF-16": '{"metrics":["views"]}'.encode("utf-16"),
        "deep arrays": b"[" * 100_000,
        "deep filters": b'{"filter":' + b'{"not":' * 30_000,
        "two": b'{"metrics":["views"]}' * 2,
    }.items():
        yield Case(f"query: {name}", ask(body), 400, "invalid_json")
    yield Case("query: an array", ask(b"[1]"), 400, "wrong_type")
    yield Case("query: a digit bomb", ask(b'{"metrics":["views"],"limit":' + b"9" * 100_000 + b"}"),
               400, "bad_limit")  # fmt: skip
    yield Case("query: too large", ask(b" " * 262_145), 413, "body_too_large")
    form = post(b"metrics=views", "Content-Type: text/plain", path="/query", key="read")
    yield Case("query: a form", form, 415, "unsupported_media_type")
    yield Case("query: wide", ask({"or": [compare("path", "x")] * 4_000}), 400, "bad_filter")
    yield Case("query: of a sender", ask(b"{}").replace(b"{read}", b"{ingest}"), 403,
               "missing_scope")  # fmt: skip
    yield Case("query: GET", get("/query"), 405, "method_not_allowed")
    for pattern in (BOMB, "(", "(?=a)", "\\1", "[", "a{1001}", "(?P<n>"):
        yield Case(
            f"query: pattern {pattern}", ask(compare("path", pattern, op="matches")),
            *(400, "bad_pattern"),
        )  # fmt: skip
    for pattern in ("(a+)+$", "(a|a)*b", ".*" * 100, "\\pL", "\u2028", "'", "\\x{10FFFF}"):
        yield Case(f"query: slow {pattern[:9]}", ask(compare("path", pattern, op="matches")), 200)
    values = (
        *("'", '"', "\\", "%_", "'; DROP TABLE events; --", "\u202e", "\U0001f600", "", " "),
        *(2**63, -(2**63), 10**400, 1.7e308, "1e999", "-0", None, True),
    )
    for key in KEYS_OF_PROPERTIES:
        field = f"properties[{json.dumps(key)}]"
        question = {
            "metrics": ["views", f"sum({field})", f"p99({field})", f"unique({field})"],
            "dimensions": [field],
            "filter": {"or": [compare(field, *values), compare(field, "'", op="contains")]},
        }
        yield Case(f"query: key {key}", ask(json.dumps(question).encode()), 200)
    for number in (2**63, -(2**63) - 1, 10**300, "1.7e308", "-1e-400"):
        yield Case(f"query: above {str(number)[:9]}", ask(compare("properties.n", number, op="gt")),
                   200)  # fmt: skip
    yield Case("query: NUL", ask(compare("path", "\0")), 400, "bad_value")
    yield Case("query: not finite", ask(compare("properties.n", "1e999", op="lt")), 400,
               "bad_value")  # fmt: skip
    for path, code in {
        "/events?after=%00": "bad_cursor",
        "/events?after=" + "A" * 4_000: "bad_cursor",
        "/events?after=AAAA": "bad_cursor",
        "/events?filter=%7B": "bad_filter",
        "/events?filter=" + "%5B" * 1_000: "bad_filter",
        "/events?filter[$ne]=1": "unknown_parameter",
        "/events?limit=1001": "bad_limit",
        "/properties?event=%00": "bad_event",
        "/properties?event=" + "a" * 3_000: "bad_event",
        "/properties?period=forever": "bad_period",
    }.items():
        yield Case(f"list: {path[:40]}", get(path), 400, code)


def behaviour_cases() -> Iterator[Case]:
    """Bodies of POST /query/funnel, /query/retention and /query/journeys."""

    def follow(name: str, body: object) -> bytes:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return post(content, path=f"/query/{name}", key="read")

    home, bomb = compare("path", "/"), compare("path", BOMB, op="matches")
    steps = [home, home]
    dots = [compare("path", ".*", op="matches")] * 6
    for name, body, code in (
        ("funnel", b"", "invalid_json"),
        ("funnel", b"[]", "wrong_type"),
        ("funnel", b'{"steps":' + b"[" * 100_000, "invalid_json"),
        ("funnel", {"steps": [home] * 9}, "bad_steps"),
        ("funnel", {"steps": [home, bomb]}, "bad_pattern"),
        ("funnel", {"steps": dots, "filter": {"or": dots[:5]}}, "filter_too_large"),
        ("funnel", {"steps": [{"or": [home] * 51}] * 2}, "filter_too_large"),
        ("funnel", {"steps": steps, "within": 10**30}, "bad_within"),
        ("funnel", {"steps": steps, "within": "1"}, "bad_within"),
        ("funnel", {"steps": steps, "by": ["visitor"]}, "wrong_type"),
        ("funnel", {"steps": steps, "by": "visitor; --"}, "bad_by"),
        ("funnel", {"steps": steps, "order": "$where"}, "bad_order"),
        ("funnel", {"steps": steps, "dimension": "time:day"}, "unknown_field"),
        ("funnel", {"steps": steps, "dimension": "'"}, "unknown_field"),
        ("funnel", {"steps": steps, "$where": "1"}, "unknown_field"),
        ("retention", {"interval": "minute"}, "bad_interval"),
        ("retention", {"periods": 32}, "bad_periods"),
        ("retention", {"cohort": bomb}, "bad_pattern"),
        ("retention", {"by": "visit"}, "bad_by"),
        (
            "retention",
            {"interval": "day", "start": "1000-01-01", "end": "3000-01-01"},
            "too_many_points",
        ),
        ("journeys", {"steps": 9}, "bad_steps"),
        ("journeys", {"field": "title"}, "unknown_field"),
        ("journeys", {"from": []}, "wrong_type"),
        ("journeys", {"limit": 0}, "bad_limit"),
        ("journeys", {"from": bomb}, "bad_pattern"),
    ):
        yield Case(f"{name}: {str(body)[:60]}", follow(name, body), 400, code)
    for key in KEYS_OF_PROPERTIES:
        field = f"properties[{json.dumps(key)}]"
        asked = {
            "steps": [compare(field, "'", 1, None, op="is"), compare(field, "a", op="contains")],
            "dimension": field,
            "order": "strict",
        }
        yield Case(f"funnel: key {key}", follow("funnel", asked), 200)
    for name in ("funnel", "retention", "journeys"):
        yield Case(f"{name}: GET", get(f"/query/{name}"), 405, "method_not_allowed")
        yield Case(f"{name}: of a sender", follow(name, b"{}").replace(b"{read}", b"{ingest}"), 403,
                   "missing_scope")  # fmt: skip


def charset_cases() -> Iterator[Case]:
    """Text is UTF-8, whatever Content-Type says; Django would take any codec of Python's."""
    surrogate = "/stats?filter=path:is:%5Cud800"
    for charset in (
        "hex",
        "undefined",
        "punycode",
        "unicode_escape",
        "utf-16",
        '"\\',
        "; charset*=nope'en'%41",
    ):
        header = f"Content-Type: text/plain; charset={charset}"
        yield Case(f"query in {charset}", get(surrogate, header), 200)
        yield Case(f"health in {charset}", get("/readyz?for=reporting", header, key=None), 200)
        yield Case(f"admin in {charset}", get("/admin/login/?next=a", header, key=None), 200)
        erase = head("DELETE /users/x?dryRun=true HTTP/1.1", header, key="admin")
        yield Case(f"erasure in {charset}", erase, 200)
    parts = b"--x\r\nContent-Disposition: form-data; name*=nope'en'%41\r\n\r\nv\r\n--x--\r\n"
    headers = ("Content-Type: multipart/form-data; boundary=x", f"Cookie: csrftoken={'a' * 32}")
    sign_in = post(parts, *headers, path="/admin/login/", key=None)
    yield Case("form with a part in a charset of its own", sign_in, 403)


def neighbour_cases() -> Iterator[Case]:
    """What gunicorn would believe from this very machine, where a proxy may stand."""
    for name in ("SCRIPT_NAME", "PATH_INFO", "X-Forwarded-Prefix", "X-Script-Name"):
        yield Case(f"{name} alone", get("/healthz", f"{name}: /admin"), 200)
        moved = get("/x/healthz", f"{name}: /x")
        yield Case(f"{name} that hides a path", moved, 404, "not_found")
    contradiction = ("X-Forwarded-Proto: https", "X-Forwarded-Ssl: off")
    yield Case("contradicting schemes", get("/healthz", *contradiction), 200)


def all_cases() -> list[Case]:
    groups = (
        *(json_cases, field_cases, batch_cases, body_cases),
        *(
            wire_cases,
            key_cases,
            path_cases,
            report_cases,
            question_cases,
            behaviour_cases,
            charset_cases,
            neighbour_cases,
        ),
    )
    return [case for group in groups for case in group()]
