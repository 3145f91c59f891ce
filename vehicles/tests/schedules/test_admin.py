"""Templates of regular work in the staff's admin, and what a vehicle's page shows of its passport."""

from __future__ import annotations

from datetime import date

import pytest
from django.urls import reverse

from testing import factories
from testing.admin import errors, filled, page
from vehicles.models import Vehicle
from vehicles.schedules.models import ScheduleTemplate, ServiceSchedule

ADD = reverse("admin:vehicles_scheduletemplate_add")


def test_template_needs_an_interval(desk):
    response = desk.post(ADD, filled(desk, ADD) | {"name": "Belts", "interval_months": ""})
    assert errors(response) == ["Enter an interval in miles, in months, or both."]
    assert not ScheduleTemplate.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_saved_template_reaches_every_vehicle(desk):
    vehicle = factories.VehicleFactory()
    desk.post(ADD, filled(desk, ADD) | {"name": "Belts", "interval_months": "24"})
    schedule = ServiceSchedule.objects.get()
    assert (schedule.vehicle, schedule.template.name) == (vehicle, "Belts")
    url = page(schedule.template)
    desk.post(url, filled(desk, url) | {"interval_months": "1"})
    schedule.refresh_from_db()
    assert (schedule.due_on - schedule.started_on).days <= 31


@pytest.mark.django_db
def test_page_of_a_vehicle_shows_schedules_codes_and_fill_ups(desk):
    vehicle = factories.VehicleFactory()
    factories.ServiceScheduleFactory(vehicle=vehicle, template__name="Belts", due_on=date(2025, 1, 1))
    factories.DtcFactory(vehicle=vehicle, code="P0301")
    factories.FuelLogFactory(vehicle=vehicle)
    text = desk.get(page(vehicle)).content.decode()
    for shown in ("Belts", "Overdue", "P0301", "Powertrain: ignition or misfire", "12.345"):
        assert shown in text


@pytest.mark.django_db
def test_vehicle_that_staff_add_begins_its_schedules(desk):
    factories.ScheduleTemplateFactory()
    customer, url = factories.CustomerFactory(), reverse("admin:vehicles_vehicle_add")
    values = {"customer": customer.pk, "make": "Ford", "model": "Focus", "year": "2015", "odometer": "9000"}
    assert desk.post(url, filled(desk, url) | values).status_code == 302
    assert Vehicle.objects.get().schedules.get().due_miles == 14_000
