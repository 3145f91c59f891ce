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
from common.domain.types import Json, Values
from repair_orders.models import PartLine, RepairOrder, ServiceLine
from repair_orders.queries import totals_of
from vehicles.models import Vehicle


class RepairOrderForm(SeenStatus):
    """The form of a repair order. Its customer is set from the vehicle, so that the two cannot differ."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "vehicle" in self.fields:
            self.fields["vehicle"].queryset = Vehicle.objects.in_use()  # type: ignore[attr-defined]

    def clean(self) -> Json:
        values = super().clean()
        if "vehicle" in values:
            self.instance.customer_id = values["vehicle"].customer_id
        return values


class ArticleWidget(forms.Widget):
    """The part or service of a stored line, as text. It cannot change: another part needs another line."""

    def render(self, name: str, value: object, attrs: object = None, renderer: object = None) -> SafeString:
        return escape(value)


class LineForm(forms.ModelForm[PartLine | ServiceLine]):
    """The form of a line. `actions.change_lines` fills an empty price and taxability from the catalogue."""

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
        if self.price in self.fields:
            self.fields[self.price].required = False
            self.fields[self.price].widget.attrs["placeholder"] = "Catalogue"
        if self.instance.pk and self.article in self.fields:
            self.fields[self.article] = forms.Field(disabled=True, required=False, widget=ArticleWidget)
            self.initial[self.article] = getattr(self.instance, self.article)


class PartLineForm(LineForm):
    article, price = "part", "unit_price"


class ServiceLineForm(LineForm):
    article, price = "service", "labor_cost"


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


class TotalForm(OrderDialogForm):
    """The total to approve, as shown. If the order's total has changed since, the approval is refused."""

    total = forms.DecimalField(widget=UnfoldAdminTextInputWidget(attrs={"readonly": True}))

    def get_order_initial(self, order: RepairOrder) -> Values:
        return {"total": totals_of(order).total}


class ReasonForm(BaseDialogForm):
    """The reason of a denial or refusal."""

    reason = forms.CharField(required=False, widget=UnfoldAdminExpandableTextareaWidget(attrs={"rows": 3}))
