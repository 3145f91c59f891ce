"""The first page of the admin, and the customer's page with links to rows of other apps."""

from __future__ import annotations

from dataclasses import dataclass

from django import forms
from django.contrib import admin
from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from appointments.models import Appointment, AppointmentStatus
from billing.forms import OpeningForm
from billing.once import once
from billing.openings import PERMISSIONS as OPENING_PERMISSIONS
from billing.openings import open_account
from common.admin.pages import transition_button
from common.domain.types import Json
from customers.admin import CustomerAdmin
from customers.models import Customer
from desk import appointment_admin, order_admin  # noqa: F401  # they register their pages
from privacy.merge import PERMISSIONS, merge_customers
from repair_orders.models import RepairOrder, RepairOrderStatus

admin.site.index_template = "desk/index.html"
admin.site.unregister(Customer)


class MergeForm(BaseDialogForm):
    into = forms.ModelChoiceField(
        Customer.objects.current().with_contact(),
        label="Number of the customer to keep",
        widget=UnfoldAdminIntegerFieldWidget(),
    )


@admin.register(Customer)
class DeskCustomerAdmin(CustomerAdmin):
    """The customer's page with their account, links to their rows, the opening balance and the merge.

    They are added here, because the app `customers` must not import the apps of those rows.
    """

    change_form_outer_before_template = "desk/customer.html"
    actions_detail = (*CustomerAdmin.actions_detail, "opening_balance", "merge")

    def offers(self, row: Customer, button: str) -> bool:
        return button in ("opening_balance", "merge") or super().offers(row, button)

    opening_balance = transition_button(
        "Opening balance",
        once(
            lambda row, by, now, location, amount, day: open_account(
                customer=row, location=location, amount=amount, day=day, by=by, now=now
            )
        ),
        ask="What the customer owed, or was owed, before the shop used this product. It is no sale of any day.",
        done="The opening balance was booked.",
        icon="start",
        form=OpeningForm,
        permission=OPENING_PERMISSIONS["open"],
    )

    merge = transition_button(
        "Merge into another customer",
        lambda row, by, now, into: merge_customers(customer=row, into=into, by=by, now=now),
        ask="Everything of this customer moves to the other one, which is kept. This cannot be undone.",
        done="The customers were merged.",
        icon="merge",
        form=MergeForm,
        permission=PERMISSIONS["merge"],
        variant=ActionVariant.DANGER,
        is_sensitive=True,
    )


@dataclass(frozen=True)
class Figure:
    """A number on the first page, with a link to the list that it counts."""

    title: str
    number: int
    link: str


def dashboard(request: HttpRequest, context: Json) -> Json:
    """Add the day's figures to the context of the first page.

    A figure needs the permission to view its rows. Each table is counted in one query.
    """
    figures: list[Figure] = []
    if request.user.has_perm("appointments.view_appointment"):
        figures += _appointments()
    if request.user.has_perm("repair_orders.view_repairorder"):
        figures += _orders()
    return context | {"figures": figures}


def _appointments() -> list[Figure]:
    url = reverse("admin:appointments_appointment_changelist")
    counts = Appointment.objects.today(timezone.now()).aggregate(
        today=Count("id", filter=~Q(status=AppointmentStatus.CANCELLED)),
        unassigned=Count("id", filter=Q(status=AppointmentStatus.PENDING, technician=None)),
    )
    not_cancelled = "&".join(
        f"status__exact={status}" for status in AppointmentStatus if status != AppointmentStatus.CANCELLED
    )
    unassigned = "status__exact=pending&technician__isempty=1"
    return [
        Figure("Appointments today", counts["today"], f"{url}?day=today&{not_cancelled}"),
        Figure("Today without a technician", counts["unassigned"], f"{url}?day=today&{unassigned}"),
    ]


def _orders() -> list[Figure]:
    url = reverse("admin:repair_orders_repairorder_changelist")
    titles = {
        RepairOrderStatus.REQUESTED: "To estimate",
        RepairOrderStatus.PENDING: "Waiting for the customer",
        RepairOrderStatus.APPROVED: "Ready to start",
        RepairOrderStatus.IN_PROGRESS: "In progress",
    }
    open_orders = RepairOrder.objects.filter(status__in=titles)
    numbers = dict(open_orders.values_list("status").annotate(Count("id")).order_by("status"))
    return [
        Figure(title, numbers.get(status, 0), f"{url}?status__exact={status}")
        for status, title in titles.items()
    ]
