"""Filters and fields that the lists of invoices, credit notes and payments share."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import django_filters

from common.domain.types import AnyQuerySet, Json
from common.http.filters import SearchFilter
from common.reads.serializers import Derived
from repair_orders.api.workbench import TotalsSerializer


class MoneyFilter(django_filters.FilterSet):
    """Filters by the day on which a row counts: `from` and `to`, which are words of Python, and by the customer."""


MoneyFilter.declared_filters["from"] = django_filters.DateFilter(
    "day", "gte", help_text="First day on which it counts, inclusive."
)
MoneyFilter.declared_filters["to"] = django_filters.DateFilter(
    "day", "lte", help_text="Last day on which it counts, inclusive."
)


class LeftFilter(django_filters.BooleanFilter):
    """Rows with something left in a column of dollars, or with nothing left."""

    def filter(self, qs: AnyQuerySet, value: object) -> AnyQuerySet:
        if value:
            return qs.filter(**{f"{self.field_name}__gt": 0})
        return qs.filter(**{self.field_name: 0})


def account_search_filter(path: str) -> SearchFilter:
    """Return the search by the customer at `path`, as the customers' own search does."""
    return SearchFilter(
        path, f"{path}__contact", help_text="Searches the customer, as the customers' own search does."
    )


def _totals(subtotal: Decimal, discount: Decimal, net: Decimal, tax: Decimal, total: Decimal) -> Json:
    return {"subtotal": subtotal, "discount": discount, "net": net, "tax": tax, "total": total}


def totals_field() -> Derived:
    return Derived(_totals, *("subtotal", "discount", "net", "tax", "total"), output=TotalsSerializer())


def validate_days(query: Any, attrs: Json) -> Json:
    query.validate_range(attrs, "from", "to")
    return attrs
