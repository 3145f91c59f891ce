"""Load two locations with bays and opening hours, technicians, service types, problems and the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time, timedelta
from decimal import Decimal

from appointments.models import (
    Absence,
    Bay,
    Location,
    OpeningHours,
    ReportedProblem,
    ServiceType,
    Shift,
    Technician,
    Weekday,
)
from catalogue.models import Part, Service
from demo.calendar import TIME_ZONE, Calendar
from demo.numbering import create


@dataclass(frozen=True)
class Garage:
    """The rows that the rest of the demo refers to.

    `location` is the first location, the default, and `second` the other one. Service types are keyed by code, and
    parts, services and problems by short name.
    """

    location: Location
    second: Location
    bays: list[Bay]
    technician: Technician
    service_types: dict[str, ServiceType]
    problems: dict[str, ReportedProblem]
    parts: dict[str, Part]
    services: dict[str, Service]


# short name: (id or None, name, number, manufacturer, price, taxable, warranty months)
_PARTS = {
    "fluid": (136, "Transmission Fluid", "TRANS-FLUID-001-17", "Valvoline", "18.99", True, 0),
    "oil": (None, "Synthetic Motor Oil 5W-30, 5 qt", "OIL-5W30-5QT", "Mobil 1", "34.99", True, 0),
    "oil filter": (None, "Oil Filter", "FILT-OIL-7317", "Fram", "9.49", True, 3),
    "air filter": (None, "Engine Air Filter", "FILT-AIR-4690", "K&N", "54.99", True, 12),
    "pads": (None, "Ceramic Brake Pads, front", "BRK-PAD-CER-F", "Akebono", "97.97", True, 24),
    "rotors": (None, "Brake Rotor, front", "BRK-ROT-980", "Brembo", "64.50", True, 24),
    "battery": (None, "AGM Battery, group 48", "BAT-AGM-48", "Interstate", "219.95", True, 36),
    "wipers": (None, "Wiper Blade, 26 in", "WIP-26-ICON", "Bosch", "24.75", True, 6),
    "tyre": (None, "All-Season Tire 215/55R17", "TIRE-21555R17", "Michelin", "168.00", True, 60),
    "plugs": (None, "Iridium Spark Plug", "SPK-IR-9723", "NGK", "11.99", True, 24),
    "disposal": (None, "Used Oil Disposal", "FEE-OIL-DISP", "", "5.00", False, 0),
    "core": (None, "Core Charge, battery", "CORE-BAT", "", "22.00", False, 0),
}
# short name: (id or None, name, description, price, taxable, warranty months)
_SERVICES = {
    "rotation": (134, "Tire Rotation", "Rotate and balance tires", "50.00", True, 6),
    "oil change": (None, "Oil Change", "Drain, replace filter, refill, reset the reminder", "45.00", True, 3),
    "brakes": (None, "Brake Service", "Replace pads and measure rotors, front axle", "150.00", True, 12),
    "diagnosis": (None, "Diagnostic Scan", "Read and interpret trouble codes", "119.00", False, 0),
    "alignment": (None, "Four-Wheel Alignment", "Measure and set camber, caster and toe", "129.99", False, 6),
    "inspection": (None, "State Inspection", "Safety and emissions", "37.00", False, 0),
    "flush": (None, "Coolant Flush", "Drain, flush and refill the cooling system", "89.99", True, 12),
    "labour": (None, "General Labor, 1 h", "One hour of a technician's work", "130.50", False, 12),
}
_SERVICE_TYPES = [
    ("oil_change", "Oil change", 30),
    ("tire_rotation", "Tire rotation", 30),
    ("brake_service", "Brake service", 90),
    ("diagnostic", "Diagnostic", 60),
    ("inspection", "State inspection", 30),
]
_PROBLEMS = [
    ("noise", "Unusual noise", "Squeaking, grinding, knocking or humming while driving."),
    ("warning light", "Warning light", "A lamp on the dashboard stays on."),
    ("leak", "Fluid leak", "Spots under the parked vehicle."),
]


def _location(**fields: object) -> tuple[Location, list[Bay]]:
    location = Location.objects.create(time_zone=TIME_ZONE, **fields)
    for weekday in Weekday:
        if weekday != Weekday.SUNDAY:
            opens, closes = (time(9), time(13)) if weekday == Weekday.SATURDAY else (time(8), time(18))
            OpeningHours.objects.create(location=location, weekday=weekday, opens=opens, closes=closes)
    return location, [Bay.objects.create(location=location, name=f"Bay {n}") for n in (1, 2)]


def load() -> Garage:
    location, bays = _location(
        name="Springfield Garage",
        address="500 Main St, Springfield, NY 10001",
        latitude=Decimal("40.712800"),
        longitude=Decimal("-74.006000"),
        phone="(555) 010-2000",
        is_default=True,
    )
    second, _ = _location(
        name="Shelbyville Garage",
        address="12 Harbor Rd, Shelbyville, NY 10801",
        latitude=Decimal("40.911500"),
        longitude=Decimal("-73.782400"),
        phone="(555) 010-2100",
        email="shelbyville@garage.example",
        legal_name="Shelbyville Garage LLC",
        registration_number="R-7100412",
        tax_id="12-3456789",
        terms="Replaced parts are kept until the vehicle is picked up. Ask for them if you want them back.",
    )
    return Garage(
        location=location,
        second=second,
        bays=bays,
        # The technician is not linked to the login of the same name, because the contract prints `user_id: null`.
        technician=create(Technician, 27, name="Test Technician", email="tech@test.com", location=location),
        service_types={
            code: ServiceType.objects.create(code=code, name=name, minutes=minutes)
            for code, name, minutes in _SERVICE_TYPES
        },
        problems={
            key: ReportedProblem.objects.create(name=name, description=text) for key, name, text in _PROBLEMS
        },
        parts={
            key: create(
                Part,
                number,
                name=name,
                part_number=part_number,
                manufacturer=maker,
                unit_price=Decimal(price),
                taxable=taxable,
                warranty_months=months,
            )
            for key, (number, name, part_number, maker, price, taxable, months) in _PARTS.items()
        },
        services={
            key: create(
                Service,
                number,
                name=name,
                description=text,
                labor_cost=Decimal(price),
                taxable=taxable,
                warranty_months=months,
            )
            for key, (number, name, text, price, taxable, months) in _SERVICES.items()
        },
    )


def load_rota(calendar: Calendar, garage: Garage) -> None:
    """Load two technicians of the second location with shifts on all of its hours, and an absence of one of them.

    The default location keeps no shifts, so that the starts that the contracts print are bounded by its bays alone.
    """
    tara, omar = (
        Technician.objects.create(name=name, email=email, location=garage.second)
        for name, email in (("Tara Wrench", "tara@garage.example"), ("Omar Lift", "omar@garage.example"))
    )
    for hours in OpeningHours.objects.filter(location=garage.second).order_by("weekday"):
        for technician in (tara, omar):
            Shift.objects.create(
                technician=technician, weekday=hours.weekday, begins=hours.opens, ends=hours.closes
            )
    day = calendar.working_day(10, 8).date()
    Absence.objects.create(
        technician=omar, first_day=day, last_day=day + timedelta(days=2), reason="Vacation"
    )
