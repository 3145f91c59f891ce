"""Contract 003, "Telematics"."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import orjson
import pytest

from testing import factories
from testing.storms import parallel
from testing.suites import count_queries, stored
from vehicles.models import TelematicsBatch
from vehicles.telematics import queries
from vehicles.telematics.actions import record_batch
from vehicles.tests.telematics.drives import T, steady
from vehicles.tests.test_api_member import CUSTOMERS_ONLY, MALFORMED, NOBODYS, NOT_FOUND, UNAUTHENTICATED

pytestmark = pytest.mark.django_db
ACCEPTED = {"message": "Telemetry batch accepted"}
SAMPLE = {"t": T, "speed": 45.5, "fuelRate": 2.3, "odometer": 15000.5}
T_RULE = "must be whole milliseconds since 1970, not before the year 2000."
ADDRESSES = ["/api/telematics/{}/", "/api/vehicles/{}/telematics/"]
each_address = pytest.mark.parametrize("address", ADDRESSES)


@pytest.fixture
def civic(alice):
    return factories.VehicleFactory(customer=alice)


def url(vehicle, address=ADDRESSES[0]):
    return address.format(vehicle.uuid)


def batch(vehicle, samples=None, **changed):
    """The printed body."""
    return {
        "vehicleId": str(vehicle.uuid),
        "startTimestamp": T,
        "endTimestamp": T + 600_000,
        "samples": [SAMPLE] if samples is None else samples,
    } | changed


def wire(drive):
    names = ("t", "speed", "fuelRate", "odometer")
    return [dict(zip(names, row, strict=True)) for row in zip(*drive, strict=True)]


def post(client, vehicle, body, address=ADDRESSES[0], **more):
    return client.post(url(vehicle, address), body, format="json", **more)


class TestUpload:
    @each_address
    def test_as_printed(self, civic, as_alice, address):
        response = post(as_alice, civic, batch(civic), address)
        assert (response.status_code, response.json()) == (202, ACCEPTED)
        assert as_alice.get(url(civic, address)).json() == [SAMPLE]
        assert as_alice.get(f"/api/vehicles/{civic.uuid}/").json()["odometer"] == 15000.5

    @each_address
    def test_the_same_again_is_accepted_and_stored_once(self, civic, as_alice, address):
        for _ in range(2):
            assert post(as_alice, civic, batch(civic), address).status_code == 202
        changed = batch(civic, [SAMPLE | {"speed": 1, "odometer": 99_999}])
        assert post(as_alice, civic, changed).json() == ACCEPTED
        assert as_alice.get(url(civic)).json() == [SAMPLE]
        civic.refresh_from_db()
        assert civic.odometer == Decimal("15000.50")

    def test_an_idempotency_key_replays(self, civic, as_alice):
        key = {"Idempotency-Key": "k"}
        assert [post(as_alice, civic, batch(civic), headers=key).json() for _ in range(2)] == [ACCEPTED] * 2
        assert post(as_alice, civic, batch(civic, endTimestamp=T), headers=key).status_code == 422
        assert TelematicsBatch.objects.count() == 1

    def test_readings_may_be_missing_or_null_and_more_may_be_sent(self, civic, as_alice):
        samples = [{"t": T}, {"t": T + 1, "speed": None, "rpm": 900}, {"t": T + 2, "speed": 45}]
        assert post(as_alice, civic, batch(civic, samples)).status_code == 202
        nothing = {"speed": None, "fuelRate": None, "odometer": None}
        assert as_alice.get(url(civic)).json() == [
            {"t": T, **nothing},
            {"t": T + 1, **nothing},
            {"t": T + 2, **nothing, "speed": 45.0},
        ]

    def test_put_in_order_and_a_time_counted_once(self, civic, as_alice):
        late, early = SAMPLE | {"t": T + 9}, SAMPLE | {"odometer": 14_000.0}
        assert post(as_alice, civic, batch(civic, [late, early, late | {"speed": 1}])).status_code == 202
        assert as_alice.get(url(civic)).json() == [early, late]

    def test_ten_thousand_samples_come_back_as_sent(self, civic, as_alice):
        samples = wire(steady(10_000, step=60, speed=61.3, odometer=0.1 + 0.2))
        assert post(as_alice, civic, batch(civic, samples)).status_code == 202
        assert as_alice.get(url(civic)).json() == samples

    def test_vehicle_id_may_be_left_out(self, civic, as_alice):
        body = batch(civic)
        del body["vehicleId"]
        assert post(as_alice, civic, body).status_code == 202

    def test_a_constant_number_of_queries(self, civic, as_alice):
        few = count_queries(lambda: post(as_alice, civic, batch(civic)))
        more = batch(civic, wire(steady(600)), startTimestamp=T - 1)
        assert count_queries(lambda: post(as_alice, civic, more)) == few

    @pytest.mark.parametrize(
        ("changed", "expected"),
        [
            ({"vehicleId": NOBODYS}, {"vehicleId": ["Not the vehicle of this address."]}),
            ({"vehicleId": "x"}, {"vehicleId": ["Must be a valid UUID."]}),
            ({"startTimestamp": None}, {"startTimestamp": ["This field may not be null."]}),
            ({"startTimestamp": "soon"}, {"startTimestamp": ["A valid integer is required."]}),
            ({"startTimestamp": True}, {"startTimestamp": ["A valid integer is required."]}),
            (
                {"startTimestamp": T // 1000},  # seconds
                {"startTimestamp": ["Ensure this value is greater than or equal to 946684800000."]},
            ),
            (
                {"endTimestamp": 2**63},
                {"endTimestamp": ["Ensure this value is less than or equal to 9007199254740992."]},
            ),
            ({"samples": None}, {"samples": ["This field may not be null."]}),
            ({"samples": SAMPLE}, {"samples": ['Expected a list of samples but got "dict".']}),
            ({"samples": [SAMPLE, 7]}, {"samples": ["samples[1] is not an object with a t."]}),
            ({"samples": [[T, 1, 2, 3]]}, {"samples": ["samples[0] is not an object with a t."]}),
            ({"samples": [{"speed": 1}]}, {"samples": ["samples[0] is not an object with a t."]}),
            ({"samples": [SAMPLE | {"t": T + 0.5}]}, {"samples": [f"samples[0].t {T_RULE}"]}),
            ({"samples": [SAMPLE, SAMPLE | {"t": None}]}, {"samples": [f"samples[1].t {T_RULE}"]}),
            (
                {"samples": [SAMPLE, SAMPLE | {"fuelRate": -0.1}]},
                {"samples": ["samples[1].fuelRate must be a number from 0 to 1,000, or null."]},
            ),
            (
                {"samples": [SAMPLE | {"speed": "45.5"}]},
                {"samples": ["samples[0].speed must be a number from 0 to 400, or null."]},
            ),
            ({"samples": [{"t": T}] * 10_001}, {"samples": ["A batch has at most 10,000 samples."]}),
        ],
    )  # fmt: skip
    def test_a_wrong_value_is_named_and_nothing_stored(self, civic, as_alice, changed, expected):
        before = stored(civic)
        response = post(as_alice, civic, batch(civic) | changed)
        assert (response.status_code, response.json()) == (400, expected)
        assert not TelematicsBatch.objects.exists()
        assert stored(civic) == before

    @pytest.mark.parametrize(
        ("changed", "field", "message"),
        [
            ({"samples": []}, "samples", "A batch has at least one sample."),
            ({"startTimestamp": T + 1}, "samples", "Every sample lies between the batch's start and end."),
            ({"endTimestamp": T - 1}, "endTimestamp", "The batch ends before it starts."),
            ({"endTimestamp": T + 86_400_001}, "endTimestamp", "A batch spans at most 24 hours."),
        ],
    )
    def test_a_wrong_batch_says_what_is_wrong(self, civic, as_alice, changed, field, message):
        before = stored(civic)
        response = post(as_alice, civic, batch(civic) | changed)
        assert (response.status_code, response.json()) == (400, {"error": message, field: [message]})
        assert not TelematicsBatch.objects.exists()
        assert stored(civic) == before

    def test_the_future_begins_in_five_minutes(self, civic, as_alice):
        def ending(**ahead):
            t = int((datetime.now(UTC) + timedelta(**ahead)).timestamp() * 1000)
            body = batch(civic, [SAMPLE | {"t": t}], startTimestamp=t, endTimestamp=t)
            return post(as_alice, civic, body)

        assert ending(minutes=4).status_code == 202
        message = "The batch ends in the future: the device's clock is wrong."
        response = ending(minutes=6)
        assert (response.status_code, response.json()) == (400, {"error": message, "endTimestamp": [message]})

    @pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "1e400", "-1e999"])
    def test_numbers_that_are_none(self, civic, as_alice, number):
        raw = orjson.dumps(batch(civic)).replace(b"45.5", number.encode())
        response = as_alice.post(url(civic), raw, content_type="application/json")
        assert response.status_code == 400
        assert not TelematicsBatch.objects.exists()

    def test_every_missing_field_is_named(self, civic, as_alice):
        response = post(as_alice, civic, {})
        required = ["This field is required."]
        assert response.json() == {"startTimestamp": required, "endTimestamp": required, "samples": required}


class TestSamples:
    @pytest.fixture
    def drive(self, civic):
        drive = steady(600)
        record_batch(vehicle_id=civic.pk, start=T, end=drive.t[-1], samples=drive, now=datetime.now(UTC))
        return wire(drive)

    @each_address
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
    def test_a_range(self, civic, as_alice, drive, address, params, kept):
        response = as_alice.get(url(civic, address), params)
        assert (response.status_code, response.json()) == (200, drive[kept])

    def test_thinned_out(self, civic, as_alice, drive):
        found = as_alice.get(url(civic), {"points": "10", "from": str(T + 1000)}).json()
        assert len(found) <= 10
        assert (found[0], found[-1]) == (drive[1], drive[-1])
        assert all(sample in drive for sample in found)

    def test_none_yet(self, civic, as_alice):
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
    def test_a_wrong_parameter_is_named(self, civic, as_alice, params, expected):
        response = as_alice.get(url(civic), params)
        assert (response.status_code, list(response.json())) == (400, [expected])

    def test_too_many_are_refused_not_cut(self, civic, as_alice, drive, monkeypatch):
        monkeypatch.setattr(queries, "MOST_ANSWERED", 599)
        response = as_alice.get(url(civic))
        assert (response.status_code, response.json()) == (
            400,
            {
                "error": "There are about 600 samples in this range, and 599 is the most. "
                "Narrow `from` and `to`, or ask for fewer `points`."
            },
        )
        assert as_alice.get(url(civic), {"points": "10"}).status_code == 200


class TestSummary:
    @each_address
    def test_of_a_range(self, civic, as_alice, address):
        drive = steady(3601, speed=60.0, rate=2.0)
        record_batch(vehicle_id=civic.pk, start=T, end=drive.t[-1], samples=drive, now=datetime.now(UTC))
        address = f"{url(civic, address)}summary/"
        response = as_alice.get(address)
        assert (response.status_code, response.json()) == (
            200,
            {"samples": 3601, "distance": 60.0, "fuel": 2.0, "drivingTime": 3600.0},
        )
        assert as_alice.get(address, {"from": str(T), "to": str(T + 36_000)}).json() == {
            "samples": 37,
            "distance": 0.6,
            "fuel": 0.02,
            "drivingTime": 36.0,
        }

    def test_of_nothing(self, civic, as_alice):
        nothing = {"samples": 0, "distance": 0.0, "fuel": 0.0, "drivingTime": 0.0}
        assert as_alice.get(f"{url(civic)}summary/").json() == nothing

    def test_points_are_no_parameter_of_it(self, civic, as_alice):
        response = as_alice.get(f"{url(civic)}summary/", {"points": "10"})
        assert (response.status_code, response.json()) == (400, {"points": ["Unknown parameter."]})


@each_address
@pytest.mark.parametrize(("method", "tail"), [("post", ""), ("get", ""), ("get", "summary/")])
class TestWhoMay:
    def call(self, client, vehicle, address, method, tail):
        body = batch(vehicle) if method == "post" else None
        return getattr(client, method)(url(vehicle, address) + tail, body, format="json")

    def refused(self, response, status, body):
        assert (response.status_code, response.json()) == (status, body)
        assert not TelematicsBatch.objects.exists()

    def test_a_stranger_sees_no_vehicle(self, civic, as_bob, address, method, tail):
        self.refused(self.call(as_bob, civic, address, method, tail), 404, NOT_FOUND)

    def test_an_archived_vehicle_is_none(self, alice, as_alice, now, address, method, tail):
        old = factories.VehicleFactory(customer=alice, archived_at=now)
        self.refused(self.call(as_alice, old, address, method, tail), 404, NOT_FOUND)

    def test_staff_are_refused(self, civic, as_tim, address, method, tail):
        self.refused(self.call(as_tim, civic, address, method, tail), 403, CUSTOMERS_ONLY)

    def test_without_a_token(self, civic, api, address, method, tail):
        self.refused(self.call(api, civic, address, method, tail), 401, UNAUTHENTICATED)

    @pytest.mark.parametrize("id", [NOBODYS, *MALFORMED])
    def test_an_unknown_or_malformed_id_is_no_vehicle(self, as_alice, address, method, tail, id):
        response = getattr(as_alice, method)(address.format(id) + tail, {}, format="json")
        self.refused(response, 404, NOT_FOUND)

    def test_without_the_slash(self, civic, as_alice, address, method, tail):
        call = getattr(as_alice, method)
        body = batch(civic) if method == "post" else None
        assert call((url(civic, address) + tail).rstrip("/"), body, format="json").status_code in (200, 202)


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_parallel_uploads_store_each_batch_once(sign_in):
    alice = factories.CustomerFactory()
    civic = factories.VehicleFactory(customer=alice)
    client = sign_in(alice.contact)

    def upload(number):
        t = T + number % 5 * 60_000
        samples = wire(steady(60, t=t, odometer=number % 5 * 10.0))
        return post(client, civic, batch(civic, samples, startTimestamp=t, endTimestamp=t + 60_000))

    answers = parallel(20, upload)
    assert [(answer.status_code, answer.json()) for answer in answers] == [(202, ACCEPTED)] * 20
    assert TelematicsBatch.objects.count() == 5
    assert len(client.get(url(civic)).json()) == 300
    civic.refresh_from_db()
    assert civic.odometer == Decimal("40.98")
