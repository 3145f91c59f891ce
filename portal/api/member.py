"""Contract 003, "Authentication": sign-in, and the body that registration shares with it."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts import actions
from accounts.api.member import PublicView
from accounts.models import User
from accounts.names import MAX_NAME_LENGTH, split_name, validate_full_name
from accounts.phones import validate_phone
from accounts.tokens import Tokens
from common.domain.types import Json
from common.http.address import client_address
from common.http.bodies import JSONResponse
from common.http.fields import Instant, OptionalText
from common.http.routing import route
from common.http.views import serialize
from common.reads.serializers import Serializer
from portal.queries import get_member


class Credentials(Serializer):
    email = serializers.EmailField()
    password = serializers.CharField(trim_whitespace=False, max_length=128)
    deviceId = OptionalText(source="device_id", max_length=200, help_text="Device for push messages.")
    code = OptionalText(max_length=40, help_text="Code of the second factor of staff.")


class MemberRegistration(Serializer):
    name = serializers.CharField(max_length=2 * MAX_NAME_LENGTH, validators=[validate_full_name])
    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(trim_whitespace=False, max_length=128)
    phone = OptionalText(max_length=30, validators=[validate_phone])
    referralCode = OptionalText(
        source="referral_code",
        max_length=20,
        help_text="Code of the user who referred the new one.",
    )

    def validate(self, attrs: Json) -> Json:
        attrs["first_name"], attrs["last_name"] = split_name(attrs.pop("name"))
        return attrs


class MemberUser(Serializer):
    id = serializers.UUIDField(source="user.uuid")
    name = serializers.CharField(source="user.full_name")
    email = serializers.EmailField(source="user.email")
    phone = serializers.CharField(source="user.phone")
    membershipId = serializers.UUIDField(
        source="membership_id", allow_null=True, help_text="Id of the membership. Null without one."
    )
    referralCode = serializers.CharField(source="user.referral_code")
    rewardsBalance = serializers.IntegerField(source="user.rewards_balance")
    createdAt = Instant(source="user.created_at")


class SignedIn(Serializer):
    accessToken = serializers.CharField()
    refreshToken = serializers.CharField()
    user = MemberUser()


def serialize_signed_in(user: User, tokens: Tokens, now: datetime) -> Json:
    """Return the response body of a registration and of a sign-in."""
    values = {"accessToken": tokens.access, "refreshToken": tokens.refresh, "user": get_member(user, now)}
    return serialize(SignedIn, values)


class Login(PublicView):
    """Sign in with email and password.

    The access token is valid for an hour and the refresh token for seven days. After ten wrong passwords for an account
    within 15 minutes, the response is 429.
    """

    input_class = Credentials

    @extend_schema(responses=SignedIn)
    def post(self, request: Request) -> JSONResponse:
        now = timezone.now()
        user, tokens = actions.sign_in(**self.read_body(), address=client_address(request._request), now=now)
        return JSONResponse(serialize_signed_in(user, tokens, now))


urlpatterns = [route("auth/login/", Login.as_view())]
