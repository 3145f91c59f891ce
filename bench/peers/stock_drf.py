"""Stock DRF: the endpoint written as in DRF's tutorial over the same tables, with SimpleJWT and its user look-up.

It has `select_related`, `prefetch_related`, a persistent connection and the same server as ours. Only compiled reads
are missing.
"""

from __future__ import annotations

import os

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "bench.peers.stock_settings"
django.setup()

from django.core.wsgi import get_wsgi_application
from django.urls import path
from rest_framework import generics, permissions, serializers
from rest_framework.response import Response
from rest_framework_simplejwt.authentication import JWTAuthentication

from bench.peers.orders import WORDS, dollars_off, number_of, total_of
from common.domain.money import format_percent
from customers.models import CustomerUser
from repair_orders.models import PartLine, RepairOrder, ServiceLine
from vehicles.models import Vehicle


class VehicleSerializer(serializers.ModelSerializer):
    class Meta:
        model = Vehicle
        fields = ["id", "make", "model", "year", "license_plate", "vin", "color"]


class PartSerializer(serializers.ModelSerializer):
    id = serializers.IntegerField(source="part_id")

    class Meta:
        model = PartLine
        fields = ["id", "name", "part_number", "manufacturer", "unit_price", "taxable", "warranty_months"]


class PartLineSerializer(serializers.ModelSerializer):
    part = PartSerializer(source="*")
    quantity = serializers.SerializerMethodField()
    total_price = serializers.DecimalField(source="amount", max_digits=10, decimal_places=2)

    class Meta:
        model = PartLine
        fields = ["id", "part", "quantity", "total_price"]

    def get_quantity(self, line):
        return number_of(line.quantity)


class ServiceSerializer(serializers.ModelSerializer):
    id = serializers.IntegerField(source="service_id")
    labor_cost = serializers.DecimalField(source="amount", max_digits=10, decimal_places=2)

    class Meta:
        model = ServiceLine
        fields = ["id", "name", "description", "labor_cost", "taxable", "warranty_months"]


class ServiceLineSerializer(serializers.ModelSerializer):
    service = ServiceSerializer(source="*")

    class Meta:
        model = ServiceLine
        fields = ["id", "service"]


class RepairOrderSerializer(serializers.ModelSerializer):
    vehicle = VehicleSerializer()
    customer_name = serializers.CharField(source="customer.name")
    status = serializers.SerializerMethodField()
    discount_amount = serializers.SerializerMethodField()
    discount_percent = serializers.SerializerMethodField()
    tax_percent = serializers.SerializerMethodField()
    total_cost = serializers.SerializerMethodField()
    date_created = serializers.DateTimeField(source="created_at")
    repair_order_parts = PartLineSerializer(source="part_lines", many=True)
    repair_order_services = ServiceLineSerializer(source="service_lines", many=True)
    calculated_total_cost = serializers.SerializerMethodField()

    class Meta:
        model = RepairOrder
        fields = [
            "id", "vehicle_id", "vehicle", "customer_id", "customer_name", "status", "discount_amount",
            "discount_percent", "tax_percent", "total_cost", "date_created", "notes", "repair_order_parts",
            "repair_order_services", "calculated_total_cost",
        ]  # fmt: skip

    def get_status(self, order):
        return WORDS.get(order.status, order.status)

    def get_discount_amount(self, order):
        return str(dollars_off(order))

    def get_discount_percent(self, order):
        return format_percent(order.discount_percent)

    def get_tax_percent(self, order):
        return format_percent(order.tax_percent)

    def get_total_cost(self, order):
        return (
            str(order.total_cost) if order.total_cost is not None else self.get_calculated_total_cost(order)
        )

    def get_calculated_total_cost(self, order):
        return total_of(order, order.part_lines.all(), order.service_lines.all())


class RepairOrders(generics.ListAPIView):
    authentication_classes = [JWTAuthentication]
    permission_classes = [permissions.IsAuthenticated]
    serializer_class = RepairOrderSerializer

    def list(self, request):
        customer = CustomerUser.objects.select_related("customer__contact").get(user=request.user).customer
        orders = (
            RepairOrder.objects.filter(customer=customer)
            .exclude(status="denied")
            .select_related("vehicle", "customer__contact")
            .prefetch_related("part_lines", "service_lines")
            .order_by("-created_at", "-id")
        )
        rows = self.get_serializer(orders, many=True).data
        return Response(
            {
                "results": rows,
                "count": len(rows),
                "customer_id": customer.pk,
                "customer_name": customer.name,
            }
        )


urlpatterns = [path("api/shop/repair-orders/customers/me/repair-orders/", RepairOrders.as_view())]
application = get_wsgi_application()
