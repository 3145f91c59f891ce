"""Save shifts and absences."""

from __future__ import annotations

from datetime import date, time

import pytest
from django.db import IntegrityError, transaction

from appointments.models import Absence, Shift
from appointments.rota import ShiftExists, WrongHours, remove_absence, save_absence, save_shift
from common.domain.caller import Caller, Role
from common.domain.database import violates
from testing.factories import AbsenceFactory, ShiftFactory, TechnicianFactory

pytestmark = pytest.mark.django_db
DAY = date(2027, 1, 5)


@pytest.mark.parametrize(
    ("model", "values", "constraint"),
    [
        (Shift, {"weekday": 7}, "shift_weekday_is_one"),
        (Shift, {"begins": time(9), "ends": time(9)}, "shift_begins_before_it_ends"),
        (Absence, {"last_day": date(2027, 1, 4)}, "absence_days_in_order"),
        (Absence, {"begins": time(9)}, "absence_begins_before_it_ends"),
        (Absence, {"ends": time(9)}, "absence_begins_before_it_ends"),
        (Absence, {"begins": time(9), "ends": time(9)}, "absence_begins_before_it_ends"),
    ],
)
def test_database_refuses(model, values, constraint):
    make = {Shift: ShiftFactory, Absence: AbsenceFactory}[model]
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        make(**values)
    assert violates(error.value, model, constraint)
    assert model.objects.count() == 0


def test_shift_is_unique_from_its_beginning():
    shift = ShiftFactory()
    with pytest.raises(ShiftExists) as error:
        save_shift(Shift(), technician=shift.technician, weekday=0, begins=time(8), ends=time(9))
    assert (error.value.field, Shift.objects.count()) == ("begins", 1)
    other = save_shift(Shift(), technician=shift.technician, weekday=0, begins=time(17), ends=time(0))
    with pytest.raises(ShiftExists):
        save_shift(other, begins=time(8))
    assert Shift.objects.get(pk=other.pk).begins == time(17)


@pytest.mark.parametrize(
    ("values", "field", "text"),
    [
        ({"ends": time(7)}, "ends", "A shift must begin before it ends."),
        ({"begins": time(17)}, "ends", "A shift must begin before it ends."),
    ],
)
def test_wrong_hours_of_a_shift_are_named(values, field, text):
    shift = ShiftFactory()
    with pytest.raises(WrongHours) as error:
        save_shift(shift, **values)
    assert (error.value.field, error.value.text) == (field, text)
    kept = Shift.objects.get()
    assert (kept.begins, kept.ends, kept.history.count()) == (time(8), time(17), 1)


@pytest.mark.parametrize(
    ("values", "field", "text"),
    [
        ({"last_day": date(2027, 1, 4)}, "last_day", "The last day must not be before the first."),
        ({"first_day": date(2027, 1, 6)}, "last_day", "The last day must not be before the first."),
        (
            {"begins": time(8)},
            "ends",
            "Enter both times, the earlier one first, or none for whole days.",
        ),
    ],
)
def test_wrong_hours_of_an_absence_are_named(values, field, text):
    absence = AbsenceFactory()
    with pytest.raises(WrongHours) as error:
        save_absence(absence, **values)
    assert (error.value.field, error.value.text) == (field, text)
    stored = Absence.objects.get()
    assert (stored.first_day, stored.last_day, stored.begins, stored.history.count()) == (DAY, DAY, None, 1)


def test_absence_without_a_last_day_is_one_day():
    technician = TechnicianFactory()
    absence = save_absence(Absence(), technician=technician, first_day=DAY, reason="Sick")
    assert (absence.first_day, absence.last_day, absence.technician) == (DAY, DAY, technician)
    save_absence(absence, last_day=date(2027, 1, 8), begins=time(8), ends=time(0))
    assert str(Absence.objects.get()) == "2027-01-05 to 2027-01-08, 08:00–24:00"
    remove_absence(absence)
    assert (Absence.objects.count(), Absence.history.count()) == (0, 3)


def test_words_of_a_shift():
    assert str(ShiftFactory(ends=time(0))) == "Monday 08:00–24:00"


def test_customers_see_neither_shifts_nor_absences():
    shift, absence = ShiftFactory(), AbsenceFactory()
    customer, staff = Caller(Role.CUSTOMER, 1, 1), Caller(Role.TECHNICIAN, 1, None)
    assert [list(model.objects.visible_to(customer)) for model in (Shift, Absence)] == [[], []]
    assert [list(model.objects.visible_to(staff)) for model in (Shift, Absence)] == [[shift], [absence]]
