"""The constraints of reminders, on both databases."""

from __future__ import annotations

import pytest
from django.db import IntegrityError

from common.domain.caller import Caller, Role
from reminders.models import Reminder, ReminderMail, Sweep
from testing import factories

pytestmark = pytest.mark.django_db


def test_occasion_of_a_subject_is_reminded_of_once():
    row = factories.ReminderFactory()
    with pytest.raises(IntegrityError):
        factories.ReminderFactory(subject=row.subject, occasion=row.occasion)


@pytest.mark.parametrize("change", [{"occasion": "2026-01-11:overdue"}, {"subject": "schedule:99"}])
def test_another_occasion_or_subject_is_reminded_of(change):
    row = factories.ReminderFactory()
    factories.ReminderFactory(**{"subject": row.subject, "occasion": row.occasion} | change)
    assert Reminder.objects.count() == 2


@pytest.mark.parametrize("model", [Reminder, ReminderMail])
def test_kind_is_known(model):
    factories.ReminderFactory()
    with pytest.raises(IntegrityError):
        model.objects.update(kind="oil")


def test_sweep_has_one_row_a_kind():
    Sweep.objects.create(kind="service", day="2026-06-10")
    with pytest.raises(IntegrityError):
        Sweep.objects.create(kind="service", day="2026-06-11")


def test_customers_see_their_own_and_no_colleagues_parking(alice, bob):
    own = factories.ReminderFactory(mail__customer=alice)
    parked = factories.ReminderFactory(
        mail__customer=alice, mail__user=factories.UserFactory(), mail__kind="parking"
    )
    factories.ReminderFactory(mail__customer=bob)
    for rows, expected in ((Reminder.objects, own), (ReminderMail.objects, own.mail)):
        assert list(rows.visible_to(Caller(Role.CUSTOMER, alice.contact_id, alice.pk))) == [expected]
    user = Caller(Role.CUSTOMER, parked.mail.user_id, alice.pk)
    assert Reminder.objects.visible_to(user).count() == 2
    assert Reminder.objects.visible_to(Caller(Role.ADMIN, 1, None)).count() == 2
