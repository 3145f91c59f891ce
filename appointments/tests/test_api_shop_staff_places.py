"""The staff API: technicians, locations and their availability."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Any, ClassVar

import pytest

from appointments.tests.test_api_shop_staff import technician_body
from testing import factories
from testing.suites import StaffNounSuite, WritableNounSuite, invalid, refused, stored


@pytest.mark.django_db
class TestAvailability:
    def url(self, garage):
        return f"/api/shop/locations/{garage.pk}/availability/"

    def test_lists_free_slots(self, as_tim, ten):
        garage = factories.GarageFactory(bays=1, hours=(time(9), time(12)))
        factories.ServiceTypeFactory(code="brake_service", minutes=90)
        factories.AppointmentFactory(bay=garage.bays.get(), start=ten, end=ten + timedelta(minutes=30))
        response = as_tim.get(self.url(garage), {"date": str(ten.date()), "services": "Brake service"})
        day = ten.date()
        assert (response.status_code, response.json()) == (
            200,
            {"available_slots": [{"start": f"{day}T10:30:00Z", "end": f"{day}T12:00:00Z"}]},
        )
        assert as_tim.get(self.url(garage).rstrip("/"), {"date": str(day)}).status_code == 200

    def test_invalid_parameters_are_reported(self, as_tim, garage, ten):
        too_far, text = (
            str(ten.date() + timedelta(days=89)),
            "Appointments can be booked at most 90 days ahead.",
        )
        for params, body in (
            ({}, invalid("date", "This field is required.")),
            (
                {"date": "x"},
                invalid("date", "Date has wrong format. Use one of these formats instead: YYYY-MM-DD."),
            ),
            ({"date": str(ten.date()), "bay": "1"}, invalid("bay", "Unknown parameter.")),
            (
                {"date": too_far},
                {
                    "error": "Invalid input",
                    "detail": text,
                    "fields": {"date": [text]},
                    "code": "too_far_ahead",
                },
            ),
        ):
            response = as_tim.get(self.url(garage), params)
            assert (response.status_code, response.json()) == (400, body)

    def test_unknown_location_gets_404(self, as_tim, ten):
        response = as_tim.get("/api/shop/locations/999999/availability/", {"date": str(ten.date())})
        body = {"error": "Not found", "detail": "Location not found.", "code": "not_found"}
        assert (response.status_code, response.json()) == (404, body)


class TestTechnicians(WritableNounSuite):
    noun, name, ordering = "technicians", "Technician", ("name",)
    new: ClassVar[dict[str, Any]] = {"name": "Tina Torque"}
    change: ClassVar[dict[str, Any]] = {"name": "Tina", "role": "master", "email": ""}
    wrong: ClassVar[list[tuple[str, Any, str]]] = [
        ("name", "", "This field may not be blank."),
        ("role", "x" * 61, "Ensure this field has no more than 60 characters."),
        ("email", "nobody", "Enter a valid email address."),
        ("location_id", -1, "Ensure this value is greater than or equal to 1."),
    ]

    def make(self, **values):
        return factories.TechnicianFactory(**values)

    def called(self, text):
        return self.make(name=text)

    def row(self, technician):
        return {**technician_body(technician), "location_id": technician.location_id}

    def test_location_can_be_set_and_removed(self, as_ada):
        technician, location = self.make(), factories.LocationFactory()
        response = as_ada.patch(self.item(technician), {"location_id": location.pk}, format="json")
        assert response.json() == {**self.row(technician), "location_id": location.pk}
        assert self.found(as_ada, location_id=location.pk) == [technician.pk]
        before = [stored(technician)]
        response = as_ada.patch(self.item(technician), {"location_id": 999_999}, format="json")
        body = {"error": "Not found", "detail": "Location not found.", "code": "not_found"}
        refused(response, 404, body, technician, before=before)
        response = as_ada.patch(self.item(technician), {"location_id": None}, format="json")
        assert response.json()["location_id"] is None


class TestLocations(StaffNounSuite):
    noun, name, ordering = "locations", "Location", ("name",)
    allow, item_allow = "GET, HEAD", "GET, HEAD, PATCH"

    def make(self, **values):
        location = factories.LocationFactory(**values)
        factories.BayFactory(location=location)
        return location

    def called(self, text):
        return self.make(name=text)

    def row(self, location):
        return {
            "id": location.pk,
            "uuid": str(location.uuid),
            "name": location.name,
            "address": "500 Main St",
            "latitude": "40.712800",
            "longitude": "-74.006000",
            "phone": "",
            "email": "",
            "time_zone": "UTC",
            "is_default": location.is_default,
            "legal_name": "",
            "registration_number": "",
            "tax_id": "",
            "terms": "",
            "paper_size": "letter",
            "logo_digest": None,
            "allows_percent_fees": True,
            "units": "imperial",
            "bays": [bay.name for bay in location.bays.order_by("id")],
        }

    def test_identity_for_papers_is_changed(self, as_ada, ada):
        location = self.make()
        change = {
            "name": "Main St",
            "address": "501 Main St",
            "phone": "(555) 010-2000",
            "email": "shop@example.com",
            "legal_name": "Garage LLC",
            "registration_number": "R-7100",
            "tax_id": "12-3456789",
            "terms": "Parts are kept for ten days.\nThen they are discarded.",
            "paper_size": "a4",
            "allows_percent_fees": False,
            "units": "metric",
        }
        before = location.history.count()
        response = as_ada.patch(self.item(location), change, format="json")
        assert (response.status_code, response.json()) == (200, {**self.row(location), **change})
        assert (location.history.count(), location.history.latest().history_user_id) == (before + 1, ada.pk)

    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            ("name", "", "This field may not be blank."),
            ("email", "shop", "Enter a valid email address."),
            ("units", "furlongs", '"furlongs" is not a valid choice. Choose one of: imperial, metric.'),
            ("units", "", '"" is not a valid choice. Choose one of: imperial, metric.'),
            ("legal_name", "x" * 201, "Ensure this field has no more than 200 characters."),
            ("is_default", None, "This field may not be null."),
        ],
    )
    def test_invalid_value_is_400_and_changes_nothing(self, as_ada, field, value, message):
        location = self.make()
        before = stored(location)
        response = as_ada.patch(self.item(location), {field: value}, format="json")
        refused(response, 400, invalid(field, message), location, before=[before])

    def test_time_zone_is_read_only(self, as_ada):
        location = self.make()
        before = stored(location)
        response = as_ada.patch(self.item(location), {"time_zone": "Europe/Paris"}, format="json")
        [message] = response.json()["fields"]["time_zone"]
        assert (response.status_code, message.startswith("This field is read-only.")) == (400, True)
        assert stored(location) == before

    def test_default_moves_and_cannot_be_given_up(self, as_ada):
        first, second = self.make(), self.make()
        assert (first.is_default, second.is_default) == (True, False)
        response = as_ada.patch(self.item(second), {"is_default": True}, format="json")
        assert (response.status_code, response.json()) == (200, {**self.row(second), "is_default": True})
        assert as_ada.get(self.item(first)).json() == {**self.row(first), "is_default": False}
        message = "One of them must be the default. Make another one the default instead."
        body = {
            "error": "A default is needed",
            "detail": message,
            "fields": {"is_default": [message]},
            "code": "default_is_needed",
        }
        before = [stored(first), stored(second)]
        response = as_ada.patch(self.item(second), {"is_default": False}, format="json")
        refused(response, 400, body, first, second, before=before)
        as_ada.patch(self.item(first), {"is_default": False}, format="json")
        assert [stored(first), stored(second)] == before
