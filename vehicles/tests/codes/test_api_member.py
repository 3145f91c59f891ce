"""Contract 003, trouble codes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from testing import factories
from testing.admin import buttons, press
from testing.suites import count_queries
from vehicles.codes.models import Dtc

pytestmark = pytest.mark.django_db
URL = "/api/vehicle-health/dtc/"
UNKNOWN_ID = "0190b8c6-7d1e-7abc-8def-0123456789ab"
AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
NOT_FOUND, NO_VEHICLE = {"error": "Trouble code not found"}, {"error": "Vehicle not found"}
NO_CODE = (
    "A trouble code has a letter (P, C, B or U), a digit from 0 to 3 and three more of 0–9 and A–F: P0301."
)


@pytest.fixture
def civic(alice):
    return factories.VehicleFactory(customer=alice)


@pytest.fixture
def dtc(civic):
    return factories.DtcFactory(vehicle=civic, code="P0301", first_seen_at=AT, note="Shakes")


def row(dtc, **changed):
    """Return the body, written out independently of the serializer."""
    created = dtc.created_at.isoformat().replace("+00:00", "Z")
    body = {
        "id": str(dtc.uuid),
        "vehicle": str(dtc.vehicle.uuid),
        "code": "P0301",
        "system": "Powertrain",
        "description": "Powertrain: ignition or misfire",
        "source": "manual",
        "active": True,
        "detectedAt": "2026-03-10T12:00:00Z",
        "lastSeenAt": "2026-03-10T12:00:00Z",
        "clearedAt": None,
        "notes": "Shakes",
        "createdAt": created,
    } | changed
    second = {"detectedAt": "detected_at", "lastSeenAt": "last_seen_at", "clearedAt": "cleared_at"}
    return body | {name: body[key] for key, name in second.items()} | {"created_at": created}


class TestList:
    def test_body(self, dtc, as_alice):
        response = as_alice.get(URL)
        assert (response.status_code, response.json()) == (200, [row(dtc)])
        assert list(response.json()[0]) == list(row(dtc))

    def test_filters_as_the_web_client_sends_them(self, dtc, civic, alice, as_alice):
        factories.DtcFactory(vehicle=civic, code="P0420", first_seen_at=AT, cleared_at=AT)
        factories.DtcFactory(vehicle=factories.VehicleFactory(customer=alice), code="U0100")
        params = {"vehicle_id": str(civic.uuid), "active_only": "true"}
        assert as_alice.get(URL, params).json() == [row(dtc)]
        params = {"vehicleId": str(civic.uuid), "activeOnly": "false"}
        assert [item["active"] for item in as_alice.get(URL, params).json()] == [False, True]
        assert len(as_alice.get(URL).json()) == 3

    def test_others_see_none(self, dtc, as_bob, as_tim, api):
        assert as_bob.get(URL).json() == []
        response = as_bob.get(URL, {"vehicle_id": str(dtc.vehicle.uuid)})
        assert (response.status_code, response.json()) == (404, NO_VEHICLE)
        assert (as_tim.get(URL).status_code, api.get(URL).status_code) == (403, 401)

    def test_number_of_queries_is_constant(self, dtc, civic, as_alice):
        with_one = count_queries(lambda: as_alice.get(URL))
        factories.DtcFactory.create_batch(29, vehicle=civic)
        assert len(as_alice.get(URL).json()) == 30
        assert count_queries(lambda: as_alice.get(URL)) == with_one == 2


class TestReport:
    def test_code_is_stored_in_capitals(self, civic, as_alice):
        body = {"vehicle": str(civic.uuid), "code": "p0301", "detectedAt": AT.isoformat(), "notes": "Shakes"}
        response = as_alice.post(URL, body, format="json")
        dtc = Dtc.objects.get()
        assert (response.status_code, response.json()) == (201, row(dtc))
        assert as_alice.get(f"{URL}{dtc.uuid}/").json() == row(dtc)

    @pytest.mark.parametrize(
        ("wrong", "body"),
        [
            ({"code": "P9301"}, {"error": NO_CODE, "code": [NO_CODE]}),
            ({"code": ""}, {"code": ["This field may not be blank."]}),
            (
                {"detectedAt": "2100-01-01T00:00:00Z"},
                {
                    "error": "A code cannot be seen in the future.",
                    "detectedAt": ["A code cannot be seen in the future."],
                },
            ),
        ],
    )
    def test_wrong_value_is_named(self, civic, as_alice, wrong, body):
        response = as_alice.post(URL, {"vehicle": str(civic.uuid), "code": "P0301"} | wrong, format="json")
        assert (response.status_code, response.json()) == (400, body)
        assert not Dtc.objects.exists()

    def test_vehicle_is_required_and_of_the_caller(self, civic, as_alice, as_bob):
        response = as_alice.post(URL, {"code": "P0301"}, format="json")
        assert (response.status_code, response.json()) == (400, {"vehicle": ["This field is required."]})
        response = as_bob.post(URL, {"vehicleId": str(civic.uuid), "code": "P0301"}, format="json")
        assert (response.status_code, response.json()) == (404, NO_VEHICLE)


class TestClear:
    @pytest.mark.parametrize("method", ["post", "patch"])
    def test_code_is_cleared_once(self, dtc, as_alice, method):
        clear = getattr(as_alice, method)
        response = clear(f"{URL}{dtc.uuid}/clear/")
        dtc.refresh_from_db()
        cleared = dtc.cleared_at.isoformat().replace("+00:00", "Z")
        assert (response.status_code, response.json()) == (200, row(dtc, active=False, clearedAt=cleared))
        response = clear(f"{URL}{dtc.uuid}/clear/")
        assert (response.status_code, response.json()) == (409, {"error": "This code is already cleared."})
        assert as_alice.get(URL, {"active_only": "true"}).json() == []

    def test_unknown_malformed_and_foreign_ids_are_404(self, dtc, as_alice, as_bob):
        for client, key in ((as_alice, UNKNOWN_ID), (as_alice, "7"), (as_bob, dtc.uuid)):
            for response in (client.get(f"{URL}{key}/"), client.post(f"{URL}{key}/clear/")):
                assert (response.status_code, response.json()) == (404, NOT_FOUND)
        assert Dtc.objects.open().exists()

    def test_staff_clear_it_in_the_admin(self, dtc, client, ada):
        client.force_login(ada)
        assert buttons(client, dtc) == ["Clear"]
        press(client, dtc, "clear")
        dtc.refresh_from_db()
        assert dtc.cleared_at is not None
        assert buttons(client, dtc) == []


class TestBatch:
    """Codes of telematics samples."""

    def send(self, client, vehicle, *samples):
        start = 1704067200000
        rows = [{"t": start + number * 1000, **sample} for number, sample in enumerate(samples)]
        body = {"startTimestamp": start, "endTimestamp": start + 600_000, "samples": rows}
        return client.post(f"/api/telematics/{vehicle.uuid}/", body, format="json")

    @pytest.mark.parametrize("more", [{}, {"rssi": -40}])  # an unknown key takes the slower way
    def test_codes_are_stored(self, civic, as_alice, more):
        seen = {"speed": 40, "dtc": ["p0301", "U0100"], **more}
        response = self.send(as_alice, civic, {"dtc": []}, seen, {"dtc": None}, {"dtc": ["P0301"]})
        assert response.status_code == 202
        first = datetime(2024, 1, 1, tzinfo=UTC)
        rows = Dtc.objects.order_by("code").values_list("code", "first_seen_at", "seen_at")
        assert list(rows) == [
            ("P0301", first + timedelta(seconds=1), first + timedelta(seconds=3)),
            ("U0100", first + timedelta(seconds=1), first + timedelta(seconds=1)),
        ]
        samples = as_alice.get(f"/api/telematics/{civic.uuid}/").json()
        assert list(samples[1]) == ["t", "speed", "fuelRate", "odometer"]

    @pytest.mark.parametrize("codes", ["P0301", ["P9301"], [301], {"P0301": 1}])
    def test_other_values_are_refused_and_nothing_is_stored(self, civic, as_alice, codes):
        response = self.send(as_alice, civic, {}, {"dtc": codes})
        text = "samples[1].dtc must be a list of trouble codes, such as P0301."
        assert (response.status_code, response.json()) == (400, {"samples": [text]})
        assert not civic.telematics.exists()
        assert not Dtc.objects.exists()
