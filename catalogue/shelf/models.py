"""The moves of the shelf, and the pieces that are kept for jobs and parts orders (docs/design, D30)."""

from __future__ import annotations

from typing import Any, NoReturn

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q

from catalogue.shelf.querysets import ReservationQuerySet, StockMoveQuerySet
from common.domain.constraints import AppendOnly
from common.domain.text_fields import LineField

LARGEST_STOCK = 2**31 - 1  # the maximum of the column


def unit_cost_field() -> models.DecimalField[Any, Any]:
    """Return a column for the cost of a piece in dollars, with four places. Null is unknown."""
    return models.DecimalField(
        max_digits=12, decimal_places=4, null=True, blank=True, validators=[MinValueValidator(0)]
    )


class MoveKind(models.TextChoices):
    RECEIPT = "RECEIPT"  # from a vendor
    ISSUE = "ISSUE"  # fitted or shipped, out of what was reserved
    RETURN = "RETURN"  # back from a customer
    VENDOR_RETURN = "VENDOR_RETURN"
    COUNT = "COUNT"  # the difference that a count found
    RESERVE = "RESERVE"
    RELEASE = "RELEASE"


_K = MoveKind
# The stock of a part is the sum of the pieces of these kinds, and what is reserved that of those.
MOVES_STOCK = (_K.RECEIPT, _K.ISSUE, _K.RETURN, _K.VENDOR_RETURN, _K.COUNT)
MOVES_RESERVED = (_K.RESERVE, _K.RELEASE, _K.ISSUE)
_ADDS = (_K.RECEIPT, _K.RETURN, _K.RESERVE)
_TAKES = (_K.ISSUE, _K.VENDOR_RETURN, _K.RELEASE)


class StockMove(models.Model):
    """A move of pieces, added with the change of its part and never changed. `pieces` is signed.

    `unit_cost` is the cost of a piece at that time: of a receipt the one that was paid, otherwise the moving average.
    """

    id = models.BigAutoField(primary_key=True)
    # No index of its own: an index below begins with the part.
    part = models.ForeignKey("catalogue.Part", on_delete=models.PROTECT, related_name="moves", db_index=False)
    pieces = models.IntegerField()
    kind = models.CharField(max_length=13, choices=_K)
    unit_cost = unit_cost_field()
    source = models.CharField(max_length=60, blank=True, default="", help_text="Such as job:812 or order:55.")
    note = LineField("reason or reference", max_length=200, blank=True, default="")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    at = models.DateTimeField()

    objects = StockMoveQuerySet["StockMove"].as_manager()

    class Meta:
        verbose_name = "stock move"
        constraints = [
            AppendOnly(name="stock_move_never_changes"),
            models.CheckConstraint(
                condition=Q(kind__in=_ADDS, pieces__gt=0)
                | Q(kind__in=_TAKES, pieces__lt=0)
                | Q(kind=_K.COUNT),
                name="stock_move_has_its_sign",
            ),
            models.CheckConstraint(condition=~Q(unit_cost__lt=0), name="stock_move_cost_not_negative"),
        ]
        indexes = [
            models.Index(fields=["part", "-id"], name="stock_move_of_part"),
            models.Index(fields=["source", "part"], condition=Q(kind=_K.ISSUE), name="stock_move_issued"),
        ]

    def __str__(self) -> str:
        return f"{_K(self.kind).label}: {self.pieces:+,}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("Moves of the shelf do not change.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("Moves of the shelf are not deleted.")


class Reservation(models.Model):
    """Pieces of a part that a source needs, such as `job:812`. It is open while fewer are kept for it (`filled`).

    It ends when its pieces are issued or released. The moves keep what was.
    """

    id = models.BigAutoField(primary_key=True)
    # No index of its own: an index below begins with the part.
    part = models.ForeignKey(
        "catalogue.Part", on_delete=models.PROTECT, related_name="reservations", db_index=False
    )
    pieces = models.PositiveIntegerField()
    filled = models.PositiveIntegerField(default=0, help_text="Pieces that are kept on the shelf for it.")
    source = models.CharField(max_length=60, help_text="Such as job:812 or order:55.")
    created_at = models.DateTimeField()

    objects = ReservationQuerySet["Reservation"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "part"], name="source_reserves_part_once"),
            models.CheckConstraint(condition=Q(pieces__gte=1), name="reservation_has_pieces"),
            models.CheckConstraint(
                condition=Q(filled__gte=0, filled__lte=F("pieces")), name="reservation_filled_at_most_once"
            ),
        ]
        indexes = [
            models.Index(fields=["part", "created_at", "id"], name="reservation_of_part"),
            models.Index(fields=["part"], condition=Q(filled__lt=F("pieces")), name="reservation_open"),
        ]

    def __str__(self) -> str:
        return f"{self.pieces:,} for {self.source}"

    @property
    def short(self) -> int:
        """The pieces that are missing."""
        return self.pieces - self.filled


class VendorOrder(models.Model):
    """Pieces of a part that are on order from a vendor, one row for each part. Receipts take from it, and end it."""

    id = models.BigAutoField(primary_key=True)
    part = models.OneToOneField("catalogue.Part", on_delete=models.CASCADE, related_name="on_order")
    pieces = models.PositiveIntegerField()
    vendor = LineField(max_length=120)
    reference = LineField(
        max_length=120, blank=True, default="", help_text="The vendor's number of the order."
    )
    expected_on = models.DateField(null=True, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    at = models.DateTimeField()

    class Meta:
        verbose_name = "vendor order"
        constraints = [
            models.CheckConstraint(condition=Q(pieces__gte=1), name="vendor_order_has_pieces"),
        ]

    def __str__(self) -> str:
        """Return it as lists and pages show it: `4 on order at NAPA (PO 4711), expected Thu 3 Dec`."""
        reference = f" ({self.reference})" if self.reference else ""
        day = self.expected_on
        expected = f", expected {day:%a} {day.day} {day:%b}" if day else ""
        return f"{self.pieces:,} on order at {self.vendor}{reference}{expected}"
