"""Projects in the admin. None is ever deleted here."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from analytics.admin.base import NeverDeleted, show_usage
from analytics.admin.project_form import ProjectForm
from analytics.admin.refusals import REFUSALS, SAMPLES, show_project_refusals, show_samples
from analytics.projects.holdings import read_holding
from analytics.projects.models import Project
from analytics.projects.names import NameTaken
from analytics.projects.usage import read_project_usage

RULES = (
    (
        None,
        {
            "fields": (
                "name",
                "is_active",
                "retention_days",
                "columns_retention_days",
                "quota_events_per_month",
                "ip_rule",
            )
        },
    ),
    (
        "Pages and apps",
        {
            "fields": (
                "allowed_origins",
                "allowed_events",
                "allowed_properties",
                "public_max_age_hours",
                "public_quota_events_per_month",
            )
        },
    ),
    (
        "Counting",
        {
            "fields": (
                "time_zone",
                "hostnames",
                "leaves_out_bots",
                "tidies_addresses",
                "honours_do_not_track",
            )
        },
    ),
    (
        "Not counted",
        {"fields": ("excluded_addresses", "excluded_paths", "excluded_hostnames")},
    ),
)
FACTS = ("id", "holds", "partition", "created_at", "events_accepted", "refusals", "samples")


@admin.register(Project)
class ProjectAdmin(NeverDeleted):
    form = ProjectForm
    list_display = ("name", "id", "state", "retention_days", "quota_events_per_month")
    list_filter = ("is_active", "ip_rule")
    search_fields = ("name", "id")
    readonly_fields = FACTS

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

    @admin.display(description=REFUSALS)
    def refusals(self, project: Project) -> str:
        return show_project_refusals(project)

    @admin.display(description=SAMPLES)
    def samples(self, project: Project) -> str:
        return show_samples(project)

    def get_fieldsets(self, request: HttpRequest, obj: Project | None = None) -> Any:
        return (*RULES, ("The project", {"fields": FACTS})) if obj else RULES
