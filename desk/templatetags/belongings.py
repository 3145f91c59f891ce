"""What belongs to the customer whose page is shown."""

from __future__ import annotations

from django import template
from django.contrib.auth.models import AnonymousUser
from django.db.models import Model
from django.urls import reverse

from accounts.models import User
from appointments.models import Appointment
from common.domain.types import Json
from customers.models import Customer
from repair_orders.models import RepairOrder
from vehicles.models import Vehicle

register = template.Library()


@register.simple_tag
def belongings(user: User | AnonymousUser, customer: Customer | None) -> list[Json]:
    """Links to his vehicles, orders and visits with how many there are: one query for each that one may see."""
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


def _link(model: type[Model], title: str, customer: Customer) -> Json:
    number = model._default_manager.filter(customer=customer).count()
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return {"title": f"{title} ({number})", "link": f"{url}?customer__id__exact={customer.pk}"}
