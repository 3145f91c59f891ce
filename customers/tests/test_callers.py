from __future__ import annotations

from uuid import uuid4

import pytest

from accounts.actions import end_all_sessions, open_session
from accounts.models import Session, User
from common.domain.caller import STAFF, Caller, Role
from customers.callers import caller_of_user, load_caller
from customers.models import Customer

pytestmark = pytest.mark.django_db


def load(user, now):
    open_session(user=user, now=now)
    session = Session.objects.latest("id").uuid
    caller = load_caller(session)
    assert caller is None or caller.session == session
    return caller


def test_caller_of_customer_costs_one_query(alice, now, django_assert_num_queries):
    caller = load(alice.contact, now)
    assert caller == Caller(Role.CUSTOMER, alice.contact_id, alice.pk)
    assert (caller.customer_name, caller.account, caller.is_staff) == ("Alice Cooper", alice.pk, False)
    with django_assert_num_queries(1):
        load_caller(caller.session)


def test_caller_of_business_and_former_customer(alice, now):
    Customer.objects.update(company_name="RS Wind")
    assert load(alice.contact, now).customer_name == "RS Wind"
    login = alice.contact
    Customer.objects.update(company_name="", contact=None)
    assert load(login, now).customer_name == "Former customer"
    assert caller_of_user(login).customer_name == "Former customer"


def test_caller_of_login_without_customer(carol, now):
    caller = load(carol, now)
    assert caller == Caller(Role.CUSTOMER, carol.pk, None) == caller_of_user(carol)
    assert (caller.customer_name, caller.account) == ("", 0)


def test_role_comes_from_row_and_not_from_token(carol, now):
    open_session(user=carol, now=now)
    session = Session.objects.get().uuid
    User.objects.update(role="technician")
    assert load_caller(session).role == "technician"
    assert load_caller(session).is_staff


@pytest.mark.parametrize("ending", ["ended", "deactivated", "unknown"])
def test_ended_session_has_no_caller(carol, now, ending):
    open_session(user=carol, now=now)
    session = uuid4() if ending == "unknown" else Session.objects.get().uuid
    if ending == "ended":
        end_all_sessions(user=carol, now=now)
    if ending == "deactivated":
        User.objects.update(is_active=False)
    assert load_caller(session) is None


def test_caller_of_user_equals_loaded_caller(alice, tim, now):
    for user in (alice.contact, tim):
        loaded, known = load(user, now), caller_of_user(user)
        assert loaded == known
        assert loaded.customer_name == known.customer_name


@pytest.mark.parametrize("role", Role.values)
def test_every_role_but_customer_is_staff(role):
    assert Caller(role, 1, None).is_staff is (role != "customer") is (role in STAFF)
