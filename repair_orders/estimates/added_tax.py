"""Add tax that the law brings after an answer to what was authorised (docs/design, D83)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from itertools import groupby

from django.db.models import Sum

from common.domain.money import exact
from repair_orders.changes import basis_of
from repair_orders.estimates.models import AddedTax, Answer, Authorisation, Decision
from repair_orders.models import RepairOrder
from repair_orders.pricing.models import OverrunBasis
from repair_orders.worksheet import Worksheet


def add_tax(*, order: RepairOrder, before: Worksheet, after: Worksheet, now: datetime) -> None:
    """Add the tax that a higher rate brings to what was authorised, and to a ceiling of the total.

    The customer owes it by law. Each authorisation that stands gets that of the jobs that were approved by then,
    because the one before counts again when the last is withdrawn. The order is locked and has a ceiling.
    """
    untaxed = replace(after, terms=replace(after.terms, tax_percent=before.terms.tax_percent))
    added = Decimal(0)
    for authorisation, jobs in _standing(order, after.agreed):
        added = after.figures(jobs).totals.tax - untaxed.figures(jobs).totals.tax
        if added > 0:
            AddedTax.objects.create(authorisation=authorisation, at=now, amount=added)
    if added > 0:  # that of the last one, which covers all approved jobs
        _raise(order, added)


def added_to(authorisation: Authorisation) -> Decimal:
    """Return the tax in dollars that was added to an authorisation."""
    rows = AddedTax.objects.filter(authorisation=authorisation)
    return exact(rows.aggregate(sum=Sum("amount"))["sum"])


def _standing(order: RepairOrder, agreed: Collection[int]) -> Iterator[tuple[Authorisation, Collection[int]]]:
    """Yield the authorisations that approve a job and are not withdrawn, with the agreed jobs that each covers."""
    approved = Decision.objects.filter(
        authorisation__estimate__repair_order=order,
        authorisation__withdrawn_at=None,
        decision=Answer.APPROVED,
    )
    rows = list(approved.select_related("authorisation").order_by("authorisation__estimate__revision", "id"))
    jobs = set(agreed) - {row.job_id for row in rows}
    for authorisation, decisions in groupby(rows, key=lambda row: row.authorisation):
        jobs |= {row.job_id for row in decisions} & set(agreed)
        yield authorisation, frozenset(jobs)


def _raise(order: RepairOrder, tax: Decimal) -> None:
    assert order.authorised_total is not None and order.ceiling is not None
    order.authorised_total += tax
    if basis_of(order) == OverrunBasis.TOTAL:
        order.ceiling += tax
    RepairOrder.objects.filter(pk=order.pk).update(
        authorised_total=order.authorised_total, ceiling=order.ceiling
    )
