from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from common.domain.caller import Caller, Role
from common.domain.database import violates
from customers.actions import notify
from customers.models import Customer, CustomerUser, Notification
from testing.factories import CustomerFactory

pytestmark = pytest.mark.django_db


def test_name_and_address(alice):
    assert (alice.name, str(alice)) == ("Alice Cooper", "Alice Cooper")
    assert alice.address == "123 Elm St, Springfield, NY 10001"
    alice.company_name = "Cooper Ltd"
    assert alice.name == "Cooper Ltd"


def test_deleting_contact_keeps_customer(alice):
    alice.contact.delete()
    alice.refresh_from_db()
    assert (alice.contact, alice.name) == (None, "Former customer")
    assert not CustomerUser.objects.exists()


def test_initial_preferences_are_all_on():
    first, second = CustomerFactory(), CustomerFactory()
    assert first.notification_preferences == {
        "email": True,
        "order_updates": True,
        "refund_updates": True,
        "support_replies": True,
    }
    assert first.notification_preferences is not second.notification_preferences


def test_database_refuses_unknown_contact_method(alice):
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        Customer.objects.update(preferred_contact_method="owl")
    assert violates(error.value, Customer, "customer_contact_method_is_known")


def test_validation_refuses_invalid_phone(alice):
    alice.emergency_contact_phone = "555-CALL"
    with pytest.raises(ValidationError) as refusal:
        alice.full_clean()
    assert refusal.value.message_dict == {
        "emergency_contact_phone": ["Enter a phone number of 7 to 15 digits."]
    }


def test_visible_to(alice, bob, now):
    of_alice, of_bob = (
        notify(customer_id=c.pk, type="X", title="T", message="", now=now) for c in (alice, bob)
    )
    callers = {
        Caller(Role.CUSTOMER, alice.contact_id, alice.pk): ([alice], [of_alice]),
        Caller(Role.CUSTOMER, 99, None): ([], []),
        Caller(Role.MANAGER, 99, None): ([alice, bob], [of_alice, of_bob]),
    }
    for caller, (customers, notifications) in callers.items():
        assert list(Customer.objects.visible_to(caller).order_by("id")) == customers
        assert list(Notification.objects.visible_to(caller).order_by("id")) == notifications


def test_with_contact_costs_one_query(alice, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert Customer.objects.with_contact().get().name == "Alice Cooper"


def test_str():
    assert str(Notification(title="Shipped")) == "Shipped"
    assert str(CustomerUser(pk=3)) == "Login 3"
