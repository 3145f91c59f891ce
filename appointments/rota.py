"""Actions on the shifts and absences of technicians (docs/design, D98)."""

from __future__ import annotations

from datetime import date, time
from typing import TypedDict, TypeVar, Unpack

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from appointments.models import Absence, Shift, Technician
from common.domain import events
from common.domain.changes import change
from common.domain.database import violates
from common.domain.errors import DomainError, Invalid


class ShiftExists(DomainError):
    """The technician has a shift from that time of that weekday on."""

    code = "shift_exists"
    title = "Shift exists"
    message = "The technician has a shift from that time on already. Change that one."


class WrongHours(Invalid):
    """The hours or days of a shift or an absence are not in order."""

    code = "wrong_hours"
    title = "Wrong hours"


class ShiftFields(TypedDict, total=False):
    technician: Technician
    weekday: int
    begins: time
    ends: time


class AbsenceFields(TypedDict, total=False):
    technician: Technician
    first_day: date
    last_day: date
    begins: time | None
    ends: time | None
    reason: str


_Row = TypeVar("_Row", Shift, Absence)
# The field at which a form shows that a constraint is violated.
_FIELDS = {
    "shift_begins_before_it_ends": "ends",
    "absence_days_in_order": "last_day",
    "absence_begins_before_it_ends": "ends",
}


def save_shift(shift: Shift, **fields: Unpack[ShiftFields]) -> Shift:
    """Create a shift, or change a stored one, and return it. Raises ShiftExists, WrongHours."""
    try:
        with transaction.atomic():
            return _save(shift, **fields)
    except IntegrityError as error:
        if violates(error, Shift, "shift_once_from_an_hour"):
            raise ShiftExists(field="begins") from error
        raise


def remove_shift(shift: Shift) -> None:
    """Remove a shift."""
    with transaction.atomic():
        events.record_removal(shift)
        shift.delete()


def save_absence(absence: Absence, **fields: Unpack[AbsenceFields]) -> Absence:
    """Record an absence, or change a stored one, and return it. Raises WrongHours.

    Without a last day it is one day. Assigned appointments stay with the technician.
    """
    if absence._state.adding and "first_day" in fields:
        fields.setdefault("last_day", fields["first_day"])
    with transaction.atomic():
        return _save(absence, **fields)


def remove_absence(absence: Absence) -> None:
    """Remove an absence."""
    with transaction.atomic():
        events.record_removal(absence)
        absence.delete()


def _save(row: _Row, **fields: object) -> _Row:
    """Store the row after a check of its hours, so that an error names its field. Raises WrongHours."""
    is_new = row._state.adding
    if not is_new:
        row.refresh_from_db(from_queryset=type(row)._base_manager.select_for_update(no_key=True))
    wanted = type(row)(**{field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields})
    for name, value in fields.items():
        setattr(wanted, name, value)
    for constraint in row._meta.constraints:
        if constraint.name not in _FIELDS:
            continue
        try:
            constraint.validate(type(row), wanted)
        except ValidationError as error:
            raise WrongHours(error.messages[0], field=_FIELDS[constraint.name]) from error
    if is_new:
        wanted.save(force_insert=True)
        events.record_new(wanted)
        return wanted
    change(row, **fields)
    return row
