"""Unusual rows, as far as the columns allow them, drawn by hypothesis."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import ip_network
from uuid import uuid4

from hypothesis import strategies as st

from accounts.keys.models import KEY_ROLES
from accounts.models import ApiKey
from appointments.models import Absence, Appointment, AppointmentStatus, Location, Shift, Technician
from billing.models import ClosedDay, CreditNote, Invoice, Payment, RunState, Statement, StatementRun
from catalogue.models import Part, Service
from catalogue.pricing.models import CannedJob, CannedLineKind, PriceMatrix
from chat.models import Conversation, ConversationStatus, Message, SupportTicket, SupportTicketPriority
from common.domain.money import PaymentMethod
from common.domain.texts import tidy, tidy_capitals
from common.domain.units import MAX_MILES, Units
from customers.models import Customer, Notification, PhoneCall
from inspections.models import Inspection, Rating, Template
from integrations.models import Delivery, DeliveryState, Disabled, Webhook
from memberships.models import Membership, Offer, Plan, Tier
from orders.models import Order, OrderStatus, ReturnRequest, ReturnStatus
from reminders.models import Reminder, ReminderKind
from repair_orders.estimates.models import Estimate
from repair_orders.models import RepairOrder, RepairOrderStatus
from repair_orders.pricing.models import (
    PERCENT_FEES,
    FeeKind,
    FeeRule,
    LabourRate,
    OverrunBasis,
    OverrunChoice,
    OverrunPolicy,
    TaxExemption,
    TaxRule,
)
from repair_orders.time_entries.models import TimeEntry
from testing import billed, factories
from vehicles.codes.meaning import PATTERN
from vehicles.codes.models import Dtc
from vehicles.fuel.models import LEAST_GALLONS, MOST_GALLONS, FuelLog
from vehicles.models import Recommendation, RecommendationStatus, Urgency, Vehicle
from vehicles.parking.models import ParkingSpot
from vehicles.schedules.models import ScheduleTemplate, ServiceSchedule

# Without the control characters and separators that a line refuses.
letters = st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"])
instants = st.datetimes(datetime(2024, 12, 30), datetime(2025, 1, 3), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis adds the zone
maybe_instants = st.none() | instants
days = st.dates(date(2024, 12, 29), date(2025, 1, 4))
percents = st.decimals(0, 100, places=4)
quantities = st.decimals("0.01", 9, places=2)
zones = st.sampled_from(["UTC", "America/New_York", "Asia/Kolkata", "Pacific/Kiritimati"])
LARGEST = Decimal("99999999.99")


def texts(size, tidied=tidy):
    """Draw texts as they are stored. A tidy text may be longer than the one that was drawn."""
    return st.just("") | st.text(letters, max_size=size).map(lambda text: tidied(tidied(text)[:size])[:size])


def make_customer(draw):
    customer = factories.CustomerFactory(
        contact__first_name=draw(texts(100)),
        contact__last_name=draw(texts(100)),
        company_name=draw(texts(200)),
        street_address=draw(texts(200)),
        state=draw(texts(100)),
        country=draw(st.sampled_from(["", "USA", "Österreich"])),
        units=draw(st.sampled_from(["", *Units.values])),
    )
    login = customer.contact
    if draw(st.booleans()):  # shown as a former customer, with an active login
        customer.contact = None
        customer.save(update_fields=["contact"])
    return customer, login


def make_vehicle(draw, customer):
    return factories.VehicleFactory(
        customer=customer,
        make=draw(texts(60)),
        color=draw(texts(30)),
        license_plate=draw(texts(20, tidy_capitals)),
        year=draw(st.integers(1886, 2100)),
        odometer=draw(st.decimals(0, MAX_MILES, places=2)),
        archived_at=draw(maybe_instants),
        dongle_id=(dongle := uuid4().hex if draw(st.booleans()) else None),
        dongle_connection="BLE" if dongle else None,
    )


def make_recommendation(draw, customer):
    return factories.RecommendationFactory(
        vehicle=make_vehicle(draw, customer),
        text=draw(texts(50)),
        urgency=draw(st.sampled_from(Urgency.values)),
        status=draw(st.sampled_from(RecommendationStatus.values)),
        amount=draw(st.none() | st.decimals(0, LARGEST, places=2)),
        due_on=draw(st.none() | days),
        due_miles=draw(st.none() | st.decimals(0, MAX_MILES, places=2)),
    )


def make_fuel_log(draw, customer):
    return factories.FuelLogFactory(
        vehicle=make_vehicle(draw, customer),
        at=draw(instants),
        miles=draw(st.decimals(0, MAX_MILES, places=2)),
        gallons=draw(st.decimals(LEAST_GALLONS, MOST_GALLONS, places=3)),
        price=draw(st.none() | st.decimals(0, LARGEST, places=2)),
        mpg=draw(st.none() | st.decimals(0, Decimal("9999999999.99"), places=2)),
        is_full=draw(st.booleans()),
        missed=draw(st.booleans()),
        notes=draw(texts(50)),
    )


def make_dtc(draw, customer):
    return factories.DtcFactory(
        vehicle=make_vehicle(draw, customer),
        code=draw(st.from_regex(re.compile(PATTERN), fullmatch=True)),
        note=draw(texts(50)),
        first_seen_at=draw(instants),
        seen_at=datetime(2025, 2, 1, tzinfo=UTC),
        cleared_at=draw(maybe_instants),
    )


def make_parking_spot(draw, customer):
    user = customer.contact or customer.logins.get().user
    ParkingSpot.objects.filter(user=user, cleared_at=None).update(cleared_at=datetime(2025, 2, 1, tzinfo=UTC))
    return factories.ParkingSpotFactory(
        user=user,
        vehicle=make_vehicle(draw, customer) if draw(st.booleans()) else None,
        latitude=draw(st.decimals(-90, 90, places=6)),
        longitude=draw(st.decimals(-180, 180, places=6)),
        address=draw(texts(50)),
        place=draw(texts(50)),
        notes=draw(texts(50)),
        photo=factories.UploadFactory() if draw(st.booleans()) else None,
        parked_at=draw(instants),
        ends_at=draw(maybe_instants),
        cleared_at=draw(maybe_instants),
    )


def make_schedule(draw, customer):
    return factories.ServiceScheduleFactory(
        vehicle=make_vehicle(draw, customer),
        template__name=f"Oil {uuid4().hex}",
        template__description=draw(texts(50)),
        template__services=draw(texts(50)),
        template__duration=draw(texts(50)),
        template__interval_miles=draw(st.none() | st.integers(1, 500_000)),
        template__is_listed=draw(st.booleans()),
        last_on=draw(st.none() | days),
        last_miles=draw(st.none() | st.decimals(0, MAX_MILES, places=2)),
        due_on=draw(st.none() | days),
        due_miles=draw(st.none() | st.decimals(0, MAX_MILES, places=2)),
    )


def make_visit(draw, customer):
    # Some in the past and some in the future, because a list may hold only those that have not ended.
    start = draw(instants) + timedelta(days=draw(st.sampled_from([0, 100 * 365])))
    visit = factories.AppointmentFactory(
        vehicle=make_vehicle(draw, customer),
        bay__location=make_location(draw, customer),
        start=start,
        end=start + timedelta(minutes=30),
        status=draw(st.sampled_from(AppointmentStatus.values)),
        description=draw(texts(50)),
        technician=factories.TechnicianFactory(
            email=draw(st.sampled_from(["", "tech@test.com"])),
            user=factories.UserFactory() if draw(st.booleans()) else None,
        )
        if draw(st.booleans())
        else None,
        reported_problem=factories.ReportedProblemFactory(name=draw(texts(100)), description=draw(texts(50)))
        if draw(st.booleans())
        else None,
        assigned_at=draw(maybe_instants),
        started_at=draw(maybe_instants),
        completed_at=draw(maybe_instants),
    )
    for _ in range(draw(st.integers(0, 2))):  # one by one, in the order of their table
        visit.services.add(factories.ServiceTypeFactory())
    return visit


def make_order(draw, customer):
    status = draw(st.sampled_from(RepairOrderStatus.values))
    is_huge = draw(st.booleans())
    order = factories.RepairOrderFactory(
        vehicle=make_vehicle(draw, customer),
        status=status,
        notes=draw(texts(50)),
        discount_amount=draw(st.decimals(0, LARGEST - 1_000, places=2)),  # bodies add what is given
        discount_percent=draw(percents),
        given_discount=draw(st.none() | st.decimals(0, 1_000, places=2)),
        tax_percent=Decimal("0.00") if is_huge else draw(percents),
        total_cost=draw(st.decimals(0, LARGEST, places=2)) if status == "completed" else None,
        created_at=draw(instants),
    )
    prices = st.just(LARGEST) if is_huge else st.decimals(0, 999_999, places=2)
    for _ in range(1 if is_huge else draw(st.integers(0, 3))):
        factories.PartLineFactory(
            repair_order=order,
            part__name=draw(texts(200)),
            unit_price=draw(prices),
            quantity=Decimal(1) if is_huge else draw(quantities),
            taxable=draw(st.booleans()),
        )
    for _ in range(0 if is_huge else draw(st.integers(0, 3))):
        factories.ServiceLineFactory(
            repair_order=order,
            service__description=draw(texts(50)),
            amount=draw(prices),
            taxable=draw(st.booleans()),
        )
    return order


def make_inspection(draw, customer):
    inspection = factories.InspectionFactory(
        repair_order__vehicle=make_vehicle(draw, customer),
        name=draw(texts(100)),
        technician=factories.TechnicianFactory() if draw(st.booleans()) else None,
        started_at=(started := draw(instants)),
        finished_at=draw(st.none() | st.just(started)),
    )
    for _ in range(draw(st.integers(0, 3))):
        finding = factories.FindingFactory(
            inspection=inspection,
            group=draw(texts(60)),
            rating=draw(st.none() | st.sampled_from(Rating.values)),
            value=draw(texts(60)),
            note=draw(texts(50)),
        )
        for _ in range(draw(st.integers(0, 2))):
            factories.FindingPhotoFactory(finding=finding)
    return inspection


def make_template(draw, customer):
    template = factories.InspectionTemplateFactory(is_listed=draw(st.booleans()))
    for _ in range(draw(st.integers(0, 3))):
        factories.TemplateItemFactory(
            template=template,
            group=draw(texts(60)),
            unit=draw(texts(20)),
            canned_job=factories.CannedJobFactory() if draw(st.booleans()) else None,
        )
    return template


def make_estimate(draw, customer):
    order = make_order(draw, customer)
    for _ in range(draw(st.integers(1, 2))):
        estimate = factories.EstimateFactory(repair_order=order, expires_at=draw(st.none() | instants))
        if draw(st.booleans()):
            factories.AuthorisationFactory(estimate=estimate)
    return estimate


def make_part(draw, customer):
    part = factories.PartFactory(
        name=draw(texts(200)),
        unit_price=draw(st.decimals(0, LARGEST, places=2)),
        unit_cost=draw(st.none() | st.decimals(0, 99_999_999, places=4)),
        taxable=draw(st.booleans()),
        is_listed=draw(st.booleans()),
        is_sold_online=draw(st.booleans()),
        stock=draw(st.integers(0, 2)),
    )
    for _ in range(draw(st.integers(0, 2))):
        factories.ReservationFactory(part=part, pieces=draw(st.integers(1, 9)))
    if draw(st.booleans()):
        factories.VendorOrderFactory(
            part=part, reference=draw(texts(120)), expected_on=draw(st.none() | st.dates())
        )
    return part


def make_service(draw, customer):
    return factories.ServiceFactory(
        description=draw(texts(50)),
        labor_cost=draw(st.decimals(0, 9, places=2)),
        hours=draw(st.none() | st.decimals(0, 9, places=2)),
        is_listed=draw(st.booleans()),
    )


def make_technician(draw, customer):
    return factories.TechnicianFactory(
        name=draw(texts(200)), location=factories.LocationFactory() if draw(st.booleans()) else None
    )


def make_shift(draw, customer):
    begins, ends = sorted(draw(st.sets(st.times(), min_size=2, max_size=2)))
    return factories.ShiftFactory(
        technician=make_technician(draw, customer), weekday=draw(st.integers(0, 6)), begins=begins, ends=ends
    )


def make_absence(draw, customer):
    first, last = sorted(draw(st.dates(date(1970, 1, 1), date(2100, 1, 1))) for _ in range(2))
    hours = sorted(draw(st.sets(st.times(), min_size=2, max_size=2))) if draw(st.booleans()) else (None, None)
    return factories.AbsenceFactory(
        technician=make_technician(draw, customer),
        first_day=first,
        last_day=last,
        begins=hours[0],
        ends=hours[1],
        reason=draw(texts(200)),
    )


def make_api_key(draw, customer):
    return factories.ApiKeyFactory(
        name=draw(texts(80)),
        key_hash=uuid4().hex,
        user__role=draw(st.sampled_from(KEY_ROLES)),
        addresses=draw(st.lists(st.ip_addresses().map(lambda ip: str(ip_network(ip))), max_size=3)),
        created_at=(made := draw(instants)),
        created_by=factories.UserFactory(role="manager") if draw(st.booleans()) else None,
        expires_at=made + timedelta(days=draw(st.integers(1, 900))) if draw(st.booleans()) else None,
        revoked_at=draw(st.none() | instants),
        last_used_at=draw(st.none() | instants),
    )


def make_webhook(draw, customer):
    is_disabled, is_rotated = draw(st.booleans()), draw(st.booleans())
    return factories.WebhookFactory(
        description=draw(texts(200)),
        types=draw(st.lists(st.sampled_from(["billing.*", "orders.order.shipped"]), max_size=2)),
        created_at=draw(instants),
        created_by=factories.UserFactory(role="manager") if draw(st.booleans()) else None,
        disabled_at=draw(instants) if is_disabled else None,
        disabled_because=draw(st.sampled_from(Disabled.values)) if is_disabled else "",
        former_secret="whsec_Zm9ybWVy" if is_rotated else "",  # drawn, not used
        former_secret_until=draw(instants) if is_rotated else None,
        failing_since=draw(maybe_instants),
        last_delivered_at=draw(maybe_instants),
    )


def make_delivery(draw, customer):
    state = draw(st.sampled_from(DeliveryState.values))
    delivery = factories.DeliveryFactory(
        webhook=make_webhook(draw, customer),
        event__type=draw(texts(80)),
        event__subject=f"app.row:{draw(st.integers(1, 9))}",
        event__payload={},
        state=state,
        created_at=draw(instants),
        due_at=draw(instants),
        ended_at=None if state == DeliveryState.WAITING else draw(instants),
    )
    for _ in range(draw(st.integers(0, 3))):
        factories.AttemptFactory(
            delivery=delivery,
            at=draw(instants),
            status=draw(st.none() | st.integers(100, 599)),
            error=draw(texts(200)),
            milliseconds=draw(st.integers(0, 20_000)),
        )
    return delivery


def make_location(draw, customer):
    location = factories.LocationFactory(
        phone=draw(texts(30)), time_zone=draw(zones), legal_name=draw(texts(200)), terms=draw(texts(50))
    )
    for weekday in draw(st.sets(st.integers(0, 6))):
        factories.OpeningHoursFactory(
            location=location, weekday=weekday, opens=time(draw(st.integers(0, 17)))
        )
    for _ in range(draw(st.integers(0, 2))):
        factories.BayFactory(location=location)
    return location


def make_plan(draw, customer):
    return factories.PlanFactory(
        tier=draw(st.sampled_from(Tier.values)),
        price=draw(st.decimals(0, LARGEST, places=2)),
        features=draw(texts(50)),
        is_active=draw(st.booleans()),
    )


def make_offer(draw, customer):
    if not Membership.objects.active().filter(user=customer.logins.first().user).exists():
        plan = factories.PlanFactory(tier=draw(st.sampled_from(Tier.values)))
        factories.MembershipFactory(user=customer.logins.first().user, plan=plan)
    factories.VehicleFactory(customer=customer, make="hONDA", year=draw(st.integers(2017, 2022)))
    first = draw(st.none() | st.integers(2018, 2021))
    return factories.OfferFactory(
        title=draw(texts(200)),
        terms=draw(texts(50)),
        expiry=draw(instants | st.just(datetime(2100, 1, 1, tzinfo=UTC))),
        is_active=draw(st.booleans()),
        **{f"for_{tier}": draw(st.booleans()) for tier in Tier.values},
        locations=[make_location(draw, customer) for _ in range(draw(st.integers(0, 2)))],
        makes=draw(st.lists(st.sampled_from(["Honda", "honda 2", "Ĳ", "H%"]), unique=True, max_size=2)),
        year_from=first,
        year_to=draw(st.none() | st.integers(first or 2018, 2021)),
    )


def make_conversation(draw, customer):
    conversation = factories.ConversationFactory(
        customer=customer,
        subject=draw(texts(200)),
        status=draw(st.sampled_from(ConversationStatus.values)),
        created_at=draw(instants),
        updated_at=draw(instants),
    )
    for number in range(1, draw(st.integers(1, 4))):
        is_support = draw(st.booleans())
        conversation.last_message = factories.MessageFactory(
            conversation=conversation,
            number=number,
            body=draw(texts(50)),
            is_support=is_support,
            is_internal=is_support and draw(st.booleans()),
            attachments=draw(st.sampled_from([[], [{"id": "1", "url": "https://files.example/é.jpg"}]])),
            created_at=datetime(2025, 1, 1, tzinfo=UTC) + timedelta(microseconds=number),
        )
    conversation.save(update_fields=["last_message"])
    return conversation


def make_support_ticket(draw, customer):
    return factories.SupportTicketFactory(
        conversation=make_conversation(draw, customer),
        priority=draw(st.sampled_from(SupportTicketPriority.values)),
    )


def make_notification(draw, customer):
    return factories.NotificationFactory(
        customer=customer,
        type=draw(texts(30)),
        title=draw(texts(200)),
        message=draw(texts(50)),
        read=draw(st.booleans()),
        created_at=draw(instants),
    )


def make_phone_call(draw, customer):
    return factories.PhoneCallFactory(
        customer=customer,
        at=draw(instants),
        outcome=draw(texts(500)),
        next_on=draw(st.none() | st.dates()),
    )


def make_parts_order(draw, customer):
    order = factories.OrderFactory(
        customer=customer,
        status=draw(st.sampled_from(OrderStatus.values)),
        tracking_number=draw(texts(100)),
        estimated_delivery=draw(maybe_instants),
        created_at=draw(instants),
    )
    for _ in range(draw(st.integers(0, 3))):
        factories.OrderItemFactory(
            order=order,
            product_name=draw(texts(200)),
            unit_price=draw(st.decimals(0, 9_999, places=2)),
            quantity=draw(st.integers(1, 9)),
        )
    return order


def make_return(draw, customer):
    order = make_parts_order(draw, customer)
    asked = factories.ReturnRequestFactory(
        order=order,
        status=draw(st.sampled_from(ReturnStatus.values)),
        reason=draw(texts(200)),
        description=draw(texts(50)),
        refund_amount=draw(st.decimals(0, LARGEST, places=2)),
        created_at=draw(instants),
    )
    for item in order.items.all():
        factories.ReturnLineFactory(return_request=asked, item=item, is_refused=draw(st.booleans()))
    return asked


def make_price_matrix(draw, customer):
    matrix = factories.PriceMatrixFactory()
    for cost in sorted(draw(st.lists(st.decimals(0, 9, places=2), unique=True, max_size=3))):
        rule = draw(st.sampled_from(["multiplier", "margin"]))
        number = draw(st.decimals(0, 99, places=4))
        factories.PriceBandFactory(matrix=matrix, from_cost=cost, **{"multiplier": None, rule: number})
    return matrix


def make_canned_job(draw, customer):
    job = factories.CannedJobFactory(concern=draw(texts(50)), is_listed=draw(st.booleans()))
    for position in sorted(draw(st.sets(st.integers(1, 9), max_size=3))):
        kind = draw(st.sampled_from(CannedLineKind.values))
        values = {
            "part": None,
            "quantity": None,
            "name": "a" + draw(texts(20)),
            "amount": draw(st.decimals(0, 9, places=2)),
        }
        if kind == CannedLineKind.PART:
            values = {"quantity": draw(st.decimals(Decimal("0.01"), 9, places=2))}
        elif kind == CannedLineKind.LABOUR and draw(st.booleans()):
            values |= {"name": "", "service": factories.ServiceFactory()}
        factories.CannedLineFactory(canned_job=job, position=position, kind=kind, **values)
    return job


def make_labour_rate(draw, customer):
    return factories.LabourRateFactory(per_hour=draw(st.decimals(0, LARGEST, places=2)))


def make_tax_rule(draw, customer):
    return factories.TaxRuleFactory(percent=draw(percents), taxes_labour=draw(st.booleans()))


def make_fee_rule(draw, customer):
    kind = draw(st.sampled_from(FeeKind.values))
    is_percent = kind in PERCENT_FEES
    rule = factories.FeeRuleFactory(
        kind=kind,
        percent=draw(percents) if is_percent else None,
        amount=None if is_percent else draw(st.decimals(0, LARGEST, places=2)),
        cap=draw(st.none() | st.decimals(0, LARGEST, places=2)),
        is_active=draw(st.booleans()),
    )
    if kind == FeeKind.PER_PIECE:
        rule.parts.set(factories.PartFactory.create_batch(draw(st.integers(0, 3))))
    return rule


def make_overrun_policy(draw, customer):
    return factories.OverrunPolicyFactory(
        percent=draw(st.none() | percents),
        amount=draw(st.decimals(0, LARGEST, places=2)),
        choose=draw(st.sampled_from(OverrunChoice.values)),
        cap=draw(st.none() | st.decimals(0, LARGEST, places=2)),
        basis=draw(st.sampled_from(OverrunBasis.values)),
    )


def make_tax_exemption(draw, customer):
    first = draw(days)
    return factories.TaxExemptionFactory(
        customer=customer,
        number=draw(texts(60)),
        valid_from=first,
        valid_until=draw(st.none() | st.just(first)),
        location=factories.LocationFactory() if draw(st.booleans()) else None,
    )


def make_invoice(draw, customer):
    total = draw(st.decimals(0, LARGEST, places=2))
    paid = draw(st.sampled_from([Decimal("0.00"), total]))
    return billed.stored_invoice(
        customer,
        vehicle=make_vehicle(draw, customer),
        number=f"T-{uuid4().hex[:20]}",
        day=(day := draw(days)),
        due_on=day + timedelta(days=draw(st.sampled_from([0, 100 * 365]))),
        po_number=draw(texts(40)),
        total=total,
        paid=paid,
        balance=total - paid,
        is_credited=draw(st.booleans()),
    )


def make_credit_note(draw, customer):
    return factories.CreditNoteFactory(
        invoice=make_invoice(draw, customer),
        number=f"T-C{uuid4().hex[:20]}",
        posted_at=draw(instants),
        day=draw(days),
        reason=draw(texts(50)),
        total=draw(st.decimals(0, LARGEST, places=2)),
        discount=draw(st.decimals(-LARGEST, LARGEST, places=2)),
    )


def make_payment(draw, customer):
    """Return a payment that is used for some rows, of which some were taken off again, and that may be refunded."""
    payment = factories.PaymentFactory(
        customer=customer,
        location=factories.LocationFactory() if draw(st.booleans()) else None,
        amount=(amount := draw(st.decimals(1, LARGEST, places=2))),
        open=draw(st.sampled_from([Decimal("0.00"), amount])),
        method=draw(st.sampled_from(PaymentMethod.values)),
        reference=draw(texts(100)),
        received_on=draw(st.none() | days),
        posted_at=draw(instants),
        day=draw(days),
    )
    for _ in range(draw(st.integers(0, 2))):
        column = draw(st.sampled_from(["invoice", "repair_order", "parts_order"]))
        makers = {"invoice": make_invoice, "repair_order": make_order, "parts_order": make_parts_order}
        row = makers[column](draw, customer)
        for used in draw(st.sampled_from([["7.50"], ["7.50", "-7.50"], ["7.50", "-2.25"]])):
            target = {"invoice": None, column: row}
            factories.AllocationFactory(payment=payment, amount=Decimal(used), **target)
    for _ in range(draw(st.integers(0, 2))):
        factories.PaymentFactory(
            kind="refund",
            customer=customer,
            refunds=payment,
            is_reversal=draw(st.booleans()),
            reason=draw(texts(50)),
            posted_at=draw(instants),
            day=draw(days),
        )
    return payment


def make_statement(draw, customer):
    return billed.stored_statement(customer, balance=draw(st.decimals(-LARGEST, LARGEST, places=2)))


def make_statement_run(draw, customer):
    return factories.StatementRunFactory(
        month=draw(days).replace(day=1),
        state=draw(st.sampled_from(RunState.values)),
        started_at=draw(instants),
        finished_at=draw(instants),
    )


def make_closed_day(draw, customer):
    return factories.ClosedDayFactory(
        day=draw(days),
        closed_at=draw(instants),
        cash_counted=draw(st.none() | st.decimals(0, LARGEST, places=2)),
        note=draw(texts(50)),
    )


# A list of another model is added here with the function that makes one of its rows.
def make_time_entry(draw, customer):
    order = factories.RepairOrderFactory(
        vehicle=make_vehicle(draw, customer),
        status="in_progress",
        location=make_location(draw, customer) if draw(st.booleans()) else None,
    )
    started = draw(instants)
    worked = draw(st.integers(0, 10**10))  # microseconds
    return factories.TimeEntryFactory(
        technician__name=draw(texts(50)),
        job=factories.JobFactory(repair_order=order, name=draw(texts(50))),
        started=started,
        ended=started + timedelta(microseconds=worked) if draw(st.booleans()) else None,
    )


def make_reminder(draw, customer):
    mail = factories.ReminderMailFactory(
        customer=customer,
        kind=draw(st.sampled_from(ReminderKind.values)),
        created_at=draw(instants),
        sent_at=draw(maybe_instants),
    )
    return factories.ReminderFactory(mail=mail, text=draw(texts(500)))


def make_schedule_template(draw, customer):
    return make_schedule(draw, customer).template


MAKERS = {
    Appointment: make_visit,
    RepairOrder: make_order,
    Estimate: make_estimate,
    Inspection: make_inspection,
    Template: make_template,
    Invoice: make_invoice,
    ClosedDay: make_closed_day,
    Payment: make_payment,
    CreditNote: make_credit_note,
    Statement: make_statement,
    StatementRun: make_statement_run,
    Vehicle: make_vehicle,
    Recommendation: make_recommendation,
    FuelLog: make_fuel_log,
    ParkingSpot: make_parking_spot,
    Dtc: make_dtc,
    ServiceSchedule: make_schedule,
    ScheduleTemplate: make_schedule_template,
    Order: make_parts_order,
    ReturnRequest: make_return,
    Customer: lambda draw, customer: customer,
    Part: make_part,
    Service: make_service,
    PriceMatrix: make_price_matrix,
    CannedJob: make_canned_job,
    LabourRate: make_labour_rate,
    TaxRule: make_tax_rule,
    FeeRule: make_fee_rule,
    OverrunPolicy: make_overrun_policy,
    TaxExemption: make_tax_exemption,
    TimeEntry: make_time_entry,
    Technician: make_technician,
    Shift: make_shift,
    Absence: make_absence,
    ApiKey: make_api_key,
    Webhook: make_webhook,
    Delivery: make_delivery,
    Location: make_location,
    Plan: make_plan,
    Offer: make_offer,
    Conversation: make_conversation,
    Message: make_conversation,
    SupportTicket: make_support_ticket,
    Notification: make_notification,
    PhoneCall: make_phone_call,
    Reminder: make_reminder,
}
