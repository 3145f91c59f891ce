"""Every route of every contract, on one page."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from accounts import own_sessions_pages, second_factor_pages
from accounts.admin import change_own_password
from accounts.api import care as accounts_care
from accounts.api import crm as accounts_crm
from accounts.api import member as accounts_member
from accounts.api import member_referrals as referrals_member
from accounts.api import shop as accounts_shop
from accounts.api import shop_staff_keys as keys_staff
from appointments.api import member as appointments_member
from appointments.api import member_locations as locations_member
from appointments.api import shop as appointments_shop
from appointments.api import shop_staff as appointments_staff
from appointments.api import shop_staff_rota as rota_staff
from billing.api import fleet as billing_fleet
from billing.api import member as billing_member
from billing.api import shop as billing_shop
from billing.api import shop_staff as invoices_staff
from billing.api import shop_staff_accounts as accounts_staff
from billing.api import shop_staff_orders as order_billing_staff
from billing.api import shop_staff_payments as payments_staff
from billing.api import shop_staff_reports as reports_staff
from billing.api import shop_staff_statements as statements_staff
from catalogue.api import care as products_care
from catalogue.api import shop_staff as catalogue_staff
from catalogue.api import shop_staff_pricing as matrices_staff
from chat.api import care as tickets_care
from chat.api import care_returns as return_tickets_care
from chat.api import care_window as window_care
from chat.api import member as chat_member
from chat.api import member_contact as contact_member
from common.domain.errors import Kind
from common.http import fallbacks, health
from common.http.problems import Problem
from common.http.routing import route
from common.http.schema import CachedGenerator
from customers.api import care as customers_care
from customers.api import care_registration as registration_care
from customers.api import crm as customers_crm
from customers.api import crm_staff as management_crm
from customers.api import shop as customers_shop
from customers.api import shop_staff as customers_staff
from customers.api import shop_staff_calls as calls_staff
from desk import urls as desk_pages
from desk.api import shop_staff as desk_staff
from desk.search import api as search_staff
from files.api import member as files_member
from inspections.api import fleet as inspections_fleet
from inspections.api import shop as inspections_shop
from inspections.api import shop_staff as inspections_staff
from integrations.api import shop_staff as events_staff
from integrations.api import shop_staff_batch as batch_staff
from integrations.api import shop_staff_webhooks as webhooks_staff
from memberships.api import member as memberships_member
from memberships.api import member_savings as savings_member
from memberships.api import shop_staff as discounts_staff
from orders.api import care as orders_care
from orders.api import care_returns as returns_care
from orders.api import shop_staff as orders_staff
from passports.api import member as passports_member
from passports.api import shop_staff as passports_staff
from portal.api import care as portal_care
from portal.api import member as portal_member
from portal.api import member_profile as profile_member
from portal.api import registration
from portal.fleet import urls as fleet_pages
from portal.link import urls as link_pages
from privacy.api import member as privacy_member
from privacy.api import shop_staff as merges_staff
from reminders.api import member as due_member
from reminders.api import shop_staff as due_staff
from repair_orders.api import fleet as repair_orders_fleet
from repair_orders.api import fleet_estimates as estimates_fleet
from repair_orders.api import shop as repair_orders_shop
from repair_orders.api import shop_estimates as estimates_shop
from repair_orders.api import shop_problems as problems_shop
from repair_orders.api import shop_staff as repair_orders_staff
from repair_orders.api import shop_staff_check_in as check_in_staff
from repair_orders.api import shop_staff_clock as clock_staff
from repair_orders.api import shop_staff_exemptions as exemptions_staff
from repair_orders.api import shop_staff_follow_ups as follow_ups_staff
from repair_orders.api import shop_staff_pricing as prices_staff
from vehicles.api import member as vehicles_member
from vehicles.api import member_codes as codes_member
from vehicles.api import member_fuel as fuel_member
from vehicles.api import member_health as health_member
from vehicles.api import member_parking as parking_member
from vehicles.api import member_schedules as schedules_member
from vehicles.api import member_telematics as telematics_member
from vehicles.api import shop as vehicles_shop
from vehicles.api import shop_staff as vehicles_staff
from vehicles.api import shop_staff_recommendations as recommendations_staff
from vehicles.api import shop_staff_schedules as schedules_staff


def home(request: HttpRequest) -> HttpResponse:
    """Redirect the bare host to the API's documentation."""
    return redirect("docs")


def favicon(request: HttpRequest) -> HttpResponse:
    """Redirect to the icon, which browsers request here if a page names none."""
    return redirect(static("common/favicon.svg"))


def documentation(request: HttpRequest) -> HttpResponse:
    """Say how to build the documentation. Where it was built, WhiteNoise answers before the routes are tried."""
    if (settings.SITE_DIR / "docs").is_dir():
        raise Http404
    return fallbacks.page_for(
        request,
        Problem(
            Kind.NOT_FOUND,
            "docs_not_built",
            "The documentation was not built here",
            "Run `make docs` in the folder of the product, then load this page again. The same pages are Markdown "
            "files in its folder docs/. Where DEBUG is off, also restart the server.",
        ),
    )


# Contract 000, and the staff's own API on its nouns: lists, rows and verbs by role (docs/roles.md).
SHOP: list[URLPattern | URLResolver] = [
    *appointments_shop.urlpatterns,  # appointments/customers/me/appointments/
    *vehicles_shop.urlpatterns,  # vehicles/customers/me/vehicles/
    *repair_orders_shop.urlpatterns,  # repair-orders/customers/me/repair-orders/
    *problems_shop.urlpatterns,  # vehicle-problems/
    *estimates_shop.urlpatterns,  # estimates/customers/me/estimates/
    *inspections_shop.urlpatterns,  # inspections/customers/me/inspections/
    *billing_shop.urlpatterns,  # invoices/customers/me/invoices/, …/account/; statements/customers/me/statements/
    *appointments_staff.urlpatterns,  # appointments/, technicians/, locations/
    *rota_staff.urlpatterns,  # shifts/, absences/
    *customers_staff.urlpatterns,  # customers/
    *calls_staff.urlpatterns,  # customers/{id}/phone-calls/
    *vehicles_staff.urlpatterns,  # vehicles/
    *passports_staff.urlpatterns,  # vehicles/{id}/passport/, …/passport.pdf, …/passport/links/
    *recommendations_staff.urlpatterns,  # recommendations/
    *schedules_staff.urlpatterns,  # schedule-templates/, service-schedules/
    *repair_orders_staff.urlpatterns,  # repair-orders/
    *check_in_staff.urlpatterns,  # appointments/{id}/check-in/, repair-orders/check-in/
    *clock_staff.urlpatterns,  # technicians/{id}/clock-in/, …/clock-out/; time-entries/
    *follow_ups_staff.urlpatterns,  # follow-ups/
    *due_staff.urlpatterns,  # due/, reminders/
    *inspections_staff.urlpatterns,  # inspection-templates/, inspections/, repair-orders/{id}/inspections/
    *merges_staff.urlpatterns,  # customers/{id}/merge/
    *catalogue_staff.urlpatterns,  # parts/, services/
    *matrices_staff.urlpatterns,  # price-matrices/, canned-jobs/
    *prices_staff.urlpatterns,  # labour-rates/, tax-rules/, fee-rules/, overrun-policies/
    *reports_staff.urlpatterns,  # reports/
    *exemptions_staff.urlpatterns,  # customers/{id}/tax-exemptions/
    *orders_staff.urlpatterns,  # orders/, returns/
    *discounts_staff.urlpatterns,  # repair-orders/{id}/discounts/
    *order_billing_staff.urlpatterns,  # repair-orders/{id}/billing/, …/invoice/, …/vehicle-out/
    *invoices_staff.urlpatterns,  # invoices/, credit-notes/
    *payments_staff.urlpatterns,  # payments/
    *statements_staff.urlpatterns,  # customers/{id}/statements/, statement-runs/
    *accounts_staff.urlpatterns,  # customers/{id}/account/, …/opening-balance/
    *search_staff.urlpatterns,  # search/
    *keys_staff.urlpatterns,  # api-keys/
    *webhooks_staff.urlpatterns,  # webhooks/
    *desk_staff.urlpatterns,  # board/, intake/
    *batch_staff.urlpatterns,  # batch/
    *events_staff.urlpatterns,  # events/
]

# Contract 001, the fleet portal: JSON, and the pages beside it.
FLEET: list[URLPattern | URLResolver] = [
    path("api/", include(repair_orders_fleet.urlpatterns)),  # unit-repair-data/, repair-cost-data/, repairs/
    path("api/", include(estimates_fleet.urlpatterns)),  # estimates/
    path("api/", include(inspections_fleet.urlpatterns)),  # inspections/
    path("api/", include(billing_fleet.urlpatterns)),  # invoices/, statements/, account/
    *fleet_pages.urlpatterns,  # login/, logout/, password/, dashboard/, repairs/, units/, company/
]

# Contract 002, whose URLs are documented without a trailing slash.
CARE: list[URLPattern | URLResolver] = [
    *products_care.urlpatterns,  # products
    *orders_care.urlpatterns,  # orders, orders/{id}, orders/track/{id}
    *returns_care.urlpatterns,  # returns
    *return_tickets_care.urlpatterns,  # orders/return
    *tickets_care.urlpatterns,  # tickets, tickets/{id}, …/messages, …/messages/{id}, …/attachments
    *customers_care.urlpatterns,  # settings, notifications, notifications/{id}, …/read
    *portal_care.urlpatterns,  # dashboard, profile, profile/avatar
]

# Contract 004, customers as a service. Its registration stands with contract 003's.
CRM: list[URLPattern | URLResolver] = [
    *accounts_crm.versioned,  # auth/register/, /login/, /logout/, /token/refresh/, /profile/
    *customers_crm.urlpatterns,  # customers/profile/, …/health/
    # Last, because any text can be an id.
    *management_crm.urlpatterns,  # customers/, /{id}/, /{id}/dashboard/, /by_user_id/, /logical/{user_id}/, /stats/
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
    *accounts_shop.urlpatterns,  # contract 000: token/, /refresh/, /verify/, /blacklist/; auth/user/, /update/
    *problems_shop.urlpatterns_beside_shop,  # contract 000: vehicle-problems/
    *customers_shop.urlpatterns,  # contract 000: auth/customer-profile/
    *registration.urlpatterns,  # auth/register/, with contracts 000 and 004; auth/refresh/, with contract 000
    *portal_member.urlpatterns,  # auth/login/
    *profile_member.urlpatterns,  # users/profile/, auth/profile/
    *accounts_member.urlpatterns,  # auth/logout/, /password/change/, …; users/change-password/
    *referrals_member.urlpatterns,  # referrals/me/, /apply/
    *fuel_member.urlpatterns,  # vehicles/fuel-logs/, vehicles/{id}/fuel-logs/, …/fuel-stats/; before vehicles/{id}/
    *vehicles_member.urlpatterns,  # vehicles/, vehicles/{id}/, …/link-dongle/
    *passports_member.urlpatterns,  # vehicles/{id}/passport/, …/passport.pdf, …/passport/links/, …/{id}/
    *schedules_member.urlpatterns,  # services/schedules/, …/{id}/, …/complete/
    *codes_member.urlpatterns,  # vehicle-health/dtc/, …/{id}/, …/clear/
    *health_member.urlpatterns,  # vehicle-health/, vehicle-health/{id}/; after vehicle-health/dtc/
    *parking_member.urlpatterns,  # parking/, parking/active/, parking/clear/, parking/{id}/
    *telematics_member.urlpatterns,  # telematics/{id}/, vehicles/{id}/telematics/
    *locations_member.urlpatterns,  # appointments/locations/, …/availability/
    *appointments_member.urlpatterns,  # appointments/, its book/ and upcoming/
    *files_member.urlpatterns,  # files/presign/, files/<id>/
    *billing_member.urlpatterns,  # invoices/, invoices/{id}/, …/pdf/; payments/create-payment-intent/, …
    *memberships_member.urlpatterns,  # memberships/plans/, memberships/me/, offers/; payments/plans/, users/…
    *savings_member.urlpatterns,  # auth/savings/
    *due_member.urlpatterns,  # due/
    *privacy_member.urlpatterns,  # users/request-deletion/
    *contact_member.urlpatterns,  # auth/contact/
    *chat_member.urlpatterns,  # chat/threads/, /{id}/, /{id}/messages/; chat/ticket/
    *accounts_crm.urlpatterns,  # contract 004: auth/profile/update/
    *DOCS,
]

# Patterns are tried in their order: those of the contracts come first, the longest prefix before the others.
urlpatterns: list[URLPattern | URLResolver] = [
    path("api/shop/", include(SHOP)),
    path("api/v1/customer/", include(CARE)),
    path("api/v1/chat/", include(window_care.urlpatterns)),  # contract 002: start, message, escalate
    path("api/v1/", include(CRM)),
    path("api/", include(API)),
    path("auth/", include(accounts_care.urlpatterns)),  # contract 002: login, refresh
    path("auth/", include(registration_care.urlpatterns)),  # contract 002: register
    path("customer/", include(FLEET)),
    path("customer", fleet_pages.front),
    path("", home),
    path("favicon.ico", favicon),
    re_path(r"^docs(?:/|$)", documentation),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
    *link_pages.urlpatterns,  # e/<token>, i/…, r/…, s/…, v/…
    # Before the admin's own page, which would leave the user's sessions open.
    path("admin/password_change/", admin.site.admin_view(change_own_password, cacheable=True)),
    # Before the admin's own sign-in, which knows no second step.
    path("admin/login/", second_factor_pages.sign_in),
    path("admin/login/code/", second_factor_pages.SecondFactorStep.as_view(), name="second-factor-step"),
    path("admin/second-factor/", second_factor_pages.SecondFactorPage.as_view(), name="second-factor"),
    path(
        "admin/sessions/",
        admin.site.admin_view(own_sessions_pages.SessionsPage.as_view()),
        name="own-sessions",
    ),
    *desk_pages.urlpatterns,  # admin/money/
    path("admin/", admin.site.urls),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    re_path(r"", fallbacks.unknown_route),
]

handler400 = "common.http.fallbacks.bad_request"
handler403 = "desk.refusals.forbidden"
handler404 = "desk.refusals.not_found"
handler500 = "common.http.fallbacks.server_error"
