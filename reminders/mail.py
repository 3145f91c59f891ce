"""The mail of reminders, as text and as HTML, with a link that stops them (docs/design, D139)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from django.template.loader import render_to_string

from common.domain.mail import Mail, message_id
from reminders.links import stop_url
from reminders.models import ReminderKind, ReminderMail
from reminders.occasions import Occasion
from reminders.recipients import Recipient

MOST = 50  # lines; a fleet may have more
_SUBJECTS = {
    ReminderKind.SERVICE: "Service is due: {}",
    ReminderKind.PUT_OFF: "Work that you put off: {}",
    ReminderKind.PARKING: "Your parking ends at {}",
    ReminderKind.MEMBERSHIP: "Your membership: {}",
}
_REASONS = {
    ReminderKind.SERVICE: "because regular work on your vehicle is due by its day or its distance",
    ReminderKind.PUT_OFF: "because we recommended this work and you put it off",
    ReminderKind.PARKING: "because you entered until when your parking is paid",
    ReminderKind.MEMBERSHIP: "because you are a member",
}


def reminder_mail(
    mail: ReminderMail, recipient: Recipient, occasions: Sequence[Occasion], *, now: datetime
) -> Mail:
    """Return the mail with all occasions. It can be stopped by one click (RFC 8058)."""
    kind = ReminderKind(mail.kind)
    vehicles = [name for name, _ in groupby(occasions, key=lambda occasion: occasion.vehicle) if name]
    ends = occasions[0].ends_at
    ends_at = f"{ends.astimezone(recipient.zone):%H:%M}" if ends else ""
    location = recipient.location
    about = {
        ReminderKind.PARKING: ends_at,
        ReminderKind.MEMBERSHIP: occasions[0].text,
    }.get(kind, vehicles[0] if len(vehicles) == 1 else f"{len(vehicles)} vehicles")
    stop = stop_url(mail)
    context = {
        "kind": kind.value,
        "kind_name": kind.label,
        "name": recipient.user.first_name,
        "groups": [
            (name, [row.text_in(recipient.units) for row in some])
            for name, some in groupby(occasions[:MOST], key=lambda row: row.vehicle)
        ],
        "more": max(0, len(occasions) - MOST),
        "ends_at": ends_at,
        "zone": f"{ends.astimezone(recipient.zone):%Z}" if ends else "",
        "reason": _REASONS[kind],
        "shop": location.name if location else "",
        "phone": location.phone if location else "",
        "stop": stop,
    }
    text, html = (render_to_string(f"reminders/mail/reminder.{part}", context) for part in ("txt", "html"))
    message = Mail(
        subject=" ".join(_SUBJECTS[kind].format(about).split()),
        body=text,
        to=[recipient.user.email or ""],
        headers={
            "List-Unsubscribe": f"<{stop}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    )
    message.extra_headers["Message-ID"] = message_id(str(mail.uuid), message.from_email)
    message.attach_alternative(html, "text/html")
    return message
