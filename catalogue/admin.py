"""Admin pages of parts and services."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import BooleanRadioFilter, RangeNumericFilter

from catalogue import stock
from catalogue.forms import StockForm
from catalogue.models import Part, Service
from catalogue.resources import PartResource
from common.admin.pages import HistoryAdmin, transition_button
from common.admin.transfer import TransferAdmin


@admin.register(Part)
class PartAdmin(HistoryAdmin, TransferAdmin):
    """Parts with their stock. A part can be deleted until it is sold."""

    noun = "part"
    resource_classes = (PartResource,)
    list_display = (
        "name",
        "part_number",
        "manufacturer",
        "unit_price",
        "stock",
        "taxable",
        "warranty_months",
    )
    list_filter = (("taxable", BooleanRadioFilter), ("stock", RangeNumericFilter))
    list_filter_submit = True
    search_fields = ("name", "part_number", "manufacturer")
    ordering = ("name", "id")
    fields = (
        *("name", ("part_number", "manufacturer"), ("unit_price", "taxable")),
        ("warranty_months", "stock"),
    )
    actions_detail = ("adjust",)

    def get_readonly_fields(self, request: HttpRequest, obj: Part | None = None) -> list[str]:
        """Make the stock of a stored part read-only: a save would overwrite sales since the page was opened."""
        fields = super().get_readonly_fields(request, obj)
        return [*fields, "stock"] if obj else fields

    adjust = transition_button(
        "Adjust stock",
        stock.adjust,
        ask="How many pieces were received, removed or counted?",
        done="The stock was adjusted.",
        icon="inventory_2",
        form=StockForm,
        permission="catalogue.change_part",
    )


@admin.register(Service)
class ServiceAdmin(HistoryAdmin):
    list_display = ("name", "labor_cost", "taxable", "warranty_months")
    list_filter = (("taxable", BooleanRadioFilter),)
    search_fields = ("name", "description")
    ordering = ("name", "id")
    fields = ("name", "description", ("labor_cost", "taxable"), "warranty_months")
