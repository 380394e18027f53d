"""Whose an event is: projects and their API keys, the models behind the admin.

Saving either also writes the mirror in Redis (key_mirror.py); when only that fails, the save
raises MirrorDelayed and stands.
"""

import secrets
import zlib
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F
from django.utils import timezone
from django_mongodb_backend.fields import ArrayField

from analytics.events.ids import PROJECT_ID_BYTES
from analytics.keys.key_text import display_prefix, generate_key
from analytics.keys.records import SCOPES
from analytics.projects.endings import Ending
from analytics.projects.keeping import KeepingRules
from analytics.projects.names import UniquelyNamed
from analytics.projects.rules import (
    CountingRules,
    ExcludingRules,
    PageRules,
    RowsOfBefore,
)
from analytics.projects.zones import begin_with, change_zone, read_zones, write_zones

# A request carries up to 1,000 events, and an allowance must be able to take it.
MIN_BURST_EVENTS = 1_000
MAX_RATE_EVENTS = 1_000_000
MAX_QUOTA_EVENTS = 10**12
PUBLIC_SCOPES = ["ingest"]
PUBLIC_RATE_EVENTS = 200
PUBLIC_BURST_EVENTS = 1_000


def make_project_id() -> str:
    return secrets.token_hex(PROJECT_ID_BYTES)


def validate_scopes(scopes: Iterable[str]) -> None:
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise ValidationError(f"Scopes are one or more of {', '.join(SCOPES)}.")


class IpRule(models.TextChoices):
    """What becomes of a client's IP address before anything is written to MongoDB."""

    KEEP = "keep", "Keep"
    TRUNCATE = "truncate", "Truncate the last octet (IPv4) or 80 bits (IPv6)"
    DROP = "drop", "Drop"


class Project(KeepingRules, CountingRules, PageRules, ExcludingRules, RowsOfBefore, UniquelyNamed):
    """Whom events belong to. Its partition is fixed at its creation.

    The row of a deleted project stays, so that its id is never given to another.
    """

    id = models.CharField(
        primary_key=True, db_column="_id", max_length=16, default=make_project_id, editable=False
    )
    is_active = models.BooleanField(
        "active", default=True, help_text="The keys of an inactive project are refused."
    )
    quota_events_per_month = models.PositiveBigIntegerField(
        "quota (events per month)",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_QUOTA_EVENTS)],
        help_text="Empty: no limit.",
    )
    ip_rule = models.CharField(
        "IP addresses", max_length=8, choices=IpRule.choices, default=IpRule.TRUNCATE
    )
    partition = models.PositiveIntegerField(editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "projects"
        ordering = ("name", "id")

    def __str__(self) -> str:
        return f"{self.name} ({self.id})"

    @property
    def id_bytes(self) -> bytes:
        """The id as it stands in events, keys and entries: 8 bytes."""
        return bytes.fromhex(self.id)

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self._state.adding:
            self.retention_applied_days = self.retention_days
            self.zones = write_zones(begin_with(self.time_zone))
            if self.partition is None:
                self.partition = zlib.crc32(self.id_bytes) % settings.STREAM_PARTITIONS
        elif kwargs.get("update_fields") is None:
            # A form that was opened before the deletion must not undo it, nor a round of retention.
            names = {field.name for field in self._meta.concrete_fields}
            kwargs["update_fields"] = names - {"id", "deleted_at", "retention_applied_days"}
        changing = {"retention_days", "columns_retention_days"}
        if not changing.isdisjoint(kwargs.get("update_fields") or ()):
            self.note_retention()
            kwargs["update_fields"] = {*kwargs["update_fields"], "raw_since", "columns_since"}
        if "time_zone" in (kwargs.get("update_fields") or ()):
            stored = Project.objects.filter(pk=self.pk).values_list("zones", flat=True).first()
            zones = change_zone(read_zones(stored), self.time_zone, timezone.now())
            self.zones = write_zones(zones)
            kwargs["update_fields"] = {*kwargs["update_fields"], "zones"}
        super().save(*args, **kwargs)

    def stop(self) -> None:
        """Mark as deleted: no key of it is good any more, nor can one be made."""
        self.is_active = False
        self.deleted_at = self.deleted_at or timezone.now()
        self.save(update_fields=["is_active", "deleted_at"])


class ApiKey(Ending):
    """A key of a project. Of a secret one only the SHA-256 of its text is kept.

    A public key stands in web pages and apps: its text is kept, to be shown, and it may do
    nothing but send events, within limits of its own.

    Keys are revoked, never deleted: the revoked record in the mirror is what keeps a slow
    restore from bringing the key back.
    """

    # What a later save may change. Never `revoked_at`: a form that was opened before a
    # revocation must not undo it.
    CHANGEABLE = ("name", "scopes", "rate_events_per_second", "burst_events", "expires_at")

    id = models.CharField(primary_key=True, db_column="_id", max_length=8, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="keys")
    name = models.CharField(max_length=100, help_text="What uses this key.")
    digest = models.CharField(max_length=64, editable=False)
    is_public = models.BooleanField("public", default=False, editable=False)
    text = models.CharField(max_length=64, blank=True, default="", editable=False)
    scopes = ArrayField(
        models.CharField(max_length=16, choices=[(scope, scope) for scope in SCOPES]),
        validators=[validate_scopes],
    )
    rate_events_per_second = models.PositiveIntegerField(
        "rate (events per second)",
        default=10_000,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_RATE_EVENTS)],
    )
    burst_events = models.PositiveIntegerField(
        "burst (events)",
        default=10_000,
        validators=[MinValueValidator(MIN_BURST_EVENTS), MaxValueValidator(MAX_RATE_EVENTS)],
        help_text="How many events may come at once.",
    )
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: never.")
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revision = models.PositiveBigIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "api_keys"
        ordering = ("-created_at",)
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"

    @property
    def prefix(self) -> str:
        """How the key is named where its secret must not be seen."""
        return display_prefix(self.id, public=self.is_public)

    @property
    def kind(self) -> str:
        """`secret` or `public`; a key stays what it was made."""
        return "public" if self.is_public else "secret"

    def clean(self) -> None:
        if self.project_id and self.project.deleted_at:
            raise ValidationError("This project was deleted.")
        self.check_expiry()
        if self.is_public and list(self.scopes or ()) != PUBLIC_SCOPES:
            raise ValidationError("A public key may send events, and nothing else.")

    def assign_secret(self, key_id: str | None = None) -> str:
        """Give a key that was not saved yet its id and digest; returns its text.

        That of a secret key can be shown now, and never again. `key_id` is one that was drawn
        for this key before.
        """
        if not self._state.adding:
            raise ValueError("a saved key keeps its secret; make a new key")
        key = generate_key(public=self.is_public, key_id=key_id)
        self.id, self.digest = key.key_id, key.digest.hex()
        self.text = key.text if self.is_public else ""
        return key.text

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        if self._state.adding:
            super().save(*args, update_fields=update_fields, **{**kwargs, "force_insert": True})
            return
        try:
            self.revision = F("revision") + 1
            super().save(
                *args, update_fields={*(update_fields or self.CHANGEABLE), "revision"}, **kwargs
            )
        finally:
            self.refresh_from_db(fields=["revision", "revoked_at"])

    def revoke(self) -> None:
        """Refuse the key from now on, everywhere within 10 seconds; cannot be undone."""
        if self.revoked_at is None:
            self.revoked_at = timezone.now()
        self.save(update_fields=["revoked_at"])

    @classmethod
    def issue(
        cls, project: Project, name: str, scopes: Iterable[str], **fields: Any
    ) -> tuple["ApiKey", str]:
        """A new key, validated and not yet saved, and its text."""
        key = cls(project=project, name=name, scopes=list(dict.fromkeys(scopes)), **fields)
        text = key.assign_secret()
        key.full_clean()
        return key, text

    @classmethod
    def issue_public(cls, project: Project, name: str, **fields: Any) -> "ApiKey":
        """A new public key, validated and not yet saved, within the limits of public keys."""
        limits = {
            "rate_events_per_second": PUBLIC_RATE_EVENTS,
            "burst_events": PUBLIC_BURST_EVENTS,
            **fields,
        }
        return cls.issue(project, name, PUBLIC_SCOPES, is_public=True, **limits)[0]
