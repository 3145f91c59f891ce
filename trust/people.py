"""A shop with customers who own a row of every kind, and a user of every role."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.hashers import make_password
from django.test import Client as DjangoClient
from django.utils import timezone

from accounts.actions import open_session
from accounts.models import ApiKey, User
from appointments.models import Appointment, Location, ServiceType, Technician
from billing.credit_notes import credit_amount
from billing.invoices import issue_invoice
from billing.ledger import Target
from billing.models import StatementRun
from billing.payments import take_payment
from billing.statements import make_statement
from catalogue.models import Part, Service
from catalogue.pricing.models import CannedJob
from chat.models import Message
from common.domain.caller import STAFF
from customers.models import Customer
from inspections.models import FindingPhoto, Template
from integrations.models import Delivery
from memberships.models import Offer, Plan
from privacy.holdings import HOLDINGS
from repair_orders.estimates.actions import approve
from repair_orders.models import RepairOrder
from testing import factories
from testing.billed import finished
from testing.servers import Server
from trust.calls import Client
from vehicles.schedules.models import ScheduleTemplate

PASSWORD = "correct horse battery 9"
JPEG = b"\xff\xd8\xff\xe0" + bytes(64)


@dataclass
class Owner:
    """A customer with two logins. Every text of theirs contains `mark`."""

    mark: str
    customer: Customer
    user: User
    colleague: User
    rows: dict[str, Any] = field(default_factory=dict)  # kind -> row

    @property
    def email(self) -> str:
        return self.user.email or ""

    def ids(self, kind: str) -> set[str]:
        """Return every form of a row's id."""
        return _ids_of(kind, self.rows[kind])

    def ids_like(self, kind: str) -> set[str]:
        """Return the ids of every row of the same model, also of those that are not in `rows`."""
        model = type(self.rows[kind])
        found = {one for other, row in self.rows.items() if type(row) is model for one in self.ids(other)}
        for holding in HOLDINGS:
            if holding.model is model and holding.account:
                own = model._base_manager.filter(**{holding.account: self.customer.pk})
                found |= {one for row in own for one in _ids_of(kind, row)}
        return found


def _ids_of(kind: str, row: Any) -> set[str]:
    prefix = {"order": "ORD", "return": "RET", "ticket": "TKT", "message": "MSG"}.get(kind.partition(" ")[0])
    ids = {str(row.pk), str(getattr(row, "uuid", row.pk))}
    return ids | ({f"{prefix}{row.pk}"} if prefix else set())


@dataclass
class Shop:
    """The rows that all customers may name (location, catalogue, plan), and the staff."""

    location: Location
    new_location: Location  # without prices
    heir: Customer  # into whom another customer can be merged
    technician: Technician
    working: Technician  # whose clock runs
    service_type: ServiceType
    part: Part
    unsold_part: Part
    other_part: Part
    service: Service
    unused_service: Service
    canned_job: CannedJob
    template: Template
    prices: dict[str, Any]  # noun of the URL -> its row, of the location
    rota: dict[
        str, Any
    ]  # noun of the URL -> its row, of a technician without a location, so that they bound nothing
    api_key: ApiKey
    delivery: Delivery
    plan: Plan
    offer: Offer
    schedule_template: ScheduleTemplate
    run: StatementRun
    staff: dict[str, User]
    root: User
    carol: User  # without a customer record

    @property
    def tomorrow(self) -> str:
        """Return a time tomorrow at which the shop is open."""
        return (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT15:00:00Z")


def person(email: str, mark: str = "Staff", **fields: Any) -> User:
    return factories.UserFactory(email=email, password=PASSWORD, first_name=mark, last_name=mark, **fields)


def open_shop() -> Shop:
    location = factories.GarageFactory(name="Main Street", bays=4)
    staff = {role: person(f"{role}@shop.example", role=role) for role in sorted(STAFF)}
    return Shop(
        location=location,
        new_location=factories.LocationFactory(name="Side Street"),
        heir=factories.CustomerFactory(),
        technician=factories.TechnicianFactory(location=location, user=staff["technician"]),
        working=factories.TechnicianFactory(location=location),
        service_type=factories.ServiceTypeFactory(code="oil_change"),
        part=factories.PartFactory(name="Brake pads", stock=100),
        unsold_part=factories.PartFactory(name="Wiper"),
        other_part=factories.PartFactory(name="Disc", stock=100),
        service=factories.ServiceFactory(),
        unused_service=factories.ServiceFactory(name="Wheel repair"),
        canned_job=factories.CannedJobFactory(),
        template=factories.TemplateItemFactory().template,
        prices={
            "price-matrices": factories.PriceMatrixFactory(),
            "labour-rates": factories.LabourRateFactory(location=location),
            "tax-rules": factories.TaxRuleFactory(location=location),
            "fee-rules": factories.FeeRuleFactory(location=location),
            "overrun-policies": factories.OverrunPolicyFactory(location=location),
        },
        rota={
            "shifts": factories.ShiftFactory(technician=(spare := factories.TechnicianFactory())),
            "absences": factories.AbsenceFactory(technician=spare),
        },
        api_key=factories.ApiKeyFactory(),
        delivery=factories.DeliveryFactory(),
        plan=factories.PlanFactory(),
        offer=factories.OfferFactory(off_amount=Decimal("5.00")),
        schedule_template=factories.ScheduleTemplateFactory(),
        run=factories.StatementRunFactory(),
        staff=staff,
        root=person("root@shop.example", role="admin", is_superuser=True),
        carol=person("carol@example.com", "Carol"),
    )


def own_everything(shop: Shop, mark: str) -> Owner:
    """Create a customer with a row of every kind that has an owner."""
    user, colleague = (person(f"{mark}{n}@example.com", mark, phone="") for n in ("", "-colleague"))
    customer = factories.CustomerFactory(
        contact=user,
        company_name=f"{mark} Ltd",
        street_address=f"1 {mark} Street",
        tax_id=f"tax-{mark}",
        is_verified=True,
    )
    owner = Owner(mark, customer, user, colleague)
    keep = owner.rows
    keep |= {"customer": customer, "user": user}
    keep["login"] = factories.CustomerUserFactory(customer=customer, user=colleague)
    keep["invitation"] = factories.InvitationFactory(customer=customer, email=f"{mark}-invited@example.com")
    _drive(owner)
    _book(owner, shop)
    _repair(owner, shop)
    _inspect(owner)
    _order(owner, shop)
    _bill(owner, shop)
    _talk(owner)
    keep["notification"] = factories.NotificationFactory(customer=customer, title=mark, message=mark)
    keep["membership"] = factories.MembershipFactory(user=colleague, plan=shop.plan)
    keep["referral"] = factories.ReferralFactory(
        referrer=user, referred=person(f"{mark}-friend@example.com", mark)
    )
    keep["reward"] = factories.RewardEntryFactory(user=user, reason=mark)
    keep["session"] = factories.SessionFactory(user=user, device__device_id=mark)
    return owner


def _drive(owner: Owner) -> None:
    vin = f"1HGBH41JX{owner.mark[:2].upper():X<2}"
    number = iter(range(100))

    def vehicle(**fields: Any) -> Any:
        given = {"color": owner.mark, "license_plate": owner.mark, "unit_number": ""} | fields
        return factories.VehicleFactory(
            customer=owner.customer,
            vin=f"{vin}{next(number):06}".replace("O", "0").replace("I", "1"),
            **given,
        )

    owner.rows["vehicle"] = vehicle(
        unit_number=f"{owner.mark}-7", dongle_id=f"dongle-{owner.mark}", dongle_connection="BLE"
    )
    owner.rows["spare"] = vehicle()
    owner.rows["archived"] = vehicle(archived_at=timezone.now())
    factories.TelematicsBatchFactory(vehicle=owner.rows["vehicle"])


def _book(owner: Owner, shop: Shop) -> None:
    bays = list(shop.location.bays.order_by("id"))
    now = timezone.now()

    def appointment(days: int, hour: int, *, first: int = 0, **fields: Any) -> Appointment:
        start = (now + timedelta(days=days)).replace(hour=hour, minute=0, second=0, microsecond=0)
        taken = first + Appointment.objects.filter(start=start).count()
        made: Appointment = factories.AppointmentFactory(
            vehicle=owner.rows["vehicle"], bay=bays[taken], location=shop.location, start=start,
            technician=shop.technician, description=owner.mark, notes=owner.mark, **fields,
        )  # fmt: skip
        made.services.add(shop.service_type)
        return made

    owner.rows["appointment"] = appointment(2, 10)
    owner.rows["appointment to start"] = appointment(3, 10, first=2)  # work in the first bays has begun
    owner.rows["appointment to cancel"] = appointment(4, 10)
    # No other one of the technician is at that time.
    ahead = Appointment.objects.filter(start__gt=now).count()
    owner.rows["appointment to assign"] = appointment(5, 8 + 3 * ahead % 9)
    owner.rows["appointment to complete"] = appointment(0, 9, status="in_progress", started_at=now)


def _repair(owner: Owner, shop: Shop) -> None:
    now = timezone.now()
    stamps = {
        "pending": {"estimated_at": now},
        "approved": {"estimated_at": now, "approved_at": now},
        "in_progress": {"estimated_at": now, "approved_at": now, "started_at": now},
    }
    for status, given in stamps.items():
        order = _order_in(owner, status, **given)
        owner.rows["repair" if status == "pending" else f"repair {status}"] = order
        part = factories.PartLineFactory(repair_order=order, part=shop.part)
        service = factories.ServiceLineFactory(repair_order=order, service=shop.service)
        if status == "pending":
            estimate = factories.EstimateFactory(repair_order=order)
            owner.rows |= {
                "part line": part, "service line": service, "estimate": estimate, "job": part.job
            }  # fmt: skip
    answered = _order_in(owner, "pending", estimated_at=now)
    factories.PartLineFactory(repair_order=answered, part=shop.part)
    factories.EstimateFactory(repair_order=answered)
    approve(order=answered, by=None, now=now)
    completed = _order_in(owner, "completed", total_cost=Decimal("9.49"), completed_at=now)
    factories.PartLineFactory(repair_order=completed, part=shop.part)
    car = owner.rows["vehicle"]
    owner.rows |= {
        "parking spot": factories.ParkingSpotFactory(user=owner.user, vehicle=car, notes=owner.mark),
        "trouble code": factories.DtcFactory(vehicle=car, note=owner.mark),
        "fuel log": factories.FuelLogFactory(vehicle=car, notes=owner.mark),
        "passport link": factories.PassportLinkFactory(vehicle=car),
        "schedule": factories.ServiceScheduleFactory(vehicle=car),
    }
    discounted = _order_in(owner, "pending", estimated_at=now, given_discount=Decimal("10.00"))
    factories.PartLineFactory(repair_order=discounted, part=shop.part)
    owner.rows["discount"] = factories.OrderDiscountFactory(repair_order=discounted)
    deferred = _order_in(owner, "in_progress", **stamps["in_progress"])
    factories.JobFactory(repair_order=deferred, status="deferred")
    owner.rows |= {
        "repair answered": answered, "repair completed": completed, "repair deferred": deferred,
        "repair discounted": discounted,
        "exemption": factories.TaxExemptionFactory(customer=owner.customer, number=owner.mark),
        "recommendation": factories.RecommendationFactory(vehicle=owner.rows["vehicle"], text=owner.mark),
        "time entry": factories.TimeEntryFactory(job=owner.rows["repair in_progress"].jobs.earliest("position")),
    }  # fmt: skip


def _order_in(owner: Owner, status: str, **fields: Any) -> RepairOrder:
    order: RepairOrder = factories.RepairOrderFactory(
        vehicle=owner.rows["vehicle"], status=status, description=owner.mark, notes=owner.mark, **fields
    )
    # Parts and services have ids of their own. With one more part no job has two lines of the same id.
    if "job" not in owner.rows:
        factories.PartLineFactory(repair_order=order)
    return order


def _inspect(owner: Owner) -> None:
    now = timezone.now()
    for kind, finished_at in (("inspection", None), ("inspection finished", now)):
        finding = factories.FindingFactory(
            inspection__repair_order=owner.rows["repair"],
            inspection__started_at=now,
            inspection__finished_at=finished_at,
            rating="red",
            note=owner.mark,
            recommendation=owner.rows["recommendation"],
        )
        factories.FindingPhotoFactory(finding=finding, upload__customer_id=owner.customer.pk)
        owner.rows[kind] = finding.inspection


def _order(owner: Owner, shop: Shop) -> None:
    order = factories.OrderFactory(customer=owner.customer, status="delivered", tracking_number=owner.mark)
    item = factories.OrderItemFactory(order=order, part=shop.part, product_name=f"Pads {owner.mark}")
    factories.OrderItemFactory(order=order, part=shop.other_part, product_name=f"Disc {owner.mark}")
    asked = factories.ReturnRequestFactory(
        order=factories.OrderFactory(customer=owner.customer, status="delivered"), reason=owner.mark
    )
    placed = factories.OrderFactory(customer=owner.customer)
    factories.OrderItemFactory(order=placed, part=shop.part, product_name=f"Pads {owner.mark}")
    owner.rows |= {"order": order, "item": item, "return": asked, "order to cancel": placed}
    for status in ("confirmed", "packed", "shipped"):
        moved = factories.OrderFactory(customer=owner.customer, status=status)
        factories.OrderItemFactory(order=moved, part=shop.part, product_name=f"Pads {owner.mark}")
        owner.rows[f"order {status}"] = moved
    for status in ("approved", "received"):
        line = factories.ReturnLineFactory(
            return_request__order=factories.OrderFactory(customer=owner.customer, status="delivered"),
            return_request__status=status, return_request__reason=owner.mark,
        )  # fmt: skip
        owner.rows[f"return {status}"] = line.return_request


def _bill(owner: Owner, shop: Shop) -> None:
    now = timezone.now()

    def finish(price: str) -> RepairOrder:
        order: RepairOrder = finished(vehicle=owner.rows["vehicle"], prices=(price,), location=shop.location)
        return order

    invoice = issue_invoice(order=finish("491.00"), by=None, now=now, po_number=owner.mark)
    credited = issue_invoice(order=finish("20.00"), by=None, now=now)
    owner.rows |= {
        "invoice": invoice,
        "credit note": credit_amount(
            invoice=credited, amount=Decimal("5.00"), reason=owner.mark, by=None, now=now
        ),
        "payment": take_payment(
            customer=owner.customer, location=shop.location, amount=Decimal("400.00"), method="check",
            reference=owner.mark, allocations=[Target(invoice, Decimal("100.00"))], by=None, now=now,
        ),
        "statement": make_statement(owner.customer, (now - timedelta(days=45)).date(), now=now),
        "reminder": factories.ReminderMailFactory(customer=owner.customer),
        "repair to invoice": finish("50.00"),
        "repair denied": _order_in(owner, "denied", denied_at=now),
    }  # fmt: skip


def _talk(owner: Owner) -> None:
    ticket = factories.SupportTicketFactory(
        conversation__customer=owner.customer, conversation__subject=owner.mark, order=owner.rows["order"]
    )
    owner.rows |= {"ticket": ticket, "conversation": ticket.conversation}
    for number, is_internal in ((1, False), (2, True)):
        message: Message = factories.MessageFactory(
            conversation=ticket.conversation, number=number, body=owner.mark,
            is_support=is_internal, is_internal=is_internal,
            created_at=timezone.now() + timedelta(seconds=number),
        )  # fmt: skip
        owner.rows["message"] = message
    ticket.conversation.last_number, ticket.conversation.last_at = 2, message.created_at
    ticket.conversation.save()


def send_files(client: Client, owner: Owner) -> None:
    """Upload a file without a use yet, and the photos of a repair order and of inspections."""
    owner.rows["upload"], owner.rows["photo"], *photos = (_upload(client, owner) for _ in range(4))
    now, attached = timezone.now(), [owner.rows["photo"], *photos]
    owner.user.uploads.filter(pk__in=[photo.pk for photo in attached]).update(
        state="attached", attached_at=now
    )
    factories.RepairPhotoFactory(repair_order=owner.rows["repair"], upload=owner.rows["photo"])
    for kind, photo in zip(("inspection", "inspection finished"), photos, strict=True):
        FindingPhoto.objects.filter(finding__inspection=owner.rows[kind]).update(upload=photo)


def _upload(client: Client, owner: Owner) -> Any:
    body = {"filename": f"{owner.mark}.jpg", "contentType": "image/jpeg"}
    announced = client.send("POST", "/api/files/presign/", body).json()
    address = urlsplit(announced["url"])
    sent = Client(client.port).send("PUT", f"{address.path}?{address.query}", JPEG, Content_Type="image/jpeg")
    assert sent.status < 300, sent
    return owner.user.uploads.get(uuid=announced["fileId"])


def signed_in(server: Server, user: User) -> Client:
    """Return a client with an access token and a browser session of a server that has the key of this process."""
    user.refresh_from_db()
    browser = DjangoClient()
    browser.force_login(user)
    # A form is accepted with the CSRF token of the cookie.
    cookies = {name: morsel.value for name, morsel in browser.cookies.items()} | {"csrftoken": "c" * 32}
    return Client(server.port, open_session(user=user, now=timezone.now()).access, cookies=cookies)


def clients(server: Server, shop: Shop, *owners: Owner) -> dict[str, Client]:
    """Return the clients of all users by name, and upload the files of the owners."""
    people = {
        **{owner.mark: owner.user for owner in owners},
        **{f"{owner.mark}'s colleague": owner.colleague for owner in owners},
        "carol": shop.carol,
        **shop.staff,
        "root": shop.root,
    }
    found = {name: signed_in(server, user) for name, user in people.items()}
    for owner in owners:
        send_files(found[owner.mark], owner)
    return {"anonymous": Client(server.port), **found}


def set_passwords() -> None:
    """Set the password of all users to `PASSWORD`, hashed once with the hasher of the product."""
    User.objects.update(password=make_password(PASSWORD, hasher="argon2"))
