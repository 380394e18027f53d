"""Read variables of the environment and of `.env`; a wrong value is an error with its name.

Where a number, a flag or a choice is wanted, an empty value is none.
"""

import math
import os
from importlib import import_module
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from environ import Env

_FILE = Path(__file__).resolve().parent.parent / ".env"
_FLAGS = {"true": True, "1": True, "yes": True, "on": True,
          "false": False, "0": False, "no": False, "off": False}  # fmt: skip
_TRACING_MODULES = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http")

if _FILE.is_file():
    Env.read_env(str(_FILE))


def read_text(name: str, default: str = "") -> str:
    """As it stands there: a secret may begin with anything."""
    return os.environ.get(name, default)


def read_list(name: str, default: list[str]) -> list[str]:
    """Separated by commas."""
    if name not in os.environ:
        return default
    return [text.strip() for text in os.environ[name].split(",") if text.strip()]


def read_flag(name: str) -> bool:
    """False where it is not given."""
    text = read_text(name) or "false"
    if text.lower() not in _FLAGS:
        raise ImproperlyConfigured(f"{name} must be true or false, not {text!r}")
    return _FLAGS[text.lower()]


def read_whole(name: str, default: int, least: int = 0, most: int = 2**53) -> int:
    """A whole number in these bounds."""
    text = read_text(name) or str(default)
    if not text.isascii() or not text.isdecimal() or not least <= int(text) <= most:
        bounds = f"of at least {least}" if most == 2**53 else f"from {least} to {most}"
        raise ImproperlyConfigured(f"{name} must be a whole number {bounds}, not {text!r}")
    return int(text)


def read_positive(name: str, default: int) -> int:
    """A whole number of at least 1."""
    return read_whole(name, default, least=1)


def read_port(name: str, default: int) -> int:
    return read_whole(name, default, most=65_535)


def read_number(name: str, default: float, most: float = math.inf) -> float:
    """A number above 0."""
    text = read_text(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= most or math.isinf(value):
        bounds = "" if math.isinf(most) else f" and up to {most:g}"
        raise ImproperlyConfigured(f"{name} must be a number above 0{bounds}, not {text!r}")
    return value


def read_choice(name: str, default: str, choices: tuple[str, ...]) -> str:
    value = read_text(name) or default
    if value not in choices:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(choices)}, not {value!r}")
    return value


def read_redis_url(name: str, default: str) -> str:
    return _read_address(name, default, ("redis://", "rediss://", "unix://"))


def read_mongo_uri(name: str, default: str) -> str:
    return _read_address(name, default, ("mongodb://", "mongodb+srv://"))


def _read_address(name: str, default: str, beginnings: tuple[str, ...]) -> str:
    """It may hold a password, so no error shows it."""
    value = read_text(name) or default
    if not value.startswith(beginnings):
        raise ImproperlyConfigured(f"{name} must begin with {' or '.join(beginnings)}")
    return value


def read_folder(name: str, default: Path) -> Path:
    """A folder, by its path or a `file://` URL of this machine."""
    value = read_text(name) or str(default)
    path = value.removeprefix("file://")
    if "://" in path or not path.startswith("/"):
        raise ImproperlyConfigured(f"{name} must be the whole path of a folder, not {value!r}")
    return Path(path)


def read_networks(name: str, default: list[str]) -> list[IPv4Network | IPv6Network]:
    """Addresses and networks, separated by commas."""
    try:
        return [ip_network(text) for text in read_list(name, default)]
    except ValueError as exc:
        raise ImproperlyConfigured(f"{name}: {exc}") from exc


def read_traces(name: str) -> bool:
    """A flag that wants the packages of OpenTelemetry to be there."""
    is_wanted = read_flag(name)
    try:
        for module in _TRACING_MODULES if is_wanted else ():
            import_module(module)
    except ImportError as exc:
        raise ImproperlyConfigured(
            f"{name} needs `pip install -r requirements-otel.txt`, and {exc}"
        ) from exc
    return is_wanted
