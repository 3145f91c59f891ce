"""The staff API for inspection templates, inspections and findings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import uuid4

import pytest

from inspections.actions import add_to_estimate, finish_inspection, record_finding
from inspections.models import Finding, FindingPhoto, Inspection, TemplateItem
from inspections.tests.conftest import JPEG, picture
from repair_orders.models import Job
from testing import factories
from testing.suites import StaffNounSuite, WritableNounSuite, count_queries, invalid, refused, stored
from vehicles.models import Recommendation

pytestmark = pytest.mark.django_db

STARTED = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
ROLE_MAY_NOT = {
    "error": "Access denied",
    "detail": "Your role does not allow this.",
    "code": "role_may_not",
}


class TestTemplates(WritableNounSuite):
    noun, name, ordering = "inspection-templates", "Inspection template", ("name",)
    item_allow = "GET, HEAD, PATCH, DELETE"
    new: ClassVar[dict[str, Any]] = {"name": "Courtesy inspection"}
    change: ClassVar[dict[str, Any]] = {"name": "State inspection", "is_listed": False, "items": []}
    wrong: ClassVar[list[tuple[str, Any, str]]] = [
        ("name", "", "This field may not be blank."),
        ("name", "x" * 101, "Ensure this field has no more than 100 characters."),
        ("is_listed", None, "This field may not be null."),
        ("items", {}, 'Expected a list of items but got type "dict".'),
    ]

    def make(self, **values):
        template = factories.InspectionTemplateFactory(**values)
        factories.TemplateItemFactory(template=template, position=2, name="Rotors", unit="")
        factories.TemplateItemFactory(
            template=template, position=1, name="Pads", canned_job=factories.CannedJobFactory()
        )
        return template

    def called(self, text):
        return factories.InspectionTemplateFactory(name=text)

    def row(self, template):
        pads, rotors = template.items.in_order()
        return {
            "id": template.pk,
            "name": template.name,
            "is_listed": True,
            "items": [
                {
                    "id": pads.pk,
                    "group": "Brakes",
                    "name": "Pads",
                    "unit": "mm",
                    "canned_job_id": pads.canned_job_id,
                },
                {"id": rotors.pk, "group": "Brakes", "name": "Rotors", "unit": "", "canned_job_id": None},
            ],
        }

    def test_body_that_was_read_can_be_sent_back(self, as_ada):
        template = self.make()
        body = as_ada.get(self.item(template)).json()
        del body["id"]
        before = [stored(row) for row in TemplateItem.objects.order_by("id")]
        response = as_ada.patch(self.item(template), body, format="json")
        assert (response.status_code, response.json()) == (200, self.row(template))
        assert [stored(row) for row in TemplateItem.objects.order_by("id")] == before

    def test_items_are_stored_in_their_order(self, as_ada):
        items = [
            {"group": "Lights", "name": "Low beam", "unit": "", "canned_job_id": None},
            {"group": "Brakes", "name": "Pads", "unit": "mm", "canned_job_id": None},
        ]
        created = as_ada.post(self.url, {**self.new, "items": items}, format="json").json()
        assert [{**item, "id": None} for item in created["items"]] == [{**item, "id": None} for item in items]
        back = as_ada.patch(
            f"{self.url}{created['id']}/", {"items": created["items"][::-1]}, format="json"
        ).json()
        assert back["items"] == created["items"][::-1]

    def test_unknown_canned_job_is_404(self, as_ada):
        body = {**self.new, "items": [{"name": "Pads", "canned_job_id": 999}]}
        response = as_ada.post(self.url, body, format="json")
        assert (response.status_code, response.json()) == (
            404,
            {"error": "Not found", "detail": "Canned job not found.", "code": "not_found"},
        )
        assert not TemplateItem.objects.exists()

    def test_wrong_item_is_named_and_nothing_changes(self, as_ada):
        template = self.make()
        before = [stored(row) for row in (template, *template.items.all())]
        message = "Another item of the group has this name."
        body = invalid("items[1].name", message)
        body |= {"error": "Wrong item", "detail": message, "code": "wrong_item"}
        refused(
            as_ada.patch(self.item(template), {"items": [{"name": "A"}, {"name": "A"}]}, format="json"),
            400,
            body,
            template,
            *template.items.all(),
            before=before,
        )

    def test_taken_name_is_refused(self, as_ada):
        template = self.make(name="Taken")
        message = "An inspection template with this name already exists."
        body = invalid("name", message) | {"detail": message, "code": "inspection_template_name_taken"}
        refused(
            as_ada.post(self.url, {"name": "Taken"}, format="json"),
            400,
            body,
            template,
            before=[stored(template)],
        )

    def test_filter_by_listing_and_removal(self, as_ada):
        listed, kept = self.make(), self.make(is_listed=False)
        assert self.found(as_ada, is_listed="true") == [listed.pk]
        assert as_ada.delete(self.item(kept)).status_code == 204
        assert self.found(as_ada) == [listed.pk]


def finding_row(finding, **values):
    return {
        "id": finding.pk,
        "group": finding.group,
        "name": finding.name,
        "rating": None,
        "value": "",
        "unit": finding.unit,
        "note": "",
        "photos": [],
        "item_id": finding.item_id,
        "recommendation_id": None,
        "job_id": None,
        **values,
    }


def inspection_row(inspection, findings):
    return {
        "id": inspection.pk,
        "repair_order_id": inspection.repair_order_id,
        "vehicle_id": inspection.repair_order.vehicle_id,
        "name": inspection.name,
        "technician_id": inspection.technician_id,
        "started_at": f"{inspection.started_at:%Y-%m-%dT%H:%M:%S.%fZ}".replace(".000000", ""),
        "finished_at": None,
        "findings": findings,
    }


class TestInspections(StaffNounSuite):
    noun, name, ordering = "inspections", "Inspection", ("id",)
    allow, item_allow = "GET, HEAD", "GET, HEAD"

    def make(self, **values):
        inspection = factories.InspectionFactory(
            started_at=STARTED, technician=factories.TechnicianFactory(), **values
        )
        factories.FindingFactory(inspection=inspection, position=2)
        first = factories.FindingFactory(
            inspection=inspection, position=1, rating="red", value="2", note="Worn\nto the metal"
        )
        factories.FindingPhotoFactory(finding=first)
        factories.FindingPhotoFactory(finding=first)
        return inspection

    def row(self, inspection):
        first, second = inspection.findings.in_order()
        photos = [str(uuid) for uuid in first.photos.in_order().values_list("upload__uuid", flat=True)]
        return inspection_row(
            inspection,
            [
                finding_row(first, rating="red", value="2", note="Worn\nto the metal", photos=photos),
                finding_row(second),
            ],
        )

    # It has no search.
    test_search_ignores_case = None
    test_search_escapes_wildcards = None

    invalid_parameters: ClassVar[list[tuple[dict[str, Any], str, str]]] = [
        ({"page": "2"}, "page", "The last page is 1."),
        ({"colour": "red"}, "colour", "Unknown parameter."),
        ({"repair_order_id": "x"}, "repair_order_id", "A valid integer is required."),
    ]

    def test_those_of_an_order(self, as_ada):
        first, second = self.make(), self.make()
        self.make(repair_order=first.repair_order)
        assert self.found(as_ada, repair_order_id=second.repair_order_id) == [second.pk]
        assert len(self.found(as_ada, repair_order_id=first.repair_order_id)) == 2
        assert as_ada.get(self.url, {"repair_order_id": 999_999}).status_code == 404


def url(inspection, tail=""):
    return f"/api/shop/inspections/{inspection.pk}/{tail}"


def findings_of(client, inspection):
    return client.get(url(inspection)).json()["findings"]


class TestStart:
    def test_creates_it_for_the_technician_of_the_login(self, as_tim, tim, order, template):
        technician = factories.TechnicianFactory(user=tim)
        body = {"template_id": template.pk}
        response = as_tim.post(f"/api/shop/repair-orders/{order.pk}/inspections/", body, format="json")
        made = Inspection.objects.get()
        assert (response.status_code, response.json()) == (
            201,
            inspection_row(made, [finding_row(finding) for finding in made.findings.in_order()]),
        )
        assert (made.technician, made.repair_order) == (technician, order)
        assert [row.history_user_id for row in made.history.all()] == [tim.pk]

    def test_names_another_technician_or_none(self, as_tim, tim, order, template):
        factories.TechnicianFactory(user=tim)
        other = factories.TechnicianFactory()
        for pk in (other.pk, None):
            body = {"template_id": template.pk, "technician_id": pk}
            response = as_tim.post(f"/api/shop/repair-orders/{order.pk}/inspections/", body, format="json")
            assert (response.status_code, response.json()["technician_id"]) == (201, pk)
            Inspection.objects.all().delete()

    def test_refusals(self, as_tim, order, template, inspection):
        address = f"/api/shop/repair-orders/{order.pk}/inspections/"
        response = as_tim.post(address, {"template_id": template.pk}, format="json")
        assert (response.status_code, response.json()) == (
            409,
            {
                "error": "Already started",
                "detail": "Courtesy inspection of this order is started and not finished.",
                "inspection_id": inspection.pk,
                "code": "inspection_already_started",
            },
        )
        for body, name in (
            ({"template_id": 999}, "Inspection template"),
            ({"template_id": template.pk, "technician_id": 999}, "Technician"),
        ):
            response = as_tim.post(address, body, format="json")
            assert (response.status_code, response.json()) == (
                404,
                {"error": "Not found", "detail": f"{name} not found.", "code": "not_found"},
            )
        type(order).objects.filter(pk=order.pk).update(status="denied")
        response = as_tim.post(address, {"template_id": template.pk}, format="json")
        assert (response.status_code, response.json()) == (
            409,
            {
                "error": "The order is closed",
                "detail": "An inspection belongs to an open order. This order is completed or denied.",
                "code": "order_is_closed",
            },
        )
        assert Inspection.objects.count() == 1


class TestRecord:
    def test_values_come_back_under_their_names(self, as_tim, tim, inspection, findings, now):
        photo = picture(tim, now)
        body = {"rating": "red", "value": "2", "note": "Worn", "photos": [str(photo.uuid)]}
        response = as_tim.patch(url(inspection, f"findings/{findings[1].pk}/"), body, format="json")
        recommended = Recommendation.objects.get()
        assert (response.status_code, response.json()) == (
            200,
            inspection_row(
                inspection,
                [
                    finding_row(findings[0]),
                    finding_row(findings[1], **body, recommendation_id=recommended.pk),
                    finding_row(findings[2]),
                ],
            ),
        )
        last = findings[1].history.order_by("history_id").last()
        assert (last.history_user_id, last.rating) == (tim.pk, "red")
        again = as_tim.patch(url(inspection, f"findings/{findings[1].pk}/"), body, format="json")
        assert again.json() == response.json()
        assert findings[1].history.count() == 2

    @pytest.mark.parametrize(
        ("body", "field", "message"),
        [
            (
                {"rating": "blue"},
                "rating",
                '"blue" is not a valid choice. Choose one of: green, yellow, red, not_applicable.',
            ),
            ({"value": "x" * 61}, "value", "Ensure this field has no more than 60 characters."),
            ({"note": None}, "note", "This field may not be null."),
            ({"photos": ["x"]}, "photos[0]", "Must be a valid UUID."),
        ],
    )
    def test_wrong_value_is_named_and_nothing_changes(
        self, as_tim, inspection, findings, body, field, message
    ):
        before = [stored(findings[1])]
        response = as_tim.patch(url(inspection, f"findings/{findings[1].pk}/"), body, format="json")
        refused(response, 400, invalid(field, message), findings[1], before=before)

    def test_something_else_is_found(self, as_tim, tim, inspection, now):
        photo = picture(tim, now)
        body = {"name": "Exhaust", "rating": "yellow", "note": "Loose", "photos": [str(photo.uuid)]}
        response = as_tim.post(url(inspection, "findings/"), body, format="json")
        found = Finding.objects.get(item=None)
        row = {
            "id": found.pk, "group": "", "name": "Exhaust", "rating": "yellow", "value": "", "unit": "",
            "note": "Loose", "photos": [str(photo.uuid)], "item_id": None,
            "recommendation_id": found.recommendation_id, "job_id": None,
        }  # fmt: skip
        assert (response.status_code, response.json()["findings"][-1]) == (201, row)
        again = as_tim.post(url(inspection, "findings/"), {"name": "Exhaust", "rating": "red"}, format="json")
        assert again.json()["findings"][-1] == {**row, "rating": "red"}
        wrong = as_tim.post(
            url(inspection, "findings/"), {"name": "Wipers", "rating": "green"}, format="json"
        )
        message = '"green" is not a valid choice. Choose one of: red, yellow.'
        assert (wrong.status_code, wrong.json()) == (400, invalid("rating", message))
        Inspection.objects.update(finished_at=now)
        late = as_tim.post(url(inspection, "findings/"), {"name": "Wipers", "rating": "red"}, format="json")
        assert (late.status_code, late.json()["code"]) == (409, "inspection_is_finished")
        assert Finding.objects.filter(item=None).count() == 1

    def test_measure_that_is_no_number(self, as_tim, inspection, findings):
        Finding.objects.filter(pk=findings[1].pk).update(unit="mm")
        before = [stored(findings[1])]
        response = as_tim.patch(
            url(inspection, f"findings/{findings[1].pk}/"), {"value": "1,5"}, format="json"
        )
        text = "Write the mm as a number, such as 1.5."
        error = invalid("value", text) | {"detail": text, "code": "value_not_a_number"}
        refused(response, 400, error, findings[1], before=before)

    def test_photo_of_another_login_is_404(self, as_tim, ada, inspection, findings, now):
        for uuid in (picture(ada, now).uuid, uuid4()):
            body = {"rating": "red", "photos": [str(uuid)]}
            response = as_tim.patch(url(inspection, f"findings/{findings[1].pk}/"), body, format="json")
            assert (response.status_code, response.json()) == (
                404,
                {"error": "File not found", "detail": "File not found", "code": "file_not_found"},
            )
        assert not FindingPhoto.objects.exists()
        assert not Finding.objects.filter(rating="red").exists()

    def test_finding_of_another_inspection_is_404(self, as_tim, inspection):
        other = factories.FindingFactory()
        response = as_tim.patch(url(inspection, f"findings/{other.pk}/"), {"rating": "red"}, format="json")
        assert (response.status_code, response.json()) == (
            404,
            {"error": "Not found", "detail": "Finding not found.", "code": "not_found"},
        )

    def test_finished_inspection_is_409(self, as_tim, inspection, findings, now):
        finish_inspection(inspection=inspection, by=None, now=now, anyway=True)
        before = [stored(findings[0])]
        response = as_tim.patch(
            url(inspection, f"findings/{findings[0].pk}/"), {"rating": "red"}, format="json"
        )
        body = {
            "error": "The inspection is finished",
            "detail": "This inspection is finished and does not change. Start another one.",
            "code": "inspection_is_finished",
        }
        refused(response, 409, body, findings[0], before=before)

    def test_number_of_queries_does_not_grow_with_the_findings(self, as_tim, inspection, findings):
        address = url(inspection, f"findings/{findings[0].pk}/")
        as_tim.patch(address, {"note": "A"}, format="json")
        few = count_queries(lambda: as_tim.patch(address, {"note": "B"}, format="json"))
        factories.FindingFactory.create_batch(20, inspection=inspection)
        assert count_queries(lambda: as_tim.patch(address, {"note": "C"}, format="json")) == few


class TestFinish:
    def test_names_what_is_open_and_takes_anyway(self, as_tim, inspection, findings):
        as_tim.patch(url(inspection, f"findings/{findings[0].pk}/"), {"rating": "green"}, format="json")
        response = as_tim.post(url(inspection, "finish/"), {}, format="json")
        assert (response.status_code, response.json()) == (
            409,
            {
                "error": "Some items are not rated",
                "detail": "Not rated yet: Pads, front, Pads, rear.",
                "open": ["Pads, front", "Pads, rear"],
                "code": "still_unrated",
            },
        )
        response = as_tim.post(url(inspection, "finish/"), {"anyway": True}, format="json")
        inspection.refresh_from_db()
        assert response.status_code == 200
        assert response.json() == as_tim.get(url(inspection)).json()
        assert inspection.finished_at is not None


class TestAddToEstimate:
    def test_answers_the_inspection_with_the_job(self, sign_in, inspection, findings, order, now):
        record_finding(finding=findings[1], by=None, now=now, rating="red")
        advisor = sign_in(factories.UserFactory(role="advisor"))
        address = url(inspection, f"findings/{findings[1].pk}/add-to-estimate/")
        response = advisor.post(address, {}, format="json")
        job = Job.objects.get()
        assert (response.status_code, response.json()) == (
            201,
            inspection_row(
                inspection,
                [
                    finding_row(findings[0]),
                    finding_row(
                        findings[1],
                        rating="red",
                        recommendation_id=job.recommendation_id,
                        job_id=job.pk,
                    ),
                    finding_row(findings[2]),
                ],
            ),
        )
        again = advisor.post(address, {}, format="json")
        assert (again.status_code, again.json()) == (
            409,
            {
                "error": "Already on the estimate",
                "detail": "This finding has a job on the order.",
                "job_id": job.pk,
                "code": "already_on_estimate",
            },
        )

    def test_version_that_was_seen_is_compared(self, as_ada, inspection, findings, now):
        record_finding(finding=findings[1], by=None, now=now, rating="red")
        address = url(inspection, f"findings/{findings[1].pk}/add-to-estimate/")
        response = as_ada.post(address, {"version": 7}, format="json")
        assert (response.status_code, response.json()["code"]) == (409, "stale_version")
        assert not Job.objects.exists()

    def test_technician_may_not(self, as_tim, inspection, findings, now):
        record_finding(finding=findings[1], by=None, now=now, rating="red")
        response = as_tim.post(
            url(inspection, f"findings/{findings[1].pk}/add-to-estimate/"), {}, format="json"
        )
        assert (response.status_code, response.json()) == (403, ROLE_MAY_NOT)
        assert not Job.objects.exists()

    def test_green_finding_is_409(self, as_ada, inspection, findings, now):
        record_finding(finding=findings[1], by=None, now=now, rating="green")
        response = as_ada.post(
            url(inspection, f"findings/{findings[1].pk}/add-to-estimate/"), {}, format="json"
        )
        assert (response.status_code, response.json()) == (
            409,
            {
                "error": "Nothing to do",
                "detail": "Only a finding that is red or yellow goes on the estimate.",
                "code": "nothing_advised",
            },
        )


class TestPhotosAndPaper:
    def test_photo_is_served(self, as_tim, tim, inspection, findings, now):
        photo = picture(tim, now)
        record_finding(finding=findings[1], by=tim.pk, now=now, photos=[photo.uuid])
        response = as_tim.get(url(inspection, f"photos/{photo.uuid}/"))
        assert (response.status_code, response["Content-Type"], b"".join(response)) == (
            200,
            "image/jpeg",
            JPEG,
        )
        other = factories.InspectionFactory()
        response = as_tim.get(url(other, f"photos/{photo.uuid}/"))
        assert (response.status_code, response.json()) == (
            404,
            {"error": "Not found", "detail": "Photo not found.", "code": "not_found"},
        )

    def test_paper_is_served_once_it_is_finished(self, as_tim, inspection, findings, now):
        response = as_tim.get(url(inspection, "pdf/"))
        assert (response.status_code, response.json()) == (
            409,
            {
                "error": "The inspection is not finished",
                "detail": "A paper is made of a finished inspection. Finish this one first.",
                "code": "inspection_not_finished",
            },
        )
        finish_inspection(inspection=inspection, by=None, now=now, anyway=True)
        response = as_tim.get(url(inspection, "pdf/"))
        assert (response.status_code, response["Content-Type"], response.content[:5]) == (
            200,
            "application/pdf",
            b"%PDF-",
        )
        name = f"inspection-{inspection.repair_order_id}-{inspection.pk}.pdf"
        assert response["Content-Disposition"] == f'inline; filename="{name}"'


def test_job_of_the_estimate_stays_with_the_finding(as_ada, inspection, findings, now):
    record_finding(finding=findings[2], by=None, now=now, rating="yellow")
    job = add_to_estimate(finding=findings[2], by=None, now=now)
    assert findings_of(as_ada, inspection)[2]["job_id"] == job.pk
