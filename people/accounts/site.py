"""The admin's door, with the second factor."""

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from analytics.accounts.site import Site as PlainSite
from analytics.audit import record
from people.accounts.forms import AdminSignInForm
from people.accounts.second_factor import lacks_factor


class Site(PlainSite):
    login_form = AdminSignInForm
    login_template = "people/admin_login.html"

    def has_permission(self, request: HttpRequest) -> bool:
        return super().has_permission(request) and not lacks_factor(request)

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Whoever still has to set up a second factor is led there."""
        if super().has_permission(request) and lacks_factor(request):
            return HttpResponseRedirect(reverse("dashboard:second_factor"))
        return super().login(request, extra_context)

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> TemplateResponse:
        response = super().password_change(request, extra_context)
        if request.method == "POST" and response.status_code == HTTPStatus.FOUND:
            name = request.user.get_username()
            record(name, None, "password.changed", name)
        return response
