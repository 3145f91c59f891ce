"""Contract 004, "Customer Management": customers for staff and other services, by the permissions of the role."""

from __future__ import annotations

from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from common.domain.caller import Caller
from common.domain.errors import Missing
from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.contracts.crm import CrmStaffList, CrmStaffView
from common.http.fields import PublicId
from common.http.filters import DayFilter, SearchFilter, TextFilter, apply, order, query_of
from common.http.query import Query, params_of
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
        "",
        "contact",
        help_text="In name, company, email, phone, city or postal code.",
    )
    is_verified = django_filters.BooleanFilter()
    business_type = TextFilter("business_type", help_text="In upper or lower case.")
    state = TextFilter("state", help_text="As stored, in upper or lower case.")
    since = DayFilter("customer_since", "gte", help_text="The first day, inclusive.")

    class Meta:
        model = Customer
        fields: list[str] = []


def customers_with_contact(caller: Caller) -> QuerySet[Customer]:
    """Return the customers visible to the caller, with the fields of their contact."""
    return Customer.objects.visible_to(caller).current().with_person("contact")


class Customers(CrmStaffList):
    """List customers, newest first."""

    permission = "customers.view_customer"
    serializer_class = CustomerSerializer
    query = query_of(CustomerFilter, ORDERING)

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Customer]:
        return order(
            apply(customers_with_contact(caller), CustomerFilter, filters), ORDERING, filters, "-since"
        )


class _IdQuery(Query):
    id = PublicId()


def _by_id(caller: Caller, filters: Json) -> QuerySet[Customer]:
    return customers_with_contact(caller).filter(uuid=filters["id"])


class CustomerView(CrmStaffView):
    """A view of the customer whose UUID is in the URL."""

    read = Read(_by_id, CustomerSerializer, params_of(_IdQuery))

    def customer(self, id: UUID | None) -> Customer:
        """Return the customer for an action. Raises CustomerNotFound."""
        customers = Customer.objects.visible_to(self.caller).current()
        customer = customers.filter(uuid=id).first() if id else None
        if customer is None:
            raise CustomerNotFound
        return customer

    def show(self, id: UUID | None) -> JSONResponse:
        """Return the response with the customer's present values. Raises CustomerNotFound."""
        if id is None:
            raise CustomerNotFound
        try:
            return JSONResponse(self.read.one(self.caller, {"id": id}, CustomerNotFound))
        except CustomerNotFound:
            kept = queries.find_kept(uuid=id)
            if kept is None:
                raise
            return JSONResponse(self.read.one(self.caller, {"id": kept.uuid}, CustomerNotFound))


class CustomerDetail(CustomerView):
    """Retrieve a customer and their contact."""

    permission = "customers.view_customer"

    @extend_schema(responses=CustomerSerializer)
    def get(self, request: Request, id: UUID | None) -> JSONResponse:
        return self.show(id)


class VerifyCustomer(CustomerView):
    """Verify a customer.

    A verified customer stays unchanged.
    """

    permission = actions.PERMISSIONS["verify"]

    @extend_schema(responses=CustomerSerializer)
    def post(self, request: Request, id: UUID | None) -> JSONResponse:
        actions.verify(customer=self.customer(id))
        return self.show(id)


class IncrementService(CustomerView):
    """Increment a customer's count of services.

    The service is dated now. A completed repair order is counted automatically.
    """

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
    """Retrieve the customer of a user.

    The personal fields are those of the user.
    """

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
    business_customers = serializers.IntegerField(help_text="Customers with a company name.")
    new_this_month = serializers.IntegerField()
    total_services = serializers.IntegerField()
    by_state = serializers.DictField(
        child=serializers.IntegerField(), help_text="Customers by state, as stored."
    )


class CustomerStatistics(CrmStaffView):
    """Retrieve statistics of all customers."""

    permission = "customers.view_customer"

    @extend_schema(responses=Statistics)
    def get(self, request: Request) -> JSONResponse:
        return JSONResponse(queries.get_statistics(now=timezone.now()))


# Fixed paths come before the route with an id.
urlpatterns = [
    route("customers/", Customers.as_view()),
    route("customers/by_user_id/", CustomerByUser.as_view()),
    route("customers/stats/", CustomerStatistics.as_view()),
    route("customers/<public_id:id>/", CustomerDetail.as_view()),
    route("customers/<public_id:id>/increment_service/", IncrementService.as_view()),
    route("customers/<public_id:id>/verify/", VerifyCustomer.as_view()),
]
