"""Registration, the one URL that two contracts share. A body with `password1` is contract 004's, any other 003's.

This is the only module that imports two contracts (docs/design, D16).
"""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework.request import Request

from accounts.api.crm import CrmRegistered, CrmRegistration
from accounts.api.member import PublicView
from accounts.registration import register
from common.http.address import client_address
from common.http.bodies import JSONResponse
from common.http.contracts.crm import CRM
from common.http.routing import route
from common.http.views import serialize
from customers.actions import register_customer
from portal.api.member import MemberRegistration, SignedIn, serialize_signed_in


class Register(PublicView):
    """Create an account and sign in.

    With `password`, `name` and `email`, the caller is an app: the user and the customer record are created. With
    `password1` and `password2`, the caller is another service: it creates the customer record by `profile/create/`,
    and errors are `{error, detail}` or the invalid fields by their names. An IP address can register twenty accounts
    an hour.
    """

    input_class = MemberRegistration

    @extend_schema(
        request=PolymorphicProxySerializer(
            "Registration", [MemberRegistration, CrmRegistration], resource_type_field_name=None
        ),
        responses={
            201: PolymorphicProxySerializer(
                "Registered", [SignedIn, CrmRegistered], resource_type_field_name=None
            )
        },
    )
    def post(self, request: Request) -> JSONResponse:
        if "password1" in request.data:
            return self._register_for_service(request)
        return self._register_for_app(request)

    def _register_for_app(self, request: Request) -> JSONResponse:
        user, tokens = register_customer(
            **self.read_body(), address=client_address(request._request), now=timezone.now()
        )
        return JSONResponse(serialize_signed_in(user, tokens), status=201)

    def _register_for_service(self, request: Request) -> JSONResponse:
        # From here on this view serves the other contract, including its errors.
        vars(self).update(contract=CRM, input_class=CrmRegistration)
        user, tokens = register(
            **self.read_body(), address=client_address(request._request), now=timezone.now()
        )
        return JSONResponse(serialize(CrmRegistered, {"tokens": tokens, "user": user}), status=201)


urlpatterns = [route("auth/register/", Register.as_view())]
