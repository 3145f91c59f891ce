"""The repair order's page with its money, and the customer's account."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from billing.models import CreditNote, Invoice, InvoiceKind, Payment, VehicleExit
from billing.once import SentBefore
from testing.admin import buttons, page, press
from testing.billed import again, completed, invoiced, pay
from testing.factories import (
    AppointmentFactory,
    CustomerFactory,
    LocationFactory,
    RepairOrderFactory,
    UserFactory,
)
from testing.suites import count_queries
from testing.worked_example import new_order, started

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture
def advisor(client):
    client.force_login(UserFactory(role="advisor"))
    return client


def shown(client, order):
    """Return what the page shows of an order's money: name -> value."""
    form = client.get(page(order)).context["adminform"]
    return dict(form.form.instance.__dict__.get("money", ()))


class TestIssue:
    def test_completed_order_is_invoiced(self, desk, ada):
        order = completed()
        assert "Issue invoice" in buttons(desk, order)
        assert press(desk, order, "issue_invoice", po_number="PO-9") == ["The invoice was issued."]
        invoice = Invoice.objects.get()
        assert (invoice.repair_order, invoice.issued_by, invoice.po_number, invoice.total) == (
            order, ada, "PO-9", D("491.56")
        )  # fmt: skip
        assert "Issue invoice" not in buttons(desk, order)

    def test_another_customer_is_billed(self, desk):
        order, lessor = completed(), CustomerFactory(company_name="Lease Co", terms_days=30)
        assert press(desk, order, "issue_invoice", bill_to=str(lessor.pk)) == ["The invoice was issued."]
        invoice = Invoice.objects.get()
        assert (invoice.bill_to, (invoice.due_on - invoice.day).days) == (lessor, 30)

    def test_unknown_customer_is_asked_again(self, desk):
        order = completed()
        response = desk.post(page(order, "issue_invoice"), {"_form_submitted": "on", "bill_to": "999999"})
        assert list(response.context["form"].errors) == ["bill_to"]
        assert not Invoice.objects.exists()

    def test_order_in_progress_is_refused(self, desk):
        order, *_ = started()
        assert "Issue invoice" not in buttons(desk, order)
        assert press(desk, order, "issue_invoice") == [
            "Only a completed order can be invoiced. Complete it first."
        ]

    def test_invoiced_order_is_refused(self, desk):
        invoice = invoiced()
        assert press(desk, invoice.repair_order, "issue_invoice") == [
            f"This order has invoice {invoice.number}. Credit it as a whole before you issue another one."
        ]
        assert Invoice.objects.count() == 1


class TestFormsActOnce:
    """A second click sends the form again, before the page has changed."""

    def send_twice(self, client, row, button, **answers):
        url = page(row, button)
        form = client.get(url).context["form"]
        data = {name: form[name].value() or "" for name in form.fields} | answers | {"_form_submitted": "on"}
        told = [client.post(url, data, follow=True) for _ in range(2)]
        return [str(message) for response in told for message in response.context["messages"]]

    def test_deposit(self, desk):
        told = self.send_twice(desk, new_order(), "take_deposit", amount="200.00")
        assert told == ["The deposit was taken.", SentBefore.message]
        assert Payment.objects.get().amount == D("200.00")

    def test_payment_and_refund(self, desk):
        invoice = invoiced()
        told = self.send_twice(desk, invoice, "take_payment", amount="10.00")
        assert told == ["The payment was taken.", SentBefore.message]
        assert again(invoice).paid == D("10.00")
        payment = pay(None, "20.00", "cash", invoice.bill_to, location=invoice.location)
        told = self.send_twice(desk, payment, "refund", amount="5.00", reason="Paid twice")
        assert told == ["The refund was booked.", SentBefore.message]
        assert again(payment).open == D("15.00")

    def test_credits(self, desk):
        invoice = invoiced()
        told = self.send_twice(desk, invoice, "credit_amount", amount="10.00", reason="Late")
        assert told == ["The credit note was issued.", SentBefore.message]
        line = invoice.lines.get(position=1)
        told = self.send_twice(desk, invoice, "credit_lines", reason="Back", **{f"line_{line.pk}": "0.50"})
        assert told == ["The credit note was issued.", SentBefore.message]
        assert CreditNote.objects.count() == 2

    def test_opening_balance(self, desk, alice):
        location = LocationFactory()
        answers = {"location": location.pk, "amount": "50.00", "day": "2020-01-01"}
        told = self.send_twice(desk, alice, "opening_balance", **answers)
        assert told == ["The opening balance was booked.", SentBefore.message]
        assert Invoice.objects.get().total == D("50.00")


class TestDeposit:
    def test_deposit_is_taken_and_moves_to_the_invoice(self, desk, ada):
        order = new_order()
        answers = {"amount": "200.00", "method": "cash"}
        assert press(desk, order, "take_deposit", **answers) == ["The deposit was taken."]
        payment = Payment.objects.get()
        assert (payment.taken_by, payment.location, payment.allocations.get().repair_order) == (
            ada, order.location, order
        )  # fmt: skip

    def test_dialog_proposes_what_is_missing(self, desk):
        order = completed()
        pay(order, "91.56")
        assert desk.get(page(order, "take_deposit")).context["form"]["amount"].value() == D("400.00")

    def test_invoiced_order_takes_none(self, desk):
        order = invoiced().repair_order
        assert "Take a deposit" not in buttons(desk, order)
        assert press(desk, order, "take_deposit", amount="5.00", method="cash") == [
            "A deposit can be taken for an open or completed order without an invoice."
        ]
        assert not Payment.objects.exists()


class TestVehicleOut:
    def test_paid_vehicle_leaves(self, advisor):
        invoice = invoiced()
        pay(invoice, "491.56")
        order = invoice.repair_order
        assert press(advisor, order, "vehicle_out", odometer="30120.5") == ["The vehicle is out."]
        left = VehicleExit.objects.get()
        assert (left.repair_order, left.odometer, left.balance) == (order, D("30120.50"), D("0.00"))
        assert again(order).odometer_out == D("30120.50")
        assert "Vehicle out" not in buttons(advisor, order)
        assert press(advisor, order, "vehicle_out") == ["The vehicle has left already."]

    def test_its_visit_is_over(self, advisor):
        order = RepairOrderFactory(status="denied")
        order.appointment = AppointmentFactory(vehicle=order.vehicle, customer=order.customer)
        order.save()
        assert press(advisor, order, "vehicle_out") == ["The vehicle is out."]
        assert again(order.appointment).status == "completed"

    def test_balance_keeps_the_vehicle(self, advisor):
        order = invoiced().repair_order
        text = (
            "491.56 is not paid. Take the payment, or let a manager give the reason why the vehicle leaves."
        )
        assert press(advisor, order, "vehicle_out") == [text]
        # An advisor has no field for the reason, and what they send under its name is ignored.
        assert press(advisor, order, "vehicle_out", override="Friend") == [text]
        assert not VehicleExit.objects.exists()

    def test_manager_gives_the_reason(self, client):
        manager = UserFactory(role="manager")
        client.force_login(manager)
        order = invoiced().repair_order
        assert press(client, order, "vehicle_out", override="Pays on Friday") == ["The vehicle is out."]
        left = VehicleExit.objects.get()
        assert (left.by, left.balance, left.override) == (manager, D("491.56"), "Pays on Friday")

    def test_order_without_invoice_is_refused(self, desk):
        assert press(desk, completed(), "vehicle_out") == ["Issue the invoice before the vehicle leaves."]


class TestPanel:
    def test_deposit_before_the_invoice(self, desk):
        order = new_order()
        pay(order, "200.00")
        assert shown(desk, order) == {"Deposit": "200.00", "Invoice": "after the order is completed"}

    def test_invoice_with_its_balance(self, desk):
        invoice = invoiced()
        pay(invoice, "91.56")
        rows = list(shown(desk, invoice.repair_order).items())
        assert f"Invoice {invoice.number}" in rows[0][0]
        due = f"{invoice.due_on:%B} {invoice.due_on.day}"
        assert rows[0][1:] == ("491.56",)
        assert rows[1:] == [("Paid", "−91.56"), (f"Balance, due on {due}", "400.00")]

    def test_technician_sees_no_money(self, client, tim):
        client.force_login(tim)
        order = invoiced().repair_order
        assert shown(client, order) == {}
        assert b"Invoice, deposit and vehicle" not in client.get(page(order)).content

    def test_query_count_is_constant(self, desk):
        invoice = invoiced()
        order = invoice.repair_order
        desk.get(page(order))
        before = count_queries(lambda: desk.get(page(order)))
        for _ in range(3):
            pay(invoice, "10.00")
        assert count_queries(lambda: desk.get(page(order))) == before


class TestAccount:
    def test_opening_balance_of_both_signs(self, desk, ada, alice):
        location = LocationFactory()
        answers = {"location": location.pk, "day": "2026-01-31"}
        assert press(desk, alice, "opening_balance", amount="75.00", **answers) == [
            "The opening balance was booked."
        ]
        invoice = Invoice.objects.get()
        assert (invoice.kind, invoice.bill_to, invoice.balance, invoice.day, invoice.issued_by) == (
            InvoiceKind.OPENING, alice, D("75.00"), date(2026, 1, 31), ada
        )  # fmt: skip
        press(desk, alice, "opening_balance", amount="-20.00", **answers)
        assert Payment.objects.get().open == D("20.00")
        text = desk.get(page(alice)).content.decode()
        assert "$55.00" in text

    def test_opening_balance_lies_before_the_first_invoice(self, desk, alice):
        invoice = invoiced()
        answers = {"location": invoice.location_id, "day": invoice.day.isoformat(), "amount": "75.00"}
        assert press(desk, alice, "opening_balance", **answers) == [
            f"Give a day before {invoice.day}, the first day with invoices or that was closed."
        ]
        assert Invoice.objects.count() == 1

    def test_advisor_books_no_opening_balance(self, advisor, alice):
        assert "Opening balance" not in buttons(advisor, alice)
        assert advisor.get(page(alice, "opening_balance")).status_code == 403

    def test_account_names_what_the_shop_owes(self, desk):
        invoice = invoiced()
        pay(None, "500.00", customer=invoice.bill_to)
        text = desk.get(page(invoice.bill_to)).content.decode()
        assert "The shop owes" in text
        assert "$8.44" in text

    def test_technician_sees_no_account(self, client, tim):
        client.force_login(tim)
        text = client.get(page(invoiced().bill_to)).content.decode()
        assert "Open payments" not in text
