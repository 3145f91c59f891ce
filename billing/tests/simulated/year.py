"""What happens in a simulated year, drawn at random, told to the product and to the books.

Orders are completed by direct rows. They are invoiced, paid, credited and closed by the product's own verbs, each with
its instant. What is drawn is possible, except for some refusals that are expected.
"""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from billing import credit_notes, payments
from billing.credit_notes import LineCredit, OverInvoice
from billing.days import close_day
from billing.invoices import issue_invoice, set_prefix
from billing.ledger import OverBalance, OverOpen, Target
from billing.models import Invoice, Payment
from billing.openings import TooLate, open_account
from billing.tests.simulated import compare
from billing.tests.simulated.arithmetic import fee_of, half_up, price
from billing.tests.simulated.books import METHODS, Books
from customers.models import Customer
from orders import actions as mail
from orders import returns
from orders.models import Order, OrderItem, ReturnLine, ReturnRequest
from repair_orders import actions
from repair_orders.models import Job, OrderDiscount, PartLine, RepairOrder, ServiceLine
from testing.factories import (
    CustomerFactory,
    LocationFactory,
    PartFactory,
    ServiceFactory,
    TechnicianFactory,
    VehicleFactory,
)

START, END = datetime(2026, 2, 15, 12, tzinfo=UTC), datetime(2027, 2, 10, 12, tzinfo=UTC)
OPENED = date(2026, 2, 1)
PLACES = (
    ("Main Street", "America/New_York", "8.8750"),
    ("River Road", "America/New_York", "8.0000"),
    ("Bay Avenue", "America/Los_Angeles", "9.5000"),
)
# Both changes of the clock, the hour that is twice, midnights, and the end of the year in both zones.
MOMENTS = tuple(
    datetime.fromisoformat(text).replace(tzinfo=UTC)
    for text in (
        "2026-03-08T04:59:59", "2026-03-08T05:00:00", "2026-03-08T06:59:59", "2026-03-08T07:00:00",
        "2026-03-09T03:59:59", "2026-03-09T04:00:00", "2026-03-09T06:59:59", "2026-03-09T07:00:00",
        "2026-11-01T03:59:59", "2026-11-01T04:00:00", "2026-11-01T05:30:00", "2026-11-01T06:30:00",
        "2026-11-02T04:59:59", "2026-11-02T05:00:00", "2026-11-02T07:59:59", "2026-11-02T08:00:00",
        "2027-01-01T04:59:59", "2027-01-01T05:00:00", "2027-01-01T07:59:59", "2027-01-01T08:00:00",
    )
)  # fmt: skip
FEE = {
    "name": "Shop supplies", "kind": "percent_of_parts_and_labour", "percent": "5.0000", "amount": None,
    "cap": "25.00", "taxable": True, "parts": [],
}  # fmt: skip


def dollars(cents):
    return Decimal(cents).scaleb(-2)


def cents_of(amount):
    return int(amount * 100)


class Year:
    def __init__(self, orders, seed=0):
        self.orders, self.rng = orders, random.Random(seed)
        self.done_orders = {}  # order -> place and total, of completed orders
        self.places = []
        self.rates = {}
        for place, (name, zone, rate) in enumerate(PLACES):
            location = LocationFactory(name=name, time_zone=zone, is_default=place == 0)
            set_prefix(location=location, prefix=f"Y{place}")
            self.places.append(location)
            self.rates[location.pk] = rate
        self.books = Books({location.pk: location.time_zone for location in self.places})
        self.part, self.service = PartFactory(), ServiceFactory()
        self.technicians = [None, *TechnicianFactory.create_batch(3)]
        number = max(12, orders // 40)
        self.customers = [CustomerFactory(terms_days=self.rng.choice((0, 0, 15, 30))) for _ in range(number)]
        self.vehicles = {customer.pk: VehicleFactory(customer=customer) for customer in self.customers}
        self.terms = {customer.pk: customer.terms_days for customer in self.customers}
        self.waiting, self.invoices, self.takings, self.mailed = [], [], [], []
        self.credited = []
        self.owing = defaultdict(set)  # customer -> invoices with a balance
        self.closings = {}  # (place, day) -> CSV of the journal then
        self.done = defaultdict(int)

    def run(self):
        """Let the year pass. Returns how often each thing happened."""
        self.open_accounts()
        for now in self.instants():
            self.order(now)
            verbs = (
                self.pay_invoice, self.pay_several, self.pay_in_advance, self.allocate, self.refund,
                self.reverse, self.credit_lines, self.credit_lines, self.credit_amount, self.credit_all,
                self.invoice_again, self.mail_order, self.give_mail_back, self.stop, self.refusal,
                self.pay_invoice, self.pay_invoice, self.invoice_waiting,
            )  # fmt: skip
            for later in range(self.rng.randint(1, 3)):
                self.rng.choice(verbs)(now + timedelta(milliseconds=20 * (later + 1)))
            if self.rng.random() < min(0.6, 0.7 * len(self.places) * 360 / self.orders):
                self.close(now + timedelta(milliseconds=100))
        return dict(sorted(self.done.items()))

    def instants(self):
        step = (END - START) / self.orders
        drawn = {START + step * (place + self.rng.random()) for place in range(self.orders - len(MOMENTS))}
        return sorted({moment.replace(microsecond=0) for moment in drawn} | set(MOMENTS))

    def count(self, name):
        self.done[name] += 1

    def customer(self, pk):
        return Customer.objects.get(pk=pk)

    def location(self, pk):
        return next(location for location in self.places if location.pk == pk)

    # --- Orders and invoices --------------------------------------------------------------------------

    def open_accounts(self):
        for customer in self.customers[:: max(1, len(self.customers) // 40)]:
            location, cents = self.rng.choice(self.places), self.rng.randint(1, 80_000)
            owes = self.rng.random() < 0.6
            row = open_account(
                customer=customer,
                location=location,
                amount=dollars(cents if owes else -cents),
                day=OPENED,
                by=None,
                now=START - timedelta(days=1),
            )
            if owes:
                self.books.open_invoice(row.pk, location.pk, customer.pk, OPENED, cents)
                self.invoices.append(row.pk)
                self.owing[customer.pk].add(row.pk)
            else:
                self.books.open_payment(
                    row.pk, location.pk, customer.pk, OPENED, cents, START - timedelta(days=1)
                )
                self.takings.append(row.pk)
            self.count("opening balances")

    def drawn_lines(self):
        rng, lines = self.rng, []
        for _ in range(rng.randint(0, 3)):
            pieces, unit, cost = rng.choice((100, 100, 200, 50, 450, 333)), rng.randint(1, 20_000), None
            cost = rng.randint(0, unit)
            lines.append(
                {
                    "kind": "part", "pieces": pieces, "unit": unit, "unit_cost": cost,
                    "amount": half_up(Fraction(pieces * unit, 100)),
                    "cost": half_up(Fraction(pieces * cost, 100)),
                    "taxable": rng.random() < 0.85,
                }
            )  # fmt: skip
        for _ in range(rng.randint(0, 2)):
            hours = rng.choice((75, 180, 100, 25))
            lines.append(
                {
                    "kind": "labour", "pieces": hours, "unit": 12_995,
                    "amount": half_up(Fraction(hours * 12_995, 100)), "cost": 0,
                    "taxable": rng.random() < 0.6,
                }
            )  # fmt: skip
        if rng.random() < 0.3 or not lines:
            amount = rng.randint(0, 30_000)
            lines.append(
                {
                    "kind": "sublet", "pieces": None, "unit": None, "amount": amount,
                    "cost": rng.randint(0, amount), "taxable": rng.random() < 0.3,
                }
            )  # fmt: skip
        return lines

    def drawn_terms(self, place):
        rng = self.rng
        rate = self.rates[place] if rng.random() < 0.9 else "8.2500"
        exempt = rng.random() < 0.07
        return {
            "percent": rng.choice(("0", "0", "10", "12.5", "3.3333", "100" if rng.random() < 0.1 else "5")),
            "amount": rng.choice((0, 0, 0, 1000, rng.randint(1, 50_000))),
            "rate": "0.0000" if exempt or rng.random() < 0.05 else rate,
            "exempt": exempt,
            "rows": self.drawn_discounts(),
        }

    def drawn_discounts(self):
        """Draw discounts of a plan, an offer and points (docs/design, D135)."""
        rng = self.rng
        rows = []
        for kind in ("plan", "offer", "points"):
            if rng.random() < 0.8:
                continue
            is_points = kind == "points"
            rows.append(
                {
                    "kind": kind,
                    "parts": "0" if is_points else rng.choice(("0", "15", "3.3333")),
                    "labour": "0" if is_points else rng.choice(("0", "10", "15")),
                    "amount": 0 if kind == "plan" else rng.randint(1, 3000),
                    "cap": None if is_points else rng.choice((None, 2500)),
                    "combines": is_points or rng.random() < 0.5,
                }
            )
        if rows:
            self.count("orders with a discount of a plan, an offer or points")
        return rows

    def completed(self, now, status="completed"):
        """Store an order with its lines, and return it as the books have it."""
        customer, location = self.rng.choice(self.customers), self.rng.choice(self.places)
        lines, terms = self.drawn_lines(), self.drawn_terms(location.pk)
        has_fee = self.rng.random() < 0.7
        fee = fee_of(lines, FEE["percent"], 2500) if has_fee else 0
        if fee:
            lines.append(
                {"kind": "fee", "pieces": None, "unit": None, "amount": fee, "cost": 0, "taxable": True}
            )
        totals = price(lines, terms)
        is_done = status == "completed"
        (row,) = RepairOrder.objects.bulk_create(
            [
                RepairOrder(
                    customer=customer,
                    vehicle=self.vehicles[customer.pk],
                    location=location,
                    status=status,
                    created_at=now,
                    completed_at=now if is_done else None,
                    total_cost=dollars(totals["total"]) if is_done else None,
                    discount_amount=dollars(terms["amount"]),
                    discount_percent=Decimal(terms["percent"]),
                    tax_percent=Decimal(terms["rate"]),
                    tax_exemption="EX-1" if terms["exempt"] else "",
                    fee_terms=[FEE] if has_fee else [],
                    given_discount=Decimal(0) if terms["rows"] else None,
                )
            ]
        )
        self.store_discounts(row, terms["rows"], now)
        technician = self.rng.choice(self.technicians)
        (job,) = Job.objects.bulk_create(
            [
                Job(
                    repair_order=row,
                    position=1,
                    name="Repair",
                    status="done" if is_done else "approved",
                    is_draft=False,
                    technician=technician,
                )
            ]
        )
        self.store_lines(row, job, lines)
        order = {
            "pk": row.pk,
            "place": location.pk,
            "customer": customer.pk,
            "lines": lines,
            "totals": totals,
            "technician": technician and technician.pk,
        }
        if is_done:
            self.done_orders[row.pk] = location.pk, totals["total"]
        return {**order, "rate": terms["rate"], "exempt": terms["exempt"]}

    def store_discounts(self, row, discounts, now):
        OrderDiscount.objects.bulk_create(
            OrderDiscount(
                repair_order=row,
                kind=discount["kind"],
                source_id=row.customer.contact_id,
                name=discount["kind"].title(),
                off_parts=Decimal(discount["parts"]),
                off_labour=Decimal(discount["labour"]),
                off_amount=dollars(discount["amount"]),
                discount_cap=None if discount["cap"] is None else dollars(discount["cap"]),
                combines=discount["combines"],
                points=discount["amount"] if discount["kind"] == "points" else None,
                given_at=now,
            )
            for discount in discounts
        )

    def store_lines(self, row, job, lines):
        PartLine.objects.bulk_create(
            PartLine(
                repair_order=row,
                job=job,
                part=self.part,
                name="Part",
                quantity=dollars(line["pieces"]),
                unit_price=dollars(line["unit"]),
                unit_cost=dollars(line["unit_cost"]),
                amount=dollars(line["amount"]),
                taxable=line["taxable"],
            )
            for line in lines
            if line["kind"] == "part"
        )
        ServiceLine.objects.bulk_create(
            ServiceLine(
                repair_order=row,
                job=None if line["kind"] == "fee" else job,
                service=self.service,
                kind=line["kind"],
                name=line["kind"],
                hours=dollars(line["pieces"]) if line["pieces"] else None,
                rate=dollars(line["unit"]) if line["unit"] else None,
                cost=dollars(line["cost"]) if line["kind"] == "sublet" else None,
                amount=dollars(line["amount"]),
                taxable=line["taxable"],
                fee_position=0 if line["kind"] == "fee" else None,
            )
            for line in lines
            if line["kind"] != "part"
        )

    def order(self, now):
        order = self.completed(now)
        self.count("orders")
        for _ in range(self.rng.choice((0, 0, 0, 1, 2))):
            self.deposit(order, now)
        if self.rng.random() < 0.9:
            self.invoice(order, now + timedelta(milliseconds=5))
        else:
            self.waiting.append(order)

    def deposit(self, order, now):
        row = RepairOrder.objects.get(pk=order["pk"])
        self.take(order["customer"], [(row, ("repair_order", order["pk"]), self.rng.randint(1, 40_000))], now)
        self.count("deposits")

    def invoice(self, order, now):
        payer = order["customer"]
        if self.rng.random() < 0.08:
            payer = self.rng.choice(self.customers).pk
        row = RepairOrder.objects.select_related("location", "customer", "vehicle").get(pk=order["pk"])
        made = issue_invoice(order=row, by=None, now=now, bill_to=self.customer(payer))
        invoice = self.books.invoice(made.pk, order["place"], payer, order, self.terms[payer], now)
        compare.invoice(made, invoice)
        self.invoices.append(made.pk)
        self.follow(made.pk)
        self.count("invoices")

    def invoice_waiting(self, now):
        if self.waiting:
            self.invoice(self.waiting.pop(self.rng.randrange(len(self.waiting))), now)

    def invoice_again(self, now):
        for pk in self.rng.sample(self.invoices, min(20, len(self.invoices))):
            row = self.books.invoices[pk]
            if row["done"] and not row.get("again") and row["order"]:
                row["again"] = True
                keys = ("place", "lines", "rate", "exempt", "technician")
                totals = {name: row[name] for name in ("subtotal", "discount", "net", "tax", "total")}
                self.count("invoiced again")
                order = RepairOrder.objects.get(pk=row["order"])
                known = {name: row[name] for name in keys}
                self.invoice({**known, "pk": order.pk, "customer": order.customer_id, "totals": totals}, now)
                return

    def follow(self, *invoices):
        """Remember which invoices have a balance."""
        for pk in invoices:
            customer = self.books.invoices[pk]["customer"]
            (self.owing[customer].add if self.books.balance(pk) else self.owing[customer].discard)(pk)

    # --- Payments -------------------------------------------------------------------------------------

    def take(self, customer, uses, now, *, more=0, location=None):
        """Take a payment that is used for (row, target, cents), with `more` cents that stay open."""
        cents = sum(amount for _, _, amount in uses) + more
        method = self.rng.choice(METHODS)
        location = location or self.rng.choice(self.places)
        made = payments.take_payment(
            customer=self.customer(customer),
            location=location,
            amount=dollars(cents),
            method=method,
            by=None,
            now=now,
            allocations=[Target(row, dollars(amount)) for row, _, amount in uses],
        )
        self.books.pay(made.pk, location.pk, customer, cents, method, now)
        for _, target, amount in uses:
            self.books.use(made.pk, target, amount, now)
        self.takings.append(made.pk)
        self.follow(*[pk for _, (kind, pk), _ in uses if kind == "invoice"])
        return made.pk

    def use_of(self, pk, whole=0.5):
        balance = self.books.balance(pk)
        cents = balance if self.rng.random() < whole else self.rng.randint(1, balance)
        return Invoice.objects.get(pk=pk), ("invoice", pk), cents

    def debtor(self, least=1):
        found = [customer for customer in sorted(self.owing) if len(self.owing[customer]) >= least]
        return self.rng.choice(found) if found else None

    def pay_invoice(self, now):
        if customer := self.debtor():
            invoice = self.rng.choice(sorted(self.owing[customer]))
            self.take(customer, [self.use_of(invoice)], now, more=self.rng.choice((0, 0, 0, 2000)))
            self.count("payments")

    def pay_several(self, now):
        if customer := self.debtor(2):
            chosen = sorted(self.owing[customer])[: self.rng.randint(2, 6)]
            self.take(customer, [self.use_of(pk, 0.8) for pk in chosen], now)
            self.count("payments of several invoices")

    def pay_in_advance(self, now):
        self.take(self.rng.choice(self.customers).pk, [], now, more=self.rng.randint(1, 50_000))
        self.count("payments that stay open")

    def some_taking(self, fits):
        for pk in self.rng.sample(self.takings, min(25, len(self.takings))):
            if fits(pk):
                return pk
        return None

    def allocate(self, now):
        pk = self.some_taking(
            lambda pk: self.books.open(pk) and self.owing[self.books.payments[pk]["customer"]]
        )
        if pk:
            customer = self.books.payments[pk]["customer"]
            invoice, target, cents = self.use_of(self.rng.choice(sorted(self.owing[customer])))
            cents = min(cents, self.books.open(pk))
            payments.allocate(
                payment=Payment.objects.get(pk=pk),
                allocations=[Target(invoice, dollars(cents))],
                by=None,
                now=now,
            )
            self.books.use(pk, target, cents, now)
            self.follow(target[1])
            self.count("allocations")

    def refund(self, now):
        if pk := self.some_taking(self.books.open):
            cents = self.rng.randint(1, self.books.open(pk))
            row = self.books.payments[pk]
            method = self.rng.choice((row["method"], row["method"], self.rng.choice(METHODS)))
            location = self.rng.choice((self.location(row["place"]), self.rng.choice(self.places)))
            payments.refund(
                payment=Payment.objects.get(pk=pk),
                amount=dollars(cents),
                reason="Too much",
                by=None,
                now=now,
                method=method,
                may_change_method=True,
                location=location,
            )
            self.books.refund(pk, cents, now, method=method, place=location.pk)
            self.count("refunds")

    def reverse(self, now):
        pk = self.some_taking(lambda pk: not self.books.payments[pk]["refunds"])
        if pk:
            payments.reverse(
                payment=Payment.objects.get(pk=pk), reason="Recorded by mistake", by=None, now=now
            )
            self.books.reverse(pk, now)
            targets = self.books.payments[pk].get("targets", ())
            self.follow(*[invoice for kind, invoice in targets if kind == "invoice"])
            self.count("reversals")

    # --- Credits --------------------------------------------------------------------------------------

    def some_invoice(self, *, has_lines=False):
        """Return an invoice to credit, often one that was credited before: steps must end at its total exactly."""
        known = self.credited if self.rng.random() < 0.6 else self.invoices
        for pk in self.rng.sample(known, min(10, len(known))):
            row = self.books.invoices[pk]
            if not row["done"] and (row["lines"] or not has_lines):
                return pk
        return None

    def compare_note(self, pk, note, expected):
        compare.note(note, expected)
        self.follow(pk)
        self.credited = [*self.credited[-40:], pk]

    def credit_lines(self, now):
        pk = self.some_invoice(has_lines=True)
        if pk is None:
            return
        row, wanted = self.books.invoices[pk], []
        for place, line in enumerate(row["lines"]):
            taken = row["taken"][place]
            spent = (
                taken["pieces"] >= line["pieces"]
                if line["pieces"]
                else any(taken[name] for name in ("discount", "net", "tax"))
            )
            if not spent and self.rng.random() < 0.5:
                left = line["pieces"] and line["pieces"] - taken["pieces"]
                wanted.append(
                    (place, self.rng.randint(1, left) if left and self.rng.random() < 0.6 else None)
                )
        parts = [self.books.part_of_line(pk, place, pieces) for place, pieces in wanted]
        over = sum(part["net"] + part["tax"] for part in parts) > sum(self.books.left(pk))
        if not wanted:
            return
        ids = list(Invoice.objects.get(pk=pk).lines.order_by("position").values_list("pk", flat=True))
        asked = [LineCredit(ids[place], pieces and dollars(pieces)) for place, pieces in wanted]
        given = {"invoice": Invoice.objects.get(pk=pk), "reason": "Wrong part", "by": None, "now": now}
        if over:
            self.refused(OverInvoice, lambda: credit_notes.credit_lines(lines=asked, **given))
            return
        note = credit_notes.credit_lines(lines=asked, **given)
        self.compare_note(pk, note, self.books.credit_lines(pk, note.pk, wanted, now))
        self.count("credits by line")

    def credit_amount(self, now):
        pk = self.some_invoice()
        left = pk and sum(self.books.left(pk))
        if left:
            cents = self.rng.choice((left, self.rng.randint(1, left), self.rng.randint(1, left)))
            note = credit_notes.credit_amount(
                invoice=Invoice.objects.get(pk=pk), amount=dollars(cents), reason="Sorry", by=None, now=now
            )
            self.compare_note(pk, note, self.books.credit_amount(pk, note.pk, cents, now))
            self.count("credits by amount")

    def credit_all(self, now):
        if pk := self.some_invoice():
            invoice = Invoice.objects.get(pk=pk)
            note = credit_notes.credit_all(invoice=invoice, reason="Wrong name", by=None, now=now)
            self.compare_note(pk, note, self.books.credit_all(pk, note.pk, now))
            self.count("credits of the whole")

    # --- Parts orders, stopped orders, refusals, days -------------------------------------------------

    def mail_order(self, now):
        customer = self.rng.choice(self.customers)
        (order,) = Order.objects.bulk_create(
            [Order(customer=customer, created_at=now, expires_at=now + timedelta(hours=48))]
        )
        cents = self.rng.randint(1, 9000)
        OrderItem.objects.create(
            order=order,
            part=self.part,
            product_name="Part",
            quantity=2,
            unit_price=dollars(cents),
            subtotal=dollars(2 * cents),
        )
        method = self.rng.choice(METHODS)
        mail.confirm(order=order, by=None, now=now, method=method)
        payment = Payment.objects.latest("id")
        place = self.places[0].pk
        self.books.pay(payment.pk, place, customer.pk, 2 * cents, method, now)
        self.books.use(payment.pk, ("parts_order", order.pk), 2 * cents, now)
        self.mailed.append((order.pk, 2 * cents))
        if self.rng.random() < 0.2:
            self.takings.append(payment.pk)  # it may be reversed
        self.count("parts orders")

    def give_mail_back(self, now):
        """Cancel a parts order, or refund all or a part of a return."""
        if not self.mailed:
            return
        pk, cents = self.mailed.pop(self.rng.randrange(len(self.mailed)))
        order = Order.objects.get(pk=pk)
        if self.rng.random() < 0.5:
            mail.cancel(order=order, by=None, now=now)
            self.count("parts orders cancelled")
        else:
            Order.objects.filter(pk=pk).update(
                status="delivered", packed_at=now, shipped_at=now, delivered_at=now
            )
            request = ReturnRequest.objects.create(
                order=order,
                status="received",
                reason="Does not fit",
                refund_amount=dollars(cents),
                created_at=now,
                approved_at=now,
                received_at=now,
            )
            ReturnLine.objects.create(return_request=request, item=order.items.get())
            cents = self.rng.choice((cents, self.rng.randint(1, cents)))
            returns.refund(request=request, by=None, now=now, amount=dollars(cents))
            self.count("returns refunded")
        for payment, freed in self.books.take_off(("parts_order", pk), now, most=cents):
            self.books.refund(payment, freed, now)

    def stop(self, now):
        """Stop an order that has deposits. They are open on their payments."""
        order = self.completed(now, "in_progress")
        self.deposit(order, now)
        self.deposit(order, now)
        later = now + timedelta(milliseconds=5)
        actions.stop(
            order=RepairOrder.objects.get(pk=order["pk"]), reason="Too expensive", by=None, now=later
        )
        self.books.take_off(("repair_order", order["pk"]), later)
        self.count("orders stopped")

    def refused(self, error, call):
        try:
            call()
        except error:
            self.count(f"refused: {error.__name__}")
        else:
            raise AssertionError(f"{error.__name__} was not raised")

    def refusal(self, now):
        """Try what would break the books."""
        given = {"by": None, "now": now}
        if customer := self.debtor():
            pk = self.rng.choice(sorted(self.owing[customer]))
            invoice, over = Invoice.objects.get(pk=pk), dollars(self.books.balance(pk) + 1)
            self.refused(
                OverBalance,
                lambda: payments.take_payment(
                    customer=self.customer(customer),
                    location=self.places[0],
                    amount=over,
                    method="cash",
                    allocations=[Target(invoice, over)],
                    **given,
                ),
            )
        if self.takings:
            payment = self.rng.choice(self.takings)
            over = dollars(self.books.open(payment) + 1)
            row = Payment.objects.get(pk=payment)
            self.refused(OverOpen, lambda: payments.refund(payment=row, amount=over, reason="x", **given))
        if pk := self.some_invoice():
            over = dollars(sum(self.books.left(pk)) + 1)
            invoice = Invoice.objects.get(pk=pk)
            self.refused(
                OverInvoice,
                lambda: credit_notes.credit_amount(invoice=invoice, amount=over, reason="x", **given),
            )
        if self.closings:
            place, day = next(iter(self.closings))
            late = {"customer": self.customers[0], "location": self.location(place), "day": day}
            self.refused(TooLate, lambda: open_account(amount=Decimal(1), **late, **given))

    def close(self, now):
        """Close today, or a day of the last week that is open."""
        location = self.rng.choice(self.places)
        today = now.astimezone(ZoneInfo(location.time_zone)).date()
        day = today - timedelta(days=self.rng.choice((0, 1, 1, 1, 2, 3, 7)))
        if (location.pk, day) in self.books.closed:
            return
        counted = self.rng.choice((None, Decimal("10.00")))
        closed = close_day(location, day, cash_counted=counted, note="", by=None, now=now)
        compare.sections(closed.snapshot["sections"], *self.books.sheet(location.pk, day, day))
        self.books.closed.add((location.pk, day))
        self.closings[location.pk, day] = compare.journal_csv(location, day)
        self.count("days closed")
