"""`/`: the projects that somebody may look at, with what came in the last 24 hours; a new one."""

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from analytics.admin.project_form import ProjectForm
from analytics.audit import record
from analytics.databases.transactions import transact_models
from analytics.projects.key_mirror import MirrorDelayed
from analytics.projects.models import ApiKey, Project
from analytics.projects.names import NameTaken
from analytics.web.problems import Forbidden, Problem
from dashboard.asking import open_desk
from dashboard.parts.glance import Glance, look_at
from dashboard.parts.settings.forms import keep_fields
from dashboard.web.access import list_visible, may_add_projects, page, user_of
from dashboard.web.navigation import frame
from dashboard.web.saying import note
from people.members.changes import add_member
from people.members.models import Role
from people.saved.pins import list_pinned

SHOWN = 50
PUBLIC_KEY = "Web pages"


@page()
def projects(request: HttpRequest) -> HttpResponse:
    """One project only: straight to it."""
    sought = request.GET.get("q", "").replace("\x00", "").strip()
    visible = list_visible(request)
    if not sought:
        first = list(visible.order_by("name", "id")[:2])
        if len(first) == 1:
            return HttpResponseRedirect(reverse("dashboard:page", args=[first[0].id]))
    found = visible.order_by("name", "id")
    if sought:
        # What it calls `icontains` Django's backend of MongoDB takes for a pattern.
        found = found.filter(name__iregex=re.escape(sought))
    pinned = list_first(request, found)
    shown = [*pinned, *found.exclude(pk__in=[each.pk for each in pinned])[: SHOWN + 1]]
    context = frame(request) | {
        "projects": shown[:SHOWN],
        "pinned": {each.pk for each in pinned},
        "has_more": len(shown) > SHOWN,
        "sought": sought,
        "has_any": bool(shown) or bool(sought),
    }
    return render(request, "dashboard/projects.html", context)


def list_first(request: HttpRequest, found: QuerySet[Project]) -> list[Project]:
    """Those among them that this person has pinned, in the order in which it was done."""
    ids = list_pinned(user_of(request).pk)
    there = {each.pk: each for each in found.filter(pk__in=ids)}
    return [there[each] for each in ids if each in there]


@page()
def glance(request: HttpRequest, project_id: str) -> HttpResponse:
    """One row of `/`: each is asked for by itself, so that none waits for another."""
    project = list_visible(request).filter(pk=project_id).first()
    if project is None:
        return HttpResponse(status=404)
    try:
        context = {"glance": look_at(open_desk(project))}
    except Problem as exc:
        context = {"glance": Glance(problem=exc.detail)}
    return render(request, "dashboard/parts/glance.html", context)


class NewProjectForm(ProjectForm):
    """The admin's, of what one knows at once; more is said in the settings."""

    class Meta:
        model = Project
        fields = ("name", "hostnames", "time_zone")

    origins: Sequence[str] = ()  # that its website has

    def __init__(self, sent: Any = None) -> None:
        super().__init__(sent)
        keep_fields(self, self._meta.fields or ())
        website = self.fields["hostnames"]
        website.widget, website.label = forms.TextInput(), "Website"
        website.help_text = "www.example.com: its pages may send then. Empty: set it later."
        self.fields["time_zone"].help_text = "Its midnights divide the days."

    def clean_hostnames(self) -> list[str]:
        """What its origins could not be, it is not."""
        given: list[str] = self.cleaned_data["hostnames"]
        self.origins = [origin for host in given for origin in list_origins(host)]
        self.instance.allowed_origins = self.origins
        others = {field.name for field in Project._meta.concrete_fields} - {"allowed_origins"}
        try:
            self.instance.clean_fields(exclude=others)
        except ValidationError as wrong:
            raise ValidationError(wrong.messages) from wrong
        return given


@page("GET", "HEAD", "POST")
def new_project(request: HttpRequest) -> HttpResponse:
    if not may_add_projects(request):
        raise Forbidden("You may not make projects.", code="forbidden")
    form = NewProjectForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            project = make_project(request, form)
        except NameTaken as taken:  # by somebody else, at the same moment
            form.add_error("name", taken.messages[0])
        else:
            return HttpResponseRedirect(reverse("dashboard:page", args=[project.id]))
    return render(request, "dashboard/new_project.html", frame(request) | {"form": form})


def make_project(request: HttpRequest, form: NewProjectForm) -> Project:
    """With its maker as owner, a public key, its website's origins allowed. Raises NameTaken."""
    user = user_of(request)
    assert isinstance(user, User)
    given = {name: form.cleaned_data[name] for name in ("name", "hostnames", "time_zone")}

    def work() -> Project:
        project = Project(**given, allowed_origins=form.origins)
        with suppress(MirrorDelayed):
            project.save()
        add_member(project.pk, user, Role.OWNER)
        record(user.get_username(), project.pk, "project.added", project.name)
        return project

    project = transact_models(work)
    key = ApiKey.issue_public(project, PUBLIC_KEY)
    with suppress(MirrorDelayed):  # it stands, and Redis hears of it within the minute
        key.save()
    note(request, key, "Added with its project.", is_new=True)
    return project


def list_origins(hostname: str) -> Sequence[str]:
    """With and without `www.`: people type both."""
    bare = hostname.removeprefix("www.")
    return [f"https://{bare}", f"https://www.{bare}"]
