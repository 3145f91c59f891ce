"""django-ninja: the endpoint written as in its documentation, model objects through its schemas.

It has `select_related`, `prefetch_related`, a persistent connection and the same server as ours.
"""

from __future__ import annotations

import os

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "bench.peers.ninja_settings"
django.setup()

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import jwt
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest
from django.urls import path
from ninja import Field, NinjaAPI, Schema
from ninja.security import HttpBearer
from pydantic import PlainSerializer

from accounts.models import User
from bench.peers.orders import WORDS, dollars_off, number_of, total_of
from common.domain.money import format_percent
from customers.models import CustomerUser
from repair_orders.models import PartLine, RepairOrder, ServiceLine

# The renderer of ninja uses Django's encoder, which truncates microseconds.
Instant = Annotated[datetime, PlainSerializer(lambda at: at.isoformat().replace("+00:00", "Z"))]


class VehicleOut(Schema):
    id: int
    make: str
    model: str
    year: int
    license_plate: str
    vin: str
    color: str


class PartOut(Schema):
    id: int = Field(alias="part_id")
    name: str
    part_number: str
    manufacturer: str
    unit_price: Decimal
    taxable: bool
    warranty_months: int


class PartLineOut(Schema):
    id: int
    part: PartOut
    quantity: int | float
    total_price: Decimal = Field(alias="amount")

    @staticmethod
    def resolve_part(line: PartLine) -> PartLine:
        return line

    @staticmethod
    def resolve_quantity(line: PartLine) -> int | float:
        return number_of(line.quantity)


class ServiceOut(Schema):
    id: int = Field(alias="service_id")
    name: str
    description: str
    labor_cost: Decimal = Field(alias="amount")
    taxable: bool
    warranty_months: int


class ServiceLineOut(Schema):
    id: int
    service: ServiceOut

    @staticmethod
    def resolve_service(line: ServiceLine) -> ServiceLine:
        return line


class RepairOrderOut(Schema):
    id: int
    vehicle_id: int
    vehicle: VehicleOut
    customer_id: int
    customer_name: str = Field(alias="customer.name")
    status: str
    discount_amount: Decimal
    discount_percent: str
    tax_percent: str
    total_cost: Decimal
    date_created: Instant = Field(alias="created_at")
    notes: str
    repair_order_parts: list[PartLineOut] = Field(alias="part_lines")
    repair_order_services: list[ServiceLineOut] = Field(alias="service_lines")
    calculated_total_cost: str

    @staticmethod
    def resolve_status(order: RepairOrder) -> str:
        return WORDS.get(order.status, order.status)

    @staticmethod
    def resolve_discount_amount(order: RepairOrder) -> Decimal:
        return dollars_off(order)

    @staticmethod
    def resolve_discount_percent(order: RepairOrder) -> str:
        return format_percent(order.discount_percent)

    @staticmethod
    def resolve_tax_percent(order: RepairOrder) -> str:
        return format_percent(order.tax_percent)

    @staticmethod
    def resolve_total_cost(order: RepairOrder) -> Decimal:
        present = RepairOrderOut.resolve_calculated_total_cost
        return order.total_cost if order.total_cost is not None else Decimal(present(order))

    @staticmethod
    def resolve_calculated_total_cost(order: RepairOrder) -> str:
        return total_of(order, order.part_lines.all(), order.service_lines.all())


class RepairOrdersOut(Schema):
    results: list[RepairOrderOut]
    count: int
    customer_id: int
    customer_name: str


class Bearer(HttpBearer):
    def authenticate(self, request: HttpRequest, token: str) -> User | None:
        user = jwt.decode(token, settings.SECRET_KEY, algorithms=["HS256"])["user_id"]
        return User.objects.filter(uuid=user, is_active=True).first()


api = NinjaAPI(auth=Bearer())


@api.get("/shop/repair-orders/customers/me/repair-orders/", response=RepairOrdersOut)
def repair_orders(request):
    customer = CustomerUser.objects.select_related("customer__contact").get(user=request.auth).customer
    orders = list(
        RepairOrder.objects.filter(customer=customer)
        .exclude(status="denied")
        .select_related("vehicle", "customer__contact")
        .prefetch_related("part_lines", "service_lines")
        .order_by("-created_at", "-id")
    )
    return {
        "results": orders,
        "count": len(orders),
        "customer_id": customer.pk,
        "customer_name": customer.name,
    }


urlpatterns = [path("api/", api.urls)]
application = get_wsgi_application()
