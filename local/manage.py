"""`python -m local.manage COMMAND ...`: manage.py on the servers of a running `make run`."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from local.dotenv import read_dotenv

REPOSITORY = Path(__file__).resolve().parent.parent
# What a credentials file calls it, and what the settings call it.
ADDRESSES = {
    "redisUrl": "REDIS_URL",
    "brokerUrl": "BROKER_URL",
    "cacheUrl": "CACHE_URL",
    "mongoUri": "MONGO_URI",
    "columnsUrl": "COLUMNS_URL",
    "exportsDir": "EXPORTS_DIR",
    "importsDir": "IMPORTS_DIR",
}


def main() -> int:
    read_dotenv()
    data_directory = Path(os.environ.get("DATA_DIR") or REPOSITORY / ".local").absolute()
    try:
        environment = build_environment(data_directory, os.environ)
    except FileNotFoundError:
        print(f"Nothing was run in {data_directory} yet: `make run` first.", file=sys.stderr)
        return 1
    command = [sys.executable, "manage.py", *sys.argv[1:]]
    try:
        return subprocess.run(command, cwd=REPOSITORY, env=environment, check=False).returncode
    except KeyboardInterrupt:  # the command had it, too, and has said what it had to say
        return 130


def build_environment(directory: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Raises FileNotFoundError."""
    credentials = json.loads((directory / "credentials.json").read_text())
    secrets = json.loads((directory / "secrets.json").read_text())
    return {
        **environment,
        "DATA_DIR": str(directory),
        "SECRET_KEY": secrets["secretKey"],
        **{variable: credentials[name] for name, variable in ADDRESSES.items()},
    }


if __name__ == "__main__":
    sys.exit(main())
