"""Contract 002, the customer-care portal. Invalid input is 422, malformed JSON is 400."""

from __future__ import annotations

from rest_framework import serializers

from common.domain.errors import Kind
from common.domain.types import Json
from common.http.contracts.base import Contract, FieldMessages
from common.http.lists import BareList
from common.http.problems import Problem
from common.http.views import ContractView
from common.reads.serializers import Serializer


class CareError(Serializer):
    error = serializers.CharField()
    detail = serializers.CharField()


class CareInvalid(CareError):
    fields = FieldMessages()  # type: ignore[assignment]


class CareContract(Contract):
    name = "care"
    title = "Care"
    about = (
        "Contract 002, a customer-care application: parts orders, returns, support tickets, notifications. States are "
        "in capitals, ids like `ORD123`, invalid input is 422, lists are arrays."
    )
    prefixes = ("/auth/", "/api/v1/customer/", "/api/v1/chat/")
    invalid_status = 422

    def body(self, problem: Problem) -> Json:
        body: Json = {"error": problem.title, "detail": problem.detail}
        if problem.kind in (Kind.INVALID, Kind.UNPROCESSABLE):
            body["fields"] = problem.fields
        return body | dict(problem.facts)

    def error_serializer(self, status: int) -> type[Serializer]:
        return CareInvalid if status == 422 else CareError


CARE = CareContract()


class CareView(ContractView):
    contract = CARE


class CareList(BareList, CareView):
    """A bare array of the caller's own rows."""
