"""Promise: strangers see nothing.

Every route is called with every method and the ids of another customer, by every user who does not own them. Operations
come from the served schema, pages from the URL routes. The owner calls each URL first, to prove that a refusal depends
on the caller.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from websockets.sync.client import ClientConnection, connect

from trust.calls import Answer
from trust.operations import METHODS, NAMES, Operation, format_id
from trust.promises import ENGINES, Tally, Trial
from trust.rights import STAFFS, expected_of
from trust.strangers_at_pages import try_admin, try_links, try_portal
from trust.tables import seen_from_here, wait_for_tasks
from trust.town import Town, ask, open_town, without

# Where the id of another customer in a body or query is not a 404. An unknown id must get the same response.
ANSWERED_OTHERWISE = {
    ("member_telematics_post", "vehicleId"): {400},  # not the vehicle of the URL
    ("member_vehicle_telematics_post", "vehicleId"): {400},
    ("care_request_return_post", "items"): {400},  # names of items in the customer's own order
    ("crm_check_profile_exists_post", "user_id"): {403},  # customers may check only themselves
    ("shop_customer_estimate_answer_post", "job_id"): {400},  # not a job of the revision
    ("fleet_estimate_answer_post", "job_id"): {400},
    ("fleet_repairs_get", "unit_number"): {200},  # a filter without rows
    ("fleet_invoices_get", "unit_number"): {200},
    ("fleet_invoices_get", "unit_id"): {200},
    ("member_member_invoices_get", "vehicleId"): {200},
    ("shop_customer_inspections_get", "repair_order_id"): {200},
    ("fleet_inspections_get", "repair_order_id"): {200},
    ("member_parking_spots_post", "photos"): {400},  # photos are in the body
}
IN_FORMS = {"care_ticket_attachments_post"}  # JSON is 415 for the owner, and 404 for strangers
NOT_ALLOWED = 405


def strangers(trial: Trial, tally: Tally) -> None:
    for engine in ENGINES[: trial.size(2, 1)]:
        with (
            trial.server(engine, demo=False, UPLOADS_DIR=str(trial.folder / engine)) as server,
            seen_from_here(server),
        ):
            town = open_town(server, tally, is_short=not trial.is_full)
            for operation in town.operations[:: trial.size(1, 1, 10)]:
                _try_operation(town, operation, is_full=trial.is_full)
            _try_lists(town)
            try_portal(town)
            try_links(town)
            try_admin(town)
            _try_sockets(town)


# --- The API -----------------------------------------------------------------------------------------------


def _try_operation(town: Town, operation: Operation, *, is_full: bool) -> None:
    for name in operation.unknown_names():
        town.tally.tried(False, f"trust/operations.py does not say whose {name} is")
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
            answer = ask(town, operation, who, address, operation.body(town.bob, town.shop))
            # An id of another kind may match no route, for any caller.
            is_right = address == operation.address(town.bob, town.shop)
            refusals = expected if is_right else expected | {404}
            town.refused(who, f"{operation.method} {address}", answer, refusals)
        if operation.kind and who in town.customers:
            _try_other_methods(town, operation, who)
    town.untouched(f"{operation.method} {operation.path} by strangers")
    for who in town.owners:
        _try_names(town, operation, who)
    town.untouched(f"{operation.method} {operation.path} with another's ids in it")


def _addresses(town: Town, operation: Operation, who: str, *, is_full: bool) -> Iterator[str]:
    """Yield the URL with Bob's id and, in a full run, with the id of each of Bob's rows."""
    right = operation.address(town.bob, town.shop)
    yield right
    if not is_full or not operation.kind or who not in ("alice", "carol"):
        return
    own = town.alice.ids_like(operation.kind)
    name = re.search(r"\{(\w+)\}", operation.path)
    assert name
    for kind in town.bob.rows:
        for other in town.bob.ids(kind) - own:
            address = operation.path.replace(name[0], other).replace("{line_id}", other)
            if address != right:
                yield address


def _owner_may(town: Town, operation: Operation) -> None:
    """Check that Bob, or the administrator for staff operations, is answered. Restore the tables."""
    if not operation.kind and operation.name not in STAFFS:
        return
    who = "root" if operation.name in STAFFS else "bob"
    address = operation.address(town.bob, town.shop)
    answer = ask(town, operation, who, address, operation.body(town.bob, town.shop))
    may = answer.status == 415 if operation.name in IN_FORMS else 200 <= answer.status < 400
    town.tally.tried(may, f"the owner {who}: {operation.method} {address}: {answer}")
    wait_for_tasks()
    if operation.method == "GET":
        town.tables.accept()  # a paper is stored when it is first read
    else:
        town.tables.restore(town.tables.change())


def _try_other_methods(town: Town, operation: Operation, who: str) -> None:
    """Check that methods that the URL does not have are refused."""
    declared = {other.method for other in town.operations if other.path == operation.path}
    address = operation.address(town.bob, town.shop)
    for method in set(METHODS) - declared:
        answer = town.people[who].send(
            method, address, {}, X_CSRFToken=town.people[who].cookies.get("csrftoken", "")
        )
        town.refused(who, f"{method} {address}", answer, {403, 404, NOT_ALLOWED})


def _try_names(town: Town, operation: Operation, who: str) -> None:
    """Name Bob's rows in bodies and queries of Alice's URLs. An unknown id must get the same response."""
    if operation.name in STAFFS:
        return
    address = operation.address(town.alice, town.shop)
    body = operation.body(town.alice, town.shop)
    for name, bobs_id, unknown in _foreign_names(town, operation):
        if name in operation.queried:
            answers = [
                ask(town, operation, who, address, body, **{name: value}) for value in (bobs_id, unknown)
            ]
        else:
            is_list = operation.takes[name].get("type") == "array"
            answers = [
                ask(town, operation, who, address, _with(body, name, [value] if is_list else value))
                for value in (bobs_id, unknown)
            ]
        bobs, nothings = (
            without(answer, str(value)) for answer, value in zip(answers, (bobs_id, unknown), strict=True)
        )
        expected = ANSWERED_OTHERWISE.get((operation.name, name), {404})
        town.refused(who, f"{operation.method} {address} with {name}={bobs_id}", bobs, expected)
        same = (bobs.status, bobs.text) == (nothings.status, nothings.text)
        town.tally.tried(same, f"{who}: {operation.method} {address}: {name} differs: {bobs} / {nothings}")


def _with(body: Any, name: str, value: Any) -> Any:
    """Return the body with `value` for the property, which may be inside of its lists."""
    if isinstance(body, dict) and name not in body and _is_inside(body, name):
        return {
            key: _with(item, name, value) if _is_inside(item, name) else item for key, item in body.items()
        }
    if isinstance(body, list):
        return [_with(item, name, value) for item in body]
    return {**(body or {}), name: value}


def _is_inside(body: Any, name: str) -> bool:
    if isinstance(body, dict):
        return name in body or any(_is_inside(item, name) for item in body.values())
    return isinstance(body, list) and any(_is_inside(item, name) for item in body)


def _foreign_names(town: Town, operation: Operation) -> Iterator[tuple[str, Any, Any]]:
    """Yield the property, Bob's value, and a value that does not exist."""
    for name in (*operation.takes, *operation.queried):
        rule = operation.takes.get(name) or operation.parameters[name]
        if name == "unit_number":
            yield name, town.bob.rows["vehicle"].unit_number, "n0bodys-77"
        elif name == "items" and rule.get("items", {}).get("type") == "string":
            yield name, town.bob.rows["item"].product_name, "Pads n0bodys"
        elif kind := NAMES.get(name):
            of = rule.get("items", rule)
            value = format_id(town.bob, kind, of)
            unknown = str(uuid4()) if of.get("format") == "uuid" else re.sub(r"\d+", "99999999", value)
            yield name, value, unknown


def _try_lists(town: Town) -> None:
    """Check that the lists of others contain nothing of Bob's, and note the lists in which Bob has nothing."""
    empty = []
    for operation in town.operations:
        if operation.method != "GET" or operation.kind or operation.is_open or "{" in operation.path:
            continue
        seen = ask(town, operation, "root" if operation.name in STAFFS else "bob", operation.path, None)
        is_everybodys = town.bob.mark not in seen.text
        for who in (*town.customers, "anonymous"):
            answer = _ask_as(town, operation, who)
            holds = town.bob.mark not in answer.text and answer.status < 500
            town.tally.tried(holds, f"{who}: GET {operation.path}: {answer}")
        if is_everybodys:
            empty.append(operation.path)
    town.tally.note(f"nothing of a customer's own in the lists {', '.join(empty)}")
    town.untouched("reading lists")


def _ask_as(town: Town, operation: Operation, who: str) -> Answer:
    query = operation.query(town.alice, town.shop)
    if "search" in operation.queried:
        query["search"] = town.bob.mark
    if "page_size" in operation.queried:
        query["page_size"] = "200"
    words = "&".join(f"{name}={value}" for name, value in query.items())
    answer = town.people[who].send("GET", f"{operation.path}?{words}")
    # The link to the next page repeats the search text.
    return Answer(answer.status, answer.headers, answer.text.replace(f"search={town.bob.mark}", ""))


# --- Sockets -----------------------------------------------------------------------------------------------


def _try_sockets(town: Town) -> None:
    """Check that others cannot send frames into Bob's thread, and do not receive its messages."""

    def socket(who: str) -> ClientConnection:
        token = town.people[who].token
        return connect(f"ws://localhost:{town.server.port}/chat/ws?token={token}", compression=None)

    thread = str(town.bob.rows["conversation"].uuid)
    with socket("alice") as alice, socket("carol") as carol, socket("bob") as bob:
        for stranger in (alice, carol):
            for frame in ({"type": "SEND", "body": "Let me in"}, {"type": "TYPING"}):
                _refused_frame(town, stranger, {**frame, "threadId": thread})
        own = {"type": "SEND", "threadId": str(town.alice.rows["conversation"].uuid), "body": "Look"}
        _refused_frame(town, alice, {**own, "attachments": [str(town.bob.rows["upload"].uuid)]})
        town.tally.tried(_is_silent(bob), "Bob received a frame of a stranger")
        town.untouched("strangers at the socket")
        bob.send(json.dumps({"type": "SEND", "threadId": thread, "body": town.bob.mark}))
        received = json.loads(bob.recv(timeout=10))
        town.tally.tried(received["type"] == "MESSAGE", f"the owner bob: {received}")
        town.tally.tried(_is_silent(alice) and _is_silent(carol), "strangers received a message of Bob")
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
