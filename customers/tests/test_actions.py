from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError

from common.domain.caller import Caller, Role
from common.domain.errors import NoCustomerRecord
from customers import actions
from customers.callers import caller_of_user
from customers.models import Customer, CustomerUser, Notification
from testing.factories import CustomerFactory, UserFactory
from testing.storms import parallel

pytestmark = pytest.mark.django_db


class TestCreateCustomer:
    def test_the_user_is_contact_and_first_login(self, carol, now):
        customer = actions.create_customer(user=carol, now=now, city="Portland")
        assert (customer.contact, customer.city, customer.customer_since) == (carol, "Portland", now)
        assert CustomerUser.objects.values_list("customer", "user").get() == (customer.pk, carol.pk)

    def test_a_record_may_be_without_a_person(self, now):
        customer = actions.create_customer(user=None, now=now, customer_since=now - timedelta(days=9))
        assert (customer.contact, str(customer)) == (None, "Former customer")
        assert customer.customer_since == now - timedelta(days=9)
        assert not CustomerUser.objects.exists()

    def test_a_login_acts_for_one_customer_only(self, carol, now):
        actions.create_customer(user=carol, now=now)
        with pytest.raises(actions.AlreadyACustomer):
            actions.create_customer(user=carol, now=now)
        assert (Customer.objects.count(), CustomerUser.objects.count()) == (1, 1)

    def test_another_refusal_passes_as_it_is(self, carol, now):
        with pytest.raises(IntegrityError):
            actions.create_customer(user=carol, now=now, preferred_contact_method="owl")
        assert not Customer.objects.exists()


class TestCustomerForWrite:
    def test_the_first_write_makes_the_record(self, carol, now):
        customer = actions.customer_for_write(caller_of_user(carol), now=now)
        assert (customer.contact, customer.customer_since) == (carol, now)
        assert caller_of_user(carol).customer_id == customer.pk

    def test_a_record_that_is_there_is_found(self, alice, now):
        assert actions.customer_for_write(caller_of_user(alice.contact), now=now) == alice
        assert Customer.objects.count() == 1

    def test_a_caller_from_before_the_first_write_finds_it(self, carol, now):
        early = caller_of_user(carol)
        made = actions.customer_for_write(early, now=now)
        assert actions.customer_for_write(early, now=now) == made
        assert Customer.objects.count() == 1

    def test_a_second_login_writes_for_the_same_customer(self, alice, carol, now):
        CustomerUser.objects.create(customer=alice, user=carol)
        assert actions.customer_for_write(caller_of_user(carol), now=now) == alice


class TestDeleteProfile:
    def test_a_login_without_a_customer_has_nothing_to_delete(self, carol):
        with pytest.raises(NoCustomerRecord):
            actions.delete_profile(user_id=carol.pk)

    def test_the_oldest_other_login_becomes_the_contact(self, alice, bob, carol):
        CustomerUser.objects.filter(user=bob.contact).update(customer=alice)
        CustomerUser.objects.create(customer=alice, user=carol)
        actions.delete_profile(user_id=alice.contact_id)
        alice.refresh_from_db()
        assert (alice.contact, alice.city) == (bob.contact, "Springfield")

    def test_somebody_elses_record_is_not_forgotten_with_the_last_login(self, alice, carol):
        CustomerUser.objects.update(user=carol)  # the contact himself cannot sign in for it
        before = Customer.objects.values().get()
        actions.delete_profile(user_id=carol.pk)
        assert Customer.objects.values().get() == before
        assert not CustomerUser.objects.exists()

    def test_a_record_without_a_contact_is_forgotten_with_its_last_login(self, alice):
        login = alice.contact
        actions.change_customer(customer=alice, contact=None)
        actions.delete_profile(user_id=login.pk)
        alice.refresh_from_db()
        assert (alice.contact, alice.city, str(alice)) == (None, "", "Former customer")
        assert set(alice.history.values_list("contact", "city")) == {(None, "")}


def test_a_profile_deleted_meanwhile_is_not_changed(alice):
    with pytest.raises(NoCustomerRecord):
        actions.change_profile(customer_id=alice.pk + 1, city="X")


def test_count_service(alice, bob, now):
    actions.count_service(customer_id=alice.pk, now=now)
    actions.count_service(customer_id=alice.pk, now=now + timedelta(hours=1))
    rows = Customer.objects.order_by("id").values_list("total_services", "last_service_date")
    assert list(rows) == [(2, now + timedelta(hours=1)), (0, None)]


def test_notify(alice, now):
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
    def test_parallel_first_writes_make_one_customer(self, carol, now):
        caller = Caller(Role.CUSTOMER, carol.pk, None)
        outcomes = parallel(10, lambda _: actions.customer_for_write(caller, now=now).pk)
        assert outcomes == [Customer.objects.get().pk] * 10
        assert CustomerUser.objects.count() == 1

    def test_fifty_parallel_counts_add_fifty(self, now):
        customer = CustomerFactory(contact=UserFactory(), total_services=7)
        parallel(50, lambda _: actions.count_service(customer_id=customer.pk, now=now))
        assert Customer.objects.get().total_services == 57
