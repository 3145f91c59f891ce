"""Find the customers whom a new entry may repeat: same phone, email, name, plate or VIN."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from accounts.models import User
from common.domain.search import squeeze
from customers.duplicates import customer_with_email, likely_duplicates
from customers.models import Customer
from vehicles.models import Vehicle
from vehicles.vin import normalize_vin

MOST = 5


@dataclass
class Likely:
    """A customer who may be the one who is entered, the reasons, and their vehicles."""

    customer: Customer
    because: list[str]
    vehicles: list[Vehicle] = field(default_factory=list)

    @property
    def reasons(self) -> str:
        """The reasons as the page prints them: `same phone, same plate`."""
        return ", ".join(f"same {reason}" for reason in self.because)


def find_likely(person: Mapping[str, str], vehicle: Mapping[str, str]) -> list[Likely]:
    """Return the customers who may be the person with that vehicle, at most five. A constant number of queries.

    `person` has first_name, last_name, company_name, email and phone, `vehicle` license_plate and vin, each maybe "".
    """
    found: dict[int, Likely] = {}
    for customer, reason in [*_by_person(person), *_by_car(vehicle)]:
        row = found.setdefault(customer.pk, Likely(customer, []))
        if reason not in row.because:
            row.because.append(reason)
    rows = list(found.values())[:MOST]
    owned: dict[int, list[Vehicle]] = {row.customer.pk: row.vehicles for row in rows}
    for car in Vehicle.objects.in_use().filter(customer__in=owned).order_by("id"):
        owned[car.customer_id].append(car)
    return rows


def _by_person(person: Mapping[str, str]) -> Iterator[tuple[Customer, str]]:
    contact = User(first_name=person["first_name"], last_name=person["last_name"], phone=person["phone"])
    for duplicate in likely_duplicates(Customer(company_name=person["company_name"], contact=contact)):
        for reason in duplicate.because:
            yield duplicate.customer, reason
    if person["email"] and (customer := customer_with_email(person["email"])):
        yield customer, "email"


def _by_car(vehicle: Mapping[str, str]) -> Iterator[tuple[Customer, str]]:
    cars = Vehicle.objects.in_use().select_related("customer__contact").order_by("id")
    if plate := _code(vehicle["license_plate"]):
        for car in cars.filter(license_plate__has_text=plate)[: MOST * 4]:
            if _code(car.license_plate) == plate:
                yield car.customer, "plate"
    if vin := normalize_vin(vehicle["vin"]):
        for car in cars.filter(vin=vin)[:MOST]:
            yield car.customer, "VIN"


def _code(text: str) -> str:
    """Return a plate without separators and spaces."""
    return squeeze(text).replace(" ", "")
