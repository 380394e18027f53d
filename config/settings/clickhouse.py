"""Settings of ClickHouse (docs/clickhouse.md)."""

import re
from importlib.util import find_spec
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from config.settings.environment import read_text, read_whole

_CLICKHOUSE_MODULES = ("clickhouse_connect", "sqlglot")


def read_clickhouse_url(name: str) -> str:
    """The address of ClickHouse's HTTP interface, that wants its packages to be there.

    It may hold a password, so no error shows it.
    """
    value = read_text(name)
    if not value:
        return value
    wanted = f"{name} must be like https://user:password@host:8443"
    try:
        url = urlsplit(value)
        is_right = url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError:
        is_right = False
    if not is_right or url.query or url.fragment or url.path not in ("", "/"):
        raise ImproperlyConfigured(wanted)
    missing = [module for module in _CLICKHOUSE_MODULES if find_spec(module) is None]
    if missing:
        raise ImproperlyConfigured(
            f"{name} needs `pip install -r requirements-clickhouse.txt`: there is no {missing[0]}"
        )
    return value


def read_clickhouse_files(name: str) -> str:
    """How ClickHouse names the folder of the segments: a whole path of its own, or an address;
    empty: as we do."""
    value = read_text(name).rstrip("/")
    if not value:
        return value
    is_plain = re.fullmatch(r"[^\s'\\{}*?\[\]]+", value)
    if not is_plain or not value.startswith(("/", "http://", "https://", "s3://")):
        raise ImproperlyConfigured(
            f"{name} must be a whole path, or begin with https:// or s3://, and be no pattern"
        )
    return value


def read_name(name: str) -> str:
    """Letters, digits, - and _, or nothing."""
    value = read_text(name)
    if not re.fullmatch(r"[\w-]*", value, re.ASCII):
        raise ImproperlyConfigured(f"{name} must be of letters, digits, - and _, not {value!r}")
    return value


# Who answers questions out of the segments instead of this process; empty: nobody.
CLICKHOUSE_URL: str = read_clickhouse_url("CLICKHOUSE_URL")
# Where it finds the segments, the cluster whose members share the reading (empty: none), and the
# memory in MB that a question may take there.
CLICKHOUSE_FILES: str = read_clickhouse_files("CLICKHOUSE_FILES")
CLICKHOUSE_CLUSTER: str = read_name("CLICKHOUSE_CLUSTER")
CLICKHOUSE_MEMORY_MB: int = read_whole("CLICKHOUSE_MEMORY_MB", 4_096, least=64)
# The threads that a question may take on each server; 0: as many as ClickHouse gives it.
CLICKHOUSE_THREADS: int = read_whole("CLICKHOUSE_THREADS", 0, least=0)
