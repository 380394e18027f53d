"""Deleting a project in the admin, from the project's own page, and what was deleted."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html

from analytics.projects.holdings import read_holding
from analytics.projects.models import Project
from upkeep.admin.jobs import JobAdmin
from upkeep.deletion.job import Deletion, ask_deletion
from upkeep.models import ProjectDeletion, StoredJob

if TYPE_CHECKING:
    DeletionModelForm = forms.ModelForm[ProjectDeletion]
else:  # at run time it cannot be subscripted
    DeletionModelForm = forms.ModelForm


class DeletionForm(DeletionModelForm):
    """Who types both knows which project it is."""

    project: Project

    project_name = forms.CharField(label="Name of the project", max_length=100)
    project_id = forms.CharField(label="Id of the project", max_length=100)

    class Meta:
        model = ProjectDeletion
        fields = ()

    def clean(self) -> None:
        super().clean()
        cleaned = self.cleaned_data
        wrong = {}
        name = " ".join(self.project.name.split())  # as a page shows it
        if " ".join(cleaned.get("project_name", name).split()) != name:
            wrong["project_name"] = "This is not the name of this project."
        if cleaned.get("project_id") not in (None, self.project.id):
            wrong["project_id"] = "This is not the id of this project."
        if wrong:
            raise ValidationError(wrong)


def find_asked_project(request: HttpRequest) -> Project | None:
    """The one whose page led here; a deleted one, too: more of it may have come to light."""
    return Project.objects.filter(pk=request.GET.get("project", "")).first()


@admin.register(ProjectDeletion)
class ProjectDeletionAdmin(JobAdmin):
    job = Deletion
    form = DeletionForm
    list_display = ("name", "id", "state", "requested_at", "requested_by", "finished_at")
    search_fields = ("name", "id")

    def get_model_perms(self, request: HttpRequest) -> dict[str, bool]:
        """No link to add one: a deletion begins on the page of its project."""
        return {**super().get_model_perms(request), "add": False}

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        shown = {**(extra_context or {}), "has_add_permission": False}
        return super().changelist_view(request, shown)

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, object] | None = None,
    ) -> HttpResponse:
        project = find_asked_project(request)
        if self.has_add_permission(request) and project is None:
            text = "Choose the project to delete, and begin on its page."
            self.message_user(request, text, messages.WARNING)
            return HttpResponseRedirect(reverse("admin:analytics_project_changelist"))
        shown = {
            **(extra_context or {}),
            "title": f"Delete {project}",
            "show_save_and_add_another": False,
            "show_save_and_continue": False,
        }
        return super().add_view(request, form_url, shown)

    def get_form(
        self,
        request: HttpRequest,
        obj: ProjectDeletion | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> Any:
        form: Any = super().get_form(request, obj, change, **kwargs)
        if obj is None:
            form.project = find_asked_project(request)
        return form

    def get_fieldsets(self, request: HttpRequest, obj: ProjectDeletion | None = None) -> Any:
        if obj is not None:
            return [(None, {"fields": (*self.list_display, "removed")})]
        project = find_asked_project(request)
        warning = project and format_html(
            "<strong>{}</strong>, {}. Its keys stop at once; all its events and counts are "
            "removed. This cannot be undone. Type its name and its id to show that it is the one "
            "you mean.",
            project,
            read_holding(project),
        )
        return [(None, {"fields": ("project_name", "project_id"), "description": warning})]

    def save_model(
        self, request: HttpRequest, obj: ProjectDeletion, form: DeletionForm, change: bool
    ) -> None:
        job = ask_deletion(form.project, f"admin {request.user.get_username()}")
        obj.pk, obj.name, obj.step = job["_id"], job["name"], job["step"]

    def tell_asked(self, row: StoredJob) -> str:
        return f"{row} is being deleted."

    @admin.display(description="removed, and its books")
    def removed(self, deletion: ProjectDeletion) -> str:
        return ", ".join(self.count(deletion))
