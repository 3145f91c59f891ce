"""The first page of the admin, and the links on a customer's page."""

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
    return {figure.title: figure.number for figure in client.get("/admin/tables/").context["figures"]}


def test_first_page_shows_figures_of_today(desk):
    factories.AppointmentFactory(start=timezone.now(), technician=None)
    factories.AppointmentFactory()
    factories.RepairOrderFactory.create_batch(2, status="pending")
    assert counts(desk) == {
        "Appointments today": 1,
        "Today without a technician": 1,
        "To estimate": 0,
        "Waiting for the customer": 2,
        "Ready to start": 0,
        "In progress": 0,
    }


@pytest.fixture
def appointments_today(now):
    """Create five appointments today, of which one is cancelled and one assigned, and two appointments tomorrow."""
    for status in AppointmentStatus:
        factories.AppointmentFactory(start=now, status=status, technician=None)
    factories.AppointmentFactory(start=now, technician=factories.TechnicianFactory())
    factories.AppointmentFactory.create_batch(2)


def test_cancelled_appointments_are_not_counted(desk, appointments_today):
    figures = counts(desk)
    assert (figures["Appointments today"], figures["Today without a technician"]) == (4, 1)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_today_is_the_day_of_the_location(desk, zone):
    """UTC+14 and UTC-11 are never on the same day, so at any hour one of them differs from the project's day."""
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
    assert counts(desk)["Appointments today"] == 2
    link = next(figure.link for figure in desk.get("/admin/tables/").context["figures"])
    shown = desk.get(link).context["cl"].queryset.order_by("start").values_list("start", flat=True)
    assert list(shown) == [midnight, midnight + day - timedelta(minutes=1)]


def test_figure_links_to_rows_it_counts(desk, appointments_today):
    factories.RepairOrderFactory.create_batch(2, status="pending")
    for figure in desk.get("/admin/tables/").context["figures"]:
        assert desk.get(figure.link).context["cl"].result_count == figure.number


def test_figures_require_view_permission(client, tim):
    client.force_login(tim)
    Group.objects.get(name="technician").permissions.remove(
        Permission.objects.get(codename="view_repairorder")
    )
    assert set(counts(client)) == {"Appointments today", "Today without a technician"}
    Group.objects.get(name="technician").permissions.clear()
    assert counts(client) == {}


def test_admin_url_without_slash_redirects(client):
    response = client.get("/admin")
    assert (response.status_code, response["Location"]) == (302, "/admin/")


def links(client, customer):
    """Return the links on a customer's page: title -> URL."""
    return dict(
        reversed(found)
        for found in re.findall(
            r'<a href="([^"]+customer__id__exact[^"]+)"[^>]*>([^<]+)</a>', html(client, customer)
        )
    )


def html(client, customer):
    return client.get(page(customer)).content.decode()


def test_customer_page_links_to_rows_of_customer(desk, alice, bob):
    vehicle = factories.VehicleFactory(customer=alice)
    factories.RepairOrderFactory.create_batch(2, vehicle=vehicle)
    factories.AppointmentFactory.create_batch(3)
    found = links(desk, alice)
    assert list(found) == ["Vehicles (1)", "Repair orders (2)", "Appointments (0)", "Payments"]
    assert [desk.get(link).context["cl"].result_count for link in found.values()] == [1, 2, 0, 0]
    assert list(links(desk, bob)) == ["Vehicles (0)", "Repair orders (0)", "Appointments (0)", "Payments"]


def test_customer_page_query_count_is_constant(desk, alice):
    vehicle = factories.VehicleFactory(customer=alice)
    factories.RepairOrderFactory(vehicle=vehicle)
    html(desk, alice)
    with_one = count_queries(lambda: html(desk, alice))
    factories.RepairOrderFactory.create_batch(29, vehicle=vehicle)
    assert count_queries(lambda: html(desk, alice)) == with_one
