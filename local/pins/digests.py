"""`python -m local.pins.digests`: pins the images by the digests of their tags at their registry.

A tag may be moved; a digest names one content, of all platforms. It is written into the Dockerfile
and docker-compose.yml beside the tag, which goes on saying what it is. Run again, it renews them.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
FILES = ("Dockerfile", "docker-compose.yml")
ANSWER_SECONDS = 120
# Our own image is built here and stands in no registry.
_IMAGE = re.compile(
    r"(?m)^(FROM |    image: )(?!analytics-service)([\w./-]+:[\w.-]+)"
    r"(?:@sha256:[0-9a-f]{64})?(?!\S)"
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class LookupFailed(Exception):
    """A digest that was not to be had; the message says why."""


def main() -> int:
    texts = {name: (REPOSITORY / name).read_text() for name in FILES}
    try:
        digests = {image: look_up(image) for image in list_images(texts.values())}
    except LookupFailed as error:
        print(f"{error}\nNothing was changed.", file=sys.stderr)
        return 1
    for name, text in texts.items():
        (REPOSITORY / name).write_text(pin_images(text, digests))
    print("\n".join(f"{image}@{digest}" for image, digest in digests.items()))
    return 0


def list_images(texts: Iterable[str]) -> list[str]:
    """With their tags, each once."""
    return sorted({image for text in texts for _, image in _IMAGE.findall(text)})


def look_up(image: str) -> str:
    """Of the index, which names the image of each platform. Raises LookupFailed."""
    command = ["docker", "buildx", "imagetools", "inspect", image, "--format", "{{json .Manifest}}"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=ANSWER_SECONDS, check=True
        )
        digest = str(json.loads(done.stdout)["digest"])
    except subprocess.CalledProcessError as error:
        raise LookupFailed(f"{image}: {error.stderr.strip()}") from error
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError) as error:
        raise LookupFailed(f"{image}: {type(error).__name__}: {error}") from error
    if not _DIGEST.fullmatch(digest):
        raise LookupFailed(f"{image}: {digest!r} is no digest")
    return digest


def pin_images(text: str, digests: Mapping[str, str]) -> str:
    return _IMAGE.sub(lambda found: f"{found[1]}{found[2]}@{digests[found[2]]}", text)


if __name__ == "__main__":
    sys.exit(main())
