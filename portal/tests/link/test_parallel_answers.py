"""Parallel answers to one link: one of them counts."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client

from portal.tests.link.conftest import BRAKES, OIL, answers
from repair_orders.estimates.models import Authorisation, Decision
from repair_orders.models import RepairOrder
from testing.storms import parallel


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_one_of_fifty_parallel_answers_wins(url, estimate):
    """Half of them approve two jobs, half decline all."""

    def send(number):
        form = (
            answers(estimate, BRAKES, OIL, total="660.72") if number % 2 else answers(estimate, total="0.00")
        )
        return Client().post(url, form | {"by_name": f"Person {number}"}).status_code

    codes = parallel(50, send)
    assert sorted(codes) == [302] + [409] * 49
    given = Authorisation.objects.get()
    winner = codes.index(302)
    assert given.by_name == f"Person {winner}"
    assert Decision.objects.count() == 3
    order = RepairOrder.objects.get()
    assert (order.status, given.total) == (
        ("approved", Decimal("660.72")) if winner % 2 else ("denied", Decimal("0.00"))
    )
