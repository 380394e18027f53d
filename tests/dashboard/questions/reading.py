"""What the pages of questions show, read from their text."""

import html
import re
from typing import Any
from urllib.parse import urlencode

from django.test import Client

from tests.conftest import Api, TestProject


def show(client: Client, project: TestProject, part: str, **query: Any) -> str:
    answer = client.get(f"/p/{project.row.pk}/{part}?{urlencode(query, doseq=True)}")
    assert answer.status_code == 200, answer.content.decode()
    return answer.content.decode()


def ask(read: Api, question: str, **body: Any) -> Any:
    answer = read.post(f"/query/{question}", body)
    assert answer.status_code == 200, answer.content
    return answer.json()


def told_wrong(page: str) -> list[str]:
    return [html.unescape(text) for text in re.findall(r"<p>Left out: (.*?)</p>", page)]


def values(page: str, name: str = "value") -> list[float | None]:
    return [float(text) if text else None for text in re.findall(rf' data-{name}="([^"]*)"', page)]
