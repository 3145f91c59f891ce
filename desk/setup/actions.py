"""Set a shop up: its location with hours, bays, rate and tax, and the first logins (docs/design, D116)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from typing import Any

from django.db import transaction

from accounts.models import User
from accounts.passwords import validate_strength
from accounts.registration import unique_email
from appointments.actions import save_location
from appointments.models import Bay, Location, OpeningHours, Technician
from common.domain import events
from common.domain.caller import Role
from common.domain.database import lock_name
from common.domain.errors import DomainError
from repair_orders.pricing.actions import save_labour_rate, save_rule
from repair_orders.pricing.models import LabourRate, TaxRule
from vehicles.schedules.actions import add_standard_templates


class AlreadySetUp(DomainError):
    code = "already_set_up"
    title = "Already set up"
    message = "This shop has a location. Change it on its page."


@dataclass(frozen=True, slots=True)
class Login:
    """A member of staff. They change the first password themselves."""

    name: str
    email: str
    role: str
    password: str


@dataclass(frozen=True, slots=True)
class Hours:
    """The hours of a weekday (0 is Monday), in the location's local time."""

    weekday: int
    opens: time
    closes: time


def set_up(
    *,
    location: dict[str, Any],
    hours: Sequence[Hours],
    bays: int,
    per_hour: Decimal | None = None,
    tax_percent: Decimal | None = None,
    logins: Sequence[Login] = (),
) -> Location:
    """Create the first location of a shop with everything that a first day needs, all of it or nothing.

    `location` are columns of a location, `per_hour` the labour rate in dollars. Technicians among the logins are
    technicians of the location. Raises AlreadySetUp, and EmailTaken and WeakPassword with the index of the login as
    `item`.
    """
    with transaction.atomic():
        lock_name("shop:setup")
        if Location.objects.exists():
            raise AlreadySetUp
        place = save_location(Location(), **location)
        OpeningHours.objects.bulk_create(
            OpeningHours(location=place, weekday=row.weekday, opens=row.opens, closes=row.closes)
            for row in hours
        )
        Bay.objects.bulk_create(Bay(location=place, name=f"Bay {number}") for number in range(1, bays + 1))
        if per_hour is not None:
            save_labour_rate(LabourRate(), location=place, name="Labor", per_hour=per_hour)
        if tax_percent is not None:
            save_rule(TaxRule(), location=place, percent=tax_percent)
        add_standard_templates()
        for item, login in enumerate(logins):
            try:
                add_login(login, place)
            except DomainError as error:
                error.item = item
                raise
    return place


def add_login(login: Login, place: Location | None) -> User:
    """Create a login of a member of staff, with a technician of the location. Raises EmailTaken, WeakPassword."""
    first, _, last = login.name.partition(" ")
    person = {"first_name": first, "last_name": last, "role": login.role}
    with transaction.atomic():
        validate_strength(login.password, User(email=login.email, **person))
        with unique_email(login.email):
            user = User.objects.create_user(login.email, login.password, **person)
        events.record_new(user)
        if login.role == Role.TECHNICIAN:
            events.record_new(
                Technician.objects.create(name=login.name, email=login.email, location=place, user=user)
            )
    return user
