"""Forget a person, as far as a shop may: all or nothing, and what stays has its reason in `holdings.py`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session as PageSession
from django.db import transaction
from django.db.models import Model, Q
from django_tasks_db.models import DBTaskResult

from accounts.actions import end_all_sessions
from accounts.models import User
from appointments.models import HOLDS_A_BAY, Appointment
from common.domain.errors import DomainError
from common.domain.types import AnyQuerySet, Json, Values
from customers.actions import leave_accounts
from files.models import Upload
from files.stores import store
from memberships.actions import cancel
from memberships.models import Membership
from orders.models import ACTIVE, PENDING_REFUND, Order, ReturnRequest
from privacy.holdings import HOLDINGS, Holding, Person
from privacy.persons import person_of
from repair_orders.models import REPAIR_ORDER_MACHINE, RepairOrder

_AT_ONCE = 500
_OPEN_REPAIRS = [status for status, further in REPAIR_ORDER_MACHINE.items() if further]


class StillOpen(DomainError):
    """There is business to be finished with the person first; `what` names it."""

    code = "still_open"
    title = "Still open"

    def __init__(self, what: list[str]) -> None:
        super().__init__(f"Finish or cancel first: {', '.join(what)}.")


def open_business(person: Person) -> list[str]:
    """What the shop and the person have not finished: `repair order 12`, `order 7`."""
    accounts = person.accounts
    rows: list[AnyQuerySet] = [
        RepairOrder.objects.filter(customer__in=accounts, status__in=_OPEN_REPAIRS),
        Appointment.objects.filter(customer__in=accounts, status__in=HOLDS_A_BAY),
        Order.objects.filter(customer__in=accounts, status__in=ACTIVE),
        ReturnRequest.objects.filter(order__customer__in=accounts, status__in=PENDING_REFUND),
    ]
    return [
        f"{of_kind.model._meta.verbose_name} {pk}"
        for of_kind in rows
        for pk in of_kind.order_by("pk").values_list("pk", flat=True)
    ]


def erase(user: User, *, now: datetime) -> Mapping[str, int]:
    """Erase the person behind a login; table -> how many of his rows were deleted or changed.

    His files go last, within the same transaction: what a store that is away kept is tried again with everything
    else. Raises StillOpen, StoreAway.
    """
    counts: Counter[str] = Counter()
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=user.pk)
        person = person_of(user)
        unfinished = open_business(person)
        if unfinished:
            raise StillOpen(unfinished)
        keys = [upload.key for upload in _uploads_of(person)]
        for membership in Membership.objects.filter(user=user).active():
            cancel(membership=membership, by=None, now=now)
        end_all_sessions(user=user, now=now)
        _forget_page_sessions(user)
        _forget_tasks(user)
        for holding in HOLDINGS:
            counts[holding.name] += _erase(holding, person)
        leave_accounts(user_id=user.pk)
        for key in keys:
            store().remove(key)
    return counts


def _uploads_of(person: Person) -> Iterator[Upload]:
    for holding in HOLDINGS:
        if holding.model is Upload and holding.deletes:
            yield from holding.rows_of(person)


def _erase(holding: Holding, person: Person) -> int:
    """Delete or overwrite the rows of one table, their history, and what the admin's log says of them."""
    rows = holding.rows_of(person)
    ids = list(rows.values_list("pk", flat=True))
    _blank_log(holding.model, ids)
    if holding.deletes:
        rows.delete()
    elif holding.forgets:
        for row in rows:
            type(row)._base_manager.filter(pk=row.pk).update(**_values(holding.forgets))
    else:
        return 0
    _forget_history(holding, person, ids)
    return len(ids)


def _values(forgets: Values) -> Json:
    return {name: value() if callable(value) else value for name, value in forgets.items()}


def _forget_history(holding: Holding, person: Person, ids: list[int]) -> None:
    """Of the person's rows, and of rows that once were his."""
    if not hasattr(holding.model, "history"):
        return
    history: AnyQuerySet = holding.model.history.model._base_manager.all()
    # A history row has a key of its own; the row's is `id`.
    by_key = "pk" in (*holding.user, holding.account)
    his = history.none() if by_key else history.filter(holding.of(person))
    past = history.filter(Q(pk__in=his.values("pk")) | Q(id__in=ids))
    if holding.deletes:
        past.delete()
        return
    known = {field.name for field in past.model._meta.concrete_fields}
    past.update(**_values({name: value for name, value in holding.forgets.items() if name in known}))


def _blank_log(model: type[Model], ids: list[int]) -> None:
    log = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(model))
    for first in range(0, len(ids), _AT_ONCE):
        named = [str(pk) for pk in ids[first : first + _AT_ONCE]]
        log.filter(object_id__in=named).update(object_repr="", change_message="")


def _forget_page_sessions(user: User) -> None:
    for session in PageSession.objects.iterator():
        if session.get_decoded().get("_auth_user_id") == str(user.pk):
            session.delete()


def _forget_tasks(user: User) -> None:
    """What a worker was told to mail, or has mailed."""
    if user.email:
        DBTaskResult.objects.filter(args_kwargs__icontains=user.email).delete()
