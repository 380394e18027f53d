"""GET /pixel.gif: a view of what may run no script, a letter, a page of AMP, or the rest.

It is a picture whatever happens, so that nobody sees a broken one; `X-Analytics` says what did.
"""

from typing import Any
from urllib.parse import parse_qsl

import msgspec
import structlog
from django.http import HttpRequest
from drf_spectacular.utils import extend_schema

from analytics.metrics.counting import note_refused
from analytics.web.problems import BadRequest, find_problem
from analytics.web.request_id import request_id_of
from ingestion.accept.admit import Sender
from ingestion.accept.judge import judge_single
from ingestion.accept.reply import READING, Reply
from ingestion.accept.views import DoorView
from ingestion.enrich.bots import is_image_proxy
from ingestion.pages.schema import describe_pixel

log = structlog.get_logger(__name__)

# One transparent point, in GIF: 43 bytes.
PICTURE = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00"
    b",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)
QUEUED, EXCLUDED, IGNORED, FAULT = "queued", "excluded", "ignored", "internal_error"
_FIELDS = ("url", "path", "referrer", "title")
_MOST_PARAMETERS = 100

_encode = msgspec.json.Encoder().encode


def answer_picture(outcome: str) -> Reply:
    """`outcome`: queued, excluded, or the code of a refusal."""
    headers = {
        "Content-Type": "image/gif",
        "Cache-Control": "no-store",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "X-Analytics": outcome,
    }
    return Reply.of_bytes(200, PICTURE, headers)


class PixelView(DoorView):
    """Takes the view of a page that the address, or else the referrer, names."""

    def initial(self, request: HttpRequest, *args: object, **kwargs: object) -> None:
        if request.method not in (*READING, "OPTIONS"):
            self.http_method_not_allowed(request)
        super().initial(request, *args, **kwargs)

    @describe_pixel
    def get(self, request: HttpRequest) -> Reply:
        sender = self.sender
        if is_image_proxy(sender.user_agent or ""):
            # It fetches the pictures of a letter for the person who opened it: no bot, no browser.
            sender = Sender(sender.key, sender.ip, sender.user_agent, False, sender.do_not_track)
            self.sender = sender
        judged = judge_single(_encode(read_view(request.META)), sender.key, sender.ip)
        if judged.excluded:
            judged.note_counts(sender.key)
            return answer_picture(EXCLUDED)
        self.admit(judged)
        return answer_picture(QUEUED)

    @extend_schema(exclude=True)
    def head(self, request: HttpRequest) -> Reply:
        """Nobody looks at it: what asks so looks for dead links."""
        return answer_picture(IGNORED)

    def handle_exception(self, exc: Exception) -> Any:
        problem = find_problem(exc)
        if problem is None:
            log.exception("unexpected_error", request_id=request_id_of(self.request.META))
            return answer_picture(FAULT)
        if problem.status == 405:
            return super().handle_exception(exc)
        if self.key:
            self.note_problem(self.key, problem)
        return answer_refusal(problem.code)


def read_view(meta: dict[str, Any]) -> dict[str, str]:
    """The event that the address of a pixel tells; what else stands there means nothing.

    Raises BadRequest for more than _MOST_PARAMETERS.
    """
    try:
        pairs = parse_qsl(meta.get("QUERY_STRING", ""), max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        detail = f"An address has at most {_MOST_PARAMETERS} parameters."
        raise BadRequest(detail, code="bad_envelope") from None
    view = {name: value for name, value in pairs if name in _FIELDS and value}
    if "url" not in view and "path" not in view and (page := meta.get("HTTP_REFERER")):
        view["url"] = page
    return view


def answer_refusal(code: str) -> Reply:
    """What is refused before the view sees it, or failed."""
    note_refused(code)
    return answer_picture(code)
