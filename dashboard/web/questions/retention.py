"""`/p/<project>/retention`: who comes back."""

from django.http import HttpRequest, HttpResponse

from analytics.projects.models import Project
from dashboard.parts.questions.retention import list_offers, read_retention, show_retention
from dashboard.web.access import project_page
from dashboard.web.questions.asking import QuestionPage

RETENTION = QuestionPage(
    name="retention",
    step="cohort",
    read=read_retention,
    show=show_retention,
    offer=list_offers,
)


@project_page()
def page(request: HttpRequest, project: Project) -> HttpResponse:
    return RETENTION.answer_page(request, project)


@project_page()
def result(request: HttpRequest, project: Project) -> HttpResponse:
    return RETENTION.answer_part(request, project)
