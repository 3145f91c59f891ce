"""Contract 003: the Membership Auto apps. `{error}`; wrong fields by their own names."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers

from common.domain.errors import Kind, Missing
from common.domain.types import Json
from common.http.contracts.base import Contract, NamesFields
from common.http.lists import BareList
from common.http.problems import NON_FIELD, Problem
from common.http.views import ContractView
from common.reads.serializers import Serializer


class MemberError(Serializer):
    error = serializers.CharField()


class MemberInvalid(NamesFields):
    """Either `error`, or each wrong field with its messages, or both."""

    error = serializers.CharField(required=False)


class MemberContract(Contract):
    name = "member"
    title = "Member"
    prefixes = ("/api/", "/chat/")
    wording = {
        "wrong_credentials": ("Invalid credentials", "Invalid credentials"),
        "vehicle_not_found": ("Vehicle not found", "Vehicle not found"),
    }

    def body(self, problem: Problem) -> Json:
        # What is not there is not a wrong field: the printed 404 has one key.
        fields = {} if problem.kind is Kind.NOT_FOUND else dict(problem.fields)
        loose = fields.pop(NON_FIELD, None)
        # A plain validation names its fields alone, as printed; a refusal of the business also says what
        # happened in `error`, the one key the apps show.
        if fields and problem.code == "invalid" and not loose:
            return fields
        return {"error": problem.detail} | fields | dict(problem.facts)

    def error_serializer(self, status: int) -> type[Serializer]:
        return MemberInvalid if status == 400 else MemberError


MEMBER = MemberContract()


class MemberView(ContractView):
    contract = MEMBER

    def one_of(self, model: type[Any], id: UUID | None) -> Any:
        """A row that an address, a query or a body names. Missing where there is none for this caller."""
        rows = model._default_manager
        row = (rows.visible_to(self.caller) if hasattr(rows, "visible_to") else rows).filter(uuid=id).first()
        if row is None:
            raise missing(model)
        return row


def missing(model: type[Any]) -> Missing:
    """The 404 as the contract prints it: `Vehicle not found`."""
    return Missing(f"{model._meta.verbose_name} not found".capitalize())


class MemberList(BareList, MemberView):
    """A bare array of the caller's own rows."""
