"""Contract 004: a customer's own profile, the check whether a profile exists, and the health check."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from accounts.phones import validate_phone
from common.domain.caller import Caller
from common.domain.errors import NoCustomerRecord
from common.http.bodies import JSONResponse
from common.http.contracts.crm import CrmView
from common.http.fields import Instant, OptionalText, PublicId, Word
from common.http.health import readiness
from common.http.permissions import CustomerRole, CustomersOnly, SignedIn
from common.http.routing import route
from common.reads.read import Read
from common.reads.serializers import Derived, Serializer
from customers import actions, queries
from customers.models import ContactMethod, Customer
from customers.names import one_line_address, or_empty, person_name
from customers.preferences import validate_notifications

VERSION = "2.0.0"  # as the contract prints it


def person_field(name: str) -> Derived:
    """Return a field of the person of a customer, which is empty for a former customer."""
    return Derived(or_empty, name, output=serializers.CharField(allow_blank=True))


def last_change(since: datetime, served: datetime | None, changed: datetime | None) -> datetime:
    """Return when a customer last changed: their record, or their count of services, which has no history."""
    return max(at for at in (since, served, changed) if at is not None)


ADDRESS = ("street_address", "city", "state", "postal_code", "country")


class CustomerSerializer(Serializer):
    """The contract's data model, and the fields added by `with_person` and `with_changed_at`."""

    id = serializers.UUIDField(source="uuid")
    user_id = serializers.UUIDField(source="user_uuid", allow_null=True)
    email = person_field("email")
    first_name = person_field("first_name")
    last_name = person_field("last_name")
    phone_number = person_field("phone")
    street_address = serializers.CharField(allow_blank=True)
    city = serializers.CharField(allow_blank=True)
    state = serializers.CharField(allow_blank=True)
    postal_code = serializers.CharField(allow_blank=True)
    country = serializers.CharField(allow_blank=True)
    company_name = serializers.CharField(allow_blank=True)
    business_type = serializers.CharField(allow_blank=True)
    tax_id = serializers.CharField(allow_blank=True)
    emergency_contact_name = serializers.CharField(allow_blank=True)
    emergency_contact_phone = serializers.CharField(allow_blank=True)
    emergency_contact_relationship = serializers.CharField(allow_blank=True)
    is_verified = serializers.BooleanField()
    customer_since = Instant()
    last_service_date = Instant(allow_null=True)
    total_services = serializers.IntegerField()
    preferred_contact_method = serializers.ChoiceField(choices=ContactMethod.choices)
    notification_preferences = serializers.DictField(child=serializers.BooleanField())
    full_name = Derived(
        person_name, "first_name", "last_name", output=serializers.CharField(allow_blank=True)
    )
    full_address = Derived(one_line_address, *ADDRESS, output=serializers.CharField(allow_blank=True))
    is_business_customer = Derived(bool, "company_name", output=serializers.BooleanField())
    created_at = Instant(source="customer_since")
    updated_at = Derived(last_change, "customer_since", "last_service_date", "changed_at", output=Instant())


class Notifications(serializers.DictField):
    """A dictionary of booleans. DRF's BooleanField would also accept `"yes"` and 1."""

    child = serializers.BooleanField()

    def to_internal_value(self, data: dict[str, bool]) -> dict[str, bool]:
        validate_notifications(data)
        return dict(data)


class ProfileInput(Serializer):
    """The fields that a customer may change. Names, email and phone belong to the login, the others to the shop."""

    street_address = serializers.CharField(max_length=200)
    city = serializers.CharField(max_length=100)
    state = serializers.CharField(max_length=100)
    postal_code = serializers.CharField(max_length=20)
    country = serializers.CharField(max_length=100, required=False)
    company_name = OptionalText(max_length=200)
    business_type = OptionalText(max_length=100)
    tax_id = OptionalText(max_length=50)
    emergency_contact_name = OptionalText(max_length=200)
    emergency_contact_phone = OptionalText(max_length=30, validators=[validate_phone])
    emergency_contact_relationship = OptionalText(max_length=100)
    preferred_contact_method = Word(choices=ContactMethod.choices, required=False)
    notification_preferences = Notifications(required=False, help_text="Kinds that are not sent stay.")


def own_profile_rows(caller: Caller, filters: object) -> QuerySet[Customer]:
    """Return the caller's customer with the fields of the caller's user, as the contract takes them from the token."""
    rows = Customer.objects.filter(logins__user_id=caller.user_id)
    return rows.with_person("logins__user").with_changed_at().order_by("id")


class ProfileView(CrmView):
    permission_classes = [CustomersOnly]
    read = Read(own_profile_rows, CustomerSerializer)

    def show(self, status: int = 200) -> JSONResponse:
        # The customer may have been deleted since the caller was loaded.
        return JSONResponse(self.read.one(self.caller, {}, NoCustomerRecord), status=status)


class Profile(ProfileView):
    """Retrieve your profile.

    It holds the customer and the fields of your user.
    """

    @extend_schema(responses=CustomerSerializer)
    def get(self, request: Request) -> JSONResponse:
        return self.show()


class CreateProfile(ProfileView):
    """Create your profile.

    A second profile is refused with 409. Change names, email and phone with `PATCH /api/auth/profile/update/`.
    """

    permission_classes = [CustomerRole]
    input_class = ProfileInput

    @extend_schema(responses={201: CustomerSerializer})
    def post(self, request: Request) -> JSONResponse:
        actions.create_profile(user_id=self.caller.user_id, now=timezone.now(), **self.read_body())
        return self.show(status=201)


class UpdateProfile(ProfileView):
    """Change your profile.

    Fields that are not sent keep their values.
    """

    input_class = ProfileInput

    @extend_schema(request=ProfileInput(partial=True), responses=CustomerSerializer)
    def put(self, request: Request) -> JSONResponse:
        return self.change()

    @extend_schema(responses=CustomerSerializer)
    def patch(self, request: Request) -> JSONResponse:
        return self.change()

    def change(self) -> JSONResponse:
        actions.change_profile(customer_id=self.caller.account, **self.read_body(partial=True))
        return self.show()


class DeleteProfile(ProfileView):
    """Delete your profile.

    The login stays and can create another profile. The shop keeps the repair history without personal data.
    """

    @extend_schema(responses={204: None})
    def delete(self, request: Request) -> JSONResponse:
        actions.delete_profile(user_id=self.caller.user_id, now=timezone.now())
        return JSONResponse(status=204)


class ExistenceInput(Serializer):
    user_id = PublicId()


class Existence(Serializer):
    exists = serializers.BooleanField(help_text="Whether the user has a customer profile.")
    customer_id = serializers.UUIDField(allow_null=True)
    profile_exists = serializers.BooleanField(help_text="The same as `exists`.")
    user_id = serializers.UUIDField()


class CheckProfileExists(CrmView):
    """Check whether a user has a profile.

    Customers can check themselves only. Staff can check every user.
    """

    permission_classes = [SignedIn]
    viewer_methods = frozenset({"POST"})  # it only reads
    input_class = ExistenceInput

    @extend_schema(responses=Existence)
    def post(self, request: Request) -> JSONResponse:
        user = self.read_body()["user_id"]
        customer = queries.get_profile_uuid(caller=self.caller, user=user)
        exists = customer is not None
        return JSONResponse(
            {"exists": exists, "customer_id": customer, "profile_exists": exists, "user_id": user}
        )


class HealthBody(Serializer):
    status = serializers.ChoiceField(choices=["ok", "unavailable"])
    service = serializers.CharField(help_text="Name of the service.")
    database = serializers.ChoiceField(choices=["ok", "down"], help_text="Whether the database answers.")
    cache = serializers.ChoiceField(choices=["ok", "down"], help_text="Whether the cache answers.")
    timestamp = Instant()
    version = serializers.CharField(help_text="The version of the contract.")


class Health(CrmView):
    """Check the health of the service.

    The response names each part that is down. The route needs no token and ignores one that is sent.
    """

    permission_classes = [AllowAny]
    authentication_classes = []

    @extend_schema(
        responses={200: HealthBody, 503: HealthBody},
        examples=[
            OpenApiExample(
                "A part is down",
                {
                    "status": "unavailable",
                    "service": "customers",
                    "database": "ok",
                    "cache": "down",
                    "timestamp": "2025-10-31T09:00:00Z",
                    "version": VERSION,
                },
                status_codes=["503"],
            )
        ],
    )
    def get(self, request: Request) -> JSONResponse:
        parts = readiness()
        body = {"status": parts.pop("status"), "service": "customers", **parts}
        body |= {"timestamp": Instant().to_representation(timezone.now()), "version": VERSION}
        return JSONResponse(body, status=200 if body["status"] == "ok" else 503)


urlpatterns = [
    route("customers/profile/", Profile.as_view()),
    route("customers/profile/create/", CreateProfile.as_view()),
    route("customers/profile/update/", UpdateProfile.as_view()),
    route("customers/profile/delete/", DeleteProfile.as_view()),
    route("customers/check_profile_exists/", CheckProfileExists.as_view()),
    route("customers/health/", Health.as_view()),
]
