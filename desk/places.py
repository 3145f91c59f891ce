"""The location and the day that a page of the desk shows."""

from __future__ import annotations

from datetime import date, tzinfo
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_date

from appointments.models import Location
from appointments.queries import local_time
from billing.invoices import default_till
from common.domain.days import day_of
from common.domain.units import Units

_LOCATION = "desk_location"


class Place:
    """The location and the day of a page. The location stays with the session until another one is chosen.

    What a form or a script of a page sends says where and when that page was (`place` and `place_day`, desk/here.html).
    Another location that was chosen in a second tab, or midnight, does not move it.

    `location` is None in a shop without one. `refusals` are the texts about parameters that cannot be used.
    """

    def __init__(self, request: HttpRequest, *, may_be_ahead: bool = True) -> None:
        self.refusals: list[str] = []
        self.locations = list(Location.objects.order_by("name", "id"))
        self.location = self._location(request)
        self.now = timezone.now()
        self.today = local_time(self.location, self.now).date() if self.location else day_of(self.now)
        text = request.POST.get("place_day") or request.GET.get("day", "")
        self.day = self._day(text, may_be_ahead=may_be_ahead)

    @property
    def zone(self) -> tzinfo | None:
        """Return the time zone of the location, or None for the project's in a shop without one."""
        return ZoneInfo(self.location.time_zone) if self.location else None

    @property
    def units(self) -> Units:
        """Return the units of the location, in which the desk shows and takes distances."""
        return Units(self.location.units) if self.location else Units.IMPERIAL

    def _location(self, request: HttpRequest) -> Location | None:
        by_id = {str(location.pk): location for location in self.locations}
        said = request.POST.get("place") or request.GET.get("place")
        asked = said or request.GET.get("location", "")
        if asked and asked not in by_id:
            self.refusals.append(f"There is no location {asked!r}.")
        elif said:
            return by_id[said]
        elif asked and request.session.get(_LOCATION) != asked:
            request.session[_LOCATION] = asked
        return by_id.get(str(request.session.get(_LOCATION, ""))) or self._default()

    def _default(self) -> Location | None:
        return next((row for row in self.locations if row.is_default), next(iter(self.locations), None))

    def _day(self, text: str, *, may_be_ahead: bool) -> date:
        try:
            day = parse_date(text) if text else self.today
        except ValueError:
            day = None
        if day is None:
            self.refusals.append(f"{text!r} is not a date like 2026-12-31.")
        elif day > self.today and not may_be_ahead:
            self.refusals.append(f"{day} has not begun.")
        elif not 2000 <= day.year <= 9000:
            self.refusals.append(f"{day} is too long ago." if day.year < 2000 else f"{day} is too far ahead.")
        else:
            return day
        return self.today


def at_location(location: Location, path: str = "") -> Q:
    """Return the condition for rows of a location. Rows without one belong to the default location.

    `path` is the lookup of the row that has the location (`repair_order__`).
    """
    own = Q(**{f"{path}location": location})
    return own | Q(**{f"{path}location": None}) if location.is_default or location == default_till() else own
