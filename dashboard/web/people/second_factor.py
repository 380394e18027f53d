"""`/account/second-factor`: set it up with an app, renew its recovery codes, take it off."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe

from analytics.audit import record
from analytics.web.problems import BadRequest, TooManyRequests
from dashboard.web.access import page as signed_in_page
from dashboard.web.access import user_of
from dashboard.web.navigation import frame
from dashboard.web.people.own_password import WithPassword
from people.accounts import second_factor as factor
from people.accounts.models import SecondFactor
from people.accounts.picture import draw_secret

# In a session, until its code was typed once.
SECRET = "new_second_factor"


@signed_in_page("GET", "HEAD", "POST", before_factor=True)
def page(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    assert isinstance(user, User)
    found = SecondFactor.objects.filter(pk=user.pk).first()
    context = frame(request) | {
        "next": read_next(request),
        "is_required": settings.SECOND_FACTOR_REQUIRED,
    }
    if request.method == "POST":
        act = (CHANGES if found else {"set_up": set_up}).get(request.POST.get("section", ""))
        if act is None:
            raise BadRequest("There is no such section.")
        done = act(request, user)
        if isinstance(done, HttpResponse):
            return done
        context |= done
        found = SecondFactor.objects.filter(pk=user.pk).first()
    if found is None:
        secret = request.session.setdefault(SECRET, factor.make_secret())
        # Made of our own letters and digits, and the name within them is drawn, not written.
        context |= {"secret": secret, "picture": mark_safe(draw_secret(secret, user))}
    context |= {"factor": found, "codes_left": len(found.recovery) if found else 0}
    return render(request, "dashboard/people/second_factor.html", context)


def read_next(request: HttpRequest) -> str:
    """Where to go on afterwards, on this host only."""
    given = request.POST.get("next", request.GET.get("next", ""))
    is_ours = url_has_allowed_host_and_scheme(given, {request.get_host()}, request.is_secure())
    return given if is_ours else reverse("dashboard:account")


def set_up(request: HttpRequest, user: User) -> dict[str, Any]:
    form = WithPassword(user, request.POST)
    if not form.is_valid():
        return {"wrong": form.errors["password"][0]}
    secret = request.session.get(SECRET, "")
    codes = factor.set_up(user, secret, request.POST.get("code", "")) if secret else []
    if not codes:
        return {"wrong": "This is not the code of now. Look at the app, and type it again."}
    request.session.cycle_key()  # all sessions were ended
    del request.session[SECRET]
    request.session[factor.SHOWN] = True
    return {"codes": codes}


def renew(request: HttpRequest, user: User) -> dict[str, Any]:
    if not take_code(request, user):
        return {"wrong": "This code is not right, or it was used already."}
    return {"codes": factor.renew_recovery_codes(user)}


def remove(request: HttpRequest, user: User) -> dict[str, Any] | HttpResponse:
    if settings.SECOND_FACTOR_REQUIRED:
        raise BadRequest("A second factor is required here.")
    if not take_code(request, user):
        return {"wrong": "This code is not right, or it was used already."}
    factor.remove_factor(user, user.get_username())
    request.session.cycle_key()  # all sessions were ended
    request.session[factor.SHOWN] = False
    return HttpResponseRedirect(reverse("dashboard:account"))


CHANGES = {"renew": renew, "remove": remove}


def take_code(request: HttpRequest, user: User) -> bool:
    """Raises TooManyRequests."""
    if seconds := factor.CODES.check(str(user.pk)):
        raise TooManyRequests(
            "Too many wrong codes. Wait a quarter of an hour.",
            headers={"Retry-After": str(seconds)},
        )
    if factor.take_code(user, request.POST.get("code", "")):
        return True
    factor.CODES.count(str(user.pk))
    record(user.get_username(), None, "second_factor.failed", user.get_username())
    return False
