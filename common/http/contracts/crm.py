"""Contract 004, the customer service for other services. Errors are `{error, detail}` or wrong fields by name."""

from __future__ import annotations

from typing import ClassVar

from rest_framework import serializers

from common.domain.errors import Kind
from common.domain.types import Json
from common.http.authentication import ApiKeyAuthentication, BearerAuthentication
from common.http.contracts.base import Contract, NamesFields
from common.http.lists import ListView, PagedList
from common.http.permissions import StaffWithPermission
from common.http.problems import NON_FIELD, Problem
from common.http.views import ContractView
from common.reads.serializers import Serializer


class CrmError(Serializer):
    error = serializers.CharField()
    detail = serializers.CharField()


class CrmInvalid(NamesFields):
    """Each wrong field with its messages, or `error` and `detail` if the error concerns no field."""

    error = serializers.CharField(required=False)
    detail = serializers.CharField(required=False)


class CrmContract(Contract):
    name = "crm"
    title = "CRM"
    about = (
        "Contract 004, customers as a service, for other services and for staff: accounts, profiles, verification and "
        "statistics. snake_case keys, UUIDs."
    )
    prefixes = ("/api/auth/profile/update/", "/api/v1/auth/", "/api/v1/customers/")
    wording = {
        "customers_only": ("Access denied", "Only customers can access this endpoint."),
        "no_customer_record": (
            "Customer profile not found",
            "No profile has been created for this user yet. Create it with POST profile/create/.",
        ),
    }

    def body(self, problem: Problem) -> Json:
        if problem.kind is Kind.INVALID and problem.fields and NON_FIELD not in problem.fields:
            return dict(problem.fields)
        return {"error": problem.title, "detail": problem.detail} | dict(problem.facts)

    def error_serializer(self, status: int) -> type[Serializer]:
        return CrmInvalid if status == 400 else CrmError


CRM = CrmContract()


class CrmView(ContractView):
    contract = CRM


class CrmServiceView(CrmView):
    """A route for other services, which may call it with an API key."""

    authentication_classes = [BearerAuthentication, ApiKeyAuthentication]


class CrmStaffView(CrmServiceView):
    """A route for staff whose role has the view's permission."""

    permission_classes = [StaffWithPermission]
    permission: ClassVar[str]  # `app.codename`


class CrmStaffList(ListView, PagedList, CrmStaffView):
    """A list for staff, always paged."""
