"""The admin's first page."""

from __future__ import annotations

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Group, Permission
from django.utils import timezone

from appointments.models import AppointmentStatus
from testing import factories
from testing.admin import page
from testing.suites import count_queries


def counts(client):
    return {figure.title: figure.number for figure in client.get("/admin/").context["counts"]}


def test_first_page_counts_todays_work(desk):
    factories.AppointmentFactory(start=timezone.now(), technician=None)
    factories.AppointmentFactory()
    factories.RepairOrderFactory.create_batch(2, status="pending")
    assert counts(desk) == {
        "Visits today": 1,
        "Today without a technician": 1,
        "To be estimated": 0,
        "Waiting for the customer": 2,
        "Ready to start": 0,
        "In progress": 0,
    }


@pytest.fixture
def a_busy_day(now):
    """Of four visits today one is cancelled, one over and one assigned; two more are tomorrow."""
    for status in AppointmentStatus:
        factories.AppointmentFactory(start=now, status=status, technician=None)
    factories.AppointmentFactory(start=now, technician=factories.TechnicianFactory())
    factories.AppointmentFactory.create_batch(2)


def test_todays_visits_are_those_that_take_place(desk, a_busy_day):
    figures = counts(desk)
    assert (figures["Visits today"], figures["Today without a technician"]) == (4, 1)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_today_is_the_locations_day_and_not_the_projects(desk, zone):
    """UTC+14 and UTC-11 never share a day: whichever hour it is, one of them is not on the project's."""
    now = timezone.now()
    midnight = now.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    day = timedelta(days=1)
    for start in (
        midnight - timedelta(minutes=1),
        midnight,
        midnight + day - timedelta(minutes=1),
        midnight + day,
    ):
        factories.AppointmentFactory(start=start, bay__location__time_zone=zone)
    assert counts(desk)["Visits today"] == 2
    link = next(figure.link for figure in desk.get("/admin/").context["counts"])
    shown = desk.get(link).context["cl"].queryset.order_by("start").values_list("start", flat=True)
    assert list(shown) == [midnight, midnight + day - timedelta(minutes=1)]


def test_every_figure_leads_to_the_rows_it_counts(desk, a_busy_day):
    factories.RepairOrderFactory.create_batch(2, status="pending")
    for figure in desk.get("/admin/").context["counts"]:
        assert desk.get(figure.link).context["cl"].result_count == figure.number


def test_first_page_counts_only_what_one_may_see(client, tim):
    client.force_login(tim)
    Group.objects.get(name="technician").permissions.remove(
        Permission.objects.get(codename="view_repairorder")
    )
    assert set(counts(client)) == {"Visits today", "Today without a technician"}
    Group.objects.get(name="technician").permissions.clear()
    assert counts(client) == {}


def test_the_admins_address_is_typed_without_its_slash(client):
    response = client.get("/admin")
    assert (response.status_code, response["Location"]) == (302, "/admin/")


def links(client, customer):
    """The links of a customer's page, as it prints them."""
    return dict(
        reversed(found)
        for found in re.findall(
            r'<a href="([^"]+customer__id__exact[^"]+)"[^>]*>([^<]+)</a>', html(client, customer)
        )
    )


def html(client, customer):
    return client.get(page(customer)).content.decode()


def test_a_customers_page_leads_to_what_is_his(desk, alice, bob):
    vehicle = factories.VehicleFactory(customer=alice)
    factories.RepairOrderFactory.create_batch(2, vehicle=vehicle)
    factories.AppointmentFactory.create_batch(3)
    found = links(desk, alice)
    assert list(found) == ["Vehicles (1)", "Repair orders (2)", "Appointments (0)"]
    assert [desk.get(link).context["cl"].result_count for link in found.values()] == [1, 2, 0]
    assert list(links(desk, bob)) == ["Vehicles (0)", "Repair orders (0)", "Appointments (0)"]


def test_a_customers_page_asks_as_many_queries_for_30_orders_as_for_one(desk, alice):
    vehicle = factories.VehicleFactory(customer=alice)
    factories.RepairOrderFactory(vehicle=vehicle)
    html(desk, alice)
    with_one = count_queries(lambda: html(desk, alice))
    factories.RepairOrderFactory.create_batch(29, vehicle=vehicle)
    assert count_queries(lambda: html(desk, alice)) == with_one
