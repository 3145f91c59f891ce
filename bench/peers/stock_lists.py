"""Stock DRF: every list of contracts 001 to 004 as a generic view, written as in DRF's documentation.

It has querysets with `select_related` and `prefetch_related`, SimpleJWT's authentication (DRF's session authentication
for the fleet) and Django's default middleware. The product's own serializers render the objects. They are DRF's
serializers, and bench/lists.py measures how close they come to hand-written ones.
"""

from __future__ import annotations

import os

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "bench.peers.lists_settings"
django.setup()

from django.core.wsgi import get_wsgi_application
from django.db.models import Count, F, Prefetch, Q
from django.db.models.functions import TruncMonth
from django.urls import path
from django.utils import timezone
from rest_framework import generics, pagination, permissions, serializers
from rest_framework.authentication import SessionAuthentication
from rest_framework.response import Response
from rest_framework_simplejwt.authentication import JWTAuthentication

from appointments.api import member as appointments
from appointments.api.member_locations import LocationSerializer
from appointments.models import Appointment, Location, OpeningHours, ServiceType
from catalogue.api.care import ProductSerializer
from catalogue.models import Part
from chat.api import care as tickets
from chat.api import member as chat
from chat.models import Conversation, SupportTicket
from customers.api.care import NotificationSerializer
from customers.api.crm import CustomerSerializer
from customers.models import Customer, Notification
from memberships.api.member import OfferSerializer, PlanSerializer
from memberships.models import Offer, Plan
from orders.api.care import OrderSerializer
from orders.api.care_returns import ReturnSerializer
from orders.models import Order, ReturnRequest
from repair_orders.api.fleet import RepairSerializer
from repair_orders.api.shop import RepairOrderSerializer
from repair_orders.models import RepairOrder
from vehicles.api.member import VehicleSerializer
from vehicles.models import Vehicle

HOURS = Prefetch("opening_hours", OpeningHours.objects.order_by("weekday"))
SERVICES = Prefetch("services", ServiceType.objects.order_by("id"))
HOURS_THERE = Prefetch("location__opening_hours", OpeningHours.objects.order_by("weekday"))


class StockList(generics.ListAPIView):
    authentication_classes = [JWTAuthentication]
    permission_classes = [permissions.IsAuthenticated]

    def own(self, model, path="customer"):
        """Return the rows of the user's customer, in one statement with a join to the login."""
        return model.objects.filter(**{f"{path}__logins__user": self.request.user})


class BarePages(pagination.PageNumberPagination):
    """Pages of a bare array, with the count in a header."""

    page_size = 50

    def get_paginated_response(self, data):
        return Response(data, headers={"X-Total-Count": str(self.page.paginator.count)})


class Pages(pagination.PageNumberPagination):
    page_size = 50


# --- Contract 001 -----------------------------------------------------------------------------------------------


class FleetList(StockList):
    authentication_classes = [SessionAuthentication]


class Repairs(FleetList):
    serializer_class = RepairSerializer

    def get_queryset(self):
        rows = self.own(RepairOrder).select_related("vehicle").prefetch_related("part_lines", "service_lines")
        return rows.order_by("-created_at", "-id")


class UnitCountSerializer(serializers.Serializer):
    unit_number = serializers.CharField(source="label")
    repair_count = serializers.IntegerField()


class UnitCounts(FleetList):
    serializer_class = UnitCountSerializer

    def get_queryset(self):
        counted = self.own(Vehicle).annotate(repair_count=Count("repair_orders"))
        return counted.filter(Q(archived_at=None) | Q(repair_count__gt=0)).order_by("unit_number", "id")


class MonthCountSerializer(serializers.Serializer):
    date = serializers.DateTimeField(source="month", format="%Y-%m")
    count = serializers.IntegerField()


class MonthCounts(FleetList):
    serializer_class = MonthCountSerializer

    def get_queryset(self):
        months = self.own(RepairOrder).annotate(month=TruncMonth("created_at")).values("month")
        return months.annotate(count=Count("id")).order_by("month")


# --- Contract 002 -----------------------------------------------------------------------------------------------


class Products(StockList):
    serializer_class = ProductSerializer
    queryset = Part.objects.order_by("name", "id")
    pagination_class = BarePages


class Orders(StockList):
    serializer_class = OrderSerializer

    def get_queryset(self):
        return self.own(Order).prefetch_related("items").order_by("-created_at", "-id")


class Returns(StockList):
    serializer_class = ReturnSerializer

    def get_queryset(self):
        rows = self.own(ReturnRequest, "order__customer").prefetch_related("lines__item")
        return rows.order_by("-created_at", "-id")


class Tickets(StockList):
    serializer_class = tickets.TicketRowSerializer

    def get_queryset(self):
        rows = self.own(SupportTicket, "conversation__customer").select_related("conversation")
        shown = Q(conversation__messages__is_internal=False, conversation__messages__withdrawn_at=None)
        rows = rows.annotate(message_count=Count("conversation__messages", filter=shown))
        return rows.order_by("-conversation__created_at", "-conversation_id")


class Notifications(StockList):
    serializer_class = NotificationSerializer

    def get_queryset(self):
        return self.own(Notification).order_by("-created_at", "-id")


# --- Contract 003 -----------------------------------------------------------------------------------------------


class Vehicles(StockList):
    serializer_class = VehicleSerializer

    def get_queryset(self):
        rows = self.own(Vehicle).filter(archived_at=None).select_related("customer__contact")
        return rows.order_by("id")


class Locations(StockList):
    serializer_class = LocationSerializer
    queryset = Location.objects.prefetch_related(HOURS).order_by("name", "id")


class Appointments(StockList):
    serializer_class = appointments.AppointmentSerializer

    def get_queryset(self):
        rows = self.own(Appointment).select_related("customer__contact", "vehicle", "location")
        return rows.prefetch_related(HOURS_THERE, SERVICES).order_by("-start", "-id")


class Upcoming(Appointments):
    def get_queryset(self):
        rows = super().get_queryset().filter(status__in=["pending", "in_progress"], end__gt=timezone.now())
        return rows.order_by("start", "id")


class Plans(StockList):
    serializer_class = PlanSerializer
    queryset = Plan.objects.filter(is_active=True).order_by("price", "id")


class Offers(StockList):
    serializer_class = OfferSerializer

    def get_queryset(self):
        membership = self.request.user.memberships.filter(status="active").select_related("plan").first()
        offered = Q(for_basic=False, for_plus=False, for_premium=False)
        if membership:
            offered |= Q(**{f"for_{membership.plan.tier}": True})
        rows = Offer.objects.filter(offered, is_active=True, expiry__gt=timezone.now())
        return rows.prefetch_related("locations").order_by("expiry", "id")


class Threads(StockList):
    serializer_class = chat.ThreadSerializer

    def get_queryset(self):
        rows = self.own(Conversation).select_related("customer__contact", "last_message__conversation")
        return rows.order_by("-updated_at", "-id")


class Messages(StockList):
    serializer_class = chat.MessageSerializer

    def get_queryset(self):
        conversation = generics.get_object_or_404(self.own(Conversation), uuid=self.kwargs["thread"])
        return conversation.messages.filter(is_internal=False).order_by("number", "id")


# --- Contract 004 -----------------------------------------------------------------------------------------------


class Customers(StockList):
    serializer_class = CustomerSerializer
    permission_classes = [permissions.IsAdminUser]
    pagination_class = Pages

    def get_queryset(self):
        names = {
            "user_uuid": "uuid",
            **{name: name for name in ("first_name", "last_name", "email", "phone")},
        }
        of_contact = {name: F(f"contact__{source}") for name, source in names.items()}
        return Customer.objects.annotate(**of_contact).with_changed_at().order_by("-customer_since", "-id")


# --- The shop's repair orders, to compare with the hand-written peer -----------------------------------------------


class RepairOrders(StockList):
    serializer_class = RepairOrderSerializer

    def list(self, request):
        customer = Customer.objects.select_related("contact").get(logins__user=request.user)
        orders = (
            RepairOrder.objects.filter(customer=customer)
            .exclude(status="denied")
            .select_related("vehicle", "customer__contact")
            .prefetch_related("part_lines", "service_lines")
            .order_by("-created_at", "-id")
        )
        rows = self.get_serializer(orders, many=True).data
        body = {
            "results": rows,
            "count": len(rows),
            "customer_id": customer.pk,
            "customer_name": customer.name,
        }
        return Response(body)


urlpatterns = [
    path("customer/api/repairs/", Repairs.as_view()),
    path("customer/api/unit-repair-data/", UnitCounts.as_view()),
    path("customer/api/repair-cost-data/", MonthCounts.as_view()),
    path("api/v1/customer/products", Products.as_view()),
    path("api/v1/customer/orders", Orders.as_view()),
    path("api/v1/customer/returns", Returns.as_view()),
    path("api/v1/customer/tickets", Tickets.as_view()),
    path("api/v1/customer/notifications", Notifications.as_view()),
    path("api/vehicles/", Vehicles.as_view()),
    path("api/appointments/locations/", Locations.as_view()),
    path("api/appointments/upcoming/", Upcoming.as_view()),
    path("api/appointments/", Appointments.as_view()),
    path("api/memberships/plans/", Plans.as_view()),
    path("api/offers/", Offers.as_view()),
    path("api/chat/threads/", Threads.as_view()),
    path("api/chat/threads/<uuid:thread>/messages/", Messages.as_view()),
    path("api/v1/customers/", Customers.as_view()),
    path("api/shop/repair-orders/customers/me/repair-orders/", RepairOrders.as_view()),
]
application = get_wsgi_application()
