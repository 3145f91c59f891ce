"""The staff API for repair orders."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet
from django.urls import URLPattern
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request

from catalogue.models import Part, Service
from common.domain.caller import Caller
from common.domain.types import Json
from common.http.fields import Id, Instant, Money, Percent
from common.http.filters import ChoiceListFilter, DayFilter, IdFilter, apply, order, query_of
from common.http.responses import JSONResponse
from common.http.viewsets import StaffViewSet
from common.reads.serializers import Serializer
from customers.models import Customer
from repair_orders import actions
from repair_orders.api.shop import RepairOrderSerializer
from repair_orders.models import PartLine, RepairOrder, RepairOrderStatus, ServiceLine
from vehicles.api.shop_staff import work_search_filter
from vehicles.models import Vehicle

ORDERING = {"created": ("created_at",)}


class RepairOrderRowSerializer(RepairOrderSerializer):
    """The contract's repair order with all six statuses and the fields for staff."""

    status = serializers.ChoiceField(choices=RepairOrderStatus.choices)  # type: ignore[assignment]
    description = serializers.CharField(allow_blank=True)
    denial_reason = serializers.CharField(allow_blank=True)
    estimated_at = Instant(allow_null=True)
    approved_at = Instant(allow_null=True)
    denied_at = Instant(allow_null=True)
    started_at = Instant(allow_null=True)
    completed_at = Instant(allow_null=True)


class RepairOrderFilter(django_filters.FilterSet):
    status = ChoiceListFilter(choices=RepairOrderStatus.choices, lookup_expr="in")
    customer_id = IdFilter(Customer, "customer_id")
    vehicle_id = IdFilter(Vehicle, "vehicle_id")
    created_from = DayFilter("created_at", "gte", help_text="First day, inclusive.")
    created_to = DayFilter("created_at", "lte", help_text="Last day, inclusive.")
    search = work_search_filter()

    class Meta:
        model = RepairOrder
        fields: list[str] = []


class RepairOrderQuery(query_of(RepairOrderFilter, ORDERING)):  # type: ignore[misc]  # made from declarations
    def validate(self, attrs: Json) -> Json:
        self.validate_range(attrs, "created_from", "created_to")
        return attrs


class RepairOrderInput(Serializer):
    """Texts can change at any time, discounts and tax only while the lines can change."""

    description = serializers.CharField(required=False, allow_blank=True, max_length=10_000)
    notes = serializers.CharField(required=False, allow_blank=True, max_length=10_000)
    discount_amount = Money(required=False, min_value=0)
    discount_percent = Percent(required=False)
    tax_percent = Percent(required=False)


class NewRepairOrderInput(RepairOrderInput):
    vehicle_id = Id()


class PartLineInput(Serializer):
    part_id = Id()
    quantity = serializers.IntegerField(min_value=1, max_value=10_000, default=1, help_text="1 by default.")


class ServiceLineInput(Serializer):
    service_id = Id()


class EstimateInput(Serializer):
    notes = serializers.CharField(required=False, allow_blank=True, max_length=10_000)


class ApproveInput(Serializer):
    total = Money(
        required=False, min_value=0, help_text="Approve exactly this amount. A different total is a 409."
    )


class DenyInput(Serializer):
    reason = serializers.CharField(required=False, allow_blank=True, max_length=10_000)


class StaffRepairOrders(StaffViewSet):
    """List the repair orders of all customers, newest first."""

    resource = "repair-orders"
    model = RepairOrder
    serializer_class = RepairOrderRowSerializer
    query = RepairOrderQuery
    inputs = {
        "create": NewRepairOrderInput,
        "partial_update": RepairOrderInput,
        "add_part": PartLineInput,
        "add_service": ServiceLineInput,
        "estimate": EstimateInput,
        "approve": ApproveInput,
        "deny": DenyInput,
    }
    verbs = ("estimate", "approve", "deny", "start", "complete")
    permissions = actions.PERMISSIONS

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [
            *super().routes(),
            cls.address("<id:id>/parts/", post="add_part"),
            cls.address("<id:id>/parts/<id:line_id>/", delete="remove_part"),
            cls.address("<id:id>/services/", post="add_service"),
            cls.address("<id:id>/services/<id:line_id>/", delete="remove_service"),
        ]

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[RepairOrder]:
        rows = apply(RepairOrder.objects.visible_to(caller), RepairOrderFilter, filters)
        return order(rows, ORDERING, filters, "-created")

    def create(self, request: Request) -> JSONResponse:
        """Create a repair order."""
        body = self.read_body()
        vehicle = self.one_of(Vehicle, body.pop("vehicle_id"), field="vehicle_id")
        body.setdefault("description", "")
        created = actions.request_repair(
            customer=vehicle.customer, vehicle=vehicle, now=timezone.now(), **body
        )
        return self.show(created.pk, status=201)

    def partial_update(self, request: Request, id: int) -> JSONResponse:
        actions.change_order(order=self.row(id), **self.read_body())
        return self.show(id)

    def add_part(self, request: Request, id: int) -> JSONResponse:
        """Add a part at its catalogue price."""
        body = self.read_body()
        part = self.one_of(Part, body["part_id"], field="part_id")
        actions.add_part(order=self.row(id), part=part, quantity=body["quantity"])
        return self.show(id)

    def add_service(self, request: Request, id: int) -> JSONResponse:
        """Add a service at its catalogue price."""
        service = self.one_of(Service, self.read_body()["service_id"], field="service_id")
        actions.add_service(order=self.row(id), service=service)
        return self.show(id)

    def remove_part(self, request: Request, id: int, line_id: int) -> JSONResponse:
        """Remove a part."""
        return self._remove(PartLine, id, line_id)

    def remove_service(self, request: Request, id: int, line_id: int) -> JSONResponse:
        """Remove a service."""
        return self._remove(ServiceLine, id, line_id)

    def _remove(self, model: type[PartLine] | type[ServiceLine], id: int, line_id: int) -> JSONResponse:
        actions.remove_line(order=self.row(id), model=model, line_id=line_id)
        return self.show(id)

    def estimate(self, request: Request, id: int) -> JSONResponse:
        """Send an estimate of the current lines to the customer."""
        notes = self.read_body().get("notes")
        actions.send_estimate(order=self.row(id), by=self.caller.user_id, now=timezone.now(), notes=notes)
        return self.show(id)

    def approve(self, request: Request, id: int) -> JSONResponse:
        """Approve an estimate for the customer."""
        total = self.read_body().get("total")
        actions.approve(order=self.row(id), by=self.caller.user_id, now=timezone.now(), total=total)
        return self.show(id)

    def deny(self, request: Request, id: int) -> JSONResponse:
        """Deny an estimate or a request."""
        reason = self.read_body().get("reason", "")
        actions.deny(order=self.row(id), by=self.caller.user_id, now=timezone.now(), reason=reason)
        return self.show(id)

    def start(self, request: Request, id: int) -> JSONResponse:
        """Start the work."""
        actions.start(order=self.row(id), by=self.caller.user_id, now=timezone.now())
        return self.show(id)

    def complete(self, request: Request, id: int) -> JSONResponse:
        """Complete a repair order.

        The total is stored and the customer is notified.
        """
        actions.complete(order=self.row(id), by=self.caller.user_id, now=timezone.now())
        return self.show(id)


urlpatterns = StaffRepairOrders.routes()
