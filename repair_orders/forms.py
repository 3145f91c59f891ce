"""The staff's forms of a repair order and its lines, and what the buttons ask."""

from __future__ import annotations

from decimal import Decimal
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
from common.domain.types import Json
from repair_orders.models import RepairOrder
from repair_orders.queries import totals_of
from vehicles.models import Vehicle


class RepairOrderForm(SeenStatus):
    """The customer follows from the vehicle, so that the two cannot disagree."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "vehicle" in self.fields:
            self.fields["vehicle"].queryset = Vehicle.objects.in_use()  # type: ignore[attr-defined]

    def clean(self) -> Json:
        values = super().clean()
        if "vehicle" in values:
            self.instance.customer_id = values["vehicle"].customer_id
        return values


class Sold(forms.Widget):
    """What a line sells, as text: another part is another line."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        return escape(value)


class LineForm(forms.ModelForm[Any]):
    """A line. Price and taxability left empty are the catalogue's (`actions.change_lines`)."""

    sold: str
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
        if self.price in self.fields:
            self.fields[self.price].required = False
            self.fields[self.price].widget.attrs["placeholder"] = "Catalogue"
        if self.instance.pk and self.sold in self.fields:
            self.fields[self.sold] = forms.Field(disabled=True, required=False, widget=Sold)
            self.initial[self.sold] = getattr(self.instance, self.sold)


class PartLineForm(LineForm):
    sold, price = "part", "unit_price"


class ServiceLineForm(LineForm):
    sold, price = "service", "labor_cost"


class NotesForm(BaseDialogForm):
    """Words that go with an estimate; they take the place of the order's notes."""

    notes = forms.CharField(
        required=False,
        widget=UnfoldAdminExpandableTextareaWidget(attrs={"rows": 4}),
        help_text="The customer reads them.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        order = RepairOrder.objects.filter(pk=self.object_id).first()
        self.initial["notes"] = order.notes if order else ""


class TotalForm(BaseDialogForm):
    """The total that is approved: it is the one shown, and a later one is refused."""

    total = forms.DecimalField(widget=UnfoldAdminTextInputWidget(attrs={"readonly": True}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        order = RepairOrder.objects.filter(pk=self.object_id).first()
        self.initial["total"] = totals_of(order).total if order else Decimal(0)


class ReasonForm(BaseDialogForm):
    """Why not."""

    reason = forms.CharField(required=False, widget=UnfoldAdminExpandableTextareaWidget(attrs={"rows": 3}))
