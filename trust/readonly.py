"""Nobody writes what is not theirs: every property that a write does not take, sent with it, changes nothing.

Each write is made twice from the same state of the database, which is put back in between: as its contract has it, and
with properties beside it that only the server sets. What the two left behind must be the same.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.apps import apps
from django.db import models

from accounts.tokens import reset_token
from config.tests.servers import Server
from trust.calls import Answer, Client
from trust.operations import Operation, operations
from trust.people import PASSWORD, Owner, Shop, clients, let_in, open_shop, own_everything
from trust.promises import ENGINES, Tally, Trial
from trust.strangers import SHARED, STAFFS
from trust.tables import Change, Tables, seen_from_here

ROOMS = (
    "accounts",
    "customers",
    "vehicles",
    "appointments",
    "repair_orders",
    "orders",
    "memberships",
    "chat",
    "files",
)
# What a sign-in, a request or a key leaves behind by itself.
BESIDE = ("django_session", "django_tasks_database_dbtaskresult")
# Values of a property: a column of choices has each of them tried.
ROUNDS = 6
# How a contract spells what a column holds.
SPELLINGS: dict[str, Callable[[str], str]] = {
    "snake_case": str,
    "camelCase": lambda name: re.sub(r"_(\w)", lambda found: found[1].upper(), name),
}


@dataclass
class Desk:
    """The server, a customer and the staff's administrator."""

    server: Server
    shop: Shop
    alice: Owner
    bob: Owner
    people: dict[str, Client]
    tables: Tables
    tally: Tally


@dataclass(frozen=True)
class Write:
    """Something that may be sent: by whom, where, what it takes, and what it is sent as."""

    name: str
    who: str
    method: str
    address: str
    body: dict[str, Any]
    takes: frozenset[str]
    is_form: bool = False

    def send(self, desk: Desk, more: dict[str, Any]) -> Answer:
        client = desk.people[self.who]
        token = client.cookies.get("csrftoken", "")
        body = {**more, **self.body}
        if self.is_form:
            fields = {name: value for name, value in body.items() if value is not None}
            return client.send(self.method, self.address, {"csrfmiddlewaretoken": token, **fields}, form=True)
        return client.send(self.method, self.address, body, X_CSRFToken=token)


def readonly(trial: Trial, tally: Tally) -> None:
    for engine in ENGINES[: trial.size(2, 1)]:
        with (
            trial.server(engine, demo=False, UPLOADS_DIR=str(trial.folder / engine)) as server,
            seen_from_here(server),
        ):
            shop = open_shop()
            alice, bob = own_everything(shop, "alice"), own_everything(shop, "bob")
            let_in()
            people = clients(server, shop, alice, bob)
            desk = Desk(server, shop, alice, bob, people, Tables(but=BESIDE), tally)
            found = operations(people["nobody"])
            names = hidden_names(found)
            writes = [*_writes(desk, found), *_forms(desk)]
            desk.tables.accept()
            for write in writes:
                _try(desk, write, names, one_by_one=not trial.short)
            tally.note(f"{engine}: {len(writes)} writes, {len(names)} properties")


def hidden_names(found: Iterable[Operation]) -> dict[str, list[Any]]:
    """Every property that any answer has and every column of any model, in each spelling; with what is sent for it."""
    names: dict[str, list[Any]] = {name: ["trust", 77] for operation in found for name in operation.answers}
    for room in ROOMS:
        for model in apps.get_app_config(room).get_models():
            for field in model._meta.concrete_fields:
                for name in {field.name, field.attname}:
                    for spell in SPELLINGS.values():
                        names.setdefault(spell(name), [])
                        names[spell(name)] += values_of(field)
    names |= {
        name: [True, "on"] for name in ("is_staff", "isStaff", "is_admin", "is_support", "isSupport", "admin")
    }
    names |= {name: ["admin"] for name in ("user_role", "userRole", "roles")}
    names |= {name: [[1], "1"] for name in ("groups", "user_permissions")}
    names |= {name: [1_000_000] for name in ("points", "balance", "total", "subtotal", "points_balance")}
    return names


def values_of(field: models.Field[Any, Any]) -> list[Any]:
    """What the column would take, and what is nowhere in this shop."""
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


# --- What there is to write -----------------------------------------------------------------------------------


def _writes(desk: Desk, found: list[Operation]) -> Iterator[Write]:
    """Every write of every contract, by somebody who may, with a body that it takes."""
    for operation in found:
        if operation.method == "GET":
            continue
        who = "root" if operation.name in STAFFS else "alice"
        for by, takes, body in _bodies(desk, operation, who):
            yield Write(
                operation.name, by, operation.method, operation.address(desk.alice, desk.shop), body, takes
            )


def _bodies(
    desk: Desk, operation: Operation, who: str
) -> Iterator[tuple[str, frozenset[str], dict[str, Any]]]:
    takes, body = frozenset(operation.takes), operation.body(desk.alice, desk.shop) or {}
    own = OWN_BODIES.get(operation.name)
    if own:
        body, who = {**body, **own(desk)}, NEEDS.get(operation.name, who)
    if operation.name == "member_register_post":
        yield who, frozenset(body), body
        service = {"email": "nora@example.com", "password1": PASSWORD, "password2": PASSWORD,
                   "first_name": "Nora", "last_name": "New", "phone_number": "+15035550199"}  # fmt: skip
        yield who, frozenset(service), service
        return
    yield NEEDS.get(operation.name, who), takes, body
    if operation.name in SHARED and operation.method != "GET":
        yield "root", takes, body


# Who may where Alice may not: she has a profile, and a friend has brought her.
NEEDS = {
    "crm_create_profile_post": "carol",
    "member_apply_referral_post": "carol",
    "member_my_membership_delete": "alice's colleague",
}
_REFRESHES: dict[str, str] = {}


def _refresh(desk: Desk) -> str:
    if not _REFRESHES.get(desk.server.url):
        answer = Client(desk.server.port).send(
            "POST", "/api/token/", {"email": desk.bob.email, "password": PASSWORD}
        )
        _REFRESHES[desk.server.url] = answer.json()["refresh"]
    return _REFRESHES[desk.server.url]


OWN_BODIES: dict[str, Callable[[Desk], dict[str, Any]]] = {
    "shop_login_post": lambda desk: {"email": desk.alice.email, "password": PASSWORD},
    "care_login_post": lambda desk: {"email": desk.alice.email, "password": PASSWORD},
    "member_login_post": lambda desk: {"email": desk.alice.email, "password": PASSWORD},
    "shop_refresh_post": lambda desk: {"refresh": _refresh(desk)},
    "shop_verify_post": lambda desk: {"token": desk.people["bob"].token},
    "member_refresh_post": lambda desk: {"refreshToken": _refresh(desk)},
    "member_register_post": lambda desk: {"referralCode": desk.bob.user.referral_code},
    "member_apply_referral_post": lambda desk: {"code": desk.bob.user.referral_code},
    "shop_logout_post": lambda desk: {"refresh": _refresh(desk)},
    "member_logout_post": lambda desk: {"refreshToken": _refresh(desk)},
    "member_reset_password_post": lambda desk: {"token": reset_token(desk.shop.carol)},
    "member_change_password_post": lambda desk: {"oldPassword": PASSWORD},
    "member_forgot_password_post": lambda desk: {"email": desk.alice.email},
}


def _forms(desk: Desk) -> Iterator[Write]:
    """The portal's forms."""
    rows = desk.alice.rows
    unit = {"vin": "1HGBH41JXMN109186", "make": "Honda", "model": "Civic", "year": "2020", "odometer": "20"}
    company = {"company_name": "Alice Ltd", "street_address": "2 Elm", "city": "Salem", "state": "OR",
               "postal_code": "97301", "country": "USA", "preferred_contact_method": "sms"}  # fmt: skip
    forms: dict[str, dict[str, Any]] = {
        "company/": company,
        "company/users/new/": {"email": "new@example.com", "first_name": "Nora", "last_name": "New"},
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
        "business_type",
        "tax_id",
        "phone",
    }
    for path, body in forms.items():
        yield Write(
            path, "alice", "POST", f"/customer/{path}", body, frozenset({*body, *taken}), is_form=True
        )


# --- The trial ------------------------------------------------------------------------------------------------


def _try(desk: Desk, write: Write, names: dict[str, list[Any]], *, one_by_one: bool) -> None:
    """As the contract has it; then with everything beside it, in as many rounds as a property has values; then with
    each property alone."""
    plain, left = _made(desk, write, {})
    if not desk.tally.tried(plain.status < 400, f"{write.name} by {write.who} is not taken at all: {plain}"):
        return
    hidden = {name: values for name, values in names.items() if name not in write.takes}
    for number in range(ROUNDS if one_by_one else ROUNDS // 2):
        more = {name: values[number % len(values)] for name, values in hidden.items() if values}
        _compare(desk, write, more, plain, left)
    if one_by_one:
        for name, values in hidden.items():
            _compare(desk, write, {name: values[0]}, plain, left)


def _compare(desk: Desk, write: Write, more: dict[str, Any], plain: Answer, left: Counter[Any]) -> None:
    answer, also_left = _made(desk, write, more)
    what = f"{write.method} {write.name} by {write.who} with {str(more)[:120]}"
    refused = answer.status in (400, 422) and not also_left
    same = answer.status == plain.status and also_left == left
    more_or_less = f"{list((also_left - left).elements())} instead of {list((left - also_left).elements())}"
    desk.tally.tried(
        refused or same, f"{what}: {answer.status} for {plain.status}, {more_or_less}"[:1500], cases=len(more)
    )


def _made(desk: Desk, write: Write, more: dict[str, Any]) -> tuple[Answer, Counter[Any]]:
    """The answer, and what it left behind; the tables are as they were."""
    answer = write.send(desk, more)
    change = desk.tables.change()
    desk.tables.restore(change)
    return answer, left_behind(desk.tables, change)


def left_behind(tables: Tables, change: Change) -> Counter[Any]:
    """Rows that came and went, without what is another each time: the clock, the database's keys, chance."""
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
)


def _steady(known: Collection[Any] | None, value: Any, read_at: datetime) -> str:
    """A value as text. `known`: the keys that there were, where it is a key; `read_at`: when the tables were read."""
    if isinstance(value, datetime):
        instant = value if value.tzinfo else value.replace(tzinfo=UTC)
        return "now" if read_at <= instant <= datetime.now(UTC) else str(value)
    if known is not None and value is not None and value not in known:
        return "new"
    return str(value) if known is not None else _CHANCE.sub("…", str(value))
