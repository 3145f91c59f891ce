"""The page and the paper behind the link of a passport, without a login (docs/design, D140).

They show what is known now, so that each request computes them. Because whoever has the link can ask, the requests of a
link are counted: together they have the rate of one user, and 30 papers a minute.
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from common.domain import counters
from common.domain.errors import TooMany
from passports.contents import Passport, get_passport
from passports.models import PassportLink
from passports.papers.actions import passport_paper
from passports.papers.layout import page_of
from passports.queries import find_by_token
from portal.link.view import LinkView
from repair_orders.papers.serving import pdf_response

_SECONDS = 60


class _PassportView(LinkView[PassportLink]):
    """A view of the passport of a vehicle as its owner at the time of the link sees it."""

    http_method_names = ["get", "head"]
    ended = "link/no_passport.html"
    most: int | None = None  # requests of a link in a minute, if fewer than those of a user

    def read(self, token: str) -> PassportLink | None:
        return find_by_token(token, now=timezone.now())

    @sensitive_variables("token")
    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        link = self.find(token)
        if link is None:
            return self.show_ended()
        limit = min(self.most or settings.RATE_USER, settings.RATE_USER)
        wait = counters.hit(f"{self.__class__.__name__}:{link.pk}", limit=limit, window=_SECONDS)
        if wait is not None:
            raise TooMany(retry_after=wait)
        return self.answer(link, get_passport(vehicle=link.vehicle, now=timezone.now()))

    def answer(self, link: PassportLink, passport: Passport) -> HttpResponse:
        raise NotImplementedError


class PassportPage(_PassportView):
    """The passport as a page."""

    def answer(self, link: PassportLink, passport: Passport) -> HttpResponse:
        paper = reverse("passport-link-pdf", kwargs={"token": self.kwargs["token"]})
        context = {**page_of(passport), "link": link, "paper_url": paper}
        return render(self.request, "link/passport.html", context)


class PassportPaper(_PassportView):
    """The passport as PDF. It is typeset for each request, so that fewer are answered."""

    most = 30

    def answer(self, link: PassportLink, passport: Passport) -> HttpResponse:
        return pdf_response(passport_paper(passport))
