"""A comma in a number groups three digits, or is refused in words that say what is right."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.test import RequestFactory
from django.urls import get_resolver

from common.domain.number_fields import AmountField, DecimalField, WholeField
from testing.factories import UserFactory

GROUPS = "Write a number such as 1250.00 or 1,250.00."
WHOLE = "Write a whole number, such as 1250 or 1,250."


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12.50", "12.50"),
        ("1250", "1250"),
        ("1,250.00", "1250.00"),
        ("12,500", "12500"),
        ("1,250,000.5", "1250000.5"),
        (" 1,250 ", "1250"),
        ("-1,250.00", "-1250.00"),
    ],
)
def test_comma_groups_three_digits(text, value):
    assert DecimalField().clean(text) == Decimal(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [("$500", "500"), (" $ 1,250.00 ", "1250.00"), ("-$5.00", "-5.00"), ("$-5", "-5"), ("500", "500")],
)
def test_amount_may_have_its_sign(text, value):
    assert AmountField().clean(text) == Decimal(value)


@pytest.mark.parametrize("text", ["500$", "$$500", "5$00", "$", "€500"])
def test_other_signs_are_refused(text):
    with pytest.raises(ValidationError):
        AmountField().clean(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("12,50", "Write 12.50 with a point."),
        ("12,5", "Write 12.5 with a point."),
        ("-12,50", "Write -12.50 with a point."),
        (",50", "Write 0.50 with a point."),
        ("0,500", "Write 0.500 with a point."),
        ("1250,00", "Write 1250.00 with a point."),
        ("1250,000", "Write 1250.000 with a point."),
        ("1.250,00", "Write 1250.00 with a point."),
        ("1,2,3", GROUPS),
        ("1,25.00", GROUPS),
        ("1,250,00", GROUPS),
        ("1.25,00", GROUPS),
        ("1,250.00,0", GROUPS),
        ("12,", GROUPS),
        (",", GROUPS),
        ("1, 250", GROUPS),
        ("12,50 $", GROUPS),
        ("twelve", "Enter a number."),
    ],
)
def test_any_other_comma_is_refused(text, reason):
    with pytest.raises(ValidationError) as refused:
        DecimalField().clean(text)
    assert refused.value.messages == [reason]


@pytest.mark.parametrize(("text", "value"), [("1250", 1250), ("1,250", 1250), ("12,500", 12500)])
def test_comma_of_a_whole_number(text, value):
    assert WholeField().clean(text) == value


@pytest.mark.parametrize("text", ["12,50", "12,5", "1,2,3", "1,25.00", "0,500"])
def test_whole_number_with_another_comma_is_refused(text):
    with pytest.raises(ValidationError) as refused:
        WholeField().clean(text)
    assert refused.value.messages == [WHOLE]


def test_browser_leaves_the_comma_in_the_text():
    class Form(forms.Form):
        price = DecimalField(min_value=0, decimal_places=2)
        pieces = WholeField(min_value=1, widget=forms.NumberInput(attrs={"class": "short"}))

    assert str(Form()["price"]) == (
        '<input type="text" name="price" inputmode="decimal" autocomplete="off" required id="id_price">'
    )
    assert str(Form()["pieces"]) == (
        '<input type="text" name="pieces" inputmode="numeric" autocomplete="off" class="short" required'
        ' id="id_pieces">'
    )


def test_every_form_reads_numbers_this_way():
    assert get_resolver().url_patterns  # imports the pages with their forms
    found = [
        f"{form.__module__}.{form.__qualname__}.{name}"
        for form in subclasses(forms.BaseForm)
        if form.__module__.partition(".")[0] in ROOMS
        for name, field in getattr(form, "base_fields", {}).items()
        if is_other_number(field)
    ]
    assert found == []


@pytest.mark.django_db
def test_every_page_of_the_admin_reads_numbers_this_way():
    request = RequestFactory().get("/admin/")
    request.user = UserFactory(role="admin")
    found = []
    for model, page in admin.site._registry.items():
        pages = [page, *page.get_inline_instances(request)]
        found += [
            f"{model.__name__}.{field.name}"
            for one in pages
            for field in one.model._meta.get_fields()
            if hasattr(field, "formfield") and not field.is_relation
            if is_other_number(one.formfield_for_dbfield(field, request))
        ]
    assert found == []


ROOMS = {
    "accounts", "appointments", "billing", "catalogue", "chat", "common", "customers", "desk", "files", "inspections",
    "memberships", "orders", "passports", "portal", "privacy", "reminders", "repair_orders", "vehicles",
}  # fmt: skip


def is_other_number(field):
    return isinstance(field, forms.IntegerField) and not isinstance(field, (DecimalField, WholeField))


def subclasses(kind):
    for one in kind.__subclasses__():
        yield one
        yield from subclasses(one)
