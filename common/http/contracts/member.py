"""Contract 003, the Membership Auto apps. Errors are `{error}` or wrong fields by name."""

from __future__ import annotations

from uuid import UUID

from django.db import models
from rest_framework import serializers

from common.domain.errors import Kind, Missing
from common.domain.types import Json
from common.http.contracts.base import Contract, NamesFields
from common.http.lists import BareList
from common.http.problems import NON_FIELD, Problem
from common.http.views import AnyModel, ContractView
from common.reads.serializers import Serializer


class MemberError(Serializer):
    error = serializers.CharField()


class MemberInvalid(NamesFields):
    """`error`, each wrong field with its messages, or both."""

    error = serializers.CharField(required=False)


class MemberContract(Contract):
    name = "member"
    title = "Member"
    about = (
        "Contract 003, the web and mobile app of members: vehicles and their health, appointments, plans and offers, "
        "fuel, parking, chat, invoices. camelCase keys, UUIDs, amounts as JSON numbers, lists as arrays."
    )
    prefixes = ("/api/", "/chat/")
    wording = {
        "wrong_credentials": ("Invalid credentials", "Invalid credentials"),
        "vehicle_not_found": ("Vehicle not found", "Vehicle not found"),
    }

    def body(self, problem: Problem) -> Json:
        # A missing row is not a wrong field. The printed 404 has one key.
        fields = {} if problem.kind is Kind.NOT_FOUND else dict(problem.fields)
        loose = fields.pop(NON_FIELD, None)
        # A validation error has only the fields, as the contract prints it. A business rule also fills `error`, the
        # only key that the apps show.
        if fields and problem.code == "invalid" and not loose:
            return fields
        return {"error": problem.detail} | fields | dict(problem.facts)

    def error_serializer(self, status: int) -> type[Serializer]:
        return MemberInvalid if status == 400 else MemberError


MEMBER = MemberContract()


class MemberView(ContractView):
    contract = MEMBER

    def one_of(self, model: type[AnyModel], id: UUID | None) -> AnyModel:
        """Return the row that a URL, a query or a body names. Raises Missing if there is none for this caller."""
        row = self.visible_rows(model).filter(uuid=id).first()
        if row is None:
            raise missing(model)
        return row


def missing(model: type[models.Model]) -> Missing:
    """Return the 404 as the contract prints it: `Vehicle not found`."""
    return Missing(f"{model._meta.verbose_name} not found".capitalize())


class MemberList(BareList, MemberView):
    """A bare array of the caller's own rows."""
