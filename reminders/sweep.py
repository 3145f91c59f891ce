"""Order reminders for what has become due (docs/design, D139).

A row with a unique key is written in the transaction that stores the task of its mail. Two sweeps at once find the same
and write it once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, date, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import ExtractDay

from common.domain.batches import batched
from common.domain.caller import Caller, Role
from common.domain.days import day_of, midnight
from common.domain.expiry import kept_since
from memberships.models import Membership
from reminders.links import STOP_LINKS
from reminders.models import Reminder, ReminderKind, ReminderMail, Sweep
from reminders.occasions import (
    FIND,
    MEMBERSHIP_DAYS,
    PARKING_BEFORE,
    PUT_OFF_DAYS,
    Occasion,
)
from reminders.recipients import Recipient, find_recipients
from reminders.tasks import order_mail
from repair_orders.queries import find_follow_ups
from vehicles.models import OdometerReading
from vehicles.parking.models import ParkingSpot
from vehicles.schedules.models import ServiceSchedule
from vehicles.schedules.querysets import SOON_DAYS, SOON_MILES

LOOK_BACK = 30  # days; what became due before a longer pause is not mailed about
_BATCH = 200  # people in a transaction
_READINGS = 2_000
_STAFF = Caller(Role.ADMIN, 0, None)


def sweep(*, now: datetime) -> None:
    """Order the reminders of what has become due. Parking is looked at each time, the other kinds once a day."""
    if not settings.REMINDERS:
        return
    _sweep_parking(now)
    for kind, find in _DAILY.items():
        _sweep_day(kind, find, now)


def _sweep_day(kind: str, find: Callable[[Sweep, list[date]], Iterable[int]], now: datetime) -> None:
    """Search the days since the last sweep, once. A sweep that dies begins the day anew."""
    today = day_of(now)
    newest = OdometerReading.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    row, _ = Sweep.objects.get_or_create(
        kind=kind,
        defaults={"day": today - timedelta(days=1), "reading": newest, "reading_before": newest},
    )
    first = max(row.day + timedelta(days=1), today - timedelta(days=LOOK_BACK))
    days = [first + timedelta(days=number) for number in range((today - first).days + 1)]
    if not days:
        return
    for people in batched(find(row, days), _BATCH):
        order_reminders(kind, people, now=now)
    # Of two sweeps at once the first ends the day.
    Sweep.objects.filter(pk=kind, day=row.day).update(day=today, reading=newest, reading_before=F("reading"))


def order_reminders(kind: str, people: Collection[int], *, now: datetime) -> None:
    """Write the reminders of these people, one mail for each, and order the mails."""
    with transaction.atomic():
        theirs: defaultdict[tuple[int, int | None], list[Occasion]] = defaultdict(list)
        for occasion in FIND[kind](people, now):
            theirs[occasion.customer_id, occasion.user_id].append(occasion)
        recipients = find_recipients(kind, theirs)
        # In one order, so that two sweeps at once wait for each other and do not deadlock.
        mails = {key: _new_mail(kind, key, now) for key in sorted(recipients)}
        if not mails:
            return
        ReminderMail.objects.bulk_create(mails.values())
        Reminder.objects.bulk_create(
            [
                _reminder_of(mail, occasion, recipients[key])
                for key, mail in mails.items()
                for occasion in theirs[key]
            ],
            ignore_conflicts=True,
        )
        ids = {mail.pk for mail in mails.values()}
        written = set(Reminder.objects.filter(mail__in=ids).values_list("mail", flat=True))
        ReminderMail.objects.filter(pk__in=ids - written).delete()
        for key, mail in mails.items():
            if mail.pk in written:
                order_mail(mail, recipients[key], theirs[key], now=now)


def _new_mail(kind: str, key: tuple[int, int | None], now: datetime) -> ReminderMail:
    mail = ReminderMail(kind=kind, customer_id=key[0], user_id=key[1], created_at=now)
    _, mail.token_hash = STOP_LINKS.token_of(mail.uuid)
    return mail


def _reminder_of(mail: ReminderMail, occasion: Occasion, recipient: Recipient) -> Reminder:
    return Reminder(
        mail=mail,
        kind=mail.kind,
        subject=occasion.subject,
        occasion=occasion.cause,
        text=occasion.line_in(recipient.units),
    )


# --- Whom to look at --------------------------------------------------------------------------------


def _sweep_parking(now: datetime) -> None:
    """Remind of paid times that end soon. `reminded_at` takes a spot out of the next search."""
    rows = ParkingSpot.objects.active().filter(
        reminded_at=None, ends_at__gt=now, ends_at__lte=now + PARKING_BEFORE
    )
    for spots in batched(list(rows.order_by("ends_at", "id").values_list("pk", "user_id")), _BATCH):
        with transaction.atomic():
            order_reminders(ReminderKind.PARKING, [user for _, user in spots], now=now)
            # An end that was moved meanwhile is reminded of in its turn.
            rows.filter(pk__in=[pk for pk, _ in spots]).update(reminded_at=now)


def _with_due_service(row: Sweep, days: list[date]) -> Iterable[int]:
    """Return the customers of whose vehicles some work became due soon or overdue by the day or by the miles."""
    work = ServiceSchedule.objects.offered().filter(vehicle__archived_at=None)
    by_day = Q(due_on__range=(_later(days[0], SOON_DAYS), _later(days[-1], SOON_DAYS)))
    by_day |= Q(due_on__range=(_later(days[0], -1), _later(days[-1], -1)))
    found = set(work.filter(by_day).values_list("vehicle__customer_id", flat=True).distinct())
    # A transaction may store its reading after later ones, so that each reading is looked at on two days.
    readings = OdometerReading.objects.filter(pk__gt=row.reading_before).order_by("pk")
    for vehicles in batched(readings.values_list("vehicle_id", flat=True).iterator(), _READINGS):
        near = work.filter(vehicle__in=set(vehicles), due_miles__lte=F("vehicle__odometer") + SOON_MILES)
        found.update(near.values_list("vehicle__customer_id", flat=True).distinct())
    return sorted(found)


def _who_put_off(row: Sweep, days: list[date]) -> Iterable[int]:
    """Return the customers of work that was put off 30, 90 or 180 days before one of the days."""
    put_off = Q()
    for span in PUT_OFF_DAYS:
        first, last = midnight(_later(days[0], -span)), midnight(_later(days[-1], 1 - span))
        put_off |= Q(created_at__gte=first, created_at__lt=last)
    rows = find_follow_ups(_STAFF, now=midnight(days[-1])).filter(put_off).order_by("vehicle__customer")
    return list(rows.values_list("vehicle__customer", flat=True).distinct())


def _members(row: Sweep, days: list[date]) -> Iterable[int]:
    """Return the users whose membership may renew or end 7 days after one of the days.

    A membership renews on the day of the month on which it began, and on the last one of a shorter month.
    """
    ahead = [_later(day, MEMBERSHIP_DAYS + more) for day in days for more in (-1, 0, 1)]  # zones differ
    numbers = {day.day for day in ahead}
    if any(_later(day, 1).month != day.month for day in ahead):
        numbers |= {29, 30, 31}
    ends = Q(ends_at__gte=midnight(ahead[0]), ends_at__lt=midnight(_later(ahead[-1], 1)))
    rows = Membership.objects.active().annotate(number=ExtractDay("started_at", tzinfo=UTC))
    due = rows.filter(ends | Q(ends_at=None, number__in=numbers)).order_by("user_id")
    return list(due.values_list("user_id", flat=True))


def _later(day: date, days: int) -> date:
    return day + timedelta(days=days)


_DAILY: dict[str, Callable[[Sweep, list[date]], Iterable[int]]] = {
    ReminderKind.SERVICE: _with_due_service,
    ReminderKind.PUT_OFF: _who_put_off,
    ReminderKind.MEMBERSHIP: _members,
}


def clear_parking_reminders(*, now: datetime) -> int:
    """Delete what was said about parking that ended long ago. It says where somebody was, and concerns no one else.

    The other reminders stay, because their rows keep the same work from being reminded of again.
    """
    old = ReminderMail.objects.filter(kind=ReminderKind.PARKING, created_at__lt=kept_since(now))
    return old.delete()[1].get(ReminderMail._meta.label, 0)
