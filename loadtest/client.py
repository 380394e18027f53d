"""One connection to the service, kept open between requests."""

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 30.0

NoAnswer = (OSError, http.client.HTTPException)


class Connection:
    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self._connection = kind(parts.hostname, parts.port, timeout=TIMEOUT_SECONDS)
        self._path = parts.path
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def post(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        return self._ask("POST", path, body)

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        return self._ask("GET", path, None)

    def close(self) -> None:
        self._connection.close()

    def _ask(self, method: str, path: str, body: bytes | None) -> tuple[int, dict[str, Any]]:
        """The status and the answer. Raises one of NoAnswer; the next request connects anew."""
        try:
            self._connection.request(method, self._path + path, body, self._headers)
            response = self._connection.getresponse()
            return response.status, _read_json(response.read())
        except NoAnswer:
            self._connection.close()
            raise


def _read_json(body: bytes) -> dict[str, Any]:
    """A proxy in between may answer with anything."""
    try:
        content = json.loads(body)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def code_of(status: int, answer: Mapping[str, Any]) -> str:
    """`429 rate_limited`: the status and the code of a refusal."""
    return f"{status} {answer.get('code') or 'no code'}"
