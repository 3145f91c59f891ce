"""The error bodies of billing that have further facts, for the schema."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from common.http.contracts.shop import StaffError


class AlreadyInvoicedError(StaffError):
    invoice_id = serializers.IntegerField(required=False, help_text="The invoice that stands.")
    number = serializers.CharField(required=False)


class OverCreditError(StaffError):
    left = serializers.CharField(
        required=False,
        help_text="What is left of the invoice or of the line, or the pieces that can go back.",
    )


class OverPaymentError(StaffError):
    balance = serializers.CharField(required=False, help_text="What is left to pay, with `over_balance`.")
    open = serializers.CharField(required=False, help_text="What is open on the payment, with `over_open`.")


class BalanceDueError(StaffError):
    balance = serializers.CharField(required=False, help_text="What is not paid, with `balance_due`.")


class DayClosedError(StaffError):
    closed_at = serializers.CharField(required=False, help_text="When the day was closed.")


def conflict(body: type[StaffError], description: str) -> dict[int, OpenApiResponse]:
    """Return the response 409 of an operation for the schema."""
    return {409: OpenApiResponse(body, description=description)}


INVOICED = conflict(AlreadyInvoicedError, "The order is not completed, or has an invoice.")
OVER_CREDIT = conflict(OverCreditError, "More than is left would be credited.")
OVER_PAYMENT = conflict(OverPaymentError, "More than is owed or open would be used or given back.")
BALANCE_DUE = conflict(BalanceDueError, "The vehicle cannot leave yet.")
DAY_CLOSED = conflict(DayClosedError, "The day was closed before.")
