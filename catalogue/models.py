"""Parts with their stock, and services. The moves of the shelf are in `catalogue.shelf`, which Django finds here."""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from catalogue.pricing import models as pricing_models  # noqa: F401  # their tables are of this app
from catalogue.shelf.models import Reservation as Reservation
from catalogue.shelf.models import StockMove as StockMove
from catalogue.shelf.models import VendorOrder as VendorOrder
from catalogue.shelf.models import unit_cost_field
from common.domain.ids import Identified
from common.domain.money import money
from common.domain.search import Searched
from common.domain.text_fields import CodeField, LineField, ParagraphsField


class Part(Identified):
    """A part of the catalogue with its current price.

    `stock` and `reserved` are the sums of its moves (docs/design, D30) and change only with them. What is available is
    `stock - reserved`.
    """

    SEARCHED = Searched("name", "manufacturer", codes=("part_number",))

    name = LineField(max_length=200)
    part_number = CodeField(max_length=60)
    manufacturer = LineField(max_length=120, blank=True, default="")
    unit_price = money()
    taxable = models.BooleanField(default=True)
    warranty_months = models.PositiveSmallIntegerField(default=0)
    unit_cost = unit_cost_field()
    core_charge = money(
        null=True,
        blank=True,
        help_text="Charged with each piece, and credited when the customer brings the old part back.",
    )
    is_listed = models.BooleanField("listed", default=True, help_text="Offered for new work and orders.")
    is_sold_online = models.BooleanField(
        "sold online", default=True, help_text="Listed parts that customers can order by mail."
    )
    is_stocked = models.BooleanField(
        "stocked",
        default=False,
        editable=False,
        help_text="Kept on the shelf, from the first receipt or count on.",
    )
    stock = models.PositiveIntegerField(default=0, editable=False, help_text="Pieces on the shelf.")
    reserved = models.PositiveIntegerField(
        default=0, editable=False, help_text="Pieces on the shelf that are kept for jobs and parts orders."
    )

    is_placeholder = models.BooleanField(
        default=False, editable=False, help_text="The one row that typed lines point at."
    )

    history = HistoricalRecords()

    class Meta:
        permissions = [
            ("receive_part", "Can receive parts and return them to vendors"),
            ("count_part", "Can count the pieces of parts"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["is_placeholder"], condition=Q(is_placeholder=True), name="part_placeholder_once"
            ),
            models.CheckConstraint(condition=Q(unit_price__gte=0), name="part_price_not_negative"),
            models.CheckConstraint(condition=~Q(unit_cost__lt=0), name="part_cost_not_negative"),
            models.CheckConstraint(
                condition=Q(reserved__gte=0, reserved__lte=F("stock")), name="part_reserved_is_in_stock"
            ),
            models.CheckConstraint(
                condition=Q(is_stocked=True) | Q(stock=0, reserved=0), name="part_with_stock_is_stocked"
            ),
            models.UniqueConstraint(
                fields=["part_number"],
                condition=Q(is_listed=True),
                name="part_number_once",
                violation_error_code="unique",  # the form names the field, as without a condition
                violation_error_message="A part with this part number already exists.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.part_number})"

    @property
    def available(self) -> int:
        """The pieces that are not kept for anything yet."""
        return self.stock - self.reserved


class Service(Identified):
    """A labour operation of the catalogue with its current price."""

    SEARCHED = Searched("name", "description")

    name = LineField(max_length=200)
    description = ParagraphsField(blank=True, default="")
    labor_cost = money()
    hours = models.DecimalField(
        max_digits=6,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="The usual labour time.",
    )
    taxable = models.BooleanField(default=True)
    warranty_months = models.PositiveSmallIntegerField(default=0)
    is_listed = models.BooleanField("listed", default=True, help_text="Offered for new work.")

    is_placeholder = models.BooleanField(
        default=False, editable=False, help_text="The one row that typed lines and fees point at."
    )

    history = HistoricalRecords()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["is_placeholder"], condition=Q(is_placeholder=True), name="service_placeholder_once"
            ),
            models.CheckConstraint(condition=Q(labor_cost__gte=0), name="labour_price_not_negative"),
            models.CheckConstraint(condition=~Q(hours__lt=0), name="labour_hours_not_negative"),
        ]

    def __str__(self) -> str:
        return self.name
