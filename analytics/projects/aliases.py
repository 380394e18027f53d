"""Aliases of a project: names that clients of other vendors send in the place of a key.

No two projects have one alias. What comes by it has the rules of a public key, and is counted as
the alias's own. Saving one also writes its mirror in Redis (alias_mirror.py).
"""

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import IntegrityError, models
from django.db.models import F
from django.utils import timezone

from analytics.events.ids import now_ms
from analytics.keys.aliases import ALIAS_KINDS, MAX_ALIAS_CHARS, spell_alias
from analytics.keys.key_text import digest_alias, generate_alias_id
from analytics.projects.models import (
    MAX_RATE_EVENTS,
    MIN_BURST_EVENTS,
    PUBLIC_BURST_EVENTS,
    PUBLIC_RATE_EVENTS,
    PUBLIC_SCOPES,
    ApiKey,
    Project,
)

MAX_KIND_CHARS = 16


class AliasTaken(ValidationError):
    """Some project has this alias already; which one, nobody is told."""

    def __init__(self) -> None:
        super().__init__("This alias is taken.")


class Alias(models.Model):
    """One name that a client sends, of one kind: `plausible:example.com`."""

    CHANGEABLE = ("rate_events_per_second", "burst_events")

    name = models.CharField(
        primary_key=True,
        db_column="_id",
        max_length=MAX_KIND_CHARS + 1 + MAX_ALIAS_CHARS,
        editable=False,
    )
    key_id = models.CharField(max_length=16, default=generate_alias_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="aliases")
    kind = models.CharField(max_length=MAX_KIND_CHARS)
    value = models.CharField(max_length=MAX_ALIAS_CHARS)
    rate_events_per_second = models.PositiveIntegerField(
        "rate (events per second)",
        default=PUBLIC_RATE_EVENTS,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_RATE_EVENTS)],
    )
    burst_events = models.PositiveIntegerField(
        "burst (events)",
        default=PUBLIC_BURST_EVENTS,
        validators=[MinValueValidator(MIN_BURST_EVENTS), MaxValueValidator(MAX_RATE_EVENTS)],
        help_text="How many events may come at once.",
    )
    # An alias may be removed, and be another project's later: its records must be later as well.
    revision = models.PositiveBigIntegerField(default=now_ms, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "aliases"
        ordering = ("name",)
        verbose_name_plural = "aliases"

    def __str__(self) -> str:
        return self.name

    @classmethod
    def parse(cls, project: Project, text: str) -> "Alias":
        """A new alias from `KIND:VALUE`, validated and not yet saved. Raises ValidationError."""
        kind, _, value = text.strip().partition(":")
        alias = cls(project=project, kind=kind.strip(), value=value.strip())
        alias.full_clean(validate_unique=False)
        return alias

    def clean(self) -> None:
        if self.project_id and self.project.deleted_at:
            raise ValidationError("This project was deleted.")
        if self.kind not in ALIAS_KINDS:
            raise ValidationError({"kind": f"Kinds are {', '.join(ALIAS_KINDS)}."})
        spelled = spell_alias(self.kind, self.value)
        if spelled is None:
            example = ALIAS_KINDS[self.kind].example
            raise ValidationError({"value": f"No such alias can be: write it as {example}."})
        self.value = spelled
        self.name = f"{self.kind}:{spelled}"
        taken = Alias.objects.filter(pk=self.name).exclude(project=self.project_id)
        if self._state.adding and taken.exists():
            raise AliasTaken

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """Raises AliasTaken, also where another project took it at the same moment."""
        if self._state.adding:
            try:
                super().save(*args, **{**kwargs, "force_insert": True})
            except IntegrityError as exc:
                raise AliasTaken from exc
            return
        self.revision = F("revision") + 1
        super().save(*args, update_fields={*self.CHANGEABLE, "revision"}, **kwargs)
        self.refresh_from_db(fields=["revision"])

    @property
    def digest(self) -> bytes:
        """What it is mirrored by."""
        return digest_alias(self.kind, self.value)

    def as_key(self) -> ApiKey:
        """The public key whose rules it has, which is never saved."""
        return ApiKey(
            id=self.key_id,
            project=self.project,
            name=self.name,
            digest=self.digest.hex(),
            is_public=True,
            scopes=PUBLIC_SCOPES,
            rate_events_per_second=self.rate_events_per_second,
            burst_events=self.burst_events,
            revision=self.revision,
        )
