"""Contract 000, "Authentication": the four routes of SimpleJWT, backed by sessions in the database."""

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
from common.http.bodies import JSONResponse
from common.http.contracts.shop import ShopView
from common.http.fields import OptionalText
from common.http.routing import route
from common.reads.serializers import Serializer


class Credentials(Serializer):
    email = serializers.EmailField()
    password = serializers.CharField(trim_whitespace=False, max_length=128)
    code = OptionalText(max_length=40, help_text="Code of the second factor of staff.")


class TokenPair(Serializer):
    access = serializers.CharField()
    refresh = serializers.CharField()


class RefreshInput(Serializer):
    refresh = serializers.CharField(max_length=4096)


class Refreshed(Serializer):
    access = serializers.CharField()
    refresh = serializers.CharField(required=False, help_text="Present only if refresh tokens rotate.")


class TokenInput(Serializer):
    token = serializers.CharField(max_length=4096)


class TokenView(ShopView):
    """A route without authentication.

    The `Authorization` header is ignored, because a client that sends its expired token with every request must still
    get a new one. A response with tokens is never stored under an `Idempotency-Key`.
    """

    permission_classes = [AllowAny]
    authentication_classes = []


class Login(TokenView):
    """Sign in with email and password.

    The access token is valid for an hour, the refresh token for seven days. After ten wrong passwords for one
    account within 15 minutes the response is 429.
    """

    input_class = Credentials

    @extend_schema(responses=TokenPair)
    def post(self, request: Request) -> JSONResponse:
        _user, tokens = actions.sign_in(
            **self.read_body(), address=client_address(request._request), now=timezone.now()
        )
        return JSONResponse({"access": tokens.access, "refresh": tokens.refresh})


class Refresh(TokenView):
    """Refresh an access token.

    The new token's claims come from the user's present row.
    """

    input_class = RefreshInput

    @extend_schema(responses=Refreshed)
    def post(self, request: Request) -> JSONResponse:
        if settings.ROTATE_REFRESH_TOKENS:
            tokens = actions.rotate_refresh(**self.read_body(), now=timezone.now())
            return JSONResponse({"access": tokens.access, "refresh": tokens.refresh})
        return JSONResponse({"access": actions.refresh_access(**self.read_body())})


class Verify(TokenView):
    """Verify an access or refresh token."""

    input_class = TokenInput

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> JSONResponse:
        actions.verify_token(**self.read_body())
        return JSONResponse({})


class Logout(TokenView):
    """End the session of a refresh token.

    The session's access token becomes invalid too.
    """

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
