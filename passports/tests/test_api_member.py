"""Contract 003: the passport of a vehicle and its links."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from unittest.mock import patch
from uuid import uuid4

import pytest
from django.utils import timezone
from pypdf import PdfReader

from passports.links import PASSPORTS
from passports.models import PassportLink
from testing import factories
from testing.histories import PLANTED

pytestmark = pytest.mark.django_db
NOW = datetime(2025, 6, 15, 12, tzinfo=UTC)
NOT_FOUND = {"error": "Vehicle not found"}


@pytest.fixture
def url(vehicle):
    return f"/api/vehicles/{vehicle.uuid}/passport/"


class TestPassport:
    def test_body(self, as_alice, vehicle, url):
        with patch.object(timezone, "now", lambda: NOW):
            response = as_alice.get(url)
        assert response.status_code == 200
        assert response.json() == {
            "madeAt": "2025-06-15T12:00:00Z",
            "vehicle": {
                "year": 2020,
                "make": "Honda",
                "model": "Civic",
                "trim": "LX",
                "vin": vehicle.vin,
                "color": "Silver",
                "fuelType": "gasoline",
                "odometer": 20500.5,
                "odometerDate": "2025-06-01",
            },
            "earlierOwners": 0,
            "isCut": False,
            "recommendations": [
                {"name": "Rear brakes", "urgency": "now", "dueDate": "2025-07-01", "dueMileage": 21000.0},
                {
                    "name": "Replace the air filter",
                    "urgency": "later",
                    "dueDate": None,
                    "dueMileage": None,
                },
            ],
            "schedules": [
                {
                    "name": "Tire rotation",
                    "status": "upcoming",
                    "lastCompletedDate": "2025-05-01",
                    "lastCompletedMileage": 20000.0,
                    "nextDueDate": "2025-11-01",
                    "nextDueMileage": 25000.0,
                }
            ],
            "codes": [
                {"code": "P0301", "description": "Powertrain: ignition or misfire", "since": "2025-05-20"}
            ],
            "work": [
                {
                    "date": "2025-05-01",
                    "miles": 20000.0,
                    "location": "Main Street",
                    "jobs": ["Front brakes", "Oil change"],
                }
            ],
            "inspections": [
                {
                    "date": "2025-05-01",
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
                {"date": "2025-06-01", "miles": 20500.5, "source": "CORRECTION", "isNewCluster": False},
                {"date": "2025-05-20", "miles": 20400.0, "source": "MANUAL", "isNewCluster": False},
                {"date": "2025-05-02", "miles": 20000.0, "source": "CHECK_OUT", "isNewCluster": False},
                {"date": "2025-05-01", "miles": 19990.0, "source": "CHECK_IN", "isNewCluster": False},
                {"date": "2025-03-31", "miles": 19400.25, "source": "TELEMATICS", "isNewCluster": False},
            ],
            "fuel": {"fillUps": 2, "averageMpg": 30.0, "bestMpg": 30.0, "worstMpg": 30.0},
        }
        assert [word for word in PLANTED if word in response.content.decode()] == []

    def test_slash_is_optional_and_unknown_parameters_are_400(self, as_alice, url):
        assert as_alice.get(url.rstrip("/")).status_code == 200
        assert as_alice.get(url, {"colour": "red"}).json() == {"colour": ["Unknown parameter."]}

    def test_pdf(self, as_alice, vehicle):
        for slash in ("", "/"):
            response = as_alice.get(f"/api/vehicles/{vehicle.uuid}/passport.pdf{slash}")
            assert (response.status_code, response["Content-Type"]) == (200, "application/pdf")
            assert response["Cache-Control"] == "private, no-store"
            assert 'filename="passport-2020-honda-civic-lx-' in response["Content-Disposition"]
        text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(response.content)).pages)
        assert "Front brakes" in text and "Brake pads, rear" in text
        assert [word for word in PLANTED if word in text] == []

    @pytest.mark.parametrize("path", ["passport/", "passport.pdf", "passport/links/"])
    def test_vehicle_of_another_customer_is_404(self, as_bob, as_alice, vehicle, path):
        for client, uuid in ((as_bob, vehicle.uuid), (as_alice, uuid4()), (as_alice, "x")):
            response = client.get(f"/api/vehicles/{uuid}/{path}")
            assert (response.status_code, response.json()) == (404, NOT_FOUND)


class TestLinks:
    @pytest.fixture
    def links(self, url):
        return f"{url}links/"

    def body(self, link):
        token, _ = PASSPORTS.token_of(link.uuid)
        return {
            "id": str(link.uuid),
            "url": f"http://localhost:8000/v/{token}",
            "forNextOwner": link.for_next_owner,
            "createdAt": f"{link.created_at:%Y-%m-%dT%H:%M:%S.%fZ}",
            "expiresAt": f"{link.expires_at:%Y-%m-%dT%H:%M:%S.%fZ}",
        }

    def test_link_is_made_listed_and_withdrawn(self, as_alice, links, settings):
        settings.PUBLIC_URL = "http://localhost:8000"
        made = as_alice.post(links, {"expiresInDays": 7, "forNextOwner": True}, format="json")
        link = PassportLink.objects.get()
        assert (made.status_code, made.json()) == (201, self.body(link))
        assert (link.expires_at - link.created_at, link.for_next_owner) == (timedelta(days=7), True)
        assert as_alice.get(links).json() == [self.body(link)]
        gone = as_alice.delete(f"{links}{link.uuid}/")
        assert (gone.status_code, gone.content) == (204, b"")
        assert as_alice.get(links).json() == []
        again = as_alice.delete(f"{links}{link.uuid}/")
        assert (again.status_code, again.json()) == (
            409,
            {"error": "This link has expired or is already withdrawn."},
        )

    def test_defaults(self, as_alice, links):
        assert as_alice.post(links, {}, format="json").status_code == 201
        link = PassportLink.objects.get()
        assert (link.expires_at - link.created_at, link.for_next_owner) == (timedelta(days=30), False)

    @pytest.mark.parametrize(
        ("body", "errors"),
        [
            ({"expiresInDays": 0}, {"expiresInDays": ["Ensure this value is greater than or equal to 1."]}),
            ({"expiresInDays": 91}, {"expiresInDays": ["Ensure this value is less than or equal to 90."]}),
            ({"expiresInDays": "soon"}, {"expiresInDays": ["A valid integer is required."]}),
            ({"forNextOwner": "yes"}, {"forNextOwner": ["Must be a valid boolean."]}),
        ],
    )
    def test_wrong_values_are_400(self, as_alice, links, body, errors):
        response = as_alice.post(links, body, format="json")
        assert (response.status_code, response.json()) == (400, errors)
        assert not PassportLink.objects.exists()

    def test_too_many_links_are_409(self, as_alice, links, vehicle):
        for _ in range(20):
            factories.PassportLinkFactory(vehicle=vehicle)
        response = as_alice.post(links, {}, format="json")
        assert (response.status_code, response.json()) == (
            409,
            {"error": "This vehicle has 20 links that work. Withdraw one of them first."},
        )
        assert PassportLink.objects.count() == 20

    def test_others_neither_share_nor_withdraw(self, as_bob, as_alice, links, vehicle, bob):
        link = factories.PassportLinkFactory(vehicle=vehicle)
        assert as_bob.post(links, {}, format="json").json() == NOT_FOUND
        assert as_bob.delete(f"{links}{link.uuid}/").json() == NOT_FOUND
        theirs = factories.PassportLinkFactory(vehicle__customer=bob)
        response = as_alice.delete(f"{links}{theirs.uuid}/")
        assert (response.status_code, response.json()) == (404, {"error": "Link not found."})
        assert PassportLink.objects.filter(withdrawn_at=None).count() == 2

    def test_viewers_read_the_passport_and_see_no_link(self, sign_in, alice, vehicle, url, links):
        link = factories.PassportLinkFactory(vehicle=vehicle)
        viewer = sign_in(factories.CustomerUserFactory(customer=alice, role="viewer").user)
        assert viewer.get(url).status_code == 200
        answers = [
            viewer.get(links),
            viewer.post(links, {}, format="json"),
            viewer.delete(f"{links}{link.uuid}/"),
        ]
        assert [answer.status_code for answer in answers] == [403] * 3
        assert PassportLink.objects.get().withdrawn_at is None
