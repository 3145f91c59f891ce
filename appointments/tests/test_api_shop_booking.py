"""Contract 000: customers book for themselves, at two addresses."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from appointments import actions
from appointments.holds import SlotTaken, VehicleIsBooked
from appointments.models import Appointment
from appointments.queries import NotASlot, TooFarAhead
from appointments.tests.booking import HALF_HOUR, NOW, TEN, assert_rejected, book
from testing.factories import (
    AppointmentFactory,
    ClosureFactory,
    CustomerUserFactory,
    GarageFactory,
    VehicleFactory,
)
from testing.storms import parallel
from testing.suites import BAD_TOKEN, CUSTOMERS_ONLY, NO_RECORD, count_queries
from vehicles.tests.test_api_shop import brief

pytestmark = pytest.mark.django_db

SHARED, OWN = "/api/shop/appointments/", "/api/shop/appointments/customers/me/appointments/"


@pytest.fixture(params=[SHARED, OWN])
def url(request):
    return request.param


@pytest.fixture
def springfield(db):
    return GarageFactory(name="Springfield", is_default=True)


def wall(instant):
    """Write an instant as the web client does: local time without a zone."""
    return f"{instant:%Y-%m-%dT%H:%M:%S}"


def body_of(appointment):
    return {
        "id": appointment.pk,
        "vehicle_id": appointment.vehicle_id,
        "vehicle": brief(appointment.vehicle),
        "reported_problem_id": None,
        "reported_problem": None,
        "assigned_technician_id": None,
        "assigned_technician": None,
        "customer_id": appointment.customer_id,
        "customer_name": "Alice Cooper",
        "description": appointment.description,
        "date": f"{appointment.start:%Y-%m-%dT%H:%M:%SZ}",
        "status": "pending",
        "assigned_at": None,
        "started_at": None,
        "completed_at": None,
    }


class TestBook:
    def test_request_of_the_web_client(self, as_alice, alice, springfield, car, ten, url):
        sent = {
            "vehicle_id": str(car.pk),
            "date": wall(ten),
            "description": "Oil Change service",
            "status": "pending",
            "reported_problem_id": 7,
        }
        response = as_alice.post(url, sent, format="json")
        appointment = Appointment.objects.get()
        assert (response.status_code, response.json()) == (201, body_of(appointment))
        assert (appointment.start, appointment.end) == (ten, ten + HALF_HOUR)
        assert (appointment.location, appointment.customer) == (springfield, alice)
        assert appointment.description == "Oil Change service"
        assert appointment.history.get().history_user == alice.contact
        assert as_alice.get(OWN).json()["results"] == [response.json()]

    def test_time_with_a_zone_is_that_instant(self, as_alice, springfield, car, ten, url):
        sent = {
            "vehicle_id": car.pk,
            "date": (ten - timedelta(hours=5)).isoformat().replace("+00:00", "-05:00"),
        }
        assert as_alice.post(url, sent, format="json").json()["date"] == f"{ten:%Y-%m-%dT%H:%M:%SZ}"

    def test_local_time_is_that_of_the_location(self, as_alice, car, ten, url):
        GarageFactory(is_default=True, time_zone="America/New_York")
        response = as_alice.post(url, {"vehicle_id": car.pk, "date": wall(ten)}, format="json")
        assert response.status_code == 201
        assert Appointment.objects.get().start - ten in (timedelta(hours=4), timedelta(hours=5))

    def test_day_takes_its_first_free_time(self, as_alice, springfield, car, ten, url):
        eight = ten - timedelta(hours=2)
        for bay in springfield.bays.all():
            AppointmentFactory(start=eight, bay=bay)
        response = as_alice.post(url, {"vehicle_id": car.pk, "date": f"{ten:%Y-%m-%d}"}, format="json")
        assert (response.status_code, response.json()["date"]) == (
            201,
            f"{eight + HALF_HOUR:%Y-%m-%dT%H:%M:%SZ}",
        )

    def test_location_is_that_of_the_latest_appointment(self, as_alice, alice, springfield, car, ten, url):
        other = GarageFactory(name="Shelbyville")
        AppointmentFactory(vehicle=car, customer=alice, bay=other.bays.first(), start=ten - timedelta(days=9))
        AppointmentFactory(
            vehicle=car,
            customer=alice,
            bay=springfield.bays.first(),
            start=ten - timedelta(days=8),
            status="cancelled",
            cancelled_at=ten - timedelta(days=9),
        )
        as_alice.post(url, {"vehicle_id": car.pk, "date": wall(ten)}, format="json")
        assert Appointment.objects.order_by("id").last().location == other

    def test_taken_time_is_a_conflict_with_alternatives(self, as_alice, springfield, car, ten, url):
        for bay in springfield.bays.all():
            AppointmentFactory(start=ten, bay=bay)
        response = as_alice.post(url, {"vehicle_id": car.pk, "date": wall(ten)}, format="json")
        free = [ten + number * HALF_HOUR for number in (1, 2, 3)]
        times = ", ".join(f"{start:%a %d %b %H:%M}" for start in free)
        assert (response.status_code, response.json()) == (
            409,
            {
                "error": "Slot taken",
                "detail": f"That time is taken. Next free: {times}.",
                "alternatives": [
                    {
                        "start": f"{start:%Y-%m-%dT%H:%M:%SZ}",
                        "end": f"{start + HALF_HOUR:%Y-%m-%dT%H:%M:%SZ}",
                    }
                    for start in free
                ],
            },
        )

    def test_full_day_is_a_conflict_with_times_of_the_next(self, as_alice, springfield, car, ten, url):
        for bay in springfield.bays.all():
            start = ten - timedelta(hours=2)
            AppointmentFactory(start=start, end=start + timedelta(hours=10), bay=bay)
        response = as_alice.post(url, {"vehicle_id": car.pk, "date": f"{ten:%Y-%m-%d}"}, format="json")
        body = response.json()
        assert (response.status_code, body["error"]) == (409, "Slot taken")
        assert body["detail"].startswith(f"No time is left on {ten:%Y-%m-%d} at Springfield. Next free: ")
        assert [slot["start"][:10] for slot in body["alternatives"]] == [
            f"{ten + timedelta(days=1):%Y-%m-%d}"
        ] * 3
        assert Appointment.objects.count() == 2

    @pytest.mark.parametrize(
        ("shift", "text"),
        [
            (timedelta(minutes=10), "Appointments start every 30 minutes from 08:00 on."),
            (
                timedelta(hours=-3),
                "Springfield is open from 08:00 to 18:00 on that day. The appointment takes 30 minutes.",
            ),
            (timedelta(days=-9), "Choose a time in the future."),
            (timedelta(days=90), "Appointments can be booked at most 90 days ahead."),
        ],
    )
    def test_time_that_cannot_be_booked_is_told(self, as_alice, springfield, car, ten, url, shift, text):
        response = as_alice.post(url, {"vehicle_id": car.pk, "date": wall(ten + shift)}, format="json")
        body = response.json()
        assert (response.status_code, body["detail"], body["fields"]) == (400, text, {"date": [text]})
        assert list(body) == ["error", "detail", "fields"]
        assert not Appointment.objects.exists()

    def test_day_that_cannot_be_booked_is_told(self, as_alice, springfield, car, ten, url):
        ClosureFactory(location=springfield, day=ten.date())
        for day, text in (
            (ten.date(), f"Springfield is closed on {ten.date()}. Choose another day."),
            (ten.date() - timedelta(days=9), "Choose a day that is not over."),
            (ten.date() + timedelta(days=99), "Appointments can be booked at most 90 days ahead."),
        ):
            response = as_alice.post(url, {"vehicle_id": car.pk, "date": str(day)}, format="json")
            assert (response.status_code, response.json()["fields"]) == (400, {"date": [text]})
        assert not Appointment.objects.exists()

    def test_shop_without_a_location_says_so(self, as_alice, car, ten, url):
        response = as_alice.post(url, {"vehicle_id": car.pk, "date": wall(ten)}, format="json")
        assert (response.status_code, response.json()) == (
            409,
            {"error": "No location", "detail": "Enter the shop's location first."},
        )

    def test_missing_or_invalid_fields_are_named(self, as_alice, springfield, car, url):
        required = ["This field is required."]
        response = as_alice.post(url, {}, format="json")
        assert (response.status_code, response.json()["fields"]) == (
            400,
            {"vehicle_id": required, "date": required},
        )
        for field, value in (
            ("vehicle_id", "first"),
            ("vehicle_id", None),
            ("date", "tomorrow"),
            ("date", "2026-02-30"),
            ("date", "2026-01-26T25:00:00"),
            ("date", None),
            ("description", "x" * 10_001),
        ):
            sent = {"vehicle_id": car.pk, "date": "2030-01-15", field: value}
            response = as_alice.post(url, sent, format="json")
            assert (response.status_code, list(response.json()["fields"])) == (400, [field]), (field, value)
        assert not Appointment.objects.exists()

    @pytest.mark.parametrize("case", ["of another", "archived", "unknown"])
    def test_vehicle_that_is_not_in_use_is_not_found(self, as_alice, alice, springfield, ten, url, case):
        vehicle = {
            "of another": lambda: VehicleFactory().pk,
            "archived": lambda: VehicleFactory(customer=alice, archived_at=NOW).pk,
            "unknown": lambda: 987_654_321,
        }[case]()
        response = as_alice.post(url, {"vehicle_id": vehicle, "date": wall(ten)}, format="json")
        assert (response.status_code, response.json()) == (
            404,
            {"error": "Vehicle not found", "detail": "Vehicle not found."},
        )
        assert not Appointment.objects.exists()

    def test_customer_books_no_more_than_customers_may(self, as_alice, springfield, car, ten, url, settings):
        settings.MAX_APPOINTMENTS_VEHICLE = 1
        assert as_alice.post(url, {"vehicle_id": car.pk, "date": wall(ten)}, format="json").status_code == 201
        later = {"vehicle_id": car.pk, "date": wall(ten + timedelta(hours=2))}
        response = as_alice.post(url, later, format="json")
        assert (response.status_code, response.json()["error"]) == (409, "Too many appointments")

    def test_keys_of_staff_change_nothing(self, as_alice, springfield, car, ten, url):
        sent = {
            "vehicle_id": car.pk,
            "date": wall(ten),
            "customer_id": VehicleFactory().customer_id,
            "location_id": GarageFactory().pk,
            "allow_overlap": True,
            "technician_id": 1,
            "notes": "Free of charge",
        }
        assert as_alice.post(url, sent, format="json").status_code == 201
        appointment = Appointment.objects.get()
        assert (appointment.customer, appointment.location) == (car.customer, springfield)
        assert (appointment.notes, appointment.technician) == ("", None)

    def test_idempotency_key_books_once(self, as_alice, springfield, car, ten, url):
        sent = {"vehicle_id": car.pk, "date": wall(ten)}
        first, second = (
            as_alice.post(url, sent, format="json", headers={"Idempotency-Key": "book-1"}) for _ in range(2)
        )
        assert (first.status_code, second.status_code) == (201, 201)
        assert (first.json(), Appointment.objects.count()) == (second.json(), 1)

    def test_bad_token_viewer_and_login_without_record(self, api, sign_in, alice, carol, car, url):
        api.credentials(HTTP_AUTHORIZATION="Bearer nonsense")
        response = api.post(url, {}, format="json")
        assert (response.status_code, response.json()["detail"]) == (401, BAD_TOKEN["detail"])
        response = sign_in(carol).post(url, {}, format="json")
        assert (response.status_code, response.json()) == (404, NO_RECORD)
        viewer = CustomerUserFactory(customer=alice, role="viewer").user
        response = sign_in(viewer).post(url, {}, format="json")
        text = "Your login may only read. Ask an owner of the company for another role."
        assert (response.status_code, response.json()) == (403, {"error": "Access denied", "detail": text})

    def test_number_of_queries_does_not_grow(self, as_alice, alice, springfield, car, ten):
        sent = {"vehicle_id": car.pk, "date": f"{ten:%Y-%m-%d}"}
        first = count_queries(lambda: as_alice.post(SHARED, sent, format="json"))
        vehicles = VehicleFactory.create_batch(20, customer=alice)
        for number, vehicle in enumerate(vehicles):
            start = ten + timedelta(days=1 + number)
            AppointmentFactory(vehicle=vehicle, customer=alice, bay=springfield.bays.first(), start=start)
        alice.is_verified = True
        alice.save()
        sent = {"vehicle_id": vehicles[0].pk, "date": f"{ten:%Y-%m-%d}"}
        assert count_queries(lambda: as_alice.post(SHARED, sent, format="json")) <= first


class TestStaff:
    def test_staff_are_refused_at_the_customers_address(self, sign_in, ada):
        response = sign_in(ada).post(OWN, {}, format="json")
        assert (response.status_code, response.json()) == (403, CUSTOMERS_ONLY)

    def test_staff_still_book_for_customers(self, sign_in, ada, springfield, car, ten):
        sent = {
            "customer_id": car.customer_id,
            "vehicle_id": car.pk,
            "location_id": springfield.pk,
            "start": ten.isoformat(),
        }
        client = sign_in(ada)
        response = client.post(SHARED, sent, format="json")
        assert (response.status_code, response.json()["bay_id"]) == (201, springfield.bays.first().pk)
        refused = client.post(SHARED, {**sent, "status": "pending"}, format="json")
        assert (refused.status_code, refused.json()["code"]) == (400, "unknown_field")

    def test_customer_lists_their_own_appointments_there(self, as_alice, alice):
        own = AppointmentFactory(customer=alice)
        AppointmentFactory()
        response = as_alice.get(SHARED)
        assert response.json() == as_alice.get(OWN).json()
        assert [row["id"] for row in response.json()["results"]] == [own.pk]


TUESDAY = TEN.date()


def first_free(garage, day=TUESDAY, vehicle=None, now=NOW):
    vehicle = vehicle or VehicleFactory()
    return actions.book_first_free(
        customer=vehicle.customer, vehicle=vehicle, location=garage, day=day, now=now
    )


class TestFirstFree:
    """`actions.book_first_free`."""

    def test_today_begins_now(self):
        garage = GarageFactory()
        assert first_free(garage, day=NOW.date()).start == NOW + HALF_HOUR

    def test_day_that_is_over_at_closing_time_has_no_time_left(self):
        garage = GarageFactory()
        evening = datetime.combine(NOW.date(), time(18), UTC)
        error = assert_rejected(SlotTaken, lambda: first_free(garage, day=NOW.date(), now=evening))
        assert error.facts["alternatives"][0]["start"] == datetime.combine(TEN.date(), time(8), UTC)

    def test_other_appointment_of_the_vehicle_is_passed_over(self):
        garage, vehicle = GarageFactory(), VehicleFactory()
        book(garage, start=TEN - timedelta(hours=2), vehicle=vehicle)
        assert first_free(garage, vehicle=vehicle).start == TEN - timedelta(hours=1, minutes=30)

    def test_vehicle_that_is_busy_all_day_is_told(self):
        garage, vehicle = GarageFactory(), VehicleFactory()
        AppointmentFactory(
            vehicle=vehicle,
            bay=garage.bays.first(),
            start=TEN - timedelta(hours=2),
            end=TEN + timedelta(hours=8),
        )
        assert_rejected(VehicleIsBooked, lambda: first_free(garage, vehicle=vehicle))

    @pytest.mark.parametrize(("days", "error"), [(-3, NotASlot), (99, TooFarAhead)])
    def test_day_outside_the_range_is_refused(self, days, error):
        garage = GarageFactory()
        raised = assert_rejected(error, lambda: first_free(garage, day=TEN.date() + timedelta(days=days)))
        assert raised.field == "start"


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_parallel_bookings_of_a_day_get_different_times():
    garage, vehicles = GarageFactory(), VehicleFactory.create_batch(6)
    booked = parallel(6, lambda number: first_free(garage, vehicle=vehicles[number]))
    taken = [(row.bay_id, row.start) for row in booked]
    assert len(set(taken)) == 6
    eight = TEN - timedelta(hours=2)
    assert sorted(start for _, start in taken) == sorted(
        2 * [eight, eight + HALF_HOUR, eight + 2 * HALF_HOUR]
    )
