"""Whose request it is: its API key, and a limit on how often one address may show bad ones.

A good key is served however many bad ones came from its address, which may be that of a whole
company or of a proxy: nobody can lock out a sender, and 256 random bits are not to be guessed.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.conf import settings

from analytics.projects.address_keys import read_address_key, refuse_secret_key
from analytics.projects.failures import FailureLimit, group_address
from analytics.projects.keys import authenticate, note_use, require_scope
from analytics.projects.rates import parse_rate
from analytics.projects.records import KeyRecord
from analytics.projects.refusals import note_refusal
from analytics.web.client_ip import client_ip
from analytics.web.problems import Forbidden, TooManyRequests, Unauthorized

SENDS_EVENTS = "ingest"  # the scope
# A request without a key guesses nothing.
_COUNTED = ("invalid_key", "revoked_key", "expired_key")


def authenticate_request(meta: Mapping[str, Any], *scopes: str) -> KeyRecord:
    """The key of a request, a secret one that has one of `scopes`.

    Raises what `authenticate` and `require_scope` raise, Unauthorized (`key_in_address`), and
    TooManyRequests (`too_many_failures`) in place of another 401 over AUTH_FAILURES_RATE.
    """
    refuse_secret_key(meta)
    record = _authenticate(meta, None)
    if record.public:
        note_refusal(record, Forbidden.default_code)
        raise Forbidden("A public API key may send events, and nothing else.")
    require_scope(record, *scopes)
    note_use(record)
    return record


def authenticate_sender(meta: Mapping[str, Any]) -> KeyRecord:
    """The key of a request that sends events: also a public one, also in the address.

    Raises as `authenticate_request`. The path is one of the doors' own and holds no key.
    """
    address_key = None
    if query := meta.get("QUERY_STRING"):
        refuse_secret_key(meta)
        address_key = read_address_key(query)
    record = _authenticate(meta, address_key)
    require_scope(record, SENDS_EVENTS)
    note_use(record)
    return record


def _authenticate(meta: Mapping[str, Any], address_key: str | None) -> KeyRecord:
    try:
        return authenticate(meta.get("HTTP_AUTHORIZATION"), address_key)
    except Unauthorized as refusal:
        if refusal.code in _COUNTED:
            _count_failure(meta)
        raise


def _count_failure(meta: Mapping[str, Any]) -> None:
    limit = failure_limit(settings.AUTH_FAILURES_RATE)
    if seconds := limit.count(group_address(client_ip(meta))):
        raise TooManyRequests(
            "Too many bad API keys came from this address.",
            code="too_many_failures",
            headers={"Retry-After": str(seconds)},
        )


@cache
def failure_limit(rate: str) -> FailureLimit:
    return FailureLimit("authentication", *parse_rate("AUTH_FAILURES_RATE", rate))
