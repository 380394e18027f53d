"""`/p/<project>/beside`: two values of a field side by side."""

from django.http import HttpRequest, HttpResponse

from analytics.projects.models import Project
from dashboard.parts.questions.beside import list_fields, read_beside, show_beside
from dashboard.web.access import project_page
from dashboard.web.questions.asking import QuestionPage

BESIDE = QuestionPage(
    name="beside",
    step="one",
    read=read_beside,
    show=show_beside,
    offer=list_fields,
)


@project_page()
def page(request: HttpRequest, project: Project) -> HttpResponse:
    return BESIDE.answer_page(request, project)


@project_page()
def result(request: HttpRequest, project: Project) -> HttpResponse:
    return BESIDE.answer_part(request, project)
