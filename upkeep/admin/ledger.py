"""The books in the admin: a page to read, by project and UTC day of acceptance."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from analytics.projects.models import Project
from upkeep.ledger.gaps import describe_gaps
from upkeep.ledger.lines import Line, read_ledger
from upkeep.models import LedgerLine

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[LedgerLine]
else:  # at run time it cannot be subscripted
    ModelAdmin = admin.ModelAdmin

PAGE_LINES = 100
COLUMNS = (
    *("accepted", "stored", "duplicate", "dead", "waiting", "difference"),
    *("erased", "imported", "lost"),
)


@dataclass(frozen=True, slots=True)
class _Row:
    project: str
    line: Line
    counts: Sequence[int]


@admin.register(LedgerLine)
class LedgerAdmin(ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        """The latest days first; `project` in the query shows one project alone."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        names = {project.id: str(project) for project in Project.objects.all()}
        chosen = request.GET.get("project", "")
        lines, gaps = self._read(request, chosen if chosen in names else None)
        page = Paginator(lines, PAGE_LINES).get_page(request.GET.get("page"))
        rows = [
            _Row(
                names.get(line.project_id.hex(), line.project_id.hex()),
                line,
                [getattr(line, column) for column in COLUMNS],
            )
            for line in page.object_list
        ]
        context = {
            **self.admin_site.each_context(request),
            "title": "Ledger",
            "opts": self.opts,
            "columns": COLUMNS,
            "rows": rows,
            "gaps": gaps,
            "page": page,
            "projects": names.items(),
            "chosen": chosen,
            "unbalanced": sum(line.difference != 0 for line in lines),
        }
        return TemplateResponse(request, "admin/ledger.html", context)

    def _read(self, request: HttpRequest, project: str | None) -> tuple[list[Line], list[str]]:
        try:
            lines = read_ledger(bytes.fromhex(project) if project else None)
            gaps = describe_gaps()
        except (PyMongoError, RedisError):
            self.message_user(request, "The books cannot be read now.", messages.ERROR)
            return [], []
        return sorted(lines, key=lambda line: (-line.day, line.project_id)), gaps
