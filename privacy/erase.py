"""Erase a person's data in one transaction. `holdings.py` gives the reason for each field that is kept."""

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
from privacy.persons import get_person
from repair_orders.models import REPAIR_ORDER_MACHINE, RepairOrder

_BATCH = 500
_OPEN_REPAIRS = [status for status, further in REPAIR_ORDER_MACHINE.items() if further]


class StillOpen(DomainError):
    """The person has unfinished business with the shop, which `unfinished` lists."""

    code = "still_open"
    title = "Still open"

    def __init__(self, unfinished: list[str]) -> None:
        super().__init__(f"Finish or cancel first: {', '.join(unfinished)}.")


def find_open_business(person: Person) -> list[str]:
    """Return the person's unfinished orders, appointments and returns: `repair order 12`, `order 7`."""
    accounts = person.accounts
    rows: list[AnyQuerySet] = [
        RepairOrder.objects.filter(customer__in=accounts, status__in=_OPEN_REPAIRS),
        Appointment.objects.filter(customer__in=accounts, status__in=HOLDS_A_BAY),
        Order.objects.filter(customer__in=accounts, status__in=ACTIVE),
        ReturnRequest.objects.filter(order__customer__in=accounts, status__in=PENDING_REFUND),
    ]
    return [
        f"{queryset.model._meta.verbose_name} {pk}"
        for queryset in rows
        for pk in queryset.order_by("pk").values_list("pk", flat=True)
    ]


def erase(user: User, *, now: datetime) -> Mapping[str, int]:
    """Erase the person of a login and return the number of deleted or changed rows by table.

    Files are removed last, in the same transaction. If the store is unreachable, everything is rolled back and can be
    repeated. Raises StillOpen, StoreUnavailable.
    """
    counts: Counter[str] = Counter()
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=user.pk)
        person = get_person(user)
        unfinished = find_open_business(person)
        if unfinished:
            raise StillOpen(unfinished)
        keys = [upload.key for upload in _uploads_of(person)]
        for membership in Membership.objects.filter(user=user).active():
            cancel(membership=membership, by=None, now=now)
        end_all_sessions(user=user, now=now)
        _delete_page_sessions(user)
        _delete_tasks(user)
        for holding in HOLDINGS:
            counts[holding.name] += _erase(holding, person)
        leave_accounts(user_id=user.pk)
        for key in keys:
            store().remove(key)
    return counts


def _uploads_of(person: Person) -> Iterator[Upload]:
    for holding in HOLDINGS:
        if holding.model is Upload and holding.deletes:
            yield from holding.rows_for(person)


def _erase(holding: Holding, person: Person) -> int:
    """Delete or overwrite the person's rows in one table, their history and their entries in the admin's log."""
    rows = holding.rows_for(person)
    ids = list(rows.values_list("pk", flat=True))
    _blank_log(holding.model, ids)
    if holding.deletes:
        rows.delete()
    elif holding.overwrites:
        for row in rows:
            type(row)._base_manager.filter(pk=row.pk).update(**_values(holding.overwrites))
    else:
        return 0
    _erase_history(holding, person, ids)
    return len(ids)


def _values(overwrites: Values) -> Json:
    return {name: value() if callable(value) else value for name, value in overwrites.items()}


def _erase_history(holding: Holding, person: Person, ids: list[int]) -> None:
    """Delete or overwrite the history of the person's rows, and of rows that were theirs at an earlier time."""
    if not hasattr(holding.model, "history"):
        return
    history: AnyQuerySet = holding.model.history.model._base_manager.all()
    # `pk` is the key of the history row itself. The key of the row is `id`.
    by_key = "pk" in (*holding.user, holding.account)
    owned = history.none() if by_key else history.filter(holding.condition_for(person))
    past = history.filter(Q(pk__in=owned.values("pk")) | Q(id__in=ids))
    if holding.deletes:
        past.delete()
        return
    known = {field.name for field in past.model._meta.concrete_fields}
    past.update(**_values({name: value for name, value in holding.overwrites.items() if name in known}))


def _blank_log(model: type[Model], ids: list[int]) -> None:
    log = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(model))
    for first in range(0, len(ids), _BATCH):
        keys = [str(pk) for pk in ids[first : first + _BATCH]]
        log.filter(object_id__in=keys).update(object_repr="", change_message="")


def _delete_page_sessions(user: User) -> None:
    for session in PageSession.objects.iterator():
        if session.get_decoded().get("_auth_user_id") == str(user.pk):
            session.delete()


def _delete_tasks(user: User) -> None:
    """Delete the queued and finished tasks that mail to the user's email."""
    if user.email:
        DBTaskResult.objects.filter(args_kwargs__icontains=user.email).delete()
