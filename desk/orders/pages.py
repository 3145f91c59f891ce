"""The page *Repair orders*: the orders of a location by what they wait for."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.http import urlencode

from customers.models import Customer
from desk.orders.lists import ALL, MOST, OPEN, VIEWS, count_views, get_orders
from desk.pages import DeskView
from desk.places import Place

_LONGEST = 200  # characters of a search


class OrdersPage(DeskView):
    """The orders of a view. With `customer` they are those of one customer at every location."""

    permission = "repair_orders.view_repairorder"
    title = "Repair orders"
    may = {"book": "appointments.add_appointment", "money": "billing.view_invoice"}

    def get(self, request: HttpRequest) -> HttpResponse:
        place = Place(request)
        if place.location is None:
            return self.show("desk/nowhere.html", {}, place=place)
        customer = self.customer()
        first = ALL if customer else OPEN
        asked = request.GET.get("view", first)
        view = asked if asked in VIEWS else first
        if asked != view:
            messages.error(request, f"There is no view {asked!r}.")
        text = request.GET.get("q", "").strip()[:_LONGEST]
        rows, page = get_orders(
            self.caller(),
            None if customer else place.location,
            view=view,
            text=text,
            customer_id=customer.pk if customer else None,
            number=request.GET.get("page"),
            now=place.now,
        )
        kept = {"view": view, **({"q": text} if text else {})}
        kept |= {"customer": str(customer.pk)} if customer else {}
        context = {
            "view": view,
            "views": count_views(self.caller(), place.location),
            "rows": rows,
            "page": page,
            "most": MOST,
            "q": text,
            "customer": customer,
            "query": urlencode(kept),
            "kept": urlencode({name: value for name, value in kept.items() if name != "view"}),
        }
        return self.show("desk/orders/list.html", context, place=place)

    def customer(self) -> Customer | None:
        """Return the customer that the URL names, if there is one."""
        asked = self.request.GET.get("customer", "")
        if not asked:
            return None
        number = int(asked) if asked.isdecimal() and len(asked) < 19 else 0
        found = Customer.objects.with_contact().filter(pk=number).first()
        if found is None:
            messages.error(self.request, f"There is no customer {asked!r}.")
        return found
