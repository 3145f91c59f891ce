"""Factories of rows for tests. The defaults are valid, and every field can be given."""

from __future__ import annotations

from datetime import date, time, timedelta
from decimal import Decimal

import factory
import pyotp
from django.contrib.auth.models import Group
from django.db.models import F
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from factory.django import DjangoModelFactory

from accounts.keys.actions import hash_of
from accounts.models import (
    ApiKey,
    Device,
    EmailChange,
    KnownAddress,
    RecoveryCode,
    Referral,
    RewardEntry,
    SecondFactor,
    Session,
    User,
)
from accounts.referrals import book_points
from appointments.models import (
    Absence,
    Appointment,
    Bay,
    Closure,
    Location,
    OpeningHours,
    ReportedProblem,
    ServiceType,
    Shift,
    Technician,
    Weekday,
)
from billing.links import INVOICES, STATEMENTS
from billing.models import (
    Allocation,
    ClosedDay,
    CreditKind,
    CreditNote,
    CreditNoteLine,
    Invoice,
    InvoiceLine,
    InvoiceSeries,
    LineKind,
    Payment,
    RunState,
    Statement,
    StatementRun,
    VehicleExit,
)
from catalogue.models import Part, Reservation, Service, StockMove, VendorOrder
from catalogue.pricing.models import CannedJob, CannedLine, PriceBand, PriceMatrix
from catalogue.shelf import actions as shelf
from chat.models import Conversation, Message, SupportTicket
from common.domain.ids import new_uuid
from common.domain.models import Event, IdempotencyKey, SheetImport
from customers.models import Customer, CustomerUser, Invitation, Notification, PhoneCall
from files.models import Upload
from inspections.models import Finding, FindingPhoto, Inspection, Template, TemplateItem
from integrations.models import Attempt, Delivery, Webhook
from memberships.models import Membership, Offer, OfferMake, Plan
from orders.models import (
    PROCESSING,
    STATES_WITH_STAMP,
    Order,
    OrderItem,
    OrderStatus,
    ReturnLine,
    ReturnRequest,
)
from passports.links import PASSPORTS
from passports.models import PassportLink
from reminders.links import STOP_LINKS
from reminders.models import Reminder, ReminderMail
from repair_orders.estimates.actions import store_estimate
from repair_orders.estimates.models import Answer, Authorisation, Decision, Estimate, Method
from repair_orders.models import (
    Job,
    JobStatus,
    OrderDiscount,
    PartLine,
    RepairOrder,
    RepairPhoto,
    ServiceLine,
)
from repair_orders.money import line_amount
from repair_orders.pricing.models import FeeRule, LabourRate, OverrunPolicy, TaxExemption, TaxRule
from repair_orders.time_entries.models import TimeEntry
from vehicles.codes.models import Dtc
from vehicles.fuel.models import FuelLog
from vehicles.models import OdometerReading, OdometerSource, Recommendation, TelematicsBatch, Vehicle
from vehicles.parking.models import ParkingSpot
from vehicles.schedules.models import ScheduleTemplate, ServiceRecord, ServiceSchedule
from vehicles.telematics.packing import pack
from vehicles.telematics.samples import Samples

PASSWORD = "correct horse battery"


class UserFactory(DjangoModelFactory[User]):
    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"person{n}@example.com")
    first_name = "Pat"
    last_name = factory.Sequence(lambda n: f"Person{n}")
    phone = "(555) 010-0000"

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        return model_class.objects.create_user(
            kwargs.pop("email"), kwargs.pop("password", PASSWORD), **kwargs
        )


class ApiKeyFactory(DjangoModelFactory[ApiKey]):
    """A key without end. The key itself is its name."""

    class Meta:
        model = ApiKey

    name = factory.Sequence(lambda n: f"gk_key{n}")
    user = factory.SubFactory(UserFactory, email=None, role="manager")
    prefix = factory.LazyAttribute(lambda row: row.name[:9])
    key_hash = factory.LazyAttribute(lambda row: hash_of(row.name))
    created_at = factory.LazyFunction(timezone.now)


class CustomerFactory(DjangoModelFactory[Customer]):
    """A customer whose contact can sign in. `login=False` leaves the login out."""

    class Meta:
        model = Customer
        skip_postgeneration_save = True

    contact = factory.SubFactory(UserFactory)
    customer_since = factory.LazyFunction(timezone.now)
    street_address = "123 Elm St"
    city = "Springfield"
    state = "NY"
    postal_code = "10001"

    @factory.post_generation
    def login(self, create, extracted, **kwargs):
        if create and extracted is not False and self.contact is not None:
            CustomerUser.objects.create(customer=self, user=self.contact)


class VehicleFactory(DjangoModelFactory[Vehicle]):
    class Meta:
        model = Vehicle

    customer = factory.SubFactory(CustomerFactory)
    vin = factory.Sequence(lambda n: f"1HGBH41JXMN{n:06d}")
    make = "Honda"
    model = "Civic"
    year = 2020
    license_plate = "ABC-123"
    color = "Silver"


class OdometerReadingFactory(DjangoModelFactory[OdometerReading]):
    """A reading, which does not move the vehicle's odometer."""

    class Meta:
        model = OdometerReading

    vehicle = factory.SubFactory(VehicleFactory)
    miles = Decimal("15000.50")
    source = OdometerSource.MANUAL
    at = factory.LazyFunction(timezone.now)


class FuelLogFactory(DjangoModelFactory[FuelLog]):
    """A full tank, with its reading, which does not move the vehicle's odometer."""

    class Meta:
        model = FuelLog

    vehicle = factory.SubFactory(VehicleFactory)
    at = factory.LazyFunction(timezone.now)
    miles = Decimal("15000.50")
    reading = factory.LazyAttribute(
        lambda log: OdometerReadingFactory(vehicle=log.vehicle, miles=log.miles, at=log.at)
    )
    gallons = Decimal("12.345")
    price = Decimal("42.95")


class PassportLinkFactory(DjangoModelFactory[PassportLink]):
    """A link that works for 30 days."""

    class Meta:
        model = PassportLink

    uuid = factory.LazyFunction(new_uuid)
    vehicle = factory.SubFactory(VehicleFactory)
    token_hash = factory.LazyAttribute(lambda link: PASSPORTS.token_of(link.uuid)[1])
    created_at = factory.LazyFunction(timezone.now)
    expires_at = factory.LazyAttribute(lambda link: link.created_at + timedelta(days=30))


class DtcFactory(DjangoModelFactory[Dtc]):
    class Meta:
        model = Dtc

    vehicle = factory.SubFactory(VehicleFactory)
    code = factory.Sequence(lambda n: f"P{n % 0x4000:04X}")
    first_seen_at = factory.LazyFunction(timezone.now)
    seen_at = factory.SelfAttribute("first_seen_at")


class ParkingSpotFactory(DjangoModelFactory[ParkingSpot]):
    class Meta:
        model = ParkingSpot

    user = factory.SubFactory(UserFactory)
    latitude = Decimal("40.712776")
    longitude = Decimal("-74.005974")
    address = "12 Elm St"
    place = "Level 2 - B17"
    parked_at = factory.LazyFunction(timezone.now)


class ScheduleTemplateFactory(DjangoModelFactory[ScheduleTemplate]):
    class Meta:
        model = ScheduleTemplate

    name = factory.Sequence(lambda n: f"Oil change {n}")
    description = "Replace the engine oil and its filter."
    priority = "high"
    duration = "30 to 45 minutes"
    services = "oil_change"
    interval_miles = 5000
    interval_months = 6


class ServiceScheduleFactory(DjangoModelFactory[ServiceSchedule]):
    class Meta:
        model = ServiceSchedule

    vehicle = factory.SubFactory(VehicleFactory)
    template = factory.SubFactory(ScheduleTemplateFactory)
    started_on = date(2025, 1, 15)
    started_miles = Decimal("10000.00")
    due_on = date(2025, 7, 15)
    due_miles = Decimal("15000.00")


class ServiceRecordFactory(DjangoModelFactory[ServiceRecord]):
    class Meta:
        model = ServiceRecord

    schedule = factory.SubFactory(ServiceScheduleFactory)
    on = date(2025, 1, 15)


class RecommendationFactory(DjangoModelFactory[Recommendation]):
    """Work that staff recommend."""

    class Meta:
        model = Recommendation

    vehicle = factory.SubFactory(VehicleFactory)
    text = "Replace the wiper blades"


class TelematicsBatchFactory(DjangoModelFactory[TelematicsBatch]):
    """A batch of one sample of contract 003. Each batch starts ten minutes after the previous one."""

    class Meta:
        model = TelematicsBatch

    vehicle = factory.SubFactory(VehicleFactory)
    start = factory.Sequence(lambda n: 1704067200000 + n * 600_000)
    end = factory.LazyAttribute(lambda batch: batch.start + 599_999)
    count = 1
    data = factory.LazyAttribute(lambda batch: pack(Samples([batch.start], [45.5], [2.3], [15000.5])))


class LocationFactory(DjangoModelFactory[Location]):
    class Meta:
        model = Location

    name = factory.Sequence(lambda n: f"Garage {n}")
    address = "500 Main St"
    latitude = Decimal("40.7128")
    longitude = Decimal("-74.006")
    time_zone = "UTC"
    is_default = factory.LazyFunction(lambda: not Location.objects.filter(is_default=True).exists())


class BayFactory(DjangoModelFactory[Bay]):
    class Meta:
        model = Bay

    location = factory.SubFactory(LocationFactory)
    # Padded: the order by name (objects, by the unique index) must equal the order by id (compiled rows).
    name = factory.Sequence(lambda n: f"Bay {n:04}")


class TechnicianFactory(DjangoModelFactory[Technician]):
    class Meta:
        model = Technician

    name = factory.Sequence(lambda n: f"Technician {n}")
    email = "tech@example.com"


class ServiceTypeFactory(DjangoModelFactory[ServiceType]):
    class Meta:
        model = ServiceType

    code = factory.Sequence(lambda n: f"service_{n}")
    name = factory.Sequence(lambda n: f"Service {n}")
    minutes = 30


class ReportedProblemFactory(DjangoModelFactory[ReportedProblem]):
    class Meta:
        model = ReportedProblem

    name = "Noise"


class AppointmentFactory(DjangoModelFactory[Appointment]):
    """An appointment in a bay of its own, unless a bay is given, so that no two overlap."""

    class Meta:
        model = Appointment

    vehicle = factory.SubFactory(VehicleFactory)
    customer = factory.SelfAttribute("vehicle.customer")
    bay = factory.SubFactory(BayFactory)
    location = factory.SelfAttribute("bay.location")
    start = factory.LazyFunction(lambda: timezone.now() + timedelta(days=1))
    end = factory.LazyAttribute(lambda appointment: appointment.start + timedelta(minutes=30))
    description = "Oil change"


class PartFactory(DjangoModelFactory[Part]):
    """A part. One with a `stock` is on the shelf from an opening count on."""

    class Meta:
        model = Part

    name = "Oil Filter"
    part_number = factory.Sequence(lambda n: f"PART-{n}")
    manufacturer = "Fram"
    unit_price = Decimal("9.49")

    @classmethod
    def _create(cls, model_class, *args, stock=0, **kwargs):
        part = super()._create(model_class, *args, **kwargs)
        if stock:
            put_on_shelf(part, stock)
        return part


def put_on_shelf(part, pieces):
    """Add pieces to the stock of a part, as a count would that finds them."""
    Part.objects.filter(pk=part.pk).update(stock=F("stock") + pieces, is_stocked=True)
    StockMove.objects.create(part=part, kind="COUNT", pieces=pieces, at=timezone.now())
    part.refresh_from_db()


class StockMoveFactory(DjangoModelFactory[StockMove]):
    """A move, which does not change the stock of its part."""

    class Meta:
        model = StockMove

    part = factory.SubFactory(PartFactory)
    kind = "COUNT"
    pieces = 0
    at = factory.LazyFunction(timezone.now)


class VendorOrderFactory(DjangoModelFactory[VendorOrder]):
    class Meta:
        model = VendorOrder

    part = factory.SubFactory(PartFactory)
    pieces = 1
    vendor = "NAPA"
    at = factory.LazyFunction(timezone.now)


class ReservationFactory(DjangoModelFactory[Reservation]):
    """A reservation for which nothing is kept."""

    class Meta:
        model = Reservation

    part = factory.SubFactory(PartFactory)
    pieces = 1
    source = factory.Sequence(lambda n: f"job:{n}")
    created_at = factory.LazyFunction(timezone.now)


class ServiceFactory(DjangoModelFactory[Service]):
    class Meta:
        model = Service

    name = "Oil Change"
    labor_cost = Decimal("45.00")


class PriceMatrixFactory(DjangoModelFactory[PriceMatrix]):
    """A matrix without bands. It is not the default one unless that is given."""

    class Meta:
        model = PriceMatrix

    name = factory.Sequence(lambda n: f"Matrix {n:04}")


class PriceBandFactory(DjangoModelFactory[PriceBand]):
    class Meta:
        model = PriceBand

    matrix = factory.SubFactory(PriceMatrixFactory)
    from_cost = Decimal("0.00")
    multiplier = Decimal("3.0000")


class CannedJobFactory(DjangoModelFactory[CannedJob]):
    """A canned job without lines."""

    class Meta:
        model = CannedJob

    name = factory.Sequence(lambda n: f"Canned job {n:04}")
    concern = "Brakes squeal"


class CannedLineFactory(DjangoModelFactory[CannedLine]):
    class Meta:
        model = CannedLine

    canned_job = factory.SubFactory(CannedJobFactory)
    position = 1
    kind = "part"
    part = factory.SubFactory(PartFactory)
    quantity = Decimal("1.00")


class LabourRateFactory(DjangoModelFactory[LabourRate]):
    """A rate that is not the default of its location unless that is given."""

    class Meta:
        model = LabourRate

    location = factory.SubFactory(LocationFactory)
    name = factory.Sequence(lambda n: f"Rate {n:04}")
    per_hour = Decimal("129.95")


class TaxRuleFactory(DjangoModelFactory[TaxRule]):
    class Meta:
        model = TaxRule

    location = factory.SubFactory(LocationFactory)
    percent = Decimal("8.8750")


class FeeRuleFactory(DjangoModelFactory[FeeRule]):
    """Shop supplies: 5 % of parts and labour, at most 25.00."""

    class Meta:
        model = FeeRule

    location = factory.SubFactory(LocationFactory)
    name = factory.Sequence(lambda n: f"Shop supplies {n:04}")
    kind = "percent_of_parts_and_labour"
    percent = Decimal("5.0000")
    cap = Decimal("25.00")


class OverrunPolicyFactory(DjangoModelFactory[OverrunPolicy]):
    class Meta:
        model = OverrunPolicy

    location = factory.SubFactory(LocationFactory)
    percent = Decimal("10.0000")


class TaxExemptionFactory(DjangoModelFactory[TaxExemption]):
    class Meta:
        model = TaxExemption

    customer = factory.SubFactory(CustomerFactory)
    number = factory.Sequence(lambda n: f"EX-{n:04}")
    valid_from = date(2026, 1, 1)


class RepairOrderFactory(DjangoModelFactory[RepairOrder]):
    class Meta:
        model = RepairOrder

    vehicle = factory.SubFactory(VehicleFactory)
    customer = factory.SelfAttribute("vehicle.customer")
    created_at = factory.LazyFunction(timezone.now)


class OrderDiscountFactory(DjangoModelFactory[OrderDiscount]):
    """A discount row with a stored amount. The order's `given_discount` is set by the caller."""

    class Meta:
        model = OrderDiscount

    repair_order = factory.SubFactory(RepairOrderFactory)
    kind = "plan"
    source_id = 1
    name = "Membership Plus"
    points = factory.LazyAttribute(lambda row: 100 if row.kind == "points" else None)
    amount = Decimal("10.00")
    given_at = factory.LazyFunction(timezone.now)


class RepairPhotoFactory(DjangoModelFactory[RepairPhoto]):
    class Meta:
        model = RepairPhoto

    repair_order = factory.SubFactory(RepairOrderFactory)
    upload = factory.SubFactory("testing.factories.UploadFactory")


class InspectionTemplateFactory(DjangoModelFactory[Template]):
    """A template without items."""

    class Meta:
        model = Template

    name = factory.Sequence(lambda n: f"Inspection {n:04}")


class TemplateItemFactory(DjangoModelFactory[TemplateItem]):
    class Meta:
        model = TemplateItem

    template = factory.SubFactory(InspectionTemplateFactory)
    position = factory.LazyAttribute(lambda item: item.template.items.count() + 1)
    group = "Brakes"
    name = factory.Sequence(lambda n: f"Brake pads {n:04}")
    unit = "mm"


class InspectionFactory(DjangoModelFactory[Inspection]):
    """An unfinished inspection without findings."""

    class Meta:
        model = Inspection

    repair_order = factory.SubFactory(RepairOrderFactory)
    name = factory.Sequence(lambda n: f"Inspection {n:04}")
    started_at = factory.LazyFunction(timezone.now)


class FindingFactory(DjangoModelFactory[Finding]):
    """A finding that is not rated, about an item of a template."""

    class Meta:
        model = Finding

    inspection = factory.SubFactory(InspectionFactory)
    item = factory.SubFactory(TemplateItemFactory)
    position = factory.LazyAttribute(lambda finding: finding.inspection.findings.count() + 1)
    group = factory.SelfAttribute("item.group")
    name = factory.SelfAttribute("item.name")
    unit = factory.SelfAttribute("item.unit")


class FindingPhotoFactory(DjangoModelFactory[FindingPhoto]):
    class Meta:
        model = FindingPhoto

    finding = factory.SubFactory(FindingFactory)
    upload = factory.SubFactory("testing.factories.UploadFactory")


_JOB_STATUS = {
    "approved": JobStatus.APPROVED,
    "in_progress": JobStatus.APPROVED,
    "completed": JobStatus.DONE,
    "denied": JobStatus.DECLINED,
}


class JobFactory(DjangoModelFactory[Job]):
    """A job in the status that fits its order's. It counts for the customer."""

    class Meta:
        model = Job

    repair_order = factory.SubFactory(RepairOrderFactory)
    position = factory.LazyAttribute(lambda job: job.repair_order.jobs.count() + 1)
    name = "Repair"
    status = factory.LazyAttribute(lambda job: _JOB_STATUS.get(job.repair_order.status, JobStatus.PROPOSED))
    is_draft = factory.LazyAttribute(lambda job: job.repair_order.status == "requested")


class TimeEntryFactory(DjangoModelFactory[TimeEntry]):
    """An hour of a technician of its own on a job of an order in progress."""

    class Meta:
        model = TimeEntry

    technician = factory.SubFactory(TechnicianFactory)
    job = factory.SubFactory(JobFactory, repair_order__status="in_progress")
    started = factory.LazyFunction(lambda: timezone.now() - timedelta(hours=2))
    ended = factory.LazyAttribute(lambda entry: entry.started + timedelta(hours=1))


def _first_job(line):
    order = line.repair_order
    return order.jobs.order_by("position").first() or JobFactory(repair_order=order)


class PartLineFactory(DjangoModelFactory[PartLine]):
    """A line in the first job of its order, as the catalogue sells it."""

    class Meta:
        model = PartLine

    repair_order = factory.SubFactory(RepairOrderFactory)
    job = factory.LazyAttribute(_first_job)
    part = factory.SubFactory(PartFactory)
    name = factory.SelfAttribute("part.name")
    part_number = factory.SelfAttribute("part.part_number")
    manufacturer = factory.SelfAttribute("part.manufacturer")
    warranty_months = factory.SelfAttribute("part.warranty_months")
    quantity = Decimal("1.00")
    unit_price = factory.SelfAttribute("part.unit_price")
    amount = factory.LazyAttribute(lambda line: line_amount(Decimal(line.quantity), line.unit_price))
    taxable = factory.SelfAttribute("part.taxable")


class ServiceLineFactory(DjangoModelFactory[ServiceLine]):
    """Labour in the first job of its order, as the catalogue sells it."""

    class Meta:
        model = ServiceLine

    repair_order = factory.SubFactory(RepairOrderFactory)
    job = factory.LazyAttribute(_first_job)
    service = factory.SubFactory(ServiceFactory)
    name = factory.SelfAttribute("service.name")
    description = factory.SelfAttribute("service.description")
    warranty_months = factory.SelfAttribute("service.warranty_months")
    amount = factory.SelfAttribute("service.labor_cost")
    taxable = factory.SelfAttribute("service.taxable")


class EstimateFactory(DjangoModelFactory[Estimate]):
    """A revision of the order's present lines, with the next number, sent at `now` and not answered."""

    class Meta:
        model = Estimate

    repair_order = factory.SubFactory(RepairOrderFactory, status="pending")

    @classmethod
    def _create(cls, model_class, *args, repair_order, now=None, **kwargs):
        return store_estimate(order=repair_order, by=None, now=now or timezone.now(), **kwargs)


class AuthorisationFactory(DjangoModelFactory[Authorisation]):
    """The answer to a revision that approved every job of it."""

    class Meta:
        model = Authorisation
        skip_postgeneration_save = True

    estimate = factory.SubFactory(EstimateFactory)
    method = Method.PHONE
    by_name = "Pat C"
    contact_used = "(555) 010-0000"
    at = factory.LazyFunction(timezone.now)
    total = factory.SelfAttribute("estimate.total")
    net = factory.SelfAttribute("estimate.total")

    @factory.post_generation
    def decisions(self, create, extracted, **kwargs):
        for job in self.estimate.repair_order.jobs.all():
            Decision.objects.create(
                authorisation=self, job=job, job_name=job.name, amount=0, decision=Answer.APPROVED
            )


def _stamp(stamp):
    """Set a timestamp if the order's status is at or past the step that sets it."""
    return factory.LazyAttribute(
        lambda order: order.created_at if order.status in STATES_WITH_STAMP[stamp] else None
    )


class OrderFactory(DjangoModelFactory[Order]):
    class Meta:
        model = Order

    customer = factory.SubFactory(CustomerFactory)
    status = OrderStatus.PLACED
    created_at = factory.LazyFunction(timezone.now)
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(hours=48))
    confirmed_at = _stamp("confirmed_at")
    packed_at = _stamp("packed_at")
    shipped_at = _stamp("shipped_at")
    delivered_at = _stamp("delivered_at")


class OrderItemFactory(DjangoModelFactory[OrderItem]):
    """An item. Its pieces are reserved on the shelf until the order is shipped, and issued then."""

    class Meta:
        model = OrderItem

    order = factory.SubFactory(OrderFactory)
    part = factory.SubFactory(PartFactory)
    product_name = factory.SelfAttribute("part.name")
    quantity = 1
    unit_price = factory.SelfAttribute("part.unit_price")
    subtotal = factory.LazyAttribute(lambda item: item.unit_price * item.quantity)

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        item = super()._create(model_class, *args, **kwargs)
        order = item.order
        if order.status != OrderStatus.CANCELLED:
            put_on_shelf(item.part, item.quantity)
            shelf.reserve(
                source=order.source, pieces={item.part_id: item.quantity}, by=None, now=order.created_at
            )
        if order.status not in (*PROCESSING, OrderStatus.CANCELLED):
            shelf.issue(source=order.source, by=None, now=order.created_at)
        item.part.refresh_from_db()
        return item


class ReturnRequestFactory(DjangoModelFactory[ReturnRequest]):
    class Meta:
        model = ReturnRequest

    order = factory.SubFactory(OrderFactory, status=OrderStatus.DELIVERED)
    reason = "Product is defective"
    refund_amount = Decimal("9.49")
    created_at = factory.LazyFunction(timezone.now)


class ReturnLineFactory(DjangoModelFactory[ReturnLine]):
    class Meta:
        model = ReturnLine

    return_request = factory.SubFactory(ReturnRequestFactory)
    item = factory.SubFactory(OrderItemFactory, order=factory.SelfAttribute("..return_request.order"))


class InvoiceSeriesFactory(DjangoModelFactory[InvoiceSeries]):
    class Meta:
        model = InvoiceSeries

    location = factory.SubFactory(LocationFactory)
    prefix = factory.Sequence(lambda n: f"S{n}")


class InvoiceFactory(DjangoModelFactory[Invoice]):
    """A paid invoice of 20.00 without tax, as rows only. `billing.invoices` issues whole ones."""

    class Meta:
        model = Invoice

    number = factory.Sequence(lambda n: f"T-{n + 1}")
    location = factory.SubFactory(LocationFactory)
    repair_order = factory.SubFactory(RepairOrderFactory, status="completed", total_cost=Decimal("20.00"))
    customer = factory.LazyAttribute(
        lambda row: row.repair_order.customer if row.repair_order else CustomerFactory()
    )
    bill_to = factory.SelfAttribute("customer")
    issued_at = factory.LazyFunction(timezone.now)
    day = factory.LazyAttribute(lambda row: row.issued_at.date())
    due_on = factory.SelfAttribute("day")
    tax_percent = Decimal("0.0000")
    subtotal = factory.SelfAttribute("total")
    discount = Decimal("0.00")
    net = factory.SelfAttribute("total")
    tax = Decimal("0.00")
    total = Decimal("20.00")
    cost = Decimal("0.00")
    paid = factory.SelfAttribute("total")
    balance = factory.LazyAttribute(lambda row: row.total - row.paid)
    snapshot = factory.LazyFunction(dict)
    digest = "0" * 64
    token_hash = factory.LazyAttribute(lambda row: INVOICES.token_of(new_uuid())[1])


class InvoiceLineFactory(DjangoModelFactory[InvoiceLine]):
    class Meta:
        model = InvoiceLine

    invoice = factory.SubFactory(InvoiceFactory)
    position = factory.LazyAttribute(lambda line: line.invoice.lines.count() + 1)
    kind = LineKind.PART
    name = "Brake pads"
    quantity = Decimal("1.00")
    amount = factory.SelfAttribute("invoice.total")
    discount = Decimal("0.00")
    net = factory.SelfAttribute("amount")
    tax = Decimal("0.00")
    taxable = True
    cost = Decimal("0.00")


class CreditNoteFactory(DjangoModelFactory[CreditNote]):
    class Meta:
        model = CreditNote

    kind = CreditKind.AMOUNT
    number = factory.Sequence(lambda n: f"T-C{n + 1}")
    invoice = factory.SubFactory(InvoiceFactory)
    location = factory.SelfAttribute("invoice.location")
    customer = factory.SelfAttribute("invoice.bill_to")
    posted_at = factory.LazyFunction(timezone.now)
    day = factory.LazyAttribute(lambda note: note.posted_at.date())
    reason = "Discount"
    subtotal = factory.SelfAttribute("total")
    discount = Decimal("0.00")
    net = factory.SelfAttribute("total")
    tax = Decimal("0.00")
    total = Decimal("5.00")
    snapshot = factory.LazyFunction(dict)
    digest = "0" * 64


class CreditNoteLineFactory(DjangoModelFactory[CreditNoteLine]):
    class Meta:
        model = CreditNoteLine

    credit_note = factory.SubFactory(CreditNoteFactory)
    position = 1
    kind = LineKind.ALLOWANCE
    name = "Allowance"
    amount = factory.SelfAttribute("credit_note.total")
    discount = Decimal("0.00")
    net = factory.SelfAttribute("amount")
    tax = Decimal("0.00")


class PaymentFactory(DjangoModelFactory[Payment]):
    """A payment of 20.00 by card. Nothing of it is open."""

    class Meta:
        model = Payment

    customer = factory.SubFactory(CustomerFactory)
    location = factory.SubFactory(LocationFactory)
    amount = Decimal("20.00")
    method = "card"
    posted_at = factory.LazyFunction(timezone.now)
    day = factory.LazyAttribute(lambda payment: payment.posted_at.date())
    open = Decimal("0.00")
    snapshot = factory.LazyFunction(dict)
    digest = "0" * 64


class AllocationFactory(DjangoModelFactory[Allocation]):
    class Meta:
        model = Allocation

    payment = factory.SubFactory(PaymentFactory)
    invoice = factory.SubFactory(InvoiceFactory, customer=factory.SelfAttribute("..payment.customer"))
    amount = factory.SelfAttribute("payment.amount")
    location = factory.SelfAttribute("payment.location")
    at = factory.SelfAttribute("payment.posted_at")
    day = factory.SelfAttribute("payment.day")


class StatementFactory(DjangoModelFactory[Statement]):
    class Meta:
        model = Statement

    customer = factory.SubFactory(CustomerFactory)
    month = date(2026, 1, 1)
    made_at = factory.LazyFunction(timezone.now)
    balance = Decimal("0.00")
    snapshot = factory.LazyFunction(dict)
    digest = "0" * 64
    token_hash = factory.LazyAttribute(lambda row: STATEMENTS.token_of(new_uuid())[1])


class StatementRunFactory(DjangoModelFactory[StatementRun]):
    """A finished run. Only one of a month can be unfinished."""

    class Meta:
        model = StatementRun

    month = date(2026, 1, 1)
    state = RunState.FINISHED
    started_at = factory.LazyFunction(timezone.now)
    finished_at = factory.SelfAttribute("started_at")


class ClosedDayFactory(DjangoModelFactory[ClosedDay]):
    class Meta:
        model = ClosedDay

    location = factory.SubFactory(LocationFactory)
    day = date(2026, 1, 2)
    closed_at = factory.LazyFunction(timezone.now)
    snapshot = factory.LazyFunction(dict)
    digest = "0" * 64


class VehicleExitFactory(DjangoModelFactory[VehicleExit]):
    class Meta:
        model = VehicleExit

    repair_order = factory.SubFactory(RepairOrderFactory, status="completed", total_cost=Decimal("20.00"))
    at = factory.LazyFunction(timezone.now)
    balance = Decimal("0.00")


class SessionFactory(DjangoModelFactory[Session]):
    class Meta:
        model = Session

    user = factory.SubFactory(UserFactory)
    device = factory.SubFactory("testing.factories.DeviceFactory", user=factory.SelfAttribute("..user"))
    refresh_jti = factory.Sequence(lambda n: f"{n:032x}")
    created_at = factory.LazyFunction(timezone.now)


class DeviceFactory(DjangoModelFactory[Device]):
    class Meta:
        model = Device

    user = factory.SubFactory(UserFactory)
    device_id = factory.Sequence(lambda n: f"device-{n}")
    last_seen_at = factory.LazyFunction(timezone.now)


class KnownAddressFactory(DjangoModelFactory[KnownAddress]):
    class Meta:
        model = KnownAddress

    user = factory.SubFactory(UserFactory)
    address = factory.Sequence(lambda n: f"198.51.100.{n}")
    last_sign_in_at = factory.LazyFunction(timezone.now)


class SecondFactorFactory(DjangoModelFactory[SecondFactor]):
    class Meta:
        model = SecondFactor

    user = factory.SubFactory(UserFactory, second_factor_since=factory.LazyFunction(timezone.now))
    secret = factory.LazyFunction(pyotp.random_base32)
    last_step = 0


class RecoveryCodeFactory(DjangoModelFactory[RecoveryCode]):
    class Meta:
        model = RecoveryCode

    factor = factory.SubFactory(SecondFactorFactory)
    code_hash = factory.Sequence(lambda n: f"{n:064x}")


class ReferralFactory(DjangoModelFactory[Referral]):
    class Meta:
        model = Referral

    referrer = factory.SubFactory(UserFactory)
    referred = factory.SubFactory(UserFactory)
    code = factory.SelfAttribute("referrer.referral_code")
    created_at = factory.LazyFunction(timezone.now)


class RewardEntryFactory(DjangoModelFactory[RewardEntry]):
    """An entry added through `book_points`, so that the balance equals the sum of the ledger."""

    class Meta:
        model = RewardEntry

    user = factory.SubFactory(UserFactory)
    points = 10
    reason = "Goodwill"

    @classmethod
    def _create(cls, model_class, *args, user, **kwargs):
        return book_points(user_id=user.pk, now=timezone.now(), **kwargs)


class TaskFactory(DjangoModelFactory[DBTaskResult]):
    class Meta:
        model = DBTaskResult

    task_path = "accounts.tasks.mail_reset_link"
    args_kwargs = {"args": ["person@example.com"], "kwargs": {}}
    backend_name = "default"


class CustomerUserFactory(DjangoModelFactory[CustomerUser]):
    class Meta:
        model = CustomerUser

    customer = factory.SubFactory(CustomerFactory)
    user = factory.SubFactory(UserFactory)


class InvitationFactory(DjangoModelFactory[Invitation]):
    """A waiting invitation whose mail is not sent yet."""

    class Meta:
        model = Invitation

    customer = factory.SubFactory(CustomerFactory, is_verified=True)
    email = factory.Sequence(lambda n: f"invited{n}@example.com")
    role = "approver"
    invited_by = factory.SelfAttribute("customer.contact")
    created_at = factory.LazyFunction(timezone.now)
    expires_at = factory.LazyAttribute(lambda o: o.created_at + timedelta(days=7))


class EmailChangeFactory(DjangoModelFactory[EmailChange]):
    class Meta:
        model = EmailChange

    user = factory.SubFactory(UserFactory)
    old_email = factory.Sequence(lambda n: f"old{n}@example.com")
    new_email = factory.SelfAttribute("user.email")
    undo_email = factory.SelfAttribute("old_email")
    created_at = factory.LazyFunction(timezone.now)
    expires_at = factory.LazyAttribute(lambda o: o.created_at + timedelta(hours=72))


class NotificationFactory(DjangoModelFactory[Notification]):
    class Meta:
        model = Notification

    customer = factory.SubFactory(CustomerFactory)
    type = "ORDER"
    title = "Repair completed"
    message = "Your vehicle is ready."
    created_at = factory.LazyFunction(timezone.now)


class PhoneCallFactory(DjangoModelFactory[PhoneCall]):
    class Meta:
        model = PhoneCall

    customer = factory.SubFactory(CustomerFactory)
    at = factory.LazyFunction(timezone.now)
    outcome = "No answer"


class ReminderMailFactory(DjangoModelFactory[ReminderMail]):
    """A mail about service that was sent to the customer's contact."""

    class Meta:
        model = ReminderMail

    kind = "service"
    customer = factory.SubFactory(CustomerFactory)
    token_hash = factory.LazyAttribute(lambda mail: STOP_LINKS.token_of(mail.uuid)[1])
    created_at = factory.LazyFunction(timezone.now)
    sent_at = factory.LazyFunction(timezone.now)
    uuid = factory.LazyFunction(new_uuid)


class ReminderFactory(DjangoModelFactory[Reminder]):
    class Meta:
        model = Reminder

    mail = factory.SubFactory(ReminderMailFactory)
    kind = factory.SelfAttribute("mail.kind")
    subject = factory.Sequence(lambda n: f"schedule:{n + 1}")
    occasion = "2026-01-11:due_soon"
    text = "2019 Honda Civic (ABC-123): Oil change is due soon (June 24, 2026)"


class ShiftFactory(DjangoModelFactory[Shift]):
    class Meta:
        model = Shift

    technician = factory.SubFactory(TechnicianFactory)
    weekday = Weekday.MONDAY
    begins = time(8)
    ends = time(17)


class AbsenceFactory(DjangoModelFactory[Absence]):
    class Meta:
        model = Absence

    technician = factory.SubFactory(TechnicianFactory)
    first_day = date(2027, 1, 5)
    last_day = factory.SelfAttribute("first_day")
    reason = "Vacation"


class OpeningHoursFactory(DjangoModelFactory[OpeningHours]):
    class Meta:
        model = OpeningHours

    location = factory.SubFactory(LocationFactory)
    weekday = 0
    opens = time(8)
    closes = time(18)


class ClosureFactory(DjangoModelFactory[Closure]):
    class Meta:
        model = Closure

    location = factory.SubFactory(LocationFactory)
    day = date(2030, 12, 25)


class UploadFactory(DjangoModelFactory[Upload]):
    class Meta:
        model = Upload

    owner = factory.SubFactory(UserFactory)
    name = "receipt.jpg"
    content_type = "image/jpeg"
    key = factory.Sequence(lambda n: f"uploads/{n:022}/receipt.jpg")
    created_at = factory.LazyFunction(timezone.now)


class PlanFactory(DjangoModelFactory[Plan]):
    class Meta:
        model = Plan

    name = factory.Sequence(lambda n: f"Plan {n}")
    tier = "plus"
    price = Decimal("19.99")
    features = "Oil changes\nRoadside help"


class MembershipFactory(DjangoModelFactory[Membership]):
    class Meta:
        model = Membership

    user = factory.SubFactory(UserFactory)
    plan = factory.SubFactory(PlanFactory)
    started_at = factory.LazyFunction(timezone.now)


class OfferFactory(DjangoModelFactory[Offer]):
    """An offer for all customers, locations and vehicles that expires in a week."""

    class Meta:
        model = Offer
        skip_postgeneration_save = True

    title = factory.Sequence(lambda n: f"Offer {n}")
    expiry = factory.LazyFunction(lambda: timezone.now() + timedelta(days=7))
    created_at = factory.LazyFunction(timezone.now)

    @factory.post_generation
    def locations(self, create, extracted, **kwargs):
        self.locations.add(*(extracted or ()))

    @factory.post_generation
    def makes(self, create, extracted, **kwargs):
        for make in extracted or ():
            OfferMake.objects.create(offer=self, make=make)


class OfferMakeFactory(DjangoModelFactory[OfferMake]):
    class Meta:
        model = OfferMake

    offer = factory.SubFactory(OfferFactory)
    make = "Honda"


class ConversationFactory(DjangoModelFactory[Conversation]):
    class Meta:
        model = Conversation

    customer = factory.SubFactory(CustomerFactory)
    subject = "Brakes"
    created_at = factory.LazyFunction(timezone.now)
    updated_at = factory.SelfAttribute("created_at")


class MessageFactory(DjangoModelFactory[Message]):
    """A message row alone. It does not update its conversation, which `chat.actions.post_message` does."""

    class Meta:
        model = Message

    conversation = factory.SubFactory(ConversationFactory)
    number = factory.Sequence(lambda n: n + 1)
    author = factory.SelfAttribute("conversation.customer.contact")
    is_support = False
    body = "Hello"
    created_at = factory.LazyFunction(timezone.now)


class SupportTicketFactory(DjangoModelFactory[SupportTicket]):
    class Meta:
        model = SupportTicket

    conversation = factory.SubFactory(ConversationFactory)


class GarageFactory(LocationFactory):
    """A location that can be booked: `bays` (2), and `hours` (08:00 to 18:00) on every day of the week."""

    class Meta:
        skip_postgeneration_save = True

    @factory.post_generation
    def bays(self, create, extracted, **kwargs):
        BayFactory.create_batch(2 if extracted is None else extracted, location=self)

    @factory.post_generation
    def hours(self, create, extracted, **kwargs):
        opens, closes = extracted or (time(8), time(18))
        for weekday in range(7):
            OpeningHoursFactory(location=self, weekday=weekday, opens=opens, closes=closes)


class EventFactory(DjangoModelFactory[Event]):
    class Meta:
        model = Event

    type = "repair_orders.repairorder.approved"
    subject = factory.Sequence(lambda n: f"repair_orders.repairorder:{n + 1}")
    at = factory.LazyFunction(timezone.now)
    payload = factory.LazyAttribute(
        lambda event: {"id": int(event.subject.partition(":")[2]), "status": "approved"}
    )


class WebhookFactory(DjangoModelFactory[Webhook]):
    """A webhook for all events from now on."""

    class Meta:
        model = Webhook

    url = factory.Sequence(lambda n: f"https://hooks{n}.example.com/garage")
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # the published one of Standard Webhooks
    created_at = factory.LazyFunction(timezone.now)


class DeliveryFactory(DjangoModelFactory[Delivery]):
    """A delivery that is due, of an event of its own."""

    class Meta:
        model = Delivery
        exclude = ("event",)

    event = factory.SubFactory(EventFactory)
    webhook = factory.SubFactory(WebhookFactory)
    event_id = factory.LazyAttribute(lambda row: row.event.pk)
    type = factory.LazyAttribute(lambda row: row.event.type)
    subject = factory.LazyAttribute(lambda row: row.event.subject)
    created_at = factory.LazyFunction(timezone.now)
    waits_since = factory.SelfAttribute("created_at")
    due_at = factory.SelfAttribute("created_at")


class AttemptFactory(DjangoModelFactory[Attempt]):
    class Meta:
        model = Attempt

    delivery = factory.SubFactory(DeliveryFactory)
    at = factory.LazyFunction(timezone.now)
    status = 204
    milliseconds = 12


class SheetImportFactory(DjangoModelFactory[SheetImport]):
    class Meta:
        model = SheetImport

    table = "catalogue.Part"
    user_id = factory.LazyFunction(lambda: UserFactory().pk)
    file_name = "parts.csv"
    content = b"part_number,name,unit_price\nP-1,Pad,1\n"
    lines = 1
    created_at = factory.LazyFunction(timezone.now)


class IdempotencyKeyFactory(DjangoModelFactory[IdempotencyKey]):
    class Meta:
        model = IdempotencyKey

    user_id = 1
    key = factory.Sequence(lambda n: f"key-{n}")
    created_at = factory.LazyFunction(timezone.now)


class GroupFactory(DjangoModelFactory[Group]):
    class Meta:
        model = Group

    name = factory.Sequence(lambda n: f"Group {n}")
