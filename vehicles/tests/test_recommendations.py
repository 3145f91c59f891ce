"""Recommendations: actions, the staff's API, the admin, and the vehicle's next owner."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from testing import factories
from testing.admin import buttons, changelist, errors, filled, page, press
from testing.suites import count_queries
from vehicles import actions, recommendations
from vehicles.locks import AlreadyArchived
from vehicles.models import Recommendation

pytestmark = pytest.mark.django_db
URL = "/api/shop/recommendations/"
CLOSED = {
    "error": "Recommendation is closed",
    "detail": "This recommendation is done or dismissed.",
    "code": "recommendation_is_closed",
}
QUOTED = {
    "error": "The work is approved",
    "detail": "The customer approved this work. It is done or open again with its job.",
    "code": "recommendation_is_quoted",
}


@pytest.fixture
def advisor(sign_in):
    return sign_in(factories.UserFactory(role="advisor"))


@pytest.fixture
def vehicle():
    return factories.VehicleFactory()


def stored(pk):
    return Recommendation.objects.values().get(pk=pk)


def row(recommendation, **values):
    created = recommendation.created_at.isoformat().replace("+00:00", "Z")
    return {
        "id": recommendation.pk,
        "vehicle_id": recommendation.vehicle_id,
        "source": "staff",
        "code": "",
        "text": "Replace the wiper blades",
        "urgency": "soon",
        "amount": None,
        "status": "open",
        "due_on": None,
        "due_miles": None,
        "created_at": created,
        **values,
    }


class TestApi:
    def test_create_read_change_and_dismiss(self, advisor, vehicle):
        body = {"vehicle_id": vehicle.pk, "text": "Replace the wiper blades"}
        response = advisor.post(URL, body, format="json")
        made = Recommendation.objects.get()
        assert (response.status_code, response.json()) == (201, row(made))
        values = {
            "text": "Wipers, front\nand rear", "urgency": "now", "amount": "39.90", "due_on": "2026-03-01",
            "due_miles": "48000.00",
        }  # fmt: skip
        response = advisor.patch(f"{URL}{made.pk}/", values, format="json")
        assert (response.status_code, response.json()) == (200, row(made, **values))
        assert advisor.get(f"{URL}{made.pk}/").json() == row(made, **values)
        response = advisor.post(f"{URL}{made.pk}/dismiss/")
        assert (response.status_code, response.json()) == (200, row(made, **values, status="dismissed"))
        changed = made.history.order_by("history_id").values_list("status", "urgency", "history_user__role")
        assert list(changed) == [
            ("open", "soon", "advisor"),
            ("open", "now", "advisor"),
            ("dismissed", "now", "advisor"),
        ]

    def test_values_at_creation(self, advisor, vehicle):
        values = {"urgency": "later", "amount": "0.00", "due_on": "2026-03-01", "due_miles": "0.00"}
        body = {"vehicle_id": vehicle.pk, "text": "Replace the wiper blades", **values}
        response = advisor.post(URL, body, format="json")
        assert (response.status_code, response.json()) == (201, row(Recommendation.objects.get(), **values))

    @pytest.mark.parametrize(
        ("body", "status", "field"),
        [
            ({"text": None}, 400, "text"),
            ({"text": ""}, 400, "text"),
            ({"urgency": "never"}, 400, "urgency"),
            ({"amount": "-0.01"}, 400, "amount"),
            ({"due_miles": "-1.00"}, 400, "due_miles"),
            ({"due_on": "20260301"}, 400, "due_on"),
            ({"status": "done"}, 400, "status"),
            ({"code": "canned:5"}, 400, "code"),
            ({"colour": "red"}, 400, "colour"),
            ({"vehicle_id": 999_999}, 404, None),
        ],
    )
    def test_wrong_body(self, advisor, vehicle, body, status, field):
        response = advisor.post(URL, {"vehicle_id": vehicle.pk, "text": "Tires", **body}, format="json")
        fields = response.json().get("fields")
        assert (response.status_code, list(fields) if fields else None) == (status, field and [field])
        assert not Recommendation.objects.exists()

    def test_archived_vehicle_gets_none(self, advisor, vehicle):
        actions.archive_vehicle(vehicle=vehicle, now=timezone.now())
        response = advisor.post(URL, {"vehicle_id": vehicle.pk, "text": "Tires"}, format="json")
        expected = {
            "error": "Vehicle is archived",
            "detail": "This vehicle is already archived.",
            "code": "already_archived",
        }
        assert (response.status_code, response.json()) == (409, expected)
        assert not Recommendation.objects.exists()

    def test_list_filters_and_has_the_newest_first(self, advisor, vehicle):
        make = factories.RecommendationFactory
        old, sold = make(vehicle=vehicle), make(vehicle=vehicle, status="quoted")
        other = make(status="dismissed")
        for query, expected in (
            ({}, [row(other, status="dismissed"), row(sold, status="quoted"), row(old)]),
            ({"vehicle_id": vehicle.pk}, [row(sold, status="quoted"), row(old)]),
            ({"status": "open,dismissed"}, [row(other, status="dismissed"), row(old)]),
            ({"vehicle_id": vehicle.pk, "status": "open"}, [row(old)]),
        ):
            answer = advisor.get(URL, query).json()
            assert answer == {"results": expected, "count": len(expected), "next": None, "previous": None}
        assert advisor.get(URL, {"status": "purple"}).status_code == 400
        assert advisor.get(URL, {"vehicle_id": 999_999}).status_code == 404

    def test_list_has_a_constant_number_of_queries(self, advisor, vehicle):
        factories.RecommendationFactory(vehicle=vehicle)
        advisor.get(URL)
        one = count_queries(lambda: advisor.get(URL))
        factories.RecommendationFactory.create_batch(20)
        assert count_queries(lambda: advisor.get(URL)) == one

    @pytest.mark.parametrize(
        ("status", "change", "dismissal"),
        [
            ("open", None, None),
            ("quoted", None, QUOTED),
            ("done", CLOSED, CLOSED),
            ("dismissed", CLOSED, CLOSED),
        ],
    )
    def test_states(self, advisor, vehicle, status, change, dismissal):
        made = factories.RecommendationFactory(vehicle=vehicle, status=status)
        for method, tail, refusal in (("patch", "", change), ("post", "dismiss/", dismissal)):
            before = stored(made.pk)
            body = {} if tail else {"urgency": "now"}
            response = getattr(advisor, method)(f"{URL}{made.pk}/{tail}", body, format="json")
            assert response.status_code == (409 if refusal else 200)
            if refusal:
                assert (response.json(), stored(made.pk)) == (refusal, before)

    def test_customers_and_technicians(self, api, as_alice, sign_in, vehicle):
        made = factories.RecommendationFactory(vehicle=vehicle)
        technician = sign_in(factories.UserFactory(role="technician"))
        assert technician.get(f"{URL}{made.pk}/").json() == row(made)
        assert technician.post(f"{URL}{made.pk}/dismiss/").status_code == 403
        assert as_alice.get(URL).status_code == 403
        assert api.get(URL).status_code == 401
        assert stored(made.pk)["status"] == "open"


class TestConstraints:
    def test_one_stands_per_vehicle_and_code(self, vehicle):
        make = factories.RecommendationFactory
        for status in ("done", "dismissed", "done", "open"):
            make(vehicle=vehicle, code="canned:5", status=status)
        make(code="canned:5")
        make(vehicle=vehicle, code="canned:6")
        make.create_batch(2, vehicle=vehicle)
        with pytest.raises(IntegrityError), transaction.atomic():
            make(vehicle=vehicle, code="canned:5", status="quoted")

    @pytest.mark.parametrize(
        "values",
        [
            {"source": "guess"},
            {"urgency": "never"},
            {"status": "sold"},
            {"amount": Decimal("-0.01")},
            {"due_miles": Decimal("-0.01")},
        ],
    )
    def test_impossible_values(self, vehicle, values):
        with pytest.raises(IntegrityError), transaction.atomic():
            factories.RecommendationFactory(vehicle=vehicle, **values)


class TestNextOwner:
    def test_standing_ones_are_copied_as_open_without_the_owners_words(self, vehicle):
        make = factories.RecommendationFactory
        make(vehicle=vehicle, text="Tires\nat 4/32", urgency="now", due_on=date(2026, 3, 1), due_miles=48_000)
        make(
            vehicle=vehicle, text="Oil\nMy wife heard a noise", source="declined", code="canned:5",
            status="quoted", amount=Decimal("150.41"),
        )  # fmt: skip
        make(vehicle=vehicle, text="Battery", status="done")
        make(vehicle=vehicle, text="Bulb", status="dismissed")
        before = list(Recommendation.objects.order_by("id").values())
        successor = actions.transfer_vehicle(
            vehicle=vehicle, customer=factories.CustomerFactory(), by=None, now=timezone.now()
        )
        copied = Recommendation.objects.filter(vehicle=successor).order_by("id")
        assert list(
            copied.values_list("text", "source", "code", "status", "urgency", "amount", "due_on", "due_miles")
        ) == [
            ("Tires\nat 4/32", "staff", "", "open", "now", None, date(2026, 3, 1), Decimal(48_000)),
            ("Oil", "declined", "canned:5", "open", "soon", Decimal("150.41"), None, None),
        ]
        assert list(Recommendation.objects.filter(vehicle=vehicle).order_by("id").values()) == before

    def test_archived_row_gets_no_new_one(self, vehicle):
        actions.transfer_vehicle(
            vehicle=vehicle, customer=factories.CustomerFactory(), by=None, now=timezone.now()
        )
        with pytest.raises(AlreadyArchived):
            recommendations.add_recommendation(vehicle=vehicle, text="Tires")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Oil", ("Oil", "")),
        ("Oil\nDue", ("Oil", "Due")),
        ("Oil\nDue\nsoon", ("Oil", "Due\nsoon")),
        ("x" * 201, ("x" * 200, "x" * 201)),
        ("x" * 199 + " y\nDue", ("x" * 199, "x" * 199 + " y\nDue")),
    ],
)
def test_name_and_concern_of_its_job(text, words):
    assert recommendations.words_of(Recommendation(text=text)) == words


class TestAdmin:
    def test_add_change_and_dismiss(self, desk, vehicle):
        add = f"{changelist(Recommendation)}add/"
        desk.post(add, {"vehicle": vehicle.pk, "text": "Tires", "urgency": "now", "amount": "400.00"})
        made = Recommendation.objects.get()
        assert (made.text, made.source, made.amount) == ("Tires", "staff", Decimal("400.00"))
        assert desk.post(page(made), filled(desk, page(made)) | {"urgency": "later"}).status_code == 302
        made.refresh_from_db()
        assert made.urgency == "later"
        assert buttons(desk, made) == ["Dismiss"]
        assert press(desk, made, "dismiss") == ["The recommendation is dismissed."]
        made.refresh_from_db()
        assert (made.status, buttons(desk, made)) == ("dismissed", [])
        assert desk.post(page(made), {"urgency": "now"}).status_code == 403

    def test_page_of_the_vehicle_shows_them(self, desk, vehicle):
        factories.RecommendationFactory(vehicle=vehicle, text="Tires at 4/32")
        factories.RecommendationFactory(text="Of another vehicle")
        content = desk.get(page(vehicle)).content.decode()
        assert "Tires at 4/32" in content
        assert "Of another vehicle" not in content

    def test_page_that_was_opened_before_the_answer_saves_nothing(self, desk, vehicle):
        made = factories.RecommendationFactory(vehicle=vehicle)
        form = filled(desk, page(made))
        Recommendation.objects.filter(pk=made.pk).update(status="quoted")
        response = desk.post(page(made), form | {"urgency": "now"})
        assert errors(response) == [
            "It has become quoted since you opened this page. Nothing was saved: open it again."
        ]
        assert stored(made.pk)["urgency"] == "soon"
