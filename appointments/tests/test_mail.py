"""Emails about appointments: each is sent once, after the commit, and a reminder follows its appointment (D99)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from django.utils import timezone
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from appointments import actions, tasks
from appointments.mail import VisitMail, visit_mail
from appointments.models import Appointment
from appointments.tasks import mail_reminder, mail_visit, reminder_time
from common.domain.tasks import run_all
from customers.actions import change_profile
from testing.factories import AppointmentFactory, GarageFactory, ServiceTypeFactory, VehicleFactory

NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture
def garage(db):
    return GarageFactory(
        bays=1,
        name="Springfield Garage",
        address="500 Main St",
        phone="(555) 010-2000",
        email="service@garage.example",
        time_zone="America/New_York",
    )


@pytest.fixture
def car(alice):
    return VehicleFactory(customer=alice, year=2020, make="Toyota", model="Camry", license_plate="ABC-1234")


@pytest.fixture
def start():
    """10:00 in New York, three days ahead."""
    day = timezone.now().astimezone(NEW_YORK).date() + timedelta(days=3)
    return datetime(day.year, day.month, day.day, 10, tzinfo=NEW_YORK).astimezone(UTC)


def book(garage, car, start, services=(), **options):
    return actions.book_appointment(
        customer=car.customer,
        vehicle=car,
        location=garage,
        start=start,
        services=services,
        now=timezone.now(),
        **options,
    )


def calendar_of(mail):
    """Return the type, the name and the properties of the mail's calendar file."""
    [part] = mail.attachments
    text = part.get_payload(decode=True).decode().replace("\r\n ", "")
    return (
        f"{part.get_content_type()}; method={part.get_param('method')}",
        part.get_filename(),
        dict(line.partition(":")[::2] for line in text.split("\r\n")),
    )


def waiting():
    """Return the arguments and the time of the reminders that wait."""
    rows = DBTaskResult.objects.filter(status=TaskResultStatus.READY).order_by("run_after")
    return [(row.args_kwargs["args"], row.run_after) for row in rows]


def subjects(mailoutbox):
    return [mail.subject.partition(":")[0] for mail in mailoutbox]


@pytest.mark.django_db(transaction=True)
class TestEvents:
    def test_booking_is_confirmed_with_a_calendar_file(self, garage, car, alice, start, mailoutbox):
        oil = ServiceTypeFactory(name="Oil & filter", minutes=90)
        with transaction.atomic():
            appointment = book(garage, car, start, [oil])
            assert mailoutbox == []
        [mail] = mailoutbox
        local = start.astimezone(NEW_YORK)
        day = f"{local:%A, %B} {local.day}, {local.year}"
        assert mail.to == [alice.contact.email]
        assert mail.subject == f"Your appointment on {local:%a, %b} {local.day}, 10:00"
        assert mail.body == (
            "Hello Alice,\n"
            "\n"
            "Your appointment is booked.\n"
            "\n"
            f"{day}, 10:00–11:30 (America/New_York)\n"
            "Springfield Garage\n"
            "500 Main St\n"
            "\n"
            "Vehicle: 2020 Toyota Camry (ABC-1234)\n"
            "Services: Oil & filter\n"
            "\n"
            "If you cannot come or want another time, use your account or call (555) 010-2000.\n"
        )
        [(html, kind)] = mail.alternatives
        assert kind == "text/html"
        assert f"<strong>{day}, 10:00–11:30 (America/New_York)</strong>" in html
        assert "Oil &amp; filter" in html
        content_type, name, event = calendar_of(mail)
        assert (content_type, name) == ("text/calendar; method=REQUEST", "appointment.ics")
        assert {
            name: event[name] for name in ("METHOD", "UID", "SEQUENCE", "DTSTART", "DTEND", "STATUS")
        } == {
            "METHOD": "REQUEST",
            "UID": str(appointment.uuid),
            "SEQUENCE": "0",
            "DTSTART": f"{start:%Y%m%dT%H%M%SZ}",
            "DTEND": f"{start + timedelta(minutes=90):%Y%m%dT%H%M%SZ}",
            "STATUS": "CONFIRMED",
        }
        assert event['ORGANIZER;CN="Springfield Garage"'] == "mailto:service@garage.example"

    def test_move_and_cancellation_raise_the_sequence(self, garage, car, start, mailoutbox):
        appointment = book(garage, car, start)
        later = start + timedelta(hours=2)
        actions.move_appointment(appointment=appointment, start=later, now=timezone.now())
        actions.cancel_pending_appointment(appointment=appointment, by=None, now=timezone.now())
        assert subjects(mailoutbox)[1:] == ["Changed", "Cancelled"]
        found = [calendar_of(mail)[2] for mail in mailoutbox]
        assert [(e["METHOD"], e["STATUS"], e["SEQUENCE"]) for e in found] == [
            ("REQUEST", "CONFIRMED", "0"), ("REQUEST", "CONFIRMED", "1"), ("CANCEL", "CANCELLED", "2")
        ]  # fmt: skip
        assert {e["UID"] for e in found} == {str(appointment.uuid)}
        assert found[1]["DTSTART"] == found[2]["DTSTART"] == f"{later:%Y%m%dT%H%M%SZ}"
        assert "12:00–12:30 (America/New_York)" in mailoutbox[1].body
        assert mailoutbox[2].body.endswith("To book another one, use your account or call (555) 010-2000.\n")

    def test_change_of_vehicle_or_services_is_told_and_one_of_the_bay_or_texts_is_not(
        self, garage, car, alice, start, mailoutbox
    ):
        appointment, service = book(garage, car, start), ServiceTypeFactory(minutes=30)
        garage.bays.create(name="Second")
        bay, now = garage.bays.get(name="Second"), timezone.now()
        actions.move_appointment(appointment=appointment, bay=bay, by_staff=True, now=now)
        actions.change_appointment(appointment=appointment, notes="Internal", start=start, now=now)
        actions.move_appointment(appointment=appointment, services=[], now=now)
        assert (len(mailoutbox), appointment.sequence) == (1, 0)
        actions.move_appointment(appointment=appointment, services=[service], now=now)
        actions.move_appointment(
            appointment=appointment, vehicle=VehicleFactory(customer=alice), now=timezone.now()
        )
        assert subjects(mailoutbox)[1:] == ["Changed", "Changed"]
        assert Appointment.objects.get().sequence == 2

    def test_rolled_back_booking_is_not_told(self, garage, car, start, mailoutbox):
        with transaction.atomic():
            book(garage, car, start)
            transaction.set_rollback(True)
        assert (mailoutbox, DBTaskResult.objects.count()) == ([], 0)

    def test_walk_in_is_not_told(self, garage, car, mailoutbox):
        actions.walk_in(customer=car.customer, vehicle=car, location=garage, now=timezone.now())
        assert (mailoutbox, DBTaskResult.objects.count()) == ([], 0)

    def test_work_that_is_stopped_and_a_start_that_is_past_are_not_told(self, garage, car, mailoutbox):
        now = timezone.now()
        stopped = AppointmentFactory(
            vehicle=car, status="in_progress", start=now + timedelta(hours=1), started_at=now
        )
        missed = AppointmentFactory(start=now - timedelta(minutes=1))
        for appointment in (stopped, missed):
            actions.cancel_appointment(appointment=appointment, by=None, now=now)
        assert (mailoutbox, DBTaskResult.objects.count()) == ([], 0)

    def test_customer_without_address_or_contact_gets_no_mail(self, garage, car, alice, start, mailoutbox):
        alice.contact.email = None
        alice.contact.save()
        appointment = book(garage, car, start)
        alice.contact.delete()
        alice.refresh_from_db()
        actions.cancel_appointment(appointment=appointment, by=None, now=timezone.now())
        assert mailoutbox == []
        assert not DBTaskResult.objects.exclude(status="SUCCESSFUL").exclude(status="READY").exists()

    def test_preferences_without_email_get_no_mail(self, garage, car, alice, start, mailoutbox):
        change_profile(customer_id=alice.pk, notification_preferences={"email": False})
        book(garage, car, start)
        change_profile(customer_id=alice.pk, notification_preferences={"email": True, "order_updates": False})
        assert mailoutbox == []
        actions.cancel_appointment(appointment=Appointment.objects.get(), by=None, now=timezone.now())
        assert subjects(mailoutbox) == ["Cancelled"]

    def test_mail_that_failed_is_sent_again_with_the_present_time(
        self, garage, car, start, mailoutbox, monkeypatch
    ):
        def refuse(*_args, **_options):
            raise ConnectionError

        with monkeypatch.context() as patch:
            patch.setattr(tasks, "visit_mail", refuse)
            appointment = book(garage, car, start)
        actions.move_appointment(
            appointment=appointment, start=start + timedelta(hours=1), now=timezone.now()
        )
        assert subjects(mailoutbox) == ["Changed"]
        DBTaskResult.objects.filter(task_path__endswith="mail_visit", status="READY").update(
            run_after=timezone.now()
        )
        assert run_all() == 1
        assert [calendar_of(mail)[2]["SEQUENCE"] for mail in mailoutbox] == ["1", "1"]
        assert "11:00–11:30" in mailoutbox[1].body
        assert run_all() == 0

    def test_confirmation_of_a_cancelled_appointment_is_not_sent(self, garage, car, start, mailoutbox):
        appointment = book(garage, car, start)
        actions.cancel_appointment(appointment=appointment, by=None, now=timezone.now())
        mailoutbox.clear()
        mail_visit.enqueue(appointment.pk, "booked")
        mail_visit.enqueue(appointment.pk + 1, "booked")
        assert mailoutbox == []


@pytest.mark.django_db(transaction=True)
class TestReminder:
    def due(self):
        """Run the reminders that wait as if their time had come."""
        DBTaskResult.objects.filter(status=TaskResultStatus.READY).update(run_after=timezone.now())
        return run_all()

    def test_reminder_waits_for_ten_on_the_day_before(self, garage, car, start, mailoutbox):
        appointment = book(garage, car, start)
        at = (start.astimezone(NEW_YORK) - timedelta(days=1)).replace(hour=10)
        assert waiting() == [([appointment.pk, 0], at)]
        assert (run_all(), len(mailoutbox)) == (0, 1)
        assert self.due() == 1
        assert subjects(mailoutbox)[1:] == ["Reminder"]
        assert (mailoutbox[1].attachments, mailoutbox[1].to) == ([], mailoutbox[0].to)
        assert "This is a reminder of your appointment." in mailoutbox[1].body
        assert (self.due(), len(mailoutbox)) == (0, 2)

    def test_reminder_follows_the_appointment(self, garage, car, start, mailoutbox):
        appointment = book(garage, car, start)
        moved = start + timedelta(days=1)
        actions.move_appointment(appointment=appointment, start=moved, now=timezone.now())
        assert [args for args, _ in waiting()] == [[appointment.pk, 0], [appointment.pk, 1]]
        assert self.due() == 2
        assert subjects(mailoutbox)[1:] == ["Changed", "Reminder"]
        assert f"{moved.astimezone(NEW_YORK):%A}" in mailoutbox[2].body

    def test_reminder_dies_with_the_appointment(self, garage, car, start, mailoutbox):
        appointment = book(garage, car, start)
        actions.cancel_appointment(appointment=appointment, by=None, now=timezone.now())
        assert (self.due(), subjects(mailoutbox)[1:]) == (1, ["Cancelled"])

    def test_appointment_of_the_same_day_has_no_reminder(self, garage, car, start):
        appointment = book(garage, car, start)
        DBTaskResult.objects.all().delete()
        tasks.tell_customer(appointment, VisitMail.MOVED, now=reminder_time(appointment))
        assert waiting() == []
        tasks.tell_customer(
            appointment, VisitMail.MOVED, now=reminder_time(appointment) - timedelta(microseconds=1)
        )
        assert len(waiting()) == 1

    def test_reminder_that_is_late_is_sent_before_the_start_only(self, garage, car, start):
        appointment = book(garage, car, start)
        assert visit_mail(appointment, VisitMail.REMINDER, now=start - timedelta(microseconds=1)) is not None
        assert visit_mail(appointment, VisitMail.REMINDER, now=start) is None

    def test_reminder_of_a_started_appointment_is_not_sent(self, garage, car, start, mailoutbox):
        appointment = book(garage, car, start)
        Appointment.objects.update(status="in_progress")
        mail_reminder.enqueue(appointment.pk, 0)
        assert len(mailoutbox) == 1

    @pytest.mark.parametrize(
        ("start", "at"),
        [
            ("2027-03-15T13:00:00Z", "2027-03-14T14:00:00Z"),  # the clocks went forward that night
            ("2027-11-08T13:00:00Z", "2027-11-07T15:00:00Z"),  # the clocks went back that night
            ("2027-01-05T04:30:00Z", "2027-01-03T15:00:00Z"),  # 23:30 on the 4th
        ],
    )
    def test_reminder_time_is_local(self, garage, start, at):
        appointment = AppointmentFactory(bay=garage.bays.get(), start=datetime.fromisoformat(start))
        assert reminder_time(appointment) == datetime.fromisoformat(at)


@pytest.mark.django_db
def test_visit_that_ends_on_another_day_says_so(garage):
    start = datetime(2027, 1, 6, 4, 30, tzinfo=UTC)
    appointment = AppointmentFactory(bay=garage.bays.get(), start=start, end=start + timedelta(hours=1))
    mail = visit_mail(appointment, VisitMail.BOOKED, now=start - timedelta(days=1))
    assert "Tuesday, January 5, 2027, 23:30–00:30 on January 6 (America/New_York)\n" in mail.body
