"""Load contract 001's customer: eight units and 27 repairs over a year, in all six statuses."""

from __future__ import annotations

from decimal import Decimal

from accounts.models import User
from common.domain.caller import LoginRole
from common.domain.units import Units
from customers.actions import create_customer
from customers.invitations import LIFETIME
from customers.models import Customer, CustomerUser, Invitation
from demo.calendar import Calendar
from demo.garage import Garage
from demo.mileage import store_mileage
from demo.orders import OrderRow, create_order
from vehicles.models import Vehicle

# unit number: (VIN, make, model, year, plate, miles)
_UNITS = {
    "A123": ("1FTBW3XM5KKA10123", "Ford", "Transit 350", 2019, "RSW-0123", "118420.50"),
    "B456": ("1FTBW3XM7KKA10456", "Ford", "Transit 350", 2019, "RSW-0456", "97310.00"),
    "C789": ("1GCVKREC4JZ200789", "Chevrolet", "Silverado 1500", 2018, "RSW-0789", "131007.20"),
    "D012": ("3C6UR5CL1LG300012", "Ram", "2500", 2020, "RSW-0012", "76544.90"),
    "E345": ("1FDUF5HT2MDA40345", "Ford", "F-550", 2021, "RSW-0345", "54120.00"),
    "F678": ("1GB3YSE70NF500678", "Chevrolet", "Silverado 3500", 2022, "RSW-0678", "33871.40"),
    "G901": ("1FTFW1E85PFA60901", "Ford", "F-150", 2023, "RSW-0901", "15205.00"),
    "H234": ("1FTFW1E87PFA61234", "Ford", "F-150", 2023, "RSW-1234", "2204.10"),
}
# (unit, status, days ago, description), newest first
_REPAIRS = [
    ("A123", "requested", 0, "Warning light: tire pressure"),
    ("B456", "requested", 1, "Coolant smell in the cab"),
    ("C789", "requested", 1, "Rear lights flicker"),
    ("D012", "requested", 2, "Pulls to the left when braking"),
    ("E345", "requested", 3, "Winch does not release"),
    ("A123", "pending", 4, "Grinding noise, front left"),
    ("C789", "pending", 6, "Oil leak under the engine"),
    ("F678", "pending", 8, "Battery drains overnight"),
    ("B456", "approved", 9, "Brake pads worn"),
    ("D012", "approved", 11, "Annual inspection"),
    ("A123", "in_progress", 12, "Transmission slips in third"),
    ("A123", "in_progress", 14, "Air conditioning blows warm"),
    ("C789", "in_progress", 15, "Steering vibrates over 55 mph"),
    ("E345", "in_progress", 18, "Check engine light"),
    ("A123", "completed", 40, "Oil change"),
    ("B456", "completed", 65, "Tires worn"),
    ("D012", "completed", 92, "Coolant low"),
    ("A123", "completed", 118, "Brake service, front axle"),
    ("C789", "completed", 149, "Wipers streak"),
    ("E345", "completed", 177, "Oil change"),
    ("B456", "completed", 208, "Battery weak"),
    ("A123", "completed", 236, "Spark plugs due"),
    ("D012", "completed", 262, "Alignment after curb"),
    ("F678", "completed", 295, "State inspection"),
    ("B456", "completed", 323, "Oil change"),
    ("G901", "completed", 350, "First service"),
    ("A123", "denied", 371, "Repaint rear doors"),
]
_WORK: list[tuple[list[tuple[str, int]], list[str]]] = [
    ([("oil", 2), ("oil filter", 1), ("disposal", 1)], ["oil change"]),
    ([("pads", 1), ("rotors", 2)], ["brakes"]),
    ([("battery", 1), ("core", 1)], ["diagnosis"]),
    ([("tyre", 2)], ["alignment", "rotation"]),
    ([("plugs", 8)], ["labour"]),
]


EMAIL = "fleet@rswind.example"


def load(calendar: Calendar, garage: Garage) -> None:
    manager = User.objects.create_user(
        EMAIL, "fleet12345", first_name="Rosa", last_name="Winding", phone="+1 555 020 3000"
    )
    fleet = create_customer(
        user=manager,
        now=calendar.ago(400),
        company_name="RS Wind",
        business_type="Wind farm service",
        street_address="1 Turbine Way",
        city="Springfield",
        state="NY",
        postal_code="10002",
        is_verified=True,
        units=Units.METRIC,
    )
    units = {
        unit: Vehicle.objects.create(
            customer=fleet,
            unit_number=unit,
            vin=vin,
            make=make,
            model=model,
            year=year,
            license_plate=plate,
            color="White",
            fuel_type="gasoline",
            odometer=Decimal(miles),
        )
        for unit, (vin, make, model, year, plate, miles) in _UNITS.items()
    }
    for vehicle in units.values():
        store_mileage(vehicle, at=calendar.ago(60))
    completed = []
    for number, (unit, status, days, description) in enumerate(_REPAIRS):
        # A requested repair has no estimate and therefore no lines.
        parts, services = ([], []) if status == "requested" else _WORK[number % len(_WORK)]
        row = OrderRow(
            units[unit],
            status,
            calendar.ago(days, 4),
            notes="",
            description=description,
            parts=parts,
            services=services,
            discount_percent="5.00" if number % 4 == 0 else "0.00",
        )
        order = create_order(row, garage)
        if order.completed_at:
            completed.append(order.completed_at)
    Customer.objects.filter(pk=fleet.pk).update(
        total_services=len(completed), last_service_date=max(completed)
    )


def load_colleagues(calendar: Calendar) -> None:
    """Load an approver and a viewer of the fleet, and an invitation that waits.

    They come last, so that the ids of the other rows stay.
    """
    fleet = Customer.objects.get(contact__email=EMAIL)
    for first, last, role in (("Aldo", "Rotor", LoginRole.APPROVER), ("Vera", "Vane", LoginRole.VIEWER)):
        user = User.objects.create_user(
            f"{role}@rswind.example", f"{role}12345", first_name=first, last_name=last
        )
        CustomerUser.objects.create(customer=fleet, user=user, role=role)
    sent = calendar.ago(1)
    Invitation.objects.create(
        customer=fleet,
        email="mechanic@rswind.example",
        role=LoginRole.VIEWER,
        invited_by=fleet.contact,
        created_at=sent,
        expires_at=sent + LIFETIME,
    )
