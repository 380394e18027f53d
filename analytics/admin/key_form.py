"""The form of an API key in the admin: of a new one, secret or public, and of one there is."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from analytics.keys.records import SCOPES
from analytics.projects.models import (
    PUBLIC_BURST_EVENTS,
    PUBLIC_RATE_EVENTS,
    PUBLIC_SCOPES,
    ApiKey,
)

if TYPE_CHECKING:
    ApiKeyModelForm = forms.ModelForm[ApiKey]
else:  # at run time it cannot be subscripted
    ApiKeyModelForm = forms.ModelForm

SECRET, PUBLIC = "secret", "public"
KINDS = (
    (SECRET, "secret: for servers; shown once"),
    (PUBLIC, "public: for web pages and apps, where anyone can read it; it only sends"),
)
_PLAIN = ApiKey()
SECRET_LIMITS = {
    "rate_events_per_second": _PLAIN.rate_events_per_second,
    "burst_events": _PLAIN.burst_events,
}
PUBLIC_LIMITS = {
    "rate_events_per_second": PUBLIC_RATE_EVENTS,
    "burst_events": PUBLIC_BURST_EVENTS,
}


class ApiKeyForm(ApiKeyModelForm):
    field_order = ("project", "kind")  # what is read of the others depends on the kind

    kind = forms.ChoiceField(
        choices=KINDS,
        initial=SECRET,
        required=False,
        widget=forms.RadioSelect,
        help_text="It stays what it is made.",
    )
    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in SCOPES],
        widget=forms.CheckboxSelectMultiple,
        required=False,  # of a public key; `clean_scopes` says so of the others
        help_text="ingest: send events. read: ask for statistics. admin: both, and whatever an "
        "owner may.",
    )
    # Not `revoke`: a page to read shows a field by its name on the key, and calls what it finds.
    revoke_now = forms.BooleanField(
        required=False,
        label="Revoke this key",
        help_text="It is refused everywhere within 10 seconds. This cannot be undone.",
    )

    class Meta:
        model = ApiKey
        fields = ("project", *ApiKey.CHANGEABLE)
        help_texts: ClassVar = {"expires_at": "UTC. Empty: never."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self._is_new():
            self._tell_of_public_keys()

    def clean_kind(self) -> str:
        return self.cleaned_data["kind"] or SECRET

    def clean_scopes(self) -> list[str]:
        if self._is_public():
            return PUBLIC_SCOPES
        scopes: list[str] = self.cleaned_data["scopes"]
        if not scopes:
            raise ValidationError("Choose at least one.")
        return scopes

    def clean_rate_events_per_second(self) -> int | None:
        return self._limit("rate_events_per_second")

    def clean_burst_events(self) -> int | None:
        return self._limit("burst_events")

    def clean_expires_at(self) -> datetime | None:
        """An expired key may be renamed; none is made to have expired before."""
        expires_at: datetime | None = self.cleaned_data["expires_at"]
        if expires_at and "expires_at" in self.changed_data and expires_at <= timezone.now():
            raise ValidationError("This moment is in the past. To end a key now, revoke it.")
        return expires_at

    def clean(self) -> dict[str, Any] | None:
        if self._is_new():
            self.instance.is_public = self._is_public()
        return super().clean()

    def _tell_of_public_keys(self) -> None:
        self.fields["scopes"].help_text += " A public key has ingest, whatever is chosen."
        for name, limit in PUBLIC_LIMITS.items():
            field = self.fields[name]
            field.required, field.initial = False, None
            told = f"Empty: {SECRET_LIMITS[name]:,}, of a public key {limit:,}."
            field.help_text = f"{field.help_text} {told}".strip()

    def _is_new(self) -> bool:
        return not self.instance.pk

    def _is_public(self) -> bool:
        if self._is_new():
            return bool(self.cleaned_data.get("kind") == PUBLIC)
        return bool(self.instance.is_public)

    def _limit(self, name: str) -> int | None:
        """What was written, or else the default of the key's kind."""
        given: int | None = self.cleaned_data[name]
        if given is not None:
            return given
        return (PUBLIC_LIMITS if self._is_public() else SECRET_LIMITS)[name]
