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


class ShopConflict(ShopError):
    """An answer to an estimate that is refused."""

    code = serializers.CharField(required=False, help_text="What went wrong, as a word that does not change.")
    total = serializers.CharField(
        required=False, help_text="The present total of the choice, where another one was named."
    )


class ShopForbidden(ShopError):
    """An answer to an estimate that the login may not give."""

    code = serializers.CharField(required=False, help_text="`over_approval_limit` above the login's limit.")
    limit = serializers.CharField(required=False, help_text="The most that this login may approve.")


class _Coded(Serializer):
    code = serializers.CharField(help_text="What went wrong, as a word that does not change.")


class StaffDetail(_Coded, ShopDetail):
    pass


class StaffError(_Coded, ShopError):
    pass


class StaffInvalid(_Coded, ShopInvalid):
    pass


class StaffChanged(StaffError):
    changed = serializers.ListField(
        child=serializers.CharField(), help_text="The names whose values differ from those of `If-Match`."
    )
    etag = serializers.CharField(help_text="The present `ETag`.")
    row = serializers.DictField(help_text="The present row.")


class ShopContract(Contract):
    name = "shop"
    title = "Shop"
    about = (
        "Contract 000, a shop's web application, for its customers: sign-in, profile, appointments, vehicles, repair "
        "orders, estimates, inspections and invoices. snake_case keys, integer ids, lists as "
        "`{results, count, customer_id, customer_name}`. Staff sign in here, too."
    )
    prefixes = (
        "/api/token/",
        "/api/auth/customer-profile/",
        "/api/auth/user/",
        "/api/vehicle-problems/",
        "/api/shop/",
    )

    def body(self, problem: Problem) -> Json:
        if problem.kind is Kind.UNAUTHENTICATED:
            return {"detail": problem.detail}
        body: Json = {"error": problem.title, "detail": problem.detail}
        if self.status(problem) == 400:
            body["fields"] = problem.fields
        return body | dict(problem.facts)

    def error_serializer(self, status: int) -> type[Serializer]:
        return {400: ShopInvalid, 401: ShopDetail}.get(status, ShopError)


class StaffContract(ShopContract):
    """The staff's API. Its error bodies are the shop's, and each has the code of its problem."""

    def body(self, problem: Problem) -> Json:
        return {**super().body(problem), "code": problem.code}

    def error_serializer(self, status: int) -> type[Serializer]:
        return {400: StaffInvalid, 401: StaffDetail, 412: StaffChanged}.get(status, StaffError)


SHOP = ShopContract()
STAFF = StaffContract()  # of views. An address under `/api/shop/` that leads to none is the shop's


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
