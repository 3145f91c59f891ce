"""Price matrices with their bands, and canned jobs with their lines (docs/design, D80, D81)."""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from catalogue.pricing.querysets import BandQuerySet, CannedLineQuerySet
from common.domain.ids import Identified
from common.domain.money import money
from common.domain.search import Searched
from common.domain.text_fields import LineField, ParagraphsField

LARGEST_FACTOR = Decimal(1000)
LARGEST_MARGIN = Decimal("99.99")  # at 100 % no price would be enough


class PriceMatrix(Identified):
    """A table that makes the price of a part from its cost."""

    SEARCHED = Searched("name")

    name = LineField(max_length=100)
    is_default = models.BooleanField("default", default=False)

    history = HistoricalRecords()

    class Meta:
        verbose_name_plural = "price matrices"
        constraints = [
            models.UniqueConstraint(
                fields=["name"],
                name="price_matrix_name_once",
                violation_error_message="A price matrix with this name already exists.",
            ),
            models.UniqueConstraint(
                fields=["is_default"],
                condition=Q(is_default=True),
                name="default_price_matrix_once",
                violation_error_message="Another price matrix is the default.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PriceBand(models.Model):
    """The costs from `from_cost` up to the next band, which begins at its own `from_cost`.

    The price is the cost times `multiplier`, or the cost with `margin` percent of the price on top.
    """

    id = models.BigAutoField(primary_key=True)
    matrix = models.ForeignKey(PriceMatrix, on_delete=models.CASCADE, related_name="bands", db_index=False)
    from_cost = money(help_text="The band begins at this cost. The boundary belongs to it.")
    multiplier = models.DecimalField(
        max_digits=8,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(LARGEST_FACTOR)],
        help_text="Price = cost × multiplier.",
    )
    margin = models.DecimalField(
        max_digits=7,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(LARGEST_MARGIN)],
        help_text="Percent of the price. Price = cost ÷ (1 − margin).",
    )

    history = HistoricalRecords()
    objects = BandQuerySet["PriceBand"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["matrix", "from_cost"],
                name="price_band_begins_once",
                violation_error_message="Another band of the matrix begins at this cost.",
            ),
            models.CheckConstraint(condition=Q(from_cost__gte=0), name="price_band_cost_not_negative"),
            models.CheckConstraint(
                condition=Q(multiplier__isnull=False, margin=None) | Q(multiplier=None, margin__isnull=False),
                name="price_band_has_one_rule",
                violation_error_message="Enter a multiplier or a margin, not both.",
            ),
            models.CheckConstraint(
                condition=Q(multiplier=None) | Q(multiplier__gte=0, multiplier__lte=LARGEST_FACTOR),
                name="price_band_multiplier_is_one",
            ),
            models.CheckConstraint(
                condition=Q(margin=None) | Q(margin__gte=0, margin__lte=LARGEST_MARGIN),
                name="price_band_margin_is_one",
            ),
        ]

    def __str__(self) -> str:
        return f"from {self.from_cost}"

    @property
    def rule(self) -> str:
        """How the band makes a price of a cost."""
        if self.multiplier is not None:
            return f"cost × {self.multiplier.normalize():f}"
        assert self.margin is not None  # a constraint of the table
        return f"a margin of {self.margin.normalize():f} %"


class CannedJob(Identified):
    """A job that the shop sells often, with its lines. Adding it to an order copies them."""

    SEARCHED = Searched("name", "concern")

    name = LineField(max_length=200)
    concern = ParagraphsField(blank=True, default="", help_text="The concern that the job starts with.")
    is_listed = models.BooleanField("listed", default=True, help_text="Off: kept, and not offered any more.")

    history = HistoricalRecords()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["name"],
                name="canned_job_name_once",
                violation_error_message="A canned job with this name already exists.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class CannedLineKind(models.TextChoices):
    PART = "part"
    LABOUR = "labour"
    SUBLET = "sublet"


_K = CannedLineKind
LARGEST_QUANTITY = Decimal(10_000)
LARGEST_HOURS = Decimal(1_000)


class CannedLine(models.Model):
    """A line of a canned job.

    A part line is a quantity of a part, at the price of the day on which it is sold. A labour line is a service of the
    catalogue or a typed name, with hours, an amount, or both left to the service. A sublet line is a name with an
    amount, and what it costs the shop if that is known.
    """

    id = models.BigAutoField(primary_key=True)
    canned_job = models.ForeignKey(CannedJob, on_delete=models.CASCADE, related_name="lines", db_index=False)
    position = models.PositiveSmallIntegerField(validators=[MinValueValidator(1)])
    kind = models.CharField(max_length=6, choices=CannedLineKind)
    part = models.ForeignKey(
        "catalogue.Part", on_delete=models.PROTECT, null=True, blank=True, related_name="canned_lines"
    )
    service = models.ForeignKey(
        "catalogue.Service", on_delete=models.PROTECT, null=True, blank=True, related_name="canned_lines"
    )
    name = LineField(
        max_length=200, blank=True, default="", help_text="For labour without a service, and sublet."
    )
    quantity = models.DecimalField(
        max_digits=7,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.01")), MaxValueValidator(LARGEST_QUANTITY)],
    )
    hours = models.DecimalField(
        max_digits=6,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.01")), MaxValueValidator(LARGEST_HOURS)],
    )
    amount = money(null=True, blank=True, help_text="A flat amount instead of hours × rate.")
    cost = money(null=True, blank=True, help_text="What the shop pays for sublet work.")

    history = HistoricalRecords()
    objects = CannedLineQuerySet["CannedLine"].as_manager()

    class Meta:
        verbose_name = "canned job line"
        constraints = [
            models.UniqueConstraint(
                fields=["canned_job", "position"],
                name="canned_line_position_once",
                violation_error_message="Another line of the job has this position.",
            ),
            models.CheckConstraint(condition=Q(kind__in=_K.values), name="canned_line_kind_is_known"),
            models.CheckConstraint(
                condition=~Q(kind=_K.PART)
                | Q(
                    part__isnull=False, quantity__isnull=False, service=None, name="", hours=None, amount=None
                ),
                name="canned_part_line_is_whole",
                violation_error_message="A part line has a part and a quantity, and nothing else.",
            ),
            models.CheckConstraint(
                condition=~Q(kind=_K.LABOUR)
                | Q(part=None, quantity=None) & Q(service__isnull=False, name="")
                | Q(part=None, quantity=None, service=None)
                & ~Q(name="")
                & (Q(hours__isnull=False) | Q(amount__isnull=False)),
                name="canned_labour_line_is_whole",
                violation_error_message="A labour line has a service, or a name with hours or an amount.",
            ),
            models.CheckConstraint(
                condition=~Q(kind=_K.SUBLET)
                | Q(part=None, quantity=None, service=None, hours=None, amount__isnull=False) & ~Q(name=""),
                name="canned_sublet_line_is_whole",
                violation_error_message="A sublet line has a name and an amount, and nothing else.",
            ),
            models.CheckConstraint(
                condition=Q(quantity=None) | Q(quantity__gt=0, quantity__lte=LARGEST_QUANTITY),
                name="canned_quantity_is_possible",
            ),
            models.CheckConstraint(
                condition=Q(hours=None) | Q(hours__gt=0, hours__lte=LARGEST_HOURS),
                name="canned_hours_are_possible",
            ),
            models.CheckConstraint(
                condition=Q(amount=None) | Q(amount__gte=0), name="canned_amount_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(cost=None) | Q(kind=_K.SUBLET, cost__gte=0),
                name="canned_cost_is_of_sublet",
                violation_error_message="Only a sublet line has a cost, which is not negative.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.position}"
