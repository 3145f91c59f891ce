"""The tasks that mail about an appointment. They are stored in the transaction of what they tell (D57, D99)."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone
from django_tasks import task

from appointments.mail import VisitMail, visit_mail
from appointments.models import Appointment, AppointmentStatus
from appointments.queries import local_time

# On the day before, in the local time of the location: the shop is open, and a freed slot can be booked again.
REMINDER_AT = time(10)


@task
def mail_visit(appointment_id: int, kind: str) -> None:
    """Mail the customer that an appointment was booked, moved or cancelled, as it is when the task runs."""
    _send(appointment_id, VisitMail(kind))


@task
def mail_reminder(appointment_id: int, sequence: int) -> None:
    """Remind the customer of an appointment, unless it was moved since: then it has another reminder."""
    if Appointment.objects.filter(pk=appointment_id, sequence=sequence).exists():
        _send(appointment_id, VisitMail.REMINDER)


def _send(appointment_id: int, kind: VisitMail) -> None:
    rows = Appointment.objects.select_related("customer__contact", "location", "vehicle")
    appointment = rows.filter(pk=appointment_id).first()
    mail = visit_mail(appointment, kind, now=timezone.now()) if appointment else None
    if mail is not None:
        mail.send()


def tell_customer(appointment: Appointment, kind: VisitMail, *, now: datetime) -> None:
    """Order the email about a change of an appointment, and its reminder, in the present transaction.

    An appointment that has begun is not told about.
    """
    if appointment.start <= now:
        return
    mail_visit.enqueue(appointment.pk, kind.value)
    at = reminder_time(appointment)
    if appointment.status == AppointmentStatus.PENDING and at > now:
        mail_reminder.using(run_after=at).enqueue(appointment.pk, appointment.sequence)


def reminder_time(appointment: Appointment) -> datetime:
    """Return the instant at which the customer is reminded: 10:00 at the location on the day before."""
    day = local_time(appointment.location, appointment.start).date() - timedelta(days=1)
    return datetime.combine(day, REMINDER_AT, ZoneInfo(appointment.location.time_zone))
