"""Contract 000, "Customer Profile Endpoint", and what other apps share: fields of a customer, lists of own rows."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import QueryDict
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from common.domain.caller import Caller
from common.domain.errors import Missing, NoCustomerRecord
from common.domain.types import Json, Values
from common.http.bodies import JSONResponse
from common.http.contracts.shop import ShopCustomerList, ShopView
from common.http.fields import Id, Number
from common.http.permissions import CustomersOnly
from common.http.query import ListQuery
from common.http.routing import route
from common.reads.read import Read
from common.reads.serializers import Derived, Serializer
from customers.models import Customer
from customers.names import customer_name, one_line_address, or_empty


def name_of(path: str) -> Derived:
    """Return a field with the name of the customer at `path`, which is empty for the customer itself."""
    return Derived(
        customer_name,
        f"{path}company_name",
        f"{path}contact.first_name",
        f"{path}contact.last_name",
        output=serializers.CharField(),
    )


def address_of(path: str) -> Derived:
    """Return a field with the address in one line of the customer at `path`."""
    parts = ("street_address", "city", "state", "postal_code", "country")
    return Derived(one_line_address, *(f"{path}{part}" for part in parts), output=serializers.CharField())


def contact_text(path: str) -> Derived:
    """Return a field with the contact's email or phone, which is empty if there is no contact."""
    return Derived(or_empty, path, output=serializers.CharField(allow_blank=True))


class ProfileCustomer(Serializer):
    id = serializers.IntegerField()
    name = name_of("")
    email = contact_text("contact.email")
    phone = contact_text("contact.phone")
    address = address_of("")
    phone_number = contact_text("contact.phone")


class Profile(Serializer):
    user_id = serializers.IntegerField()
    customer = ProfileCustomer()
    user_role = serializers.CharField()


def _own(caller: Caller, filters: object) -> QuerySet[Customer]:
    return Customer.objects.visible_to(caller).order_by("pk")


class CustomerProfile(ShopView):
    """Retrieve your customer profile."""

    permission_classes = [CustomersOnly]
    read = Read(_own, ProfileCustomer)

    @extend_schema(responses=Profile)
    def get(self, request: Request) -> JSONResponse:
        caller = self.caller
        customer = self.read.one(caller, {}, NoCustomerRecord)  # may have been deleted since
        return JSONResponse({"user_id": caller.user_id, "customer": customer, "user_role": caller.role})


class OwnListQuery(ListQuery):
    """The parameters that a customer's client sends to the staff's address of a list."""

    page_size = Number(required=False, min_value=1, max_value=1_000, help_text="At most 1,000.")
    limit = Number(
        source="page_size", required=False, min_value=1, max_value=1_000, help_text="The same as `page_size`."
    )
    customer_id = Id(required=False, help_text="The caller's own customer or user.")
    customerId = Id(source="customer_id", required=False, help_text="The same as `customer_id`.")

    @classmethod
    def read(cls, params: QueryDict) -> Json:
        """Return the validated values. A client begins the query with two question marks: the second is dropped."""
        sent = QueryDict(mutable=True)
        for name, values in params.lists():
            sent.setlist(name.removeprefix("?"), values)
        return super().read(sent)


class OwnList(ShopCustomerList):
    """A list of contract 000 that a customer also reads at the staff's address. It has the caller's own rows alone."""

    def check(self, filters: Values) -> None:
        if filters.get("customer_id", self.caller.customer_id) not in (
            self.caller.customer_id,
            self.caller.user_id,
        ):
            raise Missing("Customer not found.", field="customer_id")


urlpatterns = [route("auth/customer-profile/", CustomerProfile.as_view())]
