"""Contract 003, parking."""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from common.domain.database import violates
from files.models import Upload
from testing import factories
from testing.storms import parallel
from testing.suites import count_queries
from vehicles.parking.models import ParkingSpot

pytestmark = pytest.mark.django_db
URL, ACTIVE, CLEAR = "/api/parking/", "/api/parking/active/", "/api/parking/clear/"
UNKNOWN_ID = "0190b8c6-7d1e-7abc-8def-0123456789ab"
NOT_FOUND, NO_SPOT = {"error": "Parking spot not found"}, {"error": "No active parking spot"}
JPEG = b"\xff\xd8\xff\xe0" + b"0" * 40
PHOTO = f"data:image/jpeg;base64,{b64encode(JPEG).decode()}"
ENDS = "2099-03-10T13:00:00Z"
# As the web client sends it.
BODY = {
    "latitude": 40.712776,
    "longitude": -74.005974,
    "address": "12 Elm St",
    "location_name": "Level 2 - B17",
    "notes": "Behind the pillar",
    "photos": [],
    "timer_expires_at": "2099-03-10T13:00:00.000Z",
    "active": True,
}


@pytest.fixture
def spot(alice):
    return factories.ParkingSpotFactory(user=alice.contact)


def row(spot, **changed):
    """Return the body, written out independently of the serializer."""
    body = {
        "id": str(spot.uuid),
        "vehicle": None,
        "latitude": 40.712776,
        "longitude": -74.005974,
        "address": "12 Elm St",
        "locationName": "Level 2 - B17",
        "notes": "",
        "photos": [],
        "parkedAt": spot.parked_at.isoformat().replace("+00:00", "Z"),
        "timerExpiresAt": None,
        "active": True,
    } | changed
    second = {"locationName": "location_name", "parkedAt": "parked_at", "timerExpiresAt": "timer_expires_at"}
    return body | {name: body[key] for key, name in second.items()}


@pytest.mark.parametrize("fields", [{"latitude": 91}, {"longitude": -181}])
def test_database_constraint_holds(spot, fields):
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        ParkingSpot.objects.filter(pk=spot.pk).update(**fields)
    assert violates(error.value, ParkingSpot, "parking_spot_is_on_earth")


class TestPark:
    def test_spot_is_stored_and_read_back(self, alice, as_alice):
        response = as_alice.post(URL, BODY, format="json")
        spot = ParkingSpot.objects.get()
        body = row(spot, notes="Behind the pillar", timerExpiresAt=ENDS)
        assert (response.status_code, response.json()) == (201, body)
        assert list(response.json()) == list(body)
        assert as_alice.get(ACTIVE).json() == as_alice.get(f"{URL}{spot.uuid}/").json() == body
        assert (spot.user, spot.reminded_at) == (alice.contact, None)

    def test_next_spot_takes_its_place(self, spot, as_alice):
        second = as_alice.post(URL, BODY, format="json").json()
        assert as_alice.get(ACTIVE).json() == second
        assert [item["active"] for item in as_alice.get(URL).json()] == [True, False]
        assert as_alice.get(URL, {"active": "true"}).json() == [second]

    def test_photo_is_stored_as_an_upload(self, alice, as_alice, client):
        body = as_alice.post(URL, BODY | {"photos": [PHOTO]}, format="json").json()
        upload = Upload.objects.get()
        assert (upload.owner, upload.state, upload.size) == (alice.contact, "attached", len(JPEG))
        [url] = body["photos"]
        assert as_alice.get(ACTIVE).json()["photos"] == [url]
        path = re.sub("^https?://[^/]+", "", url)
        assert b"".join(client.get(path)) == JPEG

    def test_vehicle_can_be_named_under_two_names(self, alice, as_alice, as_bob):
        vehicle = factories.VehicleFactory(customer=alice)
        for name in ("vehicle", "vehicleId"):
            response = as_alice.post(URL, BODY | {name: str(vehicle.uuid)}, format="json")
            assert (response.status_code, response.json()["vehicle"]) == (201, str(vehicle.uuid))
        response = as_bob.post(URL, BODY | {"vehicle": str(vehicle.uuid)}, format="json")
        assert (response.status_code, response.json()) == (404, {"error": "Vehicle not found"})

    def test_coordinates_are_rounded_to_six_places(self, as_alice):
        more = {"latitude": 40.71277649999, "longitude": -74.0059745}
        body = as_alice.post(URL, BODY | more, format="json").json()
        assert (body["latitude"], body["longitude"]) == (40.712776, -74.005975)

    def test_user_without_a_customer_record_can_park(self, carol, sign_in):
        assert sign_in(carol).post(URL, BODY, format="json").status_code == 201

    @pytest.mark.parametrize(
        ("wrong", "fields"),
        [
            ({"latitude": 91}, {"latitude": ["Ensure this value is less than or equal to 90."]}),
            ({"longitude": None}, {"longitude": ["This field may not be null."]}),
            ({"latitude": "nan"}, {"latitude": ["A valid number is required."]}),
            ({"photos": ["https://evil.example/a.jpg"]}, None),
            ({"photos": ["data:image/jpeg;base64,!!"]}, None),
            ({"photos": ["data:text/html;base64,PGI+"]}, None),
            ({"photos": [PHOTO, PHOTO]}, {"photos": ["Ensure this field has no more than 1 elements."]}),
        ],
    )
    def test_wrong_value_is_named(self, as_alice, wrong, fields):
        response = as_alice.post(URL, BODY | wrong, format="json")
        assert response.status_code == 400
        text = "Must be a photo as a data URL: data:image/jpeg;base64,…."
        assert response.json() == (fields or {"photos[0]": [text]})
        assert not ParkingSpot.objects.exists()

    def test_photo_that_is_none_is_refused(self, as_alice):
        fake = f"data:image/jpeg;base64,{b64encode(b'<b>hello</b>' * 9).decode()}"
        for photo in (fake, fake.replace("jpeg", "bmp")):
            assert as_alice.post(URL, BODY | {"photos": [photo]}, format="json").status_code == 400
        assert not ParkingSpot.objects.exists()

    def test_end_in_the_past_is_refused_in_words(self, spot, as_alice):
        response = as_alice.post(URL, BODY | {"timer_expires_at": "2020-01-01T00:00:00Z"}, format="json")
        text = "The end of the parking time must be in the future."
        assert (response.status_code, response.json()) == (400, {"error": text, "timerExpiresAt": [text]})
        assert as_alice.get(ACTIVE).json() == row(spot)


class TestOne:
    def test_end_can_be_moved_and_is_reminded_of_anew(self, spot, as_alice):
        ParkingSpot.objects.update(reminded_at=timezone.now(), ends_at=timezone.now() - timedelta(minutes=1))
        response = as_alice.patch(f"{URL}{spot.uuid}/", {"timer_expires_at": ENDS}, format="json")
        assert (response.status_code, response.json()) == (200, row(spot, timerExpiresAt=ENDS))
        assert ParkingSpot.objects.get().reminded_at is None

    def test_other_changes_keep_the_reminder(self, spot, as_alice):
        ParkingSpot.objects.update(reminded_at=timezone.now())
        body = as_alice.patch(f"{URL}{spot.uuid}/", {"notes": "Row C"}, format="json").json()
        assert body == row(spot, notes="Row C")
        assert ParkingSpot.objects.get().reminded_at is not None

    def test_time_and_state_cannot_change(self, spot, as_alice):
        response = as_alice.patch(f"{URL}{spot.uuid}/", {"active": False}, format="json")
        assert (response.status_code, list(response.json())) == (400, ["active"])

    def test_delete(self, spot, as_alice):
        assert as_alice.delete(f"{URL}{spot.uuid}/").status_code == 204
        assert as_alice.get(URL).json() == []

    @pytest.mark.parametrize("method", ["get", "patch", "delete"])
    def test_unknown_malformed_and_foreign_ids_are_404(self, spot, as_alice, as_bob, method):
        for client, key in ((as_alice, UNKNOWN_ID), (as_alice, "7"), (as_bob, spot.uuid)):
            response = getattr(client, method)(f"{URL}{key}/")
            assert (response.status_code, response.json()) == (404, NOT_FOUND)
        assert ParkingSpot.objects.exists()


class TestClear:
    def test_active_spot_is_cleared(self, spot, as_alice):
        for _ in range(2):
            response = as_alice.post(CLEAR)
            assert (response.status_code, response.json()) == (
                200,
                {"message": "Active parking spot cleared"},
            )
        response = as_alice.get(ACTIVE)
        assert (response.status_code, response.json()) == (404, NO_SPOT)
        assert as_alice.get(URL).json() == [row(spot, active=False)]

    def test_others_keep_theirs(self, spot, as_bob):
        as_bob.post(CLEAR)
        assert ParkingSpot.objects.active().exists()


def test_others_and_colleagues_see_none(spot, alice, as_bob, carol, sign_in, as_tim, api):
    alice.logins.create(user=carol)
    for client in (as_bob, sign_in(carol)):
        assert client.get(URL).json() == []
        assert client.get(ACTIVE).status_code == 404
    assert (as_tim.get(URL).status_code, api.get(URL).status_code) == (403, 401)


def test_number_of_queries_is_constant(spot, alice, as_alice):
    with_one = count_queries(lambda: as_alice.get(URL))
    for _ in range(9):
        factories.ParkingSpotFactory(
            user=alice.contact, cleared_at=timezone.now(), photo=factories.UploadFactory(),
            vehicle=factories.VehicleFactory(customer=alice),
        )  # fmt: skip
    assert len(as_alice.get(URL).json()) == 10
    assert count_queries(lambda: as_alice.get(URL)) == with_one == 2


@pytest.mark.django_db(transaction=True)
def test_parallel_spots_leave_one_active(sign_in):
    client = sign_in(factories.CustomerFactory().contact)
    token = client._credentials
    made = parallel(4, lambda n: _client(token).post(URL, BODY, format="json").status_code)
    assert made == [201] * 4
    assert ParkingSpot.objects.active().count() == 1


def _client(credentials):
    client = APIClient()
    client.credentials(**credentials)
    return client
