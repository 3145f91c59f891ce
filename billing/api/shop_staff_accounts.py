"""The staff API: the account of a customer, and what it was before the shop used this product."""

from __future__ import annotations

from dataclasses import asdict
from typing import ClassVar

from django.urls import URLPattern
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from appointments.models import Location
from billing.api.own import AccountSerializer
from billing.models import Invoice
from billing.openings import PERMISSIONS, open_account
from billing.queries import get_account
from common.domain.types import Json
from common.http.bodies import JSONResponse
from common.http.fields import Day, Id, Money
from common.http.query import Query
from common.http.views import serialize
from common.reads.serializers import Serializer
from customers.api.shop_staff import StaffCustomers


class StaffAccountSerializer(AccountSerializer):
    """The account of a customer, as the shop sees it."""

    customer_id = serializers.IntegerField()


class OpeningSerializer(Serializer):
    """The invoice or the payment of an opening balance, and the account with it."""

    invoice_id = serializers.IntegerField(allow_null=True)
    payment_id = serializers.IntegerField(allow_null=True)
    account = StaffAccountSerializer(help_text="The account with the opening balance.")


class OpeningInput(Serializer):
    location_id = Id()
    amount = Money(help_text="What the customer owed. Below 0.00: what the shop owed.")
    day = Day(help_text="Before the location's first invoice and its closed days.")


class StaffAccounts(StaffCustomers):
    """The account of a customer, which the room `customers` cannot offer, because it does not know this one."""

    inputs: ClassVar[dict[str, type[Serializer]]] = {"open_account": OpeningInput}
    creates = frozenset({"open_account"})
    permissions = {"account": "billing.view_invoice", "open_account": PERMISSIONS["open"]}

    @classmethod
    def routes(cls) -> list[URLPattern]:
        return [
            cls.address("<id:id>/account/", get="account"),
            cls.address("<id:id>/opening-balance/", post="open_account"),
        ]

    def account_of(self, id: int) -> Json:
        account = get_account(self.row(id).pk, now=timezone.now())
        return serialize(StaffAccountSerializer, {"customer_id": id, **asdict(account)})

    @extend_schema(responses=StaffAccountSerializer)
    def account(self, request: Request, id: int) -> JSONResponse:
        """Retrieve the account of a customer, with the ageing of the balances."""
        Query.read(request.query_params)
        return JSONResponse(self.account_of(id))

    @extend_schema(responses={201: OpeningSerializer})
    def open_account(self, request: Request, id: int) -> JSONResponse:
        """Book what a customer owed, or was owed, before the shop used this product.

        It is an invoice or a payment of the kind `opening`, which is neither a sale nor money of any day.
        """
        body = self.read_body()
        location = self.one_of(Location, body.pop("location_id"), field="location_id")
        booked = open_account(
            customer=self.row(id), location=location, by=self.caller.user_id, now=timezone.now(), **body
        )
        is_invoice = isinstance(booked, Invoice)
        return JSONResponse(
            {
                "invoice_id": booked.pk if is_invoice else None,
                "payment_id": None if is_invoice else booked.pk,
                "account": self.account_of(id),
            },
            status=201,
        )


urlpatterns = StaffAccounts.routes()
