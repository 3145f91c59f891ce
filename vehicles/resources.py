"""Import and export of vehicles."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.core.exceptions import ValidationError
from import_export.fields import Field
from import_export.widgets import Widget

from common.admin.transfer import SheetResource
from common.domain.types import Json, Values
from common.http.fields import MAX_ID
from customers.models import Customer
from vehicles.models import Vehicle, check_odometer
from vehicles.vin import normalize_vin


class _CustomerCell(Widget):
    """Reads a customer by uuid, as exported, or by id."""

    def clean(self, value: object, row: Values | None = None, **kwargs: object) -> Customer:
        text = str(value or "").strip()
        customer = Customer.objects.with_contact().filter(**_lookup(text)).first()
        if customer is None:
            raise ValidationError(f"There is no customer {text!r}. Enter the id or the uuid of a customer.")
        return customer

    def render(self, value: Customer | None, obj: Vehicle | None = None, **kwargs: object) -> str:
        return str(value.uuid) if value else ""


def _lookup(text: str) -> Json:
    if text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= MAX_ID:
        return {"pk": int(text)}
    try:
        return {"uuid": UUID(text)}
    except ValueError:
        return {"pk": None}


class VehicleResource(SheetResource):
    """Matches a row to the vehicle in use that has the row's customer and VIN.

    Rows of archived vehicles are skipped.
    """

    customer = Field(attribute="customer", column_name="customer", widget=_CustomerCell())
    archived_at = Field(attribute="archived_at", column_name="archived_at", readonly=True)

    def find(self, row: Values) -> Vehicle | None:
        try:
            customer = self.fields["customer"].clean(row)
        except ValidationError:
            return None  # the error is reported when the fields of the row are read
        vehicles = Vehicle.objects.in_use().select_for_update()
        vehicle: Vehicle | None = vehicles.filter(customer=customer, vin=row.get("vin")).first()
        return vehicle

    def before_import_row(self, row: Json, **kwargs: object) -> None:
        super().before_import_row(row, **kwargs)
        if "vin" in row:
            row["vin"] = normalize_vin(str(row["vin"]))

    def after_init_instance(self, instance: Vehicle, new: bool, row: Values, **kwargs: object) -> None:
        self._stored_odometer = instance.odometer

    def validate_instance(
        self,
        instance: Vehicle,
        import_validation_errors: Mapping[str, ValidationError] | None = None,
        validate_unique: bool = True,
    ) -> None:
        errors = dict(import_validation_errors or {})
        if instance.odometer is not None and "odometer" not in errors:
            try:
                check_odometer(before=self._stored_odometer, now=instance.odometer)
            except ValidationError as error:
                errors["odometer"] = error
        super().validate_instance(instance, errors, validate_unique)

    def skip_row(
        self,
        instance: Vehicle,
        original: Vehicle | None,
        row: Values,
        import_validation_errors: Mapping[str, ValidationError] | None = None,
    ) -> bool:
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
