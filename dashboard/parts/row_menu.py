"""What one can do with a value of a list."""

from dataclasses import dataclass
from urllib.parse import quote

from django.urls import reverse

from analytics.projects.models import Project
from dashboard.address.view import View
from people.saved.filters import choose, leave_out, of_value
from reporting.words.fields import name_key

OF_PATHS = ("path", "entryPath", "exitPath")
_SAFE_IN_PATHS = "/?&=#:@!$'()*+,;~%"


@dataclass(frozen=True, slots=True)
class RowMenu:
    field: str
    key: str
    label: str
    only: str
    without: str
    beside: str
    opens: str
    is_chosen: bool


def show_row_menu(project: Project, view: View, field: str, key: str | None) -> RowMenu:
    return RowMenu(
        field=field,
        key=key or "",
        label=name_key(field, key)[0],
        only=view.shows(filters=choose(view.filters, field, key)),
        without=view.shows(filters=leave_out(view.filters, field, key)),
        beside=reverse("dashboard:beside", args=[project.id])
        + view.shows(tabs={}, kept=(("one", str(of_value("is", field, key))),)),
        opens=find_address(project, field, key or ""),
        is_chosen=of_value("is", field, key) in view.filters,
    )


def find_address(project: Project, field: str, key: str) -> str:
    """Where a page of the project's own hostnames is, or a referrer; empty for all else."""
    if field in OF_PATHS and key.startswith("/") and project.hostnames:
        return f"https://{project.hostnames[0]}{quote(key, safe=_SAFE_IN_PATHS)}"
    if field == "hostname" and key in project.hostnames:
        return f"https://{key}/"
    if field == "referrer" and key and "." in key and not set(key) & set("/?#@:\\ "):
        return f"https://{key}/"
    return ""
