"""Structured logs: one event per line, with the request's id and without secrets.

Lines are JSON in production and readable text with `DEBUG=true`.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog
from structlog.typing import Processor

from common.domain.encoding import dumps

_SECRETS = (
    "password", "passwd", "token", "secret", "authorization", "cookie", "signature", "api_key", "ticket"
)  # fmt: skip


def hide_secrets(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide the values that are logged under names of secrets."""
    for key in event:
        if any(word in key.lower() for word in _SECRETS):
            event[key] = "[hidden]"
    return event


def _to_json(event: Mapping[str, object], **_: object) -> str:
    return dumps(event).decode()


def _no_less_than_info(level: str) -> str:
    return "INFO" if level == "DEBUG" else level


def _chain() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        hide_secrets,
    ]


def logging_config(*, level: str, pretty: bool) -> dict[str, object]:
    """Return Django's `LOGGING`, and configure structlog so that both write the same lines."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_chain(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: list[Processor] = (
        # With rich installed the renderer's own tracebacks would show all local variables, including passwords.
        [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
        if pretty
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_to_json)]
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _chain(),
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
            },
            "request": {"()": "common.http.request_log.RequestLine", "pretty": pretty},
        },
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "line"},
            "requests": {"class": "logging.StreamHandler", "formatter": "request"},
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "garage.requests": {"handlers": ["requests"], "propagate": False},
            # The request log has a line for each 4xx and the traceback of each 500.
            "django.request": {"level": "CRITICAL"},
            # Any client can send a foreign `Host` or a form with too many fields, and each would be a traceback.
            "django.security": {"level": "CRITICAL"},
            "django.security.csrf": {"level": "WARNING"},
            "django.server": {"level": "WARNING"},
            "uvicorn.error": {"level": _no_less_than_info(level)},  # at DEBUG it prints handshakes
            "uvicorn.access": {"level": "CRITICAL"},  # it prints query strings, which may hold tokens
        },
    }
