"""Dates around today, so that a pending visit lies ahead and a completed one behind whenever the demo is loaded."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

TIME_ZONE = "America/New_York"


class Calendar:
    def __init__(self, now: datetime) -> None:
        self.now = now
        self._today = now.astimezone(ZoneInfo(TIME_ZONE)).date()

    def ago(self, days: int, hours: int = 0) -> datetime:
        """An instant so long ago, on the full minute."""
        return (self.now - timedelta(days=days, hours=hours)).replace(second=0, microsecond=0)

    def visit(self, days: int, hour: int, minute: int = 0) -> datetime:
        """A local time of a working day, `days` from today; a weekend moves away from today to a weekday."""
        day, step = self._today + timedelta(days=days), 1 if days > 0 else -1
        while day.weekday() >= 5:
            day += timedelta(days=step)
        return _local(day, hour, minute)

    def drive(self, days: int, hour: int, minute: int) -> datetime:
        """A local time of any day, `days` from today."""
        return _local(self._today + timedelta(days=days), hour, minute)

    def last_moment(self, days: int) -> datetime:
        """The last second of a UTC day, as offers end."""
        return (
            (self.now + timedelta(days=days))
            .astimezone(UTC)
            .replace(hour=23, minute=59, second=59, microsecond=0)
        )


def _local(day: date, hour: int, minute: int) -> datetime:
    return datetime.combine(day, time(hour, minute), ZoneInfo(TIME_ZONE)).astimezone(UTC)
