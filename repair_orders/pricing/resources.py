"""Import and export of what locations charge, named by their location, and of exemption certificates."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from import_export.fields import Field

from appointments.models import Location
from common.admin.resources import NameCell, SheetResource, cell
from common.domain.defaults import settle_default
from common.domain.errors import DomainError
from common.domain.types import Json, Values
from customers.cells import CustomerCell
from repair_orders.pricing.actions import check_fee
from repair_orders.pricing.models import (
    FeeKind,
    FeeRule,
    LabourRate,
    OverrunPolicy,
    TaxExemption,
    TaxRule,
)


class _OfLocation(SheetResource):
    """Rows of a location. A row is that of its location's and its own name."""

    headings = {"location": ("location name", "shop", "garage")}

    location = Field(attribute="location", column_name="location", widget=NameCell(Location))

    def _stored(self, row: Values) -> Values | None:
        """Return the look-up of the row, or None if its location cannot be found, which is reported later."""
        try:
            location = self.fields["location"].clean(row)
        except ValidationError:
            return None
        return {"location": location, "name": " ".join(str(row.get("name") or "").split())}


class _OnceALocation(_OfLocation):
    """Rows of which a location has one."""

    def _stored(self, row: Values) -> Values | None:
        key = super()._stored(row)
        return key and {"location": key["location"]}


class LabourRateResource(_OfLocation):
    """The labour rates of all locations. The default is exported, and changes on the page of the rate only."""

    headings = {**_OfLocation.headings, "per_hour": ("rate", "price", "hourly rate")}

    is_default = Field(
        attribute="is_default",
        column_name="is_default",
        readonly=True,
        widget=cell(LabourRate._meta.get_field("is_default")),
    )

    def find(self, row: Values) -> LabourRate | None:
        key = self._stored(row)
        return LabourRate.objects.select_for_update().filter(**key).first() if key else None

    def do_instance_save(self, instance: LabourRate, is_create: bool) -> None:
        if is_create:
            others = LabourRate.objects.filter(location=instance.location)
            instance.is_default = settle_default(instance, others, wanted=None)
        super().do_instance_save(instance, is_create)

    class Meta:
        model = LabourRate
        name = "Labour rates"
        fields = ("location", "name", "per_hour", "is_default")


class FeeRuleResource(_OfLocation):
    """The fees of all locations. The flagged parts of a fee per piece change on its page only."""

    headings = {**_OfLocation.headings, "cap": ("maximum", "limit")}

    def find(self, row: Values) -> FeeRule | None:
        key = self._stored(row)
        return FeeRule.objects.select_for_update().filter(**key).first() if key else None

    def validate_instance(
        self,
        instance: FeeRule,
        import_validation_errors: Json | None = None,
        validate_unique: bool = True,
    ) -> None:
        errors = dict(import_validation_errors or {})
        if not errors and instance.kind in FeeKind.values:
            try:
                check_fee(instance, has_parts=instance.pk is not None and instance.parts.exists())
            except DomainError as error:
                errors[error.field or "kind"] = ValidationError(error.text, code=error.code)
        super().validate_instance(instance, errors, validate_unique)

    class Meta:
        model = FeeRule
        name = "Fees"
        fields = ("location", "name", "kind", "percent", "amount", "cap", "taxable", "is_active")


class TaxRuleResource(_OnceALocation):
    """The sales tax of all locations. Orders that exist keep theirs."""

    headings = {**_OfLocation.headings, "percent": ("rate", "tax", "sales tax")}

    def find(self, row: Values) -> TaxRule | None:
        key = self._stored(row)
        return TaxRule.objects.select_for_update().filter(**key).first() if key else None

    class Meta:
        model = TaxRule
        name = "Tax rules"
        fields = ("location", "percent", "taxes_parts", "taxes_labour", "taxes_fees", "taxes_sublet")


class OverrunPolicyResource(_OnceALocation):
    """How far orders of each location may go beyond what was authorised."""

    headings = {**_OfLocation.headings, "cap": ("maximum", "limit")}

    def find(self, row: Values) -> OverrunPolicy | None:
        key = self._stored(row)
        return OverrunPolicy.objects.select_for_update().filter(**key).first() if key else None

    class Meta:
        model = OverrunPolicy
        name = "Overrun policies"
        fields = ("location", "percent", "amount", "choose", "cap", "basis")


class TaxExemptionResource(SheetResource):
    """The exemption certificates of customers. A row is that of its customer, number and first day."""

    headings = {
        "customer": ("customer id", "customer uuid"),
        "number": ("certificate", "certificate number"),
        "location": ("location name", "shop", "garage"),
    }

    customer = Field(attribute="customer", column_name="customer", widget=CustomerCell())
    location = Field(attribute="location", column_name="location", widget=NameCell(Location, required=False))

    def find(self, row: Values) -> TaxExemption | None:
        try:
            customer, first = (self.fields[name].clean(row) for name in ("customer", "valid_from"))
        except ValidationError:  # which is reported later
            return None
        number = " ".join(str(row.get("number") or "").split())
        rows = TaxExemption.objects.select_for_update().filter(customer=customer, number=number)
        return rows.filter(valid_from=first).order_by("id").first()

    class Meta:
        model = TaxExemption
        name = "Tax exemptions"
        fields = ("customer", "number", "valid_from", "valid_until", "location")
