"""Sending revisions, answers to them, and withdrawals."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256

import pytest
from django.utils import timezone

from appointments.models import Location
from common.domain.errors import IllegalTransition
from customers.models import Notification
from repair_orders import actions, jobs
from repair_orders.changes import OverCeiling, StaleVersion
from repair_orders.estimates import actions as estimates
from repair_orders.estimates.links import link_of
from repair_orders.estimates.models import Authorisation, Decision, Estimate, EstimateMail
from repair_orders.estimates.queries import find_by_token
from repair_orders.estimates.snapshot import digest
from repair_orders.models import Job, PartLine, RepairOrder
from repair_orders.queries import totals_of
from testing.factories import LocationFactory, VehicleFactory
from testing.worked_example import (
    TEN_PERCENT,
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

pytestmark = pytest.mark.django_db
D = Decimal


def send(order, **options):
    return estimates.send_estimate(order=reload(order), by=None, now=timezone.now(), **options)


def states(order):
    return list(Job.objects.filter(repair_order=order).in_order().values_list("status", flat=True))


def drafts(order):
    rows = Job.objects.filter(repair_order=order).in_order()
    return list(rows.values_list("sent_in", "is_draft"))


def stored(order):
    """Return every row that an answer may write."""
    return (
        RepairOrder.objects.values().get(pk=order.pk),
        list(Job.objects.filter(repair_order=order).order_by("id").values()),
        list(Authorisation.objects.order_by("id").values()),
        list(Decision.objects.order_by("id").values()),
        list(Estimate.objects.order_by("id").values()),
        order.history.count(),
    )


class TestSend:
    def test_drafts_are_sent(self):
        order = new_order()
        brakes = add_brakes(order)
        assert drafts(order) == [(None, True)]
        revision = send(order, notes="Worn")
        order = reload(order)
        assert (order.status, order.notes, drafts(order)) == ("pending", "Worn", [(1, False)])
        assert (revision.revision, revision.version, revision.sent_by, str(revision.total)) == (
            1, order.version, None, "491.56",
        )  # fmt: skip
        add_oil(order)
        assert drafts(order) == [(1, False), (None, True)]
        assert send(order).revision == 2
        assert (drafts(order), reload(order).notes) == ([(2, False), (2, False)], "Worn")
        with pytest.raises(estimates.Superseded):
            estimates.answer(
                estimate=Estimate.objects.get(revision=1),
                decisions={brakes.pk: "approved"},
                answerer=estimates.Answerer(),
                now=timezone.now(),
            )

    def test_order_in_progress_stays_so_and_an_approved_one_is_pending(self):
        running, _, _ = started()
        approved, _, _ = authorised()
        for order, status in ((running, "in_progress"), (approved, "pending")):
            add_labour(jobs.add_job(order=order, name="More"), "0.1")
            assert reload(order).status == order.status
            count = order.history.count()
            send(order)
            assert (reload(order).status, states(order)) == (status, ["approved", "declined", "proposed"])
            assert order.history.count() == count + 1

    @pytest.mark.parametrize("case", ["no job", "job without lines", "all answered"])
    def test_nothing_to_send(self, case):
        order = authorised()[0] if case == "all answered" else new_order()
        if case == "job without lines":
            jobs.add_job(order=order, name="Empty")
        before = stored(order)
        with pytest.raises(estimates.NothingToSend):
            send(order)
        assert (stored(order), Notification.objects.count()) == (before, case == "all answered")

    @pytest.mark.parametrize("status", ["denied", "completed"])
    def test_closed_order_is_not_sent(self, status, now):
        order, _, _ = started()
        if status == "denied":
            actions.stop(order=order, reason="No", by=None, now=now)
        else:
            actions.complete(order=order, by=None, now=now)
        before = stored(order)
        with pytest.raises(IllegalTransition):
            send(order)
        assert stored(order) == before

    def test_expiry(self, now, settings):
        order = new_order()
        add_brakes(order)
        with pytest.raises(estimates.ExpiryInThePast):
            estimates.send_estimate(order=order, by=None, now=now, expires_at=now)
        assert not Estimate.objects.exists()
        default = estimates.send_estimate(order=order, by=None, now=now)
        assert default.expires_at == now + timedelta(days=settings.ESTIMATE_DAYS)
        short = estimates.send_estimate(order=order, by=None, now=now, expires_at=now + timedelta(hours=1))
        assert short.expires_at == now + timedelta(hours=1)

    def test_mail_goes_out_once_with_the_link(self, alice, mailoutbox, django_capture_on_commit_callbacks):
        alice.notification_preferences = {"email": False}
        alice.save()
        order = new_order(vehicle=VehicleFactory(customer=alice))
        add_brakes(order)
        with django_capture_on_commit_callbacks(execute=True):
            revision = send(order)
        [mail] = mailoutbox
        assert (mail.subject, mail.to, revision.sent_to) == (
            f"{order.location.name}: your estimate for the 2020 Honda Civic, $491.56",
            [alice.contact.email],
            alice.contact.email,
        )
        assert "Brakes: $480.40" in mail.body and "fees and tax: $491.56" in mail.body
        token = re.search(r"/e/([A-Za-z0-9_-]{22})\s", mail.body)[1]
        assert find_by_token(token) == revision
        assert mail.body.count(link_of(revision)) == 1
        assert find_by_token(token[:-1]) is None
        assert token not in json.dumps(Estimate.objects.values().get(), default=str)
        [taken] = EstimateMail.objects.all()
        assert (taken.estimate, taken.message_id) == (revision, mail.message()["Message-ID"])

    def test_mail_is_in_the_words_and_the_time_of_the_shop(
        self, alice, mailoutbox, django_capture_on_commit_callbacks
    ):
        vehicle = VehicleFactory(customer=alice, year=2003, make="Honda", model="Accord")
        order = new_order(vehicle=vehicle)
        names = {"legal_name": "Springfield Garage", "phone": "(417) 555-0140"}
        Location.objects.update(time_zone="America/New_York", **names)
        add_brakes(order)
        with django_capture_on_commit_callbacks(execute=True):
            revision = estimates.send_estimate(
                order=reload(order),
                by=None,
                now=datetime(2026, 11, 30, 8, 32, tzinfo=UTC),
                expires_at=datetime(2026, 12, 30, 8, 32, tzinfo=UTC),
            )
        [mail] = mailoutbox
        assert mail.subject == "Springfield Garage: your estimate for the 2003 Honda Accord, $491.56"
        assert mail.body == (
            f"Hello {alice.name},\n\n"
            "this is the estimate of Springfield Garage for your 2003 Honda Accord.\n\n"
            "Brakes: $480.40\n\n"
            "Total with discount, fees and tax: $491.56\n\n"
            "See the whole estimate, and approve or decline each job here:\n\n"
            f"{link_of(revision)}\n\n"
            "It is valid until 30 December 2026, 03:32 EST. Nothing is done that you do not approve. "
            "Whoever has this link can answer: do not pass it on.\n\n"
            "For questions, call (417) 555-0140.\n\n"
        )
        html = mail.alternatives[0][0]
        for words in ("30 December 2026, 03:32 EST", "Brakes: $480.40", "$491.56", "call (417) 555-0140."):
            assert words in html

    def test_without_an_address_nothing_is_mailed(
        self, alice, as_ada, mailoutbox, django_capture_on_commit_callbacks
    ):
        alice.contact.email = None
        alice.contact.save()
        order = new_order(vehicle=VehicleFactory(customer=alice))
        add_brakes(order)
        with django_capture_on_commit_callbacks(execute=True):
            body = as_ada.post(f"/api/shop/repair-orders/{order.pk}/estimate/").json()
        assert mailoutbox == []
        assert [(row["sent"], row["not_sent_because"], row["state"]) for row in body["estimates"]] == [
            (False, "The customer has no email address.", "sent")
        ]

    def test_superseded_revision_is_not_mailed(self, mailoutbox, django_capture_on_commit_callbacks):
        order = new_order()
        add_brakes(order)
        with django_capture_on_commit_callbacks(execute=True):
            send(order)
            send(order)
        assert len(mailoutbox) == 1
        assert link_of(Estimate.objects.get(revision=2)) in mailoutbox[0].body


class TestDigest:
    def test_digest_is_of_the_canonical_json(self):
        order, _, _ = estimated()
        revision = order.estimates.get()
        canonical = json.dumps(
            revision.snapshot, sort_keys=True, separators=(",", ":"), ensure_ascii=False
        ).encode()
        assert revision.digest == sha256(canonical).hexdigest()

    def test_snapshot_stays_whatever_is_renamed(self, now):
        order, brakes, _ = estimated()
        revision = order.estimates.get()
        order.customer.contact.first_name = "Żółć"
        order.customer.contact.save()
        order.vehicle.license_plate, order.vehicle.archived_at = "NEW-1", now
        order.vehicle.save()
        order.location.name = "Elsewhere"
        order.location.save()
        order.location.tax_rules.update(percent=D(1))
        for line in brakes.part_lines.all():
            line.part.name, line.part.unit_price, line.part.is_listed = "Renamed", D("0.01"), False
            line.part.is_sold_online = False
            line.part.save()
        jobs.change_job(job=fresh(brakes), name="Brake job")
        again = Estimate.objects.get()
        assert (again.snapshot, again.digest) == (revision.snapshot, revision.digest)
        assert digest(again.snapshot) == revision.digest
        # An answer names what was shown.
        answer(order, {brakes: "approved"}, total=D("491.56"))
        assert Decision.objects.get(job=brakes).job_name == "Brakes"

    def test_snapshot_is_the_whole_paper(self):
        order, brakes, oil = estimated(policy=TEN_PERCENT, vehicle=VehicleFactory(unit_number="7"))
        revision = order.estimates.get()
        paper = revision.snapshot
        assert set(paper) == {
            "revision", "sent_at", "expires_at", "shop", "customer", "vehicle", "order", "jobs", "fees", "terms",
            "totals",
        }  # fmt: skip
        assert paper["fees"] == [{"name": "Shop supplies", "amount": "25.00", "taxable": True}]
        assert paper["totals"] == {
            "subtotal": "655.81", "discount": "65.58", "net": "590.23", "tax": "50.71", "total": "640.94",
        }  # fmt: skip
        assert paper["order"] == {
            "id": order.pk, "number": 1, "description": "Squeals", "notes": "", "po_number": "",
        }  # fmt: skip
        assert paper["terms"] == {
            "discount_amount": "0.00",
            "discount_percent": "10.00",
            "tax_percent": "8.875",
            "tax_exemption": "",
            "fees": order.fee_terms,
            "overrun": {
                "percent": "10.0000",
                "amount": None,
                "choose": "lesser",
                "cap": None,
                "basis": "TOTAL",
            },
        }
        assert [(job["id"], job["amount"], job["status"], len(job["lines"])) for job in paper["jobs"]] == [
            (brakes.pk, "480.40", "proposed", 5),
            (oil.pk, "150.41", "proposed", 3),
        ]
        line = PartLine.objects.filter(job=brakes).order_by("id").last()
        assert paper["jobs"][0]["lines"][2] == {
            "id": line.pk, "kind": "part", "name": "Oil Filter", "description": "", "part_id": line.part_id,
            "part_number": line.part_number, "manufacturer": "Fram", "condition": "new", "oem": None,
            "quantity": "0.50", "unit_price": "12.99", "amount": "6.50", "taxable": True, "warranty_months": 0,
        }  # fmt: skip
        assert "cost" not in json.dumps(paper)


class TestAnswer:
    def test_answer_stores_who_and_how(self, ada, now):
        order, brakes, oil = estimated(policy=TEN_PERCENT)
        who = estimates.Answerer("phone", "Pat", "555-0100", by=ada.pk, note="Called back")
        given_answer = answer(order, {brakes: "approved"}, answerer=who, now=now)
        stored_answer = Authorisation.objects.values().get()
        assert stored_answer == {
            "id": given_answer.pk, "estimate_id": order.estimates.get().pk, "method": "phone", "by_name": "Pat",
            "contact_used": "555-0100", "taken_by_id": ada.pk, "at": now, "ip": None, "note": "Called back",
            "total": D("491.56"), "net": D("453.03"), "withdrawn_at": None, "withdrawn_by_id": None,
            "withdrawal_reason": "",
        }  # fmt: skip
        # A job that is not mentioned is deferred.
        decisions = Decision.objects.order_by("id").values_list("job", "job_name", "amount", "decision")
        assert list(decisions) == [
            (brakes.pk, "Brakes", D("480.40"), "approved"),
            (oil.pk, "Oil", D("150.41"), "deferred"),
        ]
        assert states(order) == ["approved", "deferred"]
        order = reload(order)
        assert (order.status, order.approved_at, order.history.latest("history_id").history_user_id) == (
            "approved",
            now,
            ada.pk,
        )

    def test_customer_answers_online_with_name_and_address(self, alice, client):
        order, _, _ = estimated(vehicle=VehicleFactory(customer=alice))
        client.force_login(alice.contact)
        response = client.post(
            f"/customer/api/repairs/{order.pk}/approve/", {"total": 640.94}, content_type="application/json"
        )
        assert response.status_code == 200, response.content
        given_answer = Authorisation.objects.get()
        assert (given_answer.method, given_answer.by_name, given_answer.contact_used) == (
            "online",
            "Alice Cooper",
            alice.contact.email,
        )
        assert (given_answer.taken_by, reload(order).history.latest("history_id").history_user_id) == (
            None,
            alice.contact_id,
        )

    def test_staff_may_leave_out_who_answered(self):
        order, _, _ = estimated()
        estimates.approve(order=order, by=None, now=timezone.now())
        assert list(Authorisation.objects.values_list("method", "by_name", "contact_used")) == [
            ("not_recorded", "", "")
        ]
        assert states(order) == ["approved", "approved"]

    @pytest.mark.parametrize("word", ["declined", "deferred", None])
    def test_order_without_agreed_jobs_is_denied(self, word, now):
        order, brakes, oil = estimated()
        answer(order, {brakes: word, oil: word} if word else {}, now=now, reason="Too dear")
        order = reload(order)
        assert (order.status, order.denied_at, order.denial_reason) == ("denied", now, "Too dear")
        assert states(order) == [word or "deferred"] * 2
        assert (order.authorised_total, order.ceiling, Authorisation.objects.get().total) == (
            None,
            None,
            D("0.00"),
        )
        assert totals_of(order).total == D("640.94")

    def refused(self, order, error, decisions, **options):
        before = stored(order)
        with pytest.raises(error) as raised:
            answer(order, decisions, **options)
        assert stored(order) == before
        return raised.value

    def test_other_total_is_refused_with_that_of_the_choice(self):
        order, brakes, _ = estimated()
        for total in ("491.55", "491.57", "640.94", "0"):
            error = self.refused(order, estimates.EstimateChanged, {brakes: "approved"}, total=D(total))
            assert error.facts == {"total": D("491.56")}

    def test_job_that_was_not_proposed_is_unknown(self):
        order, brakes, oil = authorised()
        other = add_oil(reload(order))
        send(order)
        for job in (brakes, oil):
            self.refused(order, estimates.UnknownJob, {job: "approved"})
            with pytest.raises(estimates.UnknownJob):
                estimates.get_choice(order.estimates.latest("revision"), {job.pk})
        assert (
            str(estimates.get_choice(order.estimates.latest("revision"), {other.pk}).totals.total) == "640.94"
        )

    @pytest.mark.parametrize("word", ["approved", "declined"])
    def test_expired_revision_is_refused(self, word):
        order, brakes, _ = estimated()
        expires = order.estimates.get().expires_at
        self.refused(order, estimates.Expired, {brakes: word}, now=expires)
        answer(order, {brakes: word}, now=expires - timedelta(seconds=1))

    def test_answered_revision_is_refused_and_says_who_answered(self, now):
        order, brakes, _ = estimated()
        answer(order, {brakes: "approved"}, answerer=estimates.Answerer(by_name="Pat"), now=now)
        error = self.refused(order, estimates.AlreadyAnswered, {brakes: "declined"})
        assert error.text == f"This estimate was answered on {now:%Y-%m-%d %H:%M} UTC by Pat."
        with pytest.raises(IllegalTransition):
            estimates.approve(order=reload(order), by=None, now=now)

    def test_answered_revision_stays_answered_when_a_later_one_is_sent(self):
        order, _brakes, _ = authorised()
        add_oil(order)
        send(order)
        with pytest.raises(estimates.AlreadyAnswered):
            estimates.answer(
                estimate=order.estimates.get(revision=1),
                decisions={},
                answerer=estimates.Answerer(),
                now=timezone.now(),
            )

    @pytest.mark.parametrize("change", ["line", "job", "discount", "removal", "tax"])
    def test_changed_order_is_refused_with_its_total(self, change):
        order, brakes, oil = estimated()
        if change == "line":
            add_part(oil, "1", "10.00")
        elif change == "job":
            add_oil(order)
        elif change == "removal":
            jobs.remove_job(job=fresh(oil))
        elif change == "discount":
            actions.change_order(order=order, discount_percent=D(0))
        else:
            actions.change_order(order=order, tax_percent=D(0))
        order = reload(order)
        error = self.refused(order, estimates.EstimateChanged, {brakes: "approved"}, total=D("491.56"))
        assert error.facts == {"total": totals_of(order).total} != {"total": D("640.94")}

    @pytest.mark.parametrize("change", ["words", "notes", "technician", "cost"])
    def test_words_and_costs_do_not_make_it_stale(self, change):
        order, brakes, oil = estimated()
        if change == "cost":
            jobs.change_line(line=brakes.part_lines.first(), given=given(), unit_cost=D("3.00"))
        elif change == "notes":
            actions.change_order(order=order, notes="Later", po_number="7")
        else:
            jobs.change_job(job=fresh(brakes), cause="Worn")
        assert reload(order).version == order.version
        answer(order, {brakes: "approved", oil: "approved"}, total=D("640.94"))

    def test_job_that_was_removed_can_be_declined_with_the_others(self, now):
        """The shop removes a job after it was sent. To decline the revision is harmless, and possible."""
        order, brakes, oil = estimated()
        jobs.remove_job(job=fresh(oil))
        estimates.deny(order=reload(order), by=None, now=now)
        assert (reload(order).status, states(order)) == ("denied", ["declined"])
        assert list(Decision.objects.values_list("job", "decision")) == [(brakes.pk, "declined")]

    def test_late_refusal_keeps_the_present_figures(self):
        """A kit came onto the agreed job after revision 2 was sent. To decline that revision stays possible."""
        order, brakes, oil = started(policy=TEN_PERCENT)
        jobs.propose(job=fresh(oil))
        send(order)
        add_part(brakes, "1", "18.75")
        given_answer = answer(order, {oil: "declined"}, total=D("510.85"))
        assert (str(given_answer.total), str(given_answer.net)) == ("510.85", "470.75")
        assert (reload(order).status, str(reload(order).authorised_total)) == ("in_progress", "491.56")

    def test_answered_job_cannot_be_removed(self):
        order, _, oil = authorised()
        jobs.propose(job=fresh(oil))
        before = stored(order)
        with pytest.raises(jobs.JobIsAnswered):
            jobs.remove_job(job=fresh(oil))
        assert stored(order) == before


class TestDeny:
    """Deny refuses a request, and answers what is out otherwise."""

    def test_request_is_refused_without_an_answer(self, now):
        order = new_order()
        add_brakes(order)
        estimates.deny(order=order, by=None, now=now, reason="No time")
        order = reload(order)
        assert (order.status, order.denial_reason, Authorisation.objects.count(), states(order)) == (
            "denied",
            "No time",
            0,
            ["proposed"],
        )
        assert totals_of(order).total == D("491.56")

    @pytest.mark.parametrize("status", ["approved", "in_progress"])
    def test_nothing_is_out(self, status, now):
        order, _, _ = authorised() if status == "approved" else started()
        before = stored(order)
        with pytest.raises(IllegalTransition):
            estimates.deny(order=order, by=None, now=now)
        assert stored(order) == before

    @pytest.mark.parametrize("status", ["pending", "in_progress"])
    def test_further_jobs_are_declined_and_the_agreed_ones_stay(self, status, now):
        order, _, _ = authorised() if status == "pending" else started()
        add_oil(order)
        send(order)
        estimates.deny(order=reload(order), by=None, now=now)
        expected = "approved" if status == "pending" else status
        assert (reload(order).status, states(order)) == (expected, ["approved", "declined", "declined"])
        assert (str(reload(order).authorised_total), totals_of(reload(order)).total) == (
            "491.56",
            D("491.56"),
        )

    @pytest.mark.parametrize("status", ["denied", "completed"])
    def test_closed_order_stays(self, status, now):
        order, _, _ = started()
        if status == "denied":
            actions.stop(order=order, reason="", by=None, now=now)
        else:
            actions.complete(order=order, by=None, now=now)
        before = stored(order)
        with pytest.raises(IllegalTransition):
            estimates.deny(order=order, by=None, now=now)
        assert stored(order) == before

    def test_stored_status_decides_over_the_loaded_one(self, now):
        """An order that was read as requested and is in progress meanwhile is not ended by a refusal of the request."""
        order, _, _ = started()
        stale = reload(order)
        stale.status = "requested"
        before = stored(order)
        with pytest.raises(IllegalTransition):
            estimates.deny(order=stale, by=None, now=now)
        assert stored(order) == before


class TestProposeAgain:
    def test_declined_job_is_a_draft_until_it_is_sent(self):
        order, _, oil = authorised(policy=TEN_PERCENT)
        jobs.propose(job=fresh(oil))
        assert (drafts(order), totals_of(reload(order)).total) == (
            [(1, False), (1, True)],
            D("491.56"),
        )
        send(order)
        assert totals_of(reload(order)).total == D("640.94")
        answer(order, {oil: "approved"}, total=D("640.94"))
        order = reload(order)
        assert (order.status, str(order.authorised_total), str(order.ceiling)) == (
            "approved",
            "640.94",
            "705.03",
        )

    def test_only_declined_and_deferred_jobs(self, now):
        order, brakes, oil = authorised()
        with pytest.raises(jobs.NotProposable):
            jobs.propose(job=fresh(brakes))
        with pytest.raises(StaleVersion):
            jobs.propose(job=fresh(oil), version=1)
        actions.stop(order=order, reason="No", by=None, now=now)
        with pytest.raises(jobs.NotProposable):
            jobs.propose(job=fresh(oil))
        assert states(order) == ["declined", "declined"]


class TestWithdraw:
    def test_first_authorisation(self, ada, now):
        order, _, _ = authorised(policy=TEN_PERCENT)
        estimates.withdraw(order=order, reason="Misheard", by=ada.pk, now=now)
        order = reload(order)
        assert (order.status, order.approved_at, states(order)) == (
            "pending",
            None,
            ["proposed", "declined"],
        )
        assert (order.authorised_total, order.authorised_net, order.ceiling, order.work_amount) == (
            None,
            None,
            None,
            D("0.00"),
        )
        row = Authorisation.objects.get()
        assert (row.withdrawn_at, row.withdrawn_by, row.withdrawal_reason, str(row.total)) == (
            now,
            ada,
            "Misheard",
            "491.56",
        )
        with pytest.raises(IllegalTransition):  # the revision is answered, another one must be sent
            estimates.approve(order=order, by=None, now=now)
        with pytest.raises(estimates.NothingToWithdraw):
            estimates.withdraw(order=reload(order), reason="Again", by=ada.pk, now=now)

    def test_figures_of_the_one_before_return(self, now):
        order, _, oil = authorised(policy=TEN_PERCENT)
        jobs.propose(job=fresh(oil))
        send(order)
        answer(order, {oil: "approved"})
        assert str(reload(order).ceiling) == "705.03"
        estimates.withdraw(order=reload(order), reason="Misheard", by=None, now=now)
        order = reload(order)
        assert (order.status, states(order)) == ("pending", ["approved", "proposed"])
        assert (str(order.authorised_total), str(order.ceiling), str(order.work_amount)) == (
            "491.56",
            "540.71",
            "491.56",
        )

    def test_work_that_the_one_before_does_not_cover_is_refused(self, now):
        """A kit was added to job 1 under the larger ceiling. Without the second answer it would be too much."""
        order, brakes, oil = authorised(policy=TEN_PERCENT)
        jobs.propose(job=fresh(oil))
        send(order)
        answer(order, {oil: "approved"})
        add_part(brakes, "1", "55.00")
        before = stored(order)
        with pytest.raises(OverCeiling) as error:
            estimates.withdraw(order=reload(order), reason="Misheard", by=None, now=now)
        assert error.value.facts["ceiling"] == "540.71"
        assert stored(order) == before

    @pytest.mark.parametrize("status", ["requested", "pending", "in_progress", "denied"])
    def test_only_before_the_work_starts(self, status, now):
        order = {"requested": new_order, "pending": lambda: estimated()[0]}.get(
            status, lambda: started()[0]
        )()
        if status == "denied":
            actions.stop(order=order, reason="No", by=None, now=now)
        before = stored(order)
        with pytest.raises(estimates.NothingToWithdraw):
            estimates.withdraw(order=reload(order), reason="Misheard", by=None, now=now)
        assert stored(order) == before


def test_order_that_costs_nothing_is_authorised_at_zero(as_ada, now):
    order = new_order(location=LocationFactory(), discount_percent=D(0))
    add_part(jobs.add_job(order=order, name="Goodwill"), "1", "0.00")
    send(order)
    estimates.approve(order=reload(order), by=None, now=now)
    body = as_ada.get(f"/api/shop/repair-orders/{order.pk}/").json()
    assert (body["authorised"], body["ceiling"]) == (
        {"total": "0.00", "net": "0.00"},
        {"basis": "TOTAL", "amount": "0.00"},
    )
