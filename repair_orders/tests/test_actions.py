"""Actions on repair orders. The table of legal transitions is written from the design and not from the code."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.models import RewardEntry, User
from common.domain.errors import IllegalTransition, Missing
from customers.models import Customer, Notification
from repair_orders import actions, jobs
from repair_orders.estimates import actions as estimates
from repair_orders.models import REPAIR_ORDER_MACHINE, PartLine, RepairOrder, ServiceLine
from repair_orders.queries import totals_of
from testing.factories import (
    CustomerFactory,
    EstimateFactory,
    LocationFactory,
    PartFactory,
    PartLineFactory,
    ReferralFactory,
    RepairOrderFactory,
    ServiceFactory,
    ServiceLineFactory,
    TaxExemptionFactory,
    TaxRuleFactory,
    VehicleFactory,
)
from vehicles.locks import VehicleNotOfCustomer
from vehicles.models import OdometerReading

pytestmark = pytest.mark.django_db

STATES = ("requested", "pending", "approved", "denied", "in_progress", "completed")
ACTIONS = {
    "estimate": (estimates.send_estimate, "pending"),
    "approve": (estimates.approve, "approved"),
    "deny": (estimates.deny, "denied"),
    "start": (actions.start, "in_progress"),
    "complete": (actions.complete, "completed"),
}
LEGAL = {
    ("requested", "estimate"),
    ("requested", "deny"),
    ("pending", "estimate"),
    ("pending", "approve"),
    ("pending", "deny"),
    ("approved", "start"),
    ("in_progress", "complete"),
}
# All jobs are answered, and an estimate needs a proposed one.
NOTHING_TO_SEND = {("approved", "estimate"), ("in_progress", "estimate")}
# Further steps, which change jobs as well: the customer stops the work, and a completed order is reopened.
BESIDE = {
    ("approved", "pending"),
    ("approved", "denied"),
    ("in_progress", "denied"),
    ("completed", "in_progress"),
}


def in_state(state, price=None, **fields):
    """Return an order in a state, with a part at `price` if that is given, and a revision out if it is pending."""
    order = RepairOrderFactory(
        status=state, total_cost=Decimal("1.00") if state == "completed" else None, **fields
    )
    if price is not None:
        PartLineFactory(repair_order=order, unit_price=Decimal(price))
        if state == "pending":
            EstimateFactory(repair_order=order)
            order.refresh_from_db()
    return order


def snapshot(order):
    """Return every row that an action may change."""
    return {
        "order": RepairOrder.objects.values().get(pk=order.pk),
        "parts": list(PartLine.objects.order_by("id").values()),
        "services": list(ServiceLine.objects.order_by("id").values()),
        "customer": Customer.objects.values().get(pk=order.customer_id),
        "notifications": list(Notification.objects.order_by("id").values()),
        "history": order.history.count(),
    }


def test_machine_matches_design_table():
    moves = {(source, target) for source, targets in REPAIR_ORDER_MACHINE.items() for target in targets}
    assert moves == {(state, ACTIONS[name][1]) for state, name in LEGAL} | BESIDE
    assert set(REPAIR_ORDER_MACHINE) == set(STATES)


@pytest.mark.parametrize("name", ACTIONS)
@pytest.mark.parametrize("state", STATES)
def test_action_in_every_state(state, name, tim, now):
    order = in_state(state, price="12.00")
    before = snapshot(order)
    action, target = ACTIONS[name]
    if (state, name) in LEGAL:
        action(order=order, by=tim.pk, now=now)
        after = snapshot(order)
        assert (order.status, after["order"]["status"]) == (target, target)
        assert after["history"] == before["history"] + 1
        row = order.history.latest("history_id")
        assert (row.history_user_id, row.history_change_reason, row.status, row.history_date) == (
            tim.pk, f"status: {target}", target, now
        )  # fmt: skip
    elif (state, name) in NOTHING_TO_SEND:
        with pytest.raises(estimates.NothingToSend):
            action(order=order, by=tim.pk, now=now)
        assert snapshot(order) == before
    else:
        with pytest.raises(IllegalTransition) as error:
            action(order=order, by=tim.pk, now=now)
        assert error.value.text == (
            f"This repair order is {state.replace('_', ' ')} and cannot become {target.replace('_', ' ')}."
        )
        assert snapshot(order) == before
        assert order.status == state


def change_of(before, after):
    return {key: value for key, value in after["order"].items() if before["order"][key] != value}


class TestTransitions:
    def test_estimate_sets_timestamp_and_notifies_customer(self, now):
        order = in_state("requested", notes="Old.")
        PartLineFactory(repair_order=order, unit_price=Decimal("12.34"), quantity=2)
        before = snapshot(order)
        estimates.send_estimate(order=order, by=None, now=now)
        assert change_of(before, snapshot(order)) == {"status": "pending", "estimated_at": now}
        notifications = Notification.objects.values(
            "customer_id", "type", "title", "message", "read", "created_at"
        )
        assert list(notifications) == [
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
    def test_estimate_replaces_notes_only_if_sent(self, now, notes, stored):
        order = in_state("requested", price="12.00", notes="Old.")
        estimates.send_estimate(order=order, by=None, now=now, notes=notes)
        assert RepairOrder.objects.get().notes == stored

    def test_estimate_of_extra_work_withdraws_approval(self, now):
        order = in_state("pending", price="12.00")
        estimates.approve(order=order, by=None, now=now)
        later = now + timedelta(hours=1)
        job = jobs.add_job(order=order, name="Brakes")
        jobs.add_part_line(job=job, part=PartFactory(), given={})
        estimates.send_estimate(order=order, by=None, now=later)
        order.refresh_from_db()
        assert (order.status, order.approved_at, order.estimated_at) == ("pending", None, later)
        jobs.add_part(order=order, part=PartFactory())

    def test_deny_stores_reason(self, now):
        order = in_state("pending", price="12.00")
        before = snapshot(order)
        estimates.deny(order=order, by=None, now=now, reason="Too dear.")
        assert change_of(before, snapshot(order)) == {
            "status": "denied",
            "denied_at": now,
            "denial_reason": "Too dear.",
        }

    def test_start_sets_timestamp(self, now):
        order = in_state("approved")
        before = snapshot(order)
        actions.start(order=order, by=None, now=now)
        assert change_of(before, snapshot(order)) == {"status": "in_progress", "started_at": now}


class TestApprove:
    @pytest.fixture
    def order(self):
        order = in_state("pending", tax_percent=Decimal("8.25"))
        PartLineFactory(repair_order=order, unit_price=Decimal("100.00"))
        EstimateFactory(repair_order=order)
        return order

    @pytest.mark.parametrize("total", [None, Decimal("108.25"), Decimal("108.250"), Decimal("1.0825E+2")])
    def test_current_total_or_none_is_approved(self, order, now, total):
        before = snapshot(order)
        estimates.approve(order=order, by=None, now=now, total=total)
        assert change_of(before, snapshot(order)) == {
            "status": "approved",
            "approved_at": now,
            "authorised_total": Decimal("108.25"),
            "authorised_net": Decimal("100.00"),
            "ceiling": Decimal("108.25"),
            "work_amount": Decimal("108.25"),
        }

    @pytest.mark.parametrize("total", [Decimal("108.24"), Decimal("108.26"), Decimal("0"), Decimal("100")])
    def test_stale_total_is_refused_with_current_total(self, order, now, total):
        before = snapshot(order)
        with pytest.raises(estimates.EstimateChanged) as error:
            estimates.approve(order=order, by=None, now=now, total=total)
        assert error.value.facts == {"total": Decimal("108.25")}
        assert snapshot(order) == before

    def test_added_line_makes_total_stale(self, order, now):
        shown = totals_of(order).total
        jobs.add_service(order=order, service=ServiceFactory(labor_cost=Decimal("10.00")))
        with pytest.raises(estimates.EstimateChanged) as error:
            estimates.approve(order=order, by=None, now=now, total=shown)
        assert error.value.facts == {"total": Decimal("119.08")}

    def test_illegal_state_is_reported_before_stale_total(self, now):
        order = in_state("approved")
        with pytest.raises(IllegalTransition):
            estimates.approve(order=order, by=None, now=now, total=Decimal("5"))


class TestComplete:
    @pytest.fixture
    def order(self):
        order = in_state("in_progress", tax_percent=Decimal("8.25"), discount_percent=Decimal("10"))
        for price, quantity, taxable in (("89.99", 1, True), ("64.50", 2, True)):
            PartLineFactory(repair_order=order, unit_price=Decimal(price), quantity=quantity, taxable=taxable)
        for price in ("261.00", "5.00"):
            ServiceLineFactory(repair_order=order, amount=Decimal(price), taxable=False)
        return order

    def test_complete_stores_total_counts_service_and_notifies_customer(self, order, now):
        before = snapshot(order)
        actions.complete(order=order, by=None, now=now)
        after = snapshot(order)
        assert change_of(before, after) == {
            "status": "completed",
            "completed_at": now,
            "total_cost": Decimal("452.75"),
            "work_amount": Decimal("452.75"),
            "is_credited": True,
        }
        assert after["customer"] == before["customer"] | {"total_services": 1, "last_service_date": now}
        notifications = Notification.objects.values_list(
            "customer_id", "type", "title", "message", "created_at"
        )
        assert list(notifications) == [
            (
                order.customer_id,
                "REPAIR_ORDER",
                "Repair completed",
                f"Repair order {order.pk} is completed. Your total is 452.75.",
                now,
            )
        ]

    def test_complete_reads_the_odometer(self, order, now):
        before = snapshot(order)
        actions.complete(order=order, odometer=Decimal("91000.50"), by=None, now=now)
        assert change_of(before, snapshot(order))["odometer_out"] == Decimal("91000.50")
        reading = OdometerReading.objects.get(vehicle=order.vehicle)
        assert (reading.miles, reading.source, reading.at) == (Decimal("91000.50"), "CHECK_OUT", now)
        order.vehicle.refresh_from_db()
        assert order.vehicle.odometer == Decimal("91000.50")

    def test_odometer_of_an_order_that_is_not_completed_is_not_read(self, order, now):
        actions.complete(order=order, by=None, now=now)
        before = snapshot(order)
        with pytest.raises(IllegalTransition):
            actions.complete(order=order, odometer=Decimal("91000.50"), by=None, now=now)
        assert (snapshot(order), OdometerReading.objects.count()) == (before, 0)

    def test_catalogue_change_keeps_stored_total(self, order, now):
        actions.complete(order=order, by=None, now=now)
        for line in PartLine.objects.all():
            line.part.unit_price = Decimal("999.00")
            line.part.taxable = False
            line.part.save()
        order.refresh_from_db()
        assert order.total_cost == totals_of(order).total == Decimal("452.75")

    def test_order_that_costs_nothing_is_no_service(self, now):
        order = in_state("in_progress", price="0.00")
        before = snapshot(order)
        actions.complete(order=order, by=None, now=now)
        assert change_of(before, snapshot(order)) == {
            "status": "completed",
            "completed_at": now,
            "total_cost": Decimal("0.00"),
        }
        assert snapshot(order)["customer"] == before["customer"]

    def test_order_without_jobs_cannot_be_completed(self, now):
        order = in_state("in_progress")
        before = snapshot(order)
        with pytest.raises(actions.NothingToComplete):
            actions.complete(order=order, by=None, now=now)
        assert snapshot(order) == before


class TestReward:
    """The first completed order of a customer credits the referrals of its logins, later orders do not."""

    @pytest.fixture
    def referral(self, alice):
        return ReferralFactory(referred=alice.contact)

    def order_of(self, customer, **fields):
        return in_state("in_progress", price="12.00", vehicle=VehicleFactory(customer=customer), **fields)

    def test_first_completed_order_credits_referral(self, alice, referral, tim, now):
        actions.complete(order=self.order_of(alice), by=tim.pk, now=now)
        referral.refresh_from_db()
        assert (referral.status, referral.rewards_applied) == ("credited", {"points": 100})
        assert User.objects.get(pk=referral.referrer_id).rewards_balance == 100
        actions.complete(order=self.order_of(alice), by=tim.pk, now=now)
        assert User.objects.get(pk=referral.referrer_id).rewards_balance == 100

    def test_referral_after_first_order_is_not_credited(self, alice, now):
        actions.complete(order=self.order_of(alice), by=None, now=now)
        referral = ReferralFactory(referred=alice.contact)
        actions.complete(order=self.order_of(alice), by=None, now=now)
        referral.refresh_from_db()
        assert referral.status == "signed_up"
        assert not RewardEntry.objects.exists()

    def test_order_of_other_customer_does_not_credit(self, bob, referral, now):
        actions.complete(order=self.order_of(bob), by=None, now=now)
        referral.refresh_from_db()
        assert (referral.status, RewardEntry.objects.exists()) == ("signed_up", False)

    def test_refused_completion_does_not_credit(self, alice, referral, now):
        with pytest.raises(IllegalTransition):
            actions.complete(
                order=RepairOrderFactory(vehicle=VehicleFactory(customer=alice), status="approved"),
                by=None,
                now=now,
            )
        referral.refresh_from_db()
        assert (referral.status, RewardEntry.objects.exists()) == ("signed_up", False)


class TestRequestRepair:
    def test_new_order_is_requested(self, now):
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
            "given_discount": None,
            "tax_percent": Decimal("8.25"), "tax_exemption": "", "taxed_kinds": ["part", "labour", "sublet"],
            "fee_terms": [], "overrun_terms": None,
            "location_id": None, "number": None, "appointment_id": None, "advisor_id": None, "version": 1,
            "po_number": "", "promised_at": None, "key_tag": "", "checked_in_at": None, "odometer_in": None,
            "odometer_out": None,
            "comeback_of_id": None,
            "authorised_total": None, "authorised_net": None, "ceiling": None, "work_amount": Decimal("0.00"),
            "is_credited": False, "total_cost": None, "denial_reason": "", "created_at": now,
            "estimated_at": None, "approved_at": None, "denied_at": None, "started_at": None, "completed_at": None,
        }  # fmt: skip

    @pytest.mark.parametrize("case", ["other customer's", "archived"])
    def test_vehicle_must_be_own_and_in_use(self, now, case):
        vehicle = VehicleFactory(archived_at=now if case == "archived" else None)
        customer = vehicle.customer if case == "archived" else CustomerFactory()
        with pytest.raises(VehicleNotOfCustomer) as error:
            actions.request_repair(customer=customer, vehicle=vehicle, description="", now=now)
        assert isinstance(error.value, Missing)
        assert (error.value.field, error.value.text) == ("vehicle", "Vehicle not found.")
        assert not RepairOrder.objects.exists()


class TestExemption:
    """An order with a certificate has no tax (docs/design, D83)."""

    @pytest.mark.parametrize(
        ("before", "given", "after"),
        [
            (("NY-1", "0"), {"tax_percent": "8.25"}, ("", "8.25")),
            (("NY-1", "0"), {"tax_percent": "0"}, ("NY-1", "0")),
            (("NY-1", "0"), {"tax_percent": "8.25", "tax_exemption": ""}, ("", "8.25")),
            (("NY-1", "0"), {"tax_exemption": "NY-2"}, ("NY-2", "0")),
            (("", "8.25"), {"tax_exemption": "NY-2"}, ("NY-2", "0")),
            (("", "8.25"), {"tax_exemption": "NY-2", "tax_percent": "0"}, ("NY-2", "0")),
            (("", "8.25"), {"tax_exemption": ""}, ("", "8.25")),
        ],
    )
    def test_tax_that_is_given_ends_it_and_a_certificate_sets_the_tax_to_0(self, before, given, after):
        order = RepairOrderFactory(tax_exemption=before[0], tax_percent=Decimal(before[1]))
        actions.change_order(order=order, **self.values(given))
        order.refresh_from_db()
        assert (order.tax_exemption, order.tax_percent) == (after[0], Decimal(after[1]))

    def test_tax_and_certificate_together_are_refused(self):
        order = RepairOrderFactory(tax_exemption="NY-1")
        before = RepairOrder.objects.values().get()
        with pytest.raises(actions.TaxedAndExempt) as error:
            actions.change_order(order=order, tax_percent=Decimal("8.25"), tax_exemption="NY-1")
        assert (error.value.field, RepairOrder.objects.values().get()) == ("tax_percent", before)

    @pytest.mark.parametrize(
        ("given", "after"),
        [({}, ("NY-1", "0")), ({"tax_percent": "5"}, ("", "5")), ({"tax_percent": "0"}, ("NY-1", "0"))],
    )
    def test_new_order_of_an_exempt_customer(self, now, given, after):
        location, vehicle = LocationFactory(), VehicleFactory()
        TaxExemptionFactory(customer=vehicle.customer, number="NY-1")
        TaxRuleFactory(location=location)
        order = actions.request_repair(
            customer=vehicle.customer,
            vehicle=vehicle,
            description="",
            now=now,
            location=location,
            **self.values(given),
        )
        assert (order.tax_exemption, order.tax_percent) == (after[0], Decimal(after[1]))

    def test_order_that_moves_with_a_tax(self):
        order = RepairOrderFactory()
        TaxExemptionFactory(customer=order.customer)
        actions.change_order(order=order, location=LocationFactory(), tax_percent=Decimal(7))
        order.refresh_from_db()
        assert (order.tax_exemption, order.tax_percent) == ("", Decimal(7))

    def values(self, given):
        return {name: Decimal(value) if name == "tax_percent" else value for name, value in given.items()}
