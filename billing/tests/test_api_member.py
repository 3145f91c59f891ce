"""Invoices in the conventions of contract 003."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone

from billing.credit_notes import credit_amount
from billing.invoices import issue_invoice
from billing.papers.actions import invoice_paper
from billing.papers.models import Paper
from testing import factories
from testing.billed import again, completed, invoiced, pay, stored_invoice
from testing.suites import count_queries

pytestmark = pytest.mark.django_db

URL = "/api/invoices/"
NOT_FOUND = {"error": "Invoice not found"}
UNKNOWN = "0190b8c6-7d1e-7abc-8def-0123456789ab"
D = Decimal


@pytest.fixture(autouse=True)
def uploads(settings, tmp_path):
    settings.UPLOADS_DIR = tmp_path / "uploads"


@pytest.fixture
def invoice(alice):
    return invoiced(vehicle=factories.VehicleFactory(customer=alice, unit_number="A123"))


def row(invoice, **values):
    return {
        "id": str(invoice.uuid),
        "number": invoice.number,
        "kind": "order",
        "state": "open",
        "vehicleId": str(invoice.repair_order.vehicle.uuid),
        "vehicleLabel": "A123",
        "issuedAt": f"{invoice.issued_at:%Y-%m-%dT%H:%M:%S.%fZ}",
        "dueOn": f"{invoice.due_on}",
        "total": 491.56,
        "credited": 0.0,
        "paid": 0.0,
        "balance": 491.56,
    } | values


def test_list_is_a_bare_array_newest_first(alice, as_alice, invoice):
    second = invoiced(vehicle=factories.VehicleFactory(customer=alice, unit_number="B456"))
    response = as_alice.get(URL)
    assert (response.status_code, response.json()) == (
        200,
        [row(second, vehicleLabel="B456"), row(invoice)],
    )


def test_list_is_filtered_by_vehicle_and_balance(alice, as_alice, invoice):
    paid = stored_invoice(alice)
    pay(paid, "108.25")
    for params, found in [
        ({"open": "true"}, invoice),
        ({"open": "false"}, paid),
        ({"vehicleId": str(invoice.repair_order.vehicle.uuid)}, invoice),
        ({"vehicleId": str(paid.repair_order.vehicle.uuid)}, paid),
    ]:
        assert [body["id"] for body in as_alice.get(URL, params).json()] == [str(found.uuid)]
    assert as_alice.get(URL, {"vehicleId": UNKNOWN}).json() == []
    response = as_alice.get(URL, {"vehicleId": "first"})
    assert (response.status_code, response.json()) == (400, {"vehicleId": ["Must be a valid UUID."]})


def test_number_of_queries_does_not_grow(alice, as_alice):
    stored_invoice(alice)
    as_alice.get(URL)
    few = count_queries(lambda: as_alice.get(URL))
    for _ in range(4):
        stored_invoice(alice)
    assert count_queries(lambda: as_alice.get(URL)) == few


def test_invoice_has_its_lines_credit_notes_and_payments(as_alice, invoice):
    pay(invoice, "200.00", method="check", reference="Check 1042")
    note = credit_amount(
        invoice=again(invoice), amount=D("50.00"), reason="Late", by=None, now=timezone.now()
    )
    pads, rotor, fluid, *_ = (line.name for line in invoice.lines.order_by("position"))
    figures = [
        ("part", pads, 1, 89.99, 9.0, 80.99, 7.19),
        ("part", rotor, 2, 129.0, 12.9, 116.1, 10.3),
        ("part", fluid, 0.5, 6.5, 0.65, 5.85, 0.52),
        ("labour", "Labor", 1.8, 233.91, 23.39, 210.52, 18.68),
        ("sublet", "State inspection", None, 21.0, 2.1, 18.9, 0.0),
        ("fee", "Shop supplies", None, 22.97, 2.3, 20.67, 1.84),
    ]
    names = ("kind", "name", "quantity", "amount", "discount", "net", "tax")
    day = f"{invoice.day}"
    response = as_alice.get(f"{URL}{invoice.uuid}/")
    assert (response.status_code, response.json()) == (
        200,
        row(invoice, credited=50.0, paid=200.0, balance=241.56)
        | {
            "jobs": [{"name": "Brakes", "concern": "Squeals", "cause": "", "correction": ""}],
            "lines": [dict(zip(names, line, strict=True)) for line in figures],
            "totals": {"subtotal": 503.37, "discount": 50.34, "net": 453.03, "tax": 38.53, "total": 491.56},
            "creditNotes": [{"number": note.number, "day": day, "reason": "Late", "total": 50.0}],
            "payments": [{"day": day, "method": "check", "amount": 200.0}],
        },
    )


def test_paper_is_the_stored_file(as_alice, invoice):
    response = as_alice.get(f"{URL}{invoice.uuid}/pdf/")
    assert (response.status_code, response.content) == (
        200,
        invoice_paper(invoice, now=timezone.now()).content,
    )
    assert response.headers["Content-Type"] == "application/pdf"


def test_invoices_of_others_and_malformed_ids_are_missing(as_bob, as_alice, invoice):
    assert as_bob.get(URL).json() == []
    for client, key in ((as_bob, invoice.uuid), (as_alice, UNKNOWN), (as_alice, "1"), (as_alice, "first")):
        for path in ("", "pdf/"):
            response = client.get(f"{URL}{key}/{path}")
            assert (response.status_code, response.json()) == (404, NOT_FOUND)
    assert not Paper.objects.exists()


def test_payer_sees_it_and_the_owner_of_the_vehicle_does_not(alice, bob, as_alice, as_bob):
    order = completed(vehicle=factories.VehicleFactory(customer=alice))
    invoice = issue_invoice(order=order, by=None, now=timezone.now(), bill_to=bob)
    assert as_alice.get(URL).json() == []
    for path in ("", "pdf/"):
        statuses = [client.get(f"{URL}{invoice.uuid}/{path}").status_code for client in (as_alice, as_bob)]
        assert statuses == [404, 200]


def test_other_callers_are_refused(api, as_tim, sign_in, carol, invoice):
    for path in ("", f"{invoice.uuid}/", f"{invoice.uuid}/pdf/"):
        assert api.get(f"{URL}{path}").status_code == 401
        response = as_tim.get(f"{URL}{path}")
        message = {"error": "This endpoint is only accessible to customers."}
        assert (response.status_code, response.json()) == (403, message)
    newcomer = sign_in(carol)
    assert newcomer.get(URL).json() == []
    assert newcomer.get(f"{URL}{invoice.uuid}/").status_code == 404


@pytest.mark.parametrize("url", ["/api/payments/create-payment-intent/", "/api/payments/confirm-payment"])
def test_online_payment_is_not_set_up(api, as_alice, as_tim, url):
    response = as_alice.post(url, {"plan_id": UNKNOWN}, format="json")
    assert (response.status_code, response.json()) == (
        503,
        {"error": "Online payment is not set up. Please pay at the shop."},
    )
    assert api.post(url, {}, format="json").status_code == 401
    assert as_tim.post(url, {}, format="json").status_code == 403
