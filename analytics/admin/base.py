"""What the pages of projects and keys share."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.models import DELETION, LogEntry
from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe
from redis.exceptions import RedisError

from analytics.projects.key_mirror import MirrorDelayed
from analytics.projects.usage import MonthUsage

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:  # at run time it cannot be subscripted
    ModelAdmin = admin.ModelAdmin

MONTHS_SHOWN = 24


class Fitting(ModelAdmin):
    """Lists that fit a window of 1280 pixels."""

    class Media:
        css: ClassVar = {"all": ("analytics/admin.css",)}

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """One by one: of many at once Django tells nobody, nor would the audit log hear of it."""
        entries = LogEntry.objects
        return [
            entries.log_actions(request.user.pk or "", [each], DELETION, single_object=True)
            for each in queryset
        ]


class NeverDeleted(Fitting):
    """What events refer to stays; a save that Redis has not heard of yet says so."""

    show_full_result_count = False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        try:
            obj.save()
        except MirrorDelayed as delayed:
            self.message_user(request, str(delayed), messages.WARNING)


def show_usage(read: Callable[[], list[MonthUsage]]) -> str:
    """A line per month, the latest first."""
    try:
        months = read()[:MONTHS_SHOWN]
    except RedisError:
        return "Redis does not answer."
    lines = ((month, f"{events:,}") for month, events in months)
    return format_html_join(mark_safe("<br>"), "{}: {}", lines) or "-"
