"""Note calls to customers (docs/design, D118)."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db import transaction

from common.domain import events
from common.domain.errors import Invalid
from customers.actions import CustomerIsMerged
from customers.calls.models import PhoneCall
from customers.models import Customer

# The permission of the action, at the desk and in the API.
PERMISSIONS = {"note_call": "customers.change_customer"}


class NextCallInThePast(Invalid):
    code = "next_call_in_the_past"
    message = "The day of the next call must be today or later."


def note_call(
    *, customer: Customer, outcome: str, by: int | None, now: datetime, next_on: date | None = None
) -> PhoneCall:
    """Note what came of a call to a customer, and the day of the next one.

    Raises NextCallInThePast, CustomerIsMerged.
    """
    # West of Greenwich yesterday's day of UTC is still today.
    if next_on is not None and next_on < (now - timedelta(days=1)).date():
        raise NextCallInThePast(field="next_on")
    with transaction.atomic():
        row = Customer.objects.select_for_update(no_key=True, of=("self",)).get(pk=customer.pk)
        if row.merged_into_id is not None:
            raise CustomerIsMerged(row.pk, row.merged_into_id)
        call = PhoneCall.objects.create(customer=row, at=now, by_id=by, outcome=outcome, next_on=next_on)
        events.record("customers.phonecall.created", call, at=now)
    return call
