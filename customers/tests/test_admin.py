"""Customers in the staff's admin."""

from __future__ import annotations

from customers.models import Customer, CustomerUser, Notification
from testing import factories
from testing.admin import buttons, changelist, errors, filled, page, press


def test_search_finds_by_name_company_phone_and_address(desk, alice, bob):
    bob.company_name = "Baker Freight"
    bob.street_address = "9 Mill Lane"
    bob.save()
    for words in ("bob baker", "freight", "mill lane", bob.contact.email):
        assert list(desk.get(changelist(Customer), {"q": words}).context["cl"].queryset) == [bob]


def test_phones_are_written_for_people(desk):
    factories.CustomerFactory(contact__phone="+15035550142")
    assert "(503) 555-0142" in desk.get(changelist(Customer)).content.decode()


def test_a_login_is_added_on_the_customers_page(desk, ada, alice, carol):
    data = filled(desk, page(alice)) | {
        "logins-TOTAL_FORMS": "2",
        "logins-1-user": carol.pk,
        "logins-1-customer": alice.pk,
        "company_name": "Cooper Ltd",
    }
    assert desk.post(page(alice), data).status_code == 302
    assert CustomerUser.objects.get(user=carol).customer == alice
    alice.refresh_from_db()
    assert (alice.name, alice.history.latest().history_user) == ("Cooper Ltd", ada)


def test_a_customer_is_told_something(desk, alice):
    answers = {"customer": alice.pk, "type": "SHOP", "title": "Closed", "message": "We are closed on Friday."}
    assert desk.post("/admin/customers/notification/add/", answers).status_code == 302
    told = Notification.objects.get()
    assert (told.customer, told.title, told.read) == (alice, "Closed", False)


def test_a_new_customers_contact_may_act_for_it(desk, carol):
    url = "/admin/customers/customer/add/"
    assert desk.post(url, filled(desk, url) | {"contact": carol.pk}).status_code == 302
    assert CustomerUser.objects.get(user=carol).customer == Customer.objects.get(contact=carol)


def test_a_contact_who_acts_for_another_customer_keeps_acting_for_it(desk, alice):
    url = "/admin/customers/customer/add/"
    assert desk.post(url, filled(desk, url) | {"contact": alice.contact_id}).status_code == 302
    assert CustomerUser.objects.get(user=alice.contact).customer == alice


def test_verification_is_a_button_and_no_box(desk, ada, alice):
    data = filled(desk, page(alice)) | {"is_verified": "on", "city": "Albany"}
    assert desk.post(page(alice), data).status_code == 302
    alice.refresh_from_db()
    assert (alice.city, alice.is_verified) == ("Albany", False)
    assert buttons(desk, alice) == ["Verify"]
    assert press(desk, alice, "verify") == ["The customer is verified."]
    alice.refresh_from_db()
    assert (alice.is_verified, alice.history.latest().history_user) == (True, ada)
    assert buttons(desk, alice) == ["Withdraw verification"]
    assert press(desk, alice, "withdraw_verification") == ["The customer is not verified."]
    alice.refresh_from_db()
    assert alice.is_verified is False


def test_the_list_is_filtered_by_verification(desk, alice, bob):
    Customer.objects.filter(pk=bob.pk).update(is_verified=True)
    shown = desk.get(changelist(Customer), {"is_verified__exact": "1"}).context["cl"].queryset
    assert list(shown) == [bob]


def test_what_is_no_preference_is_refused(desk, alice):
    data = filled(desk, page(alice)) | {"notification_preferences": '{"email": "yes"}'}
    response = desk.post(page(alice), data)
    assert errors(response) == ["Give an object whose values are true or false."]
