"""Announce the end of an operation in its responses and in the schema (docs/versions.md)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import ClassVar

from django.utils.http import http_date


@dataclass(frozen=True)
class Deprecation:
    """The end of an operation: the day of its announcement, the first day without it, and what to use instead.

    Raises ValueError if clients would have less time than the manual promises.
    """

    LEAST: ClassVar[timedelta] = timedelta(days=182)

    since: date
    until: date
    instead: str  # a sentence, such as "Use `POST /api/shop/intake/`."

    def __post_init__(self) -> None:
        if self.until - self.since < self.LEAST:
            raise ValueError(
                f"Give clients at least {self.LEAST.days} days, not {self.since} to {self.until}."
            )

    @property
    def headers(self) -> dict[str, str]:
        """Return `Deprecation` (RFC 9745) and `Sunset` (RFC 8594)."""
        return {"Deprecation": f"@{_begin(self.since)}", "Sunset": http_date(_begin(self.until))}

    @property
    def text(self) -> str:
        return f"Deprecated since {self.since}. It is removed on {self.until}. {self.instead}"


def _begin(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())
