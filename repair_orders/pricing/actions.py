"""Add, change and remove a location's labour rates, tax rule, fees and overrun policy, and exemption certificates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.db import IntegrityError, transaction

from catalogue.models import Part
from common.domain import events
from common.domain.changes import change, change_silently
from common.domain.database import violates
from common.domain.defaults import check_removable, settle_default
from common.domain.errors import Invalid
from customers.actions import hold_customer
from repair_orders.pricing.models import (
    PERCENT_FEES,
    FeeKind,
    FeeRule,
    LabourRate,
    OverrunPolicy,
    TaxExemption,
    TaxRule,
)

Rule = TypeVar("Rule", TaxRule, OverrunPolicy)


_CHECKED = ("location_id", "location", "kind", "percent", "amount", "is_active")
_A = {"percent": "a percent", "amount": "an amount"}


class LabourRateNameTaken(Invalid):
    code = "labour_rate_name_taken"
    message = "The location has a labour rate with this name."


class FeeNameTaken(Invalid):
    code = "fee_name_taken"
    message = "The location has a fee with this name."


class WrongFee(Invalid):
    """A value of a fee does not fit its kind. The message names both."""

    code = "wrong_fee"
    title = "Wrong fee"


class PercentFeesForbidden(Invalid):
    code = "percent_fees_forbidden"
    title = "Percent fees are forbidden"
    message = "This location does not allow fees that are a percentage."


class RuleExists(Invalid):
    """A location has one tax rule and one overrun policy."""

    code = "rule_exists"
    title = "Rule exists"
    message = "The location has one already. Change that one."


class NoMeasure(Invalid):
    code = "no_measure"
    title = "No measure"
    message = "Enter a percent, an amount or both."


class ExemptionEndsEarly(Invalid):
    code = "exemption_ends_early"
    title = "Wrong days"
    message = "The last day must not be before the first day."


_ONCE: Mapping[type[TaxRule] | type[OverrunPolicy], str] = {
    TaxRule: "tax_rule_once_a_location",
    OverrunPolicy: "overrun_policy_once_a_location",
}


def save_labour_rate(rate: LabourRate, *, is_default: bool | None = None, **fields: Any) -> LabourRate:
    """Create a labour rate, or change a stored one, and return it. The first rate of a location is its default.

    Raises LabourRateNameTaken, DefaultIsNeeded.
    """
    location_id = LabourRate(**fields).location_id if rate._state.adding else rate.location_id
    others = LabourRate.objects.filter(location=location_id).exclude(pk=rate.pk)
    try:
        with transaction.atomic():
            if rate._state.adding:
                is_default = settle_default(rate, others, wanted=is_default)
                rate = LabourRate.objects.create(**fields, is_default=is_default)
                events.record_new(rate)
                return rate
            if is_default is not None:
                fields["is_default"] = settle_default(rate, others, wanted=is_default)
            change(rate, **fields)
    except IntegrityError as error:
        if violates(error, LabourRate, "labour_rate_name_once"):
            raise LabourRateNameTaken(field="name") from error
        raise
    return rate


def make_default_rate(*, rate: LabourRate, by: int | None = None, now: datetime | None = None) -> None:
    """Make a labour rate the default of its location."""
    save_labour_rate(rate, is_default=True)


def remove_labour_rate(rate: LabourRate) -> None:
    """Remove a labour rate. Orders keep the rates that they were sold at. Raises DefaultStays."""
    with transaction.atomic():
        check_removable(rate, LabourRate.objects.filter(location=rate.location_id).exclude(pk=rate.pk))
        events.record_removal(rate)
        rate.delete()


def remove_rule(rule: TaxRule | FeeRule | OverrunPolicy | TaxExemption) -> None:
    """Remove a rule of a location, or a customer's exemption. Orders keep what they took from it."""
    with transaction.atomic():
        events.record_removal(rule)
        rule.delete()


def save_rule(rule: Rule, **fields: Any) -> Rule:
    """Create a tax rule or an overrun policy, or change a stored one, and return it. Orders keep what they took.

    Raises RuleExists if the location has one, NoMeasure.
    """
    try:
        with transaction.atomic():
            if not rule._state.adding:
                rule.refresh_from_db(from_queryset=type(rule)._base_manager.select_for_update())
            if isinstance(rule, OverrunPolicy):
                check_overrun(**{"percent": rule.percent, "amount": rule.amount, **fields})
            if rule._state.adding:
                rule = type(rule)._default_manager.create(**fields)
                events.record_new(rule)
                return rule
            change(rule, **fields)
    except IntegrityError as error:
        if violates(error, type(rule), _ONCE[type(rule)]):
            raise RuleExists(field="location_id") from error
        raise
    return rule


def check_overrun(*, percent: object, amount: object, **others: object) -> None:
    """Raise NoMeasure if an overrun policy has neither a percent nor an amount."""
    if percent is None and amount is None:
        raise NoMeasure(field="percent")


def save_fee_rule(rule: FeeRule, *, parts: Sequence[Part] | None = None, **fields: Any) -> FeeRule:
    """Create a fee, or change a stored one, and return it. `parts` replaces the flagged parts.

    Open orders keep the fees that they took until their prices are taken again. Raises FeeNameTaken, WrongFee,
    PercentFeesForbidden.
    """
    try:
        with transaction.atomic():
            is_new = rule._state.adding
            if not is_new:
                rule.refresh_from_db(from_queryset=FeeRule._base_manager.select_for_update())
            stored = {} if is_new else {name: getattr(rule, name) for name in _CHECKED}
            wanted = FeeRule(**stored | {name: fields[name] for name in _CHECKED if name in fields})
            flags = parts if parts is not None else () if is_new else rule.parts.all()
            check_fee(wanted, has_parts=bool(flags))
            is_changed = not is_new and change_silently(rule, **fields)
            if is_new:
                rule = FeeRule.objects.create(**fields)
                events.record_new(rule)
            if parts is not None:
                is_changed |= {part.pk for part in parts} != set(rule.parts.values_list("pk", flat=True))
                rule.parts.set(parts)
            if is_changed and not is_new:
                events.record_change(rule)
    except IntegrityError as error:
        if violates(error, FeeRule, "fee_rule_name_once"):
            raise FeeNameTaken(field="name") from error
        raise
    return rule


def check_fee(rule: FeeRule, *, has_parts: bool) -> None:
    """Raise WrongFee if a value does not fit the kind.

    Raises PercentFeesForbidden for an active percent fee of a location that forbids them.
    """
    kind = FeeKind(rule.kind)
    has, lacks = ("percent", "amount") if kind in PERCENT_FEES else ("amount", "percent")
    if getattr(rule, has) is None:
        raise WrongFee(f"A fee of the kind {kind} needs {_A[has]}.", field=has)
    if getattr(rule, lacks) is not None:
        raise WrongFee(f"A fee of the kind {kind} has no {lacks}.", field=lacks)
    if has_parts and kind != FeeKind.PER_PIECE:
        raise WrongFee(f"A fee of the kind {kind} has no flagged parts.", field="parts")
    if kind in PERCENT_FEES and rule.is_active and not rule.location.allows_percent_fees:
        raise PercentFeesForbidden(field="kind")


def save_exemption(exemption: TaxExemption, **fields: Any) -> TaxExemption:
    """Record an exemption certificate of a customer, or change a stored one, and return it.

    Days are local days of the location, both inclusive. Raises ExemptionEndsEarly, CustomerIsMerged.
    """
    with transaction.atomic():
        is_new = exemption._state.adding
        if is_new:
            hold_customer(fields["customer"])
        else:
            exemption.refresh_from_db(from_queryset=TaxExemption._base_manager.select_for_update())
        first = fields.get("valid_from", exemption.valid_from)
        last = fields.get("valid_until", exemption.valid_until)
        if last is not None and last < first:
            raise ExemptionEndsEarly(field="valid_until")
        if is_new:
            exemption = TaxExemption.objects.create(**fields)
            events.record_new(exemption)
            return exemption
        change(exemption, **fields)
        return exemption
