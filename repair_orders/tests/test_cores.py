"""A core charge is sold with its part, follows it, and is credited exactly (docs/design, D76)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from billing.credit_notes import LineCredit, credit_lines
from billing.invoices import issue_invoice
from catalogue.models import Part
from catalogue.placeholders import typed_part
from repair_orders import actions, jobs
from repair_orders.cores import CoreFollowsPart
from repair_orders.estimates import actions as estimates
from repair_orders.models import PartLine
from testing.admin import filled, page
from testing.factories import CannedJobFactory, CannedLineFactory, PartFactory, UserFactory
from testing.shelf import on_shelf
from testing.worked_example import fresh, given, new_order, reload

pytestmark = pytest.mark.django_db
D = Decimal
REFUSAL = {
    "error": "Core charge",
    "detail": "A core charge follows its part. Change or remove the part, or credit the charge on the invoice.",
    "code": "core_follows_part",
}


@pytest.fixture
def part():
    return PartFactory(name="Alternator", unit_price=D("200.00"), core_charge=D("45.00"))


@pytest.fixture
def order():
    return new_order(discount_percent=D(0))


@pytest.fixture
def job(order):
    return jobs.add_job(order=order, name="Charging")


@pytest.fixture
def line(job, part):
    return jobs.add_part_line(job=fresh(job), part=part, given=given(), quantity=D(2))


def rows(order):
    lines = PartLine.objects.filter(repair_order=order).in_order()
    return list(lines.values_list("name", "quantity", "unit_price", "amount", "taxable"))


def test_part_brings_its_core_charge(order, line, part):
    assert rows(order) == [
        ("Alternator", D("2.00"), D("200.00"), D("400.00"), True),
        ("Core charge: Alternator", D("2.00"), D("45.00"), D("90.00"), True),
    ]
    assert (line.core.part, line.core.job) == (typed_part(), line.job)
    Part.objects.filter(pk=part.pk).update(core_charge=D("60.00"))
    jobs.change_line(line=line, given=given(), quantity=D(1))
    assert rows(order)[1] == ("Core charge: Alternator", D("1.00"), D("45.00"), D("45.00"), True)


def test_core_charge_is_taxed_as_its_part(order, job, part):
    jobs.add_part_line(job=fresh(job), part=part, given=given(), taxable=False)
    assert [row[-1] for row in rows(order)] == [False, False]


@pytest.mark.parametrize("charge", [None, D("0.00")])
def test_part_without_charge_brings_none(order, job, charge):
    jobs.add_part_line(job=fresh(job), part=PartFactory(core_charge=charge), given=given())
    assert len(rows(order)) == 1


def test_core_goes_with_its_part(order, line):
    jobs.remove_line_of_job(line=line, given=given())
    assert rows(order) == []


def test_core_goes_with_the_part_of_an_order_without_jobs(order, part):
    line = jobs.add_part(order=order, part=part)
    assert len(rows(order)) == 2
    with pytest.raises(CoreFollowsPart):
        jobs.remove_line(order=order, model=PartLine, line_id=line.core.pk)
    jobs.remove_line(order=order, model=PartLine, line_id=line.pk)
    assert rows(order) == []


def test_shelf_keeps_no_cores(order, job, now):
    part = PartFactory(stock=5, core_charge=D("45.00"))
    jobs.add_part_line(job=fresh(job), part=part, given=given(), quantity=D(2))
    estimates.send_estimate(order=reload(order), by=None, now=now)
    estimates.approve(order=reload(order), by=None, now=now)
    assert on_shelf() == {part.pk: (5, 2), typed_part().pk: (0, 0)}


def test_copies_keep_the_pair(order, line, now):
    copied = actions.copy_order(order=reload(order), by=None, now=now)
    assert rows(copied) == rows(order)
    first, core = PartLine.objects.filter(repair_order=copied).in_order()
    assert core.core_of == first


def test_canned_job_brings_the_charge(order, part):
    canned = CannedJobFactory()
    CannedLineFactory(canned_job=canned, part=part, quantity=D(3))
    jobs.add_canned_job(order=order, canned=canned)
    assert [(name, quantity) for name, quantity, *_ in rows(order)] == [
        ("Alternator", D("3.00")),
        ("Core charge: Alternator", D("3.00")),
    ]


def test_credit_of_the_core_is_exactly_its_charge(order, line, now):
    estimates.send_estimate(order=reload(order), by=None, now=now)
    estimates.approve(order=reload(order), by=None, now=now)
    actions.start(order=reload(order), by=None, now=now)
    actions.complete(order=reload(order), by=None, now=now)
    invoice = issue_invoice(order=reload(order), by=None, now=now)
    assert list(invoice.lines.filter(kind="part").values_list("name", "is_core")) == [
        ("Alternator", False),
        ("Core charge: Alternator", True),
    ]
    core = invoice.lines.get(is_core=True)
    note = credit_lines(
        invoice=invoice, lines=[LineCredit(core.pk, D(1))], reason="Old part is back", by=None, now=now
    )
    # 8.875 % of 45.00 is 3.99375.
    assert (core.net, core.tax) == (D("90.00"), D("7.99"))
    assert (note.net, note.tax, note.total) == (D("45.00"), D("4.00"), D("49.00"))


class TestApi:
    @pytest.fixture
    def advisor(self, sign_in):
        return sign_in(UserFactory(role="advisor"))

    def test_bodies_name_the_part_of_a_core(self, advisor, order, job, part):
        url = f"/api/shop/repair-orders/{order.pk}/jobs/{job.pk}/lines/"
        response = advisor.post(url, {"kind": "part", "part_id": part.pk, "quantity": 2}, format="json")
        first, core = response.json()["jobs"][0]["lines"]
        assert response.status_code == 201
        assert (first["core_of"], core["core_of"]) == (None, first["id"])
        assert (core["name"], core["part_id"], core["amount"]) == (
            "Core charge: Alternator",
            typed_part().pk,
            "90.00",
        )

    def test_customers_see_a_normal_part(self, sign_in, order, line):
        url = "/api/shop/repair-orders/customers/me/repair-orders/"
        body = sign_in(order.customer.contact).get(url).json()
        rows = (
            body[0]["repair_order_parts"]
            if isinstance(body, list)
            else body["results"][0]["repair_order_parts"]
        )
        assert [(row["part"]["name"], row["quantity"]) for row in rows] == [
            ("Alternator", 2),
            ("Core charge: Alternator", 2),
        ]

    def test_core_cannot_change_alone(self, advisor, order, job, line):
        before = rows(order)
        url = f"/api/shop/repair-orders/{order.pk}/jobs/{job.pk}/lines/{line.core.pk}/?kind=part"
        for response in (
            advisor.patch(url, {"quantity": 1}, format="json"),
            advisor.delete(url),
            advisor.delete(f"/api/shop/repair-orders/{order.pk}/parts/{line.core.pk}/"),
        ):
            assert (response.status_code, response.json()) == (409, REFUSAL)
        assert rows(order) == before


def test_admin_shows_the_core_and_cannot_change_it(desk, order, line):
    assert "Core charge: Alternator" in desk.get(page(order)).content.decode()
    data = filled(desk, page(order))
    answer = desk.post(page(order), data | {"part_lines-0-quantity": "3", "part_lines-1-quantity": "7"})
    assert answer.status_code == 302
    assert [(name, quantity) for name, quantity, *_ in rows(order)] == [
        ("Alternator", D("3.00")),
        ("Core charge: Alternator", D("3.00")),
    ]
