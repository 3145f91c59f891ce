"""The staff's API: the passport of a vehicle and its links."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.utils import timezone
from pypdf import PdfReader

from passports.links import PASSPORTS
from passports.models import PassportLink
from testing import factories
from testing.histories import PLANTED, hand_over

pytestmark = pytest.mark.django_db


@pytest.fixture
def url(vehicle):
    return f"/api/shop/vehicles/{vehicle.pk}/passport"


@pytest.fixture
def as_avi(sign_in):
    return sign_in(factories.UserFactory(role="advisor"))


def test_body(as_tim, vehicle, url):
    response = as_tim.get(f"{url}/")
    body = response.json()
    assert body.pop("made_at")
    assert body == {
        "year": 2020,
        "make": "Honda",
        "model": "Civic",
        "trim": "LX",
        "vin": vehicle.vin,
        "color": "Silver",
        "fuel_type": "gasoline",
        "odometer": "20500.50",
        "odometer_on": "2025-06-01",
        "earlier_owners": 0,
        "is_cut": False,
        "recommendations": [
            {"name": "Rear brakes", "urgency": "now", "due_on": "2025-07-01", "due_miles": "21000.00"},
            {"name": "Replace the air filter", "urgency": "later", "due_on": None, "due_miles": None},
        ],
        "schedules": [
            {
                "name": "Tire rotation",
                "status": body["schedules"][0]["status"],
                "last_on": "2025-05-01",
                "last_miles": "20000.00",
                "due_on": "2025-11-01",
                "due_miles": "25000.00",
            }
        ],
        "codes": [{"code": "P0301", "description": "Powertrain: ignition or misfire", "since": "2025-05-20"}],
        "work": [
            {
                "on": "2025-05-01",
                "miles": "20000.00",
                "location": "Main Street",
                "jobs": ["Front brakes", "Oil change"],
            }
        ],
        "inspections": [
            {
                "on": "2025-05-01",
                "name": "Courtesy inspection",
                "green": 1,
                "yellow": 1,
                "red": 1,
                "findings": [
                    {"rating": "red", "name": "Brake pads, rear", "measured": "2 mm"},
                    {"rating": "yellow", "name": "Air filter", "measured": ""},
                ],
            }
        ],
        "readings": [
            {"on": on, "miles": miles, "source": source, "is_base": False}
            for on, miles, source in (
                ("2025-06-01", "20500.50", "CORRECTION"),
                ("2025-05-20", "20400.00", "MANUAL"),
                ("2025-05-02", "20000.00", "CHECK_OUT"),
                ("2025-05-01", "19990.00", "CHECK_IN"),
                ("2025-03-31", "19400.25", "TELEMATICS"),
            )
        ],
        "fuel": {"fill_ups": 2, "average_mpg": "30.00", "best_mpg": "30.00", "worst_mpg": "30.00"},
    }
    assert [word for word in PLANTED if word in response.content.decode()] == []


def test_body_has_all_owners_and_the_paper_what_the_owner_sees(as_tim, vehicle):
    later = hand_over(vehicle, timezone.now())
    assert len(as_tim.get(f"/api/shop/vehicles/{later.pk}/passport/").json()["work"]) == 1
    paper = as_tim.get(f"/api/shop/vehicles/{later.pk}/passport.pdf")
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(paper.content)).pages)
    assert "No work is recorded." in text and "Front brakes" not in text


def test_link_is_made_listed_and_withdrawn(as_avi, url, vehicle):
    links = f"{url}/links/"
    made = as_avi.post(links, {"expires_in_days": 7, "for_next_owner": True}, format="json")
    link = PassportLink.objects.get()
    body = {
        "id": str(link.uuid),
        "url": PASSPORTS.url_of(link.uuid, link.token_hash),
        "for_next_owner": True,
        "created_at": f"{link.created_at:%Y-%m-%dT%H:%M:%S.%fZ}",
        "expires_at": f"{link.expires_at:%Y-%m-%dT%H:%M:%S.%fZ}",
    }
    assert (made.status_code, made.json()) == (201, body)
    assert link.expires_at - link.created_at == timedelta(days=7)
    assert as_avi.get(links).json() == [body]
    assert as_avi.delete(f"{links}{link.uuid}/").status_code == 204
    assert as_avi.get(links).json() == []
    again = as_avi.delete(f"{links}{link.uuid}/")
    assert (again.status_code, again.json()) == (
        409,
        {
            "error": "The link has ended",
            "detail": "This link has expired or is already withdrawn.",
            "code": "passport_link_has_ended",
        },
    )


def test_unknown_names_and_archived_vehicles_are_refused(as_avi, url, vehicle):
    unknown = as_avi.post(f"{url}/links/", {"days": 7}, format="json")
    assert (unknown.status_code, unknown.json()["code"]) == (400, "unknown_field")
    hand_over(vehicle, timezone.now())
    archived = as_avi.post(f"{url}/links/", {}, format="json")
    assert (archived.status_code, archived.json()["code"]) == (409, "already_archived")
    assert not PassportLink.objects.exists()


def test_technicians_do_not_share(as_tim, url, vehicle):
    link = factories.PassportLinkFactory(vehicle=vehicle)
    answers = [
        as_tim.get(f"{url}/links/"),
        as_tim.post(f"{url}/links/", {}, format="json"),
        as_tim.delete(f"{url}/links/{link.uuid}/"),
    ]
    assert [answer.status_code for answer in answers] == [403] * 3
    assert PassportLink.objects.get().withdrawn_at is None
