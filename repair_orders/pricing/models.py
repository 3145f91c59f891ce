"""Labour rates, taxes, fees and overruns of a location, and exemption certificates (docs/design, D82 to D85)."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from appointments.models import Location
from common.domain.ids import Identified
from common.domain.money import fine_percent, money
from common.domain.search import Searched
from common.domain.text_fields import LineField
from customers.models import Customer
from repair_orders.pricing.querysets import FeeRuleQuerySet, TaxExemptionQuerySet


class LabourRate(Identified):
    """The price of an hour of labour at a location."""

    SEARCHED = Searched("name")

    location = models.ForeignKey(
        Location, on_delete=models.CASCADE, related_name="labour_rates", db_index=False
    )
    name = LineField(max_length=100)
    per_hour = money(help_text="Dollars an hour.")
    is_default = models.BooleanField("default", default=False)

    history = HistoricalRecords()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["location", "name"],
                name="labour_rate_name_once",
                violation_error_message="The location has a labour rate with this name.",
            ),
            models.UniqueConstraint(
                fields=["location"],
                condition=Q(is_default=True),
                name="default_labour_rate_once",
                violation_error_message="Another labour rate of the location is the default.",
            ),
            models.CheckConstraint(condition=Q(per_hour__gte=0), name="labour_rate_not_negative"),
        ]

    def __str__(self) -> str:
        return self.name


class TaxRule(Identified):
    """The sales tax of a location. A new order takes the rate, and keeps it when the rule changes.

    An order has one rate. Where two taxes are charged, the rule is their sum.
    """

    location = models.ForeignKey(Location, on_delete=models.CASCADE, related_name="tax_rules", db_index=False)
    percent = fine_percent()
    taxes_parts = models.BooleanField("parts", default=True)
    taxes_labour = models.BooleanField("labour", default=True)
    taxes_fees = models.BooleanField("fees", default=True)
    taxes_sublet = models.BooleanField("sublet work", default=True)

    history = HistoricalRecords()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["location"],
                name="tax_rule_once_a_location",
                violation_error_message="The location has a tax rule.",
            ),
            models.CheckConstraint(
                condition=Q(percent__gte=0, percent__lte=100), name="tax_rule_percent_is_one"
            ),
        ]

    def __str__(self) -> str:
        return f"Tax of {self.percent.normalize():f} %"


class FeeKind(models.TextChoices):
    PERCENT_OF_PARTS = "percent_of_parts"
    PERCENT_OF_LABOUR = "percent_of_labour"
    PERCENT_OF_PARTS_AND_LABOUR = "percent_of_parts_and_labour"
    FIXED = "fixed"
    PER_PIECE = "per_piece", "per piece of the flagged parts"


PERCENT_FEES = (
    FeeKind.PERCENT_OF_PARTS.value,
    FeeKind.PERCENT_OF_LABOUR.value,
    FeeKind.PERCENT_OF_PARTS_AND_LABOUR.value,
)


class FeeRule(Identified):
    """A fee that a location adds to each order: shop supplies, disposal of tires.

    A percentage is of the part or labour lines before discount. Sublet work and other fees are never its base. A fee
    per piece counts the pieces of `parts`.
    """

    SEARCHED = Searched("name")

    location = models.ForeignKey(Location, on_delete=models.CASCADE, related_name="fee_rules", db_index=False)
    name = LineField(max_length=100)
    kind = models.CharField(max_length=27, choices=FeeKind)
    percent = fine_percent(null=True, blank=True)
    amount = money(null=True, blank=True, help_text="Dollars, of a fixed fee or of each piece.")
    cap = money(null=True, blank=True, help_text="The largest fee. Empty: no limit.")
    parts = models.ManyToManyField(
        "catalogue.Part",
        blank=True,
        related_name="fee_rules",
        help_text="The parts whose pieces are counted, for a fee per piece.",
    )
    taxable = models.BooleanField(default=True)
    is_active = models.BooleanField("active", default=True)

    history = HistoricalRecords()
    objects = FeeRuleQuerySet["FeeRule"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["location", "name"],
                name="fee_rule_name_once",
                violation_error_message="The location has a fee with this name.",
            ),
            models.CheckConstraint(condition=Q(kind__in=FeeKind.values), name="fee_kind_is_known"),
            models.CheckConstraint(
                condition=Q(kind__in=PERCENT_FEES, percent__isnull=False, amount=None)
                | (~Q(kind__in=PERCENT_FEES) & Q(percent=None, amount__isnull=False)),
                name="fee_has_one_measure",
                violation_error_message="A percent fee has a percent, another fee an amount, and none has both.",
            ),
            models.CheckConstraint(
                condition=Q(percent=None) | Q(percent__gte=0, percent__lte=100), name="fee_percent_is_one"
            ),
            models.CheckConstraint(
                condition=Q(amount=None) | Q(amount__gte=0), name="fee_amount_not_negative"
            ),
            models.CheckConstraint(condition=Q(cap=None) | Q(cap__gte=0), name="fee_cap_not_negative"),
        ]

    def __str__(self) -> str:
        return self.name


class OverrunChoice(models.TextChoices):
    GREATER = "greater", "the greater one"
    LESSER = "lesser", "the lesser one"


class OverrunBasis(models.TextChoices):
    TOTAL = "TOTAL", "total"
    NET = "NET", "net: subtotal less discount"


class OverrunPolicy(Identified):
    """The limit up to which an order may exceed what the customer authorised, without asking again.

    Without a policy the authorised amount is the ceiling.
    """

    location = models.ForeignKey(
        Location, on_delete=models.CASCADE, related_name="overrun_policies", db_index=False
    )
    percent = fine_percent(null=True, blank=True, help_text="Percent of the authorised amount.")
    amount = money(null=True, blank=True, help_text="Dollars.")
    choose = models.CharField(
        max_length=7,
        choices=OverrunChoice,
        default=OverrunChoice.LESSER,
        help_text="Which of percent and amount counts, if both are given.",
    )
    cap = money(null=True, blank=True, help_text="The largest overrun. Empty: no limit.")
    basis = models.CharField(max_length=5, choices=OverrunBasis, default=OverrunBasis.TOTAL)

    history = HistoricalRecords()

    class Meta:
        verbose_name_plural = "overrun policies"
        constraints = [
            models.UniqueConstraint(
                fields=["location"],
                name="overrun_policy_once_a_location",
                violation_error_message="The location has an overrun policy.",
            ),
            models.CheckConstraint(
                condition=Q(percent__isnull=False) | Q(amount__isnull=False),
                name="overrun_has_a_measure",
                violation_error_message="Enter a percent, an amount or both.",
            ),
            models.CheckConstraint(
                condition=Q(percent=None) | Q(percent__gte=0, percent__lte=100), name="overrun_percent_is_one"
            ),
            models.CheckConstraint(
                condition=Q(amount=None) | Q(amount__gte=0), name="overrun_amount_not_negative"
            ),
            models.CheckConstraint(condition=Q(cap=None) | Q(cap__gte=0), name="overrun_cap_not_negative"),
            models.CheckConstraint(
                condition=Q(choose__in=OverrunChoice.values), name="overrun_choice_is_known"
            ),
            models.CheckConstraint(condition=Q(basis__in=OverrunBasis.values), name="overrun_basis_is_known"),
        ]

    def __str__(self) -> str:
        return f"Overrun policy {self.pk}"


class TaxExemption(Identified):
    """A certificate by which a customer pays no sales tax, at one location or at all of them."""

    SEARCHED = Searched(codes=("number",))

    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, related_name="tax_exemptions", db_index=False
    )
    number = LineField(max_length=60, help_text="The number on the certificate.")
    valid_from = models.DateField(help_text="First day, inclusive.")
    valid_until = models.DateField(
        null=True, blank=True, help_text="Last day, inclusive. Empty: without an end."
    )
    location = models.ForeignKey(
        Location,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="tax_exemptions",
        help_text="Empty: at all locations.",
    )

    history = HistoricalRecords()
    objects = TaxExemptionQuerySet["TaxExemption"].as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_until=None) | Q(valid_from__lte=F("valid_until")),
                name="exemption_begins_before_it_ends",
                violation_error_message="The last day must not be before the first day.",
            )
        ]
        indexes = [models.Index(fields=["customer", "-valid_from", "-id"], name="tax_exemption_of_customer")]

    def __str__(self) -> str:
        return self.number
