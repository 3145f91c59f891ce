"""Contract 004, "Customer Management": customers for other services and staff, by the roles' permissions."""

from __future__ import annotations

from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts.querysets import FullName
from common.domain.caller import Caller
from common.domain.errors import Missing
from common.domain.types import Json
from common.http.contracts.crm import CrmStaffList, CrmStaffView
from common.http.fields import PublicId
from common.http.filters import DayFilter, SearchFilter, TextFilter, apply, order, query_of
from common.http.query import Query, params_of
from common.http.responses import JSONResponse
from common.http.routing import route
from common.reads.read import Read
from common.reads.serializers import Serializer
from customers import actions, queries
from customers.api.crm import CustomerSerializer
from customers.models import Customer

ORDERING = {"since": ("customer_since",)}


class CustomerNotFound(Missing):
    title = "Customer profile not found"
    message = "There is no customer with this id."


class CustomerFilter(django_filters.FilterSet):
    search = SearchFilter(
        {"": ("company_name", "city", "postal_code"), "contact": (FullName(), "email", "phone")},
        help_text="In name, company, email, phone, city or postal code.",
    )
    is_verified = django_filters.BooleanFilter()
    business_type = TextFilter("business_type", help_text="Whatever its case.")
    state = TextFilter("state", help_text="As it was written, whatever its case.")
    since = DayFilter("customer_since", "gte", help_text="First day, inclusive.")

    class Meta:
        model = Customer
        fields: list[str] = []


def everybody(caller: Caller) -> QuerySet[Customer]:
    """Customers as staff see them: with their contact, who may be nobody."""
    return Customer.objects.visible_to(caller).with_person("contact")


class Customers(CrmStaffList):
    """All customers, the newest first."""

    permission = "customers.view_customer"
    serializer_class = CustomerSerializer
    query = query_of(CustomerFilter, ORDERING)

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Customer]:
        return order(apply(everybody(caller), CustomerFilter, filters), ORDERING, filters, "-since")


class _IdQuery(Query):
    id = PublicId()


def _by_id(caller: Caller, filters: Json) -> QuerySet[Customer]:
    return everybody(caller).filter(uuid=filters["id"])


class CustomerView(CrmStaffView):
    """Something about the one customer whose UUID stands in the address."""

    read = Read(_by_id, CustomerSerializer, params_of(_IdQuery))

    def customer(self, id: UUID | None) -> Customer:
        """The row itself, for an action."""
        customer = Customer.objects.visible_to(self.caller).filter(uuid=id).first() if id else None
        if customer is None:
            raise CustomerNotFound
        return customer

    def show(self, id: UUID | None) -> JSONResponse:
        """The body as it stands now."""
        if id is None:
            raise CustomerNotFound
        return JSONResponse(self.read.one(self.caller, {"id": id}, CustomerNotFound))


class CustomerDetail(CustomerView):
    """One customer, with his contact."""

    permission = "customers.view_customer"

    @extend_schema(responses=CustomerSerializer)
    def get(self, request: Request, id: UUID | None) -> JSONResponse:
        return self.show(id)


class VerifyCustomer(CustomerView):
    """Say that the shop knows who this is. Saying it again changes nothing."""

    permission = actions.PERMISSIONS["verify"]

    @extend_schema(responses=CustomerSerializer)
    def post(self, request: Request, id: UUID | None) -> JSONResponse:
        actions.verify(customer=self.customer(id))
        return self.show(id)


class IncrementService(CustomerView):
    """Count one more service, done now. A completed repair order counts by itself."""

    permission = actions.PERMISSIONS["count_service"]

    @extend_schema(responses=CustomerSerializer)
    def post(self, request: Request, id: UUID | None) -> JSONResponse:
        actions.count_service(customer_id=self.customer(id).pk, now=timezone.now())
        return self.show(id)


class UserQuery(Query):
    user_id = PublicId()


def _by_user(caller: Caller, filters: Json) -> QuerySet[Customer]:
    rows = Customer.objects.visible_to(caller).filter(logins__user__uuid=filters["user_id"])
    return rows.with_person("logins__user")


class CustomerByUser(CrmStaffView):
    """The customer a user acts for, shown with that user."""

    permission = "customers.view_customer"
    read = Read(_by_user, CustomerSerializer, params_of(UserQuery))
    input_class = UserQuery

    @extend_schema(responses=CustomerSerializer)
    def get(self, request: Request) -> JSONResponse:
        missing = CustomerNotFound("No profile has been created for this user.")
        return JSONResponse(self.read.one(self.caller, UserQuery.read(request.query_params), missing))


class Statistics(Serializer):
    total_customers = serializers.IntegerField()
    verified_customers = serializers.IntegerField()
    unverified_customers = serializers.IntegerField()
    business_customers = serializers.IntegerField(help_text="Those with a company's name.")
    new_this_month = serializers.IntegerField()
    total_services = serializers.IntegerField()
    by_state = serializers.DictField(child=serializers.IntegerField(), help_text="As the states are written.")


class CustomerStatistics(CrmStaffView):
    """Figures over all customers."""

    permission = "customers.view_customer"

    @extend_schema(responses=Statistics)
    def get(self, request: Request) -> JSONResponse:
        return JSONResponse(queries.statistics(now=timezone.now()))


# What has a name of its own comes before what is an id.
urlpatterns = [
    route("customers/", Customers.as_view()),
    route("customers/by_user_id/", CustomerByUser.as_view()),
    route("customers/stats/", CustomerStatistics.as_view()),
    route("customers/<public_id:id>/", CustomerDetail.as_view()),
    route("customers/<public_id:id>/increment_service/", IncrementService.as_view()),
    route("customers/<public_id:id>/verify/", VerifyCustomer.as_view()),
]
