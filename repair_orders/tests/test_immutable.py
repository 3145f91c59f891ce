"""The database refuses changes of revisions, answers and decisions (docs/design, D77).

On SQLite deletions pass, as Django empties tables by DELETE.
"""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from common.domain.constraints import erasing
from repair_orders.estimates import actions as estimates
from repair_orders.estimates.models import AddedTax, Authorisation, Decision, Estimate
from testing import factories
from testing.worked_example import authorised

pytestmark = pytest.mark.django_db
LATER = "2030-01-01T00:00:00Z"
FIXED = {
    Estimate: {
        "uuid": "0198d2f4-0000-7000-8000-000000000000", "revision": 9, "version": 9, "sent_at": LATER, "sent_by": 1,
        "sent_to": "x@example.com", "expires_at": LATER, "snapshot": {"a": 1}, "digest": "x", "total": 1,
        "token_hash": "x",
    },
    Authorisation: {
        "method": "text", "by_name": "x", "contact_used": "x", "taken_by": 1, "at": LATER, "ip": "192.0.2.1",
        "note": "x", "total": 1, "net": 1,
    },
    Decision: {"job_name": "x", "amount": 1, "decision": "deferred"},
}  # fmt: skip
NAMES = {
    Estimate: "estimate_never_changes",
    Authorisation: "authorisation_never_changes",
    Decision: "decision_never_changes",
}
# What an erasure empties.
ERASED = {
    Estimate: {"sent_to": "", "snapshot": {}},
    Authorisation: {"by_name": "", "contact_used": "", "ip": None, "note": ""},
    Decision: {},
}


@pytest.fixture(autouse=True)
def order():
    """Return an order with an answered revision. Its second job is declined."""
    order, *_ = authorised()
    return order


def stored():
    return [list(model.objects.order_by("pk").values()) for model in FIXED]


def refused(model, **values):
    """Return whether an update is refused by the name of the constraint, and changes nothing."""
    before = stored()
    with pytest.raises(IntegrityError, match=NAMES[model]), transaction.atomic():
        model.objects.update(**values)
    return stored() == before


def empty_and_fail():
    with erasing():
        Estimate.objects.update(sent_to="")
        Estimate.objects.update(total=1)


@pytest.mark.parametrize("model", FIXED)
def test_no_column_changes(model, ada):
    for name, value in FIXED[model].items():
        assert refused(model, **{name: ada.pk if name.endswith("_by") else value}), name


def test_no_row_moves_to_another_one(order):
    other = factories.RepairOrderFactory()
    assert refused(Estimate, repair_order=other)
    revision = factories.EstimateFactory(repair_order=other)
    assert refused(Authorisation, estimate=revision)
    answer = factories.AuthorisationFactory(estimate=revision)
    for values in ({"authorisation": answer}, {"job": factories.JobFactory(repair_order=other)}):
        assert refused(Decision, **values)


def test_every_column_is_tried():
    tried = {model: {*values} for model, values in FIXED.items()}
    moved = {Estimate: {"repair_order"}, Authorisation: {"estimate"}, Decision: {"authorisation", "job"}}
    withdrawn = {Authorisation: {"withdrawn_at", "withdrawn_by", "withdrawal_reason"}}
    for model, names in tried.items():
        columns = {field.name for field in model._meta.concrete_fields} - {"id"}
        assert names | moved[model] == columns - withdrawn.get(model, set())


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite: Django empties tables by DELETE")
@pytest.mark.parametrize("model", FIXED)
def test_no_row_is_deleted(model):
    before = stored()
    with pytest.raises(IntegrityError, match=NAMES[model]), transaction.atomic():
        model.objects.all()._raw_delete(using="default")
    assert stored() == before


def test_tax_that_was_added_never_changes(now):
    row = AddedTax.objects.create(authorisation=Authorisation.objects.get(), at=now, amount="8.00")
    for values in ({"amount": "9.00"}, {"at": LATER}):
        with pytest.raises(IntegrityError, match="added_tax_never_changes"), transaction.atomic():
            AddedTax.objects.update(**values)
    assert AddedTax.objects.values_list("at", "amount").get() == (row.at, Decimal("8.00"))


def test_withdrawal_adds_its_columns(order, ada):
    now = timezone.now()
    estimates.withdraw(order=order, reason="Called again.", by=ada.pk, now=now)
    row = Authorisation.objects.get()
    assert (row.withdrawn_at, row.withdrawn_by, row.withdrawal_reason) == (now, ada, "Called again.")


class TestErasing:
    @pytest.mark.parametrize("model", [Estimate, Authorisation])
    def test_empties_what_names_the_person(self, model):
        with erasing():
            model.objects.update(**ERASED[model])
        assert list(model.objects.values(*ERASED[model])) == [ERASED[model]]

    @pytest.mark.parametrize("model", FIXED)
    def test_changes_nothing_else(self, model, ada):
        with erasing():
            for name in FIXED[model].keys() - ERASED[model].keys():
                value = ada.pk if name.endswith("_by") else FIXED[model][name]
                assert refused(model, **ERASED[model], **{name: value}), name

    @pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite: Django empties tables by DELETE")
    def test_deletes_nothing(self):
        with erasing(), pytest.raises(IntegrityError, match="never_changes"), transaction.atomic():
            Decision.objects.all()._raw_delete(using="default")

    def test_ends_with_its_block(self):
        with erasing():
            Estimate.objects.update(sent_to="")
        assert refused(Estimate, sent_to="x@example.com")

    def test_is_undone_with_a_failure(self):
        before = stored()
        with pytest.raises(IntegrityError):
            empty_and_fail()
        assert stored() == before
        assert refused(Estimate, snapshot={})
