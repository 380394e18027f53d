"""One JSON object per log line, whoever writes it: structlog in front of the standard library."""

import logging
import logging.config

import structlog

from analytics.metrics.log_limit import count_line, limit_lines


def _name_no_client(record: logging.LogRecord) -> bool:
    """Django's lines name the address of a request, which may hold a user: its route will do.

    Of what it answers, faults alone are logged, and what a client did wrong is no fault.
    """
    if hasattr(record, "left_out"):  # another handler has asked
        return record.left_out is not None
    route = ""
    if record.name.startswith("django.security"):
        record.exc_info = None
    elif record.name == "django.request":
        if record.exc_info is None:
            return False
        match = getattr(getattr(record, "request", None), "resolver_match", None)
        route = match.route if match else ""
        record.msg, record.args = "fault at /%s", (route,)
    else:
        return True
    return _is_let_through(record, route)


def _is_let_through(record: logging.LogRecord, route: str) -> bool:
    record.left_out = left_out = count_line((record.name, route))
    if left_out:
        record.msg, record.args = f"{record.getMessage()} (and {left_out} left out)", ()
    return left_out is not None


def configure_logs(level: str) -> None:
    """Send every log record of `level` and above to standard error as JSON."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[limit_lines, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "json": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": shared,
                    "processors": [
                        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                        structlog.processors.JSONRenderer(),
                    ],
                }
            },
            "filters": {"no_client": {"()": lambda: _name_no_client}},
            "handlers": {
                "stderr": {
                    "class": "logging.StreamHandler",
                    "formatter": "json",
                    "filters": ["no_client"],
                }
            },
            "root": {"handlers": ["stderr"], "level": level.upper()},
            # Refusals are counted and answered with a code; Django would log each as a warning.
            "loggers": {"django.request": {"level": "ERROR"}, "pymongo": {"level": "WARNING"}},
        }
    )
