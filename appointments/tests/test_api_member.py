"""Contract 003, "Appointments": booking, moving, calling off, and the lists."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from appointments.models import HOLDS_A_BAY, Appointment, AppointmentStatus
from appointments.tests.test_api_member_locations import NO_TOKEN, NOT_STAFF, NOTHING_HERE, location_body, z
from customers.models import Customer
from testing.factories import (
    AppointmentFactory,
    CustomerFactory,
    GarageFactory,
    ServiceTypeFactory,
    VehicleFactory,
)
from testing.storms import parallel
from testing.suites import count_queries, stored

pytestmark = pytest.mark.django_db
LIST, BOOK, UPCOMING = "/api/appointments/", "/api/appointments/book/", "/api/appointments/upcoming/"
HALF_HOUR = timedelta(minutes=30)
FORMAT = "YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]"
WORDS = {
    "pending": "scheduled",
    "in_progress": "in_progress",
    "completed": "completed",
    "cancelled": "cancelled",
}


@pytest.fixture
def garage(db):
    return GarageFactory()


@pytest.fixture
def car(alice):
    return VehicleFactory(customer=alice)


@pytest.fixture
def ten():
    """Ten o'clock the day after tomorrow."""
    day = timezone.now().astimezone(UTC).date() + timedelta(days=2)
    return datetime.combine(day, time(10), UTC)


def body_of(visit, services=()):
    """A visit as the contract prints it."""
    return {
        "id": str(visit.uuid),
        "userId": str(visit.customer.contact.uuid),
        "vehicleId": str(visit.vehicle.uuid),
        "locationId": str(visit.location.uuid),
        "location": location_body(visit.location),
        "startTime": z(visit.start),
        "endTime": z(visit.end),
        "services": list(services),
        "status": WORDS[visit.status],
        "createdAt": z(visit.created_at),
    }


def booking(car, garage, start, services=None) -> dict[str, Any]:
    body = {"vehicleId": str(car.uuid), "locationId": str(garage.uuid), "startTime": z(start)}
    return body if services is None else {**body, "services": services}


def named(field, text):
    """The 400 of a refusal of the business: the one key the apps show, and the wrong field."""
    return {"error": text, field: [text]}


def item(visit):
    return f"{LIST}{visit.uuid}/"


@pytest.fixture
def visit(garage, car, ten):
    return AppointmentFactory(vehicle=car, bay=garage.bays.order_by("id")[0], start=ten, end=ten + HALF_HOUR)


class TestBook:
    def test_the_contracts_booking(self, as_alice, alice, garage, car, ten):
        for code in ("oil_change", "tire_rotation"):
            ServiceTypeFactory(code=code, name=code.replace("_", " ").capitalize())
        response = as_alice.post(
            BOOK, booking(car, garage, ten, ["tire_rotation", "oil_change"]), format="json"
        )
        visit = Appointment.objects.get()
        assert (response.status_code, response.json()) == (
            201,
            body_of(visit, ["tire_rotation", "oil_change"]),
        )
        assert (visit.start, visit.end, visit.status) == (ten, ten + timedelta(hours=1), "pending")
        assert (visit.customer, visit.description) == (alice, "Tire rotation, Oil change")
        assert visit.history.get().history_user == alice.contact

    def test_as_the_web_client_sends_it(self, as_alice, garage, car, ten):
        """No services or those a person writes, no vehicle, an end that is not asked for."""
        ServiceTypeFactory(code="oil_change", minutes=60)
        sent = {"locationId": str(garage.uuid), "startTime": z(ten), "endTime": "whenever"}
        bare = as_alice.post(BOOK, sent, format="json").json()
        assert (bare["vehicleId"], bare["endTime"], bare["services"]) == (
            str(car.uuid),
            z(ten + HALF_HOUR),
            [],
        )
        oil = as_alice.post(
            BOOK,
            {**sent, "services": ["Oil change"], "vehicleId": None, "startTime": z(ten + HALF_HOUR)},
            format="json",
        ).json()
        assert (oil["services"], oil["endTime"]) == (["oil_change"], z(ten + timedelta(minutes=90)))

    def test_which_vehicle(self, as_alice, as_bob, alice, garage, car, ten):
        VehicleFactory(customer=alice)
        sent = {"locationId": str(garage.uuid), "startTime": z(ten)}
        for client, text in (
            (as_alice, "You have several vehicles: say which one."),
            (as_bob, "Add a vehicle first."),
        ):
            response = client.post(BOOK, sent, format="json")
            assert (response.status_code, response.json()) == (400, named("vehicleId", text))
        assert not Appointment.objects.exists()

    def test_a_login_without_a_record_has_no_vehicle_and_gets_no_record(self, sign_in, carol, garage, ten):
        before = Customer.objects.count()
        response = sign_in(carol).post(
            BOOK, {"locationId": str(garage.uuid), "startTime": z(ten)}, format="json"
        )
        assert (response.status_code, response.json()) == (400, named("vehicleId", "Add a vehicle first."))
        assert (Customer.objects.count(), Appointment.objects.count()) == (before, 0)

    def test_what_is_missing_or_wrong_is_named(self, as_alice, garage, car, ten):
        good = booking(car, garage, ten)
        required = ["This field is required."]
        response = as_alice.post(BOOK, {}, format="json")
        assert (response.status_code, response.json()) == (
            400,
            {"locationId": required, "startTime": required},
        )
        null, uuid = ["This field may not be null."], ["Must be a valid UUID."]
        for field, value, messages in (
            ("locationId", None, null),
            ("locationId", "x", uuid),
            ("vehicleId", "", uuid),
            ("startTime", None, null),
            (
                "startTime",
                "tomorrow",
                [f"Datetime has wrong format. Use one of these formats instead: {FORMAT}."],
            ),
            ("startTime", "0001-01-01T00:00:00+14:00", ["Datetime value out of range."]),
            ("services", "oil_change", ['Expected a list of items but got type "str".']),
            ("services", [{}], {"0": ["Not a valid string."]}),
            ("services", ["x"] * 51, ["Ensure this field has no more than 50 elements."]),
        ):  # fmt: skip
            response = as_alice.post(BOOK, {**good, field: value}, format="json")
            assert (response.status_code, response.json()) == (400, {field: messages})
        assert not Appointment.objects.exists()

    @pytest.mark.parametrize(
        ("shift", "text"),
        [
            (timedelta(minutes=10), "Visits start every 30 minutes from 08:00 on."),
            (
                timedelta(hours=-3),
                "Springfield is open from 08:00 to 18:00 on that day; the visit takes 30 minutes.",
            ),
            (timedelta(days=-9), "Choose a time in the future."),
            (timedelta(days=90), "Visits are booked at most 90 days ahead."),
        ],
    )
    def test_what_is_no_slot_names_the_start(self, as_alice, car, ten, shift, text):
        garage = GarageFactory(name="Springfield")
        response = as_alice.post(BOOK, booking(car, garage, ten + shift), format="json")
        assert (response.status_code, response.json()) == (400, named("startTime", text))
        assert not Appointment.objects.exists()

    def test_an_unknown_service_is_named(self, as_alice, garage, car, ten):
        response = as_alice.post(BOOK, booking(car, garage, ten, ["Flux capacitor"]), format="json")
        text = "There is no service “Flux capacitor”."
        assert (response.status_code, response.json()) == (400, named("services", text))
        assert not Appointment.objects.exists()

    def test_a_taken_slot_says_so_and_what_is_free(self, as_alice, as_bob, bob, garage, car, ten):
        for _ in range(2):
            assert as_alice.post(BOOK, booking(car, garage, ten), format="json").status_code == 201
        response = as_bob.post(BOOK, booking(VehicleFactory(customer=bob), garage, ten), format="json")
        free = [ten + n * HALF_HOUR for n in (1, 2, 3)]
        times = ", ".join(f"{start:%a %d %b %H:%M}" for start in free)
        assert (response.status_code, response.json()) == (
            409,
            {
                "error": f"That time is taken. Next free: {times}.",
                "alternatives": [{"start": z(start), "end": z(start + HALF_HOUR)} for start in free],
            },
        )
        assert Appointment.objects.count() == 2

    def test_what_is_not_there(self, as_alice, bob, garage, car, ten):
        good = booking(car, garage, ten)
        for field, value, text in (
            ("vehicleId", str(VehicleFactory(customer=bob).uuid), "Vehicle not found"),
            ("vehicleId", str(uuid4()), "Vehicle not found"),
            ("locationId", str(uuid4()), "Location not found"),
        ):
            response = as_alice.post(BOOK, {**good, field: value}, format="json")
            assert (response.status_code, response.json()) == (404, {"error": text})
        assert not Appointment.objects.exists()

    def test_once_for_one_key(self, as_alice, garage, car, ten):
        headers, sent = {"Idempotency-Key": "once"}, booking(car, garage, ten)
        first, again = (as_alice.post(BOOK, sent, format="json", headers=headers) for _ in range(2))
        assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
        assert Appointment.objects.count() == 1

    def test_who_may_book(self, api, as_tim, garage, car, ten):
        sent = booking(car, garage, ten)
        for client, status, body in ((api, 401, NO_TOKEN), (as_tim, 403, NOT_STAFF)):
            response = client.post(BOOK, sent, format="json")
            assert (response.status_code, response.json()) == (status, body)
        assert not Appointment.objects.exists()

    def test_what_availability_offers_can_be_booked_and_then_is_gone(self, as_alice, car, ten):
        """In a zone whose day is not the project's."""
        garage = GarageFactory(bays=1, time_zone="Pacific/Auckland", hours=(time(8), time(10)))
        params = {"locationId": str(garage.uuid), "date": str(ten.date())}
        offered = as_alice.get("/api/appointments/availability/", params).json()["availableSlots"]
        assert len(offered) == 4
        for slot in offered:
            sent = booking(car, garage, ten) | {"startTime": slot["start"]}
            booked = as_alice.post(BOOK, sent, format="json").json()
            assert (booked["startTime"], booked["endTime"]) == (slot["start"], slot["end"])
        assert as_alice.get("/api/appointments/availability/", params).json() == {"availableSlots": []}


class TestOne:
    def test_its_body(self, as_alice, visit):
        assert as_alice.get(item(visit)).json() == body_of(visit)
        assert as_alice.get(item(visit).rstrip("/")).json() == body_of(visit)

    @pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
    def test_anothers_nobodys_and_no_id(self, as_bob, visit, method):
        before = stored(visit)
        for address, body in (
            (item(visit), {"error": "Appointment not found"}),
            (f"{LIST}{uuid4()}/", {"error": "Appointment not found"}),
            (f"{LIST}{visit.pk}/", {"error": "Appointment not found"}),
            (f"{item(visit)}/", NOTHING_HERE),
        ):
            response = getattr(as_bob, method)(address, {}, format="json")
            assert (response.status_code, response.json()) == (404, body)
        assert stored(visit) == before

    @pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
    def test_who_may(self, api, as_tim, visit, method):
        before = stored(visit)
        for client, status, body in ((api, 401, NO_TOKEN), (as_tim, 403, NOT_STAFF)):
            response = getattr(client, method)(item(visit), {}, format="json")
            assert (response.status_code, response.json()) == (status, body)
        assert stored(visit) == before

    def test_a_former_customers_visit_has_no_user(self, as_alice, alice, visit):
        Customer.objects.filter(pk=alice.pk).update(contact=None)
        assert as_alice.get(item(visit)).json()["userId"] is None


@pytest.mark.parametrize("method", ["put", "patch"])
class TestMove:
    def test_every_field(self, as_alice, alice, visit, ten, method):
        other, elsewhere = VehicleFactory(customer=alice), GarageFactory()
        ServiceTypeFactory(code="brake_service", minutes=90)
        sent = booking(other, elsewhere, ten + HALF_HOUR, ["Brake service"])
        response = getattr(as_alice, method)(item(visit), sent, format="json")
        visit.refresh_from_db()
        assert (response.status_code, response.json()) == (200, body_of(visit, ["brake_service"]))
        assert (visit.vehicle, visit.location, visit.start) == (other, elsewhere, ten + HALF_HOUR)
        assert visit.end - visit.start == timedelta(minutes=90)
        assert visit.history.latest().history_user == alice.contact

    def test_what_is_left_out_stays(self, as_alice, visit, ten, method):
        visit.services.add(ServiceTypeFactory(code="oil_change"))
        before = body_of(visit, ["oil_change"])
        sent = {"startTime": z(ten + HALF_HOUR), "endTime": "ignored", "vehicleId": None, "services": None}
        assert getattr(as_alice, method)(item(visit), sent, format="json").json() == {
            **before, "startTime": z(ten + HALF_HOUR), "endTime": z(ten + 2 * HALF_HOUR)
        }  # fmt: skip
        before = stored(visit)
        assert getattr(as_alice, method)(item(visit), {}, format="json").status_code == 200
        assert stored(visit) == before

    def test_the_same_guards_as_booking(self, as_alice, bob, visit, garage, ten, method):
        for bay in garage.bays.all():
            AppointmentFactory(bay=bay, start=ten + HALF_HOUR, end=ten + 2 * HALF_HOUR)
        before = stored(visit)
        grid = "Visits start every 30 minutes from 08:00 on."
        for sent, status, body in (
            ({"startTime": z(ten + timedelta(minutes=1))}, 400, named("startTime", grid)),
            ({"startTime": "soon"}, 400, None),
            ({"services": ["teleport"]}, 400, named("services", "There is no service “teleport”.")),
            ({"vehicleId": str(VehicleFactory(customer=bob).uuid)}, 404, {"error": "Vehicle not found"}),
            ({"locationId": str(uuid4())}, 404, {"error": "Location not found"}),
        ):
            response = getattr(as_alice, method)(item(visit), sent, format="json")
            assert response.status_code == status
            assert body is None or response.json() == body
        response = getattr(as_alice, method)(item(visit), {"startTime": z(ten + HALF_HOUR)}, format="json")
        assert (response.status_code, list(response.json())) == (409, ["error", "alternatives"])
        assert [slot["start"] for slot in response.json()["alternatives"]] == [
            z(ten + n * HALF_HOUR) for n in (2, 3, 4)
        ]
        assert stored(visit) == before

    @pytest.mark.parametrize("status", ["in_progress", "completed", "cancelled"])
    def test_only_before_it_begins(self, as_alice, visit, ten, method, status):
        Appointment.objects.update(status=status)
        before = stored(visit)
        response = getattr(as_alice, method)(item(visit), {"startTime": z(ten + HALF_HOUR)}, format="json")
        text = f"This appointment is {status.replace('_', ' ')} and cannot become moved."
        assert (response.status_code, response.json()) == (409, {"error": text})
        assert stored(visit) == before


class TestCallOff:
    def test_frees_the_bay_and_is_done_once(self, as_alice, alice, visit):
        response = as_alice.delete(item(visit))
        assert (response.status_code, response.content) == (204, b"")
        visit.refresh_from_db()
        assert (visit.status, visit.cancelled_at is not None) == ("cancelled", True)
        assert visit.history.latest().history_user == alice.contact
        assert as_alice.get(item(visit)).json() == body_of(visit)
        before = stored(visit)
        response = as_alice.delete(item(visit))
        text = "This appointment is cancelled and cannot become cancelled."
        assert (response.status_code, response.json(), stored(visit)) == (409, {"error": text}, before)

    @pytest.mark.parametrize("status", ["in_progress", "completed"])
    def test_not_once_the_work_has_begun(self, as_alice, visit, status):
        Appointment.objects.update(status=status)
        before = stored(visit)
        response = as_alice.delete(item(visit))
        text = f"This appointment is {status.replace('_', ' ')} and cannot become cancelled."
        assert (response.status_code, response.json(), stored(visit)) == (409, {"error": text}, before)


@pytest.fixture
def visits(car, garage, ten):
    """One of each state, a day apart, and one that is over."""
    starts = {status.value: ten + n * timedelta(days=1) for n, status in enumerate(AppointmentStatus)}
    made = {
        status: AppointmentFactory(vehicle=car, location=garage, status=status, start=start)
        for status, start in starts.items()
    }
    return made | {"over": AppointmentFactory(vehicle=car, location=garage, start=ten - timedelta(days=4))}


class TestLists:
    def ids(self, client, address=LIST, **params):
        response = client.get(address, params)
        assert response.status_code == 200, response.content
        return [row["id"] for row in response.json()]

    def test_all_the_latest_first(self, as_alice, visits):
        visits["pending"].services.add(ServiceTypeFactory(code="oil_change"))
        codes = {visits["pending"].pk: ["oil_change"]}
        order = ("cancelled", "completed", "in_progress", "pending", "over")
        assert as_alice.get(LIST).json() == [
            body_of(visits[name], codes.get(visits[name].pk, [])) for name in order
        ]

    def test_upcoming_is_ascending_without_what_is_over(self, as_alice, visits):
        assert as_alice.get(UPCOMING).json() == [body_of(visits[name]) for name in HOLDS_A_BAY]

    def test_upcoming_holds_what_is_under_way(self, as_alice, visit, now):
        begun = AppointmentFactory(
            vehicle=visit.vehicle, location=visit.location, start=now - HALF_HOUR, end=now + HALF_HOUR
        )
        AppointmentFactory(vehicle=visit.vehicle, start=now - HALF_HOUR, end=now)
        assert self.ids(as_alice, UPCOMING) == [str(begun.uuid), str(visit.uuid)]

    def test_filters(self, as_alice, alice, visits, ten, garage):
        other = AppointmentFactory(vehicle=VehicleFactory(customer=alice), start=ten + timedelta(days=20))
        ids = {name: str(row.uuid) for name, row in visits.items()}
        assert self.ids(as_alice, status="scheduled") == [str(other.uuid), ids["pending"], ids["over"]]
        assert self.ids(as_alice, status="In-Progress,cancelled") == [ids["cancelled"], ids["in_progress"]]
        assert self.ids(as_alice, vehicleId=str(other.vehicle.uuid)) == [str(other.uuid)]
        assert self.ids(as_alice, locationId=str(other.location.uuid)) == [str(other.uuid)]
        assert self.ids(as_alice, dateTo=str(ten.date())) == [ids["pending"], ids["over"]]
        assert self.ids(as_alice, dateFrom=str(ten.date()), dateTo=str(ten.date())) == [ids["pending"]]
        assert len(self.ids(as_alice, status="", dateFrom="")) == 6

    def test_wrong_filters_are_named(self, as_alice, bob, visits):
        words = "scheduled, in_progress, completed, cancelled"
        for params, status, body in (
            ({"status": "pending"}, 400, {"status": [f'"pending" is not one of {words}.']}),
            ({"vehicleId": "7"}, 400, {"vehicleId": ["Must be a valid UUID."]}),
            (
                {"dateFrom": "2030-01-02", "dateTo": "2030-01-01"},
                400,
                {"dateFrom": ["Must not be after dateTo."]},
            ),
            ({"now": "2030-01-01T00:00:00Z"}, 400, {"now": ["Unknown parameter."]}),
            ({"vehicleId": str(VehicleFactory(customer=bob).uuid)}, 404, {"error": "Vehicle not found"}),
            ({"locationId": str(uuid4())}, 404, {"error": "Location not found"}),
        ):
            response = as_alice.get(LIST, params)
            assert (response.status_code, response.json()) == (status, body)
        response = as_alice.get(UPCOMING, {"now": "2030-01-01T00:00:00Z"})
        assert (response.status_code, response.json()) == (400, {"now": ["Unknown parameter."]})

    @pytest.mark.parametrize("address", [LIST, UPCOMING])
    def test_each_sees_his_own(self, api, as_bob, as_tim, sign_in, carol, visits, address):
        assert self.ids(as_bob, address) == []
        assert self.ids(sign_in(carol), address) == []
        for client, status, body in ((api, 401, NO_TOKEN), (as_tim, 403, NOT_STAFF)):
            response = client.get(address)
            assert (response.status_code, response.json()) == (status, body)

    @pytest.mark.parametrize("address", [LIST, UPCOMING])
    def test_queries_do_not_grow_and_paging_speaks_through_headers(self, as_alice, visit, address):
        as_alice.get(address)
        one = count_queries(lambda: as_alice.get(address))
        for number in range(29):
            other = AppointmentFactory(vehicle=visit.vehicle, start=visit.start + timedelta(hours=number + 1))
            other.services.add(ServiceTypeFactory())
        assert len(self.ids(as_alice, address)) == 30
        assert count_queries(lambda: as_alice.get(address)) == one
        page = as_alice.get(address, {"page_size": "7", "page": "5"})
        assert (len(page.json()), page["X-Total-Count"]) == (2, "30")
        assert page.json() == as_alice.get(address).json()[28:]

    @pytest.mark.parametrize("address", [LIST, UPCOMING])
    def test_either_slash(self, as_alice, visit, address):
        assert as_alice.get(address.rstrip("/")).json() == as_alice.get(address).json() == [body_of(visit)]
        assert as_alice.get(f"{address}/").json() == NOTHING_HERE


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_of_200_who_book_one_slot_with_two_bays_two_get_it(sign_in, ten):
    garage = GarageFactory()
    people = CustomerFactory.create_batch(200)
    clients = [sign_in(customer.contact) for customer in people]
    cars = [VehicleFactory(customer=customer) for customer in people]

    def book(number):
        return clients[number].post(BOOK, booking(cars[number], garage, ten), format="json")

    answers = parallel(200, book)
    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    assert sorted(answer.status_code for answer in answers) == [201] * 2 + [409] * 198
    booked = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    visits = Appointment.objects.all()
    assert booked == {str(visit.uuid) for visit in visits}
    assert {visit.bay_id for visit in visits} == set(garage.bays.values_list("id", flat=True))
    taken = [answer.json() for answer in answers if answer.status_code == 409]
    assert {body["error"].partition(".")[0] for body in taken} == {"That time is taken"}
    assert {body["alternatives"][0]["start"] for body in taken} == {z(ten + HALF_HOUR)}
