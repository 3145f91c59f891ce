"""The page *Needed parts*: what is missing for jobs and parts orders, what is on order, and what came in."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from billing.once import claim
from catalogue.models import Part
from catalogue.shelf.actions import PERMISSIONS, receive
from catalogue.shelf.ordered import order_from_vendor
from common.domain.errors import DomainError
from desk.forms import KeyedForm
from desk.pages import DeskView
from desk.places import Place
from desk.shelf.fields import ReceiptFields, VendorOrderFields
from desk.shelf.needed import TO_ORDER, VIEWS, Needed, count_views, find_part, get_needed, with_needs

RECEIVE, ORDER = "receive", "order"


class ReceiveForm(ReceiptFields, KeyedForm):
    """The pieces of a part that came in. It proposes those on order, or those that are missing."""

    @classmethod
    def of(cls, row: Needed) -> ReceiveForm:
        noted = row.on_order
        initial = {
            "pieces": noted.pieces if noted else row.short or 1,
            "reference": noted.reference if noted else "",
        }
        return cls(initial=initial, auto_id=f"{RECEIVE}-{row.part.pk}-%s")


class VendorOrderForm(VendorOrderFields, KeyedForm):
    """All pieces of a part that are on order. It shows what was noted before, and proposes those that are missing."""

    @classmethod
    def of(cls, row: Needed) -> VendorOrderForm:
        noted = row.on_order
        initial: dict[str, Any] = {
            name: getattr(noted, name, None) for name in ("vendor", "reference", "expected_on")
        }
        initial["pieces"] = max(row.short, noted.pieces if noted else 0) or 1
        return cls(initial=initial, auto_id=f"{ORDER}-{row.part.pk}-%s")


FORMS: dict[str, type[ReceiveForm | VendorOrderForm]] = {RECEIVE: ReceiveForm, ORDER: VendorOrderForm}


class NeededPartsPage(DeskView):
    """The parts of a view, each with the forms to note an order and to receive pieces."""

    permission = "catalogue.view_reservation"
    title = "Needed parts"
    may = {"receive": PERMISSIONS["receive"], "part": "catalogue.view_part"}

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show_view()

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """Note an order, or receive pieces. A refusal stands at the form with what was typed."""
        self.refuse_without(PERMISSIONS["receive"])
        do, number = request.POST.get("do", ""), request.POST.get("part", "")
        part = find_part(int(number)) if number.isdecimal() and len(number) < 19 else None
        if part is None or do not in FORMS:
            raise Http404
        form = FORMS[do](request.POST, auto_id=f"{do}-{part.pk}-%s")
        if form.is_valid():
            try:
                told = self.act(do, part, form)
            except DomainError as error:
                form.add_error(error.field if error.field in form.fields else None, error.text)
            else:
                messages.success(request, told)
                return redirect(self.url())
        return self.show_view(sent=(do, part, form))

    def act(self, do: str, part: Part, form: KeyedForm) -> str:
        """Write what the form has, once, and return what is told."""
        values = dict(form.cleaned_data)
        who: dict[str, Any] = {"by": self.by(), "now": timezone.now()}
        with transaction.atomic():
            claim(values.pop("key"), **who)
            if do == RECEIVE:
                receive(part=part, **values, **who)
                return f"{values['pieces']} of {part.name} received."
            order_from_vendor(part=part, **values, **who)
        if not values["pieces"]:
            return f"{part.name}: nothing is on order any more."
        return f"{part.name}: {values['pieces']} on order at {values['vendor']}."

    def show_view(self, sent: tuple[str, Part, KeyedForm] | None = None) -> HttpResponse:
        place, view = Place(self.request), self.view()
        rows, page = get_needed(self.caller(), view, number=self.request.GET.get("page"), today=place.today)
        if sent and all(row.part.pk != sent[1].pk for row in rows):  # it left the view meanwhile
            rows = [*with_needs([sent[1]], today=place.today), *rows]
        counts = count_views(self.caller())
        context = {
            "view": view,
            "views": [(name, title, counts[name]) for name, title in VIEWS.items()],
            "rows": [(row, self.forms_of(row, sent)) for row in rows],
            "page": page,
            "query": urlencode({"view": view}),
        }
        return self.show("desk/shelf/needed.html", context, place=place, status=400 if sent else 200)

    @staticmethod
    def forms_of(
        row: Needed, sent: tuple[str, Part, KeyedForm] | None
    ) -> list[tuple[str, str, KeyedForm, bool]]:
        """Return the forms of a part: the step, its title, the form, and whether it was sent and refused."""
        titles = {ORDER: "On order…" if row.on_order else "Ordered…", RECEIVE: "Receive…"}
        found = []
        for do, title in titles.items():
            is_sent = sent is not None and sent[0] == do and sent[1].pk == row.part.pk
            form = sent[2] if sent is not None and is_sent else FORMS[do].of(row)
            found.append((do, title, form, is_sent))
        return found

    def view(self) -> str:
        asked = self.request.GET.get("view", TO_ORDER)
        if asked not in VIEWS:
            messages.error(self.request, f"There is no view {asked!r}.")
            return TO_ORDER
        return asked

    def url(self) -> str:
        page = self.request.GET.get("page", "")
        query = {"view": self.view(), **({"page": page} if page.isdecimal() else {})}
        return f"{reverse('needed-parts')}?{urlencode(query)}"
