"""The country of an address."""

from functools import cache

import maxminddb
from django.conf import settings


def find_country(ip: str) -> str | None:
    """ISO 3166 code of the country of `ip`, if GEOIP_PATH names a database that knows it."""
    database = _geoip()
    if database is None:
        return None
    try:
        record: object = database.get(ip)
    except ValueError:  # an IPv6 address, and a database of IPv4 alone
        return None
    country = record.get("country") if isinstance(record, dict) else None
    code = country.get("iso_code") if isinstance(country, dict) else None
    return code if isinstance(code, str) else None


@cache
def _geoip() -> maxminddb.Reader | None:
    return maxminddb.open_database(settings.GEOIP_PATH) if settings.GEOIP_PATH else None
