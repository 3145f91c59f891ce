"""Actions on the links of passports (docs/design, D140)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction

from common.domain import events
from common.domain.database import lock_name
from common.domain.errors import DomainError
from common.domain.expiry import kept_since
from common.domain.ids import new_uuid
from passports.links import PASSPORTS
from passports.models import PassportLink
from vehicles.models import Vehicle
from vehicles.recommendations import hold_vehicle

# The permission of each action, at the desk and in the API.
PERMISSIONS = {
    "passport": "vehicles.view_vehicle",
    "passport_pdf": "vehicles.view_vehicle",
    "passport_links": "passports.view_passportlink",
    "share_passport": "passports.add_passportlink",
    "withdraw_passport": "passports.withdraw_passportlink",
}
LEAST_DAYS, DAYS, MOST_DAYS = 1, 30, 90
MOST_LINKS = 20  # of a vehicle that work at the same time


class TooManyPassportLinks(DomainError):
    code = "too_many_passport_links"
    title = "Too many links"
    message = f"This vehicle has {MOST_LINKS} links that work. Withdraw one of them first."


class LinkHasEnded(DomainError):
    code = "passport_link_has_ended"
    title = "The link has ended"
    message = "This link has expired or is already withdrawn."


def share(*, vehicle: Vehicle, now: datetime, days: int = DAYS, for_next_owner: bool = False) -> PassportLink:
    """Make a link that opens the passport of a vehicle in use for 1 to 90 days.

    Raises AlreadyArchived, TooManyPassportLinks.
    """
    with transaction.atomic():
        hold_vehicle(vehicle)
        lock_name(f"passport links of vehicle {vehicle.pk}")
        if PassportLink.objects.filter(vehicle=vehicle).live(now).count() >= MOST_LINKS:
            raise TooManyPassportLinks
        uuid = new_uuid()
        link = PassportLink.objects.create(
            uuid=uuid,
            vehicle=vehicle,
            token_hash=PASSPORTS.token_of(uuid)[1],
            for_next_owner=for_next_owner,
            created_at=now,
            expires_at=now + timedelta(days=days),
        )
        events.record("passports.passportlink.created", link, at=now)
        return link


def withdraw(*, link: PassportLink, now: datetime) -> None:
    """End a link. Raises LinkHasEnded."""
    with transaction.atomic():
        if not PassportLink.objects.filter(pk=link.pk).live(now).update(withdrawn_at=now):
            raise LinkHasEnded
        events.record("passports.passportlink.withdrawn", link, at=now)


def withdraw_all(*, accounts: Iterable[int], now: datetime) -> None:
    """End the links of all vehicles of these customers."""
    rows = PassportLink.objects.filter(vehicle__customer__in=list(accounts))
    rows.live(now).update(withdrawn_at=now)


def clear_ended_links(*, now: datetime) -> int:
    """Delete the links that ended long ago. Those whose history the next owner keeps stay."""
    since = kept_since(now)
    ended = PassportLink.objects.filter(expires_at__lt=since)
    kept = PassportLink.objects.passed_on().values("pk")
    return ended.exclude(pk__in=kept).delete()[0]
