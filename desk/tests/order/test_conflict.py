"""Two people at one order: nothing is overwritten silently, and nothing that was typed is lost."""

from __future__ import annotations

from decimal import Decimal

import pytest

from billing.models import Invoice
from desk.order.sheet import Seen
from repair_orders import actions, jobs
from repair_orders.estimates.models import Estimate
from repair_orders.models import PartLine
from testing.billed import completed
from testing.factories import UserFactory
from testing.worked_example import add_brakes, add_part, fresh, given, new_order, reload

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture
def order():
    order = new_order()
    add_brakes(order)
    return reload(order)


@pytest.fixture
def job(order):
    return order.jobs.get()


@pytest.fixture
def work(job):
    return job.service_lines.get(name="Labor")


def box(browser):
    conflict = browser.response.context["conflict"]
    return {
        side: [(row.row, row.column, row.before, row.after) for row in conflict[side]]
        for side in ("theirs", "mine")
    }


def test_other_change_is_shown_and_mine_is_kept(at_desk, client, order, job, work):
    browser = at_desk(order)
    page = browser.show().fields
    max_ = UserFactory(role="manager", first_name="Max", last_name="Manager")
    client.force_login(max_)
    browser.press("save", **{f"s{work.pk}-hours": "2.2", "o-discount_percent": "5"})
    client.force_login(UserFactory(role="advisor"))
    browser.press("save", page=page, **{f"s{work.pk}-hours": "3", "o-notes": "Mine"})
    assert browser.response.status_code == 409
    assert box(browser) == {
        "theirs": [("Order", "discount in percent", "10", "5"), ("Labor", "hours", "1.8", "2.2")],
        "mine": [("Labor", "hours", "1.8", "3"), ("Order", "notes for the customer", "", "Mine")],
    }
    assert "Max Manager changed this order at" in browser.text
    assert (browser.fields[f"s{work.pk}-hours"], browser.fields["o-notes"]) == ("3", "Mine")
    assert (job.service_lines.get(name="Labor").hours, reload(order).notes) == (D("2.20"), "")
    # The fields of the other one show what they wrote, so that keeping mine does not take that back.
    assert browser.fields["o-discount_percent"] == "5"
    browser.press("save", page=browser.fields)
    stored = reload(order)
    assert (job.service_lines.get(name="Labor").hours, stored.notes, stored.discount_percent) == (
        D(3), "Mine", D(5)
    )  # fmt: skip


def test_removed_line_and_added_line_are_named(at_desk, order, job, work):
    browser = at_desk(order)
    page, name = browser.show().fields, f"s{work.pk}-hours"
    jobs.remove_line_of_job(line=work, given=given())
    part = add_part(job, "1", "5.00")
    browser.press("save", page=page, **{name: "3"})
    assert box(browser) == {
        "theirs": [("Labor", "", "removed", ""), (part.name, "", "", "added")],
        "mine": [("Labor", "hours", "1.8", "3")],
    }


def test_words_of_two_people(at_desk, order, job):
    """Words do not raise the version. The same text field of both is a conflict, another one is not."""
    browser = at_desk(order)
    page = browser.show().fields
    jobs.change_job(job=job, cause="Pads worn")
    browser.press("save", page=page, **{f"j{job.pk}-cause": "Rotor scored"})
    assert browser.response.status_code == 409
    assert box(browser)["theirs"] == [(f"Job 1, {job.name}", "cause", "", "Pads worn")]
    job.refresh_from_db()
    assert job.cause == "Pads worn"
    page = browser.show().fields
    jobs.change_job(job=job, correction="Replaced")
    browser.press("save", page=page, **{f"j{job.pk}-cause": "Rotor scored"})
    job.refresh_from_db()
    assert (job.cause, job.correction) == ("Rotor scored", "Replaced")


def test_additions_are_kept_in_their_fields(at_desk, order, job):
    browser = at_desk(order)
    page = browser.show().fields
    add_part(job, "1", "5.00")
    typed = {"new-name": "Rattle", f"a{job.pk}-what": "Bolt", f"a{job.pk}-price": "2.00"}
    browser.press("add", page=page, **typed)
    assert {name: browser.fields[name] for name in typed} == typed
    assert [row[3] for row in box(browser)["mine"]] == ["Bolt", "Rattle"]
    browser.press("add", page=browser.fields)
    assert job.part_lines.filter(name="Bolt").count() == order.jobs.filter(name="Rattle").count() == 1


def test_form_that_is_sent_twice_writes_once(at_desk, order, job):
    browser = at_desk(order)
    page = browser.show().fields
    typed = {f"a{job.pk}-what": "Bolt", f"a{job.pk}-price": "2.00"}
    browser.press("add", page=page, **typed)
    browser.press("add", page=page, **typed)
    assert (browser.response.status_code, PartLine.objects.filter(name="Bolt").count()) == (409, 1)


def test_words_that_are_sent_twice_write_once(at_desk, order):
    browser = at_desk(order)
    page = browser.show().fields
    browser.press("save", page=page, **{"o-notes": "Once"})
    browser.press("save", page=page, **{"o-notes": "Once"})
    assert "This form was sent before." in browser.text
    assert reload(order).notes == "Once"


def test_step_on_a_changed_order_is_asked_again(at_desk, order, work):
    browser = at_desk(order).show(step="send")
    jobs.change_line(line=work, given=given(), hours=D(3))
    browser.send(notes="Hurry")
    assert (browser.response.status_code, Estimate.objects.exists()) == (409, False)
    assert box(browser)["theirs"] == [("Labor", "hours", "1.8", "3")]
    assert browser.read.forms["step-form"]["notes"] == "Hurry"
    browser.send()
    assert Estimate.objects.get().repair_order.notes == "Hurry"


def test_step_that_another_one_made_is_refused_in_words(at_desk):
    order = completed()
    browser = at_desk(order).show(step="invoice")
    other = at_desk(order).step("invoice")
    assert other.told
    browser.send()
    assert f"This order has invoice {Invoice.objects.get().number}." in browser.text


def test_finished_job_is_not_changed_by_an_old_page(at_desk, order, job, work):
    """Finishing does not raise the version: the line is refused by its own rule, and the text stays."""
    actions.change_order(order=order, notes="x")
    browser = at_desk(order)
    page = browser.show().fields
    type(job).objects.filter(pk=job.pk).update(status="done")
    browser.press("save", page=page, **{f"s{work.pk}-hours": "3"})
    assert browser.errors == {
        f"s{work.pk}": "Lines can change only in a proposed or an approved job of an open order."
    }
    assert fresh(job).service_lines.get(name="Labor").hours == D("1.80")


@pytest.mark.parametrize("seen", ["", "x", "[1]", '["a",{},{}]', "[1,2,3]", "null"])
def test_form_without_what_was_seen_writes_nothing(at_desk, order, seen):
    browser = at_desk(order)
    page = browser.show().fields | {"seen": seen}
    browser.press("save", page=page, **{"o-notes": "x"})
    assert (browser.response.status_code, reload(order).notes) == (409, "")


def test_what_was_seen_survives_the_form():
    seen = Seen(3, {"o-notes": 'Line 1\n"quoted" <b> é'}, {"o": "Order"})
    assert Seen.read(str(seen)) == seen
