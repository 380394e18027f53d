"""Read variables of the environment and of `.env`; a wrong value is an error with its name."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

_FILE = Path(__file__).resolve().parent.parent / ".env"

env = environ.Env()
env.prefix = ""
if _FILE.is_file():
    env.read_env(str(_FILE))


def read_positive(name: str, default: int) -> int:
    """A whole number of at least 1."""
    value: int = env.int(name, default=default)
    if value < 1:
        raise ImproperlyConfigured(f"{name} must be a whole number of at least 1, not {value}")
    return value


def read_choice(name: str, default: str, choices: tuple[str, ...]) -> str:
    value: str = env.str(name, default=default)
    if value not in choices:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}, not {value!r}")
    return value


def read_networks(name: str, default: list[str]) -> list[IPv4Network | IPv6Network]:
    """Addresses and networks, separated by commas."""
    try:
        return [ip_network(text.strip()) for text in env.list(name, default=default)]
    except ValueError as exc:
        raise ImproperlyConfigured(f"{name}: {exc}") from exc
