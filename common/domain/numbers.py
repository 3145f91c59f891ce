"""Count numbers without gaps (docs/design, D76)."""

from __future__ import annotations

from django.db.models import F

from common.domain.models import NumberSeries


def draw(series: str) -> int:
    """Return the next number of a series. The first is 1.

    Call it in a transaction, directly before the insert. The series stays locked until the transaction ends, and a
    transaction that is rolled back gives its number back.
    """
    NumberSeries.objects.bulk_create([NumberSeries(name=series)], ignore_conflicts=True)
    NumberSeries.objects.filter(name=series).update(last=F("last") + 1)
    return NumberSeries.objects.values_list("last", flat=True).get(name=series)
