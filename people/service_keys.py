"""Keys of the service: for scripts that make projects, and may do in each what an owner may.

They look like secret API keys, so that all that hides those hides these; no door for events or
reports knows them. Only the SHA-256 of their text is kept.
"""

import hmac
from datetime import datetime, timedelta

from django.db import models
from django.utils import timezone

from analytics.databases import mongo
from analytics.keys.key_text import digest_key, display_prefix, generate_key, read_key_id
from analytics.projects.endings import Ending
from people.saved.ids import validate_name

USE_NOTED = timedelta(minutes=1)


class ServiceKey(Ending):
    """Revoked, never deleted: the audit log names them."""

    id = models.CharField(primary_key=True, db_column="_id", max_length=8, editable=False)
    name = models.CharField(
        max_length=100, validators=[validate_name], help_text="What uses this key."
    )
    digest = models.CharField(max_length=64, editable=False)
    created_by = models.CharField(max_length=150, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: never.")
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        db_table = mongo.SERVICE_KEYS
        ordering = ("-created_at",)
        verbose_name = "service key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"

    @property
    def prefix(self) -> str:
        """How the key is named where its secret must not be seen."""
        return display_prefix(self.id)

    def clean(self) -> None:
        self.check_expiry()

    def assign_secret(self) -> str:
        """Give a key that was not saved yet its id and digest; its text, to be shown once."""
        if not self._state.adding:
            raise ValueError("a saved key keeps its secret; make a new key")
        key = generate_key()
        self.id, self.digest = key.key_id, key.digest.hex()
        return key.text

    def revoke(self) -> None:
        """Refuse it from now on; there is no copy of it anywhere."""
        if self.revoked_at is None:
            self.revoked_at = timezone.now()
            self.save(update_fields=["revoked_at"])

    def note_use(self, now: datetime) -> None:
        """Once a minute."""
        if self.last_used_at is None or self.last_used_at + USE_NOTED <= now:
            type(self).objects.filter(pk=self.pk).update(last_used_at=now)


def issue_service_key(
    name: str, created_by: str, expires_at: datetime | None = None
) -> tuple[ServiceKey, str]:
    """A new key, validated and not yet saved, and its text. Raises ValidationError."""
    key = ServiceKey(name=name.strip(), created_by=created_by, expires_at=expires_at)
    text = key.assign_secret()
    key.full_clean()
    return key, text


def find_service_key(text: str) -> ServiceKey | None:
    """The key of this text, whatever its state; None where there is none."""
    key_id = read_key_id(text)
    key = ServiceKey.objects.filter(pk=key_id).first() if key_id else None
    if key is None or not hmac.compare_digest(key.digest, digest_key(text).hex()):
        return None
    return key
