"""Promise: one customer cannot take the shop.

A free account asks for everything at once: appointments for three vehicles, all pieces of a part, and space for
uploads. A case is a request, or a figure of the stored rows. What it gets is as much as the limits allow, also of
parallel requests, and another customer is served afterwards. Orders that are cancelled or not paid give their pieces
back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import Any

from django.db.models import Sum
from django.utils import timezone

from appointments.models import HOLDS_A_BAY, Appointment
from catalogue.models import Part
from customers.models import Customer
from files.models import Upload
from orders.models import Order
from testing.factories import CustomerFactory, GarageFactory, PartFactory, VehicleFactory
from testing.servers import Server
from testing.storms import parallel
from trust.clients import Client, describe
from trust.promises import Tally, Trial
from trust.tables import seen_from_here

PER_VEHICLE, PER_CUSTOMER, UNPAID, QUOTA = 5, 10, 20, 1_000_000
LIMITS = {
    "MAX_APPOINTMENTS_VEHICLE": str(PER_VEHICLE),
    "MAX_APPOINTMENTS_CUSTOMER": str(PER_CUSTOMER),
    "UNPAID_PIECES": str(UNPAID),
    "UPLOAD_QUOTA_BYTES": str(QUOTA),
}
BOOK, ORDERS, PRESIGN = "/api/appointments/book/", "/api/v1/customer/orders", "/api/files/presign/"
PIECES, BYTES = 3, 100_000  # of an order, of an upload

Body = dict[str, Any]


def one_customer(trial: Trial, tally: Tally) -> None:
    for engine in trial.engines:
        with trial.server(engine, demo=False, **LIMITS) as server, seen_from_here(server):
            garage = GarageFactory(bays=3, time_zone="UTC")
            for number in range(trial.size(5, 2, 1)):
                name = f"{engine}, account {number + 1}"
                greedy, other = CustomerFactory(is_verified=False), CustomerFactory(is_verified=False)
                _calendar(server, tally, name, greedy, other, str(garage.uuid), trial.size(60, 30, 20))
                _overlaps(server, tally, name, str(garage.uuid), trial.size(40, 20, 10))
                _shelf(server, tally, name, greedy, other, trial.size(60, 30, 12))
                _disk(server, tally, name, greedy, other, trial.size(60, 30, 20))


def _calendar(
    server: Server, tally: Tally, name: str, greedy: Customer, other: Customer, location: str, times: int
) -> None:
    vehicles = VehicleFactory.create_batch(3, customer=greedy)
    starts = [start for days in range(2, 2 + times) for start in _starts(days, 3)]
    bodies = [
        {"vehicleId": str(vehicles[number % 3].uuid), "locationId": location, "startTime": start.isoformat()}
        for number, start in enumerate(starts[:times])
    ]
    _ask(
        server,
        tally,
        f"{name}, calendar",
        greedy,
        BOOK,
        bodies,
        {201: PER_CUSTOMER, 409: times - PER_CUSTOMER},
    )
    ahead = Appointment.objects.filter(vehicle__in=vehicles, status__in=HOLDS_A_BAY)
    per_vehicle = Counter(ahead.values_list("vehicle", flat=True))
    tally.tried(max(per_vehicle.values()) <= PER_VEHICLE, f"{name}: {per_vehicle} appointments of vehicles")
    tally.tried(ahead.count() == PER_CUSTOMER, f"{name}: {ahead.count()} appointments ahead")
    free = {"locationId": location, "startTime": _starts(1, 1)[0].isoformat()}
    VehicleFactory(customer=other)
    _ask(server, tally, f"{name}, another customer books", other, BOOK, [free], {201: 1})
    Appointment.objects.filter(customer=other).delete()


def _overlaps(server: Server, tally: Tally, name: str, location: str, times: int) -> None:
    """Count cases: one vehicle is booked at the same time in several bays, and gets one of them."""
    vehicle = VehicleFactory()
    start = _starts(1, 20)[-1]
    body = {"locationId": location, "startTime": start.isoformat()}
    wanted = {201: 1, 409: times - 1}
    _ask(server, tally, f"{name}, one vehicle twice", vehicle.customer, BOOK, [body] * times, wanted)
    held = Appointment.objects.filter(vehicle=vehicle, status__in=HOLDS_A_BAY).order_by("start")
    tally.tried(
        all(first.end <= second.start for first, second in pairwise(held)), f"{name}: overlaps of {vehicle}"
    )
    held.delete()


def _shelf(server: Server, tally: Tally, name: str, greedy: Customer, other: Customer, times: int) -> None:
    part, most = PartFactory(stock=PIECES * times), UNPAID // PIECES
    body = {"items": [{"product_id": part.pk, "quantity": PIECES}]}

    def reserved() -> int:
        return Part.objects.get(pk=part.pk).reserved

    _ask(server, tally, f"{name}, shelf", greedy, ORDERS, [body] * times, {201: most, 409: times - most})
    tally.tried(reserved() == PIECES * most, f"{name}: {reserved()} pieces are reserved")
    placed = list(Order.objects.filter(customer=greedy).order_by("pk"))
    cancelled = Client.of(server.port, greedy.contact).call("POST", f"{ORDERS}/{placed[0].number}/cancel")
    tally.tried(cancelled.ok and reserved() == PIECES * (most - 1), f"{name}: {describe(cancelled)}")
    _ask(server, tally, f"{name}, another customer orders", other, ORDERS, [body], {201: 1})
    # The clock is moved by moving the orders.
    Order.objects.filter(customer=greedy).update(expires_at=timezone.now() - timedelta(seconds=1))
    listed = Client.of(server.port, greedy.contact).call("GET", ORDERS)
    tally.tried(listed.ok and reserved() == PIECES, f"{name}: {reserved()} pieces after the orders expired")
    again = {201: most, 409: times - most}
    _ask(server, tally, f"{name}, shelf once more", greedy, ORDERS, [body] * times, again)


def _disk(server: Server, tally: Tally, name: str, greedy: Customer, other: Customer, times: int) -> None:
    body, most = {"filename": "a.jpg", "contentType": "image/jpeg", "size": BYTES}, QUOTA // BYTES
    wanted = {200: most, 507: times - most}
    _ask(server, tally, f"{name}, disk", greedy, PRESIGN, [body] * times, wanted)
    announced = Upload.objects.filter(owner=greedy.contact).aggregate(bytes=Sum("size"))["bytes"]
    tally.tried(announced == BYTES * most, f"{name}: {announced:,} bytes are announced")
    without = {"filename": "a.jpg", "contentType": "image/jpeg"}
    _ask(server, tally, f"{name}, a file of any size", greedy, PRESIGN, [without], {507: 1})
    _ask(server, tally, f"{name}, another customer uploads", other, PRESIGN, [body], {200: 1})


def _ask(
    server: Server,
    tally: Tally,
    name: str,
    customer: Customer,
    path: str,
    bodies: Sequence[Body],
    wanted: dict[int, int],
) -> None:
    """Send all bodies at once as the customer, and count a case for each. The numbers of statuses must be `wanted`."""
    client = Client.of(server.port, customer.contact)
    clients = [Client.like(client) for _ in bodies]
    post: Callable[[int], Any] = lambda number: clients[number].call("POST", path, bodies[number])  # noqa: E731
    answers = parallel(len(bodies), post)
    failed = [answer for answer in answers if isinstance(answer, Exception)]
    found = Counter(answer.status_code for answer in answers if not isinstance(answer, Exception))
    odd = next(
        (describe(a) for a in answers if not isinstance(a, Exception) and a.status_code not in wanted), ""
    )
    tally.tried(
        not failed and found == wanted,
        f"{name}: {dict(found)}, not {wanted} {failed[:1]} {odd}",
        cases=len(bodies),
    )


def _starts(days: int, number: int) -> list[datetime]:
    """Return the first starts of a day that is so many days ahead, half an hour apart."""
    opens = datetime.combine(timezone.now().date() + timedelta(days=days), time(8), tzinfo=UTC)
    return [opens + timedelta(minutes=30 * step) for step in range(number)]
