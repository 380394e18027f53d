"""`/p/<project>/events`: which events there are, and what they carry."""

from django.http import HttpRequest, HttpResponse

from analytics.projects.models import Project
from dashboard.parts.questions.events import read_names, show_events
from dashboard.web.access import project_page
from dashboard.web.questions.asking import QuestionPage

EVENTS = QuestionPage(name="events", read=read_names, show=show_events)


@project_page()
def page(request: HttpRequest, project: Project) -> HttpResponse:
    return EVENTS.answer_page(request, project)


@project_page()
def result(request: HttpRequest, project: Project) -> HttpResponse:
    return EVENTS.answer_part(request, project)
