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
    """Redirect the bare host to the API's documentation."""
    return redirect("docs")


def favicon(request: HttpRequest) -> HttpResponse:
    """Redirect to the icon, which browsers request here if a page names none."""
    return redirect(static("common/favicon.svg"))


# Contract 000, and the staff's own API on its nouns: lists, rows and verbs by role (docs/roles.md).
SHOP: list[URLPattern | URLResolver] = [
    *appointments_shop.urlpatterns,  # appointments/customers/me/appointments/
    *vehicles_shop.urlpatterns,  # vehicles/customers/me/vehicles/
    *repair_orders_shop.urlpatterns,  # repair-orders/customers/me/repair-orders/
    *appointments_staff.urlpatterns,  # appointments/, technicians/, locations/
    *customers_staff.urlpatterns,  # customers/
    *vehicles_staff.urlpatterns,  # vehicles/
    *repair_orders_staff.urlpatterns,  # repair-orders/
    *catalogue_staff.urlpatterns,  # parts/, services/
]

# Contract 001, the fleet portal: JSON, and the pages beside it.
FLEET: list[URLPattern | URLResolver] = [
    path("api/", include(repair_orders_fleet.urlpatterns)),  # unit-repair-data/, repair-cost-data/, repairs/
    *fleet_pages.urlpatterns,  # login/, logout/, password/, dashboard/, repairs/, units/, company/
]

# Contract 002, whose URLs are documented without a trailing slash.
CARE: list[URLPattern | URLResolver] = [
    *products_care.urlpatterns,  # products
    *orders_care.urlpatterns,  # orders, orders/{id}, orders/track/{id}
    *returns_care.urlpatterns,  # orders/return, returns
    *tickets_care.urlpatterns,  # tickets, tickets/{id}, …/messages
    *customers_care.urlpatterns,  # settings, notifications, …/{id}/read
    *portal_care.urlpatterns,  # dashboard, profile
]

# Contract 004, customers as a service. Its registration stands with contract 003's.
CRM: list[URLPattern | URLResolver] = [
    *customers_crm.urlpatterns,  # customers/profile/, …/health/
    # Last, because any text can be an id.
    *management_crm.urlpatterns,  # customers/, /{id}/, /by_user_id/, /stats/
]

DOCS: list[URLPattern | URLResolver] = [
    route("schema/", SpectacularAPIView.as_view(generator_class=CachedGenerator), name="schema"),
    route(
        "docs/",
        SpectacularSwaggerSplitView.as_view(url_name="schema", template_name="docs.html"),
        name="docs",
    ),
]

# Contract 003, the members' apps, and the routes of other contracts below /api/.
API: list[URLPattern | URLResolver] = [
    *accounts_shop.urlpatterns,  # contract 000: token/, /refresh/, /verify/, /blacklist/
    *customers_shop.urlpatterns,  # contract 000: auth/customer-profile/
    *registration.urlpatterns,  # auth/register/, with contract 004
    *portal_member.urlpatterns,  # auth/login/
    *accounts_member.urlpatterns,  # auth/refresh/, /logout/, /password/change/, …
    *referrals_member.urlpatterns,  # referrals/me/, /apply/
    *vehicles_member.urlpatterns,  # vehicles/, vehicles/{id}/, …/link-dongle/
    *telematics_member.urlpatterns,  # telematics/{id}/, vehicles/{id}/telematics/
    *locations_member.urlpatterns,  # appointments/locations/, …/availability/
    *appointments_member.urlpatterns,  # appointments/, its book/ and upcoming/
    *files_member.urlpatterns,  # files/presign/, files/<id>/
    *memberships_member.urlpatterns,  # memberships/plans/, memberships/me/, offers/
    *chat_member.urlpatterns,  # chat/threads/, /{id}/, /{id}/messages/; chat/ticket/
    *accounts_crm.urlpatterns,  # contract 004: auth/profile/update/
    *DOCS,
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home),
    path("favicon.ico", favicon),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
    # Before the admin's own page, which would leave the user's sessions open.
    path("admin/password_change/", admin.site.admin_view(change_own_password, cacheable=True)),
    path("admin/", admin.site.urls),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    # The longest prefix first.
    path("api/shop/", include(SHOP)),
    path("api/v1/customer/", include(CARE)),
    path("api/v1/", include(CRM)),
    path("api/", include(API)),
    path("auth/", include(accounts_care.urlpatterns)),  # contract 002: login
    path("customer/", include(FLEET)),
    path("customer", fleet_pages.front),
    re_path(r"", fallbacks.unknown_route),
]

handler400 = "common.http.fallbacks.bad_request"
handler403 = "common.http.fallbacks.forbidden"
handler404 = "common.http.fallbacks.not_found"
handler500 = "common.http.fallbacks.server_error"
