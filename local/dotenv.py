"""`.env`, read as the service reads it: a variable of the environment goes before it."""

from pathlib import Path

from environ import Env

FILE = Path(__file__).resolve().parent.parent / ".env"


def read_dotenv(file: Path = FILE) -> None:
    """Into the environment of this process, and so of what it starts."""
    if file.is_file():
        Env.read_env(str(file))
