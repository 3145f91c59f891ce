"""Vehicles as a table."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from import_export.fields import Field
from import_export.widgets import Widget

from common.admin.transfer import SheetResource
from common.domain.types import Json, Values
from common.http.fields import MAX_ID
from customers.models import Customer
from vehicles.models import Vehicle, check_odometer
from vehicles.vin import normal_vin


class _CustomerCell(Widget):
    """A customer by uuid, as exported, or by id."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Customer:
        text = str(value or "").strip()
        customer = Customer.objects.with_contact().filter(**_key(text)).first()
        if customer is None:
            raise ValidationError(f"There is no customer {text!r}.")
        return customer

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return str(value.uuid) if value else ""


def _key(text: str) -> Json:
    if text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= MAX_ID:
        return {"pk": int(text)}
    try:
        return {"uuid": UUID(text)}
    except ValueError:
        return {"pk": None}


class VehicleResource(SheetResource):
    """A vehicle is known by its customer and its VIN, among those in use. Archived ones are read over."""

    customer = Field(attribute="customer", column_name="customer", widget=_CustomerCell())
    archived_at = Field(attribute="archived_at", column_name="archived_at", readonly=True)

    def find(self, row: Values) -> Vehicle | None:
        try:
            customer = self.fields["customer"].clean(row)
        except ValidationError:
            return None  # it is said when the row's fields are read
        vehicles = Vehicle.objects.in_use().select_for_update()
        vehicle: Vehicle | None = vehicles.filter(customer=customer, vin=row.get("vin")).first()
        return vehicle

    def before_import_row(self, row: Json, **kwargs: Any) -> None:
        super().before_import_row(row, **kwargs)
        if "vin" in row:
            row["vin"] = normal_vin(str(row["vin"]))

    def after_init_instance(self, instance: Vehicle, new: bool, row: Any, **kwargs: Any) -> None:
        self._miles_before = instance.odometer

    def validate_instance(
        self, instance: Vehicle, import_validation_errors: Any = None, validate_unique: bool = True
    ) -> None:
        errors = dict(import_validation_errors or {})
        if instance.odometer is not None and "odometer" not in errors:
            try:
                check_odometer(before=self._miles_before, now=instance.odometer)
            except ValidationError as error:
                errors["odometer"] = error
        super().validate_instance(instance, errors, validate_unique)

    def skip_row(self, instance: Any, original: Any, row: Any, import_validation_errors: Any = None) -> bool:
        return bool(row.get("archived_at")) or super().skip_row(
            instance, original, row, import_validation_errors
        )

    class Meta:
        model = Vehicle
        name = "Vehicles"
        import_id_fields = ("customer", "vin")
        fields = (
            *("customer", "vin", "year", "make", "model", "trim", "license_plate", "unit_number", "color"),
            *("fuel_type", "odometer", "photo_url", "archived_at"),
        )
