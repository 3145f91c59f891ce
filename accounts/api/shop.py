"""Contract 000, "Authentication": SimpleJWT's four addresses over our sessions."""

from __future__ import annotations

from django.conf import settings
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from accounts import actions
from common.http.address import client_address
from common.http.contracts.shop import ShopView
from common.http.responses import JSONResponse
from common.http.routing import route
from common.reads.serializers import Serializer


class Credentials(Serializer):
    email = serializers.EmailField()
    password = serializers.CharField(trim_whitespace=False, max_length=128)


class TokenPair(Serializer):
    access = serializers.CharField()
    refresh = serializers.CharField()


class RefreshInput(Serializer):
    refresh = serializers.CharField(max_length=4096)


class Refreshed(Serializer):
    access = serializers.CharField()
    refresh = serializers.CharField(required=False, help_text="Only where refresh tokens rotate.")


class TokenInput(Serializer):
    token = serializers.CharField(max_length=4096)


class TokenView(ShopView):
    """Open. What `Authorization` says is not looked at: a client that sends its expired token along with everything
    must still get a new one, and a pair of tokens is never an answer kept under an `Idempotency-Key`."""

    permission_classes = [AllowAny]
    authentication_classes = []


class Login(TokenView):
    """Sign in with email and password.

    The access token is good for an hour, the refresh token for seven days. Ten wrong passwords for one account
    within 15 minutes are answered 429.
    """

    input_class = Credentials

    @extend_schema(responses=TokenPair)
    def post(self, request: Request) -> JSONResponse:
        _user, tokens = actions.sign_in(
            **self.read_body(), address=client_address(request._request), now=timezone.now()
        )
        return JSONResponse({"access": tokens.access, "refresh": tokens.refresh})


class Refresh(TokenView):
    """Trade a refresh token for a new access token, its claims written anew."""

    input_class = RefreshInput

    @extend_schema(responses=Refreshed)
    def post(self, request: Request) -> JSONResponse:
        if settings.ROTATE_REFRESH_TOKENS:
            tokens = actions.rotate_refresh(**self.read_body(), now=timezone.now())
            return JSONResponse({"access": tokens.access, "refresh": tokens.refresh})
        return JSONResponse({"access": actions.refresh_access(**self.read_body())})


class Verify(TokenView):
    """Ask whether a token of either kind is good now."""

    input_class = TokenInput

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> JSONResponse:
        actions.verify_token(**self.read_body())
        return JSONResponse({})


class Logout(TokenView):
    """End the session of a refresh token; its access token ends with it."""

    input_class = RefreshInput

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> JSONResponse:
        actions.sign_out(**self.read_body(), now=timezone.now())
        return JSONResponse({})


urlpatterns = [
    route("token/", Login.as_view()),
    route("token/refresh/", Refresh.as_view()),
    route("token/verify/", Verify.as_view()),
    route("token/blacklist/", Logout.as_view()),
]
