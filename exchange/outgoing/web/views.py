"""POST and GET /exports, GET and DELETE /exports/{exportId}, and the file."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from django.http import FileResponse
from pymongo.errors import PyMongoError
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.audit import record
from analytics.databases.export_documents import ExportDocument
from analytics.databases.transactions import Conflict
from analytics.events.ids import ms_of_datetime
from analytics.keys.authentication import authenticate_request
from analytics.keys.rates import count_asking
from analytics.keys.records import KeyRecord
from analytics.projects.zones import zone_at
from analytics.web.problems import Forbidden, NotFound, TooManyRequests, Unauthorized, Unavailable
from exchange.formats import MEDIA_TYPES
from exchange.outgoing.asking import parse_export
from exchange.outgoing.job import (
    MOST_OPEN,
    TooManyExports,
    ask_export,
    file_of,
    find_export,
    give_up,
    list_exports,
)
from exchange.outgoing.web.checks import check_filter
from exchange.outgoing.web.holders import hold_by_key, name_holder
from exchange.outgoing.web.schema import (
    describe_asking,
    describe_export,
    describe_exports,
    describe_file,
    describe_removing,
)
from exchange.outgoing.web.wire import name_file, read_link, render_export
from ingestion.accept.body import JSON, read_body, read_media_type
from reporting.questions.params import Parameters
from reporting.questions.timestamps import parse_zone
from reporting.web.authentication import ReadKeyAuthentication
from reporting.web.query_operations import MAX_BODY_BYTES
from reporting.web.views import ReportView

RETRY_SECONDS = 10


class ExportKeyAuthentication(ReadKeyAuthentication):
    """A key of the scope `read` or `admin`."""

    def authenticate(self, request: Request) -> tuple[None, KeyRecord]:
        return None, authenticate_request(request.META, "read", "admin")


class ExportView(ReportView):
    """What all have in common: whose exports they are."""

    authentication_classes = (ExportKeyAuthentication,)

    def render(self, request: Request, export: ExportDocument) -> dict[str, Any]:
        holder = hold_by_key(self.key_of(request).key_id)
        return render_export(export, holder if self.may_have(request, export) else None)

    def may_have(self, request: Request, export: ExportDocument) -> bool:
        """Addresses are for the scope `admin` alone."""
        return not export["query"]["withAddresses"] or "admin" in self.key_of(request).scopes

    def find(self, request: Request, export_id: str) -> ExportDocument:
        return _find(self.project_of(request), export_id)

    def by(self, request: Request) -> str:
        return f"key {self.key_of(request).key_id}"


class ExportsView(ExportView):
    """Ask for one, and see which there are."""

    @describe_asking
    def post(self, request: Request) -> Response:
        Parameters(self.parameters_of(request), ()).check()
        read_media_type(request.META, (JSON,))
        body = read_body(request, MAX_BODY_BYTES)
        with refusing_unavailable():
            zone = zone_at(self.zones_of(request), ms_of_datetime(datetime.now(UTC)))
            query = parse_export(body, parse_zone(zone))
            key = self.key_of(request)
            if query["withAddresses"] and "admin" not in key.scopes:
                raise Forbidden("Addresses are exported with the scope admin alone.")
            check_filter(key.project_id, query)
            try:
                export = ask_export(key.project_id, key.partition, query, self.by(request))
            except TooManyExports:
                raise TooManyRequests(
                    f"The project has {MOST_OPEN} exports under way.",
                    code="too_many_exports",
                    headers={"Retry-After": str(RETRY_SECONDS)},
                ) from None
        headers = {"Location": f"/exports/{export['_id']}"}
        return Response(self.render(request, export), status=202, headers=headers)

    @describe_exports
    def get(self, request: Request) -> Response:
        Parameters(self.parameters_of(request), ()).check()
        with refusing_unavailable():
            found = list_exports(self.project_of(request))
        return Response({"exports": [self.render(request, export) for export in found]})


class ExportDetailView(ExportView):
    """How far one is; cancel it, or remove its file."""

    @describe_export
    def get(self, request: Request, export_id: str) -> Response:
        Parameters(self.parameters_of(request), ()).check()
        with refusing_unavailable():
            return Response(self.render(request, self.find(request, export_id)))

    @describe_removing
    def delete(self, request: Request, export_id: str) -> Response:
        Parameters(self.parameters_of(request), ()).check()
        with refusing_unavailable():
            if not self.may_have(request, self.find(request, export_id)):
                raise Forbidden("What holds addresses is removed with the scope admin alone.")
            give_up(self.project_of(request), export_id, self.by(request))
            return Response(self.render(request, self.find(request, export_id)))


class ExportFileView(ExportView):
    """The file, for whoever has its link, or a key."""

    linked: tuple[bytes, str] | None = None  # the project, and the link's holder

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """A link stands for a key; one that is not good any more is as if there were none."""
        link = request.query_params.get("link")
        if link is not None and request.method != "OPTIONS":
            self.linked = read_link(link, kwargs["export_id"])
            if self.linked is None:
                raise bad_link()
            subject = f"{self.linked[0].hex()} {kwargs['export_id']}"
            refusal = "This link is followed too often."
            self.rate_headers = count_asking(request, subject, "link", "REPORTING_RATE", refusal)
            return
        super().initial(request, *args, **kwargs)

    @describe_file
    def get(self, request: Request, export_id: str) -> FileResponse:
        Parameters(self.parameters_of(request), ("link",)).check()
        with refusing_unavailable():
            export, by, how = self._open(request, export_id)
            if "manifest" not in export:
                raise NotFound("This export has no file.")
            try:
                file = file_of(export).open("rb")
            except FileNotFoundError:
                raise NotFound("This export has no file any more.") from None
            except OSError as exc:
                raise Unavailable(
                    "The exports cannot be read.", code="exports_unavailable"
                ) from exc
            record(by, bytes(export["project"]).hex(), "export.fetched", export_id, by=how)
        return FileResponse(
            file,
            as_attachment=True,
            filename=name_file(export),
            content_type=MEDIA_TYPES[export["query"]["format"]],
        )

    def _open(self, request: Request, export_id: str) -> tuple[ExportDocument, str, str]:
        """The export, who fetches it, and by what. Raises NotFound, Forbidden, Unauthorized."""
        if self.linked is None:
            export = self.find(request, export_id)
            if not self.may_have(request, export):
                raise Forbidden("Addresses are exported with the scope admin alone.")
            return export, self.by(request), "key"
        project_id, holder = self.linked
        export = _find(project_id, export_id)
        name = name_holder(holder, export)
        if name is None:
            raise bad_link()
        return export, name, "link"


def bad_link() -> Unauthorized:
    return Unauthorized("The link is not good any more.", code="bad_link")


def _find(project_id: bytes, export_id: str) -> ExportDocument:
    export = find_export(project_id, export_id)
    if export is None:
        raise NotFound("This project has no such export.")
    return export


@contextmanager
def refusing_unavailable() -> Iterator[None]:
    try:
        yield
    except (PyMongoError, Conflict) as exc:
        raise Unavailable("The store does not answer.", code="store_unavailable") from exc
