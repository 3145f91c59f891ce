"""`GET /api/shop/search/`: the search for machines and apps of staff."""

from __future__ import annotations

import pytest

from testing.factories import (
    InvoiceFactory,
    InvoiceSeriesFactory,
    OrderFactory,
    RepairOrderFactory,
    UserFactory,
)
from testing.suites import count_queries

pytestmark = pytest.mark.django_db
URL = "/api/shop/search/"
VEHICLE = {
    "year": 2019,
    "make": "Toyota",
    "model": "Camry",
    "vin": "4T1B11HK5KU200001",
    "license_plate": "KDR-1180",
    "unit_number": "T 7",
    "archived_at": None,
}
NOTHING = {"count": 0, "results": []}


def test_people_and_vehicles_are_shown_with_each_other(as_ada, zoe, camry, others):
    order = RepairOrderFactory(vehicle=camry, status="requested")
    vehicle = {"id": camry.pk, **VEHICLE}
    person = {
        "id": zoe.pk,
        "name": "Zoë Müller-Łukasz",
        "email": "zoe@example.org",
        "phone": "(217) 555-0123",
        "vehicles": [vehicle],
        "more_vehicles": 0,
    }
    car = {
        "vehicle": vehicle,
        "customer_id": zoe.pk,
        "customer_name": "Zoë Müller-Łukasz",
        "open_repair_orders": [{"id": order.pk, "number": None, "status": "requested"}],
    }
    assert as_ada.get(URL, {"q": "kdr 1180"}).json() == {
        "customers": {"count": 1, "results": [person]},
        "vehicles": {"count": 1, "results": [car]},
        "repair_orders": NOTHING,
        "invoices": NOTHING,
        "parts_orders": NOTHING,
    }


def test_orders_and_papers_are_shown(as_ada, camry):
    series = InvoiceSeriesFactory(prefix="SG")
    order = RepairOrderFactory(vehicle=camry, number=7_000, location=series.location)
    invoice = InvoiceFactory(number="SG-7000", location=series.location)
    body = as_ada.get(URL, {"q": "7000"}).json()
    assert body["repair_orders"] == {
        "count": 1,
        "results": [
            {
                "id": order.pk,
                "number": 7000,
                "status": order.status,
                "customer_id": camry.customer_id,
                "customer_name": "Zoë Müller-Łukasz",
                "vehicle_id": camry.pk,
                "vehicle": "2019 Toyota Camry (T 7)",
            }
        ],
    }
    [found] = body["invoices"]["results"]
    assert (found["id"], found["number"], found["customer_id"], found["balance"]) == (
        invoice.pk, "SG-7000", invoice.bill_to_id, str(invoice.balance)
    )  # fmt: skip
    parts = OrderFactory()
    assert as_ada.get(URL, {"q": parts.number}).json()["parts_orders"] == {
        "count": 1,
        "results": [
            {
                "id": parts.pk,
                "number": parts.number,
                "status": parts.status,
                "customer_id": parts.customer_id,
                "customer_name": parts.customer.name,
            }
        ],
    }


def test_former_customer_has_no_contact(as_ada, camry):
    camry.customer.contact.delete()
    [found] = as_ada.get(URL, {"q": "kdr1180"}).json()["customers"]["results"]
    assert (found["name"], found["email"], found["phone"]) == ("Former customer", None, "")


def test_technician_sees_neither_invoices_nor_parts_orders(as_tim, camry):
    body = as_tim.get(URL, {"q": "kdr1180"}).json()
    assert (body["invoices"], body["parts_orders"]) == (None, None)
    assert [row["vehicle"]["id"] for row in body["vehicles"]["results"]] == [camry.pk]


@pytest.mark.parametrize(
    ("query", "field"),
    [({}, "q"), ({"q": ""}, "q"), ({"q": "x" * 201}, "q"), ({"q": "x", "limit": "0"}, "limit"),
     ({"q": "x", "limit": "51"}, "limit"), ({"q": "x", "kind": "people"}, "kind")],
)  # fmt: skip
def test_wrong_parameters_are_refused(as_ada, query, field):
    response = as_ada.get(URL, query)
    assert (response.status_code, list(response.json()["fields"])) == (400, [field])


def test_customers_and_strangers_are_refused(api, as_alice):
    assert api.get(URL, {"q": "x"}).status_code == 401
    assert (as_alice.get(URL, {"q": "x"}).status_code, as_alice.get(URL, {"q": "x"}).json()["code"]) == (
        403, "staff_only"
    )  # fmt: skip


def test_number_of_queries_is_constant(as_ada, camry):
    as_ada.get(URL, {"q": "camry"})
    first = count_queries(lambda: as_ada.get(URL, {"q": "camry"}))
    for _ in range(5):
        RepairOrderFactory(vehicle__make="Camry", customer__contact=UserFactory(first_name="Camry"))
    assert count_queries(lambda: as_ada.get(URL, {"q": "camry", "limit": 50})) == first
