"""Admin pages of parts and services, and of the shelf."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesCheckboxFilter

from catalogue.forms import CountForm, ReceiveForm, VendorOrderForm, VendorReturnForm
from catalogue.models import Part, Reservation, Service, StockMove, VendorOrder
from catalogue.pricing import admin as pricing_admin  # noqa: F401  # registers its pages
from catalogue.resources import PartResource
from catalogue.shelf import actions as shelf
from catalogue.shelf.ordered import order_from_vendor
from catalogue.shelf.sources import name_sources
from common.admin.filters import DayRangeFilter, NumberRangeFilter, StrictChangeList
from common.admin.pages import HistoryAdmin, ReadOnly, ReadOnlyInline, StaffAdmin, column, transition_button
from common.admin.transfer import TransferAdmin


class NamedChangeList(StrictChangeList):
    """A list whose rows have a source, which is named for the whole page at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: list[Any] = list(self.result_list)  # type: ignore[has-type]  # unfold has no types
        names = name_sources(row.source for row in rows if row.source)
        for row in rows:
            row.named = names[row.source].label if row.source else ""
        self.result_list = rows


def _ordered(part: Part) -> str:
    """Return what is on order of a part, with who noted it."""
    row = VendorOrder.objects.filter(part=part).select_related("by").first()
    if row is None:
        return ""
    return f"{row}. By {row.by}." if row.by else f"{row}."


class MoveInline(ReadOnlyInline):
    """The moves of the part, newest first."""

    model = StockMove
    verbose_name_plural = "Stock moves"
    fields = ("at", "kind", "pieces", "unit_cost", "source", "note", "by")
    readonly_fields = fields
    ordering = ("-id",)
    per_page = 20
    tab = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[StockMove]:
        return super().get_queryset(request).select_related("by")  # type: ignore[no-any-return]


@admin.register(Part)
class PartAdmin(HistoryAdmin, TransferAdmin):
    """Parts with their stock. A part can be deleted until it is sold or stocked."""

    noun = "part"
    resource_classes = (PartResource,)
    list_display = (
        *("name", "part_number", "manufacturer", "unit_price", "stock", "reserved", "available"),
        *("taxable", "warranty_months", "is_listed"),
    )
    list_filter = (
        ("is_listed", BooleanRadioFilter),
        ("is_stocked", BooleanRadioFilter),
        ("is_sold_online", BooleanRadioFilter),
        ("taxable", BooleanRadioFilter),
        ("stock", NumberRangeFilter),
    )
    list_filter_submit = True
    search_fields = ("name", "part_number", "manufacturer")
    ordering = ("name", "id")
    fields = (
        *(
            "name",
            ("part_number", "manufacturer"),
            ("unit_price", "unit_cost", "core_charge"),
            ("taxable", "warranty_months"),
        ),
        *(("is_listed", "is_sold_online"), ("is_stocked", "stock"), ("reserved", "available"), "ordered"),
    )
    readonly_fields = ("is_stocked", "stock", "reserved", "available", "ordered")
    inlines = (MoveInline,)
    actions_detail = ("receive", "count", "order_from_vendor", "return_to_vendor")

    def get_readonly_fields(self, request: HttpRequest, obj: Part | None = None) -> list[str]:
        """Make the cost of a stocked part read-only: a save would overwrite receipts since the page was opened."""
        fields = super().get_readonly_fields(request, obj)
        return [*fields, "unit_cost"] if obj and obj.is_stocked else fields

    def get_inlines(self, request: HttpRequest, obj: Part | None) -> tuple[type[ReadOnlyInline], ...]:
        return self.inlines if obj else ()

    @column("Available")
    def available(self, part: Part) -> int:
        return part.available

    @column("On order")
    def ordered(self, part: Part) -> str:
        return _ordered(part)

    receive = transition_button(
        "Receive",
        shelf.receive,
        ask="Pieces have come in from a vendor. The oldest open reservations get them first.",
        done="The pieces were received.",
        icon="move_to_inbox",
        form=ReceiveForm,
        permission=shelf.PERMISSIONS["receive"],
    )
    count = transition_button(
        "Count",
        shelf.count,
        ask="How many pieces are on the shelf?",
        done="The count was recorded.",
        icon="inventory_2",
        form=CountForm,
        permission=shelf.PERMISSIONS["count"],
    )
    order_from_vendor = transition_button(
        "Order from vendor",
        order_from_vendor,
        ask="Note what is on order, in place of what was noted before. Receipts end it.",
        done="What is on order was noted.",
        icon="local_shipping",
        form=VendorOrderForm,
        permission=shelf.PERMISSIONS["order_from_vendor"],
    )
    return_to_vendor = transition_button(
        "Return to vendor",
        shelf.return_to_vendor,
        ask="Pieces leave the shelf, back to the vendor.",
        done="The pieces were returned to the vendor.",
        icon="outbox",
        form=VendorReturnForm,
        permission=shelf.PERMISSIONS["return_to_vendor"],
    )


@admin.register(StockMove)
class StockMoveAdmin(ReadOnly, StaffAdmin):
    """Every move of the shelf, newest first. Moves are written by the shelf's actions only."""

    list_display = ("at", "part", "kind", "pieces", "unit_cost", "source_name", "note", "by")
    list_filter = (("kind", ChoicesCheckboxFilter), ("at", DayRangeFilter))
    list_filter_submit = True
    list_select_related = ("part", "by")
    search_fields = ("part__name", "part__part_number", "=source", "note")
    ordering = ("-id",)

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[StrictChangeList]:
        return NamedChangeList

    @column("For")
    def source_name(self, move: StockMove) -> str:
        return str(move.named)  # type: ignore[attr-defined]  # by the list


class ShortFilter(admin.SimpleListFilter):
    title = "pieces"
    parameter_name = "short"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("yes", "Short of pieces"), ("no", "All are kept")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Reservation]) -> QuerySet[Reservation]:
        if self.value() == "yes":
            return queryset.filter(filled__lt=F("pieces"))
        return queryset.filter(filled=F("pieces")) if self.value() == "no" else queryset


@admin.register(Reservation)
class ReservationAdmin(ReadOnly, StaffAdmin):
    """Pieces kept for jobs and parts orders, and those that are missing, in the order in which it is filled."""

    list_display = ("part", "source_name", "pieces", "filled", "missing", "on_order", "created_at")
    list_filter = (ShortFilter,)
    list_select_related = ("part__on_order",)
    search_fields = ("part__name", "part__part_number", "=source")
    ordering = ("created_at", "id")

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[StrictChangeList]:
        return NamedChangeList

    @column("For")
    def source_name(self, reservation: Reservation) -> str:
        return str(reservation.named)  # type: ignore[attr-defined]  # by the list

    @column("Missing")
    def missing(self, reservation: Reservation) -> int:
        return reservation.short

    @column("On order")
    def on_order(self, reservation: Reservation) -> str:
        """Return what is on order of the part, or a link to the page where that is noted."""
        part = reservation.part
        text = (
            str(part.on_order)
            if hasattr(part, "on_order")
            else "Order from vendor"
            if reservation.short
            else ""
        )
        return format_html(
            '<a href="{}">{}</a>', reverse("admin:catalogue_part_change", args=[part.pk]), text
        )


@admin.register(Service)
class ServiceAdmin(HistoryAdmin):
    list_display = ("name", "labor_cost", "hours", "taxable", "warranty_months", "is_listed")
    list_filter = (("is_listed", BooleanRadioFilter), ("taxable", BooleanRadioFilter))
    search_fields = ("name", "description")
    ordering = ("name", "id")
    fields = ("name", "description", ("labor_cost", "hours"), ("taxable", "warranty_months"), "is_listed")
