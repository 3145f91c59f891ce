"""The look of the admin and the items of its side bar."""

from __future__ import annotations

from django.templatetags.static import static
from django.urls import reverse_lazy


def _item(title: str, icon: str, model: str) -> dict[str, object]:
    app, name = model.split(".")
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app}_{name}_changelist"),
        "permission": lambda request: request.user.has_perm(f"{app}.view_{name}"),
    }


def _page(title: str, icon: str, name: str, permission: str) -> dict[str, object]:
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(name),
        "permission": lambda request: request.user.has_perm(permission),
    }


UNFOLD: dict[str, object] = {
    "SITE_TITLE": "Garage",
    "SITE_HEADER": "Garage",
    "SITE_SUBHEADER": "Service desk",
    "SITE_SYMBOL": "car_repair",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("common/favicon.svg")}
    ],
    # The search box in the head of every page.
    "STYLES": [lambda request: static("desk/search.css")],
    "SCRIPTS": [lambda request: static("desk/search.js")],
    "SHOW_HISTORY": True,
    "DASHBOARD_CALLBACK": "desk.admin.dashboard",
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "ACCOUNT": {
        "navigation": [
            {"title": "Change password", "link": reverse_lazy("admin:password_change")},
            {"title": "My sessions", "link": reverse_lazy("own-sessions")},
            {"title": "Second factor", "link": reverse_lazy("second-factor")},
        ]
    },
    "SIDEBAR": {
        "show_search": True,
        "show_all_applications": False,
        "navigation": [
            {
                "title": "Desk",
                "items": [
                    _page("Today", "today", "today", "appointments.view_appointment"),
                    _page("Intake", "call", "intake", "appointments.add_appointment"),
                    _page("Repair orders", "build", "repair-orders", "repair_orders.view_repairorder"),
                    _page("My jobs", "engineering", "my-jobs", "repair_orders.work_repairorder"),
                    _page("Conversations", "chat", "conversations", "chat.view_conversation"),
                    _page("Follow-ups", "phone_callback", "follow-ups", "vehicles.change_recommendation"),
                    _page("Money", "payments", "money", "billing.view_closedday"),
                    _page("Prices", "sell", "prices", "catalogue.change_part"),
                    _page("Team", "badge", "team", "accounts.change_user"),
                    _page("API keys", "key", "api-keys", "accounts.view_apikey"),
                    _page("Webhooks", "outbox", "webhooks", "integrations.view_webhook"),
                ],
            },
            {
                "title": "Shelf and mail",
                "separator": True,
                "items": [
                    _page("Needed parts", "inventory_2", "needed-parts", "catalogue.view_reservation"),
                    _page("Parts by mail", "local_shipping", "parts-desk", "orders.view_order"),
                    _item("Parts orders", "package_2", "orders.order"),
                    _item("Returns", "undo", "orders.returnrequest"),
                ],
            },
            {
                "title": "Records",
                "separator": True,
                "items": [
                    _item("Customers", "groups", "customers.customer"),
                    _item("Vehicles", "directions_car", "vehicles.vehicle"),
                    _item("Appointments", "event", "appointments.appointment"),
                    _item("Recommendations", "recommend", "vehicles.recommendation"),
                    _item("Trouble codes", "warning", "vehicles.dtc"),
                    _item("Passport links", "share", "passports.passportlink"),
                    _item("Inspections", "fact_check", "inspections.inspection"),
                    _item("All conversations", "forum", "chat.conversation"),
                    _item("Telematics", "speed", "vehicles.telematicsbatch"),
                    _item("Support tickets", "confirmation_number", "chat.supportticket"),
                    _item("Tax exemptions", "verified", "repair_orders.taxexemption"),
                    _item("Notifications", "notifications", "customers.notification"),
                    _item("Referrals", "diversity_1", "accounts.referral"),
                    _item("Reward points", "redeem", "accounts.rewardentry"),
                    _item("Uploads", "attach_file", "files.upload"),
                ],
            },
            {
                "title": "Billing",
                "separator": True,
                "items": [
                    _item("Invoices", "receipt_long", "billing.invoice"),
                    _item("Credit notes", "receipt", "billing.creditnote"),
                    _item("Payments", "credit_card", "billing.payment"),
                    _item("Statements", "description", "billing.statement"),
                    _item("Closed days", "lock_clock", "billing.closedday"),
                    _item("Numbers of invoices", "tag", "billing.invoiceseries"),
                ],
            },
            {
                "title": "Members",
                "separator": True,
                "items": [
                    _item("Offers", "local_offer", "memberships.offer"),
                    _item("Memberships", "card_membership", "memberships.membership"),
                    _item("Plans", "loyalty", "memberships.plan"),
                ],
            },
            {
                "title": "Catalogue",
                "separator": True,
                "items": [
                    _item("Parts", "settings", "catalogue.part"),
                    _item("Services", "handyman", "catalogue.service"),
                    _item("Canned jobs", "playlist_add_check", "catalogue.cannedjob"),
                    _item("Inspection templates", "checklist", "inspections.template"),
                    _item("Regular work", "event_repeat", "vehicles.scheduletemplate"),
                    _item("Price matrices", "table_chart", "catalogue.pricematrix"),
                    _item("Stock moves", "swap_vert", "catalogue.stockmove"),
                    _item("Service types", "category", "appointments.servicetype"),
                    _item("Reported problems", "report", "appointments.reportedproblem"),
                ],
            },
            {
                "title": "Shop",
                "separator": True,
                "collapsible": True,
                "items": [
                    _item("Locations", "location_on", "appointments.location"),
                    _item("Technicians", "engineering", "appointments.technician"),
                    _item("Absences", "event_busy", "appointments.absence"),
                    _item("Labour rates", "schedule", "repair_orders.labourrate"),
                    _item("Taxes", "percent", "repair_orders.taxrule"),
                    _item("Fees", "receipt_long", "repair_orders.feerule"),
                    _item("Overruns", "trending_up", "repair_orders.overrunpolicy"),
                ],
            },
            {
                "title": "Access",
                "separator": True,
                "collapsible": True,
                "items": [
                    _item("Users", "person", "accounts.user"),
                    _item("Sessions", "key", "accounts.session"),
                    _item("Devices", "smartphone", "accounts.device"),
                    _item("Groups", "shield_person", "auth.group"),
                    {"title": "All tables", "icon": "table_rows", "link": reverse_lazy("tables")},
                ],
            },
        ],
    },
}
