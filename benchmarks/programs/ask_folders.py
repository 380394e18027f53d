"""Ask the same questions of a folder and of a bucket that has a copy of it; prints seconds as JSON.

    python -m benchmarks.programs.ask_folders URL ROUNDS

URL is of an empty prefix. The first question of each round is not counted: the cache is warm.
"""

import json
import sys
import time
from pathlib import Path

import django

django.setup()

import obstore
from django.conf import settings
from django.test import Client
from obstore.store import from_url

from analytics.remembered import forget_everything
from reporting.columns.read.remembered import answers

QUESTIONS = (
    {"filter": "path:contains:page/1", "groupBy": "path"},
    {"filter": "event:is:purchase"},
    {"filter": "country:is:DE", "groupBy": "browser"},
)
_ASKED = 5


def copy(root: Path, url: str) -> None:
    store = from_url(url, client_options={"allow_http": True})
    for path in root.rglob("*"):
        if path.is_file():
            obstore.put(store, str(path.relative_to(root)), path.read_bytes())


def measure(client: Client, url: Path | str) -> list[float]:
    settings.COLUMNS_URL = url
    forget_everything()
    seconds = []
    for question in QUESTIONS:
        for n in range(1 + _ASKED):
            answers.clear()
            begun = time.perf_counter()
            answer = client.get("/stats", question)
            if answer.status_code != 200:
                raise RuntimeError(answer.content.decode())
            if n:
                seconds.append(time.perf_counter() - begun)
    return seconds


def main(url: str, rounds: int) -> None:
    root = Path(settings.COLUMNS_URL)
    copy(root, url)
    client = Client(headers={"authorization": f"Bearer {sys.argv[3]}"})
    took: dict[str, list[float]] = {"folder": [], "bucket": []}
    for _ in range(rounds):
        took["folder"] += measure(client, root)
        took["bucket"] += measure(client, url)
    print(json.dumps(took))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
