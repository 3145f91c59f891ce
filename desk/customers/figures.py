"""Figures of the page of a customer. Each function costs a fixed number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from django.core.paginator import Page, Paginator
from django.db.models import Case, F, Prefetch, Q, When

from accounts.phones import format_phone
from appointments.models import Appointment, AppointmentStatus, ServiceType
from billing.models import Invoice, Payment
from billing.queries import AGE_NAMES, bucket_of, get_account
from billing.states import days_past_due, state_of
from chat.models import ENDED, Conversation
from common.domain.types import Json
from customers.models import Customer, PhoneCall
from customers.names import customer_name
from customers.preferences import allows_reminder
from desk.templatetags.desk import dollars
from orders.models import ACTIVE, Order
from orders.queries import with_items
from reminders.models import Reminder, ReminderKind, ReminderMail
from repair_orders.models import OPEN_STATUSES, RepairOrder
from repair_orders.pricing.models import TaxExemption
from repair_orders.queries import totals_with_lines, with_lines
from vehicles.models import STANDING, Recommendation, Urgency

MOST_VEHICLES = 20
FEW = 10
PER_PAGE = 10


def vehicles_of(customer: Customer, *, first: int = 0, with_recommendations: bool) -> Json:
    """Return the vehicles of a customer with what is recommended for them: those in use first, then the newest.

    The vehicle with the id `first` comes before the others, so that a link to it leads there in a large fleet, too.
    """
    order = (Case(When(pk=first, then=0), default=1), F("archived_at").desc(nulls_first=True), "-pk")
    rows = list(customer.vehicles.select_related("continued_by").order_by(*order)[:MOST_VEHICLES])
    standing: defaultdict[int, list[Recommendation]] = defaultdict(list)
    if with_recommendations and rows:
        urgency = Case(*(When(urgency=word, then=place) for place, word in enumerate(Urgency.values)))
        found = Recommendation.objects.filter(vehicle__in=rows, status__in=STANDING)
        for recommendation in found.order_by(urgency, "-pk")[: MOST_VEHICLES * FEW]:
            standing[recommendation.vehicle_id].append(recommendation)
    return {
        "rows": [
            {
                "vehicle": row,
                "recommendations": standing[row.pk],
                "is_sold": row.archived_at is not None and hasattr(row, "continued_by"),
            }
            for row in rows
        ],
        "count": customer.vehicles.count(),
    }


def side_of(customer: Customer, *, now: datetime, with_money: bool) -> Json:
    """Return a customer with the facts by which two are compared before they are merged, as texts by their label."""
    contact = customer.contact
    cars = list(customer.vehicles.in_use().order_by("-pk")[: FEW + 1])
    names = [str(car) for car in cars[:FEW]]
    if len(cars) > FEW:
        names.append("and more")
    orders = RepairOrder.objects.filter(customer=customer)
    facts = {
        "Name": contact.full_name if contact else "",
        "Company": customer.company_name,
        "Phone": format_phone(contact.phone) if contact else "",
        "Email": (contact.email or "") if contact else "",
        "Address": customer.address,
        "Customer since": f"{customer.customer_since:%B %Y}",
        "Vehicles": "\n".join(names),
        "Repair orders": f"{orders.count()}, {orders.filter(status__in=OPEN_STATUSES).count()} open",
    }
    if with_money:
        unpaid = Invoice.objects.filter(bill_to=customer, balance__gt=0).count()
        balance = get_account(customer.pk, now=now).balance
        owed = f"{'the shop owes' if balance < 0 else 'owes'} {dollars(abs(balance))}"
        facts["Unpaid invoices"] = f"{unpaid}, {owed if balance else 'owes nothing'}"
    return {"customer": customer, "facts": {label: text or "–" for label, text in facts.items()}}


def stays_of(customer: Customer, into: Customer) -> Json:
    """Return the name, phone and email that a merge of a customer into another one keeps (docs/design, D62)."""
    contact = into.contact or customer.contact
    has_own = into.company_name or into.business_type or into.tax_id
    company = into.company_name if has_own else customer.company_name
    first, last = (contact.first_name, contact.last_name) if contact else ("", "")
    return {
        "name": customer_name(company, first, last),
        "phone": contact.phone if contact else "",
        "email": (contact.email or "") if contact else "",
    }


def appointments_ahead(customer: Customer, *, now: datetime) -> Sequence[Appointment]:
    """Return the next appointments of a customer, and those in progress."""
    ahead = Q(status=AppointmentStatus.IN_PROGRESS) | Q(status=AppointmentStatus.PENDING, end__gte=now)
    rows = Appointment.objects.filter(ahead, customer=customer).select_related(
        "vehicle", "location", "bay", "technician", "repair_order"
    )
    services = Prefetch("services", ServiceType.objects.order_by("id"))
    return list(rows.prefetch_related(services).order_by("start", "id")[:FEW])


def open_orders(customer: Customer) -> Json:
    """Return the open orders of a customer with their totals, the newest first, and the number of all."""
    rows = RepairOrder.objects.filter(customer=customer, status__in=OPEN_STATUSES)
    shown = with_lines(rows.select_related("vehicle", "location").order_by("-pk"))
    return {
        "rows": [{"order": row, "total": totals_with_lines(row).total} for row in shown[:FEW]],
        "count": rows.count(),
    }


def money_of(customer: Customer, *, now: datetime) -> Json:
    """Return the account of a customer with its unpaid invoices and the payments of which something is open."""
    account = get_account(customer.pk, now=now)
    unpaid = Invoice.objects.filter(bill_to=customer, balance__gt=0).defer("snapshot")
    unpaid = unpaid.select_related("location", "repair_order__vehicle").order_by("due_on", "pk")
    kept = (
        Payment.objects.filter(customer=customer, open__gt=0).defer("snapshot").order_by("-posted_at", "-pk")
    )
    return {
        "account": account,
        "owes": max(account.balance, Decimal(0)),
        "shop_owes": max(-account.balance, Decimal(0)),
        "ages": [(AGE_NAMES[name], amount) for name, amount in account.ageing.items() if amount],
        "unpaid": [
            {
                "invoice": row,
                "age": AGE_NAMES[bucket_of(days_past_due(row.due_on, row.location.time_zone, now))],
                "late": state_of(row, now=now) == "overdue",
            }
            for row in unpaid[:FEW]
        ],
        "unpaid_count": unpaid.count(),
        "kept": list(kept[:FEW]),
    }


def conversations_of(customer: Customer) -> Sequence[Conversation]:
    """Return the latest conversations of a customer, those that are not ended first."""
    ended = Case(When(status__in=ENDED, then=1), default=0)
    rows = Conversation.objects.filter(customer=customer).select_related("last_message")
    return list(rows.order_by(ended, "-updated_at", "-id")[:5])


def parts_orders_of(customer: Customer) -> Sequence[Order]:
    """Return the parts orders of a customer that are on their way."""
    rows = with_items(Order.objects.filter(customer=customer, status__in=ACTIVE))
    return list(rows.order_by("-created_at", "-id")[:FEW])


def reminders_of(customer: Customer) -> Json:
    """Return the latest reminders of a customer, and the kinds that the preferences let through."""
    rows = ReminderMail.objects.filter(customer=customer).exclude(kind=ReminderKind.PARKING)
    texts = Prefetch("reminders", Reminder.objects.order_by("id"))
    stored = customer.notification_preferences
    return {
        "mails": list(rows.prefetch_related(texts).order_by("-id")[:FEW]),
        "count": rows.count(),
        "on": [kind.label for kind in ReminderKind if allows_reminder(stored, kind)],
        "off": [kind.label for kind in ReminderKind if not allows_reminder(stored, kind)],
    }


def calls_of(customer: Customer) -> Sequence[PhoneCall]:
    """Return the last calls to a customer, the newest first."""
    return list(PhoneCall.objects.filter(customer=customer).select_related("by").newest_first()[:FEW])


def exemptions_of(customer: Customer) -> Sequence[TaxExemption]:
    rows = TaxExemption.objects.filter(customer=customer).select_related("location")
    return list(rows.order_by("-valid_from", "-id")[:FEW])


def past_orders(customer: Customer, page: str | None) -> Page[RepairOrder]:
    """Return a page of the completed and denied orders of a customer, the newest first."""
    rows = RepairOrder.objects.filter(customer=customer).exclude(status__in=OPEN_STATUSES)
    rows = rows.select_related("vehicle", "location").order_by("-created_at", "-pk")
    return Paginator(rows, PER_PAGE).get_page(page)


def past_invoices(customer: Customer, page: str | None) -> Page[Invoice]:
    """Return a page of the invoices that a customer was sent, the newest first."""
    rows = Invoice.objects.filter(bill_to=customer).defer("snapshot")
    rows = rows.select_related("repair_order__vehicle", "location").order_by("-issued_at", "-pk")
    return Paginator(rows, PER_PAGE).get_page(page)
