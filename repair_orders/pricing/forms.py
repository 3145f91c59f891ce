"""The form of a fee."""

from __future__ import annotations

from django.core.exceptions import ValidationError

from common.admin.forms import ConstrainedForm
from common.domain.errors import DomainError
from common.domain.types import Json
from repair_orders.pricing.actions import check_fee
from repair_orders.pricing.models import FeeRule


class FeeRuleForm(ConstrainedForm):
    """Names the value that does not fit the kind of the fee."""

    def clean(self) -> Json:
        values = super().clean() or self.cleaned_data
        names = ("location", "kind", "percent", "amount", "is_active")
        if self.errors or not (values.get("location") and values.get("kind")):
            return values
        wanted = FeeRule(**{name: values.get(name) for name in names})
        try:
            check_fee(wanted, has_parts=bool(values.get("parts")))
        except DomainError as error:
            self.add_error(error.field, ValidationError(error.text, code=error.code))
        return values
