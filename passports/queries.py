"""Find passport links, and the rows of a vehicle whose history its owner may see (docs/design, D140)."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from uuid import UUID

from accounts.tokens import hash_link_token
from common.domain.errors import Missing
from passports.models import PassportLink
from vehicles.models import Vehicle
from vehicles.queries import get_chain


def find_by_token(token: str, *, now: datetime) -> PassportLink | None:
    """Return the link of a token with its vehicle, or None if it is unknown, expired or withdrawn."""
    rows = PassportLink.objects.live(now).select_related("vehicle")
    return rows.filter(token_hash=hash_link_token(token)).first()


def find_live(vehicle: Vehicle, *, now: datetime) -> list[PassportLink]:
    """Return the links of a vehicle that work, newest first."""
    return list(PassportLink.objects.filter(vehicle=vehicle).live(now).newest_first())


def get_link(vehicle: Vehicle, uuid: UUID | None) -> PassportLink:
    """Return a link of a vehicle by its public id. Raises Missing."""
    found = PassportLink.objects.filter(vehicle=vehicle, uuid=uuid).first() if uuid else None
    if found is None:
        raise Missing("Link not found.")
    return found


def get_own_chain(vehicle: Vehicle) -> list[int]:
    """Return the ids of the rows of a vehicle whose history its owner may see, the newest first.

    These are their own row and those before it, up to the first owner who did not pass the history on. Rows that a
    merge of two records of one customer left behind are their own.
    """
    chain = get_chain(vehicle)
    if len(chain) == 1:
        return chain
    owners = dict(Vehicle.objects.filter(pk__in=chain).values_list("pk", "customer_id"))
    links = PassportLink.objects.filter(vehicle__in=chain).passed_on()
    passed_on = set(links.values_list("vehicle_id", flat=True))
    own = chain[:1]
    for later, earlier in pairwise(chain):
        if owners[earlier] != owners[later] and earlier not in passed_on:
            break
        own.append(earlier)
    return own
