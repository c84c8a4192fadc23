"""Logs: JSON lines, or readable ones on a terminal; every secret taken out of both."""

import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.typing import Processor

from core.redaction import redact

FORMATS = ("auto", "json", "text")


def configure(*, log_format: str, level: str) -> dict[str, Any]:
    """Set structlog up, and return Django's LOGGING, so that both write the same lines to standard error.

    `log_format` is `json`, `text`, or `auto`: text on a terminal, JSON elsewhere. Raises ValueError for another one.
    """
    if log_format not in FORMATS:
        raise ValueError(f"LOG_FORMAT is {log_format!r}; it can be {', '.join(FORMATS)}")
    readable = log_format == "text" or (log_format == "auto" and sys.stderr.isatty())
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *before,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    # Exceptions become text before the secrets are taken out: a message may quote one.
    finish: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        redact_event,
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()) if readable else structlog.processors.JSONRenderer(),
    ]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": [*before, structlog.stdlib.ExtraAdder()],
                "processors": finish,
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"handlers": [], "level": level, "propagate": True},
            "django.server": {"handlers": [], "level": level, "propagate": True},
            # At its own INFO level WeasyPrint and its font library tell of every glyph.
            "fontTools": {"level": "WARNING"},
            "weasyprint": {"level": "ERROR"},
            # At INFO it tells of every call, at DEBUG of what was sent.
            "stripe": {"level": "WARNING"},
        },
    }


def redact_event(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take every secret out of a log event."""
    cleaned: MutableMapping[str, Any] = redact(event)
    return cleaned
