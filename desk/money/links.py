"""URLs of the page *Money*."""

from __future__ import annotations

from datetime import date

from django.urls import reverse
from django.utils.http import urlencode

from appointments.models import Location


def days_url(location: Location, day: date) -> str:
    """Return the URL of a day of a location."""
    return f"{reverse('money')}?{query_of(location, day)}"


def query_of(location: Location, day: date, **more: str) -> str:
    """Return the query of a location and a day."""
    return urlencode({"location": str(location.pk), "day": day.isoformat(), **more})
