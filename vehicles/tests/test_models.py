from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from common.domain.caller import Caller, Role
from common.domain.database import violates
from testing.factories import VehicleFactory
from vehicles.models import Vehicle

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"vin": "1HGBH41JXMN10918"}, "vin_has_17_characters"),
        ({"odometer": -1}, "odometer_not_negative"),
        ({"year": 1885}, "vehicle_year_is_possible"),
        ({"year": 2101}, "vehicle_year_is_possible"),
        ({"dongle_id": "X"}, "dongle_has_a_connection"),
        ({"dongle_connection": "BLE"}, "dongle_has_a_connection"),
        ({"dongle_id": "X", "dongle_connection": "USB"}, "dongle_has_a_connection"),
    ],
)
def test_database_constraints_hold(fields, constraint):
    vehicle = VehicleFactory()
    before = Vehicle.objects.values().get()
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        Vehicle.objects.filter(pk=vehicle.pk).update(**fields)
    assert violates(error.value, Vehicle, constraint)
    assert Vehicle.objects.values().get() == before


@pytest.mark.parametrize(
    ("fields", "label"),
    [
        ({"unit_number": "A123", "license_plate": "ABC-123"}, "A123"),
        ({"unit_number": "", "license_plate": "ABC-123"}, "ABC-123"),
        ({"unit_number": "", "license_plate": ""}, "MN109186"),
    ],
)
def test_label_is_unit_number_then_plate_then_vin(fields, label):
    vehicle = Vehicle(vin="1HGBH41JXMN109186", year=2020, make="Honda", model="Civic", **fields)
    assert vehicle.label == label
    assert str(vehicle) == f"2020 Honda Civic ({label})"


def test_clean_capitalizes_the_vin_and_full_clean_validates_it(alice):
    vehicle = VehicleFactory.build(customer=alice, vin=" 1hgbh41jxmn109186")
    vehicle.clean()
    assert vehicle.vin == "1HGBH41JXMN109186"
    vehicle.vin = "1HGBH41JXMN10918I"
    with pytest.raises(ValidationError) as error:
        vehicle.full_clean()
    assert list(error.value.message_dict) == ["vin"]


def test_visible_to_and_in_use_filter_the_rows(alice, bob, now):
    of_alice, of_bob = VehicleFactory(customer=alice), VehicleFactory(customer=bob, archived_at=now)
    rows = Vehicle.objects.order_by("id")
    assert list(rows.visible_to(Caller(Role.CUSTOMER, alice.contact_id, alice.pk))) == [of_alice]
    assert list(rows.visible_to(Caller(Role.CUSTOMER, 99, None))) == []
    assert list(rows.visible_to(Caller(Role.TECHNICIAN, 99, None))) == [of_alice, of_bob]
    assert list(rows.in_use()) == [of_alice]
