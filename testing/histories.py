"""The whole history of a vehicle, with a person's texts in every field that has one (docs/design, D140)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from appointments.models import Location
from repair_orders.models import RepairOrder
from testing import factories
from vehicles.actions import transfer_vehicle
from vehicles.models import OdometerSource, Vehicle

D = Decimal
# What no passport may show. Each stands in several fields.
PLANTED = (
    "Alice",
    "Cooper",
    "SECRET-PLATE",
    "UNIT-SECRET",
    "555-0199",
    "Planted",
    "planted@example.com",
    "99.87",
)


def at(year: int, month: int, day: int, hour: int = 12) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


def plant_history(vehicle: Vehicle) -> None:
    """Give a vehicle of unknown history one of everything that a passport has, and texts that it must not have."""
    location = factories.LocationFactory(
        name="Main Street", legal_name="Springfield Garage LLC", phone="+1 555 555 0140",
        time_zone="America/New_York", is_default=False,
    )  # fmt: skip
    Vehicle.objects.filter(pk=vehicle.pk).update(
        license_plate="SECRET-PLATE",
        unit_number="UNIT-SECRET",
        photo_url="https://example.com/Planted.jpg",
        dongle_id="Planted",
        dongle_connection="BLE",
        trim="LX",
        fuel_type="gasoline",
        odometer=D("20500.50"),
        odometer_at=at(2025, 6, 1),
    )
    vehicle.refresh_from_db()
    contact = vehicle.customer.contact
    assert contact is not None
    contact.phone, contact.email = "555-0199", "planted@example.com"
    contact.save()
    order = plant_order(vehicle, location, at(2025, 5, 2, 2), miles="20000.00")  # 1 May in New York
    plant_inspection(order, at(2025, 5, 1))
    _readings(vehicle)
    _due(vehicle)
    _fuel(vehicle)


def plant_order(vehicle: Vehicle, location: Location | None, ended: datetime, *, miles: str) -> RepairOrder:
    """Add a completed order of two finished jobs and a declined one."""
    order = factories.RepairOrderFactory(
        vehicle=vehicle, location=location, number=None, status="completed", total_cost=D("99.87"),
        completed_at=ended, odometer_in=D(miles) - 10, odometer_out=D(miles), description="Planted problem",
        notes="Planted notes", po_number="Planted PO", advisor=vehicle.customer.contact,
    )  # fmt: skip
    technician = factories.TechnicianFactory(name="Planted Technician")
    words = {"concern": "Planted", "cause": "Planted", "correction": "Planted", "technician": technician}
    for name, status in (("Front brakes", "done"), ("Oil change", "done"), ("Wipers", "declined")):
        job = factories.JobFactory(repair_order=order, name=name, status=status, **words)
        factories.PartLineFactory(repair_order=order, job=job, name="Planted part", unit_price=D("99.87"))
    return order


def plant_inspection(order: RepairOrder, finished: datetime) -> None:
    inspection = factories.InspectionFactory(
        repair_order=order, name="Courtesy inspection", started_at=finished, finished_at=finished,
        technician=factories.TechnicianFactory(name="Planted Technician"),
    )  # fmt: skip
    for name, rating, value, unit in (
        ("Battery", "green", "12.6", "V"),
        ("Air filter", "yellow", "", ""),
        ("Brake pads, rear", "red", "2", "mm"),
        ("Spare wheel", "not_applicable", "", ""),
        ("Horn", None, "", ""),
    ):
        factories.FindingFactory(
            inspection=inspection, name=name, rating=rating, value=value, unit=unit, note="Planted note"
        )
    factories.InspectionFactory(repair_order=order, name="Planted, unfinished")


def _readings(vehicle: Vehicle) -> None:
    """Add readings: of three by the dongle in March the last one counts, and one is no longer accepted."""
    telematics = OdometerSource.TELEMATICS
    for when, miles, source, accepted in (
        (at(2025, 3, 1), "18000.00", telematics, True),
        (at(2025, 3, 20), "18900.00", telematics, True),
        (at(2025, 3, 31), "19400.25", telematics, True),
        (at(2025, 4, 2), "91900.00", OdometerSource.MANUAL, False),
        (at(2025, 5, 1), "19990.00", OdometerSource.CHECK_IN, True),
        (at(2025, 5, 2, 2), "20000.00", OdometerSource.CHECK_OUT, True),
        (at(2025, 6, 1), "20500.50", OdometerSource.CORRECTION, True),
    ):
        factories.OdometerReadingFactory(
            vehicle=vehicle, at=when, miles=D(miles), source=source, accepted=accepted, note="Planted note",
            by=vehicle.customer.contact,
        )  # fmt: skip


def _due(vehicle: Vehicle) -> None:
    advice: dict[str, object] = {"vehicle": vehicle, "amount": D("99.87")}
    factories.RecommendationFactory(**advice, text="Replace the air filter\nPlanted words", urgency="later")
    factories.RecommendationFactory(
        **advice, text="Rear brakes", urgency="now", due_on=date(2025, 7, 1), due_miles=D("21000.00"),
        source="declined",
    )  # fmt: skip
    factories.RecommendationFactory(**advice, text="Planted, closed", status="done")
    factories.RecommendationFactory(**advice, text="Planted, a code", source="dtc", code="dtc:P0301")
    template = factories.ScheduleTemplateFactory(name="Tire rotation")
    factories.ServiceScheduleFactory(
        vehicle=vehicle, template=template, last_on=date(2025, 5, 1), last_miles=D("20000.00"),
        due_on=date(2025, 11, 1), due_miles=D("25000.00"),
    )  # fmt: skip
    factories.DtcFactory(vehicle=vehicle, code="P0301", first_seen_at=at(2025, 5, 20), note="Planted note")
    factories.DtcFactory(
        vehicle=vehicle, code="P0420", first_seen_at=at(2025, 1, 1), cleared_at=at(2025, 1, 2)
    )


def _fuel(vehicle: Vehicle) -> None:
    """Add two full tanks: 300 miles with 10 gallons. The second reading of the month stands for it."""
    for day, miles in ((3, "20100.00"), (20, "20400.00")):
        reading = factories.OdometerReadingFactory(vehicle=vehicle, at=at(2025, 5, day), miles=D(miles))
        factories.FuelLogFactory(
            vehicle=vehicle, at=reading.at, miles=D(miles), reading=reading, gallons=D(10), price=D("99.87"),
            notes="Planted note",
        )  # fmt: skip


def hand_over(vehicle: Vehicle, now: datetime) -> Vehicle:
    """Move a vehicle to a new customer, and return the new owner's row."""
    customer = factories.CustomerFactory()
    return transfer_vehicle(vehicle=vehicle, customer=customer, by=None, now=now)
