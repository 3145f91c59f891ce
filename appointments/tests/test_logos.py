"""The logo of a location: which images are taken, by the staff's API and the admin."""

from __future__ import annotations

from hashlib import sha256
from io import BytesIO
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from appointments.logos import MAX_LOGO_BYTES, NotALogo, find_logo, save_logo
from appointments.models import Logo
from customers.callers import caller_of_user
from files.actions import save_file
from files.stores import store
from repair_orders.estimates.snapshot import shop_body
from testing import factories
from testing.admin import errors, filled, page
from testing.images import JPEG, png
from testing.suites import refused, stored

pytestmark = pytest.mark.django_db
PNG = png(60, 20)
DIGEST = sha256(PNG).hexdigest()
REFUSED = {
    "error": "Not a logo",
    "detail": NotALogo.message,
    "fields": {"logo_file_id": [NotALogo.message]},
    "code": "not_a_logo",
}


@pytest.fixture(autouse=True)
def _folder(settings, tmp_path):
    settings.UPLOADS_DIR = tmp_path / "uploads"


@pytest.fixture
def location():
    return factories.LocationFactory()


@pytest.fixture
def upload(ada, now):
    def upload(content, by=ada, content_type="image/png"):
        file = {"filename": "logo.png", "content_type": content_type, "size": len(content)}
        return save_file(caller=caller_of_user(by), content=BytesIO(content), now=now, **file)

    return upload


def test_image_is_stored_once_by_its_digest(location):
    logo = save_logo(PNG)
    assert (logo.pk, bytes(logo.content), save_logo(PNG)) == (DIGEST, PNG, logo)
    without = shop_body(location)
    location.logo = logo
    location.save()
    assert shop_body(location) == {**without, "logo": DIGEST}
    assert (find_logo(without), find_logo(shop_body(location))) == (None, PNG)
    assert (find_logo(None), find_logo({"name": "Springfield"})) == (None, None)


@pytest.mark.parametrize("content", [b"", b"GIF89a", PNG[:-30], PNG + bytes(MAX_LOGO_BYTES)])
def test_other_files_are_refused(content):
    with pytest.raises(NotALogo):
        save_logo(content)
    assert Logo.objects.count() == 0


class TestAPI:
    def url(self, location):
        return f"/api/shop/locations/{location.pk}/"

    def change(self, client, location, value):
        return client.patch(self.url(location), {"logo_file_id": value}, format="json")

    def test_manager_sets_and_removes_the_logo(self, as_ada, location, upload):
        shown = as_ada.get(self.url(location)).json()
        assert shown["logo_digest"] is None
        for content in (PNG, JPEG):
            response = self.change(as_ada, location, str(upload(content).uuid))
            body = {**shown, "logo_digest": sha256(content).hexdigest()}
            assert (response.status_code, response.json()) == (200, body)
        response = self.change(as_ada, location, None)
        assert (response.status_code, response.json()) == (200, shown)
        # Papers may name both.
        assert Logo.objects.count() == 2
        assert location.history.count() == 4

    @pytest.mark.parametrize("content", [PNG[:40], b"\xff\xd8\xff" + bytes(9), PNG + bytes(MAX_LOGO_BYTES)])
    def test_other_files_are_refused(self, as_ada, location, upload, content):
        before = [stored(location)]
        response = self.change(as_ada, location, str(upload(content).uuid))
        refused(response, 400, REFUSED, location, before=before)
        assert Logo.objects.count() == 0

    def test_file_that_does_not_exist_is_404(self, as_ada, location, upload):
        lost = upload(PNG)
        store().remove(lost.key)
        body = {"error": "File not found", "detail": "File not found", "code": "file_not_found"}
        before = [stored(location)]
        for value in (uuid4(), lost.uuid):
            refused(self.change(as_ada, location, str(value)), 404, body, location, before=before)

    def test_technician_cannot_set_it(self, as_tim, location, upload, tim):
        before = [stored(location)]
        response = self.change(as_tim, location, str(upload(PNG, by=tim).uuid))
        body = {"error": "Access denied", "detail": "Your role does not allow this.", "code": "role_may_not"}
        refused(response, 403, body, location, before=before)
        assert Logo.objects.count() == 0


class TestAdmin:
    def send(self, desk, location, **fields):
        return desk.post(page(location), filled(desk, page(location)) | fields)

    def test_logo_is_uploaded_shown_kept_and_removed(self, desk, location):
        assert self.send(desk, location, logo_file=SimpleUploadedFile("a.png", PNG)).status_code == 302
        location.refresh_from_db()
        assert location.logo_id == DIGEST
        assert 'src="data:image/png;base64,iVBOR' in desk.get(page(location)).text
        assert self.send(desk, location, name="Main St").status_code == 302
        location.refresh_from_db()
        assert (location.name, location.logo_id) == ("Main St", DIGEST)
        assert self.send(desk, location, removes_logo="on").status_code == 302
        location.refresh_from_db()
        assert location.logo_id is None

    def test_other_files_are_refused_beside_the_field(self, desk, location):
        before = stored(location)
        for content in (b"GIF89a", PNG[:40], PNG + bytes(MAX_LOGO_BYTES)):
            response = self.send(desk, location, logo_file=SimpleUploadedFile("a.png", content))
            assert errors(response) == [NotALogo.message]
        image = SimpleUploadedFile("a.png", PNG)
        response = self.send(desk, location, logo_file=image, removes_logo="on")
        assert errors(response) == ["Choose a new logo or remove the present one, not both."]
        assert stored(location) == before
