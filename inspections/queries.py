"""Find inspections, their findings and photos."""

from __future__ import annotations

from typing import TypedDict
from uuid import UUID

from django.db.models import Prefetch, QuerySet

from common.domain.caller import Caller
from common.domain.errors import Missing
from files.models import Upload
from inspections.models import ADVISED, Finding, FindingPhoto, Inspection
from repair_orders.models import RepairOrder


class InspectionFilters(TypedDict, total=False):
    repair_order_id: int


def find_inspections(caller: Caller, filters: InspectionFilters) -> QuerySet[Inspection]:
    """Return the inspections that the caller may see, newest first, of one order if it is given."""
    rows = Inspection.objects.visible_to(caller)
    if "repair_order_id" in filters:
        rows = rows.filter(repair_order_id=filters["repair_order_id"])
    return rows.order_by("-id")


def get_inspection(caller: Caller, id: int) -> Inspection:
    """Return an inspection that the caller may see. Raises Missing."""
    found = Inspection.objects.visible_to(caller).select_related("repair_order").filter(pk=id).first()
    if found is None:
        raise Missing("Inspection not found.")
    return found


def get_photo(inspection: Inspection, uuid: UUID | None) -> Upload:
    """Return a photo of an inspection by the uuid of its upload. Raises Missing."""
    found = Upload.objects.filter(finding_photo__finding__inspection=inspection, uuid=uuid).first()
    if found is None:
        raise Missing("Photo not found.")
    return found


def find_advised(order: RepairOrder) -> list[Inspection]:
    """Return the finished inspections of an order that advise work, each with `advised`: red findings, then yellow ones.

    For pages, with the uploads of the photos. Costs three queries.
    """
    photos = Prefetch("photos", FindingPhoto.objects.select_related("upload").in_order())
    advised = Finding.objects.filter(rating__in=ADVISED).order_by("rating", "position", "id")  # "red" < "yellow"
    rows = Inspection.objects.filter(repair_order=order, finished_at__isnull=False).order_by("-id")
    found = rows.prefetch_related(Prefetch("findings", advised.prefetch_related(photos), to_attr="advised"))
    return [inspection for inspection in found if inspection.advised]


def find_advised_photo(order: RepairOrder, uuid: UUID | None) -> Upload | None:
    """Return a photo of a red or yellow finding of a finished inspection of the order, or None."""
    rows = Upload.objects.filter(
        finding_photo__finding__rating__in=ADVISED,
        finding_photo__finding__inspection__repair_order=order,
        finding_photo__finding__inspection__finished_at__isnull=False,
    )
    return rows.filter(uuid=uuid).first()
