"""Routes of the desk's pages, in the admin's site."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from desk.conversations import urls as conversations
from desk.customers import urls as customers
from desk.money import urls as money
from desk.search import urls as search

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include(money)),
    path("", include(search)),
    path("", include(customers)),
    path("", include(conversations)),
]
