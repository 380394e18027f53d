"""What lets somebody in until it is revoked, or until a moment of its own: keys, share links."""

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone


class Ending(models.Model):
    """Whether it is good still. The fields are those of the model itself."""

    expires_at: Any
    revoked_at: Any

    class Meta:
        abstract = True

    @property
    def state(self) -> str:
        """`active`, `revoked` or `expired`."""
        return self.state_at(timezone.now())

    def state_at(self, now: datetime) -> str:
        if self.revoked_at:
            return "revoked"
        return "expired" if self.expires_at and self.expires_at <= now else "active"

    def check_expiry(self) -> None:
        """Raises ValidationError for a new one that would never be good."""
        if self._state.adding and self.state == "expired":
            raise ValidationError({"expires_at": "This moment is in the past."})
