"""The pages and papers behind the links of invoices and statements."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from unittest.mock import patch

import pytest
from django.test import Client
from django.utils import timezone

from billing.credit_notes import credit_all, credit_amount
from billing.invoices import issue_invoice
from billing.ledger import Target
from billing.links import INVOICES, STATEMENTS
from billing.models import Invoice, Paper
from billing.openings import open_account
from billing.papers.actions import credit_note_paper, invoice_paper, receipt_paper, statement_paper
from billing.payments import allocate, refund
from billing.statements import make_statement
from files.stores import LocalStore, StoreUnavailable
from portal.tests.link.conftest import text_of
from repair_orders import actions
from repair_orders.estimates.actions import Answerer
from testing import factories
from testing.billed import again, completed, pay
from testing.worked_example import TEN_PERCENT, answer, estimated, priced_location, reload

pytestmark = pytest.mark.django_db
D = Decimal
AT = datetime(2026, 11, 30, 21, 20, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _folder(settings, tmp_path):
    settings.UPLOADS_DIR = tmp_path / "uploads"


@pytest.fixture
def place(db):
    location = priced_location(TEN_PERCENT)
    location.legal_name, location.phone = "Springfield Garage LLC", "+1 (555) 555-0140"
    location.time_zone, location.terms = "America/New_York", "Parts are kept for ten days."
    location.save()
    return location


def billed(place, customer, *, at=AT, **fields):
    with patch.object(timezone, "now", lambda: at):
        vehicle = factories.VehicleFactory(
            customer=customer, year=2011, make="Volkswagen", model="Golf", unit_number="T-17"
        )
        order = completed(location=place, vehicle=vehicle, po_number="PO-77", **fields)
        return issue_invoice(order=order, by=None, now=at)


@pytest.fixture
def invoice(place, alice):
    return billed(place, alice)


@pytest.fixture
def statement(invoice, alice):
    return make_statement(alice, date(2026, 11, 1), now=AT + timedelta(days=1))


def url(row, paper=""):
    if isinstance(row, Invoice):
        return f"/i/{INVOICES.token_of(row.uuid)[0]}{paper}"
    return f"/s/{STATEMENTS.token_of(row.uuid)[0]}{paper}"


class TestInvoicePage:
    def test_paper_and_present_balance(self, client, invoice, alice):
        check = pay(again(invoice), "91.56", "check", reference="1077", now=AT)
        note = credit_amount(invoice=again(invoice), amount=D("20.00"), reason="Late", by=None, now=AT)
        with patch.object(timezone, "now", lambda: AT):
            response = client.get(url(invoice))
        assert response.status_code == 200
        vin = invoice.snapshot["vehicle"]["vin"]
        part = [line["part_number"] for line in invoice.snapshot["jobs"][0]["lines"][:3]]
        shown = text_of(response)
        assert shown == (
            f"Invoice {invoice.number} from Springfield Garage LLC Skip to the content "
            f"Springfield Garage LLC +1 (555) 555-0140 Invoice {invoice.number} You owe $380.00 "
            "Due on 30 Nov 2026. Questions? Call +1 (555) 555-0140 . "
            f"Bill to Alice Cooper {alice.address} Issued 30 Nov 2026, 16:20 Due 30 Nov 2026 "
            f"Vehicle 2011 Volkswagen Golf T-17 · {vin} Repair order {invoice.repair_order.number}, PO PO-77 "
            "Download as PDF Brakes $480.40 Squeals Part or work Quantity Price Amount "
            f"Oil Filter {part[0]}, new · 1 × $89.99 1 $89.99 $89.99 "
            f"Oil Filter {part[1]}, new · 2 × $64.50 2 $64.50 $129.00 "
            f"Oil Filter {part[2]}, new · 0.5 × $12.99 0.5 $12.99 $6.50 "
            "Labor Labor · 1.8 h × $129.95 1.8 h $129.95 $233.91 State inspection Sublet $21.00 "
            "The whole invoice Shop supplies $22.97 Subtotal $503.37 Discount, 10 % −$50.34 "
            "Tax, 8.875 % of $434.13 $38.53 Total $491.56 Credited −$20.00 Paid −$91.56 Balance $380.00 "
            f"Payments Check 30 Nov 2026, 1077 Receipt {check.pk} (PDF) $91.56 "
            f"Credit notes {note.number}, 30 Nov 2026 Late Credit note {note.number} (PDF) −$20.00 "
            "Declined, not done Oil before tax $150.41 "
            "Authorized 30 Nov 2026, 16:20 Not recorded $491.56 "
            "Parts are kept for ten days. "
            f"Springfield Garage LLC · {invoice.location.address} "
            "Dates and times are in the time zone America/New_York."
        )

    @pytest.mark.parametrize(
        ("units", "words"),
        [("", "84250 – 84256.5 miles"), ("metric", "135587.2 – 135597.7 km")],
    )
    def test_odometer_is_in_the_units_of_the_paper(self, client, place, alice, units, words):
        alice.units = units
        alice.save()
        read = {"odometer_in": D("84250.00"), "odometer_out": D("84256.50")}
        invoice = billed(place, alice, **read)
        alice.units = "imperial"
        alice.save()
        assert f"PO PO-77 {words} Download as PDF" in text_of(client.get(url(invoice)))

    def test_it_tells_through_what_number_the_work_was_authorised(self, client, place, alice):
        phone = Answerer("phone", "Alice Cooper", "+1 (555) 555-0199")
        with patch.object(timezone, "now", lambda: AT):
            order, brakes, oil = estimated(location=place, vehicle=factories.VehicleFactory(customer=alice))
            answer(order, {brakes: "approved", oil: "declined"}, answerer=phone)
            actions.start(order=reload(order), by=None, now=AT)
            actions.complete(order=reload(order), by=None, now=AT)
            invoice = issue_invoice(order=reload(order), by=None, now=AT)
        assert "Authorized 30 Nov 2026, 16:20 , Alice Cooper, +1 (555) 555-0199 By phone $491.56" in text_of(
            client.get(url(invoice))
        )

    @pytest.mark.parametrize(
        ("days", "words"),
        [(0, "You owe $491.56 Due on 30 Nov 2026."), (1, "You owe $491.56 Due since 30 Nov")],
    )
    def test_due_and_overdue(self, client, invoice, days, words):
        with patch.object(timezone, "now", lambda: AT + timedelta(days=days)):
            assert words in text_of(client.get(url(invoice)))

    def test_paid_and_credited(self, client, invoice):
        pay(again(invoice), "491.56", now=AT)
        assert "Paid Nothing is due. Thank you." in text_of(client.get(url(invoice)))
        credit_all(invoice=again(invoice), reason="Wrong name", by=None, now=AT)
        shown = text_of(client.get(url(invoice)))
        assert "Credited as a whole Nothing is due." in shown and "Questions?" not in shown
        assert "Credited −$491.56 Balance $0.00" in shown

    def test_refunds_are_listed_and_parts_of_payments_named(self, client, invoice, alice):
        payment = pay(None, "100.00", "cash", customer=alice, location=invoice.location, now=AT)
        allocate(payment=payment, allocations=[Target(invoice, D("60.00"))], by=None, now=AT)
        given = refund(payment=again(payment), amount=D("40.00"), reason="Change", by=None, now=AT)
        shown = text_of(client.get(url(invoice)))
        assert (
            f"Cash 30 Nov 2026 $60.00 for this invoice Receipt {payment.pk} (PDF) $100.00 "
            f"Refund 30 Nov 2026 Receipt {given.pk} (PDF) −$40.00"
        ) in shown

    def test_opening_balance(self, client, place, alice):
        invoice = open_account(
            customer=alice, location=place, amount=D("250.00"), day=date(2026, 1, 31), by=None, now=AT
        )
        shown = text_of(client.get(url(invoice)))
        assert "You owe $250.00 Due since 31 Jan 2026." in shown
        assert "The whole invoice Total $250.00 Balance $250.00" in shown

    def test_number_of_queries_does_not_grow(self, client, invoice, django_assert_num_queries):
        pay(again(invoice), "1.00", now=AT)
        credit_amount(invoice=again(invoice), amount=D("1.00"), reason="Late", by=None, now=AT)
        with django_assert_num_queries(5):
            client.get(url(invoice))
        for _ in range(4):
            pay(again(invoice), "1.00", now=AT)
            credit_amount(invoice=again(invoice), amount=D("1.00"), reason="Late", by=None, now=AT)
        with django_assert_num_queries(5):
            client.get(url(invoice))


class TestStatementPage:
    def test_paper(self, client, statement, invoice, alice):
        pay(again(invoice), "100.00", now=AT + timedelta(days=2))
        response = client.get(url(statement))
        assert response.status_code == 200
        assert text_of(response) == (
            "Statement of November 2026 from Springfield Garage LLC Skip to the content "
            "Springfield Garage LLC +1 (555) 555-0140 Statement of November 2026 You owed $491.56 "
            "On 30 Nov 2026. What was posted later is not part of it. Questions? Call +1 (555) 555-0140 . "
            f"Account of Alice Cooper {alice.address} Made 1 Dec 2026, 16:20 Download as PDF "
            "Postings Posting Amount Balance Balance brought forward Balance $0.00 "
            f"Invoice {invoice.number} 30 Nov 2026 · T-17 · Order {invoice.repair_order.number} · PO PO-77 "
            "· Due 30 Nov 2026 $491.56 Balance $491.56 Unpaid invoices on 30 Nov 2026 Not yet due $491.56 "
            "1–30 days past due $0.00 31–60 days past due $0.00 61–90 days past due $0.00 "
            "Over 90 days past due $0.00 Balance $491.56 Parts are kept for ten days. "
            f"Springfield Garage LLC · {invoice.location.address} "
            "Dates and times are in the time zone America/New_York."
        )

    def test_shop_that_owes(self, client, place, alice):
        pay(None, "80.00", customer=alice, location=place, now=AT)
        statement = make_statement(alice, date(2026, 11, 1), now=AT + timedelta(days=1))
        shown = text_of(client.get(url(statement)))
        assert "Springfield Garage LLC owed you $80.00" in shown
        assert "−$80.00 Balance −$80.00" in shown and "Payments not used −$80.00 Balance −$80.00" in shown


class TestPapers:
    def test_each_is_the_stored_one(self, client, invoice, statement, now):
        payment = pay(again(invoice), "91.56", now=AT)
        note = credit_amount(invoice=again(invoice), amount=D("20.00"), reason="Late", by=None, now=AT)
        papers = {
            url(invoice, "/invoice.pdf"): invoice_paper(invoice, now=now),
            url(invoice, f"/credit-notes/{note.number}.pdf"): credit_note_paper(note, now=now),
            url(invoice, f"/receipts/{payment.pk}.pdf"): receipt_paper(payment, now=now),
            url(statement, "/statement.pdf"): statement_paper(statement, now=now),
        }
        for path, paper in papers.items():
            response = client.get(path)
            assert (response.status_code, response.content) == (200, paper.content)
            assert response["Content-Disposition"] == f'inline; filename="{paper.name}"'
            assert response["Content-Type"] == "application/pdf"
        assert Paper.objects.count() == 4

    def test_papers_of_another_invoice_are_404(self, client, invoice, place, bob):
        other = billed(place, bob)
        payment = pay(again(other), "91.56", now=AT)
        note = credit_amount(invoice=again(other), amount=D("20.00"), reason="Late", by=None, now=AT)
        for path, words in (
            (f"/credit-notes/{note.number}.pdf", "This invoice has no such credit note."),
            (f"/receipts/{payment.pk}.pdf", "This invoice has no such payment."),
        ):
            response = client.get(url(invoice, path))
            assert (response.status_code, response.content.decode()) == (404, words)
        assert not Paper.objects.exists()

    def test_store_that_is_away(self, client, invoice):
        with patch.object(LocalStore, "put", side_effect=StoreUnavailable):
            response = client.get(url(invoice, "/invoice.pdf"))
        assert (response.status_code, response.content.decode()) == (503, str(StoreUnavailable.message))


PATHS = ("/i/{}", "/i/{}/invoice.pdf", "/i/{}/credit-notes/A-C1.pdf", "/i/{}/receipts/1.pdf")
PATHS += ("/s/{}", "/s/{}/statement.pdf")


@pytest.mark.parametrize("path", PATHS)
class TestEveryPath:
    def test_unknown_link_is_410(self, client, invoice, statement, path):
        for token in ("unknown", str(invoice.uuid), invoice.token_hash, str(invoice.pk), "%00"):
            response = client.get(path.format(token))
            assert response.status_code == 410
            assert "This link opens nothing" in text_of(response)

    def test_token_of_the_other_kind_opens_nothing(self, client, invoice, statement, path):
        other = url(statement if path.startswith("/i/") else invoice).rpartition("/")[2]
        assert client.get(path.format(other)).status_code == 410

    def test_other_methods_are_405(self, client, invoice, statement, path):
        token = url(invoice if path.startswith("/i/") else statement).rpartition("/")[2]
        methods = (client.post, client.put, client.patch, client.delete)
        assert [method(path.format(token)).status_code for method in methods] == [405] * 4

    def test_unknown_tokens_are_counted_over_all_links(self, client, invoice, statement, settings, path):
        settings.RATE_ADDRESS = 3
        paths = ["/e/guess1", "/i/guess2", "/s/guess3/statement.pdf", path.format("guess4")]
        assert [client.get(path).status_code for path in paths] == [410, 410, 410, 429]
        assert int(client.get(url(invoice))["Retry-After"]) > 0

    def test_every_response_is_private_and_masked_in_the_log(self, invoice, statement, caplog, path):
        caplog.set_level("DEBUG")
        client = Client(enforce_csrf_checks=True)
        token = url(invoice if path.startswith("/i/") else statement).rpartition("/")[2]
        for given in (token, "unknown"):
            response = client.get(path.format(given))
            assert response["Referrer-Policy"] == "no-referrer"
            assert response["X-Robots-Tag"] == "noindex, nofollow, noarchive"
            assert "no-store" in response["Cache-Control"] and "private" in response["Cache-Control"]
            assert not response.cookies
        logged = [record.args["request"] for record in caplog.records if record.name == "garage.requests"]
        assert logged == [f"GET {path[:3]}…"] * 2
        assert token not in caplog.text
