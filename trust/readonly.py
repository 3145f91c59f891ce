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
from random import Random
from typing import Any

from django.apps import apps
from django.db import models

from accounts.tokens import reset_token
from portal.fleet.forms import CompanyForm
from trust.calls import Answer, Client
from trust.operations import Operation, operations
from trust.people import PASSWORD, clients, let_in, open_shop, own_everything
from trust.promises import ENGINES, Tally, Trial
from trust.rights import SHARED, STAFFS
from trust.tables import Change, Tables, seen_from_here
from trust.town import Town

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
# How a contract spells what a column holds.
SPELLINGS: dict[str, Callable[[str], str]] = {
    "snake_case": str,
    "camelCase": lambda name: re.sub(r"_(\w)", lambda found: found[1].upper(), name),
}


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
            trial.server(engine, demo=False, UPLOADS_DIR=str(trial.folder / engine)) as server,
            seen_from_here(server),
        ):
            shop = open_shop()
            alice, bob = own_everything(shop, "alice"), own_everything(shop, "bob")
            let_in()
            people = clients(server, shop, alice, bob)
            town = Town(server, shop, alice, bob, people, Tables(but=BESIDE), tally)
            found = operations(people["nobody"])
            names = hidden_names(found)
            writes = [*_writes(town, found), *_forms(town)]
            town.tables.accept()
            for write in writes[:: trial.size(1, 1, 10)]:
                _try(town, write, names, rounds=trial.size(6, 3), groups=trial.size(3, 1))
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


def _writes(town: Town, found: list[Operation]) -> Iterator[Write]:
    """Every write of every contract, by somebody who may, with a body that it takes."""
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
    takes, body = frozenset(operation.takes), operation.body(town.alice, town.shop) or {}
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


# Who may where Alice may not: she has a profile, and a friend has brought her.
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
    "shop_refresh_post": lambda town: {"refresh": _refresh(town)},
    "shop_verify_post": lambda town: {"token": town.people["bob"].token},
    "member_refresh_post": lambda town: {"refreshToken": _refresh(town)},
    "member_register_post": lambda town: {"referralCode": town.bob.user.referral_code},
    "member_apply_referral_post": lambda town: {"code": town.bob.user.referral_code},
    "shop_logout_post": lambda town: {"refresh": _refresh(town)},
    "member_logout_post": lambda town: {"refreshToken": _refresh(town)},
    "member_reset_password_post": lambda town: {"token": reset_token(town.shop.carol)},
    "member_change_password_post": lambda town: {"oldPassword": PASSWORD},
    "member_forgot_password_post": lambda town: {"email": town.alice.email},
}


def _forms(town: Town) -> Iterator[Write]:
    """The portal's forms."""
    rows = town.alice.rows
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
        "phone",
        *CompanyForm.base_fields,
    }
    for path, body in forms.items():
        yield Write(
            path, "alice", "POST", f"/customer/{path}", body, frozenset({*body, *taken}), is_form=True
        )


# --- The trial ------------------------------------------------------------------------------------------------


def _try(town: Town, write: Write, names: dict[str, list[Any]], *, rounds: int, groups: int) -> None:
    """As the contract has it; then with everything beside it, another value of each property in each round, and in each
    round other properties together."""
    plain, left = _made(town, write, {})
    if not town.tally.tried(plain.status < 400, f"{write.name} by {write.who} is not taken at all: {plain}"):
        return
    hidden = {name: values for name, values in names.items() if name not in write.takes and values}
    for number in range(rounds):
        names_now = sorted(hidden)
        Random(number).shuffle(names_now)
        for group in range(groups):
            more = {name: hidden[name][number % len(hidden[name])] for name in names_now[group::groups]}
            _compare(town, write, more, plain, left)


def _compare(town: Town, write: Write, more: dict[str, Any], plain: Answer, left: Counter[Any]) -> None:
    """What leaves the same behind has changed nothing. Where something is refused, one property may have hidden the
    others: they are sent again in halves."""
    answer, also_left = _made(town, write, more)
    what = f"{write.method} {write.name} by {write.who} with {str(more)[:120]}"
    refused = answer.status in (400, 422) and not also_left
    if refused and plain.status != answer.status and len(more) > 1:
        pairs = list(more.items())
        for half in (pairs[::2], pairs[1::2]):
            _compare(town, write, dict(half), plain, left)
        return
    same = answer.status == plain.status and also_left == left
    more_or_less = f"{list((also_left - left).elements())} instead of {list((left - also_left).elements())}"
    town.tally.tried(
        refused or same, f"{what}: {answer.status} for {plain.status}, {more_or_less}"[:1500], cases=len(more)
    )


def _made(town: Town, write: Write, more: dict[str, Any]) -> tuple[Answer, Counter[Any]]:
    """The answer, and what it left behind; the tables are as they were."""
    answer = write.send(town, more)
    change = town.tables.change()
    town.tables.restore(change)
    return answer, left_behind(town.tables, change)


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
