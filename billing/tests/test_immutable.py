"""The database refuses changes of the books (docs/design, D86). On SQLite deletions pass, as Django empties tables."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from billing.models import (
    Allocation,
    ClosedDay,
    CreditNote,
    CreditNoteLine,
    Invoice,
    InvoiceLine,
    Payment,
    Statement,
    VehicleExit,
)
from testing import factories

pytestmark = pytest.mark.django_db
D = Decimal
FIXED = {
    Invoice: {"number": "X-1", "total": 1, "net": 1, "due_on": "2027-01-01", "po_number": "x", "snapshot": {"a": 1}},
    InvoiceLine: {"amount": 1, "name": "x", "quantity": 9},
    CreditNote: {"number": "X-C1", "total": 1, "reason": "x"},
    CreditNoteLine: {"amount": 1, "name": "x"},
    Payment: {"amount": 1, "method": "cash", "reference": "x", "day": "2027-01-01", "is_reversal": True},
    Allocation: {"amount": 1, "day": "2027-01-01"},
    Statement: {"balance": 1, "snapshot": {"a": 1}},
    ClosedDay: {"cash_counted": 1, "note": "x"},
    VehicleExit: {"balance": 1, "override": "x"},
}  # fmt: skip


@pytest.fixture
def rows():
    note = factories.CreditNoteLineFactory().credit_note
    factories.InvoiceLineFactory(invoice=note.invoice)
    factories.AllocationFactory(invoice=note.invoice)
    factories.StatementFactory()
    factories.ClosedDayFactory()
    factories.VehicleExitFactory()


@pytest.mark.parametrize("model", FIXED)
def test_no_column_of_the_books_changes(rows, model):
    stored = list(model.objects.values())
    for name, value in FIXED[model].items():
        with pytest.raises(IntegrityError, match="_never_changes"), transaction.atomic():
            model.objects.update(**{name: value})
    assert list(model.objects.values()) == stored


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite: Django empties tables by DELETE")
@pytest.mark.parametrize("model", FIXED)
def test_no_row_of_the_books_is_deleted(rows, model):
    with pytest.raises(IntegrityError, match="_never_changes"), transaction.atomic():
        model.objects.all()._raw_delete(using="default")
    assert model.objects.exists()


def test_balances_and_owners_change(rows):
    customer = factories.CustomerFactory()
    Invoice.objects.update(customer=customer, bill_to=customer, paid=4, balance=16)
    Payment.objects.update(customer=customer, open=3)
    CreditNote.objects.update(customer=customer)
    Statement.objects.update(customer=customer)


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (Invoice, {"balance": -1}),
        (Invoice, {"paid": -1}),
        (Invoice, {"credited": -1}),
        (Invoice, {"credited": D("20.01")}),
        (Payment, {"open": -1}),
        (Payment, {"open": D("20.01")}),
    ],
)
def test_database_refuses_impossible_balances(rows, model, values):
    with pytest.raises(IntegrityError), transaction.atomic():
        model.objects.update(**values)


def test_allocation_names_one_row_and_an_amount(rows):
    allocation = Allocation.objects.get()
    order = factories.RepairOrderFactory()
    for values in ({"amount": 0}, {"invoice": None}, {"repair_order": order}):
        with pytest.raises(IntegrityError), transaction.atomic():
            factories.AllocationFactory(
                **{"payment": allocation.payment, "invoice": allocation.invoice, "amount": 1, **values}
            )


def test_refund_names_its_payment(rows):
    payment = Payment.objects.get()
    for values in ({"kind": "refund"}, {"refunds": payment}, {"is_reversal": True}):
        with pytest.raises(IntegrityError), transaction.atomic():
            factories.PaymentFactory(**values)


def test_order_has_one_standing_invoice(rows):
    order = Invoice.objects.get().repair_order
    with pytest.raises(IntegrityError), transaction.atomic():
        factories.InvoiceFactory(repair_order=order)
    factories.InvoiceFactory(repair_order=order, is_credited=True)


@pytest.mark.parametrize(
    ("factory", "values"),
    [
        (factories.InvoiceFactory, {"kind": "gift"}),
        (factories.InvoiceFactory, {"kind": "opening"}),
        (factories.InvoiceFactory, {"repair_order": None}),
        (factories.PaymentFactory, {"method": "barter"}),
        (factories.PaymentFactory, {"amount": 0}),
        (factories.InvoiceLineFactory, {"kind": "gift"}),
        (factories.VehicleExitFactory, {"balance": 1}),
    ],
)
def test_database_refuses_unknown_words_and_missing_reasons(factory, values):
    with pytest.raises(IntegrityError), transaction.atomic():
        factory(**values)
