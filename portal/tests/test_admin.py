"""The admin's first page."""

from __future__ import annotations

from django.contrib.auth.models import Group, Permission
from django.utils import timezone

from common.tests import factories


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


def test_every_figure_leads_to_the_rows_it_counts(desk):
    factories.AppointmentFactory(start=timezone.now(), technician=None)
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
