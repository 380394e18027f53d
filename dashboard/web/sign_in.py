"""The door: signing in with the admin's limits, and out."""

from typing import Any

from django.contrib.auth import logout
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from analytics.accounts.site import refuse_while_locked
from people.accounts.forms import CodeSignInForm


class SignIn(LoginView):
    """Leads on to where somebody came from, on this host only."""

    http_method_names = ("get", "head", "post")
    template_name = "dashboard/sign_in.html"
    form_class = CodeSignInForm
    redirect_authenticated_user = True

    def get_default_redirect_url(self) -> str:
        return reverse("dashboard:projects")

    def form_invalid(self, form: Any) -> HttpResponse:
        return refuse_while_locked(form, super().form_invalid(form))


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return HttpResponseRedirect(reverse("dashboard:sign_in"))
