"""The emails about an appointment, as text and as HTML, most with a calendar file (docs/design, D99)."""

from __future__ import annotations

from datetime import datetime
from email.mime.text import MIMEText
from email.utils import parseaddr
from enum import StrEnum

from django.conf import settings
from django.template.loader import render_to_string

from appointments.calendars import CalendarEvent, Method, Person, calendar_file
from appointments.models import Appointment, AppointmentStatus
from appointments.queries import local_time
from common.domain.mail import Mail
from customers.models import Customer
from customers.preferences import allows_mail


class VisitMail(StrEnum):
    """The occasions of an email about an appointment."""

    BOOKED = "booked"
    MOVED = "moved"
    CANCELLED = "cancelled"
    REMINDER = "reminder"


_SUBJECTS = {
    VisitMail.BOOKED: "Your appointment on {}",
    VisitMail.MOVED: "Changed: your appointment on {}",
    VisitMail.CANCELLED: "Cancelled: your appointment on {}",
    VisitMail.REMINDER: "Reminder: your appointment on {}",
}


def address_for_visits(customer: Customer) -> str:
    """Return the address at which a customer is told of visits, "" without one or if their preferences exclude it."""
    if not allows_mail(customer.notification_preferences, "APPOINTMENT"):
        return ""
    return (customer.contact and customer.contact.email) or ""


def visit_mail(appointment: Appointment, kind: VisitMail, *, now: datetime) -> Mail | None:
    """Return the email to the customer's contact, which tells the present state of the appointment.

    None without an address, if the preferences exclude email, or if there is nothing to tell any more: the start is
    past, or the appointment was cancelled before it was confirmed.
    """
    customer = appointment.customer
    to = address_for_visits(customer)
    expected = AppointmentStatus.CANCELLED if kind == VisitMail.CANCELLED else AppointmentStatus.PENDING
    if not to or appointment.status != expected or appointment.start <= now:
        return None
    location = appointment.location
    start, end = (local_time(location, instant) for instant in (appointment.start, appointment.end))
    vehicle = str(appointment.vehicle)
    services = [service.name for service in appointment.services.order_by("id")]
    context = {
        "kind": kind.value,
        "name": customer.contact.first_name if customer.contact else "",
        "day": f"{start:%A, %B} {start.day}, {start.year}",
        "begins": f"{start:%H:%M}",
        "ends": f"{end:%H:%M}" if end.date() == start.date() else f"{end:%H:%M} on {end:%B} {end.day}",
        "zone": location.time_zone,
        "shop": location.name,
        "address": location.address,
        "phone": location.phone,
        "vehicle": vehicle,
        "services": services,
    }
    subject = _SUBJECTS[kind].format(f"{start:%a, %b} {start.day}, {start:%H:%M}")
    text, html = (render_to_string(f"appointments/mail/visit.{part}", context) for part in ("txt", "html"))
    mail = Mail(subject=subject, body=text, to=[to])
    mail.attach_alternative(html, "text/html")
    if kind != VisitMail.REMINDER:  # the customer has the event in their calendar already
        method: Method = "CANCEL" if kind == VisitMail.CANCELLED else "REQUEST"
        event = CalendarEvent(
            uid=appointment.uuid,
            sequence=appointment.sequence,
            start=appointment.start,
            end=appointment.end,
            summary=f"{location.name}: {vehicle}",
            place=f"{location.name}, {location.address}",
            description=", ".join(services),
            organizer=Person(location.name, location.email or parseaddr(settings.DEFAULT_FROM_EMAIL)[1]),
            attendee=Person(customer.name, to),
        )
        mail.attach(_attachment(calendar_file(event, method=method, now=now), method))
    return mail


def _attachment(text: str, method: Method) -> MIMEText:
    part = MIMEText(text, "calendar", "utf-8")
    part.set_param("method", method)
    part.add_header("Content-Disposition", "attachment", filename="appointment.ics")
    return part
