"""Merging two customers moves everything, and says what wins where both hold what exists once."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from zipfile import ZipFile

import pytest
from django.apps import apps
from django.core.management import call_command
from django.utils import timezone
from simple_history.models import HistoricalChanges

from accounts.models import RewardEntry, User
from accounts.referrals import book_points
from appointments.models import Appointment
from billing.models import Statement
from chat.actions import start_conversation
from common.domain.models import Event
from customers.actions import CustomerIsMerged
from customers.callers import caller_of_user
from customers.models import Customer, CustomerUser
from customers.preferences import REMINDERS
from customers.queries import get_statistics
from memberships.models import Membership
from orders.actions import place_order
from passports.models import PassportLink
from privacy.erase import erase
from privacy.merge import MOVED, AppointmentsOverlap, IntoItself, merge_customers
from repair_orders.actions import request_repair
from repair_orders.models import RepairOrder
from testing import factories
from testing.admin import page, press
from testing.storms import parallel
from vehicles.actions import add_vehicle
from vehicles.locks import VehicleNotOfCustomer
from vehicles.models import OdometerReading, Vehicle

pytestmark = pytest.mark.django_db
VIN = "1HGBH41JXMN109186"


def merge(customer, into, now, by=None):
    merge_customers(customer=customer, into=into, by=by and by.pk, now=now)


def columns():
    """Return every column that names a customer, histories aside."""
    for model in apps.get_models():
        if not issubclass(model, HistoricalChanges):
            for field in (*model._meta.concrete_fields, *model._meta.many_to_many):
                if field.related_model is Customer or field.name == "customer_id":
                    yield model, field.name


def test_merge_moves_every_column_that_names_a_customer():
    others = {(Vehicle, "customer"), (Customer, "merged_into")}
    assert set(columns()) == {*MOVED, *others}


def create_data(customer):
    vehicle = factories.VehicleFactory(customer=customer)
    factories.AppointmentFactory(customer=customer, vehicle=vehicle)
    factories.RepairOrderFactory(customer=customer, vehicle=vehicle, status="approved")
    factories.OrderFactory(customer=customer)
    factories.ConversationFactory(customer=customer)
    factories.NotificationFactory(customer=customer)
    factories.PhoneCallFactory(customer=customer)
    factories.ReminderFactory(mail__customer=customer)
    factories.TaxExemptionFactory(customer=customer)
    factories.InvitationFactory(customer=customer)
    factories.UploadFactory(owner=customer.contact, customer_id=customer.pk)
    factories.CustomerFactory(contact=None, merged_into=customer)
    opening = factories.InvoiceFactory(kind="opening", repair_order=None, customer=customer)
    factories.CreditNoteFactory(invoice=opening)
    factories.PaymentFactory(customer=customer)
    factories.StatementFactory(customer=customer, month=date(2026, customer.pk % 12 + 1, 1))


def owners():
    return {
        (model._meta.label, name): sorted(
            key for key in model._base_manager.values_list(name, flat=True) if key is not None
        )
        for model, name in columns()
    }


def test_everything_moves_and_history_says_by_whom(alice, bob, ada):
    for customer in (alice, bob):
        create_data(customer)
    merge(alice, bob, timezone.now(), by=ada)  # later than the history of the rows
    counts = dict.fromkeys(owners(), 2) | {("customers.Customer", "merged_into"): 3}
    assert owners() == {name: [bob.pk] * count for name, count in counts.items()}
    why = f"customer {alice.pk} merged into {bob.pk}"
    for row in (
        alice, bob, bob.vehicles.earliest("id"), bob.appointments.earliest("id"), bob.repair_orders.earliest("id"),
        bob.orders.earliest("id"), bob.conversations.earliest("id"),
    ):  # fmt: skip
        latest = row.history.latest()
        assert (latest.history_user, latest.history_change_reason) == (ada, why), row
    event = Event.objects.get(type="customers.customer.merged")
    assert (event.subject, event.payload) == (
        f"customers.customer:{alice.pk}", {"id": alice.pk, "uuid": str(alice.uuid), "into": bob.pk}
    )  # fmt: skip


def test_statement_of_a_month_that_both_have_stays_with_the_merged_customer(alice, bob, now):
    mine, twin = (factories.StatementFactory(customer=customer) for customer in (bob, alice))
    other = factories.StatementFactory(customer=alice, month=date(2026, 2, 1))
    merge(alice, bob, now)
    owners = dict(Statement.objects.values_list("pk", "customer"))
    assert owners == {mine.pk: bob.pk, twin.pk: alice.pk, other.pk: bob.pk}


def test_login_of_the_merged_customer_acts_for_the_kept_one(alice, bob, now):
    login = alice.contact
    merge(alice, bob, now)
    assert caller_of_user(login).customer_id == bob.pk
    assert set(bob.logins.values_list("user", flat=True)) == {login.pk, bob.contact_id}


def test_kept_customers_fields_win_and_empty_ones_are_filled(alice, bob, now):
    early, late = now - timedelta(days=900), now - timedelta(days=3)
    Customer.objects.filter(pk=alice.pk).update(
        customer_since=early, total_services=2, last_service_date=late, city="Shelbyville", tax_id="12-3456789",
        company_name="Cooper Haulage", emergency_contact_name="Eve", is_verified=True,
    )  # fmt: skip
    Customer.objects.filter(pk=bob.pk).update(total_services=1, emergency_contact_phone="(555) 010-1111")
    merge(alice, bob, now)
    kept = Customer.objects.values(
        "customer_since", "total_services", "last_service_date", "city", "tax_id", "company_name",
        "emergency_contact_name", "is_verified", "contact",
    ).get(pk=bob.pk)  # fmt: skip
    assert kept == {
        "customer_since": early, "total_services": 3, "last_service_date": late, "city": "Springfield",
        "tax_id": "12-3456789", "company_name": "Cooper Haulage", "emergency_contact_name": "",
        "is_verified": False, "contact": bob.contact_id,
    }  # fmt: skip
    given = Customer.objects.values("contact", "city", "company_name", "total_services", "merged_into").get(
        pk=alice.pk
    )
    assert given == {
        "contact": None, "city": "", "company_name": "", "total_services": 0, "merged_into": bob.pk
    }  # fmt: skip


def test_vehicle_that_both_have_becomes_one(alice, bob, now):
    mine = factories.VehicleFactory(customer=bob, vin=VIN)
    add = {"make": "Honda", "model": "Civic", "year": 2020, "by": None}
    twin = add_vehicle(customer=alice, vin=VIN, now=now, odometer=Decimal(500), **add)
    Vehicle.objects.filter(pk=twin.pk).update(dongle_id="OBD-1", dongle_connection="BLE")
    visit = factories.AppointmentFactory(customer=alice, vehicle=twin)
    order = factories.RepairOrderFactory(customer=alice, vehicle=twin)
    batch = factories.TelematicsBatchFactory(vehicle=twin)
    merge(alice, bob, now)
    for row in (mine, twin, visit, order, batch):
        row.refresh_from_db()
    assert (visit.vehicle, order.vehicle, batch.vehicle) == (mine, mine, twin)
    assert (twin.archived_at, twin.customer, twin.dongle_id) == (now, bob, None)
    assert (mine.continues, mine.dongle_id, mine.odometer, mine.odometer_at) == (twin, "OBD-1", 500, now)
    reading = OdometerReading.objects.get(vehicle=mine)
    assert (reading.miles, reading.source, reading.note) == (
        500, "IMPORT", f"Taken over from vehicle {twin.pk}."
    )  # fmt: skip


def test_overlapping_appointments_of_a_vehicle_that_both_have_are_named(alice, bob, now):
    visits = [
        factories.AppointmentFactory(
            vehicle=factories.VehicleFactory(customer=customer, vin=VIN), start=now, status=status
        )
        for customer, status in ((alice, "pending"), (bob, "in_progress"))
    ]
    with pytest.raises(AppointmentsOverlap) as error:
        merge(alice, bob, now)
    names = ", ".join(f"appointment {visit.pk} on {now:%Y-%m-%d at %H:%M}" for visit in visits)
    assert error.value.text == f"Cancel or move one of them first, they overlap: {names}."
    assert Vehicle.objects.filter(customer=alice, archived_at=None).count() == 1
    Appointment.objects.filter(pk=visits[0].pk).update(status="cancelled")
    merge(alice, bob, now)
    assert bob.appointments.count() == 2


def test_links_of_passports_of_the_merged_customer_are_withdrawn(alice, bob, now):
    kept = factories.PassportLinkFactory(vehicle__customer=bob)
    factories.PassportLinkFactory(vehicle__customer=alice)
    merge_customers(customer=alice, into=bob, by=None, now=now)
    assert list(PassportLink.objects.live(now)) == [kept]


@pytest.mark.parametrize(
    ("stored", "off"),
    [
        ({}, []),
        ({"put_off_reminders": True}, []),
        ({"put_off_reminders": False, "order_updates": False}, ["put_off_reminders"]),
        ({"email": False}, list(REMINDERS)),
    ],
)
def test_reminders_that_the_merged_customer_stopped_stay_stopped(alice, bob, now, stored, off):
    Customer.objects.filter(pk=alice.pk).update(notification_preferences=stored)
    before = bob.notification_preferences
    merge_customers(customer=alice, into=bob, by=None, now=now)
    bob.refresh_from_db()
    assert bob.notification_preferences == before | dict.fromkeys(off, False)


def test_unit_number_that_both_have_stays_with_the_kept_customers_vehicle(alice, bob, now):
    mine = factories.VehicleFactory(customer=bob, unit_number="A1")
    other = factories.VehicleFactory(customer=alice, unit_number="A1")
    merge(alice, bob, now)
    assert dict(Vehicle.objects.values_list("pk", "unit_number")) == {mine.pk: "A1", other.pk: ""}


class TestPointsAndMemberships:
    def test_contact_who_can_sign_in_keeps_theirs(self, alice, bob, now):
        for customer in (alice, bob):
            book_points(user_id=customer.contact_id, points=5, reason="x", now=now)
            factories.MembershipFactory(user=customer.contact)
        contacts = {alice.contact, bob.contact}
        merge(alice, bob, now)
        assert set(User.objects.filter(rewards_balance=5)) == contacts
        assert Membership.objects.active().count() == 2

    @pytest.fixture
    def walk_in(self, now):
        customer = factories.CustomerFactory(contact__email=None)
        customer.contact.set_unusable_password()
        customer.contact.save()
        book_points(user_id=customer.contact_id, points=7, reason="x", now=now)
        factories.MembershipFactory(user=customer.contact)
        return customer

    def test_spent_points_go_back_to_the_kept_contact(self, walk_in, bob, now):
        spent = factories.OrderDiscountFactory(
            repair_order__customer=walk_in, kind="points", source_id=walk_in.contact_id
        )
        old = walk_in.contact_id
        plan = factories.OrderDiscountFactory(repair_order__customer=walk_in, source_id=old)
        merge(walk_in, bob, now)
        spent.refresh_from_db()
        plan.refresh_from_db()
        assert (spent.source_id, plan.source_id) == (bob.contact_id, old)

    def test_those_of_a_contact_who_cannot_sign_in_move(self, walk_in, bob, now):
        old = walk_in.contact_id
        merge(walk_in, bob, now)
        assert Membership.objects.active().get().user == bob.contact
        balances = dict(User.objects.values_list("pk", "rewards_balance"))
        assert (balances[old], balances[bob.contact_id]) == (0, 7)
        why = f"Customer {walk_in.pk} merged into {bob.pk}"
        assert list(RewardEntry.objects.order_by("id").values_list("user", "points", "reason"))[1:] == [
            (old, -7, why), (bob.contact_id, 7, why),
        ]  # fmt: skip

    def test_kept_contacts_membership_wins(self, walk_in, bob, now):
        own, old = factories.MembershipFactory(user=bob.contact), walk_in.contact
        merge(walk_in, bob, now)
        assert Membership.objects.active().get() == own
        assert Membership.objects.get(user=old).status == "cancelled"


def test_merged_customers_are_not_merged_again(alice, bob, now):
    third = factories.CustomerFactory()
    merge(alice, bob, now)
    before = owners()
    for customer, into in ((alice, third), (third, alice)):
        with pytest.raises(CustomerIsMerged) as error:
            merge(customer, into, now)
        assert error.value.text == f"Customer {alice.pk} is merged into customer {bob.pk}."
    with pytest.raises(IntoItself):
        merge(bob, bob, now)
    assert owners() == before
    merge(bob, third, now)
    assert set(third.merged.values_list("pk", flat=True)) == {alice.pk, bob.pk}


def test_merged_customer_is_in_no_list_and_no_statistics(alice, bob, now):
    merge(alice, bob, now)
    assert list(Customer.objects.current()) == [bob]
    assert get_statistics(now=now)["total_customers"] == 1


def test_erasure_clears_the_merged_customer_too(alice, bob, now):
    Customer.objects.filter(pk=alice.pk).update(tax_id="plugh-1")
    alice.refresh_from_db()
    alice.save()
    CustomerUser.objects.filter(customer=alice).delete()
    merge(alice, bob, now)
    erase(bob.contact, now=now)
    assert not Customer.history.filter(tax_id__startswith="plugh").exists()
    assert not Customer.history.exclude(contact=None).exists()


class TestApi:
    def url(self, customer):
        return f"/api/shop/customers/{customer.pk}/merge/"

    def test_answer_is_the_kept_customer_and_so_is_the_merged_id(self, alice, bob, as_ada, ada, now):
        response = as_ada.post(self.url(alice), {"into_id": bob.pk}, format="json")
        kept = as_ada.get(f"/api/shop/customers/{bob.pk}/").json()
        assert (response.status_code, response.json()) == (200, kept)
        assert (kept["id"], kept["merged_ids"], kept["name"]) == (bob.pk, [alice.pk], "Bob Baker")
        assert as_ada.get(f"/api/shop/customers/{alice.pk}/").json() == kept
        crm = as_ada.get(f"/api/v1/customers/{alice.uuid}/")
        assert (crm.status_code, crm.json()["id"]) == (200, str(bob.uuid))
        assert Customer.objects.get(pk=alice.pk).history.latest().history_user == ada
        listed = as_ada.get("/api/shop/customers/").json()["results"]
        assert [row["id"] for row in listed] == [bob.pk]

    def test_refusals(self, alice, bob, as_ada, now):
        response = as_ada.post(self.url(alice), {"into_id": alice.pk}, format="json")
        text = "A customer cannot be merged into itself."
        assert (response.status_code, response.json()) == (
            400, {"error": "Same customer", "detail": text, "fields": {"into_id": [text]}, "code": "merge_into_itself"}
        )  # fmt: skip
        response = as_ada.post(self.url(alice), {"into_id": 999_999}, format="json")
        assert (response.status_code, response.json()) == (
            404, {"error": "Not found", "detail": "Customer not found.", "code": "not_found"}
        )  # fmt: skip
        merge(alice, bob, now)
        gone = {
            "error": "Customer is merged",
            "detail": f"Customer {alice.pk} is merged into customer {bob.pk}.",
            "code": "customer_is_merged",
        }
        for again in (
            as_ada.post(self.url(alice), {"into_id": bob.pk}, format="json"),
            as_ada.patch(f"/api/shop/customers/{alice.pk}/", {"city": "X"}, format="json"),
        ):
            assert (again.status_code, again.json()) == (409, gone)

    def test_page_of_the_merged_customer_leads_to_the_kept_one(self, desk, alice, bob):
        assert press(desk, alice, "merge", into=bob.pk) == ["The customers were merged."]
        response = desk.get(page(alice))
        assert (response.status_code, response["Location"]) == (302, page(bob))
        assert str(alice.pk) in desk.get(page(bob)).content.decode()


def test_work_for_a_customer_who_was_merged_meanwhile_is_refused(alice, bob, ada, now):
    stale, caller, part = (
        Customer.objects.get(pk=alice.pk),
        caller_of_user(ada),
        factories.PartFactory(stock=5),
    )
    merge(alice, bob, now)
    before = owners()
    for verb in (
        lambda: add_vehicle(customer=stale, by=None, now=now, make="A", model="B", year=2020),
        lambda: place_order(customer_id=stale.pk, items=[(part.pk, 1)], now=now),
        lambda: start_conversation(by=caller, customer=stale, subject="x", message="", now=now),
    ):
        with pytest.raises(CustomerIsMerged):
            verb()
    part.refresh_from_db()
    assert (owners(), part.stock) == (before, 5)


def test_of_two_invitations_of_one_address_the_kept_customers_waits(alice, bob, now):
    given = factories.InvitationFactory(customer=alice, email="eve@example.com")
    kept = factories.InvitationFactory(customer=bob, email="eve@example.com")
    merge(alice, bob, now)
    assert dict(bob.invitations.values_list("pk", "withdrawn_at")) == {given.pk: now, kept.pk: None}


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_parallel_merges_orders_and_vehicles_leave_nothing_with_a_merged_customer(now):
    pairs = [(factories.CustomerFactory(), factories.CustomerFactory()) for _ in range(3)]
    vehicles = [factories.VehicleFactory(customer=given) for given, _ in pairs]

    def work(number):
        given, kept = (Customer.objects.get(pk=row.pk) for row in pairs[number % 3])
        match number // 3:
            case 0:
                return merge_customers(customer=given, into=kept, by=None, now=now)
            case 1:
                return merge_customers(customer=kept, into=given, by=None, now=now)
            case 2:
                return add_vehicle(customer=given, by=None, now=now, make="A", model="B", year=2020)
            case _:
                vehicle = Vehicle.objects.get(pk=vehicles[number % 3].pk)
                return request_repair(customer=given, vehicle=vehicle, description="Rattles", now=now)

    outcomes = parallel(12, work)
    for outcome in outcomes:
        assert outcome is None or isinstance(
            outcome, Vehicle | RepairOrder | CustomerIsMerged | VehicleNotOfCustomer
        ), outcome
    merged = Customer.objects.exclude(merged_into=None)
    assert merged.count() == 3
    for model, name in columns():
        if model is not Customer:
            assert not model._base_manager.filter(
                **{f"{name}__in": list(merged.values_list("pk", flat=True))}
            ).exists()


def test_export_of_a_person_has_the_merged_customer(alice, bob, now, tmp_path):
    CustomerUser.objects.filter(customer=alice).delete()
    merge(alice, bob, now)
    call_command("export_person", bob.contact.email, str(tmp_path / "bob.zip"))
    with ZipFile(tmp_path / "bob.zip") as archive:
        exported = json.loads(archive.read("customers.customer.json"))
    assert {row["id"] for row in exported} == {alice.pk, bob.pk}
