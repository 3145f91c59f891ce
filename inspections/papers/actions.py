"""Return the paper of an inspection. It is set once, at the first request, and stored (docs/design, D72, D103)."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from django.db.models import Count

from appointments.logos import find_logo
from common.domain.errors import DomainError
from common.domain.types import Json
from common.papers.rendering import render
from files.papers import Document, stored_paper
from inspections.models import Finding, Inspection
from inspections.papers.layout import inspection_layout
from inspections.papers.models import Paper
from repair_orders.estimates.snapshot import customer_body, instant, shop_body, vehicle_body
from repair_orders.models import RepairOrder
from repair_orders.papers.texts import number_of, paper_size

_TEMPLATES = Path(__file__).parent


class InspectionNotFinished(DomainError):
    code = "inspection_not_finished"
    title = "The inspection is not finished"
    message = "A paper is made of a finished inspection. Finish this one first."


def inspection_paper(inspection: Inspection, *, now: datetime) -> Document:
    """Return the paper of a finished inspection. Raises InspectionNotFinished, PaperLost, StoreUnavailable."""
    if inspection.finished_at is None:
        raise InspectionNotFinished
    order = RepairOrder.objects.select_related("location", "customer__contact", "vehicle").get(
        pk=inspection.repair_order_id
    )
    number = number_of({"order": {"id": order.pk, "number": order.number}})

    def typeset() -> bytes:
        values = _take_values(inspection, order)
        logo = find_logo(values["shop"])
        return render(_TEMPLATES / "inspection.typ", inspection_layout(values), paper_size(values), logo=logo)

    return stored_paper(
        Paper.objects.all(),
        f"inspection-{number}-{inspection.pk}.pdf",
        typeset,
        now=now,
        inspection_id=inspection.pk,
    )


def _take_values(inspection: Inspection, order: RepairOrder) -> Json:
    """Return what the paper prints. A finished inspection does not change, so only the parties are present ones."""
    assert inspection.finished_at is not None
    findings = Finding.objects.filter(inspection=inspection).annotate(photo_count=Count("photos")).in_order()
    return {
        "shop": shop_body(order.location),
        "customer": customer_body(order.customer),
        "vehicle": vehicle_body(order.vehicle),
        "order": {"id": order.pk, "number": order.number, "po_number": order.po_number},
        "name": inspection.name,
        "technician": inspection.technician.name if inspection.technician else "",
        "finished_at": instant(inspection.finished_at),
        "findings": [
            {
                "group": finding.group,
                "name": finding.name,
                "rating": finding.rating,
                "value": finding.value,
                "unit": finding.unit,
                "note": finding.note,
                "photos": finding.photo_count,
            }
            for finding in findings
        ],
    }
