"""A server that takes mail on a real socket, and behaves as a test wants it to."""

import socketserver
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from email import message_from_bytes
from email.message import Message
from typing import Literal

Word = Literal["greeting", "EHLO", "MAIL", "RCPT", "DATA", "body", "QUIT"]

# What a word is answered with in place of what is usual. These end the connection, or drip.
DIE, DRIP, HANG = "die", "drip", "hang"
USUAL: Mapping[Word, str] = {
    "greeting": "220 here",
    "EHLO": "250 here",
    "MAIL": "250 fine",
    "RCPT": "250 fine",
    "DATA": "354 go on",
    "body": "250 taken",
    "QUIT": "221 bye",
}


class _Handler(socketserver.StreamRequestHandler):
    server: "Server"

    def handle(self) -> None:
        with suppress(OSError):
            self._talk()

    def _talk(self) -> None:
        if not self._say("greeting"):
            return
        while line := self.rfile.readline():
            word = line[:4].decode().upper().replace("HELO", "EHLO")
            if word == "RSET":
                self.wfile.write(b"250 fine\r\n")
                continue
            if not self._say(word):  # type: ignore[arg-type]
                return
            if word == "DATA" and self.server.answers["DATA"].startswith("354"):
                text = b""
                while (part := self.rfile.readline()) not in (b".\r\n", b""):
                    text += part
                if not part or not self._say("body", text):
                    return
            if word == "QUIT":
                return

    def _say(self, word: Word, text: bytes = b"") -> bool:
        self.server.heard.append(word)
        answer = self.server.answers[word]
        if answer == DIE:
            return False
        if answer in (DRIP, HANG):
            while not self.server.closing.is_set():
                if answer == DRIP:
                    self.wfile.write(b"2")
                time.sleep(0.05)
            return False
        if word == "body" and answer.startswith("2"):
            self.server.taken.append(message_from_bytes(text))
        self.wfile.write(answer.encode() + b"\r\n")
        return True


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, answers: Mapping[Word, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = {**USUAL, **answers}
        self.heard: list[Word] = []
        self.taken: list[Message] = []
        self.closing = threading.Event()

    @property
    def port(self) -> int:
        return int(self.server_address[1])


@contextmanager
def taking_mail(answers: Mapping[Word, str] | None = None) -> Iterator[Server]:
    with Server(answers or {}) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join(timeout=10)
