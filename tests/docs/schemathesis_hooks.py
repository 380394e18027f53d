"""What schemathesis needs to be told: how a body of NDJSON is made from the document's string."""

from typing import Any

import schemathesis


@schemathesis.serializer(
    "application/x-ndjson", "application/ndjson",
    "application/jsonl", "application/jsonlines", "application/x-jsonlines",
)  # fmt: skip
def write_lines(context: Any, value: Any) -> bytes:
    return str(value).encode("utf-8", "surrogatepass")
