"""The rows of the demo data: documented accounts, printed ids, and what each customer has."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db.models import Count

from accounts.models import Device, RewardEntry, User
from appointments.models import Appointment, Location, ServiceType, Technician
from catalogue.models import VendorOrder
from catalogue.pricing.models import CannedJob
from catalogue.pricing.queries import get_price
from chat.models import Conversation
from customers.models import Customer, PhoneCall
from inspections.models import ADVISED, Finding, Template
from memberships.models import Offer, Plan
from repair_orders.models import PartLine, RepairOrder, ServiceLine
from repair_orders.pricing.models import FeeRule, LabourRate, OverrunPolicy, TaxRule
from repair_orders.pricing.money import ceiling, fee_amount
from repair_orders.pricing.queries import get_labour_rate, get_overrun_policy
from vehicles.models import Recommendation, Vehicle
from vehicles.telematics.queries import get_samples, get_summary

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo")]


@pytest.fixture
def now(demo):
    """Return the time at which the demo was loaded."""
    return demo


LOGINS = {
    "alice.cooper@customer.com": ("password123", "customer"),
    "fleet@rswind.example": ("fleet12345", "customer"),
    "approver@rswind.example": ("approver12345", "customer"),
    "viewer@rswind.example": ("viewer12345", "customer"),
    "business@example.com": ("business12345", "customer"),
    "john@example.com": ("securepassword123", "customer"),
    "ali.jawad@example.com": ("customer123", "customer"),
    "tech@test.com": ("technician123", "technician"),
    "admin@example.com": ("admin12345", "admin"),
    "advisor@garage.example": ("advisor12345", "advisor"),
    "manager@garage.example": ("manager12345", "manager"),
    "tara@garage.example": ("technician12345", "technician"),
}


class TestRows:
    def test_documented_passwords_sign_in(self, api):
        with_password = User.objects.exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX)
        assert dict(with_password.values_list("email", "role")) == {
            email: role for email, (_, role) in LOGINS.items()
        }
        for email, (password, _) in LOGINS.items():
            body = {"email": email, "password": password}
            assert api.post("/api/token/", body, format="json").status_code == 200
        assert list(User.objects.filter(is_superuser=True).values_list("email", flat=True)) == [
            "admin@example.com"
        ]

    def test_each_role_of_staff_has_a_first_page(self, client):
        for email, page in (
            ("tara@garage.example", "/admin/my-jobs/"),
            ("advisor@garage.example", "/admin/today/"),
            ("manager@garage.example", "/admin/money/"),
            ("admin@example.com", "/admin/today/"),
        ):
            client.force_login(User.objects.get(email=email))
            assert client.get("/admin/")["Location"] == page
        assert Technician.objects.get(user__email="tara@garage.example").name == "Tara Wrench"

    def test_readme_and_design_name_each_login(self):
        for name in ("README.md", "docs/design/operations.md"):
            text = (settings.BASE_DIR / name).read_text()
            for email, (password, _) in LOGINS.items():
                assert (email in text, password in text) == (True, True), (name, email)

    def test_desk_has_parts_on_order_and_a_call_to_make(self):
        [ordered], [call] = VendorOrder.objects.all(), PhoneCall.objects.select_related("by")
        assert (ordered.part.part_number, ordered.pieces, ordered.vendor) == ("WB-2416", 40, "NAPA")
        assert (call.outcome, call.by.email) == ("Left a message.", "advisor@garage.example")
        assert Recommendation.objects.filter(vehicle__customer=call.customer, status="open").exists()

    def test_ids_printed_in_contract_000(self):
        alice = Customer.objects.get(pk=19)
        assert (alice.contact_id, alice.name, alice.address) == (
            71, "Alice Cooper", "123 Elm St, Springfield, NY 10001"
        )  # fmt: skip
        assert (alice.contact.email, alice.contact.phone) == ("alice.cooper@customer.com", "(555) 714-5422")
        technician = Technician.objects.get(pk=27)
        assert (technician.name, technician.email, technician.role, technician.user_id) == (
            "Test Technician", "tech@test.com", "technician", None
        )  # fmt: skip
        assert User.objects.get(pk=27).email == "tech@test.com"
        appointment = Appointment.objects.values(
            "vehicle_id", "customer_id", "technician_id", "status", "description"
        ).get(pk=53)
        assert tuple(appointment.values()) == (
            40, 19, 27, "pending", "Oil change and tire rotation"
        )  # fmt: skip
        civic = Vehicle.objects.values("make", "model", "year", "license_plate", "vin", "color").get(pk=40)
        assert civic == {
            "make": "Honda", "model": "Civic", "year": 2020, "license_plate": "ABC-123",
            "vin": "1HGBH41JXMN109186", "color": "Silver",
        }  # fmt: skip
        order = RepairOrder.objects.get(pk=9)
        assert (order.customer_id, order.vehicle_id, order.status) == (19, 27, "in_progress")
        assert PartLine.objects.get(pk=21).part_id == 136
        assert ServiceLine.objects.get(pk=18).service_id == 134
        assert (
            PartLine.objects.get(pk=21).repair_order_id,
            ServiceLine.objects.get(pk=18).repair_order_id,
        ) == (9, 9)

    def test_alice(self):
        alice = Customer.objects.get(pk=19)
        assert alice.vehicles.count() == 3
        assert alice.appointments.count() == 7
        orders = list(alice.repair_orders.all())
        assert len(orders) == 16
        lines = [order.part_lines.count() + order.service_lines.count() for order in orders]
        assert set(lines) <= {2, 3, 4}
        assert len({order.tax_percent for order in orders}) > 2
        assert any(order.discount_percent for order in orders)
        assert any(order.discount_amount for order in orders)
        assert PartLine.objects.filter(repair_order__customer=alice, taxable=False).exists()
        assert alice.total_services == sum(order.status == "completed" for order in orders)

    def test_fleet(self):
        fleet = Customer.objects.get(contact__email="fleet@rswind.example")
        orders = fleet.repair_orders.select_related("vehicle")
        units = Counter(order.vehicle.unit_number for order in orders)
        assert (len(orders), units["A123"], units["B456"]) == (27, 8, 5)
        assert Counter(order.status for order in orders) == {
            "requested": 5, "pending": 3, "approved": 2, "in_progress": 4, "completed": 12, "denied": 1
        }  # fmt: skip
        assert (fleet.name, fleet.total_services) == ("RS Wind", 12)
        assert fleet.vehicles.filter(repair_orders=None).exists()
        assert len({(order.created_at.year, order.created_at.month) for order in orders}) >= 12

    def test_business(self):
        business = Customer.objects.get(contact__email="business@example.com")
        assert business.is_verified
        empty = [
            field.name
            for field in Customer._meta.get_fields()
            if field.concrete and getattr(business, field.name) in ("", None)
        ]
        assert empty == ["merged_into"]

    def test_john(self, now):
        john = User.objects.get(email="john@example.com")
        customer = john.customer_login.customer
        assert (john.full_name, john.phone, john.referral_code) == ("John Doe", "+1234567890", "REF-ABC123")
        assert john.memberships.get().plan.tier == "plus"
        assert not Device.objects.exists()
        vehicle = customer.vehicles.get()
        assert vehicle.vin != "1HGBH41JXMN109186"
        assert vehicle.dongle_id
        appointment = customer.appointments.get()
        assert now < appointment.start < now + timedelta(days=8)
        assert [service.code for service in appointment.services.order_by("id")] == [
            "oil_change",
            "tire_rotation",
        ]

    def test_points_of_john_match_ledger(self):
        john = User.objects.get(email="john@example.com")
        referral = john.referrals.get()
        assert (referral.code, referral.status) == ("REF-ABC123", "credited")
        assert referral.rewards_applied == {"points": john.rewards_balance}
        ledger = RewardEntry.objects.filter(user=john)
        assert [(entry.referral, entry.points) for entry in ledger] == [(referral, john.rewards_balance)]
        first_order = RepairOrder.objects.get(customer__contact=referral.referred)
        assert first_order.status == "completed"
        assert first_order.completed_at == ledger[0].created_at

    def test_john_drove_for_seven_days(self, now):
        vehicle = Vehicle.objects.get(customer__contact__email="john@example.com")
        week = get_samples(vehicle_id=vehicle.pk, since=None, until=None)
        days = {datetime.fromtimestamp(t / 1000, ZoneInfo("America/New_York")).date() for t in week.t}
        assert len(days) == 7
        assert max(week.t) <= now.timestamp() * 1000
        assert list(week.odometer) == sorted(week.odometer)
        assert vehicle.odometer == Decimal(str(week.odometer[-1]))
        assert (min(week.speed), max(week.speed) < 75) == (0, True)
        summary = get_summary(vehicle_id=vehicle.pk, since=None, until=None)
        assert 100 < summary.distance < 400
        assert 15 < summary.distance / summary.fuel < 45  # miles per gallon

    def test_conversation_of_john_has_messages_of_both_sides(self):
        conversation = Conversation.objects.get(customer__contact__email="john@example.com")
        messages = conversation.messages.order_by("number")
        assert [message.is_support for message in messages] == [False, True, False, True]
        assert conversation.status == "in_progress"
        assert conversation.last_message == messages.last()

    def test_plans_and_offers(self, now):
        plans = Plan.objects.order_by("price").values_list("tier", flat=True)
        assert list(plans) == ["basic", "plus", "premium"]
        spring = Offer.objects.get(title="Spring Maintenance Special")
        assert spring.description == "20% off all maintenance services"
        assert (spring.for_basic, spring.for_plus, spring.for_premium) == (True, True, False)
        assert spring.locations.count() == 1
        assert Offer.objects.filter(expiry__gt=now).count() == 4
        assert Offer.objects.filter(expiry__lt=now).count() == 1

    def test_catalogue(self):
        assert [place.bays.count() for place in Location.objects.order_by("id")] == [2, 2]
        assert {"oil_change", "tire_rotation"} <= set(ServiceType.objects.values_list("code", flat=True))

    def test_only_the_second_location_has_rules_of_prices(self):
        first, second = Location.objects.order_by("id")
        assert (first.is_default, second.is_default) == (True, False)
        for model in (TaxRule, FeeRule, OverrunPolicy):
            assert list(model.objects.values_list("location", flat=True)) == [second.pk], model
        rates = LabourRate.objects.order_by("id").values_list("location", flat=True)
        assert list(rates) == [second.pk, first.pk]
        assert str(get_labour_rate(second).per_hour) == "129.95"
        assert TaxRule.objects.get().percent == Decimal("8.875")
        assert str(fee_amount(FeeRule.objects.get(), Decimal("609.81"), Decimal(0))) == "25.00"
        assert str(ceiling(get_overrun_policy(second), Decimal("491.56"))) == "540.71"
        assert str(get_price(Decimal("4.00")).amount) == "12.00"
        jobs = CannedJob.objects.order_by("id").values_list("name", Count("lines"))
        assert list(jobs) == [("Oil change, synthetic", 3), ("Front brakes", 3), ("State inspection", 2)]

    def test_declined_oil_change_is_recommended(self):
        canned = CannedJob.objects.get(name="Oil change, synthetic")
        rows = Recommendation.objects.filter(code=f"canned:{canned.pk}")
        assert list(rows.values_list("text", "amount", "status", "jobs__status")) == [
            ("Oil change, synthetic\nOil change is due", Decimal("141.94"), "open", "declined")
        ]


def test_ali():
    ali = Customer.objects.get(contact__email="ali.jawad@example.com")
    orders = Counter(ali.orders.values_list("status", flat=True))
    assert (orders.total(), orders["shipped"]) == (12, 1)
    assert not orders["placed"] + orders["confirmed"] + orders["packed"]
    assert ali.orders.get(pk=123).tracking_number == "TRK123456789"
    states = Counter(ali.conversations.exclude(support_ticket=None).values_list("status", flat=True))
    assert states == {"open": 1, "in_progress": 1, "resolved": 2, "closed": 1}
    assert ali.conversations.get(support_ticket=456).status == "open"
    assert Counter(ali.notifications.values_list("read", flat=True)) == {True: 2, False: 2}


def test_inspections_of_alice_and_the_fleet_advise_work():
    columns = (
        "inspection__name",
        "inspection__repair_order__customer__contact__first_name",
        "name",
        "rating",
    )
    advised = Finding.objects.filter(rating__in=ADVISED, inspection__finished_at__isnull=False)
    assert list(advised.order_by("id").values_list(*columns)) == [
        ("Courtesy inspection", "Alice", "Air filter", "yellow"),
        ("Courtesy inspection", "Alice", "Brake pads, front", "red"),
        ("Brake inspection", "Rosa", "Brake pads, rear", "yellow"),
    ]
    standing = Recommendation.objects.filter(source="inspection", status="open")
    assert standing.count() == 3
    assert list(
        Template.objects.order_by("id").annotate(size=Count("items")).values_list("name", "size")
    ) == [
        ("Courtesy inspection", 16),
        ("Brake inspection", 4),
    ]
