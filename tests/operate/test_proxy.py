"""The example for nginx: pages read its own errors, and headers of its owner are lost nowhere."""

import http.client
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from local.process.ports import find_free_port

NGINX = shutil.which("nginx")
EXAMPLE = Path(__file__).parents[2] / "deploy" / "proxy" / "nginx.conf"
ORIGIN = "https://shop.example"
OWN = 'add_header X-Own "yes" always;'

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not here")


class Service(BaseHTTPRequestHandler):
    """Answers as the service does where it is full."""

    def do_GET(self) -> None:
        self.send_response(503)
        for name, value in (
            ("Access-Control-Allow-Origin", "https://told.example"),
            ("Access-Control-Expose-Headers", "Retry-After, X-Analytics"),
            ("Retry-After", "77"),
            ("Content-Length", "0"),
        ):
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Of nginx with the example, but for TLS, and of the service behind, which is away."""
    front, behind = find_free_port(), find_free_port()
    text = EXAMPLE.read_text()
    first = text[: text.index("    # The site that is counted")] + "}\n"
    lines = [line for line in first.splitlines() if "ssl_certificate" not in line]
    text = "\n".join(lines).replace("events {}", "events {}\npid nginx.pid;", 1)
    text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{front};\n{OWN}")
    text = text.replace("127.0.0.1:8000", f"127.0.0.1:{behind}")
    folders = "".join(
        f"{name}_temp_path {name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = text.replace("http {", f"http {{ access_log off; {folders}", 1)
    (tmp_path / "nginx.conf").write_text(text)
    assert NGINX
    command = [NGINX, "-p", str(tmp_path), "-c", "nginx.conf", "-e", str(tmp_path / "errors")]
    subprocess.run([*command, "-t"], check=True, capture_output=True)
    subprocess.run(command, check=True)  # it listens once this has ended
    yield front, behind
    subprocess.run([*command, "-s", "stop"], check=True)


def ask(port: int, path: str, length: int = 0) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Origin": ORIGIN, "Content-Length": str(length)})
    answer = connection.getresponse()
    connection.close()
    return answer


def test_a_page_reads_what_the_proxy_answers_itself(ports: tuple[int, int]) -> None:
    for path, length, status in (("/event", 0, 503), ("/events/", 3_000_000, 413)):
        answer = ask(ports[0], path, length)

        assert answer.status == status
        assert answer.headers.get_all("Access-Control-Allow-Origin") == [ORIGIN]
        assert answer.headers.get_all("Access-Control-Expose-Headers") == ["Retry-After"]
        assert answer.headers.get_all("Retry-After") == (["5"] if status == 503 else None)
        assert answer.headers.get_all("X-Own") == ["yes"]


def test_no_other_path_is_opened_to_pages(ports: tuple[int, int]) -> None:
    answer = ask(ports[0], "/stats")

    assert (answer.status, answer.headers.get_all("X-Own")) == (502, ["yes"])
    assert not {"Access-Control-Allow-Origin", "Retry-After"} & set(answer.headers)


def test_what_the_service_says_goes_first(ports: tuple[int, int]) -> None:
    with HTTPServer(("127.0.0.1", ports[1]), Service) as service:
        threading.Thread(target=service.serve_forever, daemon=True).start()
        answer = ask(ports[0], "/event")
        service.shutdown()

    assert answer.status == 503
    assert answer.headers.get_all("Access-Control-Allow-Origin") == ["https://told.example"]
    assert answer.headers.get_all("Access-Control-Expose-Headers") == ["Retry-After, X-Analytics"]
    assert answer.headers.get_all("Retry-After") == ["77"]
    assert answer.headers.get_all("X-Own") == ["yes"]
