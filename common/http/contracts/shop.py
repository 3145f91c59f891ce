"""Contract 000, a shop's customer dashboard, and the staff's API on the same nouns."""

from __future__ import annotations

from collections.abc import Sequence

from rest_framework import serializers

from common.domain.errors import Kind
from common.domain.types import Json
from common.http.contracts.base import Contract, FieldMessages
from common.http.lists import ListView, Page
from common.http.permissions import CustomersOnly
from common.http.problems import Problem
from common.http.views import ContractView
from common.reads.serializers import Serializer, SerializerField


class ShopDetail(Serializer):
    detail = serializers.CharField()


class ShopError(Serializer):
    error = serializers.CharField()
    detail = serializers.CharField()


class ShopInvalid(ShopError):
    fields = FieldMessages()  # type: ignore[assignment]  # the contract's key. DRF does not read the attribute


class ShopContract(Contract):
    name = "shop"
    title = "Shop"
    prefixes = ("/api/token/", "/api/auth/customer-profile/", "/api/shop/")

    def body(self, problem: Problem) -> Json:
        if problem.kind is Kind.UNAUTHENTICATED:
            return {"detail": problem.detail}
        body: Json = {"error": problem.title, "detail": problem.detail}
        if self.status(problem) == 400:
            body["fields"] = problem.fields
        return body | dict(problem.facts)

    def error_serializer(self, status: int) -> type[Serializer]:
        return {400: ShopInvalid, 401: ShopDetail}.get(status, ShopError)


SHOP = ShopContract()


class ShopView(ContractView):
    contract = SHOP


class ShopCustomerList(ListView, ShopView):
    """A list of the caller's own rows: `{results, count, customer_id, customer_name}`."""

    permission_classes = [CustomersOnly]

    def envelope(self, rows: Sequence[Json], page: Page | None) -> tuple[object, dict[str, str]]:
        body: Json = {
            "results": rows,
            "count": page.total if page else len(rows),
            "customer_id": self.caller.customer_id,
            "customer_name": self.caller.customer_name,
        }
        if page:
            body |= {"next": page.next_url, "previous": page.previous_url}
        return body, {}

    @classmethod
    def list_fields(cls) -> dict[str, SerializerField]:
        return {
            "count": serializers.IntegerField(),
            "customer_id": serializers.IntegerField(),
            "customer_name": serializers.CharField(),
            "next": serializers.URLField(
                required=False, allow_null=True, help_text="Only when `page` or `page_size` was sent."
            ),
            "previous": serializers.URLField(
                required=False, allow_null=True, help_text="Only when `page` or `page_size` was sent."
            ),
        }
