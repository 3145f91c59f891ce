"""Contract 003, "Telematics": samples, summaries, and access to all routes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from testing import factories
from vehicles.models import TelematicsBatch
from vehicles.telematics import queries
from vehicles.telematics.actions import record_batch
from vehicles.tests.telematics.drives import T, steady
from vehicles.tests.test_api_member import CUSTOMERS_ONLY, MALFORMED, NOT_FOUND, UNAUTHENTICATED, UNKNOWN_ID

pytestmark = pytest.mark.django_db
SAMPLE = {"t": T, "speed": 45.5, "fuelRate": 2.3, "odometer": 15000.5}
ROUTES = ["/api/telematics/{}/", "/api/vehicles/{}/telematics/"]
each_route = pytest.mark.parametrize("route", ROUTES)


@pytest.fixture
def civic(alice):
    return factories.VehicleFactory(customer=alice)


def url(vehicle, route=ROUTES[0]):
    return route.format(vehicle.uuid)


def batch(vehicle, samples=None, **changed):
    """Return the body that the contract prints."""
    return {
        "vehicleId": str(vehicle.uuid),
        "startTimestamp": T,
        "endTimestamp": T + 600_000,
        "samples": [SAMPLE] if samples is None else samples,
    } | changed


def to_json(drive):
    names = ("t", "speed", "fuelRate", "odometer")
    return [dict(zip(names, row, strict=True)) for row in zip(*drive, strict=True)]


class TestSamples:
    @pytest.fixture
    def drive(self, civic):
        drive = steady(600)
        record_batch(vehicle_id=civic.pk, start=T, end=drive.t[-1], samples=drive, now=datetime.now(UTC))
        return to_json(drive)

    @each_route
    @pytest.mark.parametrize(
        ("params", "kept"),
        [
            ({}, slice(0, 600)),
            ({"from": "", "to": ""}, slice(0, 600)),
            ({"from": str(T + 10_000), "to": str(T + 12_000)}, slice(10, 13)),
            ({"from": "2024-01-01T00:00:10Z", "to": "2024-01-01T00:00:12.999Z"}, slice(10, 13)),
            ({"from": "2024-01-01T01:00:10+01:00", "to": "2024-01-01T00:00:12"}, slice(10, 13)),
            ({"from": "2024-01-01", "to": "2024-01-01"}, slice(0, 600)),
            ({"to": "2023-12-31"}, slice(0, 0)),
            ({"from": "2024-01-02"}, slice(0, 0)),
            ({"from": "0"}, slice(0, 600)),
            ({"points": "600"}, slice(0, 600)),
        ],
    )
    def test_range_of_samples(self, civic, as_alice, drive, route, params, kept):
        response = as_alice.get(url(civic, route), params)
        assert (response.status_code, response.json()) == (200, drive[kept])

    def test_points_downsamples(self, civic, as_alice, drive):
        found = as_alice.get(url(civic), {"points": "10", "from": str(T + 1000)}).json()
        assert len(found) <= 10
        assert (found[0], found[-1]) == (drive[1], drive[-1])
        assert all(sample in drive for sample in found)

    def test_vehicle_without_samples_has_an_empty_list(self, civic, as_alice):
        assert as_alice.get(url(civic)).json() == []

    @pytest.mark.parametrize(
        ("params", "expected"),
        [
            ({"from": "yesterday"}, "from"),
            ({"to": "2024-13-01"}, "to"),
            ({"to": "2024-W01-1"}, "to"),
            ({"from": "-1"}, "from"),
            ({"from": "1" * 16}, "from"),
            ({"from": "2024-01-02", "to": "2024-01-01"}, "from"),
            ({"points": "1"}, "points"),
            ({"points": "10001"}, "points"),
            ({"points": "ten"}, "points"),
            ({"page": "1"}, "page"),
        ],
    )
    def test_invalid_parameter_is_reported(self, civic, as_alice, params, expected):
        response = as_alice.get(url(civic), params)
        assert (response.status_code, list(response.json())) == (400, [expected])

    def test_too_many_samples_are_rejected_and_not_truncated(self, civic, as_alice, drive, monkeypatch):
        monkeypatch.setattr(queries, "MAX_RETURNED", 599)
        response = as_alice.get(url(civic))
        assert (response.status_code, response.json()) == (
            400,
            {
                "error": "There are about 600 samples in this range, and the limit is 599. "
                "Narrow `from` and `to`, or ask for fewer `points`."
            },
        )
        assert as_alice.get(url(civic), {"points": "10"}).status_code == 200


class TestSummary:
    @each_route
    def test_summary_of_a_range(self, civic, as_alice, route):
        drive = steady(3601, speed=60.0, rate=2.0)
        record_batch(vehicle_id=civic.pk, start=T, end=drive.t[-1], samples=drive, now=datetime.now(UTC))
        summary_url = f"{url(civic, route)}summary/"
        response = as_alice.get(summary_url)
        assert (response.status_code, response.json()) == (
            200,
            {"samples": 3601, "distance": 60.0, "fuel": 2.0, "drivingTime": 3600.0},
        )
        assert as_alice.get(summary_url, {"from": str(T), "to": str(T + 36_000)}).json() == {
            "samples": 37,
            "distance": 0.6,
            "fuel": 0.02,
            "drivingTime": 36.0,
        }

    def test_summary_without_samples_is_zero(self, civic, as_alice):
        nothing = {"samples": 0, "distance": 0.0, "fuel": 0.0, "drivingTime": 0.0}
        assert as_alice.get(f"{url(civic)}summary/").json() == nothing

    def test_points_is_rejected(self, civic, as_alice):
        response = as_alice.get(f"{url(civic)}summary/", {"points": "10"})
        assert (response.status_code, response.json()) == (400, {"points": ["Unknown parameter."]})


@each_route
@pytest.mark.parametrize(("method", "tail"), [("post", ""), ("get", ""), ("get", "summary/")])
class TestAccess:
    def call(self, client, vehicle, route, method, tail):
        body = batch(vehicle) if method == "post" else None
        return getattr(client, method)(url(vehicle, route) + tail, body, format="json")

    def assert_refused(self, response, status, body):
        assert (response.status_code, response.json()) == (status, body)
        assert not TelematicsBatch.objects.exists()

    def test_other_customer_gets_404(self, civic, as_bob, route, method, tail):
        self.assert_refused(self.call(as_bob, civic, route, method, tail), 404, NOT_FOUND)

    def test_archived_vehicle_gets_404(self, alice, as_alice, now, route, method, tail):
        old = factories.VehicleFactory(customer=alice, archived_at=now)
        self.assert_refused(self.call(as_alice, old, route, method, tail), 404, NOT_FOUND)

    def test_staff_get_403(self, civic, as_tim, route, method, tail):
        self.assert_refused(self.call(as_tim, civic, route, method, tail), 403, CUSTOMERS_ONLY)

    def test_missing_token_gets_401(self, civic, api, route, method, tail):
        self.assert_refused(self.call(api, civic, route, method, tail), 401, UNAUTHENTICATED)

    @pytest.mark.parametrize("id", [UNKNOWN_ID, *MALFORMED])
    def test_unknown_or_malformed_id_gets_404(self, as_alice, route, method, tail, id):
        response = getattr(as_alice, method)(route.format(id) + tail, {}, format="json")
        self.assert_refused(response, 404, NOT_FOUND)

    def test_trailing_slash_is_optional(self, civic, as_alice, route, method, tail):
        call = getattr(as_alice, method)
        body = batch(civic) if method == "post" else None
        assert call((url(civic, route) + tail).rstrip("/"), body, format="json").status_code in (200, 202)
