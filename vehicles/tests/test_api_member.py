"""Contract 003, "Vehicles"."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.utils import timezone

from customers.models import Customer
from testing import factories
from testing.storms import parallel
from testing.suites import count_queries, refused, stored
from vehicles.models import Vehicle

pytestmark = pytest.mark.django_db
URL = "/api/vehicles/"
VIN = "1HGBH41JXMN109186"
PRINTED = {
    "vin": VIN,
    "make": "Honda",
    "model": "Civic",
    "trim": "EX",
    "year": 2020,
    "odometer": 15000.50,
    "fuelType": "gasoline",
}
NOT_FOUND = {"error": "Vehicle not found"}
UNAUTHENTICATED = {"error": "Authentication credentials were not provided."}
CUSTOMERS_ONLY = {"error": "This endpoint is only accessible to customers."}
VIN_TAKEN = "You already have a vehicle with this VIN."
BACKWARDS = "The odometer cannot go down: enter at least 15000.50 miles."
UNKNOWN_ID = "0190b8c6-7d1e-7abc-8def-0123456789ab"
MALFORMED = ["invalid-id", "1", "%20", f"{{{UNKNOWN_ID}}}", UNKNOWN_ID.replace("-", ""), UNKNOWN_ID + "0"]


@pytest.fixture
def civic(alice):
    return factories.VehicleFactory(
        customer=alice, vin=VIN, trim="EX", fuel_type="gasoline", odometer=Decimal("15000.50")
    )


def row(vehicle, **changed):
    """Return the body as the contract prints it, written out independently of the serializer."""
    contact = vehicle.customer.contact
    return {
        "id": str(vehicle.uuid),
        "user": str(contact.uuid) if contact else None,
        "vin": vehicle.vin,
        "make": "Honda",
        "model": "Civic",
        "trim": "EX",
        "year": 2020,
        "licensePlate": "ABC-123",
        "odometer": 15000.5,
        "dongleId": None,
        "dongleConnectionType": None,
        "fuelType": "gasoline",
        "createdAt": vehicle.created_at.isoformat().replace("+00:00", "Z"),
        "color": "Silver",
        "photoUrl": "",
    } | changed


def at(vehicle, tail=""):
    return f"{URL}{vehicle.uuid}/{tail}"


class TestList:
    def test_body_matches_the_contract(self, civic, as_alice):
        response = as_alice.get(URL)
        assert (response.status_code, response.json()) == (200, [row(civic)])
        assert list(response.json()[0]) == list(row(civic))
        assert b'"odometer":15000.5,' in response.content  # a number, not a string

    def test_lists_only_own_vehicles_in_use(self, civic, alice, bob, as_bob, as_alice):
        factories.VehicleFactory(customer=alice, archived_at=timezone.now())
        assert as_bob.get(URL).json() == []
        assert as_alice.get(URL).json() == [row(civic)]

    def test_oldest_first_and_paged_on_request(self, civic, alice, as_alice):
        later = factories.VehicleFactory(customer=alice)
        assert [v["id"] for v in as_alice.get(URL).json()] == [str(civic.uuid), str(later.uuid)]
        page = as_alice.get(URL, {"page": 2, "page_size": 1})
        assert [v["id"] for v in page.json()] == [str(later.uuid)]
        assert page["X-Total-Count"] == "2"
        assert 'rel="prev"' in page["Link"]

    def test_every_login_sees_the_contact_as_user(self, civic, alice, carol, sign_in):
        alice.logins.create(user=carol)
        assert sign_in(carol).get(URL).json() == [row(civic)]

    def test_user_is_null_without_a_contact(self, civic, alice, carol, sign_in):
        alice.logins.create(user=carol)
        alice.contact.delete()
        civic.refresh_from_db()
        client = sign_in(carol)
        assert client.get(URL).json() == [row(civic, user=None)]
        assert client.get(at(civic)).json() == row(civic, user=None)

    def test_login_without_customer_record_sees_no_vehicles(self, carol, sign_in):
        assert sign_in(carol).get(URL).json() == []
        assert not Customer.objects.exists()

    def test_number_of_queries_is_constant(self, civic, alice, as_alice):
        with_one = count_queries(lambda: as_alice.get(URL))
        factories.VehicleFactory.create_batch(29, customer=alice)
        assert len(as_alice.get(URL).json()) == 30
        assert count_queries(lambda: as_alice.get(URL)) == with_one == 2

    def test_unknown_parameter_is_rejected(self, as_alice):
        response = as_alice.get(URL, {"colour": "red"})
        assert (response.status_code, response.json()) == (400, {"colour": ["Unknown parameter."]})


class TestAdd:
    def test_contract_example(self, alice, as_alice):
        response = as_alice.post(URL, PRINTED, format="json")
        vehicle = Vehicle.objects.get()
        assert vehicle.customer == alice
        assert (response.status_code, response.json()) == (201, row(vehicle, licensePlate="", color=""))
        assert as_alice.get(at(vehicle)).json() == response.json()

    def test_optional_fields_can_be_left_out_or_given(self, as_alice):
        least = {name: PRINTED[name] for name in ("vin", "make", "model", "year")}
        vehicle = as_alice.post(URL, {**least, "trim": "", "licensePlate": ""}, format="json").json()
        assert (vehicle["trim"], vehicle["licensePlate"], vehicle["odometer"]) == ("", "", 0.0)
        more = {"licensePlate": "XYZ 9", "color": "Blue", "photoUrl": "https://img.example/a.jpg"}
        vehicle = as_alice.post(URL, {**PRINTED, "vin": VIN[:-1] + "7", **more}, format="json").json()
        assert {name: vehicle[name] for name in more} == more

    def test_vin_is_stored_in_capitals(self, as_alice):
        assert as_alice.post(URL, PRINTED | {"vin": VIN.lower()}, format="json").json()["vin"] == VIN

    def test_empty_vin_is_no_vin(self, as_alice):
        for _ in range(2):
            response = as_alice.post(URL, PRINTED | {"vin": " "}, format="json")
            assert (response.status_code, response.json()["vin"]) == (201, "")
        assert as_alice.get(URL).json()[0]["vin"] == ""

    def test_vin_is_checked_against_the_model_year(self, as_alice):
        old = PRINTED | {"vin": "194375s107211", "year": 1965}
        assert as_alice.post(URL, old, format="json").json()["vin"] == "194375S107211"
        response = as_alice.post(URL, old | {"vin": "1234"}, format="json")
        text = "A VIN of a model year up to 1980 has 5 to 17 characters, not 4."
        assert (response.status_code, response.json()) == (400, {"vin": [text]})
        assert Vehicle.objects.count() == 1

    def test_largest_odometer_is_9_999_999_99(self, as_alice):
        assert as_alice.post(URL, PRINTED | {"odometer": 9999999.99}, format="json").status_code == 201
        response = as_alice.post(URL, PRINTED | {"vin": "", "odometer": 10_000_000}, format="json")
        assert (response.status_code, list(response.json())) == (400, ["odometer"])

    def test_wrong_check_digit_is_accepted(self, as_alice):
        assert as_alice.post(URL, PRINTED | {"vin": "1HGBH41J0MN109186"}, format="json").status_code == 201

    def test_first_vehicle_creates_the_customer_record(self, carol, sign_in):
        client = sign_in(carol)
        response = client.post(URL, PRINTED, format="json")
        assert (response.status_code, response.json()["user"]) == (201, str(carol.uuid))
        assert Customer.objects.get().contact == carol
        assert client.post(URL, PRINTED | {"vin": VIN[:-1] + "7"}, format="json").status_code == 201
        assert Customer.objects.count() == 1

    def test_rejected_first_vehicle_creates_no_customer_record(self, carol, sign_in):
        assert sign_in(carol).post(URL, PRINTED | {"year": 1}, format="json").status_code == 400
        assert not Customer.objects.exists()

    def test_missing_field_matches_the_contract(self, as_alice):
        body = {name: value for name, value in PRINTED.items() if name != "vin"}
        response = as_alice.post(URL, body, format="json")
        assert (response.status_code, response.json()) == (400, {"vin": ["This field is required."]})

    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            ("vin", VIN[:-1], "A VIN has 17 characters, not 16."),
            ("vin", VIN[:-1] + "O", "A VIN has only digits and letters, without I, O and Q."),
            ("vin", None, "This field may not be null."),
            ("make", "", "This field may not be blank."),
            ("model", "x" * 61, "Ensure this field has no more than 60 characters."),
            ("year", 1885, "Ensure this value is greater than or equal to 1886."),
            ("odometer", -1, "Ensure this value is greater than or equal to 0."),
            ("odometer", 0.125, "Ensure that there are no more than 2 decimal places."),
            ("odometer", True, "A valid number is required."),
            ("odometer", 10**9, "Ensure that there are no more than 9 digits in total."),
            ("licensePlate", "x" * 21, "Ensure this field has no more than 20 characters."),
            ("photoUrl", "javascript:alert(1)", "Enter a valid URL."),
            ("color", "a\x00b", "Null characters are not allowed."),
        ],
    )
    def test_invalid_value_is_reported_by_field(self, as_alice, field, value, message):
        response = as_alice.post(URL, PRINTED | {field: value}, format="json")
        assert (response.status_code, response.json()) == (400, {field: [message]})
        assert not Vehicle.objects.exists()

    def test_duplicate_vin_is_reported(self, civic, as_alice, as_bob):
        before = [stored(civic)]
        response = as_alice.post(URL, PRINTED | {"vin": VIN.lower()}, format="json")
        refused(response, 400, {"error": VIN_TAKEN, "vin": [VIN_TAKEN]}, civic, before=before)
        assert Vehicle.objects.count() == 1
        assert as_bob.post(URL, PRINTED, format="json").status_code == 201

    def test_idempotency_key_adds_one_vehicle(self, as_alice):
        first, again = (
            as_alice.post(URL, PRINTED, format="json", headers={"Idempotency-Key": "k"}) for _ in range(2)
        )
        assert (again.status_code, again.json()) == (201, first.json())
        assert Vehicle.objects.count() == 1


class TestOne:
    def test_retrieve_ignores_the_case_of_the_id(self, civic, as_alice):
        response = as_alice.get(at(civic))
        assert (response.status_code, response.json()) == (200, row(civic))
        assert as_alice.get(at(civic).upper().replace("/API/VEHICLES", "/api/vehicles")).json() == row(civic)
        assert count_queries(lambda: as_alice.get(at(civic))) == 2

    @pytest.mark.parametrize("method", ["put", "patch"])
    def test_partial_body_changes_only_its_fields(self, civic, as_alice, alice, method):
        change = {"licensePlate": "", "color": "Red", "odometer": 15001, "trim": ""}
        response = getattr(as_alice, method)(at(civic), change, format="json")
        assert (response.status_code, response.json()) == (200, row(civic, **change))
        assert civic.history.latest().history_user == alice.contact
        assert as_alice.get(at(civic)).json() == row(civic, **change)

    def test_sending_the_body_back_changes_nothing(self, civic, as_alice):
        before = stored(civic)
        body = as_alice.get(at(civic)).json()
        assert as_alice.put(at(civic), body, format="json").json() == body
        assert stored(civic) == before

    def test_patch_of_a_field_that_cannot_change_is_refused(self, civic, as_alice):
        before = stored(civic)
        body = {"id": UNKNOWN_ID, "user": UNKNOWN_ID, "dongleId": "X", "createdAt": "2000-01-01T00:00:00Z"}
        response = as_alice.patch(at(civic), {**body, "color": "Red"}, format="json")
        assert (response.status_code, response.json()) == (
            400,
            {name: ["This field cannot be changed."] for name in body},
        )
        assert stored(civic) == before
        whole = as_alice.get(at(civic)).json()
        assert as_alice.patch(at(civic), {**whole, "colour": "x"}, format="json").json() == whole
        assert as_alice.put(at(civic), body, format="json").json() == row(civic)

    def test_vin_can_be_corrected(self, civic, as_alice):
        response = as_alice.patch(at(civic), {"vin": "1hgbh41jxmn109187"}, format="json")
        assert response.json() == row(civic, vin="1HGBH41JXMN109187")

    def test_duplicate_vin_is_reported(self, civic, alice, as_alice):
        other = factories.VehicleFactory(customer=alice)
        before = [stored(civic), stored(other)]
        response = as_alice.put(at(other), {"vin": VIN}, format="json")
        refused(response, 400, {"error": VIN_TAKEN, "vin": [VIN_TAKEN]}, civic, other, before=before)

    def test_changed_odometer_is_a_reading(self, civic, as_alice, alice):
        assert as_alice.patch(at(civic), {"odometer": 16000.5}, format="json").json()["odometer"] == 16000.5
        reading = civic.readings.get()
        assert (float(reading.miles), reading.source, reading.by) == (16000.5, "MANUAL", alice.contact)

    def test_odometer_cannot_go_down(self, civic, as_alice):
        before = [stored(civic)]
        response = as_alice.patch(at(civic), {"odometer": 15000.49, "color": "Red"}, format="json")
        refused(response, 400, {"error": BACKWARDS, "odometer": [BACKWARDS]}, civic, before=before)

    @pytest.mark.parametrize(
        ("change", "field", "text"),
        [
            (
                {"year": 1965, "vin": "1234"},
                "vin",
                "A VIN of a model year up to 1980 has 5 to 17 characters, not 4.",
            ),
            ({"vin": "194375S107211"}, "vin", "A VIN has 17 characters, not 13."),
        ],
    )
    def test_vin_is_checked_against_the_year_it_gets(self, civic, as_alice, change, field, text):
        before = stored(civic)
        response = as_alice.patch(at(civic), change, format="json")
        assert (response.status_code, response.json()[field]) == (400, [text])
        assert stored(civic) == before

    def test_year_is_checked_against_the_stored_vin(self, civic, as_alice):
        assert as_alice.patch(at(civic), {"year": 1965, "vin": "12345"}, format="json").status_code == 200
        before = stored(civic)
        text = "A VIN has 17 characters, not 5."
        response = as_alice.patch(at(civic), {"year": 1981}, format="json")
        assert (response.status_code, response.json()) == (400, {"error": text, "year": [text]})
        assert stored(civic) == before

    @pytest.mark.parametrize(("field", "value"), [("vin", "1"), ("trim", None), ("make", ""), ("year", "x")])
    def test_invalid_value_is_reported_by_field(self, civic, as_alice, field, value):
        before = stored(civic)
        response = as_alice.patch(at(civic), {field: value}, format="json")
        assert (response.status_code, list(response.json())) == (400, [field])
        assert stored(civic) == before

    def test_delete_archives_the_vehicle(self, civic, as_alice):
        response = as_alice.delete(at(civic))
        assert (response.status_code, response.content) == (204, b"")
        civic.refresh_from_db()
        assert civic.archived_at is not None
        assert as_alice.get(URL).json() == []
        for again in (as_alice.get(at(civic)), as_alice.delete(at(civic)), as_alice.put(at(civic), {})):
            assert (again.status_code, again.json()) == (404, NOT_FOUND)
        assert as_alice.post(URL, PRINTED, format="json").status_code == 201  # the VIN is free


DONGLE = {"dongleId": "dongle-123", "connectionType": "BLE"}
ONE = [
    ("get", "", None),
    ("put", "", {"color": "Red"}),
    ("patch", "", {"color": "Red"}),
    ("delete", "", None),
    ("post", "link-dongle/", DONGLE),
    ("delete", "link-dongle/", None),
]


@pytest.mark.parametrize(("method", "tail", "body"), ONE)
class TestAccess:
    def call(self, client, vehicle, method, tail, body):
        return getattr(client, method)(at(vehicle, tail), body, format="json")

    def test_other_customer_gets_404(self, civic, as_bob, method, tail, body):
        before = [stored(civic)]
        refused(self.call(as_bob, civic, method, tail, body), 404, NOT_FOUND, civic, before=before)

    def test_staff_get_403(self, civic, as_tim, method, tail, body):
        before = [stored(civic)]
        refused(self.call(as_tim, civic, method, tail, body), 403, CUSTOMERS_ONLY, civic, before=before)

    def test_missing_token_gets_401(self, civic, api, method, tail, body):
        before = [stored(civic)]
        refused(self.call(api, civic, method, tail, body), 401, UNAUTHENTICATED, civic, before=before)

    @pytest.mark.parametrize("id", [UNKNOWN_ID, *MALFORMED])
    def test_unknown_or_malformed_id_gets_404(self, as_alice, method, tail, body, id):
        response = getattr(as_alice, method)(f"{URL}{id}/{tail}", body, format="json")
        assert (response.status_code, response.json()) == (404, NOT_FOUND)

    def test_trailing_slash_is_optional_and_two_are_404(self, civic, as_bob, method, tail, body):
        url = at(civic, tail)
        response = getattr(as_bob, method)(url.rstrip("/"), body, format="json")
        assert (response.status_code, response.json()) == (
            404,
            NOT_FOUND,
        )  # the route matches, the vehicle is missing
        response = getattr(as_bob, method)(f"{url}/", body, format="json")
        assert (response.status_code, response.json()) == (
            404,
            {"error": "There is nothing at this address."},
        )


def test_list_is_for_customers_only(api, as_tim, civic):
    for client, status, body in ((api, 401, UNAUTHENTICATED), (as_tim, 403, CUSTOMERS_ONLY)):
        for response in (client.get(URL), client.post(URL, PRINTED, format="json")):
            assert (response.status_code, response.json()) == (status, body)
    assert Vehicle.objects.count() == 1


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_parallel_adds_of_one_vin_store_one_vehicle_and_one_record(sign_in):
    carol = factories.UserFactory()
    client = sign_in(carol)
    responses = parallel(10, lambda _: client.post(URL, PRINTED, format="json"))
    assert sorted(response.status_code for response in responses) == [201] + [400] * 9
    assert Vehicle.objects.get().customer == Customer.objects.get()
