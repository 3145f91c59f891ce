"""Contract 002, "Authentication": the route that returns two tokens."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from accounts import actions
from common.http.address import client_address
from common.http.contracts.care import CareView
from common.http.responses import JSONResponse
from common.http.routing import route
from common.reads.serializers import Serializer


class Credentials(Serializer):
    email = serializers.EmailField()
    password = serializers.CharField(trim_whitespace=False, max_length=128)


class Tokens(Serializer):
    access_token = serializers.CharField()
    refresh_token = serializers.CharField(help_text="Send it to /api/token/refresh/ for a new access token.")
    token_type = serializers.ChoiceField(choices=["bearer"])


class Login(CareView):
    """Sign in with email and password.

    Wrong passwords count towards one limit with those at every other sign-in route. The `Authorization` header is
    ignored, because a client that sends its expired token with every request must still get a new one.
    """

    permission_classes = [AllowAny]
    authentication_classes = []
    input_class = Credentials

    @extend_schema(responses=Tokens)
    def post(self, request: Request) -> JSONResponse:
        _user, tokens = actions.sign_in(
            **self.read_body(), address=client_address(request._request), now=timezone.now()
        )
        return JSONResponse(
            {"access_token": tokens.access, "refresh_token": tokens.refresh, "token_type": "bearer"}
        )


urlpatterns = [route("login", Login.as_view())]
