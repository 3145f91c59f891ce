"""Contract 000, "Customer Repair Orders Endpoint": the customer's repair orders."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework import serializers

from common.domain.caller import Caller
from common.http.contracts.shop import ShopCustomerList
from common.http.fields import ChoiceList, FinePercent, Instant, Money, Quantity
from common.http.query import ListQuery
from common.http.routing import route
from common.reads.serializers import Derived, Serializer
from customers.api.shop import name_of
from repair_orders.api.totals import current_total_field, dollars_off, total_field
from repair_orders.models import RepairOrder, RepairOrderStatus
from repair_orders.querysets import RepairOrderFilters
from vehicles.api.shop import VehicleBriefSerializer

# The contract has three states (docs/design, D15). Denied orders are not listed.
STATES: dict[str, list[str]] = {
    "pending": [RepairOrderStatus.REQUESTED, RepairOrderStatus.PENDING, RepairOrderStatus.APPROVED],
    "in_progress": [RepairOrderStatus.IN_PROGRESS],
    "completed": [RepairOrderStatus.COMPLETED],
}
_CONTRACT_STATES = {state: word for word, states in STATES.items() for state in states}


def format_status(status: str) -> str:
    return _CONTRACT_STATES[status]


class SoldPartSerializer(Serializer):
    """The part of a line, as it was sold."""

    id = serializers.IntegerField(source="part_id")
    name = serializers.CharField()
    part_number = serializers.CharField()
    manufacturer = serializers.CharField(allow_blank=True)
    unit_price = Money()
    taxable = serializers.BooleanField()
    warranty_months = serializers.IntegerField()


class PartLineSerializer(Serializer):
    id = serializers.IntegerField()
    part = SoldPartSerializer(source="*")
    quantity = Quantity()
    total_price = Money(source="amount", help_text="Price of all pieces.")


class SoldServiceSerializer(Serializer):
    """The service of a line, as it was sold."""

    id = serializers.IntegerField(source="service_id")
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    labor_cost = Money(source="amount")
    taxable = serializers.BooleanField()
    warranty_months = serializers.IntegerField()


class ServiceLineSerializer(Serializer):
    id = serializers.IntegerField()
    service = SoldServiceSerializer(source="*", help_text="The service as it was sold.")


class RepairOrderSerializer(Serializer):
    id = serializers.IntegerField()
    vehicle_id = serializers.IntegerField()
    vehicle = VehicleBriefSerializer()
    customer_id = serializers.IntegerField()
    customer_name = name_of("customer.")
    status = Derived(format_status, "status", output=serializers.ChoiceField(choices=list(STATES)))
    discount_amount = dollars_off()
    discount_percent = FinePercent()
    tax_percent = FinePercent()
    total_cost = total_field(
        output=Money(help_text="The stored total of a completed order, otherwise the present one.")
    )
    date_created = Instant(source="created_at", help_text="When the order was created.")
    notes = serializers.CharField(allow_blank=True)
    repair_order_parts = PartLineSerializer(source="part_lines", many=True, help_text="The part lines.")
    repair_order_services = ServiceLineSerializer(
        source="service_lines", many=True, help_text="The labor and sublet lines."
    )
    calculated_total_cost = current_total_field(
        output=Money(help_text="The total of the lines as they are now.")
    )


class RepairOrderQuery(ListQuery):
    status = ChoiceList(list(STATES), help_text="Comma-separated.")

    def validate_status(self, words: list[str]) -> list[str]:
        """Return the statuses of the contract's states."""
        return [state for word in words for state in STATES[word]]


class CustomerRepairOrders(ShopCustomerList):
    """List the customer's repair orders, newest first.

    Denied orders are not listed.
    """

    query = RepairOrderQuery
    serializer_class = RepairOrderSerializer

    @staticmethod
    def rows(caller: Caller, filters: RepairOrderFilters) -> QuerySet[RepairOrder]:
        rows = RepairOrder.objects.visible_to(caller).matching(filters)
        return rows.exclude(status=RepairOrderStatus.DENIED).order_by("-created_at", "-id")


urlpatterns = [route("repair-orders/customers/me/repair-orders/", CustomerRepairOrders.as_view())]
