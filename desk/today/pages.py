"""The page *Today*: the board of a day and what waits for somebody."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode

from desk.pages import DeskView
from desk.places import Place
from desk.today import lists
from desk.today.board import make_board


class TodayPage(DeskView):
    """The board of a location's day. With `?part=board` only what a script renews while the page is open.

    With `?all=answered` the list of answers has all of its rows.
    """

    permission = "appointments.view_appointment"
    title = "Today"
    may = {
        "book": "appointments.add_appointment",
        "orders": "repair_orders.view_repairorder",
        "chat": "chat.view_conversation",
        "money": "billing.view_invoice",
        "shelf": "catalogue.view_reservation",
        "follow_ups": "vehicles.change_recommendation",
    }

    def get(self, request: HttpRequest) -> HttpResponse:
        place = Place(request)
        if place.location is None:
            return self.show("desk/nowhere.html", {}, place=place)
        board = make_board(place.location, place.day, now=place.now)
        context = {
            "board": board,
            "yesterday": place.day - timedelta(days=1),
            "tomorrow": place.day + timedelta(days=1),
            "lists": self.lists(place) if place.day == place.today else [],
            "renews": self.url_of_board(place) if place.day == place.today else "",
        }
        if request.GET.get("part") == "board":
            may = {name: request.user.has_perm(permission) for name, permission in self.may.items()}
            is_over = place.day < place.today  # the page is open since yesterday
            context |= {"place": place, "may": may, "is_over": is_over}
            return render(request, "desk/today/live.html", context)
        return self.show("desk/today/day.html", context, place=place)

    def url_of_board(self, place: Place) -> str:
        """Return what a script reads anew: the board of this location and day, with the lists."""
        assert place.location is not None
        query = {"part": "board", "place": str(place.location.pk), "day": place.day.isoformat()}
        return f"{reverse('today')}?{urlencode(query | ({'all': 'answered'} if self.shows_all else {}))}"

    @property
    def shows_all(self) -> bool:
        return self.request.GET.get("all") == "answered"

    def lists(self, place: Place) -> list[lists.Waiting]:
        """Return the lists that the user may see."""
        assert place.location is not None
        user, found = self.request.user, []
        if user.has_perm(self.may["orders"]):
            found += [
                lists.waiting_for_approval(place.location, now=place.now),
                lists.answered(
                    place.location, now=place.now, most=lists.MANY if self.shows_all else lists.FEW
                ),
                lists.promised(place.location, now=place.now),
            ]
        if user.has_perm(self.may["shelf"]):
            found.append(lists.needed_parts())
        if user.has_perm(self.may["chat"]):
            found.append(lists.unanswered(now=place.now))
        if user.has_perm(self.may["money"]):
            found += [
                lists.ready(place.location, now=place.now),
                lists.unpaid(place.location, now=place.now),
                lists.to_give_back(place.location, now=place.now),
            ]
        if user.has_perm(self.may["follow_ups"]):
            found.append(lists.follow_ups(self.caller(), place.location, now=place.now))
        return found
