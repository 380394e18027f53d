"""A share link, as it is stored."""

from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django_mongodb_backend.fields import ArrayField

from analytics.databases import mongo
from analytics.keys.origins import validate_origin
from analytics.projects.endings import Ending
from analytics.projects.models import Project
from people.shares.shared import PANELS
from reporting.questions.language.periods import PERIODS

MAX_NAME_CHARS = 100
MAX_ORIGIN_CHARS = 255
MAX_ORIGINS = 20


class ShareLink(Ending):
    """Who has its address sees a part of a project, until it expires or is revoked.

    Its address holds a token of 128 bits, of which only the SHA-256 is kept. `restriction` is a
    condition on single events, as JSON of the query language: other events are not there. The
    first window is `period`, or the days `[start, end)` where that is empty.
    """

    # What a form may change. Never `revoked_at`: one that was opened before must not undo it. The
    # password is changed by itself.
    CHANGEABLE = (
        "name", "panels", "restriction", "period", "start", "end", "may_choose_window",
        "expires_at", "origins",
    )  # fmt: skip

    id = models.CharField(primary_key=True, db_column="_id", max_length=16, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="share_links")
    name = models.CharField(max_length=MAX_NAME_CHARS)
    panels = ArrayField(models.CharField(max_length=16), blank=True, default=list)
    restriction = models.TextField(blank=True, default="")
    period = models.CharField(max_length=16, blank=True, default="28d")
    start = models.CharField(max_length=10, blank=True, default="")
    end = models.CharField(max_length=10, blank=True, default="")
    may_choose_window = models.BooleanField(default=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    password = models.CharField(max_length=256, blank=True, default="", editable=False)
    origins = ArrayField(models.CharField(max_length=MAX_ORIGIN_CHARS), blank=True, default=list)
    uses = models.PositiveBigIntegerField(default=0, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.CharField(max_length=150, default="", editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        db_table = mongo.SHARE_LINKS
        ordering = ("-created_at", "id")

    def __str__(self) -> str:
        return f"{self.name} ({self.id})"

    def clean(self) -> None:
        """Raises ValidationError, by the names of fields where it is of one."""
        wrong: dict[str, Any] = {}
        if unknown := sorted(set(self.panels) - set(PANELS)):
            wrong["panels"] = f"{', '.join(unknown)}: none of {', '.join(PANELS)}."
        if self.period and self.period not in PERIODS:
            wrong["period"] = f"{self.period} is none of {', '.join(PERIODS)}."
        elif not self.period and not _are_days(self.start, self.end):
            wrong["end"] = "Days of one's own have a first one and a later end, as 2026-11-30."
        if len(self.origins) > MAX_ORIGINS:
            wrong["origins"] = f"At most {MAX_ORIGINS} origins."
        else:
            try:
                for origin in self.origins:
                    validate_frame(origin)
            except ValidationError as exc:
                wrong["origins"] = exc.messages
        if wrong:
            raise ValidationError(wrong)
        if self.password and self.origins:
            raise ValidationError(
                "A link with a password cannot be embedded: in a frame there is no cookie to "
                "remember it by. Give it a password, or origins that may frame it."
            )

    @property
    def may_be_framed(self) -> bool:
        return bool(self.origins) and not self.password


def validate_frame(origin: str) -> None:
    """Raises ValidationError for what is no origin of pages that may frame a link's."""
    if not origin.startswith(("https://", "http://")):
        raise ValidationError(f"{origin} is not an origin like https://www.example.com.")
    validate_origin(origin)


def _are_days(start: str, end: str) -> bool:
    try:
        return date.fromisoformat(start) < date.fromisoformat(end)
    except ValueError:
        return False
