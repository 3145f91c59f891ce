"""The cells of a report's table: what they show, and the page to which they lead."""

from __future__ import annotations

from collections.abc import Sequence

from django.urls import reverse
from django.utils.http import urlencode

from common.domain.types import Json

UNSHOWN = frozenset({"repair_order_id", "customer_id"})  # people know an order's number and a customer's name
MOST_ROWS = 200  # of a list that a URL names by their ids

# Columns that lead to the rows behind their figure.
_FIGURES = frozenset({"net", "sold_hours"})
# A key of a row -> the table of the admin with the rows whose ids it has.
_TABLES = {
    "invoice_ids": "billing_invoice",
    "credit_note_ids": "billing_creditnote",
    "parts_order_ids": "orders_order",
}
_DOCUMENTS = {
    "invoice_id": "billing_invoice",
    "credit_note_id": "billing_creditnote",
    "payment_id": "billing_payment",
}


def cell_of(row: Json, key: str) -> tuple[object, str]:
    """Return a value of a report's row as people know it, and the page to which it leads, "" for none."""
    value = row.get(key)
    if key == "status" and isinstance(value, str):
        return value.replace("_", " "), ""
    if key == "number" and row.get("repair_order_id"):
        return value or row["repair_order_id"], reverse("order-page", args=[row["repair_order_id"]])
    if key == "comeback_of_id" and value:
        return value, reverse("order-page", args=[value])
    if key == "customer" and row.get("customer_id"):
        return value, reverse("customer-page", args=[row["customer_id"]])
    if key == "document":
        return value, next((_page(table, [row[pk]]) for pk, table in _DOCUMENTS.items() if pk in row), "")
    if key in _FIGURES:
        return value, next((_page(table, row[ids]) for ids, table in _TABLES.items() if row.get(ids)), "")
    return value, ""


def _page(table: str, ids: Sequence[int]) -> str:
    """Return the URL of one row, or of the list of several. A list that is too long for a URL has none."""
    if len(ids) == 1:
        return reverse(f"admin:{table}_change", args=ids)
    if len(ids) > MOST_ROWS:
        return ""
    return f"{reverse(f'admin:{table}_changelist')}?{urlencode({'id__in': ','.join(map(str, ids))})}"
