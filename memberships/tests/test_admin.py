"""Plans, members and offers at the desk."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from memberships.models import Offer, OfferMake, Plan
from testing import factories
from testing.admin import buttons, errors, filled, page, press

pytestmark = pytest.mark.django_db


def test_staff_end_a_membership(desk, ada):
    membership = factories.MembershipFactory()
    assert buttons(desk, membership) == ["End membership"]
    assert press(desk, membership, "cancel") == ["The membership has ended."]
    membership.refresh_from_db()
    assert membership.status == "cancelled"
    assert membership.history.latest().history_user_id == ada.pk
    assert buttons(desk, membership) == []
    assert press(desk, membership, "cancel") == ["This membership is cancelled and cannot become cancelled."]


def test_nobody_writes_a_membership_by_hand(desk):
    membership = factories.MembershipFactory()
    assert desk.post(page(membership), {"status": "cancelled"}).status_code == 403
    assert desk.get(reverse("admin:memberships_membership_add")).status_code == 403
    assert desk.get(page(membership, "delete")).status_code == 403


def test_a_plan_is_taken_off_sale_and_never_deleted(desk):
    plan = factories.PlanFactory()
    data = filled(desk, page(plan))
    del data["is_active"]
    assert desk.post(page(plan), data).status_code == 302
    assert not Plan.objects.get().is_active
    assert desk.get(page(plan, "delete")).status_code == 403


def test_an_offer_with_its_makes_and_places(desk):
    place, url = factories.LocationFactory(), reverse("admin:memberships_offer_add")
    tomorrow = timezone.now() + timezone.timedelta(days=1)
    data = filled(desk, url) | {
        "title": "Brakes",
        "expiry_0": f"{tomorrow:%Y-%m-%d}",
        "expiry_1": "12:00:00",
        "for_plus": "on",
        "locations": [str(place.pk)],
        "year_from": "2018",
        "makes-TOTAL_FORMS": "2",
        "makes-0-make": "Honda",
        "makes-1-make": "Toyota",
    }
    response = desk.post(url, data)
    assert response.status_code == 302, errors(response)
    offer = Offer.objects.get()
    assert (offer.for_basic, offer.for_plus, list(offer.locations.all())) == (False, True, [place])
    assert sorted(OfferMake.objects.values_list("make", flat=True)) == ["Honda", "Toyota"]
    assert offer.created_at is not None


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (
            {"year_from": "2021", "year_to": "2020"},
            "The first model year must not be after the last one.",
        ),
        ({"makes-0-make": "Honda", "makes-1-make": "Honda"}, "Please correct the duplicate values below."),
    ],
)
def test_a_wrong_offer_is_told_why(desk, wrong, says):
    offer = factories.OfferFactory()
    before = Offer.objects.values().get()
    response = desk.post(page(offer), filled(desk, page(offer)) | {"makes-TOTAL_FORMS": "2"} | wrong)
    assert response.status_code == 200
    assert says in errors(response)
    assert (Offer.objects.values().get(), OfferMake.objects.count()) == (before, 0)


def test_what_the_page_of_a_deletion_runs_finds_its_words(desk):
    """Its calendars look for `gettext`, which Django's page brings to forms alone."""
    shown = desk.get(page(factories.OfferFactory(), "delete")).content.decode()
    assert 0 < shown.index(reverse("admin:jsi18n")) < shown.index("calendar.js")
