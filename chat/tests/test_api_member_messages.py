"""Contract 003's messages."""

from datetime import timedelta
from uuid import uuid4

import pytest

from chat.models import Message
from chat.tests.member import THREADS, format_instant, message_body, post
from files.models import Upload

pytestmark = pytest.mark.django_db


def test_messages_are_listed_oldest_first_without_internal_notes(
    as_alice, as_tim, tim, conversation, thread_url, now
):
    note = post(conversation, tim, "Difficult person", now, is_internal=True)
    answer = post(conversation, tim, "Bring it in", now)
    Message.objects.filter(pk=answer.pk).update(attachments=[{"id": "1", "url": "https://files/1.jpg"}])
    answer.refresh_from_db()
    first = conversation.messages.get(number=1)
    for client in (as_alice, as_tim):
        assert client.get(f"{thread_url}messages/").json() == [message_body(first), message_body(answer)]
    assert note.body not in str(as_alice.get(THREADS).content)
    assert as_alice.get(thread_url).json()["lastMessage"] == message_body(answer)


def test_since_is_exact(as_alice, alice, conversation, thread_url, now):
    stored = [post(conversation, alice.contact, str(n), now) for n in range(3)]

    def since(instant):
        return [row["body"] for row in as_alice.get(f"{thread_url}messages/", {"since": instant}).json()]

    rows = as_alice.get(f"{thread_url}messages/").json()
    assert since(rows[1]["createdAt"]) == ["1", "2"]
    assert since(rows[-1]["createdAt"]) == []
    assert since(format_instant(stored[0].created_at - timedelta(microseconds=1))) == ["0", "1", "2"]
    assert since("") == ["They squeak", "0", "1", "2"]


def test_messages_are_paged_on_request(as_alice, alice, conversation, thread_url, now):
    for n in range(4):
        post(conversation, alice.contact, str(n), now)
    response = as_alice.get(f"{thread_url}messages/", {"page": "2", "page_size": "2"})
    assert [row["body"] for row in response.json()] == ["1", "2"]
    assert response["X-Total-Count"] == "5"


def test_send_a_message(as_alice, as_tim, conversation, thread_url):
    for client, sender in ((as_alice, "user"), (as_tim, "support")):
        response = client.post(
            f"{thread_url}messages/", {"body": " Hello\n", "attachments": []}, format="json"
        )
        stored = Message.objects.latest("number")
        assert (response.status_code, response.json()) == (201, message_body(stored))
        assert (stored.body, response.json()["sender"]) == (" Hello\n", sender)


def test_same_client_id_is_stored_once(as_alice, conversation, thread_url):
    first, again = (
        as_alice.post(f"{thread_url}messages/", {"body": "Hello", "clientId": "x"}, format="json")
        for _ in range(2)
    )
    assert (first.status_code, again.status_code, again.json()) == (201, 200, first.json())
    assert conversation.messages.count() == 2


def test_one_idempotency_key_sends_one_message(as_alice, conversation, thread_url):
    headers = {"Idempotency-Key": "only-once"}
    first, again = (
        as_alice.post(f"{thread_url}messages/", {"body": "Hello"}, format="json", headers=headers)
        for _ in range(2)
    )
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert conversation.messages.count() == 2


@pytest.fixture
def photo(settings, tmp_path):
    """A function that uploads a photo as a client and returns its id and URL."""
    settings.UPLOADS_DIR = tmp_path

    def upload(client):
        photo = client.post(
            "/api/files/presign/", {"filename": "a.png", "contentType": "image/png"}, format="json"
        ).json()
        put = client.generic(
            "PUT",
            photo["url"].removeprefix("http://testserver"),
            b"\x89PNG\r\n\x1a\n" + bytes(64),
            "image/png",
        )
        assert put.status_code == 200
        return photo["fileId"], photo["publicUrl"].replace("http://testserver", settings.PUBLIC_URL)

    return upload


def test_send_photos(as_alice, alice, as_tim, conversation, thread_url, photo):
    for client in (as_alice, as_tim):
        file_id, public_url = photo(client)
        response = client.post(
            f"{thread_url}messages/", {"body": "Look", "attachments": [file_id]}, format="json"
        )
        assert (response.status_code, response.json()["attachments"]) == (201, [public_url])
        upload = Upload.objects.get(uuid=file_id)
        assert (upload.state, upload.customer_id) == ("attached", alice.pk)


def test_photo_of_another_user_is_not_attached(as_alice, as_bob, conversation, thread_url, photo):
    file_id, _ = photo(as_bob)
    response = as_alice.post(
        f"{thread_url}messages/", {"body": "Mine", "attachments": [file_id]}, format="json"
    )
    assert response.status_code == 404
    assert response.json() == {"error": "File not found"}
    assert (conversation.messages.count(), Upload.objects.get().state) == (1, "stored")


UNKNOWN = uuid4()


@pytest.mark.parametrize(
    ("body", "status", "answer"),
    [
        ({}, 400, {"body": ["This field is required."]}),
        ({"body": " \n"}, 400, {"body": ["This field may not be blank."]}),
        ({"body": "x" * 10_001}, 400, {"body": ["Ensure this field has no more than 10000 characters."]}),
        ({"body": "a\0b"}, 400, {"body": ["Null characters are not allowed."]}),
        (
            {"body": "a", "clientId": "x" * 101},
            400,
            {"clientId": ["Ensure this field has no more than 100 characters."]},
        ),
        ({"body": "a", "attachments": ["x"]}, 400, {"attachments[0]": ["Must be a valid UUID."]}),
        (
            {"body": "a", "attachments": [str(UNKNOWN)]},
            404,
            {"error": "File not found"},
        ),
    ],
)
def test_invalid_message_is_refused_and_not_stored(as_alice, conversation, thread_url, body, status, answer):
    response = as_alice.post(f"{thread_url}messages/", body, format="json")
    assert (response.status_code, response.json()) == (status, answer)
    assert conversation.messages.count() == 1
