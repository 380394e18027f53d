"""The door of the pages, and that of the admin, with one lock on both.

Failed sign-ins are counted per address, per name from one address, and per name from anywhere.
The last bound is wide: with a narrow one anybody could keep an operator out.
"""

import threading
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from analytics.accounts.groups import group_models
from analytics.audit import record
from analytics.keys.failures import FailureLimit, group_address
from analytics.web.client_ip import client_ip

LOCKED_SECONDS = 900
BY_ADDRESS = FailureLimit("sign-in by address", 20, LOCKED_SECONDS)
BY_NAME_AND_ADDRESS = FailureLimit("sign-in by name and address", 5, LOCKED_SECONDS)
BY_NAME = FailureLimit("sign-in by name", 100, LOCKED_SECONDS)

# One password at a time in a process: of many at once all would be let in before the first failure
# is counted, and hashing them, which holds up the process, would hold it up for all of them.
_looking = threading.Lock()
WAIT_SECONDS = 10.0
BUSY_SECONDS = 60


class LimitedSignInForm(AuthenticationForm):
    """Looks at the password only if the sender has not failed too often."""

    request: HttpRequest
    locked_seconds = 0

    def clean(self) -> Any:
        if not _looking.acquire(timeout=WAIT_SECONDS):
            self.locked_seconds = BUSY_SECONDS
            raise ValidationError("Too many sign-ins at once. Try again in a minute.")
        try:
            return self._look_at_password()
        finally:
            _looking.release()

    def _look_at_password(self) -> Any:
        limits = self._limits()
        self.locked_seconds = max(limit.check(subject) for limit, subject in limits)
        if self.locked_seconds:
            minutes = -(-self.locked_seconds // 60)
            text = f"Too many failed attempts. Try again in {minutes} minutes."
            raise ValidationError(text)
        try:
            cleaned = super().clean()
            self.look_at_code()
        except ValidationError:
            for limit, subject in limits:
                limit.count(subject)
            note_failure(self.request, str(self.cleaned_data.get("username", "")))
            raise
        return cleaned

    def look_at_code(self) -> None:
        """Where there is a second factor. Raises ValidationError, which counts like the others."""

    def _limits(self) -> list[tuple[FailureLimit, str]]:
        address = group_address(client_ip(self.request.META))
        name = str(self.cleaned_data.get("username", "")).casefold()
        return [
            (BY_ADDRESS, address),
            (BY_NAME_AND_ADDRESS, f"{name} {address}"),
            (BY_NAME, name),
        ]


def note_failure(request: HttpRequest, name: str) -> None:
    """In the audit log, of accounts there are: what else is typed there may be a password."""
    if User.objects.filter(username=name).exists():
        record(client_ip(request.META) or "unknown", None, "signin.failed", name)


def refuse_while_locked(form: object, response: HttpResponse) -> HttpResponse:
    """429 where the form did not look at a password."""
    if isinstance(form, LimitedSignInForm) and form.locked_seconds:
        response.status_code = 429
        response["Retry-After"] = str(form.locked_seconds)
    return response


class Site(AdminSite):
    site_header = site_title = "Event analytics"
    enable_nav_sidebar = False  # the lists need the width

    def get_urls(self) -> list[Any]:
        """Without the way to an object's public page: none has one, and odd ids broke it."""
        return [url for url in super().get_urls() if getattr(url, "name", "") != "view_on_site"]

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Of all apps by what people do; of one as Django has it."""
        apps: list[Any] = super().get_app_list(request, app_label)
        return apps if app_label else group_models(apps, reverse("admin:index"))

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        response = super().login(request, extra_context)
        form = (getattr(response, "context_data", None) or {}).get("form")
        return refuse_while_locked(form, response)
