"""Speaks to the service as a client would; prints one JSON value. The standard library alone.

Run where the published port is reachable, be that this machine or the engine's: handed to a Python
by its standard input, as `python - COMMAND ARGUMENTS_AS_JSON`.
"""

import http.client
import json
import signal
import sys
import threading
import time
import uuid
from typing import Any

# How long an event is sent again where there was no 202, before it is given up.
GIVE_UP_SECONDS = 300.0


class Wire:
    """One connection at a time, a new one after each failure."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection: http.client.HTTPConnection | None = None

    def ask(
        self, method: str, path: str, headers: dict[str, str], body: str | None = None
    ) -> tuple[int, str]:
        """The status and the body; 0 where there was no answer."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            self._connection.request(method, path, body, headers)
            response = self._connection.getresponse()
            return response.status, response.read().decode()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            self._connection = None
            return 0, ""


def ask(port: int, method: str, path: str, headers: dict[str, str], body: str | None) -> Any:
    return Wire(port).ask(method, path, headers, body)


def wait_for_status(port: int, path: str, seconds: float) -> bool:
    """Until the path answers 200."""
    deadline = time.monotonic() + seconds
    while Wire(port).ask("GET", path, {})[0] != 200:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.3)
    return True


def wait_for_total(port: int, path: str, key: str, expected: int, seconds: float) -> int | None:
    """What `totalViews` is when it is what was expected, or when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        status, body = Wire(port).ask("GET", path, {"Authorization": f"Bearer {key}"})
        total: int | None = json.loads(body)["totalViews"] if status == 200 else None
        if total == expected or time.monotonic() > deadline:
            return total
        time.sleep(0.3)


def send(port: int, key: str, rate: float) -> dict[str, Any]:
    """Sends events one by one until SIGTERM; each again, with its id, until its answer is 202."""
    is_over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: is_over.set())
    wire = Wire(port)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    answers: dict[str, int] = {}
    accepted = given_up = 0
    while not is_over.wait(1 / rate) and not given_up:
        event = {"eventId": str(uuid.uuid4()), "userId": f"u{accepted % 50}", "path": "/load"}
        deadline = time.monotonic() + GIVE_UP_SECONDS
        status = 0
        while status != 202 and time.monotonic() < deadline:
            status, _ = wire.ask("POST", "/event", headers, json.dumps(event))
            answers[str(status)] = answers.get(str(status), 0) + 1
            if status != 202:
                time.sleep(0.1)
        accepted += status == 202
        given_up += status != 202
    return {"accepted": accepted, "givenUp": given_up, "answers": answers}


COMMANDS = {
    function.__name__: function for function in (ask, wait_for_status, wait_for_total, send)
}

if __name__ == "__main__":
    print(json.dumps(COMMANDS[sys.argv[1]](**json.loads(sys.argv[2]))))
