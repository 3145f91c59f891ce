"""The account of a customer, and what is open between them and the shop (docs/design, D86)."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import User
from billing.credit_notes import credit_all, credit_amount
from billing.ledger import Target
from billing.payments import allocate, refund
from billing.queries import (
    Account,
    age,
    bucket_of,
    find_to_give_back,
    find_to_invoice,
    get_account,
    get_deposit,
    name_open_accounts,
)
from customers.actions import delete_profile
from customers.guards import CustomerIsHeld
from repair_orders import actions
from testing.billed import again, finished, issue, pay
from testing.factories import RepairOrderFactory, VehicleFactory
from testing.worked_example import reload, started

pytestmark = pytest.mark.django_db
D = Decimal


def test_account_names_each_sum():
    invoice = issue(finished(prices=("100.00",), tax="0"))
    customer = invoice.bill_to
    open_order = RepairOrderFactory(status="approved", vehicle=invoice.repair_order.vehicle)
    payment = pay(invoice, "30.00")
    pay(open_order, "12.00")
    pay(None, "8.00", customer=customer)
    credit_amount(invoice=invoice, amount=D("75.00"), reason="Sorry", by=None, now=timezone.now())
    payment.refresh_from_db()
    refund(payment=payment, amount=D("1.00"), reason="Back", by=None, now=timezone.now())
    later = timezone.now() + timedelta(days=31)
    assert get_account(customer.pk, now=later) == Account(
        invoiced=D("100.00"),
        credited=D("75.00"),
        paid=D("50.00"),
        refunded=D("1.00"),
        balance=D("-24.00"),
        open_payments=D("12.00"),
        deposits=D("12.00"),
        ageing=dict.fromkeys(("current", "d30", "d60", "d90", "over"), D("0.00")),
    )
    assert get_deposit(open_order) == D("12.00")


@pytest.mark.parametrize(
    ("days", "bucket"),
    [
        (-5, "current"), (0, "current"), (1, "d30"), (30, "d30"), (31, "d60"), (60, "d60"), (61, "d90"), (90, "d90"),
        (91, "over"),
    ],
)  # fmt: skip
def test_bucket_follows_the_days_past_due(days, bucket):
    assert bucket_of(days) == bucket
    sums = age([(days, D("5.00")), (days, D("2.00"))])
    assert {name: amount for name, amount in sums.items() if amount} == {bucket: D("7.00")}


def test_account_of_a_customer_without_any_is_empty(alice):
    account = get_account(alice.pk, now=timezone.now())
    assert (account.balance, account.open_payments, account.deposits) == (D(0), D(0), D(0))


class TestOpenBusiness:
    def test_profile_with_an_open_account_is_not_deleted(self, now):
        invoice = issue(finished(prices=("40.00",), tax="0"))
        customer = invoice.bill_to
        deposit = pay(finished(vehicle=invoice.repair_order.vehicle), "6.00")
        kept = deposit.allocations.get().repair_order_id
        payment = pay(None, "5.00", customer=customer)
        with pytest.raises(CustomerIsHeld) as refused:
            delete_profile(user_id=customer.contact_id, now=now)
        assert refused.value.text == (
            f"Finish or cancel first: invoice {invoice.number} with a balance of 40.00, deposit of 6.00 on repair "
            f"order {kept}, payment {payment.pk} with 5.00 open."
        )
        assert User.objects.filter(pk=customer.contact_id).exists()

    def test_settled_account_holds_no_profile(self, now):
        invoice = issue(finished(prices=("40.00",), tax="0"))
        pay(invoice, "40.00")
        assert name_open_accounts([invoice.bill_to_id]) == []
        delete_profile(user_id=invoice.bill_to.contact_id, now=now)
        invoice.bill_to.refresh_from_db()
        assert invoice.bill_to.contact is None


def test_orders_to_invoice_are_the_completed_ones_without_a_standing_invoice():
    invoice = issue(finished())
    other = finished()
    RepairOrderFactory(status="in_progress")
    assert list(find_to_invoice()) == [other]
    credit_amount(invoice=invoice, amount=invoice.total, reason="All", by=None, now=timezone.now())
    assert set(find_to_invoice()) == {other, invoice.repair_order}


def test_money_to_give_back_is_of_customers_without_open_business(alice, bob):
    first, second = (pay(None, "5.00", customer=customer) for customer in (alice, bob))
    RepairOrderFactory(status="approved", vehicle__customer=bob)
    assert list(find_to_give_back()) == [first]
    assert second.open == D("5.00")


class TestDepositOfAnOrderThatEnded:
    """It waits to be given back, whatever else the customer has."""

    @pytest.fixture
    def busy(self):
        """Return a customer with another open order and an unpaid invoice."""
        vehicle = issue(finished(prices=("40.00",), tax="0")).repair_order.vehicle
        RepairOrderFactory(status="approved", vehicle=vehicle)
        return vehicle.customer

    def test_order_that_was_stopped(self, busy):
        order, *_ = started(vehicle=VehicleFactory(customer=busy))
        deposit = pay(order, "100.00")
        kept = pay(started(vehicle=VehicleFactory(customer=busy))[0], "70.00")
        pay(None, "5.00", customer=busy)
        assert list(find_to_give_back()) == []
        actions.stop(order=reload(order), reason="Sold", by=None, now=timezone.now())
        assert [(row, row.open) for row in find_to_give_back()] == [(deposit, D("100.00"))]
        assert again(kept).open == D("0.00")

    def test_what_is_left_when_the_order_is_invoiced_and_paid(self, busy):
        order = finished(prices=("60.00",), tax="0", vehicle=VehicleFactory(customer=busy))
        deposit = pay(order, "100.00")
        issue(order)
        assert [(row, row.open) for row in find_to_give_back()] == [(deposit, D("40.00"))]

    def test_what_is_freed_of_an_unpaid_invoice_can_still_pay_it(self, busy):
        order = finished(prices=("60.00",), tax="0", vehicle=VehicleFactory(customer=busy))
        deposit = pay(order, "50.00")
        invoice = issue(order)
        credit_all(invoice=invoice, reason="Wrong name", by=None, now=timezone.now())
        assert again(deposit).open == D("50.00")
        assert list(find_to_give_back()) == []
        issue(again(order))
        assert list(find_to_give_back()) == []

    def test_order_that_is_billed_to_another_customer(self, busy, alice):
        order = finished(prices=("60.00",), tax="0", vehicle=VehicleFactory(customer=busy))
        deposit = pay(order, "20.00")
        issue(order, bill_to=alice)
        assert list(find_to_give_back()) == [deposit]

    def test_what_was_given_back_or_used_again_waits_no_more(self, busy):
        order, *_ = started(vehicle=VehicleFactory(customer=busy))
        deposit, other = pay(order, "100.00"), started(vehicle=VehicleFactory(customer=busy))[0]
        actions.stop(order=reload(order), reason="Sold", by=None, now=timezone.now())
        refund(payment=again(deposit), amount=D("30.00"), reason="Sold", by=None, now=timezone.now())
        assert [row.open for row in find_to_give_back()] == [D("70.00")]
        allocate(payment=again(deposit), allocations=[Target(other, D("70.00"))], by=None, now=timezone.now())
        assert list(find_to_give_back()) == []
