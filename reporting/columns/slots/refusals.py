"""What is said where no engine answers a question."""

from django.conf import settings

from analytics.web.problems import BadRequest, Unavailable

RETRY_SECONDS = 5


def too_long() -> BadRequest:
    return BadRequest(
        f"The answer takes more than {settings.QUERY_TIMEOUT_SECONDS:g} seconds. Ask for a "
        "shorter window, or with fewer conditions and dimensions.",
        code="query_timeout",
    )


def too_large() -> BadRequest:
    return BadRequest(
        "The answer takes more memory than a question may have. Ask for a shorter window, or for "
        "dimensions with fewer values.",
        code="query_too_large",
    )


def failed() -> Unavailable:
    return Unavailable(
        "The engine failed at this question. The log says more.",
        code="query_failed",
        retry_after_seconds=RETRY_SECONDS,
    )


def busy() -> Unavailable:
    return Unavailable(
        "Others asked before, and their questions still run.",
        code="query_busy",
        retry_after_seconds=RETRY_SECONDS,
    )


def cannot_read() -> Unavailable:
    return Unavailable(
        "The columns cannot be read at the moment.",
        code="columns_unavailable",
        retry_after_seconds=RETRY_SECONDS,
    )
