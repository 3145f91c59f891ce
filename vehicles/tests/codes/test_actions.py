from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from common.domain.database import violates
from privacy.merge import merge_customers
from testing import factories
from testing.storms import parallel
from vehicles.actions import archive_vehicle, transfer_vehicle
from vehicles.codes import actions
from vehicles.codes.models import Dtc
from vehicles.locks import AlreadyArchived
from vehicles.models import Recommendation, Vehicle
from vehicles.telematics.actions import MAX_CODES, TooManyCodes, record_batch
from vehicles.telematics.samples import Samples

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def civic(alice):
    return factories.VehicleFactory(customer=alice)


def report(vehicle, code="P0301", now=NOON, **more):
    return actions.report_code(vehicle=vehicle, code=code, now=now, **more)


def shown(vehicle):
    rows = Dtc.objects.filter(vehicle=vehicle).order_by("id")
    return [(row.code, row.source, row.first_seen_at, row.seen_at, row.cleared_at) for row in rows]


def advised(vehicle):
    rows = Recommendation.objects.filter(vehicle=vehicle).order_by("id")
    return [(row.source, row.code, row.text, row.urgency, row.status) for row in rows]


ADVICE = ("dtc", "dtc:P0301", "Trouble code P0301\nPowertrain: ignition or misfire", "soon")


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"code": "X0301"}, "dtc_is_a_code"),
        ({"code": "P030"}, "dtc_is_a_code"),
        ({"source": "guess"}, "dtc_source_is_known"),
        ({"seen_at": NOON - 9 * HOUR}, "dtc_seen_in_order"),
    ],
)
def test_database_constraints_hold(civic, fields, constraint):
    report(civic)
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        Dtc.objects.update(**fields)
    assert violates(error.value, Dtc, constraint)


class TestReport:
    def test_open_code_recommends_its_diagnosis(self, civic):
        report(civic, " p0301 ", note="Shakes at idle")
        assert shown(civic) == [("P0301", "manual", NOON, NOON, None)]
        assert advised(civic) == [(*ADVICE, "open")]
        assert Dtc.objects.get().note == "Shakes at idle"

    def test_code_that_is_seen_again_stays_one_row(self, civic):
        report(civic)
        report(civic, now=NOON + HOUR)
        report(civic, now=NOON + HOUR, at=NOON - HOUR)
        assert shown(civic) == [("P0301", "manual", NOON - HOUR, NOON + HOUR, None)]
        assert advised(civic) == [(*ADVICE, "open")]

    def test_what_is_no_code_or_in_the_future_is_refused(self, civic):
        with pytest.raises(actions.NotACode):
            report(civic, "P9999")
        with pytest.raises(actions.SeenInTheFuture):
            report(civic, at=NOON + HOUR)
        archive_vehicle(vehicle=civic, now=NOON)
        with pytest.raises(AlreadyArchived):
            report(civic)
        assert (shown(civic), advised(civic)) == ([], [])

    def test_recommendation_that_stands_is_not_made_twice(self, civic):
        factories.RecommendationFactory(vehicle=civic, source="dtc", code="dtc:P0301", status="quoted")
        report(civic)
        assert len(advised(civic)) == 1


class TestClear:
    def test_clearing_closes_the_recommendation(self, civic):
        actions.clear(dtc=report(civic), now=NOON + HOUR)
        assert shown(civic) == [("P0301", "manual", NOON, NOON, NOON + HOUR)]
        assert advised(civic) == [(*ADVICE, "dismissed")]

    def test_approved_work_stays(self, civic):
        row = report(civic)
        Recommendation.objects.update(status="quoted")
        actions.clear(dtc=row, now=NOON)
        assert advised(civic) == [(*ADVICE, "quoted")]

    def test_twice_is_refused(self, civic):
        row = report(civic)
        actions.clear(dtc=row, now=NOON)
        with pytest.raises(actions.AlreadyCleared):
            actions.clear(dtc=row, now=NOON + HOUR)

    def test_code_that_comes_back_is_a_new_row(self, civic):
        actions.clear(dtc=report(civic), now=NOON)
        report(civic, now=NOON + HOUR)
        assert [row[-1] for row in shown(civic)] == [NOON, None]
        assert [row[-1] for row in advised(civic)] == ["dismissed", "open"]


class TestBatches:
    def send(self, vehicle, start, codes, now=NOON, seconds=600):
        start, end = round(start.timestamp() * 1000), round(start.timestamp() * 1000) + seconds * 1000
        return record_batch(
            vehicle_id=vehicle.pk, start=start, end=end, samples=Samples([start], [None], [None], [None]),
            codes={code: [start + 1000 * second for second in times] for code, times in codes.items()}, now=now,
        )  # fmt: skip

    def test_codes_of_samples_are_seen_at_their_times(self, civic):
        start = NOON - 2 * HOUR
        assert self.send(civic, start, {"P0301": [5, 60, 300], "U0100": [7]})
        second = timedelta(seconds=1)
        assert shown(civic) == [
            ("P0301", "telematics", start + 5 * second, start + 300 * second, None),
            ("U0100", "telematics", start + 7 * second, start + 7 * second, None),
        ]
        assert [row[1] for row in advised(civic)] == ["dtc:P0301", "dtc:U0100"]

    def test_batch_that_is_sent_again_reports_nothing(self, civic):
        start = NOON - 2 * HOUR
        self.send(civic, start, {"P0301": [5]})
        actions.clear(dtc=Dtc.objects.get(), now=NOON - 3 * HOUR)
        before = shown(civic)
        assert not self.send(civic, start, {"P0301": [5]})
        assert shown(civic) == before

    def test_late_batch_does_not_open_what_was_cleared_since(self, civic):
        self.send(civic, NOON - 4 * HOUR, {"P0301": [5]})
        actions.clear(dtc=Dtc.objects.get(), now=NOON - 2 * HOUR)
        self.send(civic, NOON - 3 * HOUR, {"P0301": [5]})
        assert len(shown(civic)) == 1
        self.send(civic, NOON - HOUR, {"P0301": [5]})
        assert [row[-1] for row in shown(civic)] == [NOON - 2 * HOUR, None]

    def test_too_many_codes_are_refused(self, civic):
        codes = {f"P{number:04X}": [1] for number in range(MAX_CODES + 1)}
        with pytest.raises(TooManyCodes):
            self.send(civic, NOON - HOUR, codes)
        assert not civic.telematics.exists()


class TestOwners:
    def test_new_owner_takes_over_open_codes_without_notes(self, civic, bob):
        actions.clear(dtc=report(civic, "P0420"), now=NOON)
        report(civic, note="My wife heard it")
        successor = transfer_vehicle(vehicle=civic, customer=bob, by=None, now=NOON)
        assert shown(successor) == [("P0301", "manual", NOON, NOON, None)]
        row = Dtc.objects.get(vehicle=successor)
        assert row.note == ""
        actions.clear(dtc=row, now=NOON)
        assert advised(successor) == [(*ADVICE, "dismissed")]
        assert [row[-1] for row in shown(civic)] == [NOON, None]

    def test_merged_rows_of_a_vehicle_join_their_codes(self, alice, bob):
        kept, other = (
            factories.VehicleFactory(customer=customer, vin="1HGBH41JXMN109186") for customer in (bob, alice)
        )
        report(kept, now=NOON)
        report(other, now=NOON - HOUR)
        report(other, "U0100")
        merge_customers(customer=alice, into=bob, by=None, now=NOON)
        assert shown(kept) == [
            ("P0301", "manual", NOON - HOUR, NOON, None), ("U0100", "manual", NOON, NOON, None)
        ]  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_parallel_reports_open_one_row():
    vehicle = factories.VehicleFactory()
    results = parallel(4, lambda n: report(Vehicle.objects.get(), now=NOON + n * HOUR))
    assert not [error for error in results if isinstance(error, Exception)]
    assert len(shown(vehicle)) == 1
    assert len(advised(vehicle)) == 1
