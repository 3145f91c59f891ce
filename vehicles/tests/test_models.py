from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from common.domain.caller import Caller, Role
from common.domain.database import violates
from testing.factories import VehicleFactory
from vehicles.labels import label_of
from vehicles.models import Vehicle

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"vin": "1HGBH41JXMN10918"}, "vin_length_fits_year"),
        ({"vin": "1HGB", "year": 1980}, "vin_length_fits_year"),
        ({"vin": "1HGBH", "year": 1981}, "vin_length_fits_year"),
        ({"odometer": -1}, "odometer_is_possible"),
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
        ({"unit_number": "", "license_plate": "", "vin": "12345", "year": 1960}, "12345"),
        ({"unit_number": "", "license_plate": "", "vin": ""}, "Vehicle 7"),
    ],
)
def test_label_is_unit_number_then_plate_then_vin_then_id(fields, label):
    vehicle = VehicleFactory(**{"pk": 7, "vin": "1HGBH41JXMN109186"} | fields)
    assert vehicle.label == label
    assert str(vehicle) == f"{vehicle.year} Honda Civic ({label})"
    assert Vehicle.objects.values_list(label_of(), flat=True).get() == label
    assert Vehicle.objects.with_label(label.lower()).get() == vehicle


def test_vins_are_unique_only_where_they_are_known(alice):
    for _ in range(2):
        VehicleFactory(customer=alice, vin="")
    VehicleFactory(customer=alice, vin="12345", year=1960)
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        VehicleFactory(customer=alice, vin="12345", year=1961)
    assert violates(error.value, Vehicle, "vin_once_per_customer")


def test_fields_are_cleaned_before_they_are_validated(alice):
    vehicle = VehicleFactory.build(customer=alice, vin=" 1hgbh41jxmn109186")
    vehicle.clean_fields()
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
