"""Instants of papers are written in UTC."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from repair_orders.estimates.snapshot import instant


def test_instant_of_another_zone_is_written_in_utc():
    assert instant(datetime(2026, 11, 5, 10, tzinfo=ZoneInfo("America/New_York"))) == "2026-11-05T15:00:00Z"
