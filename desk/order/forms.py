"""Forms of the steps of the page *Order*."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.forms.boundfield import BoundWidget

from billing.credit_notes import LineCredit
from billing.exits import PERMISSIONS as EXIT_PERMISSIONS
from billing.models import InvoiceLine
from billing.queries import find_lines_left
from billing.restock import find_restockable
from catalogue.models import Part
from catalogue.shelf.actions import PERMISSIONS as SHELF_PERMISSIONS
from common.domain.distance_fields import DistanceField
from common.domain.ids import new_uuid
from common.domain.number_fields import AmountField, DecimalField, WholeField
from common.domain.types import Json
from customers.models import Customer
from desk.order.bench import Bench, Line, kind_of
from desk.order.sheet import LINE_COLUMNS, columns_of, line_text, plain
from desk.shelf.fields import ReceiptFields, VendorOrderFields
from desk.templatetags.desk import dollars
from memberships.discounts import find_offers, most_points, take_plan
from repair_orders.discounts.rule import DiscountKind
from repair_orders.estimates.models import Answer, Method
from repair_orders.models import Condition, JobStatus, PartLine, ServiceKind
from repair_orders.pricing.models import LabourRate


def _area(label: str, *, required: bool = True, rows: int = 3, **options: Any) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows})
    return forms.CharField(label=label, max_length=10_000, required=required, widget=widget, **options)


def _decimal(
    label: str, digits: int, places: int = 2, kind: type[DecimalField] = DecimalField, **options: Any
) -> DecimalField:
    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
    options = {"min_value": 0, "required": False, **options}
    return kind(label=label, max_digits=digits, decimal_places=places, widget=widget, **options)


def _amount(label: str, digits: int, places: int = 2, **options: Any) -> DecimalField:
    return _decimal(label, digits, places, AmountField, **options)


def short_of(bench: Bench, part: Part) -> int:
    """Return the pieces of a part that the jobs of the order are short of."""
    return sum(row.short for row in bench.short if row.part_id == part.pk)


class StepForm(forms.Form):
    """The form of a step. `may` says whether the user has a permission, and `of` is the row that the step names.

    It acts once for its key, as the forms of money do. Subclasses choose their fields, so nothing is cleaned before.
    """

    key = forms.CharField(max_length=100, widget=forms.HiddenInput)
    use_required_attribute = False

    def __init__(self, *args: Any, bench: Bench, may: Any, of: Any = None, **kwargs: Any) -> None:
        self.bench, self.may, self.of = bench, may, of
        super().__init__(*args, **kwargs)
        self.initial.setdefault("key", new_uuid().hex)

    def mark_errors(self) -> None:
        """Join each field that has an error with the text of it, for screen readers."""
        for name in self.errors:
            if name in self.fields:
                self.fields[name].widget.attrs |= {"aria-invalid": "true", "aria-describedby": f"err-{name}"}

    def renew(self) -> None:
        """Draw a new key, because nothing was written with the one that was sent."""
        if self.is_bound:
            data: Any = self.data
            self.data = data = data.copy()
            data["key"] = new_uuid().hex

    @property
    def answers(self) -> Json:
        """Return what the step's action is given."""
        return {name: value for name, value in self.cleaned_data.items() if name != "key"}


class SendForm(StepForm):
    notes = _area("Notes", required=False, help_text="The customer reads them with the estimate.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["notes"] = self.bench.order.notes


class ReasonForm(StepForm):
    reason = _area("Reason")


class DenyForm(StepForm):
    reason = _area("Reason", required=False, help_text="The customer reads it.")


class CallForm(StepForm):
    """The customer's answer with their decision on each proposed job. Nothing is chosen beforehand."""

    LABELS: ClassVar = [
        (Answer.APPROVED.value, "Approve"),
        (Answer.DECLINED.value, "Decline"),
        (Answer.DEFERRED.value, "Not now"),
    ]
    method = forms.ChoiceField(
        label="How",
        choices=[
            (value, label) for value, label in Method.choices if value not in ("online", "not_recorded")
        ],
        initial=Method.PHONE,
    )
    by_name = forms.CharField(label="Who answered", max_length=200)
    contact_used = forms.CharField(label="Number or address", max_length=254, required=False)
    note = forms.CharField(label="Note", max_length=10_000, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        contact = self.bench.order.customer.contact
        if contact is not None:
            self.initial.setdefault("by_name", f"{contact.first_name} {contact.last_name}".strip())
            self.initial.setdefault("contact_used", contact.phone)
        for job in self.bench.asked:
            self.fields[f"job_{job['id']}"] = forms.ChoiceField(
                label=f"{job['position']}. {job['name']}", choices=self.LABELS, widget=forms.RadioSelect
            )

    def choices(self) -> list[tuple[Json, forms.BoundField]]:
        """Return the jobs with their fields."""
        return [(job, self[f"job_{job['id']}"]) for job in self.bench.asked]

    @property
    def decisions(self) -> dict[int, str]:
        return {job["id"]: self.cleaned_data[f"job_{job['id']}"] for job in self.bench.asked}

    @property
    def approved(self) -> set[int]:
        return {pk for pk, decision in self.decisions.items() if decision == Answer.APPROVED}


class JobsForm(StepForm):
    """A choice of the jobs of one status. All are chosen at first."""

    status: ClassVar[JobStatus]
    jobs = forms.TypedMultipleChoiceField(
        label="Jobs", coerce=int, widget=forms.CheckboxSelectMultiple, required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = self.bench.of_status(self.status)
        self.fields["jobs"].choices = [(job.pk, f"{job.position}. {job.name}") for job in rows]  # type: ignore[attr-defined]
        self.initial.setdefault("jobs", [job.pk for job in rows])
        if not rows:
            del self.fields["jobs"]


class CompleteForm(JobsForm):
    status = JobStatus.APPROVED
    received = forms.BooleanField(
        label="The missing parts are here: book them as received", required=False, initial=False
    )
    odometer = DistanceField(
        label="Odometer, {units}",
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        help_text="After the work. The invoice prints it.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["odometer"].measure(self.bench.units, self.bench.order.vehicle.odometer)  # type: ignore[attr-defined]
        if not self.bench.short or not self.may(SHELF_PERMISSIONS["receive"]):
            del self.fields["received"]


class ComebackForm(JobsForm):
    status = JobStatus.DONE

    def clean(self) -> Json:
        values: Json = super().clean() or self.cleaned_data
        if not values.get("jobs"):
            self.add_error("jobs" if "jobs" in self.fields else None, "Choose at least one job.")
        return values


class InvoiceForm(StepForm):
    bill_to = forms.ModelChoiceField(
        Customer.objects.current().with_contact(),
        label="Bill to the customer with number",
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        help_text="A leasing company or an insurer. Empty: the customer of the order.",
    )
    po_number = forms.CharField(label="PO number", max_length=40, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["po_number"] = self.bench.order.po_number


class CreditForm(StepForm):
    """A credit: pieces or hours of lines, an amount, or the whole invoice. Nothing is chosen beforehand.

    What was filled for a way that is not chosen does not count.
    """

    LINES, AMOUNT, WHOLE = "lines", "amount", "whole"
    what = forms.ChoiceField(
        label="What is credited",
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what is credited."},
    )
    amount = _amount("Amount, tax included", 10, min_value=Decimal("0.01"))
    reason = _area("Reason", rows=2)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        invoice = self.bench.invoice
        self.left = find_lines_left(invoice.pk) if invoice else []
        self.most = invoice.total - invoice.credited if invoice else Decimal(0)
        whole = "All that is left of the invoice" if invoice and invoice.credited else "The whole invoice"
        ways = [(self.AMOUNT, "An amount"), (self.WHOLE, f"{whole}, {dollars(self.most)}")]
        lines = [(self.LINES, "Some lines")] if self.left else []
        self.fields["what"].choices = [*lines, *ways]  # type: ignore[attr-defined]
        out = find_restockable([line for line, _ in self.left])
        for line, left in self.left:
            self.fields[f"line_{line.pk}"] = _credit_field(line, left)
            if line.pk in out:
                self.fields[f"restock_{line.pk}"] = WholeField(
                    label=f"Back on the shelf of {line.name}",
                    min_value=0,
                    max_value=out[line.pk],
                    required=False,
                    help_text=f"At most {out[line.pk]}. Empty: none.",
                )

    def ways(self) -> list[tuple[str, BoundWidget]]:
        """Return the ways to credit with the radio button of each."""
        return [(box.data["value"], box) for box in self["what"]]

    def lines(self) -> list[forms.BoundField]:
        """Return the fields of the lines of which something is left, each with that of its pieces for the shelf."""
        names = [f"{name}_{line.pk}" for line, _ in self.left for name in ("line", "restock")]
        return [self[name] for name in names if name in self.fields]

    @property
    def chosen(self) -> list[LineCredit]:
        """Return the lines that were chosen, with pieces or hours where they have them."""
        typed = [(line.pk, self.cleaned_data.get(f"line_{line.pk}")) for line, _ in self.left]
        return [
            LineCredit(pk, None if value is True else value, self.cleaned_data.get(f"restock_{pk}") or 0)
            for pk, value in typed
            if value
        ]

    def clean(self) -> Json:
        values: Json = super().clean() or self.cleaned_data
        what = values.get("what")
        for name in list(self.errors):
            if (
                what
                and name != what
                and (name == self.AMOUNT or (name.startswith(_OF_LINES) and what != self.LINES))
            ):
                del self.errors[name]
        if what == self.AMOUNT and self.AMOUNT not in self.errors:
            amount = values.get("amount")
            if not amount:
                self.add_error("amount", "Enter the amount.")
            elif amount > self.most:
                self.add_error("amount", f"Only {dollars(self.most)} is left to credit.")
        if what == self.LINES:
            self._check_lines(values)
        return values

    def _check_lines(self, values: Json) -> None:
        typed = {name for name, value in self.data.items() if name.startswith(_OF_LINES) and value}
        if not typed <= self.fields.keys():
            raise forms.ValidationError("Nothing of a line that was chosen is left to credit. Choose again.")
        if not typed:
            self.add_error("what", "Fill in at least one line.")
        for line, _ in self.left:
            back = values.get(f"restock_{line.pk}") or 0
            if back > (values.get(f"line_{line.pk}") or 0) and f"line_{line.pk}" not in self.errors:
                self.add_error(f"restock_{line.pk}", "Not more than the pieces that are credited.")


_OF_LINES = ("line_", "restock_")


def _credit_field(line: InvoiceLine, left: Decimal | None) -> forms.Field:
    label = f"{line.name}, {dollars(line.amount)}"
    if left is None:
        return forms.BooleanField(label=label, required=False)
    field = _decimal(label, 7, max_value=left, help_text=f"{plain(left)} left.")
    field.error_messages["max_value"] = f"Only {plain(left)} is left to credit."
    return field


class DiscountForm(StepForm):
    """A discount to give: of the member's plan, an offer, or points. Only what can be given is offered."""

    what = forms.ChoiceField(label="Discount", widget=forms.RadioSelect)
    points = WholeField(label="Points", min_value=1, max_value=2_147_483_647, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        order, now = self.bench.order, self.bench.now
        taken = {terms.kind for terms in self.bench.sheet.terms.discounts}
        choices = []
        if DiscountKind.PLAN not in taken and (found := take_plan(order, now=now)):
            choices.append((DiscountKind.PLAN.value, found[0].name))
        self.offers = (
            {} if DiscountKind.OFFER in taken else {str(row.pk): row for row in find_offers(order, now)}
        )
        choices += [
            (f"{DiscountKind.OFFER}:{pk}", f"Offer {offer.title}") for pk, offer in self.offers.items()
        ]
        balance = order.customer.contact.rewards_balance if order.customer.contact else 0
        if DiscountKind.POINTS not in taken and balance:
            most = min(balance, most_points(order))
            choices.append(
                (DiscountKind.POINTS.value, f"Points: {balance} in all, at most {most} on this order")
            )
        else:
            del self.fields["points"]
        self.fields["what"].choices = choices  # type: ignore[attr-defined]
        if not choices:
            self.fields["what"].help_text = "Nothing can be given on this order."

    def clean(self) -> Json:
        values: Json = super().clean() or self.cleaned_data
        if (
            values.get("what") == DiscountKind.POINTS
            and not values.get("points")
            and "points" not in self.errors
        ):
            self.add_error("points", "Enter the number of points.")
        return values


class OutForm(StepForm):
    odometer = DistanceField(
        label="Odometer, {units}",
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    override = _area(
        "Why it leaves unpaid", required=False, rows=2, help_text="Only where something is unpaid."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        bench = self.bench
        self.fields["odometer"].measure(bench.units, bench.order.vehicle.odometer)  # type: ignore[attr-defined]
        if not self.may(EXIT_PERMISSIONS["override"]):
            del self.fields["override"]

    @property
    def answers(self) -> Json:
        return {**super().answers, "may_override": self.may(EXIT_PERMISSIONS["override"])}


class ReceiveForm(ReceiptFields, StepForm):
    """The pieces of a part that came in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["pieces"] = short_of(self.bench, self.of) or 1
        self.initial["reference"] = getattr(getattr(self.of, "on_order", None), "reference", "")


class VendorOrderForm(VendorOrderFields, StepForm):
    """What is on order of a part. It shows what was noted before."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        noted = getattr(self.of, "on_order", None)
        for name in ("pieces", "vendor", "reference", "expected_on"):
            self.initial[name] = getattr(noted, name, None)
        if noted is None:
            self.initial["pieces"] = short_of(self.bench, self.of) or 1


class RateField(forms.ModelChoiceField[LabourRate]):
    """A labour rate of the location, by name and price."""

    def label_from_instance(self, obj: LabourRate) -> str:
        return f"{obj.name}, {dollars(obj.per_hour)}"


class LineForm(StepForm):
    """Every value of a line."""

    name = forms.CharField(label="Name", max_length=200)
    description = _area("Description", required=False, rows=2)
    part_number = forms.CharField(label="Part number", max_length=60, required=False)
    manufacturer = forms.CharField(label="Manufacturer", max_length=120, required=False)
    condition = forms.ChoiceField(label="Condition", choices=Condition.choices)
    is_oem = forms.TypedChoiceField(
        label="Made by the vehicle's maker (OEM)",
        choices=[("", "Not said"), ("True", "Yes"), ("False", "No")],
        coerce=lambda value: value == "True",
        empty_value=None,
        required=False,
    )
    quantity = _decimal("Quantity", 7, required=True, min_value=Decimal("0.01"), max_value=10_000)
    unit_price = _amount("Price", 10, required=True)
    unit_cost = _amount("Cost", 10)
    hours = _decimal("Hours", 6, min_value=Decimal("0.01"), max_value=1_000)
    labour_rate = RateField(
        LabourRate.objects.none(),
        label="Labor rate",
        required=False,
        empty_label="As typed below",
        help_text="Takes the place of the rate below.",
    )
    rate = _amount("Rate an hour", 10, help_text="With hours.")
    amount = _amount("Flat amount", 10, help_text="Instead of hours and rate.")
    cost = _amount("Cost", 10)
    taxable = forms.BooleanField(label="Taxable", required=False)
    warranty_months = WholeField(
        label="Warranty in months",
        min_value=0,
        max_value=1200,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )
    OF_PARTS: ClassVar = (
        "part_number",
        "manufacturer",
        "condition",
        "is_oem",
        "quantity",
        "unit_price",
        "unit_cost",
    )
    OF_WORK: ClassVar = ("hours", "labour_rate", "rate", "amount", "cost")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        line: Line = self.of
        is_part = isinstance(line, PartLine)
        for name in self.OF_WORK if is_part else self.OF_PARTS:
            del self.fields[name]
        if kind_of(line) == ServiceKind.LABOUR:
            del self.fields["cost"]
            rates = LabourRate.objects.filter(location=self.bench.order.location).order_by("name")
            self.fields["labour_rate"].queryset = rates  # type: ignore[attr-defined]
        else:
            self.fields.pop("labour_rate", None)
        for name in self.fields:
            if name in LINE_COLUMNS:
                self.initial[name] = line_text(line, name)
            elif name not in ("key", "labour_rate"):
                self.initial[name] = getattr(line, name)
        if not is_part and "hours" in columns_of(line):
            self.initial["amount"] = ""

    def clean(self) -> Json:
        values: Json = super().clean() or self.cleaned_data
        if "amount" in self.fields and not self.errors:
            has_time = values.get("hours") is not None
            has_rate = values.get("labour_rate") is not None
            if has_time == (values.get("amount") is not None) or (has_rate and not has_time):
                raise forms.ValidationError("Give hours with a rate, or a flat amount.")
        return values

    @property
    def answers(self) -> Json:
        """Return the values that differ from the line's."""
        values = super().answers
        rate = values.pop("labour_rate", None)
        if "amount" in self.fields:
            unused = ("hours", "rate") if values["amount"] is not None else ("amount",)
            values = {name: value for name, value in values.items() if name not in unused}
            if "rate" in values and (values["rate"] is None or rate):
                del values["rate"]
        values = {name: value for name, value in values.items() if getattr(self.of, name) != value}
        return values | {"labour_rate": rate} if rate else values
