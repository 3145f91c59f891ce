"""All uploads of a customer together take a limited number of bytes."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO

import pytest

from customers.callers import caller_of_user
from files.actions import UploadQuotaFull, attach, prune, save_file
from files.models import Upload
from files.tests.conftest import JPEG
from files.tests.test_actions import announced, snapshot, uploaded
from testing import factories
from testing.storms import parallel

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("folder")]
QUOTA = 10_000


@pytest.fixture(autouse=True)
def _quota(settings):
    settings.UPLOAD_QUOTA_BYTES, settings.MAX_UPLOAD_BYTES = QUOTA, 4_000


def refused(work):
    before = snapshot()
    with pytest.raises(UploadQuotaFull) as error:
        work()
    assert snapshot() == before
    return error.value.text


def test_uploads_of_all_logins_count_together(alice, bob, now):
    colleague = factories.CustomerUserFactory(customer=alice).user
    for user in (alice.contact, colleague):
        announced(user, now, size=4_000)
    for user in (alice.contact, colleague):
        assert refused(lambda user=user: announced(user, now, size=2_001)) == (
            "Uploads of a customer can take at most 10,000 bytes. Yours take 8,000, and this file has up to 2,001."
        )
    announced(colleague, now, size=2_000)
    announced(bob.contact, now, size=4_000)


def test_file_without_a_size_counts_as_the_largest_until_it_is_stored(alice, now):
    announced(alice.contact, now)
    upload = uploaded(alice.contact, now)
    assert upload.size == len(JPEG)
    announced(alice.contact, now)
    left = QUOTA - 2 * 4_000 - len(JPEG)
    refused(lambda: announced(alice.contact, now, size=left + 1))
    announced(alice.contact, now, size=left)
    refused(lambda: announced(alice.contact, now))


def test_login_without_a_customer_has_a_quota(carol, now):
    for _ in range(2):
        announced(carol, now, size=4_000)
    refused(lambda: announced(carol, now, size=2_001))


def test_staff_have_none_and_their_files_do_not_count_for_the_customer(alice, tim, now):
    for _ in range(3):
        announced(tim, now, size=4_000)
    upload = uploaded(tim, now)
    attach(caller=caller_of_user(tim), upload_ids=[upload.uuid], customer_id=alice.pk, now=now)
    Upload.objects.update(size=4_000)
    for size in (4_000, 4_000, 2_000):
        announced(alice.contact, now, size=size)


@pytest.mark.parametrize("is_bucket", [False, True])
def test_url_that_expired_unused_does_not_count_on_this_server(alice, now, settings, is_bucket):
    settings.AWS_S3_PRESIGNED_URL_EXPIRATION = 60
    for _ in range(2):
        announced(alice.contact, now - timedelta(seconds=60), size=4_000)
    settings.USE_S3 = is_bucket
    settings.AWS_STORAGE_BUCKET_NAME, settings.AWS_ACCESS_KEY_ID = "garage", "key"
    settings.AWS_SECRET_ACCESS_KEY = "secret"
    if is_bucket:
        refused(lambda: announced(alice.contact, now, size=4_000))
    else:
        announced(alice.contact, now, size=4_000)


def test_pruned_uploads_make_space(alice, now):
    for _ in range(2):
        uploaded(alice.contact, now - timedelta(days=8), body=JPEG * 5)
    refused(lambda: announced(alice.contact, now, size=3_000))
    assert prune(now=now) == 2
    announced(alice.contact, now, size=3_000)


def test_file_of_a_form_counts_and_is_refused(alice, now):
    def save(size):
        return save_file(
            caller=caller_of_user(alice.contact), filename="a.jpg", content_type="image/jpeg", size=size,
            content=BytesIO(JPEG), now=now,
        )  # fmt: skip

    save(4_000)
    save(4_000)
    refused(lambda: save(2_001))
    save(2_000)


def test_refusal_is_507_in_the_contracts_shape(as_alice):
    body = {"filename": "receipt.jpg", "contentType": "image/jpeg", "size": 4_000}
    for _ in range(2):
        assert as_alice.post("/api/files/presign/", body, format="json").status_code == 200
    response = as_alice.post("/api/files/presign/", body, format="json")
    text = "Uploads of a customer can take at most 10,000 bytes. Yours take 8,000, and this file has up to 4,000."
    assert (response.status_code, response.json()) == (507, {"error": text})
    assert Upload.objects.count() == 2


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_parallel_announcements_do_not_exceed_the_quota(alice, now):
    users = [alice.contact, factories.CustomerUserFactory(customer=alice).user]
    outcomes = parallel(12, lambda number: announced(users[number % 2], now, size=3_000))
    assert [type(outcome).__name__ for outcome in outcomes].count("UploadQuotaFull") == 9
    assert Upload.objects.count() == 3
