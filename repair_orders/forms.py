"""Admin forms of repair orders and their lines, and the dialogs of the buttons."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.html import escape
from django.utils.safestring import SafeString
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminExpandableTextareaWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from common.admin.forms import SeenStatus
from common.domain.number_fields import DecimalField
from common.domain.types import Json, Values
from repair_orders.estimates.models import Method
from repair_orders.models import Job, JobStatus, PartLine, RepairOrder, ServiceLine
from repair_orders.queries import totals_of
from vehicles.models import Vehicle


class RepairOrderForm(SeenStatus):
    """The form of a repair order. Its customer is set from the vehicle, so that the two cannot differ.

    It is saved only if the order still has the version that the page was opened with (docs/design, D76).
    """

    seen_version = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["seen_version"] = str(self.instance.version)
        elif "tax_percent" in self.fields:
            tax = self.fields["tax_percent"]
            tax.required, tax.initial, tax.help_text = False, None, "Empty: the tax of the location."
            self.initial.pop("tax_percent", None)
        if "vehicle" in self.fields:
            self.fields["vehicle"].queryset = Vehicle.objects.in_use()  # type: ignore[attr-defined]
        for name in {"odometer_in", "odometer_out"} & set(self.fields):
            self.fields[name].help_text = "Miles."

    def clean(self) -> Json:
        values = super().clean()
        if self.instance.pk and values.get("seen_version") != str(self.instance.version):
            raise forms.ValidationError(
                "The order has changed since you opened this page. Nothing was saved: open it again.",
                code="stale_version",
            )
        if "vehicle" in values:
            self.instance.customer_id = values["vehicle"].customer_id
        return values

    def get_changed(self) -> Json:
        """Return the entered columns that differ from the stored ones, or from the defaults of a new order."""
        columns = {field.name for field in self.instance._meta.concrete_fields}
        return {name: self.cleaned_data[name] for name in self.changed_data if name in columns}


class FixedText(forms.Widget):
    """A value of a stored line as text, such as the name under which it was sold. Another one needs another line."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__()

    def render(self, name: str, value: object, attrs: object = None, renderer: object = None) -> SafeString:
        return escape(self.text)


class LineForm(forms.ModelForm[PartLine | ServiceLine]):
    """The form of a line. `jobs.change_lines` fills an empty price and taxability from the catalogue."""

    article: str  # the name of the field
    price: str

    taxable = forms.TypedChoiceField(
        choices=[("", "As in the catalogue"), ("True", "Taxable"), ("False", "Not taxable")],
        coerce=lambda value: value == "True",
        empty_value=None,
        required=False,
        widget=UnfoldAdminSelectWidget(),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "job" in self.fields:
            open_jobs = Job.objects.filter(
                repair_order=self.instance.repair_order_id, status=JobStatus.PROPOSED
            )
            self.fields["job"].queryset = open_jobs.in_order()  # type: ignore[attr-defined]
            self.fields["job"].required = False
            self.fields["job"].empty_label = "First proposed job"  # type: ignore[attr-defined]
        if self.price in self.fields:
            self.fields[self.price].required = False
            self.fields[self.price].widget.attrs["placeholder"] = "Catalogue"
        if self.instance.pk:
            self._fix(self.article, self.instance.name)
            self._fix("job", str(self.instance.job))

    def _fix(self, name: str, text: str) -> None:
        if name in self.fields:
            self.fields[name] = forms.Field(disabled=True, required=False, widget=FixedText(text))
            self.initial[name] = getattr(self.instance, name)


class PartLineForm(LineForm):
    article, price = "part", "unit_price"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if getattr(self.instance, "core_of_id", None) is not None:  # a core charge follows its part
            for field in self.fields.values():
                field.disabled = True


class ServiceLineForm(LineForm):
    article, price = "service", "amount"


class OrderDialogForm(BaseDialogForm):
    """A dialog with initial values from the repair order of the page."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        order = RepairOrder.objects.filter(pk=self.object_id).first()
        self.initial |= self.get_order_initial(order) if order else {}

    def get_order_initial(self, order: RepairOrder) -> Values:
        """Return the initial values of the dialog's fields."""
        raise NotImplementedError


class NotesForm(OrderDialogForm):
    """The notes sent with an estimate. They replace the order's notes."""

    notes = forms.CharField(
        required=False,
        widget=UnfoldAdminExpandableTextareaWidget(attrs={"rows": 4}),
        help_text="The customer can read the notes.",
    )

    def get_order_initial(self, order: RepairOrder) -> Values:
        return {"notes": order.notes}


class WhoForm(forms.Form):
    """How the customer answered, and who did. Papers print it."""

    method = forms.ChoiceField(
        choices=[choice for choice in Method.choices if choice[0] != Method.ONLINE],
        initial=Method.NOT_RECORDED,
        required=False,
        widget=UnfoldAdminSelectWidget(),
    )
    by_name = forms.CharField(
        label="Name", required=False, max_length=200, widget=UnfoldAdminTextInputWidget()
    )
    contact_used = forms.CharField(
        label="Number or address", required=False, max_length=254, widget=UnfoldAdminTextInputWidget()
    )

    def clean_method(self) -> str:
        return self.cleaned_data["method"] or Method.NOT_RECORDED


class TotalForm(WhoForm, OrderDialogForm):
    """The total to approve, as shown. If the order's total has changed since, the approval is refused."""

    total = DecimalField(widget=UnfoldAdminTextInputWidget(attrs={"readonly": True}))

    def get_order_initial(self, order: RepairOrder) -> Values:
        return {"total": totals_of(order).total}


class ReasonForm(BaseDialogForm):
    """The reason of a step that needs one."""

    reason = forms.CharField(widget=UnfoldAdminExpandableTextareaWidget(attrs={"rows": 3}))


class DenyForm(WhoForm, BaseDialogForm):
    """The reason of a denial or refusal, and how the customer gave it."""

    reason = forms.CharField(required=False, widget=UnfoldAdminExpandableTextareaWidget(attrs={"rows": 3}))
