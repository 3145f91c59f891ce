"""The page of everything that is due for a company's units."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from rest_framework.exceptions import ValidationError

from common.http.fields import ChoiceList
from common.http.lists import DEFAULT_PAGE_SIZE, Page
from common.http.query import ListQuery
from portal.fleet.pages import FleetPage
from reminders.due import KINDS, SOURCES, Due, DueFilters, list_due


class DueQuery(ListQuery):
    kind = ChoiceList(KINDS)


class DuePage(FleetPage):
    """Everything that is due, with what is overdue first, and where to act."""

    template = "fleet/due.html"
    section = "due"

    def get(self, request: HttpRequest) -> HttpResponse:
        try:
            query = DueQuery.read(request.GET)
            number, size = query.pop("page", 1), query.pop("page_size", DEFAULT_PAGE_SIZE)
            found = list_due(self.caller, cast("DueFilters", query), now=timezone.now())
            page = Page(number, size, len(found), request.get_full_path())
            if number > page.last:
                raise ValidationError({"page": [f"The last page is {page.last}."]})
        except ValidationError as error:
            return self.show(query_errors=error.detail, status=400)
        return self.show(
            page=page,
            measures=self.measures,
            items=[{"due": due, "url": self.url_of(due)} for due in found[page.bounds]],
            kinds=[(source.kind, source.label) for source in SOURCES],
            chosen=query.get("kind", []),
        )

    def url_of(self, due: Due) -> str:
        """Return the address of the page on which to act, "" where there is none. A viewer requests no repair."""
        if due.kind == "estimate":
            return reverse("fleet-repair", args=[due.row.repair_order_id])
        if due.kind == "invoice":
            return reverse("fleet-invoice", args=[due.row.pk])
        if due.action == "book" and due.vehicle and not self.caller.is_viewer:
            return f"{reverse('fleet-request')}?unit_id={due.vehicle.pk}"
        return ""
