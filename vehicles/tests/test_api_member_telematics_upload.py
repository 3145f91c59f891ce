"""Contract 003, "Telematics": the upload of batches."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import orjson
import pytest

from testing import factories
from testing.storms import parallel
from testing.suites import count_queries, stored
from vehicles.models import TelematicsBatch
from vehicles.tests.telematics.drives import T, steady
from vehicles.tests.test_api_member import UNKNOWN_ID
from vehicles.tests.test_api_member_telematics import ROUTES, SAMPLE, batch, each_route, to_json, url

pytestmark = pytest.mark.django_db
ACCEPTED = {"message": "Telemetry batch accepted"}
T_RULE = "must be whole milliseconds since 1970, not before the year 2000."


@pytest.fixture
def civic(alice):
    return factories.VehicleFactory(customer=alice)


def post(client, vehicle, body, route=ROUTES[0], **more):
    return client.post(url(vehicle, route), body, format="json", **more)


class TestUpload:
    @each_route
    def test_contract_example(self, civic, as_alice, route):
        response = post(as_alice, civic, batch(civic), route)
        assert (response.status_code, response.json()) == (202, ACCEPTED)
        assert as_alice.get(url(civic, route)).json() == [SAMPLE]
        assert as_alice.get(f"/api/vehicles/{civic.uuid}/").json()["odometer"] == 15000.5

    @each_route
    def test_repeated_batch_is_accepted_and_stored_once(self, civic, as_alice, route):
        for _ in range(2):
            assert post(as_alice, civic, batch(civic), route).status_code == 202
        changed = batch(civic, [SAMPLE | {"speed": 1, "odometer": 99_999}])
        assert post(as_alice, civic, changed).json() == ACCEPTED
        assert as_alice.get(url(civic)).json() == [SAMPLE]
        civic.refresh_from_db()
        assert civic.odometer == Decimal("15000.50")

    def test_idempotency_key_replays_the_response(self, civic, as_alice):
        key = {"Idempotency-Key": "k"}
        assert [post(as_alice, civic, batch(civic), headers=key).json() for _ in range(2)] == [ACCEPTED] * 2
        assert post(as_alice, civic, batch(civic, endTimestamp=T), headers=key).status_code == 422
        assert TelematicsBatch.objects.count() == 1

    def test_readings_can_be_missing_and_other_keys_are_ignored(self, civic, as_alice):
        samples = [{"t": T}, {"t": T + 1, "speed": None, "rpm": 900}, {"t": T + 2, "speed": 45}]
        assert post(as_alice, civic, batch(civic, samples)).status_code == 202
        nothing = {"speed": None, "fuelRate": None, "odometer": None}
        assert as_alice.get(url(civic)).json() == [
            {"t": T, **nothing},
            {"t": T + 1, **nothing},
            {"t": T + 2, **nothing, "speed": 45.0},
        ]

    def test_samples_are_sorted_and_each_time_kept_once(self, civic, as_alice):
        late, early = SAMPLE | {"t": T + 9}, SAMPLE | {"odometer": 14_000.0}
        assert post(as_alice, civic, batch(civic, [late, early, late | {"speed": 1}])).status_code == 202
        assert as_alice.get(url(civic)).json() == [early, late]

    def test_ten_thousand_samples_are_returned_as_sent(self, civic, as_alice):
        samples = to_json(steady(10_000, step=60, speed=61.3, odometer=0.1 + 0.2))
        assert post(as_alice, civic, batch(civic, samples)).status_code == 202
        assert as_alice.get(url(civic)).json() == samples

    def test_vehicle_id_is_optional(self, civic, as_alice):
        body = batch(civic)
        del body["vehicleId"]
        assert post(as_alice, civic, body).status_code == 202

    def test_number_of_queries_is_constant(self, civic, as_alice):
        few = count_queries(lambda: post(as_alice, civic, batch(civic)))
        more = batch(civic, to_json(steady(600, odometer=15_001)), startTimestamp=T - 1)
        assert count_queries(lambda: post(as_alice, civic, more)) == few

    @pytest.mark.parametrize(
        ("changed", "expected"),
        [
            ({"vehicleId": UNKNOWN_ID}, {"vehicleId": ["Must be the id of the vehicle in the URL."]}),
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
            ({"samples": [SAMPLE, 7]}, {"samples": ["samples[1] must be an object with a t."]}),
            ({"samples": [[T, 1, 2, 3]]}, {"samples": ["samples[0] must be an object with a t."]}),
            ({"samples": [{"speed": 1}]}, {"samples": ["samples[0] must be an object with a t."]}),
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
            ({"samples": [{"t": T}] * 10_001}, {"samples": ["A batch can have at most 10,000 samples."]}),
        ],
    )  # fmt: skip
    def test_invalid_value_is_reported_and_nothing_stored(self, civic, as_alice, changed, expected):
        before = stored(civic)
        response = post(as_alice, civic, batch(civic) | changed)
        assert (response.status_code, response.json()) == (400, expected)
        assert not TelematicsBatch.objects.exists()
        assert stored(civic) == before

    @pytest.mark.parametrize(
        ("changed", "field", "message"),
        [
            ({"samples": []}, "samples", "A batch must have at least one sample."),
            (
                {"startTimestamp": T + 1},
                "samples",
                "Every sample must lie between the start and the end of the batch.",
            ),
            (
                {"endTimestamp": T - 1},
                "endTimestamp",
                "The batch ends before it starts. The end must not be earlier than the start.",
            ),
            ({"endTimestamp": T + 86_400_001}, "endTimestamp", "A batch can span at most 24 hours."),
        ],
    )
    def test_invalid_batch_is_reported_and_nothing_stored(self, civic, as_alice, changed, field, message):
        before = stored(civic)
        response = post(as_alice, civic, batch(civic) | changed)
        assert (response.status_code, response.json()) == (400, {"error": message, field: [message]})
        assert not TelematicsBatch.objects.exists()
        assert stored(civic) == before

    def test_end_can_be_five_minutes_ahead(self, civic, as_alice):
        def ending(**ahead):
            t = int((datetime.now(UTC) + timedelta(**ahead)).timestamp() * 1000)
            body = batch(civic, [SAMPLE | {"t": t}], startTimestamp=t, endTimestamp=t)
            return post(as_alice, civic, body)

        assert ending(minutes=4).status_code == 202
        message = "The batch ends in the future. Set the clock of the device."
        response = ending(minutes=6)
        assert (response.status_code, response.json()) == (400, {"error": message, "endTimestamp": [message]})

    @pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "1e400", "-1e999"])
    def test_nan_and_infinity_are_rejected(self, civic, as_alice, number):
        raw = orjson.dumps(batch(civic)).replace(b"45.5", number.encode())
        response = as_alice.post(url(civic), raw, content_type="application/json")
        assert response.status_code == 400
        assert not TelematicsBatch.objects.exists()

    def test_every_missing_field_is_reported(self, civic, as_alice):
        response = post(as_alice, civic, {})
        required = ["This field is required."]
        assert response.json() == {"startTimestamp": required, "endTimestamp": required, "samples": required}


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_parallel_uploads_store_each_batch_once(sign_in):
    alice = factories.CustomerFactory()
    civic = factories.VehicleFactory(customer=alice)
    client = sign_in(alice.contact)

    def upload(number):
        t = T + number % 5 * 60_000
        samples = to_json(steady(60, t=t, odometer=100.0 + number % 5))
        return post(client, civic, batch(civic, samples, startTimestamp=t, endTimestamp=t + 60_000))

    responses = parallel(20, upload)
    assert [(response.status_code, response.json()) for response in responses] == [(202, ACCEPTED)] * 20
    assert TelematicsBatch.objects.count() == 5
    assert len(client.get(url(civic)).json()) == 300
    civic.refresh_from_db()
    assert civic.odometer == Decimal("104.98")
