"""Projects that somebody wants first: at most nine, for the keys 1 to 9."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from analytics.databases import mongo
from analytics.projects.models import Project
from people.saved.models import TooMany

MOST_PINS = 9


class Pin(models.Model):
    """A project that somebody wants first on the list of theirs; its id says whose and which."""

    id = models.CharField(primary_key=True, db_column="_id", max_length=64, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", editable=False
    )
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+", editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = mongo.PINS
        ordering = ("created_at", "id")


def list_pinned(user_id: Any) -> list[str]:
    """The ids of this person's pinned projects, the first one pinned first."""
    return list(Pin.objects.filter(user_id=user_id).values_list("project_id", flat=True))


def pin(user_id: Any, project_id: str) -> None:
    """Harmless where it is pinned. Raises TooMany.

    Two of these at the same moment may make ten: nine are shown, and the tenth follows them.
    """
    pin_id = _name(user_id, project_id)
    others = Pin.objects.filter(user_id=user_id, project__deleted_at=None).exclude(pk=pin_id)
    if others.count() >= MOST_PINS:
        raise TooMany(f"You have pinned {MOST_PINS} projects: unpin one first.")
    Pin.objects.update_or_create(pk=pin_id, defaults={"user_id": user_id, "project_id": project_id})


def unpin(user_id: Any, project_id: str) -> None:
    Pin.objects.filter(pk=_name(user_id, project_id)).delete()


def _name(user_id: Any, project_id: str) -> str:
    return f"{user_id}:{project_id}"
