"""Deleting a project in the admin, and the record of what was deleted."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from analytics.models import Project
from ingestion.deletion.job import COUNTS, ask_deletion, state_of
from ingestion.models import ProjectDeletion

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[ProjectDeletion]
    DeletionModelForm = forms.ModelForm[ProjectDeletion]
else:  # at run time neither can be subscripted
    ModelAdmin = admin.ModelAdmin
    DeletionModelForm = forms.ModelForm


class DeletionForm(DeletionModelForm):
    project = forms.ModelChoiceField(
        Project.objects.all(),
        help_text="Its keys stop at once; all its events and counts are removed. "
        "This cannot be undone.",
    )
    confirm = forms.CharField(
        label="Name of the project",
        max_length=100,
        strip=False,
        help_text="Type it, to show that it is the one you mean.",
    )

    class Meta:
        model = ProjectDeletion
        fields = ()

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        project = cleaned.get("project")
        if project and cleaned.get("confirm") != project.name:
            raise ValidationError({"confirm": "This is not the name of that project."})
        return cleaned


@admin.register(ProjectDeletion)
class ProjectDeletionAdmin(ModelAdmin):
    form = DeletionForm
    list_display = ("name", "id", "state", "requested_at", "requested_by", "finished_at")
    search_fields = ("name", "id")
    show_full_result_count = False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: ProjectDeletion | None = None) -> Any:
        if obj is None:
            return ("project", "confirm")
        return (*self.list_display, "removed")

    def save_model(
        self, request: HttpRequest, obj: ProjectDeletion, form: Any, change: bool
    ) -> None:
        project: Project = form.cleaned_data["project"]
        job = ask_deletion(project, f"admin {request.user.get_username()}")
        obj.pk, obj.name, obj.step = job["_id"], job["name"], job["step"]

    def response_add(
        self, request: HttpRequest, obj: ProjectDeletion, post_url_continue: str | None = None
    ) -> HttpResponse:
        self.message_user(request, f"{obj} is being deleted.")
        return HttpResponseRedirect(reverse("admin:ingestion_projectdeletion_changelist"))

    @admin.display(description="state")
    def state(self, deletion: ProjectDeletion) -> str:
        return state_of(deletion.step)

    @admin.display(description="removed, and its books")
    def removed(self, deletion: ProjectDeletion) -> str:
        return ", ".join(f"{deletion.counts[name]:,} {name}" for name in COUNTS)
