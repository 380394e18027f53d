"""The manifest beside an export of ours: whether the file is the one that it tells of."""

import json
from pathlib import Path
from typing import Any

from exchange.incoming.job import Received


class BadManifest(ValueError):
    """The file is another one, or the manifest is none."""


def check_manifest(path: Path, received: Received) -> None:
    """Compare the sums, where there is a manifest beside the file. Raises BadManifest."""
    beside = path.with_name(f"{path.name}.manifest.json")
    if not beside.is_file():
        return
    try:
        manifest: Any = json.loads(beside.read_text("utf-8"))
        [told] = manifest["files"]
        expected = told["bytes"], told["sha256"]
    except (OSError, ValueError, LookupError, TypeError) as exc:
        raise BadManifest(f"{beside} is no manifest of an export: {exc!r}") from None
    if expected != (received.bytes, received.sha256):
        raise BadManifest(
            f"{path} is not the file that {beside.name} tells of: it was changed, or cut short."
        )
