"""Portal: invoices, one invoice, and statements."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from billing.credit_notes import credit_amount
from billing.invoices import issue_invoice
from billing.openings import open_account
from billing.papers.actions import invoice_paper, statement_paper
from portal.tests.fleet.conftest import browser
from testing import factories
from testing.billed import again, completed, invoiced, pay, stored_invoice, stored_statement

pytestmark = pytest.mark.django_db
D = Decimal


def numbers(response):
    return [entry["invoice"].number for entry in response.context["invoices"]]


def words(response):
    """Return the text of a page with single spaces, without its tags."""

    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", response.content.decode()))


class TestList:
    def test_balance_and_ages_stand_above_the_list(self, page, rosa):
        today = timezone.localdate()
        stored_invoice(rosa, due_on=today, total=D("1010.00"))
        stored_invoice(rosa, due_on=today - timedelta(days=45), total=D("20.00"))
        pay(None, "15.00", customer=rosa)
        text = words(page.get("/customer/invoices/"))
        assert "Your balance $1,015.00 $15.00 paid and not used yet" in text
        assert "Not yet due $1,010.00 1–30 days late $0.00 31–60 days late $20.00" in text

    def test_account_in_the_customer_s_favor(self, page, rosa):
        pay(None, "15.00", customer=rosa)
        text = words(page.get("/customer/invoices/"))
        assert "In your favor $15.00" in text and "There are no invoices yet." in text

    def test_filters_are_those_of_the_json(self, page, rosa, unit):
        today = timezone.localdate()
        owed = stored_invoice(rosa, vehicle=unit, due_on=today, day=today)
        late = stored_invoice(rosa, due_on=today - timedelta(days=1), day=today - timedelta(days=40))
        paid = stored_invoice(rosa, day=today - timedelta(days=50))
        pay(paid, "108.25")
        for params, found in [
            ({}, {owed, late, paid}),
            ({"open": "true"}, {owed, late}),
            ({"overdue": "true"}, {late}),
            ({"open": "false"}, {paid}),
            ({"unit_id": unit.pk}, {owed}),
            ({"unit_number": "a123"}, {owed}),
            ({"date_from": f"{today}"}, {owed}),
            ({"date_to": f"{late.day}"}, {late, paid}),
        ]:
            response = page.get("/customer/invoices/", params)
            assert set(numbers(response)) == {invoice.number for invoice in found}
            assert sum(entry["is_current"] for entry in response.context["shown"]) == 1
            assert len(page.get("/customer/api/invoices/", params).json()) == len(found)

    def test_wrong_parameter_is_a_400_page_that_names_it(self, page):
        response = page.get("/customer/invoices/", {"date_from": "yesterday"})
        assert response.status_code == 400
        assert "date_from: " in response.content.decode()
        assert page.get("/customer/invoices/", {"page": "2"}).status_code == 400
        assert "No invoices match the filters." in words(page.get("/customer/invoices/", {"open": "true"}))

    def test_pages_keep_the_filters(self, page, rosa):
        for _ in range(3):
            stored_invoice(rosa)
        response = page.get("/customer/invoices/", {"overdue": "true", "page": "2", "page_size": "2"})
        assert numbers(response) == ["T-1"]
        assert "?overdue=true&amp;page=1&amp;page_size=2" in response.content.decode()


class TestInvoice:
    def test_invoice_shows_its_lines_credits_and_payments(self, page, unit):
        invoice = invoiced(vehicle=unit)
        pay(invoice, "200.00", method="check", reference="Check 1042")
        note = credit_amount(
            invoice=again(invoice), amount=D("50.00"), reason="Late", by=None, now=timezone.now()
        )
        text = words(page.get(f"/customer/invoices/{invoice.pk}/"))
        for part in (
            f"Invoice {invoice.number} A123, 2019 Ford Transit",
            "Download PDF",
            "Brakes $480.40",
            "Labor Labor · 1.8 h 1.8 h $233.91",
            "Shop supplies Fees $22.97",
            "Subtotal $503.37 Discount, 10 % −$50.34 Tax $38.53 Total $491.56",
            f"{note.number} (PDF) Late",
            "−$50.00",
            "Check Check 1042 Receipt of $200.00 (PDF)",
            "To pay $241.56",
            "Total $491.56 Credited −$50.00 Paid −$200.00",
        ):
            assert part in text

    def test_opening_balance_has_a_page_and_a_paper(self, page, rosa, settings, tmp_path):
        settings.UPLOADS_DIR = tmp_path / "uploads"
        now = timezone.now()
        invoice = open_account(
            customer=rosa,
            location=factories.LocationFactory(),
            amount=D("80.00"),
            day=date(2025, 12, 31),
            by=None,
            now=now,
        )
        text = words(page.get(f"/customer/invoices/{invoice.pk}/"))
        assert "What was owed on 31 Dec 2025" in text and "Opening balance Opening balances $80.00" in text
        response = page.get(f"/customer/invoices/{invoice.pk}/pdf/")
        assert (response.status_code, response.content) == (200, invoice_paper(invoice, now=now).content)
        assert page.get("/customer/invoices/").context["invoices"][0]["invoice"].vehicle_label is None

    def test_overdue_and_paid(self, page, rosa):
        late = stored_invoice(rosa)
        assert "Was due on 15 Jan 2026" in words(page.get(f"/customer/invoices/{late.pk}/"))
        pay(late, "108.25")
        text = words(page.get(f"/customer/invoices/{late.pk}/"))
        assert "Paid" in text and "due on" not in text

    def test_payer_of_another_s_repair_sees_no_link_to_it(self, rosa, page, bob):
        order = completed(vehicle=factories.VehicleFactory(customer=bob, unit_number="B1"))
        invoice = issue_invoice(order=order, by=None, now=timezone.now(), bill_to=rosa)
        response = page.get(f"/customer/invoices/{invoice.pk}/")
        assert "Repaired for Bob Baker" in words(response)
        assert f"/customer/repairs/{order.pk}/" not in response.content.decode()
        assert browser(bob.contact).get(f"/customer/invoices/{invoice.pk}/").status_code == 404

    def test_repair_links_to_its_invoice_for_who_pays(self, rosa, page, unit, bob):
        order = completed(vehicle=unit)
        url = f"/customer/repairs/{order.pk}/"
        assert "Invoice" not in words(page.get(url)).replace("Invoices", "")
        invoice = issue_invoice(order=order, by=None, now=timezone.now())
        response = page.get(url)
        assert f'href="/customer/invoices/{invoice.pk}/"' in response.content.decode()
        assert f"{invoice.number} $491.56" in words(response)
        other = completed(vehicle=factories.VehicleFactory(customer=rosa))
        issue_invoice(order=other, by=None, now=timezone.now(), bill_to=bob)
        assert "/customer/invoices/" not in page.get(f"/customer/repairs/{other.pk}/").text.replace(
            'href="/customer/invoices/"', ""
        )


def test_dashboard_names_what_is_overdue(page, rosa, bob):
    stored_invoice(rosa, due_on=timezone.localdate())
    stored_invoice(bob)
    assert "overdue" not in words(page.get("/customer/dashboard/"))
    stored_invoice(rosa)
    assert "$108.25 of 1 invoice is overdue." in words(page.get("/customer/dashboard/"))
    stored_invoice(rosa)
    response = page.get("/customer/dashboard/")
    assert "$216.50 of 2 invoices are overdue." in words(response)
    assert 'href="/customer/invoices/?overdue=true"' in response.content.decode()


class TestStatements:
    def test_statements_are_listed_latest_first(self, page, rosa, bob):
        stored_statement(bob)
        assert "There are no statements yet." in words(page.get("/customer/statements/"))
        stored_statement(rosa)
        stored_statement(rosa, balance=D("-3.50"))
        text = words(page.get("/customer/statements/"))
        assert text.index("February 2024") < text.index("−$3.50") < text.index("January 2024")
        assert page.get("/customer/statements/", {"page": "2"}).status_code == 400


def test_viewer_reads_and_downloads(rosa, unit, settings, tmp_path, bobs_page):
    settings.UPLOADS_DIR = tmp_path / "uploads"
    viewer = browser(factories.CustomerUserFactory(customer=rosa, role="viewer").user)
    invoice, statement = invoiced(vehicle=unit), stored_statement(rosa)
    for path in ("invoices/", f"invoices/{invoice.pk}/", "statements/"):
        assert viewer.get(f"/customer/{path}").status_code == 200
    now = timezone.now()
    for path, paper in (
        (f"invoices/{invoice.pk}/pdf/", invoice_paper(invoice, now=now)),
        (f"statements/{statement.pk}/pdf/", statement_paper(statement, now=now)),
    ):
        response = viewer.get(f"/customer/{path}")
        assert (response.status_code, response.content) == (200, paper.content)
        assert bobs_page.get(f"/customer/{path}").status_code == 404
