"""Segments, funnels and goals: what has a name in one project, and can be deleted.

What has an `owner` is that person's own; without one it is shared by the project's members.
"""

from typing import Any, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone

from analytics.databases import mongo
from analytics.events.event import MAX_EVENT_NAME_CHARS, MAX_PATH_CHARS
from analytics.projects.models import Project
from analytics.projects.names import normalise_name
from analytics.projects.rules import MAX_PROPERTY_NAME_CHARS
from people.saved.ids import draw_id, refer, validate_name

MAX_NAME_CHARS = 100
MAX_FILTERS = 20
MAX_FILTER_CHARS = 8_000
MAX_QUESTION_CHARS = 8_000
MAX_CONDITIONS = 10
# Of a project, or of a person in a project.
MOST_SAVED = 100
MOST_GOALS = 20


class TooMany(ValidationError):
    """A project, or a person in it, has as many as there can be."""


class Saved(models.Model):
    """A name for something, in one project."""

    id = models.CharField(
        primary_key=True, db_column="_id", max_length=8, default=draw_id, editable=False
    )
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+", editable=False)
    name = models.CharField(max_length=MAX_NAME_CHARS, validators=[validate_name])
    created_by = models.CharField(max_length=150, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # A deleted one keeps its name alone: addresses that name it are told so.
    deleted_at = models.DateTimeField(null=True, editable=False)

    kind = ""
    most = MOST_SAVED

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name

    @property
    def reference(self) -> str:
        """How an address names it."""
        return refer(self.name, self.id)

    @classmethod
    def of_project(cls, project_id: str) -> "QuerySet[Self]":
        """Those that are not deleted, by their names."""
        rows: QuerySet[Self] = cls._default_manager.filter(project_id=project_id, deleted_at=None)
        return rows.order_by("name", "id")

    def beside(self) -> "QuerySet[Self]":
        """Those that share its list."""
        return type(self).of_project(self.project_id)

    def clean(self) -> None:
        """Raises TooMany, and ValidationError for a name that another one has."""
        super().clean()
        self.name = self.name.strip()
        rows = list(self.beside())
        others = [row for row in rows if row.pk != self.pk]
        is_new_there = len(others) == len(rows)  # also what was private, and is shared now
        if is_new_there and len(others) >= self.most:
            raise TooMany(f"There are {self.most} already: delete one first.")
        key = normalise_name(self.name)
        if any(normalise_name(row.name) == key for row in others):
            raise ValidationError({"name": f"There is a {self.kind} of this name."})

    def discard(self) -> None:
        """Delete it; its name is kept for the addresses that have it."""
        self.deleted_at = timezone.now()
        self.save(update_fields=["deleted_at", *self.forget()])

    def forget(self) -> tuple[str, ...]:
        """Empty what it held; the names of these fields."""
        return ()


class Owned(Saved):
    """One person's own, or without an owner shared."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        related_name="+",
        editable=False,
    )

    class Meta:
        abstract = True

    @property
    def is_shared(self) -> bool:
        return self.owner_id is None  # type: ignore[attr-defined]

    @classmethod
    def seen_by(cls, project_id: str, user_id: Any) -> "QuerySet[Self]":
        """What is shared, and what is this person's own."""
        return cls.of_project(project_id).filter(Q(owner=None) | Q(owner_id=user_id))

    def beside(self) -> "QuerySet[Self]":
        return super().beside().filter(owner_id=self.owner_id)  # type: ignore[attr-defined]


class Segment(Owned):
    """Filters under a name, each as an address has it: `is:country:DE,FR`."""

    filters = models.JSONField(default=list)

    kind = "segment"

    class Meta:
        db_table = mongo.SAVED_SEGMENTS

    def clean(self) -> None:
        super().clean()
        texts = self.filters if isinstance(self.filters, list) else []
        if not 1 <= len(texts) <= MAX_FILTERS or sum(map(len, texts)) > MAX_FILTER_CHARS:
            raise ValidationError({"filters": f"A segment has 1 to {MAX_FILTERS} filters."})

    def forget(self) -> tuple[str, ...]:
        self.filters = []
        return ("filters",)


class SavedFunnel(Owned):
    """A question of the funnels page, as its address has it: `s=page:/&s=page:/pricing`."""

    question = models.TextField(max_length=MAX_QUESTION_CHARS)

    kind = "funnel"

    class Meta:
        db_table = mongo.SAVED_FUNNELS

    def forget(self) -> tuple[str, ...]:
        self.question = ""
        return ("question",)


class Goal(Saved):
    """What a project is for: an event that is sent, or a page that is viewed.

    `conditions` are filters of its properties, as an address has them. The revenue is the sum of
    the numbers at the property `amount_key`, by the texts at `currency_key`.
    """

    class What(models.TextChoices):
        EVENT = "event", "An event"
        PAGE = "page", "A page"
        UNDER = "under", "Pages that begin with"

    what = models.CharField(max_length=8, choices=What.choices, default=What.EVENT)
    value = models.CharField("event or path", max_length=MAX_PATH_CHARS)
    conditions = models.JSONField(default=list, blank=True)
    amount_key = models.CharField(
        "property with the revenue",
        max_length=MAX_PROPERTY_NAME_CHARS,
        blank=True,
        help_text="A number that its events have, as amount. Empty: no revenue.",
    )
    currency_key = models.CharField(
        "property with the currency",
        max_length=MAX_PROPERTY_NAME_CHARS,
        blank=True,
        default="currency",
        help_text="A text like EUR. Sums of different currencies are never added.",
    )

    kind = "goal"
    most = MOST_GOALS

    class Meta:
        db_table = mongo.GOALS

    def clean(self) -> None:
        super().clean()
        self.value = self.value.strip()
        if self.what == self.What.EVENT:
            if len(self.value) > MAX_EVENT_NAME_CHARS:
                told = f"Names of events have up to {MAX_EVENT_NAME_CHARS} characters."
                raise ValidationError({"value": told})
        elif not self.value.startswith("/"):
            raise ValidationError({"value": "A path begins with /."})
        if len(self.conditions or ()) > MAX_CONDITIONS:
            told = f"A goal has up to {MAX_CONDITIONS} conditions."
            raise ValidationError({"conditions": told})
        if self.amount_key and not self.currency_key:
            told = "Say which property has the currency."
            raise ValidationError({"currency_key": told})
