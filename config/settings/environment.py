"""Read variables of the environment and of `.env`; a wrong value is an error with its name.

Where a number, a flag or a choice is wanted, an empty value is none.
"""

import math
import os
import re
import sys
from email.utils import getaddresses
from importlib import import_module
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from environ import Env

BASE_DIR = Path(__file__).resolve().parent.parent.parent

_FILE = BASE_DIR / ".env"
_FLAGS = {"true": True, "1": True, "yes": True, "on": True,
          "false": False, "0": False, "no": False, "off": False}  # fmt: skip
_BUCKETS = ("s3://", "gs://", "az://")
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


def read_number(
    name: str, default: float, most: float = math.inf, *, may_be_0: bool = False
) -> float:
    """A number above 0, or also 0."""
    text = read_text(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    is_0 = may_be_0 and value == 0
    if not (is_0 or 0 < value <= most) or math.isinf(value):
        bounds = "" if math.isinf(most) else f" and up to {most:g}"
        least = "from 0" if may_be_0 else "above 0"
        raise ImproperlyConfigured(f"{name} must be a number {least}{bounds}, not {text!r}")
    return value


def count_cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def read_script_name(name: str, default: str) -> str:
    """The name of a script, as it stands in an address."""
    value = read_text(name) or default
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}\.js", value):
        raise ImproperlyConfigured(f"{name} must be a name such as stats.js, not {value!r}")
    return value


def read_mail_address(name: str, wanted_by: str = "") -> str:
    """One address, also with a name before it; empty where none is given, and nothing wants it."""
    value = read_text(name).strip()
    if wanted_by and not value:
        raise ImproperlyConfigured(f"{name} is required where {wanted_by} is set")
    addresses = [address for _, address in getaddresses([value])]
    is_one = len(addresses) == 1 and re.fullmatch(r"[^@\s]+@[^@\s]+", addresses[0])
    if value and not (is_one and value.isprintable()):
        raise ImproperlyConfigured(f"{name} must be an address of mail, not {value!r}")
    return value


def read_public_url(name: str) -> str:
    """An origin, perhaps with a path, without a slash at its end; empty where none is given."""
    value = read_text(name).strip().rstrip("/")
    if value and not re.fullmatch(r"https?://[\w.-]+(?::[0-9]+)?(?:/[\w./~-]*)?", value, re.ASCII):
        raise ImproperlyConfigured(f"{name} must be like https://stats.example.com, not {value!r}")
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


def read_columns_url(name: str, default: Path) -> Path | str:
    """As `read_folder`, or the URL of a bucket and of what is ours in it."""
    value = read_text(name)
    if not value.startswith(_BUCKETS):
        return read_folder(name, default)
    if not re.fullmatch(r"[a-z0-9]+://[A-Za-z0-9._-]+(/[A-Za-z0-9!_.*'()=+-]+)*/?", value):
        raise ImproperlyConfigured(
            f"{name} must name a bucket and what is ours in it, as s3://bucket/prefix, not "
            f"{value!r}; keys stand in variables of their own"
        )
    return value.rstrip("/")


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
