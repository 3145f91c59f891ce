"""The staff API for customers."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request

from accounts.phones import validate_phone
from accounts.querysets import FullName
from common.domain.caller import Caller
from common.domain.types import Json
from common.http.fields import Instant
from common.http.filters import SearchFilter, TextFilter, apply, order, query_of
from common.http.responses import JSONResponse
from common.http.viewsets import StaffViewSet
from common.reads.serializers import Serializer
from customers import actions
from customers.api.shop import address_of, contact_text, name_of
from customers.models import ContactMethod, Customer

ORDERING = {"name": ("contact__last_name", "contact__first_name"), "since": ("customer_since",)}


class CustomerRowSerializer(Serializer):
    id = serializers.IntegerField()
    uuid = serializers.UUIDField()
    user = serializers.IntegerField(source="contact_id", allow_null=True)
    name = name_of("")
    email = contact_text("contact.email")
    phone = contact_text("contact.phone")
    address = address_of("")
    street_address = serializers.CharField(allow_blank=True)
    city = serializers.CharField(allow_blank=True)
    state = serializers.CharField(allow_blank=True)
    postal_code = serializers.CharField(allow_blank=True)
    country = serializers.CharField(allow_blank=True)
    company_name = serializers.CharField(allow_blank=True)
    business_type = serializers.CharField(allow_blank=True)
    tax_id = serializers.CharField(allow_blank=True)
    is_verified = serializers.BooleanField()
    customer_since = Instant()
    last_service_date = Instant(allow_null=True)
    total_services = serializers.IntegerField()
    preferred_contact_method = serializers.ChoiceField(choices=ContactMethod.choices)


class CustomerInput(Serializer):
    """The fields of a customer that staff may change. Names, email and phone are stored on the contact."""

    first_name = serializers.CharField(max_length=100, required=False)
    last_name = serializers.CharField(max_length=100, required=False, allow_blank=True)
    email = serializers.EmailField(required=False, allow_null=True)
    phone = serializers.CharField(
        max_length=30, required=False, allow_blank=True, validators=[validate_phone]
    )
    street_address = serializers.CharField(max_length=200, required=False, allow_blank=True)
    city = serializers.CharField(max_length=100, required=False, allow_blank=True)
    state = serializers.CharField(max_length=100, required=False, allow_blank=True)
    postal_code = serializers.CharField(max_length=20, required=False, allow_blank=True)
    country = serializers.CharField(max_length=100, required=False, allow_blank=True)
    company_name = serializers.CharField(max_length=200, required=False, allow_blank=True)
    business_type = serializers.CharField(max_length=100, required=False, allow_blank=True)
    tax_id = serializers.CharField(max_length=50, required=False, allow_blank=True)
    preferred_contact_method = serializers.ChoiceField(choices=ContactMethod.choices, required=False)


class NewCustomerInput(CustomerInput):
    """A walk-in customer, for whom a name is enough. They cannot sign in before they set a password."""

    first_name = serializers.CharField(max_length=100)


class CustomerFilter(django_filters.FilterSet):
    search = SearchFilter(
        {"": ("company_name", "postal_code"), "contact": (FullName(), "email", "phone")},
        help_text="In name, company, email, phone or postal code.",
    )
    is_verified = django_filters.BooleanFilter()
    state = TextFilter()

    class Meta:
        model = Customer
        fields: list[str] = []


class StaffCustomers(StaffViewSet):
    """Customers, for staff."""

    resource = "customers"
    model = Customer
    serializer_class = CustomerRowSerializer
    query = query_of(CustomerFilter, ORDERING)
    inputs = {"create": NewCustomerInput, "partial_update": CustomerInput}

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Customer]:
        rows = apply(Customer.objects.visible_to(caller), CustomerFilter, filters)
        return order(rows, ORDERING, filters, "-since")

    def create(self, request: Request) -> JSONResponse:
        customer = actions.add_walk_in(**self.read_body(), now=timezone.now())
        return self.show(customer.pk, status=201)

    def partial_update(self, request: Request, id: int) -> JSONResponse:
        actions.change_customer(customer=self.row(id), **self.read_body())
        return self.show(id)


urlpatterns = StaffCustomers.routes()
