"""Repair orders in the admin."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib import messages
from django.utils import timezone
from zeal import zeal_ignore

from common.domain.models import Event
from customers.models import Notification
from repair_orders import actions, jobs
from repair_orders.estimates import actions as estimates
from repair_orders.models import PartLine, RepairOrder, RepairOrderStatus
from repair_orders.queries import totals_of
from testing import factories
from testing.admin import buttons, errors, filled, page, press

S = RepairOrderStatus


@pytest.fixture
def order(alice):
    """Return a pending order of one oil filter: 9.49, taxed with 8.25 %."""
    order = factories.RepairOrderFactory(
        vehicle=factories.VehicleFactory(customer=alice), status=S.PENDING, tax_percent=Decimal("8.25")
    )
    factories.PartLineFactory(repair_order=order)
    factories.EstimateFactory(repair_order=order)
    return order


def set_status(order, status):
    total = Decimal("10.27") if status == S.COMPLETED else None
    RepairOrder.objects.filter(pk=order.pk).update(status=status, total_cost=total)
    of_jobs = {S.APPROVED: "approved", S.IN_PROGRESS: "approved", S.COMPLETED: "done"}
    order.jobs.update(status=of_jobs.get(status, "proposed"))


@pytest.mark.parametrize(
    ("status", "titles"),
    [
        (S.REQUESTED, ["Send estimate", "Deny", "Take prices again", "Take a deposit"]),
        (S.PENDING, ["Send estimate", "Approve", "Deny", "Take prices again", "Take a deposit"]),
        (S.APPROVED, ["Send estimate", "Start", "Stop", "Withdraw", "Take prices again", "Take a deposit"]),
        (S.DENIED, ["Vehicle out"]),
        (S.IN_PROGRESS, ["Send estimate", "Complete", "Stop", "Take prices again", "Take a deposit"]),
        (S.COMPLETED, ["Reopen", "Comeback", "Issue invoice", "Take a deposit", "Vehicle out"]),
    ],
)
def test_page_offers_buttons_of_state(desk, order, status, titles):
    set_status(order, status)
    assert buttons(desk, order) == titles


@pytest.mark.parametrize(
    ("before", "button", "answers", "after"),
    [
        (S.REQUESTED, "estimate", {"notes": "New filter."}, S.PENDING),
        (S.PENDING, "approve", {"total": "10.27"}, S.APPROVED),
        (S.PENDING, "deny", {"reason": "Too dear."}, S.DENIED),
        (S.APPROVED, "start", {}, S.IN_PROGRESS),
        (S.IN_PROGRESS, "complete", {}, S.COMPLETED),
        (S.IN_PROGRESS, "stop", {"reason": "Sold it."}, S.DENIED),
        (S.COMPLETED, "reopen", {"reason": "Forgot a bulb."}, S.IN_PROGRESS),
    ],
)
def test_button_changes_status_and_history_names_user(desk, ada, order, before, button, answers, after):
    set_status(order, before)
    press(desk, order, button, **answers)
    order.refresh_from_db()
    latest = order.history.latest()
    assert (order.status, latest.status, latest.history_user) == (after, after, ada)


def test_complete_button_stores_total_and_notifies(desk, alice, order):
    set_status(order, S.IN_PROGRESS)
    press(desk, order, "complete")
    order.refresh_from_db()
    alice.refresh_from_db()
    assert (order.total_cost, alice.total_services) == (Decimal("10.27"), 1)
    assert Notification.objects.get().title == "Repair completed"


def test_illegal_transition_is_message_and_changes_nothing(desk, order):
    rows = order.history.count()
    assert press(desk, order, "complete") == ["This repair order is pending and cannot become completed."]
    order.refresh_from_db()
    assert (order.status, order.total_cost, order.history.count()) == (S.PENDING, None, rows)


def test_changed_estimate_is_not_approved(desk, order):
    assert 'value="10.27"' in desk.get(page(order, "approve")).content.decode()
    jobs.add_part(order=order, part=factories.PartFactory())
    assert press(desk, order, "approve", total="10.27") == [
        "The estimate has changed since it was shown. Look at the new total and approve that."
    ]
    order.refresh_from_db()
    assert order.status == S.PENDING


def test_page_shows_totals(desk, order):
    text = desk.get(page(order)).content.decode()
    assert [amount in text for amount in (">9.49<", ">0.78<", ">10.27<")] == [True] * 3


def new_part_line(form, part, **values):
    return form | {
        "part_lines-TOTAL_FORMS": "2",
        "part_lines-1-part": part.pk,
        "part_lines-1-quantity": "2",
        **{f"part_lines-1-{name}": value for name, value in values.items()},
    }


def test_new_line_takes_price_and_taxability_of_catalogue(desk, order):
    part = factories.PartFactory(unit_price="5.00", taxable=False)
    form = new_part_line(filled(desk, page(order)), part, unit_price="", taxable="")
    assert desk.post(page(order), form).status_code == 302
    line = PartLine.objects.get(part=part)
    assert (line.quantity, line.unit_price, line.taxable) == (2, Decimal("5.00"), False)
    assert totals_of(order).total == Decimal("20.27")


def test_new_line_keeps_entered_price(desk, order):
    part = factories.PartFactory(unit_price="5.00", taxable=False)
    form = new_part_line(filled(desk, page(order)), part, unit_price="4.00", taxable="True")
    desk.post(page(order), form)
    line = PartLine.objects.get(part=part)
    assert (line.unit_price, line.taxable) == (Decimal("4.00"), True)


def test_line_is_removed(desk, order):
    form = filled(desk, page(order)) | {"part_lines-0-DELETE": "on"}
    assert desk.post(page(order), form).status_code == 302
    assert order.part_lines.count() == 0


def test_tax_of_an_exempt_order_ends_its_exemption(desk, order):
    RepairOrder.objects.update(tax_percent=0, tax_exemption="NY-1")
    assert desk.post(page(order), filled(desk, page(order)) | {"notes": "Gold."}).status_code == 302
    order.refresh_from_db()
    assert (order.notes, order.tax_percent, order.tax_exemption) == ("Gold.", 0, "NY-1")
    assert desk.post(page(order), filled(desk, page(order)) | {"tax_percent": "8.25"}).status_code == 302
    order.refresh_from_db()
    assert (order.tax_percent, order.tax_exemption) == (Decimal("8.25"), "")


def test_too_large_total_is_message_and_changes_nothing(desk, order):
    part = factories.PartFactory(unit_price="99999999.99")
    form = new_part_line(filled(desk, page(order)), part) | {"notes": "Gold."}
    response = desk.post(page(order), form, follow=True)
    assert [str(message) for message in response.context["messages"]] == [
        "The total of a repair order can be at most 99999999.99."
    ]
    order.refresh_from_db()
    assert (order.part_lines.count(), order.notes) == (1, "")


@pytest.mark.parametrize("status", [S.APPROVED, S.IN_PROGRESS, S.COMPLETED, S.DENIED])
def test_lines_discounts_and_tax_are_fixed_after_decision(desk, order, status):
    set_status(order, status)
    part = factories.PartFactory()
    form = new_part_line(filled(desk, page(order)), part) | {"discount_percent": "50", "notes": "Done."}
    assert desk.post(page(order), form).status_code == 302
    order.refresh_from_db()
    assert (order.part_lines.count(), order.discount_percent, order.notes) == (1, Decimal("0.00"), "Done.")


def test_form_opened_before_approval_is_refused(desk, order):
    form = new_part_line(filled(desk, page(order)), factories.PartFactory())
    set_status(order, S.APPROVED)
    assert errors(desk.post(page(order), form)) == [
        "It has become approved since you opened this page. Nothing was saved: open it again."
    ]


def test_new_order_belongs_to_customer_of_vehicle(desk, bob):
    url = "/admin/repair_orders/repairorder/add/"
    vehicle = factories.VehicleFactory(customer=bob)
    form = filled(desk, url) | {"vehicle": vehicle.pk, "description": "It rattles."}
    assert desk.post(url, form).status_code == 302
    order = RepairOrder.objects.get()
    assert (order.customer, order.status, order.description) == (bob, S.REQUESTED, "It rattles.")
    assert order.created_at is not None


ADD = "/admin/repair_orders/repairorder/add/"


@pytest.fixture
def place():
    """Return the default location, which has a tax, a fee and an overrun policy."""
    place = factories.LocationFactory()
    factories.TaxRuleFactory(location=place)
    factories.FeeRuleFactory(location=place, name="Supplies")
    factories.OverrunPolicyFactory(location=place)
    return place


def events_of(order):
    """Return the types of the events of the order itself, oldest first."""
    rows = Event.objects.filter(subject=f"repair_orders.repairorder:{order.pk}").order_by("pk")
    return list(rows.values_list("type", flat=True))


def add_order(desk, vehicle, **fields):
    """Save the page *Add* with a part at 100.00, and return the new order."""
    part = factories.PartFactory(unit_price="100.00", taxable=True)
    sent = filled(desk, ADD) | {
        "vehicle": vehicle.pk,
        "description": "It rattles.",
        "part_lines-TOTAL_FORMS": "1",
        "part_lines-0-part": part.pk,
        "part_lines-0-quantity": "1",
        **fields,
    }
    response = desk.post(ADD, sent)
    assert response.status_code == 302, errors(response)
    return RepairOrder.objects.get()


def test_new_order_is_as_one_of_the_staff_api(desk, ada, bob, place):
    vehicle = factories.VehicleFactory(customer=bob)
    by_api = actions.request_repair(customer=bob, vehicle=vehicle, description="", now=timezone.now())
    taken = ("location_id", "tax_percent", "tax_exemption", "fee_terms", "overrun_terms")
    expected = {name: getattr(by_api, name) for name in taken}
    by_api.delete()
    order = add_order(desk, vehicle)
    assert {name: getattr(order, name) for name in taken} == expected
    assert (order.location, order.number, order.tax_percent) == (place, 2, Decimal("8.8750"))
    assert [fee["name"] for fee in order.fee_terms] == ["Supplies"]
    assert totals_of(order).total == Decimal("114.32")  # 100.00, fee 5.00 and tax 9.32
    assert [row.history_user for row in order.history.all()] == [ada]
    assert events_of(order) == ["repair_orders.repairorder.created"]


def test_new_order_keeps_terms_that_were_entered(desk, bob, place):
    order = add_order(desk, factories.VehicleFactory(customer=bob), tax_percent="0", discount_percent="10")
    assert (order.tax_percent, order.discount_percent) == (Decimal("0.0000"), Decimal("10.0000"))
    assert totals_of(order).total == Decimal("94.50")  # 100.00 and the fee of 5.00, less 10 %


def test_new_order_has_the_discount_of_the_plan(desk, alice, place):
    vehicle = factories.VehicleFactory(customer=alice)
    factories.MembershipFactory(user=alice.contact, plan=factories.PlanFactory(name="Plus", off_parts=10))
    order = add_order(desk, vehicle)
    assert list(order.discounts.values_list("kind", "name", "amount")) == [
        ("plan", "Membership Plus", Decimal("10.00"))
    ]


def test_archived_vehicle_gets_no_new_order(desk, bob, now):
    url = "/admin/repair_orders/repairorder/add/"
    vehicle = factories.VehicleFactory(customer=bob, archived_at=now)
    assert "Select a valid choice" in errors(desk.post(url, filled(desk, url) | {"vehicle": vehicle.pk}))[0]
    assert not RepairOrder.objects.exists()


# --- Terms after an estimate was sent ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "total"),
    [
        ({"discount_amount": "1.00"}, "9.19"),
        ({"discount_percent": "10"}, "9.24"),
        ({"tax_percent": "10"}, "10.44"),
    ],
)
def test_changed_terms_raise_the_version_and_the_sent_revision_cannot_be_approved(desk, order, terms, total):
    sent = order.estimates.get()
    assert desk.post(page(order), filled(desk, page(order)) | terms).status_code == 302
    order.refresh_from_db()
    assert (order.version, totals_of(order).total) == (sent.version + 1, Decimal(total))
    assert order.status == S.PENDING
    with pytest.raises(estimates.EstimateChanged) as refused:
        estimates.answer(
            estimate=sent,
            decisions=dict.fromkeys(order.jobs.values_list("pk", flat=True), "approved"),
            answerer=estimates.Answerer(),
            now=timezone.now(),
        )
    assert refused.value.facts == {"total": Decimal(total)}


def test_words_do_not_raise_the_version(desk, ada, order):
    version = order.version
    form = filled(desk, page(order)) | {"notes": "Done.", "po_number": "PO-7", "key_tag": "12"}
    assert desk.post(page(order), form).status_code == 302
    order.refresh_from_db()
    assert (order.version, order.notes, order.po_number, order.key_tag) == (version, "Done.", "PO-7", "12")
    assert (order.history.latest().notes, order.history.latest().history_user) == ("Done.", ada)
    assert events_of(order) == ["repair_orders.repairorder.changed"]


def test_form_opened_before_a_change_is_refused_and_changes_nothing(desk, order):
    form = filled(desk, page(order)) | {"discount_amount": "2.00", "notes": "Two off."}
    actions.change_order(order=order, discount_amount=Decimal("1.00"))
    stored, rows = RepairOrder.objects.filter(pk=order.pk).values().get(), order.history.count()
    message = "The order has changed since you opened this page. Nothing was saved: open it again."
    for seen in ({}, {"seen_version": ""}, {"seen_version": "x"}):
        assert errors(desk.post(page(order), form | seen)) == [message]
    assert RepairOrder.objects.filter(pk=order.pk).values().get() == stored
    assert order.history.count() == rows


def test_terms_beyond_the_ceiling_are_a_message_and_change_nothing(desk, order):
    """Work was approved, and more is asked: what was approved stays under its ceiling."""
    estimates.approve(order=order, by=None, now=timezone.now())
    extra = jobs.add_job(order=order, name="More")
    given = {"by": None, "now": timezone.now()}
    jobs.add_part_line(job=extra, part=factories.PartFactory(), given=given)
    estimates.send_estimate(order=order, by=None, now=timezone.now())
    with zeal_ignore():  # Django reads the job of each form
        form = filled(desk, page(order)) | {"tax_percent": "20", "notes": "Taxed."}
        response = desk.post(page(order), form)
    assert [str(message) for message in messages.get_messages(response.wsgi_request)] == [
        "This would make 11.39. The customer authorised work up to 10.27. Send a revised estimate."
    ]
    order.refresh_from_db()
    assert (order.tax_percent, order.notes) == (Decimal("8.2500"), "")
