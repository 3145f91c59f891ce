"""What inspections found, on the page of an estimate's link: findings, notes, photos and the paper."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO

import pytest
from django.utils import timezone

from common.domain.caller import Caller, Role
from customers.callers import caller_of_user
from files.actions import save_file
from inspections.actions import finish_inspection, record_finding, start_inspection
from portal.tests.link.conftest import path_of, text_of
from repair_orders.estimates.actions import send_estimate
from repair_orders.models import RepairPhoto
from testing import factories
from testing.suites import count_queries

pytestmark = pytest.mark.django_db

JPEG = b"\xff\xd8\xff\xe0" + b"\x00" * 60
HEIC = b"\x00\x00\x00\x18ftypheic" + b"\x00" * 40


@pytest.fixture(autouse=True)
def _folder(settings, tmp_path):
    settings.UPLOADS_DIR = tmp_path / "uploads"


@pytest.fixture
def tech(tim):
    return Caller(Role.TECHNICIAN, tim.pk, None)


@pytest.fixture
def template(db):
    template = factories.InspectionTemplateFactory(name="Courtesy inspection")
    for name in ("Engine oil", "Pads, rear", "Pads, front"):
        factories.TemplateItemFactory(template=template, name=name)
    return template


def picture(caller, content=JPEG, content_type="image/jpeg"):
    return save_file(
        caller=caller,
        filename="pads.jpg",
        content_type=content_type,
        size=len(content),
        content=BytesIO(content),
        now=timezone.now(),
    )


def inspect(order, template, tech, *, at, finished=True):
    """Inspect an order: the oil is good with a photo, the rear pads soon, the front pads now with a photo."""
    inspection = start_inspection(order=order, template=template, technician=None, by=None, now=at)
    oil, rear, front = inspection.findings.in_order()
    given = {"by": tech.user_id, "now": at}
    record_finding(finding=oil, rating="green", photos=[picture(tech).uuid], **given)
    record_finding(finding=rear, rating="yellow", value="4", **given)
    record_finding(
        finding=front, rating="red", value="2", note="Worn\n<b>thin</b>", photos=[picture(tech).uuid], **given
    )
    if finished:
        finish_inspection(inspection=inspection, **given)
    return inspection


def photo_of(inspection, name):
    return inspection.findings.get(name=name).photos.get().upload


def test_red_and_yellow_findings_are_shown(page, url, order, template, tech):
    inspection = inspect(order, template, tech, at=timezone.now())
    response = page.get(url)
    text = text_of(response)
    assert "Now Pads, front 2 mm Worn &lt;b&gt;thin&lt;/b&gt; Soon Pads, rear 4 mm" in text
    assert "Engine oil" not in text
    photo = photo_of(inspection, "Pads, front")
    assert f'src="{url}/photos/{photo.uuid}"' in response.content.decode()
    assert 'alt="Photo 1: Pads, front"' in response.content.decode()


def test_unfinished_inspection_is_not_shown(page, url, order, template, tech):
    inspection = inspect(order, template, tech, at=timezone.now(), finished=False)
    assert "Pads, front" not in text_of(page.get(url))
    photo = photo_of(inspection, "Pads, front")
    assert page.get(f"{url}/photos/{photo.uuid}").status_code == 404
    assert page.get(f"{url}/inspections/{inspection.pk}.pdf").status_code == 404


def test_photo_is_served_to_the_holder_of_the_link_only(page, url, order, template, tech):
    inspection = inspect(order, template, tech, at=timezone.now())
    photo = photo_of(inspection, "Pads, front")
    response = page.get(f"{url}/photos/{photo.uuid}")
    assert (response.status_code, b"".join(response)) == (200, JPEG)
    headers = (
        "Content-Type",
        "Referrer-Policy",
        "X-Robots-Tag",
        "Cross-Origin-Resource-Policy",
        "X-Content-Type-Options",
        "Content-Disposition",
    )
    assert {name: response[name] for name in headers} == {
        "Content-Type": "image/jpeg",
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex, nofollow, noarchive",
        "Cross-Origin-Resource-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": 'attachment; filename="pads.jpg"',
    }
    assert "no-store" in response["Cache-Control"]
    assert page.get(f"/e/{'x' * 22}/photos/{photo.uuid}").status_code == 410


def test_photos_that_the_page_does_not_show_are_404(page, url, order, template, tech, alice):
    inspection = inspect(order, template, tech, at=timezone.now())
    other = inspect(factories.RepairOrderFactory(), template, tech, at=timezone.now())
    heic = picture(caller_of_user(alice.contact), HEIC, "image/heic")
    factories.RepairPhotoFactory(repair_order=order, upload=heic)
    for photo in (
        photo_of(inspection, "Engine oil"),
        photo_of(other, "Pads, front"),
        picture(tech),
        heic,
    ):
        response = page.get(f"{url}/photos/{photo.uuid}")
        assert (response.status_code, response["Referrer-Policy"]) == (404, "no-referrer")


def test_photos_of_the_request_are_shown(page, url, order, alice):
    photo = picture(caller_of_user(alice.contact))
    RepairPhoto.objects.create(repair_order=order, upload=photo)
    response = page.get(url)
    assert f'src="{url}/photos/{photo.uuid}"' in response.content.decode()
    assert "Your photos" in text_of(response)
    served = page.get(f"{url}/photos/{photo.uuid}")
    assert b"".join(served) == JPEG


def test_paper_of_the_inspection_is_served(page, url, order, template, tech):
    inspection = inspect(order, template, tech, at=timezone.now())
    response = page.get(f"{url}/inspections/{inspection.pk}.pdf")
    assert (response.status_code, response["Content-Type"], response["Referrer-Policy"]) == (
        200,
        "application/pdf",
        "no-referrer",
    )
    other = inspect(factories.RepairOrderFactory(), template, tech, at=timezone.now())
    assert page.get(f"{url}/inspections/{other.pk}.pdf").status_code == 404


def test_superseded_link_shows_no_later_inspection(page, estimate, url, order, template, tech):
    early = estimate.sent_at - timedelta(minutes=5)
    first = inspect(order, template, tech, at=early)
    second = inspect(order, template, tech, at=timezone.now())
    order.refresh_from_db()
    newer = path_of(send_estimate(order=order, by=None, now=timezone.now()))
    for link, later in ((url, 404), (newer, 200)):
        assert page.get(f"{link}/inspections/{first.pk}.pdf").status_code == 200
        assert page.get(f"{link}/inspections/{second.pk}.pdf").status_code == later
        photo = page.get(f"{link}/photos/{photo_of(second, 'Pads, front').uuid}")
        assert photo.status_code == later
        for (
            close
        ) in photo._resource_closers:  # `photo.close()` would close the connection to the database, too
            close()
    assert text_of(page.get(url)).count("Courtesy inspection") == 1
    assert text_of(page.get(newer)).count("Courtesy inspection") == 2


def test_number_of_queries_does_not_grow_with_the_findings(page, url, order, template, tech):
    inspection = inspect(order, template, tech, at=timezone.now())
    few = count_queries(lambda: page.get(url))
    for _ in range(10):
        finding = factories.FindingFactory(inspection=inspection, rating="red")
        factories.FindingPhotoFactory(finding=finding)
    assert count_queries(lambda: page.get(url)) == few
