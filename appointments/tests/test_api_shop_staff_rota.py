"""The staff API: shifts, absences and walk-ins."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any, ClassVar

import pytest
from django.utils import timezone

from appointments.models import Absence, Appointment, Shift
from testing import factories
from testing.suites import WritableNounSuite, invalid, refused, stored

DAYS = "monday, tuesday, wednesday, thursday, friday, saturday, sunday"
WRONG_TIME = "Time has wrong format. Use one of these formats instead: hh:mm, hh:mm:ss."


class RotaSuite(WritableNounSuite):
    """Rows of a technician, who is named when a row is created and stays."""

    item_allow = "GET, HEAD, PATCH, DELETE"
    test_search_ignores_case = test_search_escapes_wildcards = None

    def body_for_new(self):
        return {**self.new, "technician_id": factories.TechnicianFactory().pk}

    invalid_parameters: ClassVar[list[tuple[dict[str, Any], str, str]]] = [
        ({"page": "2"}, "page", "The last page is 1."),
        ({"search": "a"}, "search", "Unknown parameter."),
        ({"ordering": "colour"}, "ordering", '"colour" is not a valid choice. Choose one of: {ordering}.'),
    ]

    def test_technician_must_exist_and_stays(self, as_ada):
        row = self.make()
        response = as_ada.post(self.url, {**self.new, "technician_id": 999_999}, format="json")
        assert (response.status_code, response.json()) == (
            404,
            {"error": "Not found", "detail": "Technician not found.", "code": "not_found"},
        )
        before = stored(row)
        response = as_ada.patch(
            self.item(row), {"technician_id": factories.TechnicianFactory().pk}, format="json"
        )
        [message] = response.json()["fields"]["technician_id"]
        assert (response.status_code, response.json()["code"]) == (400, "unknown_field")
        assert message.startswith("This field is read-only.")
        assert stored(row) == before

    def test_filter_by_technician_and_location(self, as_ada):
        garage = factories.GarageFactory()
        row, other = self.make(), self.make(technician__location=garage)
        assert self.found(as_ada, technician_id=row.technician_id) == [row.pk]
        assert self.found(as_ada, location_id=garage.pk) == [other.pk]

    def test_removed_row_is_gone(self, as_ada, ada):
        row = self.make()
        response = as_ada.delete(self.item(row))
        assert (response.status_code, response.content) == (204, b"")
        assert type(row).objects.count() == 0
        assert type(row).history.latest().history_user_id == ada.pk


class TestShifts(RotaSuite):
    noun, name, ordering = "shifts", "Shift", ("weekday",)
    new: ClassVar[dict[str, Any]] = {"weekday": "Friday", "begins": "08:00", "ends": "24:00"}
    change: ClassVar[dict[str, Any]] = {"weekday": "sunday", "begins": "07:30", "ends": "12:15"}
    wrong: ClassVar[list[tuple[str, Any, str]]] = [
        (
            "weekday",
            "someday",
            f'"someday" is not a valid choice. Choose one of: {DAYS}.',
        ),
        ("begins", "24:00", WRONG_TIME),
        ("begins", None, "This field may not be null."),
        ("ends", "8", WRONG_TIME),
    ]

    def make(self, **values):
        return factories.ShiftFactory(**values)

    def row(self, shift):
        return {
            "id": shift.pk,
            "technician_id": shift.technician_id,
            "weekday": "monday",
            "begins": "08:00",
            "ends": "17:00",
        }

    def test_end_of_the_day_is_24(self, as_ada):
        body = self.body_for_new()
        response = as_ada.post(self.url, body, format="json")
        shift = Shift.objects.get()
        assert (response.status_code, response.json()) == (
            201,
            {**body, "id": shift.pk, "weekday": "friday"},
        )
        assert (shift.weekday, shift.begins, shift.ends) == (4, time(8), time(0))

    def test_hours_out_of_order_and_a_second_shift_are_refused(self, as_ada):
        shift = self.make()
        before = [stored(shift)]
        message = "A shift must begin before it ends."
        body = {
            "error": "Wrong hours",
            "detail": message,
            "fields": {"ends": [message]},
            "code": "wrong_hours",
        }
        refused(
            as_ada.patch(self.item(shift), {"ends": "08:00"}, format="json"), 400, body, shift, before=before
        )
        again = {
            "technician_id": shift.technician_id,
            "weekday": "monday",
            "begins": "08:00",
            "ends": "09:00",
        }
        text = "The technician has a shift from that time on already. Change that one."
        body = {"error": "Shift exists", "detail": text, "code": "shift_exists"}
        response = as_ada.post(self.url, again, format="json")
        assert (response.status_code, response.json()) == (409, body)
        assert Shift.objects.count() == 1


class TestAbsences(RotaSuite):
    noun, name, ordering = "absences", "Absence", ("first_day",)
    new: ClassVar[dict[str, Any]] = {"first_day": "2027-02-01"}
    change: ClassVar[dict[str, Any]] = {
        "first_day": "2027-02-01", "last_day": "2027-02-03", "begins": "08:00", "ends": "24:00", "reason": "Course"
    }  # fmt: skip
    wrong: ClassVar[list[tuple[str, Any, str]]] = [
        ("first_day", "x", "Date has wrong format. Use one of these formats instead: YYYY-MM-DD."),
        ("begins", "25:00", WRONG_TIME),
        ("reason", "x" * 201, "Ensure this field has no more than 200 characters."),
    ]

    def make(self, **values):
        return factories.AbsenceFactory(**values)

    def row(self, absence):
        return {
            "id": absence.pk,
            "technician_id": absence.technician_id,
            "first_day": "2027-01-05",
            "last_day": "2027-01-05",
            "begins": None,
            "ends": None,
            "reason": "Vacation",
        }

    def test_one_day_needs_no_last_day(self, as_ada):
        body = self.body_for_new()
        response = as_ada.post(self.url, body, format="json")
        assert (response.status_code, response.json()) == (
            201,
            {
                "id": Absence.objects.get().pk,
                "technician_id": body["technician_id"],
                "first_day": "2027-02-01",
                "last_day": "2027-02-01",
                "begins": None,
                "ends": None,
                "reason": "",
            },
        )

    def test_days_out_of_order_are_refused(self, as_ada):
        absence = self.make()
        message = "The last day must not be before the first."
        body = {
            "error": "Wrong hours",
            "detail": message,
            "fields": {"last_day": [message]},
            "code": "wrong_hours",
        }
        response = as_ada.patch(self.item(absence), {"last_day": "2027-01-04"}, format="json")
        refused(response, 400, body, absence, before=[stored(absence)])

    def test_filter_by_days(self, as_ada):
        long = self.make(first_day=date(2027, 1, 1), last_day=date(2027, 1, 31))
        one = self.make()
        assert self.found(as_ada, date_from="2027-01-05", date_to="2027-01-05") == [long.pk, one.pk]
        assert self.found(as_ada, date_from="2027-01-06") == [long.pk]
        assert self.found(as_ada, date_to="2027-01-04") == [long.pk]
        response = as_ada.get(self.url, {"date_from": "2027-01-06", "date_to": "2027-01-05"})
        assert response.status_code == 400

    def test_advisor_records_and_does_not_change(self, sign_in):
        as_adv = sign_in(factories.UserFactory(role="advisor"))
        response = as_adv.post(self.url, self.body_for_new(), format="json")
        assert response.status_code == 201
        for method in ("patch", "delete"):
            answer = getattr(as_adv, method)(f"{self.url}{response.json()['id']}/", {}, format="json")
            assert (answer.status_code, answer.json()["code"]) == (403, "role_may_not")


@pytest.mark.django_db
class TestWalkIn:
    url = "/api/shop/appointments/walk-in/"

    def test_books_from_now_on(self, as_ada, ada):
        garage, vehicle = factories.GarageFactory(), factories.VehicleFactory()
        factories.ServiceTypeFactory(code="oil_change", name="Oil change", minutes=45)
        technician = factories.TechnicianFactory()
        bay = garage.bays.order_by("id")[1]
        before = timezone.now()
        response = as_ada.post(
            self.url,
            {
                "vehicle_id": vehicle.pk,
                "location_id": garage.pk,
                "bay_id": bay.pk,
                "technician_id": technician.pk,
                "services": ["Oil change"],
                "notes": "Waits",
            },
            format="json",
        )
        made = Appointment.objects.get()
        assert (response.status_code, response.json()) == (
            201,
            as_ada.get(f"/api/shop/appointments/{made.pk}/").json(),
        )
        assert before <= made.start <= timezone.now()
        assert (made.end - made.start, made.bay, made.customer, made.technician, made.notes) == (
            timedelta(minutes=45), bay, vehicle.customer, technician, "Waits"
        )  # fmt: skip
        assert made.history.get().history_user_id == ada.pk

    def test_no_free_bay_is_409_with_the_next_one(self, as_ada):
        garage = factories.GarageFactory(bays=1)
        bay, end = garage.bays.get(), timezone.now() + timedelta(minutes=50)
        factories.AppointmentFactory(bay=bay, start=end - timedelta(hours=1), end=end)
        body = {"vehicle_id": factories.VehicleFactory().pk, "location_id": garage.pk, "minutes": 20}
        response = as_ada.post(self.url, body, format="json")
        answer = response.json()
        assert response.status_code == 409
        assert answer == {
            "error": "No free bay",
            "detail": answer["detail"],
            "code": "no_free_bay",
            "next_free": {
                "bay_id": bay.pk, "bay": bay.name, "start": end.isoformat().replace("+00:00", "Z")
            },
        }  # fmt: skip
        assert answer["detail"].startswith("No bay is free for 20 minutes from now.")
        assert Appointment.objects.count() == 1

    def test_invalid_values_are_reported(self, as_ada):
        garage, vehicle = factories.GarageFactory(), factories.VehicleFactory()
        good = {"vehicle_id": vehicle.pk, "location_id": garage.pk}
        for values, body in (
            ({"minutes": 4}, invalid("minutes", "Ensure this value is greater than or equal to 5.")),
            ({"minutes": 1441}, invalid("minutes", "Ensure this value is less than or equal to 1440.")),
            ({"vehicle_id": None}, invalid("vehicle_id", "This field may not be null.")),
        ):
            response = as_ada.post(self.url, good | values, format="json")
            assert (response.status_code, response.json()) == (400, body)
        for name, noun in (("vehicle_id", "Vehicle"), ("location_id", "Location"), ("bay_id", "Bay")):
            response = as_ada.post(self.url, {**good, name: 999_999}, format="json")
            assert (response.status_code, response.json()["detail"]) == (404, f"{noun} not found.")
        assert Appointment.objects.count() == 0

    def test_technician_may_not(self, as_tim):
        response = as_tim.post(self.url, {}, format="json")
        assert (response.status_code, response.json()["code"]) == (403, "role_may_not")

    def test_get_is_405(self, as_ada):
        response = as_ada.get(self.url)
        assert (response.status_code, response["Allow"]) == (405, "POST")


@pytest.mark.django_db
def test_start_in_an_occupied_bay_names_the_free_ones(as_ada):
    garage = factories.GarageFactory()
    first, second = garage.bays.order_by("id")
    now = timezone.now()
    factories.AppointmentFactory(bay=first, start=now - timedelta(hours=1), end=now, status="in_progress")
    late = factories.AppointmentFactory(bay=first, start=now, technician=factories.TechnicianFactory())
    before = [stored(late)]
    response = as_ada.post(f"/api/shop/appointments/{late.pk}/start/", {}, format="json")
    refused(
        response,
        409,
        {
            "error": "Bay is occupied",
            "detail": f"{first.name} is occupied. Complete the work there or choose another bay. "
            f"Free now: {second.name}.",
            "code": "bay_occupied",
            "free_bays": [{"id": second.pk, "name": second.name}],
        },
        late,
        before=before,
    )
