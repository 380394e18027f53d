"""Websites of others, which frame what is shared: each name on this machine is another origin."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PAGE = """<!doctype html><title>A blog</title><h1>A blog</h1>
<script>addEventListener("message", event => {{
  if (event.data.type === "analytics-height") document.title = `high ${{event.data.height > 300}}`;
}});</script>
<iframe src="{address}" width="900" height="700" style="border:0"></iframe>"""


class Websites:
    """Every page of theirs frames `address`."""

    address = "about:blank"

    def __init__(self, port: int) -> None:
        self._port = port

    def name(self, host: str) -> str:
        return f"http://{host}.localhost:{self._port}"


@contextmanager
def serve_websites() -> Iterator[Websites]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = PAGE.format(address=websites.address).encode()
            is_page = self.path == "/"
            self.send_response(200 if is_page else 204)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            if is_page:
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    websites = Websites(server.server_port)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield websites
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
