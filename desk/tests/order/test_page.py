"""What the page *Order* shows: the state in one sentence, the next step, figures that foot, and roles."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from billing.credit_notes import credit_amount
from billing.exits import vehicle_out
from billing.payments import refund
from repair_orders import actions, jobs
from repair_orders.estimates import actions as estimates
from repair_orders.estimates.models import Answer
from repair_orders.jobs import add_job, add_service_line
from repair_orders.models import RepairOrder
from repair_orders.pricing.models import TaxRule
from testing.admin import page
from testing.billed import completed, invoiced, pay
from testing.factories import (
    CannedJobFactory,
    PartFactory,
    RecommendationFactory,
    ServiceScheduleFactory,
    TechnicianFactory,
)
from testing.suites import count_queries
from testing.worked_example import (
    add_brakes,
    add_labour,
    add_oil,
    add_part,
    answer,
    authorised,
    estimated,
    fresh,
    given,
    new_order,
    reload,
    started,
)
from vehicles.schedules.actions import recommend_due

pytestmark = pytest.mark.django_db
D = Decimal


def state(browser):
    context = browser.show().response.context
    primary = context["primary"]
    return context["state"].title, primary.label if primary else None


class TestState:
    @pytest.mark.parametrize(
        ("number", "why"),
        [
            (1, "Job 1 is done. Complete the order with it, or take back that it is done."),
            (2, "Jobs 1 and 2 are done. Complete the order with them, or take back that they are done."),
        ],
    )
    def test_done_jobs_are_named_in_their_number(self, at_desk, number, why):
        order, *done = estimated()
        answer(order, dict.fromkeys(done, Answer.APPROVED))
        actions.start(order=reload(order), by=None, now=timezone.now())
        for job in done[:number]:
            actions.finish_job(job=fresh(job), by=None, now=timezone.now())
        assert why in at_desk(order).show().text

    @pytest.mark.parametrize(("role", "is_linked"), [("advisor", False), ("manager", True)])
    def test_location_without_a_tax_is_told(self, as_role, role, is_linked):
        order = new_order()
        warning = f"No sales tax is set for {order.location}."
        assert warning not in as_role(role, order).show().text
        TaxRule.objects.all().delete()
        page = as_role(role, order).show()
        assert warning in page.text
        link = f"/admin/repair_orders/taxrule/add/?location={order.location_id}"
        assert (f'href="{link}"' in page.response.text) == is_linked
        if is_linked:
            assert page.client.get(link).status_code == 200

    def test_what_is_to_be_given_back_is_said_until_it_is(self, as_role):
        invoice = invoiced()
        payment = pay(invoice, "491.56")
        order, at = invoice.repair_order, timezone.now()
        note = credit_amount(invoice=invoice, amount=D("100.00"), reason="x", by=None, now=at)
        less = f"Invoice {invoice.number}, $491.56, less credit note {note.number}, $100.00."
        browser = as_role("manager", order)
        assert state(browser) == (f"{less} $100.00 still to give back.", "Give back $100.00")
        give = {"payment": payment, "reason": "x", "by": None, "now": at}
        part = refund(amount=D("40.00"), **give)
        assert state(browser) == (f"{less} $40.00 given back, $60.00 still to give back.", "Give back $60.00")
        assert browser.response.context["state"].tone == "amber"
        assert browser.press(f"refund:{payment.pk}").went.startswith(f"/admin/money/refund/{payment.pk}/")
        assert state(at_role := as_role("advisor", order)) == (
            f"{less} $40.00 given back, $60.00 still to give back.",
            "Give back $60.00",
        )
        assert f"Receipt {part.pk} of a refund" in at_role.text and "−$40.00, card" in at_role.text
        refund(amount=D("60.00"), **give)
        assert state(browser) == (f"{less} Paid.", "Vehicle out")
        assert browser.response.context["state"].more == ("$100.00 given back.", "The vehicle is still here.")

    def test_two_credit_notes_of_an_unpaid_invoice(self, at_desk):
        invoice = invoiced()
        first, second = (
            credit_amount(invoice=invoice, amount=D(amount), reason="x", by=None, now=timezone.now())
            for amount in ("10.00", "20.00")
        )
        title, primary = state(at_desk(invoice.repair_order))
        notes = f"less credit notes {first.number}, $10.00, and {second.number}, $20.00."
        assert title == f"Invoice {invoice.number}, $491.56, {notes}"
        assert primary == "Take a payment, $461.56"

    def test_order_without_jobs(self, at_desk):
        title, primary = state(at_desk(new_order()))
        assert (title, primary) == ("There is no job on this order yet.", None)

    def test_job_without_a_line_cannot_be_sent(self, at_desk):
        order = new_order()
        add_job(order=order, name="Noise")
        browser = at_desk(order)
        assert state(browser) == ("Nothing was sent: no job has a line.", None)
        assert "step:send" not in browser.buttons

    def test_not_sent(self, at_desk):
        order = new_order()
        add_brakes(order)
        assert state(at_desk(order)) == (
            "Not sent to the customer yet.", "Send the estimate, $491.56"
        )  # fmt: skip

    def test_waits_for_an_answer(self, at_desk):
        order, *_ = estimated()
        title, primary = state(at_desk(order))
        assert title.startswith("Revision 1, $640.94, was sent ")
        assert (title.endswith(" and is not answered."), primary) == (True, "Record a call")

    def test_changed_since_sent(self, at_desk):
        order, brakes, _ = estimated()
        line = brakes.service_lines.get(name="Labor")
        jobs.change_line(line=line, given=given(), hours=D("2.2"))
        browser = at_desk(order)
        title, primary = state(browser)
        name = order.customer.name
        assert title == f"Revision 1 no longer matches this order, so {name} cannot approve it."
        assert primary == "Send revision 2, $691.87"
        assert "Labor 1.8 h → 2.2 h" in browser.text
        assert "The total was $640.94 and is $691.87." in browser.text
        assert "Sent as 1.8 h, $233.91" in browser.text

    def test_nothing_was_mailed(self, at_desk):
        order = new_order()
        order.customer.contact.email = None
        order.customer.contact.save()
        add_brakes(order)
        estimates.send_estimate(order=reload(order), by=None, now=timezone.now())
        title, primary = state(at_desk(order))
        assert (title, primary) == (
            f"Revision 1 was not mailed: {order.customer.name} has no email address.", "Record a call"
        )  # fmt: skip

    def test_expired(self, at_desk):
        order, *_ = estimated(sent_at=timezone.now() - timedelta(days=60))
        title, primary = state(at_desk(order))
        assert title.startswith("Revision 1 expired ")
        assert primary == "Send it again, $640.94"

    def test_approved(self, at_desk):
        order, *_ = authorised()
        title, primary = state(at_desk(order))
        assert (title.startswith("Approved $491.56 at "), primary) == (True, "Start the work")

    def test_more_work_found(self, at_desk):
        order, *_ = started()
        job = add_job(order=order, name="Boot")
        add_service_line(job=job, service=None, given=given(), name="Labor", amount=D("100.00"))
        title, primary = state(at_desk(order))
        assert (title, primary) == ("Job 3 waits to be sent.", "Send revision 2, +$99.98")

    def test_in_work_and_done(self, at_desk):
        order, brakes, _ = started()
        assert state(at_desk(order)) == ("In work: job 1.", None)
        actions.finish_job(job=fresh(brakes), by=None, now=timezone.now())
        assert state(at_desk(order)) == ("All approved jobs are done.", "Complete the order, $491.56")

    def test_completed_invoiced_and_out(self, at_desk):
        order = completed()
        title, primary = state(at_desk(order))
        assert (title.startswith("Completed "), primary) == (True, "Issue the invoice")
        invoice = invoiced()
        order = invoice.repair_order
        assert state(at_desk(order)) == (
            f"Invoice {invoice.number}, $491.56.", "Take a payment, $491.56"
        )  # fmt: skip
        pay(invoice, "491.56")
        assert state(at_desk(order)) == (f"Invoice {invoice.number}, $491.56. Paid.", "Vehicle out")
        vehicle_out(order=reload(order), by=None, now=timezone.now())
        assert state(at_desk(order))[1] is None

    def test_denied(self, at_desk):
        order = new_order()
        add_brakes(order)
        estimates.deny(order=reload(order), by=None, now=timezone.now(), reason="Too dear")
        title, primary = state(at_desk(order))
        assert (title.startswith("Denied "), title.endswith("Too dear"), primary) == (True, True, None)

    def test_stopped(self, at_desk):
        order, *_ = started()
        actions.stop(order=order, by=None, now=timezone.now(), reason="Too dear")
        assert state(at_desk(order))[1] == "Vehicle out"


class TestFigures:
    def sums(self, order, at_desk):
        totals = at_desk(order).show().response.context["totals"]
        return totals["has_both"], [
            (row.label, row.authorised, row.proposed, row.together) for row in totals["rows"]
        ]

    def test_columns_foot_to_the_worked_example(self, at_desk):
        order, _, oil = started()
        jobs.propose(job=fresh(oil))
        assert self.sums(order, at_desk) == (
            True,
            [
                ("Parts", D("225.49"), D("52.95"), D("278.44")),
                ("Labor", D("233.91"), D("97.46"), D("331.37")),
                ("Sublet", D("21.00"), D("0.00"), D("21.00")),
                ("Shop supplies", D("22.97"), D("2.03"), D("25.00")),
                ("Discount", D("-50.34"), D("-15.24"), D("-65.58")),
                ("Tax, 8.875 %", D("38.53"), D("12.18"), D("50.71")),
                ("Total", D("491.56"), D("149.38"), D("640.94")),
            ],
        )

    def test_one_column_where_all_is_of_one_kind(self, at_desk):
        order, *_ = estimated()
        has_both, rows = self.sums(order, at_desk)
        assert (has_both, rows[-1]) == (False, ("Total", D("0.00"), D("640.94"), D("640.94")))

    def test_headroom(self, at_desk):
        order, *_ = authorised(policy={"amount": D("25.00")})
        assert "$491.56 of $516.56" in at_desk(order).show().text
        assert "$25.00 left without asking" in at_desk(order).show().text

    def test_declined_job_is_folded_at_the_end(self, at_desk):
        order, _, oil = authorised()
        context = at_desk(order).show().response.context
        assert [row.job.name for row in context["jobs"]] == ["Brakes"]
        assert [(row.job, row.note) for row in context["gone"]] == [(oil, "kept as a recommendation")]

    def test_missing_parts_are_named(self, at_desk):
        order = new_order()
        job = add_job(order=order, name="Battery")
        battery = PartFactory(name="Battery H6", stock=1)
        jobs.add_part_line(job=fresh(job), part=battery, given=given(), quantity=D(3))
        assert "1 on the shelf" in at_desk(order).show().text
        estimates.send_estimate(order=reload(order), by=None, now=timezone.now())
        answer(reload(order), {job: Answer.APPROVED})
        browser = at_desk(order).show()
        assert "2 × Battery H6" in browser.text
        assert f"step:receive:{battery.pk}" in browser.buttons


class TestSteps:
    def reasons(self, browser):
        return {row.do: row.reason for row in browser.show().response.context["steps"] if row.reason}

    def test_impossible_steps_say_why(self, at_desk):
        order, *_ = estimated()
        browser = at_desk(order)
        assert self.reasons(browser) == {"start": "Not yet: the customer has not approved a job."}
        assert "start" not in browser.buttons
        assert 'aria-describedby="why-start"' in browser.response.text

    def test_finished_job_keeps_an_order_from_being_stopped(self, at_desk):
        order, brakes, _ = started()
        actions.finish_job(job=fresh(brakes), by=None, now=timezone.now())
        assert self.reasons(at_desk(order)) == {
            "step:send": "Nothing to ask: no proposed job has a line.",
            "step:call": "Nothing to ask: no proposed job has a line.",
            "step:stop": "Job 1 is done. Complete the order with it, or take back that it is done.",
        }

    def test_vehicle_waits_for_its_invoice(self, at_desk):
        assert self.reasons(at_desk(completed())) == {"step:out": "Not yet: issue the invoice first."}

    def test_offers_canned_jobs_and_recommendations(self, at_desk):
        order = new_order()
        canned = CannedJobFactory(name="Brake flush")
        CannedJobFactory(name="Old", is_listed=False)
        row = RecommendationFactory(vehicle=order.vehicle, text="Wipers")
        browser = at_desk(order).show()
        assert {f"canned:{canned.pk}", f"recommend:{row.pk}"} <= set(browser.buttons)
        assert "Old" not in browser.text

    def test_offers_work_that_is_due(self, at_desk):
        order = new_order()
        due = ServiceScheduleFactory(vehicle=order.vehicle, template__name="Oil change")
        later = ServiceScheduleFactory(vehicle=order.vehicle, due_on=date(2099, 1, 1), due_miles=None)
        recommended = ServiceScheduleFactory(vehicle=order.vehicle)
        recommend_due(schedule=recommended)
        done = ServiceScheduleFactory(vehicle=order.vehicle)
        add_job(order=order, name=done.template.name)
        browser = at_desk(order).show()
        assert "Oil change Overdue: 15 Jul 2025 or 15,000 miles" in " ".join(browser.text.split())
        others = {f"due:{row.pk}" for row in (later, recommended, done)}
        assert f"due:{due.pk}" in browser.buttons
        assert not others & set(browser.buttons)

    def test_enter_saves(self, at_desk):
        """A browser presses the first button of a form, also one that stands outside of it."""
        order, *_ = authorised()
        assert at_desk(order).show().buttons[0] == "save"


class TestRoles:
    def test_stranger_is_refused(self, client, alice):
        order = new_order()
        client.force_login(alice.contact)
        assert client.get(f"/admin/orders/{order.pk}/").status_code == 302

    def test_missing_order_is_404(self, at_desk):
        order = RepairOrder(pk=999)
        assert at_desk(order).show().response.status_code == 404

    def test_technician_looks_and_works(self, as_role):
        order, brakes, _ = started()
        line = brakes.service_lines.get(name="State inspection")
        browser = as_role("technician", order).show()
        names = [name for name in browser.fields if "-" in name]
        assert {name.partition("-")[0] for name in names} == {f"j{job.pk}" for job in order.jobs.all()[:1]}
        assert f"finish:{brakes.pk}" in browser.buttons
        assert not {"step:send", "step:call", "add", f"remove:s{line.pk}"} & set(browser.buttons)
        assert "15.00" not in browser.text  # the cost

    def test_costs_are_shown_to_advisors(self, at_desk):
        order, *_ = authorised()
        assert "15.00" in at_desk(order).show().text

    @pytest.mark.parametrize("do", ["step:send", "canned:1", "add", "undo:p1", "edit:1"])
    def test_technician_may_not_change(self, as_role, do):
        order = new_order()
        add_brakes(order)
        browser = as_role("technician", order)
        page = browser.show().fields
        response = browser.client.post(browser.url, page | {"do": do, "new-name": "More"})
        assert response.status_code in (302, 403)
        if response.status_code == 302:
            assert browser.client.get(response["Location"].partition("#")[0]).status_code == 403
        assert order.jobs.count() == 1

    def test_technician_may_not_type_terms(self, as_role):
        order = new_order()
        browser = as_role("technician", order)
        page = browser.show().fields
        assert browser.client.post(browser.url, page | {"do": "save", "o-notes": "x"}).status_code == 403
        assert reload(order).notes == ""


def test_admin_and_money_link_the_page(desk):
    order = completed()
    link = f"/admin/orders/{order.pk}/"
    assert link in desk.get(page(order)).text
    assert link in desk.get("/admin/repair_orders/repairorder/").text
    order.location.is_default = True
    order.location.save()
    assert link in desk.get(f"/admin/money/?location={order.location_id}").text


def test_query_count_and_size_are_those_of_a_small_order(at_desk):
    """Twelve jobs with sixty lines cost as many queries as one job with one line, and less than 300 KB."""
    order = new_order()
    TechnicianFactory.create_batch(12)
    job = add_job(order=order, name="First")
    add_labour(job, "1")
    add_part(job, "1", "10.00")
    estimates.send_estimate(order=reload(order), by=None, now=timezone.now())
    browser = at_desk(order)
    browser.show()
    few = count_queries(browser.show)
    for number in range(11):
        job = add_job(order=reload(order), name=f"Job number {number} of a long list of work")
        for price in range(3):
            add_part(job, "1.5", f"1{price}.99")
        add_labour(job, "1.8")
        add_labour(job, "0.2")
    add_oil(reload(order))
    assert count_queries(browser.show) == few
    assert few <= 45
    assert len(browser.response.content) < 300_000
