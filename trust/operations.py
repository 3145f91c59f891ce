"""The operations of the served schema, with the rows they name and a valid body."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from testing.openapi import unfolded
from trust.calls import Client
from trust.people import Owner, Shop

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# Prefix of a path -> the kind of row that its id names (`Owner.rows`). The longest prefix counts. None: the shop's.
NAMED: dict[str, str | None] = {
    "/api/appointments/{id}/": "appointment",
    "/api/appointments/locations/{id}/": None,
    "/api/chat/threads/{thread}/": "conversation",
    "/api/files/{id}/": "upload",
    "/api/parking/{id}/": "parking spot",
    "/api/services/schedules/{id}/": "schedule",
    "/api/vehicle-health/dtc/{id}/": "trouble code",
    "/api/vehicle-health/{id}/": "vehicle",
    "/api/vehicles/fuel-logs/{id}/": "fuel log",
    "/api/vehicles/{vehicle}/fuel-logs/": "vehicle",
    "/api/telematics/{id}/": "vehicle",
    "/api/vehicles/{id}/": "vehicle",
    "/api/v1/customer/notifications/{id}": "notification",
    "/api/v1/customer/orders/{id}": "order",
    "/api/v1/customer/orders/{id}/cancel": "order to cancel",
    "/api/v1/customer/orders/track/{id}": "order",
    "/api/v1/customer/tickets/{id}": "ticket",
    "/api/v1/customers/{id}/": "customer",
    "/api/v1/customers/logical/{user_id}/": None,  # named by its user
    "/customer/api/repairs/{id}/": "repair",
    "/api/shop/appointments/{id}/": "appointment",
    "/api/shop/appointments/{id}/assign/": "appointment to assign",
    "/api/shop/appointments/{id}/start/": "appointment to start",
    "/api/shop/appointments/{id}/complete/": "appointment to complete",
    "/api/shop/appointments/{id}/cancel/": "appointment to cancel",
    "/api/shop/customers/{id}/": "customer",
    "/api/shop/locations/{id}/": None,
    "/api/shop/parts/{id}/": None,
    "/api/shop/services/{id}/": None,
    "/api/shop/technicians/{id}/": None,
    "/api/shop/api-keys/{id}/": None,
    "/api/shop/webhooks/{id}/": None,
    "/api/shop/webhooks/deliveries/{delivery_id}/": None,
    "/api/shop/shifts/{id}/": None,
    "/api/shop/absences/{id}/": None,
    "/api/shop/canned-jobs/{id}/": None,
    "/api/shop/price-matrices/{id}/": None,
    "/api/shop/labour-rates/{id}/": None,
    "/api/shop/tax-rules/{id}/": None,
    "/api/shop/fee-rules/{id}/": None,
    "/api/shop/overrun-policies/{id}/": None,
    "/api/shop/repair-orders/{id}/": "repair",
    "/api/shop/repair-orders/{id}/start/": "repair approved",
    "/api/shop/repair-orders/{id}/discounts/{discount_id}/": "repair discounted",
    "/api/shop/repair-orders/{id}/complete/": "repair in_progress",
    "/api/shop/repair-orders/{id}/stop/": "repair approved",
    "/api/shop/repair-orders/{id}/withdraw/": "repair answered",
    "/api/shop/repair-orders/{id}/authorisations/pdf/": "repair answered",
    "/api/shop/repair-orders/{id}/reopen/": "repair completed",
    "/api/shop/repair-orders/{id}/jobs/{job_id}/propose/": "repair deferred",
    "/api/shop/repair-orders/{id}/jobs/{job_id}/finish/": "repair in_progress",
    "/api/shop/repair-orders/{id}/jobs/{job_id}/unfinish/": "repair in_progress",
    "/api/shop/recommendations/{id}/": "recommendation",
    "/api/shop/schedule-templates/{id}/": None,
    "/api/shop/service-schedules/{id}/": "schedule",
    "/api/shop/time-entries/{id}/": "time entry",
    "/api/shop/vehicles/{id}/": "vehicle",
    "/api/shop/vehicles/{id}/archive/": "spare",
    "/api/shop/vehicles/{id}/restore/": "archived",
    "/api/shop/vehicles/{id}/transfer/": "spare",
    "/api/invoices/{id}/": "invoice",
    "/api/shop/credit-notes/{id}/": "credit note",
    "/api/shop/estimates/customers/me/estimates/{id}/": "estimate",
    "/api/shop/inspection-templates/{id}/": None,
    "/api/shop/inspections/{id}/": "inspection",
    "/api/shop/inspections/{id}/pdf/": "inspection finished",
    "/api/shop/inspections/customers/me/inspections/{id}/": "inspection finished",
    "/api/shop/invoices/{id}/": "invoice",
    "/api/shop/invoices/customers/me/credit-notes/{id}/": "credit note",
    "/api/shop/invoices/customers/me/invoices/{id}/": "invoice",
    "/api/shop/invoices/customers/me/payments/{id}/": "payment",
    "/api/shop/orders/{id}/": "order",
    "/api/shop/orders/{id}/cancel/": "order to cancel",
    "/api/shop/orders/{id}/confirm/": "order to cancel",
    "/api/shop/orders/{id}/pack/": "order confirmed",
    "/api/shop/orders/{id}/ship/": "order packed",
    "/api/shop/orders/{id}/deliver/": "order shipped",
    "/api/shop/payments/{id}/": "payment",
    "/api/shop/repair-orders/{id}/comeback/": "repair completed",
    "/api/shop/repair-orders/{id}/invoice/": "repair to invoice",
    "/api/shop/repair-orders/{id}/vehicle-out/": "repair denied",
    "/api/shop/returns/{id}/": "return",
    "/api/shop/returns/{id}/receive/": "return approved",
    "/api/shop/returns/{id}/refund/": "return received",
    "/api/shop/statement-runs/{id}/": None,
    "/api/shop/statements/customers/me/statements/{id}/": "statement",
    "/customer/api/credit-notes/{id}/": "credit note",
    "/customer/api/estimates/{id}/": "estimate",
    "/customer/api/inspections/{id}/": "inspection finished",
    "/customer/api/invoices/{id}/": "invoice",
    "/customer/api/payments/{id}/": "payment",
    "/customer/api/statements/{id}/": "statement",
}
# What a DELETE names instead, because the other row is in use.
TO_DELETE = {"/api/vehicles/{id}/": "spare"}
# A location has one of these at most.
OF_A_NEW_LOCATION = ("shop_overrun_policies_create", "shop_tax_rules_create")
LINES = {"parts": "part line", "services": "service line"}
# Property of a body or query -> the kind of row that it names. None: owned by the shop.
NAMES: dict[str, str | None] = {
    "vehicleId": "vehicle", "vehicle_id": "vehicle", "unit_id": "vehicle", "customer_id": "customer",
    "user_id": "user", "order_id": "order", "attachments": "upload",
    "locationId": None, "location_id": None, "planId": None, "technician_id": None, "part_id": None,
    "service_id": None, "product_id": None, "canned_job_id": None, "advisor_id": None, "part_ids": None,
    "invoice_id": "invoice", "repair_order_id": "repair", "offer_id": None, "bill_to_id": "customer", "into_id": None,
    "comeback_of_id": "repair completed", "line_id": None, "appointmentId": "appointment", "bay_id": None,
    "assigned_technician_id": None, "template_id": None, "id": None, "photos": "photo",
    "job_id": "job", "appointment_id": "appointment", "recommendation_id": "recommendation",
    "conversation_id": "ticket",  # of contract 002's chat window
    # Identifiers that the client chooses.
    "clientId": None, "deviceId": None, "dongleId": None, "tax_id": None,
}  # fmt: skip
PREFIX = {"order": "ORD", "ticket": "TKT", "return": "RET"}
_IS_A_NAME = re.compile(r"(_id|Id|_ids|Ids)$|^(id|attachments|photos)$")


@dataclass(frozen=True)
class Operation:
    method: str
    path: str  # with parameters in braces
    name: str
    contract: str
    is_open: bool
    parameters: dict[str, dict[str, Any]]  # path and query: name -> schema
    queried: frozenset[str]
    takes: dict[str, dict[str, Any]]  # the properties of the body, including nested ones
    answers: frozenset[str]  # names of all properties of its responses

    @property
    def is_fleets(self) -> bool:
        return self.path.startswith("/customer/")

    @property
    def kind(self) -> str | None:
        """Return the kind of row that the path names. Raise KeyError if `NAMED` does not have it."""
        if "{" not in self.path:
            return None
        if self.method == "DELETE" and self.path in TO_DELETE:
            return TO_DELETE[self.path]
        fitting = [start for start in NAMED if self.path.startswith(start)]
        return NAMED[max(fitting, key=len, default=self.path)]

    def unknown_names(self) -> Iterator[str]:
        """Yield the paths and properties that name rows but are in none of the tables above."""
        if "{" in self.path and not any(self.path.startswith(start) for start in NAMED):
            yield self.path
        for name in (*self.takes, *self.queried):
            if _IS_A_NAME.search(name) and name not in NAMES:
                yield f"{self.name}: {name}"

    def address(self, owner: Owner, shop: Shop) -> str:
        """Return the path with the ids of the owner."""
        path = self.path
        if self.kind:
            for name in ("{id}", "{thread}", "{vehicle}"):
                path = path.replace(name, self._format_id(owner))
        if "{job_id}" in path:
            order = owner.rows[self.kind or ""]
            path = path.replace("{job_id}", str(order.jobs.earliest("position").pk))
            if "{line_id}" in path:
                path = path.replace("{line_id}", str(order.part_lines.earliest("id").pk))
        path = path.replace("{revision}", "1").replace("{exemption_id}", str(owner.rows["exemption"].pk))
        if "{finding_id}" in path or "{photo_id}" in path:
            finding = owner.rows[self.kind or ""].findings.earliest("id")
            path = path.replace("{finding_id}", str(finding.pk))
            path = path.replace("{photo_id}", str(finding.photos.earliest("id").upload.uuid))
        path = path.replace("{link_id}", str(owner.rows["passport link"].uuid))
        path = path.replace("{discount_id}", str(owner.rows["discount"].pk))
        path = path.replace("{user_id}", str(owner.user.uuid))
        if "{message_id}" in path:
            asked = owner.rows["ticket"].conversation.messages.earliest("number")
            path = path.replace("{message_id}", f"MSG{asked.pk}")
        path = path.replace("{delivery_id}", str(shop.delivery.pk))
        path = path.replace("{month}", f"{owner.rows['statement'].month:%Y-%m}")
        for part, kind in LINES.items():
            if f"/{part}/{{line_id}}" in path:
                path = path.replace("{line_id}", str(owner.rows[kind].pk))
        return path.replace("{id}", self._of_the_shop(shop)) if "{id}" in path else path

    def _format_id(self, owner: Owner) -> str:
        assert self.kind
        if self.contract == "shop":  # whose ids have no prefix
            return str(owner.rows[self.kind].pk)
        return format_id(
            owner,
            self.kind,
            next(self.parameters[name] for name in ("id", "thread", "vehicle") if name in self.parameters),
        )

    def _of_the_shop(self, shop: Shop) -> str:
        row: Any = {
            "locations": shop.location,
            "parts": shop.unsold_part if self.method == "DELETE" else shop.part,
            "services": shop.unused_service if self.method == "DELETE" else shop.service,
            "technicians": shop.working if self.name == "shop_technicians_clock_out" else shop.technician,
            "api-keys": shop.api_key,
            "webhooks": shop.delivery.webhook,
            "canned-jobs": shop.canned_job,
            "inspection-templates": shop.template,
            "schedule-templates": shop.schedule_template,
            "statement-runs": shop.run,
            **shop.prices,
            **shop.rota,
        }.get(self.path.split("/")[3])
        return str(getattr(row, "uuid" if self.path.startswith("/api/appointments") else "pk", ""))

    def body(self, owner: Owner, shop: Shop) -> Any:
        """Return a body that is valid for `owner`: the recorded example with current ids and times."""
        example = EXAMPLES[self.contract].get(self.name, {}).get("request")
        body = _today(example, owner, shop)
        if self.name in OF_A_NEW_LOCATION:
            body["location_id"] = shop.new_location.pk
        if self.name in ("shop_shifts_create", "shop_absences_create"):
            body["technician_id"] = shop.rota["shifts"].technician_id
        if self.name == "shop_technicians_clock_in":
            body["job_id"] = owner.rows["repair in_progress"].jobs.earliest("position").pk
        if self.name == "shop_absences_partial_update":
            body["last_day"] = shop.rota["absences"].last_day.isoformat()
        if self.name == "shop_appointments_walk_in":  # the other vehicle is in the shop
            body["vehicle_id"] = owner.rows["spare"].pk
        if self.name == "shop_vehicles_transfer":
            body["customer_id"] = shop.heir.pk
        return body

    def query(self, owner: Owner, shop: Shop) -> dict[str, str]:
        """Return the required query parameters."""
        needed = {
            name for name, rule in self.parameters.items() if rule.get("required") and name in self.queried
        }
        values = {
            "locationId": str(shop.location.uuid), "date": shop.tomorrow[:10], "services": "oil_change",
            "vehicleId": str(owner.rows["vehicle"].uuid), "user_id": str(owner.user.uuid), "q": "oil",
        }  # fmt: skip
        return {name: values[name] for name in needed}


def format_id(owner: Owner, kind: str, schema: dict[str, Any]) -> str:
    """Return the id of a row in the format of the parameter or property."""
    row = owner.rows[kind]
    if schema.get("format") == "uuid":
        return str(row.uuid)
    return (
        f"{PREFIX.get(kind.partition(' ')[0], '')}{row.pk}"
        if schema.get("format") != "int64"
        else str(row.pk)
    )


def _today(value: Any, owner: Owner, shop: Shop, name: str = "") -> Any:
    values: dict[str, Any] = {
        "startTime": shop.tomorrow, "start": shop.tomorrow, "services": ["oil_change"],
        "locationId": str(shop.location.uuid), "location_id": shop.location.pk, "planId": str(shop.plan.uuid),
        "product_id": shop.part.pk, "part_id": shop.unsold_part.pk, "service_id": shop.service.pk,
        "technician_id": shop.technician.pk, "vehicleId": str(owner.rows["vehicle"].uuid),
        "vehicle_id": owner.rows["vehicle"].pk, "customer_id": owner.customer.pk, "user_id": str(owner.user.uuid),
        "canned_job_id": shop.canned_job.pk, "advisor_id": shop.root.pk, "part_ids": [shop.part.pk],
        "job_id": owner.rows["job"].pk, "appointment_id": owner.rows["appointment"].pk,
        "total": str(owner.rows["estimate"].total), "order_id": f"ORD{owner.rows['order'].pk}",
        "unit_number": owner.rows["vehicle"].unit_number, "invoice_id": owner.rows["invoice"].pk,
        "into_id": shop.heir.pk, "offer_id": shop.offer.pk, "template_id": shop.template.pk,
        "ended": datetime.now(UTC).isoformat(),
    }  # fmt: skip
    if name in values:
        return values[name]
    if name == "items" and isinstance(value[0], str):
        return [owner.rows["item"].product_name]
    if isinstance(value, dict):
        return {key: _today(inner, owner, shop, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_today(inner, owner, shop) for inner in value]
    return value


EXAMPLES: dict[str, dict[str, Any]] = {}


def operations(client: Client) -> list[Operation]:
    """Return the operations of the schema that the server serves, those that delete after the others.

    Tables of the server, such as those of webhooks, are not restored after an operation.
    """
    for contract in ("shop", "fleet", "care", "member", "crm"):
        EXAMPLES[contract] = json.loads((settings.EXAMPLES_DIR / f"{contract}.json").read_text())
    schema = unfolded(client.send("GET", "/api/schema/", Accept="application/json").json())
    found = [
        _operation(method.upper(), path, operation, schema)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]
    return sorted(found, key=lambda operation: operation.method == "DELETE")


def _operation(method: str, path: str, operation: dict[str, Any], schema: dict[str, Any]) -> Operation:
    asked = [p for p in operation.get("parameters", []) if p["in"] in ("path", "query")]
    media = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    answers = [
        content["schema"]
        for answer in operation["responses"].values()
        for content in answer.get("content", {}).values()
        if "schema" in content
    ]
    return Operation(
        method=method,
        path=path,
        name=operation["operationId"],
        contract=operation["operationId"].partition("_")[0],
        is_open={} in operation.get("security", []),
        parameters={p["name"]: {**p["schema"], "required": p.get("required", False)} for p in asked},
        queried=frozenset(p["name"] for p in asked if p["in"] == "query"),
        takes=dict(properties(media.get("schema", {}), schema)),
        answers=frozenset(name for answer in answers for name, _ in properties(answer, schema)),
    )


def properties(rule: dict[str, Any], schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name and schema of every property, including nested ones and those of list items."""
    while "$ref" in rule:
        rule = schema["components"]["schemas"][rule["$ref"].rsplit("/", 1)[1]]
    for part in (*rule.get("allOf", ()), *rule.get("oneOf", ()), *rule.get("anyOf", ())):
        yield from properties(part, schema)
    if "items" in rule:
        yield from properties(rule["items"], schema)
    for name, inner in rule.get("properties", {}).items():
        yield name, inner
        yield from properties(inner, schema)
