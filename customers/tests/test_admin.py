"""Customers in the admin."""

from __future__ import annotations

from customers.models import Customer, CustomerUser, Notification
from testing import factories
from testing.admin import buttons, changelist, errors, filled, page, press


def test_search_finds_name_company_email_and_address(desk, alice, bob):
    bob.company_name = "Baker Freight"
    bob.street_address = "9 Mill Lane"
    bob.save()
    for words in ("bob baker", "freight", "mill lane", bob.contact.email):
        assert list(desk.get(changelist(Customer), {"q": words}).context["cl"].queryset) == [bob]


def test_list_formats_phones(desk):
    factories.CustomerFactory(contact__phone="+15035550142")
    assert "(503) 555-0142" in desk.get(changelist(Customer)).content.decode()


def test_login_is_added_on_customer_page(desk, ada, alice, carol):
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


def test_notification_is_sent(desk, alice):
    answers = {"customer": alice.pk, "type": "SHOP", "title": "Closed", "message": "We are closed on Friday."}
    assert desk.post("/admin/customers/notification/add/", answers).status_code == 302
    notification = Notification.objects.get()
    assert (notification.customer, notification.title, notification.read) == (alice, "Closed", False)


def test_contact_of_new_customer_gets_login(desk, carol):
    url = "/admin/customers/customer/add/"
    assert desk.post(url, filled(desk, url) | {"contact": carol.pk}).status_code == 302
    assert CustomerUser.objects.get(user=carol).customer == Customer.objects.get(contact=carol)


def test_contact_keeps_login_of_other_customer(desk, alice):
    url = "/admin/customers/customer/add/"
    assert desk.post(url, filled(desk, url) | {"contact": alice.contact_id}).status_code == 302
    assert CustomerUser.objects.get(user=alice.contact).customer == alice


def test_buttons_change_verification_and_form_does_not(desk, ada, alice):
    data = filled(desk, page(alice)) | {"is_verified": "on", "city": "Albany"}
    assert desk.post(page(alice), data).status_code == 302
    alice.refresh_from_db()
    assert (alice.city, alice.is_verified) == ("Albany", False)
    assert buttons(desk, alice) == ["Verify"]
    assert press(desk, alice, "verify") == ["The customer was verified."]
    alice.refresh_from_db()
    assert (alice.is_verified, alice.history.latest().history_user) == (True, ada)
    assert buttons(desk, alice) == ["Withdraw verification"]
    assert press(desk, alice, "withdraw_verification") == ["The verification was withdrawn."]
    alice.refresh_from_db()
    assert alice.is_verified is False


def test_list_filters_by_verification(desk, alice, bob):
    Customer.objects.filter(pk=bob.pk).update(is_verified=True)
    shown = desk.get(changelist(Customer), {"is_verified__exact": "1"}).context["cl"].queryset
    assert list(shown) == [bob]


def test_invalid_preferences_are_refused(desk, alice):
    data = filled(desk, page(alice)) | {"notification_preferences": '{"email": "yes"}'}
    response = desk.post(page(alice), data)
    assert errors(response) == ["Give an object whose values are true or false."]
