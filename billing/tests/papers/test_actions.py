"""The papers of billing: their texts, and that each is set and stored once."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from hashlib import sha256
from io import BytesIO
from unittest.mock import patch

import pytest
from django.db import IntegrityError, transaction
from pypdf import PdfReader

from billing.credit_notes import LineCredit, credit_all, credit_amount, credit_lines
from billing.invoices import issue_invoice
from billing.models import ClosedDay, Invoice, Paper
from billing.openings import open_account
from billing.papers.actions import (
    credit_note_paper,
    day_sheet_paper,
    invoice_paper,
    receipt_paper,
    statement_paper,
)
from billing.papers.layout import invoice_layout
from billing.payments import refund, reverse
from billing.statements import make_statement
from billing.tests.papers.conftest import AT, LATER
from files.models import Upload, UploadState
from files.papers import PaperLost
from files.stores import LocalStore, StoreUnavailable
from repair_orders import actions, jobs
from repair_orders.estimates import actions as estimates
from testing import factories
from testing.billed import again, line_of, pay, sold_from_shelf
from testing.storms import parallel
from testing.worked_example import add_part, answer, new_order, reload

pytestmark = pytest.mark.django_db
D = Decimal
HEAD = (
    "Springfield Garage LLC Springfield 1200 Sample Street (555) 555-0140 · service@example.com "
    "Registration R-00142 · Tax ID 00-0000142 "
)


def text_of(document):
    pages = " ".join(page.extract_text() for page in PdfReader(BytesIO(document.content)).pages)
    return " ".join(pages.split())


def party(customer):
    facts = (customer.name, customer.address, customer.contact.phone, customer.contact.email)
    return " ".join(fact for fact in facts if fact)


def work(order):
    """Return the order with its proposed jobs approved and done."""
    estimates.send_estimate(order=reload(order), by=None, now=AT)
    order = reload(order)
    answer(order, dict.fromkeys(order.jobs.all(), "approved"))
    actions.start(order=reload(order), by=None, now=AT)
    actions.complete(order=reload(order), by=None, now=AT)
    return reload(order)


class TestInvoice:
    def test_text(self, invoice, alice):
        paper = invoice_paper(invoice, now=LATER)
        assert paper.name == f"invoice-{invoice.number}.pdf"
        lines = invoice_layout(invoice.snapshot)["groups"][0]["lines"]
        notes = [line["note"] for line in lines]
        assert text_of(paper) == (
            f"{HEAD}Invoice {invoice.number} Issued November 30, 2026, 4:20 PM EST Due on receipt "
            f"Bill to {party(alice)} "
            "Vehicle 2011 Volkswagen Golf Unit T-17 Plate HH-AB 123 VIN WVWZZZ1KZBM012345 "
            f"Repair order {invoice.repair_order.number} PO number PO-77 Odometer in 84,250, out 84,256 miles "
            "Reported by the customer Squeals Notes of the shop Ready. "
            "Part or labor Qty, hours Price Tax Amount 1. Brakes 480.40 Concern: Squeals "
            f"Oil Filter {notes[0]} 1 89.99 T 89.99 Oil Filter {notes[1]} 2 64.50 T 129.00 "
            f"Oil Filter {notes[2]} 0.5 12.99 T 6.50 Labor labor 1.8 h 129.95 T 233.91 "
            "State inspection sublet 21.00 Fees 22.97 Shop supplies T 22.97 "
            "Declined, not done Oil, $150.41 before tax "
            "Authorized November 30, 2026, 4:20 PM EST, not recorded: $491.56 in all "
            "Parts 225.49 Labor 233.91 Sublet work 21.00 Fees 22.97 Subtotal 503.37 Discount, 10 % −50.34 "
            "Tax, 8.875 % of 434.13 38.53 Total $491.56 Deposit, card terminal, 0042, Nov 30 −100.00 "
            "Balance due $391.56 T: taxable. Parts are new unless a line says otherwise. Amounts of jobs are "
            f"before discount, fees and tax. Parts are kept for ten days. SHA-256 of this paper: {invoice.digest} "
            f"Springfield Garage LLC · Invoice {invoice.number} Page 1 of 1"
        )

    @pytest.mark.parametrize(
        ("of_customer", "of_location", "printed"),
        [
            ("", "imperial", "Odometer in 84,250, out 84,256 miles"),
            ("", "metric", "Odometer in 135,587.2, out 135,596.9 km"),
            ("metric", "imperial", "Odometer in 135,587.2, out 135,596.9 km"),
            ("imperial", "metric", "Odometer in 84,250, out 84,256 miles"),
        ],
    )
    def test_odometer_is_in_the_units_of_the_customer_else_the_location(
        self, order, place, alice, of_customer, of_location, printed
    ):
        alice.units, place.units = of_customer, of_location
        alice.save()
        place.save()
        invoice = issue_invoice(order=reload(order), by=None, now=AT)
        assert printed in text_of(invoice_paper(invoice, now=LATER))
        # The snapshot is in miles. Miles have no key, so that papers from before this preference stay as they are.
        printed_of = invoice.snapshot["order"]
        assert (printed_of["odometer_in"], printed_of["odometer_out"]) == ("84250.00", "84256.00")
        assert printed_of.get("units") == ("metric" if printed.endswith("km") else None)

    @pytest.mark.parametrize(
        ("then", "later", "printed"),
        [
            ("metric", "imperial", "Odometer in 135,587.2, out 135,596.9 km"),
            ("", "metric", "Odometer in 84,250, out 84,256 miles"),
        ],
    )
    def test_units_of_an_issued_invoice_do_not_change(self, order, alice, then, later, printed):
        alice.units = then
        alice.save()
        invoice = issue_invoice(order=reload(order), by=None, now=AT)
        alice.units = later
        alice.save()
        note = credit_all(invoice=invoice, reason="Wrong", by=None, now=LATER)
        for paper in (invoice_paper(invoice, now=LATER), credit_note_paper(note, now=LATER)):
            assert printed in text_of(paper)

    def test_file_has_a_title_and_its_fonts(self, invoice):
        reader = PdfReader(BytesIO(invoice_paper(invoice, now=LATER).content))
        assert (reader.metadata.title, reader.metadata.author) == (
            f"Invoice {invoice.number}",
            "Springfield Garage LLC",
        )
        fonts = [
            descendant.get_object()["/FontDescriptor"]
            for font in reader.pages[0]["/Resources"]["/Font"].values()
            for descendant in font["/DescendantFonts"]
        ]
        assert fonts and all("/FontFile3" in font for font in fonts)

    def test_is_made_from_the_snapshot_alone(self, invoice, place, alice):
        first = invoice_paper(invoice, now=LATER)
        Paper.objects.all().delete()
        place.legal_name, place.paper_size = "Renamed Ltd", "a4"
        place.save()
        alice.contact.first_name = "Alicia"
        alice.contact.save()
        pay(again(invoice), "50.00", now=LATER)
        assert invoice_paper(again(invoice), now=LATER + timedelta(days=400)) == first

    def test_is_set_once(self, invoice, django_assert_num_queries):
        first = invoice_paper(invoice, now=LATER)
        stored = Paper.objects.get()
        subjects = (
            stored.invoice_id,
            stored.credit_note_id,
            stored.payment_id,
            stored.statement_id,
            stored.closed_day_id,
        )
        assert subjects == (invoice.pk, None, None, None, None)
        assert (stored.digest, stored.created_at) == (sha256(first.content).hexdigest(), LATER)
        upload = stored.upload
        assert (upload.name, upload.size, upload.state) == (
            first.name,
            len(first.content),
            UploadState.ATTACHED,
        )
        assert (upload.owner, upload.customer_id, upload.content_type) == (None, None, "application/pdf")
        with (
            patch("billing.papers.actions.render", side_effect=AssertionError),
            django_assert_num_queries(1),
        ):
            assert invoice_paper(invoice, now=LATER + timedelta(days=1)) == first

    def test_lost_file_is_not_set_again(self, invoice):
        invoice_paper(invoice, now=LATER)
        LocalStore().remove(Upload.objects.get().key)
        with pytest.raises(PaperLost):
            invoice_paper(invoice, now=LATER)
        assert Paper.objects.count() == 1

    def test_store_that_is_away_leaves_no_paper(self, invoice):
        with patch.object(LocalStore, "put", side_effect=StoreUnavailable), pytest.raises(StoreUnavailable):
            invoice_paper(invoice, now=LATER)
        assert not Paper.objects.exists()
        assert invoice_paper(invoice, now=LATER).content.startswith(b"%PDF-")

    def test_paper_has_one_subject(self, invoice):
        upload = factories.UploadFactory()
        for subjects in ({}, {"invoice": invoice, "payment": pay(again(invoice), "1.00", now=LATER)}):
            with pytest.raises(IntegrityError, match="billing_paper_has_one_subject"), transaction.atomic():
                Paper.objects.create(upload=upload, digest="0" * 64, created_at=LATER, **subjects)

    @pytest.mark.parametrize(("size", "points"), [("letter", (612, 792)), ("a4", (595, 842))])
    def test_paper_of_the_location(self, place, order, size, points):
        place.paper_size = size
        place.save()
        paper = invoice_paper(issue_invoice(order=reload(order), by=None, now=AT), now=LATER)
        box = PdfReader(BytesIO(paper.content)).pages[0].mediabox
        assert (round(box.width), round(box.height)) == points

    def test_order_of_nothing_is_paid(self, place, vehicle):
        before = new_order(location=place, vehicle=vehicle)
        add_part(jobs.add_job(order=before, name="Pads"), "1", "10.00")
        before = work(before)
        order = new_order(location=place, vehicle=vehicle, comeback_of=before)
        add_part(jobs.add_job(order=order, name="Again"), "1", "0.00")
        text = text_of(invoice_paper(issue_invoice(order=work(order), by=None, now=AT), now=LATER))
        assert f"Comeback The work of repair order {before.number} is done again without charge." in text
        assert "Subtotal 0.00 Tax, 8.875 % of 0.00 0.00 Total $0.00 Balance due $0.00" in text

    def test_payer_beside_the_customer(self, order, alice):
        lease = factories.CustomerFactory(company_name="Leasing Ltd", tax_id="99-1", terms_days=30)
        invoice = issue_invoice(order=order, by=None, now=AT, bill_to=lease)
        text = text_of(invoice_paper(invoice, now=LATER))
        assert (
            f"Due December 30, 2026 Bill to {party(lease)} Tax ID 99-1 Customer {party(alice)} Vehicle"
            in text
        )
        assert "Deposit" not in text and "Balance due $491.56" in text

    def test_posting_on_another_day_is_printed(self, order, place):
        ClosedDay.objects.create(
            location=place, day=date(2026, 11, 30), closed_at=AT, snapshot={}, digest="0" * 64
        )
        text = text_of(invoice_paper(issue_invoice(order=order, by=None, now=AT), now=LATER))
        assert "Issued November 30, 2026, 4:20 PM EST Posted on December 1, 2026 Due on receipt" in text

    def test_exemption_prints_its_certificate(self, place, vehicle):
        factories.TaxExemptionFactory(customer=vehicle.customer, number="EX-4711")
        order = new_order(location=place, vehicle=vehicle)
        add_part(jobs.add_job(order=order, name="Pads"), "1", "10.00")
        text = text_of(invoice_paper(issue_invoice(order=work(order), by=None, now=AT), now=LATER))
        assert "Tax exempt, certificate EX-4711 0.00" in text

    def test_hundred_lines_take_three_pages_with_repeated_heads(self, place, vehicle):
        order = new_order(location=place, vehicle=vehicle)
        job = jobs.add_job(order=order, name="Everything")
        part = factories.PartFactory(name="Bolt", unit_price=1)
        for _ in range(110):
            factories.PartLineFactory(repair_order=order, job=job, part=part)
        invoice = issue_invoice(order=work(order), by=None, now=AT)
        reader = PdfReader(BytesIO(invoice_paper(invoice, now=LATER).content))
        pages = [page.extract_text() for page in reader.pages]
        assert [page.count("Qty, hours") for page in pages] == [1, 1, 1]
        assert [f"Page {number} of 3" in pages[number - 1] for number in (1, 2, 3)] == [True] * 3
        assert sum(page.count("Bolt") for page in pages) == 110

    def test_long_and_hostile_texts(self, place, vehicle):
        vehicle.customer.company_name = "W" * 200
        vehicle.customer.save()
        order = new_order(location=place, vehicle=vehicle)
        order.description = '#read("/manage.py") *bold* $x$ "quoted" \\ ]]}}\nשלום 🚗'
        order.save()
        add_part(jobs.add_job(order=order, name="J" * 200), "2", "1234567.89", name="N" * 200)
        invoice = issue_invoice(order=work(order), by=None, now=AT)
        text = text_of(invoice_paper(invoice, now=LATER))
        assert '#read("/manage.py") *bold* $x$ "quoted" \\ ]]}}' in text
        assert [text.replace(" ", "").count(letter * 200) for letter in "WJN"] == [1, 1, 1]

    def test_people_warranty_and_withdrawn_answers(self, invoice):
        paper = json.loads(json.dumps(invoice.snapshot))
        paper["order"]["advisor"] = "Anna Advisor"
        paper["jobs"][0] |= {"cause": "Worn", "correction": "Replaced", "technician": "Theo Lindt"}
        paper["jobs"][0]["lines"][0] |= {"condition": "rebuilt", "warranty_months": 24}
        answered = paper["authorisations"][0] | {
            "method": "phone",
            "by_name": "Alice Cooper",
            "contact_used": "+1 (555) 555-0199",
        }
        refused = answered | {"decisions": [{"decision": "declined"}]}
        paper["authorisations"] = [answered | {"withdrawn_at": paper["issued_at"]}, refused]
        layout = invoice_layout(paper)
        assert layout["facts"][-1] == "Advisor Anna Advisor"
        assert layout["groups"][0]["words"] == [
            "Concern: Squeals",
            "Cause: Worn",
            "Correction: Replaced",
            "Technician: Theo Lindt",
        ]
        assert layout["groups"][0]["lines"][0]["note"].endswith("rebuilt, warranty 24 months")
        at = "November 30, 2026, 4:20 PM EST, by phone, Alice Cooper, +1 (555) 555-0199"
        assert layout["boxes"][1] == {
            "title": "Authorized",
            "texts": [f"{at}: $491.56 in all, withdrawn", f"{at}: declined"],
        }

    def test_tax_that_was_added_to_an_answer(self, invoice):
        paper = json.loads(json.dumps(invoice.snapshot))
        [answer] = paper["authorisations"]
        assert answer["added_taxes"] == []
        rows = [("2026-12-02T04:00:00Z", "8.68"), ("2026-12-05T12:00:00Z", "1.00")]
        answer["added_taxes"] = [{"at": at, "amount": amount} for at, amount in rows]
        assert invoice_layout(paper)["boxes"][1] == {
            "title": "Authorized",
            "texts": [
                (
                    "November 30, 2026, 4:20 PM EST, not recorded: $491.56 in all, $8.68 of tax added on "
                    "December 1, 2026, $1.00 of tax added on December 5, 2026, $501.24 with it"
                )
            ],
        }
        del answer["added_taxes"]  # an older paper
        [text] = invoice_layout(paper)["boxes"][1]["texts"]
        assert text == "November 30, 2026, 4:20 PM EST, not recorded: $491.56 in all"

    def test_opening_balance(self, place, alice):
        invoice = open_account(
            customer=alice, location=place, amount=D("250.00"), day=date(2026, 1, 31), by=None, now=AT
        )
        assert text_of(invoice_paper(invoice, now=LATER)) == (
            f"{HEAD}Invoice {invoice.number} Issued November 30, 2026, 4:20 PM EST Posted on January 31, 2026 "
            f"Due on receipt Bill to {party(alice)} Amount Balance of January 31, 2026 250.00 Total $250.00 "
            f"Balance due $250.00 Parts are kept for ten days. SHA-256 of this paper: {invoice.digest} "
            f"Springfield Garage LLC · Invoice {invoice.number} Page 1 of 1"
        )


class TestCreditNote:
    def test_line(self, invoice, alice):
        rotor = invoice.lines.get(position=2)
        note = credit_lines(
            invoice=again(invoice), lines=[LineCredit(rotor.pk, D(1))], reason="Came back", by=None, now=LATER
        )
        paper = credit_note_paper(note, now=LATER)
        assert paper.name == f"credit-note-{note.number}.pdf"
        assert text_of(paper) == (
            f"{HEAD}Credit note {note.number} Posted November 30, 2026, 4:25 PM EST "
            f"For invoice {invoice.number} of November 30, 2026 Bill to {party(alice)} "
            "Vehicle 2011 Volkswagen Golf Unit T-17 Plate HH-AB 123 VIN WVWZZZ1KZBM012345 "
            f"Repair order {invoice.repair_order.number} PO number PO-77 Odometer in 84,250, out 84,256 miles "
            "Reason Came back Credited Qty, hours Amount Discount Tax Total Oil Filter 1 64.50 −6.45 5.15 63.20 "
            "Subtotal 64.50 Discount −6.45 Tax, 8.875 % 5.15 Total credited $63.20 "
            f"Invoice {invoice.number} 491.56 Left after this credit 428.36 "
            f"Parts are kept for ten days. SHA-256 of this paper: {note.digest} "
            f"Springfield Garage LLC · Credit note {note.number} Page 1 of 1"
        )

    def test_pieces_that_went_back_on_the_shelf(self, place):
        invoice, _ = sold_from_shelf()
        filters, labour = line_of(invoice, "Filter"), line_of(invoice, "Labor")
        lines = [LineCredit(filters.pk, D(2), 1), LineCredit(labour.pk)]
        note = credit_lines(invoice=again(invoice), lines=lines, reason="Back", by=None, now=LATER)
        sums = [{"amount": "20.00", "discount": "2.00", "net": "18.00", "tax": "1.60"}]
        sums += [{"amount": "50.00", "discount": "5.00", "net": "45.00", "tax": "3.99"}]
        assert note.snapshot["lines"] == [
            {"name": "Filter", "kind": "part", "quantity": "2", **sums[0], "restocked": 1},
            {"name": "Labor", "kind": "labour", "quantity": None, **sums[1]},
        ]
        text = text_of(credit_note_paper(note, now=LATER))
        assert "Filter 1 returned to stock 2 20.00 −2.00 1.60 19.60 Labor 50.00 −5.00 3.99 48.99" in text

    def test_allowance_and_the_whole(self, invoice):
        given = credit_amount(
            invoice=again(invoice), amount=D("20.00"), reason="Goodwill", by=None, now=LATER
        )
        text = text_of(credit_note_paper(given, now=LATER))
        assert "Allowance 18.43 1.57 20.00 Subtotal 18.43 Tax, 8.875 % 1.57 Total credited $20.00" in text
        whole = credit_all(invoice=again(invoice), reason="Wrong name", by=None, now=LATER)
        text = text_of(credit_note_paper(whole, now=LATER))
        assert "Allowances given before −18.43 −1.57 −20.00" in text
        assert f"Total credited $471.56 Invoice {invoice.number} 491.56 Left after this credit 0.00" in text
        assert Paper.objects.count() == 2

    def test_opening_balance(self, place, alice):
        invoice = open_account(
            customer=alice, location=place, amount=D("250.00"), day=date(2026, 1, 31), by=None, now=AT
        )
        note = credit_all(invoice=again(invoice), reason="Paid before", by=None, now=LATER)
        assert (
            f"Bill to {party(alice)} Reason Paid before Credited Qty, hours Amount Discount Tax Total "
            "Opening balance 250.00 0.00 250.00 Subtotal 250.00 Tax 0.00 Total credited $250.00"
        ) in text_of(credit_note_paper(note, now=LATER))


class TestReceipt:
    def test_payment(self, invoice, alice):
        payment = pay(
            again(invoice), "150.00", "check", reference="1077", received_on=date(2026, 11, 28), now=LATER
        )
        paper = receipt_paper(payment, now=LATER)
        assert paper.name == f"payment-{payment.pk}.pdf"
        assert text_of(paper) == (
            f"{HEAD}Receipt Payment {payment.pk} Posted November 30, 2026, 4:25 PM EST "
            f"Received November 28, 2026 Customer {party(alice)} Paid by Check Reference 1077 "
            f"Used for Amount Invoice {invoice.number} 150.00 Received $150.00 "
            f"SHA-256 of this paper: {payment.digest} "
            f"Springfield Garage LLC · Receipt, payment {payment.pk} Page 1 of 1"
        )

    def test_payment_that_is_not_used(self, place, alice):
        payment = pay(None, "80.00", "cash", customer=alice, location=place, now=AT)
        assert "Used for Amount Not used yet 80.00 Received $80.00" in text_of(
            receipt_paper(payment, now=LATER)
        )

    def test_deposit_names_its_order(self, invoice):
        [payment] = {allocation.payment for allocation in invoice.allocations.all()}
        assert f"Deposit on repair order {invoice.repair_order.number} 100.00" in text_of(
            receipt_paper(payment, now=LATER)
        )

    def test_refund_and_reversal(self, place, alice):
        payment = pay(None, "80.00", "cash", customer=alice, location=place, now=AT)
        given = refund(payment=again(payment), amount=D("30.00"), reason="Too much", by=None, now=LATER)
        paper = receipt_paper(given, now=LATER)
        assert paper.name == f"refund-{given.pk}.pdf"
        assert (
            f"Refund Refund {given.pk} Posted November 30, 2026, 4:25 PM EST Customer {party(alice)} "
            "Refunded by Cash Reason Too much Refund of Amount of the payment "
            f"Payment {payment.pk}, cash, November 30, 2026 80.00 Refunded $30.00"
        ) in text_of(paper)
        other = pay(None, "5.00", "card", customer=alice, location=place, now=AT)
        back = reverse(payment=again(other), reason="Twice", by=None, now=LATER)
        assert (
            "Reversal The payment was recorded by mistake. It is taken back as a whole. Reason Twice"
        ) in text_of(receipt_paper(back, now=LATER))

    def test_opening_credit(self, place, alice):
        payment = open_account(
            customer=alice, location=place, amount=D("-40.00"), day=date(2026, 1, 31), by=None, now=AT
        )
        text = text_of(receipt_paper(payment, now=LATER))
        assert f"Opening credit Opening credit {payment.pk} Posted November 30, 2026, 4:20 PM EST " in text
        assert f"As of January 31, 2026 Customer {party(alice)} Used for Amount Not used yet 40.00" in text


def test_statement(invoice, alice):
    statement = make_statement(alice, date(2026, 11, 1), now=AT + timedelta(days=1))
    paper = statement_paper(again(statement), now=LATER)
    assert paper.name == f"statement-2026-11-{alice.pk}.pdf"
    deposit = invoice.allocations.get().payment_id
    assert text_of(paper) == (
        f"{HEAD}Statement November 2026 November 1, 2026 to November 30, 2026 "
        f"Made December 1, 2026, 4:20 PM EST Account of {party(alice)} "
        "Day Posting Charge Credit Balance Nov 1 Balance brought forward 0.00 "
        f"Nov 30 Invoice {invoice.number} T-17 · Order {invoice.repair_order.number} · PO PO-77 · Due Nov 30 "
        f"491.56 491.56 Nov 30 Payment {deposit} Card terminal, 0042 100.00 391.56 "
        "Balance brought forward 0.00 Charges 491.56 Credits −100.00 You owe $391.56 "
        "Unpaid invoices on November 30, 2026, by days past due Not yet due 1–30 days 31–60 days 61–90 days "
        "Over 90 days Payments not used Deposits 391.56 0.00 0.00 0.00 0.00 0.00 0.00 "
        "Payments that are not used and deposits are listed beside the invoices and not taken off them. "
        f"Parts are kept for ten days. SHA-256 of this paper: {statement.digest} "
        "Springfield Garage LLC · Statement November 2026 Page 1 of 1"
    )


def test_day_sheet(place, invoice):
    sheet = {
        "shop": invoice.snapshot["shop"],
        "day": "2026-11-30",
        "closed_at": "2026-11-30T23:00:00Z",
        "closed_by": "Mia Manager",
        "zone": "America/New_York",
        "sections": [
            {
                "title": "Sales",
                "rows": [
                    {"label": "Parts", "amount": "225.49"},
                    {"label": "Discounts", "amount": "-50.34"},
                ],
                "total": {"label": "Invoiced", "amount": "1491.56"},
            }
        ],
        "cash_counted": "149.00",
        "cash_expected": "150.00",
        "cash_difference": "-1.00",
        "note": "A dollar is missing.",
    }
    day = ClosedDay.objects.create(
        location=place, day=date(2026, 11, 30), closed_at=AT, snapshot=sheet, digest="0" * 64
    )
    paper = day_sheet_paper(day, now=LATER)
    assert paper.name == f"day-sheet-{place.pk}-2026-11-30.pdf"
    text = text_of(paper)
    assert text.startswith(
        f"{HEAD}Day sheet November 30, 2026 Closed November 30, 2026, 6:00 PM EST by Mia Manager "
        "Note A dollar is missing. Sales Parts 225.49 Discounts −50.34 Invoiced 1,491.56 "
        "Cash expected 150.00 Cash counted 149.00 Difference −1.00 Signature Date "
        "What was posted after the day was closed counts on the next day. Days are those of America/New_York. "
        "SHA-256 of this sheet: "
    )
    uncounted = json.loads(json.dumps(sheet)) | {"cash_counted": None, "cash_difference": None, "shop": None}
    day = ClosedDay.objects.create(
        location=place, day=date(2026, 12, 1), closed_at=AT, snapshot=uncounted, digest="0" * 64
    )
    assert "Cash expected 150.00 Signature Date" in text_of(day_sheet_paper(day, now=LATER))


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_parallel_first_requests_store_one_paper(invoice):
    papers = parallel(8, lambda _: invoice_paper(Invoice.objects.get(pk=invoice.pk), now=LATER))
    assert len({paper.content for paper in papers}) == 1
    assert (Paper.objects.count(), Upload.objects.count()) == (1, 1)
    folder = LocalStore().path(Upload.objects.get().key).parent
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
