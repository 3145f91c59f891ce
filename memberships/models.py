"""Plans, memberships and offers."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from appointments.models import Location
from catalogue.pricing.models import CannedJob
from common.domain.ids import Identified
from common.domain.money import money
from common.domain.text_fields import LineField, ParagraphsField
from common.domain.transitions import Machine
from memberships.querysets import MembershipQuerySet, OfferQuerySet, PlanQuerySet
from repair_orders.discounts.models import DiscountRules
from vehicles.models import FIRST_YEAR, LAST_YEAR

_OFF = ("off_parts", "off_labour", "off_jobs")


def _percents(name: str) -> models.CheckConstraint:
    """Return the constraint that the percentages of a discount are 0 to 100, and its cap not negative."""
    ranges = {f"{column}__{end}": value for column in _OFF for end, value in (("gte", 0), ("lte", 100))}
    return models.CheckConstraint(
        condition=Q(**ranges) & (Q(discount_cap=None) | Q(discount_cap__gte=0)), name=name
    )


class Tier(models.TextChoices):
    BASIC = "basic"
    PLUS = "plus"
    PREMIUM = "premium"


class Discounting(DiscountRules):
    """A discount on repair orders, with the canned jobs that it names."""

    discounted_jobs = models.ManyToManyField(
        CannedJob, blank=True, related_name="+", help_text="The canned jobs of the percent off named jobs."
    )

    class Meta:
        abstract = True


class Plan(Discounting, Identified):
    """A plan that users can join, with its monthly price. A plan that is taken off sale keeps its members.

    New repair orders of its members take its discount, and keep it when the plan changes.
    """

    name = LineField(max_length=100)
    tier = models.CharField(max_length=7, choices=Tier)
    price = models.DecimalField(
        max_digits=10, decimal_places=2, validators=[MinValueValidator(0)], help_text="US dollars per month."
    )
    features = ParagraphsField(blank=True, default="", help_text="One feature per line.")
    is_active = models.BooleanField("on sale", default=True)

    history = HistoricalRecords()
    objects = PlanQuerySet["Plan"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name"], name="plan_name_once"),
            models.CheckConstraint(condition=Q(tier__in=Tier.values), name="plan_tier_is_known"),
            models.CheckConstraint(condition=Q(price__gte=0), name="plan_price_not_negative"),
            _percents("plan_discount_is_possible"),
        ]

    def __str__(self) -> str:
        return self.name


class MembershipStatus(models.TextChoices):
    ACTIVE = "active"
    CANCELLED = "cancelled"


MEMBERSHIP_MACHINE: Machine = {
    MembershipStatus.ACTIVE: frozenset({MembershipStatus.CANCELLED}),
    MembershipStatus.CANCELLED: frozenset(),
}


class Membership(Identified):
    """A user's membership of a plan. It renews every month until it is cancelled (`renewals.py`).

    One that does not renew by itself ends at `ends_at`, which is the renewal that it leaves out.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="memberships")
    status = models.CharField(max_length=9, choices=MembershipStatus, default=MembershipStatus.ACTIVE)
    started_at = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancellation_reason = ParagraphsField(
        blank=True, default="", help_text="Why the member left, in their own words."
    )
    ends_at = models.DateTimeField(
        null=True, blank=True, help_text="When it ends, if it does not renew by itself."
    )

    history = HistoricalRecords()
    objects = MembershipQuerySet["Membership"].as_manager()

    class Meta:
        permissions = [("cancel_membership", "Can end a membership for its member")]
        constraints = [
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(status=MembershipStatus.ACTIVE),
                name="one_active_membership_a_user",
            ),
            models.CheckConstraint(
                condition=Q(status=MembershipStatus.ACTIVE, cancelled_at=None)
                | Q(status=MembershipStatus.CANCELLED, cancelled_at__isnull=False),
                name="membership_status_has_its_stamp",
            ),
        ]

    def __str__(self) -> str:
        return f"Membership {self.pk}"


class Offer(Discounting, Identified):
    """An offer that is valid until it expires.

    It can be limited to tiers, locations, makes and model years. A limit that is empty does not apply. One with a
    discount can be redeemed once by each customer, on a repair order.
    """

    title = LineField(max_length=200)
    description = ParagraphsField(blank=True, default="")
    terms = ParagraphsField(blank=True, default="")
    expiry = models.DateTimeField()
    is_active = models.BooleanField("shown", default=True)
    for_basic = models.BooleanField("basic", default=False)
    for_plus = models.BooleanField("plus", default=False)
    for_premium = models.BooleanField("premium", default=False)
    locations = models.ManyToManyField(
        Location, blank=True, related_name="offers", help_text="Leave empty for every location."
    )
    year_from = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(FIRST_YEAR), MaxValueValidator(LAST_YEAR)],
        help_text="First model year.",
    )
    year_to = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(FIRST_YEAR), MaxValueValidator(LAST_YEAR)],
        help_text="Last model year.",
    )
    off_amount = money(
        verbose_name="dollars off", default=Decimal("0.00"), help_text="A fixed amount off the order."
    )
    combines = models.BooleanField(
        "combines with a plan's discount",
        default=False,
        help_text="Otherwise the larger one of the two counts.",
    )
    created_at = models.DateTimeField()

    history = HistoricalRecords()
    objects = OfferQuerySet["Offer"].as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(year_from=None) | Q(year_to=None) | Q(year_from__lte=F("year_to")),
                name="offer_years_are_in_order",
                violation_error_message="The first model year must not be after the last one.",
            ),
            _percents("offer_discount_is_possible"),
            models.CheckConstraint(condition=Q(off_amount__gte=0), name="offer_amount_not_negative"),
        ]
        indexes = [models.Index(fields=["expiry", "id"], name="offer_by_expiry")]

    def __str__(self) -> str:
        return self.title

    @property
    def has_discount(self) -> bool:
        return bool(self.has_percent or self.off_amount)


class OfferMake(models.Model):
    """A make that an offer is limited to, compared without case. An offer without makes applies to every make."""

    id = models.BigAutoField(primary_key=True)
    offer = models.ForeignKey(
        Offer,
        on_delete=models.CASCADE,
        related_name="makes",
        db_index=False,  # the unique constraint has an index
    )
    make = LineField(max_length=60)

    class Meta:
        verbose_name = "make of an offer"
        verbose_name_plural = "makes of offers"
        constraints = [
            models.UniqueConstraint(
                fields=["offer", "make"],
                name="make_once_an_offer",
                violation_error_message="This make is already listed.",
            )
        ]

    def __str__(self) -> str:
        return self.make
