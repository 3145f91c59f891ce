"""The paper of an inspection: its text, and that it is set and stored once."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO

import pytest
from pypdf import PdfReader

from files.models import Upload
from inspections.actions import finish_inspection, record_finding
from inspections.models import Inspection, Paper
from inspections.papers.actions import InspectionNotFinished, inspection_paper
from inspections.papers.layout import inspection_layout
from inspections.tests.conftest import picture
from testing import factories
from testing.admin import page

pytestmark = pytest.mark.django_db

# 1:58 PM in UTC is 8:58 AM in New York.
NOW = datetime(2026, 11, 30, 13, 58, tzinfo=UTC)


@pytest.fixture
def order(alice):
    place = factories.LocationFactory(
        name="Springfield", legal_name="Springfield Garage LLC", time_zone="America/New_York"
    )
    vehicle = factories.VehicleFactory(
        customer=alice, year=2011, make="Volkswagen", model="Golf", license_plate="HH-AB 123"
    )
    return factories.RepairOrderFactory(vehicle=vehicle, location=place, number=1042)


@pytest.fixture
def now():
    return NOW


@pytest.fixture
def finished(inspection, findings, tim):
    inspection.technician = factories.TechnicianFactory(name="Tim Turner")
    inspection.save()
    photos = [picture(tim, NOW).uuid, picture(tim, NOW).uuid]
    record_finding(
        finding=findings[1], by=tim.pk, now=NOW, rating="red", value="2", note="Worn", photos=photos
    )
    record_finding(finding=findings[2], by=tim.pk, now=NOW, rating="green", value="7")
    finish_inspection(inspection=inspection, by=tim.pk, now=NOW, anyway=True)
    return Inspection.objects.get()


def text_of(pdf):
    pages = " ".join(found.extract_text() for found in PdfReader(BytesIO(pdf)).pages)
    return " ".join(pages.split())


def test_text(finished, order, alice):
    paper = inspection_paper(finished, now=NOW)
    assert paper.name == f"inspection-1042-{finished.pk}.pdf"
    assert text_of(paper.content) == (
        "Springfield Garage LLC Springfield 500 Main St Courtesy inspection Order 1042 "
        "Finished November 30, 2026, 8:58 AM EST Inspected by Tim Turner "
        f"Customer Alice Cooper {alice.address} {alice.contact.phone} {alice.contact.email} "
        f"Vehicle 2011 Volkswagen Golf Plate HH-AB 123 VIN {order.vehicle.vin} Repair order 1042 "
        "1 Needs attention now 1 Good "
        "Under the hood Not inspected Engine oil "
        "Brakes Now Pads, front Worn 2 photos 2 mm Good Pads, rear 7 mm "
        f"Springfield Garage LLC · Courtesy inspection, order 1042 Page 1 of 1"
    )


def test_is_set_once_and_kept(finished, alice):
    first = inspection_paper(finished, now=NOW)
    alice.contact.first_name = "Somebody"
    alice.contact.save()
    assert inspection_paper(finished, now=NOW) == first
    stored = Paper.objects.get()
    assert (stored.inspection, stored.digest, stored.created_at) == (
        finished,
        sha256(first.content).hexdigest(),
        NOW,
    )
    assert (stored.upload.owner, stored.upload.customer_id, stored.upload.state) == (None, None, "attached")


def test_unfinished_inspection_has_none(inspection):
    with pytest.raises(InspectionNotFinished):
        inspection_paper(inspection, now=NOW)
    assert not Upload.objects.exists()


def test_equal_values_give_equal_texts_and_groups_keep_their_order():
    finding = {"value": "", "unit": "mm", "note": "", "photos": 0}
    values = {
        "shop": None,
        "customer": {"name": "Pat", "address": "", "phone": "", "email": ""},
        "vehicle": {"year": None, "make": "", "model": "", "label": "X1", "vin": "", "license_plate": ""},
        "order": {"id": 7, "number": None, "po_number": ""},
        "name": "Courtesy inspection",
        "technician": "",
        "finished_at": "2026-11-30T13:58:00Z",
        "findings": [
            {**finding, "group": "B", "name": "One", "rating": "yellow", "value": "4", "photos": 1},
            {**finding, "group": "A", "name": "Two", "rating": "not_applicable"},
            {**finding, "group": "", "name": "Three", "rating": None, "note": "Locked"},
        ],
    }
    layout = inspection_layout(values)
    assert layout["facts"] == ["Finished November 30, 2026, 1:58 PM UTC"]
    assert layout["counts"] == [
        {"rating": "yellow", "label": "Needs attention soon", "count": "1"},
        {"rating": "not_applicable", "label": "Not applicable", "count": "1"},
    ]
    shown = {"value": "", "note": "", "photos": ""}
    assert layout["groups"] == [
        {
            "name": "B",
            "findings": [
                {
                    **shown,
                    "name": "One",
                    "rating": "yellow",
                    "word": "Soon",
                    "value": "4 mm",
                    "photos": "1 photo",
                }
            ],
        },
        {
            "name": "A",
            "findings": [{**shown, "name": "Two", "rating": "not_applicable", "word": "Not applicable"}],
        },
        {
            "name": "Other",
            "findings": [{**shown, "name": "Three", "rating": "", "word": "Not inspected", "note": "Locked"}],
        },
    ]


class TestAdmin:
    def test_page_leads_to_the_paper(self, desk, finished):
        text = desk.get(page(finished)).content.decode()
        url = f"/admin/inspections/inspection/{finished.pk}/inspection.pdf"
        assert f'href="{url}"' in text
        response = desk.get(url)
        assert (response.status_code, response["Content-Type"]) == (200, "application/pdf")

    def test_unfinished_one_leads_back_with_a_message(self, desk, inspection):
        response = desk.get(f"/admin/inspections/inspection/{inspection.pk}/inspection.pdf", follow=True)
        assert response.redirect_chain == [(page(inspection), 302)]
        assert [str(message) for message in response.context["messages"]] == [
            "A paper is made of a finished inspection. Finish this one first."
        ]

    def test_customer_is_refused(self, client, alice, finished):
        client.force_login(alice.contact)
        response = client.get(f"/admin/inspections/inspection/{finished.pk}/inspection.pdf")
        assert response.status_code == 302
        assert not Paper.objects.exists()
