"""Start, record and finish an inspection, and put findings on the estimate."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from common.domain.models import Event
from files.actions import FileNotFound
from inspections.actions import (
    MAX_PHOTOS,
    AlreadyOnEstimate,
    AlreadyStarted,
    InspectionIsFinished,
    NothingAdvised,
    NotMeasured,
    OrderIsClosed,
    PhotoOfAnother,
    StillUnrated,
    TemplateIsEmpty,
    TemplateNotListed,
    TooManyPhotos,
    WrongPhotoType,
    add_to_estimate,
    finish_inspection,
    record_finding,
    start_inspection,
)
from inspections.models import Finding, Inspection
from inspections.templates import save_template
from inspections.tests.conftest import picture
from repair_orders.actions import complete, finish_job, start, unfinish_job
from repair_orders.estimates.actions import approve, deny, send_estimate
from repair_orders.jobs import add_canned_job, remove_job
from repair_orders.models import Job, RepairOrder
from testing import factories
from vehicles.models import Recommendation
from vehicles.recommendations import RecommendationIsQuoted, dismiss

pytestmark = pytest.mark.django_db


def rows_of(model):
    return list(model.objects.order_by("pk").values())


def advised(*names):
    """Return the recommendations as tuples of code, urgency, status and text, or of these columns."""
    columns = names or ("code", "urgency", "status", "text")
    return list(Recommendation.objects.order_by("id").values_list(*columns))


def rate(finding, now, rating="red", **values):
    record_finding(finding=finding, by=None, now=now, rating=rating, **values)


class TestMeasures:
    @pytest.mark.parametrize("value", ["", "2", "1.5", "-0.5", "+3", "32/35", "4.5/5/4.5/5", "4 / 5", " 7 "])
    def test_numbers(self, findings, now, value):
        Finding.objects.filter(pk=findings[1].pk).update(unit="mm", value="9")
        findings[1].refresh_from_db()
        record_finding(finding=findings[1], by=None, now=now, value=value)
        assert Finding.objects.get(pk=findings[1].pk).value.strip() == value.strip()

    @pytest.mark.parametrize("value", ["abc", "1,5", "1.5 mm", "<2", "1.", ".5", "4/", "--1", "１"])
    def test_other_texts_are_refused_with_their_unit(self, findings, now, value):
        Finding.objects.filter(pk=findings[1].pk).update(unit="mm")
        findings[1].refresh_from_db()
        before = rows_of(Finding)
        with pytest.raises(NotMeasured) as error:
            rate(findings[1], now, value=value)
        assert (error.value.text, error.value.field) == ("Write the mm as a number, such as 1.5.", "value")
        assert (rows_of(Finding), rows_of(Recommendation)) == (before, [])

    def test_without_a_unit_it_is_words(self, findings, now):
        Finding.objects.filter(pk=findings[1].pk).update(unit="")
        findings[1].refresh_from_db()
        record_finding(finding=findings[1], by=None, now=now, value="cracked")
        assert Finding.objects.get(pk=findings[1].pk).value == "cracked"

    def test_words_of_an_earlier_day_do_not_stop_a_rating(self, findings, now):
        Finding.objects.filter(pk=findings[1].pk).update(unit="mm", value="abc")
        findings[1].refresh_from_db()
        rate(findings[1], now, value="abc")
        assert Finding.objects.get(pk=findings[1].pk).rating == "red"


class TestStart:
    def test_findings_are_copies_of_the_items_in_their_order(self, order, template, tim, now):
        technician = factories.TechnicianFactory(user=tim)
        inspection = start_inspection(
            order=order, template=template, technician=technician, by=tim.pk, now=now
        )
        assert (inspection.name, inspection.technician, inspection.started_at, inspection.finished_at) == (
            "Courtesy inspection",
            technician,
            now,
            None,
        )
        items = list(template.items.in_order())
        columns = ("item", "position", "group", "name", "unit", "rating", "value", "note")
        assert list(Finding.objects.order_by("id").values_list(*columns)) == [
            (items[0].pk, 1, "Under the hood", "Engine oil", "", None, "", ""),
            (items[1].pk, 2, "Brakes", "Pads, front", "mm", None, "", ""),
            (items[2].pk, 3, "Brakes", "Pads, rear", "mm", None, "", ""),
        ]
        kept = Finding.history.values_list("history_type", "history_user", "history_date")
        assert list(kept) == [("+", tim.pk, now)] * 3
        event = Event.objects.get(type="inspections.inspection.started")
        assert event.payload == {
            "id": inspection.pk,
            "uuid": str(inspection.uuid),
            "repair_order_id": order.pk,
            "technician_id": inspection.technician_id,
        }

    def test_items_that_change_or_go_later_leave_the_findings(self, inspection, template):
        before = [{**row, "item_id": None} for row in rows_of(Finding)]
        save_template(template, name="Short", items=[{"name": "Horn"}])
        assert rows_of(Finding) == before
        assert Inspection.objects.get().name == "Courtesy inspection"

    def test_unlisted_and_empty_templates_are_refused(self, order, template, now):
        given = {"order": order, "technician": None, "by": None, "now": now}
        template.is_listed = False
        with pytest.raises(TemplateNotListed):
            start_inspection(template=template, **given)
        with pytest.raises(TemplateIsEmpty):
            start_inspection(template=factories.InspectionTemplateFactory(), **given)
        assert not Inspection.objects.exists()

    def test_second_one_waits_until_the_first_is_finished(self, inspection, template, order, now):
        given = {"order": order, "template": template, "technician": None, "by": None, "now": now}
        with pytest.raises(AlreadyStarted) as error:
            start_inspection(**given)
        assert error.value.facts == {"inspection_id": inspection.pk}
        finish_inspection(inspection=inspection, by=None, now=now, anyway=True)
        assert start_inspection(**given).pk != inspection.pk

    @pytest.mark.parametrize("status", ["completed", "denied"])
    def test_closed_order_takes_none(self, template, now, status):
        total = "0.00" if status == "completed" else None
        order = factories.RepairOrderFactory(status=status, total_cost=total)
        with pytest.raises(OrderIsClosed):
            start_inspection(order=order, template=template, technician=None, by=None, now=now)
        assert not Inspection.objects.exists()

    @pytest.mark.parametrize("status", ["requested", "pending", "approved", "in_progress"])
    def test_open_order_takes_one(self, template, now, status):
        order = factories.RepairOrderFactory(status=status)
        start_inspection(order=order, template=template, technician=None, by=None, now=now)
        assert Inspection.objects.get().repair_order == order


class TestRecord:
    def test_each_value_alone(self, findings, now):
        finding = findings[1]
        for values in ({"rating": "green"}, {"value": "7"}, {"note": "Like new"}):
            record_finding(finding=finding, by=None, now=now, **values)
        stored = Finding.objects.values("rating", "value", "note").get(pk=finding.pk)
        assert stored == {"rating": "green", "value": "7", "note": "Like new"}
        assert finding.history.count() == 4

    def test_same_again_changes_nothing(self, findings, now):
        for _ in range(2):
            rate(findings[1], now, value="2", note="Worn")
        assert findings[1].history.count() == 2
        assert Recommendation.objects.get().history.count() == 1

    def test_same_again_leaves_what_staff_wrote_and_dismissed(self, findings, now):
        rate(findings[1], now)
        row = Recommendation.objects.get()
        row.text = "Pads and rotors"
        row.save()
        rate(findings[1], now)
        assert advised("text", "status") == [("Pads and rotors", "open")]
        dismiss(recommendation=row)
        rate(findings[1], now)
        record_finding(finding=findings[1], by=None, now=now, note="Worn")
        assert advised("text", "status") == [("Pads and rotors", "dismissed")]

    def test_red_and_yellow_are_recommended(self, findings, order, now):
        rate(findings[1], now, value="2", note="Worn to the metal")
        rate(findings[2], now, "yellow", value="4")
        front, rear = (f"item:{finding.item_id}" for finding in findings[1:])
        assert advised() == [
            (front, "now", "open", "Pads, front\n2 mm\nWorn to the metal"),
            (rear, "soon", "open", "Pads, rear\n4 mm"),
        ]
        assert set(Recommendation.objects.values_list("source", "vehicle_id", "amount")) == {
            ("inspection", order.vehicle_id, None)
        }
        assert [finding.recommendation.code for finding in Finding.objects.filter(rating__isnull=False)] == [
            front,
            rear,
        ]

    def test_change_of_the_finding_changes_its_recommendation(self, findings, now):
        rate(findings[1], now, "yellow", value="4")
        rate(findings[1], now, "red", value="2")
        assert advised("urgency", "text") == [("now", "Pads, front\n2 mm")]

    def test_next_inspection_updates_the_row_of_the_item(self, inspection, findings, order, template, now):
        rate(findings[1], now, "yellow", value="4")
        finish_inspection(inspection=inspection, by=None, now=now, anyway=True)
        again = start_inspection(order=order, template=template, technician=None, by=None, now=now)
        rate(again.findings.get(position=2), now, "red", value="2")
        assert advised("urgency", "status", "text") == [("now", "open", "Pads, front\n2 mm")]
        assert Finding.objects.filter(recommendation__isnull=False).count() == 2

    def other_template(self, order, now, *, group="Wheels", canned=None):
        """Start an inspection by another template that has front pads, too. Return the finding."""
        item = factories.TemplateItemFactory(
            template__name="Brake inspection", group=group, name="pads, Front", unit="mm", canned_job=canned
        )
        again = start_inspection(order=order, template=item.template, technician=None, by=None, now=now)
        return again.findings.get()

    def test_same_item_of_another_template_updates_the_row(self, findings, order, now):
        rate(findings[1], now, "yellow", value="4")
        other = self.other_template(order, now)
        rate(other, now, "red", value="2")
        assert advised("urgency", "status", "text") == [("now", "open", "pads, Front\n2 mm")]
        rate(other, now, "green")
        assert advised("status") == [("dismissed",)]

    def test_items_of_one_name_are_told_apart_by_their_groups(self, findings, order, template, now):
        factories.TemplateItemFactory(template=template, group="Spare", name="Pads, front", unit="mm")
        rate(findings[1], now, "yellow", value="4")
        rate(self.other_template(order, now, group="Spare"), now, "red", value="2")
        assert advised("urgency", "text") == [("soon", "Pads, front\n4 mm"), ("now", "pads, Front\n2 mm")]

    def test_canned_job_that_is_typed_into_the_order_does_the_work_of_its_item(
        self, findings, order, canned, now
    ):
        rate(findings[1], now)
        rate(self.other_template(order, now, canned=canned), now)
        job = add_canned_job(order=order, canned=canned)
        assert advised("status") == [("open",)]
        answered(order, now)
        assert advised("status") == [("quoted",)]
        start(order=RepairOrder.objects.get(pk=order.pk), by=None, now=now)
        finish_job(job=Job.objects.get(pk=job.pk), by=None, now=now)
        assert advised("status") == [("done",)]
        unfinish_job(job=Job.objects.get(pk=job.pk), by=None, now=now)
        assert advised("status") == [("quoted",)]

    def test_declined_canned_job_is_no_second_recommendation_of_its_item(self, findings, order, canned, now):
        rate(findings[1], now, note="Worn")
        add_canned_job(order=order, canned=canned)
        send_estimate(order=RepairOrder.objects.get(pk=order.pk), by=None, now=now)
        deny(order=RepairOrder.objects.get(pk=order.pk), by=None, now=now)
        assert advised("status", "text", "amount") == [("open", "Pads, front\nWorn", Decimal("261.00"))]

    def test_green_dismisses_what_stands_for_the_item(self, inspection, findings, order, template, now):
        rate(findings[1], now)
        finish_inspection(inspection=inspection, by=None, now=now, anyway=True)
        again = start_inspection(order=order, template=template, technician=None, by=None, now=now)
        rate(again.findings.get(position=2), now, "green")
        assert advised("status") == [("dismissed",)]

    def test_mistaken_tap_and_back_makes_one_recommendation(self, findings, now):
        for rating, status in (
            ("red", "open"),
            ("green", "dismissed"),
            ("red", "open"),
            ("not_applicable", "dismissed"),
            ("yellow", "open"),
            (None, "dismissed"),
        ):
            rate(findings[1], now, rating)
            assert advised("status") == [(status,)]

    def test_not_applicable_leaves_what_an_earlier_inspection_said(
        self, inspection, findings, order, template, now
    ):
        rate(findings[1], now)
        finish_inspection(inspection=inspection, by=None, now=now, anyway=True)
        later = now + timedelta(days=90)
        again = start_inspection(order=order, template=template, technician=None, by=None, now=later)
        for rating in ("red", "not_applicable"):
            rate(again.findings.get(position=2), later, rating)
        assert advised("status") == [("open",)]

    def test_green_leaves_work_that_the_customer_approved(self, findings, order, now):
        rate(findings[1], now)
        add_to_estimate(finding=findings[1], by=None, now=now)
        answered(order, now)
        rate(findings[1], now, "green")
        assert advised("status") == [("quoted",)]

    def test_work_that_was_done_is_recommended_anew_only_by_a_new_rating(self, findings, now):
        rate(findings[1], now)
        Recommendation.objects.update(status="done")
        record_finding(finding=findings[1], by=None, now=now, note="Done today")
        assert advised("status") == [("done",)]
        rate(findings[1], now, "yellow")
        assert advised("status", "urgency") == [("done", "now"), ("open", "soon")]

    def test_finding_of_a_removed_item_keeps_its_recommendation(self, findings, template, now):
        rate(findings[1], now)
        save_template(template, items=[])
        front, rear = (Finding.objects.get(pk=finding.pk) for finding in findings[1:])
        rate(front, now, value="1")
        assert advised("text", "status") == [("Pads, front\n1 mm", "open")]
        rate(rear, now, "yellow")
        assert advised("code", "text")[1:] == [("", "Pads, rear")]

    def test_finished_inspection_and_closed_order_are_fixed(self, inspection, findings, order, now):
        RepairOrder.objects.filter(pk=order.pk).update(status="denied")
        before = rows_of(Finding)
        with pytest.raises(OrderIsClosed):
            rate(findings[1], now)
        RepairOrder.objects.filter(pk=order.pk).update(status="requested")
        finish_inspection(inspection=inspection, by=None, now=now, anyway=True)
        with pytest.raises(InspectionIsFinished):
            rate(findings[1], now)
        assert rows_of(Finding) == before
        assert not Recommendation.objects.exists()


class TestPhotos:
    def photos(self, finding):
        return list(finding.photos.in_order().values_list("upload__uuid", flat=True))

    def test_are_those_that_are_given(self, findings, order, tim, now):
        finding, other = findings[:2]
        first, second = picture(tim, now), picture(tim, now)
        given = {"finding": finding, "by": tim.pk, "now": now}
        record_finding(**given, photos=[first.uuid, second.uuid])
        assert self.photos(finding) == [first.uuid, second.uuid]
        first.refresh_from_db()
        assert (first.state, first.customer_id) == ("attached", order.customer_id)
        third = picture(tim, now)
        record_finding(**given, photos=[second.uuid, third.uuid])
        assert self.photos(finding) == [second.uuid, third.uuid]
        record_finding(**given, rating="green")
        assert self.photos(finding) == [second.uuid, third.uuid]
        with pytest.raises(PhotoOfAnother):
            record_finding(finding=other, by=tim.pk, now=now, photos=[third.uuid])
        record_finding(**given, photos=[])
        assert (self.photos(finding), self.photos(other)) == ([], [])

    def test_colleague_keeps_the_photos_and_adds_own_ones(self, findings, tim, ada, now):
        first, second = picture(tim, now), picture(ada, now)
        record_finding(finding=findings[0], by=tim.pk, now=now, photos=[first.uuid])
        record_finding(finding=findings[0], by=ada.pk, now=now, photos=[first.uuid, second.uuid])
        assert self.photos(findings[0]) == [first.uuid, second.uuid]

    def test_of_others_too_many_and_of_other_types_are_refused(self, findings, tim, ada, now):
        strange, paper = picture(ada, now), picture(tim, now, "application/pdf", b"%PDF-1.7 etc")
        many = [picture(tim, now).uuid for _ in range(MAX_PHOTOS + 1)]
        for photos, refusal in (
            ([strange.uuid], FileNotFound),
            ([paper.uuid], WrongPhotoType),
            (many, TooManyPhotos),
        ):
            with pytest.raises(refusal) as error:
                record_finding(finding=findings[0], by=tim.pk, now=now, rating="red", photos=photos)
            assert error.value.field == "photos"
        assert self.photos(findings[0]) == []
        assert Finding.objects.filter(rating=None).count() == 3
        paper.refresh_from_db()
        assert paper.state == "stored"


class TestFinish:
    def test_names_what_is_not_rated(self, inspection, findings, now):
        rate(findings[1], now, "green")
        with pytest.raises(StillUnrated) as error:
            finish_inspection(inspection=inspection, by=None, now=now)
        assert error.value.facts == {"open": ["Engine oil", "Pads, rear"]}
        assert Inspection.objects.get().finished_at is None

    def test_happens_once(self, inspection, findings, order, tim, now):
        for finding in findings:
            rate(finding, now, "green")
        finish_inspection(inspection=inspection, by=tim.pk, now=now)
        assert Inspection.objects.get().finished_at == now
        last = inspection.history.order_by("history_id").last()
        assert (last.history_user_id, last.history_change_reason, last.finished_at) == (
            tim.pk,
            "finished",
            now,
        )
        event = Event.objects.get(type="inspections.inspection.finished")
        assert event.payload == {
            "id": inspection.pk,
            "uuid": str(inspection.uuid),
            "repair_order_id": order.pk,
            "technician_id": inspection.technician_id,
            "customer_id": order.customer_id,
        }
        with pytest.raises(InspectionIsFinished):
            finish_inspection(inspection=inspection, by=None, now=now + timedelta(hours=1), anyway=True)
        assert Inspection.objects.get().finished_at == now

    def test_closed_order_refuses_it(self, inspection, order, now):
        RepairOrder.objects.filter(pk=order.pk).update(status="denied")
        with pytest.raises(OrderIsClosed):
            finish_inspection(inspection=inspection, by=None, now=now, anyway=True)
        assert Inspection.objects.get().finished_at is None


class TestAddToEstimate:
    def test_item_with_a_canned_job_brings_its_lines(self, findings, order, canned, now):
        rate(findings[1], now, value="2", note="Worn")
        job = add_to_estimate(finding=findings[1], by=None, now=now)
        stored = Job.objects.get()
        assert (stored, stored.repair_order, stored.status, stored.canned_job) == (
            job,
            order,
            "proposed",
            canned,
        )
        assert (stored.name, stored.concern, stored.recommendation) == (
            "Front brakes",
            "2 mm\nWorn",
            Recommendation.objects.get(),
        )
        assert [(line.name, str(line.amount)) for line in stored.service_lines.all()] == [
            ("Replace pads", "261.00")
        ]
        assert Finding.objects.get(pk=findings[1].pk).job == stored

    def test_item_without_one_brings_its_name(self, findings, now):
        rate(findings[2], now, "yellow")
        add_to_estimate(finding=findings[2], by=None, now=now)
        stored = Job.objects.get()
        assert (stored.name, stored.concern, stored.canned_job) == ("Pads, rear", "", None)
        assert not stored.service_lines.exists()

    def test_finding_of_a_finished_inspection_can_be_added(self, inspection, findings, now):
        rate(findings[2], now)
        finish_inspection(inspection=inspection, by=None, now=now, anyway=True)
        add_to_estimate(finding=findings[2], by=None, now=now)
        assert Job.objects.get().name == "Pads, rear"

    def test_recommendation_follows_the_job(self, findings, order, now):
        rate(findings[1], now)
        add_to_estimate(finding=findings[1], by=None, now=now)
        answered(order, now)
        assert advised("status") == [("quoted",)]
        start(order=order, by=None, now=now)
        complete(order=order, by=None, now=now)
        assert advised("status") == [("done",)]

    def test_declined_work_keeps_the_words_of_the_inspection(self, findings, order, now):
        rate(findings[1], now, note="Worn")
        add_to_estimate(finding=findings[1], by=None, now=now)
        send_estimate(order=order, by=None, now=now)
        deny(order=order, by=None, now=now, reason="Later")
        assert [(str(amount), *rest) for amount, *rest in advised("amount", "status", "text")] == [
            ("261.00", "open", "Pads, front\nWorn")
        ]

    def test_only_red_and_yellow_and_once(self, findings, now):
        for rating in (None, "green", "not_applicable"):
            rate(findings[1], now, rating)
            with pytest.raises(NothingAdvised):
                add_to_estimate(finding=findings[1], by=None, now=now)
        rate(findings[1], now)
        job = add_to_estimate(finding=findings[1], by=None, now=now)
        with pytest.raises(AlreadyOnEstimate) as error:
            add_to_estimate(finding=findings[1], by=None, now=now)
        assert error.value.facts == {"job_id": job.pk}
        remove_job(job=job)
        add_to_estimate(finding=findings[1], by=None, now=now)
        assert Job.objects.count() == 1

    def test_work_that_is_approved_elsewhere_is_not_sold_twice(self, findings, order, now):
        rate(findings[1], now)
        Recommendation.objects.update(status="quoted")
        with pytest.raises(RecommendationIsQuoted):
            add_to_estimate(finding=findings[1], by=None, now=now)
        assert not Job.objects.exists()

    def test_closed_order_refuses_it(self, findings, order, now):
        rate(findings[1], now)
        RepairOrder.objects.filter(pk=order.pk).update(status="denied")
        with pytest.raises(OrderIsClosed):
            add_to_estimate(finding=findings[1], by=None, now=now)
        assert not Job.objects.exists()


def answered(order, now):
    """Send the estimate of an order, and approve all of it."""
    order.refresh_from_db()
    send_estimate(order=order, by=None, now=now)
    approve(order=order, by=None, now=now)
