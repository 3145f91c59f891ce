"""Promise: nobody writes what is not theirs.

Every property that a write does not take must change nothing if it is sent. Each write is made twice from the same
state of the database: once as in its contract, and once with more properties that only the server sets. Both must leave
the same rows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from django.apps import apps
from django.db import models

from accounts.tokens import reset_token
from portal.fleet.forms import CompanyForm
from trust.calls import Answer, Client
from trust.operations import Operation, operations
from trust.people import PASSWORD, clients, open_shop, own_everything, set_passwords
from trust.promises import ENGINES, Tally, Trial
from trust.rights import SHARED, STAFFS
from trust.tables import OF_THE_SERVER, Change, Tables, seen_from_here
from trust.town import Town

ROOMS = (
    "accounts",
    "customers",
    "vehicles",
    "appointments",
    "repair_orders",
    "orders",
    "billing",
    "memberships",
    "chat",
    "files",
)
# Tables that a sign-in or a request changes in any case.
BESIDE = (*OF_THE_SERVER, "django_tasks_database_dbtaskresult")
# Naming style of a contract -> property name of a column.
STYLES: dict[str, Callable[[str], str]] = {
    "snake_case": str,
    "camelCase": lambda name: re.sub(r"_(\w)", lambda found: found[1].upper(), name),
}


@dataclass(frozen=True)
class Write:
    """A write: its caller, URL and body, the properties it takes, and whether it is a form."""

    name: str
    who: str
    method: str
    address: str
    body: dict[str, Any]
    takes: frozenset[str]
    is_form: bool = False

    def send(self, town: Town, more: dict[str, Any]) -> Answer:
        client = town.people[self.who]
        token = client.cookies.get("csrftoken", "")
        body = {**more, **self.body}
        if self.is_form:
            fields = {name: value for name, value in body.items() if value is not None}
            return client.send(self.method, self.address, {"csrfmiddlewaretoken": token, **fields}, form=True)
        return client.send(self.method, self.address, body, X_CSRFToken=token)


def readonly(trial: Trial, tally: Tally) -> None:
    for engine in ENGINES[: trial.size(2, 1)]:
        with (
            # The rows must not depend on how soon a task has run, so no worker runs any.
            trial.server(
                engine, demo=False, TASK_QUEUE="DATABASE", UPLOADS_DIR=str(trial.folder / engine)
            ) as server,
            seen_from_here(server),
        ):
            shop = open_shop()
            alice, bob = own_everything(shop, "alice"), own_everything(shop, "bob")
            set_passwords()
            people = clients(server, shop, alice, bob)
            town = Town(server, shop, alice, bob, people, Tables(but=BESIDE), tally)
            found = operations(people["anonymous"])
            names = hidden_names(found)
            writes = [*_writes(town, found), *_forms(town)]
            town.tables.accept()
            for write in writes[:: trial.size(1, 1, 200)]:
                _try(town, write, names, rounds=trial.size(6, 3), groups=trial.size(3, 1))
            tally.note(f"{engine}: {len(writes)} writes, {len(names)} properties")


def hidden_names(found: Iterable[Operation]) -> dict[str, list[Any]]:
    """Return the properties of all responses and the columns of all models, in each style, with values to send."""
    names: dict[str, list[Any]] = {name: ["trust", 77] for operation in found for name in operation.answers}
    for room in ROOMS:
        for model in apps.get_app_config(room).get_models():
            for field in model._meta.concrete_fields:
                for name in {field.name, field.attname}:
                    for rename in STYLES.values():
                        names.setdefault(rename(name), [])
                        names[rename(name)] += values_of(field)
    names |= {
        name: [True, "on"] for name in ("is_staff", "isStaff", "is_admin", "is_support", "isSupport", "admin")
    }
    names |= {name: ["admin"] for name in ("user_role", "userRole", "roles")}
    names |= {name: [[1], "1"] for name in ("groups", "user_permissions")}
    names |= {name: [1_000_000] for name in ("points", "balance", "total", "subtotal", "points_balance")}
    return names


def values_of(field: models.Field[Any, Any]) -> list[Any]:
    """Return values that are valid for the column and differ from those in the shop."""
    if field.choices:
        return [choice for choice, _ in field.flatchoices]
    if isinstance(field, models.BooleanField):
        return [True, False]
    if isinstance(field, models.ForeignKey):
        return [1, 2]
    if isinstance(field, models.UUIDField):
        return ["01890000-0000-7000-8000-000000000077"]
    if isinstance(field, models.DateTimeField):
        return ["2001-02-03T04:05:06Z", None]
    if isinstance(field, models.DateField):
        return ["2001-02-03"]
    if isinstance(field, (models.IntegerField, models.DecimalField, models.FloatField)):
        return [77777, 1]
    if isinstance(field, models.JSONField):
        return [{"trust": True}, []]
    return ["trust77777", "77777"]


# --- The writes -----------------------------------------------------------------------------------


def _writes(town: Town, found: list[Operation]) -> Iterator[Write]:
    """Yield every write of every contract, with a caller who is allowed and a valid body."""
    for operation in found:
        if operation.method == "GET":
            continue
        who = "root" if operation.name in STAFFS else "alice"
        for by, takes, body in _bodies(town, operation, who):
            yield Write(
                operation.name, by, operation.method, operation.address(town.alice, town.shop), body, takes
            )


def _bodies(
    town: Town, operation: Operation, who: str
) -> Iterator[tuple[str, frozenset[str], dict[str, Any]]]:
    takes = frozenset(operation.takes)
    if operation.method == "DELETE" and operation.name in STAFFS:
        takes |= {"version"}  # an older one is refused
    body = operation.body(town.alice, town.shop) or {}
    own = OWN_BODIES.get(operation.name)
    if own:
        body, who = {**body, **own(town)}, NEEDS.get(operation.name, who)
    if operation.name == "member_register_post":
        yield who, frozenset(body), body
        service = {"email": "nora@example.com", "password1": PASSWORD, "password2": PASSWORD,
                   "first_name": "Nora", "last_name": "New", "phone_number": "+15035550199"}  # fmt: skip
        yield who, frozenset(service), service
        return
    yield NEEDS.get(operation.name, who), takes, body
    if operation.name in SHARED and operation.method != "GET":
        yield "root", takes, body


# The callers of writes that Alice may not make, because she has a profile and a referral.
NEEDS = {
    "crm_create_profile_post": "carol",
    "member_apply_referral_post": "carol",
    "member_my_membership_delete": "alice's colleague",
}
_REFRESHES: dict[str, str] = {}


def _refresh(town: Town) -> str:
    if not _REFRESHES.get(town.server.url):
        answer = Client(town.server.port).send(
            "POST", "/api/token/", {"email": town.bob.email, "password": PASSWORD}
        )
        _REFRESHES[town.server.url] = answer.json()["refresh"]
    return _REFRESHES[town.server.url]


OWN_BODIES: dict[str, Callable[[Town], dict[str, Any]]] = {
    "shop_login_post": lambda town: {"email": town.alice.email, "password": PASSWORD},
    "care_login_post": lambda town: {"email": town.alice.email, "password": PASSWORD},
    "member_login_post": lambda town: {"email": town.alice.email, "password": PASSWORD},
    "crm_login_post": lambda town: {"email": town.alice.email, "password": PASSWORD},
    "crm_refresh_post": lambda town: {"refresh": _refresh(town)},
    "crm_logout_post": lambda town: {"refresh": _refresh(town)},
    "shop_refresh_post": lambda town: {"refresh": _refresh(town)},
    "shop_verify_post": lambda town: {"token": town.people["bob"].token},
    "member_refresh_post": lambda town: {"refreshToken": _refresh(town)},
    "member_register_post": lambda town: {"referralCode": town.bob.user.referral_code},
    "member_apply_referral_post": lambda town: {"code": town.bob.user.referral_code},
    "shop_logout_post": lambda town: {"refresh": _refresh(town)},
    "member_logout_post": lambda town: {"refreshToken": _refresh(town)},
    "member_reset_password_post": lambda town: {"token": reset_token(town.shop.carol)},
    "member_change_password_post": lambda town: {"oldPassword": PASSWORD},
    "care_refresh_post": lambda town: {"refresh_token": _refresh(town)},
    "shop_customers_merge": lambda town: {"into_id": town.bob.customer.pk},
    "shop_vehicles_transfer": lambda town: {"customer_id": town.bob.customer.pk},
    "member_forgot_password_post": lambda town: {"email": town.alice.email},
}


def _forms(town: Town) -> Iterator[Write]:
    """Yield the forms of the portal."""
    rows = town.alice.rows
    unit = {"vin": "1HGBH41JXMN109186", "make": "Honda", "model": "Civic", "year": "2020", "odometer": "20"}
    company = {"company_name": "Alice Ltd", "street_address": "2 Elm", "city": "Salem", "state": "OR",
               "postal_code": "97301", "country": "USA", "preferred_contact_method": "sms"}  # fmt: skip
    forms: dict[str, dict[str, Any]] = {
        "company/": company,
        "company/users/new/": {"email": "new@example.com", "role": "approver", "approval_limit": "900.00"},
        f"company/users/{rows['login'].pk}/remove/": {},
        "repairs/new/": {"unit": rows["vehicle"].pk, "description": "Hello"},
        f"repairs/{rows['repair'].pk}/": {"decision": "deny", "reason": "Too much"},
        "units/new/": unit,
        f"units/{rows['spare'].pk}/": unit,
        f"units/{rows['spare'].pk}/archive/": {},
    }
    taken = {
        "license_plate",
        "color",
        "fuel_type",
        "trim",
        "unit_number",
        "photos",
        "phone",
        *CompanyForm.base_fields,
    }
    for path, body in forms.items():
        yield Write(
            path, "alice", "POST", f"/customer/{path}", body, frozenset({*body, *taken}), is_form=True
        )


# --- The trial ------------------------------------------------------------------------------------------------


def _try(town: Town, write: Write, names: dict[str, list[Any]], *, rounds: int, groups: int) -> None:
    """Make the write as in the contract, then with more properties.

    Each round sends another value of each property, and groups the properties differently.
    """
    plain, left = _made(town, write, {})
    if not town.tally.tried(
        plain.status < 400, f"{write.name} by {write.who} is refused without more properties: {plain}"
    ):
        return
    hidden = {name: values for name, values in names.items() if name not in write.takes and values}
    for number in range(rounds):
        names_now = sorted(hidden)
        Random(number).shuffle(names_now)
        for group in range(groups):
            more = {name: hidden[name][number % len(hidden[name])] for name in names_now[group::groups]}
            _compare(town, write, more, plain, left)


# Properties that a 400 names one by one.
_REFUSED = re.compile(
    r'"([^"]+)":\s*\["(?:Unknown field|This field is read-only|This field cannot be changed)\.'
)


def _compare(town: Town, write: Write, more: dict[str, Any], plain: Answer, left: Counter[Any]) -> None:
    """Compare the rows left by the write with more properties to those of the plain one.

    If it is refused, one property may have hidden the others. Those that the response does not name are sent again, or
    halves of them all if it names none.
    """
    answer, also_left = _made(town, write, more)
    what = f"{write.method} {write.name} by {write.who} with {str(more)[:120]}"
    refused = answer.status in (400, 422) and not also_left
    if refused and plain.status != answer.status and len(more) > 1:
        named = set(_REFUSED.findall(answer.text)) & more.keys()
        town.tally.tried(True, cases=len(named))
        pairs = [pair for pair in more.items() if pair[0] not in named]
        for some in [pairs] if named else [pairs[::2], pairs[1::2]]:
            if some:
                _compare(town, write, dict(some), plain, left)
        return
    same = answer.status == plain.status and also_left == left
    more_or_less = f"{list((also_left - left).elements())} instead of {list((left - also_left).elements())}"
    town.tally.tried(
        refused or same, f"{what}: {answer.status} for {plain.status}, {more_or_less}"[:1500], cases=len(more)
    )


def _made(town: Town, write: Write, more: dict[str, Any]) -> tuple[Answer, Counter[Any]]:
    """Make the write, restore the tables, and return the response and the rows it changed."""
    answer = write.send(town, more)
    change = town.tables.change()
    town.tables.restore(change)
    return answer, left_behind(town.tables, change)


def left_behind(tables: Tables, change: Change) -> Counter[Any]:
    """Return the rows added and removed, without values that differ each time: times, keys, random text."""
    return Counter(
        (
            sign,
            table,
            tuple(_steady(*pair, tables.read_at) for pair in zip(tables.keys[table], row, strict=True)),
        )
        for sign, rows in (("+", change.added), ("-", change.removed))
        for table, found in rows.items()
        for row in found.elements()
    )


_CHANCE = re.compile(
    r"REF-[A-Z2-9]{8}|ORD\d+|uploads/[\w-]{22}|argon2\S+|![A-Za-z0-9]{40}"
    r"|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}|\d{4}-\d\d-\d\d[T ][\d:.+Z]+"
    r"|(?<=[a-z]:)\d+$|\"id\": \d+"  # the row of an event
)


def _steady(known: Collection[Any] | None, value: Any, read_at: datetime) -> str:
    """Return a value as stable text.

    `known` holds the earlier keys if the column is a key. `read_at` is the time at which the tables were read.
    """
    if isinstance(value, datetime):
        instant = value if value.tzinfo else value.replace(tzinfo=UTC)
        days = (instant - read_at).days  # such as those until an invitation expires
        is_now = read_at <= instant - timedelta(days=days) <= datetime.now(UTC)
        return f"now + {days} days" if is_now and days >= 0 else str(value)
    if known is not None and value is not None and value not in known:
        return "new"
    return str(value) if known is not None else _CHANCE.sub("…", str(value))
