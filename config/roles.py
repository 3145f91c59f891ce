"""The Django permissions of each role, for the admin and the staff's API (docs/decisions/0009).

A role is the group of its name. The groups are written from this table after every migration. In the admin, a user's
own permissions and those of further groups count as well.
"""

from __future__ import annotations

from common.domain.caller import Role


def _permissions(app: str, verbs: str, *models: str) -> frozenset[str]:
    return frozenset(f"{app}.{verb}_{model}" for verb in verbs.split() for model in models)


_PRICED_CATALOGUE = ("pricematrix", "priceband", "cannedjob", "cannedline")
_BOOKED = (
    *("invoice", "invoiceline", "creditnote", "creditnoteline", "payment", "allocation"),
    *("statement", "closedday", "invoiceseries", "vehicleexit"),
)
_PRICES = ("labourrate", "taxrule", "feerule", "overrunpolicy")

# Technicians see the day's appointments and the repair orders, and start and finish their work.
_TECHNICIAN = (
    _permissions(
        "appointments", "view", "appointment", "location", "technician", "servicetype", "reportedproblem"
    )
    | _permissions("appointments", "work", "appointment")
    | _permissions("appointments", "view", "shift")
    | _permissions("customers", "view", "customer")
    | _permissions("vehicles", "view", "vehicle", "telematicsbatch", "odometerreading", "recommendation")
    | _permissions("vehicles", "view", "fuellog", "scheduletemplate", "serviceschedule", "dtc")
    | _permissions("vehicles", "clear", "dtc")
    | _permissions("vehicles", "add", "odometerreading")
    | _permissions("repair_orders", "view", "repairorder", "job", "partline", "serviceline", "repairphoto")
    | _permissions("catalogue", "view", "part", "service", "stockmove", "reservation", *_PRICED_CATALOGUE)
    | _permissions("repair_orders", "view", *_PRICES, "taxexemption", "timeentry")
    | _permissions("repair_orders", "work", "repairorder")
    | _permissions("inspections", "view", "template", "templateitem", "inspection", "finding", "findingphoto")
    | _permissions("inspections", "add change", "inspection")
    | _permissions("files", "view", "upload")  # photos of the damage
    | _permissions("chat", "view", "conversation", "message", "supportticket")
    | _permissions("chat", "add", "message")  # technicians may answer the owner of a vehicle they work on
)
# Advisors: customers and their vehicles, appointments, estimates and decisions on them, the shelf, parts orders and
# returns, invoices, payments and refunds.
_ADVISOR = (
    _TECHNICIAN
    | _permissions("appointments", "add change assign", "appointment")
    | _permissions("appointments", "view add", "absence")
    | _permissions("customers", "add change", "customer")
    | _permissions("customers", "view", "notification", "invitation", "phonecall")
    | _permissions("reminders", "view", "remindermail", "reminder")
    # The user behind a customer record, and their referrals.
    | _permissions("accounts", "view", "user", "referral", "rewardentry")
    | _permissions("vehicles", "add change", "vehicle")
    | _permissions("vehicles", "transfer", "vehicle")
    | _permissions("vehicles", "add change dismiss", "recommendation")
    | _permissions("vehicles", "correct", "odometerreading")
    | _permissions("passports", "view add withdraw", "passportlink")
    | _permissions("repair_orders", "add change estimate decide", "repairorder")
    | _permissions("repair_orders", "add change", "job")
    | _permissions("repair_orders", "change clock", "timeentry")
    | _permissions("repair_orders", "add change delete", "partline", "serviceline")
    | _permissions("repair_orders", "add change delete", "taxexemption")
    | _permissions("catalogue", "receive count", "part")
    | _permissions("memberships", "view", "plan", "membership", "offer", "offermake")
    | _permissions("chat", "add change", "conversation")
    | _permissions("chat", "change", "supportticket")
    | _permissions("orders", "view", "order", "orderitem", "returnrequest", "returnline")
    | _permissions("orders", "change move", "order")
    | _permissions("orders", "decide", "returnrequest")
    | _permissions("billing", "view", *_BOOKED)
    | _permissions("billing", "add send", "invoice")
    | _permissions("billing", "add refund", "payment")
    | _permissions("billing", "add", "vehicleexit")
)
# Managers: the catalogue, locations, hours and technicians, plans and offers, refunds of returns, credit notes,
# opening balances and the closing of days, events.
_MANAGER = (
    _ADVISOR
    | _permissions("repair_orders", "reopen withdraw", "repairorder")
    | _permissions("orders", "refund", "returnrequest")
    | _permissions("billing", "open_account", "invoice")
    | _permissions("billing", "add", "creditnote", "closedday", "statement")
    | _permissions("billing", "reverse", "payment")
    | _permissions("billing", "override", "vehicleexit")
    | _permissions("billing", "add change", "invoiceseries")
    | _permissions("repair_orders", "reopen withdraw", "repairorder")
    | _permissions("catalogue", "add change delete", "part", "service", *_PRICED_CATALOGUE)
    | _permissions("repair_orders", "add change delete", *_PRICES)
    | _permissions("inspections", "add change delete", "template", "templateitem")
    | _permissions("appointments", "add change", "technician", "location", "servicetype", "reportedproblem")
    | _permissions("appointments", "view add change delete", "openinghours", "closure", "bay")
    | _permissions("appointments", "add change delete", "shift", "absence")
    | _permissions("vehicles", "add change", "scheduletemplate")
    | _permissions("memberships", "add change", "plan")
    | _permissions("memberships", "add change delete", "offer", "offermake")
    | _permissions("memberships", "cancel", "membership")
    | _permissions("customers", "merge", "customer")
    | _permissions("accounts", "view", "session", "device", "emailchange")
    | _permissions("accounts", "add", "rewardentry")
    | _permissions("accounts", "view add revoke", "apikey")
    | _permissions("billing", "report", "closedday")
    | _permissions("common", "view", "event")
    | _permissions("integrations", "view add change delete", "webhook")
    | _permissions("integrations", "view", "delivery", "attempt")
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
