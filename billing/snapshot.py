"""The papers of billing as JSON (docs/design, D88). Amounts are texts of dollars, instants ISO 8601 in UTC.

Shop, customer, vehicle and lines are written as in the snapshot of an estimate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from appointments.models import Location
from appointments.queries import get_units
from billing.models import CreditNoteLine, Invoice, InvoiceLine, Payment
from billing.splitting import Shares
from common.domain.money import format_percent, to_dollars
from common.domain.types import Json
from common.domain.units import Units
from customers.models import Customer
from repair_orders.estimates.models import Authorisation
from repair_orders.estimates.record import authorisation_body, name_of
from repair_orders.estimates.snapshot import (
    customer_body,
    instant,
    part_body,
    service_body,
    shop_body,
    totals_body,
    vehicle_body,
)
from repair_orders.models import Job, JobStatus, PartLine, RepairOrder, ServiceLine
from repair_orders.money import Totals


def bill_to_body(customer: Customer) -> Json:
    """Return a customer as papers of billing name them."""
    return {**customer_body(customer), "tax_id": customer.tax_id}


def invoice_snapshot(
    order: RepairOrder,
    *,
    location: Location,
    bill_to: Customer,
    number: str,
    issued_at: datetime,
    day: date,
    due_on: date,
    po_number: str,
    lines: Sequence[tuple[PartLine | ServiceLine, Shares]],
    totals: Totals,
    deposits: Sequence[tuple[Payment, Decimal]],
    discounts: Json,
) -> Json:
    """Return the paper of an invoice. `discounts` is what `discounts_body` returns.

    Deposits are those that move to it. Later payments have receipts of their own.
    """
    by_job: dict[int | None, list[Json]] = {}
    taxed = Decimal("0.00")
    for line, shares in lines:
        taxed += to_dollars(shares.net) if line.taxable else 0
        body = part_body(line) if isinstance(line, PartLine) else service_body(line)
        by_job.setdefault(body.pop("job_id"), []).append({**body, **shares_body(shares)})
    done = Job.objects.filter(repair_order=order, status=JobStatus.DONE)
    done = done.select_related("technician").in_order()
    declined = Job.objects.filter(repair_order=order, status__in=(JobStatus.DECLINED, JobStatus.DEFERRED))
    declined = declined.prefetch_related("part_lines", "service_lines").in_order()
    answers = (
        Authorisation.objects.filter(estimate__repair_order=order)
        .select_related("estimate")
        .prefetch_related("decisions", "added_taxes")
        .order_by("estimate__revision")
    )
    paid = sum((amount for _, amount in deposits), Decimal("0.00"))
    return {
        "kind": "order",
        "number": number,
        "issued_at": instant(issued_at),
        "day": day.isoformat(),
        "due_on": due_on.isoformat(),
        "shop": shop_body(location),
        "customer": bill_to_body(order.customer),
        "bill_to": bill_to_body(bill_to),
        "vehicle": vehicle_body(order.vehicle),
        "order": {
            "id": order.pk,
            "number": order.number,
            "description": order.description,
            "notes": order.notes,
            "po_number": po_number,
            "odometer_in": _miles(order.odometer_in),
            "odometer_out": _miles(order.odometer_out),
            **_units(order, location),
            "completed_at": order.completed_at and instant(order.completed_at),
            "advisor": name_of(order.advisor),
            "comeback_of": order.comeback_of and order.comeback_of.reference,
        },
        "jobs": [
            {
                "id": job.pk,
                "position": job.position,
                "name": job.name,
                "concern": job.concern,
                "cause": job.cause,
                "correction": job.correction,
                "technician": job.technician.name if job.technician else "",
                "amount": _sum(by_job.get(job.pk, [])),
                "lines": by_job.get(job.pk, []),
            }
            for job in done
        ],
        "fees": by_job.get(None, []),
        "declined": [{"name": job.name, "amount": _job_amount(job)} for job in declined],
        "terms": {
            "discount_amount": str(order.discount_amount),
            "discount_percent": format_percent(order.discount_percent),
            "tax_percent": format_percent(order.tax_percent),
            "tax_exemption": order.tax_exemption,
        },
        **discounts,
        "tax_base": str(taxed),
        "authorisations": [authorisation_body(answer) for answer in answers],
        "totals": totals_body(totals),
        "deposits": [
            {
                "payment_id": payment.pk,
                "method": payment.method,
                "reference": payment.reference,
                "posted_at": instant(payment.posted_at),
                "amount": str(amount),
            }
            for payment, amount in deposits
        ],
        "balance": str(totals.total - paid),
    }


def opening_snapshot(
    *, location: Location, customer: Customer, number: str, issued_at: datetime, day: date, total: Decimal
) -> Json:
    """Return the paper of an opening balance."""
    zero = Decimal("0.00")
    return {
        "kind": "opening",
        "number": number,
        "issued_at": instant(issued_at),
        "day": day.isoformat(),
        "due_on": day.isoformat(),
        "shop": shop_body(location),
        "customer": bill_to_body(customer),
        "bill_to": bill_to_body(customer),
        "totals": totals_body(Totals(total, zero, total, zero, total)),
        "balance": str(total),
    }


def credit_note_snapshot(
    invoice: Invoice,
    *,
    number: str,
    posted_at: datetime,
    day: date,
    reason: str,
    lines: Sequence[CreditNoteLine],
    totals: Totals,
    left: Decimal,
) -> Json:
    """Return the paper of a credit note. `left` is what stays of the invoice after it.

    Lines without pieces that went back on the shelf have no such key, as on papers from before there were any.
    """
    paper = invoice.snapshot
    return {
        **{name: paper.get(name) for name in ("customer", "vehicle", "order", "terms")},
        "shop": shop_body(invoice.location),
        "bill_to": bill_to_body(invoice.bill_to),
        "number": number,
        "posted_at": instant(posted_at),
        "day": day.isoformat(),
        "reason": reason,
        "invoice": {
            "number": invoice.number,
            "issued_at": paper["issued_at"],
            "total": str(invoice.total),
            "left": str(left),
        },
        "lines": [
            {
                "name": line.name,
                "kind": line.kind,
                "quantity": None if line.quantity is None else str(line.quantity),
                "amount": str(line.amount),
                "discount": str(line.discount),
                "net": str(line.net),
                "tax": str(line.tax),
                **({"restocked": line.restocked} if line.restocked else {}),
            }
            for line in lines
        ],
        "totals": totals_body(totals),
    }


def receipt_snapshot(
    payment: Payment, *, customer: Customer, uses: Sequence[Mapping[str, str]], refunds: Payment | None
) -> Json:
    """Return the receipt of a payment, or of a refund of one. `uses` is what the payment was used for at once."""
    return {
        "kind": payment.kind,
        "is_reversal": payment.is_reversal,
        "posted_at": instant(payment.posted_at),
        "day": payment.day.isoformat(),
        "received_on": payment.received_on and payment.received_on.isoformat(),
        "shop": shop_body(payment.location),
        "customer": bill_to_body(customer),
        "amount": str(payment.amount),
        "method": payment.method,
        "reference": payment.reference,
        "reason": payment.reason,
        "uses": [dict(use) for use in uses],
        "refunds": None
        if refunds is None
        else {
            "payment_id": refunds.pk,
            "amount": str(refunds.amount),
            "method": refunds.method,
            "posted_at": instant(refunds.posted_at),
        },
    }


def shares_body(shares: Shares) -> Json:
    """Return a line's shares of the discount and the tax of its invoice."""
    return {
        "discount": str(to_dollars(shares.discount)),
        "net": str(to_dollars(shares.net)),
        "tax": str(to_dollars(shares.tax)),
    }


def line_body(line: InvoiceLine) -> Json:
    """Return a line of an invoice as the staff's API writes it."""
    return {
        "id": line.pk,
        "kind": line.kind,
        "name": line.name,
        "quantity": None if line.quantity is None else str(line.quantity),
        "amount": str(line.amount),
        "discount": str(line.discount),
        "net": str(line.net),
        "tax": str(line.tax),
    }


def _job_amount(job: Job) -> str:
    amounts = [line.amount for line in job.part_lines.all()]
    amounts += [line.amount for line in job.service_lines.all()]
    return str(sum(amounts, Decimal("0.00")))


def _sum(lines: Sequence[Json]) -> str:
    return str(sum((Decimal(line["amount"]) for line in lines), Decimal("0.00")))


def _units(order: RepairOrder, location: Location) -> Json:
    """Return the units in which the paper prints distances. Miles have no key."""
    units = get_units(order.customer, location)
    return {} if units == Units.IMPERIAL else {"units": units.value}


def _miles(miles: Decimal | None) -> str | None:
    return None if miles is None else str(miles)
