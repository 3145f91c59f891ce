"""Fill the tables of a shop of any size with SQL: a million repair orders in seconds. PostgreSQL only.

Each customer has the same rows: two vehicles, sixteen repair orders with an estimate, an invoice, a part and a
service each, four statements, sixteen appointments, four conversations of four messages, a support ticket, four
orders of parts, eight notifications. The rows of one customer are scattered over the tables, as they are in a shop
whose customers are active at the same time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.color import no_style
from django.db import connection, models
from psycopg import sql

from accounts.models import Referral, Session, User
from appointments.models import Appointment, Bay, Location, ServiceType, Technician
from billing.models import Allocation, CreditNote, Invoice, Payment, Statement
from catalogue.models import Part, Service
from chat.models import Conversation, Message, SupportTicket
from customers.models import Customer, CustomerUser, Notification
from memberships.models import Membership, Offer, Plan
from orders.models import Order, OrderItem, ReturnLine, ReturnRequest
from passports.models import PassportLink
from reminders.models import Reminder, ReminderMail
from repair_orders.estimates.models import Estimate
from repair_orders.models import Job, OrderDiscount, PartLine, RepairOrder, ServiceLine
from repair_orders.time_entries.models import TimeEntry
from vehicles.codes.models import Dtc
from vehicles.fuel.models import FuelLog
from vehicles.models import OdometerReading, Recommendation, Vehicle
from vehicles.parking.models import ParkingSpot
from vehicles.schedules.models import ScheduleTemplate, ServiceRecord, ServiceSchedule

LOCATIONS, BAYS, TECHNICIANS, ARTICLES = 20, 200, 40, 200
EACH = 16  # repair orders and appointments of a customer
FLEET, ONE_IN = 1, 50  # customer 1 is a fleet: it owns every fiftieth row
YEARS = "interval '3 years'"

# Tables that grow with the number of customers.
GROWING: tuple[type[models.Model], ...] = (
    *(User, Session, Referral, Customer, CustomerUser, Notification, Vehicle, Recommendation, Membership),
    *(OdometerReading, FuelLog, ParkingSpot, Dtc, ServiceSchedule, ServiceRecord, PassportLink),
    *(ReminderMail, Reminder),
    *(
        Invoice,
        CreditNote,
        Payment,
        Allocation,
        Statement,
        RepairOrder,
        Estimate,
        Job,
        PartLine,
        ServiceLine,
        OrderDiscount,
        TimeEntry,
        Appointment,
        Appointment.services.through,
    ),
    *(Conversation, Message, SupportTicket, Order, OrderItem, ReturnRequest, ReturnLine),
)
_STANDING: tuple[type[models.Model], ...] = (
    Location,
    Bay,
    Technician,
    ServiceType,
    Part,
    Service,
    Plan,
    Offer,
    ScheduleTemplate,
)


def fill(customers: int) -> None:
    """Write the rows of `customers` customers into empty tables, and analyze them for the query planner.

    Ids run from 1. Customer n is user n, `driver<n>@growth.example`, last name `N<n>`. The number must be a multiple
    of fifty.
    """
    c, now = customers, "date_trunc('minute', now())"
    with connection.cursor() as cursor:
        cursor.execute(
            "SET session_replication_role = replica"
        )  # skips foreign key checks: the keys are valid by construction
        cursor.execute("SET maintenance_work_mem = '256MB'")
        cursor.execute("SET statement_timeout = 0")  # a million rows take longer than a request may
        try:
            for model, rows, values in _tables(c, now):
                with _without_indexes(cursor, model):
                    cursor.execute(_insert(model, rows, values))
            for statement in connection.ops.sequence_reset_sql(no_style(), [*GROWING, *_STANDING]):
                cursor.execute(statement)
        finally:
            cursor.execute("RESET session_replication_role")
            cursor.execute("RESET maintenance_work_mem")
        names = ", ".join(model._meta.db_table for model in (*GROWING, *_STANDING))
        # VACUUM marks pages as all-visible, which index-only scans need.
        cursor.execute(f"VACUUM (ANALYZE) {names}")
        cursor.execute("RESET statement_timeout")


def empty() -> None:
    """Truncate the tables that `fill` filled."""
    names = ", ".join(model._meta.db_table for model in (*GROWING, *_STANDING))
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {names} CASCADE")


def _tables(c: int, now: str) -> Iterator[tuple[type[models.Model], int, dict[str, str]]]:
    """Yield each model, its number of rows, and SQL expressions of `n` for the columns without a default."""
    orders, conversations, bought = EACH * c, 4 * c, 4 * c
    customer = f"CASE WHEN n % {ONE_IN} = 0 THEN {FLEET} ELSE 1 + (n - 1) % {c} END"
    vehicle = f"1 + (n - 1) % {2 * c}"

    def at(rows: int) -> str:
        return f"{now} - {YEARS} * (1 - n / {rows}.0)"

    yield User, c, {
        "email": "'driver' || n || '@growth.example'", "first_name": "'Driver'", "last_name": "'N' || n",
        "phone": "'555' || lpad(n::text, 7, '0')", "password": "'!'", "referral_code": "'REF-' || n",
        "created_at": at(c),
    }  # fmt: skip
    yield Session, c, {"user_id": "n", "refresh_jti": "lpad(n::text, 32, '0')", "created_at": now}
    yield Referral, c // 10, {
        "referrer_id": "n", "referred_id": f"n + {c // 2}", "code": "'REF-' || n", "created_at": at(c // 10),
    }  # fmt: skip
    yield Customer, c, {
        "contact_id": "n", "company_name": "CASE WHEN n % 10 = 0 THEN 'Company ' || n ELSE '' END",
        "street_address": "n || ' Elm St'", "city": "'Springfield'",
        "state": "(ARRAY['NY', 'NJ', 'CT', 'PA'])[1 + n % 4]", "postal_code": "lpad((n % 100000)::text, 5, '0')",
        "business_type": "CASE WHEN n % 10 = 0 THEN 'fleet' ELSE '' END",
        "is_verified": "n % 50 <> 0", "customer_since": at(c),
    }  # fmt: skip
    yield CustomerUser, c, {"customer_id": "n", "user_id": "n", "role": "'owner'"}
    yield Notification, 8 * c, {
        "customer_id": customer, "type": "'ORDER'", "title": "'Your order'", "message": "'It is on its way.'",
        "read": f"n < {7 * c}", "created_at": at(8 * c),
    }  # fmt: skip
    yield ReminderMail, 4 * c, {
        "customer_id": customer, "kind": "(ARRAY['service', 'put_off', 'membership', 'parking'])[1 + n % 4]",
        "token_hash": "lpad(to_hex(n), 64, '0')", "created_at": at(4 * c), "sent_at": at(4 * c),
    }  # fmt: skip
    yield Reminder, 8 * c, {
        "mail_id": f"1 + (n - 1) % {4 * c}", "subject": "'schedule:' || n", "occasion": "'2026-01-11:due_soon'",
        "kind": f"(ARRAY['service', 'put_off', 'membership', 'parking'])[1 + (1 + (n - 1) % {4 * c}) % 4]",
        "text": "'Oil change is due soon'",
    }  # fmt: skip
    yield Vehicle, 2 * c, {
        "customer_id": customer, "vin": "'VIN' || lpad(n::text, 14, '0')", "make": "'Ford'", "model": "'Transit'",
        "year": "2000 + n % 24", "license_plate": "'P' || n", "unit_number": "'U' || n", "created_at": at(2 * c),
        "archived_at": f"CASE WHEN n % 50 = 0 THEN {now} END",
    }  # fmt: skip
    # Few stand: those that were declined in the last orders.
    yield Recommendation, 2 * c, {
        "vehicle_id": vehicle, "source": "'declined'", "text": "'Brakes ' || n", "created_at": at(2 * c),
        "status": f"CASE WHEN n < {2 * c} * 0.98 THEN (ARRAY['done', 'dismissed'])[1 + n % 2] "
        "ELSE (ARRAY['open', 'quoted'])[1 + n % 2] END",
    }  # fmt: skip
    # Each vehicle has four fill-ups.
    filled = 8 * c
    yield OdometerReading, filled, {
        "vehicle_id": vehicle, "miles": "n / 100.0", "source": "'MANUAL'", "at": at(filled), "note": "''",
    }  # fmt: skip
    yield FuelLog, filled, {
        "vehicle_id": vehicle, "at": at(filled), "miles": "n / 100.0", "reading_id": "n", "gallons": "12.5",
        "price": "42.5", "mpg": "28", "created_at": at(filled),
    }  # fmt: skip
    yield ParkingSpot, 4 * c, {
        "user_id": f"1 + (n - 1) % {c}", "latitude": "40", "longitude": "-74", "parked_at": at(4 * c),
        "cleared_at": f"CASE WHEN n <= {3 * c} THEN {now} END",
    }  # fmt: skip
    yield Dtc, 2 * c, {
        "vehicle_id": vehicle, "code": "'P0301'", "first_seen_at": at(2 * c), "seen_at": at(2 * c),
        "cleared_at": f"CASE WHEN n < {2 * c} * 0.98 THEN {now} END", "created_at": at(2 * c),
    }  # fmt: skip
    yield PassportLink, c, {
        "vehicle_id": vehicle, "token_hash": "lpad(to_hex(n), 64, '0')", "created_at": at(c),
        "expires_at": f"{at(c)} + interval '30 days'",
    }  # fmt: skip
    # Each vehicle has two schedules, one of which was done.
    yield ScheduleTemplate, 2, {
        "name": "'Work ' || n", "interval_miles": "5000 * n", "interval_months": "6 * n",
    }  # fmt: skip
    yield ServiceSchedule, 4 * c, {
        "vehicle_id": vehicle, "template_id": f"1 + (n - 1) / {2 * c}", "started_on": f"({at(4 * c)})::date",
        "started_miles": "0", "due_on": f"({at(4 * c)} + interval '6 months')::date", "due_miles": "5000",
        "created_at": at(4 * c),
    }  # fmt: skip
    yield ServiceRecord, 2 * c, {
        "schedule_id": "n", "on": f"({at(2 * c)})::date", "source": "'repair_order:' || n", "created_at": at(2 * c),
    }  # fmt: skip
    yield Plan, 3, {"name": "'Plan ' || n", "tier": "(ARRAY['basic', 'plus', 'premium'])[n]", "price": "n"}
    yield Membership, c, {"user_id": "n", "plan_id": "1 + n % 3", "started_at": at(c)}
    yield Offer, 20, {"title": "'Offer ' || n", "expiry": f"{now} + interval '1 year'", "created_at": now}
    yield Location, LOCATIONS, {
        "name": "'Location ' || n", "address": "n || ' Main St'", "latitude": "40 + n / 100.0", "longitude": "-74",
        "time_zone": "'America/New_York'", "created_at": now,
    }  # fmt: skip
    yield Bay, BAYS, {"location_id": f"1 + n % {LOCATIONS}", "name": "'Bay ' || n"}
    yield Technician, TECHNICIANS, {"name": "'Tech ' || n", "location_id": f"1 + n % {LOCATIONS}"}
    yield ServiceType, 10, {"code": "'service_' || n", "name": "'Service ' || n", "minutes": "30"}
    yield Part, ARTICLES, {"name": "'Part ' || n", "part_number": "'PN-' || n", "unit_price": "n"}
    yield Service, ARTICLES, {"name": "'Labour ' || n", "labor_cost": "n"}
    # Open orders are few and recent: 2 % of the rows, the newest ones.
    status = (
        f"CASE WHEN n % 40 = 0 THEN 'denied' WHEN n < {orders} * 0.98 THEN 'completed' "
        "ELSE (ARRAY['requested', 'pending', 'approved', 'in_progress'])[1 + n / 7 % 4] END"
    )
    yield RepairOrder, orders, {
        "customer_id": customer, "vehicle_id": vehicle, "status": status, "description": "'Complaint ' || n",
        "tax_percent": "8.25", "total_cost": f"CASE WHEN {status} = 'completed' THEN 2 * n % 1000 END",
        "created_at": at(orders),
    }  # fmt: skip
    yield Estimate, orders, {
        "repair_order_id": "n", "revision": "1", "version": "1", "sent_at": at(orders), "total": "57.50",
        "expires_at": f"{at(orders)} + interval '30 days'", "snapshot": "'{}'::jsonb", "digest": "''",
        "token_hash": "lpad(to_hex(n), 64, '0')",
    }  # fmt: skip
    # Few are open: those of the last orders, and a few that nobody pays.
    is_open = f"(n > {orders} * 0.98 OR n % 500 = 0)"
    yield Invoice, orders, {
        "kind": "'order'", "number": "'S-' || n", "location_id": f"1 + n % {LOCATIONS}", "repair_order_id": "n",
        "customer_id": customer, "bill_to_id": customer, "issued_at": at(orders), "day": f"({at(orders)})::date",
        "due_on": f"({at(orders)} + interval '30 days')::date", "tax_percent": "8.25", "subtotal": "57.50",
        "discount": "0", "net": "57.50", "tax": "4.74", "total": "62.24", "cost": "20", "credited": "0",
        "paid": f"CASE WHEN {is_open} THEN 0 ELSE 62.24 END",
        "balance": f"CASE WHEN {is_open} THEN 62.24 ELSE 0 END",
        "snapshot": """jsonb_build_object('vehicle', jsonb_build_object('label', 'U' || n))""", "digest": "''",
        "token_hash": "lpad(to_hex(n), 64, '0')",
    }  # fmt: skip
    # Each invoice has a payment. Every fiftieth one is followed by a refund in place of a payment.
    is_refund = f"n % {ONE_IN} = 0"
    yield Payment, orders, {
        "kind": f"CASE WHEN {is_refund} THEN 'refund' ELSE 'payment' END", "customer_id": customer,
        "location_id": f"1 + n % {LOCATIONS}", "amount": "62.24", "posted_at": at(orders),
        "method": "(ARRAY['cash', 'check', 'card', 'transfer', 'other'])[1 + n % 5]", "day": f"({at(orders)})::date",
        "refunds_id": f"CASE WHEN {is_refund} THEN n - 1 END", "snapshot": "'{}'::jsonb", "digest": "''",
        "open": "CASE WHEN n % 500 = 1 THEN 62.24 ELSE 0 END",
    }  # fmt: skip
    yield Allocation, orders, {
        "payment_id": "n", "invoice_id": "n", "amount": "62.24", "at": at(orders), "day": f"({at(orders)})::date",
    }  # fmt: skip
    yield CreditNote, c, {
        "kind": "'amount'", "number": "'S-C' || n", "location_id": f"1 + n % {LOCATIONS}", "invoice_id": "n",
        "customer_id": f"1 + (n - 1) % {c}", "posted_at": at(c), "day": f"({at(c)})::date", "reason": "'Late'",
        "subtotal": "5", "discount": "0", "net": "5", "tax": "0", "total": "5", "snapshot": "'{}'::jsonb",
        "digest": "''",
    }  # fmt: skip
    yield Statement, 4 * c, {
        "customer_id": f"1 + (n - 1) % {c}",
        "month": f"(date_trunc('month', {now}) - (n - 1) / {c} * interval '1 month')::date", "made_at": now,
        "balance": "62.24", "snapshot": "'{}'::jsonb", "digest": "''", "token_hash": "lpad(to_hex(n), 64, '0')",
    }  # fmt: skip
    article = f"1 + n % {ARTICLES}"
    is_put_off = f"n > {orders} - {2 * c} * 0.02"  # that of a recommendation that stands
    yield Job, orders, {
        "repair_order_id": "n", "position": "1", "name": "'Job ' || n", "is_draft": "false",
        "status": f"CASE WHEN {is_put_off} THEN 'declined' ELSE 'proposed' END",
        "recommendation_id": f"CASE WHEN {is_put_off} THEN n - {orders} + {2 * c} END",
    }  # fmt: skip
    yield PartLine, orders, {
        "repair_order_id": "n", "job_id": "n", "part_id": article, "name": "'Part'", "unit_price": "12.50",
        "amount": "12.50", "taxable": "true",
    }  # fmt: skip
    yield ServiceLine, orders, {
        "repair_order_id": "n", "service_id": article, "job_id": "n", "kind": "'labour'", "name": "'Labour'",
        "amount": "45", "taxable": "true",
    }  # fmt: skip
    yield OrderDiscount, orders, {
        "repair_order_id": "n", "kind": "'plan'", "source_id": "1 + n % 3", "name": "'Membership'",
        "off_labour": "10", "amount": "4.50", "given_at": at(orders),
    }  # fmt: skip
    # The entries of a technician follow one another. Each has one that is running.
    yield TimeEntry, orders, {
        "technician_id": f"1 + n % {TECHNICIANS}", "job_id": "n", "started": at(orders),
        "ended": f"CASE WHEN n <= {orders} - {TECHNICIANS} THEN {at(orders)} + interval '1 second' END",
    }  # fmt: skip
    start = f"{at(orders)} + interval '30 days'"
    yield Appointment, orders, {
        "customer_id": customer, "vehicle_id": vehicle, "bay_id": f"1 + n % {BAYS}",
        "location_id": f"1 + (1 + n % {BAYS}) % {LOCATIONS}", "start": start, "end": f"{start} + interval '30 minutes'",
        "status": f"CASE WHEN n % 20 = 0 THEN 'cancelled' WHEN {start} < {now} THEN 'completed' ELSE 'pending' END",
        "technician_id": f"CASE WHEN {start} < {now} THEN 1 + n % {TECHNICIANS} END",
        "description": "'Noise ' || n", "created_at": f"{start} - interval '40 days'",
    }  # fmt: skip
    yield Appointment.services.through, orders, {"appointment_id": "n", "servicetype_id": "1 + n % 10"}
    # Messages come in rounds: the first one of each conversation, then the second one of each.
    yield Conversation, conversations, {
        "customer_id": customer, "subject": "'Question ' || n", "created_at": at(conversations),
        "updated_at": at(conversations),
        "status": f"CASE WHEN n < {conversations} * 0.98 THEN 'resolved' ELSE 'open' END",
        "last_number": "4", "last_at": at(conversations), "last_message_id": f"n + {3 * conversations}",
    }  # fmt: skip
    yield Message, 4 * conversations, {
        "conversation_id": f"1 + (n - 1) % {conversations}", "number": f"1 + (n - 1) / {conversations}",
        "body": "'Text ' || n",
        "is_support": f"(n - 1) / {conversations} % 2 = 1", "author_id": f"1 + (n - 1) % {c}",
        "attachments": "'[]'", "created_at": at(4 * conversations),
    }  # fmt: skip
    yield SupportTicket, c, {"conversation_id": "n", "order_id": "n"}
    yield Order, bought, {
        "customer_id": customer, "created_at": at(bought),
        **{name: at(bought) for name in ("expires_at", "confirmed_at", "packed_at", "shipped_at", "delivered_at")},
        "status": "'delivered'",
    }  # fmt: skip
    yield OrderItem, bought, {
        "order_id": "n", "part_id": article, "product_name": "'Part'", "quantity": "1", "unit_price": "5",
        "subtotal": "5",
    }  # fmt: skip
    yield (
        ReturnRequest,
        c,
        {"order_id": "n", "reason": "'Too small'", "refund_amount": "5", "created_at": at(c)},
    )
    yield ReturnLine, c, {"return_request_id": "n", "item_id": "n"}


def _insert(model: type[models.Model], rows: int, values: dict[str, str]) -> str:
    given = {"id": "n", **values}
    for field in model._meta.concrete_fields:
        if field.column in given or field.null:
            continue
        # UUIDs in the order of the rows, like the version 7 UUIDs of the product.
        given[field.column] = "lpad(to_hex(n), 32, '0')::uuid" if field.name == "uuid" else _literal(field)
    columns = ", ".join(f'"{column}"' for column in given)
    return (
        f"INSERT INTO {model._meta.db_table} ({columns}) "
        f"SELECT {', '.join(given.values())} FROM generate_series(1, {rows}) AS n"
    )


def _literal(field: models.Field[Any, Any]) -> str:
    default = field.get_db_prep_save(field.get_default(), connection)
    return sql.Literal(default).as_string(connection.connection)


@contextmanager
def _without_indexes(cursor: Any, model: type[models.Model]) -> Iterator[None]:
    """Drop the table's indexes and build them afterwards, which takes a fraction of the time of updating them."""
    cursor.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
        "WHERE indrelid = %s::regclass AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)",
        [model._meta.db_table],
    )
    indexes = cursor.fetchall()
    for name, _ in indexes:
        cursor.execute(f"DROP INDEX {name}")
    yield
    for _, definition in indexes:
        cursor.execute(definition)
