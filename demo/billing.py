"""Load seven weeks of business of the second location: invoices, payments, deposits, credits and what is owed.

All is booked by the verbs, in the order of time. The customers have no email, so that nothing is mailed. Of the first
location only three invoices of the fleet are booked, for the portal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from accounts.models import User
from appointments.models import Location
from billing.credit_notes import LineCredit, credit_all, credit_lines
from billing.days import close_day
from billing.exits import vehicle_out
from billing.invoices import issue_invoice, set_prefix
from billing.ledger import Target
from billing.models import Invoice, Payment, PaymentKind
from billing.openings import open_account
from billing.payments import allocate, refund, reverse, take_payment
from billing.reports.base import Scope
from billing.reports.sheet import day_sheet
from catalogue.pricing.models import CannedJob
from common.domain.money import PaymentMethod
from customers.actions import add_walk_in
from customers.models import Customer
from demo.calendar import TIME_ZONE, Calendar
from demo.fleet import EMAIL as FLEET
from demo.garage import Garage
from repair_orders.actions import change_order, complete, request_repair, start, stop
from repair_orders.estimates.actions import Answerer, answer, store_estimate
from repair_orders.estimates.models import Answer, Method
from repair_orders.jobs import add_canned_job
from repair_orders.models import RepairOrder, RepairOrderStatus
from vehicles.models import Vehicle

_DaysBack = Callable[..., datetime]
_OIL, _BRAKES, _INSPECTION = "Oil change, synthetic", "Front brakes", "State inspection"
_CASH, _CARD = PaymentMethod.CASH, PaymentMethod.CARD
_CHECK, _TRANSFER = PaymentMethod.CHECK, PaymentMethod.TRANSFER

# short name: (first name, last name or company, days to pay, phone)
_CUSTOMERS = {
    "joan": ("Joan", "Albright", 0, "(555) 010-4501"),
    "joseph": ("Joseph", "Marrow", 0, "(555) 010-4502"),
    "dot": ("Dot", "Whitlow", 0, "(555) 010-4503"),
    "harold": ("Harold", "Finch-Okafor", 0, "(555) 010-4504"),
    "linda": ("Linda", "Park", 0, "(555) 010-4505"),
    "tallgrass": ("", "Tallgrass Deliveries", 30, "(555) 010-4506"),
    "prairie": ("", "Prairie Fleet Leasing", 14, "(555) 010-4507"),
}
# short name: (customer, VIN, make, model, year, plate, unit number)
_VEHICLES = {
    "outback": ("joan", "4S4BSANC5K3310021", "Subaru", "Outback", 2019, "KDR-1180", ""),
    "tacoma": ("joseph", "3TMCZ5AN7KM210022", "Toyota", "Tacoma", 2019, "JLT-4402", ""),
    "corolla": ("dot", "2T1BURHE5KC210023", "Toyota", "Corolla", 2019, "HHN-7310", ""),
    "odyssey": ("harold", "5FNRL6H72KB010024", "Honda", "Odyssey", 2019, "FGY-2208", ""),
    "golf": ("linda", "3VW217AU4KM010025", "Volkswagen", "Golf", 2019, "LPK-6001", ""),
    "transit 7": ("tallgrass", "1FTBW2CM5KKA10026", "Ford", "Transit 250", 2019, "TGD-0007", "T07"),
    "transit 12": ("tallgrass", "1FTBW2CM7KKA10027", "Ford", "Transit 250", 2020, "TGD-0012", "T12"),
}


def load(calendar: Calendar, garage: Garage) -> Business:
    """Book the past and today, and return the till, at which more can be booked."""
    business = Business(calendar, garage)
    business.open()
    business.trade()
    business.work_today()
    _bill_fleet(garage.location, calendar, by=business.by)
    return business


@dataclass(frozen=True)
class Visit:
    """A vehicle with the canned jobs that were done."""

    vehicle: str
    jobs: Sequence[str]
    po_number: str = ""


class Business:
    """The till of the second location, and the customers who come to it."""

    def __init__(self, calendar: Calendar, garage: Garage) -> None:
        self.calendar, self.location = calendar, garage.second
        self.by = User.objects.get(email="admin@example.com").pk
        set_prefix(location=garage.location, prefix="SG")
        set_prefix(location=garage.second, prefix="SV")
        self.customers: dict[str, Customer] = {}
        self.vehicles: dict[str, Vehicle] = {}
        for key, person in _CUSTOMERS.items():
            self.add_customer(key, *person)
        for key, vehicle in _VEHICLES.items():
            self.add_vehicle(key, *vehicle)

    def add_customer(self, key: str, first: str, name: str, terms: int, phone: str) -> Customer:
        """Enter a customer of the second location, a company if there is no first name."""
        customer = self.customers[key] = add_walk_in(
            now=self.calendar.ago(120),
            terms_days=terms,
            phone=phone,
            **({"first_name": first, "last_name": name} if first else {"company_name": name}),
            city="Shelbyville",
            state="NY",
            postal_code="10801",
        )
        return customer

    def add_vehicle(
        self, key: str, owner: str, vin: str, make: str, model: str, year: int, plate: str, unit: str
    ) -> None:
        self.vehicles[key] = Vehicle.objects.create(
            customer=self.customers[owner],
            vin=vin,
            make=make,
            model=model,
            year=year,
            license_plate=plate,
            unit_number=unit,
            color="White",
        )

    # --- The past ---------------------------------------------------------------------------------------

    def open(self) -> None:
        """Book what was owed before the first invoice."""
        day = self.days_back(72).date() - timedelta(days=1)
        for key, amount in (("harold", "342.80"), ("dot", "-25.00")):
            open_account(
                customer=self.customers[key],
                location=self.location,
                amount=Decimal(amount),
                day=day,
                by=self.by,
                now=self.days_back(72),
            )

    def trade(self) -> None:
        """Book the business of the weekdays before today."""
        at = self.days_back
        late = self.bill(Visit("transit 7", [_BRAKES], "TG-1180"), at(34))
        self.pay(self.bill(Visit("corolla", [_OIL]), at(20)), None, _CASH, at(20, 12), credit="dot")
        half = self.bill(Visit("tacoma", [_BRAKES, _OIL]), at(17))
        self.pay(half, "200.00", _CARD, at(17, 12), "Slip 0417")
        self.let_go(half, "Pays the rest with the next wages.", at(17, 13))
        self.bill_with_deposit(at)
        self.bill(Visit("transit 12", [_OIL], "TG-1192"), at(12))
        self.pay(late, "300.00", _TRANSFER, at(11), "TG-1180, part")
        self.bill_and_credit(at)
        self.pay(self.bill(Visit("odyssey", [_OIL]), at(6)), None, _CASH, at(6, 12))
        self.close(6)
        self.bill_again(at)
        self.close(5)
        leased = self.order(Visit("transit 7", [_OIL, _INSPECTION]), at(4))
        self.invoice(leased, at(4, 12), bill_to=self.customers["prairie"])
        self.close(4)
        self.pay_twice(at)
        self.close(3)
        self.pay(self.bill(Visit("tacoma", [_OIL]), at(2)), None, _CASH, at(2, 12))
        self.close(2, short="2.00", note="Two dollars of change were given twice.")
        self.pay(self.bill(Visit("golf", [_BRAKES]), at(1)), "500.00", _CARD, at(1, 13), "Slip 0498")
        self.close(1)

    def bill_with_deposit(self, at: _DaysBack) -> None:
        order = self.request(Visit("outback", [_BRAKES, _OIL]), at(14))
        self.deposit(order, "200.00", _CARD, at(14, 11), "Slip 0431")
        self.pay(self.invoice(self.finish(order, at(13)), at(13, 12)), None, _CHECK, at(13, 13), "No. 1088")

    def bill_and_credit(self, at: _DaysBack) -> None:
        """Credit the inspection of a paid invoice, and give its money back."""
        invoice = self.bill(Visit("golf", [_OIL, _INSPECTION]), at(9))
        payment = self.pay(invoice, None, _CARD, at(9, 12), "Slip 0455")
        line = invoice.lines.get(name=_INSPECTION)
        reason = "The lane was closed, so the inspection was not done."
        note = credit_lines(
            invoice=invoice, lines=[LineCredit(line.pk)], reason=reason, by=self.by, now=at(7)
        )
        refund(payment=payment, amount=note.total, reason=reason, by=self.by, now=at(7, 11))

    def bill_again(self, at: _DaysBack) -> None:
        """Credit an invoice with a wrong PO number as a whole, and issue it again."""
        order = self.order(Visit("outback", [_INSPECTION]), at(5))
        wrong = self.invoice(order, at(5, 11), po_number="4711")
        credit_all(invoice=wrong, reason="The PO number was of another shop.", by=self.by, now=at(5, 12))
        self.pay(self.invoice(order, at(5, 13), po_number=""), None, _CARD, at(5, 14), "Slip 0470")

    def pay_twice(self, at: _DaysBack) -> None:
        """Reverse a payment that was typed a second time."""
        invoice = self.bill(Visit("corolla", [_INSPECTION]), at(3))
        self.pay(invoice, None, _CHECK, at(3, 12), "No. 2210")
        twice = self.take("dot", invoice.total, _CHECK, at(3, 13), "No. 2210")
        reverse(payment=twice, reason="Typed twice.", by=self.by, now=at(3, 14))

    def work_today(self) -> None:
        """Book the last hours: money of the day, an order to invoice, a deposit kept and one to give back."""
        ago = self.calendar.ago
        given_up = self.request(Visit("corolla", [_BRAKES]), ago(0, 9))
        self.deposit(given_up, "100.00", _CASH, ago(0, 8))
        order = RepairOrder.objects.get(pk=given_up.pk)
        stop(order=order, reason="The customer sells the vehicle.", by=self.by, now=ago(0, 7))
        self.pay(self.bill(Visit("odyssey", [_OIL]), ago(0, 6)), None, _CASH, ago(0, 5))
        self.bill(Visit("transit 12", [_INSPECTION], "TG-1207"), ago(0, 4))
        self.order(Visit("tacoma", [_INSPECTION]), ago(0, 3))
        self.deposit(
            self.request(Visit("outback", [_BRAKES]), ago(0, 2)), "150.00", _CARD, ago(0, 1), "Slip 0503"
        )

    # --- Steps ------------------------------------------------------------------------------------------

    def days_back(self, number: int, hour: int = 10) -> datetime:
        """Return an hour of the weekday that lies `number` weekdays before today."""
        day = self.calendar.now.astimezone(ZoneInfo(TIME_ZONE)).date()
        while number:
            day -= timedelta(days=1)
            number -= day.weekday() < 5
        return _at(day, hour)

    def request(self, visit: Visit, at: datetime, tax_percent: str | None = None) -> RepairOrder:
        """Return an order whose jobs the customer approved. Without a tax, that of the location is charged."""
        vehicle = self.vehicles[visit.vehicle]
        order = request_repair(
            customer=vehicle.customer,
            vehicle=vehicle,
            description=CannedJob.objects.get(name=visit.jobs[0]).concern,
            now=at - timedelta(minutes=50),
            location=self.location,
            po_number=visit.po_number,
        )
        for name in visit.jobs:
            add_canned_job(order=order, canned=CannedJob.objects.get(name=name))
        if tax_percent is not None:
            change_order(order=order, tax_percent=Decimal(tax_percent))
        return self.approve(order, at)

    def approve(self, order: RepairOrder, at: datetime) -> RepairOrder:
        """Return the order, estimated and approved by the customer at the counter."""
        sent_at = at - timedelta(minutes=40)
        order.status, order.estimated_at = RepairOrderStatus.PENDING, sent_at
        order.save(update_fields=["status", "estimated_at"])
        answer(
            estimate=store_estimate(order=order, by=self.by, now=sent_at),
            decisions={job.pk: Answer.APPROVED for job in order.jobs.all()},
            answerer=Answerer(Method.IN_PERSON, by_name=order.customer.name),
            now=at - timedelta(minutes=30),
        )
        return RepairOrder.objects.get(pk=order.pk)

    def finish(self, order: RepairOrder, at: datetime) -> RepairOrder:
        """Return the order, completed."""
        start(order=order, by=self.by, now=at - timedelta(minutes=20))
        complete(order=order, by=self.by, now=at, received=True)
        return RepairOrder.objects.get(pk=order.pk)

    def order(self, visit: Visit, at: datetime) -> RepairOrder:
        return self.finish(self.request(visit, at), at)

    def invoice(
        self, order: RepairOrder, at: datetime, bill_to: Customer | None = None, po_number: str | None = None
    ) -> Invoice:
        return issue_invoice(order=order, bill_to=bill_to, po_number=po_number, by=self.by, now=at)

    def bill(self, visit: Visit, at: datetime) -> Invoice:
        """Return the invoice of an order that was completed and invoiced at once."""
        return self.invoice(self.order(visit, at), at + timedelta(minutes=10))

    def take(self, customer: str, amount: Decimal, method: str, at: datetime, reference: str = "") -> Payment:
        return take_payment(
            customer=self.customers[customer],
            location=self.location,
            amount=amount,
            method=method,
            reference=reference,
            by=self.by,
            now=at,
        )

    def pay(
        self,
        invoice: Invoice,
        amount: str | None,
        method: str,
        at: datetime,
        reference: str = "",
        credit: str = "",
    ) -> Payment:
        """Pay an amount of an invoice, None for all of it, after the opening credit of a customer if one is named."""
        if credit:
            opening = Payment.objects.get(customer=self.customers[credit], kind=PaymentKind.OPENING)
            allocate(payment=opening, allocations=[Target(invoice, opening.open)], by=self.by, now=at)
        invoice.refresh_from_db()
        paid = Decimal(amount) if amount else invoice.balance
        return take_payment(
            customer=invoice.bill_to,
            location=self.location,
            amount=paid,
            method=method,
            reference=reference,
            allocations=[Target(invoice, paid)],
            by=self.by,
            now=at,
        )

    def deposit(
        self, order: RepairOrder, amount: str, method: str, at: datetime, reference: str = ""
    ) -> None:
        take_payment(
            customer=order.customer,
            location=self.location,
            amount=Decimal(amount),
            method=method,
            reference=reference,
            allocations=[Target(order, Decimal(amount))],
            by=self.by,
            now=at,
        )

    def let_go(self, invoice: Invoice, reason: str, at: datetime) -> None:
        assert invoice.repair_order is not None
        vehicle_out(order=invoice.repair_order, override=reason, may_override=True, by=self.by, now=at)

    def close(self, number: int, *, short: str = "0.00", note: str = "") -> None:
        """Close a day in the evening. The cash is what the sheet expects, less what is short."""
        at = self.days_back(number, 18)
        cash = day_sheet(Scope(at.date(), at.date(), self.location)).cash - Decimal(short)
        close_day(self.location, at.date(), cash_counted=cash, note=note, by=self.by, now=at)


def _bill_fleet(location: Location, calendar: Calendar, *, by: int) -> None:
    """Issue invoices of the fleet's last three completed orders. The last one is half paid."""
    completed = RepairOrder.objects.filter(
        customer__contact__email=FLEET, status=RepairOrderStatus.COMPLETED
    ).order_by("-completed_at")[:3]
    for order in reversed(completed):
        assert order.completed_at
        at = order.completed_at + timedelta(hours=1)
        invoice = issue_invoice(order=order, po_number=f"RSW-{order.number}", by=by, now=at)
        is_last = order == completed[0]
        amount = Decimal("60.00") if is_last else invoice.total
        take_payment(
            customer=invoice.bill_to,
            location=location,
            amount=amount,
            method=_TRANSFER,
            reference=invoice.number,
            allocations=[Target(invoice, amount)],
            by=by,
            now=min(at + timedelta(days=9), calendar.now),
        )


def _at(day: date, hour: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=ZoneInfo(TIME_ZONE))
