"""Contract 003, fuel logs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from testing import factories
from testing.suites import count_queries
from vehicles.fuel.models import FuelLog
from vehicles.models import OdometerReading

pytestmark = pytest.mark.django_db
URL = "/api/vehicles/fuel-logs/"
UNKNOWN_ID = "0190b8c6-7d1e-7abc-8def-0123456789ab"
NO_VEHICLE, NO_LOG = {"error": "Vehicle not found"}, {"error": "Fuel log not found"}
CUSTOMERS_ONLY = {"error": "This endpoint is only accessible to customers."}
AT = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def civic(alice):
    return factories.VehicleFactory(customer=alice)


@pytest.fixture
def log(civic):
    return factories.FuelLogFactory(vehicle=civic, at=AT, mpg=Decimal("28.35"), notes="Highway")


def row(log, **changed):
    """Return the body, written out independently of the serializer."""
    return {
        "id": str(log.uuid),
        "vehicle": str(log.vehicle.uuid),
        "vehicleId": str(log.vehicle.uuid),
        "timestamp": log.at.isoformat().replace("+00:00", "Z"),
        "odometer": 15000.5,
        "gallons": 12.345,
        "price": 42.95,
        "isFullTank": True,
        "missedFillUp": False,
        "mpg": 28.35,
        "notes": "Highway",
        "createdAt": log.created_at.isoformat().replace("+00:00", "Z"),
    } | changed


def of(vehicle):
    return f"/api/vehicles/{vehicle.uuid}/fuel-logs/"


class TestList:
    def test_body(self, log, as_alice):
        response = as_alice.get(URL)
        assert (response.status_code, response.json()) == (200, [row(log)])
        assert list(response.json()[0]) == list(row(log))
        assert as_alice.get(URL[:-1]).json() == as_alice.get(of(log.vehicle)).json() == [row(log)]

    def test_filter_of_the_vehicle_has_two_names(self, log, alice, as_alice):
        other = factories.FuelLogFactory(vehicle=factories.VehicleFactory(customer=alice), at=AT)
        for name in ("vehicle_id", "vehicleId"):
            found = as_alice.get(URL, {name: str(log.vehicle.uuid)}).json()
            assert found == [row(log)]
        assert as_alice.get(of(other.vehicle)).json() == [row(other, mpg=None, notes="")]

    def test_newest_come_first_and_on_one_day_the_highest(self, civic, as_alice):
        for day, miles in ((0, 100), (2, 300), (2, 320), (1, 200)):
            factories.FuelLogFactory(vehicle=civic, at=AT + timedelta(days=day), miles=Decimal(miles))
        assert [log["odometer"] for log in as_alice.get(URL).json()] == [320, 300, 200, 100]
        page = as_alice.get(URL, {"page": "2", "page_size": "3"})
        assert ([log["odometer"] for log in page.json()], page["X-Total-Count"]) == ([100], "4")

    def test_others_and_archived_vehicles_are_left_out(self, log, civic, as_bob, as_alice):
        assert as_bob.get(URL).json() == []
        for url, params in ((URL, {"vehicleId": str(civic.uuid)}), (of(civic), {})):
            response = as_bob.get(url, params)
            assert (response.status_code, response.json()) == (404, NO_VEHICLE)
        civic.archived_at = timezone.now()
        civic.save()
        assert as_alice.get(URL).json() == []
        assert as_alice.get(of(civic)).status_code == 404

    @pytest.mark.parametrize(
        ("params", "body"),
        [
            ({"vehicle_id": "7"}, {"vehicle_id": ["“7” is not a valid UUID."]}),
            ({"colour": "red"}, {"colour": ["Unknown parameter."]}),
        ],
    )
    def test_wrong_parameter_is_named(self, log, as_alice, params, body):
        response = as_alice.get(URL, params)
        assert response.status_code == 400
        assert list(response.json()) == list(body)

    def test_number_of_queries_is_constant(self, log, civic, as_alice):
        with_one = count_queries(lambda: as_alice.get(URL))
        factories.FuelLogFactory.create_batch(29, vehicle=civic)
        assert len(as_alice.get(URL).json()) == 30
        assert count_queries(lambda: as_alice.get(URL)) == with_one == 2

    def test_staff_and_strangers_are_refused(self, log, as_tim, api):
        for url in (URL, f"{URL}{log.uuid}/", of(log.vehicle)):
            response = as_tim.get(url)
            assert (response.status_code, response.json()) == (403, CUSTOMERS_ONLY)
            assert api.get(url).status_code == 401


class TestAdd:
    def body(self, civic, **changed):
        """Return the body as the web client sends it."""
        return {
            "vehicle": str(civic.uuid),
            "timestamp": "2026-03-10T00:00:00.000Z",
            "odometer": 52500,
            "gallons": 12.5,
            "price": 43.125,
        } | changed

    def test_fill_up_is_stored_and_read_back(self, civic, as_alice):
        response = as_alice.post(URL, self.body(civic), format="json")
        log = FuelLog.objects.get()
        assert response.status_code == 201
        assert response.json() == row(log, odometer=52500, gallons=12.5, price=43.13, mpg=None, notes="")
        assert as_alice.get(f"{URL}{log.uuid}/").json() == response.json()
        assert as_alice.get(f"/api/vehicles/{civic.uuid}/").json()["odometer"] == 52500

    def test_price_of_multiplied_numbers_is_rounded_to_the_cent(self, civic, as_alice):
        for price, stored in ((41.400000000000006, "41.40"), (0.1 + 0.2, "0.30"), (None, None)):
            response = as_alice.post(URL, self.body(civic, price=price), format="json")
            assert response.status_code == 201, response.json()
            assert FuelLog.objects.latest("id").price == (stored and Decimal(stored))

    def test_second_full_tank_has_its_consumption(self, civic, as_alice):
        as_alice.post(URL, self.body(civic), format="json")
        later = self.body(civic, timestamp="2026-03-12T00:00:00Z", odometer=52800, gallons=10)
        assert as_alice.post(of(civic), later, format="json").json()["mpg"] == 30.0

    def test_switches_and_notes_can_be_given(self, civic, as_alice):
        more = {"isFullTank": False, "missedFillUp": True, "notes": "Ferry"}
        body = as_alice.post(URL, self.body(civic, **more), format="json").json()
        assert {name: body[name] for name in more} == more

    def test_time_is_now_if_it_is_left_out(self, civic, as_alice):
        body = self.body(civic, vehicleId=str(civic.uuid))
        del body["timestamp"], body["vehicle"]
        assert as_alice.post(URL, body, format="json").status_code == 201
        assert timezone.now() - FuelLog.objects.get().at < timedelta(minutes=1)

    @pytest.mark.parametrize(
        ("wrong", "fields"),
        [
            ({"gallons": 0}, {"gallons": ["Ensure this value is greater than or equal to 0.001."]}),
            ({"gallons": None}, {"gallons": ["This field may not be null."]}),
            ({"odometer": -1}, {"odometer": ["Ensure this value is greater than or equal to 0."]}),
            ({"price": -1}, {"price": ["Ensure this value is greater than or equal to 0."]}),
            ({"price": 1e20}, {"price": ["Ensure that there are no more than 10 digits in total."]}),
            ({"timestamp": "today"}, None),
            ({"isFullTank": "yes"}, {"isFullTank": ["Must be a valid boolean."]}),
            ({"vehicle": None}, {"vehicle": ["This field may not be null."]}),
        ],
    )
    def test_wrong_value_is_named(self, civic, as_alice, wrong, fields):
        response = as_alice.post(URL, self.body(civic, **wrong), format="json")
        assert response.status_code == 400
        if fields:
            assert response.json() == fields
        assert not FuelLog.objects.exists()

    def test_vehicle_is_required(self, as_alice, civic):
        response = as_alice.post(URL, {"odometer": 1, "gallons": 1}, format="json")
        assert (response.status_code, response.json()) == (400, {"vehicle": ["This field is required."]})

    def test_lower_odometer_is_refused_in_words(self, civic, as_alice):
        as_alice.post(URL, self.body(civic), format="json")
        body = self.body(civic, timestamp="2026-03-11T00:00:00Z", odometer=52499)
        response = as_alice.post(URL, body, format="json")
        text = "The odometer cannot go down: enter at least 52500.00 miles."
        assert (response.status_code, response.json()) == (400, {"error": text, "odometer": [text]})
        assert (FuelLog.objects.count(), OdometerReading.objects.count()) == (1, 1)

    def test_time_in_the_future_is_refused(self, civic, as_alice):
        response = as_alice.post(URL, self.body(civic, timestamp="2100-01-01T00:00:00Z"), format="json")
        text = "A reading cannot be in the future."
        assert (response.status_code, response.json()) == (400, {"error": text, "timestamp": [text]})

    def test_vehicle_of_others_is_404(self, civic, as_bob):
        for url in (URL, of(civic)):
            response = as_bob.post(url, self.body(civic), format="json")
            assert (response.status_code, response.json()) == (404, NO_VEHICLE)
        assert not FuelLog.objects.exists()


class TestOne:
    def test_retrieve(self, log, as_alice):
        assert as_alice.get(f"{URL}{log.uuid}/").json() == row(log)

    @pytest.mark.parametrize("method", ["get", "patch", "put", "delete"])
    def test_unknown_malformed_and_foreign_ids_are_404(self, log, as_alice, as_bob, method):
        for client, key in ((as_alice, UNKNOWN_ID), (as_alice, "7"), (as_bob, log.uuid)):
            response = getattr(client, method)(f"{URL}{key}/")
            assert (response.status_code, response.json()) == (404, NO_LOG)
        assert FuelLog.objects.count() == 1

    def test_patch_and_put_change_what_they_name(self, log, as_alice):
        response = as_alice.patch(f"{URL}{log.uuid}/", {"price": 40, "isFullTank": False}, format="json")
        assert (response.status_code, response.json()) == (
            200, row(log, price=40.0, isFullTank=False, mpg=None)
        )  # fmt: skip
        response = as_alice.put(f"{URL}{log.uuid}/", {"gallons": 11}, format="json")
        assert response.json() == row(log, price=40.0, isFullTank=False, mpg=None, gallons=11.0)

    def test_time_and_vehicle_cannot_change(self, log, as_alice):
        response = as_alice.patch(f"{URL}{log.uuid}/", {"timestamp": "2026-01-01T00:00:00Z"}, format="json")
        assert (response.status_code, list(response.json())) == (400, ["timestamp"])
        assert as_alice.patch(f"{URL}{log.uuid}/", row(log), format="json").status_code == 200

    def test_delete(self, log, as_alice):
        assert as_alice.delete(f"{URL}{log.uuid}/").status_code == 204
        assert as_alice.get(f"{URL}{log.uuid}/").status_code == 404
        assert OdometerReading.objects.count() == 1


class TestStatistics:
    def test_body(self, civic, as_alice):
        for day, miles, gallons in ((0, 1000, 12), (3, 1300, 10), (6, 1510, 7)):
            factories.FuelLogFactory(
                vehicle=civic, at=AT + timedelta(days=day), miles=Decimal(miles), gallons=Decimal(gallons),
                price=Decimal(30),
            )  # fmt: skip
        response = as_alice.get(f"/api/vehicles/{civic.uuid}/fuel-stats/")
        assert (response.status_code, response.json()) == (
            200,
            {
                "vehicleId": str(civic.uuid),
                "fillUps": 3,
                "totalMiles": 510.0,
                "totalGallons": 29.0,
                "totalCost": 90.0,
                "averageMpg": 30.0,
                "bestMpg": 30.0,
                "worstMpg": 30.0,
                "costPerGallon": 3.103,  # 90 / 29
                "costPerMile": 0.118,  # 60 / 510
            },
        )

    def test_vehicle_without_fill_ups_has_no_averages(self, civic, as_alice):
        body = as_alice.get(f"/api/vehicles/{civic.uuid}/fuel-stats").json()
        assert (body["fillUps"], body["totalMiles"], body["averageMpg"], body["costPerMile"]) == (
            0, 0.0, None, None
        )  # fmt: skip

    def test_vehicle_of_others_is_404(self, civic, as_bob):
        response = as_bob.get(f"/api/vehicles/{civic.uuid}/fuel-stats/")
        assert (response.status_code, response.json()) == (404, NO_VEHICLE)
