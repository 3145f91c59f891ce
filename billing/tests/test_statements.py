"""Statements: their lines, that balances run from month to month, and the run of a month."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from unittest.mock import patch

import pytest
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from billing import statements
from billing.credit_notes import credit_all, credit_amount
from billing.invoices import issue_invoice
from billing.ledger import Target
from billing.models import Invoice, Payment, Statement, StatementRun
from billing.openings import open_account
from billing.payments import allocate, refund, reverse
from billing.statements import (
    MonthNotOver,
    balance_on,
    continue_run,
    find_owing,
    make_statement,
    months_due,
    run_statements,
)
from common.domain.errors import DomainError
from customers.actions import CustomerIsMerged
from repair_orders.estimates.snapshot import digest
from testing import factories
from testing.billed import again, completed, pay
from testing.storms import parallel
from testing.worked_example import TEN_PERCENT, priced_location, started

pytestmark = pytest.mark.django_db
D = Decimal
OCTOBER, NOVEMBER, DECEMBER = date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1)


def at(month, day, hour=15):
    return datetime(2026, month, day, hour, tzinfo=UTC)


@pytest.fixture
def place(db):
    location = priced_location(TEN_PERCENT)
    location.time_zone = "America/New_York"
    location.is_default = True
    location.save()
    return location


@pytest.fixture
def vehicle(alice):
    return factories.VehicleFactory(customer=alice, unit_number="T-17")


def billed(place, vehicle, now, **fields):
    """Return the worked example's invoice, issued at `now`."""
    return issue_invoice(order=completed(location=place, vehicle=vehicle, **fields), by=None, now=now)


def figures(statement):
    paper = statement.snapshot
    return paper["opening"], paper["closing"], statement.balance


class TestStatement:
    def test_every_posting_of_the_month(self, place, vehicle, alice):
        first = billed(place, vehicle, at(10, 5), po_number="PO-1")
        second = billed(place, vehicle, at(11, 4), po_number="PO-2")
        check = pay(again(first), "491.56", "check", reference="1077", now=at(11, 6))
        cash = pay(None, "50.00", "cash", customer=alice, location=place, now=at(11, 7))
        note = credit_amount(invoice=again(second), amount=D("20.00"), reason="Late", by=None, now=at(11, 8))
        back = refund(payment=again(cash), amount=D("10.00"), reason="Change", by=None, now=at(11, 9))
        order, *_ = started(location=place, vehicle=vehicle)
        deposit = pay(order, "30.00", now=at(11, 10))
        pay(again(second), "5.00", now=at(12, 1))
        statement = make_statement(alice, date(2026, 11, 17), now=at(12, 2))
        stamp = {"unit": "T-17", "order": str(second.repair_order.number), "po_number": "PO-2"}
        assert statement.snapshot == {
            "customer": second.snapshot["bill_to"],
            "shop": second.snapshot["shop"],
            "month": "2026-11",
            "from": "2026-11-01",
            "through": "2026-11-30",
            "made_at": "2026-12-02T15:00:00Z",
            "opening": "491.56",
            "lines": [
                line("2026-11-04", "invoice", second, f"Invoice {second.number}", "491.56", "983.12", **stamp)
                | {"due_on": "2026-11-04"},
                line("2026-11-06", "payment", check, detail="Check, 1077", credit="491.56", balance="491.56"),
                line("2026-11-07", "payment", cash, detail="Cash", credit="50.00", balance="441.56"),
                line("2026-11-08", "credit_note", note, f"Credit note {note.number}", **stamp)
                | {"detail": f"Invoice {second.number}", "credit": "20.00", "balance": "421.56"},
                line("2026-11-09", "refund", back, f"Refund {back.pk}", "10.00", "431.56")
                | {"detail": f"Cash, Payment {cash.pk}"},
                line(
                    "2026-11-10", "payment", deposit, detail="Card terminal", credit="30.00", balance="401.56"
                ),
            ],
            "closing": "401.56",
            "ageing": {"current": "0.00", "d30": "471.56", "d60": "0.00", "d90": "0.00", "over": "0.00"},
            "open_payments": "40.00",
            "deposits": "30.00",
        }
        assert (statement.month, statement.made_at, statement.balance) == (NOVEMBER, at(12, 2), D("401.56"))
        assert statement.digest == digest(statement.snapshot)

    def test_parts_orders_count_for_what_is_allocated(self, place, alice):
        order = factories.OrderItemFactory(order__customer=alice, quantity=3, unit_price=D("15.00")).order
        payment = pay(None, "70.00", customer=alice, location=place, now=at(11, 3))
        allocate(payment=again(payment), allocations=[Target(order, D("45.00"))], by=None, now=at(11, 4))
        paper = make_statement(alice, NOVEMBER, now=at(12, 2)).snapshot
        [_, sold] = paper["lines"]
        assert (sold["name"], sold["charge"], sold["balance"]) == (
            f"Parts order {order.number}",
            "45.00",
            "-25.00",
        )
        assert (paper["closing"], paper["open_payments"], paper["deposits"]) == ("-25.00", "25.00", "0.00")

    def test_payment_of_a_parts_order_that_was_reversed_is_a_credit(self, place, alice):
        order = factories.OrderItemFactory(order__customer=alice, quantity=3, unit_price=D("15.00")).order
        payment = pay(None, "45.00", customer=alice, location=place, now=at(11, 3))
        allocate(payment=again(payment), allocations=[Target(order, D("45.00"))], by=None, now=at(11, 4))
        reverse(payment=again(payment), reason="Bounced", by=None, now=at(11, 5))
        lines = make_statement(alice, NOVEMBER, now=at(12, 2)).snapshot["lines"]
        assert [
            (line["name"], line["charge"], line["credit"]) for line in lines if "order" in line["name"]
        ] == [
            (f"Parts order {order.number}", "45.00", None),
            (f"Credit for parts order {order.number}", None, "45.00"),
        ]

    def test_stored_one_is_returned(self, place, vehicle, alice, django_assert_max_num_queries):
        billed(place, vehicle, at(11, 4))
        first = make_statement(alice, NOVEMBER, now=at(12, 2))
        open_account(
            customer=alice, location=place, amount=D("9.00"), day=date(2026, 11, 3), by=None, now=at(12, 3)
        )
        with django_assert_max_num_queries(6):
            assert make_statement(alice, date(2026, 11, 30), now=at(12, 20)) == first
        assert Statement.objects.get().snapshot == first.snapshot

    def test_number_of_queries_does_not_grow(self, place, vehicle, alice, django_assert_num_queries):
        # One is the event. On PostgreSQL, a lock keeps events in order.
        pay(billed(place, vehicle, at(10, 1)), "1.00", now=at(10, 1))
        with django_assert_num_queries(27 + (connection.vendor == "postgresql")):
            make_statement(alice, OCTOBER, now=at(12, 2))
        for day in range(1, 6):
            pay(billed(place, vehicle, at(11, day)), "1.00", now=at(11, day))
        with django_assert_num_queries(27 + (connection.vendor == "postgresql")):
            make_statement(alice, NOVEMBER, now=at(12, 2))

    @pytest.mark.parametrize("month", [NOVEMBER, DECEMBER])
    def test_month_must_be_over(self, place, alice, month):
        """At 3 AM in UTC on the first of December it is still November in New York."""
        with pytest.raises(MonthNotOver) as caught:
            make_statement(alice, month, now=at(12, 1, 3))
        assert (caught.value.code, caught.value.field, caught.value.text) == (
            "month_not_over",
            "month",
            f"{month:%B %Y} is not over yet. Choose an earlier month.",
        )
        assert not Statement.objects.exists()
        assert make_statement(alice, OCTOBER, now=at(12, 1, 3)).month == OCTOBER

    def test_without_a_location_days_are_the_projects(self, alice):
        assert make_statement(alice, NOVEMBER, now=at(12, 1, 12)).snapshot["shop"] is None

    def test_merged_customer_gets_none(self, place, alice, bob):
        alice.merged_into = bob
        alice.save()
        with pytest.raises(CustomerIsMerged):
            make_statement(alice, NOVEMBER, now=at(12, 2))

    def test_opening_balance_that_comes_late(self, place, vehicle, alice):
        made = make_statement(alice, OCTOBER, now=at(11, 2))
        open_account(
            customer=alice, location=place, amount=D("80.00"), day=date(2026, 10, 20), by=None, now=at(11, 5)
        )
        billed(place, vehicle, at(11, 4))
        late = make_statement(alice, NOVEMBER, now=at(12, 2))
        assert figures(made) == ("0.00", "0.00", D("0.00"))
        assert figures(late) == ("0.00", "571.56", D("571.56"))
        [change, _] = late.snapshot["lines"]
        assert change == line(
            None, "change", None, "Posted after the statement of October 2026", "80.00", "80.00"
        )
        assert late.snapshot["open_payments"] == "0.00"

    def test_earlier_month_made_later_ends_where_the_next_one_began(self, place, vehicle, alice):
        after = make_statement(alice, NOVEMBER, now=at(12, 2))
        open_account(
            customer=alice, location=place, amount=D("80.00"), day=date(2026, 10, 20), by=None, now=at(12, 3)
        )
        before = make_statement(alice, OCTOBER, now=at(12, 4))
        assert figures(before) == ("0.00", "0.00", D("0.00")) and figures(after)[0] == "0.00"
        assert [(row["name"], row["balance"]) for row in before.snapshot["lines"]] == [
            (f"Opening balance {Invoice.objects.get().number}", "80.00"),
            ("Part of the statement of November 2026 or later", "0.00"),
        ]


def line(day, kind, row, name="", charge=None, balance="", **fields):
    """Return a line of a statement. Its name is that of a payment by default."""
    return {
        "day": day,
        "kind": kind,
        "id": row and row.pk,
        "name": name or f"Payment {row.pk}",
        "unit": "",
        "order": "",
        "po_number": "",
        "due_on": None,
        "detail": "",
        "charge": charge,
        "credit": None,
        "balance": balance,
        **fields,
    }


VERBS = ("invoice", "pay", "open", "credit", "allocate", "refund", "reverse", "whole", "owed", "make")


@settings(max_examples=settings.default.max_examples * 5 // 12)
@given(
    st.lists(
        st.tuples(st.sampled_from(VERBS), st.integers(0, 9), st.integers(1, 30_000)), min_size=3, max_size=14
    )
)
def test_balances_run_from_month_to_month(place, vehicle, alice, drawn):
    """Draw verbs over half a year with statements between, and make the others at the end in any order."""
    with transaction.atomic():
        try:
            now = at(1, 5)
            for verb, pick, cents in drawn:
                now += timedelta(days=3 + pick * 2)
                try:
                    with transaction.atomic():
                        _do(verb, pick, D(cents) / 100, place, vehicle, alice, now)
                except DomainError:
                    pass
            end = now + timedelta(days=70)
            months = []
            while not months or months[-1] > date(2025, 11, 1):  # the earliest that is drawn
                last = months[-1] if months else end.date().replace(day=1)
                months.append((last - timedelta(days=1)).replace(day=1))
            for month in months[::2] + months[1::2]:
                make_statement(alice, month, now=end)
            made = list(Statement.objects.filter(customer=alice).order_by("month"))
            for before, after in pairwise(made):
                assert before.snapshot["closing"] == after.snapshot["opening"]
            for statement in made:
                paper = statement.snapshot
                balance = D(paper["opening"])
                for row in paper["lines"]:
                    balance += D(row["charge"] or 0) - D(row["credit"] or 0)
                    assert row["balance"] == str(balance)
                assert balance == statement.balance == D(paper["closing"])
            last = made[-1].snapshot
            assert D(last["closing"]) == balance_on(alice.pk, end.date())
            owed = sum(map(D, last["ageing"].values()))
            assert owed == sum(Invoice.objects.values_list("balance", flat=True))
            assert D(last["open_payments"]) == sum(Payment.objects.values_list("open", flat=True))
            assert owed - D(last["open_payments"]) - D(last["deposits"]) == D(last["closing"])
        finally:
            transaction.set_rollback(True)


def _do(verb, pick, amount, place, vehicle, alice, now):
    invoices, payments = list(Invoice.objects.order_by("pk")), list(Payment.objects.order_by("pk"))
    invoice = invoices[pick % len(invoices)] if invoices else None
    payment = payments[pick % len(payments)] if payments else None
    if invoice is None and verb in ("pay", "credit", "whole", "allocate"):
        return
    if payment is None and verb in ("allocate", "refund", "reverse"):
        return
    given = {"by": None, "now": now}
    owed = amount if pick % 2 else -amount
    early, earlier = (
        now.date() - timedelta(days=80),
        now.date().replace(day=1) - timedelta(days=1 + 30 * (pick % 3)),
    )
    verbs = {
        "invoice": lambda: billed(place, vehicle, now),
        "open": lambda: pay(None, str(amount), customer=alice, location=place, now=now),
        "owed": lambda: open_account(customer=alice, location=place, amount=owed, day=early, **given),
        "make": lambda: make_statement(alice, earlier, now=now),
        "pay": lambda: pay(invoice, str(min(amount, invoice.balance)), now=now),
        "credit": lambda: credit_amount(invoice=invoice, amount=amount, reason="Given", **given),
        "whole": lambda: credit_all(invoice=invoice, reason="Wrong", **given),
        "allocate": lambda: allocate(payment=payment, allocations=[Target(invoice, amount)], **given),
        "refund": lambda: refund(payment=payment, amount=min(amount, payment.open), reason="Back", **given),
        "reverse": lambda: reverse(payment=payment, reason="Twice", **given),
    }
    verbs[verb]()


class TestOwing:
    def test_as_of_the_end_of_the_month(self, place, vehicle, alice, bob):
        paid_later = billed(place, vehicle, at(11, 30, 20))
        paid = billed(place, factories.VehicleFactory(customer=bob), at(11, 3))
        pay(paid, "491.56", now=at(11, 30, 20))
        pay(paid_later, "491.56", now=at(12, 1))
        assert list(find_owing(NOVEMBER)) == [alice]
        assert list(find_owing(OCTOBER)) == []
        assert list(find_owing(DECEMBER)) == []

    def test_open_payments_are_not_taken_off(self, place, vehicle, alice):
        billed(place, vehicle, at(11, 3))
        pay(None, "900.00", customer=alice, location=place, now=at(11, 4))
        assert list(find_owing(NOVEMBER)) == [alice]


class TestMonthsDue:
    def test_none_without_postings(self, place):
        assert months_due(now=at(12, 2)) == []

    def test_those_without_a_finished_run(self, place, vehicle, alice):
        billed(place, vehicle, at(9, 15))
        assert months_due(now=at(12, 1, 3)) == [OCTOBER, date(2026, 9, 1)]
        run_statements(OCTOBER, by=None, now=at(12, 2))
        assert months_due(now=at(12, 2)) == [NOVEMBER, OCTOBER, date(2026, 9, 1)]
        continue_run(StatementRun.objects.get().pk, now=at(12, 2))
        assert months_due(now=at(12, 2)) == [NOVEMBER, date(2026, 9, 1)]

    def test_at_most_a_year(self, place, alice):
        open_account(
            customer=alice, location=place, amount=D("1.00"), day=date(2020, 1, 1), by=None, now=at(11, 3)
        )
        assert len(months_due(now=at(12, 2))) == 12


def state_of(run):
    run.refresh_from_db()
    return run.state, run.total, run.made, run.mailed, run.finished_at


@pytest.fixture
def owing(place):
    """Return three customers with an unpaid invoice, of whom the last has no address."""
    vehicles = factories.VehicleFactory.create_batch(3)
    for vehicle in vehicles:
        billed(place, vehicle, at(11, 3))
    vehicles[2].customer.contact.email = None
    vehicles[2].customer.contact.save()
    return [vehicle.customer for vehicle in vehicles]


class TestRun:
    def test_makes_and_mails(self, owing, alice, mailoutbox):
        manager = factories.UserFactory(role="manager")
        run = run_statements(date(2026, 11, 9), by=manager.pk, now=at(12, 2))
        assert (run.month, run.started_by_id, run.started_at) == (NOVEMBER, manager.pk, at(12, 2))
        assert state_of(run) == ("waiting", 0, 0, 0, None)
        continue_run(run.pk, now=at(12, 3))
        assert state_of(run) == ("finished", 3, 3, 2, at(12, 3))
        made = Statement.objects.order_by("customer")
        assert [(row.customer, row.balance, row.sent_at) for row in made] == [
            (owing[0], D("491.56"), at(12, 3)),
            (owing[1], D("491.56"), at(12, 3)),
            (owing[2], D("491.56"), None),
        ]

    def test_second_run_mails_nobody_twice(self, owing):
        continue_run(run_statements(NOVEMBER, by=None, now=at(12, 2)).pk, now=at(12, 2))
        owing[2].contact.email = "late@example.com"
        owing[2].contact.save()
        again = run_statements(NOVEMBER, by=None, now=at(12, 3))
        continue_run(again.pk, now=at(12, 3))
        assert state_of(again) == ("finished", 3, 3, 1, at(12, 3))
        assert Statement.objects.count() == 3

    def test_run_that_is_not_finished_is_continued(self, owing):
        first = run_statements(NOVEMBER, by=None, now=at(12, 2))
        assert run_statements(NOVEMBER, by=None, now=at(12, 3)) == first
        assert StatementRun.objects.count() == 1

    def test_worker_that_dies_repeats_nothing(self, owing):
        run = run_statements(NOVEMBER, by=None, now=at(12, 2))
        calls = []

        def die_at_the_second(statement, **options):
            calls.append(statement.customer_id)
            if len(calls) == 2:
                raise SystemExit
            return statements_sent(statement, **options)

        statements_sent = statements.send_statement
        with (
            patch.object(statements, "send_statement", die_at_the_second),
            pytest.raises(SystemExit),
        ):
            continue_run(run.pk, now=at(12, 2))
        assert state_of(run) == ("running", 3, 1, 1, None)
        assert Statement.objects.count() == 1
        continue_run(run.pk, now=at(12, 4))
        assert state_of(run) == ("finished", 3, 3, 2, at(12, 4))
        continue_run(run.pk, now=at(12, 5))
        assert state_of(run) == ("finished", 3, 3, 2, at(12, 4))

    def test_customer_who_is_merged_meanwhile_is_left_out(self, owing, alice):
        run = run_statements(NOVEMBER, by=None, now=at(12, 2))
        owing[0].merged_into = alice
        owing[0].save()
        continue_run(run.pk, now=at(12, 2))
        assert state_of(run) == ("finished", 3, 3, 1, at(12, 2))
        assert not Statement.objects.filter(customer=owing[0]).exists()

    def test_nobody_owes(self, place):
        run = run_statements(NOVEMBER, by=None, now=at(12, 2))
        continue_run(run.pk, now=at(12, 2))
        assert state_of(run) == ("finished", 0, 0, 0, at(12, 2))

    def test_month_must_be_over(self, place):
        with pytest.raises(MonthNotOver):
            run_statements(DECEMBER, by=None, now=at(12, 2))
        assert not StatementRun.objects.exists()

    def test_list_of_customers_is_read_once(self, owing, django_assert_num_queries):
        with patch.object(statements, "_make_one") as made:
            run = run_statements(NOVEMBER, by=None, now=at(12, 2))
            with django_assert_num_queries(6):
                continue_run(run.pk, now=at(12, 2))
        assert made.call_count == 3


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_parallel_starts_and_workers_repeat_nothing(owing):
    with patch("billing.statements.make_statements"):
        runs = parallel(4, lambda _: run_statements(NOVEMBER, by=None, now=at(12, 2)))
    assert len({run.pk for run in runs}) == 1
    parallel(4, lambda _: continue_run(runs[0].pk, now=at(12, 2)))
    assert state_of(runs[0])[:4] == ("finished", 3, 3, 2)
    assert Statement.objects.count() == 3


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_parallel_requests_make_one_statement(place, vehicle, alice):
    billed(place, vehicle, at(11, 3))
    made = parallel(6, lambda _: make_statement(alice, NOVEMBER, now=at(12, 2)))
    assert len({statement.pk for statement in made}) == 1
