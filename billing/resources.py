"""Import of what customers owed, or were owed, before the shop used this product (docs/design, D90)."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, ClassVar

import tablib
from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from import_export.fields import Field

from appointments.models import Location
from appointments.queries import get_default_location, local_time
from billing.models import Invoice, InvoiceKind, Payment, PaymentKind
from billing.openings import open_account
from common.admin.resources import Cell, NameCell, SheetResource
from common.domain.errors import DomainError
from common.domain.number_fields import DecimalField
from common.domain.types import Json, Values
from customers.headings import HEADINGS, PERSON
from customers.models import Customer
from customers.resources import CustomerResource

_NAMES = ("name", *PERSON, "company_name")
_NEGATIVE = re.compile(r"\((.*)\)")


class _Amount(Cell):
    """An amount as people and spreadsheets write it: `1,234.50`, `$12`, `-5.00`, `(5.00)`."""

    def clean(self, value: object, row: Values | None = None, **kwargs: object) -> object:
        text = str(value or "").replace("$", "").replace("−", "-").strip()
        return super().clean(_NEGATIVE.sub(r"-\1", text), row)


class OpeningResource(SheetResource):
    """A table of opening balances. A row names a customer as the import of customers does.

    Without a location it is booked at the default one, and without a day yesterday. A row of 0.00 is skipped, and one
    that was booked before as well: the same amount of the same customer, location and day.
    """

    headings: ClassVar = {
        "uuid": ("customer uuid",),
        **{name: HEADINGS[name] for name in _NAMES},
        "location": ("location name", "shop", "garage"),
    }

    amount = Field(
        attribute="total",
        column_name="amount",
        widget=_Amount(DecimalField(max_digits=10, decimal_places=2)),
    )
    day = Field(attribute="day", column_name="day", widget=Cell(forms.DateField(required=False)))
    location = Field(attribute="location", column_name="location", widget=NameCell(Location, required=False))

    @classmethod
    def check_columns(cls, columns: Any) -> None:
        CustomerResource.check_columns([name for name in columns if name in CustomerResource.headings])

    def before_import(self, dataset: tablib.Dataset, **kwargs: Any) -> None:
        self._by, self._now = kwargs.get("user"), timezone.now()
        self._customers = CustomerResource()
        self._first_lines: dict[tuple[int, int, date], int] = {}
        super().before_import(dataset, **kwargs)

    def before_import_row(self, row: Json, **kwargs: Any) -> None:
        self._line = self._lines[kwargs["row_number"] - 1]
        super().before_import_row(row, **kwargs)
        self._customers.before_import_row(row)

    def find(self, row: Values) -> None:
        """Return no stored row: what is booked does not change."""

    def import_instance(self, instance: Invoice, row: Values, **kwargs: object) -> None:
        super().import_instance(instance, row, **kwargs)
        customer = self._customers.find(row)
        if customer is None:
            raise ValidationError("There is no such customer: import the customers first.")
        instance.customer = instance.bill_to = customer
        if not instance.location_id:
            instance.location = get_default_location()
        yesterday = local_time(instance.location, self._now).date() - timedelta(days=1)
        instance.day = instance.day or yesterday
        key = (customer.pk, instance.location.pk, instance.day)
        first = self._first_lines.setdefault(key, self._line)
        if first != self._line:
            raise ValidationError(f"A balance of this customer on {instance.day} is in row {first} already.")

    def validate_instance(
        self, instance: Invoice, import_validation_errors: Json | None = None, validate_unique: bool = True
    ) -> None:
        if import_validation_errors:
            columns = {field.attribute: name for name, field in self.fields.items()}
            raise ValidationError(
                {columns.get(name, name): error for name, error in import_validation_errors.items()}
            )

    def skip_row(
        self, instance: Invoice, original: Any, row: Any, import_validation_errors: Any = None
    ) -> bool:
        if import_validation_errors:
            return False
        return not instance.total or self._is_booked(
            instance.customer, instance.location, instance.day, instance.total
        )

    @staticmethod
    def _is_booked(customer: Customer, location: Location, day: date, amount: Decimal) -> bool:
        """Return whether this balance is booked. Raise ValidationError if another one of the day is."""
        where = {"customer": customer, "location": location, "day": day}
        owed = Invoice.objects.filter(kind=InvoiceKind.OPENING, **where).values_list("total", flat=True)
        owing = Payment.objects.filter(kind=PaymentKind.OPENING, **where).values_list("amount", flat=True)
        booked = [*owed, *(-credit for credit in owing)]
        if booked and amount not in booked:
            raise ValidationError(f"An opening balance of {booked[0]} on {day} is booked already.")
        return bool(booked)

    def do_instance_save(self, instance: Invoice, is_create: bool) -> None:
        try:
            made = open_account(
                customer=instance.customer,
                location=instance.location,
                amount=instance.total,
                day=instance.day,
                by=self._by.pk if self._by else None,
                now=self._now,
            )
        except DomainError as error:
            raise ValidationError(error.text) from error
        if isinstance(made, Invoice):
            instance.pk = made.pk

    class Meta:
        model = Invoice
        name = "Opening balances"
        fields = ("amount", "day", "location")
