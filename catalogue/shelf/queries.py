"""Find the pieces that are missing on the shelf (docs/design, D30)."""

from __future__ import annotations

from django.db.models import Exists, F, OuterRef, QuerySet

from catalogue.models import Part
from catalogue.shelf.models import Reservation
from common.domain.caller import Caller


def shortages(source: str) -> dict[int, int]:
    """Return the pieces that a source is short of, by part id. It is empty if everything is kept for it."""
    missing = Reservation.objects.filter(source=source).open().order_by("part")
    return dict(missing.values_list("part", F("pieces") - F("filled")))


def find_needed_parts(caller: Caller) -> QuerySet[Part]:
    """Return the parts of which reservations are short that the caller sees, in a total order."""
    missing = Reservation.objects.visible_to(caller).filter(part=OuterRef("pk")).open()
    return Part.objects.filter(Exists(missing)).order_by("id")
