"""The steps of the page *Order*: each from its button to what it did, and each refusal in its words."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone

from billing.credit_notes import LineCredit, credit_amount, credit_lines
from billing.invoices import issue_invoice
from billing.models import CreditNote, Invoice, Payment, VehicleExit
from catalogue.models import VendorOrder
from repair_orders import actions, jobs
from repair_orders.estimates import actions as estimates
from repair_orders.estimates.models import Answer, Authorisation, Estimate
from repair_orders.jobs import add_job
from repair_orders.models import RepairOrder
from repair_orders.pricing.models import TaxRule
from testing.billed import completed, invoiced, pay
from testing.factories import AppointmentFactory, CustomerFactory, PartFactory
from testing.worked_example import (
    add_brakes,
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
from vehicles.models import Vehicle
from vehicles.odometer import read_odometer

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture
def unsent():
    order = new_order()
    add_brakes(order)
    return reload(order)


def credit(browser, **answers):
    """Send the form of a credit, and then the total that it shows."""
    browser.send(**answers)
    return browser.send(**answers, total=str(browser.response.context["step"]["choice"]["total"]))


def needing(pieces="2"):
    """Return an order in progress whose one job needs pieces that are not on the shelf, the job and the part."""
    order = new_order(discount_percent=D(0))
    job = add_job(order=order, name="Battery")
    part = PartFactory(name="Battery H6", stock=1, unit_price=D("100.00"))
    jobs.add_part_line(job=fresh(job), part=part, given=given(), quantity=D(pieces))
    estimates.send_estimate(order=reload(order), by=None, now=timezone.now())
    answer(reload(order), {job: Answer.APPROVED})
    actions.start(order=reload(order), by=None, now=timezone.now())
    return reload(order), fresh(job), part


class TestSend:
    def test_typed_is_saved_before_what_goes_out_is_shown(self, at_desk, unsent, advisor):
        line = unsent.jobs.get().service_lines.get(name="Labor")
        browser = at_desk(unsent).press("step:send", **{f"s{line.pk}-hours": "2.2"})
        assert browser.went == f"/admin/orders/{unsent.pk}/?step=send#step"
        assert "Total $544.48" in browser.text
        assert f"It goes to {unsent.customer.contact.email}" in browser.text
        browser.send(notes="Please answer today.")
        sent = Estimate.objects.get()
        assert (sent.revision, sent.total, sent.sent_by, sent.repair_order.notes) == (
            1, D("544.48"), advisor, "Please answer today."
        )  # fmt: skip
        assert browser.told == [f"Revision 1, $544.48, is sent to {sent.sent_to}."]

    def test_no_address_is_said_before_and_after(self, at_desk, unsent):
        unsent.customer.contact.email = None
        unsent.customer.contact.save()
        browser = at_desk(unsent).press("step:send")
        assert "Nothing is mailed" in browser.text
        browser.send()
        told = "Revision 1, $491.56, is stored and was not sent. The customer has no email address."
        assert browser.told == [f"{told} Print it, or record a call."]

    def test_second_press_sends_nothing_again(self, at_desk, unsent):
        browser = at_desk(unsent).show(step="send")
        fields = browser.read.forms["step-form"]
        first, second = (browser.client.post(browser.url, fields) for _ in range(2))
        assert (first.status_code, second.status_code, Estimate.objects.count()) == (302, 409, 1)
        assert "This form was sent before." in second.text

    def test_nothing_to_send(self, at_desk):
        order, *_ = authorised()
        browser = at_desk(order).step("send")
        assert "An estimate needs a proposed job with at least one line." in browser.text


class TestCall:
    def test_total_of_the_choice_is_shown_before_it_counts(self, at_desk, advisor):
        order, brakes, oil = estimated()
        browser = at_desk(order).press("step:call")
        chosen = {f"job_{brakes.pk}": "approved", f"job_{oil.pk}": "declined"}
        browser.send(**chosen, by_name="Linda Park", contact_used="(555) 887-2211")
        assert "With this choice the order comes to $491.56" in browser.text
        assert not Authorisation.objects.exists()
        browser.send(**chosen, total="491.56")
        given = Authorisation.objects.get()
        assert (given.method, given.by_name, given.contact_used, given.taken_by, given.total) == (
            "phone", "Linda Park", "(555) 887-2211", advisor, D("491.56")
        )  # fmt: skip
        assert browser.told == ["Linda Park approved $491.56."]
        assert [job.status for job in order.jobs.in_order()] == ["approved", "declined"]

    def test_estimate_that_was_never_sent_is_stored_with_its_answer(
        self, at_desk, advisor, unsent, mailoutbox
    ):
        job = unsent.jobs.get()
        browser = at_desk(unsent).press("step:call")
        assert "Revision 1 is stored with the answer, and nothing is mailed." in browser.text
        assert "Approve $491.56" in browser.text
        browser.send(all="491.56", by_name="Linda Park")
        sent, given = Estimate.objects.get(), Authorisation.objects.get()
        assert (sent.revision, sent.total, sent.sent_by, sent.sent_to) == (1, D("491.56"), advisor, "")
        assert (given.estimate, given.method, given.by_name, given.total) == (
            sent, "phone", "Linda Park", D("491.56")
        )  # fmt: skip
        assert (reload(unsent).status, fresh(job).status) == ("approved", "approved")
        assert browser.told == ["Linda Park approved $491.56."]
        assert "Revision 1 read out , not mailed, $491.56" in browser.text
        assert (mailoutbox, unsent.customer.notifications.count()) == ([], 0)

    def test_more_work_is_read_out_beside_the_approved(self, at_desk):
        order, *_ = authorised()
        job = add_oil(order)
        browser = at_desk(order).step("call", **{f"job_{job.pk}": "approved"})
        total = browser.response.context["step"]["choice"]["total"]
        assert total > D("491.56")
        assert f"Approve job 3, +${total - D('491.56')}" in browser.text
        assert f"The order is then ${total}" in browser.text
        assert f"Approve job 3, +${total - D('491.56')}" in browser.show(step="call").text
        browser.send(**{f"job_{job.pk}": "approved"}, total=str(total))
        assert [row.revision for row in Estimate.objects.order_by("id")] == [1, 2]
        assert (fresh(job).status, reload(order).authorised_total) == ("approved", total)

    def test_figures_that_changed_meanwhile_are_not_recorded(self, at_desk, unsent):
        browser = at_desk(unsent).show(step="call")
        add_part(unsent.jobs.get(), "1", "10.00")
        browser.send(all="491.56", by_name="Linda Park")
        assert browser.response.status_code in (200, 409)
        assert (Estimate.objects.count(), reload(unsent).status) == (0, "requested")

    def test_order_without_a_line_has_nothing_to_ask(self, at_desk):
        order = new_order()
        add_job(order=order, name="Brakes")
        browser = at_desk(order).step("call", by_name="Pat")
        assert "An estimate needs a proposed job with at least one line." in browser.text
        assert not Estimate.objects.exists()

    def test_changed_choice_is_shown_again(self, at_desk):
        order, brakes, oil = estimated()
        browser = at_desk(order).show(step="call")
        chosen = {f"job_{brakes.pk}": "approved", f"job_{oil.pk}": "approved"}
        browser.send(**chosen, total="491.56")
        assert "The choice has changed, so its total is another one." in browser.text
        assert "Approve $640.94" in browser.text
        assert not Authorisation.objects.exists()

    def test_nothing_is_chosen_beforehand_and_each_job_needs_an_answer(self, at_desk):
        order, brakes, oil = estimated()
        browser = at_desk(order).show(step="call")
        assert not [name for name in browser.read.forms["step-form"] if name.startswith("job_")]
        browser.send(**{f"job_{brakes.pk}": "approved"}, by_name="")
        form = browser.response.context["step"]["form"]
        assert form.errors == {
            "by_name": ["This field is required."], f"job_{oil.pk}": ["This field is required."]
        }  # fmt: skip
        assert not Authorisation.objects.exists()

    def test_all_declined_needs_a_second_press_as_well(self, at_desk):
        order, brakes, oil = estimated()
        browser = at_desk(order).show(step="call")
        chosen = {f"job_{job.pk}": "declined" for job in (brakes, oil)}
        browser.send(**chosen)
        assert "With this choice the customer approves nothing" in browser.text
        browser.send(**chosen, total="0.00")
        assert reload(order).status == "denied"

    def test_changed_estimate_cannot_be_approved(self, at_desk):
        order, brakes, oil = estimated()
        jobs.change_line(line=brakes.service_lines.get(name="Labor"), given=given(), hours=D(3))
        browser = at_desk(order).show(step="call")
        chosen = {f"job_{brakes.pk}": "approved", f"job_{oil.pk}": "declined"}
        browser.send(**chosen, total="491.56")
        assert "The estimate has changed since it was shown." in browser.text
        assert not Authorisation.objects.exists()

    def test_all_jobs_are_approved_with_one_press(self, at_desk):
        order, *_ = estimated()
        browser = at_desk(order).press("step:call")
        assert "Approve all jobs, $640.94" in browser.text
        browser.send(all="640.94", by_name="Linda Park")
        assert browser.told == ["Linda Park approved $640.94."]
        assert [job.status for job in order.jobs.in_order()] == ["approved", "approved"]

    def test_another_total_of_all_jobs_is_shown_again(self, at_desk):
        order, *_ = estimated()
        browser = at_desk(order).show(step="call")
        browser.send(all="600.00", by_name="Linda Park")
        assert "The choice has changed, so its total is another one." in browser.text
        assert not Authorisation.objects.exists()

    @pytest.mark.parametrize("decision", ["declined", "deferred"])
    def test_press_for_all_does_not_overrule_a_chosen_answer(self, at_desk, decision):
        order, brakes, oil = estimated()
        browser = at_desk(order).show(step="call")
        chosen = {f"job_{brakes.pk}": "approved", f"job_{oil.pk}": decision}
        browser.send(all="640.94", by_name="Linda Park", **chosen)
        assert "With this choice the order comes to $491.56" in browser.text
        assert not Authorisation.objects.exists()

    def test_press_for_all_asks_for_the_other_answers_if_one_is_chosen(self, at_desk):
        order, brakes, oil = estimated()
        browser = at_desk(order).show(step="call")
        browser.send(all="640.94", by_name="Linda Park", **{f"job_{oil.pk}": "declined"})
        form = browser.response.context["step"]["form"]
        assert form.errors == {f"job_{brakes.pk}": ["This field is required."]}
        assert not Authorisation.objects.exists()

    def test_nothing_more_says_what_stays_approved(self, at_desk):
        order, *_ = authorised()
        job = add_job(order=reload(order), name="Wipers")
        jobs.add_service_line(job=job, service=None, given=given(), name="Fit them", amount=D(20))
        estimates.send_estimate(order=reload(order), by=None, now=timezone.now())
        browser = at_desk(order).show(step="call")
        browser.send(**{f"job_{job.pk}": "declined"})
        agreed = reload(order).authorised_total
        assert "With this choice the customer approves nothing more" in browser.text
        assert f"${agreed} stays approved." in browser.text
        assert "Record that nothing more is approved" in browser.text

    def test_changed_estimate_offers_no_press_for_all(self, at_desk):
        order, brakes, _ = estimated()
        jobs.change_line(line=brakes.service_lines.get(name="Labor"), given=given(), hours=D(3))
        assert "Approve all jobs" not in at_desk(order).show(step="call").text


class TestWork:
    def test_start(self, at_desk, advisor):
        order, *_ = authorised()
        browser = at_desk(order).press("start", **{"o-notes": "Keys in the box"})
        stored = reload(order)
        assert (stored.status, stored.notes) == ("in_progress", "Keys in the box")
        assert browser.told == ["The work has started."]

    def test_refused_start_keeps_what_was_typed(self, at_desk, unsent):
        browser = at_desk(unsent).press("start", **{"o-notes": "Kept"})
        assert browser.errors == {"": "This repair order is requested and cannot become in progress."}
        assert (browser.fields["o-notes"], reload(unsent).notes) == ("Kept", "")

    def test_finish(self, at_desk):
        order, brakes, _ = started()
        browser = at_desk(order).press(f"finish:{brakes.pk}", **{f"j{brakes.pk}-correction": "Replaced"})
        brakes.refresh_from_db()
        assert (brakes.status, brakes.correction) == ("done", "Replaced")
        assert browser.told == ["Job 1, Brakes, is done."]

    def test_not_done_after_all(self, at_desk, as_role):
        order, brakes, _ = started()
        browser = at_desk(order).press(f"finish:{brakes.pk}")
        assert f"finish:{brakes.pk}" not in browser.buttons
        browser = as_role("technician", order).press(f"unfinish:{brakes.pk}")
        assert fresh(brakes).status == "approved"
        assert browser.told == ["Job 1, Brakes, is not done: it is approved, and its parts are on the shelf."]
        assert browser.went == f"{browser.url}#job-{brakes.pk}"
        assert f"unfinish:{brakes.pk}" not in browser.show().buttons
        browser.press(f"unfinish:{brakes.pk}")
        assert list(browser.errors.values()) == [
            "Only a job of an order in progress that is done can be taken back."
        ]

    def test_completed_work_is_not_taken_back(self, at_desk):
        order = completed()
        assert [do for do in at_desk(order).show().buttons if do.startswith("unfinish")] == []

    def test_missing_part_is_received_and_the_job_finished(self, at_desk):
        order, job, part = needing()
        browser = at_desk(order).press(f"finish:{job.pk}")
        assert browser.errors == {f"job-{job.pk}": "Battery H6 is short of 1."}
        again = f"finish:{job.pk}:received"
        assert again in browser.buttons
        browser.press(again, page=browser.fields)
        job.refresh_from_db()
        part.refresh_from_db()
        assert (job.status, part.stock, part.reserved) == ("done", 0, 0)

    def test_technician_may_not_book_a_receipt(self, as_role):
        order, job, _ = needing()
        browser = as_role("technician", order)
        page = browser.show().fields
        sent = browser.client.post(browser.url, page | {"do": f"finish:{job.pk}:received"})
        assert (sent.status_code, fresh(job).status) == (403, "approved")

    def test_receive_for_the_shelf(self, at_desk):
        order, _, part = needing("3")
        browser = at_desk(order).press(f"step:receive:{part.pk}")
        assert browser.read.forms["step-form"]["pieces"] == "2"
        browser.send(unit_cost="61.1234", reference="Delivery 7")
        part.refresh_from_db()
        assert (part.stock, part.reserved, browser.told) == (3, 3, ["2 of Battery H6 received."])
        assert "Needed from the shelf" not in browser.text

    def test_part_on_order_is_named_until_it_comes_in(self, at_desk, advisor):
        order, _, part = needing("3")
        browser = at_desk(order).press(f"step:order:{part.pk}")
        assert browser.read.forms["step-form"]["pieces"] == "2"
        assert "Note an order placed with a vendor: Battery H6" in browser.text
        browser.send(vendor="NAPA", reference="PO 4711", expected_on="2026-12-03")
        text = "2 on order at NAPA (PO 4711), expected Thu 3 Dec"
        assert browser.told == ["Battery H6: 2 on order at NAPA."]
        assert f"Not on the shelf: Battery H6 (2, {text})." in browser.text  # the state
        assert f"2 not on the shelf {text}" in browser.text  # the line
        assert f"{text}. By {advisor}" in browser.text  # what is needed
        browser.press(f"step:receive:{part.pk}")
        assert browser.read.forms["step-form"]["reference"] == "PO 4711"
        browser.send()
        assert "on order" not in browser.text

    def test_no_vendor_is_refused_at_its_field(self, at_desk):
        order, _, part = needing()
        browser = at_desk(order).step("order", of=part.pk, vendor="")
        assert "Name the vendor from which the pieces are ordered." in browser.text
        assert not VendorOrder.objects.exists()
        VendorOrder.objects.create(part=part, pieces=1, vendor="NAPA", at=timezone.now())
        assert browser.step("order", of=part.pk, pieces="0").told == [
            "Battery H6: Nothing is on order any more."
        ]
        assert not VendorOrder.objects.exists()

    def test_complete_with_a_missing_part(self, at_desk):
        order, job, _ = needing()
        browser = at_desk(order).step("complete", jobs=str(job.pk))
        assert "Battery H6 is short of 1." in browser.text
        browser.send(jobs=str(job.pk), received="on")
        assert (reload(order).status, browser.told) == ("completed", ["The order is completed: $228.64."])

    def test_odometer_out_is_read_when_the_order_is_completed(self, at_desk):
        order, brakes, _ = started(odometer_in=D("15000.00"))
        Vehicle.objects.filter(pk=order.vehicle_id).update(odometer=D("15000.00"))
        browser = at_desk(order).show(step="complete")
        assert browser.read.forms["step-form"]["odometer"] == ""
        browser.send(jobs=str(brakes.pk), odometer="15004.5")
        assert browser.told == ["The order is completed: $491.56."]
        at_desk(order).step("invoice")
        paper = Invoice.objects.get().snapshot["order"]
        assert (paper["odometer_in"], paper["odometer_out"]) == ("15000.00", "15004.50")

    def test_odometer_that_runs_backwards_completes_nothing(self, at_desk):
        order, brakes, _ = started()
        read_odometer(vehicle=order.vehicle, miles=D("15000.00"), by=None, now=timezone.now())
        browser = at_desk(order).step("complete", jobs=str(brakes.pk), odometer="14999")
        assert "The odometer cannot go down: enter at least 15000.00 miles." in browser.text
        assert (reload(order).status, reload(order).odometer_out) == ("in_progress", None)

    def test_complete_says_what_is_put_off(self, at_desk):
        order, brakes, oil = started()
        jobs.propose(job=fresh(oil))
        browser = at_desk(order).press("step:complete")
        assert "Job 2, Oil, has no answer. It is put off and kept as a recommendation." in browser.text
        browser.send(jobs=str(brakes.pk))
        assert [job.status for job in order.jobs.in_order()] == ["done", "deferred"]

    def test_completing_nothing_is_refused(self, at_desk):
        order, *_ = started()
        fields = at_desk(order).show(step="complete")
        page = fields.read.forms["step-form"]
        page.pop("jobs", None)
        response = fields.client.post(fields.url, page)
        assert "No job of this order is approved or done. Stop the order instead." in response.text
        assert reload(order).status == "in_progress"

    def test_stop(self, at_desk):
        order, *_ = started()
        browser = at_desk(order).step("stop", reason="Too dear")
        stored = reload(order)
        assert (stored.status, stored.denial_reason) == ("denied", "Too dear")
        browser = at_desk(started()[0]).step("stop")
        assert "This field is required." in browser.text

    def test_reopen_is_for_managers(self, as_role):
        order = completed()
        assert as_role("advisor", order).show(step="reopen").response.status_code == 403
        as_role("manager", order).step("reopen", reason="Squeals again")
        assert reload(order).status == "in_progress"

    def test_invoiced_order_cannot_be_reopened(self, as_role):
        invoice = invoiced()
        browser = as_role("manager", invoice.repair_order).step("reopen", reason="x")
        assert f"This order has invoice {invoice.number} and cannot be reopened." in browser.text

    def test_withdraw(self, as_role):
        order, brakes, _ = authorised()
        as_role("manager", order).step("withdraw", reason="A wrong person answered")
        brakes.refresh_from_db()
        assert (reload(order).status, brakes.status) == ("pending", "proposed")

    def test_deny(self, at_desk, unsent):
        at_desk(unsent).step("deny", reason="No trucks")
        stored = reload(unsent)
        assert (stored.status, stored.denial_reason) == ("denied", "No trucks")

    def test_retax(self, at_desk, unsent):
        TaxRule.objects.update(percent=D("5.0000"))
        at_desk(unsent).step("retax")
        assert reload(unsent).tax_percent == D(5)

    def test_propose_again(self, at_desk):
        order, _, oil = authorised()
        browser = at_desk(order).press(f"propose:{oil.pk}")
        oil.refresh_from_db()
        assert (oil.status, oil.is_draft) == ("proposed", True)
        assert browser.told == ["Job 2, Oil, is proposed again. Send it to ask for it."]

    def test_copy_acts_once(self, at_desk, unsent):
        browser = at_desk(unsent).show(step="copy")
        fields = browser.read.forms["step-form"]
        first, second = (browser.client.post(browser.url, fields) for _ in range(2))
        copied = RepairOrder.objects.exclude(pk=unsent.pk).get()
        assert (first["Location"], second.status_code) == (f"/admin/orders/{copied.pk}/", 409)

    def test_comeback(self, at_desk):
        order = completed()
        job = order.jobs.get(status="done")
        browser = at_desk(order).step("comeback", jobs=str(job.pk))
        again = RepairOrder.objects.get(comeback_of=order)
        assert browser.went == f"/admin/orders/{again.pk}/"
        assert f"Comeback of order {order.number}" in browser.text


class TestMoney:
    def test_invoice(self, at_desk, advisor):
        order = completed()
        browser = at_desk(order).press("step:invoice")
        assert "Issue the invoice, $491.56" in browser.text
        browser.send(po_number="PO-9")
        invoice = Invoice.objects.get()
        assert (invoice.repair_order, invoice.issued_by, invoice.po_number) == (order, advisor, "PO-9")
        assert f"/admin/billing/invoice/{invoice.pk}/paper.pdf" in browser.response.text

    def test_another_customer_is_billed(self, at_desk):
        lessor = CustomerFactory(company_name="Lease Co")
        at_desk(completed()).step("invoice", bill_to=str(lessor.pk))
        assert Invoice.objects.get().bill_to == lessor

    def test_invoiced_order_is_refused(self, at_desk):
        invoice = invoiced()
        browser = at_desk(invoice.repair_order).step("invoice")
        assert f"This order has invoice {invoice.number}." in browser.text
        assert Invoice.objects.count() == 1

    def test_deposit_and_payment_lead_to_money(self, at_desk, unsent):
        till = f"&location={unsent.location_id}&back={unsent.pk}"
        page = at_desk(unsent).press("step:deposit", **{"o-notes": "x"})
        assert (page.went, reload(unsent).notes) == (f"/admin/money/payment/?order={unsent.pk}{till}", "x")
        invoice = invoiced()
        browser = at_desk(invoice.repair_order).press("step:payment")
        assert browser.went == (
            f"/admin/money/payment/?invoice={invoice.pk}&location={invoice.repair_order.location_id}"
            f"&back={invoice.repair_order_id}"
        )

    def test_invoice_is_mailed(self, at_desk):
        invoice = invoiced()
        browser = at_desk(invoice.repair_order).press(f"mail:{invoice.pk}")
        email = invoice.bill_to.contact.email
        assert browser.told == [f"Invoice {invoice.number} is mailed to {email}."]

    def test_vehicle_out(self, at_desk):
        invoice = invoiced()
        order = invoice.repair_order
        browser = at_desk(order).step("out", odometer="15020.5")
        assert "491.56 is not paid." in browser.text
        assert not VehicleExit.objects.exists()
        pay(invoice, "491.56")
        browser.step("out", odometer="15020.5")
        left = VehicleExit.objects.get()
        assert (left.odometer, left.balance, reload(order).odometer_out) == (
            D("15020.50"),
            D(0),
            D("15020.50"),
        )
        assert browser.told == ["The vehicle is out."]

    def test_it_names_the_tag_of_the_keys(self, at_desk):
        order = invoiced().repair_order
        type(order).objects.filter(pk=order.pk).update(key_tag="12")
        assert "The keys have the tag <b>12</b>." in at_desk(order).show(step="out").response.text

    @pytest.mark.parametrize("status", ["pending", "in_progress"])
    def test_visit_of_a_vehicle_that_leaves_is_over(self, at_desk, status):
        invoice = invoiced()
        order = invoice.repair_order
        visit = AppointmentFactory(vehicle=order.vehicle, status=status)
        type(order).objects.filter(pk=order.pk).update(appointment=visit)
        at_desk(order).step("out")
        visit.refresh_from_db()
        assert visit.status == status  # the invoice is not paid
        pay(invoice, "491.56")
        at_desk(order).step("out")
        visit.refresh_from_db()
        assert (visit.status, VehicleExit.objects.count()) == ("completed", 1)

    def test_manager_lets_a_vehicle_leave_unpaid(self, as_role):
        order = invoiced().repair_order
        as_role("manager", order).step("out", override="Pays tomorrow")
        assert VehicleExit.objects.get().balance == D("491.56")

    def test_stopped_order_shows_its_deposit_given_back(self, at_desk):
        order, *_ = started()
        pay(order, "50.00", location=order.location)
        assert "$50.00 deposit" in at_desk(order).show().text
        browser = at_desk(order).step("stop", reason="Too dear")
        payment = Payment.objects.get()
        page = f"/admin/money/refund/{payment.pk}/?location={order.location_id}&back={order.pk}"
        assert (payment.open, browser.went) == (D("50.00"), page)
        browser.show()
        assert "$50.00 of the customer's money is open. Give it back." in browser.text
        assert browser.press(f"refund:{payment.pk}").went == page
        assert browser.press("refund:0").errors == {"": "Nothing of this payment is open any more."}

    def test_paid_invoice_is_credited_and_the_money_given_back(self, as_role):
        invoice = invoiced()
        order = invoice.repair_order
        payment = pay(invoice, "491.56")
        browser = as_role("manager", order).press("step:credit")
        credit(browser, what="amount", amount="25.00", reason="Rattles")
        note = CreditNote.objects.get()
        assert (note.kind, note.total, note.reason) == ("amount", D("25.00"), "Rattles")
        assert (
            browser.went == f"/admin/money/refund/{payment.pk}/?location={order.location_id}&back={order.pk}"
        )
        assert browser.told[0].startswith(f"Credit note {note.number} over $25.00 is issued. What was paid")

    def test_nothing_is_credited_without_a_look_at_the_total(self, as_role):
        invoice = invoiced()
        pads = invoice.lines.get(amount=D("89.99"))
        browser = as_role("manager", invoice.repair_order).show(step="credit")
        assert "step-form" not in browser.read.buttons
        assert "what" not in browser.read.forms["step-form"]
        assert browser.send().response.context["step"]["form"].errors == {
            "what": ["Choose what is credited."],
            "reason": ["This field is required."],
        }
        for answers, total in (
            ({"what": "lines", f"line_{pads.pk}": "1"}, "88.18"),
            ({"what": "amount", "amount": "25"}, "25.00"),
            ({"what": "whole"}, "491.56"),
        ):
            browser.show(step="credit").send(**answers, reason="x")
            assert browser.read.buttons["step-form"] == [f"total={total}"]
            assert f"Issue the credit note, ${total}" in browser.text
            browser.send(**answers, total="1.00")
            assert "The choice has changed, so its total is another one." in browser.text
        assert not CreditNote.objects.exists()

    def test_total_that_is_another_one_meanwhile_is_not_credited(self, as_role):
        invoice = invoiced()
        browser = as_role("manager", invoice.repair_order).step("credit", what="whole", reason="x")
        credit_amount(invoice=invoice, amount=D("10.00"), reason="First", by=None, now=timezone.now())
        browser.send(what="whole", total="491.56")
        assert "All that is left of the invoice, $481.56" in browser.text
        assert "The choice has changed, so its total is another one." in browser.text
        assert CreditNote.objects.count() == 1

    def test_unpaid_invoice_is_credited_as_a_whole(self, as_role):
        order = invoiced().repair_order
        browser = as_role("manager", order).show(step="credit")
        assert "The whole invoice, $491.56" in browser.text
        credit(browser, what="whole", reason="Wrong name")
        note = CreditNote.objects.get()
        assert (note.kind, note.total, browser.went) == ("whole", D("491.56"), f"/admin/orders/{order.pk}/")
        assert "It is not invoiced yet." in browser.text
        assert (
            "The order has no invoice to credit." in browser.step("credit", what="whole", reason="Again").text
        )

    def test_pieces_of_a_credited_line_go_back_on_the_shelf(self, as_role):
        order, _job, part = needing("1")
        actions.complete(order=order, by=None, now=timezone.now())
        invoice = issue_invoice(order=reload(order), by=None, now=timezone.now())
        line = invoice.lines.get(kind="part")
        browser = as_role("manager", reload(order)).show(step="credit")
        names = [field.name for field in browser.response.context["step"]["form"].lines()]
        assert names[:2] == [f"line_{line.pk}", f"restock_{line.pk}"]
        browser.send(what="lines", **{f"restock_{line.pk}": "1"}, reason="Not needed")
        assert "Not more than the pieces that are credited." in browser.text
        browser.show(step="credit")
        browser.send(what="lines", **{f"line_{line.pk}": "1", f"restock_{line.pk}": "2"}, reason="Not needed")
        assert "Ensure this value is less than or equal to 1." in browser.text
        assert not CreditNote.objects.exists()
        browser.show(step="credit")
        credit(
            browser,
            what="lines",
            **{f"line_{line.pk}": "1", f"restock_{line.pk}": "1"},
            reason="Not needed",
        )
        part.refresh_from_db()
        assert (CreditNote.objects.get().lines.get(invoice_line=line).restocked, part.stock) == (1, 1)

    def test_lines_are_credited_by_the_piece(self, as_role):
        """docs/billing.md has the figures: the pads are 80.99 and 7.19 of tax, one of the two rotors 63.20."""
        invoice = invoiced()
        pads, rotors = (invoice.lines.get(amount=D(amount)) for amount in ("89.99", "129.00"))
        browser = as_role("manager", invoice.repair_order).show(step="credit")
        labels = [field.label for field in browser.response.context["step"]["form"].lines()]
        assert labels == [f"{line.name}, ${line.amount:,}" for line in invoice.lines.order_by("position")]
        credit(
            browser,
            what="lines",
            **{f"line_{pads.pk}": "1", f"line_{rotors.pk}": "1.00"},
            reason="Wrong ones",
        )
        note = CreditNote.objects.get()
        assert (note.kind, note.total, note.reason) == ("lines", D("151.38"), "Wrong ones")
        assert [(row.name, row.quantity) for row in note.lines.order_by("position")] == [
            (pads.name, D("1.00")),
            (rotors.name, D("1.00")),
        ]
        assert browser.told == [f"Credit note {note.number} over $151.38 is issued."]
        form = browser.show(step="credit").response.context["step"]["form"]
        left = {field.name: field.help_text for field in form.lines()}
        assert f"line_{pads.pk}" not in left
        assert left[f"line_{rotors.pk}"] == "1 left."

    def test_line_without_a_quantity_is_credited_as_a_whole(self, as_role):
        invoice = invoiced()
        line = invoice.lines.filter(quantity=None).order_by("position").first()
        browser = as_role("manager", invoice.repair_order).show(step="credit")
        credit(browser, what="lines", **{f"line_{line.pk}": "on"}, reason="Not charged")
        assert [(row.name, row.net) for row in CreditNote.objects.get().lines.all()] == [
            (line.name, line.net)
        ]

    def test_lines_of_a_paid_invoice_lead_to_the_refund(self, as_role):
        invoice = invoiced()
        payment = pay(invoice, "491.56")
        pads = invoice.lines.get(amount=D("89.99"))
        browser = as_role("manager", invoice.repair_order).show(step="credit")
        credit(browser, what="lines", **{f"line_{pads.pk}": "1"}, reason="Wrong ones")
        assert browser.went.startswith(f"/admin/money/refund/{payment.pk}/")

    def test_wrong_lines_are_refused_in_their_places(self, as_role):
        invoice = invoiced()
        rotors = invoice.lines.get(amount=D("129.00"))
        name = f"line_{rotors.pk}"
        browser = as_role("manager", invoice.repair_order)
        for answers, place, text in (
            ({name: "3"}, name, "Only 2 is left to credit."),
            ({name: "-1"}, name, "Ensure this value is greater than or equal to 0."),
            ({name: "one"}, name, "Enter a number."),
            ({name: "1", "reason": ""}, "reason", "This field is required."),
            ({name: ""}, "what", "Fill in at least one line."),
            ({name: "3", "what": "amount"}, "amount", "Enter the amount."),
            ({name: "", "what": "amount", "amount": "491.57"}, "amount", "Only $491.56 is left to credit."),
            ({name: "1", "what": ""}, "what", "Choose what is credited."),
        ):
            form = browser.step("credit", **{"reason": "x", "what": "lines"} | answers).response.context[
                "step"
            ]["form"]
            assert form.errors == {place: [text]}
            assert form.data[name] == answers[name]  # what was typed stays
        assert not CreditNote.objects.exists()

    def test_line_that_was_credited_meanwhile_is_refused(self, as_role):
        invoice = invoiced()
        pads = invoice.lines.get(amount=D("89.99"))
        browser = as_role("manager", invoice.repair_order).show(step="credit")
        credit_lines(
            invoice=invoice, lines=[LineCredit(pads.pk)], reason="First", by=None, now=timezone.now()
        )
        browser.send(what="lines", **{f"line_{pads.pk}": "1"}, reason="Second")
        # The line is gone from the form, and a credit of the whole is never made instead of it.
        assert CreditNote.objects.count() == 1
        assert browser.response.context["step"]["form"].errors == {
            "__all__": ["Nothing of a line that was chosen is left to credit. Choose again."]
        }

    def test_more_than_the_invoice_is_not_credited(self, as_role):
        browser = as_role("manager", invoiced().repair_order).step(
            "credit", what="amount", amount="500", reason="x"
        )
        assert browser.response.context["step"]["form"].errors
        assert not CreditNote.objects.exists()

    def test_credit_is_for_managers(self, at_desk):
        order = invoiced().repair_order
        assert at_desk(order).show(step="credit").response.status_code == 403
        assert "step:credit" not in at_desk(order).show().buttons

    def test_receipts_are_among_the_papers(self, at_desk):
        order, *_ = started()
        payment = pay(order, "50.00", location=order.location)
        browser = at_desk(order).show()
        assert f"/admin/billing/payment/{payment.pk}/" in browser.response.text
        assert f"Receipt {payment.pk}" in browser.text


class TestAddresses:
    @pytest.mark.parametrize(
        "query",
        [
            {"step": "explode"},
            {"step": "line"},
            {"step": "line", "of": "p99999"},
            {"step": "receive", "of": "x"},
        ],
    )
    def test_unknown_step_is_404(self, at_desk, unsent, query):
        assert at_desk(unsent).show(**query).response.status_code == 404

    @pytest.mark.parametrize(
        "query", [{"edit": "x"}, {"edit": "9" * 40}, {"removed": "p99999"}, {"removed": "zz"}]
    )
    def test_odd_parameters_show_the_page(self, at_desk, unsent, query):
        assert at_desk(unsent).show(**query).response.status_code == 200
