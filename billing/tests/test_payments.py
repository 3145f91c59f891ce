"""Payments, their uses, refunds and reversals, and what is refused (docs/design, D87)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from django.utils import timezone

from billing.credit_notes import credit_all
from billing.ledger import (
    NoSuchDeposit,
    NothingGiven,
    NotTheTotal,
    OverBalance,
    OverOpen,
    Target,
    WrongAccount,
)
from billing.models import Allocation, Payment
from billing.payments import AlreadyRefunded, NotAPayment, OtherMethod, allocate, refund, reverse
from common.domain.models import Event
from customers.actions import CustomerIsMerged
from orders import actions as parts_orders
from privacy.merge import merge_customers
from repair_orders.models import RepairOrder
from testing.billed import again, check_law, finished, issue, opens, pay
from testing.factories import (
    CustomerFactory,
    LocationFactory,
    OrderFactory,
    OrderItemFactory,
    RepairOrderFactory,
)

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture
def invoice():
    """An invoice of 100.00."""
    return issue(finished(prices=("100.00",), tax="0"))


def use(payment, *targets):
    allocate(
        payment=payment,
        allocations=[Target(row, D(amount)) for row, amount in targets],
        by=None,
        now=timezone.now(),
    )


def give(payment, amount, **fields):
    return refund(payment=payment, amount=D(amount), reason="Back", by=None, now=timezone.now(), **fields)


def undo(payment):
    return reverse(payment=payment, reason="Typed twice", by=None, now=timezone.now())


class TestTake:
    def test_payment_pays_an_invoice(self, invoice):
        payment = pay(invoice, "40.00", "check", reference="12", received_on=date(2026, 1, 2))
        assert (again(invoice).balance, again(payment).open) == (D("60.00"), D("0.00"))
        assert payment.snapshot["uses"] == [
            {"column": "invoice", "name": f"Invoice {invoice.number}", "amount": "40.00"}
        ]
        assert (payment.snapshot["reference"], payment.snapshot["received_on"]) == ("12", "2026-01-02")
        event = Event.objects.get(type="billing.payment.taken")
        assert (event.payload["amount"], event.payload["method"]) == ("40.00", "check")

    def test_more_than_the_balance_is_refused(self, invoice):
        with pytest.raises(OverBalance) as refused:
            pay(invoice, "100.01")
        assert (refused.value.facts, refused.value.item) == ({"balance": "100.00"}, 0)
        assert not Payment.objects.exists()

    def test_what_is_not_used_stays_open(self, alice):
        payment = pay(None, "25.00", customer=alice)
        assert (payment.open, payment.location) == (D("25.00"), None)

    @pytest.mark.parametrize("amount", ["0.00", "-1.00"])
    def test_nothing_is_no_payment(self, alice, amount):
        with pytest.raises(NothingGiven):
            pay(None, amount, customer=alice)
        assert not Payment.objects.exists()

    def test_uses_are_of_the_same_customer(self, invoice, bob):
        order = RepairOrderFactory(status="approved")
        sold = OrderFactory(status="confirmed")
        for row in (invoice, order, sold):
            with pytest.raises(WrongAccount):
                pay(row, "5.00", customer=bob)
        assert not Payment.objects.exists()

    def test_merged_customer_pays_by_the_kept_one(self, alice, bob, now):
        merge_customers(customer=alice, into=bob, by=None, now=now)
        with pytest.raises(CustomerIsMerged):
            pay(None, "5.00", customer=alice)

    def test_deposit_is_for_an_order_that_can_be_invoiced(self, invoice):
        for order in (invoice.repair_order, RepairOrderFactory(status="denied")):
            with pytest.raises(NoSuchDeposit):
                pay(order, "5.00")
        for status in ("requested", "pending", "approved", "in_progress"):
            pay(RepairOrderFactory(status=status), "5.00")
        pay(finished(), "5.00")
        check_law()

    def test_parts_order_is_paid_when_it_is_confirmed(self, now):
        LocationFactory(is_default=True)
        order = OrderItemFactory().order
        with pytest.raises(NotTheTotal):
            pay(order, "5.00")
        parts_orders.confirm(order=order, by=None, now=now)
        with pytest.raises(OverBalance) as refused:
            pay(order, "0.01")
        assert refused.value.facts == {"balance": "0.00"}
        undo(Payment.objects.get())
        pay(order, "9.49")
        check_law()

    def test_second_use_counts_after_the_first(self, invoice):
        payment = pay(None, "70.00", customer=invoice.bill_to)
        with pytest.raises(OverBalance) as refused:
            use(payment, (invoice, "60.00"), (invoice, "60.00"))
        assert (refused.value.item, opens(payment)) == (1, [D("70.00")])


class TestUse:
    def test_open_part_is_used(self, invoice):
        payment = pay(None, "130.00", customer=invoice.bill_to)
        use(payment, (invoice, "100.00"))
        assert (opens(payment), again(invoice).balance) == ([D("30.00")], D("0.00"))

    def test_more_than_is_open_is_refused(self, invoice):
        payment = pay(None, "10.00", customer=invoice.bill_to)
        with pytest.raises(OverOpen) as refused:
            use(payment, (invoice, "10.01"))
        assert refused.value.facts == {"open": "10.00"}
        assert not Allocation.objects.exists()

    @pytest.mark.parametrize("amount", ["0.00", "-5.00"])
    def test_nothing_and_less_is_refused(self, invoice, amount):
        payment = pay(invoice, "10.00")
        with pytest.raises(NothingGiven):
            use(payment, (invoice, amount))
        assert again(invoice).paid == D("10.00")

    def test_refund_is_not_used(self, invoice):
        given = give(pay(None, "10.00", customer=invoice.bill_to), "10.00")
        with pytest.raises(NotAPayment):
            use(given, (invoice, "1.00"))


class TestRefund:
    def test_open_part_is_given_back_by_the_same_method(self, alice):
        payment = pay(None, "25.00", "cash", customer=alice)
        given = give(payment, "20.00")
        assert (given.kind, given.method, given.refunds, given.open) == ("refund", "cash", payment, D("0.00"))
        assert given.snapshot["refunds"]["payment_id"] == payment.pk
        with pytest.raises(OverOpen):
            give(again(payment), "5.01")
        give(again(payment), "5.00")
        assert opens(payment) == [D("0.00")]
        check_law()

    def test_what_is_used_is_not_given_back(self, invoice):
        with pytest.raises(OverOpen):
            give(pay(invoice, "25.00"), "0.01")

    def test_another_method_needs_a_manager(self, alice):
        payment = pay(None, "25.00", "card", customer=alice)
        with pytest.raises(OtherMethod):
            give(payment, "5.00", method="cash")
        assert give(payment, "5.00", method="cash", may_change_method=True).method == "cash"

    def test_nothing_is_no_refund(self, alice):
        with pytest.raises(NothingGiven):
            give(pay(None, "25.00", customer=alice), "0.00")

    def test_refund_is_not_refunded(self, alice):
        with pytest.raises(NotAPayment):
            give(give(pay(None, "25.00", customer=alice), "5.00"), "1.00")


class TestReverse:
    def test_reversal_takes_a_payment_off_everything(self, invoice):
        order = RepairOrderFactory(status="approved", vehicle=invoice.repair_order.vehicle)
        payment = pay(None, "90.00", customer=invoice.bill_to)
        use(payment, (invoice, "50.00"), (order, "30.00"))
        given = undo(payment)
        assert (given.amount, given.is_reversal, opens(payment)) == (D("90.00"), True, [D("0.00")])
        assert again(invoice).balance == D("100.00")
        check_law()

    def test_payment_with_a_refund_is_not_reversed(self, alice):
        payment = pay(None, "25.00", customer=alice)
        give(payment, "1.00")
        with pytest.raises(AlreadyRefunded):
            undo(payment)

    def test_payment_is_reversed_once(self, alice):
        payment = pay(None, "25.00", customer=alice)
        given = undo(payment)
        with pytest.raises(AlreadyRefunded):
            undo(payment)
        with pytest.raises(NotAPayment):
            undo(given)


class TestDeposits:
    def test_deposits_move_the_oldest_first_up_to_the_balance(self):
        order = finished(prices=("100.00",), tax="0")
        deposits = [pay(order, "60.00"), pay(order, "60.00")]
        invoice = issue(order)
        assert (again(invoice).balance, opens(*deposits)) == (D("0.00"), [D("0.00"), D("20.00")])
        assert [row["amount"] for row in invoice.snapshot["deposits"]] == ["60.00", "40.00"]
        check_law()

    def test_deposits_of_a_customer_who_is_not_billed_are_open(self):
        order = finished()
        deposit = pay(order, "60.00")
        invoice = issue(order, bill_to=CustomerFactory())
        assert (invoice.snapshot["deposits"], opens(deposit)) == ([], [D("60.00")])
        check_law()

    def test_deposits_of_a_merged_customer_move_with_the_order(self, bob, now):
        order = finished(prices=("100.00",), tax="0")
        pay(order, "60.00")
        merge_customers(customer=order.customer, into=bob, by=None, now=now)
        invoice = issue(RepairOrder.objects.get(pk=order.pk))
        assert (invoice.bill_to, again(invoice).balance) == (bob, D("40.00"))
        check_law()

    def test_payments_of_a_credited_invoice_are_open_again(self, invoice):
        payments = [pay(invoice, "30.00"), pay(invoice, "70.00")]
        credit_all(invoice=again(invoice), reason="Wrong", by=None, now=timezone.now())
        assert opens(*payments) == [D("30.00"), D("70.00")]
        check_law()
