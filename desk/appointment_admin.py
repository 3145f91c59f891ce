"""The appointment's page with the check-in of its vehicle.

It is added here, because the app `appointments` must not import repair orders.
"""

from __future__ import annotations

from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.enums import ActionVariant
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminExpandableTextareaWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from appointments.admin import AppointmentAdmin
from appointments.models import HOLDS_A_BAY, Appointment
from common.admin.forms import LocalTimesForm, time_field
from common.admin.pages import column, transition_button
from common.domain.number_fields import DecimalField
from common.domain.text_fields import TextFormField
from common.domain.units import MAX_MILES
from repair_orders.check_in import (
    PERMISSIONS,
    check_in,
    find_booked_services,
    find_open_orders,
    get_own_words,
    is_offered,
)
from repair_orders.models import RepairOrder
from repair_orders.queries import open_recommendations

admin.site.unregister(Appointment)


class OrderChoice(forms.ModelChoiceField[RepairOrder]):
    def label_from_instance(self, obj: RepairOrder) -> str:
        return f"#{obj.pk}: {obj.description}"[:80]


class CheckInForm(LocalTimesForm):
    """The advisor's notes when the vehicle is taken in. Orders of the vehicle are asked about if it has some."""

    odometer = DecimalField(
        label="Odometer",
        required=False,
        min_value=0,
        max_value=MAX_MILES,
        decimal_places=2,
        help_text="Miles.",
        widget=UnfoldAdminDecimalFieldWidget(),
    )
    promised_at = time_field(label="Promised", required=False, help_text="Local time of the location.")
    key_tag = TextFormField(
        label="Key tag", required=False, max_length=20, widget=UnfoldAdminTextInputWidget()
    )
    description = forms.CharField(
        label="The customer's words",
        required=False,
        widget=UnfoldAdminExpandableTextareaWidget(attrs={"rows": 4}),
    )
    order = OrderChoice(
        RepairOrder.objects.none(),
        label="Requested order",
        required=False,
        empty_label="Make a new order",
        widget=UnfoldAdminSelectWidget(),
    )
    anyway = forms.BooleanField(
        label="Make a new order although one is open", required=False, widget=UnfoldBooleanSwitchWidget()
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = Appointment.objects.select_related("location", "vehicle")
        self.appointment = rows.filter(pk=self.object_id).first()
        if self.appointment is None:
            return
        services = find_booked_services(self.appointment)
        self.initial["description"] = get_own_words(self.appointment, services)
        orders = find_open_orders(self.appointment.vehicle)
        offered = [order.pk for order in orders if is_offered(order)]
        if offered:
            choices = RepairOrder.objects.filter(pk__in=offered).order_by("id")
            self.fields["order"].queryset = choices
        else:
            del self.fields["order"]
        if not orders:
            del self.fields["anyway"]

    def get_zone(self) -> tzinfo:
        if self.appointment is None:
            return timezone.get_default_timezone()
        return ZoneInfo(self.appointment.location.time_zone)


@admin.register(Appointment)
class DeskAppointmentAdmin(AppointmentAdmin):
    readonly_fields = (*AppointmentAdmin.readonly_fields, "order", "advised")
    actions_detail = ("check_in", *AppointmentAdmin.actions_detail)

    def get_fieldsets(self, request: HttpRequest, obj: Appointment | None = None) -> Any:
        """Return the page's fields with the order, and the work that is advised for the vehicle, for some roles."""
        fieldsets = super().get_fieldsets(request, obj)
        fields = [
            name
            for name, permission in (
                ("order", "repair_orders.view_repairorder"),
                ("advised", "vehicles.view_recommendation"),
            )
            if request.user.has_perm(permission)
        ]
        is_page = any(title == "Record" for title, _ in fieldsets)
        if obj is None or not is_page or not fields:
            return fieldsets
        return [*fieldsets[:-1], ("Check-in", {"fields": fields}), fieldsets[-1]]

    def offers(self, row: Appointment, button: str) -> bool:
        if button == "check_in":
            has_order = RepairOrder.objects.filter(appointment=row).exists()
            return row.status in HOLDS_A_BAY and not has_order
        return super().offers(row, button)

    check_in = transition_button(
        "Check in",
        check_in,
        ask="The vehicle is here. Its repair order is made, with the services as jobs.",
        done="The vehicle is checked in.",
        icon="login",
        variant=ActionVariant.PRIMARY,
        form=CheckInForm,
        permission=PERMISSIONS["check_in"],
    )

    # Unfold renders a read-only field five times per page, so both keep their rows on the appointment.
    @column("Repair order")
    def order(self, appointment: Appointment) -> SafeString:
        if "orders" not in vars(appointment):
            found = RepairOrder.objects.filter(appointment=appointment)
            vars(appointment)["orders"] = [
                (reverse("admin:repair_orders_repairorder_change", args=[order.pk]), str(order))
                for order in found
            ]
        return format_html_join("", '<a href="{}">{}</a>', vars(appointment)["orders"])

    @column("Advised work")
    def advised(self, appointment: Appointment) -> SafeString:
        if "advice" not in vars(appointment):
            vars(appointment)["advice"] = [
                (str(row), row.get_source_display(), "" if row.amount is None else f"{row.amount:,}")
                for row in open_recommendations(appointment.vehicle)
            ]
        rows: list[tuple[str, str, str]] = vars(appointment)["advice"]
        lines = format_html_join(
            "",
            '<tr><td class="pr-8">{}</td><td class="pr-8">{}</td><td class="text-right">{}</td></tr>',
            rows,
        )
        return format_html('<table class="tabular-nums">{}</table>', lines)
