"""The first run: an empty shop is ready for its first customer after one form."""

from __future__ import annotations

from datetime import time
from decimal import Decimal

import pytest

from accounts.models import User
from appointments.models import Bay, Location, OpeningHours, Technician
from repair_orders.pricing.models import LabourRate, TaxRule
from testing.factories import LocationFactory, UserFactory

pytestmark = pytest.mark.django_db
URL = "/admin/setup/"
SHOP = {
    "name": "Elm Street Garage",
    "address": "1 Elm Street, Springfield",
    "per_hour": "145",
    "tax_percent": "8.875",
}
LOGIN = {
    "name": "Anna Advisor",
    "email": "anna@example.com",
    "role": "advisor",
    "password": "correct-horse-9",
}


def sent(client, logins=(), **answers):
    """Send the form as the page shows it, with the answers."""
    context = client.get(URL).context
    data = {field.html_name: field.value() for field in context["form"] if field.value() is not None}
    data |= {f"form-{name}": value for name, value in (("TOTAL_FORMS", 4), ("INITIAL_FORMS", 0))}
    for number in range(4):
        row = logins[number] if number < len(logins) else {"role": "advisor"}
        data |= {f"form-{number}-{name}": value for name, value in row.items()}
    return client.post(URL, data | SHOP | answers)


def test_the_first_page_of_an_empty_shop_is_its_set_up(desk):
    assert desk.get("/admin/").headers["Location"] == URL


def test_one_form_makes_the_shop_ready(desk):
    tom = {
        "name": "Tom Tech",
        "email": "tom@example.com",
        "role": "technician",
        "password": "correct-horse-8",
    }
    times = {"closes_4": "24:00", "opens_5": "09:00", "closes_5": "12:00"}
    response = sent(desk, [LOGIN, tom], units="metric", **times)
    place = Location.objects.get()
    assert response.headers["Location"] == "/admin/today/"
    assert (place.name, place.is_default, place.time_zone, place.units) == (
        "Elm Street Garage",
        True,
        "America/New_York",
        "metric",
    )
    hours = OpeningHours.objects.order_by("weekday").values_list("weekday", "opens", "closes")
    assert list(hours) == [
        *((day, time(8), time(17)) for day in range(4)), (4, time(8), time(0)), (5, time(9), time(12)),
    ]  # fmt: skip
    assert [bay.name for bay in Bay.objects.order_by("id")] == ["Bay 1", "Bay 2"]
    assert (LabourRate.objects.get().per_hour, LabourRate.objects.get().is_default) == (
        Decimal("145.00"),
        True,
    )
    assert TaxRule.objects.get().percent == Decimal("8.8750")
    anna, tom = (User.objects.get(email=f"{name}@example.com") for name in ("anna", "tom"))
    assert (anna.full_name, anna.role, anna.is_staff, anna.check_password("correct-horse-9")) == (
        "Anna Advisor", "advisor", True, True,
    )  # fmt: skip
    technician = Technician.objects.get()
    assert (technician.user, technician.name, technician.location) == (tom, "Tom Tech", place)
    assert desk.get("/admin/today/").status_code == 200


@pytest.mark.parametrize(
    ("answers", "field", "text"),
    [
        ({"name": ""}, "name", "This field is required."),
        ({"time_zone": "Elm"}, "time_zone", "'Elm' is not a time zone. An example is America/New_York."),
        ({"closes_0": ""}, "closes_0", "Monday: enter both times, or none if it is closed."),
        ({"closes_0": "07:00"}, "closes_0", "Monday: the opening time must be before the closing time."),
        ({f"{side}_{day}": "" for side in ("opens", "closes") for day in range(5)}, "opens_0",
         "Enter the hours of at least one day."),
        ({"bays": "0"}, "bays", "Ensure this value is greater than or equal to 1."),
        ({"tax_percent": "101"}, "tax_percent", "Ensure this value is less than or equal to 100."),
    ],
)  # fmt: skip
def test_a_wrong_value_is_said_at_its_field_and_nothing_is_stored(desk, answers, field, text):
    response = sent(desk, **answers)
    assert response.context["form"].errors == {field: [text]}
    assert Location.objects.count() == 0


@pytest.mark.parametrize(
    ("change", "field"),
    [({"password": "123"}, "password"), ({"email": "ada@example.com"}, "email"), ({"email": ""}, "email")],
)
def test_a_login_that_cannot_be_made_stores_nothing(desk, change, field):
    UserFactory(email="ada@example.com")
    response = sent(desk, [{"role": "advisor"}, LOGIN | change])
    errors = [row.errors for row in response.context["logins"]]
    assert [list(row) for row in errors] == [[], [field], [], []]
    assert Location.objects.count() == 0


def test_a_shop_that_is_set_up_stays(desk):
    LocationFactory()
    assert desk.get(URL).headers["Location"] == "/admin/today/"
    data = SHOP | {
        "form-TOTAL_FORMS": 0,
        "form-INITIAL_FORMS": 0,
        "time_zone": "UTC",
        "units": "imperial",
        "bays": 1,
        "latitude": 0,
        "longitude": 0,
    }
    response = desk.post(URL, data | {"opens_0": "08:00", "closes_0": "17:00"})
    assert response.context["form"].non_field_errors() == ["This shop has a location. Change it on its page."]
    assert Location.objects.count() == 1


def test_an_advisor_does_not_set_up_a_shop(client):
    client.force_login(UserFactory(role="advisor"))
    assert client.get(URL).status_code == 403
    assert client.get("/admin/").headers["Location"] == "/admin/today/"
