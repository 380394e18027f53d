"""Before the first event: what to do so that it comes, and what was refused meanwhile."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest
from redis.exceptions import RedisError

from analytics.keys.refusals import read_refusals
from analytics.projects.models import ApiKey, Project

MAX_REASONS = 5

# What to do about what newcomers meet with; every code is in docs/http-api.md.
_ADVICE = {
    "origin_not_allowed": "a page whose origin the project does not allow",
    "missing_field": "neither path nor url is in it",
    "invalid_json": "the body is no JSON",
    "unsupported_media_type": "Content-Type must be text/plain or application/json",
    "missing_scope": "the key may not send events",
    "https_required": "it came over plain HTTP",
    "revoked_key": "the key was revoked",
    "timestamp_too_old": "its timestamp is older than the key may send",
}


@dataclass(frozen=True, slots=True)
class Refused:
    code: str
    times: int
    advice: str


def show_snippets(request: HttpRequest, project: Project) -> dict[str, Any]:
    """With the oldest public key that works."""
    keys = ApiKey.objects.filter(project=project, is_public=True).order_by("created_at", "pk")
    key = next((key.text for key in keys if key.state == "active"), "")
    return {
        "public_key": key,
        "origin": request.build_absolute_uri("/").rstrip("/"),
        "origins": project.allowed_origins,
        "refused": list_refused(project),
    }


def list_refused(project: Project) -> Sequence[Refused]:
    """Why events of today (UTC) were refused, the most frequent first; none without Redis."""
    try:
        found = read_refusals(project.partition, project.pk)
    except RedisError:
        return ()
    today = datetime.now(UTC).date()
    counts: Counter[str] = Counter()
    for each in found:
        if each.day == today:
            counts[each.reason] += each.times
    return [
        Refused(code, times, _ADVICE.get(code, ""))
        for code, times in counts.most_common(MAX_REASONS)
    ]
