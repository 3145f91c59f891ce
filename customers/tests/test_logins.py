"""Logins that may act for a customer."""

from __future__ import annotations

import pytest

from accounts.registration import EmailTaken
from common.domain.errors import DomainError, Missing
from customers.logins import ContactStays, NotYourself, invite_login, remove_login
from customers.models import CustomerUser
from testing import factories
from testing.storms import parallel

pytestmark = pytest.mark.django_db
PAGE = "https://fleet.example/new"


def invite(customer, email="ben@example.com"):
    return invite_login(customer=customer, email=email, first_name="Ben", last_name="Breeze", page=PAGE)


def test_invited_user_has_login_and_no_password(alice):
    ben = invite(alice, "BEN@example.com")
    assert (ben.email, ben.role, ben.has_usable_password()) == ("ben@example.com", "customer", False)
    assert CustomerUser.objects.get(user=ben).customer == alice


def test_known_email_is_refused_without_change(alice, bob):
    with pytest.raises(EmailTaken):
        invite(alice, bob.contact.email)
    assert alice.logins.count() == 1


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
