"""Strangers at the pages: every portal page with ids of another customer, every admin page without the role."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.urls import URLPattern, URLResolver, get_resolver

from billing.links import invoice_url, statement_url
from common.domain.caller import STAFF
from config.roles import PERMISSIONS
from passports.links import PASSPORTS
from portal.fleet.urls import urlpatterns as portal_routes
from reminders.links import stop_url
from repair_orders.estimates.links import link_of
from trust.calls import Answer, Client
from trust.town import Town, without

PAGES_WITHOUT_OWNER = (
    *("fleet-login", "fleet-logout", "fleet-forgotten", "fleet-new-password"),
    *("fleet-invitation", "fleet-undo-email", "fleet-confirm-email"),
)


def try_portal(town: Town) -> None:
    """Open and post to every page of the portal with Bob's ids and a valid CSRF token."""
    bob = town.bob.rows
    ids = {"fleet-repair": "repair", "fleet-photo": "repair", "fleet-unit": "vehicle",
           "fleet-archive-unit": "vehicle", "fleet-remove-user": "login", "fleet-change-role": "login",
           "fleet-resend-invitation": "invitation", "fleet-withdraw-invitation": "invitation",
           "fleet-estimate-pdf": "repair", "fleet-authorisations-pdf": "repair answered",
           "fleet-invoice": "invoice", "fleet-invoice-pdf": "invoice", "fleet-credit-note-pdf": "credit note",
           "fleet-receipt-pdf": "payment", "fleet-statement-pdf": "statement",
           "fleet-passport": "vehicle", "fleet-passport-pdf": "vehicle",
           "fleet-inspection-pdf": "repair"}  # fmt: skip
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
        if route.name in PAGES_WITHOUT_OWNER:
            continue
        kind = ids.get(route.name or "")
        path = "/customer/" + str(route.pattern)
        if "<" in path and kind is None:
            town.tally.tried(False, f"this trial does not say whose {path} is")
            continue
        address = re.sub(r"<\w+:id>", str(bob[kind].pk) if kind else "", path)
        address = re.sub(r"<\w+:revision>", "1", address)
        address = re.sub(r"<\w+:photo_id>", str(bob["photo"].uuid), address)
        address = re.sub(r"<\w+:inspection_id>", str(bob["inspection finished"].pk), address)
        if kind:
            own = town.people["bob"].send("GET", address)
            town.tally.tried(own.status == 200, f"the owner bob: GET {address}: {own}")
            town.tables.accept()  # the first reading of a paper stores it
        for who, client in town.people.items():
            if who == "bob":
                continue
            expected = (
                {302} if who == "anonymous" else {404} if kind or who not in town.owners else {200, 400, 405}
            )
            town.refused(who, f"GET {address}", client.send("GET", address), expected)
            if kind or route.name in forms or who not in town.owners:
                answer = _post(client, address, **forms.get(route.name or "", {}))
                refusals = {302} if who == "anonymous" else {404, 405} if expected == {404} else {400}
                town.refused(who, f"POST {address}", answer, refusals)
        town.untouched(address)
    for unit in (bob["vehicle"].pk, bob["vehicle"].unit_number):
        for address in (f"/customer/repairs/new/?unit_id={unit}", f"/customer/repairs/?unit_id={unit}"):
            answer = town.people["alice"].send("GET", address)
            town.refused("alice", f"GET {address}", without(answer, str(unit)), {200, 400, 404})
    own_repair = town.alice.rows["repair"].pk
    address = f"/customer/repairs/{own_repair}/photos/{bob['photo'].uuid}/"
    town.refused("alice", f"GET {address}", town.people["alice"].send("GET", address), {404})


def try_links(town: Town) -> None:
    """Open the links of mails with what is known of Bob's without them, and read the true ones.

    Whoever has a link may read it, and answer an estimate, so that nothing else of the row may open it, nor may a link
    of another kind. Reading changes nothing. A link leads to no paper of another customer.
    """
    rows = town.bob.rows
    estimate, invoice, statement = rows["estimate"], rows["invoice"], rows["statement"]
    passport = rows["passport link"]
    links = {
        "e": (estimate, link_of(estimate)),
        "i": (invoice, invoice_url(invoice)),
        "s": (statement, statement_url(statement)),
        "v": (passport, PASSPORTS.url_of(passport.uuid, passport.token_hash)),
        "r": (rows["reminder"], stop_url(rows["reminder"])),
    }
    true = {kind: link.rpartition("/")[2] for kind, (_, link) in links.items()}
    answer = {"by_name": "Stranger", "consent": "on", "total": str(estimate.total)}
    answer |= {f"job-{job['id']}": "approved" for job in estimate.snapshot["jobs"]}
    for kind, (row, _) in links.items():
        token = true[kind]
        known = (
            *(str(row.pk), str(row.uuid), row.uuid.hex, row.token_hash, getattr(row, "digest", "x")),
            *(token[:-1], f"{token}A", token.swapcase(), token[::-1], "%00", "x" * 500),
            *(other for name, other in true.items() if name != kind),
        )
        posts = [("POST", answer)] if kind in "er" else []
        for who, client in town.people.items():
            for wrong in known:
                for method, body in (("GET", None), *posts):
                    address = f"/{kind}/{wrong}"
                    given = client.send(method, address, body, form=method == "POST")
                    # Many wrong tokens from one address are refused by its limit.
                    town.refused(who, f"{method} {address}", given, {410, 429})
        town.untouched(f"wrong links /{kind}/")
        client = Client(town.server.port)
        for method in ("GET", "HEAD"):
            given = client.send(method, f"/{kind}/{token}")
            is_private = given.headers.get("referrer-policy") == "no-referrer" and not client.cookies
            town.tally.tried(given.status in (200, 429) and is_private, f"{method} of a link: {given}")
        town.untouched("reading a link")
    _try_papers_of_links(town, true)


def _try_papers_of_links(town: Town, true: dict[str, str]) -> None:
    """Ask Bob's links for Alice's inspections, photos, credit notes and receipts."""
    rows, client = town.alice.rows, Client(town.server.port)
    photo = rows["inspection finished"].findings.get().photos.get()
    papers = {
        f"/e/{true['e']}/inspections/{rows['inspection finished'].pk}.pdf",
        f"/e/{true['e']}/photos/{photo.upload.uuid}",
        f"/i/{true['i']}/credit-notes/{rows['credit note'].number}.pdf",
        f"/i/{true['i']}/receipts/{rows['payment'].pk}.pdf",
    }
    for address in sorted(papers):
        given = client.send("GET", address)
        holds = given.status in (404, 410, 429) and town.alice.mark not in given.text
        town.tally.tried(holds, f"a paper of another customer by a link: {address}: {given}")


def _post(client: Client, address: str, **fields: Any) -> Answer:
    """Post a form with a valid CSRF token."""
    client.send("GET", "/customer/login/" if "csrftoken" not in client.cookies else "/healthz")
    token = client.cookies.get("csrftoken", "")
    return client.send("POST", address, {"csrfmiddlewaretoken": token, **fields}, form=True)


def _admin_routes() -> Iterator[str]:
    """Yield every URL below /admin/ with its parameters in angle brackets."""

    def walk(patterns: Any, before: str) -> Iterator[str]:
        for pattern in patterns:
            here = before + re.sub(r"^\^|\\Z|\$$", "", str(pattern.pattern))
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, here)
            elif isinstance(pattern, URLPattern) and here.startswith("admin/"):
                yield "/" + here

    yield from walk(get_resolver().url_patterns, "")


OPEN_IN_ADMIN = ("/admin/login/", "/admin/logout/", "/admin/jsi18n/", "/admin/(?P<url>.*)")


def try_admin(town: Town) -> None:
    """Check that the admin refuses customers, and staff on pages that their role does not have."""
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
        for who in ("anonymous", *town.customers):
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
