"""Import and export of customers in the admin."""

from __future__ import annotations

import csv
import io

import pytest
from django.contrib.auth.models import Permission
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import User
from common.domain.sheets import CHANGE_REASON
from customers.models import Customer, CustomerUser
from testing import factories
from testing.admin import changelist, download, download_workbook, import_file, preview, refusal, said

HEADER = "first_name,last_name,email,phone,street_address,city,state,postal_code\n"


def finished(new=0, updated=0, skipped=0):
    return [f"Import finished: {new} new, {updated} updated, {skipped} unchanged customers."]


def everything():
    return [list(model.objects.order_by("pk").values_list()) for model in (User, Customer, CustomerUser)]


def test_new_customer_gets_contact_who_cannot_sign_in(desk, ada):
    content = f"{HEADER}Dora,Dean,,5550100001,1 A St,Bend,OR,97701\nEve,,Eve@Example.com,,,,,\n"
    assert import_file(desk, Customer, content) == finished(new=2)
    dora, eve = Customer.objects.with_contact().order_by("id")
    assert (dora.name, dora.contact.email, dora.contact.phone, dora.address, dora.contact.role) == (
        "Dora Dean", None, "5550100001", "1 A St, Bend, OR 97701", "customer",
    )  # fmt: skip
    assert (eve.contact.email, eve.contact.has_usable_password()) == ("eve@example.com", False)
    assert {login.user for login in CustomerUser.objects.all()} == {dora.contact, eve.contact}
    for kept in (dora.history.get(), dora.contact.history.get()):
        assert (kept.history_user, kept.history_change_reason) == (ada, CHANGE_REASON)
    before = everything()
    assert import_file(desk, Customer, content) == finished(skipped=2)
    assert everything() == before


def test_customer_is_found_by_email_and_changed(desk, ada, alice):
    content = f"email,city,phone\n{alice.contact.email.upper()},Salem,5550100009\n"
    assert import_file(desk, Customer, content) == finished(updated=1)
    alice.refresh_from_db()
    assert (alice.city, alice.contact.phone, alice.street_address) == ("Salem", "5550100009", "123 Elm St")
    for kept in (alice.history.latest(), alice.contact.history.latest()):
        assert (kept.history_type, kept.history_user, kept.history_change_reason) == ("~", ada, CHANGE_REASON)
    assert alice.contact.has_usable_password()


def test_changed_email_is_told(desk, alice, mailoutbox, django_capture_on_commit_callbacks):
    old = alice.contact.email
    content = f"uuid,email\n{alice.uuid},new@example.com\n"
    with django_capture_on_commit_callbacks(execute=True):
        assert import_file(desk, Customer, content) == finished(updated=1)
    contact = User.objects.get(pk=alice.contact_id)
    assert (contact.email, contact.confirmed_email) == ("new@example.com", old)
    assert [mail.to for mail in mailoutbox] == [[old], ["new@example.com"]]
    assert contact.history.count() == 2


def test_address_that_an_undo_may_restore_is_taken(desk, alice):
    old = factories.EmailChangeFactory().undo_email
    rows = (f"Dora,Dean,{old},,,,,", "email: User with this Email already exists.")
    assert rows[1] in said(preview(desk, Customer, f"{HEADER}{rows[0]}\n"))[0]


def test_unchanged_contact_has_no_history_row(desk, alice):
    import_file(desk, Customer, f"uuid,city\n{alice.uuid},Salem\n")
    assert (alice.history.count(), alice.contact.history.count()) == (2, 1)


def test_import_keeps_email_added_to_walk_in(desk):
    content = f"{HEADER}Dora,Dean,,5550100001,1 A St,Bend,OR,97701\n"
    import_file(desk, Customer, content)
    User.objects.filter(first_name="Dora").update(email="dora@example.com")
    before = everything()
    assert said(preview(desk, Customer, content)) == [
        "Row 2: The matching customer has an email. Add their email or uuid to the row."
    ]
    assert everything() == before


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("Dora,Dean,dora@,,,,,", "email: Enter a valid email address."),
        ("Dora,Dean,,55,,,,", "phone: Enter a phone number of 7 to 15 digits."),
        (",,dora@example.com,,,,,", "first_name: Enter a name or a company name."),
        ("Dora,Dean,tim@example.com,,,,,", "email: User with this Email already exists."),
        (
            f"Dora,Dean,,,,{'x' * 101},,",
            "city: Ensure this value has at most 100 characters (it has 101).",
        ),
    ],
)
def test_invalid_row_is_reported_without_change(desk, row, complaint):
    factories.UserFactory(email="tim@example.com", role="technician")
    before = everything()
    content = f"{HEADER}Eve,,eve@example.com,,,,,\n{row}\n"
    assert said(preview(desk, Customer, content)) == [f"Row 3: {complaint}"]
    assert everything() == before


@pytest.mark.parametrize("column", ["is_superuser", "role", "password", "is_active", "contact_id", "id"])
def test_columns_outside_the_table_are_refused(desk, alice, column):
    before = everything()
    [shown] = refusal(desk, Customer, f"email,{column}\n{alice.contact.email},1\n")
    assert shown.startswith(f"Unknown columns: {column!r}. Known are uuid, ")
    assert everything() == before


def test_read_only_columns_are_ignored(desk, alice):
    content = f"uuid,total_services,last_service_date\n{alice.uuid},99,2020-01-01\n"
    assert import_file(desk, Customer, content) == finished(skipped=1)


def test_contact_who_is_staff_is_not_changed(desk, tim):
    customer = factories.CustomerFactory(contact=tim)
    assert said(preview(desk, Customer, f"uuid,phone\n{customer.uuid},5550100009\n")) == [
        "Row 2: The contact is a member of staff. Change their data on the page of the user."
    ]
    assert import_file(desk, Customer, f"uuid,city\n{customer.uuid},Salem\n") == finished(updated=1)


def test_ambiguous_row_is_refused(desk, alice):
    factories.CustomerFactory(contact=alice.contact, login=False)
    assert said(preview(desk, Customer, f"email,city\n{alice.contact.email},Salem\n")) == [
        "Row 2: Several customers match this row: add the uuid of the right one."
    ]
    assert said(preview(desk, Customer, "uuid,city\nnobody,Salem\n")) == [
        "Row 2: uuid: There is no customer 'nobody'."
    ]


def test_import_of_export_changes_nothing(desk, alice, bob):
    former = factories.CustomerFactory(contact=None, company_name="=HYPERLINK(1)")
    bob.contact.phone = "+15035550142"
    bob.contact.save()
    before = everything()
    content = download(desk, Customer)
    header, *rows = csv.reader(io.StringIO(content))
    written = {row[0]: dict(zip(header, row, strict=True)) for row in rows}
    assert written[str(bob.uuid)] == {
        "uuid": str(bob.uuid), "first_name": "Bob", "last_name": "Baker", "email": bob.contact.email,
        "phone": "'+15035550142", "street_address": "123 Elm St", "city": "Springfield", "state": "NY",
        "postal_code": "10001", "country": "USA", "company_name": "", "business_type": "", "tax_id": "",
        "terms_days": "0",
        "emergency_contact_name": "", "emergency_contact_phone": "", "emergency_contact_relationship": "",
        "preferred_contact_method": "email", "is_verified": "no", "customer_since": str(bob.customer_since),
        "last_service_date": "", "total_services": "0",
    }  # fmt: skip
    assert written[str(former.uuid)]["company_name"] == "'=HYPERLINK(1)"
    assert import_file(desk, Customer, content) == finished(skipped=3)
    assert everything() == before


def test_import_adds_no_contact_to_former_customer(desk):
    former = factories.CustomerFactory(contact=None)
    assert said(preview(desk, Customer, f"uuid,first_name\n{former.uuid},Dora\n")) == [
        "Row 2: first_name: A former customer has no contact."
    ]


def test_export_query_count_is_constant(desk, alice, django_assert_max_num_queries):
    factories.CustomerFactory.create_batch(29)
    with django_assert_max_num_queries(5):
        download(desk, Customer)


def test_import_requires_permissions_on_users(client, tim):
    def grant(*codenames):
        tim.user_permissions.add(*Permission.objects.filter(codename__in=codenames))

    client.force_login(tim)
    url = f"{changelist(Customer)}import/"
    grant("view_customer", "add_customer", "change_customer")
    assert client.get(url).status_code == 403
    grant("add_user", "change_user")
    assert client.get(url).status_code == 200


_name = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp", "Cf")), max_size=40)
_awkward = st.sampled_from(["=1+1", "'=x", "02138", "a,b", 'say "hi"', "O'Hara", "Zoë", '="1"', "-", "二郎"])


@given(
    persons=st.lists(st.tuples(_name | _awkward, _name | _awkward, _name | _awkward), min_size=1, max_size=4),
    is_workbook=st.booleans(),
)
@settings(max_examples=settings.default.max_examples // 3)
def test_import_of_any_export_changes_nothing(desk, persons, is_workbook):
    with transaction.atomic():
        for number, (first, last, city) in enumerate(persons):
            contact = factories.UserFactory(
                first_name=first.strip() or "Dora", last_name=last.strip(), email=f"x{number}@example.com"
            )
            factories.CustomerFactory(contact=contact, city=city.strip(), postal_code="02138")
        before = everything()
        content = download_workbook(desk, Customer) if is_workbook else download(desk, Customer)
        assert import_file(desk, Customer, content) == finished(skipped=len(persons))
        assert everything() == before
        transaction.set_rollback(True)
