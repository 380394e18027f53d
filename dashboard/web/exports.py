"""`/p/<project>/exports`: ask for a file of all events, see how far it is, fetch it, remove it."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.timezone import now

from analytics.databases.export_documents import ExportDocument
from analytics.events.ids import ms_of_datetime
from analytics.projects.models import Project
from analytics.projects.policy import find_policy
from analytics.projects.zones import zone_at
from analytics.web.problems import BadRequest
from dashboard.web.access import allows, is_part, project_page, require_act, user_of
from dashboard.web.navigation import frame
from exchange.formats import FORMATS
from exchange.outgoing.asking import parse_options
from exchange.outgoing.job import (
    MOST_OPEN,
    TooManyExports,
    ask_export,
    find_export,
    give_up,
    list_exports,
    state_of,
)
from exchange.outgoing.trouble import REASONS
from exchange.outgoing.web.holders import hold_by_user
from exchange.outgoing.web.wire import make_link
from people.members.roles import Act
from reporting.questions.timestamps import parse_zone

_SAID = {
    "waiting": "waits for its moment",
    "writing": "is being written",
    "checking": "is being checked",
    "done": "ready",
    "failed": "failed",
    "cancelled": "cancelled",
    "removed": "removed",
    "expired": "expired",
}


@project_page("GET", "HEAD", "POST")
def page(request: HttpRequest, project: Project) -> HttpResponse:
    """By POST one is asked for, or one is removed. Only who may edit does, and fetches."""
    if request.method == "POST":
        require_act(request, project, Act.EDIT)
        _do(request, project)
        return HttpResponseRedirect(request.path)
    context = _gather(request, project)
    if is_part(request):
        return render(request, "dashboard/parts/exports.html", context)
    return render(request, "dashboard/exports.html", frame(request, project, "exports") | context)


def _do(request: HttpRequest, project: Project) -> None:
    by = user_of(request).get_username()
    if export_id := request.POST.get("remove"):
        found = find_export(project.id_bytes, export_id)
        if found and found["query"]["withAddresses"]:
            require_act(request, project, Act.OWN)
        if give_up(project.id_bytes, export_id, by):
            messages.success(request, "It is removed.")
        return
    given = request.POST
    options: dict[str, Any] = {name: given.get(name, "") for name in ("format", "start", "end")}
    options["withAddresses"] = "withAddresses" in given
    options["spreadsheet"] = "spreadsheet" in given and given.get("format") == "csv"
    if options["withAddresses"]:
        require_act(request, project, Act.OWN)
    try:
        zones = find_policy(project.id_bytes).zones
        zone = parse_zone(zone_at(zones, ms_of_datetime(now())))
        query = parse_options(options, zone)
        ask_export(project.id_bytes, project.partition, query, by)
    except BadRequest as exc:
        messages.error(request, " ".join(error["detail"] for error in exc.errors))
    except TooManyExports:
        messages.error(request, f"{MOST_OPEN} exports are under way: wait for one, or remove it.")


def _gather(request: HttpRequest, project: Project) -> dict[str, Any]:
    may_edit = allows(request, project, Act.EDIT)
    may_own = allows(request, project, Act.OWN)
    found = list_exports(project.id_bytes)
    holder = hold_by_user(user_of(request).pk)

    def may_have(export: ExportDocument) -> bool:
        return may_own if export["query"]["withAddresses"] else may_edit

    return {
        "project": project,
        "formats": FORMATS,
        "may_edit": may_edit,
        "may_own": may_own,
        "exports": [_show(each, holder if may_have(each) else "") for each in found],
        "is_open": any(each.get("open") for each in found),
    }


def _show(export: ExportDocument, holder: str) -> dict[str, Any]:
    """To a holder of links, or to whom there is none of this one."""
    query, state = export["query"], state_of(export)
    return {
        "id": export["_id"],
        "state": state,
        "said": _SAID[state],
        "why": REASONS.get(export.get("error", ""), ""),
        "is_open": bool(export.get("open")),
        "query": query,
        "by": export["requestedBy"],
        "asked": export["requestedAt"],
        "as_of": export.get("asOf"),
        "kept_until": export.get("keptUntil"),
        "events": export["counts"]["events"],
        "bytes": export.get("bytes"),
        "link": make_link(export, holder) if state == "done" and holder else "",
        "may_remove": bool(holder) and (state == "done" or bool(export.get("open"))),
    }
