"""Contract 001's invoices, statements and account: bodies, with amounts as numbers."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from testing.billed import invoiced, pay, stored_invoice, stored_statement
from testing.factories import VehicleFactory
from testing.suites import count_queries

pytestmark = pytest.mark.django_db

INVOICES = "/customer/api/invoices/"
STATEMENTS = "/customer/api/statements/"
ACCOUNT = "/customer/api/account/"
D = Decimal


@pytest.fixture
def browser(alice):
    client = Client()
    client.force_login(alice.contact)
    return client


def row(invoice, **values):
    return {
        "id": invoice.pk,
        "number": invoice.number,
        "kind": "order",
        "state": "overdue",
        "repair_id": invoice.repair_order_id,
        "unit_number": invoice.snapshot["vehicle"]["label"],
        "po_number": "",
        "day": "2026-01-15",
        "due_on": "2026-01-15",
        "total": 108.25,
        "credited": 0.0,
        "paid": 0.0,
        "balance": 108.25,
    } | values


def test_list_is_a_bare_array_newest_first(browser, alice, bob):
    stored_invoice(bob)
    first, second = stored_invoice(alice), stored_invoice(alice)
    assert browser.get(INVOICES).json() == [row(second), row(first)]


def test_list_is_paged_by_headers(browser, alice):
    first, _second = stored_invoice(alice), stored_invoice(alice)
    response = browser.get(INVOICES, {"page": "2", "page_size": "1"})
    assert (response.json(), response["X-Total-Count"]) == ([row(first)], "2")
    response = browser.get(INVOICES, {"colour": "red"})
    assert (response.status_code, response.json()) == (400, {"error": "colour: Unknown parameter."})


def test_list_is_filtered_by_unit_and_days(browser, alice):
    a, b = (VehicleFactory(customer=alice, unit_number=number) for number in ("A1", "B2"))
    old = stored_invoice(alice, vehicle=a, day=timezone.now().date() - timedelta(days=9))
    new = stored_invoice(alice, vehicle=b)
    for params, found in [
        ({"unit_id": a.pk}, [old]),
        ({"unit_number": "b2"}, [new]),
        ({"unit_number": "C3"}, []),
        ({"date_from": f"{old.day}"}, [old]),
        ({"date_to": f"{new.day}"}, [new]),
    ]:
        assert [body["id"] for body in browser.get(INVOICES, params).json()] == [one.pk for one in found]
    response = browser.get(INVOICES, {"date_from": "2026-02-01", "date_to": "2026-01-01"})
    assert (response.status_code, response.json()) == (
        400,
        {"error": "date_from: Must not be after date_to."},
    )


def test_unit_keeps_the_number_on_the_paper(browser, alice):
    vehicle = VehicleFactory(customer=alice, unit_number="A1")
    stored_invoice(alice, vehicle=vehicle)
    vehicle.unit_number = "Z9"
    vehicle.save()
    assert [body["unit_number"] for body in browser.get(INVOICES, {"unit_number": "A1"}).json()] == ["A1"]
    assert browser.get(INVOICES, {"unit_number": "Z9"}).json() == []


def test_number_of_queries_does_not_grow(browser, alice):
    for url, make in ((INVOICES, stored_invoice), (STATEMENTS, stored_statement)):
        make(alice)
        browser.get(url)
        few = count_queries(lambda url=url: browser.get(url))
        for _ in range(4):
            make(alice)
        assert count_queries(lambda url=url: browser.get(url)) == few


def test_invoice_has_its_lines_and_payments(browser, alice):
    invoice = invoiced(vehicle=VehicleFactory(customer=alice, unit_number="A123"))
    payment = pay(invoice, "491.56", method="transfer")
    day = f"{invoice.day:%Y-%m-%d}"
    job = invoice.snapshot["jobs"][0]
    figures = {
        1: (1, 89.99, 9.0, 80.99, 7.19),
        2: (2, 129.0, 12.9, 116.1, 10.3),
        3: (0.5, 6.5, 0.65, 5.85, 0.52),
        4: (1.8, 233.91, 23.39, 210.52, 18.68),
        5: (None, 21.0, 2.1, 18.9, 0.0),
        6: (None, 22.97, 2.3, 20.67, 1.84),
    }
    response = browser.get(f"{INVOICES}{invoice.pk}/")
    assert (response.status_code, response.json()) == (
        200,
        row(invoice, state="paid", day=day, due_on=day, total=491.56, paid=491.56, balance=0.0)
        | {
            "issued_at": f"{invoice.issued_at:%Y-%m-%dT%H:%M:%S.%fZ}",
            "customer_name": "Alice Cooper",
            "jobs": [
                {
                    "id": job["id"],
                    "position": 1,
                    "name": "Brakes",
                    "concern": "Squeals",
                    "cause": "",
                    "correction": "",
                }
            ],
            "lines": [
                {"id": line.pk, "job_id": line.job_id, "kind": line.kind, "name": line.name}
                | dict(
                    zip(("quantity", "amount", "discount", "net", "tax"), figures[line.position], strict=True)
                )
                for line in invoice.lines.order_by("position")
            ],
            "totals": {"subtotal": 503.37, "discount": 50.34, "net": 453.03, "tax": 38.53, "total": 491.56},
            "credit_notes": [],
            "payments": [
                {"id": payment.pk, "day": day, "method": "transfer", "reference": "", "amount": 491.56}
            ],
        },
    )


def test_statements_are_a_bare_array_latest_first(browser, alice, bob):
    stored_statement(bob)
    first, second = stored_statement(alice), stored_statement(alice, balance=D("-3.50"))
    made = {"made_at": "2026-02-01T06:00:00Z"}
    assert browser.get(STATEMENTS).json() == [
        {"id": second.pk, "month": "2024-02-01", "balance": -3.5, **made},
        {"id": first.pk, "month": "2024-01-01", "balance": 108.25, **made},
    ]


def test_account_has_numbers(browser, alice):
    stored_invoice(alice, due_on=timezone.localdate())
    assert browser.get(ACCOUNT).json() == {
        "invoiced": 108.25,
        "credited": 0.0,
        "paid": 0.0,
        "refunded": 0.0,
        "balance": 108.25,
        "open_payments": 0.0,
        "deposits": 0.0,
        "ageing": {"current": 108.25, "d30": 0.0, "d60": 0.0, "d90": 0.0, "over": 0.0},
    }


PAPERS = [f"/customer/api/{noun}/1/pdf/" for noun in ("invoices", "credit-notes", "payments", "statements")]
URLS = [INVOICES, f"{INVOICES}1/", STATEMENTS, ACCOUNT, *PAPERS]


@pytest.mark.parametrize("url", URLS)
def test_anonymous_request_redirects_to_login(client, url):
    response = client.get(url)
    assert (response.status_code, response["Location"]) == (302, f"/customer/login/?next={url}")


@pytest.mark.parametrize("who", ["tim", "ada", "carol"])
@pytest.mark.parametrize("url", URLS)
def test_callers_without_customer_get_printed_404(client, request, who, url):
    client.force_login(request.getfixturevalue(who))
    response = client.get(url)
    assert (response.status_code, response.json()) == (404, {"error": "Customer profile not found"})
