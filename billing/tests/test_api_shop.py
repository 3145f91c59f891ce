"""Contract 000's invoices, statements and account: bodies. `test_api_own.py` tests what the contracts share."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from billing.credit_notes import credit_amount
from billing.openings import open_account
from testing.billed import again, invoiced, pay, stored_invoice, stored_statement
from testing.factories import LocationFactory, VehicleFactory
from testing.suites import ShopCustomerListSuite, count_queries

pytestmark = pytest.mark.django_db

INVOICES = "/api/shop/invoices/customers/me/invoices/"
STATEMENTS = "/api/shop/statements/customers/me/statements/"
ACCOUNT = "/api/shop/invoices/customers/me/account/"
D = Decimal


class TestCustomerInvoices(ShopCustomerListSuite):
    url = INVOICES

    def make(self, customer):
        return stored_invoice(customer, po_number="PO 7")

    def row(self, instance, customer):
        return {
            "id": instance.pk,
            "number": instance.number,
            "kind": "order",
            "state": "overdue",
            "repair_order_id": instance.repair_order_id,
            "vehicle_label": instance.repair_order.vehicle.label,
            "po_number": "PO 7",
            "day": "2026-01-15",
            "due_on": "2026-01-15",
            "total": "108.25",
            "credited": "0.00",
            "paid": "0.00",
            "balance": "108.25",
        }


class TestCustomerStatements(ShopCustomerListSuite):
    url = STATEMENTS

    def make(self, customer):
        return stored_statement(customer, balance=D("-12.50"))

    def row(self, instance, customer):
        return {
            "id": instance.pk,
            "month": f"{instance.month:%Y-%m}-01",
            "made_at": "2026-02-01T06:00:00Z",
            "balance": "-12.50",
        }


def line(line, kind, name, quantity, *amounts):
    names = ("amount", "discount", "net", "tax")
    return {
        "id": line.pk,
        "job_id": line.job_id,
        "kind": kind,
        "name": name,
        "quantity": quantity,
    } | dict(zip(names, amounts, strict=True))


def test_invoice_has_its_lines_credit_notes_and_payments(alice, as_alice):
    vehicle = VehicleFactory(customer=alice, unit_number="A123")
    invoice = invoiced(vehicle=vehicle)
    first = pay(invoice, "200.00", method="check", reference="Check 1042")
    second = pay(invoice, "91.56")
    note = credit_amount(
        invoice=again(invoice), amount=D("50.00"), reason="Late", by=None, now=timezone.now()
    )
    pads, rotor, fluid, labor, sublet, fee = invoice.lines.order_by("position")
    job = invoice.snapshot["jobs"][0]
    day = f"{invoice.day:%Y-%m-%d}"
    response = as_alice.get(f"{INVOICES}{invoice.pk}/")
    assert (response.status_code, response.json()) == (
        200,
        {
            "id": invoice.pk,
            "number": invoice.number,
            "kind": "order",
            "state": "open",
            "repair_order_id": invoice.repair_order_id,
            "vehicle_label": "A123",
            "po_number": "",
            "day": day,
            "due_on": day,
            "total": "491.56",
            "credited": "50.00",
            "paid": "291.56",
            "balance": "150.00",
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
                line(pads, "part", pads.name, 1, "89.99", "9.00", "80.99", "7.19"),
                line(rotor, "part", rotor.name, 2, "129.00", "12.90", "116.10", "10.30"),
                line(fluid, "part", fluid.name, 0.5, "6.50", "0.65", "5.85", "0.52"),
                line(labor, "labour", "Labor", 1.8, "233.91", "23.39", "210.52", "18.68"),
                line(sublet, "sublet", "State inspection", None, "21.00", "2.10", "18.90", "0.00"),
                line(fee, "fee", "Shop supplies", None, "22.97", "2.30", "20.67", "1.84"),
            ],
            "totals": {
                "subtotal": "503.37",
                "discount": "50.34",
                "net": "453.03",
                "tax": "38.53",
                "total": "491.56",
            },
            "credit_notes": [
                {"id": note.pk, "number": note.number, "day": day, "reason": "Late", "total": "50.00"}
            ],
            "payments": [
                {"id": first.pk, "day": day, "method": "check", "reference": "Check 1042", "amount": "200.00"},
                {"id": second.pk, "day": day, "method": "card", "reference": "", "amount": "91.56"},
            ],
        },
    )  # fmt: skip
    assert (pads.job_id, fee.job_id) == (job["id"], None)


def test_opening_balance_has_no_vehicle_and_no_jobs(alice, as_alice):
    location, day = LocationFactory(), timezone.now().date() - timedelta(days=400)
    invoice = open_account(
        customer=alice, location=location, amount=D("80.00"), day=day, by=None, now=timezone.now()
    )
    body = as_alice.get(f"{INVOICES}{invoice.pk}/").json()
    assert body == {
        "id": invoice.pk,
        "number": invoice.number,
        "kind": "opening",
        "state": "overdue",
        "repair_order_id": None,
        "vehicle_label": None,
        "po_number": "",
        "day": f"{day}",
        "due_on": f"{day}",
        "total": "80.00",
        "credited": "0.00",
        "paid": "0.00",
        "balance": "80.00",
        "issued_at": f"{invoice.issued_at:%Y-%m-%dT%H:%M:%S.%fZ}",
        "customer_name": "Alice Cooper",
        "jobs": [],
        "lines": [
            line(invoice.lines.get(), "opening", "Opening balance", None, "80.00", "0.00", "80.00", "0.00")
        ],
        "totals": {"subtotal": "80.00", "discount": "0.00", "net": "80.00", "tax": "0.00", "total": "80.00"},
        "credit_notes": [],
        "payments": [],
    }


def test_account_has_the_balance_and_its_ageing(alice, as_alice):
    today = timezone.localdate()
    stored_invoice(alice, due_on=today, total=D("10.00"))
    stored_invoice(alice, due_on=today - timedelta(days=30), total=D("20.00"))
    stored_invoice(alice, due_on=today - timedelta(days=91), total=D("40.00"))
    pay(None, "15.00", customer=alice)
    assert as_alice.get(ACCOUNT).json() == {
        "invoiced": "70.00",
        "credited": "0.00",
        "paid": "15.00",
        "refunded": "0.00",
        "balance": "55.00",
        "open_payments": "15.00",
        "deposits": "0.00",
        "ageing": {"current": "10.00", "d30": "20.00", "d60": "0.00", "d90": "0.00", "over": "40.00"},
    }


def test_days_are_inclusive(alice, as_alice):
    rows = [stored_invoice(alice, day=timezone.now().date() - timedelta(days=n)) for n in (2, 1, 0)]
    days = [f"{row.day}" for row in rows]

    def found(**params):
        return [row["day"] for row in as_alice.get(INVOICES, params).json()["results"]]

    assert found(dateFrom=days[1]) == [days[2], days[1]]
    assert found(dateTo=days[1]) == [days[1], days[0]]
    assert found(dateFrom=days[1], dateTo=days[1]) == [days[1]]
    response = as_alice.get(INVOICES, {"dateFrom": days[2], "dateTo": days[0]})
    message = "Must not be after dateTo."
    assert (response.status_code, response.json()) == (
        400,
        {"error": "Invalid input", "detail": f"dateFrom: {message}", "fields": {"dateFrom": [message]}},
    )


def test_number_of_queries_does_not_grow_with_the_payments(alice, as_alice):
    few, many = (invoiced(vehicle=VehicleFactory(customer=alice)) for _ in range(2))
    pay(few, "1.00")
    for _ in range(3):
        pay(many, "1.00")
        credit_amount(invoice=again(many), amount=D("1.00"), reason="Late", by=None, now=timezone.now())
    urls = [f"{INVOICES}{invoice.pk}/" for invoice in (few, many)]
    as_alice.get(urls[0])
    assert len({count_queries(lambda url=url: as_alice.get(url)) for url in urls}) == 1
