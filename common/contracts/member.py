"""Contract 003: the Membership Auto apps. `{error}`; wrong fields by their own names."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from common.contracts.base import Contract
from common.lists import BareList
from common.problems import NON_FIELD, Problem
from common.views import ContractView


class MemberError(serializers.Serializer[Any]):
    error = serializers.CharField()


class MemberInvalid(serializers.Serializer[Any]):
    """Either `error`, or each wrong field with its messages, or both."""

    error = serializers.CharField(required=False)


class MemberContract(Contract):
    name = "member"
    title = "Member"
    prefixes = ("/api/", "/chat/")
    wording = {"wrong_credentials": ("Invalid credentials", "Invalid credentials")}

    def body(self, problem: Problem) -> dict[str, Any]:
        fields = dict(problem.fields)
        loose = fields.pop(NON_FIELD, None)
        # A plain validation names its fields alone, as printed; a refusal of the business also says what
        # happened in `error`, the one key the apps show.
        if fields and problem.code == "invalid" and not loose:
            return fields
        return {"error": problem.detail} | fields | dict(problem.facts)

    def error_serializer(self, status: int) -> type[serializers.Serializer[Any]]:
        return MemberInvalid if status == 400 else MemberError


MEMBER = MemberContract()


class MemberView(ContractView):
    contract = MEMBER


class MemberList(BareList, MemberView):
    """A bare array of the caller's own rows."""
