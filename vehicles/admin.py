"""Vehicles and telematics batches in the staff's admin."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from django.contrib import admin
from django.db.models import Count, Max, Model, QuerySet, Sum
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesCheckboxFilter
from unfold.enums import ActionVariant

from common.admin.pages import (
    HistoryAdmin,
    NoDeleteMixin,
    ReadOnly,
    ReadOnlyInline,
    StaffAdmin,
    column,
    transition_button,
)
from common.admin.transfer import TransferAdmin
from common.domain import events
from common.domain.types import AnyQuerySet
from customers.actions import hold_customer
from vehicles import actions, odometer
from vehicles.codes.admin import DtcInline
from vehicles.forms import CorrectionForm, ReadingForm, TransferForm, VehicleForm
from vehicles.fuel.models import FuelLog
from vehicles.models import OdometerReading, TelematicsBatch, Vehicle
from vehicles.odometer import save_with_reading
from vehicles.queries import get_chain
from vehicles.recommendations_admin import RecommendationInline
from vehicles.resources import VehicleResource
from vehicles.schedules.actions import start_schedules
from vehicles.schedules.admin import ScheduleInline
from vehicles.telematics.packing import unpack
from vehicles.telematics.samples import from_milliseconds
from vehicles.telematics.summaries import Summary, summarize
from vehicles.vin import LAST_YEAR_WITHOUT_STANDARD, check_digit_matches

_CHECK_DIGIT = {
    True: "The check digit matches.",
    False: (
        "The check digit does not match. Compare the VIN with the vehicle. "
        "Outside North America the check digit is not used."
    ),
    None: "This is not a valid VIN, so its check digit cannot be verified.",
}


class ReadingInline(ReadOnlyInline):
    """The readings of the odometer, newest first."""

    model = OdometerReading
    verbose_name_plural = "Odometer readings"
    fields = ("miles", "source", "at", "by", "note", "base", "accepted")
    ordering = ("-at", "-id")
    per_page = 20
    tab = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[OdometerReading]:
        return super().get_queryset(request).select_related("by")  # type: ignore[no-any-return]


class FuelLogInline(ReadOnlyInline):
    """The fill-ups of a vehicle, newest first."""

    model = FuelLog
    verbose_name_plural = "Fuel log"
    fields = ("at", "miles", "gallons", "price", "is_full", "missed", "mpg")
    readonly_fields = fields
    ordering = ("-at", "-miles", "-id")
    per_page = 20
    tab = True


@admin.register(Vehicle)
class VehicleAdmin(NoDeleteMixin, HistoryAdmin, TransferAdmin):
    """Archived vehicles are read-only."""

    form = VehicleForm
    resource_classes = (VehicleResource,)
    list_display = ("label", "year", "make", "model", "vin", "customer", "miles", "in_use")
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
    readonly_fields = ("check_digit", "telematics", "owners", "created_at", "archived_at", "uuid")
    inlines = (ReadingInline, RecommendationInline, DtcInline, ScheduleInline, FuelLogInline)
    actions_detail = ("read_odometer", "correct_odometer", "transfer", "archive", "restore")
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
        ("Record", {"fields": (("created_at", "archived_at"), ("owners", "uuid"))}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Vehicle]:
        return super().get_queryset(request).select_related("customer__contact")  # type: ignore[no-any-return]

    def get_search_results(
        self, request: HttpRequest, queryset: AnyQuerySet, search_term: str
    ) -> tuple[AnyQuerySet, bool]:
        if request.path.endswith("/autocomplete/"):
            # Forms choose a vehicle for new work, and archived vehicles get none.
            queryset = queryset.filter(archived_at=None)
        return super().get_search_results(request, queryset, search_term)

    def get_readonly_fields(self, request: HttpRequest, obj: Vehicle | None = None) -> list[str]:
        fields = super().get_readonly_fields(request, obj)
        # The vehicle's appointments and repair orders name the same customer.
        return [*fields, "customer"] if obj else fields

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        is_archived = isinstance(obj, Vehicle) and obj.archived_at is not None
        return not is_archived and bool(super().has_change_permission(request, obj))

    def get_inlines(self, request: HttpRequest, obj: Vehicle | None) -> tuple[type[ReadOnlyInline], ...]:
        return self.inlines if obj else ()

    def save_model(self, request: HttpRequest, obj: Vehicle, form: ModelForm[Vehicle], change: bool) -> None:
        if not change:
            hold_customer(obj.customer)
        before = form.initial.get("odometer", Decimal(0))
        now = timezone.now()
        save_with_reading(obj, before=before, by=request.user.pk, now=now)
        if not change:
            start_schedules(vehicle=obj, now=now)
        (events.record_change if change else events.record_new)(obj)

    def offers(self, row: Vehicle, button: str) -> bool:
        return (row.archived_at is None) is (button != "restore")

    read_odometer = transition_button(
        "Read odometer",
        lambda row, by, now, **answers: odometer.read_odometer(vehicle=row, by=by, now=now, **answers),
        ask="Enter the figure that the instrument shows.",
        done="The reading was added.",
        icon="speed",
        form=ReadingForm,
        permission=odometer.PERMISSIONS["read_odometer"],
    )
    correct_odometer = transition_button(
        "Correct odometer",
        lambda row, by, now, **answers: odometer.correct_odometer(vehicle=row, by=by, now=now, **answers),
        ask="The wrong reading stays in the list and no longer counts.",
        done="The odometer was corrected.",
        icon="edit",
        form=CorrectionForm,
        permission=odometer.PERMISSIONS["correct_odometer"],
    )
    transfer = transition_button(
        "Move to a new owner",
        lambda row, by, now, customer: actions.transfer_vehicle(
            vehicle=row, customer=customer, by=by, now=now
        ),
        ask="This row is archived with its history. The new owner gets a row of their own, which continues it.",
        done="The vehicle has a new owner.",
        icon="swap_horiz",
        form=TransferForm,
        permission=actions.PERMISSIONS["transfer"],
        variant=ActionVariant.DANGER,
    )
    restore = transition_button(
        "Restore",
        lambda row, by, now: actions.restore_vehicle(vehicle=row),
        ask="Bring this vehicle back into use? Its dongle has to be linked again.",
        done="The vehicle is in use again.",
        icon="unarchive",
        permission=actions.PERMISSIONS["restore"],
    )
    archive = transition_button(
        "Archive",
        lambda row, by, now: actions.archive_vehicle(vehicle=row, now=now),
        ask="The history of the vehicle stays. Its VIN, unit number and dongle can be used for another vehicle.",
        done="The vehicle is archived.",
        icon="archive",
        permission=actions.PERMISSIONS["archive"],
        variant=ActionVariant.DANGER,
    )

    @column("Label", ordering="license_plate")
    def label(self, vehicle: Vehicle) -> str:
        return vehicle.label

    @column("Miles", ordering="odometer")
    def miles(self, vehicle: Vehicle) -> Decimal:
        miles: Decimal = vehicle.odometer
        return miles

    @column("In use", boolean=True)
    def in_use(self, vehicle: Vehicle) -> bool:
        return vehicle.archived_at is None

    @column("Check digit")
    def check_digit(self, vehicle: Vehicle) -> str | None:
        if not vehicle.vin:
            return None
        if vehicle.year is not None and vehicle.year <= LAST_YEAR_WITHOUT_STANDARD:
            return f"Model years up to {LAST_YEAR_WITHOUT_STANDARD} have no check digit."
        return _CHECK_DIGIT[check_digit_matches(vehicle.vin)]

    # Unfold renders a read-only field five times per page.
    @column("Owners")
    def owners(self, vehicle: Vehicle) -> SafeString | None:
        """Link the rows of the same vehicle at its previous owners and at the next one."""
        others = vars(vehicle).get("others")
        if others is None:
            later = Vehicle.objects.filter(continues=vehicle).values_list("pk", flat=True)
            others = vars(vehicle).setdefault("others", sorted([*get_chain(vehicle)[1:], *later]))
        links = ((reverse("admin:vehicles_vehicle_change", args=[pk]), pk) for pk in others)
        return format_html_join(", ", '<a href="{}">Vehicle {}</a>', links) or None

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
        if self.value() is None:
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
