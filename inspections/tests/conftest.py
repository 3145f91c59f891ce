"""A template of three items, and an inspection that was started with it."""

from __future__ import annotations

from io import BytesIO

import pytest

from common.domain.caller import Caller, Role
from files.actions import save_file
from inspections.actions import start_inspection
from testing import factories

JPEG = b"\xff\xd8\xff\xe0" + b"\x00" * 60


@pytest.fixture(autouse=True)
def _folder(settings, tmp_path):
    settings.UPLOADS_DIR = tmp_path / "uploads"


@pytest.fixture
def canned():
    """Return a canned job of 261.00."""
    job = factories.CannedJobFactory(name="Front brakes", concern="Brakes squeal")
    factories.CannedLineFactory(
        canned_job=job, kind="labour", part=None, quantity=None, name="Replace pads", amount="261.00"
    )
    return job


@pytest.fixture
def template(db, canned):
    template = factories.InspectionTemplateFactory(name="Courtesy inspection")
    for group, name, unit, job in (
        ("Under the hood", "Engine oil", "", None),
        ("Brakes", "Pads, front", "mm", canned),
        ("Brakes", "Pads, rear", "mm", None),
    ):
        factories.TemplateItemFactory(template=template, group=group, name=name, unit=unit, canned_job=job)
    return template


@pytest.fixture
def order(alice):
    return factories.RepairOrderFactory(vehicle=factories.VehicleFactory(customer=alice))


@pytest.fixture
def inspection(order, template, now):
    return start_inspection(order=order, template=template, technician=None, by=None, now=now)


@pytest.fixture
def findings(inspection):
    """Return the findings in their order: oil, front pads, rear pads."""
    return list(inspection.findings.in_order())


def picture(user, now, content_type="image/jpeg", content=JPEG):
    """Store an upload of a member of staff."""
    return save_file(
        caller=Caller(Role.TECHNICIAN, user.pk, None),
        filename="pads.jpg",
        content_type=content_type,
        size=len(content),
        content=BytesIO(content),
        now=now,
    )
