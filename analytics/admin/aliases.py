"""Aliases in the admin. One may be removed, and another project may have it then."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from analytics.admin.base import Fitting, show_usage
from analytics.admin.choices import ProjectChoice
from analytics.admin.refusals import REFUSALS, show_alias_refusals
from analytics.keys.aliases import ALIAS_KINDS
from analytics.projects.aliases import Alias
from analytics.projects.key_mirror import MirrorDelayed
from analytics.projects.models import Project
from analytics.projects.usage import read_alias_usage

if TYPE_CHECKING:
    AliasModelForm = forms.ModelForm[Alias]
else:  # at run time it cannot be subscripted
    AliasModelForm = forms.ModelForm

OF_ONE = ("project", "kind", "value")
FACTS = ("created_at", "events_accepted", "refusals")


class AliasForm(AliasModelForm):
    kind = forms.ChoiceField(choices=[(kind, kind) for kind in ALIAS_KINDS])

    class Meta:
        model = Alias
        fields = (*OF_ONE, *Alias.CHANGEABLE)


@admin.register(Alias)
class AliasAdmin(Fitting):
    form = AliasForm
    list_display = ("name", "project", "rate_events_per_second", "created_at")
    list_filter = ("kind", "project")
    list_select_related = ("project",)
    search_fields = ("name", "project__name")
    show_full_result_count = False

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "project":
            kwargs |= {
                "form_class": ProjectChoice,
                "queryset": Project.objects.filter(deleted_at=None),
            }
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return (*OF_ONE, *Alias.CHANGEABLE, *(FACTS if obj else ()))

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return (*OF_ONE, *FACTS) if obj else ()

    @admin.display(description="events accepted, by month")
    def events_accepted(self, alias: Alias) -> str:
        return show_usage(lambda: read_alias_usage(alias))

    @admin.display(description=REFUSALS)
    def refusals(self, alias: Alias) -> str:
        return show_alias_refusals(alias)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        self._do(request, obj.save)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self._do(request, obj.delete)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Alias]) -> None:
        for alias in queryset.select_related("project"):
            self._do(request, alias.delete)

    def _do(self, request: HttpRequest, act: Any) -> None:
        try:
            act()
        except MirrorDelayed as delayed:
            self.message_user(request, str(delayed), messages.WARNING)
