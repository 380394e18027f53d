"""POST and GET /imports, GET and DELETE /imports/{importId}; its file, its choice, the yes."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.databases import transactions
from analytics.databases.import_documents import ImportDocument
from analytics.keys.authentication import authenticate_request
from analytics.keys.records import KeyRecord
from analytics.web.problems import (
    BadRequest,
    Conflict,
    NotFound,
    TooLarge,
    TooManyRequests,
    Unavailable,
)
from exchange.incoming.arriving import AnotherPlace, HasEnded, add_piece, await_file
from exchange.incoming.job import (
    FileTooLarge,
    TooManyImports,
    choose,
    confirm,
    find_import,
    give_up,
    list_imports,
    look_again,
)
from exchange.incoming.web.asking import parse_choice, parse_import
from exchange.incoming.web.schema import (
    describe_asking,
    describe_cancelling,
    describe_choosing,
    describe_confirming,
    describe_import,
    describe_imports,
    describe_piece,
)
from exchange.incoming.web.wire import render_import
from ingestion.accept.body import JSON, read_body, read_bytes, read_media_type
from reporting.questions.params import Parameters
from reporting.web.authentication import ReadKeyAuthentication
from reporting.web.query_operations import MAX_BODY_BYTES
from reporting.web.views import ReportView
from upkeep.imports.folder import ImportsFull

RETRY_SECONDS = 10


class ImportKeyAuthentication(ReadKeyAuthentication):
    """A key of the scope `admin`: what comes in files is of any day, and beside every limit."""

    def authenticate(self, request: Request) -> tuple[None, KeyRecord]:
        return None, authenticate_request(request.META, "admin")


class ImportView(ReportView):
    """What all have in common: whose imports they are."""

    authentication_classes = (ImportKeyAuthentication,)

    def find(self, request: Request, import_id: str) -> ImportDocument:
        found = find_import(self.project_of(request), import_id)
        if found is None:
            raise NotFound("This project has no such import.")
        return found

    def show(self, request: Request, import_id: str) -> Response:
        return Response(render_import(self.find(request, import_id)))

    def by(self, request: Request) -> str:
        return f"key {self.key_of(request).key_id}"

    def read_json(self, request: Request) -> bytes:
        Parameters(self.parameters_of(request), ()).check()
        read_media_type(request.META, (JSON,))
        return read_body(request, MAX_BODY_BYTES)


class ImportsView(ImportView):
    """Ask for one, and see which there are."""

    @describe_asking
    def post(self, request: Request) -> Response:
        asked = parse_import(self.read_json(request))
        key = self.key_of(request)
        with refusing():
            begun = await_file(
                key.project_id, key.partition, self.by(request),
                file=asked.file, size_bytes=asked.size_bytes, announced=asked.sha256,
                choice=asked.choice, look_by=asked.look_by, confirmed=asked.confirmed,
                dry_run=asked.dry_run,
            )  # fmt: skip
        headers = {"Location": f"/imports/{begun['_id']}"}
        return Response(render_import(begun), status=202, headers=headers)

    @describe_imports
    def get(self, request: Request) -> Response:
        Parameters(self.parameters_of(request), ()).check()
        with refusing():
            found = list_imports(self.project_of(request))
        return Response({"imports": [render_import(each) for each in found]})


class ImportDetailView(ImportView):
    """How far one is; cancel it."""

    @describe_import
    def get(self, request: Request, import_id: str) -> Response:
        Parameters(self.parameters_of(request), ()).check()
        with refusing():
            return self.show(request, import_id)

    @describe_cancelling
    def delete(self, request: Request, import_id: str) -> Response:
        Parameters(self.parameters_of(request), ()).check()
        with refusing():
            self.find(request, import_id)
            give_up(self.project_of(request), import_id, self.by(request))
            return self.show(request, import_id)


class ImportFileView(ImportView):
    """The file, whole or piece by piece."""

    @describe_piece
    def put(self, request: Request, import_id: str) -> Response:
        given = Parameters(self.parameters_of(request), ("at",))
        at = given.parse("at", "bad_at", read_place) or 0
        given.check()
        with refusing():
            self.find(request, import_id)
            piece = read_bytes(request, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
            if not piece:
                raise BadRequest("The piece holds no byte.", code="empty_piece")
            return Response(
                render_import(add_piece(self.project_of(request), import_id, at, piece))
            )


class ImportChoiceView(ImportView):
    """What the file is."""

    @describe_choosing
    def post(self, request: Request, import_id: str) -> Response:
        choice, look_by = parse_choice(self.read_json(request))
        project_id = self.project_of(request)
        with refusing():
            self.find(request, import_id)
            if choice is None:
                waited = look_again(project_id, import_id, look_by)
            else:
                waited = choose(project_id, import_id, choice, self.by(request))
            if not waited:
                raise not_waiting()
            return self.show(request, import_id)


class ImportConfirmationView(ImportView):
    """The yes to what was read."""

    @describe_confirming
    def post(self, request: Request, import_id: str) -> Response:
        Parameters(self.parameters_of(request), ()).check()
        with refusing():
            self.find(request, import_id)
            if not confirm(self.project_of(request), import_id, self.by(request)):
                raise not_waiting()
            return self.show(request, import_id)


def read_place(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise ValueError("is not the number of a byte")
    return int(text)


def not_waiting() -> Conflict:
    return Conflict("The import does not wait for this.", code="not_waiting")


@contextmanager
def refusing() -> Iterator[None]:
    """What imports raise, as problems."""
    try:
        yield
    except (PyMongoError, RedisError, transactions.Conflict) as exc:
        raise Unavailable("The store does not answer.", code="store_unavailable") from exc
    except AnotherPlace as exc:
        raise Conflict(
            f"The file goes on at byte {exc.size}.",
            code="wrong_place",
            extra={"received": exc.size},
        ) from None
    except HasEnded:
        raise Conflict("The import has ended.", code="import_ended") from None
    except FileTooLarge:
        raise TooLarge(
            "The file is larger than it was said to be, or than IMPORTS_MAX_FILE_MB.",
            code="file_too_large",
        ) from None
    except TooManyImports:
        raise TooManyRequests(
            f"The project has {settings.IMPORTS_MAX_OPEN} imports under way.",
            code="too_many_imports",
            headers={"Retry-After": str(RETRY_SECONDS)},
        ) from None
    except ImportsFull:
        raise Unavailable(
            "The project's imports would take more than their share of IMPORTS_MAX_MB.",
            code="imports_full",
            retry_after_seconds=RETRY_SECONDS,
        ) from None
    except OSError as exc:
        raise Unavailable(
            "The folder of imports cannot be written.", code="imports_unavailable"
        ) from exc
