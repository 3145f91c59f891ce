"""The constraints of inspections and findings."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from common.domain.database import violates
from inspections.models import Finding, Inspection, Template
from testing import factories

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("rating", "is_one"), [(None, True), ("green", True), ("not_applicable", True), ("blue", False)]
)
def test_rating_is_known(rating, is_one):
    finding = factories.FindingFactory()
    rows = Finding.objects.filter(pk=finding.pk)
    if is_one:
        rows.update(rating=rating)
        return
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        rows.update(rating=rating)
    assert violates(error.value, Finding, "finding_rating_is_known")


def test_inspection_is_started_once_until_it_is_finished(now):
    first = factories.InspectionFactory(name="Courtesy")
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        factories.InspectionFactory(name="Courtesy", repair_order=first.repair_order)
    assert violates(error.value, Inspection, "inspection_started_once")
    Inspection.objects.filter(pk=first.pk).update(finished_at=now + timedelta(hours=1))
    factories.InspectionFactory(name="Courtesy", repair_order=first.repair_order)


def test_inspection_does_not_end_before_its_start(now):
    inspection = factories.InspectionFactory(started_at=now)
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        Inspection.objects.filter(pk=inspection.pk).update(finished_at=now - timedelta(seconds=1))
    assert violates(error.value, Inspection, "inspection_ends_after_start")


def test_name_of_a_template_is_taken_once():
    factories.InspectionTemplateFactory(name="Courtesy")
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        factories.InspectionTemplateFactory(name="Courtesy")
    assert violates(error.value, Template, "inspection_template_name_once")
