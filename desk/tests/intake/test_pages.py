"""The page *Intake*: one form from a call to a booked visit, and nothing typed is lost."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Group, Permission
from django.utils import timezone

from appointments.models import Appointment, Location
from appointments.queries import local_time
from customers.models import Customer, PhoneCall
from desk.intake.forms import IntakeForm
from desk.intake.pages import guess
from desk.intake.starts import find_starts
from desk.intake.vins import fault_of, read_vin
from repair_orders.models import RepairOrder
from testing.factories import (
    AbsenceFactory,
    AppointmentFactory,
    CustomerFactory,
    GarageFactory,
    RecommendationFactory,
    RepairOrderFactory,
    ServiceTypeFactory,
    TechnicianFactory,
    UserFactory,
    VehicleFactory,
)
from testing.suites import count_queries
from vehicles.models import OdometerReading, Vehicle

pytestmark = pytest.mark.django_db
URL = "/admin/intake/"
TYPED = {
    "first_name": "Lynda", "last_name": "Park", "phone": "(555) 887-2211",
    "vin": "1hgcm-82633 a004352", "year": "2003", "make": "Honda", "model": "Accord", "license_plate": "ktz 4471",
    "description": "Squeals when braking",
}  # fmt: skip


@pytest.fixture
def garage():
    garage = GarageFactory(time_zone="America/New_York", hours=(time(0), time(0)))
    Location.objects.filter(pk=garage.pk).update(is_default=True)
    garage.refresh_from_db()
    return garage


@pytest.fixture
def start(garage):
    zone = ZoneInfo(garage.time_zone)
    day = timezone.now().astimezone(zone).date() + timedelta(days=1)
    return datetime(day.year, day.month, day.day, 9, tzinfo=zone).astimezone(UTC)


def send(client, url=URL, **answers):
    """Send the form that the page shows, with the answers."""
    form = client.get(url).context["form"]
    data = {name: form[name].value() or "" for name in form.fields if name != "services"}
    data = {name: value for name, value in data.items() if value not in ("", False)}
    return client.post(url, data | {"do": "book"} | answers)


def told(client):
    response = client.get("/admin/today/")
    return [str(message) for message in response.context["messages"]]


class TestNewCustomer:
    def test_a_caller_is_entered_and_booked_with_one_form(self, desk, garage, start):
        brakes = ServiceTypeFactory(name="Brake check", minutes=60)
        response = send(desk, **TYPED, services=[brakes.pk], start=start.isoformat())
        visit = Appointment.objects.get()
        day = start.astimezone(ZoneInfo(garage.time_zone)).date()
        assert (response.status_code, response.headers["Location"]) == (
            302,
            f"/admin/today/?day={day}&location={garage.pk}#visit-{visit.pk}",
        )
        assert (visit.customer.name, visit.vehicle.vin, visit.start) == (
            "Lynda Park",
            "1HGCM82633A004352",
            start,
        )
        assert (visit.description, visit.end - visit.start) == ("Squeals when braking", timedelta(hours=1))
        booked = f"Lynda Park is booked: {day:%A} {day.day} {day:%B}, 09:00, {visit.bay}."
        assert told(desk) == [f"{booked} No email on file: the customer gets no confirmation."]

    def test_a_walk_in_is_checked_in_at_once(self, desk, garage):
        response = send(desk, **TYPED, odometer="87,655", start="now", do="check_in")
        order = RepairOrder.objects.get()
        assert response.headers["Location"] == f"/admin/orders/{order.pk}/"
        assert (order.description, order.appointment.vehicle.model, order.odometer_in) == (
            "Squeals when braking", "Accord", Decimal("87655.00"),
        )  # fmt: skip

    def test_the_only_vehicle_of_the_customer_who_is_found_is_chosen(self, desk, garage):
        car = VehicleFactory()
        response = send(desk, description="Squeals when braking", use=car.customer_id)
        form = response.context["form"]
        assert (form["vehicle"].value(), form["description"].value()) == (str(car.pk), "Squeals when braking")
        response = send(desk, license_plate="KTZ 4471", use=car.customer_id)
        assert not response.context["form"]["vehicle"].value()

    def test_a_walk_in_gets_no_confirmation(self, desk, garage):
        send(desk, **TYPED, email="lynda@customer.com", start="now", do="book")
        [text] = told(desk)
        assert text.startswith("Lynda Park is booked: ") and "confirmation" not in text

    def test_a_customer_is_kept_without_a_visit(self, desk, garage):
        response = send(desk, first_name="Lynda", no_visit="on")
        customer = Customer.objects.get(contact__first_name="Lynda")
        assert response.headers["Location"] == f"/admin/customers-page/{customer.pk}/"
        assert (Vehicle.objects.count(), Appointment.objects.count()) == (0, 0)

    def test_what_a_customer_without_a_visit_said_is_noted_as_a_call(self, desk, ada, garage):
        brakes = ServiceTypeFactory(name="Brake check", minutes=60)
        given = {"description": "Squeals\nwhen braking.", "key_tag": "12", "promised_at": "2026-12-24T16:00"}
        send(desk, first_name="Ivo", last_name="Kranz", no_visit="on", services=[brakes.pk], **given)
        [call] = PhoneCall.objects.all()
        assert (call.customer.name, call.by, call.outcome) == (
            "Ivo Kranz",
            ada,
            "Squeals when braking. Asked for: Brake check. Promised: 2026-12-24 16:00. Key tag: 12.",
        )
        assert told(desk) == ["Ivo Kranz is entered. What they said is noted as a call."]
        assert (Vehicle.objects.count(), Appointment.objects.count()) == (0, 0)

    def test_without_words_no_call_is_noted(self, desk, garage):
        send(desk, first_name="Ivo", last_name="Kranz", no_visit="on")
        assert (told(desk), PhoneCall.objects.count()) == (["Ivo Kranz is entered."], 0)

    def test_words_too_long_for_a_call_stay_in_the_form(self, desk, garage):
        response = send(desk, first_name="Ivo", no_visit="on", description="x" * 501)
        form = response.context["form"]
        assert (dict(form.errors), form["description"].value()) == (
            {"description": ["A call is noted in at most 500 characters, not 501. Shorten it."]},
            "x" * 501,
        )
        assert (Customer.objects.count(), PhoneCall.objects.count()) == (0, 0)

    def test_a_role_that_may_not_note_calls_is_told_so(self, client, garage):
        group = Group.objects.get(name="technician")
        names = ["add_appointment", "add_customer", "view_customer"]
        group.permissions.set(Permission.objects.filter(codename__in=names))
        client.force_login(UserFactory(role="technician"))
        response = send(client, first_name="Ivo", no_visit="on", description="Squeals")
        assert dict(response.context["form"].errors) == {
            "description": ["Your role may not note calls. Clear this, or choose a start."]
        }
        assert Customer.objects.count() == 0

    def test_a_form_that_is_sent_twice_books_once(self, desk, garage, start):
        form = desk.get(URL).context["form"]
        data = TYPED | {"key": form["key"].value(), "start": start.isoformat(), "do": "book"}
        assert desk.post(URL, data).status_code == 302
        again = desk.post(
            URL,
            data
            | {"first_name": "Other", "last_name": "Person", "phone": "", "vin": "", "license_plate": ""},
        )
        assert again.status_code == 200
        assert again.context["form"].non_field_errors() == [
            "This form was sent before. Look at what it stored before you send it again."
        ]
        assert Appointment.objects.count() == 1


class TestRefusals:
    @pytest.mark.parametrize(
        ("change", "field", "text"),
        [
            (
                {"first_name": "", "last_name": ""},
                "first_name",
                "Enter a name or a company, or choose a customer above.",
            ),
            ({"make": ""}, "make", "Enter the make of the vehicle."),
            ({"start": ""}, "start", "Choose a start, or “No visit now”."),
            ({"start": "soon"}, "start", "Choose one of the starts."),
            ({"start": "2020-01-01T09:00:00+00:00"}, "start", "Choose a time in the future."),
            ({"vin": "1HGCM82633A00435"}, "vin", "16 characters; a VIN has 17."),
            (
                {"vin": "IHGCM82633A004352"},
                "vin",
                "Character 1 is the letter I. A VIN has the digit 1 there.",
            ),
            ({"vin": "1HGCM82633A0043522"}, "vin", "18 characters; a VIN has 17."),
            ({"email": "nobody"}, "email", "Enter a valid email address."),
            ({"phone": "call me"}, "phone", None),
        ],
    )
    def test_a_refusal_stands_at_its_field_and_nothing_is_stored(
        self, desk, garage, start, change, field, text
    ):
        response = send(desk, **TYPED | {"start": start.isoformat()} | change)
        form = response.context["form"]
        assert (response.status_code, list(form.errors)) == (200, [field])
        if text is not None:
            assert form.errors[field] == [text]
        assert form["description"].value() == "Squeals when braking"
        assert (Customer.objects.count(), Appointment.objects.count()) == (0, 0)

    def test_a_taken_start_renews_the_starts_and_keeps_what_was_typed(self, desk, garage, start):
        page = desk.get(URL)
        for bay in garage.bays.all():
            AppointmentFactory(bay=bay, start=start, end=start + timedelta(minutes=30))
        customers = Customer.objects.count()
        response = desk.post(
            URL,
            TYPED | {"key": page.context["form"]["key"].value(), "start": start.isoformat(), "do": "book"},
        )
        offered = [entry.value for day in response.context["days"] for entry in [*day.few, *day.more]]
        assert response.context["form"].errors["start"][0].startswith("That time is taken. Next free: ")
        assert start.isoformat() not in offered
        assert (start + timedelta(minutes=30)).isoformat() in offered
        assert b"Squeals when braking" in response.content
        assert Customer.objects.count() == customers

    def test_a_busy_technician_is_said_and_may_be_taken_anyway(self, desk, garage, start):
        theo = TechnicianFactory(name="Theo", location=garage)
        AppointmentFactory(
            bay=garage.bays.first(), technician=theo, start=start, end=start + timedelta(hours=1)
        )
        given = TYPED | {"technician": theo.pk, "start": start.isoformat()}
        refused = send(desk, **given)
        assert refused.context["form"].errors["technician"][0].startswith("Theo has appointment ")
        assert b"The technician may have another visit then or be away" in refused.content
        assert send(desk, **given, allow_overlap="on").status_code == 302

    def test_a_technician_who_is_away_is_said_and_may_be_taken_anyway(self, desk, garage, start):
        theo = TechnicianFactory(name="Theo", location=garage)
        AbsenceFactory(technician=theo, first_day=local_time(garage, start).date())
        given = TYPED | {"technician": theo.pk, "start": start.isoformat()}
        refused = send(desk, **given)
        assert refused.context["form"].errors["technician"][0].startswith("Theo is absent on ")
        assert b"The technician may have another visit then or be away" in refused.content
        assert send(desk, **given, allow_overlap="on").status_code == 302

    def test_a_location_that_is_chosen_in_another_tab_does_not_move_the_form(self, desk, garage, start):
        page = desk.get(URL).content.decode()
        assert f'name="place" value="{garage.pk}"' in page
        other = GarageFactory(is_default=False)
        desk.get("/admin/today/", {"location": other.pk})
        send(desk, **TYPED | {"start": start.isoformat(), "place": garage.pk})
        assert Appointment.objects.get().location == garage
        assert desk.get(URL).context["place"].location == other


def test_find_box_counts_those_it_does_not_show(desk, garage):
    for number in range(12):
        CustomerFactory(
            contact__first_name="Sam", contact__last_name="Jones", contact__phone=f"(555) 410-00{number:02}"
        )
    for html in (
        desk.get(URL, {"part": "found", "q": "sam jones"}).content.decode(),
        desk.get(URL, {"q": "sam jones"}).content.decode(),
    ):
        assert "2 more. Type a second word, such as the plate." in html
    assert " more. Type" not in desk.get(URL, {"part": "found", "q": "410-0003"}).content.decode()


class TestDuplicates:
    @pytest.fixture
    def linda(self):
        return CustomerFactory(
            contact=UserFactory(first_name="Linda", last_name="Park", phone="555 887 2211")
        )

    def test_many_of_one_name_are_told_apart_by_their_phone(self, desk, garage, start):
        for number in range(6):
            CustomerFactory(
                contact__first_name="Sam", contact__last_name="Jones", contact__phone=f"(555) 410-000{number}"
            )
        response = send(desk, first_name="Sam", last_name="Jones", no_visit="on")
        text = " ".join(response.content.decode().split())
        assert (len(response.context["likely"]), text.count("This may be Sam Jones.")) == (5, 5)
        assert "Same name. (555) 410-0003. Customer since" in text
        assert "There may be more." in text

    def test_a_likely_duplicate_is_shown_before_anything_is_saved(self, desk, garage, start, linda):
        response = send(desk, **TYPED, start=start.isoformat())
        assert [row.customer for row in response.context["likely"]] == [linda]
        assert f'name="use" value="{linda.pk}"' in " ".join(response.content.decode().split())
        assert (Customer.objects.count(), Appointment.objects.count()) == (1, 0)

    def test_it_may_be_kept_as_new(self, desk, garage, start, linda):
        assert send(desk, **TYPED, start=start.isoformat(), do="book_new").status_code == 302
        assert Customer.objects.count() == 2

    def test_the_one_who_was_found_is_used_with_what_was_typed(self, desk, garage, start, linda):
        page = send(desk, **TYPED, start=start.isoformat(), use=str(linda.pk))
        form = page.context["form"]
        assert (page.context["customer"], form.errors, form["make"].value()) == (linda, {}, "Honda")
        data = TYPED | {
            "key": form["key"].value(),
            "customer": linda.pk,
            "vehicle": "new",
            "start": start.isoformat(),
        }
        assert desk.post(URL, data | {"do": "book"}).status_code == 302
        assert (Appointment.objects.get().customer, Customer.objects.count()) == (linda, 1)


class TestKnownCustomer:
    def test_the_page_says_what_the_customer_has_open(self, desk, garage):
        vehicle = VehicleFactory(model="Golf")
        order = RepairOrderFactory(vehicle=vehicle, customer=vehicle.customer, status="approved")
        advice = RecommendationFactory(vehicle=vehicle, text="Rear shocks")
        page = desk.get(URL, {"customer": vehicle.customer_id})
        assert page.context["standing"] == {"orders": [order], "advice": [advice]}
        assert page.context["form"]["vehicle"].value() == str(vehicle.pk)

    def test_a_vehicle_of_somebody_else_cannot_be_chosen(self, desk, garage, start):
        other, vehicle = VehicleFactory(), VehicleFactory()
        url = f"{URL}?customer={vehicle.customer_id}"
        response = send(desk, url, customer=vehicle.customer_id, vehicle=other.pk, start=start.isoformat())
        assert list(response.context["form"].errors) == ["vehicle"]
        assert Appointment.objects.count() == 0

    def test_a_request_is_continued_by_the_check_in(self, desk, garage):
        request = RepairOrderFactory(status="requested", description="It rattles")
        url = f"{URL}?customer={request.customer_id}"
        given = {
            "customer": request.customer_id,
            "vehicle": request.vehicle_id,
            "start": "now",
            "order": request.pk,
        }
        send(desk, url, **given, do="check_in")
        request.refresh_from_db()
        assert request.appointment == Appointment.objects.get()


class TestWalkInWithoutABay:
    LEAVE = "Leave it here, no bay yet"

    @pytest.fixture
    def ends(self, garage):
        """Take the bays until these times."""
        now = timezone.now().replace(second=0, microsecond=0)
        ends = [now + timedelta(minutes=minutes) for minutes in (47, 95)]
        for bay, end in zip(garage.bays.order_by("id"), ends, strict=True):
            AppointmentFactory(bay=bay, start=now - timedelta(minutes=30), end=end)
        return ends

    def say(self, garage, end, bay="No bay is"):
        now = timezone.now()
        at = end.astimezone(ZoneInfo(garage.time_zone))
        day = "" if at.date() == now.astimezone(at.tzinfo).date() else f"{at:%a} "
        return f"{bay} free before {day}{at:%H:%M}. Leave the car here without a bay, or choose a start."

    def test_the_page_says_why_now_is_missing_and_when_a_bay_is_free(self, desk, garage, ends):
        second = garage.bays.order_by("id")[1]
        for given in ({"start": "now"}, {"part": "starts"}):
            response = desk.get(URL, given)
            assert f'<p class="hint">{self.say(garage, ends[0])}</p>' in response.content.decode()
            assert self.LEAVE in response.content.decode()
            assert "is free now" not in response.content.decode()
        response = desk.get(URL, {"start": "now", "bay": second.pk})
        assert response.context["why_not_now"] == self.say(garage, ends[1], f"{second} is not")

    def test_other_days_have_nothing_to_say_of_now(self, desk, garage, ends, start):
        response = desk.get(URL, {"start": "now", "from": start.date().isoformat()})
        assert response.context["why_not_now"] == ""

    @pytest.mark.parametrize("do", ["book", "check_in"])
    def test_a_missing_start_says_it_as_well(self, desk, garage, ends, do):
        response = send(desk, **TYPED | {"start": ""}, do=do)
        text = self.say(garage, ends[0])
        assert response.context["form"].errors == {"start": [text]}
        # At the top of the page, and at the field instead of the hint.
        assert response.content.decode().count(text) == 2
        assert not Customer.objects.filter(contact__first_name="Lynda").exists()

    def test_a_bay_that_is_taken_meanwhile_says_it_as_well(self, desk, garage, ends):
        response = send(desk, **TYPED | {"start": "now"})
        text = self.say(garage, ends[0])
        assert response.context["form"].errors == {"start": [text]}
        # At the top of the page, and at the field instead of the hint.
        assert response.content.decode().count(text) == 2

    @pytest.mark.parametrize("do", ["book", "check_in"])
    def test_the_car_is_left_without_a_bay(self, desk, garage, ends, do):
        brakes = ServiceTypeFactory(name="Brake check", minutes=60)
        theo = TechnicianFactory(name="Theo", location=garage)
        visits = Appointment.objects.count()
        given = {"odometer": "87655", "key_tag": "12", "services": [brakes.pk], "technician": theo.pk}
        response = send(desk, **TYPED | given, start="leave", do=do)
        order = RepairOrder.objects.get()
        assert response.headers["Location"] == f"/admin/orders/{order.pk}/"
        assert (order.customer.name, order.vehicle.model, order.location, order.appointment) == (
            "Lynda Park", "Accord", garage, None,
        )  # fmt: skip
        assert (order.odometer_in, order.key_tag, order.description, order.checked_in_at is None) == (
            Decimal("87655.00"), "12", "Squeals when braking", False,
        )  # fmt: skip
        assert list(order.jobs.values_list("name", "concern", "technician")) == [
            ("Brake check", "Squeals when braking", theo.pk)
        ]
        assert list(OdometerReading.objects.values_list("miles", "source")) == [
            (Decimal("87655.00"), "CHECK_IN")
        ]
        assert Appointment.objects.count() == visits

    def test_a_refusal_leaves_no_order(self, desk, garage, ends):
        yesterday = timezone.now() - timedelta(days=1)
        response = send(desk, **TYPED, start="leave", promised_at=f"{yesterday:%Y-%m-%dT%H:%M}")
        form = response.context["form"]
        assert (dict(form.errors), form["start"].value()) == (
            {"promised_at": ["The promised time must be in the future."]},
            "leave",
        )
        assert not Customer.objects.filter(contact__first_name="Lynda").exists()

    def test_who_may_not_open_orders_is_not_offered_it(self, client, garage, ends):
        group = Group.objects.get(name="technician")
        names = ["add_appointment", "add_customer", "view_customer"]
        group.permissions.set(Permission.objects.filter(codename__in=names))
        client.force_login(UserFactory(role="technician"))
        page = client.get(URL, {"start": "now"})
        assert self.LEAVE not in page.content.decode()
        assert page.context["why_not_now"].endswith(". Choose a start.")
        assert send(client, **TYPED, start="leave").status_code == 403
        assert send(client, **TYPED, start="now", do="check_in").status_code == 403
        assert not Customer.objects.filter(contact__first_name="Lynda").exists()

    def test_a_location_without_bays_says_what_to_add(self, desk):
        garage = GarageFactory(name="Springfield", bays=0, is_default=True)
        response = desk.get(URL, {"start": "now", "location": garage.pk})
        assert response.context["why_not_now"] == "Springfield has no bays. Add one first."

    def test_with_a_free_bay_nothing_is_said(self, desk, garage):
        response = desk.get(URL, {"start": "now"})
        assert (response.context["why_not_now"], response.context["form"]["start"].value()) == ("", "now")


@pytest.mark.parametrize(
    ("until", "text"),
    [
        (date(2026, 11, 29), "until 17:30"),
        (date(2026, 11, 30), "until Mon 17:30"),
        (date(2026, 12, 5), "until Sat 17:30"),
        (date(2026, 12, 6), "until Sun 6 Dec 17:30"),
    ],
)
def test_a_walk_in_says_on_which_day_its_bay_is_taken(garage, until, text):
    zone = ZoneInfo(garage.time_zone)
    now = datetime(2026, 11, 29, 17, tzinfo=zone).astimezone(UTC)
    bay, _ = garage.bays.order_by("id")
    taken = datetime.combine(until, time(17, 30), zone).astimezone(UTC)
    AppointmentFactory(bay=bay, start=taken, end=taken + timedelta(hours=1))
    [today, *_] = find_starts(garage, [], first=date(2026, 11, 29), now=now).days
    assert (today.few[0].text, today.few[0].hint) == (f"{bay} is free now", text)


class TestStarts:
    def test_they_are_renewed_for_the_services_without_the_page(self, desk, garage, start):
        long = ServiceTypeFactory(minutes=23 * 60)
        response = desk.get(URL, {"part": "starts", "services": [long.pk], "from": start.date().isoformat()})
        [first, *_] = response.context["days"]
        assert [entry.text for entry in first.few] == ["00:00", "00:30", "01:00"]
        assert b"<html" not in response.content

    def test_without_a_script_a_button_shows_them_and_complains_of_nothing(self, desk, garage):
        response = send(desk, do="show", first_name="Lynda")
        assert (response.context["form"].errors, response.context["form"]["first_name"].value()) == (
            {},
            "Lynda",
        )

    def test_a_place_of_the_board_is_chosen_already(self, desk, garage, start):
        bay = garage.bays.order_by("-id").first()
        form = desk.get(URL, {"bay": bay.pk, "start": start.isoformat()}).context["form"]
        assert (form["bay"].value(), form["start"].value()) == (str(bay.pk), start.isoformat())


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("", {}),
        ("(555) 887-2211", {"phone": "(555) 887-2211"}),
        ("linda@example.com", {"email": "linda@example.com"}),
        ("1hgcm-82633 a004352", {"vin": "1hgcm-82633 a004352", "vehicle": "new"}),
        ("KTZ 4471", {"license_plate": "KTZ 4471", "vehicle": "new"}),
        ("Linda de la Vega", {"first_name": "Linda de la", "last_name": "Vega"}),
        ("Cher", {"first_name": "Cher", "last_name": ""}),
    ],
)
def test_a_text_that_found_nobody_fills_the_form(text, fields):
    assert guess(text) == fields


@pytest.mark.parametrize(
    ("text", "year", "read"),
    [
        ("", "", {"vin": "", "error": "", "is_odd": False, "is_old": False, "year": None}),
        (
            "1hgcm-82633 a004352", "",
            {"vin": "1HGCM82633A004352", "error": "", "is_odd": False, "is_old": False, "year": 2003},
        ),
        (
            "1HGCM82633A004353", "2003",
            {"vin": "1HGCM82633A004353", "error": "", "is_odd": True, "is_old": False, "year": None},
        ),
        (
            "194377S103420", "1967",
            {"vin": "194377S103420", "error": "", "is_odd": False, "is_old": False, "year": None},
        ),
        (
            "194377S103420", "",
            {
                "vin": "194377S103420", "error": "13 characters; a VIN has 17.",
                "is_odd": False, "is_old": True, "year": None,
            },
        ),
    ],
)  # fmt: skip
def test_a_vin_is_read_back(text, year, read):
    assert read_vin(text, year) == read


@pytest.mark.parametrize(
    ("vin", "year", "fault"),
    [
        ("", None, ""),
        ("1HGCM82633A004352", None, ""),
        ("1", None, "1 character; a VIN has 17."),
        ("1HGCM82633A0043522", 2003, "18 characters; a VIN has 17."),
        ("1HGCM82633A00435O", None, "Character 17 is the letter O. A VIN has the digit 0 there."),
        ("1HGCM8Q633A004352", None, "Character 7 is the letter Q. A VIN has the digit 0 or 9 there."),
        ("1HGCM8*633A004352", None, "Character 7 is “*”. A VIN has only digits and letters."),
        ("12*456", 1967, "A VIN has only digits and letters."),
    ],
)
def test_what_is_wrong_with_a_vin_is_said(vin, year, fault):
    assert fault_of(vin, year) == fault


@pytest.mark.parametrize(("typed", "stored"), [("", 2003), ("2004", 2004)])
def test_the_year_of_the_vin_stands_in_for_one_that_was_not_typed(typed, stored):
    form = IntakeForm(
        {**TYPED, "year": typed, "no_visit": "on", "key": "k"},
        customer=None,
        vehicles=(),
        location=GarageFactory(),
    )
    assert form.is_valid(), form.errors
    assert form.car["year"] == stored


class TestRoles:
    @pytest.mark.parametrize(("role", "status"), [("technician", 403), ("advisor", 200), ("manager", 200)])
    def test_advisors_and_managers_take_customers_in(self, client, garage, role, status):
        client.force_login(UserFactory(role=role))
        assert client.get(URL).status_code == status

    def test_an_empty_shop_says_what_to_enter_first(self, desk):
        assert "No location yet" in desk.get(URL).content.decode()


def test_vehicle_that_is_not_among_the_newest_of_a_fleet_can_be_chosen(desk, garage, monkeypatch):
    monkeypatch.setattr("desk.intake.pages.MOST_VEHICLES", 2)
    old = VehicleFactory()
    newer = [VehicleFactory(customer=old.customer) for _ in range(3)]
    page = desk.get(URL, {"customer": old.customer_id, "vehicle": old.pk})
    assert list(page.context["form"].vehicles.values()) == [newer[2], newer[1], old]
    assert re.search(
        rf'<input type="radio" name="vehicle" value="{old.pk}"[^>]* checked', page.content.decode()
    )


def test_a_customer_with_many_vehicles_costs_no_more_queries(desk, garage):
    vehicle = VehicleFactory()
    RepairOrderFactory(vehicle=vehicle, customer=vehicle.customer, status="requested")
    url = f"{URL}?customer={vehicle.customer_id}"
    desk.get(url)
    few = count_queries(lambda: desk.get(url))
    for _ in range(20):
        RepairOrderFactory(vehicle=VehicleFactory(customer=vehicle.customer), customer=vehicle.customer)
    assert count_queries(lambda: desk.get(url)) == few
