"""Transitions of a repair order. The table is written from docs/design, D22, and not from the code."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import RewardEntry, User
from common.domain.errors import DomainError, IllegalTransition, Invalid, Missing
from customers.models import Customer, Notification
from repair_orders import actions
from repair_orders.models import REPAIR_ORDER_MACHINE, PartLine, RepairOrder, ServiceLine
from repair_orders.queries import totals_of
from testing.factories import (
    CustomerFactory,
    PartFactory,
    PartLineFactory,
    ReferralFactory,
    RepairOrderFactory,
    ServiceFactory,
    ServiceLineFactory,
    UserFactory,
    VehicleFactory,
)
from testing.storms import parallel
from vehicles.actions import VehicleNotOfCustomer

pytestmark = pytest.mark.django_db

STATES = ("requested", "pending", "approved", "denied", "in_progress", "completed")
VERBS = {
    "estimate": (actions.send_estimate, "pending"),
    "approve": (actions.approve, "approved"),
    "deny": (actions.deny, "denied"),
    "start": (actions.start, "in_progress"),
    "complete": (actions.complete, "completed"),
}
LEGAL = {
    ("requested", "estimate"),
    ("requested", "deny"),
    ("pending", "estimate"),
    ("pending", "approve"),
    ("pending", "deny"),
    ("approved", "estimate"),
    ("approved", "start"),
    ("in_progress", "complete"),
}
LINES_MAY_CHANGE = ("requested", "pending")


def in_state(state, **fields):
    return RepairOrderFactory(
        status=state, total_cost=Decimal("1.00") if state == "completed" else None, **fields
    )


def world(order):
    """Everything a verb may touch."""
    return {
        "order": RepairOrder.objects.values().get(pk=order.pk),
        "parts": list(PartLine.objects.order_by("id").values()),
        "services": list(ServiceLine.objects.order_by("id").values()),
        "customer": Customer.objects.values().get(pk=order.customer_id),
        "notifications": list(Notification.objects.order_by("id").values()),
        "history": order.history.count(),
    }


def test_the_machine_is_designs():
    moves = {(source, target) for source, targets in REPAIR_ORDER_MACHINE.items() for target in targets}
    assert moves == {(state, VERBS[verb][1]) for state, verb in LEGAL}
    assert set(REPAIR_ORDER_MACHINE) == set(STATES)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("state", STATES)
def test_every_cell_of_the_table(state, verb, tim, now):
    order = in_state(state)
    before = world(order)
    step, target = VERBS[verb]
    if (state, verb) in LEGAL:
        step(order=order, by=tim.pk, now=now)
        after = world(order)
        assert (order.status, after["order"]["status"]) == (target, target)
        assert after["history"] == before["history"] + 1
        row = order.history.latest("history_id")
        assert (row.history_user_id, row.history_change_reason, row.status, row.history_date) == (
            tim.pk, f"status: {target}", target, now
        )  # fmt: skip
    else:
        with pytest.raises(IllegalTransition) as error:
            step(order=order, by=tim.pk, now=now)
        assert error.value.text == (
            f"This repair order is {state.replace('_', ' ')} and cannot become {target.replace('_', ' ')}."
        )
        assert world(order) == before
        assert order.status == state


def change_of(before, after):
    return {key: value for key, value in after["order"].items() if before["order"][key] != value}


class TestSteps:
    def test_estimate_stamps_and_tells_the_customer(self, now):
        order = in_state("requested", notes="Old.")
        PartLineFactory(repair_order=order, unit_price=Decimal("12.34"), quantity=2)
        before = world(order)
        actions.send_estimate(order=order, by=None, now=now)
        assert change_of(before, world(order)) == {"status": "pending", "estimated_at": now}
        told = Notification.objects.values("customer_id", "type", "title", "message", "read", "created_at")
        assert list(told) == [
            {
                "customer_id": order.customer_id,
                "type": "REPAIR_ORDER",
                "title": "Estimate ready",
                "message": f"The estimate for repair order {order.pk} is 24.68. Please approve or deny it.",
                "read": False,
                "created_at": now,
            }
        ]

    @pytest.mark.parametrize(("notes", "stored"), [(None, "Old."), ("", ""), ("New.", "New.")])
    def test_estimate_writes_notes_where_they_are_sent(self, now, notes, stored):
        order = in_state("requested", notes="Old.")
        actions.send_estimate(order=order, by=None, now=now, notes=notes)
        assert RepairOrder.objects.get().notes == stored

    def test_extra_work_takes_the_customers_word_back(self, now):
        order = in_state("pending")
        actions.approve(order=order, by=None, now=now)
        later = now + timedelta(hours=1)
        actions.send_estimate(order=order, by=None, now=later)
        order.refresh_from_db()
        assert (order.status, order.approved_at, order.estimated_at) == ("pending", None, later)
        actions.add_part(order=order, part=PartFactory())

    def test_deny_keeps_the_reason(self, now):
        order = in_state("pending")
        before = world(order)
        actions.deny(order=order, by=None, now=now, reason="Too dear.")
        assert change_of(before, world(order)) == {
            "status": "denied",
            "denied_at": now,
            "denial_reason": "Too dear.",
        }

    def test_start_stamps(self, now):
        order = in_state("approved")
        before = world(order)
        actions.start(order=order, by=None, now=now)
        assert change_of(before, world(order)) == {"status": "in_progress", "started_at": now}


class TestApprove:
    @pytest.fixture
    def order(self):
        order = in_state("pending", tax_percent=Decimal("8.25"))
        PartLineFactory(repair_order=order, unit_price=Decimal("100.00"))
        return order

    @pytest.mark.parametrize("total", [None, Decimal("108.25"), Decimal("108.250"), Decimal("1.0825E+2")])
    def test_the_present_total_or_none_is_approved(self, order, now, total):
        before = world(order)
        actions.approve(order=order, by=None, now=now, total=total)
        assert change_of(before, world(order)) == {"status": "approved", "approved_at": now}

    @pytest.mark.parametrize("total", [Decimal("108.24"), Decimal("108.26"), Decimal("0"), Decimal("100")])
    def test_a_stale_total_is_refused_with_the_present_one(self, order, now, total):
        before = world(order)
        with pytest.raises(actions.StaleTotal) as error:
            actions.approve(order=order, by=None, now=now, total=total)
        assert error.value.facts == {"total": Decimal("108.25")}
        assert world(order) == before

    def test_lines_added_since_it_was_shown_make_it_stale(self, order, now):
        shown = totals_of(order).total
        actions.add_service(order=order, service=ServiceFactory(labor_cost=Decimal("10.00")))
        with pytest.raises(actions.StaleTotal) as error:
            actions.approve(order=order, by=None, now=now, total=shown)
        assert error.value.facts == {"total": Decimal("119.08")}

    def test_the_wrong_state_is_said_before_the_wrong_total(self, now):
        order = in_state("approved")
        with pytest.raises(IllegalTransition):
            actions.approve(order=order, by=None, now=now, total=Decimal("5"))


class TestComplete:
    @pytest.fixture
    def order(self):
        order = in_state("in_progress", tax_percent=Decimal("8.25"), discount_percent=Decimal("10"))
        for price, quantity, taxable in (("89.99", 1, True), ("64.50", 2, True)):
            PartLineFactory(repair_order=order, unit_price=Decimal(price), quantity=quantity, taxable=taxable)
        for price in ("261.00", "5.00"):
            ServiceLineFactory(repair_order=order, labor_cost=Decimal(price), taxable=False)
        return order

    def test_the_total_is_frozen_the_service_counted_the_customer_told(self, order, now):
        before = world(order)
        actions.complete(order=order, by=None, now=now)
        after = world(order)
        assert change_of(before, after) == {
            "status": "completed",
            "completed_at": now,
            "total_cost": Decimal("452.75"),
        }
        assert after["customer"] == before["customer"] | {"total_services": 1, "last_service_date": now}
        told = Notification.objects.values_list("customer_id", "type", "title", "message", "created_at")
        assert list(told) == [
            (
                order.customer_id,
                "REPAIR_ORDER",
                "Repair completed",
                f"Repair order {order.pk} is completed. Your total is 452.75.",
                now,
            )
        ]

    def test_later_catalogue_prices_change_nothing(self, order, now):
        actions.complete(order=order, by=None, now=now)
        for line in PartLine.objects.all():
            line.part.unit_price = Decimal("999.00")
            line.part.taxable = False
            line.part.save()
        order.refresh_from_db()
        assert order.total_cost == totals_of(order).total == Decimal("452.75")

    def test_an_order_without_lines_costs_nothing(self, now):
        order = in_state("in_progress")
        actions.complete(order=order, by=None, now=now)
        order.refresh_from_db()
        assert order.total_cost == Decimal("0.00")


class TestReward:
    """Whoever brought a customer's login is rewarded by the first completed order, and by no other."""

    @pytest.fixture
    def referral(self, alice):
        return ReferralFactory(referred=alice.contact)

    def order_of(self, customer, **fields):
        return in_state("in_progress", vehicle=VehicleFactory(customer=customer), **fields)

    def test_the_first_completed_order_rewards(self, alice, referral, tim, now):
        actions.complete(order=self.order_of(alice), by=tim.pk, now=now)
        referral.refresh_from_db()
        assert (referral.status, referral.rewards_applied) == ("credited", {"points": 100})
        assert User.objects.get(pk=referral.referrer_id).rewards_balance == 100
        actions.complete(order=self.order_of(alice), by=tim.pk, now=now)
        assert User.objects.get(pk=referral.referrer_id).rewards_balance == 100

    def test_a_code_applied_after_it_earns_nothing(self, alice, now):
        actions.complete(order=self.order_of(alice), by=None, now=now)
        referral = ReferralFactory(referred=alice.contact)
        actions.complete(order=self.order_of(alice), by=None, now=now)
        referral.refresh_from_db()
        assert referral.status == "signed_up"
        assert not RewardEntry.objects.exists()

    def test_another_customers_order_does_not(self, bob, referral, now):
        actions.complete(order=self.order_of(bob), by=None, now=now)
        referral.refresh_from_db()
        assert (referral.status, RewardEntry.objects.exists()) == ("signed_up", False)

    def test_a_refused_completion_does_not(self, alice, referral, now):
        with pytest.raises(IllegalTransition):
            actions.complete(
                order=RepairOrderFactory(vehicle=VehicleFactory(customer=alice), status="approved"),
                by=None,
                now=now,
            )
        referral.refresh_from_db()
        assert (referral.status, RewardEntry.objects.exists()) == ("signed_up", False)


class TestLines:
    def test_add_part_keeps_todays_price(self):
        order, part = in_state("requested"), PartFactory(unit_price=Decimal("18.99"), taxable=False)
        line = actions.add_part(order=order, part=part, quantity=3)
        part.unit_price = Decimal("20.00")
        part.save()
        assert PartLine.objects.values(
            "repair_order_id", "part_id", "quantity", "unit_price", "taxable"
        ).get() == {
            "repair_order_id": order.pk,
            "part_id": part.pk,
            "quantity": 3,
            "unit_price": Decimal("18.99"),
            "taxable": False,
        }
        assert line.pk == PartLine.objects.get().pk

    def test_add_service_keeps_todays_price(self):
        order, service = in_state("pending"), ServiceFactory(labor_cost=Decimal("45.00"))
        actions.add_service(order=order, service=service)
        service.labor_cost = Decimal("50.00")
        service.save()
        assert ServiceLine.objects.values("repair_order_id", "service_id", "labor_cost", "taxable").get() == {
            "repair_order_id": order.pk,
            "service_id": service.pk,
            "labor_cost": Decimal("45.00"),
            "taxable": True,
        }

    @pytest.mark.parametrize("state", STATES)
    @pytest.mark.parametrize("change", ["add part", "add service", "remove part", "remove service"])
    def test_lines_change_only_before_the_customers_word(self, state, change):
        order = in_state(state)
        part, service = PartLineFactory(repair_order=order), ServiceLineFactory(repair_order=order)
        before = world(order)
        works = {
            "add part": lambda: actions.add_part(order=order, part=part.part),
            "add service": lambda: actions.add_service(order=order, service=service.service),
            "remove part": lambda: actions.remove_line(order=order, model=PartLine, line_id=part.pk),
            "remove service": lambda: actions.remove_line(order=order, model=ServiceLine, line_id=service.pk),
        }
        if state in LINES_MAY_CHANGE:
            works[change]()
            after = world(order)
            key = "parts" if "part" in change else "services"
            assert len(after[key]) == (2 if "add" in change else 0)
            assert after["order"] == before["order"]
        else:
            with pytest.raises(actions.LinesAreFixed):
                works[change]()
            assert world(order) == before

    def test_the_stored_state_decides_not_the_loaded_one(self):
        order = in_state("pending")
        RepairOrder.objects.update(status="approved")
        with pytest.raises(actions.LinesAreFixed):
            actions.add_part(order=order, part=PartFactory())
        assert not PartLine.objects.exists()

    @pytest.mark.parametrize(
        ("quantity", "tax", "fits"),
        [(1, "0", True), (2, "0", False), (1, "8.25", False), (10_000, "0", False)],
    )
    def test_an_order_stays_within_what_the_columns_hold(self, quantity, tax, fits):
        order = in_state("requested", tax_percent=Decimal(tax))
        part = PartFactory(unit_price=Decimal("99999999.99"))
        if fits:
            actions.add_part(order=order, part=part, quantity=quantity)
            assert totals_of(order).total == actions.LARGEST_TOTAL
            with pytest.raises(actions.TotalTooLarge):
                actions.add_service(order=order, service=ServiceFactory(labor_cost=Decimal("0.01")))
            assert not ServiceLine.objects.exists()
        else:
            with pytest.raises(actions.TotalTooLarge) as error:
                actions.add_part(order=order, part=part, quantity=quantity)
            assert isinstance(error.value, Invalid)
            assert error.value.field == "quantity"
            assert not PartLine.objects.exists()


class TestRequestRepair:
    def test_an_order_begins_requested(self, now):
        vehicle = VehicleFactory()
        order = actions.request_repair(
            customer=vehicle.customer,
            vehicle=vehicle,
            description="Squeaks",
            now=now,
            tax_percent=Decimal("8.25"),
        )
        stored = RepairOrder.objects.values().get(pk=order.pk)
        stored.pop("uuid")
        assert stored == {
            "id": order.pk, "customer_id": vehicle.customer_id, "vehicle_id": vehicle.pk, "status": "requested",
            "description": "Squeaks", "notes": "",
            "discount_amount": Decimal("0.00"), "discount_percent": Decimal("0.00"),
            "tax_percent": Decimal("8.25"), "total_cost": None, "denial_reason": "", "created_at": now,
            "estimated_at": None, "approved_at": None, "denied_at": None, "started_at": None, "completed_at": None,
        }  # fmt: skip

    @pytest.mark.parametrize("case", ["another's", "archived"])
    def test_only_for_ones_own_vehicle_in_use(self, now, case):
        vehicle = VehicleFactory(archived_at=now if case == "archived" else None)
        customer = vehicle.customer if case == "archived" else CustomerFactory()
        with pytest.raises(VehicleNotOfCustomer) as error:
            actions.request_repair(customer=customer, vehicle=vehicle, description="", now=now)
        assert isinstance(error.value, Missing)
        assert (error.value.field, error.value.text) == ("vehicle", "Vehicle not found.")
        assert not RepairOrder.objects.exists()


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
class TestStorms:
    def test_of_parallel_completions_one_counts(self, now):
        order, by = in_state("in_progress"), UserFactory()
        PartLineFactory(repair_order=order, unit_price=Decimal("10.00"))

        def complete(_):
            actions.complete(order=RepairOrder.objects.get(pk=order.pk), by=by.pk, now=now)
            return "won"

        outcomes = parallel(20, complete)
        assert outcomes.count("won") == 1
        assert sum(isinstance(outcome, IllegalTransition) for outcome in outcomes) == 19
        assert Customer.objects.get(pk=order.customer_id).total_services == 1
        assert Notification.objects.count() == 1

    def test_of_parallel_first_orders_one_rewards(self, alice, now):
        referral = ReferralFactory(referred=alice.contact)
        orders = [in_state("in_progress", vehicle=VehicleFactory(customer=alice)) for _ in range(8)]
        outcomes = parallel(
            8,
            lambda number: actions.complete(
                order=RepairOrder.objects.get(pk=orders[number].pk), by=None, now=now
            ),
        )
        assert outcomes == [None] * 8
        assert list(RewardEntry.objects.values_list("user", "points")) == [(referral.referrer_id, 100)]
        assert User.objects.get(pk=referral.referrer_id).rewards_balance == 100

    def test_what_is_approved_is_what_was_read(self, now):
        """Lines and the customer's word at the same time: a word on 10.00 never covers more than 10.00."""
        order, part = in_state("pending"), PartFactory(unit_price=Decimal("1.00"))
        PartLineFactory(repair_order=order, unit_price=Decimal("10.00"))

        def work(number):
            fresh = RepairOrder.objects.get(pk=order.pk)
            if number % 2:
                return actions.add_part(order=fresh, part=part).pk
            return actions.approve(order=fresh, by=None, now=now, total=Decimal("10.00"))

        outcomes = parallel(12, work)
        order.refresh_from_db()
        assert all(isinstance(outcome, int | None | DomainError) for outcome in outcomes)
        if order.status == "approved":
            assert totals_of(order).total == Decimal("10.00")
        else:
            assert PartLine.objects.count() == 1 + 6
