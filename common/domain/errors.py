"""What can go wrong in the domain, without a word of HTTP.

An action raises a noun (`SlotTaken`) defined beside it; its `kind` is turned into a status once, in
`common/http/problems.py`, and its text is spelled by the contract of the route.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Any, ClassVar


class Kind(Enum):
    """The families of refusal; every contract gives each one status."""

    MALFORMED = auto()  # the body cannot be read at all
    INVALID = auto()  # readable, but a value is wrong
    INELIGIBLE = auto()  # nothing is wrong with it, but a rule of the business says no
    UNAUTHENTICATED = auto()
    FORBIDDEN = auto()
    NOT_FOUND = auto()
    METHOD_NOT_ALLOWED = auto()
    CONFLICT = auto()  # a lost race or an illegal step
    LENGTH_REQUIRED = auto()  # a body that does not say how long it is
    TOO_LARGE = auto()
    UNSUPPORTED_MEDIA_TYPE = auto()
    UNPROCESSABLE = auto()  # an idempotency key used for something else
    TOO_MANY = auto()
    UNAVAILABLE = auto()
    SERVER_ERROR = auto()


class DomainError(Exception):
    """A refusal with a code.

    `field` names the domain field that was wrong; the contract renames it. `facts` are values the answer
    carries beside the text (the present total of a stale estimate, say).
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
        retry_after: int | None = None,
        **facts: Any,
    ) -> None:
        self.text = message or self.message
        self.messages = [self.text]  # those of the field, where there are several
        self.field = field
        self.retry_after = retry_after
        self.facts = facts
        super().__init__(self.text)


class Invalid(DomainError):
    """A value is wrong."""

    kind = Kind.INVALID
    code = "invalid"
    title = "Invalid input"
    message = "The value is not valid."


class Missing(DomainError):
    """The thing named does not exist, or is not for this caller: the two read the same."""

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


class NoCustomerRecord(Missing):
    code = "no_customer_record"
    title = "No customer record found for this user"
    message = "This user account is not linked to a customer record. Please contact support."


class IllegalTransition(DomainError):
    """A status machine does not allow this step from where the row stands now."""

    code = "illegal_transition"
    title = "Not possible in this state"


class TooMany(DomainError):
    kind = Kind.TOO_MANY
    code = "too_many_requests"
    title = "Too many requests"
    message = "Too many requests. Try again later."


class TooLarge(DomainError):
    kind = Kind.TOO_LARGE
    code = "too_large"
    title = "Request too large"
    message = "The request body is too large."
