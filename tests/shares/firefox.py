"""A Firefox that is driven by its own protocol, Marionette: Debian's, without a driver between.

A message is its length, a colon, and JSON: `[0, id, command, parameters]`, answered by
`[1, id, error, result]`.
"""

import json
import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local.process.child import Child
from local.process.ports import find_free_port

PROGRAMS = ("firefox-esr", "firefox")
NOT_FOUND = "needs a Firefox: apt-get install firefox-esr"
START_SECONDS = 60.0
_WAIT_SECONDS = 30.0
_STOP_GRACE_SECONDS = 10.0
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the name of a reference, by WebDriver
# Third-party cookies are refused, and nothing of Firefox's own is asked of other hosts.
_PREFERENCES: dict[str, Any] = {
    "network.cookie.cookieBehavior": 1,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "app.update.enabled": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False,
    "extensions.update.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "security.csp.enable": True,
}


class Firefox:
    """One window of it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._count = 0
        self._read()  # it says what it is
        self._ask("WebDriver:NewSession", capabilities={"alwaysMatch": {}})

    def open(self, address: str) -> None:
        self._ask("WebDriver:Navigate", url=address)

    def run(self, script: str) -> Any:
        """What a function body returns, in the page or the frame that one is in."""
        return self._ask("WebDriver:ExecuteScript", script=script, args=[])["value"]

    def wait_for(self, expression: str) -> Any:
        """Until the expression is something, and what."""
        deadline = time.monotonic() + _WAIT_SECONDS
        while not (found := self.run(f"return {expression}")):
            assert time.monotonic() < deadline, (expression, self.run("return document.URL"))
            time.sleep(0.1)
        return found

    def enter_frame(self) -> None:
        found = self._ask("WebDriver:FindElement", using="css selector", value="iframe")["value"]
        self._ask("WebDriver:SwitchToFrame", element=found[_ELEMENT])

    def leave_frame(self) -> None:
        self._ask("WebDriver:SwitchToFrame", element=None)

    def list_cookies(self) -> list[Any]:
        found: list[Any] = self._ask("WebDriver:GetCookies")
        return found

    def _ask(self, command: str, **parameters: Any) -> Any:
        self._count += 1
        message = json.dumps([0, self._count, command, parameters]).encode()
        self._connection.sendall(str(len(message)).encode() + b":" + message)
        _, _, error, result = self._read()
        assert error is None, (command, error)
        return result

    def _read(self) -> Any:
        length = b""
        while (byte := self._connection.recv(1)) != b":":
            assert byte, "Firefox closed the connection"
            length += byte
        left, parts = int(length), []
        while left:
            parts.append(self._connection.recv(left))
            left -= len(parts[-1])
        return json.loads(b"".join(parts))


@contextmanager
def run_firefox(folder: Path) -> Iterator[Firefox]:
    """With a profile of its own, or skip the test where there is none."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip(NOT_FOUND)
    port = find_free_port()
    preferences = {**_PREFERENCES, "marionette.port": port}
    lines = [
        f"user_pref({json.dumps(name)}, {json.dumps(to)});" for name, to in preferences.items()
    ]
    (folder / "user.js").write_text("\n".join(lines))
    command = [program, "--headless", "--marionette", "--no-remote", "--profile", str(folder)]
    environment = {**os.environ, "HOME": str(folder), "MOZ_CRASHREPORTER_DISABLE": "1"}
    with (folder / "firefox.log").open("wb") as log:
        child = Child(command, directory=folder, environment=environment, stdout=log, stderr=log)
        try:
            with _connect(port) as connection:
                yield Firefox(connection)
        finally:
            child.stop(_STOP_GRACE_SECONDS)


def _connect(port: int) -> socket.socket:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            connection = socket.create_connection(("127.0.0.1", port), timeout=START_SECONDS)
        except OSError:
            assert time.monotonic() < deadline, "Firefox did not come up"
            time.sleep(0.1)
        else:
            return connection
