"""The one address that two contracts share: `password1` speaks contract 004, anything else contract 003.

The only module that knows two contracts (docs/design, D16).
"""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework.request import Request

from accounts.api.crm import CrmRegistered, CrmRegistration
from accounts.api.member import PublicView
from accounts.registration import register
from common.http.address import client_address
from common.http.contracts.crm import CRM
from common.http.responses import JSONResponse
from common.http.routing import route
from common.http.views import serialize
from customers.actions import register_customer
from portal.api.member import MemberRegistration, SignedIn, signed_in


class Register(PublicView):
    """Create an account and sign in.

    With `password`, name and email it is an app's: user and customer record are made. With `password1` and `password2`
    it is another service's: the customer record is made by `profile/create/`; refusals are `{error, detail}`, or the
    wrong fields by their names. Twenty registrations an hour from one address.
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
            return self._for_a_service(request)
        return self._for_an_app(request)

    def _for_an_app(self, request: Request) -> JSONResponse:
        user, tokens = register_customer(
            **self.read_body(), address=client_address(request._request), now=timezone.now()
        )
        return JSONResponse(signed_in(user, tokens), status=201)

    def _for_a_service(self, request: Request) -> JSONResponse:
        # From here on the instance speaks the other contract, refusals included.
        vars(self).update(contract=CRM, input_class=CrmRegistration)
        user, tokens = register(
            **self.read_body(), address=client_address(request._request), now=timezone.now()
        )
        return JSONResponse(serialize(CrmRegistered, {"tokens": tokens, "user": user}), status=201)


urlpatterns = [route("auth/register/", Register.as_view())]
