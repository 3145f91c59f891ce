from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from common.domain.errors import Invalid, Kind
from testing.factories import CustomerFactory, VehicleFactory
from testing.storms import parallel
from vehicles import actions
from vehicles.locks import AlreadyArchived
from vehicles.models import Vehicle

pytestmark = pytest.mark.django_db
VIN = "1HGBH41JXMN109186"
CAR = {"make": "Honda", "model": "Civic", "year": 2020}


class TestAddVehicle:
    def test_vin_is_stored_in_capitals(self, alice, now):
        vehicle = actions.add_vehicle(
            customer=alice, by=None, now=now, vin=f" {VIN.lower()} ", unit_number="A123", **CAR
        )
        stored = Vehicle.objects.values(
            "id", "customer_id", "vin", "make", "unit_number", "archived_at"
        ).get()
        assert stored == {
            "id": vehicle.pk, "customer_id": alice.pk, "vin": VIN, "make": "Honda", "unit_number": "A123",
            "archived_at": None,
        }  # fmt: skip

    def test_vin_is_unique_per_customer(self, alice, bob, now):
        actions.add_vehicle(customer=alice, by=None, now=now, vin=VIN, **CAR)
        with pytest.raises(actions.VinTaken) as error:
            actions.add_vehicle(customer=alice, by=None, now=now, vin=VIN.lower(), **CAR)
        assert isinstance(error.value, Invalid)
        assert (error.value.field, error.value.text) == ("vin", "You already have a vehicle with this VIN.")
        assert Vehicle.objects.count() == 1
        actions.add_vehicle(customer=bob, by=None, now=now, vin=VIN, **CAR)

    def test_unit_number_is_unique_per_customer(self, alice, bob, now):
        actions.add_vehicle(customer=alice, by=None, now=now, vin=VIN, unit_number="A123", **CAR)
        with pytest.raises(actions.UnitNumberTaken) as error:
            actions.add_vehicle(
                customer=alice, by=None, now=now, vin=VIN[:-1] + "7", unit_number="A123", **CAR
            )
        assert (error.value.field, error.value.text) == (
            "unit_number", "There is already a unit with this number."
        )  # fmt: skip
        assert Vehicle.objects.count() == 1
        actions.add_vehicle(customer=bob, by=None, now=now, vin=VIN, unit_number="A123", **CAR)

    def test_several_vehicles_can_have_no_unit_number(self, alice, now):
        for digit in "123":
            actions.add_vehicle(customer=alice, by=None, now=now, vin=VIN[:-1] + digit, **CAR)
        assert Vehicle.objects.count() == 3

    def test_other_integrity_errors_are_not_translated(self, alice, now):
        with pytest.raises(Exception, match="vehicle_year_is_possible"):
            actions.add_vehicle(customer=alice, by=None, now=now, vin=VIN, **CAR | {"year": 2101})
        assert not Vehicle.objects.exists()


class TestArchiveVehicle:
    def test_archiving_frees_vin_unit_number_and_dongle(self, now):
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

    def test_archiving_twice_is_a_conflict_and_keeps_the_first_time(self, now):
        vehicle = VehicleFactory()
        stale = Vehicle.objects.get()
        actions.archive_vehicle(vehicle=vehicle, now=now)
        for again in (vehicle, stale):
            with pytest.raises(AlreadyArchived) as error:
                actions.archive_vehicle(vehicle=again, now=now + timedelta(hours=1))
            assert error.value.kind is Kind.CONFLICT
        assert Vehicle.objects.get().archived_at == now


class TestDongle:
    def test_dongle_replaces_the_present_one_and_is_unlinked(self):
        vehicle = VehicleFactory()
        for dongle, connection in (("A", "BLE"), ("B", "CLOUD")):
            actions.link_dongle(vehicle=vehicle, dongle_id=dongle, connection=connection)
            assert Vehicle.objects.values_list("dongle_id", "dongle_connection").get() == (dongle, connection)
        assert vehicle.history.count() == 3
        for _ in range(2):
            actions.unlink_dongle(vehicle=vehicle)
            assert Vehicle.objects.values_list("dongle_id", "dongle_connection").get() == (None, None)
        assert vehicle.history.count() == 4  # unlinking again writes no history

    def test_dongle_of_another_vehicle_stays_there(self):
        linked = VehicleFactory(dongle_id="A", dongle_connection="BLE")
        other = VehicleFactory()
        with pytest.raises(actions.DongleTaken) as error:
            actions.link_dongle(vehicle=other, dongle_id="A", connection="WIFI")
        assert error.value.kind is Kind.CONFLICT
        assert Vehicle.objects.get(dongle_id="A") == linked

    def test_archived_vehicle_cannot_link_or_unlink(self, now):
        vehicle = VehicleFactory(archived_at=now)
        for verb in (lambda: actions.link_dongle(vehicle=vehicle, dongle_id="A", connection="BLE"),
                     lambda: actions.unlink_dongle(vehicle=vehicle)):  # fmt: skip
            with pytest.raises(AlreadyArchived):
                verb()
        assert Vehicle.objects.get().dongle_id is None


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_parallel_adds_of_one_vin_store_one_vehicle():
    customer, now = CustomerFactory(), timezone.now()
    outcomes = parallel(
        10, lambda _: actions.add_vehicle(customer=customer, by=None, now=now, vin=VIN, **CAR).pk
    )
    assert [outcome for outcome in outcomes if isinstance(outcome, int)] == [Vehicle.objects.get().pk]
    assert sum(isinstance(outcome, actions.VinTaken) for outcome in outcomes) == 9
