"""Tests of joining and cancelling, also in parallel, and of the database constraints."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from common.domain.errors import IllegalTransition
from memberships.actions import AlreadyAMember, cancel, join
from memberships.models import Membership
from testing import factories
from testing.storms import parallel


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("factory", "values"),
    [
        (factories.PlanFactory, {"tier": "gold"}),
        (factories.PlanFactory, {"price": -1}),
        (factories.MembershipFactory, {"status": "paused"}),
        (factories.MembershipFactory, {"status": "cancelled"}),
        (factories.MembershipFactory, {"cancelled_at": timezone.now()}),
        (factories.OfferFactory, {"year_from": 2021, "year_to": 2020}),
        (factories.OfferFactory, {"makes": ["Honda", "Honda"]}),
    ],
)
def test_database_refuses_invalid_rows(factory, values):
    with pytest.raises(IntegrityError), transaction.atomic():
        factory(**values)


@pytest.mark.django_db
def test_cancelling_twice_is_refused(alice, now):
    membership = factories.MembershipFactory(user=alice.contact)
    stale = Membership.objects.get(pk=membership.pk)
    cancel(membership=membership, by=alice.contact_id, now=now)
    with pytest.raises(IllegalTransition):
        cancel(membership=stale, by=alice.contact_id, now=now + timedelta(days=1))
    assert Membership.objects.get().cancelled_at == now
    assert membership.history.count() == 2


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_parallel_joins_create_one_membership():
    user, now = factories.UserFactory(), timezone.now()
    plans = [factories.PlanFactory() for _ in range(2)]
    outcomes = parallel(20, lambda number: join(user_id=user.pk, plan=plans[number % 2], now=now))
    assert sum(isinstance(outcome, Membership) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, AlreadyAMember) for outcome in outcomes) == 19, outcomes
    assert Membership.objects.count() == 1


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_parallel_cancellations_succeed_once():
    membership, now = factories.MembershipFactory(), timezone.now()
    rows = [Membership.objects.get(pk=membership.pk) for _ in range(12)]
    outcomes = parallel(12, lambda number: cancel(membership=rows[number], by=None, now=now))
    assert outcomes.count(None) == 1
    assert sum(isinstance(outcome, IllegalTransition) for outcome in outcomes) == 11, outcomes
    assert membership.history.count() == 2
