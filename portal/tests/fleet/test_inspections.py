"""The finished inspections of a repair on its page in the portal."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone

from testing import factories

pytestmark = pytest.mark.django_db


def text_of(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


@pytest.fixture
def inspection(rosa, unit):
    order = factories.RepairOrderFactory(vehicle=unit)
    now = timezone.now()
    inspection = factories.InspectionFactory(
        repair_order=order, name="Fleet check", finished_at=now, started_at=now
    )
    finding = factories.FindingFactory(inspection=inspection, rating="red", value="2", note="Worn")
    factories.FindingPhotoFactory(finding=finding)
    return inspection


def test_findings_photos_and_paper_are_on_the_page(page, inspection, settings, tmp_path):
    settings.UPLOADS_DIR = tmp_path
    order = inspection.repair_order
    response = page.get(f"/customer/repairs/{order.pk}/")
    finding = inspection.findings.get()
    assert f"Now {finding.name} 2 mm Worn" in text_of(response)
    photo = finding.photos.get().upload
    assert f'src="/customer/repairs/{order.pk}/photos/{photo.uuid}/"' in response.content.decode()
    pdf = page.get(f"/customer/repairs/{order.pk}/inspections/{inspection.pk}/pdf/")
    assert (pdf.status_code, pdf["Content-Type"]) == (200, "application/pdf")


def test_inspection_that_found_nothing_says_so(page, inspection):
    inspection.findings.update(rating="green")
    assert "Nothing needs attention." in text_of(page.get(f"/customer/repairs/{inspection.repair_order_id}/"))


def test_unfinished_inspection_and_those_of_others_are_404(page, bobs_page, inspection, settings, tmp_path):
    settings.UPLOADS_DIR = tmp_path
    order = inspection.repair_order
    photo = inspection.findings.get().photos.get().upload
    urls = (
        f"/customer/repairs/{order.pk}/photos/{photo.uuid}/",
        f"/customer/repairs/{order.pk}/inspections/{inspection.pk}/pdf/",
    )
    assert [bobs_page.get(url).status_code for url in urls] == [404, 404]
    type(inspection).objects.update(finished_at=None)
    assert [page.get(url).status_code for url in urls] == [404, 404]
    assert "Fleet check" not in text_of(page.get(f"/customer/repairs/{order.pk}/"))
