"""The desk in kilometers: what is typed at a metric location is stored in miles and printed as it was typed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest
from django.template import Context, Template
from django.urls import reverse
from django.utils import timezone

from appointments.models import Location
from common.domain.ids import new_uuid
from common.domain.units import Units
from customers.models import Customer
from repair_orders.models import RepairOrder
from testing.factories import (
    AppointmentFactory,
    GarageFactory,
    OdometerReadingFactory,
    ServiceTypeFactory,
    VehicleFactory,
)
from vehicles.models import Vehicle
from vehicles.odometer import read_odometer

pytestmark = pytest.mark.django_db
D = Decimal
KM_100_000 = D("62137.12")


@pytest.fixture
def garage():
    return GarageFactory(
        time_zone="America/Toronto", hours=(time(0), time(0)), is_default=True, units="metric"
    )


@pytest.fixture
def visit(garage):
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
    return AppointmentFactory(bay=garage.bays.first(), start=start, end=start + timedelta(minutes=30))


@pytest.fixture
def driven(visit):
    """Return the visit's vehicle with 100,000 km, read yesterday."""
    read_odometer(vehicle=visit.vehicle, miles=KM_100_000, by=None, now=timezone.now() - timedelta(days=1))
    return visit.vehicle


def text_of(response):
    """Return the text of a page without tags, as one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def step(client, vehicle, name, **answers):
    """Send the form of a step with a vehicle."""
    url = reverse(f"vehicle-{name}", args=[vehicle.customer_id, vehicle.pk])
    form = client.get(url).context["form"]
    shown = {field: form[field].value() for field in form.fields if form[field].value() is not None}
    return client.post(url, shown | answers, follow=True)


def check_in(client, visit, odometer):
    url = reverse("visit-page", args=[visit.pk])
    key = client.get(url).context["check_in"]["key"].value()
    return client.post(url, {"do": "check_in", "key": key, "odometer": odometer}, follow=True)


class TestCheckIn:
    def test_kilometers_are_stored_in_miles_and_printed_as_they_were_typed(self, desk, visit):
        page = desk.get(reverse("visit-page", args=[visit.pk]))
        assert "Kilometers. Never read before." in text_of(page)
        page = check_in(desk, visit, "100000")
        order = RepairOrder.objects.get()
        vehicle = Vehicle.objects.get()
        assert (order.odometer_in, vehicle.odometer, vehicle.readings.get().miles) == (KM_100_000,) * 3
        assert "Odometer 100,000 km at check-in" in text_of(page)
        page = desk.get(reverse("customer-page", args=[visit.customer_id]))
        assert "100,000 km, read" in text_of(page)

    def test_lower_figure_is_refused_in_kilometers_and_stays_as_it_was_typed(self, desk, visit, driven):
        page = check_in(desk, visit, "99999.5")
        form = page.context["check_in"]
        assert form.errors == {"odometer": ["The odometer cannot go down: enter at least 100,000 km."]}
        assert form["odometer"].value() == "99999.5"
        assert "Kilometers. Last read: 100,000." in text_of(page)
        assert RepairOrder.objects.count() == 0

    def test_figure_with_too_many_places_is_refused(self, desk, visit):
        page = check_in(desk, visit, "100000.25")
        assert page.context["check_in"].errors == {
            "odometer": ["Enter kilometers with at most one decimal place."]
        }

    def test_figure_that_the_page_shows_is_the_odometer(self, desk, visit):
        """Telematics stores 62137.15 miles, which are 100,000.05 km."""
        yesterday = timezone.now() - timedelta(days=1)
        read_odometer(vehicle=visit.vehicle, miles=D("62137.15"), by=None, now=yesterday)
        check_in(desk, visit, "100000")
        assert RepairOrder.objects.get().odometer_in == D("62137.15")

    def test_customer_who_reads_miles_does_not_change_the_desk(self, desk, visit):
        Customer.objects.update(units="imperial")
        check_in(desk, visit, "100000")
        assert RepairOrder.objects.get().odometer_in == KM_100_000

    def test_other_location_takes_miles(self, desk, visit):
        other = GarageFactory()
        desk.get(reverse("today"), {"location": other.pk})
        page = check_in(desk, visit, "62137.12")
        assert RepairOrder.objects.get().odometer_in == KM_100_000
        assert "Odometer 62,137 mi at check-in" in text_of(page)

    def test_form_that_was_open_when_the_location_was_changed_keeps_its_units(self, desk, visit):
        url = reverse("visit-page", args=[visit.pk])
        page = desk.get(url)
        key = page.context["check_in"]["key"].value()
        [shown] = re.findall(r'name="odometer-units" value="(\w+)"', page.content.decode())
        desk.get(reverse("today"), {"location": GarageFactory().pk})  # in another tab
        desk.post(url, {"do": "check_in", "key": key, "odometer": "100000", "odometer-units": shown})
        assert RepairOrder.objects.get().odometer_in == KM_100_000


class TestOrder:
    def test_keys_are_handed_over_in_kilometers(self, desk, visit):
        check_in(desk, visit, "100000")
        order = RepairOrder.objects.get()
        url = reverse("order-page", args=[order.pk])
        desk.post(
            url,
            {
                "step": "deny",
                "reason": "",
                "key": "denied",
                "seen": desk.get(url, {"step": "deny"}).context["seen"],
            },
        )
        form = desk.get(url, {"step": "out"}).context["step"]["form"]
        assert form["odometer"].label == "Odometer, kilometers"
        answers = {"step": "out", "seen": "", "override": "", "key": new_uuid().hex}
        page = desk.post(url, answers | {"odometer": "99000"})
        form = page.context["step"]["form"]
        assert (form.errors["odometer"], form["odometer"].value()) == (
            ["The odometer cannot go down: enter at least 100,000 km."],
            "99000",
        )
        page = desk.post(url, answers | {"odometer": "100012", "key": new_uuid().hex}, follow=True)
        assert RepairOrder.objects.get().odometer_out == D("62144.58")
        assert "Odometer 100,000 km at check-in 100,012 km out" in text_of(page)


class TestVehicle:
    def test_odometer_is_read(self, desk, driven):
        page = step(desk, driven, "read", miles="99999")
        assert page.context["form"].errors == {
            "miles": ["The odometer cannot go down: enter at least 100,000 km."]
        }
        assert (page.context["form"]["miles"].label, page.context["form"]["miles"].value()) == (
            "Kilometers",
            "99999",
        )
        page = step(desk, driven, "read", miles="123456.7")
        driven.refresh_from_db()
        assert driven.odometer == D("76712.44")
        assert "123,456.7 km, read" in text_of(page)

    def test_reading_is_corrected(self, desk, driven):
        form = desk.get(reverse("vehicle-correct", args=[driven.customer_id, driven.pk])).context["form"]
        assert form["miles"].label == "Right figure, in kilometers"
        assert form.fields["replaces"].choices[0][1].endswith("UTC: 100,000 km")
        page = step(desk, driven, "correct", miles="10000", reason="A digit too many")
        driven.refresh_from_db()
        assert driven.odometer == D("6213.71")
        assert "10,000 km, read" in text_of(page)

    def test_correction_above_a_later_reading_is_refused_in_kilometers(self, desk, driven):
        wrong = driven.readings.get()
        OdometerReadingFactory(vehicle=driven, miles=D("62200.00"), at=timezone.now())
        page = step(desk, driven, "correct", replaces=wrong.pk, miles="200000", reason="Typed wrongly")
        assert page.context["form"].errors["miles"] == [
            "A later reading is 100,101.2 km: enter at most that."
        ]


class TestIntake:
    def sent(self, desk, customer=None, **answers):
        url = reverse("intake")
        query = {"customer": customer.pk} if customer else {}
        form = desk.get(url, query).context["form"]
        shown = {name: form[name].value() for name in form.fields if form[name].value()}
        chosen = {"customer": customer.pk} if customer else {}
        return desk.post(url, shown | chosen | answers, follow=True)

    def test_new_vehicle_is_entered_in_kilometers(self, desk, garage):
        answers = {"first_name": "Zoé", "year": "2020", "make": "Honda", "model": "Civic", "no_visit": "on"}
        self.sent(desk, do="book_new", odometer="100000", vehicle="new", **answers)
        vehicle = Vehicle.objects.get()
        assert (vehicle.odometer, vehicle.readings.get().miles) == (KM_100_000, KM_100_000)

    def test_refusal_of_a_known_vehicle_speaks_kilometers(self, desk, garage, alice):
        ServiceTypeFactory()
        vehicle = VehicleFactory(customer=alice)
        now = timezone.now()
        read_odometer(vehicle=vehicle, miles=KM_100_000, by=None, now=now - timedelta(days=1))
        page = self.sent(desk, alice, do="check_in", start="now", vehicle=vehicle.pk, odometer="99000")
        form = page.context["form"]
        assert form.errors == {"odometer": ["The odometer cannot go down: enter at least 100,000 km."]}
        assert (form["odometer"].value(), form["odometer"].help_text) == ("99000", "Kilometers.")
        self.sent(desk, alice, do="check_in", start="now", vehicle=vehicle.pk, odometer="100000")
        assert RepairOrder.objects.get().odometer_in == KM_100_000


class TestPreference:
    def test_contact_form_sets_the_customers_units(self, desk, garage, alice):
        url = reverse("customer-page", args=[alice.pk])
        form = desk.get(url, {"edit": 1}).context["form"]
        shown = {name: form[name].value() for name in form.fields}
        shown |= {f"initial-{name}": value for name, value in shown.items()}
        page = desk.post(url, shown | {"units": "metric"}, follow=True)
        alice.refresh_from_db()
        assert alice.units == "metric"
        assert "reads kilometers and liters" in text_of(page)
        form = desk.post(url, shown | {"units": "furlongs"}).context["form"]
        assert form.errors == {
            "units": ["Select a valid choice. furlongs is not one of the available choices."]
        }

    def test_shop_without_a_location_shows_miles(self, desk, alice):
        VehicleFactory(customer=alice, odometer=D("48210"), odometer_at=timezone.now())
        page = desk.get(reverse("customer-page", args=[alice.pk]))
        assert (Location.objects.count(), "48,210 miles, read" in text_of(page)) == (0, True)


@pytest.mark.parametrize("library", ["desk", "fleet"])
def test_filters_of_desk_and_portal_print_in_the_units_of_the_page(library):
    page = Template(
        f"{{% load {library} %}}{{{{ miles|distance:units }}}}, {{{{ miles|whole_distance:units }}}} "
        "{{ units.symbol }}, {{ gallons|volume:units }}, {{ mpg|consumption:units }}"
    )
    values = {"miles": D("48211.30"), "gallons": D("10.500"), "mpg": D("30.00")}
    assert [page.render(Context(values | {"units": units}, autoescape=False)) for units in Units] == [
        "48,211.3 miles, 48,211 mi, 10.5 gallons, 30.00 mpg",
        "77,588.6 km, 77,589 km, 39.75 L, 7.8 L/100 km",
    ]
