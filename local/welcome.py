"""What `make run` says when the service answers."""

from collections.abc import Mapping
from pathlib import Path

EVENT = (
    '{"eventId":"e9f6c2b3-12a1-4a9b-8baf-1d2a3b4c5d6e","userId":"user_123","path":"/product/42"}'
)
# By a public key curl would be what it is: a program, which reports leave out with the bots.
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def print_welcome(credentials: Mapping[str, str], file: Path) -> None:
    """Lines to paste, first of all the keys that the examples of the README name."""
    url = credentials["url"]
    print(
        f"""
The service is running at {url}
Interrupt with Ctrl-C; the data stays in {file.parent}.

Look:  {url}/ (user {credentials["adminUser"]}, password in {file})
Docs:  {url}/docs/
Admin: {url}/admin/

The keys, for the examples here, in the README and in the docs:
export INGEST_KEY={credentials["ingestKey"]}
export READ_KEY={credentials["readKey"]}
export PUBLIC_KEY={credentials["publicKey"]}

One event in:
curl -s -X POST {url}/event -H "Authorization: Bearer $INGEST_KEY" \
-H "Content-Type: application/json" -d '{EVENT}'

One as a page sends it, by the key that all may see; under its own name curl is a bot:
curl -s "{url}/event?key=$PUBLIC_KEY" -d '{{"path":"/"}}' -H "Content-Type: text/plain" \
-A "{BROWSER}"

The stats out:
curl -s "{url}/stats?limit=5" -H "Authorization: Bearer $READ_KEY"

The books, from another terminal: make manage ARGS=ledger
A load that proves them: make loadtest
""",
        flush=True,
    )
