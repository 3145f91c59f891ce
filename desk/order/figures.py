"""Jobs, lines and totals as the page *Order* shows them. Figures come from the worksheet (docs/design, D75)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import Q

from accounts.models import User
from appointments.models import Technician
from billing.ledger import ZERO
from billing.queries import get_deposit
from catalogue.models import Part
from catalogue.pricing.models import CannedJob
from common.domain.caller import STAFF, Role
from common.domain.money import format_percent, to_dollars
from common.domain.types import Json
from desk.order.bench import Bench, Line, key_of
from desk.order.boxes import Box
from desk.order.history import name_of
from desk.order.sheet import COSTS, LINE_COLUMNS, columns_of, line_text, plain
from desk.order.state import sent_as
from repair_orders.changes import basis_of
from repair_orders.models import (
    Condition,
    Job,
    JobStatus,
    PartLine,
    RepairOrderStatus,
    ServiceKind,
)
from repair_orders.pricing.models import OverrunBasis
from repair_orders.worksheet import PART, amount_of, named_discounts
from vehicles.models import Recommendation, RecommendationStatus
from vehicles.schedules.actions import does
from vehicles.schedules.models import ServiceSchedule
from vehicles.schedules.querysets import DUE_SOON, OVERDUE

FEW_CANNED = 6
MOST_CANNED = 200
MOST_RECOMMENDED = 8
_TONES = {
    JobStatus.PROPOSED: "amber",
    JobStatus.APPROVED: "blue",
    JobStatus.DONE: "green",
    JobStatus.DECLINED: "",
    JobStatus.DEFERRED: "",
}


@dataclass(frozen=True, slots=True)
class LineRow:
    """A line as text, and as fields if it can change here."""

    key: str
    name: str
    note: str
    quantity: str
    price: str
    cost: str
    taxable: bool
    amount: Decimal
    was: str = ""
    missing: str = ""
    ordered: str = ""
    error: str = ""
    boxes: Mapping[str, Box] = field(default_factory=dict)
    is_core: bool = False

    @property
    def is_open(self) -> bool:
        return bool(self.boxes)

    @property
    def count_box(self) -> Box | None:
        """Return the field of the pieces or the hours, None for a flat amount."""
        return self.boxes.get("quantity") or self.boxes.get("hours")

    @property
    def price_box(self) -> Box | None:
        return self.boxes.get("unit_price") or self.boxes.get("rate") or self.boxes.get("amount")

    @property
    def cost_box(self) -> Box | None:
        return self.boxes.get("unit_cost") or self.boxes.get("cost")


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job with its lines. `is_open` says whether its lines are fields."""

    job: Job
    tone: str
    amount: Decimal
    lines: Sequence[LineRow]
    is_open: bool = False
    is_editing: bool = False
    can_edit: bool = False
    error: str = ""
    adding: Mapping[str, Box] = field(default_factory=dict)
    kind: str = PART
    choices: Sequence[Part] = ()
    words: Mapping[str, Box] = field(default_factory=dict)
    note: str = ""
    short: Sequence[str] = ()


@dataclass(frozen=True)
class Shown:
    """The contents of the page's form: the stored texts with what was typed over them, and the errors at fields."""

    texts: Mapping[str, str]
    typed: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    choices: Mapping[str, Sequence[Part]] = field(default_factory=dict)
    editing: int = 0
    may_change: bool = True
    may_cost: bool = True
    is_fixed: bool = False  # a step is open, so that nothing else is typed

    def box(self, name: str, label: str) -> Box:
        text = self.typed.get(name, self.texts.get(name, ""))
        return Box(name, label, text, self.errors.get(name, ""))


def job_rows(bench: Bench, shown: Shown) -> list[JobRow]:
    """Return the jobs in their order. Declined and deferred ones are folded by the template."""
    amounts = {job.id: amount_of(job) for job in bench.sheet.jobs}
    was = sent_as(bench)
    short: dict[str, list[str]] = {}
    missing: dict[tuple[str, int], int] = {}
    for row in bench.short:
        job_id = row.source.partition(":")[2]
        missing[job_id, row.part_id] = row.short
        short.setdefault(job_id, []).append(f"{row.part.name} ({row.short})")
    rows = []
    for job in bench.jobs:
        is_proposed = job.status == JobStatus.PROPOSED and bench.is_open
        is_editing = job.status == JobStatus.APPROVED and bench.is_open and shown.editing == job.pk
        can_change = shown.may_change and not shown.is_fixed
        is_open = can_change and (is_proposed or is_editing)
        lines = [
            _line_row(line, shown, is_open=is_open, was=was.get(key_of(line), ""), missing=missing)
            for line in bench.lines_of(job)
        ]
        adding = f"a{job.pk}"
        rows.append(
            JobRow(
                job=job,
                tone=_TONES[JobStatus(job.status)],
                amount=amounts.get(job.pk, ZERO),
                lines=lines,
                is_open=is_open,
                is_editing=is_editing,
                can_edit=can_change and job.status == JobStatus.APPROVED and bench.is_open and not is_editing,
                error=shown.errors.get(f"j{job.pk}", "") or shown.errors.get(adding, ""),
                adding={
                    column: shown.box(f"{adding}-{column}", label)
                    for column, label in (
                        ("what", "Part or work"),
                        ("quantity", "Quantity or hours"),
                        ("price", "Price or rate"),
                        ("cost", "Cost"),
                    )
                }
                if is_open
                else {},
                kind=shown.typed.get(f"{adding}-kind", PART),
                choices=shown.choices.get(adding, ()),
                words={
                    column: shown.box(f"j{job.pk}-{column}", label)
                    for column, label in (
                        ("name", "Name"),
                        ("technician", "Technician"),
                        ("concern", "Concern"),
                        ("cause", "Cause"),
                        ("correction", "Correction"),
                    )
                },
                note=_note(job),
                short=short.get(str(job.pk), ()),
            )
        )
    return rows


def _note(job: Job) -> str:
    if job.status == JobStatus.PROPOSED and job.is_draft and job.sent_in is None:
        return "not sent yet"
    if job.status in (JobStatus.DECLINED, JobStatus.DEFERRED):
        return "kept as a recommendation" if job.recommendation_id else ""
    return "from a recommendation" if job.recommendation_id else ""


def _line_row(
    line: Line, shown: Shown, *, is_open: bool, was: str, missing: Mapping[tuple[str, int], int]
) -> LineRow:
    key = key_of(line)
    columns = columns_of(line) if is_open else ()
    boxes = {
        column: shown.box(f"{key}-{column}", f"{LINE_COLUMNS[column][0]} of {line.name}")
        for column in columns
        if shown.may_cost or column not in COSTS
    }
    if isinstance(line, PartLine):
        note = _part_note(line)
        quantity, price, cost = plain(line.quantity), f"{line.unit_price:,.2f}", line.unit_cost
        short = missing.get((str(line.job_id), line.part_id), 0)
        lack = f"{short} not on the shelf" if short else _lack(line)
        is_awaited = line.job.status in (JobStatus.PROPOSED, JobStatus.APPROVED) and hasattr(
            line.part, "on_order"
        )
        ordered = str(line.part.on_order) if is_awaited else ""
    else:
        note = "Sublet" if line.kind == ServiceKind.SUBLET else "Labor"
        if line.price_rule:
            note += f", {line.price_rule}"
        has_time = line.hours is not None and line.rate is not None
        quantity = line_text(line, "hours") if has_time else ""
        price, cost = f"{line.rate:,.2f}" if has_time else "flat", line.cost
        lack = ordered = ""
    return LineRow(
        key=key,
        name=line.name,
        note=note,
        quantity=quantity,
        price=price,
        cost=f"{cost:,.2f}" if cost is not None and shown.may_cost else "",
        taxable=line.taxable,
        amount=line.amount,
        was=was,
        missing=lack,
        ordered=ordered,
        error=shown.errors.get(key, ""),
        boxes=boxes,
        is_core=isinstance(line, PartLine) and line.core_of_id is not None,
    )


def _part_note(line: PartLine) -> str:
    words = [line.part_number] if line.part_number else []
    if line.core_of_id:
        return "follows its part"
    words.append(Condition(line.condition).label)
    if line.is_oem:
        words.append("OEM")
    return " · ".join(words)


def _lack(line: PartLine) -> str:
    """Return what a proposed part lacks on the shelf."""
    part = line.part
    if not part.is_stocked or line.job.status != JobStatus.PROPOSED or part.available >= line.quantity:
        return ""
    return f"{part.available} on the shelf"


# --- Totals ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sum:
    """A line of the totals: what is authorised, what is proposed, and both together."""

    label: str
    authorised: Decimal
    together: Decimal
    is_total: bool = False

    @property
    def proposed(self) -> Decimal:
        return self.together - self.authorised


def totals_of(bench: Bench) -> Json:
    """Return the totals in three columns, or in one where nothing is proposed beside authorised work."""
    sheet = bench.sheet
    agreed, counted = sheet.agreed & sheet.counted, sheet.counted
    before, after = bench.figures(agreed), bench.figures(counted)
    rows = [
        Sum(label, _of_kind(bench, agreed, kind), _of_kind(bench, counted, kind))
        for label, kind in (("Parts", PART), ("Labor", ServiceKind.LABOUR), ("Sublet", ServiceKind.SUBLET))
    ]
    rows = [row for row in rows if row.together or row.label != "Sublet"]
    fees = {fee.position: to_dollars(fee.cents) for fee in before.fees}
    rows += [Sum(fee.name, fees.get(fee.position, ZERO), to_dollars(fee.cents)) for fee in after.fees]
    taken = dict(named_discounts(before))
    for name, amount in named_discounts(after):
        rows.append(Sum(name, -taken.pop(name, ZERO), -amount))
    rows += [Sum(name, -amount, ZERO) for name, amount in taken.items()]
    tax = f"Tax, {format_percent(bench.order.tax_percent)} %"
    if bench.order.tax_exemption:
        tax = f"Tax, exempt by {bench.order.tax_exemption}"
    rows.append(Sum(tax, before.totals.tax, after.totals.tax))
    rows.append(Sum("Total", before.totals.total, after.totals.total, is_total=True))
    has_both = bool(agreed) and agreed != counted
    return {"rows": rows, "has_both": has_both, "is_agreed": bool(agreed) and not has_both}


def _of_kind(bench: Bench, choice: Collection[int], kind: str) -> Decimal:
    jobs = [job for job in bench.sheet.jobs if job.id in choice]
    return to_dollars(sum(line.cents for job in jobs for line in job.lines if line.kind == kind))


def ceiling_of(bench: Bench) -> Json | None:
    """Return what the customer authorised, up to which amount, and the room that is left."""
    order = bench.order
    if order.ceiling is None:
        return None
    used = order.work_amount / order.ceiling * 100 if order.ceiling else Decimal(100)
    return {
        "authorised": order.authorised_total,
        "ceiling": order.ceiling,
        "work": order.work_amount,
        "room": order.ceiling - order.work_amount,
        "used": f"{min(used, Decimal(100)):.1f}",
        "is_net": basis_of(order) == OverrunBasis.NET,
    }


# --- Choices --------------------------------------------------------------------------------------------------


def technicians() -> list[Technician]:
    return list(Technician.objects.order_by("name", "id"))


def advisors(bench: Bench) -> list[tuple[str, str]]:
    """Return the users who can be the advisor of an order, with the present one."""
    may = Q(role__in=STAFF - {Role.TECHNICIAN}, is_active=True) | Q(pk=bench.order.advisor_id)
    rows = User.objects.people().filter(may).order_by("first_name", "last_name", "id")
    return [(str(row.pk), name_of(row)) for row in rows]


def canned_jobs() -> list[CannedJob]:
    return list(CannedJob.objects.filter(is_listed=True).order_by("name", "id")[:MOST_CANNED])


def recommendations_of(bench: Bench) -> list[Recommendation]:
    """Return the open recommendations of the vehicle, the most urgent first, without those on this order."""
    taken = {job.recommendation_id for job in bench.jobs}
    rows = Recommendation.objects.filter(vehicle=bench.order.vehicle_id, status=RecommendationStatus.OPEN)
    urgency = {"now": 0, "soon": 1, "later": 2}
    found = [row for row in rows.order_by("id") if row.pk not in taken]
    return sorted(found, key=lambda row: urgency.get(row.urgency, 3))[:MOST_RECOMMENDED]


def due_work_of(bench: Bench, recommended: Sequence[Recommendation]) -> list[ServiceSchedule]:
    """Return the regular work of the vehicle that is overdue or due soon, the earliest day first.

    Work that a job of this order does, or that is recommended, is left out.
    """
    jobs = [(job.canned_job_id, job.name) for job in bench.jobs]
    codes = {row.code for row in recommended}
    rows = ServiceSchedule.objects.filter(vehicle=bench.order.vehicle_id).offered().with_status(bench.now)
    due = rows.in_states([OVERDUE, DUE_SOON]).select_related("template").in_order()
    return [
        row for row in due if row.template.recommendation_code not in codes and not does(jobs, row.template)
    ]


def deposit_of(bench: Bench) -> Decimal:
    """Return the deposits that are kept for the order, nothing once it is invoiced."""
    return ZERO if bench.invoices else get_deposit(bench.order)


def is_ended(bench: Bench) -> bool:
    return bench.order.status in (RepairOrderStatus.COMPLETED, RepairOrderStatus.DENIED)
