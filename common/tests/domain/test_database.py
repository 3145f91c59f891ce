"""Violations of constraints are recognised on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.db import DataError, IntegrityError, connection, transaction

from accounts.models import Device, User
from appointments.models import Appointment
from common.domain.database import like, violates
from testing.factories import AppointmentFactory, UserFactory, VehicleFactory
from vehicles.models import Vehicle

pytestmark = pytest.mark.django_db


def refused(work: Callable[[], object]) -> IntegrityError:
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        work()
    return error.value


def device_twice():
    user = UserFactory()
    seen = user.created_at
    Device.objects.create(user=user, device_id="d", last_seen_at=seen)
    return refused(lambda: Device.objects.create(user=user, device_id="d", last_seen_at=seen))


def vin_twice():
    first = VehicleFactory()
    return refused(lambda: VehicleFactory(customer=first.customer, vin=first.vin))


def unit_twice():
    first = VehicleFactory(unit_number="A123")
    return refused(lambda: VehicleFactory(customer=first.customer, unit_number="A123"))


def dongle_twice():
    VehicleFactory(dongle_id="X", dongle_connection="BLE")
    return refused(lambda: VehicleFactory(dongle_id="X", dongle_connection="BLE"))


def short_vin():
    return refused(lambda: VehicleFactory(vin="SHORT"))


def negative_odometer():
    return refused(lambda: VehicleFactory(odometer=-1))


def bay_twice():
    first = AppointmentFactory()
    return refused(lambda: AppointmentFactory(bay=first.bay, start=first.start))


def email_twice():
    first = UserFactory()
    return refused(lambda: UserFactory(email=first.email))


def null_name():
    return refused(lambda: VehicleFactory(make=None))


CONSTRAINTS = {
    "device_of_one_user": Device,
    "vin_once_per_customer": Vehicle,
    "unit_number_once_per_customer": Vehicle,
    "dongle_in_one_vehicle": Vehicle,
    "vin_length_fits_year": Vehicle,
    "odometer_is_possible": Vehicle,
    "bay_is_held_once": Appointment,
    "user_email_is_lower_case": User,
}
REFUSALS = {
    device_twice: "device_of_one_user",  # unique
    vin_twice: "vin_once_per_customer",  # unique with a condition
    unit_twice: "unit_number_once_per_customer",
    dongle_twice: "dongle_in_one_vehicle",
    short_vin: "vin_length_fits_year",  # check
    negative_odometer: "odometer_is_possible",
    bay_twice: "bay_is_held_once",  # no overlap
    email_twice: None,  # a unique column is no named constraint
    null_name: None,
}


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.__name__)
def test_violates_matches_only_the_violated_constraint(refusal):
    error = refusal()
    named = [name for name, model in CONSTRAINTS.items() if violates(error, model, name)]
    assert named == ([REFUSALS[refusal]] if REFUSALS[refusal] else [])


@pytest.mark.parametrize(
    ("pattern", "text", "answer"),
    [
        ("%ÉB%", "un ébène", True),
        ("a\\_b", "a_b", True),
        ("a\\_b", "axb", False),
        ("a_b", "a\nb", True),
        ("100\\%", "100%", True),
        ("b\\\\%", "B\\c", True),
        ("(.*", "(.*", True),
        ("", "", True),
        ("a", "ab", False),
        (None, "a", None),
        ("%", None, None),
    ],
)
def test_like_folds_every_alphabet_and_knows_escapes(pattern, text, answer):
    assert like(pattern, text, "\\") is answer


@pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="SQLite stores instants as text, in SQL of its own"
)
@pytest.mark.parametrize(
    "instant",
    [
        datetime(2026, 3, 8, 6, 59, 59, 999_999, UTC),
        datetime(2026, 3, 8, 7, tzinfo=UTC),
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 500_000, UTC),
    ],
    ids=str,
)
def test_instants_are_read_in_utc_to_the_microsecond(instant):
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::timestamptz", [instant])
        (found,) = cursor.fetchone()
    assert (found, found.tzinfo) == (instant, UTC)


@pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="SQLite stores instants as text, in SQL of its own"
)
@pytest.mark.parametrize("text", ["infinity", "4000-01-01 BC", "20000-01-01"])
def test_instants_that_python_does_not_have_are_data_errors(text):
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::timestamptz", [text])
        with pytest.raises(DataError):
            cursor.fetchone()
