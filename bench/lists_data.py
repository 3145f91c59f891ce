"""The database of the lists: 200 customers with 16 rows of everything, and a manager.

The database (`BENCH_LISTS_DB`, default `garage_bench_lists`) is built with `bulk_create` and kept for the next run.
Future dates are in 2099, so that the lists hold the same rows whenever they are read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from bench.servers import ENV, ensure_database, use_django

CUSTOMERS, EACH, MESSAGES = 200, 16, 50
START, AHEAD = datetime(2025, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)
ENVIRONMENT = {**ENV, "DB_NAME": os.environ.get("BENCH_LISTS_DB", "garage_bench_lists")}


@dataclass(frozen=True)
class Subject:
    """The callers: a customer with a token and a session cookie, and a manager with a token. `thread` is the customer's."""

    token: str
    cookie: str
    manager: str
    thread: str

    def token_for(self, work: str) -> str:
        """Return the credentials of a list: the fleet takes a session cookie, the crm a token of staff."""
        return {"fleet": self.cookie, "crm": self.manager}.get(work.partition(":")[0], self.token)


def prepare() -> Subject:
    """Set Django up over the database and build it if it is missing."""
    ensure_database(ENVIRONMENT["DB_NAME"])
    use_django(ENVIRONMENT)
    from django.core.management import call_command
    from django.db import connection
    from django.utils import timezone

    from accounts.actions import open_session
    from accounts.models import User
    from chat.models import Conversation

    call_command("migrate", verbosity=0)
    if not User.objects.filter(email="manager@bench.example").exists():
        print(f"building {CUSTOMERS} customers and their rows …", flush=True)
        call_command("flush", verbosity=0, interactive=False)
        build()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    driver, manager = (User.objects.get(email=f"{name}@bench.example") for name in ("driver0", "manager"))
    subject = Subject(
        token=open_session(user=driver, now=timezone.now()).access,
        cookie=cookie_of(driver),
        manager=open_session(user=manager, now=timezone.now()).access,
        thread=str(Conversation.objects.get(customer__contact=driver, last_number=MESSAGES).uuid),
    )
    connection.close()
    return subject


def cookie_of(user: Any) -> str:
    """Return the `Cookie` header of a user who signed in on a page."""
    from django.conf import settings
    from django.test import Client

    client = Client()
    client.force_login(user)
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


def build() -> None:
    """Create all rows. The manager is created last, so that an interrupted build starts again."""
    from accounts.models import User
    from common.domain.caller import Role

    customers = _customers()
    vehicles = _vehicles(customers)
    locations = _locations()
    parts = _parts()
    _appointments(vehicles)
    _repair_orders(vehicles, parts)
    _orders(customers, parts)
    _chat(customers)
    _notifications(customers)
    _offers(customers, locations)
    User.objects.create_user("manager@bench.example", role=Role.MANAGER)


def _bulk(model: Any, rows: Iterator[Any]) -> list[Any]:
    return list(model.objects.bulk_create(rows, batch_size=2_000))


def _customers() -> list[Any]:
    from accounts.models import User
    from customers.models import Customer, CustomerUser

    users = _bulk(
        User,
        (
            User(email=f"driver{n}@bench.example", first_name=f"Driver{n}", last_name="Bench",
                 phone="(555) 010-0000", password="!")
            for n in range(CUSTOMERS)
        ),
    )  # fmt: skip
    customers = _bulk(
        Customer,
        (
            Customer(contact=user, street_address="123 Elm St", city="Springfield", state="NY",
                     postal_code="10001", company_name="Bench Ltd" if n % 4 == 0 else "",
                     customer_since=START + timedelta(hours=n))
            for n, user in enumerate(users)
        ),
    )  # fmt: skip
    _bulk(
        CustomerUser,
        (CustomerUser(customer=own, user=user) for own, user in zip(customers, users, strict=True)),
    )
    return customers


def _vehicles(customers: list[Any]) -> list[Any]:
    """Create 16 vehicles per customer, in the order of the customers."""
    from vehicles.models import Vehicle

    return _bulk(
        Vehicle,
        (
            Vehicle(customer=customer, vin=f"1HGBH41JXMN{n:06d}", make="Honda", model="Civic", trim="EX", year=2020,
                    license_plate=f"BCH-{n}", unit_number=f"Unit {n:02}", color="Silver", fuel_type="gasoline",
                    odometer=Decimal(15_000 + n))
            for customer in customers
            for n in range(EACH)
        ),
    )  # fmt: skip


def _locations() -> list[Any]:
    """Create five locations that open six days a week, with two bays each."""
    from appointments.models import Bay, Location, OpeningHours

    locations = _bulk(
        Location,
        (
            Location(name=f"Garage {n}", address=f"{n}00 Main St", latitude=Decimal("40.7128") + n,
                     longitude=Decimal("-74.006"), phone="(555) 010-0100", time_zone="America/New_York")
            for n in range(5)
        ),
    )  # fmt: skip
    _bulk(
        OpeningHours,
        (
            OpeningHours(location=location, weekday=day, opens=time(8), closes=time(18))
            for location in locations
            for day in range(6)
        ),
    )
    _bulk(Bay, (Bay(location=location, name=f"Bay {n}") for location in locations for n in range(2)))
    return locations


def _parts() -> list[Any]:
    from catalogue.models import Part

    return _bulk(
        Part,
        (
            Part(name=f"Part {n:03}", part_number=f"P-{n}", manufacturer="Valvoline",
                 unit_price=Decimal(n * 7 + 99) / 100, taxable=n % 5 != 0, stock=n, is_stocked=True)
            for n in range(200)
        ),
    )  # fmt: skip


def _appointments(vehicles: list[Any]) -> None:
    """Create an appointment with two services for each vehicle. Half are completed, half are in the future."""
    from appointments.models import Appointment, Bay, ServiceType

    bays = list(Bay.objects.order_by("id"))
    services = _bulk(
        ServiceType, (ServiceType(code=f"service_{n}", name=f"Service {n}", minutes=15) for n in range(8))
    )

    def appointments() -> Iterator[Appointment]:
        for number, vehicle in enumerate(vehicles):
            customer, n = divmod(number, EACH)
            bay = bays[customer % len(bays)]
            is_over = n < EACH // 2
            start = (START if is_over else AHEAD) + timedelta(days=n, minutes=30 * (customer // len(bays)))
            yield Appointment(
                customer_id=vehicle.customer_id, vehicle=vehicle, bay=bay, location_id=bay.location_id,
                start=start, end=start + timedelta(minutes=30), status="completed" if is_over else "pending",
                completed_at=start + timedelta(minutes=30) if is_over else None,
            )  # fmt: skip

    through = Appointment.services.through
    booked = _bulk(Appointment, appointments())
    through.objects.bulk_create(
        through(appointment=appointment, servicetype=services[n % 4 + 4 * step])
        for n, appointment in enumerate(booked)
        for step in range(2)
    )


def _repair_orders(vehicles: list[Any], parts: list[Any]) -> None:
    """Create an open repair order per vehicle, a month apart, with two part lines and two service lines."""
    from catalogue.models import Service
    from repair_orders.models import Job, PartLine, RepairOrder, ServiceLine

    states = ["requested", "pending", "approved", "in_progress"]
    services = _bulk(
        Service, (Service(name=f"Service {n}", labor_cost=Decimal(n * 13 + 2500) / 100) for n in range(100))
    )
    orders = _bulk(
        RepairOrder,
        (
            RepairOrder(customer_id=vehicle.customer_id, vehicle=vehicle, status=states[n % 4],
                        description="It squeals when it brakes", notes="Front pads are worn",
                        discount_percent=Decimal("10.00") if n % 3 == 0 else Decimal("0.00"),
                        tax_percent=Decimal("8.25"), created_at=START + timedelta(days=31 * (n % EACH)))
            for n, vehicle in enumerate(vehicles)
        ),
    )  # fmt: skip

    jobs = _bulk(
        Job,
        (
            Job(repair_order=order, position=1, name="Service", is_draft=False,
                status="approved" if order.status in ("approved", "in_progress") else "proposed")
            for order in orders
        ),
    )  # fmt: skip

    def lines(kind: Any, relation: str, stock: list[Any], **of: str) -> Iterator[Any]:
        texts = [name for name in ("part_number", "manufacturer", "description") if hasattr(stock[0], name)]
        for n, order in enumerate(orders):
            for step in range(2):
                sold = stock[(n * 31 + step) % len(stock)]
                values = {name: getattr(sold, source) for name, source in of.items()}
                values |= {
                    name: getattr(sold, name) for name in (*texts, "name", "taxable", "warranty_months")
                }
                yield kind(repair_order=order, job=jobs[n], **{relation: sold}, **values)

    _bulk(PartLine, lines(PartLine, "part", parts, unit_price="unit_price", amount="unit_price"))
    _bulk(ServiceLine, lines(ServiceLine, "service", services, amount="labor_cost"))


def _orders(customers: list[Any], parts: list[Any]) -> None:
    """Create 16 delivered orders of three items per customer, and a return of the first item of each order."""
    from orders.models import Order, OrderItem, ReturnLine, ReturnRequest

    def orders() -> Iterator[Order]:
        for customer in customers:
            for n in range(EACH):
                at = START + timedelta(days=n)
                yield Order(
                    customer=customer, status="delivered", created_at=at, expires_at=at, confirmed_at=at,
                    packed_at=at, shipped_at=at, delivered_at=at, tracking_number=f"1Z{n:016}", estimated_delivery=at,
                )  # fmt: skip

    bought = _bulk(Order, orders())
    items = _bulk(
        OrderItem,
        (
            OrderItem(order=order, part=(part := parts[(n * 31 + step) % len(parts)]), product_name=part.name,
                      quantity=1 + step, unit_price=part.unit_price, subtotal=part.unit_price * (1 + step))
            for n, order in enumerate(bought)
            for step in range(3)
        ),
    )  # fmt: skip
    returns = _bulk(
        ReturnRequest,
        (
            ReturnRequest(order=order, reason="Product is defective", description="It leaks",
                          refund_amount=items[3 * n].subtotal, created_at=order.created_at)
            for n, order in enumerate(bought)
        ),
    )  # fmt: skip
    _bulk(
        ReturnLine, (ReturnLine(return_request=asked, item=items[3 * n]) for n, asked in enumerate(returns))
    )


def _chat(customers: list[Any]) -> None:
    """Create 16 conversations with support tickets per customer: one of 50 messages, the others of two."""
    from chat.models import Conversation, Message, SupportTicket

    long = timedelta(minutes=MESSAGES)

    def conversations() -> Iterator[Conversation]:
        for customer in customers:
            for n in range(EACH):
                at = START + timedelta(days=n)
                yield Conversation(
                    customer=customer, subject=f"Question {n}", status=["open", "in_progress", "closed"][n % 3],
                    created_at=at, updated_at=at + long, last_number=2 if n else MESSAGES, last_at=at + long,
                )  # fmt: skip

    asked = _bulk(Conversation, conversations())
    messages = _bulk(
        Message,
        (
            Message(conversation=conversation, number=number, author_id=conversation.customer.contact_id if number % 2 else None,
                    is_support=number % 2 == 0, body="When will my car be ready?", created_at=conversation.created_at
                    + timedelta(minutes=number))
            for conversation in asked
            for number in range(1, conversation.last_number + 1)
        ),
    )  # fmt: skip
    last = {message.conversation_id: message for message in messages}
    for conversation in asked:
        conversation.last_message = last[conversation.pk]
    Conversation.objects.bulk_update(asked, ["last_message"], batch_size=2_000)
    priorities = ["low", "medium", "high", "urgent"]
    _bulk(
        SupportTicket,
        (
            SupportTicket(conversation=conversation, priority=priorities[n % 4])
            for n, conversation in enumerate(asked)
        ),
    )


def _notifications(customers: list[Any]) -> None:
    from customers.models import Notification

    _bulk(
        Notification,
        (
            Notification(customer=customer, type="ORDER", title="Order delivered", message="It is at your door.",
                         read=n % 2 == 0, created_at=START + timedelta(hours=n))
            for customer in customers
            for n in range(EACH)
        ),
    )  # fmt: skip


def _offers(customers: list[Any], locations: list[Any]) -> None:
    """Create three plans, memberships of the middle one, and 16 offers for it, half of them at two locations only."""
    from memberships.models import Membership, Offer, Plan, Tier

    plans = _bulk(
        Plan,
        (
            Plan(name=tier.label, tier=tier, price=Decimal("9.99") * (1 + n), features="Oil changes\nRoadside help")
            for n, tier in enumerate(Tier)
        ),
    )  # fmt: skip
    _bulk(
        Membership,
        (Membership(user_id=customer.contact_id, plan=plans[1], started_at=START) for customer in customers),
    )
    offers = _bulk(
        Offer,
        (
            Offer(title=f"Offer {n}", description="Ten percent off", terms="Once a customer",
                  expiry=AHEAD + timedelta(days=n), for_plus=True, for_premium=n % 2 == 0, created_at=START)
            for n in range(EACH)
        ),
    )  # fmt: skip
    through = Offer.locations.through
    through.objects.bulk_create(
        through(offer=offer, location=locations[(n + step) % len(locations)])
        for n, offer in enumerate(offers)
        if n % 2
        for step in range(2)
    )
