"""Factories of rows for tests. The defaults are valid, and every field can be given."""

from __future__ import annotations

from datetime import date, time, timedelta
from decimal import Decimal

import factory
from django.contrib.auth.models import Group
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from factory.django import DjangoModelFactory

from accounts.models import Device, KnownAddress, Referral, RewardEntry, Session, User
from accounts.referrals import book_points
from appointments.models import (
    Appointment,
    Bay,
    Closure,
    Location,
    OpeningHours,
    ReportedProblem,
    ServiceType,
    Technician,
)
from catalogue.models import Part, Service
from chat.models import Conversation, Message, SupportTicket
from common.domain.models import Event, IdempotencyKey
from customers.models import Customer, CustomerUser, Notification
from files.models import Upload
from memberships.models import Membership, Offer, OfferMake, Plan
from orders.models import STATES_WITH_STAMP, Order, OrderItem, OrderStatus, ReturnLine, ReturnRequest
from repair_orders.models import PartLine, RepairOrder, RepairPhoto, ServiceLine
from vehicles.models import TelematicsBatch, Vehicle
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
    class Meta:
        model = Part

    name = "Oil Filter"
    part_number = factory.Sequence(lambda n: f"PART-{n}")
    manufacturer = "Fram"
    unit_price = Decimal("9.49")


class ServiceFactory(DjangoModelFactory[Service]):
    class Meta:
        model = Service

    name = "Oil Change"
    labor_cost = Decimal("45.00")


class RepairOrderFactory(DjangoModelFactory[RepairOrder]):
    class Meta:
        model = RepairOrder

    vehicle = factory.SubFactory(VehicleFactory)
    customer = factory.SelfAttribute("vehicle.customer")
    created_at = factory.LazyFunction(timezone.now)


class RepairPhotoFactory(DjangoModelFactory[RepairPhoto]):
    class Meta:
        model = RepairPhoto

    repair_order = factory.SubFactory(RepairOrderFactory)
    upload = factory.SubFactory("testing.factories.UploadFactory")


class PartLineFactory(DjangoModelFactory[PartLine]):
    class Meta:
        model = PartLine

    repair_order = factory.SubFactory(RepairOrderFactory)
    part = factory.SubFactory(PartFactory)
    quantity = 1
    unit_price = factory.SelfAttribute("part.unit_price")
    taxable = factory.SelfAttribute("part.taxable")


class ServiceLineFactory(DjangoModelFactory[ServiceLine]):
    class Meta:
        model = ServiceLine

    repair_order = factory.SubFactory(RepairOrderFactory)
    service = factory.SubFactory(ServiceFactory)
    labor_cost = factory.SelfAttribute("service.labor_cost")
    taxable = factory.SelfAttribute("service.taxable")


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
    confirmed_at = _stamp("confirmed_at")
    packed_at = _stamp("packed_at")
    shipped_at = _stamp("shipped_at")
    delivered_at = _stamp("delivered_at")


class OrderItemFactory(DjangoModelFactory[OrderItem]):
    class Meta:
        model = OrderItem

    order = factory.SubFactory(OrderFactory)
    part = factory.SubFactory(PartFactory)
    product_name = factory.SelfAttribute("part.name")
    quantity = 1
    unit_price = factory.SelfAttribute("part.unit_price")
    subtotal = factory.LazyAttribute(lambda item: item.unit_price * item.quantity)


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


class NotificationFactory(DjangoModelFactory[Notification]):
    class Meta:
        model = Notification

    customer = factory.SubFactory(CustomerFactory)
    type = "ORDER"
    title = "Repair completed"
    message = "Your vehicle is ready."
    created_at = factory.LazyFunction(timezone.now)


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
