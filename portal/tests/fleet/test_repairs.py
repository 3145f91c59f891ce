"""Portal: the pages of repairs, the decision on an estimate, and the request of a repair."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from files.models import Upload
from files.tests.conftest import JPEG, PNG
from portal.tests.fleet.conftest import browser
from repair_orders import jobs
from repair_orders.models import RepairOrder, RepairPhoto
from testing import factories
from vehicles.models import Vehicle

pytestmark = pytest.mark.django_db


class TestRepairs:
    def test_invalid_query_parameter_is_named(self, page):
        response = page.get("/customer/repairs/?month=13&status=done&page=2")
        assert response.status_code == 400
        text = response.content.decode()
        assert "month:" in text and "status:" in text

    def test_list_is_paged(self, page, unit):
        for _ in range(26):
            factories.RepairOrderFactory(vehicle=unit)
        first, second = (page.get(f"/customer/repairs/?page={n}&ordering=repair_date") for n in (1, 2))
        assert [len(response.context["repairs"]) for response in (first, second)] == [25, 1]
        assert "?page=2&amp;ordering=repair_date" in first.content.decode()
        assert page.get("/customer/repairs/?page=3").status_code == 400

    def test_repair_shows_its_lines_totals_and_history(self, page, estimate):
        text = " ".join(page.get(f"/customer/repairs/{estimate.pk}/").content.decode().split())
        for expected in (
            "Grinding noise",
            "Pads",
            "$84.10",
            "Brakes",
            "$44.99",
            "$129.09",
            "$10.65",
            "$139.74",
        ):
            assert expected in text
        assert "4 Mar 2025, 12:00" in text and "5 Mar 2025, 12:00" in text and "to come" in text

    def test_user_text_is_escaped(self, page, estimate):
        estimate.description = estimate.notes = "<script>alert(1)</script>"
        estimate.save()
        for url in ("dashboard/", "repairs/", f"repairs/{estimate.pk}/", f"units/{estimate.vehicle_id}/"):
            text = page.get(f"/customer/{url}").content.decode()
            assert "<script>alert" not in text and "&lt;script&gt;" in text


class TestDecision:
    def post(self, page, order, **fields):
        return page.post(f"/customer/repairs/{order.pk}/", fields, follow=True)

    def test_displayed_amount_is_approved(self, page, rosa, estimate):
        response = self.post(page, estimate, decision="approve", total="139.74")
        assert "The estimate is approved." in response.content.decode()
        estimate.refresh_from_db()
        assert (estimate.status, estimate.history.latest().history_user) == ("approved", rosa.contact)

    def test_stale_total_is_409_and_shows_the_new_one(self, page, estimate):
        part = factories.PartFactory(unit_price=Decimal("10.00"), taxable=False)
        jobs.add_part(order=estimate, part=part)
        response = self.post(page, estimate, decision="approve", total="139.74")
        text = response.content.decode()
        assert response.status_code == 409
        assert "The estimate has changed since it was shown." in text
        assert "Approve $149.74" in text and "$139.74" not in text
        estimate.refresh_from_db()
        assert estimate.status == "pending"

    @pytest.mark.parametrize("total", ["", "much", "1e5", "-1"])
    def test_invalid_amount_is_not_approved(self, page, estimate, total):
        response = self.post(page, estimate, decision="approve", total=total)
        assert response.status_code in (400, 409)
        estimate.refresh_from_db()
        assert estimate.status == "pending"

    @pytest.mark.parametrize("fields", [{}, {"decision": "perhaps"}, {"reason": "none"}])
    def test_missing_or_unknown_decision_is_400(self, page, estimate, fields):
        assert self.post(page, estimate, **fields).status_code == 400
        estimate.refresh_from_db()
        assert estimate.status == "pending"

    def test_estimate_is_denied_with_a_reason(self, page, estimate):
        response = self.post(page, estimate, decision="deny", reason="Too dear")
        assert "The estimate is denied." in response.content.decode()
        estimate.refresh_from_db()
        assert (estimate.status, estimate.denial_reason) == ("denied", "Too dear")

    def test_decision_of_a_colleague_is_409_and_shown(self, page, estimate):
        RepairOrder.objects.filter(pk=estimate.pk).update(status="denied")
        response = self.post(page, estimate, decision="approve", total="139.74")
        assert response.status_code == 409
        assert "is denied and cannot become approved" in response.content.decode()

    def test_request_without_estimate_cannot_be_denied(self, page, unit):
        order = factories.RepairOrderFactory(vehicle=unit)
        assert self.post(page, order, decision="deny").status_code == 409
        order.refresh_from_db()
        assert order.status == "requested"


def jpeg(name="noise.jpg", content=JPEG, content_type="image/jpeg"):
    return SimpleUploadedFile(name, content, content_type=content_type)


class TestRequest:
    url = "/customer/repairs/new/"

    def test_repair_is_requested_with_photos(self, page, rosa, unit):
        png = SimpleUploadedFile("../..//b.png", PNG, content_type="image/png")
        fields = {"unit": unit.pk, "description": "Brakes squeal", "photos": [jpeg(), png]}
        response = page.post(self.url, fields, follow=True)
        order = RepairOrder.objects.get()
        assert response.redirect_chain == [(f"/customer/repairs/{order.pk}/", 302)]
        assert (order.vehicle, order.customer, order.status, order.description) == (
            unit, rosa, "requested", "Brakes squeal",
        )  # fmt: skip
        photos = [p.upload for p in RepairPhoto.objects.order_by("id").select_related("upload")]
        assert [(p.name, p.content_type, p.state) for p in photos] == [
            ("noise.jpg", "image/jpeg", "attached"),
            ("b.png", "image/png", "attached"),
        ]
        response = page.get(f"/customer/repairs/{order.pk}/photos/{photos[0].uuid}/")
        assert (b"".join(response), response["Content-Type"]) == (JPEG, "image/jpeg")
        assert response["Content-Security-Policy"].startswith("default-src 'none'; sandbox")

    def test_photo_is_visible_to_colleagues_only(self, page, bobs_page, rosa, unit):
        page.post(self.url, {"unit": unit.pk, "description": "x", "photos": [jpeg()]})
        order, photo = RepairOrder.objects.get(), Upload.objects.get()
        url = f"/customer/repairs/{order.pk}/photos/{photo.uuid}/"
        colleague = factories.CustomerUserFactory(customer=rosa).user
        assert b"".join(browser(colleague).get(url)) == JPEG
        assert bobs_page.get(url).status_code == 404
        own = factories.RepairOrderFactory(vehicle=Vehicle.objects.get(customer__contact__first_name="Bob"))
        assert bobs_page.get(f"/customer/repairs/{own.pk}/photos/{photo.uuid}/").status_code == 404

    @pytest.mark.parametrize(
        ("photos", "message"),
        [
            ([jpeg(content=b"<html>")], "noise.jpg is not a JPEG"),
            ([jpeg(content_type="text/html")], "noise.jpg is not a JPEG"),
            ([jpeg("a.pdf", b"%PDF-1.7", "application/pdf")], "a.pdf is not a JPEG"),
            ([jpeg(content=b"")], "The submitted file is empty."),
            ([jpeg() for _ in range(7)], "At most 6 photos."),
        ],
    )
    def test_invalid_photo_is_named_and_nothing_is_stored(self, page, unit, photos, message):
        for photo in photos:
            photo.seek(0)
        response = page.post(self.url, {"unit": unit.pk, "description": "x", "photos": photos})
        assert response.status_code == 400
        assert message in response.content.decode()
        assert not RepairOrder.objects.exists() and not Upload.objects.exists()

    def test_photo_above_the_limit_is_named(self, page, unit, settings):
        settings.MAX_UPLOAD_BYTES = 1024 * 1024
        large = jpeg(content=JPEG + bytes(1024 * 1024))
        response = page.post(self.url, {"unit": unit.pk, "description": "x", "photos": [large]})
        assert "noise.jpg is larger than 1 MB." in response.content.decode()

    def test_form_above_the_limit_is_a_413_page(self, page, unit, settings):
        settings.MAX_FORM_BYTES = 2048
        settings.MAX_BODY_BYTES = 1024
        response = page.post(
            self.url,
            {"unit": unit.pk, "description": "x", "photos": [jpeg(content=JPEG * 4)]},
            headers={"Accept": "text/html"},
        )
        assert (response.status_code, response["Content-Type"]) == (413, "text/html; charset=utf-8")

    def test_missing_fields_are_marked(self, page):
        text = page.post(self.url, {}).content.decode()
        assert text.count("This field is required.") == 2
        assert 'aria-invalid="true"' in text

    def test_unit_must_be_in_use_and_of_the_own_fleet(self, page, rosa, unit, bobs_page, now):
        theirs = Vehicle.objects.get(customer__contact__first_name="Bob")
        Vehicle.objects.filter(pk=unit.pk).update(archived_at=now)
        for unit_id in (theirs.pk, unit.pk, "A123", ""):
            assert page.post(self.url, {"unit": unit_id, "description": "x"}).status_code == 400
        assert not RepairOrder.objects.exists()

    def test_unit_is_preselected_by_the_url(self, page, unit):
        text = page.get(f"{self.url}?unit_id={unit.pk}").content.decode()
        assert f'<option value="{unit.pk}" selected>' in text
        assert page.get(f"{self.url}?unit_id=abc").status_code == 200

    def test_large_fleet_enters_the_unit_number(self, page, rosa, unit, monkeypatch):
        monkeypatch.setattr("portal.fleet.forms.MAX_CHOICES", 2)
        assert 'name="unit" value="A123"' in page.get(f"{self.url}?unit_id={unit.pk}").content.decode()
        response = page.post(self.url, {"unit": "Z9", "description": "x"})
        assert "Unit not found" in response.content.decode()
        page.post(self.url, {"unit": "a123", "description": "x"})
        assert RepairOrder.objects.get().vehicle == unit
