"""Find inspections, their findings and photos."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet

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
    rows = Upload.objects.filter(finding_photo__finding__inspection=inspection)
    found = rows.filter(uuid=uuid).first() if uuid else None
    if found is None:
        raise Missing("Photo not found.")
    return found


def find_finished(order: RepairOrder, *, through: datetime | None = None) -> list[Inspection]:
    """Return the finished inspections of an order, newest first, for pages that show what they advise (`advised_of`).

    With `through` those that were finished until then. Costs three queries.
    """
    photos = Prefetch("photos", FindingPhoto.objects.select_related("upload").in_order())
    # The word "red" sorts before "yellow".
    advised = Finding.objects.filter(rating__in=ADVISED).order_by("rating", "position", "id")
    rows = _finished(order, through).order_by("-id")
    return list(
        rows.prefetch_related(Prefetch("findings", advised.prefetch_related(photos), to_attr="advised"))
    )


def advised_of(inspection: Inspection) -> list[Finding]:
    """Return the red findings and then the yellow ones of an inspection that `find_finished` has read."""
    advised: list[Finding] = vars(inspection)["advised"]
    return advised


def get_finished(order: RepairOrder, id: int, *, through: datetime | None = None) -> Inspection:
    """Return a finished inspection of an order, as `find_finished` does. Raises Missing."""
    found = _finished(order, through).filter(pk=id).first()
    if found is None:
        raise Missing("Inspection not found.")
    return found


def get_shown_photo(order: RepairOrder, uuid: UUID | None, *, through: datetime | None = None) -> Upload:
    """Return a photo that a page shows: of the customer's request, or of a red or yellow finding. Raises Missing."""
    shown = Q(repair_photo__repair_order=order) | Q(
        finding_photo__finding__rating__in=ADVISED,
        finding_photo__finding__inspection__in=_finished(order, through),
    )
    found = Upload.objects.filter(shown, uuid=uuid).first() if uuid else None
    if found is None:
        raise Missing("Photo not found.")
    return found


def _finished(order: RepairOrder, through: datetime | None) -> QuerySet[Inspection]:
    rows = Inspection.objects.filter(repair_order=order, finished_at__isnull=False)
    return rows if through is None else rows.filter(finished_at__lte=through)
