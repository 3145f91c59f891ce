"""The page of the search, the list below the box, and the box itself."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import Group, Permission

from testing.admin import changelist
from testing.factories import CustomerFactory, InvoiceFactory, RepairOrderFactory, UserFactory, VehicleFactory
from testing.suites import count_queries
from vehicles.models import Vehicle

pytestmark = pytest.mark.django_db
URL = "/admin/search/"
LONG = ["山田" * 40, "שרה " * 20, "x" * 150, "<script>alert(1)</script>", "O’Neil & Söhne"]


def text_of(response):
    """Return the text of a page without tags, as one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def test_page_shows_what_is_found_with_its_matches_marked(desk, zoe, camry, others):
    order = RepairOrderFactory(vehicle=camry, number=1042, status="requested")
    response = desk.get(URL, {"q": "muller 2175550123"})
    html = response.content.decode()
    assert "Zoë <mark>Müller</mark>-Łukasz" in html
    assert "Baker" not in html
    html = desk.get(URL, {"q": "kdr1180"}).content.decode()
    assert "2019 Toyota Camry (T 7)" in html
    assert f"Order {order.number}, requested" in html


@pytest.mark.parametrize("text", LONG)
def test_names_of_any_length_and_script_are_found_and_escaped(desk, text):
    CustomerFactory(company_name=text)
    response = desk.get(URL, {"q": text})
    assert response.status_code == 200
    assert response.context["found"].customers.count == 1
    assert "<script>alert" not in response.content.decode()
    assert desk.get(URL, {"q": text, "box": "1"}).status_code == 200


def test_page_offers_a_new_customer_where_nothing_is_found(desk):
    assert "Nothing found for “nobody”." in text_of(desk.get(URL, {"q": "nobody"}))
    assert "/admin/intake/?q=nobody#new" in desk.get(URL, {"q": "nobody"}).content.decode()
    assert "Type a name" in text_of(desk.get(URL))


def test_rows_beyond_the_limit_are_counted(desk):
    for number in range(27):
        CustomerFactory(company_name="Acme", contact__email=f"acme{number}@example.com")
    text = text_of(desk.get(URL, {"q": "acme"}))
    assert "Customers 27" in text
    assert "2 more. Show the list of customers" in text
    assert "Show all, 27 customers" in text_of(desk.get(URL, {"q": "acme", "box": "1"}))


def test_box_stands_on_every_page_and_its_list_has_options(desk, zoe, camry):
    html = desk.get(changelist(Vehicle)).content.decode()
    assert html.count('id="desk-find"') == 1
    assert "desk/search.js" in html
    html = desk.get(URL, {"q": "kdr1180", "box": "1"}).content.decode()
    assert "<html" not in html
    assert re.findall(r'role="option"\s+id="([^"]+)"', html) == [
        f"found-c{zoe.pk}", f"found-v{camry.pk}", "found-all"
    ]  # fmt: skip


def test_popup_has_no_box(desk):
    assert 'id="desk-find"' not in desk.get(f"{changelist(Vehicle)}?_popup=1").content.decode()


def test_search_needs_the_permission_to_view_customers(client, tim):
    client.force_login(tim)
    assert client.get(URL, {"q": "x"}).status_code == 200
    Group.objects.get(name="technician").permissions.remove(Permission.objects.get(codename="view_customer"))
    assert client.get(URL, {"q": "x"}).status_code == 403
    assert 'id="desk-find"' not in client.get("/admin/").content.decode()


def test_stranger_is_sent_to_the_sign_in(client, alice):
    assert client.get(URL)["Location"] == f"/admin/login/?next={URL}"
    client.force_login(alice.contact)
    assert client.get(URL).status_code == 302


def test_technician_sees_no_invoice(client, tim):
    invoice = InvoiceFactory()
    client.force_login(tim)
    assert f"Invoice {invoice.number}" not in text_of(client.get(URL, {"q": invoice.number}))
    client.force_login(UserFactory(role="advisor"))
    assert client.get(URL, {"q": invoice.number}).status_code == 200


def test_number_of_queries_is_constant(desk, camry):
    def shown():
        return desk.get(URL, {"q": "toyota"})

    shown()
    first = count_queries(shown)
    for _ in range(8):
        RepairOrderFactory(vehicle=VehicleFactory(make="Toyota"), status="requested")
    assert count_queries(shown) == first
