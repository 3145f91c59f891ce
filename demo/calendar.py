"""Dates relative to today.

On every day on which the demo is loaded, pending appointments are in the future and completed ones in the past.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

TIME_ZONE = "America/New_York"


class Calendar:
    def __init__(self, now: datetime) -> None:
        self.now = now
        self._today = now.astimezone(ZoneInfo(TIME_ZONE)).date()

    def ago(self, days: int, hours: int = 0) -> datetime:
        """Return the instant that many days and hours ago, in full minutes."""
        return (self.now - timedelta(days=days, hours=hours)).replace(second=0, microsecond=0)

    def working_day(self, days: int, hour: int, minute: int = 0) -> datetime:
        """Return a local time of the weekday `days` from today. A weekend moves to the next weekday away from today."""
        day, step = self._today + timedelta(days=days), 1 if days > 0 else -1
        while day.weekday() >= 5:
            day += timedelta(days=step)
        return _local(day, hour, minute)

    def local_time(self, days: int, hour: int, minute: int) -> datetime:
        """Return a local time of the day `days` from today."""
        return _local(self._today + timedelta(days=days), hour, minute)

    def end_of_day(self, days: int) -> datetime:
        """Return the last second of the UTC day `days` from today, at which offers end."""
        return (
            (self.now + timedelta(days=days))
            .astimezone(UTC)
            .replace(hour=23, minute=59, second=59, microsecond=0)
        )


def _local(day: date, hour: int, minute: int) -> datetime:
    return datetime.combine(day, time(hour, minute), ZoneInfo(TIME_ZONE)).astimezone(UTC)
