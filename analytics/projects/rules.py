"""The rules of a project: how long events are kept, what pages and apps may send, what counts."""

from collections.abc import Collection
from typing import Any, Self

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django_mongodb_backend.fields import ArrayField

from analytics.events.event import MAX_EVENT_NAME_CHARS, MAX_PATH_CHARS
from analytics.keys.origins import MAX_ORIGIN_CHARS, MAX_ORIGINS, validate_origin
from analytics.projects.excluded import (
    MAX_NETWORK_CHARS,
    validate_host_pattern,
    validate_network,
    validate_path,
)
from analytics.projects.hostnames import MAX_HOSTNAME_CHARS, validate_hostname
from analytics.projects.zones import DEFAULT_ZONE, MAX_ZONE_CHARS, validate_zone

MAX_HOSTNAMES = 100
MAX_ALLOWED_NAMES = 500
MAX_EXCLUDED = 100  # of each kind
MAX_PROPERTY_NAME_CHARS = 256
HOURS_PER_DAY = 24
MAX_PUBLIC_AGE_HOURS = 30 * HOURS_PER_DAY

ORIGINS_HELP = (
    "Web pages that may send events, one origin a line: https://www.example.com, "
    "https://*.example.com, or * for any. Empty: browsers let no page of another site send, "
    "and with a public key none may."
)

# What a project has that a release without these rules made, also after `migrate`.
_WITHOUT_RULES: dict[str, Any] = {
    "time_zone": DEFAULT_ZONE,
    "leaves_out_bots": False,
    "tidies_addresses": False,
    "honours_do_not_track": False,
    "public_max_age_hours": HOURS_PER_DAY,
}
_LISTS = (
    "zones",
    "hostnames",
    "allowed_events",
    "allowed_properties",
    "allowed_origins",
    "excluded_addresses",
    "excluded_paths",
    "excluded_hostnames",
)


def _list_of(most_chars: int, most: int, help_text: str, **kwargs: Any) -> ArrayField:
    return ArrayField(
        models.CharField(max_length=most_chars, **kwargs),
        max_size=most,
        default=list,
        blank=True,
        help_text=help_text,
    )


class PageRules(models.Model):
    """What pages and apps may send, which hold a key that anyone can read."""

    allowed_origins = _list_of(
        MAX_ORIGIN_CHARS, MAX_ORIGINS, ORIGINS_HELP, validators=[validate_origin]
    )
    allowed_events = _list_of(
        MAX_EVENT_NAME_CHARS,
        MAX_ALLOWED_NAMES,
        "Names of events that public keys may send, one a line; pageview and names that begin "
        "with $ always may. Empty: any.",
    )
    allowed_properties = _list_of(
        MAX_PROPERTY_NAME_CHARS,
        MAX_ALLOWED_NAMES,
        "Properties that public keys may send, one a line; others are left out. Empty: any.",
    )
    public_max_age_hours = models.PositiveIntegerField(
        "oldest timestamp by public keys (hours)",
        default=HOURS_PER_DAY,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_PUBLIC_AGE_HOURS)],
    )
    public_quota_events_per_month = models.PositiveBigIntegerField(
        "quota of public keys (events per month)",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Empty: 80 % of the project's quota.",
    )

    class Meta:
        abstract = True

    def clean(self) -> None:
        super().clean()
        quota: int | None = getattr(self, "quota_events_per_month", None)
        public_quota = self.public_quota_events_per_month
        if quota is not None and public_quota is not None and public_quota > quota:
            text = "Public keys cannot have more than the project's quota."
            raise ValidationError({"public_quota_events_per_month": text})

    @property
    def public_quota(self) -> int | None:
        """Events a month that may come by public keys; None: no limit."""
        quota: int | None = getattr(self, "quota_events_per_month", None)
        if self.public_quota_events_per_month is not None:
            return self.public_quota_events_per_month
        return None if quota is None else max(1, quota * 4 // 5)


class ExcludingRules(models.Model):
    """What is answered `excluded` where it comes in, and kept nowhere."""

    excluded_addresses = _list_of(
        MAX_NETWORK_CHARS,
        MAX_EXCLUDED,
        "Events from these addresses and networks are not counted, one a line: 203.0.113.7, "
        "198.51.100.0/24, 2001:db8::/32. Those of your own office, for instance.",
        validators=[validate_network],
    )
    excluded_paths = _list_of(
        MAX_PATH_CHARS,
        MAX_EXCLUDED,
        "Events of these pages are not counted, one path a line, without query; * stands for "
        "anything: /admin/*, *.php.",
        validators=[validate_path],
    )
    excluded_hostnames = _list_of(
        MAX_HOSTNAME_CHARS,
        MAX_EXCLUDED,
        "Events of pages at these hostnames are not counted, one a line: staging.example.com, "
        "*.test.example.com.",
        validators=[validate_host_pattern],
    )

    class Meta:
        abstract = True


class RowsOfBefore(models.Model):
    """Reads the row of a project that says nothing of its rules as one that has none."""

    class Meta:
        abstract = True

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[str], values: Collection[Any]) -> Self:
        project = super().from_db(db, field_names, values)
        read = project.__dict__
        for name in (*_WITHOUT_RULES, *_LISTS):
            if name in read and read[name] is None:
                read[name] = _WITHOUT_RULES.get(name, [])
        return project


class CountingRules(models.Model):
    """What of the events counts, and in whose days."""

    time_zone = models.CharField(
        max_length=MAX_ZONE_CHARS,
        default=DEFAULT_ZONE,
        validators=[validate_zone],
        help_text="Whose days anonymous visitors are counted by: Europe/Berlin. A change takes "
        "effect at the next midnight there.",
    )
    zones = models.JSONField(default=list, editable=False)
    leaves_out_bots = models.BooleanField(
        "leave bots out",
        default=True,
        help_text="Of views, events and visitors; they are kept, and reported by themselves.",
    )
    tidies_addresses = models.BooleanField(
        "tidy addresses",
        default=True,
        help_text="Paths without query and fragment, in one spelling; campaigns are read before.",
    )
    honours_do_not_track = models.BooleanField(
        "honour Do Not Track",
        default=True,
        help_text="Events of browsers that send DNT or GPC name nobody.",
    )
    hostnames = _list_of(
        MAX_HOSTNAME_CHARS,
        MAX_HOSTNAMES,
        "The project's own, one a line. Events that name another are kept as those of bots are. "
        "Empty: any.",
        validators=[validate_hostname],
    )

    class Meta:
        abstract = True

    def clean(self) -> None:
        super().clean()
        if len(set(self.hostnames or ())) < len(self.hostnames or ()):
            raise ValidationError({"hostnames": "A hostname is there twice."})
