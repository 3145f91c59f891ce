"""Reports of the work: open orders, technicians' hours, declined work and comebacks (docs/reports.md)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from django.db.models import F, Q, Sum

from appointments.models import Technician
from billing.ledger import ZERO
from billing.models import Allocation, CreditNoteLine, Invoice, InvoiceKind, InvoiceLine, LineKind
from billing.queries import find_to_invoice
from billing.reports.base import BY_POSTING, Report, Scope
from common.domain.money import exact
from common.domain.types import AnyQuerySet, Json
from repair_orders.estimates.models import Answer, Decision
from repair_orders.models import (
    OPEN_STATUSES,
    Job,
    JobStatus,
    PartLine,
    RepairOrder,
    RepairOrderStatus,
    ServiceLine,
)
from repair_orders.queries import totals_with_lines, with_lines
from repair_orders.time_entries.models import TimeEntry, hours_of

NOBODY = "No technician"


def open_orders(scope: Scope, *, now: datetime) -> Report:
    """Return the orders that are open now, and the completed ones that wait for their invoice.

    Costs a constant number of queries.
    """
    waiting = find_to_invoice().values("pk")
    found = RepairOrder.objects.filter(scope.place(), Q(status__in=OPEN_STATUSES) | Q(pk__in=waiting))
    orders = with_lines(_named(found)).order_by("created_at", "id")
    held = Allocation.objects.filter(repair_order__in=orders.values("pk")).order_by().values("repair_order")
    deposits = {row["repair_order"]: exact(row["sum"]) for row in held.annotate(sum=Sum("amount"))}
    rows: list[Json] = []
    for order in orders:
        is_done = order.status == RepairOrderStatus.COMPLETED
        total = order.total_cost if is_done else totals_with_lines(order).total
        rows.append(
            {
                **_order_body(order),
                "status": order.status,
                "created_at": order.created_at,
                "promised_at": order.promised_at,
                "is_late": order.promised_at is not None and not is_done and order.promised_at < now,
                "total": total,
                "deposit": deposits.get(order.pk, ZERO),
            }
        )
    totals = {name: sum((row[name] for row in rows), ZERO) for name in ("total", "deposit")}
    columns = {
        **_ORDER_COLUMNS,
        "status": "Status",
        "created_at": "Created",
        "promised_at": "Promised",
        "total": "Total",
        "deposit": "Deposits",
    }
    rule = "Orders that are open now, and completed orders that wait for their invoice."
    return Report("open-orders", "Open orders", scope, rule, columns, rows, totals)


@dataclass
class _Sold:
    hours: Decimal = ZERO
    labour: Decimal = ZERO
    worked: Decimal = ZERO
    invoices: set[int] = field(default_factory=set)
    credit_notes: set[int] = field(default_factory=set)
    entries: set[int] = field(default_factory=set)


def technicians_hours(scope: Scope) -> Report:
    """Return the hours and the labour that were invoiced, less those credited, and the hours worked, by technician.

    Labour counts for the technician of its job, on the day of posting. Time entries count on the local day on which
    they started. Running clocks are left out. The efficiency is sold ÷ worked hours. Costs a constant number of
    queries.
    """
    sold: dict[int | None, _Sold] = defaultdict(_Sold)
    lines = InvoiceLine.objects.filter(
        scope.rows("invoice__"), invoice__kind=InvoiceKind.ORDER, kind=LineKind.LABOUR
    ).values_list("invoice", "job_id", "quantity", "amount")
    notes = CreditNoteLine.objects.filter(scope.rows("credit_note__"), kind=LineKind.LABOUR).values_list(
        "credit_note", "invoice_line__job_id", "quantity", "amount"
    )
    jobs = {job for _, job, _, _ in [*lines, *notes] if job is not None}
    technician_of: dict[int | None, int | None] = dict(
        Job.objects.filter(pk__in=jobs).values_list("pk", "technician")
    )
    for rows, sign, name in ((lines, 1, "invoices"), (notes, -1, "credit_notes")):
        for paper, job, hours, amount in rows:
            found = sold[technician_of.get(job)]
            found.hours += sign * (hours or ZERO)
            found.labour += sign * amount
            getattr(found, name).add(paper)
    entries = TimeEntry.objects.filter(
        scope.instants("started", "job__repair_order__location"), ended__isnull=False
    ).values_list("pk", "technician", "started", "ended")
    for pk, technician, started, ended in entries:
        sold[technician].worked += hours_of(started, ended) or ZERO
        sold[technician].entries.add(pk)
    technicians = Technician.objects.in_bulk([pk for pk in sold if pk is not None])
    names = {pk: NOBODY if pk is None else technicians[pk].name for pk in sold}
    bodies: list[Json] = [
        {
            "technician_id": pk,
            "technician": names[pk],
            "sold_hours": sold[pk].hours,
            "labour": sold[pk].labour,
            "worked_hours": sold[pk].worked,
            "efficiency": _efficiency(sold[pk].hours, sold[pk].worked),
            "invoice_ids": sorted(sold[pk].invoices),
            "credit_note_ids": sorted(sold[pk].credit_notes),
            "time_entry_ids": sorted(sold[pk].entries),
        }
        for pk in sorted(sold, key=lambda pk: (pk is None, names[pk], pk or 0))
    ]
    totals: Json = {
        name: sum((row[name] for row in bodies), ZERO) for name in ("sold_hours", "labour", "worked_hours")
    }
    totals["efficiency"] = _efficiency(totals["sold_hours"], totals["worked_hours"])
    columns = {
        "technician": "Technician",
        "sold_hours": "Sold hours",
        "labour": "Labor before discount",
        "worked_hours": "Worked hours",
        "efficiency": "Efficiency",
    }
    rule = f"{BY_POSTING} Worked hours count on the local day on which they began."
    return Report("hours", "Technicians' hours", scope, rule, columns, bodies, totals)


def _efficiency(sold: Decimal, worked: Decimal) -> Decimal | None:
    """Return sold ÷ worked hours, rounded half up to hundredths. Without worked hours there is none."""
    return (sold / worked).quantize(Decimal("0.01"), ROUND_HALF_UP) if worked else None


def declined_work(scope: Scope) -> Report:
    """Return the jobs that customers declined or deferred. Costs a constant number of queries."""
    decisions = (
        Decision.objects.filter(
            scope.instants("authorisation__at", "job__repair_order__location"),
            decision__in=(Answer.DECLINED, Answer.DEFERRED),
            authorisation__withdrawn_at=None,
        )
        .select_related(
            "authorisation",
            "job__recommendation",
            "job__repair_order__vehicle",
            "job__repair_order__customer__contact",
            "job__repair_order__location",
        )
        .order_by("authorisation__at", "id")
    )
    rows: list[Json] = []
    for decision in decisions:
        job = decision.job
        rows.append(
            {
                **_order_body(job.repair_order),
                "at": decision.authorisation.at,
                "job_id": job.pk,
                "job": decision.job_name,
                "decision": decision.decision,
                "amount": decision.amount,
                "job_status": job.status,
                "recommendation_id": job.recommendation_id,
                "recommendation_status": job.recommendation and job.recommendation.status,
            }
        )
    columns = {
        **_ORDER_COLUMNS,
        "at": "Answered",
        "job": "Job",
        "decision": "Answer",
        "amount": "Amount",
        "job_status": "Job now",
        "recommendation_status": "Recommendation now",
    }
    totals = {"count": len(rows), "amount": sum((row["amount"] for row in rows), ZERO)}
    rule = "Counted on the local day of the answer. Amounts are before discount, fees and tax."
    return Report("declined", "Declined work", scope, rule, columns, rows, totals)


def comebacks(scope: Scope) -> Report:
    """Return the orders that do work again without charge, with what they cost. Costs a constant number of queries."""
    orders = _named(
        RepairOrder.objects.filter(scope.instants("created_at"), comeback_of__isnull=False)
    ).order_by("created_at", "id")
    ids = orders.values("pk")
    invoices = Invoice.objects.filter(repair_order__in=ids, is_credited=False)
    invoiced = dict(invoices.values_list("repair_order", "cost"))
    costs = _line_costs(ids)
    rows: list[Json] = []
    for order in orders:
        cost = invoiced.get(order.pk, costs.get(order.pk, ZERO))
        rows.append(
            {
                **_order_body(order),
                "comeback_of_id": order.comeback_of_id,
                "created_at": order.created_at,
                "status": order.status,
                "cost": cost,
            }
        )
    columns = {
        **_ORDER_COLUMNS,
        "comeback_of_id": "Comeback of",
        "created_at": "Created",
        "status": "Status",
        "cost": "Cost",
    }
    totals = {"count": len(rows), "cost": sum((row["cost"] for row in rows), ZERO)}
    rule = (
        "Counted on the local day on which the order was made. The cost is that of its invoice, else of its lines: "
        "parts and sublet work, without labor."
    )
    return Report("comebacks", "Comebacks", scope, rule, columns, rows, totals)


def _line_costs(orders: AnyQuerySet) -> dict[int, Decimal]:
    """Return what the agreed lines of orders without an invoice cost, by order."""
    agreed = {"repair_order__in": orders, "job__status__in": (JobStatus.APPROVED, JobStatus.DONE)}
    costs: dict[int, Decimal] = defaultdict(lambda: ZERO)
    for rows, cost in (
        (PartLine.objects.filter(**agreed), F("unit_cost") * F("quantity")),
        (ServiceLine.objects.filter(**agreed), F("cost")),
    ):
        for row in rows.order_by().values("repair_order").annotate(sum=Sum(cost)):
            costs[row["repair_order"]] += exact(row["sum"])
    return costs


_ORDER_COLUMNS = {
    "repair_order_id": "Order id",
    "number": "Order",
    "location": "Location",
    "customer": "Customer",
    "vehicle": "Vehicle",
}


def _named(orders: AnyQuerySet) -> AnyQuerySet:
    return orders.select_related("location", "vehicle", "customer__contact")


def _order_body(order: RepairOrder) -> Json:
    return {
        "repair_order_id": order.pk,
        "number": order.number,
        "location_id": order.location_id,
        "location": "" if order.location is None else order.location.name,
        "customer_id": order.customer_id,
        "customer": order.customer.name,
        "vehicle_id": order.vehicle_id,
        "vehicle": order.vehicle.label,
    }
