"""Invoices, credit notes, and the ledger of payments (docs/design, D86–D93).

Nothing here changes once it is stored, except for balances, which the verbs count anew under the customer's lock, and
the customer, when two are merged. The database refuses every other change. A `day` is the day on which a row counts in
sheets, statements and journals: the local day of its location.
"""

from __future__ import annotations

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from appointments.models import Location
from billing.papers.models import Paper
from billing.querysets import (
    AllocationQuerySet,
    CreditNoteLineQuerySet,
    CreditNoteQuerySet,
    InvoiceLineQuerySet,
    InvoiceQuerySet,
    PaymentQuerySet,
    StatementQuerySet,
)
from common.domain.constraints import AppendOnly
from common.domain.ids import Identified
from common.domain.money import PaymentMethod, fine_percent, money, signed_money
from common.domain.text_fields import LineField, ParagraphsField
from customers.models import Customer
from orders.models import Order
from repair_orders.models import RepairOrder
from vehicles.fields import miles_field


def _known(field: str, choices: type[models.TextChoices], name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=Q(**{f"{field}__in": choices.values}), name=name)


class InvoiceSeries(models.Model):
    """The prefix of a location's invoice numbers: `SG` makes invoice `SG-17` and credit note `SG-C3`.

    A prefix is unique and does not change once a number was drawn with it.
    """

    id = models.BigAutoField(primary_key=True)
    location = models.OneToOneField(Location, on_delete=models.PROTECT, related_name="invoice_series")
    prefix = models.CharField(
        max_length=8,
        unique=True,
        validators=[RegexValidator(r"^[A-Z0-9]{1,8}\Z", "Use 1 to 8 capital letters and digits.")],
        help_text="1 to 8 capital letters and digits, before the number of each invoice.",
    )

    history = HistoricalRecords()

    class Meta:
        verbose_name = "invoice series"
        verbose_name_plural = "invoice series"

    def __str__(self) -> str:
        return f"{self.prefix}-"


class InvoiceKind(models.TextChoices):
    ORDER = "order", "Repair order"
    OPENING = "opening", "Opening balance"


class Invoice(Identified):
    """What a customer owes for one completed order of one vehicle, or from before the shop used this product.

    `customer` is the order's, and `bill_to` the one who pays and whose account it is in. `paid` is the sum of its
    allocations, `credited` that of its credit notes, and `balance` = total - credited - paid, never below 0.00.
    `snapshot` is the whole paper, `digest` the SHA-256 of its canonical JSON in hexadecimal. `cost` is what the shop
    paid for its parts and sublet work.
    """

    kind = models.CharField(max_length=7, choices=InvoiceKind, default=InvoiceKind.ORDER)
    number = models.CharField(max_length=24, unique=True)
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="invoices", db_index=False)
    repair_order = models.ForeignKey(
        RepairOrder, on_delete=models.PROTECT, null=True, blank=True, related_name="invoices"
    )
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+")
    bill_to = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="invoices", db_index=False)
    issued_at = models.DateTimeField()
    day = models.DateField(help_text="The day on which it counts, in the location's time zone.")
    due_on = models.DateField()
    issued_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    po_number = LineField("PO number", max_length=40, blank=True, default="")
    tax_percent = fine_percent()
    subtotal = money()
    discount = money()
    net = money()
    tax = money()
    total = money()
    cost = money()
    paid = money(default=0, editable=False)
    credited = money(default=0, editable=False)
    balance = money(editable=False)
    is_credited = models.BooleanField("credited as a whole", default=False, editable=False)
    snapshot = models.JSONField()
    digest = models.CharField(max_length=64)
    token_hash = models.CharField(max_length=64, unique=True)

    objects = InvoiceQuerySet["Invoice"].as_manager()

    class Meta:
        permissions = [
            ("send_invoice", "Can mail invoices and statements"),
            ("open_account_invoice", "Can book opening balances"),
        ]
        constraints = [
            AppendOnly(
                name="invoice_never_changes",
                but=("customer", "bill_to", "paid", "credited", "balance", "is_credited"),
            ),
            _known("kind", InvoiceKind, "invoice_kind_is_known"),
            models.CheckConstraint(
                condition=Q(kind=InvoiceKind.OPENING, repair_order=None)
                | Q(kind=InvoiceKind.ORDER, repair_order__isnull=False),
                name="invoice_is_of_an_order",
            ),
            models.CheckConstraint(
                condition=Q(balance__gte=0, paid__gte=0, credited__gte=0, credited__lte=F("total")),
                name="invoice_is_never_overpaid",
            ),
            models.UniqueConstraint(
                fields=["repair_order"],
                condition=Q(is_credited=False, repair_order__isnull=False),
                name="invoice_once_an_order",
            ),
        ]
        indexes = [
            models.Index(fields=["-issued_at", "-id"], name="invoice_by_age"),
            models.Index(fields=["bill_to", "-issued_at", "-id"], name="invoice_of_customer"),
            models.Index(fields=["bill_to", "day"], name="invoice_of_customer_by_day"),
            models.Index(fields=["location", "day"], name="invoice_by_day"),
            models.Index(fields=["day"], name="invoice_on_day"),  # at all locations
            models.Index(
                fields=["due_on", "id"], condition=Q(balance__gt=0), name="invoice_open_by_due_date"
            ),
        ]

    def __str__(self) -> str:
        return f"Invoice {self.number}"


class LineKind(models.TextChoices):
    """The kinds by which sales are counted."""

    PART = "part", "Parts"
    LABOUR = "labour", "Labor"
    SUBLET = "sublet", "Sublet work"
    FEE = "fee", "Fees"
    ALLOWANCE = "allowance", "Allowances"  # of credit notes by amount
    OPENING = "opening", "Opening balances"


class InvoiceLine(models.Model):
    """A line with its share of discount and tax. `line_id` is the id of the part or service line it was made from."""

    id = models.BigAutoField(primary_key=True)
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="lines", db_index=False)
    position = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=9, choices=LineKind)
    line_id = models.BigIntegerField(null=True)
    job_id = models.BigIntegerField(null=True)
    name = LineField(max_length=200)
    quantity = models.DecimalField(
        max_digits=7, decimal_places=2, null=True, help_text="Pieces or hours. Empty: not divisible."
    )
    amount = money()
    discount = money()
    net = money()
    tax = money()
    taxable = models.BooleanField()
    cost = money()
    is_core = models.BooleanField(default=False, help_text="A core charge.")

    objects = InvoiceLineQuerySet["InvoiceLine"].as_manager()

    class Meta:
        constraints = [
            AppendOnly(name="invoice_line_never_changes"),
            _known("kind", LineKind, "invoice_line_kind_is_known"),
            models.UniqueConstraint(fields=["invoice", "position"], name="invoice_line_position_once"),
        ]

    def __str__(self) -> str:
        return self.name


class CreditKind(models.TextChoices):
    LINES = "lines", "By line"
    AMOUNT = "amount", "By amount"
    WHOLE = "whole", "Whole invoice"


class CreditNote(Identified):
    """Lines or an amount of an invoice that the shop takes back.

    Cost of goods is taken back for pieces that went back on the shelf. The last credit note of an invoice that is
    credited as a whole takes back the rest.
    """

    kind = models.CharField(max_length=6, choices=CreditKind)
    number = models.CharField(max_length=24, unique=True)
    location = models.ForeignKey(Location, on_delete=models.PROTECT, related_name="+", db_index=False)
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="credit_notes")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="credit_notes")
    posted_at = models.DateTimeField()
    day = models.DateField(help_text="The day on which it counts, in the location's time zone.")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    reason = ParagraphsField(help_text="Printed on the credit note.")
    subtotal = signed_money()
    discount = signed_money()
    net = money()
    tax = money()
    total = money()
    snapshot = models.JSONField()
    digest = models.CharField(max_length=64)

    objects = CreditNoteQuerySet["CreditNote"].as_manager()

    class Meta:
        constraints = [
            AppendOnly(name="credit_note_never_changes", but=("customer",)),
            _known("kind", CreditKind, "credit_note_kind_is_known"),
        ]
        indexes = [
            models.Index(fields=["-posted_at", "-id"], name="credit_note_by_age"),
            models.Index(fields=["location", "day"], name="credit_note_by_day"),
            models.Index(fields=["day"], name="credit_note_on_day"),
        ]

    def __str__(self) -> str:
        return f"Credit note {self.number}"


class CreditNoteLine(models.Model):
    """A line of a credit note. An allowance belongs to no line of the invoice, and may be negative (D89)."""

    id = models.BigAutoField(primary_key=True)
    credit_note = models.ForeignKey(
        CreditNote, on_delete=models.PROTECT, related_name="lines", db_index=False
    )
    position = models.PositiveSmallIntegerField()
    invoice_line = models.ForeignKey(InvoiceLine, on_delete=models.PROTECT, null=True, related_name="credits")
    kind = models.CharField(max_length=9, choices=LineKind)
    name = LineField(max_length=200)
    quantity = models.DecimalField(max_digits=7, decimal_places=2, null=True)
    restocked = models.PositiveIntegerField(default=0, help_text="Pieces that went back on the shelf.")
    cost = money(default=0, help_text="What these pieces had cost when they left the shelf.")
    amount = signed_money()
    discount = signed_money()
    net = signed_money()
    tax = signed_money()

    objects = CreditNoteLineQuerySet["CreditNoteLine"].as_manager()

    class Meta:
        constraints = [
            AppendOnly(name="credit_note_line_never_changes"),
            _known("kind", LineKind, "credit_note_line_kind_is_known"),
            models.UniqueConstraint(
                fields=["credit_note", "position"], name="credit_note_line_position_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PaymentKind(models.TextChoices):
    PAYMENT = "payment", "Payment"
    REFUND = "refund", "Refund"
    OPENING = "opening", "Opening credit"  # owed to the customer from before; no money of any day


class Payment(Identified):
    """Money that came in or was given back, in one row that never changes.

    `open` is what of a payment is neither allocated nor refunded: amount - allocations - refunds, never below 0.00. A
    refund names its payment in `refunds` and has nothing open. `posted_at` is the server's clock, and `received_on` a
    note of the day that the customer paid. `snapshot` is the receipt.
    """

    kind = models.CharField(max_length=7, choices=PaymentKind, default=PaymentKind.PAYMENT)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="payments", db_index=False)
    location = models.ForeignKey(
        Location,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text="The till. Empty only where the shop has no location.",
    )
    amount = money()
    method = models.CharField(max_length=8, choices=PaymentMethod)
    reference = LineField(
        max_length=100, blank=True, default="", help_text="Check number, slip of the terminal, …"
    )
    received_on = models.DateField(null=True, blank=True)
    posted_at = models.DateTimeField()
    day = models.DateField(help_text="The day on which it counts, in the location's time zone.")
    taken_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    refunds = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="refunded_by"
    )
    is_reversal = models.BooleanField(default=False, help_text="The payment was recorded by mistake.")
    reason = ParagraphsField(blank=True, default="")
    open = money(editable=False)
    snapshot = models.JSONField()
    digest = models.CharField(max_length=64)

    objects = PaymentQuerySet["Payment"].as_manager()

    class Meta:
        permissions = [
            ("refund_payment", "Can refund payments"),
            ("reverse_payment", "Can reverse payments, and refund them by another method"),
        ]
        constraints = [
            AppendOnly(name="payment_never_changes", but=("customer", "open")),
            _known("kind", PaymentKind, "payment_kind_is_known"),
            _known("method", PaymentMethod, "payment_method_is_known"),
            models.CheckConstraint(
                condition=Q(amount__gt=0, open__gte=0, open__lte=F("amount")), name="payment_open_is_possible"
            ),
            models.CheckConstraint(
                condition=Q(kind=PaymentKind.REFUND, refunds__isnull=False, open=0)
                | (~Q(kind=PaymentKind.REFUND) & Q(refunds=None, is_reversal=False)),
                name="refund_names_its_payment",
            ),
        ]
        indexes = [
            models.Index(fields=["-posted_at", "-id"], name="payment_by_age"),
            models.Index(fields=["customer", "-posted_at", "-id"], name="payment_of_customer"),
            models.Index(fields=["location", "day"], name="payment_by_day"),
            models.Index(fields=["day"], name="payment_on_day"),
            models.Index(fields=["method", "-posted_at", "-id"], name="payment_by_method"),
            models.Index(fields=["kind", "-posted_at", "-id"], name="payment_by_kind"),
            models.Index(fields=["customer"], condition=Q(open__gt=0), name="payment_with_open_part"),
            models.Index(fields=["-posted_at", "-id"], condition=Q(open__gt=0), name="payment_open_by_age"),
        ]

    def __str__(self) -> str:
        return f"{PaymentKind(self.kind).label} {self.pk}"


class Allocation(models.Model):
    """A part of a payment that is used for an invoice, kept for an open order (a deposit), or paid for a parts order.

    A negative row takes one off again.
    """

    id = models.BigAutoField(primary_key=True)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="allocations")
    invoice = models.ForeignKey(
        Invoice, on_delete=models.PROTECT, null=True, blank=True, related_name="allocations"
    )
    repair_order = models.ForeignKey(
        RepairOrder, on_delete=models.PROTECT, null=True, blank=True, related_name="allocations"
    )
    parts_order = models.ForeignKey(
        Order, on_delete=models.PROTECT, null=True, blank=True, related_name="allocations"
    )
    amount = signed_money()
    location = models.ForeignKey(
        Location, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    at = models.DateTimeField()
    day = models.DateField()
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )

    objects = AllocationQuerySet["Allocation"].as_manager()

    class Meta:
        constraints = [
            AppendOnly(name="allocation_never_changes"),
            models.CheckConstraint(condition=~Q(amount=0), name="allocation_is_of_something"),
            models.CheckConstraint(
                condition=Q(invoice__isnull=False, repair_order=None, parts_order=None)
                | Q(invoice=None, repair_order__isnull=False, parts_order=None)
                | Q(invoice=None, repair_order=None, parts_order__isnull=False),
                name="allocation_has_one_target",
            ),
        ]
        indexes = [models.Index(fields=["location", "day"], name="allocation_by_day")]

    def __str__(self) -> str:
        return f"{self.amount:+,}"


class Statement(Identified):
    """The account of a customer in a month, stored when it is made. `month` is its first day."""

    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, related_name="statements", db_index=False
    )
    month = models.DateField()
    made_at = models.DateTimeField()
    balance = models.DecimalField(
        max_digits=14,
        decimal_places=2,
        help_text="What the customer owed at the end of the month. Below 0.00 the shop owed.",
    )
    snapshot = models.JSONField()
    digest = models.CharField(max_length=64)
    token_hash = models.CharField(max_length=64, unique=True)
    sent_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When its mail was last ordered."
    )

    objects = StatementQuerySet["Statement"].as_manager()

    class Meta:
        constraints = [
            AppendOnly(name="statement_never_changes", but=("customer", "sent_at")),
            models.UniqueConstraint(fields=["customer", "month"], name="statement_once_a_month"),
        ]
        indexes = [models.Index(fields=["month", "id"], name="statement_by_month")]

    def __str__(self) -> str:
        return f"Statement {self.month:%Y-%m}"


class RunState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Running"
    FINISHED = "finished", "Finished"


class StatementRun(models.Model):
    """The statements of a month for all customers with unpaid invoices, made and mailed by a task.

    `made` of `total` customers are done. `mailed` counts the mails that were ordered, so that a customer without an
    address and one whose statement was mailed before are not among them. `last_customer` is the id of the last customer
    that is done, after whom a task goes on when a worker dies.
    """

    id = models.BigAutoField(primary_key=True)
    month = models.DateField()
    state = models.CharField(max_length=8, choices=RunState, default=RunState.WAITING)
    total = models.PositiveIntegerField(default=0)
    made = models.PositiveIntegerField(default=0)
    mailed = models.PositiveIntegerField(default=0)
    last_customer = models.BigIntegerField(default=0, editable=False)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            _known("state", RunState, "statement_run_state_is_known"),
            models.UniqueConstraint(
                fields=["month"], condition=Q(finished_at=None), name="statement_run_once_at_a_time"
            ),
        ]
        indexes = [models.Index(fields=["-started_at", "-id"], name="statement_run_by_age")]

    def __str__(self) -> str:
        return f"Statements of {self.month:%Y-%m}"


class ClosedDay(models.Model):
    """A day of a location that was counted and closed. `snapshot` is the sheet that was printed.

    What is posted later that day counts on the next day, so that the sheet stays true.
    """

    id = models.BigAutoField(primary_key=True)
    location = models.ForeignKey(
        Location, on_delete=models.PROTECT, related_name="closed_days", db_index=False
    )
    day = models.DateField()
    closed_at = models.DateTimeField()
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    cash_counted = money(null=True, help_text="The cash in the till.")
    note = ParagraphsField(blank=True, default="")
    snapshot = models.JSONField()
    digest = models.CharField(max_length=64)

    class Meta:
        permissions = [("report_closedday", "Can read reports and export the journal")]
        constraints = [
            AppendOnly(name="closed_day_never_changes"),
            models.UniqueConstraint(fields=["location", "day"], name="day_closed_once"),
        ]

    def __str__(self) -> str:
        return f"{self.day}"


class VehicleExit(models.Model):
    """The step *vehicle out*: the keys were handed over. A balance needs a reason and the name of who allowed it."""

    id = models.BigAutoField(primary_key=True)
    repair_order = models.OneToOneField(RepairOrder, on_delete=models.PROTECT, related_name="exit")
    at = models.DateTimeField()
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    odometer = miles_field(null=True)
    balance = money(help_text="What was not paid when the vehicle left.")
    override = ParagraphsField(blank=True, default="", help_text="Why the vehicle left with a balance.")

    class Meta:
        permissions = [("override_vehicleexit", "Can let a vehicle leave unpaid")]
        constraints = [
            AppendOnly(name="vehicle_exit_never_changes"),
            models.CheckConstraint(
                condition=Q(balance=0) | ~Q(override=""), name="unpaid_exit_names_a_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"Vehicle out of repair order {self.repair_order.reference}"


__all__ = ["Paper"]
