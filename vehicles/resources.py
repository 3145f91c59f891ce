"""Import and export of vehicles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation

import tablib
from django.core.exceptions import ValidationError
from django.utils import timezone
from import_export.fields import Field

from accounts.models import User
from common.admin.resources import SheetResource
from common.domain import events
from common.domain.sheets import Unreadable
from common.domain.types import Json, Values
from common.domain.units import Units, to_miles
from customers.cells import CustomerCell
from vehicles.models import OdometerSource, Vehicle
from vehicles.odometer import OdometerBackwards, save_with_reading
from vehicles.schedules.actions import start_schedules
from vehicles.vin import normalize_vin

KILOMETERS = "odometer_km"  # the column of sheets that are not in miles


def _miles_of(kilometers: str) -> str:
    """Return the miles of a cell in kilometers. What is no number stays, and is refused as the odometer."""
    try:
        return str(to_miles(Decimal(kilometers.strip()), Units.METRIC))
    except InvalidOperation:
        return kilometers


class VehicleResource(SheetResource):
    """Matches a row to the vehicle in use that has the row's customer and VIN.

    A row without a VIN is matched by the unit number, or else by the plate. Rows of archived vehicles are skipped.
    The odometer is in miles. A file may have it in kilometers in a column of their own.
    """

    headings = {
        "customer": ("customer id", "customer uuid", "owner"),
        "vin": ("vin number", "vehicle identification number"),
        "year": ("model year",),
        "make": ("manufacturer", "brand"),
        "license_plate": (
            "plate",
            "plate number",
            "license",
            "license plate number",
            "licence plate",
            "registration",
        ),
        "unit_number": ("unit", "unit no", "fleet number"),
        "color": ("colour",),
        "fuel_type": ("fuel",),
        "odometer": ("mileage", "miles", "odometer reading"),
        KILOMETERS: ("kilometers", "kilometres", "km", "mileage in km"),
        "photo_url": ("photo",),
    }

    customer = Field(attribute="customer", column_name="customer", widget=CustomerCell())
    archived_at = Field(attribute="archived_at", column_name="archived_at", readonly=True)

    @classmethod
    def check_columns(cls, columns: Sequence[str]) -> None:
        if {"odometer", KILOMETERS} <= set(columns):
            raise Unreadable(
                "The odometer is given in miles and in kilometers. Leave one of the columns out."
            )

    def set_columns(self, columns: Sequence[str]) -> None:
        super().set_columns(["odometer" if name == KILOMETERS else name for name in columns])

    def find(self, row: Values) -> Vehicle | None:
        try:
            customer = self.fields["customer"].clean(row)
        except ValidationError:
            return None  # the error is reported when the fields of the row are read
        vehicles = Vehicle.objects.in_use().select_for_update().filter(customer=customer)
        for name in ("vin", "unit_number", "license_plate"):
            if value := str(row.get(name) or "").strip():
                known: Vehicle | None = vehicles.filter(**{name: value}).order_by("id").first()
                return known
        return None

    def before_import(self, dataset: tablib.Dataset, **kwargs: object) -> None:
        self._by: User | None = kwargs.get("user")  # type: ignore[assignment]
        self._now = timezone.now()
        super().before_import(dataset, **kwargs)

    def before_import_row(self, row: Json, **kwargs: object) -> None:
        super().before_import_row(row, **kwargs)
        if "vin" in row:
            row["vin"] = normalize_vin(str(row["vin"] or ""))
        if KILOMETERS in row:
            row["odometer"] = _miles_of(str(row[KILOMETERS] or ""))

    def after_init_instance(self, instance: Vehicle, new: bool, row: Values, **kwargs: object) -> None:
        self._stored_odometer = instance.odometer

    def validate_instance(
        self,
        instance: Vehicle,
        import_validation_errors: Mapping[str, ValidationError] | None = None,
        validate_unique: bool = True,
    ) -> None:
        errors = dict(import_validation_errors or {})
        is_read = instance.odometer is not None and "odometer" not in errors
        if is_read and instance.odometer < self._stored_odometer:
            error = OdometerBackwards(self._stored_odometer, "odometer")
            errors["odometer"] = ValidationError(error.text, code=error.code)
        super().validate_instance(instance, errors, validate_unique)

    def do_instance_save(self, instance: Vehicle, is_create: bool) -> None:
        save_with_reading(
            instance,
            before=self._stored_odometer,
            by=self._by.pk if self._by else None,
            now=self._now,
            source=OdometerSource.IMPORT,
        )
        if is_create:
            start_schedules(vehicle=instance, now=self._now)
        (events.record_new if is_create else events.record_change)(instance)

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
