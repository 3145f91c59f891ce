"""Vehicles and telematics batches in the staff's admin."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from django.contrib import admin
from django.db.models import Count, Max, Model, QuerySet, Sum
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import ChoicesCheckboxFilter
from unfold.enums import ActionVariant

from common.admin.forms import ConstrainedForm
from common.admin.pages import HistoryAdmin, NoDeleteMixin, ReadOnly, StaffAdmin, column, transition_button
from common.admin.transfer import TransferAdmin
from vehicles.actions import archive_vehicle
from vehicles.models import TelematicsBatch, Vehicle, check_odometer, from_milliseconds
from vehicles.querysets import VehicleQuerySet
from vehicles.resources import VehicleResource
from vehicles.telematics.packing import unpack
from vehicles.telematics.summaries import Summary, summarize
from vehicles.vin import check_digit_matches

_CHECK_DIGIT = {
    True: "The check digit matches.",
    False: (
        "The check digit does not match. Compare the VIN with the vehicle. "
        "Outside North America the check digit is not used."
    ),
    None: "This is not a valid VIN, so its check digit cannot be verified.",
}


class VehicleForm(ConstrainedForm):
    constrained = frozenset({"customer", "archived_at"})

    def clean_odometer(self) -> Decimal:
        miles: Decimal = self.cleaned_data["odometer"]
        check_odometer(before=self.instance.odometer, now=miles)
        return miles


@admin.register(Vehicle)
class VehicleAdmin(NoDeleteMixin, HistoryAdmin, TransferAdmin):
    """Archived vehicles are read-only."""

    form = VehicleForm
    resource_classes = (VehicleResource,)
    list_display = ("label", "year", "make", "model", "vin", "customer", "odometer", "in_use")
    list_filter = (
        ("archived_at", admin.EmptyFieldListFilter),
        ("dongle_connection", ChoicesCheckboxFilter),
    )
    search_fields = (
        "vin",
        "license_plate",
        "unit_number",
        "make",
        "model",
        "customer__company_name",
        "customer__contact__first_name",
        "customer__contact__last_name",
    )
    ordering = ("-id",)
    autocomplete_fields = ("customer",)
    readonly_fields = ("check_digit", "telematics", "created_at", "archived_at", "uuid")
    actions_detail = ("archive",)
    fieldsets = (
        (None, {"fields": ("customer", ("vin", "check_digit"))}),
        (
            "Vehicle",
            {
                "fields": (
                    ("year", "make"),
                    ("model", "trim"),
                    ("license_plate", "unit_number"),
                    ("color", "fuel_type"),
                    ("odometer", "photo_url"),
                )
            },
        ),
        ("Dongle", {"fields": (("dongle_id", "dongle_connection"), "telematics")}),
        ("Record", {"fields": (("created_at", "archived_at"), "uuid")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Vehicle]:
        return super().get_queryset(request).select_related("customer__contact")  # type: ignore[no-any-return]

    def get_search_results(
        self, request: HttpRequest, queryset: VehicleQuerySet[Vehicle], search_term: str
    ) -> tuple[QuerySet[Vehicle], bool]:
        if request.path.endswith("/autocomplete/"):
            # Forms choose a vehicle for new work, and archived vehicles get none.
            queryset = queryset.in_use()
        return super().get_search_results(request, queryset, search_term)  # type: ignore[no-any-return]

    def get_readonly_fields(self, request: HttpRequest, obj: Vehicle | None = None) -> list[str]:
        fields = super().get_readonly_fields(request, obj)
        # The vehicle's appointments and repair orders name the same customer.
        return [*fields, "customer"] if obj else fields

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        is_archived = isinstance(obj, Vehicle) and obj.archived_at is not None
        return not is_archived and bool(super().has_change_permission(request, obj))

    def offers(self, row: Vehicle, button: str) -> bool:
        return row.archived_at is None

    archive = transition_button(
        "Archive",
        lambda row, by, now: archive_vehicle(vehicle=row, now=now),
        ask="The history of the vehicle stays. Its VIN, unit number and dongle can be used for another vehicle.",
        done="The vehicle is archived.",
        icon="archive",
        permission="change",
        variant=ActionVariant.DANGER,
    )

    @column("Label", ordering="license_plate")
    def label(self, vehicle: Vehicle) -> str:
        return vehicle.label

    @column("In use", boolean=True)
    def in_use(self, vehicle: Vehicle) -> bool:
        return vehicle.archived_at is None

    @column("Check digit")
    def check_digit(self, vehicle: Vehicle) -> str | None:
        return _CHECK_DIGIT[check_digit_matches(vehicle.vin)] if vehicle.vin else None

    @column("Telematics")
    def telematics(self, vehicle: Vehicle) -> str | None:
        totals = vehicle.telematics.aggregate(batches=Count("id"), samples=Sum("count"), end=Max("end"))
        if not totals["batches"]:
            return None
        end = f"{from_milliseconds(totals['end']):%Y-%m-%d %H:%M} UTC"
        return f"{totals['samples']:,} samples in {totals['batches']:,} batches, the last until {end}"


class EndedFilter(admin.SimpleListFilter):
    """Filters batches by how long ago they ended. Django's date filters cannot read the column's milliseconds."""

    title = "end"
    parameter_name = "ended"
    _PERIODS = {"day": ("Past 24 hours", 1), "week": ("Past 7 days", 7), "month": ("Past 30 days", 30)}

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [(name, title) for name, (title, _) in self._PERIODS.items()]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[TelematicsBatch]
    ) -> QuerySet[TelematicsBatch]:
        if self.value() not in self._PERIODS:
            return queryset
        first = timezone.now() - timedelta(days=self._PERIODS[str(self.value())][1])
        return queryset.filter(end__gte=int(first.timestamp() * 1000))


@admin.register(TelematicsBatch)
class TelematicsBatchAdmin(ReadOnly, StaffAdmin):
    """Lists the telematics batches, read-only."""

    list_display = ("vehicle", "starts_at", "ends_at", "count")
    list_filter = (EndedFilter,)
    search_fields = ("vehicle__vin", "vehicle__license_plate", "vehicle__unit_number")
    ordering = ("-id",)
    fields = ("vehicle", ("starts_at", "ends_at"), "count", ("distance", "fuel", "driving"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[TelematicsBatch]:
        return super().get_queryset(request).select_related("vehicle").defer("data")  # type: ignore[no-any-return]

    @column("From (UTC)", ordering="start")
    def starts_at(self, batch: TelematicsBatch) -> str:
        return f"{batch.starts_at:%Y-%m-%d %H:%M:%S}"

    @column("To (UTC)", ordering="end")
    def ends_at(self, batch: TelematicsBatch) -> str:
        return f"{batch.ends_at:%Y-%m-%d %H:%M:%S}"

    @column("Distance")
    def distance(self, batch: TelematicsBatch) -> str:
        return f"{_summary(batch).distance:,.2f} miles"

    @column("Fuel")
    def fuel(self, batch: TelematicsBatch) -> str:
        return f"{_summary(batch).fuel:,.3f} gallons"

    @column("Driving")
    def driving(self, batch: TelematicsBatch) -> str:
        return str(timedelta(seconds=round(_summary(batch).driving_seconds)))


def _summary(batch: TelematicsBatch) -> Summary:
    return summarize(unpack(bytes(batch.data), batch.count))
