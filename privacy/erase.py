"""Erase a person's data in one transaction. `holdings.py` gives the reason for each field that is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from inspect import signature

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Model, Q
from django.utils.module_loading import import_string
from django_tasks_db.models import DBTaskResult

from accounts.actions import end_all_sessions
from accounts.models import User
from appointments.models import HOLDS_A_BAY, Appointment
from billing.queries import name_open_accounts
from common.domain.constraints import erasing
from common.domain.errors import DomainError
from common.domain.types import AnyQuerySet, Json, Values
from customers.actions import leave_accounts
from files.models import Upload
from files.stores import store
from memberships.actions import cancel
from memberships.models import Membership
from orders.models import ACTIVE, PENDING_REFUND, Order, ReturnRequest
from passports.actions import withdraw_all
from privacy.holdings import HOLDINGS, Holding, Person
from privacy.persons import get_person
from repair_orders.models import OPEN_STATUSES, RepairOrder

_BATCH = 500


class StillOpen(DomainError):
    """The person has unfinished business with the shop, which `unfinished` lists."""

    code = "still_open"
    title = "Still open"

    def __init__(self, unfinished: list[str]) -> None:
        super().__init__(f"Finish or cancel first: {', '.join(unfinished)}.")


def find_open_business(person: Person) -> list[str]:
    """Return the person's unfinished orders, appointments, returns and accounts: `repair order 12`, `order 7`."""
    accounts = person.accounts
    rows: list[AnyQuerySet] = [
        RepairOrder.objects.filter(customer__in=accounts, status__in=OPEN_STATUSES),
        Appointment.objects.filter(customer__in=accounts, status__in=HOLDS_A_BAY),
        Order.objects.filter(customer__in=accounts, status__in=ACTIVE),
        ReturnRequest.objects.filter(order__customer__in=accounts, status__in=PENDING_REFUND),
    ]
    names = [
        f"{queryset.model._meta.verbose_name} {pk}"
        for queryset in rows
        for pk in queryset.order_by("pk").values_list("pk", flat=True)
    ]
    return names + name_open_accounts(accounts)


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
        withdraw_all(accounts=person.accounts, now=now)
        _delete_tasks(person)
        with erasing():
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
            rewritten = {name: rewrite(getattr(row, name)) for name, rewrite in holding.rewrites.items()}
            type(row)._base_manager.filter(pk=row.pk).update(**_values(holding.overwrites), **rewritten)
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


def _delete_tasks(person: Person) -> None:
    """Delete the queued and finished tasks whose arguments name the person, their email or one of their rows.

    The name of a task's parameter says what its value is: `user_id`, `email`, `notification_id`. Values are compared
    whole, because one email may be a part of another.
    """
    user = person.user
    ids: dict[str, set[object]] = {"user_id": {user.pk}, "customer_id": {*person.accounts}}
    if emails := {email for email in (user.email, user.confirmed_email) if email}:
        ids["email"] = {*emails}
    for holding in HOLDINGS:
        owned = holding.rows_for(person).values_list("pk", flat=True)
        ids.setdefault(f"{holding.model._meta.model_name}_id", set()).update(owned)
    rows = DBTaskResult.objects.order_by().values_list("pk", "task_path", "args_kwargs")
    theirs = [pk for pk, path, given in rows.iterator() if _names(ids, path, given)]
    DBTaskResult.objects.filter(pk__in=theirs).delete()


def _names(ids: Mapping[str, set[object]], path: str, given: Json) -> bool:
    """Return whether a task's arguments contain one of the values that are searched for under their parameters."""
    try:
        parameters = signature(import_string(path).func)
    except ImportError:  # a task of an older release, whose parameters are not known
        return not ids.get("email", set()).isdisjoint(map(str, (*given["args"], *given["kwargs"].values())))
    arguments = parameters.bind_partial(*given["args"], **given["kwargs"]).arguments
    return any(
        isinstance(value, (str, int)) and value in ids.get(name, ()) for name, value in arguments.items()
    )
