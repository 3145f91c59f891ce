"""Note what is on order from vendors (docs/design, D30)."""

from __future__ import annotations

from datetime import date, datetime

from django.db import transaction

from catalogue.models import Part
from catalogue.shelf.books import lock_parts
from catalogue.shelf.models import VendorOrder
from common.domain import events
from common.domain.errors import Invalid
from common.domain.transitions import write_history


class VendorNeeded(Invalid):
    code = "vendor_needed"
    message = "Name the vendor from which the pieces are ordered."


def order_from_vendor(
    *,
    part: Part,
    pieces: int,
    by: int | None,
    now: datetime,
    vendor: str = "",
    reference: str = "",
    expected_on: date | None = None,
) -> None:
    """Note how many pieces of a part are on order, in place of what was noted before. 0 pieces end it.

    Receipts take from it. It changes neither stock nor reservations. Raises VendorNeeded.
    """
    if pieces and not vendor.strip():
        raise VendorNeeded(field="vendor")
    with transaction.atomic():
        [part] = lock_parts([part.pk])
        if pieces:
            row, _ = VendorOrder.objects.update_or_create(
                part=part,
                defaults={
                    "pieces": pieces,
                    "vendor": vendor,
                    "reference": reference,
                    "expected_on": expected_on,
                    "by_id": by,
                    "at": now,
                },
            )
            why = str(row)
        else:
            VendorOrder.objects.filter(part=part).delete()
            why = "nothing is on order"
        write_history(part, by=by, now=now, why=why)
        events.record("catalogue.part.ordered", part, at=now, on_order=pieces)
