"""Registration and refreshing, the two URLs that contracts share.

A registration with `password1` is contract 004's. One without `name` that names the person in parts or by a username is
contract 000's. Any other is contract 003's. A body with `refresh` instead of `refreshToken` is contract 000's.

This is the only module that imports several contracts (docs/design, D16).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from django.utils import timezone
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework.request import Request

from accounts.api import member, shop
from accounts.api.crm import CrmRegistered, CrmRegistration
from accounts.api.member import PublicView
from accounts.registration import register
from common.domain.types import Json
from common.http.address import client_address
from common.http.bodies import JSONResponse
from common.http.contracts.crm import CRM
from common.http.contracts.shop import SHOP
from common.http.routing import route
from common.http.views import serialize
from customers.actions import register_customer
from portal.api.member import MemberRegistration, SignedIn, serialize_signed_in

# Keys of a registration of contract 000. Contract 003 has one `name`.
_SHOPS = frozenset({"username", "password_confirm", "first_name", "firstName"})


class Register(PublicView):
    """Create an account and sign in.

    With `password`, `name` and `email`, the caller is an app: the user and the customer record are created. With
    `password1` and `password2`, the caller is another service: it creates the customer record by `profile/create/`,
    and errors are `{error, detail}` or the invalid fields by their names. With `first_name` or `username`, the caller
    is the shop's web application: the user and the customer record are created, and a `role` other than `customer` is
    refused. An IP address can register twenty accounts an hour.
    """

    input_class = MemberRegistration

    @extend_schema(
        request=PolymorphicProxySerializer(
            "Registration",
            [MemberRegistration, CrmRegistration, shop.ShopRegistration],
            resource_type_field_name=None,
        ),
        responses={
            201: PolymorphicProxySerializer(
                "Registered", [SignedIn, CrmRegistered, shop.ShopRegistered], resource_type_field_name=None
            )
        },
    )
    def post(self, request: Request) -> JSONResponse:
        if "password1" in request.data:
            return self._register_for_service(request)
        if is_shops(cast("Json", request.data)):
            return self._register_for_shop(request)
        return self._register_for_app(request)

    def _register_for_app(self, request: Request) -> JSONResponse:
        now = timezone.now()
        user, tokens = register_customer(
            **self.read_body(), address=client_address(request._request), now=now
        )
        return JSONResponse(serialize_signed_in(user, tokens, now), status=201)

    def _register_for_service(self, request: Request) -> JSONResponse:
        # From here on this view serves the other contract, including its errors.
        vars(self).update(contract=CRM, input_class=CrmRegistration)
        user, tokens = register(
            **self.read_body(), address=client_address(request._request), now=timezone.now()
        )
        return JSONResponse(serialize(CrmRegistered, {"tokens": tokens, "user": user}), status=201)

    def _register_for_shop(self, request: Request) -> JSONResponse:
        vars(self).update(contract=SHOP, input_class=shop.ShopRegistration)
        user, tokens = register_customer(
            **self.read_body(), address=client_address(request._request), now=timezone.now()
        )
        body = {
            "message": "Your account is ready. You can sign in now.",
            "user_id": user.pk,
            "email": user.email,
            "role": user.role,
            "access": tokens.access,
            "refresh": tokens.refresh,
        }
        return JSONResponse(serialize(shop.ShopRegistered, body), status=201)


def is_shops(body: Mapping[str, object]) -> bool:
    """Return whether a registration is one of contract 000."""
    return "name" not in body and not _SHOPS.isdisjoint(body)


class Refresh(member.Refresh):
    """Refresh an access token.

    The new token's claims come from the user's present row. A body with `refreshToken` gets `{accessToken}`, and the
    refresh token stays valid until it expires. A body with `refresh` gets the response of `/api/token/refresh/`.
    """

    # Of contract 003. With a choice of both bodies, typed clients of either could not read the token.
    @extend_schema(request=member.RefreshInput, responses=member.Refreshed)
    def post(self, request: Request) -> JSONResponse:
        if "refresh" not in request.data or "refreshToken" in request.data:
            return super().post(request)
        vars(self).update(contract=SHOP, input_class=shop.ShopRefreshInput)
        return shop.refresh(self.read_body())


urlpatterns = [route("auth/register/", Register.as_view()), route("auth/refresh/", Refresh.as_view())]
