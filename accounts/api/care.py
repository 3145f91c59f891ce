"""Contract 002, "Authentication": the routes that return tokens."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from accounts import actions
from common.http.address import client_address
from common.http.bodies import JSONResponse
from common.http.contracts.care import CareView
from common.http.fields import OptionalText
from common.http.inputs import AliasSerializer
from common.http.routing import route
from common.reads.serializers import Serializer


class Credentials(Serializer):
    email = serializers.EmailField()
    password = serializers.CharField(trim_whitespace=False, max_length=128)
    code = OptionalText(max_length=40, help_text="Code of the second factor of staff.")


class Tokens(Serializer):
    access_token = serializers.CharField()
    refresh_token = serializers.CharField(help_text="Send it to /auth/refresh for a new access token.")
    token_type = serializers.ChoiceField(choices=["bearer"])


class RefreshInput(AliasSerializer):
    """The refresh token, under the name of the sign-in's response or of contract 000."""

    aliases = {"refresh": "refresh_token"}
    needed = ("refresh_token",)

    refresh_token = serializers.CharField(source="refresh", required=False, max_length=4096)
    refresh = serializers.CharField(required=False, max_length=4096)


class Refreshed(Tokens):
    access = serializers.CharField(help_text="The access token under the name of contract 000.")


class TokenView(CareView):
    """A route without authentication.

    The `Authorization` header is ignored, because a client that sends its expired token with every request must still
    get a new one.
    """

    permission_classes = [AllowAny]
    authentication_classes = []


class Login(TokenView):
    """Sign in with email and password.

    Wrong passwords count towards one limit with those at every other sign-in route.
    """

    input_class = Credentials

    @extend_schema(responses=Tokens)
    def post(self, request: Request) -> JSONResponse:
        _user, tokens = actions.sign_in(
            **self.read_body(), address=client_address(request._request), now=timezone.now()
        )
        return JSONResponse(
            {"access_token": tokens.access, "refresh_token": tokens.refresh, "token_type": "bearer"}
        )


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
