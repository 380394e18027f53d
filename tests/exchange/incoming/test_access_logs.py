"""Access logs of nginx, Apache and Caddy, on lines made from the documented formats."""

import json

import pytest

from exchange.incoming.files.errors import SourceError
from exchange.incoming.options import Options
from tests.exchange.incoming.reading import (
    detect_source,
    only_row,
    read_here,
    reasons_of,
)

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
NOON = 1_767_265_200_000  # 2026-01-01T11:00:00Z


def combined(request: str = "GET /a HTTP/1.1", status: int = 200, referrer: str = "-") -> str:
    return (
        f'203.0.113.7 - - [01/Jan/2026:12:00:00 +0100] "{request}" {status} 612 '
        f'"{referrer}" "{AGENT}"\n'
    )


def test_a_line_of_nginx_is_a_view_with_its_query_and_no_visitor() -> None:
    line = combined("GET /prices?utm_source=news HTTP/2.0", referrer="https://search.example/?q=a")
    view = only_row(read_here(line, "access-log"))
    assert (view.event, view.timestamp, view.path) == (
        "pageview", NOON, "/prices?utm_source=news",
    )  # fmt: skip
    assert (view.ip, view.user_agent, view.referrer) == (
        "203.0.113.7", AGENT, "https://search.example/?q=a",
    )  # fmt: skip
    assert view.visitor is None and view.hostname is None and view.source_id is None


def test_what_is_appended_to_a_line_is_left_alone() -> None:
    line = combined().rstrip("\n") + ' "198.51.100.1, 10.0.0.1" rt=0.003\n'
    assert only_row(read_here(line, "access-log")).ip == "203.0.113.7"


def test_a_line_of_the_common_format_has_neither_referrer_nor_user_agent() -> None:
    line = '2001:db8::7 - frank [01/Jan/2026:11:00:00 +0000] "GET /a HTTP/1.0" 200 -\n'
    view = only_row(read_here(line, "access-log"))
    assert (view.ip, view.referrer, view.user_agent) == ("2001:db8::7", None, None)


@pytest.mark.parametrize("first", ["www.example.com:443 ", "www.example.com "])
def test_a_log_of_many_hosts_gives_each_its_hostname(first: str) -> None:
    view = only_row(read_here(first + combined(), "access-log"))
    assert (view.hostname, view.ip) == ("www.example.com", "203.0.113.7")


def test_a_hostname_that_was_given_is_of_lines_that_name_none() -> None:
    options = Options(hostname="shop.example")
    assert only_row(read_here(combined(), "access-log", options=options)).hostname == "shop.example"


def test_what_a_server_has_escaped_is_read() -> None:
    line = combined('GET /caf\\xC3\\xA9?q=\\"a\\" HTTP/1.1')
    assert only_row(read_here(line, "access-log")).path == '/café?q="a"'


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (combined("POST /a HTTP/1.1"), "other_method"),
        (combined("HEAD /a HTTP/1.1"), "other_method"),
        (combined("\\x16\\x03\\x01", 400), "other_method"),
        (combined(status=404), "other_status"),
        (combined(status=301), "other_status"),
        (combined(status=500), "other_status"),
        (combined("GET /style.css?v=3 HTTP/1.1"), "asset"),
        (combined("GET /robots.txt HTTP/1.1"), "asset"),
        (combined("GET /.well-known/security HTTP/1.1"), "asset"),
        ("Jan  1 12:00:00 host sshd[1]: Accepted\n", "not_a_line_of_the_log"),
        (combined().replace("01/Jan", "41/Jan"), "bad_time"),
        (combined().replace("01/Jan/2026:12:00:00 +0100", "now"), "bad_time"),
        (combined().replace("/a", "/\x00"), "bad_encoding"),
    ],
)
def test_what_is_no_view_is_left_out_with_its_reason(line: str, reason: str) -> None:
    assert reasons_of(read_here(line, "access-log")) == [reason]


@pytest.mark.parametrize(
    "request_line", ["GET / HTTP/1.1", "GET /a.html HTTP/1.1", "GET /v1.2 HTTP/1.1"]
)
@pytest.mark.parametrize("status", [200, 206, 304])
def test_pages_are_views_also_where_the_browser_had_them(request_line: str, status: int) -> None:
    assert reasons_of(read_here(combined(request_line, status), "access-log")) == [None]


def test_bots_are_left_to_who_admits_the_event() -> None:
    line = combined().replace(AGENT, "Googlebot/2.1 (+http://www.google.com/bot.html)")
    assert only_row(read_here(line, "access-log")).is_bot is None


def test_who_names_no_user_agent_is_told_from_a_log_that_holds_none() -> None:
    common = '203.0.113.7 - - [01/Jan/2026:12:00:00 +0100] "GET /a HTTP/1.1" 200 6\n'
    assert only_row(read_here(common, "access-log")).user_agent is None
    assert only_row(read_here(combined().replace(AGENT, "-"), "access-log")).user_agent == ""
    nameless = {**CADDY, "request": {**REQUEST, "headers": {"Accept": ["*/*"]}}}
    assert only_row(read_here(json.dumps(nameless), "access-log")).user_agent == ""


REQUEST: dict[str, object] = {
    "remote_ip": "10.0.0.1", "remote_port": "41342", "client_ip": "203.0.113.7",
    "proto": "HTTP/2.0", "method": "GET", "host": "www.example.com", "uri": "/a?b=1",
    "headers": {
        "User-Agent": [AGENT], "Referer": ["https://search.example/"],
        "Accept-Language": ["de-AT,de;q=0.9"], "Cookie": ["REDACTED"],
    },
}  # fmt: skip
CADDY = {
    "level": "info", "ts": NOON / 1000 + 0.25, "logger": "http.log.access",
    "msg": "handled request",
    "request": REQUEST,
    "user_id": "", "duration": 0.001, "size": 12, "status": 200,
}  # fmt: skip


def test_a_line_of_caddy_is_a_view_of_the_client_that_caddy_believes_in() -> None:
    view = only_row(read_here(json.dumps(CADDY) + "\n", "access-log"))
    assert (view.timestamp, view.path, view.hostname) == (NOON + 250, "/a?b=1", "www.example.com")
    assert (view.ip, view.language) == ("203.0.113.7", "de-AT")
    assert (view.user_agent, view.referrer) == (AGENT, "https://search.example/")


@pytest.mark.parametrize(
    "moment",
    [NOON, NOON * 1_000_000, "2026-01-01T11:00:00Z", "2026/01/01 11:00:00.000", f"{NOON / 1000}"],
)
def test_the_formats_of_time_that_caddy_may_write_are_one(moment: object) -> None:
    line = json.dumps({**CADDY, "ts": moment})
    assert only_row(read_here(line, "access-log")).timestamp == NOON


def test_an_old_caddy_names_the_address_with_its_port() -> None:
    request = {**REQUEST, "remote_addr": "[2001:db8::7]:4711"}
    del request["client_ip"], request["remote_ip"]
    assert only_row(read_here(json.dumps({**CADDY, "request": request}), "access-log")).ip == (
        "2001:db8::7"
    )


@pytest.mark.parametrize(
    "entry",
    [
        {"time_iso8601": "2026-01-01T12:00:00+01:00", "remote_addr": "203.0.113.7", "status": "200",
         "request": "GET /a?b=1 HTTP/1.1", "http_referer": "-", "http_user_agent": AGENT,
         "http_host": "www.example.com"},
        {"time": "01/Jan/2026:12:00:00 +0100", "client": "203.0.113.7", "response": 200,
         "verb": "GET", "uri": "/a?b=1", "agent": AGENT, "vhost": "www.example.com"},
    ],
)  # fmt: skip
def test_json_of_nginx_and_apache_is_read_by_the_names_that_people_give(
    entry: dict[str, object],
) -> None:
    view = only_row(read_here(json.dumps(entry), "access-log"))
    assert (view.timestamp, view.path, view.ip) == (NOON, "/a?b=1", "203.0.113.7")
    assert (view.hostname, view.user_agent, view.referrer) == ("www.example.com", AGENT, None)


@pytest.mark.parametrize(
    "content", [combined(), json.dumps(CADDY), "strange\n" + combined(), combined() * 3]
)
def test_a_log_is_known_by_its_first_lines(content: str) -> None:
    assert detect_source(content) == "access-log"


def test_a_text_that_is_no_log_is_refused_as_a_whole_and_not_line_by_line() -> None:
    with pytest.raises(SourceError, match="wrong_source"):
        read_here("a line of prose\n" * 100, "access-log")


def test_strange_lines_in_a_log_are_left_out_one_by_one() -> None:
    items = read_here(combined() + "strange\n" * 50 + combined(), "access-log")
    assert reasons_of(items) == [None, *["not_a_line_of_the_log"] * 50, None]
