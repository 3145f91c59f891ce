"""Admin pages of invoices, credit notes, payments, statements, closed days and the prefixes of numbers.

What is booked is read-only. It is continued by the buttons, which call the same verbs as the API.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesCheckboxFilter, RelatedDropdownFilter
from unfold.enums import ActionVariant

from billing import credit_notes, payments
from billing.forms import (
    CreditAmountForm,
    CreditLinesForm,
    InvoicePaymentForm,
    ReasonForm,
    RefundForm,
    SeriesForm,
    UseForm,
)
from billing.invoices import set_prefix
from billing.ledger import Target
from billing.models import (
    Allocation,
    ClosedDay,
    CreditNote,
    CreditNoteLine,
    Invoice,
    InvoiceLine,
    InvoiceSeries,
    Payment,
    PaymentKind,
    Statement,
)
from billing.once import once
from billing.openings import PERMISSIONS as OPENING_PERMISSIONS
from billing.papers.actions import (
    credit_note_paper,
    day_sheet_paper,
    invoice_paper,
    receipt_paper,
    statement_paper,
)
from billing.resources import OpeningResource
from billing.sending import PERMISSIONS as SENDING_PERMISSIONS
from billing.sending import Sent, send_invoice, send_receipt, send_statement
from billing.states import is_overdue, state_of
from common.admin.filters import DayRangeFilter
from common.admin.pages import (
    Button,
    HistoryAdmin,
    NoDeleteMixin,
    ReadOnly,
    ReadOnlyInline,
    StaffAdmin,
    badge,
    column,
    dollars,
    transition_button,
)
from common.admin.transfer import TransferAdmin
from common.domain.errors import DomainError, Invalid
from customers.admin import CUSTOMER_SEARCH
from files.papers import Document
from repair_orders.papers.serving import pdf_response

GetPaper = Callable[..., Document]
STATE_COLORS = {"paid": "success", "open": "info", "overdue": "danger", "credited": "warning"}
STATE_NAMES = {"open": "Open", "overdue": "Overdue", "paid": "Paid", "credited": "Credited"}
KIND_COLORS = {PaymentKind.PAYMENT: "success", PaymentKind.REFUND: "danger", PaymentKind.OPENING: "info"}


def link(row: Model | None) -> SafeString | None:
    """Return a link to the admin's page of a row, or None."""
    if row is None:
        return None
    url = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    return format_html('<a class="underline" href="{}">{}</a>', url, row)


class BookedAdmin(ReadOnly, StaffAdmin):
    """Pages of what was booked.

    The row is not locked before the verb: billing locks the customer first, and then reads the row again (D86).
    """

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        return super(StaffAdmin, self).get_object(request, object_id, from_field)

    def zone_of(self, row: Any) -> tzinfo | None:
        location = getattr(row, "location", None)
        return None if location is None else ZoneInfo(location.time_zone)


class PaperAdmin(BookedAdmin):
    """Pages of what has a paper, which is linked and shown as PDF."""

    get_paper: ClassVar[GetPaper]

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.model_name}_pdf"
        view = self.admin_site.admin_view(self.pdf)
        return [path("<int:object_id>/paper.pdf", view, name=name), *super().get_urls()]

    def pdf(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Show the paper. An error of the domain becomes a message on the row's page."""
        row = self.get_object(request, str(object_id))
        if row is None:
            raise Http404
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        try:
            return pdf_response(type(self).get_paper(row, now=timezone.now()))
        except DomainError as error:
            self.message_user(request, error.text, messages.ERROR)
            return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", object_id)

    @column("Paper")
    def paper_link(self, row: Model) -> SafeString:
        url = reverse(f"admin:{self.opts.model_name}_pdf", args=[row.pk])
        return format_html('<a class="underline" href="{}" target="_blank" rel="noopener">PDF</a>', url)


def ordered(sent: Sent) -> None:
    """Raise Invalid if a mail was not ordered, so that the reason is shown."""
    if not sent.sent:
        raise Invalid(sent.reason)


def mail_button(title: str, send: Callable[..., Sent], *, ask: str) -> Button:
    """Return a button that mails a row's paper to its customer."""
    return transition_button(
        title,
        lambda row, by, now: ordered(send(row, by=by, now=now)),
        ask=ask,
        done="The mail is on its way.",
        icon="mail",
        permission=SENDING_PERMISSIONS["send"],
    )


class BookedInline(ReadOnlyInline):
    ordering: tuple[str, ...] = ("id",)
    hide_title = True
    per_page = 50


class InvoiceLineInline(BookedInline):
    model = InvoiceLine
    verbose_name_plural = "Lines"
    fields = ("kind", "name", "quantity", "shown_amount", "shown_discount", "shown_net", "shown_tax")
    readonly_fields = fields
    ordering = ("position",)
    shown_amount = dollars("Amount", "amount")
    shown_discount = dollars("Discount", "discount")
    shown_net = dollars("Net", "net")
    shown_tax = dollars("Tax", "tax")


class AllocationInline(BookedInline):
    """The uses of a payment, or the payments of an invoice. A negative row was taken off."""

    model = Allocation
    verbose_name_plural = "Uses of the payment"
    fields = ("at", "target", "shown_amount", "by")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Allocation]:
        rows: QuerySet[Allocation] = super().get_queryset(request)
        return rows.select_related("payment", "invoice", "repair_order", "parts_order", "by")

    @column("For")
    def target(self, row: Allocation) -> SafeString | None:
        return link(row.invoice or row.repair_order or row.parts_order)

    @column("Amount")
    def shown_amount(self, row: Allocation) -> str:
        return signed(row.amount)


class PaidInline(AllocationInline):
    verbose_name_plural = "Payments"
    fields = ("at", "source", "shown_amount", "by")
    readonly_fields = fields

    @column("Payment")
    def source(self, row: Allocation) -> SafeString | None:
        return link(row.payment)


class CreditNoteInline(BookedInline):
    model = CreditNote
    verbose_name_plural = "Credit notes"
    fields = ("number", "day", "kind", "reason", "shown_total")
    readonly_fields = fields
    show_change_link = True
    shown_total = dollars("Total", "total")


class CreditNoteLineInline(BookedInline):
    model = CreditNoteLine
    verbose_name_plural = "Lines"
    fields = ("kind", "name", "quantity", "restocked", "shown_net", "shown_tax")
    readonly_fields = fields
    ordering = ("position",)
    shown_net = dollars("Net", "net")
    shown_tax = dollars("Tax", "tax")


class RefundInline(BookedInline):
    model = Payment
    fk_name = "refunds"
    verbose_name_plural = "Refunds"
    fields = ("posted_at", "method", "reference", "reason", "is_reversal", "shown_amount")
    readonly_fields = fields
    show_change_link = True
    shown_amount = dollars("Amount", "amount")


def signed(amount: Decimal) -> str:
    """Return an amount with the minus sign of papers."""
    return f"−${-amount:,}" if amount < 0 else f"${amount:,}"


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return list(STATE_NAMES.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> QuerySet[Invoice]:
        match self.value():
            case "open":
                return queryset.filter(balance__gt=0)
            case "overdue":
                return queryset.filter(is_overdue(timezone.now()))
            case "paid":
                return queryset.filter(balance=0, is_credited=False)
            case "credited":
                return queryset.filter(is_credited=True)
        return queryset


class OpenFilter(admin.SimpleListFilter):
    title = "open part"
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("yes", "Something is open"), ("no", "All is used")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Payment]) -> QuerySet[Payment]:
        if self.value() == "yes":
            return queryset.filter(open__gt=0)
        return queryset.filter(open=0) if self.value() == "no" else queryset


def pay_invoice(
    invoice: Invoice, by: int, now: datetime, amount: Decimal, method: str, reference: str
) -> Payment:
    """Take a payment of the customer who is billed, and use it for the invoice."""
    return payments.take_payment(
        customer=invoice.bill_to,
        location=invoice.location,
        amount=amount,
        method=method,
        reference=reference,
        allocations=[Target(invoice, amount)],
        by=by,
        now=now,
    )


@admin.register(Invoice)
class InvoiceAdmin(TransferAdmin, PaperAdmin):
    """Invoices, and the import of opening balances as invoices and open payments."""

    resource_classes = (OpeningResource,)
    get_paper = staticmethod(invoice_paper)
    list_display = (
        "number",
        "day",
        "bill_to",
        "for_order",
        "shown_total",
        "shown_balance",
        "due_on",
        "state",
    )
    list_filter = (
        StateFilter,
        ("location", RelatedDropdownFilter),
        ("kind", ChoicesCheckboxFilter),
        ("day", DayRangeFilter),
    )
    list_filter_submit = True
    list_select_related = ("bill_to__contact", "location", "repair_order__vehicle")
    search_fields = (
        "number",
        "po_number",
        "=repair_order__number",
        "repair_order__vehicle__license_plate",
        "repair_order__vehicle__unit_number",
        *(f"bill_to__{name}" for name in CUSTOMER_SEARCH),
    )
    date_hierarchy = "day"
    ordering = ("-issued_at", "-id")
    inlines = (InvoiceLineInline, PaidInline, CreditNoteInline)
    actions_detail = ("take_payment", "mail", "credit_lines", "credit_amount", "credit_all")
    fieldsets = (
        (
            None,
            {"fields": (("number", "kind"), ("bill_to_link", "customer_link"), ("order_link", "paper_link"))},
        ),
        (
            "Money",
            {
                "fields": (
                    ("shown_total", "shown_tax"),
                    ("shown_paid", "shown_credited"),
                    ("shown_balance", "due_on"),
                )
            },
        ),
        (
            "Record",
            {
                "fields": (("issued_at", "issued_by"), ("day", "po_number"), ("location", "uuid"), "digest"),
                "classes": ("collapse",),
            },
        ),
    )
    readonly_fields = (
        *("bill_to_link", "customer_link", "order_link", "paper_link", "uuid"),
        *("shown_total", "shown_tax", "shown_paid", "shown_credited", "shown_balance"),
    )
    shown_total = dollars("Total", "total")
    shown_tax = dollars("Of it tax", "tax")
    shown_paid = dollars("Paid", "paid")
    shown_credited = dollars("Credited", "credited")
    shown_balance = dollars("Balance", "balance")

    def has_import_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(OPENING_PERMISSIONS["open"])

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Return False: reports and the journal export what was billed."""
        return False

    def offers(self, row: Invoice, button: str) -> bool:
        if button == "mail":
            return True
        return row.balance > 0 if button == "take_payment" else not row.is_credited

    take_payment = transition_button(
        "Take a payment",
        once(pay_invoice),
        ask="Money of the customer who is billed. What is more than the balance is refused.",
        done="The payment was taken.",
        icon="payments",
        variant=ActionVariant.PRIMARY,
        form=InvoicePaymentForm,
        permission=payments.PERMISSIONS["take"],
    )
    mail = mail_button(
        "Mail invoice",
        send_invoice,
        ask="Mail the customer who is billed a link to the invoice, its total and its balance?",
    )
    credit_lines = transition_button(
        "Credit lines",
        once(
            lambda row, by, now, lines, reason: credit_notes.credit_lines(
                invoice=row, lines=lines, reason=reason, by=by, now=now
            )
        ),
        ask="Take lines of the invoice back, or pieces and hours of them. Each returns its own net and tax.",
        done="The credit note was issued.",
        icon="playlist_remove",
        form=CreditLinesForm,
        permission=credit_notes.PERMISSIONS["credit"],
    )
    credit_amount = transition_button(
        "Credit an amount",
        once(
            lambda row, by, now, amount, reason: credit_notes.credit_amount(
                invoice=row, amount=amount, reason=reason, by=by, now=now
            )
        ),
        ask="An allowance on the whole invoice. What was paid too much is open on its payment then.",
        done="The credit note was issued.",
        icon="money_off",
        form=CreditAmountForm,
        permission=credit_notes.PERMISSIONS["credit"],
    )
    credit_all = transition_button(
        "Credit all",
        lambda row, by, now, reason: credit_notes.credit_all(invoice=row, reason=reason, by=by, now=now),
        ask="Take back all that is left of the invoice. Its order can then be invoiced again.",
        done="The invoice was credited as a whole.",
        icon="cancel",
        variant=ActionVariant.DANGER,
        form=ReasonForm,
        permission=credit_notes.PERMISSIONS["credit"],
    )

    @column("For", ordering="repair_order__number")
    def for_order(self, invoice: Invoice) -> str:
        order = invoice.repair_order
        return "Opening balance" if order is None else f"{order.vehicle}, order {order.reference}"

    @column("Billed to")
    def bill_to_link(self, invoice: Invoice) -> SafeString | None:
        return link(invoice.bill_to)

    @column("Customer of the order")
    def customer_link(self, invoice: Invoice) -> SafeString | None:
        return link(invoice.customer)

    @column("Repair order")
    def order_link(self, invoice: Invoice) -> SafeString | None:
        return link(invoice.repair_order)

    @badge("State", colors=STATE_COLORS, ordering="balance")
    def state(self, invoice: Invoice) -> tuple[str, str]:
        state = state_of(invoice, now=timezone.now())
        return state, STATE_NAMES[state]


@admin.register(CreditNote)
class CreditNoteAdmin(PaperAdmin):
    get_paper = staticmethod(credit_note_paper)
    list_display = ("number", "day", "customer", "invoice", "kind", "shown_total")
    list_filter = (
        ("kind", ChoicesCheckboxFilter),
        ("location", RelatedDropdownFilter),
        ("day", DayRangeFilter),
    )
    list_filter_submit = True
    list_select_related = ("customer__contact", "invoice")
    search_fields = (
        "number",
        "invoice__number",
        "reason",
        *(f"customer__{name}" for name in CUSTOMER_SEARCH),
    )
    date_hierarchy = "day"
    ordering = ("-posted_at", "-id")
    inlines = (CreditNoteLineInline,)
    fields = (
        ("number", "kind"),
        ("customer_link", "invoice_link"),
        "reason",
        ("shown_total", "shown_tax"),
        ("posted_at", "by"),
        ("day", "location"),
        "paper_link",
    )
    readonly_fields = ("customer_link", "invoice_link", "shown_total", "shown_tax", "paper_link")
    shown_total = dollars("Total", "total")
    shown_tax = dollars("Of it tax", "tax")

    @column("Customer")
    def customer_link(self, note: CreditNote) -> SafeString | None:
        return link(note.customer)

    @column("Invoice")
    def invoice_link(self, note: CreditNote) -> SafeString | None:
        return link(note.invoice)


@admin.register(Payment)
class PaymentAdmin(PaperAdmin):
    get_paper = staticmethod(receipt_paper)
    noun = "payment"
    list_display = (
        *("name", "posted_at", "customer", "kind_badge", "method", "reference"),
        *("shown_amount", "shown_open"),
    )
    list_filter = (
        ("kind", ChoicesCheckboxFilter),
        ("method", ChoicesCheckboxFilter),
        OpenFilter,
        ("location", RelatedDropdownFilter),
        ("day", DayRangeFilter),
    )
    list_filter_submit = True
    list_select_related = ("customer__contact",)
    search_fields = ("=id", "reference", *(f"customer__{name}" for name in CUSTOMER_SEARCH))
    date_hierarchy = "day"
    ordering = ("-posted_at", "-id")
    inlines = (AllocationInline, RefundInline)
    actions_detail = ("use", "mail", "refund", "reverse")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("kind", "customer_link"),
                    ("shown_amount", "shown_open"),
                    ("method", "reference"),
                    ("refunds_link", "is_reversal"),
                    "reason",
                    "paper_link",
                )
            },
        ),
        ("Record", {"fields": (("posted_at", "taken_by"), ("day", "location"), "received_on")}),
    )
    readonly_fields = ("customer_link", "refunds_link", "shown_amount", "shown_open", "paper_link")
    shown_amount = dollars("Amount", "amount")
    shown_open = dollars("Open", "open")

    def get_inlines(self, request: HttpRequest, obj: Payment | None) -> tuple[type[BookedInline], ...]:
        return () if obj is not None and obj.kind == PaymentKind.REFUND else self.inlines

    def offers(self, row: Payment, button: str) -> bool:
        if button == "mail":
            return row.kind != PaymentKind.OPENING
        if row.kind == PaymentKind.REFUND:
            return False
        return row.open > 0 if button in ("use", "refund") else not row.refunded_by.exists()

    use = transition_button(
        "Use for",
        payments.allocate,
        ask="Use what is open for an invoice, or keep it as a deposit on an order.",
        done="The payment was used.",
        icon="call_split",
        variant=ActionVariant.PRIMARY,
        form=UseForm,
        permission=payments.PERMISSIONS["allocate"],
    )
    mail = transition_button(
        "Mail receipt",
        lambda payment, by, now: ordered(send_receipt(payment, by=by, now=now)),
        ask="Mail the customer the receipt?",
        done="The mail is on its way.",
        icon="mail",
        permission=SENDING_PERMISSIONS["send"],
    )
    refund = transition_button(
        "Refund",
        once(payments.refund),
        ask="Give back a part of what is open.",
        done="The refund was booked.",
        icon="currency_exchange",
        form=RefundForm,
        permission=payments.PERMISSIONS["refund"],
    )
    reverse = transition_button(
        "Reverse",
        payments.reverse,
        ask="The payment was recorded by mistake. It is taken off everything, and its amount is booked back.",
        done="The payment was reversed.",
        icon="undo",
        variant=ActionVariant.DANGER,
        form=ReasonForm,
        permission=payments.PERMISSIONS["reverse"],
    )

    @column("No.", ordering="id")
    def name(self, payment: Payment) -> str:
        return f"#{payment.pk}"

    @column("Customer")
    def customer_link(self, payment: Payment) -> SafeString | None:
        return link(payment.customer)

    @column("Refund of")
    def refunds_link(self, payment: Payment) -> SafeString | None:
        return link(payment.refunds)

    @badge("Kind", colors=KIND_COLORS, ordering="kind")
    def kind_badge(self, payment: Payment) -> tuple[str, str]:
        return payment.kind, "Reversal" if payment.is_reversal else PaymentKind(payment.kind).label


@admin.register(Statement)
class StatementAdmin(PaperAdmin):
    get_paper = staticmethod(statement_paper)
    list_display = ("name", "customer", "shown_balance", "made_at")
    list_filter = (("month", DayRangeFilter),)
    list_filter_submit = True
    list_select_related = ("customer__contact",)
    search_fields: ClassVar[tuple[str, ...]] = tuple(f"customer__{name}" for name in CUSTOMER_SEARCH)
    date_hierarchy = "month"
    ordering = ("-month", "-id")
    fields = (
        ("name", "customer_link"),
        ("shown_balance", "paper_link"),
        ("made_at", "sent_at"),
        ("uuid", "digest"),
    )
    readonly_fields = ("name", "customer_link", "shown_balance", "paper_link", "sent_at", "uuid")
    actions_detail = ("mail",)

    mail = mail_button(
        "Mail statement",
        send_statement,
        ask="Mail the customer a link to the statement and the balance?",
    )

    @column("Month", ordering="month")
    def name(self, statement: Statement) -> str:
        return f"{statement.month:%B %Y}"

    @column("Customer")
    def customer_link(self, statement: Statement) -> SafeString | None:
        return link(statement.customer)

    @column("Balance")
    def shown_balance(self, statement: Statement) -> str:
        return signed(statement.balance)


@admin.register(ClosedDay)
class ClosedDayAdmin(PaperAdmin):
    get_paper = staticmethod(day_sheet_paper)
    list_display = ("day", "location", "shown_cash", "note", "closed_by", "closed_at")
    list_filter = (("location", RelatedDropdownFilter), ("day", DayRangeFilter))
    list_filter_submit = True
    list_select_related = ("location", "closed_by")
    search_fields = ("note", "location__name")
    date_hierarchy = "day"
    ordering = ("-day", "-id")
    fields = (
        ("location", "day"),
        ("shown_cash", "note"),
        ("closed_at", "closed_by"),
        ("paper_link", "digest"),
    )
    readonly_fields = ("shown_cash", "paper_link")

    @column("Cash counted")
    def shown_cash(self, day: ClosedDay) -> str | None:
        return None if day.cash_counted is None else f"${day.cash_counted:,}"


@admin.register(InvoiceSeries)
class InvoiceSeriesAdmin(NoDeleteMixin, HistoryAdmin):
    """The prefix of each location's numbers. It can be set until the first invoice."""

    form = SeriesForm
    list_display = ("prefix", "location")
    list_select_related = ("location",)
    search_fields = ("prefix", "location__name")
    ordering = ("prefix",)
    fields = ("location", "prefix")

    def get_readonly_fields(self, request: HttpRequest, obj: InvoiceSeries | None = None) -> list[str]:
        fields = super().get_readonly_fields(request, obj)
        if obj is None:
            return fields
        is_used = Invoice.objects.filter(location=obj.location_id).exists()
        return [*fields, "location", *(["prefix"] if is_used else [])]

    def save_model(self, request: HttpRequest, obj: InvoiceSeries, form: SeriesForm, change: bool) -> None:
        if not change or "prefix" in form.changed_data:
            set_prefix(location=obj.location, prefix=obj.prefix)
            obj.pk = InvoiceSeries.objects.get(location=obj.location_id).pk
