"""Contract 000, "Customer Appointments Endpoint"."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework import serializers

from appointments.models import Appointment, AppointmentStatus
from appointments.querysets import AppointmentFilters
from common.domain.caller import Caller
from common.domain.types import Json
from common.http.contracts.shop import ShopCustomerList
from common.http.fields import ChoiceList, Day, Instant
from common.http.query import ListQuery
from common.http.routing import route
from common.reads.serializers import Serializer
from customers.api.shop import name_of
from vehicles.api.shop import VehicleBriefSerializer


class ReportedProblemSerializer(Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)


class TechnicianSerializer(Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    role = serializers.CharField()
    email = serializers.CharField(allow_blank=True)
    user_id = serializers.IntegerField(allow_null=True)


class AppointmentSerializer(Serializer):
    id = serializers.IntegerField()
    vehicle_id = serializers.IntegerField()
    vehicle = VehicleBriefSerializer()
    reported_problem_id = serializers.IntegerField(allow_null=True)
    reported_problem = ReportedProblemSerializer(allow_null=True)
    assigned_technician_id = serializers.IntegerField(source="technician_id", allow_null=True)
    assigned_technician = TechnicianSerializer(source="technician", allow_null=True)
    customer_id = serializers.IntegerField()
    customer_name = name_of("customer.")
    description = serializers.CharField(allow_blank=True)
    date = Instant(source="start")
    status = serializers.ChoiceField(choices=AppointmentStatus.choices)
    assigned_at = Instant(allow_null=True)
    started_at = Instant(allow_null=True)
    completed_at = Instant(allow_null=True)


class AppointmentQuery(ListQuery):
    status = ChoiceList(AppointmentStatus.values, help_text="Comma-separated.")
    dateFrom = Day(source="date_from", required=False, help_text="First day, inclusive.")
    dateTo = Day(source="date_to", required=False, help_text="Last day, inclusive.")

    def validate(self, attrs: Json) -> Json:
        self.validate_range(attrs, "dateFrom", "dateTo")
        return attrs


class CustomerAppointments(ShopCustomerList):
    """List the customer's appointments, latest first."""

    query = AppointmentQuery
    serializer_class = AppointmentSerializer

    @staticmethod
    def rows(caller: Caller, filters: AppointmentFilters) -> QuerySet[Appointment]:
        return Appointment.objects.visible_to(caller).matching(filters).order_by("-start", "-id")


urlpatterns = [route("appointments/customers/me/appointments/", CustomerAppointments.as_view())]
