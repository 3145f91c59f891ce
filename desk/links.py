"""URLs of the pages that the desk links to."""

from __future__ import annotations

from django.urls import NoReverseMatch, reverse

from repair_orders.models import RepairOrder


def url_or_none(name: str, *args: object) -> str | None:
    """Return the URL of a page, or None for a shop that runs without it."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return None


def order_url(order: RepairOrder) -> str:
    """Return the page of a repair order: the workbench, else the admin's."""
    return url_or_none("order-page", order.pk) or reverse(
        "admin:repair_orders_repairorder_change", args=[order.pk]
    )


def customer_url(customer_id: int) -> str:
    return url_or_none("customer-page", customer_id) or reverse(
        "admin:customers_customer_change", args=[customer_id]
    )


def vehicle_url(vehicle_id: int, customer_id: int) -> str:
    """Return the place of a vehicle on its customer's page."""
    return f"{customer_url(customer_id)}?vehicle={vehicle_id}#vehicle-{vehicle_id}"
