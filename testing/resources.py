"""One row of each resource of the staff's API, made when a path names it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from testing import factories

STAFF = "/api/shop/"


class Rows(dict[str, Any]):
    """Rows by the noun of their resource, and values by the name of their placeholder in a path below it.

    A row is made when it is first read, so that a test makes only those that its path names.
    """

    def __missing__(self, name: str) -> Any:
        made = self[name] = _MADE[name](self)
        return made

    def of(self, path: str) -> Any:
        """Return the row that `{id}` in a path names."""
        return self[path.removeprefix(STAFF).partition("/")[0]]

    def address(self, path: str, *, pk: object = None) -> str:
        """Return the path with ids in the place of its placeholders. `pk` takes the place of `{id}`."""

        def value(found: re.Match[str]) -> str:
            before, name = found.groups()
            if name == "id":
                made = self.of(path).pk if pk is None else pk
            else:
                made = self[f"{before}/{name}" if f"{before}/{name}" in _MADE else name]
            return f"{before}/{made}"

        return re.sub(r"([\w-]+)/\{(\w+)\}", value, path)


_MADE: dict[str, Callable[[Rows], Any]] = {
    "repair-orders": lambda rows: factories.RepairOrderFactory(),
    "customers": lambda rows: rows["repair-orders"].customer,
    "vehicles": lambda rows: rows["repair-orders"].vehicle,
    "technicians": lambda rows: factories.TechnicianFactory(),
    "appointments": lambda rows: factories.AppointmentFactory(technician=rows["technicians"]),
    "locations": lambda rows: rows["appointments"].location,
    "recommendations": lambda rows: factories.RecommendationFactory(vehicle=rows["vehicles"]),
    "service-schedules": lambda rows: factories.ServiceScheduleFactory(vehicle=rows["vehicles"]),
    "schedule-templates": lambda rows: rows["service-schedules"].template,
    "parts": lambda rows: factories.PartFactory(),
    "services": lambda rows: factories.ServiceFactory(),
    "canned-jobs": lambda rows: factories.CannedJobFactory(),
    "price-matrices": lambda rows: factories.PriceMatrixFactory(),
    "labour-rates": lambda rows: factories.LabourRateFactory(),
    "tax-rules": lambda rows: factories.TaxRuleFactory(),
    "fee-rules": lambda rows: factories.FeeRuleFactory(),
    "overrun-policies": lambda rows: factories.OverrunPolicyFactory(),
    "inspections": lambda rows: factories.InspectionFactory(repair_order=rows["repair-orders"]),
    "inspection-templates": lambda rows: factories.InspectionTemplateFactory(),
    "invoices": lambda rows: factories.InvoiceFactory(),
    "credit-notes": lambda rows: factories.CreditNoteFactory(invoice=rows["invoices"]),
    "payments": lambda rows: factories.PaymentFactory(),
    "statement-runs": lambda rows: factories.StatementRunFactory(),
    "orders": lambda rows: factories.OrderItemFactory().order,
    "returns": lambda rows: factories.ReturnRequestFactory(order=rows["orders"]),
    "api-keys": lambda rows: factories.ApiKeyFactory(),
    "webhooks": lambda rows: factories.WebhookFactory(),
    "shifts": lambda rows: factories.ShiftFactory(),
    "absences": lambda rows: factories.AbsenceFactory(),
    "time-entries": lambda rows: factories.TimeEntryFactory(),
    # Placeholders of paths below a row.
    "a line": lambda rows: factories.PartLineFactory(repair_order=rows["repair-orders"]),
    "line_id": lambda rows: rows["a line"].pk,
    "services/line_id": lambda rows: factories.ServiceLineFactory(repair_order=rows["repair-orders"]).pk,
    "job_id": lambda rows: rows["a line"].job_id,
    "discount_id": lambda rows: factories.OrderDiscountFactory(repair_order=rows["repair-orders"]).pk,
    "revision": lambda rows: 1,
    "exemption_id": lambda rows: factories.TaxExemptionFactory(customer=rows["customers"]).pk,
    "month": lambda rows: "2026-01",
    "a finding": lambda rows: factories.FindingFactory(inspection=rows["inspections"]),
    "finding_id": lambda rows: rows["a finding"].pk,
    "photo_id": lambda rows: factories.FindingPhotoFactory(finding=rows["a finding"]).upload.uuid,
    "link_id": lambda rows: factories.PassportLinkFactory(vehicle=rows["vehicles"]).uuid,
    "delivery_id": lambda rows: factories.DeliveryFactory(webhook=rows["webhooks"]).pk,
}
