"""The whole paper of a revision as JSON, and its digest (docs/design, D77).

Papers and pages are made from the snapshot alone, so that they stay the same when the catalogue, the customer or the
shop change. Amounts are texts of dollars with two places, instants ISO 8601 in UTC.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256

import orjson

from appointments.models import Location
from common.domain.money import format_percent, to_dollars
from common.domain.types import Json
from customers.models import Customer
from repair_orders.discounts.models import terms_body
from repair_orders.models import Job, PartLine, RepairOrder, ServiceKind, ServiceLine
from repair_orders.money import Totals
from repair_orders.worksheet import PART, Figures, Worksheet
from vehicles.models import Vehicle


def take_snapshot(
    order: RepairOrder, sheet: Worksheet, *, revision: int, sent_at: datetime, expires_at: datetime
) -> Json:
    """Return the paper of an order's jobs that count, as they are stored now."""
    figures = sheet.figures(sheet.counted)
    has_discounts = bool(figures.given)
    jobs = Job.objects.filter(repair_order=order, pk__in=sheet.counted).in_order()
    parts = PartLine.objects.filter(repair_order=order).in_order()
    services = ServiceLine.objects.filter(repair_order=order).exclude(kind=ServiceKind.FEE).in_order()
    lines: dict[int | None, list[Json]] = {}
    for line in [*map(part_body, parts), *map(service_body, services)]:
        lines.setdefault(line.pop("job_id"), []).append(line)
    return {
        "revision": revision,
        "sent_at": instant(sent_at),
        "expires_at": instant(expires_at),
        "shop": shop_body(order.location),
        "customer": customer_body(order.customer),
        "vehicle": vehicle_body(order.vehicle),
        "order": {
            "id": order.pk,
            "number": order.number,
            "description": order.description,
            "notes": order.notes,
            "po_number": order.po_number,
        },
        "jobs": [
            {
                "id": job.pk,
                "position": job.position,
                "name": job.name,
                "concern": job.concern,
                "cause": job.cause,
                "correction": job.correction,
                "status": job.status,
                "amount": str(to_dollars(amount)),
                "lines": lines.get(job.pk, []),
                **({"canned_job_id": job.canned_job_id} if has_discounts else {}),
            }
            for job, amount in ((job, _cents(sheet, job.pk)) for job in jobs)
        ],
        "fees": [
            {"name": fee.name, "amount": str(to_dollars(fee.cents)), "taxable": fee.taxable}
            for fee in figures.fees
        ],
        "terms": {
            "discount_amount": str(order.discount_amount),
            "discount_percent": format_percent(order.discount_percent),
            "tax_percent": format_percent(order.tax_percent),
            "tax_exemption": order.tax_exemption,
            "fees": order.fee_terms,
            "overrun": order.overrun_terms,
            **(
                {"discounts": [terms_body(terms) for terms in sheet.terms.discounts]} if has_discounts else {}
            ),
        },
        **discounts_body(figures),
        "totals": totals_body(figures.totals),
    }


def discounts_body(figures: Figures) -> Json:
    """Return the discounts that papers name, under the key `discounts`. Without any there is no key."""
    rows = [
        {"kind": row.terms.kind, "name": row.terms.name, "amount": str(to_dollars(row.cents))}
        for row in figures.given
        if row.cents
    ]
    return {"discounts": rows} if rows else {}


def digest(snapshot: Json) -> str:
    """Return the SHA-256 of a snapshot's canonical JSON, in hexadecimal."""
    return sha256(canonical(snapshot)).hexdigest()


def canonical(snapshot: Json) -> bytes:
    """Return the JSON of which a digest is taken: sorted keys, no spaces, UTF-8."""
    return orjson.dumps(snapshot, option=orjson.OPT_SORT_KEYS)


def totals_body(figures: Totals) -> Json:
    return {name: str(amount) for name, amount in asdict(figures).items()}


def instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def shop_body(location: Location | None) -> Json | None:
    """Return what papers print of the shop, or None for an order without a location.

    A shop without a logo has no such key, so that the papers of those that have none stay as they are.
    """
    if location is None:
        return None
    return {
        "name": location.legal_name or location.name,
        "location": location.name,
        "address": location.address,
        "phone": location.phone,
        "email": location.email,
        "tax_id": location.tax_id,
        "registration_number": location.registration_number,
        "terms": location.terms,
        "time_zone": location.time_zone,
        "paper_size": location.paper_size,
        **({"logo": location.logo_id} if location.logo_id else {}),
    }


def customer_body(customer: Customer) -> Json:
    contact = customer.contact
    return {
        "id": customer.pk,
        "name": customer.name,
        "email": (contact and contact.email) or "",
        "phone": (contact and contact.phone) or "",
        "address": customer.address,
    }


def vehicle_body(vehicle: Vehicle) -> Json:
    return {
        "id": vehicle.pk,
        "label": vehicle.label,
        "year": vehicle.year,
        "make": vehicle.make,
        "model": vehicle.model,
        "vin": vehicle.vin,
        "license_plate": vehicle.license_plate,
    }


def part_body(line: PartLine) -> Json:
    return {
        "id": line.pk,
        "job_id": line.job_id,
        "kind": PART,
        "name": line.name,
        "description": line.description,
        "part_id": line.part_id,
        "part_number": line.part_number,
        "manufacturer": line.manufacturer,
        "condition": line.condition,
        "oem": line.is_oem,
        "quantity": _text(line.quantity),
        "unit_price": _text(line.unit_price),
        "amount": str(line.amount),
        "taxable": line.taxable,
        "warranty_months": line.warranty_months,
    }


def service_body(line: ServiceLine) -> Json:
    return {
        "id": line.pk,
        "job_id": line.job_id,
        "kind": line.kind,
        "name": line.name,
        "description": line.description,
        "service_id": line.service_id,
        "hours": _text(line.hours),
        "rate": _text(line.rate),
        "amount": str(line.amount),
        "taxable": line.taxable,
        "warranty_months": line.warranty_months,
    }


def _text(number: Decimal | None) -> str | None:
    return None if number is None else str(number)


def _cents(sheet: Worksheet, job_id: int) -> int:
    return next(job.cents for job in sheet.jobs if job.id == job_id)
