"""Customers who may be the same as another one."""

from __future__ import annotations

import pytest

from accounts.models import User
from accounts.phones import significant_digits
from accounts.querysets import SignificantDigits
from customers.duplicates import customer_with_email, likely_duplicates
from testing import factories
from testing.suites import count_queries

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("phone", "digits"),
    [
        ("", ""),
        ("555-01", ""),
        ("555-0100", "5550100"),
        ("(503) 555-0142", "5035550142"),
        ("+1 503.555/0142", "5035550142"),
        ("503 555 0142 x12", "3555014212"),
    ],
)
def test_database_and_python_compare_the_same_digits(phone, digits):
    user = factories.UserFactory(phone=phone)
    assert significant_digits(phone) == digits
    stored = User.objects.annotate(digits=SignificantDigits()).get(pk=user.pk).digits
    assert stored == (digits or "".join(filter(str.isdigit, phone)))


def test_customer_is_not_their_own_duplicate(alice):
    assert likely_duplicates(alice) == []


def test_first_name_alone_is_no_duplicate(alice):
    alice.contact.last_name = ""
    alice.contact.phone = ""
    alice.contact.save()
    factories.CustomerFactory(contact__first_name=alice.contact.first_name, contact__last_name="")
    assert likely_duplicates(alice) == []


def test_duplicates_take_three_queries(alice):
    alice.company_name = "Cooper Ltd"
    for number in range(4):
        factories.CustomerFactory(
            company_name="COOPER ltd" if number % 2 else "",
            contact__first_name="alice",
            contact__last_name=alice.contact.last_name,
            contact__phone=alice.contact.phone,
        )
    found: list[object] = []
    assert count_queries(lambda: found.extend(likely_duplicates(alice))) == 3
    assert len(found) == 4


def test_email_finds_the_customer_of_a_login_or_contact(alice, bob, carol):
    factories.CustomerUserFactory(customer=bob, user=carol)
    contact = factories.CustomerFactory(login=False)
    assert customer_with_email(f" {carol.email.upper()} ") == bob
    assert customer_with_email(contact.contact.email) == contact
    assert customer_with_email(alice.contact.email, but=alice.contact) is None
    assert customer_with_email("nobody@example.com") is None
