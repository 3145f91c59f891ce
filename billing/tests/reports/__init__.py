from datetime import UTC, datetime

FIRST, SECOND = datetime(2026, 11, 30, 15, tzinfo=UTC), datetime(2026, 12, 1, 15, tzinfo=UTC)
