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


UNFOLD: dict[str, object] = {
    "SITE_TITLE": "Garage",
    "SITE_HEADER": "Garage",
    "SITE_SUBHEADER": "Service desk",
    "SITE_SYMBOL": "car_repair",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("common/favicon.svg")}
    ],
    "SHOW_HISTORY": True,
    "DASHBOARD_CALLBACK": "desk.admin.dashboard",
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "SIDEBAR": {
        "show_search": True,
        "show_all_applications": False,
        "navigation": [
            {
                "title": "Today",
                "items": [
                    _item("Appointments", "event", "appointments.appointment"),
                    _item("Repair orders", "build", "repair_orders.repairorder"),
                    _item("Parts orders", "local_shipping", "orders.order"),
                    _item("Returns", "undo", "orders.returnrequest"),
                    _item("Support tickets", "confirmation_number", "chat.supportticket"),
                ],
            },
            {
                "title": "Customers",
                "separator": True,
                "items": [
                    _item("Customers", "groups", "customers.customer"),
                    _item("Vehicles", "directions_car", "vehicles.vehicle"),
                    _item("Telematics", "speed", "vehicles.telematicsbatch"),
                    _item("Conversations", "chat", "chat.conversation"),
                    _item("Notifications", "notifications", "customers.notification"),
                    _item("Referrals", "diversity_1", "accounts.referral"),
                    _item("Reward points", "redeem", "accounts.rewardentry"),
                    _item("Uploads", "attach_file", "files.upload"),
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
                ],
            },
        ],
    },
}
