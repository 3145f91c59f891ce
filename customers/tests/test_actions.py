from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError

from common.domain.caller import Caller, Role
from common.domain.errors import NoCustomerRecord
from common.domain.models import Event
from customers import actions
from customers.callers import caller_of_user
from customers.models import Customer, CustomerUser, Notification
from testing.factories import CustomerFactory, UserFactory
from testing.storms import parallel

pytestmark = pytest.mark.django_db


class TestCreateCustomer:
    def test_user_becomes_contact_and_first_login(self, carol, now):
        customer = actions.create_customer(user=carol, now=now, city="Portland")
        assert (customer.contact, customer.city, customer.customer_since) == (carol, "Portland", now)
        assert CustomerUser.objects.values_list("customer", "user").get() == (customer.pk, carol.pk)

    def test_customer_without_contact_is_created(self, now):
        customer = actions.create_customer(user=None, now=now, customer_since=now - timedelta(days=9))
        assert (customer.contact, str(customer)) == (None, "Former customer")
        assert customer.customer_since == now - timedelta(days=9)
        assert not CustomerUser.objects.exists()

    def test_login_acts_for_one_customer(self, carol, now):
        actions.create_customer(user=carol, now=now)
        with pytest.raises(actions.AlreadyACustomer):
            actions.create_customer(user=carol, now=now)
        assert (Customer.objects.count(), CustomerUser.objects.count()) == (1, 1)

    def test_other_integrity_error_is_raised(self, carol, now):
        with pytest.raises(IntegrityError):
            actions.create_customer(user=carol, now=now, preferred_contact_method="owl")
        assert not Customer.objects.exists()


class TestEnsureCustomer:
    def test_first_write_creates_customer(self, carol, now):
        customer = actions.ensure_customer(caller_of_user(carol), now=now)
        assert (customer.contact, customer.customer_since) == (carol, now)
        assert caller_of_user(carol).customer_id == customer.pk

    def test_existing_customer_is_returned(self, alice, now):
        assert actions.ensure_customer(caller_of_user(alice.contact), now=now) == alice
        assert Customer.objects.count() == 1

    def test_caller_loaded_before_first_write_gets_customer(self, carol, now):
        early = caller_of_user(carol)
        made = actions.ensure_customer(early, now=now)
        assert actions.ensure_customer(early, now=now) == made
        assert Customer.objects.count() == 1

    def test_second_login_gets_same_customer(self, alice, carol, now):
        CustomerUser.objects.create(customer=alice, user=carol)
        assert actions.ensure_customer(caller_of_user(carol), now=now) == alice


class TestDeleteProfile:
    def test_login_without_customer_is_refused(self, carol, now):
        with pytest.raises(NoCustomerRecord):
            actions.delete_profile(user_id=carol.pk, now=now)

    def test_oldest_other_login_becomes_contact(self, alice, bob, carol, now):
        CustomerUser.objects.filter(user=bob.contact).update(customer=alice)
        CustomerUser.objects.create(customer=alice, user=carol)
        actions.delete_profile(user_id=alice.contact_id, now=now)
        alice.refresh_from_db()
        assert (alice.contact, alice.city) == (bob.contact, "Springfield")

    def test_customer_with_other_contact_keeps_data_without_logins(self, alice, carol, now):
        CustomerUser.objects.update(user=carol)  # the contact has no login
        before = Customer.objects.values().get()
        actions.delete_profile(user_id=carol.pk, now=now)
        assert Customer.objects.values().get() == before
        assert not CustomerUser.objects.exists()

    def test_customer_without_contact_is_cleared_with_last_login(self, alice, now):
        login = alice.contact
        actions.change_customer(customer=alice, contact=None)
        actions.delete_profile(user_id=login.pk, now=now)
        alice.refresh_from_db()
        assert (alice.contact, alice.city, str(alice)) == (None, "", "Former customer")
        assert set(alice.history.values_list("contact", "city")) == {(None, "")}


def test_change_of_deleted_profile_is_refused(alice):
    with pytest.raises(NoCustomerRecord):
        actions.change_profile(customer_id=alice.pk + 1, city="X")


def test_count_service_adds_one_and_dates_it(alice, bob, now):
    actions.count_service(customer_id=alice.pk, now=now)
    actions.count_service(customer_id=alice.pk, now=now + timedelta(hours=1))
    rows = Customer.objects.order_by("id").values_list("total_services", "last_service_date")
    assert list(rows) == [(2, now + timedelta(hours=1)), (0, None)]


def test_notify_stores_notification(alice, now):
    actions.notify(customer_id=alice.pk, type="ORDER", title="Shipped", message="On its way.", now=now)
    row = Notification.objects.values().get()
    row.pop("id"), row.pop("uuid")
    assert row == {
        "customer_id": alice.pk,
        "type": "ORDER",
        "title": "Shipped",
        "message": "On its way.",
        "read": False,
        "created_at": now,
    }


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
class TestStorms:
    def test_parallel_first_writes_create_one_customer(self, carol, now):
        caller = Caller(Role.CUSTOMER, carol.pk, None)
        outcomes = parallel(10, lambda _: actions.ensure_customer(caller, now=now).pk)
        assert outcomes == [Customer.objects.get().pk] * 10
        assert CustomerUser.objects.count() == 1

    def test_50_parallel_counts_add_50(self, now):
        customer = CustomerFactory(contact=UserFactory(), total_services=7)
        parallel(50, lambda _: actions.count_service(customer_id=customer.pk, now=now))
        assert Customer.objects.get().total_services == 57


def test_event_of_a_changed_contact_names_the_customer(alice):
    actions.change_customer(customer=alice, phone="(555) 010-7777")
    event = Event.objects.get(type="accounts.user.changed")
    assert event.payload == {
        "id": alice.contact_id, "uuid": str(alice.contact.uuid), "customer_id": alice.pk
    }  # fmt: skip
