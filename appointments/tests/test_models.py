from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from appointments.models import (
    Appointment,
    Bay,
    Closure,
    OpeningHours,
    ReportedProblem,
    ServiceType,
    Technician,
    Weekday,
    validate_time_zone,
)
from common.domain.caller import Caller, Role
from common.domain.database import violates
from testing.factories import AppointmentFactory, BayFactory, LocationFactory, ServiceTypeFactory

pytestmark = pytest.mark.django_db


def assert_refused(model, constraint, write):
    count = model.objects.count()
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        write()
    assert violates(error.value, model, constraint)
    assert model.objects.count() == count


class TestConstraints:
    @pytest.mark.parametrize("end", [timedelta(0), timedelta(minutes=-1)])
    def test_appointment_must_start_before_it_ends(self, end):
        appointment = AppointmentFactory()
        assert_refused(
            Appointment, "visit_starts_before_it_ends",
            lambda: Appointment.objects.update(end=appointment.start + end),
        )  # fmt: skip

    def test_status_must_be_known(self):
        AppointmentFactory()
        assert_refused(
            Appointment, "appointment_status_is_known", lambda: Appointment.objects.update(status="lost")
        )

    def test_opening_hours_are_valid_and_unique_per_weekday(self):
        location = LocationFactory()
        hours = {"location": location, "weekday": 0, "opens": time(8), "closes": time(18)}
        OpeningHours.objects.create(**hours)
        for change, constraint in (
            ({}, "opening_hours_once_a_weekday"),
            ({"weekday": 1, "closes": time(8)}, "opens_before_it_closes"),
            ({"weekday": 1, "closes": time(7)}, "opens_before_it_closes"),
            ({"weekday": 7}, "weekday_is_one"),
        ):
            assert_refused(
                OpeningHours, constraint, lambda change=change: OpeningHours.objects.create(**hours | change)
            )

    def test_closure_and_bay_are_unique_per_location(self):
        bay = BayFactory()
        assert_refused(
            Bay, "bay_name_once_a_location", lambda: BayFactory(location=bay.location, name=bay.name)
        )
        closed = {"location": bay.location, "day": date(2026, 12, 25)}
        Closure.objects.create(**closed)
        assert_refused(Closure, "closure_once_a_day", lambda: Closure.objects.create(**closed))

    @pytest.mark.parametrize("minutes", [0, 24 * 60 + 1])
    def test_service_must_fit_a_day(self, minutes):
        assert_refused(ServiceType, "service_fits_a_day", lambda: ServiceTypeFactory(minutes=minutes))


@pytest.mark.parametrize("name", ["UTC", "America/New_York", "Asia/Kathmandu"])
def test_validate_time_zone_accepts(name):
    assert validate_time_zone(name) is None


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "utc+1"])
def test_validate_time_zone_rejects(name):
    with pytest.raises(ValidationError) as error:
        validate_time_zone(name)
    assert error.value.code == "invalid_time_zone"


def test_str_of_each_model():
    hours = OpeningHours(weekday=Weekday.SATURDAY, opens=time(9), closes=time(13, 30))
    assert str(hours) == "Saturday 09:00–13:30"
    assert str(Closure(day=date(2026, 12, 25))) == "2026-12-25"
    assert str(LocationFactory.build(name="Springfield Garage")) == "Springfield Garage"
    assert str(Appointment(pk=53)) == "Appointment 53"
    named = (Bay, Technician, ServiceType, ReportedProblem)
    assert [str(model(name="A name")) for model in named] == ["A name"] * 4


class TestRows:
    def test_visible_to_filters_by_caller(self, alice, bob):
        of_alice, of_bob = (AppointmentFactory(vehicle__customer=customer) for customer in (alice, bob))
        rows = Appointment.objects.order_by("id")
        assert list(rows.visible_to(Caller(Role.CUSTOMER, alice.contact_id, alice.pk))) == [of_alice]
        assert list(rows.visible_to(Caller(Role.CUSTOMER, 99, None))) == []
        assert list(rows.visible_to(Caller(Role.TECHNICIAN, 99, None))) == [of_alice, of_bob]

    def test_matching_filters_by_status(self):
        pending, done = AppointmentFactory(), AppointmentFactory(status="completed")
        rows = Appointment.objects.order_by("id")
        assert list(rows.matching({})) == [pending, done]
        assert list(rows.matching({"status": ["completed"]})) == [done]

    @pytest.mark.parametrize(
        ("zone", "instant", "day"),
        [
            ("UTC", datetime(2026, 3, 8, 0, 0, tzinfo=UTC), date(2026, 3, 8)),
            ("UTC", datetime(2026, 3, 8, 23, 59, 59, 999999, tzinfo=UTC), date(2026, 3, 8)),
            ("America/New_York", datetime(2026, 3, 8, 4, 59, tzinfo=UTC), date(2026, 3, 7)),
            ("America/New_York", datetime(2026, 3, 8, 5, 0, tzinfo=UTC), date(2026, 3, 8)),
            # Daylight saving time has begun: local midnight is an hour earlier in UTC.
            ("America/New_York", datetime(2026, 3, 9, 3, 59, tzinfo=UTC), date(2026, 3, 8)),
            ("America/New_York", datetime(2026, 3, 9, 4, 0, tzinfo=UTC), date(2026, 3, 9)),
            ("Pacific/Kiritimati", datetime(2026, 3, 8, 10, 0, tzinfo=UTC), date(2026, 3, 9)),
        ],
    )
    def test_date_bounds_are_inclusive_local_days_of_the_location(self, zone, instant, day):
        appointment = AppointmentFactory(bay__location__time_zone=zone, start=instant)
        rows, one = Appointment.objects.all(), timedelta(days=1)
        assert list(rows.matching({"date_from": day, "date_to": day})) == [appointment]
        assert list(rows.matching({"date_from": day + one})) == []
        assert list(rows.matching({"date_to": day - one})) == []
        assert list(rows.matching({"date_from": day - one, "date_to": day + one})) == [appointment]
