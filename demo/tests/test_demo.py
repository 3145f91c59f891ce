"""The demo data: documented accounts, printed ids, and loading into an empty database only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import transaction

from accounts.models import User
from appointments.models import Appointment, Location, Technician
from billing.models import Payment
from billing.queries import get_account
from catalogue.models import Part, Service
from customers.models import Customer
from demo import loader, shop
from demo.numbering import continue_after
from memberships.models import Plan
from orders.models import Order
from repair_orders.models import PartLine, RepairOrder
from repair_orders.queries import totals_of
from testing.factories import OrderFactory, PartFactory, UserFactory
from vehicles.models import Vehicle

pytestmark = pytest.mark.django_db
APPS = (
    "common", "accounts", "files", "customers", "vehicles", "appointments", "repair_orders", "orders", "billing",
    "inspections", "passports",
    "memberships", "chat",
)  # fmt: skip


def all_rows():
    models = [model for model in apps.get_models() if model._meta.app_label in APPS]
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in models}


@pytest.fixture
def loaded(now):
    assert loader.load(now=now) is True
    return now


class TestCommand:
    def test_command_reports_result(self, capsys):
        call_command("demo")
        assert capsys.readouterr().out == "Demo data loaded.\n"
        call_command("demo")
        assert capsys.readouterr().out == "The demo data is already loaded. Nothing changed.\n"

    def test_command_refuses_database_with_rows(self):
        UserFactory()
        with pytest.raises(CommandError, match="holds rows that are not demo data"):
            call_command("demo")
        assert User.objects.count() == 1


@pytest.mark.usefixtures("loaded")
def test_second_load_changes_nothing(now):
    before = all_rows()
    assert loader.load(now=now + timedelta(days=3)) is False
    assert all_rows() == before


@pytest.mark.parametrize(
    "make",
    [
        UserFactory,
        PartFactory,
        lambda: Plan.objects.create(name="Mine", tier="basic", price=1),
        lambda: Location.objects.create(name="Mine", latitude=0, longitude=0, time_zone="UTC"),
    ],
    ids=["a user", "a part", "a plan", "a location"],
)
def test_database_with_other_rows_is_refused(now, make):
    make()
    before = all_rows()
    with pytest.raises(loader.NotEmpty):
        loader.load(now=now)
    assert all_rows() == before


def test_loads_after_rolled_back_load(now):
    with transaction.atomic():
        loader.load(now=now)
        transaction.set_rollback(True)
    assert loader.load(now=now) is True


def test_loads_after_rolled_back_rows_with_ids_below_printed_one(now):
    with transaction.atomic():
        OrderFactory(id=115)
        continue_after(Order)
        transaction.set_rollback(True)
    assert loader.load(now=now) is True
    assert Order.objects.filter(id=123, status="shipped").exists()


def test_loads_after_deleted_users_with_ids_below_printed_one(now):
    """The staff of the demo have no printed ids, and must not take that of the first customer."""
    UserFactory(id=shop.USER_ID - 1).delete()
    User.history.all().delete()
    assert loader.load(now=now) is True
    assert User.objects.get(email=shop.EMAIL).pk == shop.USER_ID


@pytest.mark.usefixtures("loaded")
def test_next_rows_get_free_ids(now):
    user = User.objects.create_user("next@example.com", "a password")
    assert user.pk > 71
    assert Part.objects.create(name="Next", part_number="NEXT", unit_price=1).pk > 136
    assert Service.objects.create(name="Next", labor_cost=1).pk > 134
    assert Customer.objects.create(customer_since=now).pk > 19
    assert Technician.objects.create(name="Next").pk > 27
    vehicle = Vehicle.objects.create(customer_id=19, vin="1HGBH41JXMN000001", make="A", model="B", year=2020)
    assert vehicle.pk > 41
    order = RepairOrder.objects.create(customer_id=19, vehicle=vehicle, created_at=now)
    assert order.pk > 9
    job = order.jobs.create(position=1, name="Brakes")
    line = PartLine(repair_order=order, job=job, part_id=136, unit_price=1, amount=1, taxable=True)
    line.save()
    assert line.pk > 21


DAYS = {
    "a Monday": datetime(2026, 11, 23, 12, tzinfo=UTC),
    "a Saturday": datetime(2026, 11, 21, 3, tzinfo=UTC),
    "a Sunday": datetime(2026, 11, 22, 23, 59, tzinfo=UTC),
    "clocks go forward": datetime(2026, 3, 8, 7, 30, tzinfo=UTC),
    "clocks go back": datetime(2026, 11, 1, 5, 30, tzinfo=UTC),
    "a leap day": datetime(2028, 2, 29, 0, 30, tzinfo=UTC),
    "new year": datetime(2027, 1, 1, 4, 59, tzinfo=UTC),
}


@pytest.mark.slow
@pytest.mark.parametrize("day", DAYS)
def test_dates_fit_statuses_on_any_day(day):
    now = DAYS[day]
    loader.load(now=now)
    for appointment in Appointment.objects.select_related("location"):
        assert (appointment.start > now) is (appointment.status == "pending")
        assert appointment.start < appointment.end
        times = [
            getattr(appointment, f"{name}_at") for name in ("assigned", "started", "completed", "cancelled")
        ]
        assert all(time <= now for time in times if time)
    for order in RepairOrder.objects.all():
        times = [
            order.created_at,
            order.estimated_at,
            order.approved_at,
            order.started_at,
            order.completed_at,
        ]
        times = [time for time in times if time]
        assert times == sorted(times)
        assert all(time <= now for time in [*times, order.denied_at] if time)
        if order.status == "completed":
            assert order.total_cost == totals_of(order).total
        else:
            assert order.total_cost is None
        if order.status != "requested":
            assert (totals_of(order).subtotal > 0) is (order.comeback_of is None)
    for payment in Payment.objects.all():
        assert payment.posted_at <= now
    for customer in Customer.objects.filter(invoices__isnull=False).distinct():
        account = get_account(customer.pk, now=now)
        owed = sum(account.ageing.values())
        assert account.balance == owed - account.open_payments - account.deposits
    totals = RepairOrder.objects.filter(status="completed").values_list("total_cost", flat=True)
    assert all(isinstance(total, Decimal) for total in totals)
