"""Load contract 000's customer: Alice Cooper with 3 vehicles, 7 appointments and 16 repair orders."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from accounts.models import User
from appointments.models import Appointment
from common.domain.types import Json
from customers.actions import create_customer
from customers.models import Customer
from demo.calendar import Calendar
from demo.garage import Garage
from demo.mileage import mistype_and_correct, store_mileage
from demo.numbering import continue_after, create
from demo.orders import OrderRow, create_order
from vehicles.models import Vehicle

EMAIL, USER_ID = "alice.cooper@customer.com", 71


def load(calendar: Calendar, garage: Garage) -> None:
    user = User.objects.create_user(
        EMAIL, "password123", id=USER_ID, first_name="Alice", last_name="Cooper", phone="(555) 714-5422"
    )
    alice = create_customer(
        user=user,
        now=calendar.ago(700),
        id=19,
        street_address="123 Elm St",
        city="Springfield",
        state="NY",
        postal_code="10001",
        is_verified=True,
    )
    continue_after(User, Customer)
    vehicles = _vehicles(alice, calendar)
    _appointments(calendar, garage, vehicles)
    orders = [create_order(row, garage) for row in _orders(calendar, vehicles)]
    completed = [order.completed_at for order in orders if order.completed_at]
    Customer.objects.filter(pk=alice.pk).update(
        total_services=len(completed), last_service_date=max(completed)
    )


def _vehicles(alice: Customer, calendar: Calendar) -> dict[str, Vehicle]:
    rows: dict[str, Json] = {
        "camry": {
            "number": 27, "vin": "1HGBH41JXMN118133", "make": "Toyota", "model": "Camry", "year": 2020,
            "license_plate": "ABC-5189", "odometer": "48211.30",
        },
        "civic": {
            "number": 40, "vin": "1HGBH41JXMN109186", "make": "Honda", "model": "Civic", "year": 2020,
            "license_plate": "ABC-123", "odometer": "31870.00",
        },
        "rav4": {
            "vin": "2T3P1RFV8MC158214", "make": "Toyota", "model": "RAV4", "year": 2021,
            "license_plate": "JKL-4420", "odometer": "22514.80",
        },
    }  # fmt: skip
    vehicles = {
        name: create(
            Vehicle,
            customer=alice,
            color="Silver",
            fuel_type="gasoline",
            **row | {"odometer": Decimal(row["odometer"])},
        )
        for name, row in rows.items()
    }
    for vehicle in vehicles.values():
        store_mileage(vehicle, at=calendar.ago(60))
    advisor = User.objects.get(email="admin@example.com")
    mistype_and_correct(vehicles["civic"], now=calendar.ago(20), by=advisor.pk)
    return vehicles


def _appointments(calendar: Calendar, garage: Garage, vehicles: dict[str, Vehicle]) -> None:
    def book(
        vehicle: str, start: datetime, codes: list[str], number: int | None = None, **fields: object
    ) -> None:
        services = [garage.service_types[code] for code in codes]
        description = " and ".join(service.name.lower() for service in services).capitalize()
        appointment = create(
            Appointment,
            number,
            customer_id=vehicles[vehicle].customer_id,
            vehicle=vehicles[vehicle],
            location=garage.location,
            start=start,
            end=start + timedelta(minutes=sum(service.minutes for service in services)),
            **{"bay": garage.bays[0], "description": description} | fields,
        )
        appointment.services.set(services)

    def completed(days: int, hour: int) -> Json:
        start = calendar.working_day(days, hour)
        return {
            "status": "completed",
            "technician": garage.technician,
            "assigned_at": start - timedelta(hours=3),
            "started_at": start,
            "completed_at": start + timedelta(minutes=55),
        }

    book(
        "civic",
        calendar.working_day(5, 10),
        ["oil_change", "tire_rotation"],
        53,
        technician=garage.technician,
    )
    book(
        "rav4",
        calendar.working_day(12, 14),
        ["diagnostic"],
        reported_problem=garage.problems["warning light"],
        description="Check engine light since Monday",
    )
    now = calendar.now.replace(minute=0, second=0, microsecond=0)
    book(
        "camry",
        now,
        ["brake_service"],
        status="in_progress",
        bay=garage.bays[1],
        technician=garage.technician,
        reported_problem=garage.problems["noise"],
        description="Squeaking when braking",
        assigned_at=now - timedelta(hours=1),
        started_at=now,
    )
    book("civic", calendar.working_day(-30, 9), ["inspection"], **completed(-30, 9))
    book("camry", calendar.working_day(-95, 11), ["oil_change"], **completed(-95, 11))
    book("rav4", calendar.working_day(-160, 13), ["tire_rotation"], **completed(-160, 13))
    book(
        "civic",
        calendar.working_day(-14, 15),
        ["oil_change"],
        status="cancelled",
        cancelled_at=calendar.working_day(-15, 12),
    )


def _orders(calendar: Calendar, vehicles: dict[str, Vehicle]) -> list[OrderRow]:
    camry, civic, rav4 = (vehicles[name] for name in ("camry", "civic", "rav4"))
    ago = calendar.ago

    def notes(vehicle: Vehicle) -> str:
        return f"Repair work for {vehicle.make} {vehicle.model}"

    def row(vehicle: Vehicle, status: str, days: int, **fields: Any) -> OrderRow:
        return OrderRow(vehicle, status, ago(days, 3), notes(vehicle), **fields)

    return [
        row(
            camry, "in_progress", 1, number=9, first_lines=(21, 18),
            parts=[("fluid", 2), ("pads", 1)], services=["rotation", "brakes"],
        ),
        row(civic, "requested", 0, services=["diagnosis", "inspection"], description="Pulls to the right"),
        row(rav4, "pending", 2, parts=[("battery", 1), ("core", 1)], services=["diagnosis"]),
        row(civic, "pending", 3, parts=[("tyre", 4)], services=["alignment"], discount_amount="40.00"),
        row(rav4, "approved", 4, parts=[("wipers", 2), ("air filter", 1)]),
        row(camry, "completed", 31, parts=[("oil", 1), ("oil filter", 1), ("disposal", 1)], services=["oil change"]),
        row(civic, "completed", 47, parts=[("rotors", 2), ("pads", 1)], services=["brakes"], discount_percent="10.00"),
        row(rav4, "completed", 62, parts=[("oil", 1), ("oil filter", 1)], services=["oil change"], discount_amount="5.00"),
        row(camry, "completed", 95, services=["flush", "inspection"], tax_percent="7.00"),
        row(
            civic, "completed", 128, parts=[("plugs", 4)], services=["labour", "diagnosis"],
            discount_amount="12.50", discount_percent="5.00",
        ),
        row(rav4, "completed", 160, parts=[("tyre", 2)], services=["rotation"], discount_percent="15.00"),
        row(camry, "completed", 203, parts=[("air filter", 1), ("wipers", 2)], tax_percent="0.00"),
        row(civic, "completed", 241, parts=[("oil", 1), ("oil filter", 1)], services=["oil change", "rotation"]),
        row(rav4, "completed", 289, services=["alignment", "inspection"], discount_amount="200.00"),
        row(camry, "completed", 330, parts=[("battery", 1), ("core", 1)], services=["labour"], discount_percent="3.33"),
        row(civic, "completed", 371, parts=[("fluid", 3)], services=["flush"], tax_percent="8.88"),
    ]  # fmt: skip
