"""Photos of a repair request."""

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
def request_with_photos(alice, now, folder):
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


def test_photos_keep_their_order(request_with_photos, alice, now):
    caller = caller_of_user(alice.contact)
    first, second = saved(caller, now), saved(caller, now)
    assert list(photos_of(request_with_photos(second, first))) == [second, first]


def test_photo_belongs_to_one_order(request_with_photos, alice, now):
    photo = saved(caller_of_user(alice.contact), now)
    order = request_with_photos(photo)
    with pytest.raises(PhotoIsTaken) as error:
        request_with_photos(photo)
    assert error.value.field == "photos"
    assert list(RepairOrder.objects.all()) == [order]


def test_photo_of_other_user_is_not_found(request_with_photos, bob, now):
    photo = saved(caller_of_user(bob.contact), now)
    with pytest.raises(FileNotFound):
        request_with_photos(photo)
    photo.refresh_from_db()
    assert (RepairOrder.objects.count(), photo.state) == (0, "stored")


def test_photo_without_upload_is_refused(request_with_photos, alice):
    with pytest.raises(NotUploaded):
        request_with_photos(factories.UploadFactory(owner=alice.contact))
    assert not RepairOrder.objects.exists()
