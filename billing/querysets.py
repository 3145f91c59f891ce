"""QuerySets of invoices, credit notes, payments and statements."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Self, TypeVar

from django.apps import apps
from django.db import models
from django.db.models import F, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce

from common.domain.caller import Caller

_HALF_A_CENT = Decimal("0.005")
Row = TypeVar("Row", bound=models.Model, covariant=True)


def _sum_of(model: str, column: str, **filters: object) -> Coalesce:
    """Return the sum of a column over the rows of an invoice that match."""
    rows = apps.get_model("billing", model)._default_manager.filter(invoice=OuterRef("pk"), **filters)
    sums = rows.order_by().values("invoice").annotate(sum=Sum(column)).values("sum")
    return Coalesce(Subquery(sums), Decimal("0.00"))


class InvoiceQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        """Return every invoice for staff, and those that are billed to the customer for a customer."""
        return self if caller.is_staff else self.filter(bill_to_id=caller.account)

    def newest_first(self) -> Self:
        return self.order_by("-issued_at", "-id")

    def unpaid_on(self, day: date) -> Self:
        """Return the invoices that were not paid at the end of a day, each with its balance then as `unpaid`.

        What was posted later does not count.
        """
        credited = _sum_of("CreditNote", "total", day__lte=day)
        paid = _sum_of("Allocation", "amount", day__lte=day)
        rows = self.filter(day__lte=day).annotate(unpaid=F("total") - credited - paid)
        return rows.filter(unpaid__gte=_HALF_A_CENT)  # SQLite subtracts floating point numbers


class CreditNoteQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        return self if caller.is_staff else self.filter(customer_id=caller.account)

    def newest_first(self) -> Self:
        return self.order_by("-posted_at", "-id")

    def in_order(self) -> Self:
        return self.order_by("id")


class _Below(models.QuerySet[Row]):
    """Rows that are read through another one, which is visible to the caller."""

    def visible_to(self, caller: Caller) -> Self:
        return self

    def in_order(self) -> Self:
        return self.order_by("id")


class InvoiceLineQuerySet(_Below[Row]):
    def in_order(self) -> Self:
        return self.order_by("position", "id")


class CreditNoteLineQuerySet(_Below[Row]):
    def in_order(self) -> Self:
        return self.order_by("position", "id")


class AllocationQuerySet(_Below[Row]):
    pass


class PaymentQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        return self if caller.is_staff else self.filter(customer_id=caller.account)

    def newest_first(self) -> Self:
        return self.order_by("-posted_at", "-id")

    def in_order(self) -> Self:
        return self.order_by("id")


class StatementQuerySet(models.QuerySet[Row]):
    def visible_to(self, caller: Caller) -> Self:
        return self if caller.is_staff else self.filter(customer_id=caller.account)

    def newest_first(self) -> Self:
        return self.order_by("-month", "-id")
