"""The profile page of contract 003's web client: the person and their membership (docs/design, D17).

Keys are those of the contract. Beside them stand those that the client reads in snake_case, with the same values.
"""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts.names import MAX_NAME_LENGTH, split_name, validate_full_name
from accounts.phones import validate_phone
from common.domain.types import Json
from common.domain.units import Units
from common.http.bodies import JSONResponse
from common.http.contracts.member import MemberView
from common.http.fields import Instant, Money, Word
from common.http.permissions import CustomerRole
from common.http.routing import route
from common.http.views import serialize
from common.reads.serializers import Serializer
from customers.actions import change_own_profile, ensure_customer
from memberships.models import MembershipStatus
from portal.queries import get_profile


def _status() -> serializers.ChoiceField:
    return serializers.ChoiceField(
        source="membership.status", choices=MembershipStatus.values, default=None, allow_null=True
    )


class ProfileSerializer(Serializer):
    id = serializers.UUIDField(source="user.uuid")
    email = serializers.EmailField(source="user.email")
    name = serializers.CharField(source="user.full_name")
    firstName = serializers.CharField(source="user.first_name")
    lastName = serializers.CharField(source="user.last_name", allow_blank=True)
    phone = serializers.CharField(source="user.phone", allow_blank=True)
    membershipId = serializers.UUIDField(
        source="membership.uuid",
        default=None,
        allow_null=True,
        help_text="Id of the membership. Null without one.",
    )
    membershipPlan = serializers.CharField(
        source="membership.plan.name",
        default=None,
        allow_null=True,
        help_text="Name of the plan. Null without a membership.",
    )
    membershipStatus = _status()
    monthlyFee = Money(
        source="monthly_fee",
        as_number=True,
        allow_null=True,
        help_text="Price of the plan a month. Null without a membership.",
    )
    renewalDate = Instant(
        source="renews_at",
        allow_null=True,
        help_text="When the membership renews, or ends if it does not renew. Null without one.",
    )
    autoRenew = serializers.BooleanField(
        source="auto_renew", help_text="Whether the membership renews by itself."
    )
    canCancel = serializers.BooleanField(source="can_cancel", help_text="There is a membership.")
    referralCode = serializers.CharField(source="user.referral_code")
    rewardsBalance = serializers.IntegerField(source="user.rewards_balance")
    createdAt = Instant(source="user.created_at")
    first_name = serializers.CharField(source="user.first_name")
    last_name = serializers.CharField(source="user.last_name", allow_blank=True)
    membership_id = serializers.UUIDField(
        source="membership.uuid",
        default=None,
        allow_null=True,
        help_text="The same as `membershipId`. Null without a membership.",
    )
    membership_plan = serializers.CharField(
        source="membership.plan.name",
        default=None,
        allow_null=True,
        help_text="The same as `membershipPlan`. Null without a membership.",
    )
    membership_status = _status()
    monthly_fee = Money(
        as_number=True, allow_null=True, help_text="The same as `monthlyFee`. Null without a membership."
    )
    renewal_date = Instant(
        source="renews_at", allow_null=True, help_text="The same as `renewalDate`. Null without a membership."
    )
    units = serializers.ChoiceField(
        choices=Units.choices, allow_blank=True, help_text="Of pages and papers. Empty: as the shop."
    )


class ProfileInput(Serializer):
    """Names and phone, under the contract's names or under those that the web client sends, and the units of pages."""

    name = serializers.CharField(max_length=2 * MAX_NAME_LENGTH, validators=[validate_full_name])
    firstName = serializers.CharField(max_length=MAX_NAME_LENGTH)
    lastName = serializers.CharField(max_length=MAX_NAME_LENGTH, allow_blank=True)
    first_name = serializers.CharField(max_length=MAX_NAME_LENGTH)
    last_name = serializers.CharField(max_length=MAX_NAME_LENGTH, allow_blank=True)
    phone = serializers.CharField(max_length=30, allow_blank=True, validators=[validate_phone])
    units = Word(
        choices=Units.values,
        allow_blank=True,
        help_text="Of distances on pages and papers. Empty: as the shop. Numbers of this API stay miles and gallons.",
    )

    def validate(self, attrs: Json) -> Json:
        """Return the columns of the user and the customer. A name under two keys must be the same."""
        person: Json = {}
        if "name" in attrs:
            person["first_name"], person["last_name"] = split_name(attrs["name"])
        for column, keys in {
            "first_name": ("firstName", "first_name"),
            "last_name": ("lastName", "last_name"),
        }.items():
            for key in keys:
                if key in attrs and person.setdefault(column, attrs[key]) != attrs[key]:
                    raise serializers.ValidationError({key: ["Differs from another name in this body."]})
        return person | {name: value for name, value in attrs.items() if name in ("phone", "units")}


class UserProfile(MemberView):
    """The caller's own profile."""

    permission_classes = [CustomerRole]
    input_class = ProfileInput

    @extend_schema(responses=ProfileSerializer)
    def get(self, request: Request) -> JSONResponse:
        """Retrieve your profile with your membership."""
        return self.show()

    @extend_schema(responses=ProfileSerializer)
    def patch(self, request: Request) -> JSONResponse:
        """Change your names, phone or units.

        Fields that are not sent keep their values. The email is changed by `PATCH /api/auth/profile/update/`.
        """
        body = self.read_body(partial=True)
        customer_id = self.caller.customer_id
        if customer_id is None and "units" in body:
            customer_id = ensure_customer(self.caller, now=timezone.now()).pk
        change_own_profile(user_id=self.caller.user_id, customer_id=customer_id, **body)
        return self.show()

    def show(self) -> JSONResponse:
        return JSONResponse(serialize(ProfileSerializer, get_profile(self.caller.user_id, timezone.now())))


class AuthProfile(UserProfile):
    """The same profile, at the other URL that the web client reads."""


urlpatterns = [
    route("users/profile/", UserProfile.as_view()),
    route("auth/profile/", AuthProfile.as_view()),
]
