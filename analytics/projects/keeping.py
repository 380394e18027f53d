"""How long a project keeps its events: raw ones, and their copy in columns."""

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from analytics.databases.mongo import collection
from analytics.projects.horizon import columns_horizon

MIN_RETENTION_DAYS = 2
MAX_RETENTION_DAYS = 36_500

_BOUNDS = [MinValueValidator(MIN_RETENTION_DAYS), MaxValueValidator(MAX_RETENTION_DAYS)]


class KeepingRules(models.Model):
    """How long events are kept."""

    retention_days = models.PositiveIntegerField(
        "retention (days)",
        null=True,
        blank=True,
        validators=_BOUNDS,
        help_text="How long raw events are kept; empty: for ever. Counts stay.",
    )
    columns_retention_days = models.PositiveIntegerField(
        "retention in columns (days)",
        null=True,
        blank=True,
        validators=_BOUNDS,
        help_text="How long their copy is kept that answers questions, without addresses and user "
        "agents; at least as long. Empty: as long. Beyond the raw events it is all there is.",
    )
    raw_since = models.DateTimeField(null=True, editable=False)
    columns_since = models.DateTimeField(null=True, editable=False)
    retention_applied_days = models.PositiveIntegerField(null=True, editable=False)

    class Meta:
        abstract = True

    def clean(self) -> None:
        super().clean()
        if self.columns_retention_days is None:
            return
        if self.retention_days is None:
            text = "Raw events are kept for ever, and their copy is kept as long."
        elif self.columns_retention_days < self.retention_days:
            text = "The copy is kept at least as long as raw events are."
        else:
            return
        raise ValidationError({"columns_retention_days": text})

    @property
    def columns_horizon(self) -> datetime | None:
        """From when on the columns hold all events; None: from ever."""
        return columns_horizon(
            self.retention_days, self.raw_since, self.columns_retention_days, self.columns_since
        )

    def note_retention(self) -> None:
        """What a shorter retention let go does not come back when it grows.

        And stored events have the retention from before until `apply_retention` has changed it.
        """
        before = type(self)._default_manager.filter(pk=self.pk).first()
        if before is None:
            return
        if before.retention_days != self.retention_days:
            collection(self._meta.db_table).update_one(
                {"_id": self.pk, "retention_applied_days": {"$exists": False}},
                {"$set": {"retention_applied_days": before.retention_days}},
            )
        self.columns_since = max(
            filter(None, (self.columns_since, before.columns_horizon)), default=None
        )
        known = [moment for moment in (self.raw_since, before.raw_since) if moment]
        if before.retention_days is not None and (
            self.retention_days is None or self.retention_days > before.retention_days
        ):
            known.append(timezone.now() - timedelta(days=before.retention_days))
        self.raw_since = max(known, default=None)
