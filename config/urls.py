"""Every route of every contract, on one page."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from accounts.admin import change_own_password
from accounts.api import shop as accounts_shop
from appointments.api import shop as appointments_shop
from appointments.api import shop_staff as appointments_staff
from common import fallbacks, health
from common.routing import route
from common.schema import CachedGenerator
from customers.api import shop as customers_shop
from customers.api import shop_staff as customers_staff
from portal.fleet import urls as fleet_pages
from repair_orders.api import fleet as repair_orders_fleet
from repair_orders.api import shop as repair_orders_shop
from repair_orders.api import shop_catalogue as catalogue_staff
from repair_orders.api import shop_staff as repair_orders_staff
from vehicles.api import shop as vehicles_shop
from vehicles.api import shop_staff as vehicles_staff


def home(request: HttpRequest) -> HttpResponse:
    """Whoever opens the bare host is looking for the documentation."""
    return redirect("docs")


# The staff's own API on the shop's nouns: lists, rows and verbs by role (docs/roles.md).
STAFF: list[URLPattern | URLResolver] = [
    path("api/shop/", include(appointments_staff.urlpatterns)),  # appointments/, technicians/, locations/
    path("api/shop/", include(customers_staff.urlpatterns)),  # customers/
    path("api/shop/", include(vehicles_staff.urlpatterns)),  # vehicles/
    path("api/shop/", include(repair_orders_staff.urlpatterns)),  # repair-orders/
    path("api/shop/", include(catalogue_staff.urlpatterns)),  # parts/, services/
]

SHOP: list[URLPattern | URLResolver] = [
    path("api/", include(accounts_shop.urlpatterns)),  # token/, /refresh/, /verify/, /blacklist/
    path("api/", include(customers_shop.urlpatterns)),  # auth/customer-profile/
    path("api/shop/", include(appointments_shop.urlpatterns)),  # appointments/customers/me/appointments/
    path("api/shop/", include(vehicles_shop.urlpatterns)),  # vehicles/customers/me/vehicles/
    path("api/shop/", include(repair_orders_shop.urlpatterns)),  # repair-orders/customers/me/repair-orders/
]

FLEET: list[URLPattern | URLResolver] = [
    # unit-repair-data/, repair-cost-data/, repairs/
    path("customer/api/", include(repair_orders_fleet.urlpatterns)),
    path("customer/", include(fleet_pages.urlpatterns)),  # the pages: dashboard/, repairs/, units/, company/, login/
]

DOCS: list[URLPattern | URLResolver] = [
    route("api/schema/", SpectacularAPIView.as_view(generator_class=CachedGenerator), name="schema"),
    route(
        "api/docs/",
        SpectacularSwaggerSplitView.as_view(url_name="schema", template_name="docs.html"),
        name="docs",
    ),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
    # Before the admin's own page, which would leave the user's sessions open.
    path("admin/password_change/", admin.site.admin_view(change_own_password, cacheable=True)),
    path("admin/", admin.site.urls),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    *SHOP,
    *STAFF,
    *FLEET,
    *DOCS,
    re_path(r"", fallbacks.unknown_route),
]

handler400 = "common.fallbacks.bad_request"
handler403 = "common.fallbacks.forbidden"
handler404 = "common.fallbacks.not_found"
handler500 = "common.fallbacks.server_error"
