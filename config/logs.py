"""One JSON object per log line, whoever writes it: structlog in front of the standard library."""

import logging
import logging.config

import structlog


def _name_no_client(record: logging.LogRecord) -> bool:
    """Django's lines name the address of a request, which may hold a user: its route will do.

    Of what it answers, faults alone are logged, and what a client did wrong is no fault.
    """
    if record.name.startswith("django.security"):
        record.exc_info = None
    if record.name != "django.request":
        return True
    match = getattr(getattr(record, "request", None), "resolver_match", None)
    record.msg, record.args = "fault at /%s", (match.route if match else "",)
    return record.exc_info is not None


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
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
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
