"""Import of opening balances: what customers owed before the shop used this product."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from appointments.queries import local_time
from billing.models import Invoice, Payment
from testing import factories
from testing.admin import changelist, import_file, preview, said
from testing.billed import invoiced
from testing.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def garage():
    return factories.LocationFactory(name="Garage", is_default=True)


def finished(new=0, skipped=0):
    return [f"Import finished: {new} new, 0 updated, {skipped} unchanged invoices."]


def refusal(desk, content):
    """Return the errors of a file that cannot be imported as one text."""
    return "\n".join(said(preview(desk, Invoice, content)))


def accounts():
    """Return what customers owe and are owed, with the day."""
    owed = Invoice.objects.values_list("customer", "total", "balance", "day", "kind", "issued_by")
    owing = Payment.objects.values_list("customer", "amount", "open", "day", "kind", "taken_by")
    return [[tuple(map(str, row)) for row in rows.order_by("id")] for rows in (owed, owing)]


def test_balances_are_booked_as_invoices_and_open_payments(desk, ada, garage, alice, bob):
    content = (
        f'Email,Amount,Day,Location\n{alice.contact.email.upper()},"$1,234.50",2020-01-31,Garage\n'
        f"{bob.contact.email},(20.00),2020-01-31,\n"
    )
    assert import_file(desk, Invoice, content) == finished(new=2)
    day, by = "2020-01-31", str(ada.pk)
    assert accounts() == [
        [(str(alice.pk), "1234.50", "1234.50", day, "opening", by)],
        [(str(bob.pk), "20.00", "20.00", day, "opening", by)],
    ]
    assert import_file(desk, Invoice, content) == finished(skipped=2)
    assert len(accounts()[0]) == 1


def test_row_without_day_and_location_is_of_yesterday_at_the_default_location(desk, garage, alice):
    assert import_file(desk, Invoice, f"uuid,amount\n{alice.uuid},5\n") == finished(new=1)
    invoice = Invoice.objects.get()
    yesterday = local_time(garage, timezone.now()).date() - timedelta(days=1)
    assert (invoice.location, invoice.day, str(invoice.total)) == (garage, yesterday, "5.00")


def test_name_and_phone_find_the_customer_and_zero_is_skipped(desk, garage, alice, bob):
    alice.contact.phone = "5550100001"
    alice.contact.save()
    content = (
        f"Customer Name,Phone,Amount\n{alice.contact.full_name},(555) 010-0001,7.25\n"
        f"{bob.contact.full_name},{bob.contact.phone},0.00\n"
    )
    assert import_file(desk, Invoice, content) == finished(new=1, skipped=1)
    assert Invoice.objects.get().customer == alice


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ("nobody@example.com,5,2020-01-31", "There is no such customer: import the customers first."),
        ("{email},five,2020-01-31", "amount: Enter a number."),
        ('{email},"12,50",2020-01-31', "amount: Write 12.50 with a point."),
        ("{email},,2020-01-31", "amount: This field is required."),
        ("{email},0.005,2020-01-31", "amount: Ensure that there are no more than 2 decimal places."),
        ("{email},5,soon", "day: Enter a valid date."),
        ("{email},5,9999-12-31", "Give a day before "),
    ],
)
def test_row_that_cannot_be_booked_is_refused_with_all_others(desk, garage, alice, bob, row, text):
    content = (
        f"email,amount,day\n{bob.contact.email},1.00,2020-01-31\n{row.format(email=alice.contact.email)}\n"
    )
    assert f"Row 3: {text}" in refusal(desk, content)
    assert accounts() == [[], []]


def test_customer_twice_in_a_file_and_another_amount_are_refused(desk, garage, alice):
    email = alice.contact.email
    content = f"email,amount,day\n{email},5,2020-01-31\n{email},5,2020-01-31\n"
    assert "A balance of this customer on 2020-01-31 is in row 2 already." in refusal(desk, content)
    import_file(desk, Invoice, f"email,amount,day\n{email},5,2020-01-31\n")
    refused = refusal(desk, f"email,amount,day\n{email},6,2020-01-31\n")
    assert "An opening balance of 5.00 on 2020-01-31 is booked already." in refused
    assert len(accounts()[0]) == 1


def test_preview_books_nothing(desk, garage, alice):
    preview(desk, Invoice, f"email,amount\n{alice.contact.email},5\n")
    assert accounts() == [[], []]


def test_balance_after_the_first_invoice_is_refused(desk, alice):
    invoice = invoiced()
    content = f"email,amount,day,location\n{alice.contact.email},5,{invoice.day},{invoice.location.name}\n"
    assert f"Give a day before {invoice.day}" in refusal(desk, content)


def test_only_who_may_book_them_imports(client, garage):
    client.force_login(UserFactory(role="advisor"))
    assert client.get(f"{changelist(Invoice)}import/").status_code == 403
    client.force_login(UserFactory(role="manager"))
    page = client.get(f"{changelist(Invoice)}import/")
    assert page.status_code == 200
    assert client.get(f"{changelist(Invoice)}export/").status_code == 403
