"""Filters of the admin include their last day, and refuse what they do not know."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from accounts.models import Device, User
from appointments.models import Appointment
from catalogue.models import Part
from repair_orders.models import RepairOrder
from testing.admin import changelist, page
from testing.factories import (
    AppointmentFactory,
    DeviceFactory,
    LocationFactory,
    PartFactory,
    RepairOrderFactory,
)
from vehicles.models import TelematicsBatch, Vehicle


def listed(client, model, **params):
    return [row.pk for row in client.get(changelist(model), params).context["cl"].result_list]


def test_range_includes_its_last_day_whole(desk):
    order = RepairOrderFactory()
    RepairOrder.objects.update(created_at=datetime(2025, 9, 17, 23, 59, 59, 999999, tzinfo=UTC))
    assert listed(desk, RepairOrder, created_at_from="2025-09-17", created_at_to="2025-09-17") == [order.pk]
    assert listed(desk, RepairOrder, created_at_to="2025-09-16") == []
    assert listed(desk, RepairOrder, created_at_from="2025-09-18") == []
    assert listed(desk, RepairOrder, created_at_to="9999-12-31") == [order.pk]
    assert "created at (UTC)" in desk.get(changelist(RepairOrder)).text


def test_days_of_appointments_are_days_of_their_location(desk):
    location = LocationFactory(time_zone="America/Los_Angeles")
    late = AppointmentFactory(location=location)
    Appointment.objects.update(
        start=datetime(2025, 9, 18, 5, tzinfo=UTC), end=datetime(2025, 9, 18, 6, tzinfo=UTC)
    )
    assert listed(desk, Appointment, start_from="2025-09-17", start_to="2025-09-17") == [late.pk]
    assert listed(desk, Appointment, start_from="2025-09-18") == []


def test_a_comma_groups_the_digits_of_a_number(desk):
    few, many = PartFactory(stock=1_249), PartFactory(stock=1_250)
    assert listed(desk, Part, stock_from="1,250") == [many.pk]
    assert listed(desk, Part, stock_to="1,249") == [few.pk]


@pytest.mark.parametrize(
    ("model", "params", "message"),
    [
        (
            RepairOrder,
            {"created_at_from": "17.09."},
            "created_at_from: '17.09.' is not a date like 2024-12-31.",
        ),
        (RepairOrder, {"created_at_to": "2025-02-30"}, "created_at_to: '2025-02-30' is not a date"),
        (Device, {"last_seen_at_to": "x"}, "last_seen_at_to: 'x' is not a date like 2024-12-31."),
        (Appointment, {"start_from": "x"}, "start_from: 'x' is not a date like 2024-12-31."),
        (Appointment, {"day": "tomorrow"}, "day: 'tomorrow' is not one of today."),
        (Appointment, {"location__id__exact": "99"}, "location__id__exact: "),
        (Appointment, {"status__exact": "lost"}, "status__exact: 'lost' is not one of pending, "),
        (User, {"role__exact": "king"}, "role__exact: 'king' is not one of "),
        (User, {"is_active__exact": "perhaps"}, "is_active__exact: 'perhaps' is not one of 0, 1."),
        (Part, {"stock_from": "many"}, "stock_from: 'many' is not a number."),
        (Part, {"stock_to": "12,50"}, "stock_to: '12,50'. Write 12.50 with a point."),
        (TelematicsBatch, {"ended": "year"}, "ended: 'year' is not one of day, week, month."),
        (Vehicle, {"archived_at__isempty": "2"}, ""),
        (RepairOrder, {"colour": "red"}, ""),
        (RepairOrder, {"created_at__year": "9999"}, "created_at: "),
        (RepairOrder, {"created_at__year": "abc"}, ""),
        (RepairOrder, {"created_at__year": "2025", "created_at__month": "13"}, ""),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_unknown_value_is_refused_with_a_message(desk, model, params, message):
    response = desk.get(changelist(model), params)
    if response.status_code == 400:  # Django's answer to a lookup that the page does not offer
        return
    assert (response.status_code, response.headers["Location"]) == (302, f"{changelist(model)}?e=1")
    [shown] = [str(m) for m in desk.get(response.headers["Location"]).context["messages"]]
    assert shown.startswith(f"Nothing was filtered. {message}")


def test_unknown_row_of_a_relation_is_refused_with_a_message(desk):
    known = ", ".join(str(LocationFactory(name=name).pk) for name in "AB")
    response = desk.get(changelist(Appointment), {"location__id__exact": "999999"})
    assert (response.status_code, response.headers["Location"]) == (302, f"{changelist(Appointment)}?e=1")
    [shown] = [str(m) for m in desk.get(response.headers["Location"]).context["messages"]]
    assert shown == f"Nothing was filtered. location__id__exact: '999999' is not one of {known}."


@pytest.mark.parametrize(
    "params", [{"day": "today"}, {"status__exact": ["pending", "completed"]}, {"start_to": ""}]
)
def test_known_value_is_accepted(desk, params):
    assert desk.get(changelist(Appointment), params).status_code == 200


def test_read_only_times_are_local_to_the_location_and_name_the_zone(desk):
    appointment = AppointmentFactory(location=LocationFactory(time_zone="America/Los_Angeles"))
    Appointment.objects.update(created_at=datetime(2025, 9, 18, 5, tzinfo=UTC))
    assert "Sept. 17, 2025, 10 p.m. PDT" in desk.get(page(appointment)).text
    past = appointment.history.latest()
    type(past).objects.update(created_at=datetime(2025, 9, 18, 5, tzinfo=UTC))
    assert "Sept. 17, 2025, 10 p.m. PDT" in desk.get(page(appointment, "simple_history", past.pk)).text
    history = desk.get(page(appointment, "history")).text
    assert "PDT" in history or "PST" in history
    assert timezone.get_current_timezone_name() == "UTC"


def test_read_only_times_without_a_location_are_in_the_projects_zone(desk):
    device = DeviceFactory(last_seen_at=datetime(2025, 9, 18, 5, tzinfo=UTC))
    assert "Sept. 18, 2025, 5 a.m. UTC" in desk.get(page(device)).text
