"""`/p/<project>/imports`: bring a file, say what it is, see what is in it, and say yes to it."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
    RawPostDataException,
)
from django.shortcuts import render

from analytics.databases.import_documents import Choice, ImportDocument
from analytics.projects.models import Project
from dashboard.parts.imports import (
    SAID,
    read_choice,
    read_look,
    show_columns,
    show_report,
    show_share,
)
from dashboard.web.access import allows, is_part, project_page, require_act, user_of
from dashboard.web.navigation import frame
from exchange.incoming.arriving import (
    PIECE_BYTES,
    AnotherPlace,
    HasEnded,
    add_piece,
    await_file,
    discard,
    receive,
)
from exchange.incoming.job import (
    FileTooLarge,
    TooManyImports,
    ask_import,
    choose,
    confirm,
    find_import,
    give_up,
    list_imports,
    look_again,
    state_of,
)
from exchange.incoming.looking import BadChoice
from exchange.incoming.mapping import FIELDS, TIME_FORMATS
from exchange.incoming.options import ENCODINGS, SOURCES
from exchange.incoming.report import tell_error
from people.members.roles import Act
from upkeep.imports.folder import ImportsFull

_BLOCK: Final = 1 << 20
_FIRST_ROWS: Final = 5
_REFUSED: Final = {
    FileTooLarge: "The file is too large.",
    ImportsFull: "There is no room for it: the project's imports would take too much.",
    HasEnded: "This import has ended: bring the file again.",
    TooManyImports: "Too many imports are under way: wait for one, or cancel it.",
    OSError: "The file cannot be written down now: the disk is full, or away.",
}


@project_page("GET", "HEAD", "POST")
def page(request: HttpRequest, project: Project) -> HttpResponse:
    """By POST a file is brought, or something is said of one. Only who may edit does."""
    if request.method == "POST":
        require_act(request, project, Act.EDIT)
        _do(request, project)
        return HttpResponseRedirect(request.path)
    context = _gather(request, project)
    if is_part(request):
        return render(request, "dashboard/parts/imports.html", context)
    return render(request, "dashboard/imports.html", frame(request, project, "imports") | context)


@project_page("POST", act=Act.EDIT)
def pieces(request: HttpRequest, project: Project) -> JsonResponse:
    """A piece of a large file, which the page's script sends one after the other; JSON.

    `import` is the id that the script drew, so that the first piece, which says the file's `name`
    and its `bytes`, may come twice, too; `at` is where the piece begins. After the last byte the
    import goes on by itself.
    """
    given = request.GET
    try:
        at, import_id = int(given.get("at", "")), str(UUID(given.get("import", "")))
        size, name = int(given.get("bytes", "0")), given.get("name", "")
        if at < 0 or (at == 0 and not (size > 0 and name)):
            raise ValueError
        piece = request.body
    except (ValueError, RawPostDataException):  # the second of a form, which was read as one
        return _answer(HTTPStatus.BAD_REQUEST, "This is no piece of a file.")
    try:
        if at == 0:
            await_file(
                project.id_bytes, project.partition, user_of(request).get_username(),
                import_id=import_id, file=name, size_bytes=size,
            )  # fmt: skip
        found = add_piece(project.id_bytes, import_id, at, piece)
    except AnotherPlace as exc:
        detail = "The file goes on elsewhere."
        return _answer(HTTPStatus.CONFLICT, detail, bytes=exc.size)
    except tuple(_REFUSED) as exc:
        return _answer(HTTPStatus.CONFLICT, _explain(exc))
    return _answer(HTTPStatus.OK, "", bytes=found.get("received", 0))


def _explain(refusal: Exception) -> str:
    return next(said for kind, said in _REFUSED.items() if isinstance(refusal, kind))


def _answer(status: HTTPStatus, detail: str, **more: object) -> JsonResponse:
    told = {**({"detail": detail} if detail else {}), **more}
    return JsonResponse(told, status=status)


def _do(request: HttpRequest, project: Project) -> None:
    given, by = request.POST, user_of(request).get_username()
    import_id = given.get("import", "")
    found = find_import(project.id_bytes, import_id) if import_id else None
    act = given.get("act", "")
    if act == "bring":
        _receive(request, project, by)
    elif found is None:
        messages.error(request, "There is no such import.")
    elif act == "cancel":
        if give_up(project.id_bytes, import_id, by):
            messages.success(request, "It is cancelled. What was imported of it stays.")
    elif act == "confirm":
        confirm(project.id_bytes, import_id, by)
    elif act == "choose":
        _choose(request, project, found, by)
    elif act == "look":
        try:
            look_again(project.id_bytes, import_id, read_look(given))
        except BadChoice as exc:
            messages.error(request, f"It cannot be looked at like that: {exc}.")


def _choose(request: HttpRequest, project: Project, found: ImportDocument, by: str) -> None:
    try:
        choice: Choice = read_choice(request.POST, found.get("guess") or {})
    except BadChoice as exc:
        messages.error(request, f"That does not say what the file is: {exc}.")
        return
    choose(project.id_bytes, found["_id"], choice, by)


def _receive(request: HttpRequest, project: Project, by: str) -> None:
    """A small file that came in the form itself, where there is no script."""
    file = request.FILES.get("file")
    if not isinstance(file, UploadedFile) or not file.size:
        messages.error(
            request,
            "Choose a file with something in it. One of more than 2 MB needs the page's script, "
            "or the command import_events.",
        )
        return
    try:
        received = receive(project.id_bytes, _read(file))
        try:
            name = file.name or "file"
            ask_import(project.id_bytes, project.partition, received, by, file=name)
        except BaseException:
            discard(project.id_bytes, received)
            raise
    except tuple(_REFUSED) as exc:
        messages.error(request, _explain(exc))


def _read(file: UploadedFile) -> Iterator[bytes]:
    yield from file.chunks(_BLOCK)


def _gather(request: HttpRequest, project: Project) -> dict[str, Any]:
    found = list_imports(project.id_bytes)
    may_edit = allows(request, project, Act.EDIT)
    shown = [_show(each, project, may_edit=may_edit) for each in found]
    return {
        "project": project,
        "may_edit": may_edit,
        "imports": shown,
        # While somebody says what a file is nothing is put in the place of the form.
        "is_moving": any(each.get("open") for each in found)
        and not (may_edit and any(state_of(each) == "choosing" for each in found)),
        "sources": SOURCES,
        "encodings": ENCODINGS,
        "piece_bytes": PIECE_BYTES,
        "most_mb": settings.IMPORTS_MAX_FILE_MB,
    }


def _show(each: ImportDocument, project: Project, *, may_edit: bool) -> dict[str, Any]:
    state, report = state_of(each), each.get("report")
    counts = each["counts"]
    shown: dict[str, Any] = {
        "id": each["_id"],
        "file": each["file"],
        "bytes": each["bytes"],
        "state": state,
        "said": SAID[state],
        "source": each["choice"]["source"] if each["choice"] else "",
        "why": tell_error(each["error"], each.get("detail", "")) if "error" in each else "",
        "is_open": bool(each.get("open")),
        "by": each["requestedBy"],
        "asked": each["requestedAt"],
        "kept_until": each.get("keptUntil"),
        "counts": counts,
        "share": show_share(each),
        "report": show_report(report) if report else None,
    }
    if state == "choosing" and may_edit:
        whole = find_import(project.id_bytes, each["_id"])
        seen = whole.get("guess", {}) if whole else {}
        shown["guess"] = seen
        shown["columns"] = show_columns(seen)
        shown["first_rows"] = [] if shown["columns"] else seen.get("items", [])[:_FIRST_ROWS]
        shown["fields"] = FIELDS
        shown["time_formats"] = TIME_FORMATS
    return shown
