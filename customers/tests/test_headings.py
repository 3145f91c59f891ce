"""The headings that are known are those in the documentation, and each means one column."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from catalogue.pricing.resources import CannedLineResource, PriceBandResource
from catalogue.resources import PartResource
from common.domain.sheets import fold_heading
from customers.resources import CustomerResource
from repair_orders.pricing.resources import FeeRuleResource, LabourRateResource
from vehicles.resources import VehicleResource

RESOURCES = {
    "customers": CustomerResource,
    "vehicles": VehicleResource,
    "parts": PartResource,
    "price bands": PriceBandResource,
    "canned job lines": CannedLineResource,
    "labour rates": LabourRateResource,
    "fees": FeeRuleResource,
}
each_table = pytest.mark.parametrize("name", RESOURCES)


@each_table
def test_documentation_lists_the_headings(name):
    text = Path(__file__).parents[2].joinpath("docs/imports.md").read_text()
    table = text.split(f"| column of {name} | other headings |\n|---|---|\n")[1].split("\n\n")[0]
    listed = {}
    for line in table.splitlines():
        column, *others = re.findall("`([^`]+)`", line)
        listed[column] = tuple(others)
    assert listed == dict(RESOURCES[name].headings)


@each_table
def test_heading_means_one_column(name):
    spellings = [
        fold_heading(text)
        for column, others in RESOURCES[name].columns().names.items()
        for text in (column, *others)
    ]
    assert sorted(spellings) == sorted(set(spellings))
