"""Logins that may act for a customer, and their roles."""

from __future__ import annotations

import pytest
from django.db import IntegrityError

from common.domain.errors import DomainError, Missing
from customers.actions import delete_profile, leave_accounts
from customers.logins import (
    ContactStays,
    LastOwner,
    NotYourself,
    OwnersOnly,
    change_login,
    remove_login,
)
from customers.models import CustomerUser
from testing import factories
from testing.storms import parallel

pytestmark = pytest.mark.django_db


def roles(customer):
    return list(customer.logins.order_by("pk").values_list("role", flat=True))


def test_removal_ends_sessions(alice, now):
    login = factories.CustomerUserFactory(customer=alice)
    session = factories.SessionFactory(user=login.user)
    remove_login(login=login, by=alice.contact_id, now=now)
    session.refresh_from_db()
    assert (alice.logins.count(), session.ended_at) == (1, now)
    with pytest.raises(Missing):
        remove_login(login=login, by=alice.contact_id, now=now)


def test_self_contact_and_login_of_other_customer_are_refused(alice, bob, now):
    login, mine = factories.CustomerUserFactory(customer=alice), alice.logins.get(user=alice.contact)
    for removed, by, refusal in (
        (login, login.user_id, NotYourself),
        (mine, login.user_id, ContactStays),
        (login, bob.contact_id, Missing),
    ):
        with pytest.raises(refusal):
            remove_login(login=removed, by=by, now=now)
    assert alice.logins.count() == 2


@pytest.mark.parametrize("role", ["approver", "viewer"])
def test_only_owners_remove_logins_and_change_roles(alice, now, role):
    login = factories.CustomerUserFactory(customer=alice)
    colleague = factories.CustomerUserFactory(customer=alice, role=role)
    for refused in (
        lambda: remove_login(login=login, by=colleague.user_id, now=now),
        lambda: change_login(login=login, role="viewer", approval_limit=None, by=colleague.user_id, now=now),
        lambda: change_login(
            login=colleague, role="owner", approval_limit=None, by=colleague.user_id, now=now
        ),
    ):
        with pytest.raises(OwnersOnly):
            refused()
    assert roles(alice) == ["owner", "owner", role]


def test_owner_changes_roles_of_own_company_only(alice, bob, now):
    login = factories.CustomerUserFactory(customer=alice, role="viewer")
    change_login(login=login, role="approver", approval_limit=None, by=alice.contact_id, now=now)
    assert roles(alice) == ["owner", "approver"]
    with pytest.raises(Missing):
        change_login(login=login, role="owner", approval_limit=None, by=bob.contact_id, now=now)
    CustomerUser.objects.filter(pk=login.pk).delete()
    with pytest.raises(Missing):
        change_login(login=login, role="owner", approval_limit=None, by=alice.contact_id, now=now)


def test_last_owner_is_neither_demoted_nor_deletes_their_profile(alice, now):
    mine = alice.logins.get()
    factories.CustomerUserFactory(customer=alice, role="approver")
    with pytest.raises(LastOwner):
        change_login(login=mine, role="viewer", approval_limit=None, by=alice.contact_id, now=now)
    with pytest.raises(LastOwner):
        delete_profile(user_id=alice.contact_id, now=now)
    assert roles(alice) == ["owner", "approver"]


def test_approver_leaves_and_owner_leaves_to_another_owner(alice, now):
    approver = factories.CustomerUserFactory(customer=alice, role="approver")
    second = factories.CustomerUserFactory(customer=alice)
    delete_profile(user_id=approver.user_id, now=now)
    delete_profile(user_id=alice.contact_id, now=now)
    alice.refresh_from_db()
    assert (roles(alice), alice.contact) == (["owner"], second.user)


def test_erasure_of_last_owner_makes_another_login_owner_and_contact(alice):
    viewer = factories.CustomerUserFactory(customer=alice, role="viewer")
    leave_accounts(user_id=alice.contact_id)
    alice.refresh_from_db()
    assert (roles(alice), alice.contact) == (["owner"], viewer.user)


@pytest.mark.parametrize(
    "end", [remove_login, lambda **given: change_login(role="viewer", approval_limit=None, **given)]
)
def test_invitations_of_a_removed_or_demoted_owner_are_withdrawn(alice, now, end):
    login = factories.CustomerUserFactory(customer=alice)
    theirs = factories.InvitationFactory(customer=alice, invited_by=login.user)
    others = factories.InvitationFactory(customer=alice)
    end(login=login, by=alice.contact_id, now=now)
    theirs.refresh_from_db()
    others.refresh_from_db()
    assert (theirs.withdrawn_at, others.withdrawn_at) == (now, None)


def test_unknown_role_is_refused_by_the_database(alice):
    with pytest.raises(IntegrityError):
        alice.logins.update(role="king")


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_one_of_two_mutual_removals_succeeds(alice, now):
    logins = [factories.CustomerUserFactory(customer=alice) for _ in range(2)]

    def remove(number):
        try:
            remove_login(login=logins[number], by=logins[1 - number].user_id, now=now)
        except DomainError:
            return False
        return True

    assert sorted(parallel(2, remove)) == [False, True]
    assert alice.logins.count() == 2


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_one_of_two_owners_that_demote_each_other_stays_owner(alice, now):
    logins = [alice.logins.get(), factories.CustomerUserFactory(customer=alice)]

    def demote(number):
        change_login(
            login=logins[number], role="viewer", approval_limit=None, by=logins[1 - number].user_id, now=now
        )

    outcomes = parallel(2, demote)
    assert sorted(type(outcome) for outcome in outcomes if outcome) == [OwnersOnly]
    assert sorted(roles(alice)) == ["owner", "viewer"]
