"""What each role may do, in the admin and in the staff's API alike: Django permissions, least first.

A role is the group of its name. The groups are written from this table after every migration; a permission given to a
person or a further group beside them counts in the admin.
"""

from __future__ import annotations

from common.domain.caller import Role


def _permissions(app: str, verbs: str, *models: str) -> frozenset[str]:
    return frozenset(f"{app}.{verb}_{model}" for verb in verbs.split() for model in models)


# Whoever works on vehicles sees the day and the order in front of him, and says when he starts and is done.
_TECHNICIAN = (
    _permissions(
        "appointments", "view", "appointment", "location", "technician", "servicetype", "reportedproblem"
    )
    | _permissions("appointments", "work", "appointment")
    | _permissions("customers", "view", "customer")
    | _permissions("vehicles", "view", "vehicle", "telematicsbatch")
    | _permissions("repair_orders", "view", "repairorder", "partline", "serviceline", "repairphoto")
    | _permissions("catalogue", "view", "part", "service")
    | _permissions("repair_orders", "work", "repairorder")
    | _permissions("files", "view", "upload")  # photos of what is wrong
    | _permissions("chat", "view", "conversation", "message", "supportticket")
    | _permissions("chat", "add", "message")  # who works on the car may answer its owner
)
# The desk: customers and their vehicles, visits, estimates and the customer's word on them; parcels out and back.
_ADVISOR = (
    _TECHNICIAN
    | _permissions("appointments", "add change assign", "appointment")
    | _permissions("customers", "add change", "customer")
    | _permissions("customers", "view", "notification")
    # Whom a customer's record is about, and whom he brought.
    | _permissions("accounts", "view", "user", "referral", "rewardentry")
    | _permissions("vehicles", "add change", "vehicle")
    | _permissions("repair_orders", "add change estimate decide", "repairorder")
    | _permissions("repair_orders", "add change delete", "partline", "serviceline")
    | _permissions("memberships", "view", "plan", "membership", "offer", "offermake")
    | _permissions("chat", "add change", "conversation")
    | _permissions("chat", "change", "supportticket")
    | _permissions("orders", "view", "order", "orderitem", "returnrequest", "returnline")
    | _permissions("orders", "change move", "order")
    | _permissions("orders", "decide", "returnrequest")
)
# The shop itself: what it sells, where, when and with whom; and money that goes back.
_MANAGER = (
    _ADVISOR
    | _permissions("orders", "refund", "returnrequest")
    | _permissions("catalogue", "add change delete", "part", "service")
    | _permissions("appointments", "add change", "technician", "location", "servicetype", "reportedproblem")
    | _permissions("appointments", "view add change delete", "openinghours", "closure", "bay")
    | _permissions("memberships", "add change", "plan")
    | _permissions("memberships", "add change delete", "offer", "offermake")
    | _permissions("memberships", "cancel", "membership")
    | _permissions("accounts", "view", "session", "device")
    | _permissions("accounts", "add", "rewardentry")
)
_ADMIN = (
    _MANAGER | _permissions("accounts", "add change", "user") | _permissions("accounts", "change", "session")
)

PERMISSIONS: dict[str, frozenset[str]] = {
    Role.CUSTOMER: frozenset(),
    Role.TECHNICIAN: _TECHNICIAN,
    Role.ADVISOR: _ADVISOR,
    Role.MANAGER: _MANAGER,
    Role.ADMIN: _ADMIN,
}
