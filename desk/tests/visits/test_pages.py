"""The page of a visit: checked in, moved, assigned, started, completed or cancelled, each with one form."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from accounts.models import User
from repair_orders.models import RepairOrder
from testing.factories import (
    AppointmentFactory,
    GarageFactory,
    OdometerReadingFactory,
    RecommendationFactory,
    RepairOrderFactory,
    TechnicianFactory,
    UserFactory,
    VehicleFactory,
)
from vehicles.models import Vehicle

pytestmark = pytest.mark.django_db


@pytest.fixture
def garage():
    return GarageFactory(time_zone="America/New_York", hours=(time(0), time(0)))


@pytest.fixture
def start(garage):
    """Return tomorrow at nine, local time."""
    zone = ZoneInfo(garage.time_zone)
    day = timezone.now().astimezone(zone).date() + timedelta(days=1)
    return datetime(day.year, day.month, day.day, 9, tzinfo=zone).astimezone(UTC)


@pytest.fixture
def visit(garage, start):
    return AppointmentFactory(
        bay=garage.bays.first(), start=start, end=start + timedelta(minutes=30), description="Squeaks"
    )


def url(visit):
    return f"/admin/visits/{visit.pk}/"


def step(client, visit, do, **answers):
    return client.post(url(visit), {"do": do} | answers)


def key(client, visit):
    return client.get(url(visit)).context["check_in"]["key"].value()


def told(response):
    return [str(message) for message in response.context["messages"]]


def tags(response):
    """Return the tags of work on a page."""
    found = re.findall(r'<span class="tag[^"]*">([^<]*)</span>', response.content.decode())
    return [text for text in found if text in ("Booked", "Checked in", "Requested")]


class TestCheckIn:
    def test_it_opens_the_order_with_what_was_read(self, desk, ada, visit):
        answers = {
            "key": key(desk, visit),
            "odometer": "31960",
            "key_tag": "12",
            "description": "Squeaks when cold",
        }
        response = step(desk, visit, "check_in", **answers)
        order = RepairOrder.objects.get()
        assert response.headers["Location"] == f"/admin/orders/{order.pk}/"
        assert (order.appointment, order.advisor, order.odometer_in, order.key_tag, order.description) == (
            visit, ada, Decimal("31960.00"), "12", "Squeaks when cold",
        )  # fmt: skip
        visit.refresh_from_db()
        assert visit.status == "pending"

    @pytest.fixture
    def unnamed(self, visit):
        Vehicle.objects.filter(pk=visit.vehicle_id).update(year=2003, license_plate="", vin="")
        return visit

    def test_plate_and_vin_that_are_missing_are_added(self, desk, unnamed):
        assert b"It can be added at check-in" not in desk.get(url(unnamed)).content
        names = {"license_plate": "ktz 4471", "vin": "1hgcm-82633 a004352"}
        step(desk, unnamed, "check_in", key=key(desk, unnamed), **names)
        assert RepairOrder.objects.count() == 1
        assert list(Vehicle.objects.values_list("license_plate", "vin")) == [
            ("KTZ 4471", "1HGCM82633A004352")
        ]

    @pytest.mark.parametrize(
        ("vin", "text"),
        [
            ("1HGCM82633A00435O", "Character 17 is the letter O. A VIN has the digit 0 there."),
            ("1HGCM82633A0043522", "18 characters; a VIN has 17."),
        ],
    )
    def test_a_wrong_vin_is_refused_at_its_field(self, desk, unnamed, vin, text):
        response = step(desk, unnamed, "check_in", key=key(desk, unnamed), vin=vin, odometer="31960")
        assert dict(response.context["check_in"].errors) == {"vin": [text]}
        assert response.context["vin"]["error"] == text
        assert (RepairOrder.objects.count(), Vehicle.objects.get().vin) == (0, "")

    def test_a_vin_of_another_vehicle_of_the_customer_takes_back_the_check_in(self, desk, unnamed):
        VehicleFactory(customer=unnamed.customer, vin="1HGCM82633A004352")
        given = {"key": key(desk, unnamed), "vin": "1HGCM82633A004352"}
        response = step(desk, unnamed, "check_in", **given)
        assert list(response.context["check_in"].errors) == ["vin"]
        assert RepairOrder.objects.count() == 0

    def test_known_names_are_not_asked_for(self, desk, visit):
        Vehicle.objects.filter(pk=visit.vehicle_id).update(license_plate="AB 1", vin="1HGCM82633A004352")
        assert not {"license_plate", "vin"} & set(desk.get(url(visit)).context["check_in"].fields)
        step(desk, visit, "check_in", key=key(desk, visit), license_plate="XX 9")
        assert Vehicle.objects.get().license_plate == "AB 1"

    def test_the_message_names_the_vehicle_as_people_do(self, desk, visit):
        Vehicle.objects.filter(pk=visit.vehicle_id).update(
            year=2016, make="Ford", model="F-150", license_plate="", vin="", unit_number=""
        )
        step(desk, visit, "check_in", key=key(desk, visit))
        number = RepairOrder.objects.get().reference
        assert told(desk.get("/admin/today/")) == [f"2016 Ford F-150 is checked in as order {number}."]

    def test_the_odometer_is_optional(self, desk, visit):
        text = " ".join(re.sub(r"<[^>]+>", " ", desk.get(url(visit)).content.decode()).split())
        assert "Odometer optional Miles. Never read before." in text

    def test_a_lower_reading_is_refused_at_its_field(self, desk, visit):
        yesterday = timezone.now() - timedelta(days=1)
        OdometerReadingFactory(vehicle=visit.vehicle, miles=50_000, at=yesterday)
        response = step(
            desk, visit, "check_in", key=key(desk, visit), odometer="100", description="Words stay"
        )
        form = response.context["check_in"]
        assert (list(form.errors), form["description"].value()) == (["odometer"], "Words stay")
        assert RepairOrder.objects.count() == 0

    def test_a_request_is_continued(self, desk, visit):
        request = RepairOrderFactory(vehicle=visit.vehicle, customer=visit.customer, status="requested")
        step(desk, visit, "check_in", key=key(desk, visit), order=request.pk)
        request.refresh_from_db()
        assert (request.appointment, RepairOrder.objects.count()) == (visit, 1)

    def test_the_page_says_what_was_recommended(self, desk, visit):
        soon = RecommendationFactory(vehicle=visit.vehicle, text="Wiper blades", urgency="soon")
        now = RecommendationFactory(vehicle=visit.vehicle, text="Brake hose", urgency="now")
        assert desk.get(url(visit)).context["advice"] == [now, soon]

    def test_a_visit_that_is_checked_in_is_not_called_booked(self, desk, visit):
        shown = [tags(desk.get(page)) for page in (url(visit), f"/admin/customers-page/{visit.customer_id}/")]
        assert shown == [["Booked"], ["Booked"]]
        assert "Move the visit…" not in desk.get(url(visit)).content.decode()
        step(desk, visit, "check_in", key=key(desk, visit))
        shown = [tags(desk.get(page)) for page in (url(visit), f"/admin/customers-page/{visit.customer_id}/")]
        assert shown == [["Checked in"], ["Requested", "Checked in"]]
        move = desk.get(url(visit)).content.decode().split('id="move"')[1].split("</form>")[0]
        assert '<details class="inset" >' in move


class TestMove:
    def test_it_moves_to_a_free_start(self, desk, visit, start):
        later = start + timedelta(hours=3)
        assert step(desk, visit, "move", start=later.isoformat()).headers["Location"] == url(visit)
        visit.refresh_from_db()
        assert (visit.start, visit.end) == (later, later + timedelta(minutes=30))

    def test_a_taken_start_is_said_at_the_form(self, desk, garage, visit, start):
        later = start + timedelta(hours=3)
        for bay in garage.bays.all():
            AppointmentFactory(bay=bay, start=later, end=later + timedelta(minutes=30))
        response = step(desk, visit, "move", start=later.isoformat())
        assert response.context["move"].non_field_errors()[0].startswith("That time is taken. Next free: ")
        visit.refresh_from_db()
        assert visit.start == start

    def test_the_starts_of_another_day_are_shown_without_a_script(self, desk, visit, start):
        day = start.date() + timedelta(days=5)
        response = step(desk, visit, "show", **{"from": day.isoformat()})
        assert response.context["days"][0].day == day
        visit.refresh_from_db()
        assert visit.start == start


class TestWork:
    def test_it_goes_into_the_bay_with_a_technician_and_out_again(self, desk, garage, visit):
        theo = TechnicianFactory(name="Theo", location=garage)
        step(desk, visit, "assign", technician=theo.pk)
        step(desk, visit, "start")
        visit.refresh_from_db()
        assert (visit.technician, visit.status) == (theo, "in_progress")
        step(desk, visit, "complete")
        visit.refresh_from_db()
        assert visit.status == "completed"

    def test_without_a_technician_the_step_says_what_is_missing(self, desk, visit):
        response = step(desk, visit, "start")
        assert told(response) == ["Assign a technician before starting the appointment."]
        assert b"Assign a technician first." in response.content

    @pytest.mark.parametrize(
        ("email", "preferences", "told"),
        [
            ("linda@example.com", {}, "linda@example.com is told."),
            (None, {}, "No email on file: the customer gets no confirmation."),
            ("linda@example.com", {"email": False}, "Email is off: the customer gets no confirmation."),
        ],
    )
    def test_moving_and_cancelling_say_who_is_told(self, desk, visit, email, preferences, told):
        customer = visit.customer
        User.objects.filter(pk=customer.contact_id).update(email=email)
        type(customer).objects.filter(pk=customer.pk).update(notification_preferences=preferences)
        html = " ".join(desk.get(url(visit)).content.decode().split())
        assert f'<span class="small muted">{told}</span>' in html
        assert f'<p class="hint">The bay becomes free. {told}</p>' in html

    @pytest.mark.parametrize("field", ["start", "started_at"])
    def test_cancelling_a_visit_that_has_begun_tells_nobody(self, desk, visit, field):
        type(visit).objects.update(**{field: timezone.now() - timedelta(minutes=1)})
        html = " ".join(desk.get(url(visit)).content.decode().split())
        assert '<p class="hint">The bay becomes free. The visit has begun: nobody is told.</p>' in html

    def test_it_is_cancelled(self, desk, visit):
        step(desk, visit, "cancel")
        visit.refresh_from_db()
        assert visit.status == "cancelled"


@pytest.mark.parametrize(
    ("role", "do", "status"),
    [
        ("technician", "check_in", 403),
        ("technician", "move", 403),
        ("technician", "show", 403),
        ("technician", "cancel", 403),
        ("advisor", "cancel", 302),
    ],
)
def test_a_role_takes_its_own_steps(client, visit, role, do, status):
    client.force_login(UserFactory(role=role))
    assert client.get(url(visit)).status_code == 200
    assert step(client, visit, do).status_code == status


def test_an_unknown_step_changes_nothing(desk, visit):
    assert step(desk, visit, "explode").headers["Location"] == url(visit)
