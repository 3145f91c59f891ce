from datetime import timedelta
from uuid import uuid4

import pytest

from chat import actions
from chat.models import Conversation, Message
from chat.sockets import tokens
from customers.callers import caller_of_user
from customers.models import Customer
from files.models import Upload
from testing import factories
from testing.suites import count_queries

pytestmark = pytest.mark.django_db

THREADS = "/api/chat/threads/"
TICKET = "/api/chat/ticket/"
NOT_FOUND = {"error": "Thread not found"}
UNAUTHENTICATED = {"error": "Authentication credentials were not provided."}


def written(instant):
    return instant.isoformat().replace("+00:00", "Z")


def message_body(message):
    return {
        "id": str(message.uuid),
        "threadId": str(message.conversation.uuid),
        "sender": "support" if message.is_support else "user",
        "body": message.body,
        "attachments": [one["url"] for one in message.attachments],
        "createdAt": written(message.created_at),
    }


def conversation_body(conversation):
    conversation.refresh_from_db()
    return {
        "id": str(conversation.uuid),
        "userId": str(conversation.customer.contact.uuid),
        "subject": conversation.subject,
        "status": "closed" if conversation.status in ("resolved", "closed") else "open",
        "lastMessage": message_body(conversation.last_message) if conversation.last_message else None,
        "createdAt": written(conversation.created_at),
        "updatedAt": written(conversation.updated_at),
    }


@pytest.fixture
def conversation(alice, now):
    by = caller_of_user(alice.contact)
    return actions.start_conversation(
        by=by, subject="Brakes", message="They squeak", now=now - timedelta(hours=1)
    )


@pytest.fixture
def url(conversation):
    return f"{THREADS}{conversation.uuid}/"


def say(conversation, who, body, now, **more):
    return actions.post_message(
        conversation=conversation.uuid, by=caller_of_user(who), body=body, now=now, **more
    ).message


def test_threads_are_listed_with_news_first(as_alice, alice, bob, tim, conversation, now):
    assert as_alice.get(THREADS).json() == [conversation_body(conversation)]
    silent = actions.start_conversation(
        by=caller_of_user(alice.contact), subject="Tyres", message="", now=now
    )
    factories.ConversationFactory(customer=bob)
    assert as_alice.get(THREADS).json() == [conversation_body(silent), conversation_body(conversation)]
    assert as_alice.get(THREADS).json()[0]["lastMessage"] is None
    say(conversation, tim, "Bring it in", now + timedelta(seconds=1))
    assert as_alice.get(THREADS).json() == [conversation_body(conversation), conversation_body(silent)]


def test_staff_see_everybodys_threads(as_tim, conversation, bob):
    factories.ConversationFactory(customer=bob)
    assert len(as_tim.get(THREADS).json()) == 2


def test_a_login_without_a_record_has_no_threads(sign_in, carol, conversation):
    assert sign_in(carol).get(THREADS).json() == []


@pytest.mark.parametrize(
    ("word", "subjects"), [("open", ["A", "B"]), ("CLOSED", ["C", "D"]), ("", ["A", "B", "C", "D"])]
)
def test_threads_by_status(as_alice, alice, word, subjects):
    for subject, status in zip("ABCD", ("open", "in_progress", "resolved", "closed"), strict=True):
        factories.ConversationFactory(customer=alice, subject=subject, status=status)
    rows = as_alice.get(THREADS, {"status": word}).json()
    assert sorted(row["subject"] for row in rows) == subjects


@pytest.mark.parametrize(
    ("address", "params", "field"),
    [
        (THREADS, {"status": "lost"}, "status"),
        (THREADS, {"thread": str(uuid4())}, "thread"),
        (THREADS, {"page_size": "201"}, "page_size"),
        ("messages/", {"since": "yesterday"}, "since"),
        ("messages/", {"thread": str(uuid4())}, "thread"),
        ("messages/", {"after": "1"}, "after"),
        ("messages/", {"page": "2"}, "page"),
    ],
)
def test_a_wrong_parameter_is_named(as_alice, url, address, params, field):
    response = as_alice.get(address if address == THREADS else url + address, params)
    assert response.status_code == 400
    assert list(response.json()) == [field]


def test_queries_do_not_grow(as_alice, alice, tim, conversation, url, now):
    def counts():
        return [count_queries(lambda u=u: as_alice.get(u)) for u in (THREADS, url, f"{url}messages/")]

    counts()
    one = counts()
    for n in range(29):
        other = actions.start_conversation(
            by=caller_of_user(alice.contact), subject=str(n), message="Hi", now=now
        )
        say(conversation, tim, str(n), now)
        assert other
    assert counts() == one == [2, 2, 2]
    assert (len(as_alice.get(THREADS).json()), len(as_alice.get(f"{url}messages/").json())) == (30, 30)


def test_starting_a_thread(as_alice, alice):
    response = as_alice.post(THREADS, {"subject": "Brakes", "initialMessage": "They squeak"}, format="json")
    conversation = Conversation.objects.get()
    assert (response.status_code, response.json()) == (201, conversation_body(conversation))
    assert (conversation.customer, conversation.last_message.body) == (alice, "They squeak")
    silent = as_alice.post(THREADS, {"subject": "Later"}, format="json")
    assert (silent.status_code, silent.json()["lastMessage"]) == (201, None)


def test_a_first_thread_makes_the_record(sign_in, carol):
    response = sign_in(carol).post(THREADS, {"subject": "Hi", "initialMessage": "There"}, format="json")
    assert (response.status_code, response.json()["userId"]) == (201, str(carol.uuid))
    assert Customer.objects.get().contact == carol


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"subject": ["This field is required."]}),
        ({"subject": " "}, {"subject": ["This field may not be blank."]}),
        ({"subject": "x" * 201}, {"subject": ["Ensure this field has no more than 200 characters."]}),
        ({"subject": "a", "initialMessage": []}, {"initialMessage": ["Not a valid string."]}),
        (
            {"subject": "a", "initialMessage": "x" * 10_001},
            {"initialMessage": ["Ensure this field has no more than 10000 characters."]},
        ),
    ],
)
def test_a_wrong_new_thread_is_named_and_not_made(as_alice, body, fields):
    response = as_alice.post(THREADS, body, format="json")
    assert (response.status_code, response.json()) == (400, fields)
    assert not Conversation.objects.exists()


def test_staff_start_threads_elsewhere(as_tim):
    response = as_tim.post(THREADS, {"subject": "Hi"}, format="json")
    assert (response.status_code, response.json()) == (
        403,
        {"error": "This endpoint is only accessible to customers."},
    )
    assert not Conversation.objects.exists()


def test_one_thread(as_alice, as_tim, conversation, url):
    assert as_alice.get(url).json() == as_tim.get(url).json() == conversation_body(conversation)
    assert as_alice.get(url.rstrip("/")).json() == conversation_body(conversation)


def test_closing_and_reopening(as_alice, conversation, url):
    for status, stored in (("closed", "closed"), ("closed", "closed"), ("open", "open"), ("open", "open")):
        response = as_alice.patch(url, {"status": status}, format="json")
        assert (response.status_code, response.json()) == (200, conversation_body(conversation))
        assert (response.json()["status"], conversation.status) == (status, stored)
    assert as_alice.patch(url, {"status": "lost"}, format="json").json() == {
        "status": ['"lost" is not a valid choice.']
    }
    assert as_alice.patch(url, {}, format="json").json() == conversation_body(conversation)


def test_a_customers_word_opens_a_closed_thread(as_alice, conversation, url):
    as_alice.patch(url, {"status": "closed"}, format="json")
    as_alice.post(f"{url}messages/", {"body": "One more thing"}, format="json")
    assert as_alice.get(url).json()["status"] == "open"


def test_closing_is_for_advisors_and_up(as_tim, sign_in, conversation, url):
    response = as_tim.patch(url, {"status": "closed"}, format="json")
    assert (response.status_code, response.json()) == (403, {"error": "Your role does not allow this."})
    assert conversation_body(conversation)["status"] == "open"
    advisor = sign_in(factories.UserFactory(role="advisor"))
    assert advisor.patch(url, {"status": "closed"}, format="json").json()["status"] == "closed"


def test_messages_oldest_first_without_internal_notes(as_alice, as_tim, tim, conversation, url, now):
    note = say(conversation, tim, "Difficult person", now, is_internal=True)
    answer = say(conversation, tim, "Bring it in", now)
    Message.objects.filter(pk=answer.pk).update(attachments=[{"id": "1", "url": "https://files/1.jpg"}])
    answer.refresh_from_db()
    first = conversation.messages.get(number=1)
    for client in (as_alice, as_tim):
        assert client.get(f"{url}messages/").json() == [message_body(first), message_body(answer)]
    assert note.body not in str(as_alice.get(THREADS).content)
    assert as_alice.get(url).json()["lastMessage"] == message_body(answer)


def test_since_is_exact(as_alice, alice, conversation, url, now):
    stored = [say(conversation, alice.contact, str(n), now) for n in range(3)]

    def since(instant):
        return [row["body"] for row in as_alice.get(f"{url}messages/", {"since": instant}).json()]

    rows = as_alice.get(f"{url}messages/").json()
    assert since(rows[1]["createdAt"]) == ["1", "2"]
    assert since(rows[-1]["createdAt"]) == []
    assert since(written(stored[0].created_at - timedelta(microseconds=1))) == ["0", "1", "2"]
    assert since("") == ["They squeak", "0", "1", "2"]


def test_messages_page(as_alice, alice, conversation, url, now):
    for n in range(4):
        say(conversation, alice.contact, str(n), now)
    response = as_alice.get(f"{url}messages/", {"page": "2", "page_size": "2"})
    assert [row["body"] for row in response.json()] == ["1", "2"]
    assert response["X-Total-Count"] == "5"


def test_sending(as_alice, as_tim, conversation, url):
    for client, sender in ((as_alice, "user"), (as_tim, "support")):
        response = client.post(f"{url}messages/", {"body": " Hello\n", "attachments": []}, format="json")
        stored = Message.objects.latest("number")
        assert (response.status_code, response.json()) == (201, message_body(stored))
        assert (stored.body, response.json()["sender"]) == (" Hello\n", sender)


def test_sending_the_same_client_id_again(as_alice, conversation, url):
    first, again = (
        as_alice.post(f"{url}messages/", {"body": "Hello", "clientId": "x"}, format="json") for _ in range(2)
    )
    assert (first.status_code, again.status_code, again.json()) == (201, 200, first.json())
    assert conversation.messages.count() == 2


def test_sending_once_for_one_key(as_alice, conversation, url):
    headers = {"Idempotency-Key": "only-once"}
    first, again = (
        as_alice.post(f"{url}messages/", {"body": "Hello"}, format="json", headers=headers) for _ in range(2)
    )
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert conversation.messages.count() == 2


@pytest.fixture
def photo(settings, tmp_path):
    """Announce and send a photo as a client; its id and its address."""
    settings.UPLOADS_DIR = tmp_path

    def send(client):
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

    return send


def test_sending_photos(as_alice, alice, as_tim, conversation, url, photo):
    for client in (as_alice, as_tim):
        file_id, shown_at = photo(client)
        response = client.post(f"{url}messages/", {"body": "Look", "attachments": [file_id]}, format="json")
        assert (response.status_code, response.json()["attachments"]) == (201, [shown_at])
        upload = Upload.objects.get(uuid=file_id)
        assert (upload.state, upload.customer_id) == ("attached", alice.pk)


def test_anothers_photo_is_not_attached(as_alice, as_bob, conversation, url, photo):
    file_id, _ = photo(as_bob)
    response = as_alice.post(f"{url}messages/", {"body": "Mine", "attachments": [file_id]}, format="json")
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
        ({"body": "a", "attachments": ["x"]}, 400, {"attachments": {"0": ["Must be a valid UUID."]}}),
        (
            {"body": "a", "attachments": [str(UNKNOWN)]},
            404,
            {"error": "File not found"},
        ),
    ],
)
def test_a_wrong_message_is_named_and_not_stored(as_alice, conversation, url, body, status, answer):
    response = as_alice.post(f"{url}messages/", body, format="json")
    assert (response.status_code, response.json()) == (status, answer)
    assert conversation.messages.count() == 1


def test_a_stranger_gets_the_missing_threads_404(as_alice, as_bob, sign_in, carol, conversation, url):
    before = conversation_body(conversation)
    missing = f"{THREADS}{uuid4()}/"
    for client, address in ((as_bob, url), (sign_in(carol), url), (as_alice, missing)):
        for response in (
            client.get(address),
            client.patch(address, {"status": "closed"}, format="json"),
            client.get(f"{address}messages/"),
            client.post(f"{address}messages/", {"body": "Hi"}, format="json"),
        ):
            assert (response.status_code, response.json()) == (404, NOT_FOUND)
    assert (conversation_body(conversation), conversation.messages.count()) == (before, 1)


@pytest.mark.parametrize("address", [f"{THREADS}1/", f"{THREADS}abc/messages/"])
def test_what_is_no_id_is_no_thread(as_alice, address):
    write = as_alice.post if "messages" in address else as_alice.patch
    for response in (
        as_alice.get(address),
        write(address, {"body": "Hi", "status": "closed"}, format="json"),
    ):
        assert (response.status_code, response.json()) == (404, NOT_FOUND)


def test_without_a_token_is_401(api, conversation, url):
    for response in (
        api.get(THREADS),
        api.post(THREADS, {"subject": "a"}, format="json"),
        api.get(url),
        api.patch(url, {"status": "closed"}, format="json"),
        api.get(f"{url}messages/"),
        api.post(f"{url}messages/", {"body": "a"}, format="json"),
        api.post(TICKET),
    ):
        assert (response.status_code, response.json()) == (401, UNAUTHENTICATED)
    assert (Conversation.objects.count(), conversation.messages.count()) == (1, 1)


@pytest.mark.parametrize(("address", "allow"), [(THREADS, "GET, HEAD, POST"), (TICKET, "POST")])
def test_other_methods_are_405(as_alice, as_tim, address, allow):
    for client in (as_alice, as_tim):
        response = client.delete(address)
        assert (response.status_code, response["Allow"]) == (405, allow)


def test_a_ticket_is_good_once(as_alice, alice):
    response = as_alice.post(TICKET)
    ticket = response.json()["ticket"]
    assert (response.status_code, response.json()) == (201, {"ticket": ticket, "expiresIn": 30})
    assert tokens.redeem(ticket) == alice.contact.sessions.get().uuid
    assert tokens.redeem(ticket) is None
    assert tokens.redeem("never issued") is None


def test_tickets_say_when_their_cache_is_away(as_alice, monkeypatch):
    from redis.exceptions import ConnectionError as Away

    class Broken:
        def __getattr__(self, name):
            raise Away

    monkeypatch.setattr(tokens, "cache", Broken())
    response = as_alice.post(TICKET)
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert response.json() == {"error": "Tickets cannot be issued right now. Try again in a few seconds."}
