"""Amounts and times as the desk's pages print them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django import template
from django.db.models import Model
from django.forms import Form
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from appointments.models import Location
from appointments.queries import local_time
from common.domain import units
from desk.money.links import days_url
from desk.order.boxes import Box
from inspections.models import Inspection
from vehicles.models import Vehicle

register = template.Library()
register.filter("days_url", days_url)
register.filter("distance", units.format_distance)
register.filter("whole_distance", units.format_whole)
register.filter("volume", units.format_volume)
register.filter("consumption", units.format_consumption)
_SELECTED, _NOTHING = mark_safe(" selected"), mark_safe("")


@register.filter
def amount(value: Decimal | str) -> str:
    """Return an amount, or the text of one, with two places and a minus sign: `1,629.47`, `−50.00`."""
    value = Decimal(value)
    return f"−{-value:,.2f}" if value < 0 else f"{value:,.2f}"


@register.filter
def some(value: Decimal) -> str:
    """Return an amount, nothing for 0.00."""
    return amount(value) if value else ""


@register.filter
def dollars(value: Decimal) -> str:
    """Return an amount with the currency sign: `$1,629.47`, `−$50.00`."""
    return f"−${-value:,.2f}" if value < 0 else f"${value:,.2f}"


@register.filter
def at_clock(instant: datetime, location: Location) -> str:
    """Return the time of an instant at a location: `17:42`."""
    return f"{local_time(location, instant):%H:%M}"


@register.filter
def on_day(instant: datetime, location: Location) -> str:
    """Return the day of an instant at a location: `30 Nov`, in another year `30 Nov 2025`."""
    day = local_time(location, instant)
    is_this_year = day.year == local_time(location, timezone.now()).year
    return f"{day.day} {day:%b}" if is_this_year else f"{day.day} {day:%b} {day.year}"


@register.filter
def zone_name(zone: str) -> str:
    """Return a time zone as people name it: `New York` for America/New_York."""
    return zone.rpartition("/")[2].replace("_", " ")


@register.filter
def of(values: Mapping[Any, object], key: object) -> object:
    """Return the value of a key, "" if there is none."""
    return values.get(key, "")


@register.filter
def short_day(day: date) -> str:
    """Return a day as `Mon 30 Nov`."""
    return f"{day:%a} {day.day} {day:%b}"


@register.filter
def long_day(day: date) -> str:
    """Return a day as `Monday 30 November 2026`."""
    return f"{day:%A} {day.day} {day:%B} {day.year}"


@register.filter
def cell(value: object, location: Location) -> str:
    """Return a value of a report as its table prints it, times as those of a location."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return amount(value)
    if isinstance(value, datetime):
        return f"{local_time(location, value):%Y-%m-%d %H:%M}"
    return str(value)


@register.filter
def is_number(value: object) -> bool:
    return isinstance(value, (Decimal, int)) and not isinstance(value, bool)


@register.simple_tag
def row_link(row: Model) -> SafeString:
    """Return a link to the admin's page of a row, with its name."""
    url = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    return format_html('<a href="{}">{}</a>', url, row)


@register.simple_tag
def row_options(rows: Iterable[Model], chosen: str) -> SafeString:
    """Return the options of a select of rows, of which the one with this id is chosen."""
    return format_html_join(
        "",
        '<option value="{}"{}>{}</option>',
        ((row.pk, _SELECTED if str(row.pk) == chosen else _NOTHING, row) for row in rows),
    )


@register.simple_tag
def figure_box(box: Box) -> SafeString:
    """Return the input of a figure with its error. A long order has hundreds, for which an include is slow."""
    error = described = _NOTHING
    if box.error:
        error = format_html('<p class="err" id="err-{}">{}</p>', box.name, box.error)
        described = format_html(' aria-invalid="true" aria-describedby="err-{}"', box.name)
    return format_html(
        '<input id="{0}" name="{0}" value="{1}" aria-label="{2}" inputmode="decimal" autocomplete="off"{3}>{4}',
        box.name, box.text, box.label, described, error,
    )  # fmt: skip


@register.filter
def words(text: str) -> list[str]:
    """Return the words of a text, for a loop over names."""
    return text.split()


@register.filter
def value_of(form: Form, name: str) -> str:
    """Return the text that a form's field has, as it was given or begins."""
    value = form[name].value()
    return "" if value is None else str(value)


@register.filter
def is_among(value: str, choices: Iterable[Any]) -> bool:
    """Return whether one of the choices has this value."""
    return any(choice.value == value for choice in choices)


@register.filter
def last_read(vehicle: Vehicle, shown: units.Units) -> str:
    """Return the units and what the odometer read last, for a hint."""
    last = f"Last read: {units.format_whole(vehicle.odometer, shown)}."
    return f"{shown.word.capitalize()}. {last if vehicle.odometer_at else 'Never read before.'}"


@register.filter
def rated(inspection: Inspection) -> int:
    """Return how many findings of an inspection have a rating."""
    return sum(1 for finding in inspection.findings.all() if finding.rating)


@register.filter
def is_open_of(inspection: Inspection, unrated: int) -> bool:
    """Return whether the inspection that could not be finished is this one, and still has findings without a rating."""
    return inspection.pk == unrated and any(not finding.rating for finding in inspection.findings.all())
