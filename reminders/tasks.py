"""The task that mails reminders. The transaction that writes their rows stores it (docs/design, D57, D139)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django_tasks import task

from reminders.mail import reminder_mail
from reminders.models import Reminder, ReminderKind, ReminderMail
from reminders.occasions import FIND, Occasion
from reminders.recipients import Recipient, find_recipients
from reminders.window import time_to_send


def order_mail(
    mail: ReminderMail, recipient: Recipient, occasions: Sequence[Occasion], *, now: datetime
) -> None:
    """Order a mail in the present transaction, for now or the next hours in which the person is reminded."""
    at = _time_to_send(mail, recipient, occasions, now)
    (mail_reminder.using(run_after=at) if at > now else mail_reminder).enqueue(mail.pk)


@task
def mail_reminder(remindermail_id: int) -> None:
    """Mail what is due when the task runs. A mail of which nothing is left to say is deleted.

    Outside the hours of the person it is ordered again. It keeps its Message-ID, which is that of the row.
    """
    now = timezone.now()
    mail = ReminderMail.objects.filter(pk=remindermail_id, sent_at=None).first()
    if mail is None:
        return
    key = (mail.customer_id, mail.user_id)
    recipient = find_recipients(mail.kind, [key]).get(key) if settings.REMINDERS else None
    occasions = _still_due(mail, recipient, now) if recipient is not None else []
    if recipient is None or not occasions:
        mail.delete()
    elif _time_to_send(mail, recipient, occasions, now) > now:
        order_mail(mail, recipient, occasions, now=now)
    else:
        reminder_mail(mail, recipient, occasions, now=now).send()
        ReminderMail.objects.filter(pk=mail.pk).update(sent_at=now)


def _time_to_send(
    mail: ReminderMail, recipient: Recipient, occasions: Sequence[Occasion], now: datetime
) -> datetime:
    """Return when a mail is sent. Parking that ends before the person may be reminded cannot wait."""
    is_parking = mail.kind == ReminderKind.PARKING
    before = min((row.ends_at for row in occasions if row.ends_at), default=None) if is_parking else None
    return time_to_send(now, recipient.zone, before=before)


def _still_due(mail: ReminderMail, recipient: Recipient, now: datetime) -> list[Occasion]:
    """Return the present occasions of what a mail reminds of, and delete its other reminders.

    A subject that has another occasion by now, such as work that is overdue, is reminded of as that.
    """
    found = FIND[mail.kind]([mail.user_id or mail.customer_id], now)
    present = {occasion.subject: occasion for occasion in found}
    due = []
    for row in mail.reminders.order_by("id"):
        occasion = present.get(row.subject)
        if occasion is not None and _follow(row, occasion, recipient):
            due.append(occasion)
        else:
            row.delete()
    return due


def _follow(row: Reminder, occasion: Occasion, recipient: Recipient) -> bool:
    """Move a reminder to the present occasion, and return whether no other reminder has it."""
    present = (occasion.cause, occasion.line_in(recipient.units))
    if (row.occasion, row.text) == present:
        return True  # as most are: a fleet has thousands
    row.occasion, row.text = present
    try:
        with transaction.atomic():
            row.save(update_fields=["occasion", "text"])
    except IntegrityError:
        return False
    return True
