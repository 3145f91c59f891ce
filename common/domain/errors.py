"""Errors of the domain, which know nothing of HTTP (docs/design, D10).

An action raises a noun (`SlotTaken`) that is defined beside it. `common/http/problems.py` maps its `kind` to a status,
and the contract of the route renders its body.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import ClassVar

from common.domain.units import Units


class Kind(Enum):
    """The kinds of error. Each has one status per contract."""

    MALFORMED = auto()  # the body cannot be parsed
    INVALID = auto()  # a value is wrong
    INELIGIBLE = auto()  # every value is valid, and a business rule refuses the request
    UNAUTHENTICATED = auto()
    FORBIDDEN = auto()
    NOT_FOUND = auto()
    METHOD_NOT_ALLOWED = auto()
    GONE = auto()  # it was there, and was deleted because of its age
    PRECONDITION = auto()  # the row is no longer what `If-Match` names
    CONFLICT = auto()  # a lost race or a transition that is not allowed
    LENGTH_REQUIRED = auto()  # a body without a Content-Length
    TOO_LARGE = auto()
    UNSUPPORTED_MEDIA_TYPE = auto()
    UNPROCESSABLE = auto()  # an idempotency key that was used for another request
    TOO_MANY = auto()
    UNAVAILABLE = auto()
    STORAGE_FULL = auto()  # of a disk or a quota
    SERVER_ERROR = auto()


class DomainError(Exception):
    """An error with a code.

    `field` is the domain's name of the wrong field, which the contract renames, and `item` the index of the wrong item
    of a list. `facts` are further values of the response body, such as the present total of a stale estimate.
    """

    kind: ClassVar[Kind] = Kind.CONFLICT
    code: ClassVar[str] = "conflict"
    title: ClassVar[str] = "Conflict"
    message: ClassVar[str] = "That is not possible now."

    def __init__(
        self,
        message: str | None = None,
        *,
        field: str | None = None,
        item: int | None = None,
        retry_after: int | None = None,
        **facts: object,
    ) -> None:
        self.text = message or self.message
        self.messages = [self.text]  # the messages of `field`, which may be several
        self.field = field
        self.item = item
        self.retry_after = retry_after
        self.facts = facts
        super().__init__(self.text)

    def text_in(self, units: Units) -> str:
        """Return the text with its distances in these units."""
        return self.text


class Invalid(DomainError):
    """A value is wrong."""

    kind = Kind.INVALID
    code = "invalid"
    title = "Invalid input"
    message = "The value is not valid."


class Missing(DomainError):
    """The row does not exist or is not visible to this caller. Both have the same response."""

    kind = Kind.NOT_FOUND
    code = "not_found"
    title = "Not found"
    message = "Not found."


class Forbidden(DomainError):
    kind = Kind.FORBIDDEN
    code = "forbidden"
    title = "Access denied"
    message = "You do not have permission to perform this action."


class CustomersOnly(Forbidden):
    code = "customers_only"
    message = "This endpoint is only accessible to customers."


class StaffOnly(Forbidden):
    code = "staff_only"
    message = "This endpoint is only accessible to staff."


class RoleMayNot(Forbidden):
    code = "role_may_not"
    message = "Your role does not allow this."


class ViewerMayNot(Forbidden):
    code = "viewer_may_not"
    message = "Your login may only read. Ask an owner of the company for another role."


class NoCustomerRecord(Missing):
    code = "no_customer_record"
    title = "No customer record found for this user"
    message = "This user account is not linked to a customer record. Please contact support."


class IllegalTransition(DomainError):
    """The status machine does not allow this step from the row's present status."""

    code = "illegal_transition"
    title = "Not possible in this state"


class TooMany(DomainError):
    kind = Kind.TOO_MANY
    code = "too_many_requests"
    title = "Too many requests"
    message = "Too many requests. Try again later."


class Busy(DomainError):
    kind = Kind.UNAVAILABLE
    code = "unavailable"
    title = "Service unavailable"
    message = "The service cannot answer right now. Try again in a few seconds."


class TooLarge(DomainError):
    kind = Kind.TOO_LARGE
    code = "too_large"
    title = "Request too large"
    message = "The request body is too large."
