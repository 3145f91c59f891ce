"""Contract 003, "Files": presign, the upload URL, the public URL and the download with its access rules."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.utils import timezone

from customers.models import CustomerUser
from files.actions import UnsupportedFileType
from files.models import Upload
from files.tests.conftest import JPEG, PNG, upload_of
from testing import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("folder")]
PRESIGN = "/api/files/presign/"
PRINTED = {"filename": "receipt.jpg", "contentType": "image/jpeg"}


def local(url):
    return url.removeprefix("http://testserver")


def fetch(client, url, **headers):
    """Return the response and its whole body."""
    response = client.get(local(url), headers=headers)
    return response, b"".join(response) if response.streaming else response.content


def put(api, url, body=JPEG, content_type="image/jpeg", **headers):
    return api.generic("PUT", local(url), body, content_type, headers=headers)


class TestPresign:
    def test_body_matches_the_contract(self, as_alice, alice):
        response = as_alice.post(PRESIGN, PRINTED, format="json")
        body = response.json()
        assert response.status_code == 200
        assert list(body) == ["url", "method", "publicUrl", "fileId"]
        upload = upload_of(body)
        public = f"http://testserver/api/files/{upload.key}"
        assert (body["method"], body["publicUrl"]) == ("PUT", public)
        assert re.fullmatch(r"uploads/[A-Za-z0-9_-]{22}/receipt\.jpg", upload.key)  # 22 × 6 bits ≥ 128
        assert re.fullmatch(rf"{re.escape(public)}\?expires=[0-9]+&signature=[A-Za-z0-9_-]+", body["url"])
        assert (upload.owner_id, upload.customer_id, upload.state) == (alice.contact_id, alice.pk, "pending")
        assert (upload.name, upload.content_type, upload.size) == ("receipt.jpg", "image/jpeg", None)

    def test_trailing_slash_is_optional(self, as_alice):
        assert as_alice.post(PRESIGN.rstrip("/"), PRINTED, format="json").status_code == 200

    def test_keys_are_unique(self, as_alice):
        keys = {as_alice.post(PRESIGN, PRINTED, format="json").json()["publicUrl"] for _ in range(20)}
        assert len(keys) == 20

    def test_staff_and_login_without_customer_record_can_presign(self, sign_in, carol, tim):
        for user in (carol, tim):
            body = sign_in(user).post(PRESIGN, PRINTED, format="json").json()
            assert (upload_of(body).owner_id, upload_of(body).customer_id) == (user.pk, None)

    def test_repeated_idempotency_key_creates_one_upload(self, as_alice):
        headers = {"Idempotency-Key": "one"}
        first, again = (as_alice.post(PRESIGN, PRINTED, format="json", headers=headers) for _ in range(2))
        assert (first.status_code, first.json()) == (again.status_code, again.json())
        assert Upload.objects.count() == 1

    @pytest.mark.parametrize(
        ("change", "body"),
        [
            ({"filename": None}, {"filename": ["This field may not be null."]}),
            ({"filename": ""}, {"filename": ["This field may not be blank."]}),
            ({"filename": "a\x00.jpg"}, {"filename": ["Null characters are not allowed."]}),
            ({"filename": "x" * 1001}, {"filename": ["Ensure this field has no more than 1000 characters."]}),
            ({"size": 0}, {"size": ["Ensure this value is greater than or equal to 1."]}),
            ({"size": "big"}, {"size": ["A valid integer is required."]}),
            (
                {"size": 20 * 1024 * 1024 + 1},
                {
                    "error": "A file may have at most 20,971,520 bytes.",
                    "size": ["A file may have at most 20,971,520 bytes."],
                },
            ),
            *(
                (
                    {"contentType": value},
                    {"error": UnsupportedFileType.message, "contentType": [UnsupportedFileType.message]},
                )
                for value in ("text/html", "image/svg+xml", "IMAGE/JPEG", "image/jpeg; charset=x", "x")
            ),
        ],
    )
    def test_invalid_value_is_named_and_creates_no_upload(self, as_alice, change, body):
        response = as_alice.post(PRESIGN, {**PRINTED, **change}, format="json")
        assert (response.status_code, response.json()) == (400, body)
        assert not Upload.objects.exists()

    @pytest.mark.parametrize("missing", ["filename", "contentType"])
    def test_missing_field_is_named(self, as_alice, missing):
        body = {name: value for name, value in PRINTED.items() if name != missing}
        response = as_alice.post(PRESIGN, body, format="json")
        assert (response.status_code, response.json()) == (400, {missing: ["This field is required."]})

    def test_without_a_token_is_401(self, api):
        response = api.post(PRESIGN, PRINTED, format="json")
        assert response.status_code == 401
        assert response.json() == {"error": "Authentication credentials were not provided."}
        assert not Upload.objects.exists()


class TestStoredFile:
    def test_public_url_serves_the_file_without_a_token(self, as_alice, api, announce):
        presigned = announce(as_alice, filename="Façade.jpg")
        sent = put(api, presigned["url"])
        assert (sent.status_code, sent.content, sent["ETag"]) == (200, b"", f'"{presigned["fileId"]}"')
        upload = upload_of(presigned)
        assert (upload.state, upload.size) == ("stored", len(JPEG))
        response, content = fetch(api, presigned["publicUrl"])
        assert (response.status_code, content) == (200, JPEG)
        assert {name: response[name] for name in (
            "Content-Type", "Content-Length", "Content-Disposition", "X-Content-Type-Options", "ETag",
            "Cache-Control", "Content-Security-Policy", "Cross-Origin-Resource-Policy", "Accept-Ranges",
        )} == {
            "Content-Type": "image/jpeg",
            "Content-Length": str(len(JPEG)),
            "Content-Disposition": "attachment; filename*=utf-8''Fa%C3%A7ade.jpg",
            "X-Content-Type-Options": "nosniff",
            "ETag": f'"{upload.uuid}"',
            "Cache-Control": "private, max-age=86400, immutable",
            "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Accept-Ranges": "bytes",
        }  # fmt: skip

    def test_head_and_conditional_get(self, as_alice, api, announce):
        presigned = announce(as_alice)
        put(api, presigned["url"])
        url = local(presigned["publicUrl"])
        head = api.head(url)
        assert (head.status_code, head["Content-Length"], head.content) == (200, str(len(JPEG)), b"")
        same, empty = fetch(api, url, **{"If-None-Match": head["ETag"]})
        assert (same.status_code, empty, same["ETag"]) == (304, b"", head["ETag"])
        assert fetch(api, url, **{"If-None-Match": '"other"'})[0].status_code == 200

    @pytest.mark.parametrize(
        ("header", "start", "end"),
        [
            ("bytes=0-0", 0, 1),
            ("bytes=0-1", 0, 2),
            ("bytes=5-", 5, None),
            ("bytes=-7", -7, None),
            ("bytes=3-99999", 3, None),
        ],
    )
    def test_range_returns_part_of_the_file(self, as_alice, api, announce, header, start, end):
        presigned = announce(as_alice)
        put(api, presigned["url"])
        response, content = fetch(api, presigned["publicUrl"], Range=header)
        part = JPEG[start:end]
        first = start % len(JPEG)
        assert (response.status_code, content) == (206, part)
        assert response["Content-Length"] == str(len(part))
        assert response["Content-Range"] == f"bytes {first}-{first + len(part) - 1}/{len(JPEG)}"

    @pytest.mark.parametrize(
        "header", ["bytes=0-1,4-5", "bytes=", "bytes=-", "bytes=5-3", "lines=1-2", "x", "bytes=a-b"]
    )
    def test_invalid_or_multiple_range_returns_the_whole_file(self, as_alice, api, announce, header):
        presigned = announce(as_alice)
        put(api, presigned["url"])
        response, content = fetch(api, presigned["publicUrl"], Range=header)
        assert (response.status_code, content) == (200, JPEG)

    @pytest.mark.parametrize("header", ["bytes=99999-", "bytes=-0", f"bytes={'9' * 18}-"])
    def test_range_past_the_end_is_416(self, as_alice, api, announce, header):
        presigned = announce(as_alice)
        put(api, presigned["url"])
        response = api.get(local(presigned["publicUrl"]), headers={"Range": header})
        assert (response.status_code, response["Content-Range"]) == (416, f"bytes */{len(JPEG)}")

    def test_if_range_with_another_etag_returns_the_whole_file(self, as_alice, api, announce):
        presigned = announce(as_alice)
        put(api, presigned["url"])
        headers = {"Range": "bytes=0-1", "If-Range": '"other"'}
        assert fetch(api, presigned["publicUrl"], **headers)[0].status_code == 200

    def test_second_upload_is_409_and_keeps_the_first(self, as_alice, api, announce):
        presigned = announce(as_alice)
        assert put(api, presigned["url"]).status_code == 200
        response = put(api, presigned["url"], JPEG + b"more")
        assert (response.status_code, response.json()) == (
            409,
            {"error": "This file has already been uploaded."},
        )
        assert fetch(api, presigned["publicUrl"])[1] == JPEG

    def test_file_may_exceed_the_limit_of_json_bodies(self, as_alice, api, announce, settings):
        presigned = announce(as_alice)
        large = JPEG + b"x" * settings.MAX_BODY_BYTES
        assert put(api, presigned["url"], large).status_code == 200
        assert upload_of(presigned).size == len(large)

    def test_file_above_the_limit_is_413(self, as_alice, api, announce, settings, folder):
        settings.MAX_UPLOAD_BYTES = 1024
        presigned = announce(as_alice)
        response = put(api, presigned["url"], JPEG + b"x" * 1024)
        assert (response.status_code, response.json()) == (
            413,
            {"error": "A file may have at most 1,024 bytes."},
        )
        settings.MAX_BODY_BYTES = 1024  # the middleware refuses it, too
        assert put(api, presigned["url"], JPEG + b"x" * 1024).status_code == 413
        assert not list(folder.rglob("*"))
        assert upload_of(presigned).state == "pending"

    def test_chunked_upload_without_length_is_411(self, as_alice, api, announce):
        presigned = announce(as_alice)
        response = put(api, presigned["url"], **{"Transfer-Encoding": "chunked"})
        assert (response.status_code, response.json()) == (
            411,
            {"error": "Send the file with a Content-Length header, not in chunks."},
        )
        assert upload_of(presigned).state == "pending"

    def test_public_url_is_404_before_the_upload(self, as_alice, api, announce):
        response = api.get(local(announce(as_alice)["publicUrl"]))
        assert (response.status_code, response.json()) == (404, {"error": "File not found"})

    def test_file_missing_from_the_disk_is_404(self, as_alice, api, announce, folder):
        presigned = announce(as_alice)
        put(api, presigned["url"])
        (folder / upload_of(presigned).key).unlink()
        assert api.get(local(presigned["publicUrl"])).status_code == 404

    @pytest.mark.parametrize("path", ["../../manage.py/x", "%2e%2e/%2e%2e", "x/y", "x/y/z", "..%2f..%2fx/y"])
    def test_path_cannot_leave_the_folder(self, api, path):
        for method in ("GET", "PUT"):
            response = api.generic(method, f"/api/files/uploads/{path}", b"", "image/jpeg")
            assert response.status_code in (403, 404)

    @pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
    def test_other_methods_are_405(self, as_alice, api, announce, method):
        response = api.generic(method, local(announce(as_alice)["url"]), JPEG, "image/jpeg")
        assert (response.status_code, response["Allow"]) == (405, "GET, HEAD, PUT")

    def test_cors_allows_upload_from_the_apps_origin(self, as_alice, api, announce):
        origin = "http://localhost:3000"
        presigned = announce(as_alice)
        preflight = api.options(
            local(presigned["url"]),
            headers={
                "Origin": origin,
                "Access-Control-Request-Method": "PUT",
                "Access-Control-Request-Headers": "content-type",
            },
        )
        assert (preflight.status_code, preflight["Access-Control-Allow-Origin"]) == (200, origin)
        assert "PUT" in preflight["Access-Control-Allow-Methods"]
        assert "content-type" in preflight["Access-Control-Allow-Headers"]
        sent = put(api, presigned["url"], Origin=origin)
        assert (sent.status_code, sent["Access-Control-Allow-Origin"]) == (200, origin)


def test_log_does_not_contain_the_public_url(as_alice, api, announce, written):
    presigned = announce(as_alice)
    put(api, presigned["url"])
    fetch(api, presigned["publicUrl"])
    assert "PUT /api/files/uploads/…/receipt.jpg" in written()
    assert upload_of(presigned).key.split("/")[1] not in written()


class TestFile:
    @pytest.fixture
    def stored(self, as_alice, api, announce):
        presigned = announce(as_alice, filename="a.png", contentType="image/png")
        put(api, presigned["url"], PNG, "image/png")
        return f"/api/files/{presigned['fileId']}/"

    def test_owner_their_account_and_staff_can_download(self, stored, alice, as_alice, as_tim, sign_in):
        colleague = factories.UserFactory()
        CustomerUser.objects.create(customer=alice, user=colleague)
        for client in (as_alice, as_tim, sign_in(colleague)):
            response, content = fetch(client, stored)
            assert (response.status_code, content) == (200, PNG)
            assert response["Cache-Control"] == "no-store"
            assert response["Content-Disposition"] == 'attachment; filename="a.png"'
        assert fetch(as_alice, stored.rstrip("/"))[1] == PNG

    def test_other_customers_file_is_404_like_a_missing_one(self, stored, as_alice, as_bob, sign_in, carol):
        for client, url in (
            (as_bob, stored),
            (sign_in(carol), stored),
            (as_alice, f"/api/files/{uuid4()}/"),
        ):
            response = client.get(url)
            assert (response.status_code, response.json()) == (404, {"error": "File not found"})

    def test_upload_without_bytes_is_404(self, as_alice, announce):
        response = as_alice.get(f"/api/files/{announce(as_alice)['fileId']}/")
        assert (response.status_code, response.json()) == (404, {"error": "File not found"})

    @pytest.mark.parametrize("value", ["1", "x", "presigned", "0" * 32])
    def test_malformed_id_is_404(self, as_alice, value):
        response = as_alice.get(f"/api/files/{value}/")
        assert (response.status_code, response.json()) == (404, {"error": "File not found"})

    def test_without_a_token_is_401(self, api, stored):
        assert api.get(stored).status_code == 401


def test_admin_links_to_the_file(desk):
    upload = factories.UploadFactory(state="stored", size=5, stored_at=timezone.now())
    page = desk.get(f"/admin/files/upload/{upload.pk}/change/").content.decode()
    assert f'href="http://localhost:8000/api/files/{upload.key}"' in page
    pending = factories.UploadFactory()
    assert "Not uploaded yet" in desk.get(f"/admin/files/upload/{pending.pk}/change/").content.decode()
