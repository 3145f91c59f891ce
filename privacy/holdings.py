"""Declare the personal data of each table, what erasure does to it, and why some of it is kept.

Rows are found by an ORM path to the user or to the customer account. An account counts only if no other user acts for
it, because the data of a company's account does not belong to one person. The records of the business are kept:
figures, dates, states, the work done on each vehicle and the goods sold (tax law, records of repair). Everything else
is erased, in the history too.
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
from customers.actions import PERSONAL_FIELDS
from customers.models import Customer, CustomerUser, Notification
from files.models import Upload
from memberships.models import Membership
from orders.models import Order, OrderItem, ReturnLine, ReturnRequest
from repair_orders.models import PartLine, RepairOrder, RepairPhoto, ServiceLine
from vehicles.models import TelematicsBatch, Vehicle
from vehicles.telematics.packing import unpack


@dataclass(frozen=True)
class Person:
    """A user and the customer accounts for which no other user acts."""

    user: User
    accounts: frozenset[int]


@dataclass(frozen=True)
class Holding:
    """Rows of one table with personal data.

    `user` and `account` are ORM paths to their owner, either or both. `condition` restricts the rows. Erasure deletes
    the rows, or sets the fields in `overwrites` (a function is called for each row). `keeps` names the other fields
    with text and the reason why they are kept. An export omits `secrets` and adds the results of the functions in
    `computed`.
    """

    model: type[Model]
    user: tuple[str, ...] = ()
    account: str = ""
    condition: Q | None = None
    deletes: bool = False
    overwrites: Values = field(default_factory=dict)
    keeps: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    computed: Mapping[str, Callable[[Any], object]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of the table in an export: `repair_orders.repairorder`."""
        return self.model._meta.label_lower

    def condition_for(self, person: Person) -> Q:
        """Return the condition that selects the person's rows."""
        found = Q(pk__in=[])
        for path in self.user:
            found |= Q(**{path: person.user.pk})
        if self.account:
            found |= Q(**{f"{self.account}__in": person.accounts})
        return found & self.condition if self.condition else found

    def rows_for(self, person: Person) -> AnyQuerySet:
        """Return the person's rows, oldest first."""
        return self.model._base_manager.filter(self.condition_for(person)).order_by("pk")


def unpack_samples(batch: TelematicsBatch) -> list[tuple[object, ...]]:
    """Return the samples of a batch: `(milliseconds since 1970, mph, gallons an hour, miles)`."""
    return list(zip(*unpack(bytes(batch.data), batch.count), strict=True))


_CODE = "a word of the product, or a code"
_LEFT = "customers.actions.leave_accounts clears it, unless others act for the account"
_LEDGER = "entries of the points ledger do not change"
_INVOICE = "part of an invoice"

# In this order no deleted row is still referenced by another.
HOLDINGS = (
    Holding(IdempotencyKey, user=("user_id",), deletes=True, secrets=("body", "fingerprint")),
    Holding(Notification, account="customer", deletes=True),
    Holding(
        TelematicsBatch,
        account="vehicle__customer",
        deletes=True,
        secrets=("data",),
        computed={"samples": unpack_samples},
    ),
    Holding(RepairPhoto, account="repair_order__customer", deletes=True),
    Holding(SupportTicket, account="conversation__customer", deletes=True),
    Holding(Message, account="conversation__customer", deletes=True),
    # Messages that the user wrote for an account that others keep. Messages of staff are the shop's correspondence.
    Holding(
        Message,
        user=("author",),
        condition=Q(is_support=False),
        overwrites={"body": "", "attachments": list, "client_id": None},
    ),
    Holding(Conversation, account="customer", deletes=True),
    Holding(Upload, account="customer_id", deletes=True, secrets=("key",)),
    Holding(Upload, user=("owner",), condition=Q(customer_id=None), deletes=True, secrets=("key",)),
    Holding(
        Upload,
        user=("owner",),
        overwrites={"owner": None},
        keeps=dict.fromkeys(("name", "content_type", "state"), "a file of an account for which others act"),
        secrets=("key",),
    ),
    Holding(
        Appointment, account="customer", overwrites={"description": "", "notes": ""}, keeps={"status": _CODE}
    ),
    Holding(
        RepairOrder,
        account="customer",
        overwrites={"description": "", "notes": "", "denial_reason": ""},
        keeps={"status": _CODE},
    ),
    Holding(PartLine, account="repair_order__customer"),
    Holding(ServiceLine, account="repair_order__customer"),
    Holding(
        Order,
        account="customer",
        overwrites=dict.fromkeys(
            ("courier_name", "courier_contact", "tracking_number", "current_location"), ""
        ),
        keeps={"status": _CODE},
    ),
    Holding(OrderItem, account="order__customer", keeps={"product_name": _INVOICE}),
    Holding(
        ReturnRequest,
        account="order__customer",
        overwrites={"description": "", "refusal_reason": ""},
        keeps={"status": _CODE, "reason": _CODE},
    ),
    Holding(ReturnLine, account="return_request__order__customer"),
    Holding(
        Vehicle,
        account="customer",
        overwrites={
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
        overwrites={"name": "Former technician", "email": ""},
        keeps={"role": _CODE},
    ),
    Holding(CustomerUser, user=("user",)),
    Holding(Customer, account="pk", keeps=dict.fromkeys(PERSONAL_FIELDS, _LEFT)),
    Holding(KnownAddress, user=("user",), deletes=True),
    Holding(Session, user=("user",), deletes=True, secrets=("refresh_jti",)),
    Holding(Device, user=("user",), deletes=True),
    Holding(
        User,
        user=("pk",),
        overwrites={
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
