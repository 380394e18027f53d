"""`/p/<project>/reports`: who is told what and when, how it went, and its changes."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from analytics.keys.rates import count_at_rate
from analytics.projects.models import Project
from analytics.web.problems import BadRequest
from dashboard.asking import read_clock
from dashboard.parts.notices.forms import AlertForm, RuleForm
from dashboard.parts.notices.shown import FORMS, show_rule, tell_moment
from dashboard.web.access import allows, project_page, require_act, user_of
from dashboard.web.navigation import frame
from dashboard.web.notices.telling import (
    ask_addresses,
    ask_again,
    read_secret,
    send_me,
    tell_secrets,
)
from notices.documents import RuleDocument
from notices.outbox.again import try_again
from notices.recipients.consent import forget_rule
from notices.rules import keeping
from notices.rules.asking import Broken, open_desk
from notices.rules.now import signal_looking, signal_sending
from notices.rules.terms import check_draft
from notices.rules.trying import try_alert
from notices.sending.send import can_send_mail
from people.members.roles import Act
from reporting.words.metrics import find_shown

# Alerts tried, and notices sent, because one person asks, in so many seconds: each asks a lot.
ASKINGS = (30, 600)
SHOWN_FIRINGS = 8
SECRET = "secret"  # marks the message that is shown this once


@dataclass(frozen=True, slots=True)
class Tried:
    """What an alert would have said, in words."""

    sentence: str
    firings: list[tuple[str, str]]
    more: int


@dataclass(frozen=True, slots=True)
class _Answer:
    """A form that comes back: refused, or tried. `rule` is empty of a new one."""

    rule: str
    form: RuleForm
    tried: Tried | None = None


@project_page("GET", "HEAD", "POST")
def page(request: HttpRequest, project: Project) -> HttpResponse:
    answer: _Answer | None = None
    if request.method == "POST":
        require_act(request, project, Act.EDIT)
        try:
            answer = _do(request, project)
        except keeping.NoRule:
            raise Http404 from None
        if answer is None:
            return HttpResponseRedirect(request.path)
    return render(request, "dashboard/reports.html", _gather(request, project, answer))


def _gather(request: HttpRequest, project: Project, answer: _Answer | None) -> dict[str, Any]:
    now = read_clock()
    zone = open_desk(project, now).zone
    may_change = allows(request, project, Act.EDIT)
    rules = []
    for kept in keeping.list_kept(project, now):
        form: RuleForm | None = None
        if may_change:
            is_its = answer is not None and answer.rule == kept.rule["_id"]
            form = answer.form if is_its and answer else _form(project, kept.rule["kind"], kept)
        rules.append(show_rule(project, kept, zone, form=form))
    new = {kind: make(project) for kind, make in FORMS.items()}
    if answer and not answer.rule:
        new[answer.form.kind] = answer.form
    said = list(messages.get_messages(request))
    return frame(request, project, "reports") | {
        "rules": rules,
        "new_report": new["report"],
        "new_alert": new["alert"],
        "is_open": answer.form.kind if answer and not answer.rule else "",
        "tried": answer.tried if answer else None,
        "tried_rule": answer.rule if answer else None,
        "may_change": may_change,
        "has_mail": can_send_mail(),
        "my_address": getattr(user_of(request), "email", ""),
        "zone": str(zone),
        "said": [each for each in said if each.extra_tags != SECRET],
        "secrets": [read_secret(each) for each in said if each.extra_tags == SECRET],
    }


def _form(project: Project, kind: str, kept: keeping.Kept) -> RuleForm:
    return FORMS[kind](project, rule=kept.rule)


def _do(request: HttpRequest, project: Project) -> _Answer | None:
    """A form that is to be shown again. Raises NoRule, BadRequest and TooManyRequests."""
    act, rule_id = request.POST.get("act", ""), request.POST.get("rule", "")
    by = user_of(request).get_username()
    match act:
        case "add" | "change":
            rule = keeping.find(project, rule_id) if act == "change" else None
            return _save(request, project, rule)
        case "pause":
            keeping.pause(project, rule_id, by, read_clock())
            messages.success(request, "It is paused: nobody is told of it.")
        case "resume":
            keeping.resume(project, rule_id, by, read_clock())
            signal_looking()
            messages.success(request, "It goes on from now.")
        case "remove":
            keeping.remove(project, rule_id, by)
            forget_rule(project.id_bytes, rule_id)
            messages.success(request, "It is removed.")
        case "now":
            _count(request, project)
            send_me(request, project, keeping.find(project, rule_id))
        case "ask":
            ask_again(request, project, keeping.find(project, rule_id))
        case "retry":
            if not try_again(project.id_bytes, request.POST.get("notice", "")):
                raise Http404
            signal_sending()
            messages.success(request, "It is tried again.")
        case _:
            raise BadRequest("There is no such form.")
    return None


def _save(request: HttpRequest, project: Project, rule: RuleDocument | None) -> _Answer | None:
    rule_id = rule["_id"] if rule else ""
    kind = rule["kind"] if rule else request.POST.get("kind", "")
    if kind not in FORMS:
        raise BadRequest("There is no such form.")
    form = FORMS[kind](project, request.POST, rule)
    if not form.is_valid():
        return _Answer(rule_id, form)
    now, by = read_clock(), user_of(request).get_username()
    draft = form.write_draft()
    try:
        if "try" in request.POST and isinstance(form, AlertForm):
            _count(request, project)
            check_draft(open_desk(project, now), draft)
            return _Answer(rule_id, form, _try(project, form))
        known = {target["secret"] for target in _hooks(rule)}
        saved = (
            keeping.change(project, rule_id, draft, by, now)
            if rule
            else keeping.add(project, draft, by, now)
        )
    except ValidationError as exc:
        form.refuse(exc)
        return _Answer(rule_id, form)
    except Broken as exc:
        form.add_error(None, str(exc))
        return _Answer(rule_id, form)
    signal_looking()
    messages.success(request, "It is saved.")
    ask_addresses(request, project, saved)
    for hook in _hooks(saved):
        if hook["secret"] not in known and hook["shape"] == "plain":
            tell_secrets(request, hook, SECRET)
    return None


def _hooks(rule: Any) -> list[Any]:
    targets = rule["targets"] if rule else []
    return [target for target in targets if target["kind"] == "webhook"]


def _try(project: Project, form: AlertForm) -> Tried:
    """Raises Broken, and what asking does."""
    desk = open_desk(project, read_clock())
    terms = form.write_terms(form.cleaned_data)
    found = try_alert(desk, terms)
    days = max(1, round((desk.now - found.start).total_seconds() / 86_400))
    times = len(found.firings)
    often = {0: "not once", 1: "once", 2: "twice"}.get(times, f"{times} times")
    shown = find_shown(terms["metric"])
    firings = [
        (
            tell_moment(firing.at, desk.zone),
            "" if firing.value is None else shown.write(firing.value),
        )
        for firing in reversed(found.firings)
    ]
    return Tried(
        sentence=f"In the last {days} days it would have fired {often}.",
        firings=firings[:SHOWN_FIRINGS],
        more=max(0, times - SHOWN_FIRINGS),
    )


def _count(request: HttpRequest, project: Project) -> None:
    """Raises TooManyRequests."""
    subject = f"{user_of(request).pk} {project.pk}"
    refusal = "This is asked too often here. Try again in a few minutes."
    count_at_rate(request, subject, "dashboard notices", ASKINGS, refusal)
