"""Photos that come with a request."""

from __future__ import annotations

import pytest

from customers.callers import caller_of_user
from files.actions import FileNotFound, NotUploaded
from files.tests.test_save_file import saved
from repair_orders.actions import PhotoIsTaken, request_repair
from repair_orders.models import RepairOrder
from repair_orders.queries import photos_of
from testing import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask(alice, now, folder):
    vehicle, caller = factories.VehicleFactory(customer=alice), caller_of_user(alice.contact)

    def request(*photos):
        uuids = [photo.uuid for photo in photos]
        return request_repair(
            customer=alice, vehicle=vehicle, description="Noise", now=now, photos=uuids, by=caller
        )

    return request


@pytest.fixture
def folder(settings, tmp_path):
    settings.UPLOADS_DIR = tmp_path


def test_in_the_order_they_were_given(ask, alice, now):
    caller = caller_of_user(alice.contact)
    first, second = saved(caller, now), saved(caller, now)
    assert list(photos_of(ask(second, first))) == [second, first]


def test_a_photo_belongs_to_one_request(ask, alice, now):
    photo = saved(caller_of_user(alice.contact), now)
    order = ask(photo)
    with pytest.raises(PhotoIsTaken) as error:
        ask(photo)
    assert error.value.field == "photos"
    assert list(RepairOrder.objects.all()) == [order]


def test_another_ones_photo_is_nobodys(ask, bob, now):
    photo = saved(caller_of_user(bob.contact), now)
    with pytest.raises(FileNotFound):
        ask(photo)
    photo.refresh_from_db()
    assert (RepairOrder.objects.count(), photo.state) == (0, "stored")


def test_a_photo_that_never_came(ask, alice):
    with pytest.raises(NotUploaded):
        ask(factories.UploadFactory(owner=alice.contact))
    assert not RepairOrder.objects.exists()
