"""The types of events (docs/design, D24).

`docs/events.md` prints them. Tests compare them with the machines and with what the rooms record.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from django.apps import apps
from django.db import models

from accounts.models import REFERRAL_MACHINE, Referral
from appointments.models import APPOINTMENT_MACHINE, Appointment
from chat.models import CONVERSATION_MACHINE, Conversation
from common.domain.events import id_names
from common.domain.transitions import Machine
from memberships.models import MEMBERSHIP_MACHINE, Membership
from orders.models import ORDER_MACHINE, RETURN_MACHINE, Order, ReturnRequest
from repair_orders.models import REPAIR_ORDER_MACHINE, RepairOrder

MACHINES: dict[type[models.Model], Machine] = {
    Appointment: APPOINTMENT_MACHINE,
    Conversation: CONVERSATION_MACHINE,
    Membership: MEMBERSHIP_MACHINE,
    Order: ORDER_MACHINE,
    Referral: REFERRAL_MACHINE,
    RepairOrder: REPAIR_ORDER_MACHINE,
    ReturnRequest: RETURN_MACHINE,
}


@dataclass(frozen=True)
class EventType:
    """What an event reports, the functions that record it, and the keys of its payload beside the subject's ids."""

    text: str
    by: str
    payload: tuple[str, ...] = ()


_State = tuple[str, str]  # the text, and the steps that lead to it
_PAGE = "the admin"
_PAGES = "the admin and imports"


def _states(subject: type[models.Model], **states: _State) -> dict[str, EventType]:
    """Return the types of a machine, which `transition()` records."""
    label = subject._meta.label_lower
    return {f"{label}.{state}": EventType(text, by, ("status",)) for state, (text, by) in states.items()}


def _rows(label: str, noun: str, by: str, verbs: str = "created changed removed") -> dict[str, EventType]:
    """Return the types of a row that is added, changed and removed."""
    texts = {
        "created": f"{noun} was added.",
        "changed": f"{noun} was changed, or what belongs to it.",
        "removed": f"{noun} was removed.",
    }
    return {f"{label}.{verb}": EventType(texts[verb], by) for verb in verbs.split()}


TYPES: Mapping[str, EventType] = MappingProxyType(
    {
        # --- accounts
        **_rows(
            "accounts.user",
            "A user",
            "create_account, create_contact, accept_as_new, change_person, confirm_email",
        ),
        "accounts.user.role_changed": EventType("A user got another role.", "change_role", ("role",)),
        "accounts.user.activated": EventType("A user may sign in again.", "set_active"),
        "accounts.user.deactivated": EventType("A user may not sign in any more.", "set_active"),
        "accounts.apikey.created": EventType("An API key was made.", "create_api_key", ("role",)),
        "accounts.apikey.revoked": EventType("An API key is refused from now on.", "revoke"),
        **_rows("accounts.referral", "A referral", "refer", "created"),
        **_states(
            Referral,
            credited=("The first repair of the referred user was completed.", "credit_referrals"),
        ),
        "accounts.rewardentry.created": EventType("Points were booked.", "book_points", ("points",)),
        # --- customers
        **_rows(
            "customers.customer", "A customer", "create_customer, change_customer", "created changed removed"
        ),
        "customers.customer.verified": EventType("The shop verified the company.", "verify"),
        "customers.customer.verification_withdrawn": EventType(
            "The shop took that back.", "withdraw_verification"
        ),
        "customers.customer.merged": EventType(
            "The customer was merged into another.", "merge_customers", ("into",)
        ),
        "customers.customer.login_left": EventType(
            "A login acts for the customer no more.",
            "remove_login, delete_profile, leave_accounts",
            ("user_id",),
        ),
        "customers.customer.left": EventType(
            "The last login left, and the personal data was cleared.", "delete_profile, leave_accounts"
        ),
        "customers.customeruser.created": EventType(
            "An invited login acts for the customer.", "accept, accept_as_new", ("user_id", "role")
        ),
        **_rows("customers.customeruser", "The role or limit of a login", "change_login", "changed"),
        "customers.invitation.created": EventType("An invitation was sent.", "invite, resend", ("role",)),
        "customers.invitation.withdrawn": EventType("It was withdrawn.", "withdraw, resend"),
        "customers.phonecall.created": EventType("A call to the customer was noted.", "note_call"),
        "customers.notification.created": EventType("The customer got a notification.", "notify", ("kind",)),
        # --- catalogue
        **_rows("catalogue.part", "A part", "save_article, remove_article"),
        "catalogue.part.stock_changed": EventType(
            "Its stock, its reservations or its cost changed.",
            "receive, count, return_to_vendor, take_back, reserve, release, issue",
            ("stock", "reserved"),
        ),
        "catalogue.part.ordered": EventType(
            "What is on order of it from a vendor was noted. 0 pieces end it.",
            "order_from_vendor",
            ("on_order",),
        ),
        **_rows("catalogue.service", "A service", "save_article, remove_article"),
        **_rows("catalogue.cannedjob", "A canned job", "save_canned_job, remove_canned_job"),
        **_rows("catalogue.cannedline", "A line of a canned job", _PAGES),
        **_rows("catalogue.pricematrix", "A price matrix", "save_matrix, remove_matrix"),
        **_rows("catalogue.priceband", "A band of a price matrix", _PAGES),
        # --- vehicles
        **_rows("vehicles.vehicle", "A vehicle", "add_vehicle, change_vehicle, link_dongle, unlink_dongle"),
        "vehicles.vehicle.archived": EventType("It is not in use any more.", "archive_vehicle"),
        "vehicles.vehicle.restored": EventType("It is in use again.", "restore_vehicle"),
        "vehicles.vehicle.transferred": EventType(
            "It has a new owner, and goes on as the vehicle `into`.", "transfer_vehicle", ("into",)
        ),
        "vehicles.odometerreading.created": EventType("The odometer was read.", "read_odometer", ("miles",)),
        "vehicles.odometerreading.corrected": EventType(
            "A reading was replaced by this one.", "correct_odometer", ("miles",)
        ),
        **_rows(
            "vehicles.recommendation",
            "A recommendation",
            "add_recommendation, change_recommendation, record_finding, report_code, recommend_due, answer",
        ),
        "vehicles.recommendation.open": EventType("It stands again.", "follow_answers, follow_finding"),
        "vehicles.recommendation.quoted": EventType("Its work is on an order.", "follow_answers"),
        "vehicles.recommendation.done": EventType("Its work is done.", "follow_answers, record_service"),
        "vehicles.recommendation.dismissed": EventType("It was dismissed.", "dismiss, follow_finding, clear"),
        "vehicles.dtc.created": EventType("A trouble code was seen.", "report_code, see_codes", ("code",)),
        "vehicles.dtc.cleared": EventType("It was cleared.", "clear"),
        **_rows("vehicles.fuellog", "A fill-up", "add_fuel_log, change_fuel_log, remove_fuel_log"),
        "vehicles.serviceschedule.completed": EventType("The regular work was done.", "record_service"),
        **_rows("vehicles.scheduletemplate", "A template of regular work", "save_template"),
        # --- appointments
        "appointments.appointment.booked": EventType(
            "An appointment was booked, or a walk-in was taken.", "book_appointment, walk_in", ("start",)
        ),
        "appointments.appointment.moved": EventType(
            "Its time, location, bay or vehicle changed.", "move_appointment", ("start",)
        ),
        "appointments.appointment.assigned": EventType(
            "It got a technician.", "assign_technician", ("technician_id",)
        ),
        **_rows("appointments.appointment", "A text of an appointment", "change_texts", "changed"),
        **_states(
            Appointment,
            in_progress=("The work began.", "start_appointment"),
            completed=("The work is done, or the vehicle left.", "complete_appointment, end_visit"),
            cancelled=("It was cancelled.", "cancel_appointment, cancel_pending_appointment"),
        ),
        **_rows("appointments.location", "A location", "save_location"),
        **_rows("appointments.openinghours", "A row of opening hours", _PAGE),
        **_rows("appointments.closure", "A day without opening hours", _PAGE),
        **_rows("appointments.bay", "A bay", _PAGE),
        **_rows("appointments.servicetype", "A bookable service", _PAGE),
        **_rows("appointments.reportedproblem", "A problem to choose from", _PAGE),
        **_rows("appointments.technician", "A technician", "save_technician, add_login"),
        **_rows("appointments.shift", "A shift", "save_shift, remove_shift"),
        **_rows("appointments.absence", "An absence", "save_absence, remove_absence"),
        # --- repair orders
        **_rows(
            "repair_orders.repairorder",
            "A repair order",
            "request_repair, copy_order, come_back, change_order, retax",
        ),
        "repair_orders.repairorder.checked_in": EventType("The vehicle was taken in.", "check_in"),
        "repair_orders.repairorder.vehicle_out": EventType("The vehicle left.", "vehicle_out", ("balance",)),
        **_states(
            RepairOrder,
            pending=(
                "An estimate was sent, sent again, or its authorisation withdrawn.",
                "send_estimate, withdraw",
            ),
            approved=("The customer approved the estimate or a part of it.", "answer, approve"),
            denied=(
                "The shop or the customer declined, or the customer stopped the work.",
                "answer, deny, stop",
            ),
            in_progress=("The work began, or a completed order was reopened.", "start, reopen"),
            completed=("The work is done.", "complete"),
        ),
        **_rows("repair_orders.job", "A job", "add_job, add_canned_job, change_job, remove_job"),
        "repair_orders.job.proposed": EventType("A declined or deferred job is proposed again.", "propose"),
        "repair_orders.job.done": EventType("A job is done before its order is.", "finish_job"),
        "repair_orders.job.not_done": EventType(
            "It was taken back that a job is done. It is approved again.", "unfinish_job"
        ),
        **{
            f"repair_orders.{kind}.{verb}": EventType(text, by, ("job_id", "amount"))
            for kind, noun in (("partline", "A part"), ("serviceline", "Labor or sublet work"))
            for verb, text, by in (
                ("created", f"{noun} was added to a job.", "add_part_line, add_service_line, change_lines"),
                (
                    "changed",
                    f"{noun} of a job was changed.",
                    "change_line, change_lines_of_jobs, change_lines",
                ),
                ("removed", f"{noun} was taken off a job.", "remove_line, remove_line_of_job, change_lines"),
            )
        },
        "repair_orders.orderdiscount.created": EventType(
            "A plan's discount, an offer or points were taken for an order.",
            "give_discount, request_repair",
            ("kind",),
        ),
        "repair_orders.orderdiscount.removed": EventType("It was taken off.", "take_off", ("kind",)),
        "repair_orders.estimate.sent": EventType(
            "A revision of the estimate was sent.", "send_estimate", ("revision", "total")
        ),
        "repair_orders.estimate.stored": EventType(
            "A revision was stored that staff read to the customer. Its answer follows.",
            "record_answer",
            ("revision", "total"),
        ),
        "repair_orders.estimate.answered": EventType(
            "The customer answered it. `approved` is the number of jobs.",
            "answer, record_answer, approve, deny",
            ("revision", "total", "approved"),
        ),
        "repair_orders.timeentry.started": EventType(
            "A technician's clock started.", "clock_in", ("job_id",)
        ),
        "repair_orders.timeentry.ended": EventType(
            "A technician's clock stopped.", "clock_out, finish_job, complete, stop", ("job_id",)
        ),
        "repair_orders.timeentry.changed": EventType(
            "Its times were corrected.", "correct_entry", ("job_id",)
        ),
        **_rows("repair_orders.labourrate", "A labor rate", "save_labour_rate, remove_labour_rate"),
        **_rows("repair_orders.taxrule", "A tax rule", "save_rule, remove_rule"),
        **_rows("repair_orders.feerule", "A fee", "save_fee_rule, remove_rule"),
        **_rows("repair_orders.overrunpolicy", "An overrun policy", "save_rule, remove_rule"),
        **_rows("repair_orders.taxexemption", "An exemption certificate", "save_exemption, remove_rule"),
        # --- inspections
        "inspections.inspection.started": EventType(
            "An inspection began.", "start_inspection", ("repair_order_id",)
        ),
        "inspections.inspection.finished": EventType(
            "It is finished, and shown to the customer.",
            "finish_inspection",
            ("repair_order_id", "customer_id"),
        ),
        "inspections.finding.changed": EventType(
            "A finding was recorded.", "record_finding, add_finding", ("rating",)
        ),
        **_rows("inspections.template", "A template of inspections", "save_template, remove_template"),
        # --- orders
        **_rows("orders.order", "A parts order", "place_order, the admin", "created changed"),
        **_states(
            Order,
            confirmed=("The order is paid for.", "confirm, mark_paid"),
            packed=("It was packed.", "pack"),
            shipped=("It was given to the courier.", "ship"),
            delivered=("It arrived.", "deliver"),
            cancelled=("It was cancelled, or not paid for in time.", "cancel, cancel_unpaid, expire_unpaid"),
            returned=("Everything was returned and refunded.", "refund"),
        ),
        "orders.returnrequest.created": EventType(
            "A customer wants to return items.", "request_return", ("refund_amount",)
        ),
        **_states(
            ReturnRequest,
            approved=("The customer may send the items.", "approve"),
            received=("The items arrived.", "receive"),
            refunded=("The money was given back.", "refund"),
            refused=("The shop refused the return.", "refuse"),
        ),
        # --- billing
        "billing.invoice.issued": EventType(
            "An invoice was issued.", "issue_invoice", ("total", "repair_order_id")
        ),
        "billing.invoice.opened": EventType("What a customer owed was booked.", "open_account", ("total",)),
        "billing.invoice.credited": EventType(
            "A credit note was issued.", "credit_lines, credit_amount, credit_all", ("credit_note", "total")
        ),
        "billing.invoice.sent": EventType("It was mailed to the customer.", "send_invoice", ("by",)),
        "billing.allocation.created": EventType(
            "A part of a payment was used for an invoice, a repair order or a parts order, or taken off it again: then "
            "`amount` is negative. What is paid and open changed by it.",
            "take_payment, allocate, issue_invoice, reverse, credit_lines, credit_amount, credit_all",
            ("amount", "payment_id", "invoice_id", "order_id"),
        ),
        "billing.payment.taken": EventType(
            "A payment or deposit was taken.", "take_payment", ("amount", "method")
        ),
        "billing.payment.opened": EventType(
            "What a customer was owed was booked.", "open_account", ("amount",)
        ),
        "billing.payment.used": EventType(
            "What was open of it was used for invoices or orders.", "allocate", ("open",)
        ),
        "billing.payment.refunded": EventType(
            "Money of the payment was given back, or it was reversed.",
            "refund, reverse",
            ("amount", "refund"),
        ),
        "billing.payment.receipt_sent": EventType(
            "A receipt was mailed to the customer.", "send_receipt", ("by",)
        ),
        "billing.statement.created": EventType("A statement was made.", "make_statement", ("balance",)),
        "billing.statement.sent": EventType("It was mailed to the customer.", "send_statement", ("by",)),
        **_rows("billing.statementrun", "A run of statements", "run_statements", "created"),
        "billing.closedday.created": EventType("A day of a location was closed.", "close_day"),
        **_rows("billing.invoiceseries", "The prefix of a location's numbers", "set_prefix", "changed"),
        # --- passports, memberships, chat
        **_rows("passports.passportlink", "A link to a passport", "share", "created"),
        "passports.passportlink.withdrawn": EventType("It was withdrawn.", "withdraw"),
        "memberships.membership.created": EventType("A user joined a plan.", "join", ("plan_id",)),
        "memberships.membership.changed": EventType("It renews by itself now, or no more.", "switch_renewal"),
        **_states(Membership, cancelled=("It ended.", "cancel, end_memberships")),
        **_rows("memberships.plan", "A plan", _PAGE),
        **_rows("memberships.offer", "An offer", _PAGE),
        **_rows("memberships.offermake", "A make that an offer is for", _PAGE),
        **_rows("chat.conversation", "A conversation", "start_conversation", "created changed"),
        **_states(
            Conversation,
            open=("It was opened again.", "post_message, ensure_status"),
            in_progress=("The shop took it up.", "post_message"),
            resolved=("The matter is settled.", "change_status"),
            closed=("It was closed.", "change_status, ensure_status"),
        ),
        "chat.supportticket.created": EventType(
            "A support ticket was opened.", "open_support_ticket", ("priority",)
        ),
        **_rows("chat.supportticket", "A support ticket", _PAGE, "changed"),
        # --- integrations
        **_rows("integrations.webhook", "A webhook", "add_webhook, change_webhook, remove_webhook"),
        "integrations.webhook.enabled": EventType("Events are sent to it again.", "change_webhook"),
        "integrations.webhook.disabled": EventType(
            "Nothing is sent to it any more: `by_staff`, `failed` or `gone`.",
            "change_webhook, record_outcomes",
            ("because",),
        ),
        "integrations.webhook.secret_rotated": EventType("It got a new secret.", "rotate_secret"),
        "integrations.webhook.tested": EventType("A test of it was ordered.", "send_test", ("by",)),
        "integrations.webhook.replayed": EventType(
            "Events are sent to it again.", "replay, replay_span", ("deliveries",)
        ),
        "chat.supportticket.escalated": EventType("Its priority was raised to high.", "escalate"),
    }
)


def payload_of(type: str) -> tuple[str, ...]:
    """Return the keys of a type's payload: the ids of its subject, and its own."""
    return tuple(dict.fromkeys([*id_names(subject_of(type)), *TYPES[type].payload]))


def subject_of(type: str) -> builtins.type[models.Model]:
    """Return the model of a type's subject."""
    return apps.get_model(type.rpartition(".")[0])
