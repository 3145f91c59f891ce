from __future__ import annotations

from datetime import timedelta

import pytest

from common.domain.errors import Invalid, Kind
from testing.factories import CustomerFactory, VehicleFactory
from testing.storms import parallel
from vehicles import actions
from vehicles.models import Vehicle

pytestmark = pytest.mark.django_db
VIN = "1HGBH41JXMN109186"
CAR = {"make": "Honda", "model": "Civic", "year": 2020}


class TestAddVehicle:
    def test_the_vin_is_stored_in_capitals(self, alice):
        vehicle = actions.add_vehicle(customer=alice, vin=f" {VIN.lower()} ", unit_number="A123", **CAR)
        stored = Vehicle.objects.values(
            "id", "customer_id", "vin", "make", "unit_number", "archived_at"
        ).get()
        assert stored == {
            "id": vehicle.pk, "customer_id": alice.pk, "vin": VIN, "make": "Honda", "unit_number": "A123",
            "archived_at": None,
        }  # fmt: skip

    def test_a_vin_is_unique_among_one_customers_vehicles(self, alice, bob):
        actions.add_vehicle(customer=alice, vin=VIN, **CAR)
        with pytest.raises(actions.VinTaken) as error:
            actions.add_vehicle(customer=alice, vin=VIN.lower(), **CAR)
        assert isinstance(error.value, Invalid)
        assert (error.value.field, error.value.text) == ("vin", "You already have a vehicle with this VIN.")
        assert Vehicle.objects.count() == 1
        actions.add_vehicle(customer=bob, vin=VIN, **CAR)

    def test_a_unit_number_is_unique_in_one_fleet(self, alice, bob):
        actions.add_vehicle(customer=alice, vin=VIN, unit_number="A123", **CAR)
        with pytest.raises(actions.UnitNumberTaken) as error:
            actions.add_vehicle(customer=alice, vin=VIN[:-1] + "7", unit_number="A123", **CAR)
        assert (error.value.field, error.value.text) == (
            "unit_number", "There is already a unit with this number."
        )  # fmt: skip
        assert Vehicle.objects.count() == 1
        actions.add_vehicle(customer=bob, vin=VIN, unit_number="A123", **CAR)

    def test_any_number_of_vehicles_has_no_unit_number(self, alice):
        for digit in "123":
            actions.add_vehicle(customer=alice, vin=VIN[:-1] + digit, **CAR)
        assert Vehicle.objects.count() == 3

    def test_another_refusal_passes_as_it_is(self, alice):
        with pytest.raises(Exception, match="vin_has_17_characters"):
            actions.add_vehicle(customer=alice, vin="SHORT", **CAR)
        assert not Vehicle.objects.exists()


class TestArchiveVehicle:
    def test_vin_unit_number_and_dongle_are_free_again(self, now):
        vehicle = VehicleFactory(vin=VIN, unit_number="A123", dongle_id="X", dongle_connection="BLE")
        before = Vehicle.objects.values().get()
        actions.archive_vehicle(vehicle=vehicle, now=now)
        assert Vehicle.objects.values().get() == before | {
            "archived_at": now,
            "dongle_id": None,
            "dongle_connection": None,
        }
        VehicleFactory(
            customer=vehicle.customer, vin=VIN, unit_number="A123", dongle_id="X", dongle_connection="BLE"
        )
        assert Vehicle.objects.in_use().count() == 1

    def test_twice_is_a_conflict_and_keeps_the_first_instant(self, now):
        vehicle = VehicleFactory()
        stale = Vehicle.objects.get()
        actions.archive_vehicle(vehicle=vehicle, now=now)
        for again in (vehicle, stale):
            with pytest.raises(actions.AlreadyArchived) as error:
                actions.archive_vehicle(vehicle=again, now=now + timedelta(hours=1))
            assert error.value.kind is Kind.CONFLICT
        assert Vehicle.objects.get().archived_at == now


class TestDongle:
    def test_linked_in_the_place_of_another_and_unlinked(self):
        vehicle = VehicleFactory()
        for dongle, connection in (("A", "BLE"), ("B", "CLOUD")):
            actions.link_dongle(vehicle=vehicle, dongle_id=dongle, connection=connection)
            assert Vehicle.objects.values_list("dongle_id", "dongle_connection").get() == (dongle, connection)
        assert vehicle.history.count() == 3
        for _ in range(2):
            actions.unlink_dongle(vehicle=vehicle)
            assert Vehicle.objects.values_list("dongle_id", "dongle_connection").get() == (None, None)
        assert vehicle.history.count() == 4  # the second time there was nothing to unlink

    def test_one_that_sits_elsewhere_stays_there(self):
        there = VehicleFactory(dongle_id="A", dongle_connection="BLE")
        here = VehicleFactory()
        with pytest.raises(actions.DongleTaken) as error:
            actions.link_dongle(vehicle=here, dongle_id="A", connection="WIFI")
        assert error.value.kind is Kind.CONFLICT
        assert Vehicle.objects.get(dongle_id="A") == there

    def test_an_archived_vehicle_takes_none(self, now):
        vehicle = VehicleFactory(archived_at=now)
        for verb in (lambda: actions.link_dongle(vehicle=vehicle, dongle_id="A", connection="BLE"),
                     lambda: actions.unlink_dongle(vehicle=vehicle)):  # fmt: skip
            with pytest.raises(actions.AlreadyArchived):
                verb()
        assert Vehicle.objects.get().dongle_id is None


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_of_parallel_vehicles_with_one_vin_one_is_stored():
    customer = CustomerFactory()
    outcomes = parallel(10, lambda _: actions.add_vehicle(customer=customer, vin=VIN, **CAR).pk)
    assert [outcome for outcome in outcomes if isinstance(outcome, int)] == [Vehicle.objects.get().pk]
    assert sum(isinstance(outcome, actions.VinTaken) for outcome in outcomes) == 9
