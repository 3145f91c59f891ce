"""Drawn sequences of verbs hold the law of the ledger after every step (docs/design, D86), and every credit D89's."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.credit_notes import LineCredit, credit_all, credit_amount, credit_lines
from billing.ledger import Target
from billing.models import CreditNoteLine, Invoice, Payment
from billing.openings import open_account
from billing.payments import allocate, refund, reverse, take_payment
from billing.splitting import NOTHING, Shares, add_up, fit, part_of, split, tax_in
from common.domain.errors import DomainError
from common.domain.money import half_up
from orders import actions as parts_orders
from orders.models import Order
from repair_orders import actions
from repair_orders.models import RepairOrder
from testing.billed import again, check_law, finish, finished, issue
from testing.factories import (
    CustomerFactory,
    JobFactory,
    LocationFactory,
    OrderFactory,
    OrderItemFactory,
    PartLineFactory,
    RepairOrderFactory,
    VehicleFactory,
)

D = Decimal
IS_QUICK = settings.default.max_examples <= 20
SEQUENCES, STEPS, CREDITED = (2, 25, 4) if IS_QUICK else (12, 50, 30)


def amount(draw, most="120.00"):
    return D(draw.choice((1, 50, draw.randrange(1, 5_000), draw.randrange(1, int(D(most) * 100))))).scaleb(-2)


class Shop:
    """A shop with two customers, and the verbs that can be drawn. A refusal is a step, too."""

    def __init__(self, draw):
        self.draw = draw
        self.location = LocationFactory(is_default=True)
        self.customers = [CustomerFactory(), CustomerFactory()]
        self.vehicles = [VehicleFactory(customer=customer) for customer in self.customers]
        self.done = 0
        for _ in range(2):
            self.order()

    def step(self):
        verbs = [
            *(
                "order",
                "deposit",
                "deposit",
                "complete",
                "invoice",
                "invoice",
                "pay",
                "pay",
                "pay_open",
                "use",
            ),
            *("refund", "reverse", "credit_lines", "credit_amount", "credit_all", "stop", "opening"),
            *("parts_order", "cancel_parts"),
        ]
        try:
            getattr(self, self.draw.choice(verbs))()
            self.done += 1
        except DomainError:
            pass

    def one(self, rows):
        found = list(rows.order_by("id"))
        if not found:
            raise DomainError("There is none.")
        return self.draw.choice(found)

    def order(self):
        vehicle = self.draw.choice(self.vehicles)
        order = RepairOrderFactory(
            vehicle=vehicle, status="in_progress", location=self.location, tax_percent=D("8.875"),
            discount_percent=D(self.draw.choice((0, 10))),
        )  # fmt: skip
        job = JobFactory(repair_order=order, status="done")
        for _ in range(self.draw.randrange(3)):
            quantity = D(self.draw.choice((100, 200, 150))).scaleb(-2)
            PartLineFactory(
                repair_order=order, job=job, unit_price=amount(self.draw, "60.00"), quantity=quantity,
                taxable=self.draw.random() < 0.8,
            )  # fmt: skip

    def take(self, customer, given, allocations):
        method = self.draw.choice(("cash", "card", "check"))
        take_payment(
            customer=customer, location=self.location, amount=given, method=method, by=None, now=timezone.now(),
            allocations=allocations,
        )  # fmt: skip

    def deposit(self):
        order, given = self.one(RepairOrder.objects.all()), amount(self.draw)
        self.take(order.customer, given, [Target(order, given)])

    def complete(self):
        finish(self.one(RepairOrder.objects.filter(status="in_progress")))

    def stop(self):
        order = self.one(RepairOrder.objects.filter(status="in_progress"))
        order.jobs.update(status="approved")
        actions.stop(order=order, reason="No", by=None, now=timezone.now())

    def invoice(self):
        order = self.one(RepairOrder.objects.filter(status="completed"))
        issue(order, bill_to=self.draw.choice((None, *self.customers)))

    def pay(self):
        invoice = self.one(Invoice.objects.filter(balance__gt=0))
        part = self.draw.choice((invoice.balance, amount(self.draw)))
        given = part + self.draw.choice((D(0), D("5.00")))
        self.take(invoice.bill_to, given, [Target(invoice, part)])

    def pay_open(self):
        self.take(self.draw.choice(self.customers), amount(self.draw), [])

    def use(self):
        payment = self.one(Payment.objects.filter(open__gt=0))
        rows = [*Invoice.objects.filter(balance__gt=0), *RepairOrder.objects.filter(status="in_progress")]
        targets = [Target(self.draw.choice(rows), amount(self.draw, "20.00")) for _ in range(2) if rows]
        allocate(payment=payment, allocations=targets, by=None, now=timezone.now())

    def refund(self):
        payment = self.one(Payment.objects.all())
        part = self.draw.choice((payment.open, amount(self.draw, "20.00")))
        refund(payment=payment, amount=part, reason="Back", by=None, now=timezone.now())

    def reverse(self):
        reverse(payment=self.one(Payment.objects.all()), reason="Mistake", by=None, now=timezone.now())

    def credit_lines(self):
        invoice = self.one(Invoice.objects.all())
        lines = list(invoice.lines.order_by("id"))[: self.draw.randrange(1, 3)]
        quantity = self.draw.choice((None, D("0.50"), D("1.00")))
        credit_lines(
            invoice=invoice, lines=[LineCredit(line.pk, quantity) for line in lines], reason="Back", by=None,
            now=timezone.now(),
        )  # fmt: skip

    def credit_amount(self):
        invoice = self.one(Invoice.objects.all())
        credit_amount(
            invoice=invoice, amount=amount(self.draw, "30.00"), reason="Sorry", by=None, now=timezone.now()
        )

    def credit_all(self):
        credit_all(invoice=self.one(Invoice.objects.all()), reason="Wrong", by=None, now=timezone.now())

    def opening(self):
        owed = amount(self.draw, "40.00") * self.draw.choice((1, -1))
        customer = self.draw.choice(self.customers)
        day = timezone.now().date().replace(year=2020)
        open_account(
            customer=customer, location=self.location, amount=owed, day=day, by=None, now=timezone.now()
        )

    def parts_order(self):
        order = OrderFactory(customer=self.draw.choice(self.customers))
        OrderItemFactory(order=order, unit_price=amount(self.draw, "40.00"))
        parts_orders.confirm(order=order, by=None, now=timezone.now(), method="card")

    def cancel_parts(self):
        order = self.one(Order.objects.filter(status="confirmed"))
        parts_orders.cancel(order=order, by=None, now=timezone.now())


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_every_step_holds_the_law(seed):
    shop = Shop(random.Random(seed))
    for _ in range(STEPS):
        shop.step()
        check_law()
    assert shop.done > STEPS // 4


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(CREDITED))
def test_credits_in_any_order_end_at_the_invoice_exactly(seed):
    draw = random.Random(seed)
    prices = [amount(draw, "90.00") for _ in range(draw.randrange(1, 5))]
    tax, discount, quantity = (
        draw.choice(given)
        for given in (("8.875", "0", "9.975", "100"), ("0", "10", "33.3333"), ("3", "1", "0.07", "2.5"))
    )
    invoice = issue(finished(prices=prices, tax=tax, discount=discount, quantity=quantity))
    for _ in range(12):
        try:
            _credit(draw, again(invoice))
        except DomainError:
            continue
        check_law()
    if not again(invoice).is_credited:
        credit_all(invoice=invoice, reason="All", by=None, now=timezone.now())
    check_law()
    notes = list(invoice.credit_notes.all())
    assert sum(note.total for note in notes) == invoice.total
    assert sum(note.tax for note in notes) == invoice.tax
    assert min((min(note.net, note.tax, note.total) for note in notes), default=D(0)) >= 0
    for line in invoice.lines.all():
        taken = list(CreditNoteLine.objects.filter(invoice_line=line))
        assert min((min(row.net, row.tax, row.discount) for row in taken), default=D(0)) >= 0
        if sum(row.quantity or 0 for row in taken) == line.quantity:
            assert (sum(row.net for row in taken), sum(row.tax for row in taken)) == (line.net, line.tax)


def _credit(draw, invoice):
    if draw.random() < 0.4:
        credit_amount(
            invoice=invoice, amount=amount(draw, "40.00"), reason="Sorry", by=None, now=timezone.now()
        )
        return
    lines = draw.sample(list(invoice.lines.all()), draw.randrange(1, invoice.lines.count() + 1))
    wanted = [LineCredit(line.pk, draw.choice((None, D("0.03"), D("1.00"), line.quantity))) for line in lines]
    credit_lines(invoice=invoice, lines=wanted, reason="Back", by=None, now=timezone.now())


CENTS = st.integers(0, 50_000)


@given(st.lists(st.tuples(CENTS, st.booleans()), min_size=1, max_size=8), st.integers(0, 10_000), CENTS)
def test_shares_add_up_and_none_is_negative(lines, percent, tax):
    amounts, taxable = [cents for cents, _ in lines], [taxed for _, taxed in lines]
    discount = half_up(sum(amounts) * percent, 10_000)
    shares = split(amounts, taxable, discount=discount, tax=tax)
    whole = add_up(shares)
    has_base = any(share.net and taxed for share, taxed in zip(shares, taxable, strict=True))
    assert (whole.amount, whole.discount, whole.tax) == (sum(amounts), discount, tax if has_base else 0)
    assert min(min(share.discount, share.net, share.tax) for share in shares) >= 0


@given(CENTS, CENTS, CENTS, st.lists(st.integers(1, 300), min_size=1, max_size=8))
def test_pieces_of_a_line_come_to_the_line(discount, net, tax, steps):
    whole, taken = Shares(discount + net, discount, net, tax), NOTHING
    for end in (sum(steps[:place]) for place in range(1, len(steps) + 1)):
        part = part_of(whole, end, sum(steps)) - taken
        assert min(part.amount, part.discount, part.net, part.tax) >= 0
        taken = add_up([taken, part])
    assert taken == whole


@given(CENTS, CENTS, st.lists(st.integers(1, 20_000), max_size=8))
def test_tax_of_amounts_comes_to_the_tax_of_the_invoice(net, tax, steps):
    left, given_before, taken = net + tax, 0, 0
    for step in (*steps, net + tax):
        step = min(step, left)
        cumulated = tax_in(given_before + step, tax=tax, total=net + tax)
        assert 0 <= cumulated - taken <= step
        left, given_before, taken = left - step, given_before + step, cumulated
    assert (left, taken) == (0, tax)


@given(CENTS, CENTS, CENTS, CENTS)
def test_fitted_credit_never_exceeds_what_is_left(net, tax, left_net, left_tax):
    wanted, left = Shares(net, 0, net, tax), Shares(left_net, 0, left_net, left_tax)
    if wanted.total > left.total:
        return
    change = fit(wanted, left)
    assert 0 <= tax + change <= left_tax
    assert 0 <= net - change <= left_net
