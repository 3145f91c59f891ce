"""Admin pages of plans, memberships and offers."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from memberships.models import Offer, OfferMake, Plan
from testing import factories
from testing.admin import buttons, errors, filled, page, press

pytestmark = pytest.mark.django_db


def test_staff_can_end_a_membership(desk, ada):
    membership = factories.MembershipFactory()
    assert buttons(desk, membership) == ["End membership"]
    assert press(desk, membership, "cancel") == ["The membership has ended."]
    membership.refresh_from_db()
    assert membership.status == "cancelled"
    assert membership.history.latest().history_user_id == ada.pk
    assert buttons(desk, membership) == []
    assert press(desk, membership, "cancel") == ["This membership is cancelled and cannot become cancelled."]


def test_memberships_cannot_be_added_edited_or_deleted(desk):
    membership = factories.MembershipFactory()
    assert desk.post(page(membership), {"status": "cancelled"}).status_code == 403
    assert desk.get(reverse("admin:memberships_membership_add")).status_code == 403
    assert desk.get(page(membership, "delete")).status_code == 403


def test_plan_can_be_taken_off_sale_but_not_deleted(desk):
    plan = factories.PlanFactory()
    data = filled(desk, page(plan))
    del data["is_active"]
    assert desk.post(page(plan), data).status_code == 302
    assert not Plan.objects.get().is_active
    assert desk.get(page(plan, "delete")).status_code == 403


def test_offer_can_be_added_with_makes_and_locations(desk):
    location, url = factories.LocationFactory(), reverse("admin:memberships_offer_add")
    tomorrow = timezone.now() + timezone.timedelta(days=1)
    data = filled(desk, url) | {
        "title": "Brakes",
        "expiry_0": f"{tomorrow:%Y-%m-%d}",
        "expiry_1": "12:00:00",
        "for_plus": "on",
        "locations": [str(location.pk)],
        "year_from": "2018",
        "makes-TOTAL_FORMS": "2",
        "makes-0-make": "Honda",
        "makes-1-make": "Toyota",
    }
    response = desk.post(url, data)
    assert response.status_code == 302, errors(response)
    offer = Offer.objects.get()
    assert (offer.for_basic, offer.for_plus, list(offer.locations.all())) == (False, True, [location])
    assert sorted(OfferMake.objects.values_list("make", flat=True)) == ["Honda", "Toyota"]
    assert offer.created_at is not None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"year_from": "2021", "year_to": "2020"},
            "The first model year must not be after the last one.",
        ),
        ({"makes-0-make": "Honda", "makes-1-make": "Honda"}, "Please correct the duplicate values below."),
    ],
)
def test_invalid_offer_shows_the_error_and_changes_nothing(desk, change, message):
    offer = factories.OfferFactory()
    before = Offer.objects.values().get()
    response = desk.post(page(offer), filled(desk, page(offer)) | {"makes-TOTAL_FORMS": "2"} | change)
    assert response.status_code == 200
    assert message in errors(response)
    assert (Offer.objects.values().get(), OfferMake.objects.count()) == (before, 0)


def test_delete_page_loads_the_translations_before_the_calendars(desk):
    """The calendar scripts call `gettext`, which Django loads on form pages only."""
    html = desk.get(page(factories.OfferFactory(), "delete")).content.decode()
    assert 0 < html.index(reverse("admin:jsi18n")) < html.index("calendar.js")
