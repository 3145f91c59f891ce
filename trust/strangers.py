"""Strangers see nothing: every route by every method with another's ids, asked by everybody whose it is not.

What the schema names is read from the schema that the server serves; portal pages and the admin are read from the
routes. Each address is tried with its owner first, so that a refusal is one of the stranger and not of the call.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import uuid4

from django.contrib import admin
from django.urls import URLPattern, URLResolver, get_resolver
from websockets.sync.client import ClientConnection, connect

from common.caller import STAFF
from config.tests.servers import Server
from portal.fleet.urls import urlpatterns as portal_routes
from portal.roles import PERMISSIONS
from portal.tests.test_roles import OPERATIONS as STAFF_OPERATIONS
from portal.tests.test_roles import ROLES
from trust.calls import Answer, Client
from trust.operations import METHODS, NAMES, Operation, operations, spelled
from trust.people import Owner, Shop, clients, open_shop, own_everything
from trust.promises import ENGINES, Tally, Trial
from trust.tables import Tables, seen_from_here

# What is the staff's alone, with who of them may: operation -> roles.
STAFFS = {
    name: {role for role, cell in zip(ROLES, cells, strict=True) if cell == "yes"}
    for name, _, *cells in STAFF_OPERATIONS
}
# What customers and staff share -> the permission that staff need.
SHARED = {
    "member_threads_get": "chat.view_thread",
    "member_one_thread_get": "chat.view_thread",
    "member_messages_get": "chat.view_thread",
    "member_messages_post": "chat.add_message",
    "member_one_thread_patch": "chat.change_thread",
    "member_file_get": "files.view_upload",
}
# Where another's name in a body or query is not a 404; what nobody has is answered alike everywhere.
ANSWERED_OTHERWISE = {
    ("member_telematics_post", "vehicleId"): {400},  # not the vehicle of the address
    ("member_vehicle_telematics_post", "vehicleId"): {400},
    ("care_request_return_post", "items"): {400},  # names within one's own order
    ("crm_check_profile_exists_post", "user_id"): {403},  # a customer asks about himself
    ("fleet_repairs_get", "unit_number"): {200},  # a filter: none
}
NOT_ALLOWED = 405


@dataclass
class Town:
    """The server, who lives around it, and what its tables hold."""

    server: Server
    shop: Shop
    alice: Owner
    bob: Owner
    people: dict[str, Client]
    tables: Tables
    tally: Tally

    @cached_property
    def operations(self) -> list[Operation]:
        return operations(self.people["nobody"])

    @cached_property
    def customers(self) -> list[str]:
        return [who for who in ("alice", "alice's colleague", "carol") if who in self.people]

    @cached_property
    def owners(self) -> list[str]:
        """Those who have a customer record."""
        return [who for who in self.customers if who != "carol"]

    def refused(self, who: str, what: str, answer: Answer, expected: set[int]) -> None:
        """A case: the answer is a refusal of the expected kind and says nothing of Bob's."""
        holds = answer.status in expected and self.bob.mark not in answer.text
        self.tally.tried(holds, f"{who}: {what}: {answer}, expected {sorted(expected)}")

    def untouched(self, what: str) -> None:
        """A case: whatever was refused before this line has changed nothing."""
        change = self.tables.change()
        self.tally.tried(not change, f"{what} changed {change}")
        self.tables.restore(change)


def strangers(trial: Trial, tally: Tally) -> None:
    for engine in ENGINES[: trial.size(2, 1)]:
        with (
            trial.server(engine, demo=False, UPLOADS_DIR=str(trial.folder / engine)) as server,
            seen_from_here(server),
        ):
            town = _town(server, tally, is_short=trial.short)
            for operation in town.operations:
                _try_operation(town, operation, is_full=not trial.short)
            _try_lists(town)
            _try_portal(town)
            _try_admin(town)
            _try_sockets(town)


def _town(server: Server, tally: Tally, *, is_short: bool) -> Town:
    shop = open_shop()
    alice, bob = own_everything(shop, "alice"), own_everything(shop, "b0bs-own")
    people = clients(server, shop, alice, bob)
    people["bob"] = people.pop(bob.mark)
    del people[f"{bob.mark}'s colleague"]
    if is_short:
        for who in ("alice's colleague", "advisor", "manager", "admin"):
            del people[who]
    # A page's visit may open a session for its own socket.
    tables = Tables(but=("django_session", "accounts_session", "django_tasks_database_dbtaskresult"))
    return Town(server, shop, alice, bob, people, tables, tally)


# --- The API -----------------------------------------------------------------------------------------------


def _try_operation(town: Town, operation: Operation, *, is_full: bool) -> None:
    for name in operation.unknown_names():
        town.tally.tried(False, f"nobody has said whose {name} is")
    if operation.is_open:
        return
    _owner_may(town, operation)
    for who in town.people:
        if who == "bob":
            continue
        expected = expected_of(operation, who)
        if expected is None:
            continue
        for address in _addresses(town, operation, who, is_full=is_full):
            answer = _ask(town, operation, who, address, operation.body(town.bob, town.shop))
            town.refused(who, f"{operation.method} {address}", answer, expected)
        if operation.kind and who in town.customers:
            _try_other_methods(town, operation, who)
    town.untouched(f"{operation.method} {operation.path} by strangers")
    for who in town.owners:
        _try_names(town, operation, who)
    town.untouched(f"{operation.method} {operation.path} with another's ids in it")


def expected_of(operation: Operation, who: str) -> set[int] | None:
    """The statuses of a refusal; None where there is none to expect."""
    if who == "nobody":
        return {302} if operation.is_fleets else {401}
    if operation.name in STAFFS:
        role = "admin" if who == "root" else who if who in STAFF else "customer"
        return None if role in STAFFS[operation.name] else {403}
    if who == "root" or who in STAFF:
        role = "admin" if who == "root" else who
        needed = SHARED.get(operation.name)
        if needed:
            return None if needed in PERMISSIONS[role] else {403}
        return ({404} if operation.is_fleets else {403}) if operation.kind else None
    return {404} if operation.kind else None


def _addresses(town: Town, operation: Operation, who: str, *, is_full: bool) -> Iterator[str]:
    """With Bob's id; and, all told, with the id of everything that is Bob's."""
    right = operation.address(town.bob, town.shop)
    yield right
    if not is_full or not operation.kind or who not in ("alice", "carol"):
        return
    own = town.alice.ids(operation.kind)
    name = re.search(r"\{(\w+)\}", operation.path)
    assert name
    for kind in town.bob.rows:
        for other in town.bob.ids(kind) - own:
            address = operation.path.replace(name[0], other).replace("{line_id}", other)
            if address != right:
                yield address


def _ask(town: Town, operation: Operation, who: str, address: str, body: Any, **query: Any) -> Answer:
    asked = operation.query(town.bob, town.shop) | {name: str(value) for name, value in query.items()}
    words = "&".join(f"{name}={value}" for name, value in asked.items())
    client = town.people[who]
    return client.send(
        operation.method,
        f"{address}?{words}" if words else address,
        None if operation.method == "GET" else body if body is not None else {},
        X_CSRFToken=client.cookies.get("csrftoken", ""),
    )


def _owner_may(town: Town, operation: Operation) -> None:
    """Bob himself, or for the staff's operations the administrator, is answered; and everything put back."""
    if not operation.kind and operation.name not in STAFFS:
        return
    who = "root" if operation.name in STAFFS else "bob"
    address = operation.address(town.bob, town.shop)
    answer = _ask(town, operation, who, address, operation.body(town.bob, town.shop))
    town.tally.tried(200 <= answer.status < 400, f"{who} himself: {operation.method} {address}: {answer}")
    if operation.method != "GET":
        town.tables.restore(town.tables.change())


def _try_other_methods(town: Town, operation: Operation, who: str) -> None:
    """A method that the address does not have is no way in."""
    declared = {other.method for other in town.operations if other.path == operation.path}
    address = operation.address(town.bob, town.shop)
    for method in set(METHODS) - declared:
        answer = town.people[who].send(
            method, address, {}, X_CSRFToken=town.people[who].cookies.get("csrftoken", "")
        )
        town.refused(who, f"{method} {address}", answer, {403, 404, NOT_ALLOWED})


def _try_names(town: Town, operation: Operation, who: str) -> None:
    """Alice's own row, with one of Bob's named in the body or the query: what nobody has is answered alike."""
    if operation.name in STAFFS:
        return
    address = operation.address(town.alice, town.shop)
    body = operation.body(town.alice, town.shop)
    for name, mine, nobodys in _foreign_names(town, operation):
        if name in operation.queried:
            answers = [
                _ask(town, operation, who, address, body, **{name: value}) for value in (mine, nobodys)
            ]
        else:
            is_list = operation.takes[name].get("type") == "array"
            answers = [
                _ask(town, operation, who, address, {**(body or {}), name: [value] if is_list else value})
                for value in (mine, nobodys)
            ]
        bobs, nothings = (
            _without(answer, str(value)) for answer, value in zip(answers, (mine, nobodys), strict=True)
        )
        expected = ANSWERED_OTHERWISE.get((operation.name, name), {404})
        town.refused(who, f"{operation.method} {address} with {name}={mine}", bobs, expected)
        same = (bobs.status, bobs.text) == (nothings.status, nothings.text)
        town.tally.tried(same, f"{who}: {operation.method} {address}: {name} tells: {bobs} / {nothings}")


def _foreign_names(town: Town, operation: Operation) -> Iterator[tuple[str, Any, Any]]:
    """Property, Bob's value, and one that nobody has."""
    for name in (*operation.takes, *operation.queried):
        rule = operation.takes.get(name) or operation.parameters[name]
        if name == "unit_number":
            yield name, town.bob.rows["vehicle"].unit_number, "n0bodys-77"
        elif name == "items" and rule.get("items", {}).get("type") == "string":
            yield name, town.bob.rows["item"].product_name, "Pads n0bodys"
        elif kind := NAMES.get(name):
            of = rule.get("items", rule)
            value = spelled(town.bob, kind, of)
            nobodys = str(uuid4()) if of.get("format") == "uuid" else re.sub(r"\d+", "99999999", value)
            yield name, value, nobodys


def _try_lists(town: Town) -> None:
    """Nothing of Bob's in what others get; in his own, there is."""
    for operation in town.operations:
        if operation.method != "GET" or operation.kind or operation.is_open or "{" in operation.path:
            continue
        seen = _ask(town, operation, "root" if operation.name in STAFFS else "bob", operation.path, None)
        is_everybodys = town.bob.mark not in seen.text
        for who in (*town.customers, "nobody"):
            answer = _ask_as(town, operation, who)
            holds = town.bob.mark not in answer.text and answer.status < 500
            town.tally.tried(holds, f"{who}: GET {operation.path}: {answer}")
        if is_everybodys:
            town.tally.note(f"nothing of a customer's own in GET {operation.path}")
    town.untouched("reading lists")


def _ask_as(town: Town, operation: Operation, who: str) -> Answer:
    query = operation.query(town.alice, town.shop)
    if "search" in operation.queried:
        query["search"] = town.bob.mark
    if "page_size" in operation.queried:
        query["page_size"] = "200"
    words = "&".join(f"{name}={value}" for name, value in query.items())
    answer = town.people[who].send("GET", f"{operation.path}?{words}")
    # An address to the next page repeats what was asked.
    return Answer(answer.status, answer.headers, answer.text.replace(f"search={town.bob.mark}", ""))


# --- Pages -------------------------------------------------------------------------------------------------

PAGES_OF_NOBODY = ("fleet-login", "fleet-logout", "fleet-forgotten", "fleet-new-password")


def _try_portal(town: Town) -> None:
    """Every page of the portal with Bob's ids; by form, with the page's own token against forgery."""
    bob = town.bob.rows
    ids = {"fleet-repair": "repair", "fleet-photo": "repair", "fleet-unit": "vehicle",
           "fleet-archive-unit": "vehicle", "fleet-remove-user": "login"}  # fmt: skip
    forms: dict[str, dict[str, Any]] = {
        "fleet-repair": {"decision": "approve", "total": "1.00"},
        "fleet-request": {"unit": bob["vehicle"].pk, "description": "Hello"},
        "fleet-unit": {
            "color": "Red",
            "vin": bob["vehicle"].vin,
            "make": "Honda",
            "model": "Civic",
            "year": "2020",
        },
    }
    for route in portal_routes:
        if route.name in PAGES_OF_NOBODY:
            continue
        kind = ids.get(route.name or "")
        path = "/customer/" + str(route.pattern)
        if "<" in path and kind is None:
            town.tally.tried(False, f"nobody has said whose {path} is")
            continue
        address = re.sub(r"<\w+:id>", str(bob[kind].pk) if kind else "", path)
        address = re.sub(r"<\w+:photo_id>", str(bob["photo"].uuid), address)
        if kind:
            own = town.people["bob"].send("GET", address)
            town.tally.tried(own.status == 200, f"bob himself: GET {address}: {own}")
        for who, client in town.people.items():
            if who == "bob":
                continue
            expected = (
                {302} if who == "nobody" else {404} if kind or who not in town.owners else {200, 400, 405}
            )
            town.refused(who, f"GET {address}", client.send("GET", address), expected)
            if kind or route.name in forms or who not in town.owners:
                answer = _post(client, address, **forms.get(route.name or "", {}))
                refusals = {302} if who == "nobody" else {404, 405} if expected == {404} else {400}
                town.refused(who, f"POST {address}", answer, refusals)
        town.untouched(address)
    for unit in (bob["vehicle"].pk, bob["vehicle"].unit_number):
        for address in (f"/customer/repairs/new/?unit_id={unit}", f"/customer/repairs/?unit_id={unit}"):
            answer = town.people["alice"].send("GET", address)
            town.refused("alice", f"GET {address}", _without(answer, str(unit)), {200, 400, 404})
    own_repair = town.alice.rows["repair"].pk
    address = f"/customer/repairs/{own_repair}/photos/{bob['photo'].uuid}/"
    town.refused("alice", f"GET {address}", town.people["alice"].send("GET", address), {404})


def _without(answer: Answer, asked: str) -> Answer:
    return Answer(answer.status, answer.headers, answer.text.replace(asked, ""))


def _post(client: Client, address: str, **fields: Any) -> Answer:
    """A form whose token is right, wherever it came from."""
    client.send("GET", "/customer/login/" if "csrftoken" not in client.cookies else "/healthz")
    token = client.cookies.get("csrftoken", "")
    return client.send("POST", address, {"csrfmiddlewaretoken": token, **fields}, form=True)


def _admin_routes() -> Iterator[str]:
    """Every address below /admin/ with its parameters in angle brackets."""

    def walk(patterns: Any, before: str) -> Iterator[str]:
        for pattern in patterns:
            here = before + re.sub(r"^\^|\\Z|\$$", "", str(pattern.pattern))
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, here)
            elif isinstance(pattern, URLPattern) and here.startswith("admin/"):
                yield "/" + here

    yield from walk(get_resolver().url_patterns, "")


OPEN_IN_ADMIN = ("/admin/login/", "/admin/logout/", "/admin/jsi18n/", "/admin/(?P<url>.*)")


def _try_admin(town: Town) -> None:
    """No page of the admin for who is no staff; for staff, none that their role has not."""
    rows = {model: model._default_manager.order_by("pk").last() for model in admin.site._registry}
    by_prefix = {
        f"/admin/{model._meta.app_label}/{model._meta.model_name}/": row for model, row in rows.items()
    }
    for route in _admin_routes():
        if route.startswith(OPEN_IN_ADMIN) or "(?P<app_label>" in route:
            continue
        row = next((row for prefix, row in by_prefix.items() if route.startswith(prefix)), None)
        if row is None and "<" in route:
            continue  # no row of that kind in this shop
        address = re.sub(r"<[\w:]+>", str(row.pk) if row else "0", route)
        for who in ("nobody", *town.customers):
            for method in ("GET", "POST"):
                client = town.people[who]
                answer = (
                    client.send(method, address)
                    if method == "GET"
                    else _post(client, address, _form_submitted="on")
                )
                town.refused(who, f"{method} {address}", answer, {302, 403})
                if answer.status == 302:
                    holds = answer.headers["location"].startswith("/admin/login/")
                    town.tally.tried(holds, f"{who}: {method} {address} leads to {answer}")
    town.untouched("customers in the admin")
    for model, row in rows.items():
        if row is not None:
            _try_model(town, model, row)


def _try_model(town: Town, model: Any, row: Any) -> None:
    label, name = model._meta.app_label, model._meta.model_name
    page = f"/admin/{label}/{name}/"
    for role in STAFF & town.people.keys():
        may = {
            verb
            for verb in ("view", "add", "change", "delete")
            if f"{label}.{verb}_{name}" in PERMISSIONS[role]
        }
        client = town.people[role]
        tries = [("GET", page, "view"), ("GET", f"{page}{row.pk}/change/", "view"), ("GET", f"{page}add/", "add"),
                 ("POST", f"{page}add/", "add"), ("POST", f"{page}{row.pk}/change/", "change"),
                 ("POST", f"{page}{row.pk}/delete/", "delete")]  # fmt: skip
        for method, address, verb in tries:
            if verb in may or (verb == "view" and "change" in may):
                continue
            body = {"post": "yes", "_form_submitted": "on"}
            answer = client.send(method, address) if method == "GET" else _post(client, address, **body)
            town.tally.tried(answer.status == 403, f"{role}: {method} {address}: {answer}, expected 403")
    town.untouched(f"staff at {page}")


# --- Sockets -----------------------------------------------------------------------------------------------


def _try_sockets(town: Town) -> None:
    """What Alice says into Bob's thread is not taken, and what Bob is told she does not hear."""

    def socket(who: str) -> ClientConnection:
        token = town.people[who].token
        return connect(f"ws://localhost:{town.server.port}/chat/ws?token={token}", compression=None)

    thread = str(town.bob.rows["thread"].uuid)
    with socket("alice") as alice, socket("carol") as carol, socket("bob") as bob:
        for stranger in (alice, carol):
            for frame in ({"type": "SEND", "body": "Let me in"}, {"type": "TYPING"}):
                _refused_frame(town, stranger, {**frame, "threadId": thread})
        own = {"type": "SEND", "threadId": str(town.alice.rows["thread"].uuid), "body": "Look"}
        _refused_frame(town, alice, {**own, "attachments": [str(town.bob.rows["upload"].uuid)]})
        town.tally.tried(_is_silent(bob), "Bob hears strangers")
        town.untouched("strangers at the socket")
        bob.send(json.dumps({"type": "SEND", "threadId": thread, "body": town.bob.mark}))
        heard = json.loads(bob.recv(timeout=10))
        town.tally.tried(heard["type"] == "MESSAGE", f"Bob himself: {heard}")
        town.tally.tried(_is_silent(alice) and _is_silent(carol), "strangers hear Bob")
    town.tables.restore(town.tables.change())


def _refused_frame(town: Town, stranger: ClientConnection, frame: dict[str, Any]) -> None:
    stranger.send(json.dumps(frame))
    answer = str(stranger.recv(timeout=10))
    holds = json.loads(answer)["type"] == "ERROR" and town.bob.mark not in answer
    town.tally.tried(holds, f"a stranger's {frame}: {answer}")


def _is_silent(client: ClientConnection) -> bool:
    try:
        client.recv(timeout=0.3)
    except TimeoutError:
        return True
    return False
