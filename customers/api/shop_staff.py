"""The staff API for customers."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts.emails import Origin
from accounts.names import MAX_NAME_LENGTH, split_name, validate_full_name
from accounts.phones import validate_phone
from common.domain.caller import Caller
from common.domain.errors import Missing
from common.domain.types import Json
from common.domain.units import Units
from common.http.address import client_address
from common.http.bodies import JSONResponse
from common.http.contracts.shop import StaffInvalid
from common.http.fields import Instant, Word
from common.http.filters import SearchFilter, TextFilter, apply, order, query_of
from common.http.views import serialize
from common.http.viewsets import StaffViewSet
from common.reads.serializers import Derived, Serializer
from customers import actions, queries
from customers.api.shop import address_of, contact_text, name_of
from customers.duplicates import likely_duplicates
from customers.models import ContactMethod, Customer

_COMPARED = {"first_name", "last_name", "phone", "company_name"}
ORDERING = {"name": ("contact__last_name", "contact__first_name"), "since": ("customer_since",)}


class CustomerRowSerializer(Serializer):
    id = serializers.IntegerField()
    uuid = serializers.UUIDField()
    user = serializers.IntegerField(source="contact_id", allow_null=True)
    name = name_of("")
    first_name = contact_text("contact.first_name")
    last_name = contact_text("contact.last_name")
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
    requires_po_number = serializers.BooleanField()
    terms_days = serializers.IntegerField(help_text="Invoices are due this many days after their issue.")
    is_verified = serializers.BooleanField()
    customer_since = Instant()
    last_service_date = Instant(allow_null=True)
    total_services = serializers.IntegerField()
    preferred_contact_method = serializers.ChoiceField(choices=ContactMethod.choices)
    units = serializers.ChoiceField(choices=Units.choices, allow_blank=True)
    merged_ids = Derived(
        list,
        "merged.id",
        output=serializers.ListField(
            child=serializers.IntegerField(),
            help_text="The ids of customers that were merged into this one. They answer with this one.",
        ),
    )


class DuplicateSerializer(Serializer):
    """A customer who may be the same."""

    id = serializers.IntegerField(source="customer.pk")
    name = serializers.CharField(source="customer.name")
    email = serializers.CharField(source="customer.contact.email", allow_null=True, default=None)
    phone = serializers.CharField(source="customer.contact.phone", default="")
    because = serializers.ListField(
        child=serializers.ChoiceField(choices=["phone", "name"]),
        help_text="What the two customers have in common.",
    )


class SavedCustomerSerializer(CustomerRowSerializer):
    possible_duplicates = DuplicateSerializer(
        many=True,
        required=False,
        help_text="Customers with the same phone number or name. Left out if there are none.",
    )


class EmailTakenError(StaffInvalid):
    customer_id = serializers.IntegerField(required=False, help_text="The customer with this email.")


SAVED = {
    200: SavedCustomerSerializer,
    400: OpenApiResponse(EmailTakenError, description="A value is wrong, or the email is taken."),
}


class CustomerInput(Serializer):
    """The fields of a customer that staff may change. Names, email and phone are stored on the contact."""

    name = serializers.CharField(
        max_length=2 * MAX_NAME_LENGTH,
        required=False,
        validators=[validate_full_name],
        help_text="The company name of a company, else first and last name, split at the first space.",
    )
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
    requires_po_number = serializers.BooleanField(required=False)
    terms_days = serializers.IntegerField(required=False, min_value=0, max_value=365)
    preferred_contact_method = Word(choices=ContactMethod.choices, required=False)
    units = Word(
        choices=Units.values,
        required=False,
        allow_blank=True,
        help_text="Of distances on the customer's pages and papers. Empty: as the shop. Numbers here stay miles.",
    )


class CustomerFilter(django_filters.FilterSet):
    search = SearchFilter(
        "", "contact", help_text="Words to find in name, company, email, phone, city or postal code."
    )
    is_verified = django_filters.BooleanFilter()
    state = TextFilter(help_text="State or region of the address, as stored, in upper or lower case.")

    class Meta:
        model = Customer
        fields: list[str] = []


class StaffCustomers(StaffViewSet):
    """List customers, newest first."""

    resource = "customers"
    model = Customer
    serializer_class = CustomerRowSerializer
    query = query_of(CustomerFilter, ORDERING)
    inputs = {"create": CustomerInput, "partial_update": CustomerInput}
    verbs = ("verify", "withdraw_verification")
    permissions = {verb: actions.PERMISSIONS[verb] for verb in verbs}

    @staticmethod
    def rows(caller: Caller, filters: Json) -> QuerySet[Customer]:
        rows = apply(Customer.objects.visible_to(caller).current(), CustomerFilter, filters)
        return order(rows, ORDERING, filters, "-since")

    def retrieve(self, request: Request, id: int) -> JSONResponse:
        """Retrieve a customer.

        The id of a merged customer answers with the one that was kept.
        """
        try:
            return self.show(id)
        except Missing:
            kept = queries.find_kept(pk=id)
            if kept is None:
                raise
            return self.show(kept.pk)

    def row(self, id: int) -> Customer:
        """Return the customer for an action. Raises CustomerIsMerged, Missing."""
        kept = queries.find_kept(pk=id)
        if kept is not None:
            raise actions.CustomerIsMerged(id, kept.pk)
        customer: Customer = super().row(id)
        return customer

    @extend_schema(responses={201: SavedCustomerSerializer, 400: SAVED[400]})
    def create(self, request: Request) -> JSONResponse:
        """Create a customer.

        A name or a company name is enough. The contact cannot sign in before they set a password. An email that is
        taken is refused with the id of its customer. Customers with the same phone number or name are listed.
        """
        body = self.stored_names(self.read_body(), company="")
        return self._saved(actions.add_walk_in(**body, now=timezone.now()), status=201)

    @extend_schema(responses=SAVED)
    def partial_update(self, request: Request, id: int) -> JSONResponse:
        """Update a customer.

        Names, email and phone change on the contact. Customers with the same phone number or name are listed if one of
        these was sent.
        """
        customer = self.row(id)
        body = self.stored_names(self.read_body(), company=customer.company_name)
        origin = Origin(
            user_id=self.caller.user_id, address=client_address(request._request), at=timezone.now()
        )
        actions.change_customer_at_desk(customer=customer, origin=origin, **body)
        return self._saved(customer) if _COMPARED & body.keys() else self.show(id)

    @staticmethod
    def stored_names(body: Json, *, company: str) -> Json:
        """Return the body with `name` as the fields that it stands for. Raises ValidationError if they differ."""
        if "name" in body:
            name = body.pop("name")
            if company and "company_name" not in body:
                names = {"company_name": name}
            else:
                names = dict(zip(("first_name", "last_name"), split_name(name), strict=True))
            for field, value in names.items():
                if body.setdefault(field, value) != value:
                    raise serializers.ValidationError(
                        {"name": [f"Differs from {field}. Send one of the two."]}
                    )
        return body

    def _saved(self, customer: Customer, status: int = 200) -> JSONResponse:
        duplicates = [serialize(DuplicateSerializer, row) for row in likely_duplicates(customer)]
        more: Json = {"possible_duplicates": duplicates} if duplicates else {}
        return self.answer_row(self.body_of(customer.pk), status, more)

    def verify(self, request: Request, id: int) -> JSONResponse:
        """Verify a customer.

        A verified company can invite colleagues. A verified customer stays unchanged.
        """
        actions.verify(customer=self.row(id))
        return self.show(id)

    def withdraw_verification(self, request: Request, id: int) -> JSONResponse:
        """Withdraw the verification of a customer.

        Invitations that wait cannot be accepted until the customer is verified again.
        """
        actions.withdraw_verification(customer=self.row(id))
        return self.show(id)


urlpatterns = StaffCustomers.routes()
