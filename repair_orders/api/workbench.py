"""One repair order as staff work on it: jobs with every line, figures, authorisations, revisions (docs/design, D78).

The list of orders is compiled and prints what customers see. This body is for one order, so it is built from objects.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from common.domain.money import WHOLE, to_dollars
from common.domain.types import Json
from common.http.fields import FinePercent, Instant, Money, Quantity
from common.reads.serializers import Serializer
from repair_orders.discounts import sources
from repair_orders.discounts.rule import DiscountKind
from repair_orders.estimates.links import link_of
from repair_orders.estimates.models import Authorisation, Estimate, Method
from repair_orders.estimates.queries import STATES, revision_state
from repair_orders.estimates.record import authorisation_body
from repair_orders.estimates.snapshot import instant, totals_body
from repair_orders.models import (
    Condition,
    Job,
    JobStatus,
    PartLine,
    PriceSource,
    RepairOrder,
    ServiceKind,
    ServiceLine,
)
from repair_orders.pricing.models import FeeKind
from repair_orders.pricing.terms import OverrunTerms
from repair_orders.worksheet import PART, Worksheet, amount_of

KINDS = (PART, *ServiceKind.values)
NO_ADDRESS = "The customer has no email address."
READ_OUT = "It was read to the customer, whose answer was recorded with it."


class TotalsSerializer(Serializer):
    subtotal = Money()
    discount = Money()
    net = Money()
    tax = Money()
    total = Money()


class LineSerializer(Serializer):
    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=KINDS)
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    part_id = serializers.IntegerField(required=False, help_text="Of parts.")
    part_number = serializers.CharField(required=False, allow_blank=True)
    manufacturer = serializers.CharField(required=False, allow_blank=True)
    condition = serializers.ChoiceField(choices=Condition.values, required=False)
    oem = serializers.BooleanField(required=False, allow_null=True)
    quantity = Quantity(required=False)
    unit_price = Money(required=False)
    service_id = serializers.IntegerField(required=False, help_text="Of labor, sublet work and fees.")
    hours = serializers.DecimalField(required=False, allow_null=True, max_digits=6, decimal_places=2)
    rate = Money(required=False, allow_null=True)
    amount = Money()
    cost = Money(allow_null=True)
    taxable = serializers.BooleanField()
    warranty_months = serializers.IntegerField()
    core_of = serializers.IntegerField(
        required=False, allow_null=True, help_text="Of a core charge: the line of its part."
    )


class FeeSerializer(Serializer):
    name = serializers.CharField()
    amount = Money()
    taxable = serializers.BooleanField()


class DiscountSerializer(Serializer):
    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=[kind.value for kind in DiscountKind])
    name = serializers.CharField()
    amount = Money(help_text="Off the jobs that count for the shop.")
    rule = serializers.CharField(help_text="The rule that decided the amount.")


class JobSerializer(Serializer):
    id = serializers.IntegerField()
    position = serializers.IntegerField()
    name = serializers.CharField()
    concern = serializers.CharField(allow_blank=True)
    cause = serializers.CharField(allow_blank=True)
    correction = serializers.CharField(allow_blank=True)
    technician_id = serializers.IntegerField(allow_null=True)
    status = serializers.ChoiceField(choices=JobStatus.values)
    is_draft = serializers.BooleanField(help_text="No revision has shown it since it was proposed.")
    recommendation_id = serializers.IntegerField(
        allow_null=True, help_text="The recommendation of the vehicle that follows its state."
    )
    amount = Money(help_text="The sum of its lines before discount, fees and tax.")
    lines = LineSerializer(many=True)


class AuthorisedSerializer(Serializer):
    total = Money()
    net = Money()


class CeilingSerializer(Serializer):
    basis = serializers.CharField(
        help_text="Whether the limit is on the `TOTAL` or on the `NET`, before tax."
    )
    amount = Money()


class EstimateSerializer(Serializer):
    id = serializers.IntegerField()
    revision = serializers.IntegerField()
    version = serializers.IntegerField()
    sent_at = Instant()
    sent_by = serializers.IntegerField(allow_null=True)
    expires_at = Instant()
    total = Money()
    digest = serializers.CharField()
    url = serializers.CharField()
    sent = serializers.BooleanField()
    not_sent_because = serializers.CharField(allow_null=True)
    mailed_at = Instant(allow_null=True, help_text="When the shop's mail server took the mail. Null before.")
    state = serializers.ChoiceField(choices=STATES)


class DecisionSerializer(Serializer):
    job_id = serializers.IntegerField()
    job_name = serializers.CharField(help_text="Name of the job on the estimate.")
    amount = Money()
    decision = serializers.CharField()


class AddedTaxSerializer(Serializer):
    at = Instant(help_text="When the tax of the order was taken again.")
    amount = Money()


class AuthorisationSerializer(Serializer):
    id = serializers.IntegerField()
    revision = serializers.IntegerField()
    method = serializers.ChoiceField(choices=Method.values, help_text="How the customer answered.")
    by_name = serializers.CharField(allow_blank=True)
    contact_used = serializers.CharField(allow_blank=True)
    taken_by = serializers.IntegerField(
        allow_null=True,
        help_text="Id of the user who recorded the answer. Null if the customer answered online.",
    )
    at = Instant()
    ip = serializers.CharField(
        allow_null=True, help_text="Address from which the customer answered online. Null otherwise."
    )
    note = serializers.CharField(allow_blank=True)
    total = Money()
    net = Money()
    added_taxes = AddedTaxSerializer(
        many=True, help_text="Tax that a later rate added to the total. `total` is without it."
    )
    withdrawn_at = Instant(allow_null=True)
    withdrawal_reason = serializers.CharField(
        allow_blank=True, help_text="Why the shop took the answer back. Empty unless it did."
    )
    decisions = DecisionSerializer(many=True)


class ExplainedSerializer(Serializer):
    figure = serializers.CharField(help_text="Name of the figure.")
    rule = serializers.CharField(help_text="The rule that gives it.")
    inputs = serializers.DictField(help_text="Name of an input of the rule -> its value.")
    result = serializers.CharField(help_text="The figure.")


def workbench(order: RepairOrder, *, now: datetime, explains: bool = False) -> Json:
    """Return what staff see of one order beyond its row. Costs eight queries."""
    sheet = Worksheet.of(order)
    counted, shown = sheet.figures(sheet.counted), sheet.figures(sheet.shown)
    estimates = list(_estimates(order))
    policy = OverrunTerms.read(order.overrun_terms)
    body: Json = {
        "jobs": job_bodies(order, sheet),
        "fees": [
            {"name": fee.name, "amount": str(to_dollars(fee.cents)), "taxable": fee.taxable}
            for fee in counted.fees
        ],
        "discounts": [
            {
                "id": row.terms.id,
                "kind": row.terms.kind,
                "name": row.terms.name,
                "amount": str(to_dollars(row.cents)),
                "rule": str(row.rule),
            }
            for row in counted.given
        ],
        "totals": totals_body(counted.totals),
        "shown_to_customer": totals_body(shown.totals),
        "authorised": None
        if order.authorised_total is None
        else {"total": str(order.authorised_total), "net": str(order.authorised_net)},
        "ceiling": None
        if order.ceiling is None
        else {"basis": policy.basis if policy else "TOTAL", "amount": str(order.ceiling)},
        "estimates": [estimate_body(estimate, estimates[-1], now) for estimate in estimates],
        "changed_since_sent": bool(estimates) and estimates[-1].version != order.version,
    }
    if explains:
        body["explain"] = explain(order, sheet, now)
    return body


def job_bodies(order: RepairOrder, sheet: Worksheet) -> list[Json]:
    lines: dict[int | None, list[Json]] = {}
    for part in PartLine.objects.filter(repair_order=order).in_order():
        lines.setdefault(part.job_id, []).append(part_body(part))
    for service in ServiceLine.objects.filter(repair_order=order).in_order():
        lines.setdefault(service.job_id, []).append(service_body(service))
    amounts = {job.id: str(amount_of(job)) for job in sheet.jobs}
    return [
        {
            "id": job.pk,
            "position": job.position,
            "name": job.name,
            "concern": job.concern,
            "cause": job.cause,
            "correction": job.correction,
            "technician_id": job.technician_id,
            "status": job.status,
            "is_draft": job.is_draft,
            "recommendation_id": job.recommendation_id,
            "amount": amounts[job.pk],
            "lines": lines.get(job.pk, []),
        }
        for job in Job.objects.filter(repair_order=order).in_order()
    ]


def part_body(line: PartLine) -> Json:
    return {
        "id": line.pk,
        "kind": PART,
        "name": line.name,
        "description": line.description,
        "part_id": line.part_id,
        "part_number": line.part_number,
        "manufacturer": line.manufacturer,
        "condition": line.condition,
        "oem": line.is_oem,
        "quantity": Quantity().to_representation(line.quantity),
        "unit_price": str(line.unit_price),
        "amount": str(line.amount),
        "cost": _text(line.unit_cost),
        "taxable": line.taxable,
        "warranty_months": line.warranty_months,
        "core_of": line.core_of_id,
    }


def service_body(line: ServiceLine) -> Json:
    return {
        "id": line.pk,
        "kind": line.kind,
        "name": line.name,
        "description": line.description,
        "service_id": line.service_id,
        "hours": _text(line.hours),
        "rate": _text(line.rate),
        "amount": str(line.amount),
        "cost": _text(line.cost),
        "taxable": line.taxable,
        "warranty_months": line.warranty_months,
    }


def estimate_body(estimate: Estimate, last: Estimate, now: datetime) -> Json:
    """Return a revision that was read `with_mail`. `last` is the last one of its order."""
    return {
        "id": estimate.pk,
        "revision": estimate.revision,
        "version": estimate.version,
        "sent_at": instant(estimate.sent_at),
        "sent_by": estimate.sent_by_id,
        "expires_at": instant(estimate.expires_at),
        "total": str(estimate.total),
        "digest": estimate.digest,
        "url": link_of(estimate),
        "sent": bool(estimate.sent_to),
        "not_sent_because": None if estimate.sent_to else READ_OUT if estimate.is_read_out else NO_ADDRESS,
        "mailed_at": None if estimate.mailed_at is None else instant(estimate.mailed_at),
        "state": state_of(estimate, last, now),
    }


def state_of(estimate: Estimate, last: Estimate, now: datetime) -> str:
    """Return the state of a revision. `last` is the last one of its order."""
    given = getattr(estimate, "authorisation", None)
    return revision_state(given and given.pk, estimate.pk != last.pk, estimate.expires_at, now)


def authorisation_bodies(order: RepairOrder) -> list[Json]:
    rows: QuerySet[Authorisation] = Authorisation.objects.filter(estimate__repair_order=order)
    rows = (
        rows.select_related("estimate")
        .prefetch_related("decisions", "added_taxes")
        .order_by("estimate__revision")
    )
    return [authorisation_body(row) for row in rows]


def explain(order: RepairOrder, sheet: Worksheet, now: datetime) -> list[Json]:
    """Return how each figure of the jobs that count came about: the rule, its inputs and the result.

    A discount of a plan, an offer or points that the order does not have is 0.00, and its rule says why.
    """
    counted = sheet.counted
    rows: list[Json] = []

    def add(figure: str, rule: str, result: object, **inputs: object) -> None:
        rows.append({"figure": figure, "rule": rule, "inputs": _texts(inputs), "result": str(result)})

    for part in PartLine.objects.filter(repair_order=order, job__in=counted).in_order():
        add(
            f"price of part line {part.pk}",
            part.get_price_source_display(),
            part.unit_price,
            cost=part.unit_cost if part.price_source == PriceSource.MATRIX else None,
            matrix=part.price_rule or None,
        )
        add(
            f"amount of part line {part.pk}", "quantity × price, half up to the cent", part.amount,
            quantity=part.quantity, unit_price=part.unit_price,
        )  # fmt: skip
    work = ServiceLine.objects.filter(repair_order=order, job__in=counted).in_order()
    for line in work:
        if line.rate is not None:
            add(
                f"amount of service line {line.pk}", "hours × rate, half up to the cent", line.amount,
                hours=line.hours, rate=line.rate, rate_is=line.get_price_source_display(),
                labour_rate=line.price_rule or None,
            )  # fmt: skip
        else:
            add(f"amount of service line {line.pk}", line.get_price_source_display(), line.amount)
    figures = sheet.figures(counted)
    for fee in figures.fees:
        terms = sheet.terms.fees[fee.position]
        add(
            f"fee {fee.name}", f"{terms.kind.replace('_', ' ')}, half up to the cent, at most the cap",
            to_dollars(fee.cents), percent=terms.percent, amount=terms.amount, cap=terms.cap,
            base=None if terms.percent is None else fee.base,
            pieces=fee.pieces if terms.kind == FeeKind.PER_PIECE else None,
        )  # fmt: skip
    for given in figures.given:
        terms_of = given.terms
        add(
            f"discount {terms_of.name}", str(given.rule), to_dollars(given.cents), base=to_dollars(given.base),
            off_parts=_percent(terms_of.off_parts), off_labour=_percent(terms_of.off_labour),
            off_jobs=_percent(terms_of.off_jobs), off_amount=to_dollars(terms_of.off_amount) or None,
            cap=None if terms_of.cap is None else to_dollars(terms_of.cap),
            combines=None if terms_of.combines else "no",
        )  # fmt: skip
    for refusal in sources.explain(order, now=now):
        add(f"discount of {refusal.kind}", refusal.reason, "0.00")
    totals = figures.totals
    # At 100 % the tax is what is taxed.
    whole = replace(sheet, terms=replace(sheet.terms, tax_percent=WHOLE))
    add("subtotal", "the sum of the lines and fees", totals.subtotal)
    add(
        "discount", "amount + percent of the subtotal, half up, at most the subtotal", totals.discount,
        discount_amount=order.discount_amount, discount_percent=order.discount_percent,
        given=to_dollars(sum(row.cents for row in figures.given)) if figures.given else None,
    )  # fmt: skip
    add(
        "tax",
        "percent of the taxable lines less their share of the discount, half up once",
        totals.tax,
        taxed=whole.figures(counted).totals.tax,
        tax_percent=order.tax_percent,
        exemption=order.tax_exemption or None,
    )
    add("total", "subtotal − discount + tax", totals.total)
    if order.ceiling is not None:
        policy = OverrunTerms.read(order.overrun_terms)
        add(
            "ceiling", "what was authorised + the overrun, cut to the cent", order.ceiling,
            authorised_total=order.authorised_total, authorised_net=order.authorised_net,
            percent=policy and policy.percent, amount=policy and policy.amount,
            choose=policy and policy.choose, cap=policy and policy.cap, basis=policy and policy.basis,
        )  # fmt: skip
    return rows


def _percent(ten_thousandths: int) -> Decimal | None:
    """Return a percentage of a discount, None for 0."""
    return Decimal(ten_thousandths).scaleb(-4) if ten_thousandths else None


def _texts(inputs: dict[str, Any]) -> Json:
    return {name: _input(value) for name, value in inputs.items() if value is not None}


def _input(value: object) -> str:
    if isinstance(value, Decimal) and value.as_tuple().exponent == -4:
        return FinePercent().to_representation(value)
    return str(value)


def _estimates(order: RepairOrder) -> QuerySet[Estimate]:
    rows = Estimate.objects.filter(repair_order=order).select_related("authorisation").with_mail()
    return rows.defer("snapshot").order_by("revision")


def _text(number: Decimal | None) -> str | None:
    return None if number is None else str(number)
