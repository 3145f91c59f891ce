"""Each action that changes something records exactly the events of docs/events.md that it should.

`CASES` calls every action once. A function of the rooms that writes is in it, or in `WITHOUT` with the reason.
"""

from __future__ import annotations

import ast
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from django.conf import settings
from django.contrib import admin
from django.urls import reverse
from django.utils import timezone

from accounts import actions as users
from accounts import emails, profile, referrals, registration
from accounts.keys import actions as keys
from accounts.links import hash_link_token
from accounts.models import User
from appointments import actions as visits
from appointments import rota
from billing import credit_notes, days, exits, invoices, openings, payments, sending, statements
from billing.ledger import Target
from catalogue import actions as catalogue
from catalogue.models import Part
from catalogue.pricing import actions as pricing
from catalogue.shelf import actions as shelf
from catalogue.shelf.ordered import order_from_vendor
from chat import actions as chat
from chat import window
from common.admin.pages import StaffAdmin
from common.domain.caller import Caller, LoginRole, Role
from common.domain.models import Event
from config.management.commands.event_types import Command as EventTypes
from customers import actions as customers
from customers import invitations, logins
from customers.calls.actions import note_call
from desk.setup import actions as setup
from inspections import actions as inspections
from inspections import templates
from integrations.types import MACHINES, TYPES, payload_of
from integrations.webhooks import actions as webhooks
from integrations.webhooks import queue
from integrations.webhooks.addresses import look_up
from integrations.webhooks.sending import Outcome
from memberships import actions as memberships
from orders import actions as orders
from orders import returns
from passports import actions as passports
from privacy import merge
from repair_orders import actions as repairs
from repair_orders import check_in, clock, jobs
from repair_orders.discounts import actions as discounts
from repair_orders.estimates import actions as estimates
from repair_orders.estimates import company as companies
from repair_orders.pricing import actions as prices
from repair_orders.pricing.models import TaxRule
from repair_orders.time_entries import actions as entries
from testing import billed
from testing import factories as make
from testing.admin import page as of_row
from testing.worked_example import estimated, fresh, new_order, reload, started
from vehicles import actions as vehicles
from vehicles import odometer, recommendations
from vehicles.codes import actions as codes
from vehicles.fuel import actions as fuel
from vehicles.schedules import actions as schedules

pytestmark = pytest.mark.django_db
D = Decimal
NOW = timezone.now
CASES = {}
# Parts of other actions, and what has a log of its own or is no business of other programs.
WITHOUT = {
    "a sign-in, a session, a password or a second factor": """
        accounts.actions.open_session accounts.actions.remember_address accounts.actions.rotate_refresh
        accounts.actions.ensure_page_session accounts.own_sessions.end_own_session
        accounts.own_sessions.end_other_sessions accounts.passwords.change_password accounts.passwords.reset_password
        accounts.second_factor.check_code accounts.second_factor.renew_recovery_codes
        accounts.second_factor.set_up accounts.second_factor.remove chat.sockets.tokens.redeem
        accounts.keys.callers.load_key_caller""",
    "what has expired, or how far a task is": """
        accounts.actions.clear_ended_sessions accounts.actions.clear_known_addresses
        passports.actions.clear_ended_links reminders.sweep.clear_parking_reminders reminders.sweep.order_reminders
        reminders.tasks.mail_reminder accounts.tasks.mail_undo_link accounts.tasks.mail_confirmation
        customers.tasks.mail_invitation billing.statements.continue_run billing.once.claim
        repair_orders.estimates.tasks.mail_estimate
        vehicles.telematics.downsampling.downsample vehicles.schedules.actions.spread
        reminders.sweep.sweep integrations.webhooks.queue.record_due
        integrations.webhooks.queue.claim integrations.webhooks.removal.delete_webhook
        integrations.webhooks.removal.delete_deliveries""",
    "files, which are seen with the row that they belong to": """
        files.actions.receive files.actions.save_file files.actions.store_file files.actions.discard_file
        files.actions.attach files.actions.presign
        files.actions.prune files.avatars.change_avatar files.papers.stored_paper appointments.logos.save_logo""",
    "a person's own inbox, messages and parking": """
        customers.actions.mark_read customers.actions.delete_notification chat.actions.withdraw_message
        chat.actions.post_message chat.actions.post_messages vehicles.parking.actions.clear_spots
        vehicles.parking.actions.park vehicles.parking.actions.change_spot vehicles.parking.actions.remove_spot""",
    "a part of another action, which records the event": """
        accounts.emails.record_change billing.invoices.draw_number billing.ledger.post billing.ledger.set_open
        billing.ledger.set_balance catalogue.placeholders.typed_part catalogue.placeholders.typed_service
        customers.actions.add_first_login customers.actions.count_service customers.logins.ensure_owner
        customers.actions.change_contact orders.actions.move orders.actions.mark_paid passports.actions.withdraw_all
        inspections.recommended.follow_finding repair_orders.discounts.actions.release
        repair_orders.discounts.actions.give_back_rest repair_orders.estimates.actions.store_estimate
        repair_orders.time_entries.actions.stop_entry vehicles.codes.actions.copy_open vehicles.odometer.add_reading
        vehicles.codes.actions.join_codes vehicles.fuel.actions.follow_correction
        vehicles.fuel.actions.update_consumption vehicles.odometer.save_with_reading vehicles.odometer.take_over
        vehicles.recommendations.copy_standing vehicles.recommendations.recommend_declined
        vehicles.recommendations.reopen vehicles.recommendations.move vehicles.schedules.actions.start_schedules
        vehicles.schedules.actions.record_work vehicles.schedules.actions.withdraw_work
        vehicles.schedules.actions.continue_schedules vehicles.schedules.actions.join_schedules
        vehicles.schedules.actions.recommend_in_order repair_orders.changes.settle repair_orders.cores.add_core
        repair_orders.estimates.added_tax.add_tax
        repair_orders.cores.follow_part repair_orders.discounts.actions.take_discounts
        repair_orders.recommended.follow_answers""",
    "the erasure of a person, which has no event of its own": "privacy.erase.erase",
    "pages and exports, which call actions": """
        desk.order.buttons.add desk.prices.lists.write_prices privacy.export.export desk.setup.actions.set_up""",
}


def case(action, *types):
    """Let the decorated function prepare a call of `action`, which records these events in any order."""

    def decorate(prepare):
        CASES.setdefault(f"{action.__module__}.{action.__name__}", []).append((prepare, action, types))
        return prepare

    return decorate


def caller(customer):
    return Caller(Role.CUSTOMER, customer.contact_id, customer.pk, login_role=LoginRole.OWNER)


# --- accounts


@case(users.change_role, "accounts.user.role_changed")
def _():
    return {"user": make.UserFactory(), "role": "manager", "now": NOW()}


@case(users.set_active, "accounts.user.deactivated")
def _():
    return {"user": make.UserFactory(), "is_active": False, "now": NOW()}


@case(users.set_active, "accounts.user.activated")
def _():
    return {"user": make.UserFactory(is_active=False), "is_active": True, "now": NOW()}


@case(keys.create_api_key, "accounts.apikey.created")
def _():
    return {"name": "Website", "role": "advisor", "by": None, "now": NOW()}


@case(keys.revoke, "accounts.apikey.revoked")
def _():
    return {"key": make.ApiKeyFactory(), "now": NOW()}


@case(registration.create_account, "accounts.user.created", "accounts.referral.created")
def _():
    code = make.UserFactory().referral_code
    return {"user": User(email="new@example.com"), "referral_code": code, "now": NOW()}


@case(profile.change_person, "accounts.user.changed")
def _():
    return {"user": make.UserFactory(), "first_name": "Other"}


@case(emails.confirm_email, "accounts.user.changed")
def _():
    user = make.UserFactory(email="new@example.com")
    make.EmailChangeFactory(
        user=user, new_email=user.email, confirm_hash=hash_link_token("token"), confirmed_at=None
    )
    return {"token": "token", "now": NOW()}


@case(emails.undo_change, "accounts.user.changed")
def _():
    change = make.EmailChangeFactory(undo_hash=hash_link_token("token"), undo_email="old@example.com")
    return {"token": "token", "now": change.created_at}


@case(referrals.refer, "accounts.referral.created")
def _():
    return {
        "friend_id": make.UserFactory().pk,
        "code": make.UserFactory().referral_code,
        "now": NOW(),
    }


@case(referrals.credit_referrals, "accounts.referral.credited", "accounts.rewardentry.created")
def _():
    return {"friends": [make.ReferralFactory().referred_id], "by": None, "now": NOW()}


@case(referrals.book_points, "accounts.rewardentry.created")
def _():
    return {"user_id": make.UserFactory().pk, "points": 5, "reason": "Thanks", "now": NOW()}


# --- customers


@case(customers.create_customer, "customers.customer.created")
def _():
    return {"user": make.UserFactory(), "now": NOW()}


@case(customers.create_imported, "accounts.user.created", "customers.customer.created")
def _():
    user = make.UserFactory.build(email="new@example.com")
    customer = make.CustomerFactory.build(contact=user)
    return {"customers": [customer], "by": None, "now": NOW(), "why": "import"}


@case(customers.create_contact, "accounts.user.created")
def _():
    return {"email": "new@example.com", "first_name": "Pat"}


@case(customers.change_customer, "customers.customer.changed")
def _():
    return {"customer": make.CustomerFactory(), "city": "Shelbyville"}


@case(customers.change_customer)
def _():
    customer = make.CustomerFactory(city="Springfield")
    return {"customer": customer, "city": "Springfield"}


@case(customers.verify, "customers.customer.verified")
def _():
    return {"customer": make.CustomerFactory(is_verified=False)}


@case(customers.withdraw_verification, "customers.customer.verification_withdrawn")
def _():
    return {"customer": make.CustomerFactory(is_verified=True)}


@case(customers.delete_profile, "customers.customer.login_left", "customers.customer.left")
def _():
    return {"user_id": make.CustomerFactory().contact_id, "now": NOW()}


@case(customers.leave_accounts, "customers.customer.login_left", "customers.customer.left")
def _():
    return {"user_id": make.CustomerFactory().contact_id}


@case(note_call, "customers.phonecall.created")
def _():
    return {"customer": make.CustomerFactory(), "outcome": "No answer", "by": None, "now": NOW()}


@case(customers.notify, "customers.notification.created")
def _():
    customer = make.CustomerFactory()
    return {"customer_id": customer.pk, "type": "ORDER", "title": "T", "message": "M", "now": NOW()}


def company():
    return make.CustomerFactory(is_verified=True, company_name="Acme")


@case(invitations.invite, "customers.invitation.created")
def _():
    customer = company()
    return {
        "customer_id": customer.pk,
        "email": "new@example.com",
        "role": LoginRole.VIEWER,
        "by": customer.contact_id,
        "page": "https://x.example/",
        "now": NOW(),
    }


def invitation(**fields):
    customer = company()
    fields = {
        "customer": customer,
        "token_hash": hash_link_token("token"),
        "email": "new@example.com",
    } | fields
    return make.InvitationFactory(**fields)


@case(invitations.resend, "customers.invitation.withdrawn", "customers.invitation.created")
def _():
    row = invitation()
    return {"invitation": row, "by": row.customer.contact_id, "page": "https://x.example/", "now": NOW()}


@case(invitations.withdraw, "customers.invitation.withdrawn")
def _():
    row = invitation()
    return {"invitation": row, "by": row.customer.contact_id, "now": NOW()}


@case(invitations.accept, "customers.customeruser.created")
def _():
    invitation()
    return {"token": "token", "user_id": make.UserFactory(email="new@example.com").pk, "now": NOW()}


@case(invitations.accept_as_new, "accounts.user.created", "customers.customeruser.created")
def _():
    invitation()
    return {
        "token": "token",
        "first_name": "Pat",
        "last_name": "Cole",
        "password": "a-long-and-strong-one-7",
        "address": "198.51.100.7",
        "now": NOW(),
    }


@case(logins.change_login, "customers.customeruser.changed")
def _():
    customer = company()
    login = make.CustomerUserFactory(customer=customer)
    return {
        "login": login,
        "role": LoginRole.VIEWER,
        "approval_limit": None,
        "by": customer.contact_id,
        "now": NOW(),
    }


@case(logins.remove_login, "customers.customer.login_left")
def _():
    customer = company()
    login = make.CustomerUserFactory(customer=customer)
    return {"login": login, "by": customer.contact_id, "now": NOW()}


@case(merge.merge_customers, "customers.customer.merged")
def _():
    return {"customer": make.CustomerFactory(), "into": make.CustomerFactory(), "by": None, "now": NOW()}


# --- catalogue


@case(catalogue.save_article, "catalogue.part.created")
def _():
    return (Part(),), {"name": "Filter", "part_number": "F1", "unit_price": D("9.00")}


@case(catalogue.save_article, "catalogue.service.changed")
def _():
    return (make.ServiceFactory(),), {"name": "Other"}


@case(catalogue.remove_article, "catalogue.part.removed")
def _():
    return (make.PartFactory(),), {}


BAND = {"from_cost": D("0.00"), "multiplier": D("2.00")}


@case(pricing.save_matrix, "catalogue.pricematrix.created")
def _():
    return (make.PriceMatrixFactory.build(),), {"name": "Parts", "bands": [BAND]}


@case(pricing.save_matrix, "catalogue.pricematrix.changed")
def _():
    return (make.PriceMatrixFactory(),), {"bands": [BAND]}


@case(pricing.save_matrix)
def _():
    band = make.PriceBandFactory()
    values = {"from_cost": band.from_cost, "multiplier": band.multiplier, "margin": band.margin}
    return (band.matrix,), {"name": band.matrix.name, "bands": [values]}


@case(pricing.remove_matrix, "catalogue.pricematrix.removed")
def _():
    return (make.PriceMatrixFactory(),), {}


LINE = {"kind": "labour", "name": "Work", "amount": D("10.00")}


@case(pricing.save_canned_job, "catalogue.cannedjob.created")
def _():
    return (make.CannedJobFactory.build(),), {"name": "Brakes", "lines": [LINE]}


@case(pricing.save_canned_job, "catalogue.cannedjob.changed")
def _():
    return (make.CannedJobFactory(),), {"name": "Other", "lines": [LINE]}


@case(pricing.remove_canned_job, "catalogue.cannedjob.removed")
def _():
    return (make.CannedJobFactory(),), {}


def on_shelf(pieces=5):
    part = make.PartFactory()
    make.put_on_shelf(part, pieces)
    return part


@case(shelf.receive, "catalogue.part.stock_changed")
def _():
    return {"part": make.PartFactory(), "pieces": 2, "by": None, "now": NOW()}


@case(shelf.count, "catalogue.part.stock_changed")
def _():
    return {"part": on_shelf(), "pieces": 3, "reason": "Broken", "by": None, "now": NOW()}


@case(shelf.return_to_vendor, "catalogue.part.stock_changed")
def _():
    return {"part": on_shelf(), "pieces": 2, "reference": "R1", "by": None, "now": NOW()}


@case(order_from_vendor, "catalogue.part.ordered")
def _():
    return {"part": make.PartFactory(), "pieces": 2, "vendor": "NAPA", "by": None, "now": NOW()}


@case(shelf.reserve, "catalogue.part.stock_changed", "catalogue.part.stock_changed")
def _():
    return {"source": "order:1", "pieces": {on_shelf().pk: 1, on_shelf().pk: 2}, "by": None, "now": NOW()}


def reserved():
    part = on_shelf()
    shelf.reserve(source="order:1", pieces={part.pk: 2}, by=None, now=NOW())
    return part


@case(shelf.release_all, "catalogue.part.stock_changed")
def _():
    reserved()
    return {"sources": ["order:1"], "by": None, "now": NOW()}


@case(shelf.issue, "catalogue.part.stock_changed")
def _():
    reserved()
    return {"source": "order:1", "by": None, "now": NOW()}


@case(shelf.take_back, "catalogue.part.stock_changed")
def _():
    part = reserved()
    shelf.issue(source="order:1", by=None, now=NOW())
    return {"source": "order:1", "pieces": {part.pk: 2}, "by": None, "now": NOW()}


# --- vehicles


@case(vehicles.add_vehicle, "vehicles.vehicle.created")
def _():
    return {
        "customer": make.CustomerFactory(),
        "by": None,
        "now": NOW(),
        "make": "Honda",
        "model": "Civic",
        "year": 2019,
        "odometer": D(10),
    }


@case(vehicles.change_vehicle, "vehicles.vehicle.changed")
def _():
    return {"vehicle": make.VehicleFactory(), "by": None, "now": NOW(), "color": "red"}


@case(vehicles.archive_vehicle, "vehicles.vehicle.archived")
def _():
    return {"vehicle": make.VehicleFactory(), "now": NOW()}


@case(vehicles.restore_vehicle, "vehicles.vehicle.restored")
def _():
    return {"vehicle": make.VehicleFactory(archived_at=NOW())}


@case(vehicles.transfer_vehicle, "vehicles.vehicle.transferred")
def _():
    vehicle = make.VehicleFactory()
    make.RecommendationFactory(vehicle=vehicle)
    return {"vehicle": vehicle, "customer": make.CustomerFactory(), "by": None, "now": NOW()}


@case(odometer.read_odometer, "vehicles.odometerreading.created")
def _():
    return {"vehicle": make.VehicleFactory(), "miles": D(900_000), "by": None, "now": NOW()}


@case(odometer.correct_odometer, "vehicles.odometerreading.corrected")
def _():
    return {
        "vehicle": make.VehicleFactory(),
        "miles": D(1),
        "reason": "New cluster",
        "base": True,
        "by": None,
        "now": NOW(),
    }


@case(recommendations.add_recommendation, "vehicles.recommendation.created")
def _():
    return {"vehicle": make.VehicleFactory(), "text": "Tires"}


@case(recommendations.change_recommendation, "vehicles.recommendation.changed")
def _():
    return {"recommendation": make.RecommendationFactory(), "text": "Other"}


@case(recommendations.dismiss, "vehicles.recommendation.dismissed")
def _():
    return {"recommendation": make.RecommendationFactory()}


@case(codes.report_code, "vehicles.recommendation.created", "vehicles.dtc.created")
def _():
    return {"vehicle": make.VehicleFactory(), "code": "P0301", "now": NOW(), "note": "Rough"}


@case(codes.clear, "vehicles.dtc.cleared", "vehicles.recommendation.dismissed")
def _():
    return {"dtc": codes.report_code(vehicle=make.VehicleFactory(), code="P0301", now=NOW()), "now": NOW()}


@case(fuel.add_fuel_log, "vehicles.odometerreading.created", "vehicles.fuellog.created")
def _():
    return {"vehicle": make.VehicleFactory(), "miles": D(900_000), "gallons": D(10), "by": None, "now": NOW()}


@case(fuel.change_fuel_log, "vehicles.fuellog.changed")
def _():
    return {"log": make.FuelLogFactory(), "notes": "Other", "by": None, "now": NOW()}


@case(fuel.remove_fuel_log, "vehicles.fuellog.removed")
def _():
    return {"log": make.FuelLogFactory()}


@case(schedules.save_template, "vehicles.scheduletemplate.created")
def _():
    return (make.ScheduleTemplateFactory.build(),), {"name": "Oil", "interval_months": 6}


@case(schedules.save_template, "vehicles.scheduletemplate.changed")
def _():
    return (make.ScheduleTemplateFactory(),), {"name": "Other"}


@case(schedules.record_service, "vehicles.serviceschedule.completed")
def _():
    return {"schedule": make.ServiceScheduleFactory(), "now": NOW()}


@case(schedules.record_service, "vehicles.serviceschedule.completed", "vehicles.recommendation.done")
def _():
    schedule = make.ServiceScheduleFactory()
    schedules.recommend_due(schedule=schedule)
    return {"schedule": schedule, "now": NOW()}


@case(schedules.recommend_due, "vehicles.recommendation.created")
def _():
    return {"schedule": make.ServiceScheduleFactory()}


# --- appointments

MONDAY = datetime(2030, 6, 10, tzinfo=UTC)


@case(visits.book_appointment, "appointments.appointment.booked")
def _():
    garage, vehicle = make.GarageFactory(), make.VehicleFactory()
    return {
        "customer": vehicle.customer,
        "vehicle": vehicle,
        "location": garage,
        "start": MONDAY.replace(hour=15),
        "services": [make.ServiceTypeFactory()],
        "now": MONDAY - timedelta(days=3),
    }


@case(visits.walk_in, "appointments.appointment.booked")
def _():
    vehicle = make.VehicleFactory()
    return {
        "customer": vehicle.customer,
        "vehicle": vehicle,
        "location": make.GarageFactory(),
        "now": MONDAY.replace(hour=15),
        "minutes": 30,
    }


@case(visits.move_appointment, "appointments.appointment.moved")
def _():
    garage = make.GarageFactory()
    visit = make.AppointmentFactory(
        location=garage,
        bay=garage.bays.first(),
        start=MONDAY.replace(hour=15),
        end=MONDAY.replace(hour=16),
    )
    return {
        "appointment": visit,
        "start": MONDAY.replace(hour=17),
        "now": MONDAY - timedelta(days=3),
        "by_staff": True,
    }


@case(visits.assign_technician, "appointments.appointment.assigned")
def _():
    return {
        "appointment": make.AppointmentFactory(),
        "technician": make.TechnicianFactory(),
        "by": None,
        "now": NOW(),
        "allow_overlap": True,
    }


@case(visits.change_texts, "appointments.appointment.changed")
def _():
    return {"appointment": make.AppointmentFactory(), "notes": "Other"}


@case(visits.start_appointment, "appointments.appointment.in_progress")
def _():
    visit = make.AppointmentFactory(technician=make.TechnicianFactory())
    return {"appointment": visit, "by": None, "now": NOW()}


@case(visits.complete_appointment, "appointments.appointment.completed")
def _():
    return {"appointment": make.AppointmentFactory(status="in_progress"), "by": None, "now": NOW()}


@case(visits.end_visit, "appointments.appointment.completed")
def _():
    return {"appointment": make.AppointmentFactory(), "by": None, "now": NOW()}


@case(visits.cancel_appointment, "appointments.appointment.cancelled")
def _():
    return {"appointment": make.AppointmentFactory(), "by": None, "now": NOW()}


@case(visits.save_location, "appointments.location.created")
def _():
    return (make.LocationFactory.build(),), {"name": "North", "latitude": D(40), "longitude": D(-90)}


@case(visits.save_location, "appointments.location.changed", "appointments.location.changed")
def _():
    make.LocationFactory(is_default=True)
    return (make.LocationFactory(is_default=False),), {"is_default": True}


@case(visits.save_technician, "appointments.technician.created")
def _():
    return (make.TechnicianFactory.build(),), {"name": "Kim"}


@case(visits.save_technician, "appointments.technician.changed")
def _():
    return (make.TechnicianFactory(),), {"name": "Kim"}


SHIFT = {"weekday": 0, "begins": time(8), "ends": time(12)}


@case(rota.save_shift, "appointments.shift.created")
def _():
    return (make.ShiftFactory.build(technician=None),), {"technician": make.TechnicianFactory(), **SHIFT}


@case(rota.save_shift, "appointments.shift.changed")
def _():
    return (make.ShiftFactory(),), {"begins": time(7)}


@case(rota.remove_shift, "appointments.shift.removed")
def _():
    return (make.ShiftFactory(),), {}


@case(rota.save_absence, "appointments.absence.created")
def _():
    values = {"technician": make.TechnicianFactory(), "first_day": date(2030, 6, 10)}
    return (make.AbsenceFactory.build(technician=None),), values


@case(rota.save_absence, "appointments.absence.changed")
def _():
    return (make.AbsenceFactory(),), {"reason": "Other"}


@case(rota.remove_absence, "appointments.absence.removed")
def _():
    return (make.AbsenceFactory(),), {}


@case(setup.add_login, "accounts.user.created", "appointments.technician.created")
def _():
    login = setup.Login(
        name="Kim Lee", email="kim@example.com", role=Role.TECHNICIAN, password="a-long-one-77x"
    )
    return (login, make.LocationFactory()), {}


# --- repair orders


@case(repairs.request_repair, "repair_orders.repairorder.created")
def _():
    vehicle = make.VehicleFactory()
    return {"customer": vehicle.customer, "vehicle": vehicle, "description": "Squeals", "now": NOW()}


@case(repairs.copy_order, "repair_orders.repairorder.created")
def _():
    return {"order": make.PartLineFactory().repair_order, "by": None, "now": NOW()}


@case(repairs.change_order, "repair_orders.repairorder.changed")
def _():
    return {"order": make.RepairOrderFactory(), "notes": "Other"}


@case(repairs.retax, "repair_orders.repairorder.changed")
def _():
    order = new_order()
    TaxRule.objects.update(percent=D(1))
    return {"order": order, "now": NOW()}


@case(check_in.check_in, "repair_orders.repairorder.created", "repair_orders.repairorder.checked_in")
def _():
    return {"vehicle": make.VehicleFactory(), "location": make.LocationFactory(), "by": None, "now": NOW()}


@case(jobs.add_job, "repair_orders.job.created")
def _():
    return {"order": make.RepairOrderFactory(), "name": "Brakes"}


@case(jobs.add_canned_job, "repair_orders.job.created")
def _():
    return {"order": make.RepairOrderFactory(), "canned": make.CannedLineFactory().canned_job}


@case(jobs.add_recommended_job, "repair_orders.job.created")
def _():
    order = make.RepairOrderFactory()
    return {"order": order, "recommendation": make.RecommendationFactory(vehicle=order.vehicle)}


@case(jobs.change_job, "repair_orders.job.changed")
def _():
    return {"job": make.JobFactory(), "cause": "Worn"}


@case(jobs.remove_job, "repair_orders.job.removed")
def _():
    return {"job": fresh(make.JobFactory())}


@case(jobs.propose, "repair_orders.job.proposed")
def _():
    return {"job": fresh(make.JobFactory(status="declined", repair_order__status="in_progress"))}


GIVEN = {"by": None, "now": NOW()}


@case(jobs.add_part_line, "repair_orders.partline.created")
def _():
    return {"job": fresh(make.JobFactory()), "part": make.PartFactory(), "given": GIVEN, "quantity": D(1)}


@case(jobs.add_service_line, "repair_orders.serviceline.created")
def _():
    return {"job": fresh(make.JobFactory()), "service": make.ServiceFactory(), "given": GIVEN}


@case(jobs.change_line, "repair_orders.partline.changed")
def _():
    return {"line": make.PartLineFactory(), "given": GIVEN, "quantity": D(2)}


@case(jobs.change_lines_of_jobs, "repair_orders.partline.changed", "repair_orders.serviceline.changed")
def _():
    line = make.PartLineFactory()
    work = make.ServiceLineFactory(repair_order=line.repair_order)
    changes = [(line, {"quantity": D(2)}), (work, {"amount": D(9)})]
    return {"order": line.repair_order, "changes": changes, "given": GIVEN}


@case(jobs.remove_line_of_job, "repair_orders.partline.removed")
def _():
    return {"line": make.PartLineFactory(), "given": GIVEN}


@case(jobs.remove_line, "repair_orders.serviceline.removed")
def _():
    line = make.ServiceLineFactory()
    return {"order": line.repair_order, "model": type(line), "line_id": line.pk}


@case(jobs.change_lines, "repair_orders.job.created", "repair_orders.partline.created")
def _():
    part = make.PartFactory()
    return {"order": make.RepairOrderFactory(), "save": [jobs.PartLine(part=part, quantity=D(1))]}


def offered():
    """Return an order with a discount that can be given."""
    order = make.PartLineFactory().repair_order
    return order, make.OrderDiscountFactory.build(
        repair_order=None, kind="offer", off_amount=D("1.00"), source_id=make.OfferFactory().pk
    )


@case(discounts.give_discount, "repair_orders.orderdiscount.created")
def _():
    order, discount = offered()
    return {"order": order, "discount": discount, "by": None, "now": NOW()}


@case(discounts.take_off, "repair_orders.orderdiscount.removed")
def _():
    order, discount = offered()
    given = discounts.give_discount(order=order, discount=discount, by=None, now=NOW())
    return {"order": order, "discount_id": given.pk, "by": None, "now": NOW()}


TOLD, QUOTED = "customers.notification.created", "vehicles.recommendation.quoted"
ALLOCATED = "billing.allocation.created"


@case(
    estimates.send_estimate,
    "repair_orders.repairorder.pending",
    "repair_orders.estimate.sent",
    TOLD,
)
def _():
    return {"order": make.PartLineFactory().repair_order, "by": None, "now": NOW()}


@case(
    estimates.answer,
    "repair_orders.estimate.answered",
    "repair_orders.repairorder.approved",
    "vehicles.recommendation.created",
)
def _():
    order, brakes, _oil = estimated()
    return {
        "estimate": order.estimates.get(),
        "decisions": {brakes.pk: "approved"},
        "answerer": estimates.Answerer(),
        "now": NOW(),
    }


@case(
    estimates.record_answer,
    "repair_orders.repairorder.pending",
    "repair_orders.estimate.stored",
    "repair_orders.estimate.answered",
    "repair_orders.repairorder.approved",
)
def _():
    line = make.PartLineFactory()
    return {
        "order": line.repair_order,
        "decisions": {line.job_id: "approved"},
        "answerer": estimates.Answerer(),
        "now": NOW(),
    }


@case(estimates.deny, "repair_orders.repairorder.denied")
def _():
    return {"order": make.RepairOrderFactory(), "by": None, "now": NOW()}


def approved():
    order, *_ = estimated()
    estimates.approve(order=order, by=None, now=NOW())
    return reload(order)


@case(estimates.withdraw, "repair_orders.repairorder.pending")
def _():
    return {"order": approved(), "reason": "Wrong", "by": None, "now": NOW()}


def advised():
    """Return an order with an estimate of recommended work."""
    order = make.RepairOrderFactory()
    found = make.RecommendationFactory(vehicle=order.vehicle)
    job = jobs.add_recommended_job(order=order, recommendation=found)
    make.ServiceLineFactory(repair_order=order, job=job)
    estimates.send_estimate(order=order, by=None, now=NOW())
    return order


@case(estimates.withdraw, "repair_orders.repairorder.pending", "vehicles.recommendation.open")
def _():
    order = advised()
    estimates.approve(order=order, by=None, now=NOW())
    return {"order": order, "reason": "Wrong", "by": None, "now": NOW()}


@case(estimates.approve, "repair_orders.estimate.answered", "repair_orders.repairorder.approved", QUOTED)
def _():
    order = advised()
    return {"order": order, "by": None, "now": NOW()}


@case(repairs.start, "repair_orders.repairorder.in_progress")
def _():
    return {"order": approved(), "by": None, "now": NOW()}


@case(repairs.finish_job, "repair_orders.job.done")
def _():
    _, brakes, *_ = started()
    return {"job": fresh(brakes), "by": None, "now": NOW()}


@case(repairs.unfinish_job, "repair_orders.job.not_done")
def _():
    _, brakes, *_ = started()
    repairs.finish_job(job=fresh(brakes), by=None, now=NOW())
    return {"job": fresh(brakes), "by": None, "now": NOW()}


@case(repairs.complete, "repair_orders.repairorder.completed", TOLD)
def _():
    return {"order": reload(started()[0]), "by": None, "now": NOW()}


@case(repairs.reopen, "repair_orders.repairorder.in_progress")
def _():
    return {"order": billed.completed(), "reason": "Again", "by": None, "now": NOW()}


@case(repairs.come_back, "repair_orders.repairorder.created")
def _():
    return {"order": billed.completed(), "by": None, "now": NOW()}


@case(clock.clock_in, "repair_orders.timeentry.started")
def _():
    job = make.JobFactory(repair_order__status="in_progress", status="approved")
    return {"technician": make.TechnicianFactory(), "job": fresh(job), "by": None, "now": NOW()}


@case(clock.clock_out, "repair_orders.timeentry.ended")
def _():
    return {"technician": make.TimeEntryFactory(ended=None).technician, "by": None, "now": NOW()}


@case(entries.correct_entry, "repair_orders.timeentry.changed")
def _():
    entry = make.TimeEntryFactory()
    started_at = entry.started - timedelta(minutes=5)
    return {"entry": entry, "started": started_at, "reason": "Late", "by": None, "now": NOW()}


@case(prices.save_labour_rate, "repair_orders.labourrate.created")
def _():
    values = {"location": make.LocationFactory(), "name": "Labor", "per_hour": D(100)}
    return (make.LabourRateFactory.build(location=None),), values


@case(prices.save_labour_rate, "repair_orders.labourrate.changed")
def _():
    return (make.LabourRateFactory(),), {"per_hour": D(1)}


@case(prices.remove_labour_rate, "repair_orders.labourrate.removed")
def _():
    return (make.LabourRateFactory(),), {}


@case(prices.save_rule, "repair_orders.taxrule.created")
def _():
    return (make.TaxRuleFactory.build(location=None),), {"location": make.LocationFactory(), "percent": D(5)}


@case(prices.save_rule, "repair_orders.overrunpolicy.changed")
def _():
    return (make.OverrunPolicyFactory(percent=D(10)),), {"percent": D(5)}


@case(prices.save_fee_rule, "repair_orders.feerule.changed")
def _():
    return (make.FeeRuleFactory(),), {"name": "Other"}


@case(prices.save_exemption, "repair_orders.taxexemption.changed")
def _():
    return (make.TaxExemptionFactory(),), {"number": "X-9"}


for factory, label in (
    (make.TaxRuleFactory, "taxrule"),
    (make.FeeRuleFactory, "feerule"),
    (make.OverrunPolicyFactory, "overrunpolicy"),
    (make.TaxExemptionFactory, "taxexemption"),
):
    case(prices.remove_rule, f"repair_orders.{label}.removed")(lambda factory=factory: ((factory(),), {}))


# --- inspections


@case(inspections.start_inspection, "inspections.inspection.started")
def _():
    template = make.TemplateItemFactory().template
    order = make.RepairOrderFactory()
    return {"order": order, "template": template, "technician": None, "by": None, "now": NOW()}


@case(inspections.add_finding, "inspections.finding.changed", "vehicles.recommendation.created")
def _():
    inspection = make.InspectionFactory()
    return {"inspection": inspection, "name": "Exhaust", "rating": "red", "by": None, "now": NOW()}


@case(inspections.record_finding, "inspections.finding.changed", "vehicles.recommendation.created")
def _():
    return {"finding": make.FindingFactory(rating=None), "rating": "red", "by": None, "now": NOW()}


@case(inspections.finish_inspection, "inspections.inspection.finished")
def _():
    return {"inspection": make.InspectionFactory(), "by": None, "now": NOW()}


@case(inspections.add_to_estimate, "repair_orders.job.created")
def _():
    finding = make.FindingFactory(rating=None)
    inspections.record_finding(finding=finding, rating="red", by=None, now=NOW())
    finding.refresh_from_db()
    return {"finding": finding, "by": None, "now": NOW()}


@case(templates.save_template, "inspections.template.created")
def _():
    return (make.InspectionTemplateFactory.build(),), {"name": "Brakes", "items": [{"name": "Pads"}]}


@case(templates.save_template, "inspections.template.changed")
def _():
    return (make.InspectionTemplateFactory(),), {"items": [{"name": "Pads"}]}


@case(templates.remove_template, "inspections.template.removed")
def _():
    return (make.InspectionTemplateFactory(),), {}


# --- orders

STOCK = "catalogue.part.stock_changed"


@case(orders.place_order, "orders.order.created", STOCK, TOLD)
def _():
    return {"customer_id": make.CustomerFactory().pk, "items": [(on_shelf().pk, 1)], "now": NOW()}


def bought(status):
    return make.OrderItemFactory(order__status=status).order


for verb, before, after, more, moves in (
    (orders.pack, "confirmed", "packed", {}, ()),
    (orders.ship, "packed", "shipped", {"courier_name": "C", "tracking_number": "1"}, (STOCK,)),
    (orders.deliver, "shipped", "delivered", {}, ()),
    (orders.cancel, "placed", "cancelled", {}, (STOCK,)),
):
    case(verb, f"orders.order.{after}", TOLD, *moves)(
        lambda before=before, more=more: {"order": bought(before), "by": None, "now": NOW(), **more}
    )


@case(orders.confirm, "orders.order.confirmed", "billing.payment.taken", ALLOCATED, TOLD)
def _():
    make.LocationFactory(is_default=True)
    return {"order": bought("placed"), "by": None, "now": NOW()}


@case(returns.request_return, "orders.returnrequest.created")
def _():
    item = make.OrderItemFactory(order__status="delivered")
    return {
        "order": item.order,
        "products": [item.product_name],
        "reason": "other",
        "description": "",
        "now": NOW(),
    }


for verb, before, after in (
    (returns.approve, "requested", "approved"),
    (returns.receive, "approved", "received"),
    (returns.refuse, "requested", "refused"),
):
    case(verb, f"orders.returnrequest.{after}", TOLD)(
        lambda before=before: {
            "request": make.ReturnRequestFactory(status=before, order=bought("delivered")),
            "by": None,
            "now": NOW(),
        }
    )


@case(returns.refund, "orders.returnrequest.refunded", "orders.order.returned", TOLD, TOLD)
def _():
    item = make.OrderItemFactory(order__status="delivered")
    request = make.ReturnRequestFactory(status="received", order=item.order, refund_amount=item.subtotal)
    make.ReturnLineFactory(return_request=request, item=item)
    return {"request": request, "by": None, "now": NOW()}


# --- billing


@case(invoices.issue_invoice, "billing.invoice.issued")
def _():
    return {"order": billed.completed(), "by": None, "now": NOW()}


@case(invoices.set_prefix, "billing.invoiceseries.changed")
def _():
    return {"location": make.LocationFactory(), "prefix": "N"}


@case(credit_notes.credit_amount, "billing.invoice.credited")
def _():
    return {"invoice": billed.invoiced(), "amount": D(1), "reason": "Late", "by": None, "now": NOW()}


@case(credit_notes.credit_all, "billing.invoice.credited")
def _():
    return {"invoice": billed.invoiced(), "reason": "Late", "by": None, "now": NOW()}


@case(credit_notes.credit_lines, "billing.invoice.credited")
def _():
    invoice = billed.invoiced()
    lines = [credit_notes.LineCredit(invoice.lines.first().pk)]
    return {"invoice": invoice, "lines": lines, "reason": "Late", "by": None, "now": NOW()}


@case(payments.take_payment, "billing.payment.taken")
def _():
    return {
        "customer": make.CustomerFactory(),
        "location": make.LocationFactory(),
        "amount": D(5),
        "method": "cash",
        "by": None,
        "now": NOW(),
    }


@case(payments.allocate, "billing.payment.used", ALLOCATED)
def _():
    invoice = billed.invoiced()
    payment = billed.pay(None, "5.00", customer=invoice.bill_to, location=invoice.location)
    return {"payment": payment, "allocations": [Target(invoice, D(5))], "by": None, "now": NOW()}


@case(payments.refund, "billing.payment.refunded")
def _():
    payment = billed.pay(None, "5.00", customer=make.CustomerFactory(), location=make.LocationFactory())
    return {"payment": payment, "amount": D(2), "reason": "Wrong", "by": None, "now": NOW()}


@case(payments.reverse, "billing.payment.refunded", ALLOCATED)
def _():
    return {"payment": billed.pay(billed.invoiced(), "5.00"), "reason": "Wrong", "by": None, "now": NOW()}


@case(openings.open_account, "billing.invoice.opened")
def _():
    return {
        "customer": make.CustomerFactory(),
        "location": make.LocationFactory(),
        "amount": D(5),
        "day": date(2020, 1, 1),
        "by": None,
        "now": NOW(),
    }


@case(openings.open_account, "billing.payment.opened")
def _():
    return {
        "customer": make.CustomerFactory(),
        "location": make.LocationFactory(),
        "amount": D(-5),
        "day": date(2020, 1, 1),
        "by": None,
        "now": NOW(),
    }


@case(sending.send_invoice, "billing.invoice.sent")
def _():
    return (billed.invoiced(),), {"by": None, "now": NOW()}


@case(sending.send_receipt, "billing.payment.receipt_sent")
def _():
    return (billed.pay(billed.invoiced(), "5.00"),), {"by": None, "now": NOW()}


@case(sending.send_statement, "billing.statement.sent")
def _():
    return (make.StatementFactory(),), {"by": None, "now": NOW()}


@case(statements.make_statement, "billing.statement.created")
def _():
    make.LocationFactory(is_default=True)
    return (make.CustomerFactory(), date(2020, 1, 1)), {"now": NOW()}


@case(statements.run_statements, "billing.statementrun.created")
def _():
    make.LocationFactory(is_default=True)
    return (date(2020, 1, 1),), {"by": None, "now": NOW()}


@case(days.close_day, "billing.closedday.created")
def _():
    return (make.LocationFactory(), date(2020, 1, 1)), {
        "cash_counted": None,
        "note": "",
        "by": None,
        "now": NOW(),
    }


@case(exits.vehicle_out, "repair_orders.repairorder.vehicle_out")
def _():
    order = make.RepairOrderFactory(status="denied")
    return {"order": order, "by": None, "now": NOW()}


# --- passports, memberships, chat


@case(passports.share, "passports.passportlink.created")
def _():
    return {"vehicle": make.VehicleFactory(), "now": NOW()}


@case(passports.withdraw, "passports.passportlink.withdrawn")
def _():
    return {"link": make.PassportLinkFactory(), "now": NOW()}


@case(memberships.join, "memberships.membership.created")
def _():
    return {"user_id": make.UserFactory().pk, "plan": make.PlanFactory(), "now": NOW()}


@case(memberships.switch_renewal, "memberships.membership.changed")
def _():
    return {"membership": make.MembershipFactory(), "renews": False, "by": None, "now": NOW()}


@case(memberships.cancel, "memberships.membership.cancelled")
def _():
    return {"membership": make.MembershipFactory(), "by": None, "now": NOW()}


@case(chat.start_conversation, "chat.conversation.created")
def _():
    return {"by": caller(make.CustomerFactory()), "subject": "S", "message": "M", "now": NOW()}


@case(chat.open_support_ticket, "chat.conversation.created", "chat.supportticket.created")
def _():
    return {"by": caller(make.CustomerFactory()), "subject": "S", "description": "D", "now": NOW()}


for before, after in (
    ("open", "resolved"),
    ("open", "in_progress"),
    ("resolved", "closed"),
    ("closed", "open"),
):
    case(chat.change_status, f"chat.conversation.{after}")(
        lambda before=before, after=after: {
            "conversation": make.ConversationFactory(status=before),
            "to": after,
            "by": None,
            "now": NOW(),
        }
    )


@case(window.escalate, "chat.supportticket.escalated")
def _():
    ticket = make.SupportTicketFactory(priority="low")
    by = caller(ticket.conversation.customer)
    return {"by": by, "ticket_id": ticket.pk, "reason": "Urgent", "now": NOW()}


# --- integrations


@case(webhooks.add_webhook, "integrations.webhook.created")
def _():
    return {"url": look_up("https://hooks.example.com/"), "by": None, "now": NOW()}


@case(webhooks.change_webhook, "integrations.webhook.changed")
def _():
    return {"webhook": make.WebhookFactory(), "types": ["billing.*"], "now": NOW()}


@case(webhooks.change_webhook, "integrations.webhook.disabled")
def _():
    return {"webhook": make.WebhookFactory(), "is_active": False, "now": NOW()}


@case(webhooks.change_webhook, "integrations.webhook.enabled")
def _():
    webhook = make.WebhookFactory(disabled_at=NOW(), disabled_because="failed")
    return {"webhook": webhook, "is_active": True, "now": NOW()}


@case(webhooks.disable, "integrations.webhook.disabled")
def _():
    return {"webhook": make.WebhookFactory(), "because": "failed", "now": NOW()}


@case(webhooks.remove_webhook, "integrations.webhook.removed")
def _():
    return {"webhook": make.WebhookFactory(), "now": NOW()}


@case(webhooks.rotate_secret, "integrations.webhook.secret_rotated")
def _():
    return {"webhook": make.WebhookFactory(), "now": NOW()}


@case(webhooks.send_test, "integrations.webhook.tested")
def _():
    return {"webhook": make.WebhookFactory(), "by": None, "now": NOW()}


@case(webhooks.replay, "integrations.webhook.replayed")
def _():
    return {"delivery": make.DeliveryFactory(), "now": NOW()}


@case(webhooks.replay_span, "integrations.webhook.replayed")
def _():
    event = make.EventFactory()
    return {"webhook": make.WebhookFactory(place=event.pk), "after": 0, "until": event.pk, "now": NOW()}


@case(queue.record_outcomes, "integrations.webhook.disabled")
def _():
    delivery, now = make.DeliveryFactory(), NOW()
    webhook, messages = queue.claim(delivery.webhook_id, now=now)
    sent = [queue.Sent(message, now, Outcome(410, "The receiver answered 410.", 1)) for message in messages]
    return (webhook, messages, sent), {"now": now}


# --- Those that write through a private function


@case(visits.cancel_pending_appointment, "appointments.appointment.cancelled")
def _():
    return {"appointment": make.AppointmentFactory(), "by": None, "now": NOW()}


@case(repairs.stop, "repair_orders.repairorder.denied", *["vehicles.recommendation.created"] * 2)
def _():
    return {"order": approved(), "reason": "Too dear", "by": None, "now": NOW()}


@case(
    companies.approve_as_customer,
    "repair_orders.estimate.answered",
    "repair_orders.repairorder.approved",
    QUOTED,
)
def _():
    order, now = advised(), NOW()
    contact = {"method": "online", "by_name": "Alice", "contact_used": "a@example.com"}
    return {"order": order, "by": order.customer.contact_id, "now": now, **contact}


@case(
    companies.answer_as_customer,
    "repair_orders.estimate.answered",
    "repair_orders.repairorder.approved",
    "vehicles.recommendation.created",
)
def _():
    order, brakes, _oil = estimated()
    answerer = estimates.Answerer(by=order.customer.contact_id)
    return {
        "estimate": order.estimates.get(),
        "decisions": {brakes.pk: "approved"},
        "answerer": answerer,
        "now": NOW(),
    }


@case(payments.give_back, "billing.payment.refunded")
def _():
    payment = billed.pay(None, "5.00", customer=make.CustomerFactory(), location=make.LocationFactory())
    return (payment, D(2), "Wrong"), {"by": None, "now": NOW()}


@case(orders.expire_unpaid, "orders.order.cancelled", STOCK, TOLD)
def _():
    order, now = bought("placed"), NOW()
    type(order).objects.filter(pk=order.pk).update(expires_at=now)
    return {"now": now}


@case(memberships.end_memberships, "memberships.membership.cancelled")
def _():
    now = NOW()
    make.MembershipFactory(started_at=now - timedelta(days=31), ends_at=now)
    return {"now": now}


@case(vehicles.link_dongle, "vehicles.vehicle.changed")
def _():
    return {"vehicle": make.VehicleFactory(), "dongle_id": "OBD-1", "connection": "BLE"}


@case(vehicles.unlink_dongle, "vehicles.vehicle.changed")
def _():
    vehicle = make.VehicleFactory()
    vehicles.link_dongle(vehicle=vehicle, dongle_id="OBD-1", connection="BLE")
    return {"vehicle": vehicle}


@case(codes.see_codes, "vehicles.dtc.created", "vehicles.recommendation.created")
def _():
    return {"vehicle": make.VehicleFactory(), "seen": {"P0301": [NOW()]}}


EACH = [
    pytest.param(*one, id=f"{name}-{number}")
    for name, cases in CASES.items()
    for number, one in enumerate(cases)
]


@pytest.mark.parametrize(("prepare", "action", "types"), EACH)
def test_action_records_exactly_its_events(prepare, action, types):
    prepared = prepare()
    args, kwargs = prepared if isinstance(prepared, tuple) else ((), prepared)
    last = Event.objects.order_by("id").values_list("pk", flat=True).last() or 0
    action(*args, **kwargs)
    recorded = list(Event.objects.filter(pk__gt=last))
    assert Counter(event.type for event in recorded) == Counter(types)
    for event in recorded:
        assert set(event.payload) == set(payload_of(event.type))
        assert event.subject == f"{event.type.rpartition('.')[0]}:{event.payload['id']}"


ROOMS = (
    "integrations",
    *("accounts", "files", "customers", "catalogue", "vehicles", "appointments", "repair_orders", "orders"),
    *("inspections", "billing", "passports", "chat", "memberships", "reminders", "privacy", "portal", "desk"),
)
BESIDE = {"tests", "migrations", "api", "management", "admin"}
FILES_BESIDE = {"models.py", "querysets.py", "resources.py", "forms.py", "apps.py", "urls.py", "pages.py"}
WRITES = {
    *(
        "create",
        "save",
        "update",
        "delete",
        "bulk_create",
        "bulk_update",
        "get_or_create",
        "update_or_create",
    ),
    *("change", "change_as", "change_silently", "transition", "move", "write"),
    *("record", "record_new", "record_change", "record_removal", "record_all"),
}


def calls(function):
    """Return the names of the functions and methods that a function calls."""
    return {
        call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        for call in ast.walk(function)
        if isinstance(call, ast.Call)
    }


def writes(name, called, seen=frozenset()):
    """Return whether a function of a module writes, by itself or through the module's private functions."""
    private = {other for other in called[name] & called.keys() if other.startswith("_")} - seen
    return bool(called[name] & WRITES) or any(writes(other, called, seen | {name}) for other in private)


def writers():
    """Yield the public functions of the rooms that write by themselves or through private ones, as `module.name`."""
    for room in ROOMS:
        for path in sorted((settings.BASE_DIR / room).rglob("*.py")):
            parts = path.relative_to(settings.BASE_DIR).parts
            if BESIDE & set(parts) or "admin" in path.name or path.name in FILES_BESIDE:
                continue
            functions = (
                node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)
            )
            called = {function.name: calls(function) for function in functions}
            for name in called:
                if not name.startswith("_") and writes(name, called):
                    yield f"{'.'.join(parts)[:-3]}.{name}"


def test_every_function_that_writes_is_tried_or_named_with_a_reason():
    named = {name for names in WITHOUT.values() for name in names.split()}
    found = set(writers())
    assert found - named - set(CASES) == set()
    assert named - found == set()
    assert named & set(CASES) == set()


def test_every_type_is_recorded_by_an_action_or_a_page():
    """Rows of all pages can be added, changed and removed in the admin, too."""
    recorded = {name for cases in CASES.values() for _, _, types in cases for name in types}
    of_tables = {name for name in TYPES if name.rpartition(".")[2] in ("created", "changed", "removed")}
    assert set(TYPES) - recorded - of_tables == set()
    assert recorded - set(TYPES) == set()


def test_types_have_every_state_of_every_machine():
    states = {
        f"{model._meta.label_lower}.{state}"
        for model, machine in MACHINES.items()
        for state in set().union(*machine.values())
    }
    assert {name for name, kind in TYPES.items() if kind.payload == ("status",)} == states


def test_page_lists_every_type():
    assert EventTypes.path.read_text(encoding="utf-8") == EventTypes.page(), (
        "docs/events.md is stale: run make events"
    )


FORM = {"name": "Alignment", "code": "alignment", "minutes": "30"}


@pytest.mark.parametrize("verb", ["created", "changed"])
def test_page_of_the_admin_records_what_it_saves(client, ada, verb):
    client.force_login(ada)
    row = None if verb == "created" else make.ServiceTypeFactory()
    address = reverse("admin:appointments_servicetype_add") if row is None else of_row(row)
    assert client.post(address, FORM).status_code == 302
    [event] = Event.objects.all()
    assert event.type == f"appointments.servicetype.{verb}"
    assert row is None or event.payload == {"id": row.pk, "uuid": str(row.uuid)}


def test_page_of_the_admin_records_what_it_deletes(client, ada):
    client.force_login(ada)
    row = make.ClosureFactory()
    assert client.post(of_row(row, "delete"), {"post": "yes"}).status_code == 302
    [event] = Event.objects.all()
    assert event.type == "appointments.closure.removed"
    assert event.payload == {"id": row.pk, "location_id": row.location_id}


def test_page_of_the_admin_that_is_saved_unchanged_records_nothing(client, ada):
    client.force_login(ada)
    row = make.ServiceTypeFactory()
    form = {"name": row.name, "code": row.code, "minutes": str(row.minutes)}
    assert client.post(of_row(row), form).status_code == 302
    assert Event.objects.count() == 0


# Their pages call an action, which records another type.
BY_ACTIONS = {"appointments.appointment.created", "billing.invoiceseries.created"}


def test_types_have_what_each_page_of_the_admin_can_save_and_delete(ada, rf):
    request = rf.get("/")
    request.user = ada
    verbs = {"add": "created", "change": "changed", "delete": "removed"}
    possible = {
        f"{model._meta.label_lower}.{word}"
        for model, pages in admin.site._registry.items()
        if isinstance(pages, StaffAdmin)
        for verb, word in verbs.items()
        if getattr(pages, f"has_{verb}_permission")(request)
    }
    assert possible - set(TYPES) == BY_ACTIONS
