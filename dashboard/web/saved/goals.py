"""`/p/<project>/goals`: the panel of goals; and their section of the settings."""

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from analytics.audit import record
from analytics.projects.models import Project
from dashboard.asking import open_desk
from dashboard.parts.saved.forms import GoalForm
from dashboard.parts.saved.goals import describe, show_goals
from dashboard.web.access import allows, project_page, require_act, user_of
from dashboard.web.saying import SectionAct, tell
from dashboard.web.viewing import look
from people.members.roles import Act
from people.saved.models import Goal

SECTION = "goals"
ADD, CHANGE, REMOVE = "goal", "goal-change", "goal-remove"


@dataclass(frozen=True, slots=True)
class Row:
    """Of the settings: a goal with its form."""

    goal: Goal
    about: str
    form: BaseForm


@project_page()
def panel(request: HttpRequest, project: Project) -> HttpResponse:
    view = look(request, desk := open_desk(project))
    context = {
        "project": project,
        "view": view,
        "goals": show_goals(desk, view, Goal.of_project(project.pk)),
    }
    return render(request, "dashboard/parts/goals.html", context)


def list_rows(project: Project, tried: BaseForm | None) -> list[Row]:
    """With the form that was refused in its place."""
    rows = []
    for goal in Goal.of_project(project.pk):
        form: BaseForm = GoalForm(project, goal=goal)
        if isinstance(tried, GoalForm) and tried.instance.pk == goal.pk:
            form = tried
        rows.append(Row(goal, describe(goal), form))
    return rows


def gather(request: HttpRequest, project: Project, tried: BaseForm | None) -> dict[str, Any]:
    """What the section of the settings shows."""
    is_new = isinstance(tried, GoalForm) and request.POST.get("section") == ADD
    return {
        "goals": list_rows(project, tried),
        "new_goal": tried if is_new else GoalForm(project),
        "may_change_goals": allows(request, project, Act.EDIT),
    }


def add(request: HttpRequest, project: Project) -> BaseForm | HttpResponse:
    require_act(request, project, Act.EDIT)
    return _save(request, project, GoalForm(project, request.POST), "goal.added")


def change(request: HttpRequest, project: Project) -> BaseForm | HttpResponse:
    form = GoalForm(project, request.POST, _find(request, project))
    return _save(request, project, form, "goal.changed")


def remove(request: HttpRequest, project: Project) -> HttpResponse:
    goal = _find(request, project)
    goal.discard()
    record(user_of(request).get_username(), project.pk, "goal.removed", goal.name)
    return tell(request, SECTION, "The goal is removed.")


def _find(request: HttpRequest, project: Project) -> Goal:
    require_act(request, project, Act.EDIT)
    goal = Goal.of_project(project.pk).filter(pk=request.POST.get("goal", "")).first()
    if goal is None:
        raise Http404
    return goal


def _save(
    request: HttpRequest, project: Project, form: GoalForm, act: str
) -> BaseForm | HttpResponse:
    if not form.is_valid():
        return form
    form.instance.created_by = form.instance.created_by or user_of(request).get_username()
    try:
        form.instance.save()
    except ValidationError as exc:
        form.add_error(None, "; ".join(exc.messages))
        return form
    record(user_of(request).get_username(), project.pk, act, form.instance.name)
    return tell(request, SECTION, "The goal is saved.")


ACTS: dict[str, SectionAct] = {
    ADD: add,
    CHANGE: change,
    REMOVE: remove,
}
