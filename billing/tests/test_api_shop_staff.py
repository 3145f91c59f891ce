"""The staff's API of invoices and credit notes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from billing.links import invoice_url
from billing.models import CreditNote
from testing.billed import invoiced, opens, pay
from testing.factories import (
    AllocationFactory,
    CreditNoteFactory,
    CreditNoteLineFactory,
    CustomerFactory,
    InvoiceFactory,
    InvoiceLineFactory,
    UserFactory,
)
from testing.suites import StaffNounSuite, invalid

D = Decimal
ISSUED = datetime(2026, 1, 15, 15, 30, tzinfo=UTC)
NOTES = "/api/shop/credit-notes/"


def zulu(instant):
    return instant.isoformat().replace("+00:00", "Z")


def wrong(field, message, code):
    """Return the 400 body of an error of the domain that names one field."""
    return {"error": "Invalid input", "detail": message, "fields": {field: [message]}, "code": code}


def totals(row):
    return {name: str(getattr(row, name)) for name in ("subtotal", "discount", "net", "tax", "total")}


def line_of_body(line):
    return {
        "id": line.pk,
        "job_id": line.job_id,
        "kind": line.kind,
        "name": line.name,
        "quantity": None if line.quantity is None else float(line.quantity),
        "amount": str(line.amount),
        "discount": str(line.discount),
        "net": str(line.net),
        "tax": str(line.tax),
    }


class TestInvoices(StaffNounSuite):
    noun, name = "invoices", "Invoice"
    allow, item_allow = "GET, HEAD", "GET, HEAD"
    ordering = ("issued",)

    def make(self, **values):
        user = UserFactory(role="advisor")
        invoice = InvoiceFactory(
            **{"issued_at": ISSUED, "issued_by": user, "po_number": "PO 7", "paid": D("20.00"), **values}
        )
        InvoiceLineFactory(invoice=invoice, job_id=8)
        AllocationFactory(invoice=invoice, payment__customer=invoice.bill_to, payment__reference="4711")
        CreditNoteFactory(invoice=invoice)
        return invoice

    def row(self, invoice):
        return {
            "id": invoice.pk,
            "number": invoice.number,
            "kind": "order",
            "repair_order_id": invoice.repair_order_id,
            "customer_id": invoice.customer_id,
            "bill_to_id": invoice.bill_to_id,
            "location_id": invoice.location_id,
            "issued_at": zulu(invoice.issued_at),
            "issued_by": invoice.issued_by_id,
            "day": invoice.day.isoformat(),
            "due_on": invoice.due_on.isoformat(),
            "po_number": "PO 7",
            "tax_percent": "0.00",
            "totals": totals(invoice),
            "credited": "0.00",
            "paid": "20.00",
            "balance": "0.00",
            "is_credited": False,
        }

    def detail(self, invoice):
        allocation, note = invoice.allocations.get(), invoice.credit_notes.get()
        return {
            **self.row(invoice),
            "lines": [line_of_body(line) for line in invoice.lines.in_order()],
            "allocations": [
                {
                    "payment_id": allocation.payment_id,
                    "method": "card",
                    "reference": "4711",
                    "amount": "20.00",
                }
            ],
            "credit_notes": [
                {
                    "id": note.pk,
                    "number": note.number,
                    "kind": "amount",
                    "posted_at": zulu(note.posted_at),
                    "day": note.day.isoformat(),
                    "reason": "Discount",
                    "total": "5.00",
                }
            ],
            "url": invoice_url(invoice),
        }

    def called(self, text):
        return self.make(bill_to=CustomerFactory(company_name=text))

    def test_filters(self, as_ada):
        first = self.make(day=date(2026, 1, 15))
        other = self.make(day=date(2026, 2, 1), due_on=date(2026, 2, 28), paid=D("0.00"))
        late = self.make(day=date(2026, 3, 1), paid=D("5.00"), issued_at=ISSUED + timedelta(days=1))
        future = self.make(day=date(2026, 3, 2), paid=D("5.00"), due_on=date(2100, 1, 1))
        for params, found in (
            ({"location_id": first.location_id}, [first]),
            ({"customer_id": other.bill_to_id}, [other]),
            ({"repair_order_id": other.repair_order_id}, [other]),
            ({"number": first.number.lower()}, [first]),
            ({"number": "SG-0"}, []),
            ({"open": "true"}, [late, future, other]),
            ({"open": "false"}, [first]),
            ({"overdue": "true"}, [other, late]),
            ({"overdue": "true", "ordering": "-issued"}, [late, other]),
            ({"overdue": "false"}, [future, first]),
            ({"from": "2026-02-01", "to": "2026-02-01"}, [other]),
            ({"from": "2026-03-01"}, [late, future]),
            ({"to": "2026-01-31", "ordering": "issued"}, [first]),
        ):
            assert self.found(as_ada, **params) == [row.pk for row in found], params

    @pytest.mark.parametrize(
        ("params", "field", "message"),
        [
            ({"from": "2026-02-02", "to": "2026-02-01"}, "from", "Must not be after to."),
            (
                {"from": "monday"},
                "from",
                "Date has wrong format. Use one of these formats instead: YYYY-MM-DD.",
            ),
            ({"open": "perhaps"}, "open", "Must be a valid boolean."),
        ],
    )
    def test_wrong_filter_is_400(self, as_ada, params, field, message):
        response = as_ada.get(self.url, params)
        assert (response.status_code, response.json()) == (400, invalid(field, message))

    @pytest.mark.parametrize(
        ("name", "noun"),
        [("location_id", "Location"), ("customer_id", "Customer"), ("repair_order_id", "Repair order")],
    )
    def test_filter_by_an_unknown_row_is_404(self, as_ada, name, noun):
        response = as_ada.get(self.url, {name: 999})
        assert (response.status_code, response.json()) == (
            404,
            {"error": "Not found", "detail": f"{noun} not found.", "code": "not_found"},
        )


class TestCreditNotes(StaffNounSuite):
    noun, name = "credit-notes", "Credit note"
    allow, item_allow = "GET, HEAD", "GET, HEAD"
    ordering = ("posted",)

    def make(self, **values):
        note = CreditNoteFactory(**{"posted_at": ISSUED, "by": UserFactory(role="manager"), **values})
        line = InvoiceLineFactory(invoice=note.invoice)
        CreditNoteLineFactory(
            credit_note=note, invoice_line=line, kind="part", name="Brake pads", quantity=D("1.50")
        )
        CreditNoteLineFactory(credit_note=note, position=2, amount=D("-0.01"))
        return note

    def row(self, note):
        return {
            "id": note.pk,
            "number": note.number,
            "kind": "amount",
            "invoice_id": note.invoice_id,
            "customer_id": note.customer_id,
            "location_id": note.location_id,
            "posted_at": zulu(note.posted_at),
            "by": note.by_id,
            "day": note.day.isoformat(),
            "reason": "Discount",
            "totals": totals(note),
        }

    def detail(self, note):
        first, second = note.lines.in_order()
        lines = [
            {
                "id": first.pk,
                "line_id": first.invoice_line_id,
                "kind": "part",
                "name": "Brake pads",
                "quantity": 1.5,
                "restocked": 0,
                "amount": "5.00",
                "discount": "0.00",
                "net": "5.00",
                "tax": "0.00",
            },
            {
                "id": second.pk,
                "line_id": None,
                "kind": "allowance",
                "name": "Allowance",
                "quantity": None,
                "restocked": 0,
                "amount": "-0.01",
                "discount": "0.00",
                "net": "-0.01",
                "tax": "0.00",
            },
        ]
        return {**self.row(note), "lines": lines}

    def called(self, text):
        return self.make(invoice=InvoiceFactory(bill_to=CustomerFactory(company_name=text)))

    def test_filters(self, as_ada):
        first = self.make(day=date(2026, 1, 15))
        other = self.make(day=date(2026, 2, 1))
        for params, found in (
            ({"location_id": first.location_id}, [first]),
            ({"customer_id": other.customer_id}, [other]),
            ({"invoice_id": other.invoice_id}, [other]),
            ({"from": "2026-02-01"}, [other]),
            ({"to": "2026-01-31"}, [first]),
        ):
            assert self.found(as_ada, **params) == [row.pk for row in found], params


@pytest.fixture
def invoice(db):
    return invoiced()


@pytest.fixture
def as_manager(sign_in, db):
    return sign_in(UserFactory(role="manager"))


def credit(client, invoice, **headers):
    def send(body):
        url = f"/api/shop/invoices/{invoice.pk}/credit-notes/"
        return client.post(url, body, format="json", headers=headers)

    return send


class TestCredit:
    def test_line_returns_its_own_net_and_tax(self, as_manager, invoice):
        check = pay(invoice, "491.56", "check")
        pads = invoice.lines.get(position=1)
        response = credit(as_manager, invoice)({"lines": [{"line_id": pads.pk}], "reason": "Wrong pads"})
        note = CreditNote.objects.get()
        assert (response.status_code, response.json()) == (
            201,
            {
                "id": note.pk,
                "number": note.number,
                "kind": "lines",
                "invoice_id": invoice.pk,
                "customer_id": invoice.bill_to_id,
                "location_id": invoice.location_id,
                "posted_at": zulu(note.posted_at),
                "by": note.by_id,
                "day": note.day.isoformat(),
                "reason": "Wrong pads",
                "totals": {
                    "subtotal": "89.99",
                    "discount": "9.00",
                    "net": "80.99",
                    "tax": "7.19",
                    "total": "88.18",
                },
                "lines": [
                    {
                        "id": note.lines.get().pk,
                        "line_id": pads.pk,
                        "kind": "part",
                        "name": pads.name,
                        "quantity": 1,
                        "restocked": 0,
                        "amount": "89.99",
                        "discount": "9.00",
                        "net": "80.99",
                        "tax": "7.19",
                    }
                ],
            },
        )
        assert response.json() == as_manager.get(f"{NOTES}{note.pk}/").json()
        assert note.by.role == "manager"
        assert opens(check) == [D("88.18")]
        body = as_manager.get(f"/api/shop/invoices/{invoice.pk}/").json()
        assert (body["credited"], body["paid"], body["balance"]) == ("88.18", "403.38", "0.00")
        assert body["allocations"] == [
            {"payment_id": check.pk, "method": "check", "reference": "", "amount": "403.38"}
        ]

    def test_piece_of_a_line(self, as_manager, invoice):
        rotor = invoice.lines.get(position=2)
        body = {"lines": [{"line_id": rotor.pk, "quantity": 1}], "reason": "One rotor"}
        assert [credit(as_manager, invoice)(body).json()["totals"]["total"] for _ in range(2)] == [
            "63.20"
        ] * 2

    def test_amount_and_the_rest(self, as_manager, invoice):
        first = credit(as_manager, invoice)({"amount": "10.00", "reason": "Late"}).json()
        rest = credit(as_manager, invoice)({"all": True, "reason": "New address"}).json()
        assert (first["kind"], first["totals"]["total"]) == ("amount", "10.00")
        assert (rest["kind"], rest["totals"]["total"]) == ("whole", "481.56")
        body = as_manager.get(f"/api/shop/invoices/{invoice.pk}/").json()
        assert (body["is_credited"], body["credited"], body["balance"]) == (True, "491.56", "0.00")
        assert [note["id"] for note in body["credit_notes"]] == [first["id"], rest["id"]]

    def test_same_key_credits_once(self, as_manager, invoice):
        send = credit(as_manager, invoice, **{"Idempotency-Key": "once"})
        first, second = (send({"amount": "10.00", "reason": "Late"}) for _ in range(2))
        assert (first.status_code, second.json()) == (201, first.json())
        assert CreditNote.objects.count() == 1

    @pytest.mark.parametrize(
        ("body", "field", "message"),
        [
            ({"reason": "Late"}, "lines", "Send one of lines, amount and all."),
            (
                {"reason": "Late", "all": True, "amount": "1.00"},
                "lines",
                "Send one of lines, amount and all.",
            ),
            ({"reason": "Late", "all": False}, "all", "Send true, or leave it out."),
            ({"all": True}, "reason", "This field is required."),
            (
                {"amount": "0.00", "reason": "x"},
                "amount",
                "Ensure this value is greater than or equal to 0.01.",
            ),
            ({"lines": [], "reason": "x"}, "lines", "This list may not be empty."),
            ({"lines": [{}], "reason": "x"}, "lines[0].line_id", "This field is required."),
        ],
    )
    def test_wrong_body_is_400(self, as_manager, invoice, body, field, message):
        response = credit(as_manager, invoice)(body)
        assert (response.status_code, response.json()) == (400, invalid(field, message))
        assert not CreditNote.objects.exists()

    def test_unknown_key_is_400(self, as_manager, invoice):
        response = credit(as_manager, invoice)({"all": True, "reason": "x", "colour": "red"})
        message = "Unknown field. Accepted fields: all, amount, lines, reason."
        assert (response.status_code, response.json()) == (
            400,
            {**invalid("colour", message), "code": "unknown_field"},
        )

    def test_more_than_is_left_is_409(self, as_manager, invoice):
        response = credit(as_manager, invoice)({"amount": "491.57", "reason": "x"})
        assert (response.status_code, response.json()) == (
            409,
            {
                "error": "More than was invoiced",
                "detail": "491.56 of this invoice is left to credit, so 491.57 is too much.",
                "left": "491.56",
                "code": "over_invoice",
            },
        )
        rotor = invoice.lines.get(position=2)
        body = {"lines": [{"line_id": rotor.pk, "quantity": 3}], "reason": "x"}
        response = credit(as_manager, invoice)(body)
        assert (response.status_code, response.json()) == (
            409,
            {
                "error": "More than was sold",
                "detail": f"2.00 of {rotor.name} is left to credit.",
                "left": "2.00",
                "code": "over_line",
            },
        )
        credit(as_manager, invoice)({"all": True, "reason": "x"})
        response = credit(as_manager, invoice)({"all": True, "reason": "x"})
        assert (response.status_code, response.json()) == (
            409,
            {
                "error": "Already credited",
                "detail": "This invoice was credited as a whole.",
                "code": "fully_credited",
            },
        )
        assert CreditNote.objects.count() == 1

    def test_line_of_another_invoice_is_400(self, as_manager, invoice):
        other = InvoiceLineFactory()
        body = {"lines": [{"line_id": other.pk}], "reason": "x"}
        response = credit(as_manager, invoice)(body)
        message = "The invoice has no such line."
        assert (response.status_code, response.json()) == (
            400,
            wrong("lines[0]", message, "unknown_line"),
        )

    def test_line_without_a_quantity_is_credited_as_a_whole(self, as_manager, invoice):
        fee = invoice.lines.get(kind="fee")
        body = {"lines": [{"line_id": fee.pk, "quantity": 1}], "reason": "x"}
        response = credit(as_manager, invoice)(body)
        message = "This line has no quantity. Credit it as a whole or credit an amount."
        assert (response.status_code, response.json()) == (
            400,
            wrong("lines[0]", message, "not_divisible"),
        )

    def test_advisor_may_not_credit(self, sign_in, invoice):
        client = sign_in(UserFactory(role="advisor"))
        response = credit(client, invoice)({"all": True, "reason": "x"})
        assert (response.status_code, response.json()["code"]) == (403, "role_may_not")
        assert not CreditNote.objects.exists()
