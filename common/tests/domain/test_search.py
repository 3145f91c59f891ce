"""Searches find words in any order, in any case, with or without separators."""

from __future__ import annotations

import pytest
from django.db import connection

from accounts.models import User
from appointments.models import Appointment
from catalogue.models import Part
from common.domain.search import fits, patterns_of, words_of
from customers.models import Customer
from repair_orders.models import RepairOrder
from testing.admin import changelist
from testing.factories import PartFactory, VehicleFactory
from vehicles.models import Vehicle

pytestmark = pytest.mark.django_db


def found(model, text):
    return list(model.objects.filter(fits(model.SEARCHED, patterns_of(text))))


@pytest.fixture
def camry(alice):
    VehicleFactory(customer=alice, make="Honda", model="Civic", license_plate="ZZZ-9", vin="")
    return VehicleFactory(
        customer=alice, make="Toyota", model="Camry", license_plate="AB-12 34", vin="", unit_number="é/7"
    )


VEHICLE = ["Toyota Camry", "camry TOYOTA", "to\u200byota", "ab1234", "AB 12-34", "ab-12", "E\u0301 7", "é7"]


@pytest.mark.parametrize("text", VEHICLE)
def test_vehicle_is_found(camry, text):
    assert found(Vehicle, text) == [camry]


@pytest.mark.parametrize("text", VEHICLE)
def test_admin_finds_vehicle(desk, camry, text):
    assert list(desk.get(changelist(Vehicle), {"q": text}).context["cl"].result_list) == [camry]


@pytest.mark.parametrize("text", ["Toyota Civic", "-", "%", "", "a%1"])
def test_vehicle_is_not_found(camry, text):
    assert found(Vehicle, text) == []


@pytest.mark.parametrize("text", ["5550100", "(555) 010-0", "555.010.0123", "0100123 555", "0123x77"])
def test_phone_is_found_by_its_digits(as_ada, desk, alice, bob, text):
    User.objects.update(phone="")
    User.objects.filter(pk=alice.contact_id).update(phone="(555) 010-0123 x77")
    rows = as_ada.get("/api/shop/customers/", {"search": text}).json()["results"]
    assert [row["id"] for row in rows] == [alice.pk]
    assert list(desk.get(changelist(Customer), {"q": text}).context["cl"].result_list) == [alice]


@pytest.mark.parametrize("text", ["bp1022", "BP 10-22", "pads brake", "b p 1 0 2 2 x y"])
def test_part_is_found_by_words_and_number(desk, text):
    part = PartFactory(name="Brake pads XY", part_number="BP-10/22")
    PartFactory(name="Wiper", part_number="W-1")
    assert found(Part, text) == ([part] if text != "b p 1 0 2 2 x y" else [])


def test_words_after_the_sixth_are_found_in_their_order():
    part = PartFactory(name="one two three four five six seven eight", part_number="1")
    assert found(Part, "five four three two one six eight") == [part]
    assert found(Part, "five four three two one eight six") == []


def test_words_are_split_at_spaces_of_every_kind():
    assert words_of("\u00a0a\u2003b-c\t") == ["A", "BC"]


@pytest.mark.parametrize(
    "text", ["Zoë Müller-Łukasz", "zoe muller lukasz", "ZOE\u0308 mullerlukasz", "Ngoc Zoe"]
)
def test_accents_are_not_compared(alice, text):
    """The stored name is composed, and is typed with, without or with other accents."""
    name = {"first_name": "Zoë Ngọc", "last_name": "Müller-Łukasz"}
    User.objects.filter(pk=alice.contact_id).update(**name)
    assert found(User, text) == [alice.contact]


@pytest.mark.parametrize("text", ["山田", "さくらが", "שרה"])
def test_letters_of_other_scripts_are_compared(alice, text):
    User.objects.filter(pk=alice.contact_id).update(first_name="山田 さくらが", last_name="שרה")
    assert found(User, text) == [alice.contact]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no index for searches")
@pytest.mark.parametrize("model", [User, Customer, Vehicle, RepairOrder, Appointment])
def test_index_has_the_expression_that_is_searched(model):
    """The table is empty, so other plans are forbidden. PostgreSQL still reads the table if no index fits."""
    with connection.cursor() as cursor:
        for other in ("seqscan", "indexscan", "indexonlyscan"):
            cursor.execute(f"SET LOCAL enable_{other} = off")
    plan = model.objects.filter(fits(model.SEARCHED, patterns_of("toyota camry"))).explain()
    assert f"Bitmap Index Scan on {model._meta.verbose_name.replace(' ', '_')}_searched" in plan
