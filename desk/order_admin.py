"""The repair order's page with its inspections and its money: invoice, deposit, vehicle out.

They are added here, because the app `repair_orders` must not import the rooms above it.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.enums import ActionVariant

from billing import exits, invoices, payments
from billing.admin import link
from billing.forms import DepositForm, ExitForm, IssueForm
from billing.invoices import till_of
from billing.ledger import Target, takes_deposit
from billing.models import Invoice, Payment, VehicleExit
from billing.once import once
from billing.queries import get_deposit
from common.admin.pages import column, transition_button
from customers.models import Customer
from inspections.models import Inspection
from repair_orders.admin import RepairOrderAdmin
from repair_orders.models import RepairOrder, RepairOrderStatus

admin.site.unregister(RepairOrder)

ISSUE = "billing.add_invoice"
_ENDED = (RepairOrderStatus.COMPLETED, RepairOrderStatus.DENIED)


def keep_deposit(
    order: RepairOrder, by: int, now: datetime, amount: Decimal, method: str, reference: str
) -> Payment:
    """Take a payment of the order's customer and keep it as a deposit on the order."""
    return payments.take_payment(
        customer=Customer.objects.get(pk=order.customer_id),
        location=till_of(order),
        amount=amount,
        method=method,
        reference=reference,
        allocations=[Target(order, amount)],
        by=by,
        now=now,
    )


@admin.register(RepairOrder)
class DeskRepairOrderAdmin(RepairOrderAdmin):
    list_display = (*RepairOrderAdmin.list_display, "at_the_desk")
    readonly_fields = (*RepairOrderAdmin.readonly_fields, "inspections", "money", "at_the_desk")
    actions_detail = (*RepairOrderAdmin.actions_detail, "issue_invoice", "take_deposit", "vehicle_out")

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return the row. *Vehicle out* locks the vehicle before the order (D25), so it locks both itself."""
        match = request.resolver_match
        if match and str(match.url_name).endswith("_vehicle_out"):
            return self.get_queryset(request).filter(pk=object_id).first() if object_id.isdigit() else None
        return super().get_object(request, object_id, from_field)

    def get_fieldsets(self, request: HttpRequest, obj: RepairOrder | None = None) -> Any:
        """Return the page's fields with a link to the desk, and inspections and money for roles that may view them."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or fieldsets is not self.fieldsets:
            return fieldsets
        added: list[Any] = []
        if request.user.has_perm("inspections.view_inspection"):
            added.append(("Inspections", {"fields": ("inspections",)}))
        if request.user.has_perm("billing.view_invoice"):
            added.append(("Money", {"fields": ("money",)}))
        return [(None, {"fields": ("at_the_desk",)}), *fieldsets[:-1], *added, fieldsets[-1]]

    def offers(self, row: RepairOrder, button: str) -> bool:
        if button == "issue_invoice":
            standing = Invoice.objects.filter(repair_order=row, is_credited=False)
            return row.status == RepairOrderStatus.COMPLETED and not standing.exists()
        if button == "take_deposit":
            return takes_deposit(row)
        if button == "vehicle_out":
            return row.status in _ENDED and not VehicleExit.objects.filter(repair_order=row).exists()
        return super().offers(row, button)

    issue_invoice = transition_button(
        "Issue invoice",
        invoices.issue_invoice,
        ask="The invoice has the stored lines and total. Deposits move to it, the oldest first.",
        done="The invoice was issued.",
        icon="receipt_long",
        variant=ActionVariant.PRIMARY,
        form=IssueForm,
        permission=ISSUE,
    )
    take_deposit = transition_button(
        "Take a deposit",
        once(keep_deposit),
        ask="The money is kept for this order and moves to its invoice.",
        done="The deposit was taken.",
        icon="savings",
        form=DepositForm,
        permission=payments.PERMISSIONS["take"],
    )
    vehicle_out = transition_button(
        "Vehicle out",
        exits.vehicle_out,
        ask="The keys are handed over. A balance keeps the vehicle here, unless a manager gives a reason.",
        done="The vehicle is out.",
        icon="key",
        form=ExitForm,
        permission=exits.PERMISSIONS["vehicle_out"],
    )

    @column("Inspections")
    def inspections(self, order: RepairOrder) -> SafeString:
        if "found" not in vars(order):  # as in `money`
            vars(order)["found"] = list(Inspection.objects.filter(repair_order=order).order_by("id"))
        rows = [
            (link(row), "finished" if row.finished_at else "not finished yet") for row in vars(order)["found"]
        ]
        return format_html_join(", ", "{}, {}", rows)

    @column("Desk")
    def at_the_desk(self, order: RepairOrder) -> SafeString:
        url = reverse("order-page", args=[order.pk])
        return format_html('<a class="underline" href="{}">Open at the desk</a>', url)

    @column("Invoice, deposit and vehicle")
    def money(self, order: RepairOrder) -> SafeString:
        # Unfold renders a read-only field five times per page.
        if "money" not in vars(order):
            vars(order)["money"] = _money(order)
        rows: list[tuple[Any, str]] = vars(order)["money"]
        return format_html(
            '<table class="tabular-nums">{}</table>',
            format_html_join("", '<tr><td class="pr-8">{}</td><td class="text-right">{}</td></tr>', rows),
        )


def _money(order: RepairOrder) -> list[tuple[Any, str]]:
    """Return what the page shows of an order's money: name and value, a link for an invoice."""
    rows: list[tuple[Any, str]] = []
    for invoice in (
        Invoice.objects.filter(repair_order=order).select_related("bill_to__contact").order_by("id")
    ):
        rows.append((link(invoice), f"{invoice.total:,}"))
        if invoice.bill_to_id != order.customer_id:
            rows.append((f"Billed to {invoice.bill_to}", ""))
        if invoice.credited:
            rows.append(("Credited", f"−{invoice.credited:,}"))
        rows.append(("Paid", f"−{invoice.paid:,}" if invoice.paid else "0.00"))
        due = f"Balance, due on {invoice.due_on:%B} {invoice.due_on.day}" if invoice.balance else "Balance"
        rows.append((due, f"{invoice.balance:,}"))
    if not rows:
        rows.append(("Deposit", f"{get_deposit(order):,}"))
        is_completed = order.status == RepairOrderStatus.COMPLETED
        rows.append(("Invoice", "not issued yet" if is_completed else "after the order is completed"))
    left = VehicleExit.objects.filter(repair_order=order).first()
    if left is not None:
        rows.append(("Vehicle out", f"{left.at:%Y-%m-%d}"))
        if left.balance:
            rows.append((f"Left unpaid: {left.override}", f"{left.balance:,}"))
    return rows
