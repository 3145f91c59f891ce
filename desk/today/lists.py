"""The lists below the board: what waits for the customer, for parts, for an answer, or to be paid and fetched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.urls import reverse

from appointments.models import Location
from appointments.queries import local_time
from billing.models import Invoice, VehicleExit
from billing.queries import find_to_give_back
from billing.states import days_past_due, state_of
from catalogue.shelf.models import Reservation, VendorOrder
from chat.models import ENDED, Conversation
from common.domain.caller import Caller
from common.domain.money import exact
from desk.follow_ups.calls import find_put_off
from desk.money.links import days_url
from desk.places import at_location
from desk.today.board import duration
from repair_orders.estimates.models import Answer, Estimate, Method
from repair_orders.models import OPEN_STATUSES, Job, RepairOrder, RepairOrderStatus

FEW = 5
MANY = 500  # of a list that has no other page for all of its rows
_ANSWERED_FOR = timedelta(hours=24)
_READY_FOR = timedelta(days=30)  # who has not recorded that a vehicle left is not reminded for ever


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of a list: two lines on the left, two on the right. `tone` colours the first on the right."""

    url: str
    title: str
    text: str
    end: str = ""
    tone: str = ""
    below: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A list with the number of all its rows, of which it has the first."""

    title: str
    id: str
    entries: Sequence[Entry]
    count: int
    all_url: str = ""
    total: Decimal | None = None
    empty: str = ""

    @property
    def is_short(self) -> bool:
        return self.count > len(self.entries)


def waiting_for_approval(location: Location, *, now: datetime, most: int = FEW) -> Waiting:
    """Return the estimates that are sent and not answered, the oldest first."""
    later = Estimate.objects.filter(repair_order=OuterRef("repair_order"), revision__gt=OuterRef("revision"))
    rows = (
        Estimate.objects.filter(
            ~Exists(later),
            at_location(location, "repair_order__"),
            authorisation=None,
            repair_order__status__in=OPEN_STATUSES,
        )
        .select_related("repair_order__customer__contact", "repair_order__vehicle")
        .defer("snapshot")
        .order_by("sent_at", "id")
    )
    entries = []
    for row in rows[:most]:
        order = row.repair_order
        if row.version != order.version:
            end, tone, what = "not valid", "amber", "changed since it was sent"
        elif row.expires_at <= now:
            end, tone, what = "expired", "amber", "expired"
        else:
            minutes = (now - row.sent_at) // timedelta(minutes=1)
            end, tone = duration(minutes), "amber" if minutes >= 24 * 60 else ""
            what = (
                f"sent {local_time(location, row.sent_at):%-d %b %H:%M}"
                if row.sent_to
                else "not mailed: no address"
            )
        entries.append(
            Entry(
                _order_url(order), order.customer.name, f"{_car(order)}, {what}", end, tone, f"${row.total:,}"
            )
        )
    return Waiting(
        "Waiting for approval",
        "approval",
        entries,
        rows.count(),
        _orders(RepairOrderStatus.PENDING),
        empty="No estimate waits for an answer.",
    )


def answered(location: Location, *, now: datetime, most: int = FEW) -> Waiting:
    """Return the last revisions that were answered and ask something of the shop, the newest answer first.

    Approved work that is not started waits until it is, and a refusal is told for a while.
    """
    later = Estimate.objects.filter(repair_order=OuterRef("repair_order"), revision__gt=OuterRef("revision"))
    is_new = Q(repair_order__status=RepairOrderStatus.DENIED) | Q(
        repair_order__status=RepairOrderStatus.IN_PROGRESS,
        authorisation__at__gte=F("repair_order__started_at"),  # the answer about further work
    )
    is_told = Q(repair_order__status=RepairOrderStatus.APPROVED) | Q(
        is_new, authorisation__at__gte=now - _ANSWERED_FOR
    )
    rows = (
        Estimate.objects.filter(
            ~Exists(later),
            at_location(location, "repair_order__"),
            is_told,
            authorisation__withdrawn_at=None,
            authorisation__at__gte=now - 12 * _READY_FOR,
        )
        .select_related("authorisation", "repair_order__customer__contact", "repair_order__vehicle")
        .defer("snapshot")
        .annotate(
            approved=Count("authorisation__decisions", Q(authorisation__decisions__decision=Answer.APPROVED))
        )
        .order_by("-authorisation__at", "-id")
    )
    entries = []
    for row in rows[:most]:
        order, given = row.repair_order, row.authorisation
        is_approved = bool(row.approved)
        words = [
            _car(order),
            "not started" if order.status == RepairOrderStatus.APPROVED else "",
            "" if given.method == Method.NOT_RECORDED else given.get_method_display().lower(),
            f"{duration((now - given.at) // timedelta(minutes=1))} ago",
        ]
        entries.append(
            Entry(
                _order_url(order),
                order.customer.name,
                ", ".join(filter(None, words)),
                "approved" if is_approved else "declined",
                "" if is_approved else "amber",
                f"${given.total if is_approved else row.total:,}",
            )
        )
    return Waiting(
        "Answered",
        "answered",
        entries,
        rows.count(),
        f"{reverse('today')}?all=answered#answered",
        empty="No answer came in.",
    )


def needed_parts(*, most: int = FEW) -> Waiting:
    """Return the parts that jobs and parts orders need and the shelf does not have, the oldest need first."""
    rows = (
        Reservation.objects.filter(filled__lt=F("pieces"))
        .select_related("part__on_order")
        .order_by("created_at", "id")
    )
    found = list(rows[:most])
    jobs = Job.objects.filter(pk__in=_ids(found, "job:")).select_related(
        "repair_order__customer__contact", "repair_order__vehicle"
    )
    by_source = {f"job:{job.pk}": job for job in jobs}
    entries = []
    for row in found:
        job = by_source.get(row.source)
        url, text = reverse("admin:catalogue_part_change", args=[row.part_id]), row.source.replace(":", " ")
        if job is not None:
            url, text = (
                _order_url(job.repair_order),
                f"{_car(job.repair_order)}, {job.repair_order.customer.name}",
            )
        short = row.pieces - row.filled
        below = _awaited(row.part.on_order) if hasattr(row.part, "on_order") else "not ordered"
        entries.append(
            Entry(url, row.part.name, text, f"{short} piece{'s' if short > 1 else ''}", below=below)
        )
    return Waiting(
        "Needed parts",
        "parts",
        entries,
        rows.count(),
        reverse("needed-parts"),
        empty="No job waits for a part that is counted.",
    )


def _awaited(ordered: VendorOrder) -> str:
    """Return when the pieces come in, in the few letters for which a list has room."""
    day = ordered.expected_on
    return f"expected {day.day} {day:%b}" if day else "on order"


def unanswered(*, now: datetime, most: int = FEW) -> Waiting:
    """Return the conversations whose last message is the customer's, the longest waiting first."""
    rows = (
        Conversation.objects.filter(last_message__is_support=False)
        .exclude(status__in=ENDED)
        .select_related("customer__contact", "last_message")
        .order_by("last_message__created_at", "id")
    )
    entries = []
    for row in rows[:most]:
        minutes = (now - row.last_message.created_at) // timedelta(minutes=1)  # type: ignore[union-attr]  # by the filter
        entries.append(
            Entry(
                reverse("conversation", args=[row.pk]),
                row.customer.name,
                f"“{row.last_message.body.strip()[:120]}”" if row.last_message.body.strip() else row.subject,  # type: ignore[union-attr]
                duration(minutes),
                "red" if minutes >= 30 else "",
            )
        )
    return Waiting(
        "Unanswered chats",
        "chats",
        entries,
        rows.count(),
        reverse("conversations"),
        empty="Every message is answered.",
    )


def follow_ups(caller: Caller, location: Location, *, now: datetime, most: int = FEW) -> Waiting:
    """Return the work that customers put off, the oldest first. It is not asked about before its day."""
    rows = find_put_off(caller, location, now=now)
    page = reverse("follow-ups")
    entries = [
        Entry(
            page,
            row.vehicle.customer.name,
            f"{row.vehicle.unit_number or row.vehicle.model}, {row.text.partition(chr(10))[0]}",
            duration((now - row.put_off_at) // timedelta(minutes=1)),
            below="" if row.amount is None else f"${row.amount:,}",
        )
        for row in rows.select_related("vehicle__customer__contact").order_by("put_off_at", "id")[:most]
    ]
    return Waiting("Follow-ups", "follow-ups", entries, rows.count(), page, empty="Nobody put work off.")


def ready(location: Location, *, now: datetime, most: int = FEW) -> Waiting:
    """Return the completed orders whose vehicle is still here, with what is to be paid, the oldest first."""
    standing = Invoice.objects.filter(repair_order=OuterRef("pk"), is_credited=False)
    rows = _still_here(now).filter(at_location(location))
    rows = rows.annotate(owed=Subquery(standing.values("balance")[:1]))
    entries, today = [], local_time(location, now).date()
    for order in rows.select_related("customer__contact", "vehicle").order_by("completed_at", "id")[:most]:
        balance = order.owed  # annotated above
        owed = order.total_cost if balance is None else exact(balance)
        assert order.completed_at is not None
        days = (today - local_time(location, order.completed_at).date()).days
        since = "today" if not days else "yesterday" if days == 1 else f"{days} days"
        what = "not invoiced" if balance is None else "to be paid" if owed else "paid"
        entries.append(
            Entry(_order_url(order), order.customer.name, f"{_car(order)}, {what}", f"${owed:,}", below=since)
        )
    owed_in_all = rows.aggregate(sum=Sum("owed"))["sum"]
    return Waiting(
        "Ready to leave",
        "ready",
        entries,
        rows.count(),
        _orders(RepairOrderStatus.COMPLETED),
        exact(owed_in_all),
        empty="No finished vehicle waits here.",
    )


def unpaid(location: Location, *, now: datetime, most: int = FEW) -> Waiting:
    """Return the invoices with a balance whose vehicle is gone, the longest overdue first.

    Invoices of vehicles that are still here are in `ready`.
    """
    rows = Invoice.objects.filter(location=location, balance__gt=0).exclude(
        repair_order__in=_still_here(now).values("pk")
    )
    shown = rows.select_related("location", "bill_to__contact", "repair_order__vehicle").defer("snapshot")
    entries = []
    for row in shown.order_by("due_on", "id")[:most]:
        is_late = state_of(row, now=now) == "overdue"
        order = row.repair_order
        days = days_past_due(row.due_on, row.location.time_zone, now)
        entries.append(
            Entry(
                reverse("admin:billing_invoice_change", args=[row.pk])
                if order is None
                else _order_url(order),
                row.bill_to.name,
                ", ".join(filter(None, ["" if order is None else _car(order), f"invoice {row.number}"])),
                f"${row.balance:,}",
                "red" if is_late else "",
                f"{days} day{'s' if days > 1 else ''} overdue" if is_late else f"due {row.due_on:%-d %b}",
            )
        )
    page = reverse("admin:billing_invoice_changelist")
    return Waiting(
        "Unpaid",
        "unpaid",
        entries,
        rows.count(),
        f"{page}?state=open&location__id__exact={location.pk}",
        exact(rows.aggregate(sum=Sum("balance"))["sum"]),
        empty="Every invoice of a vehicle that left is paid.",
    )


def to_give_back(location: Location, *, now: datetime, most: int = FEW) -> Waiting:
    """Return the payments of which something waits to be given back, the oldest first."""
    rows = find_to_give_back().filter(at_location(location))
    today = local_time(location, now).date()
    entries = [
        Entry(
            reverse("admin:billing_payment_change", args=[row.pk]),
            row.customer.name,
            f"{row.get_method_display()}, {local_time(location, row.posted_at):%-d %b}",
            f"${row.open:,}",
        )
        for row in rows.defer("snapshot")[:most]
    ]
    return Waiting(
        "To give back",
        "give-back",
        entries,
        rows.count(),
        f"{days_url(location, today)}&all=1#to-give-back",
        exact(rows.aggregate(sum=Sum("open"))["sum"]),
        empty="Nothing is to be given back.",
    )


def promised(location: Location, *, now: datetime, most: int = FEW) -> Waiting:
    """Return the open orders whose promised time is over or comes within the next two hours."""
    soon = now + timedelta(hours=2)
    rows = RepairOrder.objects.filter(
        at_location(location), status__in=OPEN_STATUSES, promised_at__lt=soon
    ).select_related("customer__contact", "vehicle")
    entries = []
    for order in rows.order_by("promised_at", "id")[:most]:
        assert order.promised_at is not None
        minutes = (now - order.promised_at) // timedelta(minutes=1)
        end, tone = (f"{duration(minutes)} late", "red") if minutes > 0 else (f"in {duration(-minutes)}", "")
        at = local_time(location, order.promised_at)
        entries.append(
            Entry(
                _order_url(order),
                order.customer.name,
                f"{_car(order)}, promised {at:%-d %b %H:%M}",
                end,
                tone,
            )
        )
    return Waiting(
        "Promised",
        "promised",
        entries,
        rows.count(),
        _orders("open"),
        empty="No promised time is close.",
    )


def _still_here(now: datetime) -> QuerySet[RepairOrder]:
    """Return the completed orders whose vehicle has not left. It counts as gone after a while without a record."""
    return RepairOrder.objects.filter(
        ~Exists(VehicleExit.objects.filter(repair_order=OuterRef("pk"))),
        status=RepairOrderStatus.COMPLETED,
        completed_at__gte=now - _READY_FOR,
        created_at__gte=now - 12 * _READY_FOR,  # can use an index
    )


def _ids(rows: Iterable[Reservation], prefix: str) -> list[int]:
    return [int(row.source.removeprefix(prefix)) for row in rows if row.source.startswith(prefix)]


def _car(order: RepairOrder) -> str:
    return order.vehicle.unit_number or order.vehicle.model


def _order_url(order: RepairOrder) -> str:
    return reverse("order-page", args=[order.pk])


def _orders(status: str) -> str:
    return f"{reverse('repair-orders')}?view={status}"
