"""Erasures in the admin: ask for one, see how far they are and what they did."""

from typing import TYPE_CHECKING

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from analytics.admin.choices import ProjectChoice, list_projects_to_filter
from analytics.events.event import MAX_USER_ID_CHARS
from analytics.projects.models import Project
from upkeep.admin.jobs import JobAdmin
from upkeep.erasure.ask import TooManyToCount, ask_erasure, count_erasable
from upkeep.erasure.job import Erasure as ErasureJob
from upkeep.models import Erasure, StoredJob

if TYPE_CHECKING:
    ErasureModelForm = forms.ModelForm[Erasure]
else:  # at run time it cannot be subscripted
    ErasureModelForm = forms.ModelForm


class EraseForm(ErasureModelForm):
    """Whom to erase. The user id stands in no log: the job forgets it, too."""

    of_project = ProjectChoice(Project.objects.filter(deleted_at=None), label="Project")
    user_id = forms.CharField(
        label="User id",
        max_length=MAX_USER_ID_CHARS,
        strip=False,
        help_text="Exactly as events carry it. What comes later of this user is kept.",
    )
    only_count = forms.BooleanField(
        required=False, help_text="Say how much there is and erase nothing."
    )

    class Meta:
        model = Erasure
        fields = ()

    def clean(self) -> None:
        super().clean()
        cleaned = self.cleaned_data
        if cleaned.get("only_count") and not self.errors:
            raise ValidationError(self._count(cleaned["of_project"], cleaned["user_id"]))

    def _count(self, project: Project, user_id: str) -> str:
        try:
            found = count_erasable(project.id_bytes, user_id)
        except TooManyToCount:
            return "Counting takes too long. Erasing needs no count."
        except PyMongoError:
            return "The store does not answer."
        return f"{found['events']} events, {found['deadLetters']} dead letters. Nothing was erased."


class ProjectFilter(admin.SimpleListFilter):
    title = "project"
    parameter_name = "project"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return list_projects_to_filter()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Erasure]) -> QuerySet[Erasure]:
        project = Project.objects.filter(pk=self.value()).first()
        return queryset.filter(project=project.id_bytes) if project else queryset


@admin.register(Erasure)
class ErasureAdmin(JobAdmin):
    job = ErasureJob
    form = EraseForm
    list_display = ("id", "project_name", "state", "requested_at", "requested_by", "events")
    list_filter = (ProjectFilter,)
    list_per_page = 50

    def get_fields(self, request: HttpRequest, obj: Erasure | None = None) -> tuple[str, ...]:
        if obj is None:
            return ("of_project", "user_id", "only_count")
        return ("id", "project_name", "state", "requested_at", "requested_by", "finished_at", "did")

    def save_model(self, request: HttpRequest, obj: Erasure, form: EraseForm, change: bool) -> None:
        project: Project = form.cleaned_data["of_project"]
        asked_by = f"admin {request.user.get_username()}"
        user_id = form.cleaned_data["user_id"]
        job = ask_erasure(project.id_bytes, project.partition, user_id, asked_by)
        obj.pk, obj.step = job["_id"], job["step"]

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, object] | None = None,
    ) -> HttpResponse:
        try:
            return super().add_view(request, form_url, extra_context)
        except (PyMongoError, RedisError) as exc:
            self.message_user(request, f"Nothing was asked for: {type(exc).__name__}.", "ERROR")
            return HttpResponseRedirect(reverse("admin:upkeep_erasure_changelist"))

    def tell_asked(self, row: StoredJob) -> str:
        return f"Erasure {row.pk} was asked for."

    @admin.display(description="project")
    def project_name(self, erasure: Erasure) -> str:
        project_id = bytes(erasure.project).hex()
        project = Project.objects.filter(pk=project_id).first()
        return str(project or project_id)

    @admin.display(description="events")
    def events(self, erasure: Erasure) -> int:
        return int(erasure.counts["events"])

    @admin.display(description="did")
    def did(self, erasure: Erasure) -> str:
        return ", ".join(self.count(erasure))
