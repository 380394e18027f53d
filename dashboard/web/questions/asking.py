"""Pages that are one question with a form: the form writes the address, the address the question.

The frame with the form comes at once; what comes back is a part. With `full=1` both are in one
answer.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from analytics.projects.models import Project
from analytics.web.problems import Problem
from dashboard.address.view import View
from dashboard.asking import Desk, open_desk
from dashboard.parts.bar import show_bar
from dashboard.parts.questions.given import Given, Pairs
from dashboard.parts.questions.steps import KINDS
from dashboard.web.navigation import frame
from dashboard.web.viewing import look, remember


class Asked(Protocol):
    def write(self) -> Pairs: ...


Q = TypeVar("Q", bound=Asked)


@dataclass(frozen=True, slots=True)
class QuestionPage(Generic[Q]):
    """`name` is that of the page, of its template, and of its part; `step` a field of its form."""

    name: str
    read: Callable[[Given], Q]
    show: Callable[[Desk, View, Q], Any]
    offer: Callable[[Q], dict[str, Any]] = lambda _: {}
    step: str = ""

    def answer_page(self, request: HttpRequest, project: Project) -> HttpResponse:
        desk, view, asked, given = self._read(request, project)
        if given.is_form(self.step) and not given.wrong:
            return HttpResponseRedirect(request.path + view.write())
        context = frame(request, project, self.name) | self._describe(view, asked)
        context |= {"bar": show_bar(desk, view), "kinds": KINDS, **self.offer(asked)}
        if view.is_full:
            context |= {"full": True}
            try:
                context |= {"result": self.show(desk, view, asked)}
            except Problem as exc:
                context |= {"problem": exc}
        response = render(request, f"dashboard/{self.name}.html", context)
        return remember(response, request, project, view)

    def answer_part(self, request: HttpRequest, project: Project) -> HttpResponse:
        desk, view, asked, _ = self._read(request, project)
        context = {"project": project, "result": self.show(desk, view, asked)}
        context |= self._describe(view, asked)
        return render(request, f"dashboard/parts/{self.name}.html", context)

    def _read(self, request: HttpRequest, project: Project) -> tuple[Desk, View, Q, Given]:
        desk = open_desk(project)
        given = Given(request.GET)
        asked = self.read(given)
        view = look(request, desk)
        view = replace(view, kept=asked.write(), wrong=(*view.wrong, *given.wrong))
        return desk, view, asked, given

    def _describe(self, view: View, asked: Q) -> dict[str, Any]:
        """What the form hands on as it is: the window and the filters."""
        window = [("period", view.period), ("from", view.start), ("to", view.end)]
        hidden = [pair for pair in window if pair[1]]
        hidden += [("f", str(each)) for each in view.filters]
        if view.is_full:
            hidden.append(("full", "1"))
        return {"view": view, "asked": asked, "hidden": hidden}
