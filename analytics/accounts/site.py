"""The admin, with a lock on its door.

Failed sign-ins are counted per address, per name from one address, and per name from anywhere.
The last bound is wide: with a narrow one anybody could keep an operator out.
"""

import threading
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse

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


class SignInForm(AdminAuthenticationForm):
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
            return super().clean()
        except ValidationError:
            for limit, subject in limits:
                limit.count(subject)
            raise

    def _limits(self) -> list[tuple[FailureLimit, str]]:
        address = group_address(client_ip(self.request.META))
        name = str(self.cleaned_data.get("username", "")).casefold()
        return [
            (BY_ADDRESS, address),
            (BY_NAME_AND_ADDRESS, f"{name} {address}"),
            (BY_NAME, name),
        ]


class Site(AdminSite):
    site_header = site_title = "Event analytics"
    login_form = SignInForm
    enable_nav_sidebar = False  # the lists need the width

    def get_urls(self) -> list[Any]:
        """Without the way to an object's public page: none has one, and odd ids broke it."""
        return [url for url in super().get_urls() if getattr(url, "name", "") != "view_on_site"]

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        response = super().login(request, extra_context)
        form = (getattr(response, "context_data", None) or {}).get("form")
        if isinstance(form, SignInForm) and form.locked_seconds:
            response.status_code = 429
            response["Retry-After"] = str(form.locked_seconds)
        return response
