"""Contracts 000 and 001: the finished inspections of a customer."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client

from inspections.actions import finish_inspection, record_finding
from inspections.tests.conftest import JPEG, picture
from testing import factories
from testing.suites import ShopCustomerListSuite, count_queries

pytestmark = pytest.mark.django_db

MINE = "/api/shop/inspections/customers/me/inspections/"
FLEET = "/customer/api/inspections/"
AT = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


def make(customer, finished_at=AT):
    order = factories.RepairOrderFactory(vehicle=factories.VehicleFactory(customer=customer))
    inspection = factories.InspectionFactory(
        repair_order=order,
        started_at=AT,
        finished_at=finished_at,
        technician=factories.TechnicianFactory(),
    )
    factories.FindingFactory(inspection=inspection, position=2)  # not rated
    first = factories.FindingFactory(
        inspection=inspection, position=1, rating="red", value="2", note="Worn\nto the metal"
    )
    factories.FindingPhotoFactory(finding=first)
    return inspection


def row(inspection):
    finding, unrated = inspection.findings.in_order()
    return {
        "id": inspection.pk,
        "repair_order_id": inspection.repair_order_id,
        "vehicle_id": inspection.repair_order.vehicle_id,
        "name": inspection.name,
        "started_at": "2026-01-15T12:00:00Z",
        "finished_at": "2026-01-15T12:00:00Z",
        "findings": [
            {
                "id": finding.pk,
                "group": "Brakes",
                "name": finding.name,
                "rating": "red",
                "value": "2",
                "unit": "mm",
                "note": "Worn\nto the metal",
                "photos": [str(finding.photos.get().upload.uuid)],
            },
            {
                "id": unrated.pk,
                "group": "Brakes",
                "name": unrated.name,
                "rating": None,
                "value": "",
                "unit": "mm",
                "note": "",
                "photos": [],
            },
        ],
    }


class TestCustomerInspections(ShopCustomerListSuite):
    url = MINE

    def make(self, customer):
        return make(customer)

    def row(self, instance, customer):
        return row(instance)

    def test_unfinished_one_is_not_shown(self, alice, as_alice):
        inspection = make(alice, finished_at=None)
        assert as_alice.get(MINE).json()["results"] == []
        for tail in ("", "pdf/", f"photos/{inspection.findings.first().pk}/"):
            assert as_alice.get(f"{MINE}{inspection.pk}/{tail}").status_code == 404

    def test_those_of_an_order(self, alice, bob, as_alice):
        first, second, strange = make(alice), make(alice), make(bob)
        assert [entry["id"] for entry in as_alice.get(MINE).json()["results"]] == [second.pk, first.pk]
        for inspection, found in ((first, [first.pk]), (strange, [])):
            params = {"repair_order_id": inspection.repair_order_id}
            assert [entry["id"] for entry in as_alice.get(MINE, params).json()["results"]] == found


@pytest.fixture
def browser(alice):
    client = Client()
    client.force_login(alice.contact)
    return client


@pytest.mark.parametrize("contract", ["shop", "fleet"])
class TestOneInspection:
    @pytest.fixture
    def own(self, contract, as_alice, browser):
        """Return the client and the base URL of a contract."""
        return (as_alice, MINE) if contract == "shop" else (browser, FLEET)

    def test_row_photo_and_paper(self, own, inspection, findings, tim, now):
        client, base = own
        photo = picture(tim, now)
        record_finding(finding=findings[1], by=tim.pk, now=now, rating="red", photos=[photo.uuid])
        record_finding(finding=findings[0], by=tim.pk, now=now, rating="green")
        finish_inspection(inspection=inspection, by=None, now=now, anyway=True)
        body = client.get(f"{base}{inspection.pk}/").json()
        assert [(entry["name"], entry["rating"], entry["photos"]) for entry in body["findings"]] == [
            ("Engine oil", "green", []),
            ("Pads, front", "red", [str(photo.uuid)]),
            ("Pads, rear", None, []),
        ]
        response = client.get(f"{base}{inspection.pk}/photos/{photo.uuid}/")
        assert (response.status_code, b"".join(response)) == (200, JPEG)
        response = client.get(f"{base}{inspection.pk}/pdf/")
        assert (response.status_code, response["Content-Type"]) == (200, "application/pdf")

    def test_row_is_that_of_the_list(self, own, alice):
        client, base = own
        inspection = make(alice)
        assert client.get(f"{base}{inspection.pk}/").json() == row(inspection)

    def test_that_of_another_customer_is_404(self, own, bob):
        client, base = own
        inspection = make(bob)
        photo = inspection.findings.get(position=1).photos.get().upload.uuid
        for tail in ("", f"photos/{photo}/", "pdf/"):
            assert client.get(f"{base}{inspection.pk}/{tail}").status_code == 404


def test_fleets_list_is_a_bare_array_newest_first(browser, alice, bob):
    make(bob)
    make(alice, finished_at=None)
    first, second = make(alice), make(alice)
    assert browser.get(FLEET).json() == [row(second), row(first)]
    with_two = count_queries(lambda: browser.get(FLEET))
    for _ in range(8):
        make(alice)
    assert count_queries(lambda: browser.get(FLEET)) == with_two
