"""`python -m local.container`: prepares an installation of Docker Compose; safe to run again.

The first time it makes up what nobody gave: the secret key, the admin's password and two API keys.
It migrates, keeps all of that in SECRETS_DIR, which the other containers read, and prints it once.
"""

import os
import sys
from pathlib import Path

from local.credentials import Secrets
from local.setup import CommandFailed, prepare_database

REPOSITORY = Path(__file__).resolve().parent.parent
DEFAULT_DIRECTORY = "/var/lib/analytics"


def main() -> int:
    directory = Path(os.environ.get("SECRETS_DIR") or DEFAULT_DIRECTORY)
    secrets = Secrets(directory / "secrets.json", os.environ)
    is_first = not secrets.get("ingestKey")
    write_environment(directory / "secrets.env", secrets)
    environment = {**os.environ, "SECRET_KEY": secrets["secretKey"]}
    try:
        prepare_database(REPOSITORY, environment, secrets, raise_if_stopped=lambda: None)
    except CommandFailed as error:
        print(error, file=sys.stderr)
        return 1
    if is_first:
        print_credentials(secrets)
    return 0


def write_environment(file: Path, secrets: Secrets) -> None:
    """The secret key as a line of a `.env`; a variable that is set goes before it."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(f"SECRET_KEY={secrets['secretKey']}\n")


def print_credentials(secrets: Secrets) -> None:
    print(
        f"""
Ready. This is shown once; it is kept in the volume `secrets`:
docker compose run --rm setup cat {DEFAULT_DIRECTORY}/secrets.json

  ingest key      {secrets["ingestKey"]}
  read key        {secrets["readKey"]}
  admin           {secrets["adminUser"]}
  admin password  {secrets["adminPassword"]}
""",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
