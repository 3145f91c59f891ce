"""Contract 000, "Customer Repair Orders Endpoint": the customer's repair orders."""

from __future__ import annotations

from decimal import Decimal

from django.db.models import QuerySet
from rest_framework import serializers

from common.domain.caller import Caller
from common.http.contracts.shop import ShopCustomerList
from common.http.fields import ChoiceList, Instant, Money, Percent
from common.http.query import ListQuery
from common.http.routing import route
from common.reads.fields import Derived
from common.reads.serializers import Serializer
from customers.api.shop import name_of
from repair_orders.api.totals import current_total_field, total_field
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


def line_total(unit_price: Decimal, quantity: int) -> Decimal:
    return unit_price * quantity


class SoldPartSerializer(Serializer):
    """The part of a line, with the price and taxability it was sold at."""

    id = serializers.IntegerField(source="part.id")
    name = serializers.CharField(source="part.name")
    part_number = serializers.CharField(source="part.part_number")
    manufacturer = serializers.CharField(source="part.manufacturer", allow_blank=True)
    unit_price = Money()
    taxable = serializers.BooleanField()
    warranty_months = serializers.IntegerField(source="part.warranty_months")


class PartLineSerializer(Serializer):
    id = serializers.IntegerField()
    part = SoldPartSerializer(source="*")
    quantity = serializers.IntegerField()
    total_price = Derived(line_total, "unit_price", "quantity", output=Money())


class SoldServiceSerializer(Serializer):
    """The service of a line, with the price and taxability it was sold at."""

    id = serializers.IntegerField(source="service.id")
    name = serializers.CharField(source="service.name")
    description = serializers.CharField(source="service.description", allow_blank=True)
    labor_cost = Money()
    taxable = serializers.BooleanField()
    warranty_months = serializers.IntegerField(source="service.warranty_months")


class ServiceLineSerializer(Serializer):
    id = serializers.IntegerField()
    service = SoldServiceSerializer(source="*")


class RepairOrderSerializer(Serializer):
    id = serializers.IntegerField()
    vehicle_id = serializers.IntegerField()
    vehicle = VehicleBriefSerializer()
    customer_id = serializers.IntegerField()
    customer_name = name_of("customer.")
    status = Derived(format_status, "status", output=serializers.ChoiceField(choices=list(STATES)))
    discount_amount = Money()
    discount_percent = Percent()
    tax_percent = Percent()
    total_cost = total_field(output=Money())
    date_created = Instant(source="created_at")
    notes = serializers.CharField(allow_blank=True)
    repair_order_parts = PartLineSerializer(source="part_lines", many=True)
    repair_order_services = ServiceLineSerializer(source="service_lines", many=True)
    calculated_total_cost = current_total_field(output=Money())


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
