"""Parts orders are paid when they are confirmed, and refunded when they are cancelled or come back (D91)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone

from billing.ledger import NotTheTotal, OverBalance, OverOpen
from billing.models import Payment
from billing.payments import refund, reverse
from billing.queries import get_account
from orders import actions, returns
from orders.models import Order
from testing.billed import again, check_law, pay
from testing.factories import LocationFactory, OrderFactory, OrderItemFactory, ReturnLineFactory

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture(autouse=True)
def till():
    return LocationFactory()


@pytest.fixture
def order():
    """A placed order of two parts: 30.00."""
    order = OrderFactory()
    for price in ("10.00", "20.00"):
        OrderItemFactory(order=order, unit_price=D(price))
    return order


def confirm(order, **fields):
    actions.confirm(order=order, by=None, now=timezone.now(), **fields)
    return Payment.objects.get(kind="payment")


def refunds():
    return list(
        Payment.objects.filter(kind="refund").order_by("id").values_list("amount", "method", "reason")
    )


def account(order):
    account = get_account(order.customer_id, now=timezone.now())
    return account.invoiced, account.paid, account.refunded, account.balance


def test_confirming_books_one_payment(order, till):
    payment = confirm(order, method="card", reference="Slip 4")
    assert (payment.amount, payment.method, payment.reference, payment.location, payment.open) == (
        D("30.00"),
        "card",
        "Slip 4",
        till,
        D("0.00"),
    )
    assert account(order) == (D("30.00"), D("30.00"), D("0.00"), D("0.00"))
    check_law()


def test_order_of_nothing_books_no_payment(order):
    order.items.update(unit_price=0, subtotal=0)
    actions.confirm(order=order, by=None, now=timezone.now())
    assert not Payment.objects.exists()


def test_cancelling_gives_the_payment_back(order):
    confirm(order, method="cash")
    actions.cancel(order=Order.objects.get(pk=order.pk), by=None, now=timezone.now())
    assert refunds() == [(D("30.00"), "cash", f"Parts order {order.number} cancelled")]
    assert account(order) == (D("0.00"), D("30.00"), D("30.00"), D("0.00"))
    check_law()


def test_cancelling_an_unpaid_order_gives_nothing_back(order):
    actions.cancel(order=order, by=None, now=timezone.now())
    assert not Payment.objects.exists()


def test_cancelling_after_the_payment_was_reversed_gives_nothing_back(order):
    reverse(payment=confirm(order), reason="Not paid", by=None, now=timezone.now())
    actions.cancel(order=Order.objects.get(pk=order.pk), by=None, now=timezone.now())
    assert [amount for amount, _, _ in refunds()] == [D("30.00")]
    check_law()


def test_return_gives_back_its_amount(order):
    payment = confirm(order)
    stamps = dict.fromkeys(("packed_at", "shipped_at", "delivered_at"), timezone.now())
    Order.objects.filter(pk=order.pk).update(status="delivered", **stamps)
    line = ReturnLineFactory(
        item=order.items.get(unit_price=D("20.00")),
        return_request__order=order,
        return_request__status="received",
        return_request__refund_amount=D("20.00"),
    )
    request = line.return_request
    returns.refund(request=request, amount=D("15.50"), restock=False, by=None, now=timezone.now())
    assert refunds() == [(D("15.50"), payment.method, f"Return {request.number}")]
    assert account(order) == (D("14.50"), D("30.00"), D("15.50"), D("0.00"))
    check_law()


def test_money_of_an_order_is_not_refunded_beside_it(order):
    payment = confirm(order)
    with pytest.raises(OverOpen):
        refund(payment=payment, amount=D("1.00"), reason="Back", by=None, now=timezone.now())


def test_payment_of_a_placed_order_confirms_it(order):
    pay(order, "30.00", "cash")
    assert again(order).status == "confirmed"
    assert account(order) == (D("30.00"), D("30.00"), D("0.00"), D("0.00"))
    check_law()


def test_parts_order_is_paid_as_a_whole_and_once(order):
    with pytest.raises(NotTheTotal):
        pay(order, "29.99")
    with pytest.raises(OverBalance):
        pay(order, "30.01")
    assert (again(order).status, Payment.objects.count()) == ("placed", 0)
    pay(order, "30.00")
    with pytest.raises(OverBalance):
        pay(order, "30.00")


def shipped(order):
    """Deliver a confirmed order whose payment bounced."""
    reverse(payment=confirm(order), reason="The check bounced", by=None, now=timezone.now())
    stamps = dict.fromkeys(("packed_at", "shipped_at", "delivered_at"), timezone.now())
    Order.objects.filter(pk=order.pk).update(status="delivered", **stamps)
    return again(order)


def test_order_that_was_shipped_unpaid_is_paid_later(order):
    with pytest.raises(NotTheTotal):
        pay(shipped(order), "29.99")
    pay(again(order), "30.00")
    with pytest.raises(OverBalance):
        pay(again(order), "30.00")
    assert again(order).status == "delivered"
    assert account(order) == (D("30.00"), D("60.00"), D("30.00"), D("0.00"))
    check_law()


def test_what_was_refunded_of_an_unpaid_order_is_not_owed(order):
    order = shipped(order)
    item = order.items.get(unit_price=D("20.00"))
    line = ReturnLineFactory(
        item=item,
        return_request__order=order,
        return_request__status="received",
        return_request__refund_amount=D("20.00"),
    )
    returns.refund(request=line.return_request, amount=D("15.50"), restock=False, by=None, now=timezone.now())
    assert len(refunds()) == 1  # nothing was paid, so nothing is given back
    with pytest.raises(OverBalance):
        pay(again(order), "30.00")
    pay(again(order), "14.50")
    check_law()


def test_cancelled_order_takes_no_payment(order):
    actions.cancel(order=order, by=None, now=timezone.now())
    with pytest.raises(OverBalance):
        pay(again(order), "30.00")
