"""Random orders, compared with the oracle: 10,000 as plain values, and sequences of verbs on stored ones."""

from __future__ import annotations

import random
from dataclasses import asdict
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from django.utils import timezone
from hypothesis import settings

from common.domain.errors import DomainError
from common.domain.money import to_cents
from repair_orders import actions, jobs
from repair_orders.discounts import actions as discounts
from repair_orders.discounts.rule import DiscountTerms
from repair_orders.estimates import actions as estimates
from repair_orders.models import Job, OrderDiscount, PartLine, RepairOrder, ServiceLine
from repair_orders.money import line_amount
from repair_orders.pricing.models import TaxExemption
from repair_orders.pricing.money import ceiling
from repair_orders.pricing.queries import get_tax_terms
from repair_orders.pricing.terms import FeeTerms, OverrunTerms
from repair_orders.tests import oracle
from repair_orders.worksheet import SheetJob, SheetLine, Terms, Worksheet
from testing.factories import (
    CustomerFactory,
    LocationFactory,
    PartFactory,
    ServiceFactory,
    TaxExemptionFactory,
    TaxRuleFactory,
)
from testing.shelf import assert_balanced
from testing.worked_example import TEN_PERCENT, fresh, given, new_order, reload

D = Decimal
IS_QUICK = settings.default.max_examples <= 20
ORDERS = 1_000 if IS_QUICK else 10_000
SEQUENCES = 5 if IS_QUICK else 30
STATUSES = ("proposed", "proposed", "approved", "approved", "declined", "deferred", "done")
STATES = ("requested", "pending", "approved", "in_progress", "completed", "denied")


def cents(draw, most):
    """Return an amount: small ones often, so that ties and rests of cents occur."""
    return D(draw.choice((draw.randrange(20), draw.randrange(2_000), draw.randrange(most)))).scaleb(-2)


def fine_percent(draw, most):
    return D(draw.choice((0, 50_000, 82_500, 88_750, 99_750, draw.randrange(most)))).scaleb(-4)


def random_fees(draw):
    rules = []
    for number in range(draw.choice((0, 1, 1, 2, 3))):
        kind = draw.choice(
            ("percent_of_parts", "percent_of_labour", "percent_of_parts_and_labour", "fixed", "per_piece")
        )
        is_percent = kind.startswith("percent")
        rules.append(
            {
                "name": f"Fee {number}",
                "kind": kind,
                "percent": fine_percent(draw, 300_000) if is_percent else None,
                "amount": None if is_percent else cents(draw, 3_000),
                "cap": draw.choice((None, None, cents(draw, 6_000))),
                "taxable": draw.random() < 0.7,
                "parts": tuple(draw.sample(range(1, 6), 2)) if kind == "per_piece" else (),
            }
        )
    return rules


def random_discounts(draw):
    """Return the terms of some of a plan, an offer and points, in any order."""
    kinds = draw.sample(("plan", "offer", "points"), draw.choice((0, 0, 1, 2, 3)))
    found = {kind: random_discount(draw, kind) for kind in kinds}
    if {"plan", "offer"} <= set(found) and draw.random() < 0.2:  # both take the same off
        found["offer"] = found["plan"] | {"kind": "offer"}
    return list(found.values())


def random_discount(draw, kind):
    is_points = kind == "points"
    percents = {name: D(0) for name in ("off_parts", "off_labour", "off_jobs")}
    if not is_points:
        percents = {name: draw.choice((D(0), fine_percent(draw, 1_000_000))) for name in percents}
    return {
        "kind": kind,
        **percents,
        "canned_jobs": [] if is_points else draw.sample(range(1, 4), draw.randrange(3)),
        "off_amount": cents(draw, 20_000) if is_points or draw.random() < 0.3 else D(0),
        "cap": None if is_points else draw.choice((None, None, cents(draw, 10_000))),
        "combines": is_points or draw.random() < 0.5,
    }


def random_order(draw):
    """Return jobs (id, status, revision, draft, lines) and terms. Each line has quantity and price, or an amount."""
    found, line_ids = [], iter(draw.sample(range(1, 100), 40))
    for number in range(1, draw.randrange(1, 6)):
        lines, canned = [], draw.choice((None, 1, 2, 3))
        for _ in range(draw.randrange(0, 6)):
            kind = draw.choice(("part", "part", "labour", "labour", "sublet"))
            quantity = D(draw.choice((100, 200, 50, 450, draw.randrange(1, 5_000)))).scaleb(-2)
            price = cents(draw, 20_000)
            lines.append(
                {
                    "id": next(line_ids),
                    "kind": kind,
                    "quantity": quantity,
                    "price": price,
                    "part": draw.randrange(1, 8),
                    "taxable": draw.random() < 0.7,
                    "amount": oracle.line_amount(quantity, price),
                    "canned": canned,
                }
            )
        sent = draw.choice((None, 1, 2))
        found.append((number, draw.choice(STATUSES), sent, draw.random() < 0.4, lines))
    terms = {
        "discount_amount": draw.choice((D(0), D(0), cents(draw, 30_000))),
        "discount_percent": draw.choice((D(0), fine_percent(draw, 1_000_000))),
        "tax_percent": draw.choice((D(0), fine_percent(draw, 300_000))),
        "fees": random_fees(draw),
        "discounts": random_discounts(draw),
    }
    return found, terms


def worksheet(state, found, terms):
    """Return the product's worksheet of a random order."""

    def lines(rows, *, is_part):
        return tuple(
            (
                row["id"],
                SheetLine(
                    row["kind"],
                    to_cents(line_amount(row["quantity"], row["price"])),
                    row["taxable"],
                    row["part"] if is_part else 0,
                    row["quantity"] if is_part else D(0),
                ),
            )
            for row in sorted(rows, key=lambda row: row["id"])
            if (row["kind"] == "part") == is_part
        )

    return Worksheet(
        state,
        max((sent for _, _, sent, _, _ in found if sent), default=None),
        Terms(
            to_cents(terms["discount_amount"]),
            int(terms["discount_percent"] * 10_000),
            int(terms["tax_percent"] * 10_000),
            tuple(FeeTerms(**rule) for rule in terms["fees"]),
            tuple(map(discount_terms, terms["discounts"])),
        ),
        tuple(
            SheetJob(
                number,
                status,
                sent,
                draft,
                lines(rows, is_part=True),
                lines(rows, is_part=False),
                rows[0]["canned"] if rows else None,
            )
            for number, status, sent, draft, rows in found
        ),
    )


def discount_terms(row):
    """Return the product's terms of a random discount."""
    percents = {name: int(row[name] * 10_000) for name in ("off_parts", "off_labour", "off_jobs")}
    return DiscountTerms(
        0,
        row["kind"],
        row["kind"].title(),
        **percents,
        canned_jobs=frozenset(row["canned_jobs"]),
        off_amount=to_cents(row["off_amount"]),
        cap=None if row["cap"] is None else to_cents(row["cap"]),
        combines=row["combines"],
    )


def as_fractions(figures):
    found = {name: Fraction(amount) for name, amount in asdict(figures.totals).items()}
    return found | {
        "fees": [(fee.name, Fraction(fee.cents, 100), fee.taxable) for fee in figures.fees],
        "given": [(row.terms.kind, Fraction(row.cents, 100)) for row in figures.given],
    }


def test_random_orders_have_the_figures_of_the_oracle():
    draw = random.Random(20260101)
    for number in range(ORDERS):
        state = draw.choice(STATES)
        found, terms = random_order(draw)
        sheet = worksheet(state, found, terms)
        by_job = {job: rows for job, *_, rows in found}
        counted, shown = oracle.counted(state, [job[:4] for job in found])
        assert (sheet.counted, sheet.shown) == (counted, shown), number
        for choice in {frozenset(counted), frozenset(shown), sheet.agreed, frozenset(by_job)}:
            expected = oracle.figures(by_job, choice, terms)
            assert as_fractions(sheet.figures(choice)) == expected, (number, choice)


def test_random_ceilings_are_those_of_the_oracle():
    draw = random.Random(20260102)
    for number in range(ORDERS):
        policy = {
            "percent": draw.choice((None, fine_percent(draw, 500_000))),
            "amount": draw.choice((None, cents(draw, 10_000))),
            "choose": draw.choice(("greater", "lesser")),
            "cap": draw.choice((None, cents(draw, 10_000))),
            "basis": draw.choice(("TOTAL", "NET")),
        }
        if policy["percent"] is None and policy["amount"] is None:
            policy["amount"] = D("10.00")
        total = cents(draw, 200_000)
        net = D(draw.randrange(int(total * 100) + 1)).scaleb(-2)
        base = net if policy["basis"] == "NET" else total
        expected = oracle.ceiling(policy, Fraction(total), Fraction(net))
        assert Fraction(ceiling(OverrunTerms(**policy), base)) == expected, (number, policy)
        assert ceiling(None, total) == total == oracle.ceiling(None, total, net)


@pytest.mark.django_db
def test_random_certificates_are_those_of_the_oracle():
    draw, first = random.Random(20260103), date(2026, 3, 1)
    here, there = LocationFactory(), LocationFactory()
    TaxRuleFactory(location=here, percent=D(8))
    for number in range(20):
        customer = CustomerFactory()
        found = []
        for place in range(draw.randrange(5)):
            begins = first + timedelta(draw.randrange(12))
            row = {
                "number": f"{number}-{place}",
                "valid_from": begins,
                "valid_until": draw.choice((None, begins + timedelta(draw.randrange(8)))),
                "location": draw.choice((None, here, here, there)),
            }
            TaxExemptionFactory(customer=customer, **row)
            found.append(row)
        for day in (first + timedelta(days) for days in range(-1, 21, 2)):
            terms = get_tax_terms(customer=customer, location=here, day=day)
            expected = oracle.certificate(found, here, day)
            assert (terms.exemption and terms.exemption.number) == (expected and expected["number"]), (
                number,
                day,
            )
            assert terms.percent == (0 if expected else 8)


# --- Sequences of verbs on stored orders -------------------------------------------------------------------


def stored_jobs(order):
    """Return the lines of each job as the oracle takes them."""
    canned = dict(Job.objects.filter(repair_order=order).values_list("pk", "canned_job_id"))
    found = {pk: [] for pk in canned}
    for line in PartLine.objects.filter(repair_order=order):
        assert Fraction(line.amount) == oracle.line_amount(line.quantity, line.unit_price)
        found[line.job_id].append(
            {
                "id": line.pk,
                "kind": "part",
                "quantity": line.quantity,
                "part": line.part_id,
                "taxable": line.taxable,
                "amount": Fraction(line.amount),
                "canned": canned[line.job_id],
                "asked": (line.unit_price,),
            }
        )
    for line in ServiceLine.objects.filter(repair_order=order).exclude(kind="fee"):
        if line.hours is not None and line.rate is not None:
            assert Fraction(line.amount) == oracle.line_amount(line.hours, line.rate)
        found[line.job_id].append(
            {
                "id": line.pk,
                "kind": line.kind,
                "taxable": line.taxable,
                "amount": Fraction(line.amount),
                "canned": canned[line.job_id],
                "asked": (line.service_id, line.hours, line.rate),
            }
        )
    return found


def terms_of(order):
    return {
        "discount_amount": order.discount_amount,
        "discount_percent": order.discount_percent,
        "tax_percent": order.tax_percent,
        "fees": order.fee_terms,
        "discounts": [
            {
                **{name: getattr(row, name) for name in ("kind", "off_parts", "off_labour", "off_jobs")},
                **{name: getattr(row, name) for name in ("canned_jobs", "off_amount", "combines")},
                "cap": row.discount_cap,
            }
            for row in OrderDiscount.objects.filter(repair_order=order).order_by("id")
        ],
    }


def asked(order):
    """Return what a customer is asked to agree to: the lines of the jobs that count, and the terms."""
    rows = Job.objects.filter(repair_order=order).values_list("pk", "status", "sent_in", "is_draft")
    counted, _ = oracle.counted(order.status, list(rows))
    lines, terms = stored_jobs(order), terms_of(order)
    for row in terms["discounts"]:
        if row["kind"] == "points":  # a completed order gives back the points that it does not take
            del row["off_amount"]
    return {job: sorted(lines[job], key=lambda line: (line["kind"], line["id"])) for job in counted}, terms


def check(order, tax_added):
    """Recompute everything that is stored with an order."""
    rows = list(Job.objects.filter(repair_order=order).values_list("pk", "status", "sent_in", "is_draft"))
    _, shown = oracle.counted(order.status, rows)
    lines = stored_jobs(order)
    for model in (PartLine, ServiceLine):
        for line in model.objects.filter(repair_order=order, job__isnull=False):
            assert line.is_shown == (line.job_id in shown)
    expected = oracle.figures(lines, shown, terms_of(order))
    fees = ServiceLine.objects.filter(repair_order=order, kind="fee").order_by("fee_position")
    assert [(fee.name, Fraction(fee.amount), fee.taxable) for fee in fees] == expected["fees"]
    assert all(fee.is_shown for fee in fees)
    given = OrderDiscount.objects.filter(repair_order=order).values_list("kind", "amount")
    assert {kind: Fraction(amount) for kind, amount in given} == dict(expected["given"])
    assert (order.given_discount or 0) == sum(off for _, off in expected["given"])
    agreed = {job for job, status, *_ in rows if status in ("approved", "done")}
    work = oracle.figures(lines, agreed, terms_of(order))
    basis = order.overrun_terms["basis"] if order.overrun_terms else "TOTAL"
    assert Fraction(order.work_amount) == work["net" if basis == "NET" else "total"]
    if order.status == "completed":
        assert Fraction(order.total_cost) == expected["total"] == work["total"]
    standing = list(
        estimates.Authorisation.objects.filter(
            estimate__repair_order=order, withdrawn_at=None, decisions__decision="approved"
        ).order_by("estimate__revision")
    )
    if standing:
        total, net = Fraction(standing[-1].total), Fraction(standing[-1].net)
        most = oracle.ceiling(order.overrun_terms, total, net)
        assert Fraction(order.authorised_total) == total + tax_added
        assert Fraction(order.ceiling) == most + (tax_added if basis == "TOTAL" else 0)
        assert order.work_amount <= order.ceiling
    else:
        assert (order.authorised_total, order.authorised_net, order.ceiling) == (None, None, None)
    check_recommendations(order)


def check_recommendations(order):
    """Assert that each job's recommendation has the state that follows from the job's (docs/design, D73)."""
    follows = {
        "declined": {"open"},
        "deferred": {"open"},
        "approved": {None, "quoted"},
        "done": {None, "done"},
        "proposed": {None, "open"},
    }
    for status, state in Job.objects.filter(repair_order=order).values_list(
        "status", "recommendation__status"
    ):
        assert state in follows[status], (status, state)


class Walk:
    """A random sequence of verbs on one order. A verb that does not apply is refused and must change nothing."""

    def __init__(self, seed):
        self.draw = random.Random(seed)
        policy = self.draw.choice(
            (None, TEN_PERCENT, {"percent": D(10), "amount": D(25), "basis": "NET"}, {"amount": D(60)})
        )
        self.order = new_order(policy=policy)
        self.part = PartFactory(unit_price=D("12.49"), stock=6)
        self.oil = PartFactory(unit_price=D("8.99"))
        self.service = ServiceFactory(labor_cost=D("61.15"))
        self.tax_added = Fraction(0)
        self.certificates = []
        self.exemption = ""

    def some_job(self):
        found = list(Job.objects.filter(repair_order=self.order).order_by("id"))
        return fresh(self.draw.choice(found)) if found else self.new_job()

    def some_line(self):
        found = [
            *PartLine.objects.filter(repair_order=self.order).order_by("id"),
            *ServiceLine.objects.filter(repair_order=self.order, job__isnull=False).order_by("id"),
        ]
        return self.draw.choice(found) if found else None

    def new_job(self):
        return jobs.add_job(order=reload(self.order), name="Job")

    def add_part(self):
        part, quantity = self.draw.choice(((self.part, D(2)), (self.oil, D("4.5")), (None, D("0.5"))))
        words = {} if part else {"name": "Fluid", "unit_price": D("12.99")}
        jobs.add_part_line(job=self.some_job(), part=part, given=given(), quantity=quantity, **words)

    def add_work(self):
        kind = self.draw.choice(("labour", "sublet"))
        values = self.draw.choice(({"hours": D("0.75")}, {"amount": D("21.00")}))
        jobs.add_service_line(
            job=self.some_job(), service=None, given=given(), name="Work", kind=kind, **values
        )

    def change_line(self):
        line = self.some_line()
        if isinstance(line, PartLine):
            jobs.change_line(line=line, given=given(), quantity=D(self.draw.randrange(1, 4)))
        elif line:
            jobs.change_line(line=line, given=given(), amount=cents(self.draw, 9_000))

    def remove_line(self):
        line = self.some_line()
        if line:
            jobs.remove_line_of_job(line=line, given=given())

    def change_terms(self):
        name = self.draw.choice(("discount_amount", "discount_percent"))
        actions.change_order(order=reload(self.order), **{name: cents(self.draw, 2_000)})

    def old_route(self):
        jobs.add_service(order=reload(self.order), service=self.service)

    def send(self):
        estimates.send_estimate(order=reload(self.order), by=None, now=timezone.now())

    def answer(self):
        estimate = self.order.estimates.select_related("repair_order").order_by("revision").last()
        if estimate:
            open_jobs = Worksheet.from_snapshot(estimate.snapshot).proposed
            words = ("approved", "approved", "declined", "deferred")
            decisions = {job: self.draw.choice(words) for job in sorted(open_jobs)}
            before = reload(self.order).ceiling
            estimates.answer(
                estimate=estimate, decisions=decisions, answerer=estimates.Answerer(), now=timezone.now()
            )
            if "approved" in decisions.values() or before is None:
                self.tax_added = Fraction(0)

    def withdraw(self):
        estimates.withdraw(order=reload(self.order), reason="Misheard", by=None, now=timezone.now())
        self.tax_added = Fraction(0)

    def give_discount(self):
        """Give a discount. Points are worth a cent each, and belong to the customer's contact."""
        terms = random_discount(self.draw, self.draw.choice(("plan", "offer", "points")))
        row = OrderDiscount(
            source_id=self.order.customer.contact_id,
            name=terms["kind"].title(),
            discount_cap=terms.pop("cap"),
            points=to_cents(terms["off_amount"]) if terms["kind"] == "points" else None,
            **terms,
        )
        discounts.give_discount(order=reload(self.order), discount=row, by=None, now=timezone.now())

    def take_off(self):
        rows = OrderDiscount.objects.filter(repair_order=self.order).order_by("id")
        pk = self.draw.choice([0, *rows.values_list("pk", flat=True)])
        discounts.take_off(order=reload(self.order), discount_id=pk, by=None, now=timezone.now())

    def certify(self):
        """Record a certificate that is valid today, or let all of them end two days ago. The order keeps its tax."""
        today = timezone.now().date()
        if self.certificates and self.draw.random() < 0.5:
            self.certificates = []
            TaxExemption.objects.update(valid_until=today - timedelta(2))
            return
        number = f"EX-{TaxExemption.objects.count()}"
        self.certificates.append(number)
        TaxExemptionFactory(customer=self.order.customer, number=number, valid_from=today - timedelta(9))

    def valid_certificate(self):
        """Return the number of the certificate that a new tax would have. Of equal ones the last one counts."""
        return self.certificates[-1] if self.certificates else ""

    def must_not_complete(self, order):
        """Return whether the order has no tax by a certificate that has ended, and its work has tax by the rule."""
        if not order.tax_exemption or self.certificates:
            return False
        agreed = Job.objects.filter(repair_order=order, status__in=("approved", "done"))
        percent = order.location.tax_rules.get().percent
        choice = set(agreed.values_list("pk", flat=True))
        return (
            oracle.figures(stored_jobs(order), choice, terms_of(order) | {"tax_percent": percent})["tax"] > 0
        )

    def retax(self):
        order = reload(self.order)
        before = order.authorised_total
        type(order.location.tax_rules.get()).objects.update(percent=fine_percent(self.draw, 150_000))
        actions.retax(order=order, now=timezone.now())
        self.exemption = self.valid_certificate()
        if before is not None:
            self.tax_added += Fraction(reload(order).authorised_total) - Fraction(before)

    def verbs(self):
        order, now = reload(self.order), timezone.now()
        by = {"by": None, "now": now}
        return {
            "new_job": (4, self.new_job),
            "add_part": (9, self.add_part),
            "add_work": (9, self.add_work),
            "change_line": (4, self.change_line),
            "remove_line": (1, self.remove_line),
            "remove_job": (1, lambda: jobs.remove_job(job=self.some_job())),
            "propose": (2, lambda: jobs.propose(job=self.some_job())),
            "terms": (2, self.change_terms),
            "old_route": (2, self.old_route),
            "send": (8, self.send),
            "answer": (9, self.answer),
            "withdraw": (1, self.withdraw),
            "retax": (2, self.retax),
            "give_discount": (3, self.give_discount),
            "take_off": (1, self.take_off),
            "certify": (1, self.certify),
            "start": (4, lambda: actions.start(order=order, **by)),
            "finish": (3, lambda: actions.finish_job(job=self.some_job(), received=True, **by)),
            "unfinish": (1, lambda: actions.unfinish_job(job=self.some_job(), **by)),
            "complete": (1, lambda: actions.complete(order=order, received=True, **by)),
            "reopen": (2, lambda: actions.reopen(order=order, reason="Noise", **by)),
            "stop": (0.3, lambda: actions.stop(order=order, reason="Too dear", **by)),
            "deny": (0.3, lambda: estimates.deny(order=order, **by)),
        }

    def go_on(self, steps):
        """Take the order up to three steps further: sent, approved, in progress."""
        order = reload(self.order)
        by = {"by": None, "now": timezone.now()}
        for step in (estimates.send_estimate, estimates.approve, actions.start)[:steps]:
            step(order=order, **by)
        self.order = reload(order)
        check(self.order, self.tax_added)

    def start_again(self):
        """Go on with a copy of a denied order."""
        old = self.order
        self.order = reload(actions.copy_order(order=old, by=None, now=timezone.now()))
        self.tax_added = Fraction(0)
        self.exemption = self.valid_certificate()
        check(self.order, self.tax_added)
        assert (
            Job.objects.filter(repair_order=self.order).count()
            == Job.objects.filter(repair_order=old).count()
        )

    def step(self):
        if self.order.status == "denied":
            self.start_again()
        verbs = self.verbs()
        [name] = self.draw.choices(list(verbs), [weight for weight, _ in verbs.values()])
        if self.order.status == "completed" and self.draw.random() < 0.5:
            name = "reopen"
        before, was = reload(self.order), asked(self.order)
        rows = RepairOrder.objects.values().get(pk=before.pk), before.history.count()
        is_untaxed = name == "complete" and self.must_not_complete(before)
        try:
            verbs[name][1]()
        except DomainError:
            if name not in ("add_part", "add_work", "propose", "finish"):  # which may add a job first
                assert (RepairOrder.objects.values().get(pk=before.pk), before.history.count()) == rows
            outcome = "refused"
        else:
            outcome = "done"
        self.order = reload(self.order)
        assert not (is_untaxed and self.order.status == "completed")
        assert self.order.tax_exemption == self.exemption
        assert not self.exemption or self.order.tax_percent == 0
        is_new = asked(self.order) != was
        assert (self.order.version > before.version) == is_new, name
        check(self.order, self.tax_added)
        return name, outcome


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_stored_figures_after_any_sequence_of_verbs(seed):
    walk = Walk(seed)
    walk.new_job()
    walk.add_work()
    walk.go_on(seed % 4)
    seen = [walk.step() for _ in range(12)]
    assert any(outcome == "done" for _, outcome in seen), seen
    assert_balanced()
