"""The page of the search, and the list below the search box of every page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from desk.pages import DeskView
from desk.search.find import MOST, PERMISSIONS, find
from desk.search.text import LONGEST

PER_KIND = 25
IN_BOX = 6  # rows of a kind below the box


class SearchPage(DeskView):
    """The rows that a search finds, by kind. With `box`, the list that the script shows below the search box."""

    permission = PERMISSIONS["customers"]
    title = "Search"

    def get(self, request: HttpRequest) -> HttpResponse:
        text = request.GET.get("q", "").strip()[:LONGEST]
        in_box = "box" in request.GET
        found = find(text, has_perm=request.user.has_perm, limit=IN_BOX if in_box else PER_KIND)
        context = {"q": text, "found": found, "sought": found.sought, "most": MOST}
        if in_box:
            response = render(request, "desk/search/options.html", context)
            response.headers["Cache-Control"] = "private, no-store"
            return response
        return self.show("desk/search/page.html", context)
