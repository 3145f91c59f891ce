"""Contract 002, "Authentication": the routes that return tokens."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import FormParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from accounts import actions
from accounts.avatars import avatar_url
from accounts.models import User
from accounts.tokens import Tokens
from common.domain.caller import Role
from common.domain.types import Json
from common.http.address import client_address
from common.http.bodies import JSONParser, JSONResponse, TextJSONParser
from common.http.contracts.care import CareView
from common.http.fields import OptionalText
from common.http.inputs import AliasSerializer
from common.http.routing import route
from common.http.views import serialize
from common.reads.serializers import Derived, Serializer


class Credentials(AliasSerializer):
    """Email and password, as JSON or as a form. The form calls the email `username`."""

    aliases = {"username": "email"}
    needed = ("email",)

    email = serializers.EmailField(required=False)
    username = serializers.EmailField(source="email", required=False)
    password = serializers.CharField(trim_whitespace=False, max_length=128)
    role = OptionalText(
        max_length=20, help_text="The sign-in is refused if the account has another role. It gives no role."
    )
    code = OptionalText(max_length=40, help_text="Code of the second factor of staff.")


class TokensSerializer(Serializer):
    access_token = serializers.CharField()
    refresh_token = serializers.CharField(help_text="Send it to /auth/refresh for a new access token.")
    token_type = serializers.ChoiceField(choices=["bearer"])


class PersonSerializer(Serializer):
    id = serializers.IntegerField()
    email = serializers.EmailField()
    full_name = serializers.CharField(allow_blank=True)
    role = Derived(str.upper, "role", output=serializers.ChoiceField([role.upper() for role in Role.values]))
    avatar = Derived(avatar_url, "avatar", "first_name", "last_name", output=serializers.URLField())


class SignedIn(TokensSerializer):
    user = PersonSerializer()


class RefreshInput(AliasSerializer):
    """The refresh token, under the name of the sign-in's response or of contract 000."""

    aliases = {"refresh": "refresh_token"}
    needed = ("refresh_token",)

    refresh_token = serializers.CharField(source="refresh", required=False, max_length=4096)
    refresh = serializers.CharField(required=False, max_length=4096)


class Refreshed(TokensSerializer):
    access = serializers.CharField(help_text="The access token under the name of contract 000.")


def serialize_signed_in(user: User, tokens: Tokens) -> Json:
    """Return the response body of a registration and of a sign-in."""
    person = serialize(PersonSerializer, user)
    return {
        "access_token": tokens.access,
        "refresh_token": tokens.refresh,
        "token_type": "bearer",
        "user": person,
    }


class TokenView(CareView):
    """A route without authentication.

    The `Authorization` header is ignored, because a client that sends its expired token with every request must still
    get a new one.
    """

    permission_classes = [AllowAny]
    authentication_classes = []


class Login(TokenView):
    """Sign in with email and password.

    The body is JSON or a form. Wrong passwords count towards one limit with those at every other sign-in route.
    """

    parser_classes = [JSONParser, TextJSONParser, FormParser]
    input_class = Credentials

    @extend_schema(responses=SignedIn)
    def post(self, request: Request) -> JSONResponse:
        user, tokens = actions.sign_in(
            **self.read_body(), address=client_address(request._request), now=timezone.now()
        )
        return JSONResponse(serialize_signed_in(user, tokens))


class Refresh(TokenView):
    """Refresh an access token.

    The new token's claims come from the user's present row. The refresh token stays valid until it expires.
    """

    input_class = RefreshInput

    @extend_schema(responses=Refreshed)
    def post(self, request: Request) -> JSONResponse:
        refresh = self.read_body()["refresh"]
        access = actions.refresh_access(refresh=refresh)
        return JSONResponse(
            {"access_token": access, "refresh_token": refresh, "token_type": "bearer", "access": access}
        )


urlpatterns = [
    route("login", Login.as_view()),
    route("refresh", Refresh.as_view()),
]
