"""Contract 004, "Customer Management": customers for staff and other services, by the permissions of the role.

Customers read their own row by the same routes.
"""

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
from common.http.contracts.crm import CrmServiceView, CrmStaffList, CrmStaffView
from common.http.fields import Instant, PublicId
from common.http.filters import DayFilter, SearchFilter, TextFilter, apply, order, query_of
from common.http.permissions import CustomersOrPermittedStaff
from common.http.query import ListQuery, Query, params_of
from common.http.routing import route
from common.reads.read import Read
from common.reads.serializers import Derived, Serializer
from customers import actions, queries
from customers.api.crm import ADDRESS, CustomerSerializer, ProfileInput, person_field
from customers.models import ContactMethod, Customer
from customers.names import one_line_address, person_name

ORDERING = {
    "since": ("customer_since",),
    "created_at": ("customer_since",),
    "total_services": ("total_services",),
}
VIEW, CHANGE = "customers.view_customer", "customers.change_customer"


class CustomerNotFound(Missing):
    title = "Customer profile not found"
    message = "There is no customer with this id."


class CustomerFilter(django_filters.FilterSet):
    search = SearchFilter(
        "",
        "contact",
        help_text="Words to find in name, company, email, phone, city or postal code.",
    )
    is_verified = django_filters.BooleanFilter()
    business_type = TextFilter(
        "business_type", help_text="Line of business, as stored, in upper or lower case."
    )
    city = TextFilter("city", help_text="City of the address, as stored, in upper or lower case.")
    state = TextFilter(
        "state", help_text="State or region of the address, as stored, in upper or lower case."
    )
    since = DayFilter(
        "customer_since", "gte", help_text="First day on which they became customers, inclusive."
    )

    class Meta:
        model = Customer
        fields: list[str] = []


def customers_with_contact(caller: Caller) -> QuerySet[Customer]:
    """Return the customers visible to the caller, with the fields of their contact."""
    return Customer.objects.visible_to(caller).current().with_person("contact").with_changed_at()


class Customers(CrmStaffList):
    """List customers, newest first."""

    permission = VIEW
    serializer_class = CustomerSerializer
    query = query_of(CustomerFilter, ORDERING, ListQuery)

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
        return JSONResponse(self.body(id))

    def body(self, id: UUID | None) -> Json:
        """Return the customer's present values, of the kept one if it is merged. Raises CustomerNotFound."""
        if id is None:
            raise CustomerNotFound
        try:
            body: Json = self.read.one(self.caller, {"id": id}, CustomerNotFound)
        except CustomerNotFound:
            kept = queries.find_kept(uuid=id)
            if kept is None:
                raise
            body = self.read.one(self.caller, {"id": kept.uuid}, CustomerNotFound)
        return body


class CustomerDetail(CustomerView):
    """Retrieve a customer and their contact.

    Customers can retrieve their own record.
    """

    permission_classes = [CustomersOrPermittedStaff]
    staff_permissions = {"GET": VIEW}

    @extend_schema(responses=CustomerSerializer)
    def get(self, request: Request, id: UUID | None) -> JSONResponse:
        return self.show(id)


class CustomerDashboardSerializer(Serializer):
    """The keys that the dashboard of a customer shows of their record."""

    id = serializers.UUIDField(source="uuid")
    user_id = serializers.UUIDField(source="user_uuid", allow_null=True)
    email = person_field("email")
    first_name = person_field("first_name")
    last_name = person_field("last_name")
    full_name = Derived(
        person_name, "first_name", "last_name", output=serializers.CharField(allow_blank=True)
    )
    full_address = Derived(one_line_address, *ADDRESS, output=serializers.CharField(allow_blank=True))
    company_name = serializers.CharField(allow_blank=True)
    is_business_customer = Derived(bool, "company_name", output=serializers.BooleanField())
    last_service_date = Instant(allow_null=True)
    total_services = serializers.IntegerField()
    customer_since = Instant()
    is_verified = serializers.BooleanField()
    preferred_contact_method = serializers.ChoiceField(choices=ContactMethod.choices)


class CustomerDashboard(CustomerView):
    """Retrieve the dashboard of a customer.

    Customers can retrieve their own.
    """

    permission_classes = [CustomersOrPermittedStaff]
    staff_permissions = {"GET": VIEW}
    read = Read(_by_id, CustomerDashboardSerializer, params_of(_IdQuery))

    @extend_schema(responses=CustomerDashboardSerializer)
    def get(self, request: Request, id: UUID | None) -> JSONResponse:
        return self.show(id)


class Counted(CustomerSerializer):
    message = serializers.CharField()
    customer_id = serializers.UUIDField(help_text="The same as `id`.")


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

    @extend_schema(responses=Counted)
    def post(self, request: Request, id: UUID | None) -> JSONResponse:
        actions.count_service(customer_id=self.customer(id).pk, now=timezone.now())
        body = self.body(id)
        message = f"The customer has {body['total_services']} completed services."
        return JSONResponse({**body, "message": message, "customer_id": body["id"]})


class UserQuery(Query):
    user_id = PublicId()


def _by_user(caller: Caller, filters: Json) -> QuerySet[Customer]:
    rows = Customer.objects.of_user(caller, filters["user_id"])
    return rows.with_person("logins__user").with_changed_at()


_BY_USER = Read(_by_user, CustomerSerializer, params_of(UserQuery))


def _show_by_user(caller: Caller, user: UUID | None) -> JSONResponse:
    """Return the response with the customer of a user. Raises CustomerNotFound."""
    missing = CustomerNotFound("No profile has been created for this user.")
    if user is None:
        raise missing
    return JSONResponse(_BY_USER.one(caller, {"user_id": user}, missing))


class CustomerByUser(CrmServiceView):
    """Retrieve the customer of a user.

    The personal fields are those of the user. Customers can retrieve their own record.
    """

    permission_classes = [CustomersOrPermittedStaff]
    staff_permissions = {"GET": VIEW}
    input_class = UserQuery

    @extend_schema(responses=CustomerSerializer)
    def get(self, request: Request) -> JSONResponse:
        return _show_by_user(self.caller, UserQuery.read(request.query_params)["user_id"])


class LogicalCustomer(CrmServiceView):
    """Retrieve or change the customer of the user in the URL.

    Customers can use it for their own record.
    """

    permission_classes = [CustomersOrPermittedStaff]
    staff_permissions = {"GET": VIEW, "PATCH": CHANGE}
    input_class = ProfileInput

    @extend_schema(responses=CustomerSerializer)
    def get(self, request: Request, user_id: UUID | None) -> JSONResponse:
        """Retrieve the customer of a user.

        The personal fields are those of the user. Customers can retrieve their own record.
        """
        return self.show(user_id)

    @extend_schema(responses=CustomerSerializer)
    def patch(self, request: Request, user_id: UUID | None) -> JSONResponse:
        """Change the customer of a user.

        Fields that are not sent keep their values. Customers can change their own record.
        """
        body = self.read_body_of(lambda: self.show(user_id), partial=True)
        customer = Customer.objects.of_user(self.caller, user_id).first() if user_id else None
        if customer is None:
            raise CustomerNotFound("No profile has been created for this user.")
        if self.caller.is_staff:
            actions.change_customer(customer=customer, **body)
        else:
            actions.change_profile(customer_id=customer.pk, **body)
        return self.show(user_id)

    def show(self, user_id: UUID | None) -> JSONResponse:
        return _show_by_user(self.caller, user_id)


class Statistics(Serializer):
    total_customers = serializers.IntegerField(help_text="Number of customers.")
    verified_customers = serializers.IntegerField(help_text="Number of verified customers.")
    unverified_customers = serializers.IntegerField(help_text="Number of customers that are not verified.")
    business_customers = serializers.IntegerField(help_text="Customers with a company name.")
    new_this_month = serializers.IntegerField(
        help_text="Number of customers that were created in this calendar month."
    )
    total_services = serializers.IntegerField(
        help_text="Number of services that were completed for all customers."
    )
    by_state = serializers.DictField(
        child=serializers.IntegerField(), help_text="Customers by state, as stored."
    )


class CustomerStatistics(CrmStaffView):
    """Retrieve statistics of all customers."""

    permission = VIEW

    @extend_schema(responses=Statistics)
    def get(self, request: Request) -> JSONResponse:
        return JSONResponse(queries.get_statistics(now=timezone.now()))


# Fixed paths come before the route with an id.
urlpatterns = [
    route("customers/", Customers.as_view()),
    route("customers/by_user_id/", CustomerByUser.as_view()),
    route("customers/stats/", CustomerStatistics.as_view()),
    route("customers/logical/<public_id:user_id>/", LogicalCustomer.as_view()),
    route("customers/<public_id:id>/dashboard/", CustomerDashboard.as_view()),
    route("customers/<public_id:id>/", CustomerDetail.as_view()),
    route("customers/<public_id:id>/increment_service/", IncrementService.as_view()),
    route("customers/<public_id:id>/verify/", VerifyCustomer.as_view()),
]
