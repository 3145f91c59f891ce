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
    ApiKey,
    Device,
    EmailChange,
    KnownAddress,
    PageSession,
    RecoveryCode,
    Referral,
    RewardEntry,
    SecondFactor,
    Session,
    User,
    new_referral_code,
)
from appointments.models import Absence, Appointment, Shift, Technician
from billing.models import (
    Allocation,
    ClosedDay,
    CreditNote,
    CreditNoteLine,
    Invoice,
    InvoiceLine,
    Payment,
    Statement,
    StatementRun,
    VehicleExit,
)
from billing.papers.models import Paper as BillingPaper
from catalogue.models import StockMove, VendorOrder
from chat.models import Conversation, Message, SupportTicket
from common.domain.models import IdempotencyKey, SheetImport
from common.domain.types import AnyQuerySet, Json, Values
from customers.actions import PERSONAL_FIELDS
from customers.models import Customer, CustomerUser, Invitation, Notification, PhoneCall
from files.models import Upload
from inspections.models import Finding, FindingPhoto, Inspection
from inspections.papers.models import Paper as InspectionPaper
from integrations.models import Attempt, Delivery, Webhook
from memberships.models import Membership
from orders.models import Order, OrderItem, ReturnLine, ReturnRequest
from passports.models import PassportLink
from reminders.models import Reminder, ReminderMail
from repair_orders.estimates.models import AddedTax, Authorisation, Decision, Estimate, EstimateMail
from repair_orders.models import (
    Job,
    OrderDiscount,
    Paper,
    PartLine,
    RepairOrder,
    RepairPhoto,
    ServiceLine,
)
from repair_orders.pricing.models import TaxExemption
from repair_orders.time_entries.models import TimeEntry
from vehicles.codes.models import Dtc
from vehicles.fuel.models import FuelLog
from vehicles.models import OdometerReading, Recommendation, TelematicsBatch, Vehicle
from vehicles.parking.models import ParkingSpot
from vehicles.schedules.models import ServiceRecord, ServiceSchedule
from vehicles.telematics.packing import unpack


@dataclass(frozen=True)
class Person:
    """A user and the customer accounts for which no other user acts."""

    user: User
    accounts: frozenset[int]


@dataclass(frozen=True)
class Holding:
    """Rows of one table with personal data.

    `user` and `account` are ORM paths to their owner, and `email` one to the owner's address, any of them. `condition`
    restricts the rows. Erasure deletes the rows, or sets the fields in `overwrites` (a function is called for each row)
    and those in `rewrites` to the function of their value. `keeps` names the other fields with text and the reason why
    they are kept. An export omits `secrets` and adds the results of the functions in
    `computed`.
    """

    model: type[Model]
    user: tuple[str, ...] = ()
    account: str = ""
    email: str = ""
    condition: Q | None = None
    deletes: bool = False
    overwrites: Values = field(default_factory=dict)
    rewrites: Mapping[str, Callable[[Any], object]] = field(default_factory=dict)
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
        if self.email and person.user.email:
            found |= Q(**{self.email: person.user.email})
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
_WORK = "a record of the work done on the vehicle"
_BOOKS = "tax law requires the books as they were written"
_ISSUED = "tax law requires papers as they were issued, with name and address"
_PAPER = {"snapshot": _ISSUED, "digest": "of the paper as it was issued"}
# The paths from a paper of billing to the customer who is billed.
_BILLED = ("invoice__bill_to", "credit_note__customer", "payment__customer", "statement__customer")


def forget_customer(snapshot: Json) -> Json:
    """Return the paper of an estimate without the customer, the customer's words and the vehicle's plate."""
    return {
        **snapshot,
        "customer": dict.fromkeys(snapshot["customer"], ""),
        "vehicle": {**snapshot["vehicle"], "license_plate": "", "label": ""},
        "order": {**snapshot["order"], "description": "", "notes": "", "po_number": ""},
        "jobs": [{**job, "concern": ""} for job in snapshot["jobs"]],
    }


# In this order no deleted row is still referenced by another.
HOLDINGS = (
    Holding(IdempotencyKey, user=("user_id",), deletes=True, secrets=("body", "fingerprint")),
    # The files that a member of staff imports. Those of customers are deleted when the import ends.
    Holding(SheetImport, user=("user_id",), deletes=True, secrets=("content", "preview", "errors")),
    Holding(Notification, account="customer", deletes=True),
    Holding(PhoneCall, account="customer", deletes=True),
    # Reminders, also those to the user of an account that others keep.
    Holding(Reminder, account="mail__customer", user=("mail__user",), deletes=True),
    Holding(ReminderMail, account="customer", user=("user",), deletes=True, secrets=("token_hash",)),
    Holding(
        TelematicsBatch,
        account="vehicle__customer",
        deletes=True,
        secrets=("data",),
        computed={"samples": unpack_samples},
    ),
    Holding(ParkingSpot, user=("user",), deletes=True),
    # Erasure withdraws them. What a new owner was given stays, because it names nobody.
    Holding(PassportLink, account="vehicle__customer", secrets=("token_hash",)),
    Holding(FuelLog, account="vehicle__customer", deletes=True),
    Holding(
        OdometerReading,
        account="vehicle__customer",
        overwrites={"note": ""},
        keeps={"source": _CODE},
    ),
    Holding(
        Dtc,
        account="vehicle__customer",
        overwrites={"note": ""},
        keeps=dict.fromkeys(("code", "source"), _CODE),
    ),
    Holding(ServiceRecord, account="schedule__vehicle__customer", keeps={"source": _CODE}),
    Holding(ServiceSchedule, account="vehicle__customer"),
    # The text of declined work has the customer's concern.
    Holding(
        Recommendation,
        account="vehicle__customer",
        overwrites={"text": ""},
        keeps=dict.fromkeys(("source", "code", "urgency", "status"), _CODE),
    ),
    # Moves of parts that the user made, and cancellations of the user's own parts orders.
    Holding(
        StockMove,
        user=("by",),
        keeps={"kind": _CODE, "source": _CODE, "note": "the shop's record of its stock"},
        secrets=("unit_cost",),  # what the shop paid
    ),
    Holding(
        VendorOrder,
        user=("by",),
        keeps={"vendor": "the shop's vendor", "reference": "the vendor's number of the order"},
    ),
    Holding(RepairPhoto, account="repair_order__customer", deletes=True),
    Holding(FindingPhoto, account="finding__inspection__repair_order__customer", deletes=True),
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
    # Papers name the person. What was authorised stays in rows of its own.
    Holding(Upload, account="paper__estimate__repair_order__customer", deletes=True, secrets=("key",)),
    Holding(
        Upload,
        account="inspection_paper__inspection__repair_order__customer",
        deletes=True,
        secrets=("key",),
    ),
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
        overwrites={"description": "", "notes": "", "denial_reason": "", "po_number": ""},
        keeps={
            "status": _CODE,
            "key_tag": "where keys hang",
            "tax_exemption": "the reason why the order was not taxed",
            **dict.fromkeys(("taxed_kinds", "fee_terms", "overrun_terms"), "prices of the location"),
        },
    ),
    # What the customer was shown stays as the record of the authorised work, without the person.
    Holding(
        Estimate,
        account="repair_order__customer",
        overwrites={"sent_to": ""},
        rewrites={"snapshot": forget_customer},
        keeps={"digest": "of the paper as it was sent"},
        secrets=("token_hash",),
    ),
    Holding(
        EstimateMail,
        account="estimate__repair_order__customer",
        keeps={"message_id": "names the mail, not the person"},
    ),
    Holding(
        Authorisation,
        account="estimate__repair_order__customer",
        overwrites={"by_name": "", "contact_used": "", "ip": None, "note": "", "withdrawal_reason": ""},
        keeps={"method": _CODE},
    ),
    Holding(AddedTax, account="authorisation__estimate__repair_order__customer"),
    Holding(
        Decision,
        account="authorisation__estimate__repair_order__customer",
        keeps={"job_name": _WORK, "decision": _CODE},
    ),
    Holding(
        Job,
        account="repair_order__customer",
        overwrites={"concern": ""},
        keeps={**dict.fromkeys(("name", "cause", "correction"), _WORK), "status": _CODE},
    ),
    # The time of the shop's technicians. It says nothing of the customer.
    Holding(TimeEntry, user=("technician__user",)),
    Holding(Paper, account="estimate__repair_order__customer", deletes=True),
    Holding(InspectionPaper, account="inspection__repair_order__customer", deletes=True),
    Holding(Inspection, account="repair_order__customer", keeps={"name": _WORK}),
    Holding(
        Finding,
        account="inspection__repair_order__customer",
        keeps={**dict.fromkeys(("group", "name", "unit", "value", "note"), _WORK), "rating": _CODE},
    ),
    # Invoices of the person's vehicles, and those that the person pays for another customer.
    *(
        Holding(
            Invoice,
            account=path,
            keeps={**_PAPER, "kind": _CODE, "number": _BOOKS, "po_number": _ISSUED},
            secrets=("token_hash", "cost"),
        )
        for path in ("customer", "bill_to")
    ),
    *(
        Holding(
            InvoiceLine,
            account=f"invoice__{path}",
            keeps={"kind": _CODE, "name": _ISSUED},
            secrets=("cost",),
        )
        for path in ("customer", "bill_to")
    ),
    Holding(
        CreditNote, account="customer", keeps={**_PAPER, "kind": _CODE, "number": _BOOKS, "reason": _ISSUED}
    ),
    Holding(
        CreditNoteLine,
        account="credit_note__customer",
        keeps={"kind": _CODE, "name": _ISSUED},
        secrets=("cost",),  # what the shop paid
    ),
    Holding(
        Payment,
        account="customer",
        keeps={**_PAPER, **dict.fromkeys(("kind", "method"), _CODE), "reference": _BOOKS, "reason": _BOOKS},
    ),
    Holding(Allocation, account="payment__customer"),
    Holding(Statement, account="customer", keeps=_PAPER, secrets=("token_hash",)),
    # Days that the user closed.
    Holding(
        ClosedDay,
        user=("closed_by",),
        keeps={"snapshot": _BOOKS, "digest": "of the sheet as it was printed", "note": _BOOKS},
    ),
    Holding(StatementRun, user=("started_by",), keeps={"state": _CODE}),
    # Papers of billing are kept with what they print.
    *(Holding(BillingPaper, account=path, keeps={"digest": _ISSUED}) for path in _BILLED),
    *(
        Holding(
            Upload,
            account=f"billing_paper__{path}",
            keeps=dict.fromkeys(("name", "content_type", "state"), _ISSUED),
            secrets=("key",),
        )
        for path in _BILLED
    ),
    Holding(VehicleExit, account="repair_order__customer", keeps={"override": _BOOKS}),
    Holding(TaxExemption, account="customer", keeps={"number": "the reason why an order was not taxed"}),
    Holding(
        PartLine,
        account="repair_order__customer",
        keeps=dict.fromkeys(
            ("name", "part_number", "manufacturer", "description", "condition", "price_source"), _WORK
        ),
        secrets=("unit_cost", "price_rule"),  # what the shop paid, and what makes the price of it
    ),
    Holding(
        ServiceLine,
        account="repair_order__customer",
        keeps=dict.fromkeys(("kind", "name", "description", "price_source", "price_rule"), _WORK),
        secrets=("cost",),
    ),
    Holding(
        OrderDiscount,
        account="repair_order__customer",
        keeps={"kind": _CODE, "name": _INVOICE, "canned_jobs": _CODE},
    ),
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
    Holding(Membership, user=("user",), overwrites={"cancellation_reason": ""}, keeps={"status": _CODE}),
    Holding(RewardEntry, user=("user",), keeps={"reason": _CODE}),
    Holding(
        Referral,
        user=("referrer", "referred"),
        keeps=dict.fromkeys(("code", "status", "rewards_applied"), _LEDGER),
    ),
    Holding(Shift, user=("technician__user",), deletes=True),
    Holding(Absence, user=("technician__user",), deletes=True),
    Holding(
        Technician,
        user=("user",),
        overwrites={"name": "Former technician", "email": ""},
        keeps={"role": _CODE},
    ),
    # Invitations of the person's own account, and those that others sent to the person's address.
    Holding(Invitation, account="customer", email="email", deletes=True, secrets=("token_hash",)),
    # Invitations that the person sent for an account that others keep.
    Holding(
        Invitation,
        user=("invited_by",),
        overwrites={"invited_by": None},
        keeps=dict.fromkeys(("email", "role"), "the address of the invited person"),
        secrets=("token_hash",),
    ),
    # Keys of programs that the person made for the shop.
    Holding(
        ApiKey,
        user=("created_by",),
        overwrites={"created_by": None},
        keeps=dict.fromkeys(("name", "addresses", "prefix"), "of a program of the shop"),
        secrets=("key_hash",),
    ),
    # Webhooks that the person added for the shop.
    Holding(
        Webhook,
        user=("created_by",),
        overwrites={"created_by": None},
        keeps=dict.fromkeys(("url", "description", "types", "disabled_because"), "of a program of the shop"),
        secrets=("secret", "former_secret"),
    ),
    Holding(
        Delivery,
        user=("webhook__created_by",),
        keeps=dict.fromkeys(("type", "subject", "state"), _CODE),
    ),
    Holding(Attempt, user=("delivery__webhook__created_by",), keeps={"error": "of a program of the shop"}),
    Holding(CustomerUser, user=("user",), keeps={"role": _CODE}),
    Holding(Customer, account="pk", keeps=dict.fromkeys(PERSONAL_FIELDS, _LEFT)),
    Holding(EmailChange, user=("user",), deletes=True, secrets=("undo_hash", "confirm_hash")),
    Holding(RecoveryCode, user=("factor__user",), deletes=True, secrets=("code_hash",)),
    Holding(SecondFactor, user=("user",), deletes=True, secrets=("secret",)),
    Holding(KnownAddress, user=("user",), deletes=True),
    Holding(PageSession, user=("user",), deletes=True, secrets=("session_key", "session_data")),
    Holding(Session, user=("user",), deletes=True, secrets=("refresh_jti",)),
    Holding(Device, user=("user",), deletes=True),
    Holding(
        User,
        user=("pk",),
        overwrites={
            **dict.fromkeys(("email", "confirmed_email", "second_factor_since")),
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
