"""Projects in the admin. None is ever deleted here."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from analytics.admin.base import NeverDeleted, show_usage
from analytics.projects.holdings import read_holding
from analytics.projects.models import Project
from analytics.projects.names import NameTaken
from analytics.projects.rules import ORIGINS_HELP
from analytics.projects.usage import read_project_usage

if TYPE_CHECKING:
    ProjectModelForm = forms.ModelForm[Project]
else:  # at run time it cannot be subscripted
    ProjectModelForm = forms.ModelForm


class LinesField(forms.CharField):
    """A list, written one item a line."""

    widget = forms.Textarea(attrs={"rows": 4, "cols": 60})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in (value or "").splitlines() if line.strip()]


class ProjectForm(ProjectModelForm):
    allowed_origins = LinesField(required=False, help_text=ORIGINS_HELP)


@admin.register(Project)
class ProjectAdmin(NeverDeleted):
    form = ProjectForm
    list_display = ("name", "id", "state", "retention_days", "quota_events_per_month")
    list_filter = ("is_active", "ip_rule")
    search_fields = ("name", "id")
    readonly_fields = ("id", "holds", "partition", "created_at", "events_accepted")
    fields = (
        "name",
        "is_active",
        "retention_days",
        "quota_events_per_month",
        "ip_rule",
        "allowed_origins",
        *readonly_fields,
    )

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        if isinstance(obj, Project) and obj.deleted_at:
            return False
        return super().has_change_permission(request, obj)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except NameTaken as taken:  # by somebody else, since the form was looked at
            self.message_user(request, " ".join(taken.messages), messages.ERROR)
            return HttpResponseRedirect(request.path)

    @admin.display(description="state")
    def state(self, project: Project) -> str:
        if project.deleted_at:
            return "deleted"
        return "active" if project.is_active else "inactive"

    @admin.display(description="holds")
    def holds(self, project: Project) -> str:
        return str(read_holding(project))

    @admin.display(description="events accepted, by month")
    def events_accepted(self, project: Project) -> str:
        return show_usage(lambda: read_project_usage(project))

    def get_fields(self, request: HttpRequest, obj: Project | None = None) -> Any:
        return self.fields if obj else self.fields[: -len(self.readonly_fields)]
