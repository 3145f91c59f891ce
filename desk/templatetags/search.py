"""Filters and tags of the pages of a search."""

from __future__ import annotations

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.phones import format_phone
from desk.links import customer_url, order_url, vehicle_url
from desk.search.text import Sought

register = template.Library()
register.filter("phone", format_phone)
register.filter("order_url", order_url)


@register.filter
def marked(text: object, sought: Sought | None) -> SafeString:
    """Return a text in which what the search matches is marked."""
    pieces = sought.mark(str(text)) if sought else [(str(text), False)]
    return format_html_join(
        "",
        "{}",
        ((format_html("<mark>{}</mark>", piece) if is_match else piece,) for piece, is_match in pieces),
    )


@register.simple_tag(name="customer_url")
def customer_link(customer_id: int) -> str:
    return customer_url(customer_id)


@register.simple_tag(name="vehicle_url")
def vehicle_link(vehicle_id: int, customer_id: int) -> str:
    return vehicle_url(vehicle_id, customer_id)
