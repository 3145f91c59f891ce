"""Contract 003, "Vehicles"."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

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
BACKWARDS = "The odometer cannot show less than it did."
DONGLE_TAKEN = {"error": "This dongle is linked to another vehicle."}
NOBODYS = "0190b8c6-7d1e-7abc-8def-0123456789ab"
MALFORMED = ["invalid-id", "1", "%20", f"{{{NOBODYS}}}", NOBODYS.replace("-", ""), NOBODYS + "0"]


@pytest.fixture
def civic(alice):
    return factories.VehicleFactory(
        customer=alice, vin=VIN, trim="EX", fuel_type="gasoline", odometer=Decimal("15000.50")
    )


def row(vehicle, **changed):
    """The body as the contract prints it, written out independently of the serializer."""
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
    def test_body_is_the_contracts(self, civic, as_alice):
        response = as_alice.get(URL)
        assert (response.status_code, response.json()) == (200, [row(civic)])
        assert list(response.json()[0]) == list(row(civic))
        assert b'"odometer":15000.5,' in response.content  # a number

    def test_only_ones_own_in_use(self, civic, alice, bob, as_bob, as_alice):
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

    def test_every_login_sees_the_customers_contact_as_user(self, civic, alice, carol, sign_in):
        alice.logins.create(user=carol)
        assert sign_in(carol).get(URL).json() == [row(civic)]

    def test_without_a_contact_user_is_null(self, civic, alice, carol, sign_in):
        alice.logins.create(user=carol)
        alice.contact.delete()
        civic.refresh_from_db()
        client = sign_in(carol)
        assert client.get(URL).json() == [row(civic, user=None)]
        assert client.get(at(civic)).json() == row(civic, user=None)

    def test_a_login_without_a_record_has_none_and_gets_none(self, carol, sign_in):
        assert sign_in(carol).get(URL).json() == []
        assert not Customer.objects.exists()

    def test_queries_do_not_grow(self, civic, alice, as_alice):
        with_one = count_queries(lambda: as_alice.get(URL))
        factories.VehicleFactory.create_batch(29, customer=alice)
        assert len(as_alice.get(URL).json()) == 30
        assert count_queries(lambda: as_alice.get(URL)) == with_one == 2

    def test_unknown_parameter(self, as_alice):
        response = as_alice.get(URL, {"colour": "red"})
        assert (response.status_code, response.json()) == (400, {"colour": ["Unknown parameter."]})


class TestAdd:
    def test_as_printed(self, alice, as_alice):
        response = as_alice.post(URL, PRINTED, format="json")
        vehicle = Vehicle.objects.get()
        assert vehicle.customer == alice
        assert (response.status_code, response.json()) == (201, row(vehicle, licensePlate="", color=""))
        assert as_alice.get(at(vehicle)).json() == response.json()

    def test_least_and_most(self, as_alice):
        least = {name: PRINTED[name] for name in ("vin", "make", "model", "year")}
        vehicle = as_alice.post(URL, {**least, "trim": "", "licensePlate": ""}, format="json").json()
        assert (vehicle["trim"], vehicle["licensePlate"], vehicle["odometer"]) == ("", "", 0.0)
        more = {"licensePlate": "XYZ 9", "color": "Blue", "photoUrl": "https://img.example/a.jpg"}
        vehicle = as_alice.post(URL, {**PRINTED, "vin": VIN[:-1] + "7", **more}, format="json").json()
        assert {name: vehicle[name] for name in more} == more

    def test_the_vin_is_stored_in_capitals(self, as_alice):
        assert as_alice.post(URL, PRINTED | {"vin": VIN.lower()}, format="json").json()["vin"] == VIN

    def test_a_failed_check_digit_is_accepted(self, as_alice):
        assert as_alice.post(URL, PRINTED | {"vin": "1HGBH41J0MN109186"}, format="json").status_code == 201

    def test_the_first_write_makes_the_customer_record(self, carol, sign_in):
        client = sign_in(carol)
        response = client.post(URL, PRINTED, format="json")
        assert (response.status_code, response.json()["user"]) == (201, str(carol.uuid))
        assert Customer.objects.get().contact == carol
        assert client.post(URL, PRINTED | {"vin": VIN[:-1] + "7"}, format="json").status_code == 201
        assert Customer.objects.count() == 1

    def test_a_refused_first_write_makes_no_record(self, carol, sign_in):
        assert sign_in(carol).post(URL, PRINTED | {"year": 1}, format="json").status_code == 400
        assert not Customer.objects.exists()

    def test_a_missing_field_as_printed(self, as_alice):
        body = {name: value for name, value in PRINTED.items() if name != "vin"}
        response = as_alice.post(URL, body, format="json")
        assert (response.status_code, response.json()) == (400, {"vin": ["This field is required."]})

    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            ("vin", VIN[:-1], "A VIN has 17 characters."),
            ("vin", VIN[:-1] + "O", "A VIN has digits and letters only, and never I, O or Q."),
            ("vin", None, "This field may not be null."),
            ("make", "", "This field may not be blank."),
            ("model", "x" * 61, "Ensure this field has no more than 60 characters."),
            ("year", 1885, "Ensure this value is greater than or equal to 1886."),
            ("odometer", -1, "Ensure this value is greater than or equal to 0."),
            ("odometer", 0.125, "Ensure that there are no more than 2 decimal places."),
            ("odometer", True, "A valid number is required."),
            ("odometer", 10**9, "Ensure that there are no more than 8 digits before the decimal point."),
            ("licensePlate", "x" * 21, "Ensure this field has no more than 20 characters."),
            ("photoUrl", "javascript:alert(1)", "Enter a valid URL."),
            ("color", "a\x00b", "Null characters are not allowed."),
        ],
    )
    def test_a_wrong_value_is_named(self, as_alice, field, value, message):
        response = as_alice.post(URL, PRINTED | {field: value}, format="json")
        assert (response.status_code, response.json()) == (400, {field: [message]})
        assert not Vehicle.objects.exists()

    def test_a_repeated_vin_is_named(self, civic, as_alice, as_bob):
        before = [stored(civic)]
        response = as_alice.post(URL, PRINTED | {"vin": VIN.lower()}, format="json")
        refused(response, 400, {"error": VIN_TAKEN, "vin": [VIN_TAKEN]}, civic, before=before)
        assert Vehicle.objects.count() == 1
        assert as_bob.post(URL, PRINTED, format="json").status_code == 201

    def test_an_idempotency_key_adds_one(self, as_alice):
        first, again = (
            as_alice.post(URL, PRINTED, format="json", headers={"Idempotency-Key": "k"}) for _ in range(2)
        )
        assert (again.status_code, again.json()) == (201, first.json())
        assert Vehicle.objects.count() == 1


class TestOne:
    def test_body(self, civic, as_alice):
        response = as_alice.get(at(civic))
        assert (response.status_code, response.json()) == (200, row(civic))
        assert as_alice.get(at(civic).upper().replace("/API/VEHICLES", "/api/vehicles")).json() == row(civic)
        assert count_queries(lambda: as_alice.get(at(civic))) == 2

    @pytest.mark.parametrize("method", ["put", "patch"])
    def test_a_partial_body_changes_what_is_sent(self, civic, as_alice, alice, method):
        change = {"licensePlate": "", "color": "Red", "odometer": 15001, "trim": ""}
        response = getattr(as_alice, method)(at(civic), change, format="json")
        assert (response.status_code, response.json()) == (200, row(civic, **change))
        assert civic.history.latest().history_user == alice.contact
        assert as_alice.get(at(civic)).json() == row(civic, **change)

    def test_the_whole_body_as_it_was_read_changes_nothing(self, civic, as_alice):
        before = stored(civic)
        body = as_alice.get(at(civic)).json()
        assert as_alice.put(at(civic), body, format="json").json() == body
        assert stored(civic) == before

    def test_what_is_not_the_callers_to_say_is_not_looked_at(self, civic, as_alice):
        before = stored(civic)
        body = {"id": NOBODYS, "user": NOBODYS, "dongleId": "X", "createdAt": "2000-01-01T00:00:00Z"}
        assert as_alice.patch(at(civic), body, format="json").json() == row(civic)
        assert stored(civic) == before

    def test_a_mistyped_vin_can_be_mended(self, civic, as_alice):
        response = as_alice.patch(at(civic), {"vin": "1hgbh41jxmn109187"}, format="json")
        assert response.json() == row(civic, vin="1HGBH41JXMN109187")

    def test_a_repeated_vin_is_named(self, civic, alice, as_alice):
        other = factories.VehicleFactory(customer=alice)
        before = [stored(civic), stored(other)]
        response = as_alice.put(at(other), {"vin": VIN}, format="json")
        refused(response, 400, {"error": VIN_TAKEN, "vin": [VIN_TAKEN]}, civic, other, before=before)

    def test_the_odometer_never_runs_backwards(self, civic, as_alice):
        before = [stored(civic)]
        response = as_alice.patch(at(civic), {"odometer": 15000.49, "color": "Red"}, format="json")
        refused(response, 400, {"error": BACKWARDS, "odometer": [BACKWARDS]}, civic, before=before)

    @pytest.mark.parametrize(("field", "value"), [("vin", "1"), ("trim", None), ("make", ""), ("year", "x")])
    def test_a_wrong_value_is_named(self, civic, as_alice, field, value):
        before = stored(civic)
        response = as_alice.patch(at(civic), {field: value}, format="json")
        assert (response.status_code, list(response.json())) == (400, [field])
        assert stored(civic) == before

    def test_deleting_archives(self, civic, as_alice):
        response = as_alice.delete(at(civic))
        assert (response.status_code, response.content) == (204, b"")
        civic.refresh_from_db()
        assert civic.archived_at is not None
        assert as_alice.get(URL).json() == []
        for again in (as_alice.get(at(civic)), as_alice.delete(at(civic)), as_alice.put(at(civic), {})):
            assert (again.status_code, again.json()) == (404, NOT_FOUND)
        assert as_alice.post(URL, PRINTED, format="json").status_code == 201  # the VIN is free


DONGLE = {"dongleId": "dongle-123", "connectionType": "BLE"}
LINKED = {"dongleId": "dongle-123", "dongleConnectionType": "BLE"}


class TestDongle:
    @pytest.mark.parametrize("connection", ["BLE", "WIFI", "CLOUD"])
    def test_as_printed(self, civic, as_alice, connection):
        response = as_alice.post(
            at(civic, "link-dongle/"), DONGLE | {"connectionType": connection}, format="json"
        )
        assert (response.status_code, response.json()) == (
            200,
            row(civic, **LINKED | {"dongleConnectionType": connection}),
        )
        assert as_alice.get(URL).json() == [response.json()]

    def test_the_same_again_changes_nothing_and_another_takes_its_place(self, civic, as_alice):
        as_alice.post(at(civic, "link-dongle/"), DONGLE, format="json")
        before = stored(civic)
        response = as_alice.post(at(civic, "link-dongle/"), DONGLE, format="json")
        assert (response.status_code, response.json()) == (200, row(civic, **LINKED))
        assert stored(civic) == before
        other = {"dongleId": "dongle-9", "connectionType": "WIFI"}
        response = as_alice.post(at(civic, "link-dongle/"), other, format="json")
        assert response.json() == row(civic, dongleId="dongle-9", dongleConnectionType="WIFI")

    @pytest.mark.parametrize("owner", ["alice", "bob"])
    def test_one_that_sits_elsewhere(self, civic, as_alice, request, owner):
        other = factories.VehicleFactory(
            customer=request.getfixturevalue(owner), dongle_id="dongle-123", dongle_connection="BLE"
        )
        before = [stored(civic), stored(other)]
        response = as_alice.post(at(civic, "link-dongle/"), DONGLE, format="json")
        refused(response, 409, DONGLE_TAKEN, civic, other, before=before)

    def test_unlinked_it_is_free(self, civic, alice, as_alice):
        other = factories.VehicleFactory(customer=alice)
        as_alice.post(at(civic, "link-dongle/"), DONGLE, format="json")
        response = as_alice.delete(at(civic, "link-dongle/"))
        assert (response.status_code, response.content) == (204, b"")
        assert as_alice.get(at(civic)).json() == row(civic)
        before = stored(civic)
        assert as_alice.delete(at(civic, "link-dongle/")).status_code == 204
        assert stored(civic) == before
        assert as_alice.post(at(other, "link-dongle/"), DONGLE, format="json").status_code == 200

    @pytest.mark.parametrize(
        ("body", "fields"),
        [
            ({}, {"dongleId", "connectionType"}),
            (DONGLE | {"connectionType": "USB"}, {"connectionType"}),
            (DONGLE | {"dongleId": " "}, {"dongleId"}),
            (DONGLE | {"dongleId": None}, {"dongleId"}),
            (DONGLE | {"dongleId": "x" * 101}, {"dongleId"}),
        ],
    )
    def test_a_wrong_body_is_named(self, civic, as_alice, body, fields):
        before = stored(civic)
        response = as_alice.post(at(civic, "link-dongle/"), body, format="json")
        assert (response.status_code, set(response.json())) == (400, fields)
        assert stored(civic) == before


ONE = [
    ("get", "", None),
    ("put", "", {"color": "Red"}),
    ("patch", "", {"color": "Red"}),
    ("delete", "", None),
    ("post", "link-dongle/", DONGLE),
    ("delete", "link-dongle/", None),
]


@pytest.mark.parametrize(("method", "tail", "body"), ONE)
class TestWhoMay:
    def call(self, client, vehicle, method, tail, body):
        return getattr(client, method)(at(vehicle, tail), body, format="json")

    def test_a_stranger_sees_no_vehicle(self, civic, as_bob, method, tail, body):
        before = [stored(civic)]
        refused(self.call(as_bob, civic, method, tail, body), 404, NOT_FOUND, civic, before=before)

    def test_staff_are_refused(self, civic, as_tim, method, tail, body):
        before = [stored(civic)]
        refused(self.call(as_tim, civic, method, tail, body), 403, CUSTOMERS_ONLY, civic, before=before)

    def test_without_a_token(self, civic, api, method, tail, body):
        before = [stored(civic)]
        refused(self.call(api, civic, method, tail, body), 401, UNAUTHENTICATED, civic, before=before)

    @pytest.mark.parametrize("id", [NOBODYS, *MALFORMED])
    def test_an_unknown_or_malformed_id_is_no_vehicle(self, as_alice, method, tail, body, id):
        response = getattr(as_alice, method)(f"{URL}{id}/{tail}", body, format="json")
        assert (response.status_code, response.json()) == (404, NOT_FOUND)

    def test_either_slash_and_not_two(self, civic, as_bob, method, tail, body):
        address = at(civic, tail)
        response = getattr(as_bob, method)(address.rstrip("/"), body, format="json")
        assert (response.status_code, response.json()) == (404, NOT_FOUND)  # found its view, and no vehicle
        response = getattr(as_bob, method)(f"{address}/", body, format="json")
        assert (response.status_code, response.json()) == (
            404,
            {"error": "There is nothing at this address."},
        )


def test_the_list_is_for_customers_alone(api, as_tim, civic):
    for client, status, body in ((api, 401, UNAUTHENTICATED), (as_tim, 403, CUSTOMERS_ONLY)):
        for response in (client.get(URL), client.post(URL, PRINTED, format="json")):
            assert (response.status_code, response.json()) == (status, body)
    assert Vehicle.objects.count() == 1


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_of_parallel_vehicles_with_one_vin_one_is_stored_and_one_record_made(sign_in):
    carol = factories.UserFactory()
    client = sign_in(carol)
    answers = parallel(10, lambda _: client.post(URL, PRINTED, format="json"))
    assert sorted(answer.status_code for answer in answers) == [201] + [400] * 9
    assert Vehicle.objects.get().customer == Customer.objects.get()


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_of_parallel_links_of_one_dongle_one_wins(sign_in):
    alice = factories.CustomerFactory()
    vehicles = factories.VehicleFactory.create_batch(10, customer=alice)
    client = sign_in(alice.contact)
    answers = parallel(10, lambda n: client.post(at(vehicles[n], "link-dongle/"), DONGLE, format="json"))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 9
    winner = next(answer.json()["id"] for answer in answers if answer.status_code == 200)
    assert Vehicle.objects.get(dongle_id="dongle-123").uuid == UUID(winner)
