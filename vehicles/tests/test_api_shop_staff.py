"""The staff API: vehicles."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

import pytest
from django.utils import timezone

from testing import factories
from testing.storms import parallel
from testing.suites import WritableNounSuite, invalid, refused, stored
from vehicles.models import Vehicle

ARCHIVED = {"error": "Vehicle is archived", "detail": "This vehicle is already archived."}
HUGE = 10**22
VIN = "1HGBH41JXMN109186"
VIN_TAKEN = "You already have a vehicle with this VIN."
UNIT_TAKEN = "There is already a unit with this number."
BACKWARDS = "The odometer cannot go down: enter at least 100.00 miles."


def invalid_field(title: str, field: str, text: str) -> dict[str, Any]:
    return {"error": title, "detail": text, "fields": {field: [text]}}


class TestVehicles(WritableNounSuite):
    noun, name, ordering = "vehicles", "Vehicle", ("id", "year", "created")
    change: ClassVar[dict[str, Any]] = {
        "make": "Toyota",
        "model": "Camry",
        "trim": "LE",
        "year": 2021,
        "license_plate": "",
        "color": "Red",
        "fuel_type": "hybrid",
        "unit_number": "A123",
        "odometer": "100.50",
    }
    wrong: ClassVar[list[tuple[str, Any, str]]] = [
        ("make", "", "This field may not be blank."),
        ("model", "a\x00b", "Null characters are not allowed."),
        ("trim", "x" * 61, "Ensure this field has no more than 60 characters."),
        ("year", 1885, "Ensure this value is greater than or equal to 1886."),
        ("year", HUGE, "A valid integer is required."),
        ("year", True, "A valid integer is required."),
        ("odometer", -1, "Ensure this value is greater than or equal to 0."),
        ("odometer", "0.125", "Ensure that there are no more than 2 decimal places."),
        ("odometer", HUGE, "Ensure that there are no more than 10 digits in total."),
        ("odometer", "Infinity", "A valid number is required."),
    ]

    def body_for_new(self):
        customer = factories.CustomerFactory()
        return {"customer_id": customer.pk, "vin": VIN, "make": "Honda", "model": "Civic", "year": 2020}

    def make(self, **values):
        return factories.VehicleFactory(
            **{"customer__contact__first_name": "Pat", "customer__contact__last_name": "Cooper"} | values
        )

    def called(self, text):
        return self.make(model=text)

    def row(self, vehicle):
        customer = vehicle.customer
        return {
            "id": vehicle.pk,
            "customer": {
                "id": customer.pk,
                "name": "Pat Cooper",
                "phone_number": "(555) 010-0000",
                "email": customer.contact.email,
                "address": "123 Elm St, Springfield, NY 10001",
                "user": customer.contact_id,
            },
            "customer_name": "Pat Cooper",
            "make": "Honda",
            "model": "Civic",
            "year": 2020,
            "vin": vehicle.vin,
            "license_plate": "ABC-123",
            "color": "Silver",
            "customer_email": customer.contact.email,
            "customer_phone": "(555) 010-0000",
            "trim": "",
            "unit_number": "",
            "fuel_type": "",
            "odometer": "0.00",
            "archived_at": None,
        }

    def test_vin_is_unique_per_customer(self, as_ada):
        vehicle = self.make(vin=VIN)
        before, body = [stored(vehicle)], self.body_for_new() | {"customer_id": vehicle.customer_id}
        response = as_ada.post(self.url, body | {"vin": VIN.lower()}, format="json")
        refused(response, 400, invalid_field("Vehicle exists", "vin", VIN_TAKEN), vehicle, before=before)
        assert Vehicle.objects.count() == 1

    @pytest.mark.parametrize(
        "vin", ["", "1HG", "1HGBH41JXMN10918I", "1HGBH41JXMN10918\x00", "x" * 10_000, None]
    )
    def test_invalid_vin_is_reported(self, as_ada, vin):
        response = as_ada.post(self.url, self.body_for_new() | {"vin": vin}, format="json")
        assert (response.status_code, list(response.json()["fields"])) == (400, ["vin"])
        assert Vehicle.objects.count() == 0

    def test_unknown_customer_gets_404_and_a_huge_id_400(self, as_ada):
        response = as_ada.post(self.url, self.body_for_new() | {"customer_id": 999_999}, format="json")
        assert (response.status_code, response.json()) == (
            404,
            {"error": "Not found", "detail": "Customer not found."},
        )
        response = as_ada.post(self.url, self.body_for_new() | {"customer_id": HUGE}, format="json")
        assert (response.status_code, response.json()) == (
            400,
            invalid("customer_id", "A valid integer is required."),
        )
        assert Vehicle.objects.count() == 0

    def test_customer_and_vin_cannot_be_changed(self, as_ada, bob):
        vehicle = self.make()
        before = stored(vehicle)
        body = {"customer_id": bob.pk, "vin": VIN, "archived_at": "2024-01-01T00:00:00Z"}
        assert as_ada.patch(self.item(vehicle), body, format="json").json() == self.row(vehicle)
        assert stored(vehicle) == before

    def test_odometer_cannot_go_down(self, as_ada):
        vehicle = self.make(odometer=Decimal(100))
        before = [stored(vehicle)]
        response = as_ada.patch(self.item(vehicle), {"odometer": "99.99", "color": "Red"}, format="json")
        refused(
            response,
            400,
            invalid_field("Odometer runs backwards", "odometer", BACKWARDS),
            vehicle,
            before=before,
        )

    def test_unit_number_is_unique_per_customer(self, as_ada):
        first = self.make(unit_number="A1")
        second = self.make(customer=first.customer)
        before = [stored(first), stored(second)]
        response = as_ada.patch(self.item(second), {"unit_number": "A1"}, format="json")
        refused(
            response,
            400,
            invalid_field("Unit exists", "unit_number", UNIT_TAKEN),
            first,
            second,
            before=before,
        )

    def test_archived_vehicle_cannot_be_archived_or_changed(self, as_ada, ada):
        vehicle = self.make()
        count = vehicle.history.count()
        response = as_ada.post(self.item(vehicle, "archive"))
        vehicle.refresh_from_db()
        assert response.status_code == 200
        assert response.json() == {**self.row(vehicle), "archived_at": response.json()["archived_at"]}
        assert vehicle.archived_at is not None
        assert vehicle.history.count() == count + 1
        assert vehicle.history.latest().history_user_id == ada.pk
        before = [stored(vehicle)]
        for again in (
            as_ada.post(self.item(vehicle, "archive")),
            as_ada.patch(self.item(vehicle), {"color": "Red"}, format="json"),
        ):
            refused(again, 409, ARCHIVED, vehicle, before=before)

    def test_filters(self, as_ada):
        archived, in_use = self.make(archived_at=timezone.now()), self.make()
        assert self.found(as_ada, archived="true") == [archived.pk]
        assert self.found(as_ada, archived="false") == [in_use.pk]
        assert self.found(as_ada, customer_id=in_use.customer_id) == [in_use.pk]

    def test_filter_by_unknown_customer_gets_404(self, as_ada):
        response = as_ada.get(self.url, {"customer_id": "999999"})
        assert (response.status_code, response.json()) == (
            404,
            {"error": "Not found", "detail": "Customer not found."},
        )

    def test_ordering(self, as_ada):
        new, old = self.make(year=2024), self.make(year=1999)
        assert self.found(as_ada, ordering="year") == [old.pk, new.pk]
        assert self.found(as_ada, ordering="-created") == [old.pk, new.pk]
        assert self.found(as_ada) == [new.pk, old.pk]


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_fifty_parallel_archives_have_one_winner(sign_in):
    ann, vehicle = factories.UserFactory(role="advisor"), factories.VehicleFactory()
    client, count = sign_in(ann), vehicle.history.count()
    responses = parallel(50, lambda _: client.post(f"/api/shop/vehicles/{vehicle.pk}/archive/"))
    assert sorted(response.status_code for response in responses) == [200] + [409] * 49
    assert [response.json() for response in responses if response.status_code == 409] == [ARCHIVED] * 49
    assert vehicle.history.count() == count + 1
    assert vehicle.history.latest().history_user_id == ann.pk
