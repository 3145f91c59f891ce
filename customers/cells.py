"""The cell of a sheet that names a customer."""

from __future__ import annotations

from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models
from import_export.widgets import Widget

from common.domain.types import Json, Values
from common.http.fields import MAX_ID
from customers.models import Customer


class CustomerCell(Widget):
    """Reads a customer by uuid, as exported, or by id."""

    def clean(self, value: object, row: Values | None = None, **kwargs: object) -> Customer:
        text = str(value or "").strip()
        customers = Customer.objects.select_related("contact", "merged_into__contact")
        customer = customers.filter(**_lookup(text)).first()
        if customer is None:
            raise ValidationError(f"There is no customer {text!r}. Enter the id or the uuid of a customer.")
        return customer.merged_into or customer

    def render(self, value: Customer | None, obj: models.Model | None = None, **kwargs: object) -> str:
        return str(value.uuid) if value else ""


def _lookup(text: str) -> Json:
    if text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= MAX_ID:
        return {"pk": int(text)}
    try:
        return {"uuid": UUID(text)}
    except ValueError:
        return {"pk": None}
