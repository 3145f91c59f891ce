"""The page *Order*: one order with its jobs, what was sent and answered, and the step that comes next.

It is one form with everything that can be typed, and one form for the step that is open. Each write carries what its
page had shown, is made as a whole or not at all, and is refused at its place (docs/design, D108).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.utils import timezone

from billing.once import SentBefore, claim
from catalogue.models import Service
from catalogue.shelf.actions import PERMISSIONS as SHELF_PERMISSIONS
from common.domain.distance_fields import add_refusal
from common.domain.errors import DomainError
from common.domain.ids import new_uuid
from common.domain.search import fits, patterns_of
from common.domain.types import Json
from desk.order import figures
from desk.order.bench import Bench, find_order
from desk.order.buttons import BUTTONS, VIEW, Press, choice_in, is_id, removed_line
from desk.order.history import EARLIER, SHOWN, changed_by, entries_of, name_of
from desk.order.inspected import inspections_of
from desk.order.saving import CHANGE, KINDS, SEPARATOR, WORK, Refused, Write, check_seen, find_parts
from desk.order.sheet import Difference, Seen, difference, differences, typed
from desk.order.state import asked_for, at_when, rare_steps, state_of, steps_of, together, when
from desk.order.steps import (
    STEPS,
    Act,
    Done,
    StepKind,
    approving_all,
    choice_of_all,
    title_of,
    total_shown,
    url_of,
)
from desk.orders.lists import TONES
from desk.pages import DeskView
from repair_orders.changes import StaleVersion, at_version, lock
from repair_orders.models import RepairOrderStatus
from vehicles.recommendations import PERMISSIONS as DISMISS


class Stale(Exception):
    """The order changed after the page was made, or its form was sent before."""

    def __init__(self, text: str = "") -> None:
        super().__init__(text)
        self.text = text


class OrderPage(DeskView):
    """Show an order, save what is typed, and make the step of the button that was pressed."""

    permission = VIEW
    title = "Order"
    may: ClassVar = {
        "change": CHANGE,
        "work": WORK,
        "receive": SHELF_PERMISSIONS["receive"],
        "money": "billing.view_invoice",
        "day": "billing.view_closedday",
        "tax": "repair_orders.add_taxrule",
        "customer": "customers.view_customer",
        "vehicle": "vehicles.view_vehicle",
        "visit": "appointments.view_appointment",
        "dismiss": DISMISS["dismiss"],
        "inspection": "inspections.view_inspection",
    }

    _seen: tuple[Bench, Seen] | None = None

    def get(self, request: HttpRequest, order_id: int) -> HttpResponseBase:
        bench = self.bench(order_id)
        if "q" in request.GET:
            return JsonResponse({"found": _suggest(request.GET["q"][:200])})
        step = request.GET.get("step", "")
        if step:
            return self.ask(bench, step, request.GET.get("of", ""))
        return self.show_order(bench)

    def post(self, request: HttpRequest, order_id: int) -> HttpResponseBase:
        step = request.POST.get("step", "")
        return self.make(order_id, step) if step else self.press(order_id)

    def bench(self, order_id: int) -> Bench:
        order = find_order(order_id)
        if order is None:
            raise Http404
        return Bench(order, timezone.now(), self.units)

    def may_do(self, permission: str) -> bool:
        return bool(self.request.user.has_perm(permission))

    # --- The form of the page -------------------------------------------------------------------------

    def press(self, order_id: int) -> HttpResponseBase:
        """Save what is typed and do what the button says, in one transaction."""
        sent = self.request.POST
        do = sent.get("do", "save")
        verb, *words = do.split(":")
        if verb not in BUTTONS:
            raise Http404
        permission, act = BUTTONS[verb]
        if not self.may_do(permission):
            raise PermissionDenied
        seen = Seen.read(sent.get("seen", ""))
        try:
            with transaction.atomic():
                fields, write = self.open(order_id, seen)
                write.save(fields)
                write.add(sent, choice_in(words) if verb == "add" else None)
                url = act(Press(write, words)) or url_of(write.bench.order) + self.keep_editing(do)
        except (StaleVersion, SentBefore, Stale) as error:
            return self.show_stale(order_id, seen, getattr(error, "text", ""), do=do)
        except Refused as error:
            return self.show_refused(order_id, error, seen, do)
        except DomainError as error:
            return self.show_refused(order_id, Refused({"": error.text}), seen, do, error=error)
        for text in write.told:
            messages.success(self.request, text)
        return redirect(url)

    def open(self, order_id: int, seen: Seen) -> tuple[dict[str, str], Write]:
        """Lock the order as it was seen, and claim the key of the form. Raises Stale, SentBefore."""
        sent = self.request.POST
        bench = self.bench(order_id)
        lock(bench.order)
        fields = typed(sent.dict(), seen)
        if not check_seen(seen, fields, bench):
            raise Stale
        write = Write(bench, self.by(), bench.now, self.may_do)
        claim(sent.get("key", "")[:100] or new_uuid().hex, by=self.by(), now=bench.now)
        return fields, write

    def keep_editing(self, do: str) -> str:
        """Return the query that keeps the lines of an approved job open after another button than that to save."""
        job = self.edited()
        return f"?edit={job}#job-{job}" if job and do != "save" else ""

    # --- The form of a step ---------------------------------------------------------------------------

    def kind(self, bench: Bench, name: str, of: str) -> tuple[StepKind, Any]:
        """Return a step and the row that it is about. Raises Http404, PermissionDenied."""
        kind = STEPS.get(name)
        if kind is None:
            raise Http404
        if not self.may_do(kind.permission):
            raise PermissionDenied
        row = kind.find(bench, of) if kind.find else None
        if kind.find and row is None:
            raise Http404
        return kind, row

    def ask(self, bench: Bench, name: str, of: str) -> HttpResponse:
        kind, row = self.kind(bench, name, of)
        form = kind.form(bench=bench, may=self.may_do, of=row)
        return self.show_step(bench, name, of, row, form)

    def make(self, order_id: int, name: str) -> HttpResponseBase:
        """Make the step whose form was sent."""
        sent: Any = self.request.POST
        of, seen = sent.get("of", ""), Seen.read(sent.get("seen", ""))
        bench = self.bench(order_id)
        kind, row = self.kind(bench, name, of)
        if name == "call" and "all" in sent:
            sent = approving_all(sent.dict(), bench)
        form = kind.form(sent, bench=bench, may=self.may_do, of=row)
        if not form.is_valid():
            return self.show_step(bench, name, of, row, form)
        try:
            choice = total_shown(name, form)
            if choice and sent.get("total") != str(choice["total"]):
                return self.show_step(bench, name, of, row, form, choice=choice, was=sent.get("total"))
            done = self.commit(bench, kind, row, form, seen)
        except (StaleVersion, SentBefore) as error:
            fresh = self.bench(order_id)
            return self.show_step(fresh, name, of, row, form, stale=(seen, error.text))
        except DomainError as error:
            add_refusal(form, error)
            return self.show_step(self.bench(order_id), name, of, row, form)
        told = messages.warning if done.is_warning else messages.success
        told(self.request, done.told)
        return redirect(done.url or url_of(bench.order))

    def commit(self, bench: Bench, kind: StepKind, row: Any, form: Any, seen: Seen) -> Done:
        key, act = form.cleaned_data["key"], Act(bench, form, self.by(), bench.now, row)
        if not kind.holds:
            with transaction.atomic():
                claim(key, by=act.by, now=act.now)
                return kind.act(act)
        with at_version(bench.order, seen.version, with_vehicle=kind.reads_odometer):
            claim(key, by=act.by, now=act.now)
            return kind.act(act)

    # --- What is shown --------------------------------------------------------------------------------

    def show_step(
        self,
        bench: Bench,
        name: str,
        of: str,
        row: Any,
        form: Any,
        *,
        choice: Json | None = None,
        was: str | None = None,
        stale: tuple[Seen, str] | None = None,
    ) -> HttpResponse:
        kind = STEPS[name]
        form.renew()
        form.mark_errors()
        step: Json = {
            "name": name,
            "of": of,
            "row": row,
            "kind": kind,
            "form": form,
            "title": title_of(name, bench, row),
            "template": f"desk/order/steps/{name}.html"
            if name in ("send", "call", "complete", "out", "invoice", "credit")
            else "",
            "choice": choice,
            "all": choice_of_all(bench) if name == "call" and choice is None else None,
            "has_other_total": was is not None and choice is not None,
        }
        conflict = self.conflict(bench, stale[0], {}, stale[1], do="") if stale else None
        shown = self.shown(bench, is_fixed=True)
        return self.render(bench, shown, step=step, conflict=conflict, status=409 if stale else 200)

    def show_order(self, bench: Bench) -> HttpResponse:
        editing = self.request.GET.get("edit", "")
        shown = self.shown(bench, editing=int(editing) if is_id(editing) else 0)
        return self.render(bench, shown)

    def show_refused(
        self, order_id: int, refused: Refused, seen: Seen, do: str, error: DomainError | None = None
    ) -> HttpResponse:
        """Show the page with what was typed, and the reasons at their places."""
        bench = self.bench(order_id)
        shown = self.shown(
            bench,
            typed=self.sent(seen),
            errors=refused.errors,
            choices=refused.choices,
            editing=self.edited(),
        )
        cause = error or refused.__cause__
        receive = do if getattr(cause, "code", "") == "part_needed" and do.startswith("finish:") else ""
        return self.render(bench, shown, receive=receive)

    def show_stale(self, order_id: int, seen: Seen, text: str, *, do: str) -> HttpResponse:
        """Show the present order, what changed, and what was typed, which stays in the fields."""
        bench = self.bench(order_id)
        sent = self.sent(seen)
        conflict = self.conflict(bench, seen, sent, text, do=do)
        shown = self.shown(bench, typed=sent, editing=self.edited())
        return self.render(bench, shown, conflict=conflict, status=409)

    def sent(self, seen: Seen) -> dict[str, str]:
        """Return what was typed: changed fields, and those of additions."""
        sent = self.request.POST.dict()
        added = {
            name: text
            for name, text in sent.items()
            if text.strip()
            and (name == "new-name" or (name[:1] == "a" and name.partition("-")[0][1:].isdigit()))
        }
        return {**typed(sent, seen), **added}

    def edited(self) -> int:
        editing = self.request.POST.get("editing", "")
        return int(editing) if is_id(editing) else 0

    def conflict(self, bench: Bench, seen: Seen, sent: Mapping[str, str], text: str, *, do: str) -> Json:
        """Return what the box about a conflict says."""
        present = Seen.of(bench)
        names = self.names(bench)
        labels = Seen(0, {}, {**seen.labels, **present.labels})
        mine = [
            difference(name, seen.texts.get(name, ""), value, labels, names)
            for name, value in sent.items()
            if not name.startswith(("a", "new-"))
        ]
        mine += [
            Difference(f"Job {job.position}, {job.name}", "new line", "", sent[f"a{job.pk}-what"])
            for job in bench.jobs
            if f"a{job.pk}-what" in sent
        ]
        if name := sent.get("new-name"):
            mine.append(Difference("Order", "new job", "", name))
        last = changed_by(bench)
        theirs = differences(seen, present, names)
        is_resent = text == SentBefore.message
        return {
            "who": (last.by if last else "") or "Another user",
            "at": at_when(bench, last.at) if last else "",
            "theirs": theirs,
            "mine": mine,
            "gone": [row for row in mine if row.row == "A removed row"],
            "do": do,
            "is_resent": is_resent,
        }

    def history_of(self, bench: Bench) -> Json:
        """Return the last entries of the history, and the earlier ones."""
        entries = entries_of(
            bench,
            EARLIER,
            with_inspections=self.may_do(self.may["inspection"]),
            with_money=self.may_do(self.may["money"]),
        )
        rows = [{**asdict(row), "when": when(bench, row.at)} for row in entries]
        return {"history": rows[:SHOWN], "earlier": rows[SHOWN:]}

    def names(self, bench: Bench) -> dict[str, dict[str, str]]:
        return {
            "technician": {str(row.pk): row.name for row in figures.technicians()},
            "advisor": dict(figures.advisors(bench)),
        }

    def seen(self, bench: Bench) -> Seen:
        """Return what the page of a bench shows, which is made once."""
        if self._seen is None or self._seen[0] is not bench:
            self._seen = (bench, Seen.of(bench))
        return self._seen[1]

    def shown(self, bench: Bench, **options: Any) -> figures.Shown:
        return figures.Shown(
            texts=self.seen(bench).texts,
            may_change=self.may_do(CHANGE),
            may_cost=self.may_do(CHANGE),
            **options,
        )

    def render(
        self,
        bench: Bench,
        shown: figures.Shown,
        *,
        step: Json | None = None,
        conflict: Json | None = None,
        receive: str = "",
        status: int = 200,
    ) -> HttpResponse:
        state = state_of(bench)
        steps = [row for row in steps_of(bench) if self.may_do(row.permission)]
        primary = next((row for row in steps if row.do == state.next and not row.reason), None)
        rows = figures.job_rows(bench, shown)
        gone = ("declined", "deferred")
        order = bench.order
        removed = self.removed(bench)
        context: Json = {
            "title": f"Order {order.reference}",
            "bench": bench,
            "order": order,
            "units": bench.units,
            "state": state,
            "tone": TONES[RepairOrderStatus(order.status)],
            "primary": primary,
            "wants_job": state.next == "focus:new-name",
            "steps": [row for row in steps if row is not primary],
            "rare": [row for row in rare_steps(bench) if self.may_do(row.permission)],
            "jobs": [row for row in rows if row.job.status not in gone],
            "gone": [row for row in rows if row.job.status in gone],
            "totals": figures.totals_of(bench),
            "ceiling": figures.ceiling_of(bench),
            "asked": asked_for(bench),
            "together": together(bench),
            **self.history_of(bench),
            "deposit": figures.deposit_of(bench) if self.may_do("billing.view_invoice") else None,
            "inspections": inspections_of(bench) if self.may_do(self.may["inspection"]) else [],
            "seen": str(self.seen(bench)),
            "key": new_uuid().hex,
            "shown": shown,
            "errors": _named(shown.errors, bench),
            "step": step,
            "conflict": conflict,
            "receive": receive,
            "removed": removed,
            "kinds": KINDS,
            "fields": {
                name.removeprefix("o-").replace("-", "_"): shown.box(name, label)
                for name, label in (  # the template reads them without their prefix
                    ("o-discount_amount", "Discount in dollars"),
                    ("o-discount_percent", "Discount in percent"),
                    ("o-po_number", "PO number"),
                    ("o-promised_at", "Promised"),
                    ("o-key_tag", "Key tag"),
                    ("o-advisor", "Advisor"),
                    ("o-description", "Problem, in the customer's words"),
                    ("o-notes", "Notes for the customer"),
                    ("new-name", "Add a job"),
                )
            },
            "technicians": figures.technicians(),
            "advisors": figures.advisors(bench),
            "can_type": shown.may_change and step is None,
            "can_word": (shown.may_change or self.may_do(WORK)) and step is None,
            "can_cost": shown.may_cost,
            "is_ended": figures.is_ended(bench),
            "promised": when(bench, order.promised_at) if order.promised_at else "",
            "is_late": bool(order.promised_at and bench.is_open and order.promised_at < bench.now),
            "advisor_name": name_of(order.advisor),
        }
        if context["can_type"] and bench.is_open:
            canned = figures.canned_jobs()
            recommendations = figures.recommendations_of(bench)
            context |= {
                "canned": canned,
                "few_canned": canned[: figures.FEW_CANNED],
                "recommendations": recommendations,
                "due_work": figures.due_work_of(bench, recommendations),
            }
        return self.show("desk/order/page.html", context, status=status)

    def removed(self, bench: Bench) -> Json | None:
        """Return the line that was just removed, which can be taken back."""
        key = self.request.GET.get("removed", "")
        if not key or not bench.is_open or not self.may_do(CHANGE):
            return None
        line = removed_line(bench, key)
        return {"key": key, "name": line.name, "amount": line.amount, "job": line.job_id} if line else None


def _named(errors: Mapping[str, str], bench: Bench) -> list[Json]:
    """Return the errors for the box at the top, with the place to which each leads."""
    labels = Seen.of(bench).labels if errors else {}
    found = []
    for name, text in errors.items():
        row = name.partition("-")[0]
        label = labels.get(row, "") or labels.get(f"j{row[1:]}", "")
        place = (
            name if "-" in name else ("job-" + name[1:] if name[:1] in "ja" and name[1:].isdigit() else name)
        )
        found.append({"place": place, "label": "" if row in ("", "o", "new") else label, "text": text})
    return found


def _suggest(text: str) -> list[Json]:
    """Return parts and services of the catalogue for a list below a field."""
    if len(text.strip()) < 2:
        return []
    parts = [
        {"value": f"{part.part_number}{SEPARATOR}{part.name}", "label": f"${part.unit_price:,}"}
        for part in find_parts(text)
    ]
    rows = Service.objects.filter(fits(Service.SEARCHED, patterns_of(text)), is_listed=True)
    return parts + [
        {"value": row.name, "label": f"Labor, ${row.labor_cost:,}"} for row in rows.order_by("name", "id")[:8]
    ]
