"""One box finds people, vehicles, orders and papers in any spelling."""

from __future__ import annotations

import pytest
from django.db import connection
from django.utils import timezone

from customers.models import Customer
from desk.search.find import FEW, MOST, PERMISSIONS, _customers_with, find, find_people
from testing.factories import (
    CustomerFactory,
    CustomerUserFactory,
    InvoiceFactory,
    InvoiceSeriesFactory,
    LocationFactory,
    OrderFactory,
    RepairOrderFactory,
    UserFactory,
    VehicleFactory,
)
from testing.suites import count_queries

pytestmark = pytest.mark.django_db
EVERYTHING = PERMISSIONS.values()


def search(text, may=EVERYTHING, limit=10):
    """Return what a search finds: kind -> keys of the rows, without kinds of which it finds none."""
    found = find(text, has_perm=set(may).__contains__, limit=limit)
    rows = {
        "customers": found.customers and [person.customer for person in found.customers.rows],
        "vehicles": found.vehicles and [car.vehicle for car in found.vehicles.rows],
        "repair_orders": found.repair_orders and found.repair_orders.rows,
        "invoices": found.invoices and found.invoices.rows,
        "parts_orders": found.parts_orders and found.parts_orders.rows,
    }
    return {kind: found for kind, found in rows.items() if found}


def people(text, **options):
    return [person.customer for person in find_people(text, limit=10, **options).rows]


NAMES = ["Zoë Müller-Łukasz", "zoe muller lukasz", "MULLERLUKASZ zoe", "mull", "zoe@example.org", "Zoe\u0308"]
PHONES = ["2175550123", "(217) 555-0123", "217.555.0123", "+1 217 555 0123", "1-217-555-0123", "555 0123"]
PLATES = ["KDR-1180", "kdr1180", "KDR 1180", "kd r11 80"]
VINS = ["4T1B11HK5KU200001", "4t1b11hk5 ku 200001", "KU200001", "4T1-B11-HK5-KU2-00001"]
UNITS = ["T7", "t 7"]


@pytest.mark.parametrize("text", NAMES + PHONES)
def test_person_is_found_by_name_email_and_phone(zoe, others, text):
    assert search(text) == {"customers": [zoe]}


@pytest.mark.parametrize("text", PLATES + VINS + UNITS + ["toyota camry", "2019 camry"])
def test_vehicle_is_found_by_plate_vin_unit_and_make(camry, others, text):
    assert search(text)["vehicles"] == [camry]


@pytest.mark.parametrize("text", NAMES + PHONES + PLATES + VINS + UNITS + ["camry muller", "lukasz kdr1180"])
def test_people_are_found_by_what_is_theirs(zoe, camry, others, text):
    assert people(text) == [zoe]


@pytest.mark.parametrize("text", ["", " ", "-", "%", "_", "\\", "'", "\x00", "zoe baker", "kdr1180 bob"])
def test_nothing_is_found(camry, others, text):
    assert search(text) == {}
    assert people(text) == []


def test_person_is_found_by_a_colleague_and_by_the_company(zoe, others):
    company = CustomerFactory(company_name="Nordkap Bäckerei", contact__last_name="Smith")
    CustomerUserFactory(customer=company, user__first_name="Ingrid", user__last_name="Nordin", role="viewer")
    assert people("ingrid nordin") == [company]
    assert people("backerei nordkap") == [company]


def test_merged_customer_and_sold_vehicle_find_nobody(zoe, camry):
    camry.archived_at = timezone.now()
    camry.save()
    assert people("kdr1180") == []
    Customer.objects.filter(pk=zoe.pk).update(merged_into=CustomerFactory())
    assert people("lukasz") == []


def test_archived_vehicle_is_found_after_those_in_use(camry):
    camry.archived_at = timezone.now()
    camry.save()
    present = VehicleFactory(license_plate="KDR-1180", vin="")
    assert search("kdr1180")["vehicles"] == [present, camry]


@pytest.mark.parametrize("text", ["1042", "#1042", "RO 1042", "order 1042"])
def test_repair_order_is_found_by_its_number(text):
    order = RepairOrderFactory(number=1042, location=LocationFactory())
    RepairOrderFactory(number=104, location=order.location)
    assert search(text)["repair_orders"] == [order]


def test_repair_order_is_found_by_its_id_only_if_no_number_fits():
    by_id = RepairOrderFactory()
    assert search(f"order {by_id.pk}")["repair_orders"] == [by_id]
    by_number = RepairOrderFactory(number=by_id.pk, location=LocationFactory())
    assert search(f"order {by_id.pk}")["repair_orders"] == [by_number]
    assert people(f"order {by_id.pk}", with_papers=True) == [by_number.customer]


@pytest.mark.parametrize("text", ["SG-9000017", "sg9000017", "sg 9000017", "9000017", "Invoice SG-9000017"])
def test_invoice_is_found_by_its_number(text):
    series = InvoiceSeriesFactory(prefix="SG")
    invoice = InvoiceFactory(number="SG-9000017", location=series.location)
    InvoiceFactory(number="SG-90000170", location=series.location)
    assert search(text)["invoices"] == [invoice]
    assert people(text, with_papers=True) == [invoice.bill_to]


def test_parts_order_is_found_by_its_number():
    order = OrderFactory()
    for text in (str(order.pk), order.number, order.number.lower(), f"Parts order {order.pk}"):
        assert search(text)["parts_orders"] == [order]


def test_order_finds_its_customer_only_when_papers_are_asked_for():
    order = RepairOrderFactory(number=9_000_017, location=LocationFactory())
    assert people("9000017", with_papers=True) == [order.customer]
    assert people("9000017") == []


def test_exact_matches_come_first():
    VehicleFactory(license_plate="AB-12", vin="")
    exact = VehicleFactory(license_plate="AB-1", vin="")
    VehicleFactory(license_plate="AB-13", vin="")
    assert search("ab1")["vehicles"][0] == exact
    assert people("ab1")[0] == exact.customer
    li = CustomerFactory(contact__first_name="Bo", contact__last_name="Li")
    CustomerFactory(
        contact__first_name="Bo", contact__last_name="Lindqvist", last_service_date=timezone.now()
    )
    assert people("li bo")[0] == li
    assert people("bo li")[0] == li


def test_numbers_beyond_every_column_find_nothing():
    VehicleFactory()
    for text in ("99999999999", str(2**63 - 1), str(2**63), "9" * 40):
        assert search(text) == {}


def test_person_has_the_vehicles_that_match_first(zoe, camry):
    VehicleFactory.create_batch(FEW + 2, customer=zoe)
    [person] = find_people("muller camry", limit=5).rows
    assert (person.vehicles[0], len(person.vehicles), person.more_vehicles) == (camry, FEW, 3)


def test_vehicle_has_its_open_orders(camry):
    opened = RepairOrderFactory(vehicle=camry, status="requested")
    RepairOrderFactory(vehicle=camry, status="denied")
    found = find("kdr1180", has_perm=set(EVERYTHING).__contains__, limit=5).vehicles.rows
    assert [(car.vehicle, car.orders) for car in found] == [(camry, [opened])]
    may = set(EVERYTHING) - {"repair_orders.view_repairorder"}
    [car] = find("kdr1180", has_perm=may.__contains__, limit=5).vehicles.rows
    assert car.orders == []


def test_kinds_that_the_user_may_not_see_are_left_out(camry):
    RepairOrderFactory(vehicle=camry)
    found = find("kdr1180", has_perm={"vehicles.view_vehicle"}.__contains__, limit=5)
    assert (found.customers, found.repair_orders, found.invoices, found.parts_orders) == (None,) * 4
    assert [car.vehicle for car in found.vehicles.rows] == [camry]
    assert find("kdr1180", has_perm=set().__contains__, limit=5).is_empty


def test_many_of_one_name_are_counted_and_not_listed():
    users = UserFactory._meta.model.objects.bulk_create(
        [
            UserFactory.build(email=f"n{n}@x.example", first_name="Ann", last_name="Lee")
            for n in range(MOST + 5)
        ]
    )
    Customer.objects.bulk_create([Customer(contact=user, customer_since=timezone.now()) for user in users])
    found = find_people("ann lee", limit=10)
    assert (len(found.rows), found.count, found.more) == (10, MOST, MOST - 10)


def test_number_of_queries_does_not_grow(camry):
    series = InvoiceSeriesFactory(prefix="SG")

    def more(number):
        for _ in range(number):
            vehicle = VehicleFactory(make="Toyota", model="Camry", customer__contact__first_name="Toyota")
            order = RepairOrderFactory(vehicle=vehicle)
            invoice = InvoiceFactory(repair_order=order, location=series.location)
        return invoice

    def queries():
        everything = set(EVERYTHING).__contains__
        return count_queries(lambda: [find(text, has_perm=everything, limit=50) for text in texts])

    invoice = more(1)
    # Numbers that are found both times.
    texts = ("toyota camry", f"RO {invoice.repair_order_id}", invoice.number)
    first = queries()
    more(20)
    assert queries() == first
    assert first <= 33


def test_empty_search_costs_no_query(db):
    assert count_queries(lambda: find("- -", has_perm=set(EVERYTHING).__contains__, limit=5)) == 0


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no index for searches")
def test_people_are_searched_by_indexes():
    """The tables are empty, so other plans are forbidden. PostgreSQL still reads a table if no index fits."""
    with connection.cursor() as cursor:
        for other in ("seqscan", "indexscan", "indexonlyscan"):
            cursor.execute(f"SET LOCAL enable_{other} = off")
    plan = Customer.objects.filter(pk__in=_customers_with("TOYOTA")).explain()
    for index in ("user_searched", "customer_searched"):
        assert f"Bitmap Index Scan on {index}" in plan
