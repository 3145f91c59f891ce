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
    "code": "no_contact",
}
EMAIL_TAKEN = {
    "error": "Email is taken",
    "detail": "There is an account with this email already.",
    "fields": {"email": ["There is an account with this email already."]},
    "code": "email_taken",
}
NO_NAME = {
    "error": "Name required",
    "detail": "Enter a name or a company name.",
    "fields": {"first_name": ["Enter a name or a company name."]},
    "code": "no_name",
}
IS_STAFF = {
    "error": "Access denied",
    "detail": "This customer's contact is a member of staff. Change names, email and phone on the user.",
    "code": "contact_is_staff",
}


class TestCustomers(WritableNounSuite):
    noun, name, ordering = "customers", "Customer", ("name", "since")
    new: ClassVar[dict[str, Any]] = {"first_name": "Walter"}
    change: ClassVar[dict[str, Any]] = {
        "company_name": "",
        "business_type": "Taxi",
        "tax_id": "12-345",
        "requires_po_number": False,
        "terms_days": 0,
        "state": "NJ",
        "street_address": "123 Elm St",
        "country": "USA",
        "preferred_contact_method": "sms",
        "units": "metric",
    }
    follows: ClassVar[dict[str, Any]] = {"address": "123 Elm St, Springfield, NJ 10001"}
    wrong: ClassVar[list[tuple[str, Any, str]]] = [
        ("first_name", "", "This field may not be blank."),
        ("first_name", "x" * 101, "Ensure this field has no more than 100 characters."),
        ("last_name", "a\x00b", "Null characters are not allowed."),
        ("first_name", "a\tb", "Control characters such as line breaks and tabs are not allowed here."),
        ("email", "nobody", "Enter a valid email address."),
        ("email", "", "This field may not be blank."),
        ("city", ["Springfield"], "Not a valid string."),
        (
            "preferred_contact_method",
            "pigeon",
            '"pigeon" is not a valid choice. Choose one of: email, phone, sms.',
        ),
        ("units", "furlongs", '"furlongs" is not a valid choice. Choose one of: imperial, metric.'),
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
            "first_name": customer.contact.first_name,
            "last_name": customer.contact.last_name,
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
            "requires_po_number": False,
            "terms_days": 0,
            "is_verified": False,
            "customer_since": "2024-05-01T12:00:00Z",
            "last_service_date": None,
            "total_services": 0,
            "preferred_contact_method": "email",
            "units": "",
            "merged_ids": [],
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
        expected = {
            "name": "Alison Cooper",
            "first_name": "Alison",
            "email": "alison@example.com",
            "phone": "555-010-1234",
        }
        assert response.json() == {**self.row(customer), **expected}
        assert customer.contact.history.latest().history_user_id == ada.pk

    def test_taken_email_is_refused(self, as_ada):
        customer, other = self.make(), self.make(contact__email="taken@example.com")
        before = [stored(customer), stored(customer.contact), stored(other)]
        for response in (
            as_ada.patch(self.item(customer), {"email": "Taken@example.com", "city": "X"}, format="json"),
            as_ada.post(self.url, {"first_name": "W", "email": "TAKEN@example.com"}, format="json"),
        ):
            body = {**EMAIL_TAKEN, "customer_id": other.pk}
            refused(response, 400, body, customer, customer.contact, other, before=before)
        assert (Customer.objects.count(), User.objects.filter(first_name="W").count()) == (2, 0)

    def test_staff_set_whether_a_company_needs_po_numbers(self, as_ada):
        customer = self.make()
        response = as_ada.patch(self.item(customer), {"requires_po_number": True}, format="json")
        assert (response.status_code, response.json()) == (
            200,
            {**self.row(customer), "requires_po_number": True},
        )

    def test_verification_is_given_and_withdrawn(self, as_ada, ada):
        customer = self.make()
        for verb, verified in (("verify", True), ("verify", True), ("withdraw_verification", False)):
            response = as_ada.post(f"{self.item(customer)}{verb}/", {}, format="json")
            assert (response.status_code, response.json()) == (
                200,
                {**self.row(customer), "is_verified": verified},
            )
        assert customer.history.count() == 3

    def test_changed_email_is_told_and_tries_are_limited(
        self, as_ada, settings, mailoutbox, django_capture_on_commit_callbacks
    ):
        settings.RATE_EMAIL_CHANGES = 1
        customer = self.make(contact__email="alice@example.com")
        with django_capture_on_commit_callbacks(execute=True):
            as_ada.patch(self.item(customer), {"email": "new@example.com"}, format="json")
        assert [mail.to for mail in mailoutbox] == [["alice@example.com"], ["new@example.com"]]
        customer.contact.refresh_from_db()
        assert customer.contact.confirmed_email == "alice@example.com"
        before = [stored(customer), stored(customer.contact)]
        response = as_ada.patch(
            self.item(customer), {"email": "mine@example.com", "city": "X"}, format="json"
        )
        text = {
            "error": "Too many requests",
            "detail": "Too many changes of email. Try again later.",
            "code": "too_many_email_changes",
        }
        refused(response, 429, text, customer, customer.contact, before=before)
        assert int(response["Retry-After"]) > 0

    def test_email_of_a_user_without_customer_is_refused_without_a_link(self, as_ada, ada, carol):
        for user in (ada, carol):
            response = as_ada.post(self.url, {"name": "W X", "email": user.email.upper()}, format="json")
            assert (response.status_code, response.json()) == (400, EMAIL_TAKEN)
        assert Customer.objects.count() == 0

    @pytest.mark.parametrize(
        "body", [{}, {"phone": "555-010-1234", "email": "w@example.com", "company_name": ""}]
    )
    def test_new_customer_needs_a_name_or_a_company(self, as_ada, body):
        users = User.objects.count()
        response = as_ada.post(self.url, body, format="json")
        assert (response.status_code, response.json()) == (400, NO_NAME)
        assert (Customer.objects.count(), User.objects.count()) == (0, users)

    def test_company_alone_is_a_customer(self, as_ada):
        body = {"company_name": "Réseau Taxi", "phone": "555-010-1234"}
        response = as_ada.post(self.url, body, format="json")
        assert response.status_code == 201
        row = response.json()
        assert (row["name"], row["phone"], row["first_name"], row["email"]) == (
            "Réseau Taxi",
            "555-010-1234",
            "",
            "",
        )
        refused_row = Customer.objects.get()
        before = [stored(refused_row)]
        response = as_ada.patch(self.item(refused_row), {"company_name": "", "city": "X"}, format="json")
        refused(response, 400, NO_NAME, refused_row, before=before)

    def test_former_customer_keeps_other_fields_changeable(self, as_ada):
        former = factories.CustomerFactory(contact=None)
        assert as_ada.patch(self.item(former), {"city": "X"}, format="json").json()["city"] == "X"

    def test_company_without_contact_gets_one(self, as_ada):
        firm = factories.CustomerFactory(contact=None, company_name="Porter Ltd")
        response = as_ada.patch(
            self.item(firm), {"phone": "555-010-1234", "first_name": "Bea"}, format="json"
        )
        row = response.json()
        assert (response.status_code, row["name"], row["phone"]) == (200, "Porter Ltd", "555-010-1234")
        contact = Customer.objects.get().contact
        assert (contact.first_name, contact.has_usable_password()) == ("Bea", False)
        assert list(firm.logins.values_list("user", flat=True)) == [contact.pk]

    def test_name_is_read_as_it_is_shown(self, as_ada):
        person = as_ada.post(self.url, {"name": "Walter van Inn"}, format="json").json()
        assert [person[key] for key in ("name", "first_name", "last_name")] == [
            "Walter van Inn",
            "Walter",
            "van Inn",
        ]
        url = f"{self.url}{person['id']}/"
        assert as_ada.patch(url, {"name": "Wanda Inn"}, format="json").json()["first_name"] == "Wanda"
        firm = as_ada.patch(url, {"company_name": "Inn Ltd"}, format="json").json()
        assert (firm["name"], firm["first_name"]) == ("Inn Ltd", "Wanda")
        firm = as_ada.patch(url, {"name": "Inn & Sons"}, format="json").json()
        assert (firm["name"], firm["company_name"], firm["first_name"]) == (
            "Inn & Sons",
            "Inn & Sons",
            "Wanda",
        )
        before = [stored(Customer.objects.get())]
        response = as_ada.patch(url, {"name": "A", "company_name": "", "first_name": "B"}, format="json")
        refused(
            response,
            400,
            invalid("name", "Differs from first_name. Send one of the two."),
            Customer.objects.get(),
            before=before,
        )

    def test_same_phone_and_name_are_listed_as_possible_duplicates(self, as_ada):
        pat = self.make(contact__phone="+1 (555) 714-5422")
        firm = self.make(
            contact=None, company_name="Réseau Taxi", street_address="9 Mill Lane", postal_code="1"
        )
        self.make(contact__first_name="Pat", contact__last_name="Coopers", contact__phone="714-5422")
        body = {
            "first_name": "PAT",
            "last_name": "cooper",
            "phone": "555.714.5422",
            "company_name": "RÉSEAU taxi",
        }
        response = as_ada.post(self.url, body, format="json")
        assert (response.status_code, response.json()["possible_duplicates"]) == (
            201,
            [
                {
                    "id": pat.pk,
                    "name": "Pat Cooper",
                    "email": pat.contact.email,
                    "phone": "+1 (555) 714-5422",
                    "because": ["phone", "name"],
                },
                {"id": firm.pk, "name": "Réseau Taxi", "email": None, "phone": "", "because": ["name"]},
            ],
        )
        url = f"{self.url}{response.json()['id']}/"
        assert "possible_duplicates" not in as_ada.patch(url, {"city": "X"}, format="json").json()
        changed = as_ada.patch(url, {"phone": "", "company_name": "Other"}, format="json").json()
        assert [row["because"] for row in changed["possible_duplicates"]] == [["name"]]
        changed = as_ada.patch(url, {"first_name": "Zoe"}, format="json").json()
        assert "possible_duplicates" not in changed

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
    customer = Customer.objects.get()
    taken = {**EMAIL_TAKEN, "customer_id": customer.pk}
    assert [a.json() for a in answers if a.status_code == 400] == [taken] * 19


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_parallel_changes_add_one_contact_to_a_company(sign_in):
    firm = factories.CustomerFactory(contact=None, company_name="Porter Ltd")
    advisor = factories.UserFactory(role="advisor")
    client, users = sign_in(advisor), User.objects.count()
    url = f"/api/shop/customers/{firm.pk}/"
    answers = parallel(10, lambda number: client.patch(url, {"phone": f"555-010-100{number}"}, format="json"))
    assert [answer.status_code for answer in answers] == [200] * 10
    assert User.objects.count() == users + 1
    firm.refresh_from_db()
    assert list(firm.logins.values_list("user", flat=True)) == [firm.contact_id]
