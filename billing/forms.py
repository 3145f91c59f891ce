"""Dialog forms of the buttons of billing: payments, credits, refunds and reasons."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django import forms
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminDateWidget,
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminExpandableTextareaWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from appointments.models import Location
from billing.credit_notes import LineCredit
from billing.exits import PERMISSIONS as EXIT_PERMISSIONS
from billing.ledger import ZERO, Target
from billing.models import Invoice, InvoiceLine, InvoiceSeries, Payment
from billing.payments import PERMISSIONS as PAYMENT_PERMISSIONS
from billing.queries import find_lines_left, find_payable, get_deposit
from billing.restock import find_restockable
from common.domain.ids import new_uuid
from common.domain.money import PaymentMethod
from common.domain.number_fields import DecimalField
from common.domain.types import Json
from customers.models import Customer
from repair_orders.models import RepairOrder
from repair_orders.queries import totals_of

CENT = Decimal("0.01")


def amount_field(label: str = "Amount", **options: Any) -> DecimalField:
    """Return a field for an amount of at least a cent."""
    options = {"min_value": CENT, **options}
    return DecimalField(
        label=label, max_digits=10, decimal_places=2, widget=UnfoldAdminDecimalFieldWidget(), **options
    )


def method_field(**options: Any) -> forms.ChoiceField:
    options = {"choices": PaymentMethod.choices, "initial": PaymentMethod.CARD, **options}
    return forms.ChoiceField(label="Method", widget=UnfoldAdminSelectWidget(), **options)


def reference_field() -> forms.CharField:
    return forms.CharField(
        label="Reference",
        max_length=100,
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Check number or slip of the terminal.",
    )


def reason_field(**options: Any) -> forms.CharField:
    return forms.CharField(
        label="Reason", widget=UnfoldAdminExpandableTextareaWidget(attrs={"rows": 3}), **options
    )


class OnceForm(BaseDialogForm):
    """A form that acts once, however often it is sent: it carries a key that is drawn when it is shown."""

    key = forms.CharField(max_length=100, required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["key"] = new_uuid().hex


class ReasonForm(BaseDialogForm):
    """The reason of a step that needs one."""

    reason = reason_field()


class PaymentForm(OnceForm):
    """The amount of a payment and its method."""

    amount = amount_field()
    method = method_field()
    reference = reference_field()


class InvoicePaymentForm(PaymentForm):
    """A payment of an invoice, prefilled with its balance."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        invoice = Invoice.objects.filter(pk=self.object_id).first()
        self.initial["amount"] = invoice.balance if invoice else None


class DepositForm(PaymentForm):
    """A deposit on a repair order, prefilled with the part of its total that is not kept yet."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        order = RepairOrder.objects.filter(pk=self.object_id).first()
        if order is not None:
            left = (order.total_cost or totals_of(order).total) - get_deposit(order)
            self.initial["amount"] = left if left > 0 else None


class RefundForm(OnceForm):
    """The amount given back of a payment and the method. Prefilled with what is open, by the payment's own method."""

    amount = amount_field()
    method = method_field(help_text="Another method than the payment's needs a manager.")
    reference = reference_field()
    reason = reason_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        payment = Payment.objects.filter(pk=self.object_id).first()
        if payment is not None:
            self.initial |= {"amount": payment.open or None, "method": payment.method}

    def clean(self) -> Json:
        may = self.request.user.has_perm(PAYMENT_PERMISSIONS["reverse"])
        return {**(super().clean() or self.cleaned_data), "may_change_method": may}


class UseForm(BaseDialogForm):
    """The invoice or the open order for which a part of a payment is used."""

    target = forms.ChoiceField(label="Use for", widget=UnfoldAdminSelectWidget())
    amount = amount_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        payment = Payment.objects.filter(pk=self.object_id).select_related("customer").first()
        rows = list(find_payable(payment.customer)) if payment else []
        self.rows = {f"{row._meta.model_name}:{row.pk}": row for row in rows}
        self.fields["target"].choices = [(key, _label(row)) for key, row in self.rows.items()]
        if payment is not None and rows:
            most = rows[0].balance if isinstance(rows[0], Invoice) else payment.open
            self.initial["amount"] = min(payment.open, most) or None

    def clean(self) -> Json:
        values: Json = super().clean() or self.cleaned_data
        if "target" not in values or "amount" not in values:
            return values
        row = self.rows[values["target"]]
        return {"allocations": [Target(row, values["amount"])]}


def _label(row: Invoice | RepairOrder) -> str:
    if isinstance(row, Invoice):
        return f"{row}, {row.balance:,} to pay"
    return f"Deposit on repair order {row.reference}"


class CreditAmountForm(OnceForm):
    """An amount with tax to credit, and the reason that the credit note prints."""

    amount = amount_field("Amount, tax included")
    reason = reason_field()


class CreditLinesForm(OnceForm):
    """The credit of each line: pieces or hours, or the whole line where it has none.

    A line of a part from the shelf also has the pieces that go back on it.
    """

    reason = reason_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        lines = find_lines_left(int(self.object_id or 0))
        out = find_restockable([line for line, _ in lines])
        reason = self.fields.pop("reason")
        for line, left in lines:
            self.fields[f"line_{line.pk}"] = _line_field(line, left)
            if line.pk in out:
                self.fields[f"restock_{line.pk}"] = _restock_field(line, out[line.pk])
        self.fields["reason"] = reason  # comes last

    def clean(self) -> Json:
        values = super().clean() or self.cleaned_data
        lines = list(self._credits(values))
        if not lines and not self.errors:
            raise forms.ValidationError("Choose at least one line.")
        return {"lines": lines, "reason": values.get("reason", ""), "key": values.get("key", "")}

    def _credits(self, values: Json) -> Iterator[LineCredit]:
        for name in [name for name in self.fields if name.startswith("line_")]:
            line_id, value = int(name.removeprefix("line_")), values.get(name)
            restock = values.get(f"restock_{line_id}") or 0
            if restock > (value or 0) and name not in self.errors:
                self.add_error(f"restock_{line_id}", "Not more than the pieces that are credited.")
            elif value:
                yield LineCredit(line_id, None if value is True else value, restock)


def _line_field(line: InvoiceLine, left: Decimal | None) -> forms.Field:
    if left is None:
        return forms.BooleanField(
            label=f"{line.name}, {line.amount:,}", required=False, widget=UnfoldBooleanWidget()
        )
    return DecimalField(
        label=f"{line.name}, {line.amount:,}",
        required=False,
        min_value=ZERO,
        max_value=left,
        max_digits=7,
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"placeholder": "0"}),
        help_text=f"{left:f} left.",
    )


def _restock_field(line: InvoiceLine, out: int) -> forms.Field:
    return forms.IntegerField(
        label=f"Back on the shelf of {line.name}",
        required=False,
        min_value=0,
        max_value=out,
        widget=UnfoldAdminIntegerFieldWidget(attrs={"placeholder": "0"}),
        help_text=f"At most {out}. Empty: none.",
    )


class IssueForm(BaseDialogForm):
    """Whom an invoice is billed to, if not to the customer of the order, and their PO number."""

    bill_to = forms.ModelChoiceField(
        Customer.objects.current().with_contact(),
        label="Bill to the customer with number",
        required=False,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text="A leasing company or an insurer. Empty: the customer of the order.",
    )
    po_number = forms.CharField(
        label="PO number", max_length=40, required=False, widget=UnfoldAdminTextInputWidget()
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        order = RepairOrder.objects.filter(pk=self.object_id).first()
        if order is not None:
            self.initial["po_number"] = order.po_number


class ExitForm(BaseDialogForm):
    """The odometer when the keys are handed over, and for managers the reason why the vehicle leaves unpaid."""

    odometer = DecimalField(
        label="Odometer",
        required=False,
        min_value=ZERO,
        max_digits=9,
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget(),
        help_text="In miles.",
    )
    override = reason_field(
        required=False, help_text="Only where something is unpaid: why the vehicle leaves all the same."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.may_override = self.request.user.has_perm(EXIT_PERMISSIONS["override"])
        if not self.may_override:
            del self.fields["override"]

    def clean(self) -> Json:
        return {**(super().clean() or self.cleaned_data), "may_override": self.may_override}


class OpeningForm(OnceForm):
    """The balance of a customer from before the shop used this product, owed by either side."""

    location = forms.ModelChoiceField(
        Location.objects.order_by("name", "id"), widget=UnfoldAdminSelectWidget(), empty_label=None
    )
    amount = amount_field(
        min_value=None, help_text="What the customer owed. With a minus sign: what the shop owed."
    )
    day = forms.DateField(
        label="Day",
        widget=UnfoldAdminDateWidget(),
        help_text="Before the location's first invoice and its closed days.",
    )


class SeriesForm(forms.ModelForm[InvoiceSeries]):
    """The prefix of a location. `billing.invoices.set_prefix` decides whether it can change."""

    class Meta:
        model = InvoiceSeries
        fields = ("location", "prefix")
