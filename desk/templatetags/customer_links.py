"""Links from a customer's admin page to the rows of the customer, and the customer's account."""

from __future__ import annotations

from django import template
from django.contrib.auth.models import AnonymousUser
from django.db.models import Model
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from appointments.models import Appointment
from billing.queries import AGE_NAMES, get_account
from common.domain.types import Json
from customers.models import Customer
from repair_orders.models import RepairOrder
from vehicles.models import Vehicle

register = template.Library()


@register.simple_tag
def customer_links(user: User | AnonymousUser, customer: Customer | None) -> list[Json]:
    """Return links to the customer's vehicles, repair orders and appointments, with their numbers.

    A link needs the permission to view its rows, and costs one query.
    """
    if customer is None:
        return []
    return [
        _link(model, title, customer)
        for model, title in (
            (Vehicle, "Vehicles"),
            (RepairOrder, "Repair orders"),
            (Appointment, "Appointments"),
        )
        if user.has_perm(f"{model._meta.app_label}.view_{model._meta.model_name}")
    ]


@register.simple_tag
def customer_account(user: User | AnonymousUser, customer: Customer | None) -> Json | None:
    """Return the account of the customer with the names of its ages, or None without the permission to see it."""
    if customer is None or not user.has_perm("billing.view_invoice"):
        return None
    account = get_account(customer.pk, now=timezone.now())
    url = reverse("admin:billing_invoice_changelist")
    payments = reverse("admin:billing_payment_changelist")
    return {
        "account": account,
        "shop_owes": -account.balance if account.balance < 0 else None,
        "ages": [(AGE_NAMES[name], amount) for name, amount in account.ageing.items()],
        "invoices": f"{url}?bill_to__id__exact={customer.pk}",
        "payments": f"{payments}?customer__id__exact={customer.pk}",
    }


def _link(model: type[Model], title: str, customer: Customer) -> Json:
    number = model._default_manager.filter(customer=customer).count()
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return {"title": f"{title} ({number})", "url": f"{url}?customer__id__exact={customer.pk}"}
