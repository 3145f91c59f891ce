"""Routes of the desk's pages, in the admin's site."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from desk.intake import urls as intake
from desk.money import urls as money
from desk.today import urls as today
from desk.visits import urls as visits

urlpatterns: list[URLPattern | URLResolver] = [path("", include(pages)) for pages in (today, intake, visits, money)]
