"""Fixtures of the link's page: an estimate of three jobs, and a browser without a login."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from repair_orders.actions import request_repair
from repair_orders.estimates.actions import send_estimate
from repair_orders.estimates.links import link_of
from repair_orders.jobs import add_job, add_part_line, add_service_line
from testing import factories

# The jobs of the estimate with their amounts before fees and tax, and the fee and the tax of all of them.
BRAKES, OIL, FILTER = "Front brakes", "Oil service", "Cabin air filter"


@pytest.fixture
def shop(db):
    location = factories.LocationFactory(
        name="Main Street",
        legal_name="Springfield Garage LLC",
        phone="+1 (555) 555-0140",
        time_zone="America/New_York",
        terms="Replaced parts are kept until pick-up.",
    )
    factories.TaxRuleFactory(location=location, percent=Decimal("8.25"), taxes_labour=False)
    factories.FeeRuleFactory(
        location=location,
        name="Shop supplies",
        kind="percent_of_labour",
        percent=Decimal(6),
        amount=None,
        cap=None,
        taxable=True,
    )
    factories.OverrunPolicyFactory(
        location=location, percent=Decimal(10), amount=Decimal(25), choose="lesser", cap=None
    )
    return location


def add(order, name, *, price, quantity=1, labour):
    """Add a job of one part and one flat piece of labor."""
    job = add_job(order=order, name=name)
    given = {"by": None, "now": timezone.now()}
    add_part_line(
        job=job,
        part=None,
        given=given,
        name=f"{name} part",
        quantity=Decimal(quantity),
        unit_price=Decimal(price),
    )
    add_service_line(
        job=job, service=None, given=given, name=f"{name} work", kind="labour", amount=Decimal(labour)
    )
    return job


@pytest.fixture
def order(shop, alice):
    """Return an order of three jobs: 232.50 + 261.00, 49.77 + 72.50 and 24.90 + 43.50."""
    vehicle = factories.VehicleFactory(customer=alice, make="Volkswagen", model="Golf", year=2011)
    order = request_repair(
        customer=alice, vehicle=vehicle, description="Grinding noise", location=shop, now=timezone.now()
    )
    add(order, BRAKES, price="116.25", quantity=2, labour="261.00")
    add(order, OIL, price="49.77", labour="72.50")
    add(order, FILTER, price="24.90", labour="43.50")
    return order


@pytest.fixture
def estimate(order):
    return send_estimate(order=order, by=None, now=timezone.now() - timedelta(hours=1))


@pytest.fixture
def url(estimate):
    """Return the path of the link."""
    return path_of(estimate)


def path_of(estimate):
    return link_of(estimate).partition("://")[2].partition("/")[2].join(("/", ""))


@pytest.fixture
def page():
    """Return a browser that checks CSRF tokens and has no cookies."""
    return Client(enforce_csrf_checks=True)


def text_of(response):
    """Return the words of a page on one line, without tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def answers(estimate, *approved, **fields):
    """Return the form of an answer: these jobs by name, the others declined."""
    jobs = {
        f"job-{job['id']}": "approved" if job["name"] in approved else "declined"
        for job in estimate.snapshot["jobs"]
    }
    return jobs | {"by_name": "Linda Park", "consent": "on"} | fields
