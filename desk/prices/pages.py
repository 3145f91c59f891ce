"""The page *Prices*: find parts or services, raise or type their prices, read what changes, and save."""

from __future__ import annotations

from decimal import Decimal

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from common.domain.number_fields import AmountField, DecimalField
from desk.pages import DeskView
from desk.places import Place
from desk.prices.lists import KINDS, MOST, Changed, Kind, Price, raised, write_prices

STEPS = [
    ("0.01", "a cent"),
    ("0.05", "5 cents"),
    ("0.10", "10 cents"),
    ("0.50", "50 cents"),
    ("1.00", "a dollar"),
]
_CHANGED = "Somebody changed this price meanwhile. The field has what you entered."


class FindForm(forms.Form):
    """The words to look for, and the percentage by which the prices change."""

    use_required_attribute = False

    kind = forms.ChoiceField(choices=[(name, kind.title) for name, kind in KINDS.items()])
    q = forms.CharField(label="Name, number or brand", required=False, max_length=200)
    percent = DecimalField(
        label="Change by percent",
        required=False,
        max_digits=6,
        decimal_places=3,
        min_value=-99,
        max_value=900,
    )
    step = forms.ChoiceField(label="Rounded to", required=False, choices=STEPS)


class _Money(AmountField):
    def __init__(self) -> None:
        super().__init__(max_digits=10, decimal_places=2, min_value=0)


class PricesPage(DeskView):
    """Listed rows with their price in a field. A percentage fills the fields, and nothing is stored before *Save*."""

    permission = "catalogue.change_part"
    title = "Prices"

    def get(self, request: HttpRequest) -> HttpResponse:
        form = self.form()
        if not form.is_valid():
            return self.ask(form, [], status=400)
        kind, percent = KINDS[form.cleaned_data["kind"]], form.cleaned_data["percent"]
        step = Decimal(form.cleaned_data["step"] or "0.01")
        rows = self.rows(kind, form)
        prices = [
            Price(row, old, str(old if percent is None else raised(old, percent=percent, step=step)))
            for row in rows[:MOST]
            for old in [getattr(row, kind.column)]
        ]
        return self.ask(form, prices, more=max(0, rows.count() - MOST))

    def post(self, request: HttpRequest) -> HttpResponseBase:
        form = self.form()
        if not form.is_valid():
            return self.ask(form, [], status=400)
        kind = KINDS[form.cleaned_data["kind"]]
        if not request.user.has_perm(kind.permission):
            raise PermissionDenied
        given = self.given("price-")
        rows = {row.pk: row for row in kind.find("").filter(pk__in=list(given)[:MOST])}
        shown, prices, wrong = {}, {}, {}
        for pk in rows:
            try:
                prices[pk] = _Money().clean(given[pk])
                shown[pk] = _Money().clean(self.given("was-").get(pk, ""))
            except forms.ValidationError as error:
                wrong[pk] = " ".join(error.messages)
        if not wrong:
            try:
                number = write_prices(
                    kind, shown=shown, prices={pk: prices[pk] for pk in rows if prices[pk] != shown[pk]}
                )
            except Changed as error:
                wrong = dict.fromkeys(error.ids, _CHANGED)
            else:
                messages.success(request, f"{number} price{'' if number == 1 else 's'} changed.")
                query = urlencode({"kind": form.cleaned_data["kind"], "q": form.cleaned_data["q"]})
                return redirect(f"{reverse('prices')}?{query}")
        shown_again = [
            Price(row, getattr(row, kind.column), given[pk], wrong.get(pk, "")) for pk, row in rows.items()
        ]
        return self.ask(form, shown_again, status=409 if _CHANGED in wrong.values() else 400)

    def form(self) -> FindForm:
        asked = self.request.GET.copy()
        asked.setdefault("kind", "parts")
        return FindForm(asked)

    def rows(self, kind: Kind, form: FindForm):  # type: ignore[no-untyped-def]  # a query set of either model
        if not self.request.user.has_perm(kind.permission):
            raise PermissionDenied
        return kind.find(form.cleaned_data["q"])

    def given(self, prefix: str) -> dict[int, str]:
        """Return the texts of the fields of a prefix by the id of their row."""
        found = {}
        for name, text in self.request.POST.items():
            number = name.removeprefix(prefix)
            if name.startswith(prefix) and number.isascii() and number.isdigit() and len(number) < 16:
                found[int(number)] = str(text)
        return found

    def ask(self, form: FindForm, prices: list[Price], *, more: int = 0, status: int = 200) -> HttpResponse:
        context = {
            "form": form,
            "prices": prices,
            "changed": sum(price.is_changed for price in prices),
            "more": more,
            "kind": form["kind"].value(),
        }
        return self.show("desk/prices/prices.html", context, place=Place(self.request), status=status)
