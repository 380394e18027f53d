"""`/p/<project>/funnels`: how many come how far."""

from django.http import HttpRequest, HttpResponse

from analytics.projects.models import Project
from dashboard.parts.questions.funnels import BY, ORDERS, list_splits, read_funnel, show_funnel
from dashboard.web.access import project_page
from dashboard.web.questions.asking import QuestionPage

FUNNELS = QuestionPage(
    name="funnels",
    step="s",
    read=read_funnel,
    show=show_funnel,
    offer=lambda asked: {"by": BY, "orders": ORDERS, "splits": list_splits(asked)},
)


@project_page()
def page(request: HttpRequest, project: Project) -> HttpResponse:
    return FUNNELS.answer_page(request, project)


@project_page()
def result(request: HttpRequest, project: Project) -> HttpResponse:
    return FUNNELS.answer_part(request, project)
