"""Share links: made, found by their token, used and revoked."""

import re
import secrets
from datetime import datetime
from hmac import compare_digest

from django.db.models import F
from django.utils import timezone

from analytics.projects.models import Project
from people.links import digest_token
from people.shares.models import ShareLink

TOKEN_BYTES = 16
_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")  # of these bytes in base64url, without padding
_ID_CHARS = 16


def draw_token() -> str:
    return secrets.token_urlsafe(TOKEN_BYTES)


def id_of_token(token: str) -> str:
    """What the link of a token is called by members and in the store."""
    return digest_token(token)[:_ID_CHARS]


def add_link(link: ShareLink, token: str | None = None) -> str:
    """Store a new link; its token, which is known nowhere else from here on."""
    token = token or draw_token()
    link.digest = digest_token(token)
    link.pk = id_of_token(token)
    link.save(force_insert=True)
    return token


def find_link(token: str, now: datetime) -> ShareLink | None:
    """The link that a token opens, with its project, if it does so still."""
    link = _look_up(token)
    if link is None or link.state_at(now) != "active":
        return None
    project = Project.objects.filter(pk=link.project_id, deleted_at=None).first()
    if project is None:
        return None
    link.project = project
    return link


def was_given(token: str) -> bool:
    """Whether it is of a link, also of one that opens nothing any more."""
    return _look_up(token) is not None


def _look_up(token: str) -> ShareLink | None:
    if not _TOKEN.fullmatch(token):
        return None
    digest = digest_token(token)
    link: ShareLink | None = ShareLink.objects.filter(pk=digest[:_ID_CHARS]).first()
    return link if link and compare_digest(link.digest, digest) else None


def list_links(project: Project) -> list[ShareLink]:
    """Those of a project that open something still, then the others; the newest first."""
    links = list(ShareLink.objects.filter(project=project))
    return sorted(links, key=lambda link: link.state != "active")


def revoke_link(link: ShareLink) -> bool:
    """From the next request on it opens nothing; whether it did until now."""
    theirs = ShareLink.objects.filter(pk=link.pk, revoked_at=None)
    return bool(theirs.update(revoked_at=timezone.now()))


def note_use(link: ShareLink, now: datetime) -> None:
    """Somebody opened its page."""
    ShareLink.objects.filter(pk=link.pk).update(uses=F("uses") + 1, last_used_at=now)
