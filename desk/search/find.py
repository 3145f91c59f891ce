"""Find people, vehicles, orders and papers by what someone says at the counter or on the phone (docs/design, D109).

A search is up to six words in any order. Each may be in the name, company, email or phone of a customer or of a login
that acts for them, or in one of their vehicles. Every table is searched by its own index and the keys are united,
because PostgreSQL would read every row for an OR across tables.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from django.db.models import Case, Count, Exists, F, Q, QuerySet, TextField, Value, When, Window
from django.db.models.functions import RowNumber, Trim
from django.db.models.lookups import Exact

from accounts.models import User
from billing.models import Invoice, InvoiceSeries
from common.domain.search import Searched, fits, patterns_of
from common.domain.types import AnyQuerySet
from customers.models import Customer, CustomerUser
from desk.search.text import Sought
from orders.models import ORDER_PREFIX, Order
from repair_orders.models import OPEN_STATUSES, RepairOrder
from vehicles.models import FIRST_YEAR, LAST_YEAR, Vehicle

FEW = 5  # vehicles that are shown of a person
MOST = 1_000  # rows of a kind that are counted
_ORDER_WORDS = ("REPAIRORDER", "ORDER", "RO")
_PARTS_ORDER_WORDS = ("PARTSORDER", ORDER_PREFIX + "ER", ORDER_PREFIX)
_INVOICE_WORDS = ("INVOICE",)
# The permission to see each kind of row.
PERMISSIONS = {
    "customers": "customers.view_customer",
    "vehicles": "vehicles.view_vehicle",
    "repair_orders": "repair_orders.view_repairorder",
    "invoices": "billing.view_invoice",
    "parts_orders": "orders.view_order",
}

Row = TypeVar("Row")
HasPerm = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Person:
    """A customer with their vehicles in use: those that match first, then the newest, at most `FEW`."""

    customer: Customer
    vehicles: list[Vehicle] = field(default_factory=list)
    more_vehicles: int = 0


@dataclass(frozen=True, slots=True)
class Car:
    """A vehicle with its owner and its open repair orders, the newest first."""

    vehicle: Vehicle
    orders: list[RepairOrder] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Part(Generic[Row]):
    """The best rows of a kind. `count` is how many there are, at most `MOST`."""

    rows: list[Row]
    count: int

    @property
    def more(self) -> int:
        return self.count - len(self.rows)


@dataclass(frozen=True, slots=True)
class Found:
    """The rows that a search found. A kind that the user may not see is None."""

    sought: Sought
    customers: Part[Person] | None
    vehicles: Part[Car] | None
    repair_orders: Part[RepairOrder] | None
    invoices: Part[Invoice] | None
    parts_orders: Part[Order] | None

    @property
    def is_empty(self) -> bool:
        parts = (self.customers, self.vehicles, self.repair_orders, self.invoices, self.parts_orders)
        return not any(part and part.count for part in parts)


def find(text: str, *, has_perm: HasPerm, limit: int) -> Found:
    """Return what a text finds, of each kind at most `limit` rows and exact matches first.

    Costs at most ten queries, whatever is found, and none for a text without a letter or digit.
    """
    sought = Sought.of(text)
    may = {kind: has_perm(permission) for kind, permission in PERMISSIONS.items()}
    if not sought.words:
        return Found(sought, *(Part([], 0) if may[kind] else None for kind in PERMISSIONS))
    return Found(
        sought,
        _people(sought, limit) if may["customers"] else None,
        _cars(sought, limit, with_orders=may["repair_orders"]) if may["vehicles"] else None,
        _repair_orders(sought, limit) if may["repair_orders"] else None,
        _invoices(sought, limit) if may["invoices"] else None,
        _parts_orders(sought, limit) if may["parts_orders"] else None,
    )


def find_people(text: str, *, limit: int, with_papers: bool = False) -> Part[Person]:
    """Return the customers that a phone number, plate, VIN, unit, name or email finds, exact matches first.

    With `with_papers`, the number of a repair order or invoice finds its customer, too. Costs a fixed number of
    queries.
    """
    sought = Sought.of(text)
    return _people(sought, limit, with_papers=with_papers) if sought.words else Part([], 0)


# --- People -------------------------------------------------------------------------------------------------


def _people(sought: Sought, limit: int, *, with_papers: bool = False) -> Part[Person]:
    rows = Customer.objects.current().filter(pk__in=_sought_customers(sought, with_papers=with_papers))
    exact = Q(contact__in=_exact_users(sought)) | Q(pk__in=_exact_companies(sought))
    exact |= Q(pk__in=_exact_vehicles(sought).filter(archived_at=None).values("customer"))
    ranked = rows.order_by(
        Case(When(exact, then=0), default=1), F("last_service_date").desc(nulls_last=True), "-pk"
    )
    ids, count = _first_of(ranked, limit)
    customers = Customer.objects.with_contact().in_bulk(ids)
    vehicles = _vehicles_of(ids, sought)
    return Part(
        [
            Person(customers[pk], vehicles[pk], vehicles[pk][0].of_customer - len(vehicles[pk]))  # type: ignore[attr-defined]
            if vehicles[pk]
            else Person(customers[pk])
            for pk in ids
            if pk in customers
        ],
        count,
    )


def _sought_customers(sought: Sought, *, with_papers: bool) -> AnyQuerySet:
    """Return the ids of the customers that have every word, and of the one whose number was typed."""
    rows = Customer.objects.all()
    for word in [sought.digits] if sought.digits else sought.words:
        rows = rows.filter(pk__in=_customers_with(word))
    others: list[AnyQuerySet] = []
    if sought.digits:  # the digits may be a plate, a unit or a part of a VIN as well
        others.append(
            Vehicle.objects.in_use().filter(_fits(Vehicle, sought.whole)).order_by().values("customer")
        )
    if number := sought.number("CUSTOMER"):
        others.append(Customer.objects.filter(pk=number).values("pk"))
    if with_papers:
        others += [_orders_numbered(sought).values("customer"), _invoices_numbered(sought).values("bill_to")]
    return rows.values("pk").union(*others) if others else rows.values("pk")


def _customers_with(word: str) -> AnyQuerySet:
    """Return the ids of the customers that have a word somewhere."""
    vehicles = Vehicle.objects.in_use().filter(_fits(Vehicle, word))
    return _owners_with(word, vehicles.values("customer"))


def _owners_with(word: str, *others: AnyQuerySet) -> AnyQuerySet:
    """Return the ids of the customers that have a word in their own names, numbers and logins, and the other ids."""
    users = User.objects.filter(_fits(User, word)).values("pk")
    return (
        Customer.objects.filter(contact__in=users)
        .values("pk")
        .union(
            CustomerUser.objects.filter(user__in=users).values("customer"),
            Customer.objects.filter(_fits(Customer, word)).values("pk"),
            *others,
        )
    )


def _exact_users(sought: Sought) -> AnyQuerySet:
    """Return the ids of the users whose name, email or phone is the whole search."""
    name, code = " ".join(sought.words), sought.whole
    users = User.objects.filter(_fits(User, sought.digits) if sought.digits else _fits(User, *sought.words))
    is_exact = (
        _is(name, "first_name", "last_name")
        | _is(name, "last_name", "first_name")
        | _is(name, "last_name")
        | _is(code, "email")
    )
    if sought.digits:
        for phone in (sought.digits, f"1{sought.digits}", sought.whole):
            is_exact |= _is_code(phone, "phone")
    return users.filter(is_exact).values("pk")


def _exact_companies(sought: Sought) -> AnyQuerySet:
    rows = Customer.objects.filter(_fits(Customer, *sought.words))
    return rows.filter(_is(" ".join(sought.words), "company_name")).values("pk")


def _vehicles_of(customer_ids: Collection[int], sought: Sought) -> defaultdict[int, list[Vehicle]]:
    """Return the first `FEW` vehicles in use of each customer, with `of_customer`, the number of all.

    Those with a word of the search come first, then the newest.
    """
    found: defaultdict[int, list[Vehicle]] = defaultdict(list)
    if not customer_ids:
        return found
    has_word = Q()
    for word in sorted({*sought.words, sought.whole}):
        has_word |= _fits(Vehicle, word)
    order = [Case(When(has_word, then=0), default=1), F("pk").desc()]
    rows = (
        Vehicle.objects.in_use()
        .filter(customer__in=customer_ids)
        .annotate(
            place=Window(RowNumber(), partition_by=F("customer"), order_by=order),
            of_customer=Window(Count("*"), partition_by=F("customer")),
        )
        .filter(place__lte=FEW)
        .order_by("place")
    )
    for vehicle in rows:
        found[vehicle.customer_id].append(vehicle)
    return found


# --- Vehicles -----------------------------------------------------------------------------------------------


def _cars(sought: Sought, limit: int, *, with_orders: bool) -> Part[Car]:
    """Return the vehicles that have every word, of which one may be the model year. Those in use come first."""
    rows = Vehicle.objects.all()
    for word in sought.words:
        rows = rows.filter(pk__in=_vehicles_with(word))
    ranked = rows.order_by(
        Case(When(pk__in=_exact_vehicles(sought).values("pk"), then=0), default=1),
        F("archived_at").asc(nulls_first=True),
        "-pk",
    )
    ids, count = _first_of(ranked, limit)
    vehicles = Vehicle.objects.select_related("customer__contact").in_bulk(ids)
    orders: defaultdict[int, list[RepairOrder]] = defaultdict(list)
    if with_orders and ids:
        opened = RepairOrder.objects.filter(vehicle__in=ids, status__in=OPEN_STATUSES).order_by("-pk")
        for order in opened[:MOST]:
            orders[order.vehicle_id].append(order)
    return Part([Car(vehicles[pk], orders[pk]) for pk in ids if pk in vehicles], count)


def _vehicles_with(word: str) -> AnyQuerySet:
    rows = Vehicle.objects.filter(_fits(Vehicle, word)).values("pk")
    if word.isascii() and word.isdigit() and FIRST_YEAR <= int(word[:5]) <= LAST_YEAR:
        return rows.union(Vehicle.objects.filter(year=int(word)).values("pk"))
    return rows


def _exact_vehicles(sought: Sought) -> QuerySet[Vehicle]:
    """Return the vehicles whose plate, VIN or unit number is the whole search."""
    rows = Vehicle.objects.filter(_fits(Vehicle, sought.whole))
    return rows.filter(
        _is_code(sought.whole, "license_plate")
        | _is_code(sought.whole, "vin")
        | _is_code(sought.whole, "unit_number")
    )


# --- Orders and papers --------------------------------------------------------------------------------------


def _repair_orders(sought: Sought, limit: int) -> Part[RepairOrder]:
    rows = _orders_numbered(sought).select_related("customer__contact", "vehicle", "location")
    return _counted(rows.order_by("-pk"), limit)


def _orders_numbered(sought: Sought) -> QuerySet[RepairOrder]:
    """Return the orders with this printed number, else the one with this id. People know the number."""
    number = sought.number(*_ORDER_WORDS)
    if number is None:
        return RepairOrder.objects.none()
    if number >= 2**31:
        return RepairOrder.objects.filter(pk=number)
    printed = RepairOrder.objects.filter(number=number)
    return RepairOrder.objects.filter(Q(number=number) | (Q(pk=number) & ~Exists(printed)))


def orders_with(text: str) -> tuple[Q, Q]:
    """Return two conditions for repair orders that a text finds, of which the second is for those of this number.

    The customer, the vehicle or the problem of the others has each word. A text without a letter or digit finds none.
    """
    sought = Sought.of(text)
    if not sought.words:
        return Q(pk__in=[]), Q(pk__in=[])
    condition = Q()
    for word in [sought.digits] if sought.digits else sought.words:
        condition &= Q(pk__in=_orders_of_word(word))
    if sought.digits:  # the digits may be a plate, a unit or a part of a VIN as well
        condition |= Q(pk__in=_orders_of_word(sought.whole))
    numbered = Q(pk__in=_orders_numbered(sought).values("pk"))
    return condition | numbered, numbered


def _orders_of_word(word: str) -> AnyQuerySet:
    """Return the ids of the orders that have a word somewhere."""
    orders = RepairOrder.objects.order_by()
    return (
        orders.filter(customer__in=_owners_with(word))
        .values("pk")
        .union(
            orders.filter(vehicle__in=_vehicles_with(word)).values("pk"),
            orders.filter(fits(RepairOrder.SEARCHED, list(patterns_of(word)))).values("pk"),
        )
    )


def _invoices(sought: Sought, limit: int) -> Part[Invoice]:
    rows = _invoices_numbered(sought).select_related("bill_to__contact", "repair_order__vehicle")
    return _counted(rows.defer("snapshot").order_by("-pk"), limit)


def _invoices_numbered(sought: Sought) -> QuerySet[Invoice]:
    """Return the invoices with this number in any spelling, with or without the prefix of its location."""
    given = sought.whole
    for word in _INVOICE_WORDS:
        given = given.removeprefix(word)
    if not given[-1:].isdigit() or len(given) > 24:
        return Invoice.objects.none()
    numbers = [sought.text.strip().upper()]
    for prefix in InvoiceSeries.objects.values_list("prefix", flat=True):
        rests = {given, given.removeprefix(prefix)}
        numbers += [f"{prefix}-{int(rest)}" for rest in rests if rest.isascii() and rest.isdigit()]
    return Invoice.objects.filter(number__in=numbers)


def _parts_orders(sought: Sought, limit: int) -> Part[Order]:
    number = sought.number(*_PARTS_ORDER_WORDS)
    if number is None:
        return Part([], 0)
    rows = Order.objects.filter(pk=number).select_related("customer__contact")
    return _counted(rows.order_by("-pk"), limit)


# --- Conditions ---------------------------------------------------------------------------------------------


def _fits(model: type[User] | type[Customer] | type[Vehicle], *words: str) -> Q:
    """Return the condition that a row has every one of these squeezed words."""
    return fits(model.SEARCHED, [pattern for word in words for pattern in patterns_of(word)])


def _is(text: str, *columns: str) -> Q:
    return Q(Exact(Trim(Searched(*columns)), Value(text, TextField())))


def _is_code(text: str, column: str) -> Q:
    return Q(Exact(Searched(codes=(column,)), Value(text, TextField())))


def _first_of(ranked: AnyQuerySet, limit: int) -> tuple[list[int], int]:
    """Return the ids of the first `limit` rows, and the number of rows up to `MOST`. One query."""
    ids: Iterable[int] = ranked.values_list("pk", flat=True)[:MOST]
    found = list(ids)
    return found[:limit], len(found)


def _counted(rows: QuerySet[Row], limit: int) -> Part[Row]:  # type: ignore[type-var]  # a model's row
    found = list(rows[:MOST])
    return Part(found[:limit], len(found))
