"""Routes of the desk's pages, in the admin's site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from desk.conversations import urls as conversations
from desk.customers import urls as customers
from desk.follow_ups import urls as follow_ups
from desk.home import home
from desk.intake import urls as intake
from desk.jobs import urls as jobs
from desk.money import urls as money
from desk.order import urls as order
from desk.orders import urls as orders
from desk.prices import urls as prices
from desk.ready import ready
from desk.search import urls as search
from desk.setup import urls as setup
from desk.shelf import urls as shelf
from desk.team import urls as team
from desk.today import urls as today
from desk.visits import urls as visits

_PAGES = (
    today,
    jobs,
    intake,
    visits,
    order,
    orders,
    shelf,
    customers,
    conversations,
    follow_ups,
    search,
    money,
    prices,
    team,
    setup,
)

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.admin_view(home)),  # `admin:index`, which the admin links as Home
    path("admin/tables/", admin.site.admin_view(admin.site.index), name="tables"),
    path("admin/ready/", admin.site.admin_view(ready), name="desk-ready"),
    *(path("", include(pages)) for pages in _PAGES),
]
