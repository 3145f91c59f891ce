"""Contract 000, "Customer Profile Endpoint", and the fields of a customer in the bodies of other apps."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from common.domain.caller import Caller
from common.domain.errors import NoCustomerRecord
from common.http.bodies import JSONResponse
from common.http.contracts.shop import ShopView
from common.http.permissions import CustomersOnly
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


urlpatterns = [route("auth/customer-profile/", CustomerProfile.as_view())]
