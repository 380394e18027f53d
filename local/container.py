"""`python -m local.container [HOST:PORT]`: prepares an installation of Docker Compose.

Safe to run again. The first time it makes up what nobody gave: the secret key, the admin's password
and three API keys. It waits for the stores, makes the replica set of the mongod at HOST:PORT if
there is none, and migrates. All that it made up is kept in SECRETS_DIR, which no other container
sees, and printed once; what the others need of it, the secret key, is in ENVIRONMENT_DIR.
"""

import os
import sys
from pathlib import Path

from local.setup.credentials import Secrets
from local.setup.database import CommandFailed, prepare_database
from local.setup.stores import StoreNotReady, wait_for_stores

REPOSITORY = Path(__file__).resolve().parent.parent
DEFAULT_DIRECTORY = "/var/lib/analytics"
DEFAULT_ENVIRONMENT_DIRECTORY = "/etc/analytics"


def main() -> int:
    directory = Path(os.environ.get("SECRETS_DIR") or DEFAULT_DIRECTORY)
    shared = Path(os.environ.get("ENVIRONMENT_DIR") or DEFAULT_ENVIRONMENT_DIRECTORY)
    secrets = Secrets(directory / "secrets.json", os.environ)
    is_first = not secrets.get("ingestKey")
    write_environment(shared / "secrets.env", secrets)
    environment = {**os.environ, "SECRET_KEY": secrets["secretKey"]}
    try:
        wait_for_stores(environment, member="".join(sys.argv[1:2]))
        prepare_database(REPOSITORY, environment, secrets)
    except (CommandFailed, StoreNotReady) as error:
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
  public key      {secrets["publicKey"]}
  admin           {secrets["adminUser"]}
  admin password  {secrets["adminPassword"]}
""",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
