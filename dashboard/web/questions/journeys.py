"""`/p/<project>/journeys`: which ways visits go."""

from django.http import HttpRequest, HttpResponse

from analytics.projects.models import Project
from dashboard.parts.questions.journeys import list_offers, read_journeys, show_journeys
from dashboard.web.access import project_page
from dashboard.web.questions.asking import QuestionPage

JOURNEYS = QuestionPage(
    name="journeys",
    step="begin",
    read=read_journeys,
    show=show_journeys,
    offer=list_offers,
)


@project_page()
def page(request: HttpRequest, project: Project) -> HttpResponse:
    return JOURNEYS.answer_page(request, project)


@project_page()
def result(request: HttpRequest, project: Project) -> HttpResponse:
    return JOURNEYS.answer_part(request, project)
