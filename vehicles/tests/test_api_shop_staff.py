"""The staff API: vehicles."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

import pytest
from django.utils import timezone

from testing import factories
from testing.storms import parallel
from testing.suites import WritableNounSuite, invalid, refused, stored
from vehicles.actions import transfer_vehicle
from vehicles.models import Vehicle
from vehicles.odometer import NothingToReplace

ARCHIVED = {
    "error": "Vehicle is archived",
    "detail": "This vehicle is already archived.",
    "code": "already_archived",
}
HUGE = 10**22
VIN = "1HGBH41JXMN109186"
VIN_TAKEN = "You already have a vehicle with this VIN."
UNIT_TAKEN = "There is already a unit with this number."
BACKWARDS = "The odometer cannot go down: enter at least 100.00 miles."


def invalid_field(title: str, code: str, field: str, text: str) -> dict[str, Any]:
    return {"error": title, "detail": text, "fields": {field: [text]}, "code": code}


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
        ("odometer", HUGE, "Ensure that there are no more than 9 digits in total."),
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
            "continues": None,
        }

    def test_vin_is_unique_per_customer(self, as_ada):
        vehicle = self.make(vin=VIN)
        before, body = [stored(vehicle)], self.body_for_new() | {"customer_id": vehicle.customer_id}
        response = as_ada.post(self.url, body | {"vin": VIN.lower()}, format="json")
        refused(
            response,
            400,
            invalid_field("Vehicle exists", "vin_taken", "vin", VIN_TAKEN),
            vehicle,
            before=before,
        )
        assert Vehicle.objects.count() == 1

    @pytest.mark.parametrize("vin", ["1HG", "1HGBH41JXMN10918I", "1HGBH41JXMN10918\x00", "x" * 10_000, None])
    def test_invalid_vin_is_reported(self, as_ada, vin):
        response = as_ada.post(self.url, self.body_for_new() | {"vin": vin}, format="json")
        assert (response.status_code, list(response.json()["fields"])) == (400, ["vin"])
        assert Vehicle.objects.count() == 0

    def test_unknown_customer_gets_404_and_a_huge_id_400(self, as_ada):
        response = as_ada.post(self.url, self.body_for_new() | {"customer_id": 999_999}, format="json")
        assert (response.status_code, response.json()) == (
            404,
            {"error": "Not found", "detail": "Customer not found.", "code": "not_found"},
        )
        response = as_ada.post(self.url, self.body_for_new() | {"customer_id": HUGE}, format="json")
        assert (response.status_code, response.json()) == (
            400,
            invalid("customer_id", "A valid integer is required."),
        )
        assert Vehicle.objects.count() == 0

    def test_vin_may_be_unknown_and_follow_later(self, as_ada):
        body = self.body_for_new()
        del body["vin"]
        response = as_ada.post(self.url, body, format="json")
        assert (response.status_code, response.json()["vin"]) == (201, "")
        vehicle = Vehicle.objects.get()
        assert as_ada.patch(self.item(vehicle), {"vin": VIN}, format="json").json()["vin"] == VIN
        response = as_ada.patch(self.item(vehicle), {"vin": "12345"}, format="json")
        text = "A VIN has 17 characters, not 5."
        assert (response.status_code, response.json()) == (400, invalid("vin", text))

    def test_customer_cannot_be_changed(self, as_ada, bob):
        vehicle = self.make()
        before = stored(vehicle)
        body = {"customer_id": bob.pk, "archived_at": "2024-01-01T00:00:00Z"}
        response = as_ada.patch(self.item(vehicle), body, format="json")
        text = (
            "This field is read-only. Accepted fields: "
            "color, fuel_type, license_plate, make, model, odometer, trim, unit_number, vin, year."
        )
        expected = invalid("customer_id", text) | {
            "fields": {name: [text] for name in body},
            "code": "unknown_field",
        }
        refused(response, 400, expected, vehicle, before=[before])

    def test_odometer_cannot_go_down(self, as_ada):
        vehicle = self.make(odometer=Decimal(100))
        before = [stored(vehicle)]
        response = as_ada.patch(self.item(vehicle), {"odometer": "99.99", "color": "Red"}, format="json")
        refused(
            response,
            400,
            invalid_field("Odometer runs backwards", "odometer_backwards", "odometer", BACKWARDS),
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
            invalid_field("Unit exists", "unit_number_taken", "unit_number", UNIT_TAKEN),
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

    def test_archived_vehicle_is_restored(self, as_ada, ada, now):
        vehicle = self.make(archived_at=now)
        response = as_ada.post(self.item(vehicle, "restore"))
        assert (response.status_code, response.json()) == (200, self.row(vehicle))
        assert vehicle.history.latest().history_user == ada
        before = [stored(vehicle)]
        body = {
            "error": "Vehicle is in use",
            "detail": "This vehicle is not archived.",
            "code": "not_archived",
        }
        refused(as_ada.post(self.item(vehicle, "restore")), 409, body, vehicle, before=before)

    def test_restored_vehicle_keeps_vin_and_unit_number_unique(self, as_ada, now):
        vehicle = self.make(vin=VIN, unit_number="A1", archived_at=now)
        twin = self.make(customer=vehicle.customer, vin=VIN)
        before = [stored(vehicle)]
        response = as_ada.post(self.item(vehicle, "restore"))
        refused(
            response,
            400,
            invalid_field("Vehicle exists", "vin_taken", "vin", VIN_TAKEN),
            vehicle,
            before=before,
        )
        Vehicle.objects.filter(pk=twin.pk).update(vin="", unit_number="A1")
        response = as_ada.post(self.item(vehicle, "restore"))
        refused(
            response,
            400,
            invalid_field("Unit exists", "unit_number_taken", "unit_number", UNIT_TAKEN),
            vehicle,
            before=before,
        )

    def test_vehicle_moves_to_a_new_owner(self, as_ada, ada, bob, as_bob, now):
        vehicle = self.make(
            unit_number="A1", odometer=Decimal(500), odometer_at=now, dongle_id="X", dongle_connection="BLE"
        )
        response = as_ada.post(self.item(vehicle, "transfer"), {"customer_id": bob.pk}, format="json")
        heir, old = Vehicle.objects.get(customer=bob), Vehicle.objects.get(pk=vehicle.pk)
        assert (response.status_code, response.json()) == (
            201,
            as_ada.get(self.item(heir)).json()
            | {
                "customer_name": "Bob Baker",
                "vin": vehicle.vin,
                "odometer": "500.00",
                "color": "Silver",
                "license_plate": "",
                "unit_number": "",
                "continues": old.pk,
                "archived_at": None,
            },
        )
        assert old.archived_at is not None
        assert (old.dongle_id, heir.dongle_id, heir.odometer_at) == (None, None, now)
        assert old.history.latest().history_user == heir.history.latest().history_user == ada
        reading = heir.readings.get()
        assert (reading.miles, reading.source, reading.note, reading.by) == (
            Decimal(500), "IMPORT", f"Taken over from vehicle {old.pk}.", ada,
        )  # fmt: skip
        # Customers never see the former row, and it cannot come back.
        assert [
            row["id"] for row in as_bob.get("/api/shop/vehicles/customers/me/vehicles/").json()["results"]
        ] == [heir.pk]
        body = {
            "error": "Vehicle has a new owner",
            "detail": f"This vehicle goes on as vehicle {heir.pk}.",
            "code": "handed_over",
        }
        refused(as_ada.post(self.item(old, "restore")), 409, body, old, before=[stored(old)])

    def test_transfer_is_refused_and_changes_nothing(self, as_ada, bob, now):
        vehicle = self.make(vin=VIN)
        order = factories.RepairOrderFactory(vehicle=vehicle, customer=vehicle.customer)
        before = [stored(vehicle)]

        def transfer(customer_id):
            return as_ada.post(self.item(vehicle, "transfer"), {"customer_id": customer_id}, format="json")

        text = f"Finish or cancel first: repair order {order.pk}."
        for response in (transfer(bob.pk), as_ada.post(self.item(vehicle, "archive"))):
            refused(
                response,
                409,
                {"error": "Vehicle is needed", "detail": text, "code": "vehicle_is_held"},
                vehicle,
                before=before,
            )
        order.delete()
        text = "The vehicle belongs to this customer already."
        refused(
            transfer(vehicle.customer_id),
            400,
            invalid_field("Same owner", "same_owner", "customer_id", text),
            vehicle,
            before=before,
        )
        missing = {"error": "Not found", "detail": "Customer not found.", "code": "not_found"}
        refused(transfer(999_999), 404, missing, vehicle, before=before)
        self.make(customer=bob, vin=VIN)
        refused(
            transfer(bob.pk),
            400,
            invalid_field("Vehicle exists", "vin_taken", "vin", VIN_TAKEN),
            vehicle,
            before=before,
        )

    def reading(self, vehicle, **values):
        reading = vehicle.readings.latest("id")
        return {
            "id": reading.pk, "vehicle_id": vehicle.pk, "miles": "120.50", "source": "MANUAL",
            "at": "2024-05-01T12:00:00Z", "by": None, "note": "", "replaces": None, "base": False, "accepted": True,
        } | values  # fmt: skip

    def test_odometer_is_read_listed_and_corrected(self, as_ada, ada):
        vehicle = self.make(odometer=Decimal(100))
        url, at = self.item(vehicle, "odometer"), "2024-05-01T12:00:00Z"
        response = as_ada.post(url, {"miles": "120.50", "at": at, "note": "Key tag 4"}, format="json")
        first = self.reading(vehicle, by=ada.pk, note="Key tag 4")
        assert (response.status_code, response.json()) == (201, first)
        assert as_ada.get(self.item(vehicle)).json() == self.row(vehicle) | {"odometer": "120.50"}
        response = as_ada.post(
            f"{url}correct/",
            {"replaces": first["id"], "miles": "112.50", "reason": "Mistyped"},
            format="json",
        )
        second = self.reading(
            vehicle, by=ada.pk, miles="112.50", source="CORRECTION", note="Mistyped", replaces=first["id"]
        )
        assert (response.status_code, response.json()) == (201, second)
        response = as_ada.post(
            f"{url}correct/", {"miles": "5", "reason": "New cluster", "base": True}, format="json"
        )
        third = self.reading(
            vehicle,
            by=ada.pk,
            miles="5.00",
            source="CORRECTION",
            note="New cluster",
            base=True,
            at=response.json()["at"],
        )
        assert (response.status_code, response.json()) == (201, third)
        assert as_ada.get(url).json() == [third, second, first | {"accepted": False}]
        assert as_ada.get(self.item(vehicle)).json()["odometer"] == "5.00"

    def test_readings_of_former_owners_are_listed(self, as_ada, bob, now):
        vehicle = self.make()
        url = self.item(vehicle, "odometer")
        for source in ("CHECK_IN", "CHECK_OUT"):
            assert as_ada.post(url, {"miles": "700", "source": source}, format="json").status_code == 201
        heir = transfer_vehicle(vehicle=vehicle, customer=bob, by=None, now=now)
        sources = [row["source"] for row in as_ada.get(self.item(heir, "odometer")).json()]
        assert sources == ["IMPORT", "CHECK_OUT", "CHECK_IN"]

    @pytest.mark.parametrize(
        ("tail", "body", "status", "answer"),
        [
            ("odometer", {}, 400, {"miles": "This field is required."}),
            ("odometer", {"miles": "-1"}, 400, {"miles": "Ensure this value is greater than or equal to 0."}),
            (
                "odometer",
                {"miles": "10000000"},
                400,
                {"miles": "Ensure that there are no more than 7 digits before the decimal point."},
            ),
            (
                "odometer",
                {"miles": "1", "source": "TELEMATICS"},
                400,
                {"source": '"TELEMATICS" is not a valid choice. Choose one of: MANUAL, CHECK_IN, CHECK_OUT.'},
            ),
            ("odometer", {"miles": "99.99"}, 400, {"miles": BACKWARDS}),
            (
                "odometer",
                {"miles": "1", "at": "2999-01-01T00:00:00Z"},
                400,
                {"at": "A reading cannot be in the future."},
            ),
            ("odometer/correct", {"miles": "1"}, 400, {"reason": "This field is required."}),
            ("odometer/correct", {"miles": "1", "reason": "x"}, 400, {"replaces": NothingToReplace.message}),
            ("odometer/correct", {"replaces": 999_999, "miles": "1", "reason": "x"}, 404, {}),
        ],
    )
    def test_refused_reading_changes_nothing(self, as_ada, tail, body, status, answer):
        vehicle = self.make(odometer=Decimal(100))
        before = stored(vehicle)
        response = as_ada.post(self.item(vehicle, tail), body, format="json")
        fields = response.json().get("fields", {})
        assert (response.status_code, {name: texts[0] for name, texts in fields.items()}) == (status, answer)
        assert stored(vehicle) == before
        assert not vehicle.readings.exists()

    def test_filters(self, as_ada):
        archived, in_use = self.make(archived_at=timezone.now()), self.make()
        assert self.found(as_ada, archived="true") == [archived.pk]
        assert self.found(as_ada, archived="false") == [in_use.pk]
        assert self.found(as_ada, customer_id=in_use.customer_id) == [in_use.pk]

    def test_filter_by_unknown_customer_gets_404(self, as_ada):
        response = as_ada.get(self.url, {"customer_id": "999999"})
        assert (response.status_code, response.json()) == (
            404,
            {"error": "Not found", "detail": "Customer not found.", "code": "not_found"},
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
