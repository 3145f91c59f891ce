"""Texts of models are stored, compared and refused alike on every way in."""

from __future__ import annotations

from io import StringIO

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from catalogue.models import Part
from common.domain.errors import Invalid
from common.domain.text_fields import CapitalsFormField, CodeFormField, EmailFormField, TextFormField
from customers.models import Customer
from testing.factories import PartFactory, UserFactory, VehicleFactory
from vehicles.models import Vehicle

pytestmark = pytest.mark.django_db
DECOMPOSED, COMPOSED = "Re\u0301seau\u200b", "Réseau"
CONTROL = "Control characters such as line breaks and tabs are not allowed here."


def store(model, pk, /, **columns):
    """Write columns as an earlier version stored them, past the model's fields."""
    names = ", ".join(f"{name} = %s" for name in columns)
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {model._meta.db_table} SET {names} WHERE id = %s", [*columns.values(), pk])


def stored(model, pk, column):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {model._meta.db_table} WHERE id = %s", [pk])
        return cursor.fetchone()[0]


def test_save_create_bulk_create_and_update_store_one_form(alice):
    part = Part.objects.create(name=DECOMPOSED, part_number="１-a", unit_price=1)
    assert (part.name, part.part_number) == (COMPOSED, "1-a")
    [other] = Part.objects.bulk_create([Part(name=DECOMPOSED, part_number="2", unit_price=1)])
    Customer.objects.filter(pk=alice.pk).update(company_name=DECOMPOSED)
    assert stored(Part, part.pk, "name") == stored(Part, other.pk, "name") == COMPOSED
    assert stored(Customer, alice.pk, "company_name") == COMPOSED


def test_lookup_compares_in_one_form():
    part, user = PartFactory(name=COMPOSED), UserFactory(email="ann@müller.example")
    assert Part.objects.get(name=DECOMPOSED) == part
    assert User.objects.get(email="ANN@MU\u0308LLER.example") == user


@pytest.mark.parametrize("text", ["ÉBÈNE", "ébène"])
def test_case_of_every_letter_is_ignored(text):
    part = PartFactory(name="Bois d’Ébène")
    assert Part.objects.filter(name__icontains=text).get() == part
    assert Part.objects.filter(name__iexact=f"bois d’{text}").get() == part


@pytest.mark.parametrize("text", ["a\nb", "a\0b", "a\tb"])
def test_line_with_control_characters_is_never_stored(text):
    part = PartFactory(name="Filter")
    for write in (
        lambda: Part.objects.filter(pk=part.pk).update(name=text),
        lambda: PartFactory(name=text),
        lambda: Part.objects.bulk_create([Part(name=text, part_number="9", unit_price=1)]),
    ):
        with pytest.raises(Invalid) as refusal, transaction.atomic():
            write()
        assert (refusal.value.field, refusal.value.text) == ("name", CONTROL)
    assert list(Part.objects.values_list("name", flat=True)) == ["Filter"]


@pytest.mark.parametrize("text", ["a\nb", "a\tb"])
def test_form_refuses_control_characters_in_a_line(text):
    form = forms.modelform_factory(Part, fields=["name"])({"name": text})
    assert form.errors == {"name": [CONTROL]}
    with pytest.raises(ValidationError) as refusal:
        TextFormField().clean(text)
    assert refusal.value.messages == [CONTROL]
    assert TextFormField(widget=forms.Textarea).clean(text) == text


@pytest.mark.parametrize(
    ("field", "text", "cleaned"),
    [
        (TextFormField, DECOMPOSED, COMPOSED),
        (CodeFormField, "１-a\u200b", "1-a"),
        (CapitalsFormField, "ａb-1e\u0301", "AB-1É"),
        (EmailFormField, "ANN@MU\u0308LLER.example", "ann@müller.example"),
    ],
)
def test_form_field_folds_its_text(field, text, cleaned):
    assert field().clean(text) == cleaned


def test_folded_text_longer_than_its_column_is_refused(alice):
    with pytest.raises(Invalid) as refusal, transaction.atomic():
        VehicleFactory(customer=alice, license_plate="\ufdfa" * 2)  # one character of 18 letters
    assert (refusal.value.field, refusal.value.text) == ("license_plate", "Use at most 20 characters.")


@pytest.mark.parametrize("second", ["Ä-1", "ä-1", "a\u0308-1", "Ａ\u0308-１", "ä\u200b-1"])
def test_unit_number_is_one_in_every_spelling(alice, second):
    VehicleFactory(customer=alice, unit_number="ä-1")
    with pytest.raises(IntegrityError), transaction.atomic():
        VehicleFactory(customer=alice, unit_number=second)


@pytest.mark.parametrize("second", ["DONGLE-É", "dongle-e\u0301", "ｄongle-é"])
def test_dongle_is_one_in_every_spelling(alice, second):
    VehicleFactory(customer=alice, dongle_id="dongle-é", dongle_connection="BLE")
    with pytest.raises(IntegrityError), transaction.atomic():
        VehicleFactory(customer=alice, dongle_id=second, dongle_connection="BLE")


def test_vin_and_plate_are_stored_in_capitals_without_what_groups_them(alice):
    vehicle = VehicleFactory(customer=alice, vin="1hgbh41j xmn-109\u200b186", license_plate=" ab-1é ")
    assert stored(Vehicle, vehicle.pk, "vin") == "1HGBH41JXMN109186"
    assert stored(Vehicle, vehicle.pk, "license_plate") == "AB-1É"


class TestFoldTexts:
    def run(self):
        out = StringIO()
        call_command("fold_texts", stderr=out)
        return out.getvalue()

    def test_folds_rows_and_history_and_nothing_the_second_time(self, alice):
        vehicle = VehicleFactory(customer=alice, license_plate="A")
        history = vehicle.history.latest()
        store(Vehicle, vehicle.pk, make=DECOMPOSED, model="T\n7", license_plate="ab\u200b-1")
        with connection.cursor() as cursor:
            table = Vehicle.history.model._meta.db_table
            cursor.execute(f"UPDATE {table} SET make = %s", [DECOMPOSED])
        assert self.run() == ""
        assert stored(Vehicle, vehicle.pk, "make") == COMPOSED
        assert stored(Vehicle, vehicle.pk, "model") == "T 7"
        assert stored(Vehicle, vehicle.pk, "license_plate") == "AB-1"
        history.refresh_from_db()
        assert history.make == COMPOSED
        assert Vehicle.history.count() == 1
        assert self.run() == ""

    def test_row_that_would_collide_stays_and_is_listed(self):
        first, second = UserFactory(email="ann@müller.example"), UserFactory()
        store(User, second.pk, email="ann@mu\u0308ller.example")
        expected = f"accounts.User {second.pk} stays as it is: another row has email 'ann@müller.example'.\n"
        assert self.run() == expected
        assert stored(User, second.pk, "email") == "ann@mu\u0308ller.example"
        assert stored(User, first.pk, "email") == "ann@müller.example"
