"""The form field of an odometer, in miles and in kilometers."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django import forms
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from common.domain.distance_fields import DistanceField, add_refusal
from common.domain.errors import Invalid
from common.domain.units import Units, from_miles
from vehicles.odometer import OdometerAhead, OdometerBackwards

KNOWN = Decimal("62137.15")  # 100,000.049 km, which prints as 100,000 km


class _Form(forms.Form):
    note = forms.CharField(required=False)
    odometer = DistanceField(label="Odometer, {units}", required=False, help_text="{Units}.")

    def __init__(self, *args, units, known=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["odometer"].measure(units, known)


def read(text, units=Units.METRIC, known=None):
    form = _Form({"odometer": text}, units=units, known=known)
    assert form.is_valid(), form.errors
    return form.cleaned_data["odometer"]


def errors(text, units=Units.METRIC):
    return _Form({"odometer": text}, units=units).errors.get("odometer")


def test_label_and_help_name_the_units():
    for units, label, text in [
        (Units.IMPERIAL, "Odometer, miles", "Miles."),
        (Units.METRIC, "Odometer, kilometers", "Kilometers."),
    ]:
        field = _Form(units=units)["odometer"]
        assert (field.label, field.help_text) == (label, text)
    assert _Form(units=Units.IMPERIAL)["odometer"].label == "Odometer, miles"  # forms share no field


def test_figures_become_miles():
    assert read("100000") == Decimal("62137.12")
    assert read("62137.12", Units.IMPERIAL) == Decimal("62137.12")
    assert read("") is None


def test_figures_that_no_odometer_shows_are_refused():
    assert errors("-1") == ["Ensure this value is greater than or equal to 0."]
    assert errors("16093440") == ["Ensure this value is less than or equal to 16093439.9."]
    assert errors("1.25") == ["Enter kilometers with at most one decimal place."]
    assert errors("1.255", Units.IMPERIAL) == ["Ensure that there are no more than 2 decimal places."]
    assert errors("10000000", Units.IMPERIAL) == ["Ensure this value is less than or equal to 9999999.99."]
    assert errors("far") == errors("NaN") == ["Write a number such as 124300 or 124,300."]
    for units in Units:  # figures with more digits than the arithmetic has
        assert errors("-1E30", units) == ["Ensure this value is greater than or equal to 0."]
        assert errors("1E1000000", units)[0].startswith("Ensure this value is less than or equal to")


@pytest.mark.parametrize("text", ["100000", "100000.0"])
def test_kilometers_that_pages_print_of_the_known_odometer_are_that_odometer(text):
    assert read(text, known=KNOWN) == KNOWN
    assert read(text) == Decimal("62137.12")


def test_other_figures_are_what_was_typed():
    assert read("100000.1", known=KNOWN) == Decimal("62137.18")
    assert read("99999", known=KNOWN) == Decimal("62136.50")
    assert read("62137", Units.IMPERIAL, known=KNOWN) == 62137


def test_stored_miles_are_shown_in_kilometers_and_what_was_typed_as_it_is():
    stored = {"initial": {"odometer": Decimal("62137.12")}}
    assert _Form(units=Units.METRIC, **stored)["odometer"].value() == "100000"
    assert _Form(units=Units.IMPERIAL, **stored)["odometer"].value() == Decimal("62137.12")
    assert _Form({"odometer": "1e2 km"}, units=Units.METRIC, **stored)["odometer"].value() == "1e2 km"


def test_form_keeps_the_units_in_which_it_was_shown():
    assert '<input type="hidden" name="odometer-units" value="metric">' in str(
        _Form(units=Units.METRIC)["odometer"]
    )
    for shown, miles in [
        ("metric", "62137.12"),
        ("imperial", "100000"),
        ("furlongs", "100000"),
        ("", "100000"),
    ]:
        form = _Form({"odometer": "100000", "odometer-units": shown}, units=Units.IMPERIAL)
        assert form.is_valid()
        assert form.cleaned_data["odometer"] == Decimal(miles)
    form = _Form({"odometer": "far", "odometer-units": "metric"}, units=Units.IMPERIAL)
    assert (form.errors, form["odometer"].label) == (
        {"odometer": ["Write a number such as 124300 or 124,300."]},
        "Odometer, kilometers",
    )


@given(st.decimals(0, 9_999_999, places=2))
def test_form_that_is_sent_as_it_was_shown_keeps_the_odometer(miles):
    shown = _Form(units=Units.METRIC, initial={"odometer": miles})["odometer"].value()
    assert Decimal(shown) == from_miles(miles, Units.METRIC)
    assert read(shown, known=miles) == miles


@pytest.mark.parametrize(
    ("units", "texts"),
    [
        (
            Units.IMPERIAL,
            [
                "The odometer cannot go down: enter at least 62137.12 miles.",
                "A later reading is 62137.12 miles: enter at most that.",
            ],
        ),
        (
            Units.METRIC,
            [
                "The odometer cannot go down: enter at least 100,000 km.",
                "A later reading is 100,000 km: enter at most that.",
            ],
        ),
    ],
)
def test_refusals_speak_the_units_of_the_form(units, texts):
    shown = []
    for error in (OdometerBackwards, OdometerAhead):
        form = _Form({}, units=units)
        add_refusal(form, error(Decimal("62137.12"), "odometer"))
        shown += form.errors["odometer"]
    assert shown == texts


def test_refusals_stand_at_their_field_or_above_the_form():
    form = _Form({}, units=Units.METRIC)
    for error, field in [
        (Invalid("First.", field="note"), None),
        (Invalid("Second.", field="at"), None),
        (Invalid("Third.", field="at"), "note"),
    ]:
        add_refusal(form, error, field)
    assert form.errors == {"note": ["First.", "Third."], "__all__": ["Second."]}


@pytest.mark.parametrize(
    ("units", "typed", "miles"),
    [
        (Units.IMPERIAL, "124,300 mi", "124300"),
        (Units.IMPERIAL, "124300mi.", "124300"),
        (Units.IMPERIAL, "124300 Miles", "124300"),
        (Units.METRIC, "161 km", "100.04"),
    ],
)
def test_the_name_of_the_units_may_follow(units, typed, miles):
    field = DistanceField(label="Odometer")
    field.measure(units)
    assert field.clean(typed) == Decimal(miles)


@pytest.mark.parametrize("typed", ["124,30", "1,24,300", "124300 km", "mi", "far"])
def test_a_refusal_shows_an_odometer(typed):
    field = DistanceField(label="Odometer")
    with pytest.raises(ValidationError) as refusal:
        field.clean(typed)
    right = "Write 124.30 with a point." if typed == "124,30" else "Write a number such as 124300 or 124,300."
    assert refusal.value.messages == [right]
