"""Registration in contract 002: a user with their customer record."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from accounts.api.care import SignedIn, TokenView, serialize_signed_in
from accounts.names import MAX_NAME_LENGTH, split_name, validate_full_name
from common.domain.caller import Role
from common.domain.types import Json
from common.http.address import client_address
from common.http.bodies import JSONResponse
from common.http.fields import Word
from common.http.routing import route
from common.reads.serializers import Serializer
from customers.actions import register_customer


class CareRegistration(Serializer):
    email = serializers.EmailField(max_length=254)
    full_name = serializers.CharField(max_length=2 * MAX_NAME_LENGTH, validators=[validate_full_name])
    password = serializers.CharField(trim_whitespace=False, max_length=128)
    role = Word(
        choices=[Role.CUSTOMER.upper()],
        required=False,
        help_text="Only customers register.",
        error_messages={
            "invalid_choice": "Only customers can register here. Staff accounts are made by the shop."
        },
    )

    def validate(self, attrs: Json) -> Json:
        attrs.pop("role", None)
        attrs["first_name"], attrs["last_name"] = split_name(attrs.pop("full_name"))
        return attrs


class Register(TokenView):
    """Create an account and sign in.

    The user and the customer record are created. An IP address can register twenty accounts an hour.
    """

    input_class = CareRegistration

    @extend_schema(responses={201: SignedIn})
    def post(self, request: Request) -> JSONResponse:
        user, tokens = register_customer(
            **self.read_body(), address=client_address(request._request), now=timezone.now()
        )
        return JSONResponse(serialize_signed_in(user, tokens), status=201)


urlpatterns = [route("register", Register.as_view())]
