"""Discounts of an order that a plan, an offer or points give (docs/design, D135)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from common.domain.caller import Caller
from common.domain.money import fine_percent, money, ten_thousandths, to_cents
from common.domain.text_fields import LineField
from repair_orders.discounts.rule import DiscountKind, DiscountTerms

_NONE = Decimal("0.0000")


class DiscountRules(models.Model):
    """The terms of a discount, which plans, offers and rows of orders share."""

    off_parts = fine_percent(verbose_name="off parts", default=_NONE, help_text="Percent of the part lines.")
    off_labour = fine_percent(
        verbose_name="off labor", default=_NONE, help_text="Percent of the labor lines."
    )
    off_jobs = fine_percent(
        verbose_name="off named jobs",
        default=_NONE,
        help_text="Percent of the part and labor lines of the named canned jobs, if it is the higher one.",
    )
    discount_cap = money(
        verbose_name="largest discount",
        null=True,
        blank=True,
        help_text="Dollars an order. Empty for no limit.",
    )

    class Meta:
        abstract = True

    @property
    def has_percent(self) -> bool:
        return bool(self.off_parts or self.off_labour or self.off_jobs)


class OrderDiscountQuerySet(models.QuerySet["OrderDiscount"]):
    def visible_to(self, caller: Caller) -> OrderDiscountQuerySet:
        """Return every discount for staff, and those of the customer's own orders for a customer."""
        return self if caller.is_staff else self.filter(repair_order__customer_id=caller.account)

    def in_order(self) -> OrderDiscountQuerySet:
        return self.order_by("id")


class OrderDiscount(DiscountRules):
    """A discount of one order, with the terms as the order has taken them.

    `amount` is what it takes off the jobs that count for the customer. `released_at` says that the order ended without
    being sold: points were given back, and an offer can be redeemed again.
    """

    id = models.BigAutoField(primary_key=True)
    repair_order = models.ForeignKey(
        "repair_orders.RepairOrder",
        on_delete=models.CASCADE,
        related_name="discounts",
        db_index=False,  # the constraint's index begins with it
    )
    kind = models.CharField(max_length=6, choices=[(kind.value, kind.value) for kind in DiscountKind])
    source_id = models.PositiveBigIntegerField(help_text="The plan or the offer, or the user of the points.")
    name = LineField(max_length=200)
    canned_jobs = models.JSONField(default=list, blank=True)
    off_amount = money(default=Decimal("0.00"))
    combines = models.BooleanField(default=True)
    points = models.PositiveIntegerField(null=True, blank=True, help_text="What was spent of the ledger.")
    amount = money(default=Decimal("0.00"))
    given_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    given_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True, blank=True)

    objects = OrderDiscountQuerySet.as_manager()

    class Meta:
        verbose_name = "discount"
        constraints = [
            models.UniqueConstraint(
                fields=["repair_order", "kind"],
                name="discount_kind_once_an_order",
                violation_error_message="The order has a discount of this kind.",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=[kind.value for kind in DiscountKind]), name="discount_kind_is_known"
            ),
            models.CheckConstraint(
                condition=Q(kind=DiscountKind.POINTS.value, points__isnull=False)
                | (~Q(kind=DiscountKind.POINTS.value) & Q(points=None)),
                name="points_are_of_their_kind",
            ),
            models.CheckConstraint(
                condition=Q(amount__gte=0, off_amount__gte=0), name="discount_row_not_negative"
            ),
        ]
        indexes = [models.Index(fields=["kind", "source_id"], name="discount_by_source")]

    def __str__(self) -> str:
        return self.name

    @property
    def terms(self) -> DiscountTerms:
        return DiscountTerms(
            id=self.pk,
            kind=self.kind,
            name=self.name,
            off_parts=ten_thousandths(self.off_parts),
            off_labour=ten_thousandths(self.off_labour),
            off_jobs=ten_thousandths(self.off_jobs),
            canned_jobs=frozenset(self.canned_jobs),
            off_amount=to_cents(self.off_amount),
            cap=None if self.discount_cap is None else to_cents(self.discount_cap),
            combines=self.combines,
        )


def terms_body(terms: DiscountTerms) -> dict[str, Any]:
    """Return the terms as a snapshot stores them, in cents and 1/10,000 of a percent."""
    return {
        "id": terms.id,
        "kind": terms.kind,
        "name": terms.name,
        "off_parts": terms.off_parts,
        "off_labour": terms.off_labour,
        "off_jobs": terms.off_jobs,
        "canned_jobs": sorted(terms.canned_jobs),
        "off_amount": terms.off_amount,
        "cap": terms.cap,
        "combines": terms.combines,
    }


def read_terms(stored: dict[str, Any]) -> DiscountTerms:
    return DiscountTerms(**{**stored, "canned_jobs": frozenset(stored["canned_jobs"])})
