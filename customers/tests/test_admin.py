"""Customers in the admin."""

from __future__ import annotations

from decimal import Decimal

import pytest

from accounts.models import User
from common.domain.caller import Role
from customers.models import Customer, CustomerUser, Notification
from testing import factories
from testing.admin import buttons, changelist, errors, filled, page, press

OPENING = "Opening balance"
MERGE = "Merge into another customer"  # the desk adds it


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
        "logins-1-role": "approver",
        "company_name": "Cooper Ltd",
    }
    assert desk.post(page(alice), data).status_code == 302
    assert CustomerUser.objects.get(user=carol).customer == alice
    alice.refresh_from_db()
    assert (alice.name, alice.history.latest().history_user) == ("Cooper Ltd", ada)


def test_approval_limit_and_po_number_are_set_on_customer_page(desk, alice):
    data = filled(desk, page(alice)) | {"logins-0-approval_limit": "500", "requires_po_number": "on"}
    assert desk.post(page(alice), data).status_code == 302
    alice.refresh_from_db()
    assert (alice.requires_po_number, alice.logins.get().approval_limit) == (True, Decimal("500.00"))
    refused = desk.post(page(alice), data | {"logins-0-approval_limit": "-1"})
    assert "greater than or equal to 0" in refused.content.decode()


def test_last_owner_is_neither_demoted_nor_removed_on_customer_page(desk, alice):
    second = factories.CustomerUserFactory(customer=alice, role="viewer")
    for change in ({"logins-0-role": "viewer"}, {"logins-0-DELETE": "on"}):
        response = desk.post(page(alice), filled(desk, page(alice)) | change)
        assert "The company needs an owner." in response.content.decode()
    assert list(alice.logins.order_by("pk").values_list("role", flat=True)) == ["owner", "viewer"]
    for change in ({"logins-1-role": "owner"}, {"logins-0-DELETE": "on"}):
        assert desk.post(page(alice), filled(desk, page(alice)) | change).status_code == 302
    assert list(alice.logins.values_list("pk", "role")) == [(second.pk, "owner")]


def test_logins_are_changed_on_customer_page_only(desk, alice):
    assert desk.post(page(alice.logins.get()), {"role": "viewer"}).status_code == 403
    assert desk.post(page(alice.logins.get(), "delete"), {"post": "yes"}).status_code == 403
    assert alice.logins.get().role == "owner"


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
    assert buttons(desk, alice) == ["Verify", OPENING, MERGE]
    assert press(desk, alice, "verify") == ["The customer was verified."]
    alice.refresh_from_db()
    assert (alice.is_verified, alice.history.latest().history_user) == (True, ada)
    assert buttons(desk, alice) == ["Withdraw verification", OPENING, MERGE]
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


# --- a new customer ---------------------------------------------------------------------------------------

ADD = "/admin/customers/customer/add/"
WALTER = {
    "first_name": "Walter",
    "last_name": "Inn",
    "phone": "(555) 010-7777",
    "email": "Walter@Example.com",
    "company_name": "Inn Ltd",
    "street_address": "9 Mill Lane",
    "city": "Albany",
}


def said_after(client, url, data):
    """Return the messages after a form was saved."""
    response = client.post(url, data, follow=True)
    assert response.redirect_chain, errors(response)
    return [str(message) for message in response.context["messages"]]


@pytest.mark.parametrize("role", [Role.ADVISOR, Role.MANAGER])
def test_desk_enters_and_changes_a_person_on_one_form(db, client, role):
    me = factories.UserFactory(role=role)
    client.force_login(me)
    said_after(client, ADD, filled(client, ADD) | WALTER)
    customer = Customer.objects.get()
    contact = customer.contact
    assert (contact.full_name, contact.email, contact.phone) == (
        "Walter Inn",
        "walter@example.com",
        "(555) 010-7777",
    )
    assert (contact.role, contact.has_usable_password()) == ("customer", False)
    assert (customer.name, customer.city) == ("Inn Ltd", "Albany")
    assert CustomerUser.objects.get(user=contact).customer == customer
    assert {customer.history.get().history_user, contact.history.get().history_user} == {me}
    data = filled(client, page(customer)) | {"phone": "555-010-8888", "email": "", "city": "Troy"}
    said_after(client, page(customer), data)
    contact.refresh_from_db()
    customer.refresh_from_db()
    assert (contact.phone, contact.email, customer.city) == ("555-010-8888", None, "Troy")
    assert contact.history.latest().history_user == me


def test_saving_an_unchanged_form_writes_no_history_of_the_contact(desk, alice):
    count = alice.contact.history.count()
    assert desk.post(page(alice), filled(desk, page(alice))).status_code == 302
    assert alice.contact.history.count() == count


def test_customer_needs_a_name_or_a_company(desk, alice):
    wrong = "Enter a name or a company name."
    blank = {"first_name": "", "last_name": "", "company_name": ""}
    users = User.objects.count()
    assert errors(desk.post(ADD, filled(desk, ADD) | WALTER | blank)) == [wrong]
    assert (Customer.objects.count(), User.objects.count()) == (1, users)
    assert errors(desk.post(page(alice), filled(desk, page(alice)) | blank)) == [wrong]
    assert errors(desk.post(page(alice), filled(desk, page(alice)) | {"contact": ""})) == [wrong]
    alice.refresh_from_db()
    assert alice.name == "Alice Cooper"
    said_after(desk, page(alice), filled(desk, page(alice)) | blank | {"company_name": "Cooper Ltd"})
    alice.refresh_from_db()
    assert alice.name == "Cooper Ltd"


def test_taken_email_links_to_its_customer(desk, alice, ada):
    response = desk.post(ADD, filled(desk, ADD) | WALTER | {"email": alice.contact.email.upper()})
    [error] = errors(response)
    assert error == f'<a class="underline" href="{page(alice)}">Alice Cooper</a> has this email already.'
    assert error in response.content.decode()
    response = desk.post(ADD, filled(desk, ADD) | WALTER | {"email": ada.email})
    assert errors(response) == ["There is an account with this email already."]
    assert Customer.objects.get() == alice


def test_same_phone_and_name_are_warned_of(desk, alice):
    digits = "".join(filter(str.isdigit, alice.contact.phone))
    twin = {"first_name": "ALICE", "last_name": "Cooper", "phone": digits, "company_name": "", "email": ""}
    warnings = said_after(desk, ADD, filled(desk, ADD) | WALTER | twin)
    link = f'<a class="underline" href="{page(alice)}">Alice Cooper</a>'
    assert warnings[:1] == [
        f"{link} ({alice.contact.email}) has the same phone and name. Is it the same customer?"
    ]
    assert Customer.objects.count() == 2


def test_person_is_entered_for_a_company_without_contact(desk):
    firm = factories.CustomerFactory(contact=None, company_name="Porter Ltd")
    data = {"first_name": "Bea", "phone": "555-010-1234"}
    said_after(desk, page(firm), filled(desk, page(firm)) | data)
    firm.refresh_from_db()
    assert (firm.contact.first_name, firm.name) == ("Bea", "Porter Ltd")
    assert CustomerUser.objects.get(customer=firm).user == firm.contact


def test_contact_and_person_are_not_both_changed(desk, alice, carol):
    data = filled(desk, page(alice)) | {"contact": carol.pk, "first_name": "Zoe"}
    assert errors(desk.post(page(alice), data)) == ["Choose a user or enter a person, not both."]
    said_after(desk, page(alice), filled(desk, page(alice)) | {"contact": carol.pk})
    alice.refresh_from_db()
    assert alice.contact == carol


@pytest.mark.parametrize("kind", ["staff", "former"])
def test_person_who_cannot_be_changed_here_is_shown_only(desk, bob, kind):
    contact = factories.UserFactory(role="advisor") if kind == "staff" else None
    customer = factories.CustomerFactory(contact=contact)
    form = desk.get(page(customer)).context["adminform"].form
    assert [form.fields[name].disabled for name in ("first_name", "last_name", "email", "phone")] == [
        True
    ] * 4
    data = filled(desk, page(customer)) | {"first_name": "Eve", "city": "Troy"}
    assert desk.post(page(customer), data).status_code == 302
    customer.refresh_from_db()
    assert (customer.city, User.objects.filter(first_name="Eve").exists()) == ("Troy", False)


def test_technician_sees_the_contact(client, alice):
    client.force_login(factories.UserFactory(role="technician"))
    text = client.get(page(alice)).content.decode()
    assert alice.contact.email in text
    assert 'name="first_name"' not in text
