"""Import and export of the services that can be booked."""

from __future__ import annotations

import csv
import io

import pytest

from appointments.models import ServiceType
from testing import factories
from testing.admin import download, import_file, preview, said

pytestmark = pytest.mark.django_db
HEADING = "code,name,minutes,canned_job"


def imported(new, updated, unchanged):
    return [f"Import finished: {new} new, {updated} updated, {unchanged} unchanged service types."]


def test_services_are_imported_and_exported_unchanged(desk):
    factories.CannedJobFactory(name="Oil change")
    rows = ["brakes,Brakes,90,", "oil_change,Oil change,30,Oil change"]
    assert import_file(desk, ServiceType, "\n".join([HEADING, *rows]) + "\n") == imported(2, 0, 0)
    exported = download(desk, ServiceType)
    assert list(csv.reader(io.StringIO(exported))) == [line.split(",") for line in (HEADING, *rows)]
    assert import_file(desk, ServiceType, exported) == imported(0, 0, 2)
    assert import_file(desk, ServiceType, "code,minutes\noil_change,45\n") == imported(0, 1, 0)
    stored = ServiceType.objects.get(code="oil_change")
    assert (stored.minutes, stored.canned_job.name) == (45, "Oil change")


def test_wrong_service_imports_nothing(desk):
    content = f"{HEADING}\nno code,Brakes,90,\ntires,Tires,0,\noil,Oil,30,Elsewhere\n"
    assert said(preview(desk, ServiceType, content)) == [
        "Row 2: code: Enter a valid “slug” consisting of letters, numbers, underscores or hyphens.",
        "Row 3: minutes: Ensure this value is greater than or equal to 1.",
        "Row 4: canned_job: There is no canned job 'Elsewhere'.",
    ]
    assert not ServiceType.objects.exists()
