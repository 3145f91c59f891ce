"""Every route of every contract, on one page."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from accounts.admin import change_own_password
from accounts.api import care as accounts_care
from accounts.api import crm as accounts_crm
from accounts.api import member as accounts_member
from accounts.api import member_referrals as referrals_member
from accounts.api import shop as accounts_shop
from appointments.api import member as appointments_member
from appointments.api import member_locations as locations_member
from appointments.api import shop as appointments_shop
from appointments.api import shop_staff as appointments_staff
from catalogue.api import care as products_care
from catalogue.api import shop_staff as catalogue_staff
from chat.api import care as tickets_care
from chat.api import member as chat_member
from common.http import fallbacks, health
from common.http.routing import route
from common.http.schema import CachedGenerator
from customers.api import care as customers_care
from customers.api import crm as customers_crm
from customers.api import crm_staff as management_crm
from customers.api import shop as customers_shop
from customers.api import shop_staff as customers_staff
from files.api import member as files_member
from memberships.api import member as memberships_member
from orders.api import care as orders_care
from orders.api import care_returns as returns_care
from portal.api import care as portal_care
from portal.api import member as portal_member
from portal.api import registration
from portal.fleet import urls as fleet_pages
from repair_orders.api import fleet as repair_orders_fleet
from repair_orders.api import shop as repair_orders_shop
from repair_orders.api import shop_staff as repair_orders_staff
from vehicles.api import member as vehicles_member
from vehicles.api import member_telematics as telematics_member
from vehicles.api import shop as vehicles_shop
from vehicles.api import shop_staff as vehicles_staff


def home(request: HttpRequest) -> HttpResponse:
    """Whoever opens the bare host is looking for the documentation."""
    return redirect("docs")


def favicon(request: HttpRequest) -> HttpResponse:
    return redirect(static("common/favicon.svg"))


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

# Contract 001, the fleet portal: JSON, and the pages beside it.
FLEET: list[URLPattern | URLResolver] = [
    # unit-repair-data/, repair-cost-data/, repairs/
    path("customer/api/", include(repair_orders_fleet.urlpatterns)),
    # login/, logout/, password/, dashboard/, repairs/, units/, company/
    path("customer/", include(fleet_pages.urlpatterns)),
    path("customer", fleet_pages.front),
]

# Contract 003, the members' apps.
MEMBER: list[URLPattern | URLResolver] = [
    path("api/", include(registration.urlpatterns)),  # auth/register/, with contract 004
    path("api/", include(portal_member.urlpatterns)),  # auth/login/
    path("api/", include(accounts_member.urlpatterns)),  # auth/refresh/, /logout/, /password/change/, …
    path("api/", include(referrals_member.urlpatterns)),  # referrals/me/, /apply/
    path("api/", include(vehicles_member.urlpatterns)),  # vehicles/, vehicles/{id}/, …/link-dongle/
    path("api/", include(telematics_member.urlpatterns)),  # telematics/{id}/, vehicles/{id}/telematics/
    path("api/", include(locations_member.urlpatterns)),  # appointments/locations/, …/availability/
    path("api/", include(appointments_member.urlpatterns)),  # appointments/, its book/ and upcoming/
    path("api/", include(files_member.urlpatterns)),  # files/presign/, files/<id>/
    path("api/", include(memberships_member.urlpatterns)),  # memberships/plans/, memberships/me/, offers/
    path("api/", include(chat_member.urlpatterns)),  # chat/threads/, /{id}/, /{id}/messages/; chat/ticket/
]

# Contract 002, whose addresses are documented without a trailing slash.
CARE: list[URLPattern | URLResolver] = [
    path("auth/", include(accounts_care.urlpatterns)),  # login
    path("api/v1/customer/", include(products_care.urlpatterns)),  # products
    path("api/v1/customer/", include(orders_care.urlpatterns)),  # orders, orders/{id}, orders/track/{id}
    path("api/v1/customer/", include(returns_care.urlpatterns)),  # orders/return, returns
    path("api/v1/customer/", include(tickets_care.urlpatterns)),  # tickets, tickets/{id}, …/messages
    path("api/v1/customer/", include(customers_care.urlpatterns)),  # settings, notifications, …/{id}/read
    path("api/v1/customer/", include(portal_care.urlpatterns)),  # dashboard, profile
]

# Contract 004, customers as a service; its registration stands with contract 003's.
CRM: list[URLPattern | URLResolver] = [
    path("api/", include(accounts_crm.urlpatterns)),  # auth/profile/update/
    path("api/v1/", include(customers_crm.urlpatterns)),  # customers/profile/, …/health/
    # After it: an id may look like anything.
    path("api/v1/", include(management_crm.urlpatterns)),  # customers/, /{id}/, /by_user_id/, /stats/
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
    path("favicon.ico", favicon),  # asked for by browsers where a page names none
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
    # Before the admin's own page, which would leave the user's sessions open.
    path("admin/password_change/", admin.site.admin_view(change_own_password, cacheable=True)),
    path("admin/", admin.site.urls),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    *SHOP,
    *STAFF,
    *MEMBER,
    *FLEET,
    *CARE,
    *CRM,
    *DOCS,
    re_path(r"", fallbacks.unknown_route),
]

handler400 = "common.http.fallbacks.bad_request"
handler403 = "common.http.fallbacks.forbidden"
handler404 = "common.http.fallbacks.not_found"
handler500 = "common.http.fallbacks.server_error"
