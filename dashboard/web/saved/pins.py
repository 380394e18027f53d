"""`/p/<project>/pin`: first on one's own list of projects, or no longer."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from analytics.projects.models import Project
from dashboard.web.access import project_page, user_of
from people.saved.models import TooMany
from people.saved.pins import pin, unpin


@project_page("POST")
def change(request: HttpRequest, project: Project) -> HttpResponse:
    user = user_of(request)
    if request.POST.get("pinned") == "no":
        unpin(user.pk, project.pk)
    else:
        try:
            pin(user.pk, project.pk)
        except TooMany as exc:
            messages.warning(request, "; ".join(exc.messages))
    return HttpResponseRedirect(f"{reverse('dashboard:projects')}?q=")
