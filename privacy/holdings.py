"""What each table holds of a person, what becomes of it when he is erased, and why something stays.

Rows are found by a path to the person (his user) or to the account, where nobody else acts for it: what belongs to a
company's account is not one person's. Kept is what books are made of: figures, dates, states, what was done to which
vehicle and what was sold (tax law, records of repair). Everything else goes, from the history too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db.models import Model, Q

from accounts.models import (
    Device,
    KnownAddress,
    Referral,
    RewardEntry,
    Session,
    User,
    new_referral_code,
)
from appointments.models import Appointment, Technician
from chat.models import Conversation, Message, SupportTicket
from common.domain.models import IdempotencyKey
from common.domain.types import AnyQuerySet, Values
from customers.actions import PERSONAL
from customers.models import Customer, CustomerUser, Notification
from files.models import Upload
from memberships.models import Membership
from orders.models import Order, OrderItem, ReturnLine, ReturnRequest
from repair_orders.models import PartLine, RepairOrder, RepairPhoto, ServiceLine
from vehicles.models import TelematicsBatch, Vehicle
from vehicles.telematics.packing import unpack


@dataclass(frozen=True)
class Person:
    """A user, and the accounts that nobody else acts for."""

    user: User
    accounts: frozenset[int]


@dataclass(frozen=True)
class Holding:
    """Rows of one table. `user` and `account` are ORM paths to whose they are, either or both; `only` narrows them.

    Erasing deletes them, or puts what `forgets` says into them (a function is called for each row). `keeps` names the
    other fields that somebody could have typed into, and why they stay. An export leaves out the `secrets`, and has
    `adds`: what functions make of a row.
    """

    model: type[Model]
    user: tuple[str, ...] = ()
    account: str = ""
    only: Q | None = None
    deletes: bool = False
    forgets: Values = field(default_factory=dict)
    keeps: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    adds: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As an export calls the table: `repair_orders.repairorder`."""
        return self.model._meta.label_lower

    def of(self, person: Person) -> Q:
        """The condition that picks the person's rows."""
        found = Q(pk__in=[])
        for path in self.user:
            found |= Q(**{path: person.user.pk})
        if self.account:
            found |= Q(**{f"{self.account}__in": person.accounts})
        return found & self.only if self.only else found

    def rows_of(self, person: Person) -> AnyQuerySet:
        """The person's rows, the oldest first."""
        return self.model._base_manager.filter(self.of(person)).order_by("pk")


def samples_in(batch: TelematicsBatch) -> list[tuple[Any, ...]]:
    """`(t in milliseconds since 1970, mph, gallons an hour, miles)`, one for each sample."""
    return list(zip(*unpack(bytes(batch.data), batch.count), strict=True))


_CODE = "a word of ours, or a code"
_LEFT = "customers.actions.leave_accounts forgets it, unless others act for the account"
_LEDGER = "points are a ledger"
_INVOICE = "what an invoice says was done to what"

# In an order in which nothing that is deleted is still pointed at.
HOLDINGS = (
    Holding(IdempotencyKey, user=("user_id",), deletes=True, secrets=("body", "fingerprint")),
    Holding(Notification, account="customer", deletes=True),
    Holding(
        TelematicsBatch,
        account="vehicle__customer",
        deletes=True,
        secrets=("data",),
        adds={"samples": samples_in},
    ),
    Holding(RepairPhoto, account="repair_order__customer", deletes=True),
    Holding(SupportTicket, account="conversation__customer", deletes=True),
    Holding(Message, account="conversation__customer", deletes=True),
    # What he said for an account that goes on without him; what staff wrote is the shop's own correspondence.
    Holding(
        Message,
        user=("author",),
        only=Q(is_support=False),
        forgets={"body": "", "attachments": list, "client_id": None},
    ),
    Holding(Conversation, account="customer", deletes=True),
    Holding(Upload, account="customer_id", deletes=True, secrets=("key",)),
    Holding(Upload, user=("owner",), only=Q(customer_id=None), deletes=True, secrets=("key",)),
    Holding(
        Upload,
        user=("owner",),
        forgets={"owner": None},
        keeps=dict.fromkeys(("name", "content_type", "state"), "a file of an account that others act for"),
        secrets=("key",),
    ),
    Holding(
        Appointment, account="customer", forgets={"description": "", "notes": ""}, keeps={"status": _CODE}
    ),
    Holding(
        RepairOrder,
        account="customer",
        forgets={"description": "", "notes": "", "denial_reason": ""},
        keeps={"status": _CODE},
    ),
    Holding(PartLine, account="repair_order__customer"),
    Holding(ServiceLine, account="repair_order__customer"),
    Holding(
        Order,
        account="customer",
        forgets=dict.fromkeys(("courier_name", "courier_contact", "tracking_number", "current_location"), ""),
        keeps={"status": _CODE},
    ),
    Holding(OrderItem, account="order__customer", keeps={"product_name": _INVOICE}),
    Holding(
        ReturnRequest,
        account="order__customer",
        forgets={"description": "", "refusal_reason": ""},
        keeps={"status": _CODE, "reason": _CODE},
    ),
    Holding(ReturnLine, account="return_request__order__customer"),
    Holding(
        Vehicle,
        account="customer",
        forgets={
            **dict.fromkeys(("license_plate", "color", "unit_number", "photo_url"), ""),
            **dict.fromkeys(("dongle_id", "dongle_connection")),
        },
        keeps=dict.fromkeys(("vin", "make", "model", "trim", "fuel_type"), _INVOICE),
    ),
    Holding(Membership, user=("user",), keeps={"status": _CODE}),
    Holding(RewardEntry, user=("user",), keeps={"reason": _CODE}),
    Holding(
        Referral,
        user=("referrer", "referred"),
        keeps=dict.fromkeys(("code", "status", "rewards_applied"), _LEDGER),
    ),
    Holding(
        Technician,
        user=("user",),
        forgets={"name": "Former technician", "email": ""},
        keeps={"role": _CODE},
    ),
    Holding(CustomerUser, user=("user",)),
    Holding(Customer, account="pk", keeps=dict.fromkeys(PERSONAL, _LEFT)),
    Holding(KnownAddress, user=("user",), deletes=True),
    Holding(Session, user=("user",), deletes=True, secrets=("refresh_jti",)),
    Holding(Device, user=("user",), deletes=True),
    Holding(
        User,
        user=("pk",),
        forgets={
            "email": None,
            **dict.fromkeys(("first_name", "last_name", "phone", "avatar"), ""),
            "password": lambda: make_password(None),
            "referral_code": new_referral_code,
            "is_active": False,
            "is_superuser": False,
        },
        keeps={"role": _CODE},
        secrets=("password",),
    ),
)
