"""The staff API for customers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

from accounts.models import User
from customers.models import Customer
from testing import factories
from testing.storms import parallel
from testing.suites import WritableNounSuite, invalid, refused, stored

SINCE = datetime(2024, 5, 1, 12, tzinfo=UTC)
NO_CONTACT = {
    "error": "No contact",
    "detail": "This customer has no contact whose name, email or phone could be changed.",
}
EMAIL_TAKEN = {
    "error": "Email is taken",
    "detail": "There is an account with this email already.",
    "fields": {"email": ["There is an account with this email already."]},
}
IS_STAFF = {
    "error": "Access denied",
    "detail": "This customer's contact is a member of staff. Change names, email and phone on the user.",
}


class TestCustomers(WritableNounSuite):
    noun, name, ordering = "customers", "Customer", ("name", "since")
    new: ClassVar[dict[str, Any]] = {"first_name": "Walter"}
    change: ClassVar[dict[str, Any]] = {
        "company_name": "",
        "business_type": "Taxi",
        "tax_id": "12-345",
        "state": "NJ",
        "street_address": "123 Elm St",
        "country": "USA",
        "preferred_contact_method": "sms",
        "address": "123 Elm St, Springfield, NJ 10001",
    }
    wrong: ClassVar[list[tuple[str, Any, str]]] = [
        ("first_name", "", "This field may not be blank."),
        ("first_name", "x" * 101, "Ensure this field has no more than 100 characters."),
        ("last_name", "a\x00b", "Null characters are not allowed."),
        ("email", "nobody", "Enter a valid email address."),
        ("email", "", "This field may not be blank."),
        ("city", ["Springfield"], "Not a valid string."),
        ("preferred_contact_method", "pigeon", '"pigeon" is not a valid choice.'),
    ]

    def make(self, **values):
        return factories.CustomerFactory(
            **{"contact__first_name": "Pat", "contact__last_name": "Cooper", "customer_since": SINCE} | values
        )

    def called(self, text):
        return self.make(contact__last_name=text)

    def row(self, customer):
        return {
            "id": customer.pk,
            "uuid": str(customer.uuid),
            "user": customer.contact_id,
            "name": "Pat Cooper",
            "email": customer.contact.email,
            "phone": "(555) 010-0000",
            "address": "123 Elm St, Springfield, NY 10001",
            "street_address": "123 Elm St",
            "city": "Springfield",
            "state": "NY",
            "postal_code": "10001",
            "country": "USA",
            "company_name": "",
            "business_type": "",
            "tax_id": "",
            "is_verified": False,
            "customer_since": "2024-05-01T12:00:00Z",
            "last_service_date": None,
            "total_services": 0,
            "preferred_contact_method": "email",
        }

    def test_former_customer_has_empty_contact_fields(self, as_ada):
        customer = factories.CustomerFactory(contact=None, customer_since=SINCE)
        body = as_ada.get(self.item(customer)).json()
        assert (body["name"], body["email"], body["phone"], body["user"]) == ("Former customer", "", "", None)

    def test_walk_in_has_name_and_cannot_sign_in(self, as_ada):
        response = as_ada.post(self.url, {"first_name": "Walter", "last_name": "Inn"}, format="json")
        customer = Customer.objects.get(pk=response.json()["id"])
        assert response.json() == {
            **self.row(customer),
            "name": "Walter Inn",
            "email": "",
            "phone": "",
            "address": response.json()["address"],
            "street_address": "",
            "city": "",
            "state": "",
            "postal_code": "",
            "customer_since": response.json()["customer_since"],
        }
        assert customer.contact.has_usable_password() is False
        assert customer.contact.role == "customer"

    def test_change_updates_contact(self, as_ada, ada):
        customer = self.make()
        body = {"first_name": "Alison", "email": "ALISON@Example.com", "phone": "555-010-1234"}
        response = as_ada.patch(self.item(customer), body, format="json")
        expected = {"name": "Alison Cooper", "email": "alison@example.com", "phone": "555-010-1234"}
        assert response.json() == {**self.row(customer), **expected}
        assert customer.contact.history.latest().history_user_id == ada.pk

    def test_taken_email_is_refused(self, as_ada):
        customer, other = self.make(), self.make(contact__email="taken@example.com")
        before = [stored(customer), stored(customer.contact), stored(other)]
        for response in (
            as_ada.patch(self.item(customer), {"email": "Taken@example.com", "city": "X"}, format="json"),
            as_ada.post(self.url, {"first_name": "W", "email": "TAKEN@example.com"}, format="json"),
        ):
            refused(response, 400, EMAIL_TAKEN, customer, customer.contact, other, before=before)
        assert (Customer.objects.count(), User.objects.filter(first_name="W").count()) == (2, 0)

    def test_name_of_customer_without_contact_is_409(self, as_ada):
        customer = factories.CustomerFactory(contact=None)
        before = [stored(customer)]
        response = as_ada.patch(self.item(customer), {"first_name": "New", "city": "X"}, format="json")
        refused(response, 409, NO_CONTACT, customer, before=before)

    @pytest.mark.parametrize("role", ["technician", "advisor", "manager", "admin"])
    def test_contact_who_is_staff_is_not_changed(self, sign_in, role):
        colleague = factories.UserFactory(role=role)
        customer = factories.CustomerFactory(contact=colleague)
        advisor = sign_in(factories.UserFactory(role="advisor"))
        before = [stored(customer), stored(colleague)]
        response = advisor.patch(self.item(customer), {"email": "mine@example.com"}, format="json")
        refused(response, 403, IS_STAFF, customer, colleague, before=before)
        assert advisor.patch(self.item(customer), {"city": "X"}, format="json").status_code == 200

    def test_search_finds_name_phone_company_and_email(self, as_ada):
        person = self.make(contact__phone="(555) 714-5422")
        firm = self.make(company_name="Réseau Taxi", contact__first_name="Zoe", postal_code="99501")
        assert self.found(as_ada, search="pat coop") == [person.pk]
        assert self.found(as_ada, search="714-54") == [person.pk]
        assert self.found(as_ada, search="RÉSEAU") == [firm.pk]
        assert self.found(as_ada, search="99501") == [firm.pk]
        assert self.found(as_ada, search=firm.contact.email.upper()) == [firm.pk]

    def test_filters_select_customers(self, as_ada):
        verified, other = self.make(is_verified=True, state="Ñuble"), self.make()
        assert self.found(as_ada, is_verified="true") == [verified.pk]
        assert self.found(as_ada, is_verified="false") == [other.pk]
        assert self.found(as_ada, state="ny") == [other.pk]
        assert self.found(as_ada, state="ñUBLE") == [verified.pk]
        assert self.found(as_ada, state="n%") == []
        response = as_ada.get(self.url, {"is_verified": "perhaps"})
        assert (response.status_code, response.json()) == (
            400,
            invalid("is_verified", "Must be a valid boolean."),
        )


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_one_of_parallel_walk_ins_with_same_email_is_stored(sign_in):
    client = sign_in(factories.UserFactory(role="advisor"))
    body = {"first_name": "Walter", "email": "walter@example.com"}
    answers = parallel(20, lambda _: client.post("/api/shop/customers/", body, format="json"))
    assert sorted(answer.status_code for answer in answers) == [201] + [400] * 19
    assert [a.json() for a in answers if a.status_code == 400] == [EMAIL_TAKEN] * 19
    assert Customer.objects.count() == 1
