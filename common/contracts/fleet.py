"""Contract 001: the fleet portal. Django sessions; strangers are sent to the login; errors are `{error}`."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from common.contracts.base import Contract
from common.lists import BareList
from common.problems import Problem
from common.views import ContractView

_NOT_FOUND = ("Customer profile not found", "Customer profile not found")


class FleetError(serializers.Serializer[Any]):
    error = serializers.CharField()


class FleetContract(Contract):
    name = "fleet"
    title = "Fleet"
    prefixes = ("/customer/",)
    # Staff get the same printed 404 as a login without a customer record.
    wording = {"customers_only": _NOT_FOUND, "no_customer_record": _NOT_FOUND}

    def status(self, problem: Problem) -> int:
        return 404 if problem.code == "customers_only" else super().status(problem)

    def body(self, problem: Problem) -> dict[str, Any]:
        return {"error": problem.detail} | dict(problem.facts)

    def error_serializer(self, status: int) -> type[serializers.Serializer[Any]]:
        return FleetError


FLEET = FleetContract()


class FleetView(ContractView):
    contract = FLEET
    session_login = True  # a browser's session, not a Bearer token


class FleetList(BareList, FleetView):
    """A bare array of the caller's own rows."""
