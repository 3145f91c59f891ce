"""Stock DRF: the writes of a working day as viewsets with model serializers, which call the product's own actions.

Rows are read again with `select_related` and `prefetch_related` and rendered with their nested rows.
"""

from __future__ import annotations

import os

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "bench.peers.stock_writes_settings"
django.setup()

from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils import timezone
from rest_framework import permissions, serializers, viewsets
from rest_framework.response import Response
from rest_framework_simplejwt.authentication import JWTAuthentication

from appointments.actions import book_appointment
from appointments.models import Appointment, Location, ServiceType
from billing.invoices import issue_invoice
from billing.ledger import Target
from billing.models import Allocation, Invoice, InvoiceLine, Payment
from billing.payments import take_payment
from catalogue.pricing.models import CannedJob
from customers.models import Customer
from repair_orders.actions import finish_job
from repair_orders.estimates.actions import Answerer, record_answer
from repair_orders.estimates.models import Authorisation, Decision
from repair_orders.jobs import add_canned_job
from repair_orders.models import Job, PartLine, RepairOrder, ServiceLine
from vehicles.models import Vehicle


def of(model, **nested):
    """Return a model serializer with all fields, and serializers of nested rows."""
    meta = type("Meta", (), {"model": model, "fields": "__all__"})
    return type(f"{model.__name__}Serializer", (serializers.ModelSerializer,), {**nested, "Meta": meta})


CustomerSerializer, VehicleSerializer, ServiceSerializer = of(Customer), of(Vehicle), of(ServiceType)
AppointmentSerializer = of(
    Appointment,
    customer=CustomerSerializer(),
    vehicle=VehicleSerializer(),
    services=ServiceSerializer(many=True),
)
JobSerializer = of(Job, part_lines=of(PartLine)(many=True), service_lines=of(ServiceLine)(many=True))
OrderSerializer = of(
    RepairOrder, customer=CustomerSerializer(), vehicle=VehicleSerializer(), jobs=JobSerializer(many=True)
)
AuthorisationSerializer = of(Authorisation, decisions=of(Decision)(many=True))
InvoiceSerializer = of(
    Invoice,
    lines=of(InvoiceLine)(many=True),
    allocations=of(Allocation)(many=True),
    bill_to=CustomerSerializer(),
)
PaymentSerializer = of(Payment, allocations=of(Allocation)(many=True), customer=CustomerSerializer())


class BookSerializer(serializers.Serializer):
    customer_id = serializers.PrimaryKeyRelatedField(source="customer", queryset=Customer.objects.all())
    vehicle_id = serializers.PrimaryKeyRelatedField(source="vehicle", queryset=Vehicle.objects.all())
    location_id = serializers.PrimaryKeyRelatedField(source="location", queryset=Location.objects.all())
    services = serializers.SlugRelatedField("code", queryset=ServiceType.objects.all(), many=True)
    start = serializers.DateTimeField()


class JobInput(serializers.Serializer):
    canned_job_id = serializers.PrimaryKeyRelatedField(source="canned", queryset=CannedJob.objects.all())


class DecisionInput(serializers.Serializer):
    job_id = serializers.IntegerField()
    decision = serializers.ChoiceField(choices=["approved", "declined", "deferred"])


class AnswerInput(serializers.Serializer):
    method = serializers.CharField()
    by_name = serializers.CharField()
    contact_used = serializers.CharField()
    total = serializers.DecimalField(max_digits=12, decimal_places=2)
    decisions = DecisionInput(many=True)


class AllocationInput(serializers.Serializer):
    invoice_id = serializers.PrimaryKeyRelatedField(source="row", queryset=Invoice.objects.all())
    amount = serializers.DecimalField(max_digits=12, decimal_places=2)


class PaymentInput(serializers.Serializer):
    customer_id = serializers.PrimaryKeyRelatedField(source="customer", queryset=Customer.objects.all())
    location_id = serializers.PrimaryKeyRelatedField(source="location", queryset=Location.objects.all())
    amount = serializers.DecimalField(max_digits=12, decimal_places=2)
    method = serializers.CharField()
    reference = serializers.CharField()
    allocations = AllocationInput(many=True)


class StockViewSet(viewsets.ViewSet):
    authentication_classes = [JWTAuthentication]
    permission_classes = [permissions.IsAdminUser]

    def body(self, serializer):
        given = serializer(data=self.request.data)
        given.is_valid(raise_exception=True)
        return given.validated_data

    def shown(self, serializer, rows, pk):
        return Response(serializer(rows.get(pk=pk)).data, status=201)


class Appointments(StockViewSet):
    def create(self, request):
        made = book_appointment(**self.body(BookSerializer), by_staff=True, now=timezone.now())
        rows = Appointment.objects.select_related("customer", "vehicle").prefetch_related("services")
        return self.shown(AppointmentSerializer, rows, made.pk)


class Orders(StockViewSet):
    def order(self):
        return get_object_or_404(RepairOrder, pk=self.kwargs["pk"])

    def shown_order(self):
        rows = RepairOrder.objects.select_related("customer", "vehicle")
        rows = rows.prefetch_related("jobs__part_lines", "jobs__service_lines")
        return self.shown(OrderSerializer, rows, self.kwargs["pk"])

    def add_job(self, request, pk):
        add_canned_job(order=self.order(), **self.body(JobInput))
        return self.shown_order()

    def finish_job(self, request, pk, job):
        row = get_object_or_404(Job, pk=job, repair_order_id=pk)
        finish_job(job=row, by=request.user.pk, now=timezone.now(), received=False)
        return self.shown_order()

    def answer(self, request, pk):
        body = self.body(AnswerInput)
        decisions = {item["job_id"]: item["decision"] for item in body.pop("decisions")}
        total = body.pop("total")
        answerer = Answerer(**body, by=request.user.pk)
        given = record_answer(
            order=self.order(), decisions=decisions, answerer=answerer, total=total, now=timezone.now()
        )
        return self.shown(
            AuthorisationSerializer, Authorisation.objects.prefetch_related("decisions"), given.pk
        )

    def invoice(self, request, pk):
        issued = issue_invoice(order=self.order(), by=request.user.pk, now=timezone.now())
        rows = Invoice.objects.select_related("bill_to").prefetch_related("lines", "allocations")
        return self.shown(InvoiceSerializer, rows, issued.pk)


class Payments(StockViewSet):
    def create(self, request):
        body = self.body(PaymentInput)
        targets = [Target(item["row"], item["amount"]) for item in body.pop("allocations")]
        taken = take_payment(**body, allocations=targets, by=request.user.pk, now=timezone.now())
        rows = Payment.objects.select_related("customer").prefetch_related("allocations")
        return self.shown(PaymentSerializer, rows, taken.pk)


ORDERS = "api/shop/repair-orders/<int:pk>/"
urlpatterns = [
    path("ready/", lambda request: JsonResponse({})),
    path("api/shop/appointments/", Appointments.as_view({"post": "create"})),
    path(f"{ORDERS}jobs/", Orders.as_view({"post": "add_job"})),
    path(f"{ORDERS}jobs/<int:job>/finish/", Orders.as_view({"post": "finish_job"})),
    path(f"{ORDERS}authorisations/", Orders.as_view({"post": "answer"})),
    path(f"{ORDERS}invoice/", Orders.as_view({"post": "invoice"})),
    path("api/shop/payments/", Payments.as_view({"post": "create"})),
]
application = get_wsgi_application()
