"""The health of a vehicle: the pure function by worked examples, what it reads, and contract 003's routes."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testing import factories
from testing.suites import count_queries
from vehicles.health import (
    POINTS,
    Reason,
    Severity,
    System,
    assess,
    status_of,
    system_of_code,
    system_of_words,
)

URL = "/api/vehicle-health/"
UNKNOWN_ID = "0190b8c6-7d1e-7abc-8def-0123456789ab"
SYSTEMS = ("engine", "transmission", "brakes", "tires", "battery", "fluids")
STATED = ("engine", "transmission", "brake", "tire", "battery", "fluid")


def reason(system, severity, text="Worn"):
    return Reason("finding", System(system), Severity(severity), text)


@pytest.mark.parametrize(
    ("reasons", "scores", "overall"),
    [
        ([], {}, (100, "good")),
        ([("brakes", "info")], {"brakes": 95}, (95, "good")),
        ([("brakes", "warning")], {"brakes": 75}, (75, "warning")),
        ([("brakes", "critical")], {"brakes": 40}, (40, "critical")),
        ([("brakes", "warning"), ("brakes", "warning")], {"brakes": 50}, (50, "warning")),
        ([("brakes", "warning"), ("tires", "warning")], {"brakes": 75, "tires": 75}, (75, "warning")),
        ([("brakes", "critical"), ("brakes", "critical")], {"brakes": 0}, (0, "critical")),
        ([("general", "critical"), ("engine", "info")], {"general": 40, "engine": 95}, (40, "critical")),
    ],
)
def test_worked_examples(reasons, scores, overall):
    health = assess([reason(*values) for values in reasons])
    assert health.scores == {system: scores.get(system, 100) for system in System}
    assert (health.score, health.status) == overall


reasons = st.builds(
    Reason, st.just("finding"), st.sampled_from(System), st.sampled_from(Severity), st.text(max_size=5)
)


@given(st.lists(reasons, max_size=8), reasons)
def test_one_more_reason_never_makes_a_vehicle_healthier(known, more):
    before, after = assess(known), assess([*known, more])
    assert all(after.scores[system] <= before.scores[system] for system in System)
    assert 0 <= after.score <= before.score <= 100
    assert sorted(map(repr, after.reasons)) == sorted(map(repr, [*known, more]))
    points = [POINTS[item.severity] for item in after.reasons]
    assert points == sorted(points, reverse=True)


@given(st.permutations([reason("brakes", "info"), reason("tires", "critical"), reason("brakes", "warning")]))
def test_order_of_reasons_changes_no_score(shuffled):
    assert assess(shuffled).scores[System.BRAKES] == 70
    assert assess(shuffled).score == 40


@pytest.mark.parametrize(
    ("score", "status"), [(100, "good"), (80, "good"), (79, "warning"), (50, "warning"), (49, "critical")]
)
def test_status(score, status):
    assert status_of(score) == status


@pytest.mark.parametrize(
    ("text", "system"),
    [
        ("Front brake pads", "brakes"),
        ("Brake fluid", "brakes"),
        ("Oil change", "fluids"),
        ("Coolant leak", "fluids"),
        ("Tire rotation", "tires"),
        ("Tyres worn", "tires"),
        ("Battery test", "battery"),
        ("Transmission fluid", "transmission"),
        ("Spark plugs", "engine"),
        ("Entire dashboard", "general"),
        ("Wiper blades", "general"),
    ],
)
def test_words_name_a_system(text, system):
    assert system_of_words(text) == system


@pytest.mark.parametrize(
    ("code", "system"),
    [("P0301", "engine"), ("P0730", "transmission"), ("P1730", "engine"), ("C0035", "brakes"), ("U0100", "general")],
)  # fmt: skip
def test_codes_name_a_system(code, system):
    assert system_of_code(code) == system


def body(vehicle, reasons=(), overall=100, **scores):
    """Return the body, written out independently of the serializer."""
    found = {name: scores.get(name, 100) for name in SYSTEMS}
    camel = {"overallScore": overall, "overallStatus": status_of(overall)}
    camel |= {f"{name}Score": score for name, score in found.items()}
    states = zip(STATED, found.values(), strict=True)
    camel |= {f"{name}Status": status_of(score) for name, score in states}
    snake = {
        name.replace("Score", "_score").replace("Status", "_status"): value for name, value in camel.items()
    }
    return {"vehicle": str(vehicle.uuid), **camel, "reasons": list(reasons), **snake}


@pytest.mark.django_db
class TestRoutes:
    @pytest.fixture
    def civic(self, alice):
        return factories.VehicleFactory(customer=alice)

    def test_vehicle_without_reasons_is_good(self, civic, as_alice):
        response = as_alice.get(f"{URL}{civic.uuid}/")
        assert (response.status_code, response.json()) == (200, body(civic))
        assert list(response.json()) == list(body(civic))
        assert as_alice.get(URL).json() == as_alice.get(URL[:-1]).json() == [body(civic)]

    def test_reasons_are_codes_due_work_findings_and_recommendations(self, civic, as_alice):
        factories.DtcFactory(vehicle=civic, code="P0301")
        factories.RecommendationFactory(
            vehicle=civic, source="dtc", code="dtc:P0301", text="Trouble code P0301"
        )
        factories.ServiceScheduleFactory(
            vehicle=civic, template__name="Tire rotation", due_on=date(2025, 1, 1)
        )
        factories.RecommendationFactory(
            vehicle=civic, source="inspection", text="Front brake pads\n2 mm", urgency="now"
        )
        factories.RecommendationFactory(vehicle=civic, text="Wiper blades", urgency="later", status="quoted")
        reasons = [
            {"kind": "finding", "system": "brakes", "severity": "critical", "text": "Front brake pads"},
            {
                "kind": "code",
                "system": "engine",
                "severity": "warning",
                "text": "Trouble code P0301: Powertrain: ignition or misfire",
            },
            {"kind": "service", "system": "tires", "severity": "warning", "text": "Tire rotation is overdue"},
            {"kind": "recommendation", "system": "general", "severity": "info", "text": "Wiper blades"},
        ]  # fmt: skip
        expected = body(civic, reasons, 40, brakes=40, engine=75, tires=75)
        assert as_alice.get(f"{URL}{civic.uuid}/").json() == expected
        assert as_alice.get(URL).json() == [expected]

    def test_what_is_closed_cleared_or_not_due_is_no_reason(self, civic, as_alice, now):
        factories.DtcFactory(vehicle=civic, cleared_at=now)
        factories.ServiceScheduleFactory(vehicle=civic, due_on=date(2099, 1, 1))
        factories.ServiceScheduleFactory(vehicle=civic, template__is_listed=False)
        for status in ("done", "dismissed"):
            factories.RecommendationFactory(vehicle=civic, urgency="now", status=status)
        assert as_alice.get(f"{URL}{civic.uuid}/").json() == body(civic)

    def test_others_see_none(self, civic, as_bob, as_tim, api):
        assert as_bob.get(URL).json() == []
        for key in (civic.uuid, UNKNOWN_ID, "7"):
            response = as_bob.get(f"{URL}{key}/")
            assert (response.status_code, response.json()) == (404, {"error": "Vehicle not found"})
        assert (as_tim.get(URL).status_code, api.get(URL).status_code) == (403, 401)

    def test_number_of_queries_is_constant_and_pages_are_served(self, civic, alice, as_alice):
        factories.DtcFactory(vehicle=civic)
        with_one = count_queries(lambda: as_alice.get(URL))
        for _ in range(9):
            vehicle = factories.VehicleFactory(customer=alice)
            factories.DtcFactory(vehicle=vehicle)
            factories.ServiceScheduleFactory(vehicle=vehicle)
            factories.RecommendationFactory(vehicle=vehicle)
        assert count_queries(lambda: as_alice.get(URL)) == with_one == 5
        page = as_alice.get(URL, {"page": "2", "page_size": "4"})
        assert (len(page.json()), page["X-Total-Count"]) == (4, "10")
