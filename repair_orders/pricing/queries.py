"""Find the prices of a location, and what a new order takes from them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import F, Q

from appointments.models import Appointment, Location
from appointments.queries import get_default_location
from customers.models import Customer
from repair_orders.models import every_kind
from repair_orders.pricing.models import FeeRule, LabourRate, OverrunPolicy, TaxExemption, TaxRule
from repair_orders.pricing.querysets import TaxExemptionQuerySet

NO_TAX = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class TaxTerms:
    """The tax that a new order takes: a percentage, its reason if it is 0 by a certificate, and what is taxable.

    The four flags are the default taxability of lines that the catalogue does not know.
    """

    percent: Decimal
    exemption: TaxExemption | None
    taxes_parts: bool
    taxes_labour: bool
    taxes_fees: bool
    taxes_sublet: bool

    @property
    def kinds(self) -> list[str]:
        """Return the kinds of lines of jobs that are taxed. Each fee has its own taxability."""
        taxed = dict(zip(every_kind(), (self.taxes_parts, self.taxes_labour, self.taxes_sublet), strict=True))
        return [kind for kind, is_taxed in taxed.items() if is_taxed]


def get_location_of_order(
    *, location: Location | None = None, appointment: Appointment | None = None
) -> Location:
    """Return the location of a new order: the one named, else the appointment's, else the default.

    Raises NoDefaultLocation if the shop has no location.
    """
    if location is not None:
        return location
    return appointment.location if appointment is not None else get_default_location()


def get_tax_terms(*, customer: Customer, location: Location, day: date) -> TaxTerms:
    """Return the tax that an order of the customer takes at the location on that local day.

    Without a tax rule the percentage is 0, and typed lines are taxable. With a valid certificate it is 0, too.
    """
    rule = TaxRule.objects.filter(location=location).first() or TaxRule(percent=NO_TAX)
    exemption = get_exemption(customer, location, day)
    return TaxTerms(
        NO_TAX if exemption else rule.percent,
        exemption,
        rule.taxes_parts,
        rule.taxes_labour,
        rule.taxes_fees,
        rule.taxes_sublet,
    )


def find_exemptions(customer: Customer, location: Location, day: date) -> TaxExemptionQuerySet[TaxExemption]:
    """Return the customer's certificates that are valid at the location on that local day.

    Those of the location come first, then the one that ends last.
    """
    at_location = Q(location=location) | Q(location=None)
    valid = TaxExemption.objects.filter(at_location, customer=customer).valid_on(day)
    return valid.order_by(F("location").asc(nulls_last=True), F("valid_until").desc(nulls_first=True), "-id")


def get_exemption(customer: Customer, location: Location, day: date) -> TaxExemption | None:
    """Return the certificate that an order of the customer takes at the location on that local day, or None."""
    return find_exemptions(customer, location, day).first()


def get_labour_rate(location: Location) -> LabourRate | None:
    """Return the default labour rate of a location, or None if it has no rates."""
    return LabourRate.objects.filter(location=location, is_default=True).first()


def find_fee_rules(location: Location) -> list[FeeRule]:
    """Return the fee rules that count at a location, each with its flagged parts, in the order of their ids."""
    return list(FeeRule.objects.filter(location=location).in_force().prefetch_related("parts").order_by("id"))


def get_overrun_policy(location: Location) -> OverrunPolicy | None:
    """Return the overrun policy of a location, or None if the authorised amount is the ceiling."""
    return OverrunPolicy.objects.filter(location=location).first()
