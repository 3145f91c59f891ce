"""Contract 003's threads."""

from datetime import timedelta
from uuid import uuid4

import pytest

from chat import actions
from chat.models import Conversation
from chat.tests.member import NOT_FOUND, THREADS, TICKET, post, thread_body
from customers.callers import caller_of_user
from customers.models import Customer
from testing import factories
from testing.suites import count_queries

pytestmark = pytest.mark.django_db

UNAUTHENTICATED = {"error": "Authentication credentials were not provided."}


def test_threads_are_listed_by_last_update(as_alice, alice, bob, tim, conversation, now):
    assert as_alice.get(THREADS).json() == [thread_body(conversation)]
    silent = actions.start_conversation(
        by=caller_of_user(alice.contact), subject="Tyres", message="", now=now
    )
    factories.ConversationFactory(customer=bob)
    assert as_alice.get(THREADS).json() == [thread_body(silent), thread_body(conversation)]
    assert as_alice.get(THREADS).json()[0]["lastMessage"] is None
    post(conversation, tim, "Bring it in", now + timedelta(seconds=1))
    assert as_alice.get(THREADS).json() == [thread_body(conversation), thread_body(silent)]


def test_staff_list_all_threads(as_tim, conversation, bob):
    factories.ConversationFactory(customer=bob)
    assert len(as_tim.get(THREADS).json()) == 2


def test_login_without_a_record_has_no_threads(sign_in, carol, conversation):
    assert sign_in(carol).get(THREADS).json() == []


@pytest.mark.parametrize(
    ("word", "subjects"), [("open", ["A", "B"]), ("CLOSED", ["C", "D"]), ("", ["A", "B", "C", "D"])]
)
def test_filter_by_status(as_alice, alice, word, subjects):
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
def test_invalid_parameter_is_named(as_alice, thread_url, address, params, field):
    response = as_alice.get(address if address == THREADS else thread_url + address, params)
    assert response.status_code == 400
    assert list(response.json()) == [field]


def test_number_of_queries_does_not_grow(as_alice, alice, tim, conversation, thread_url, now):
    def counts():
        return [
            count_queries(lambda u=u: as_alice.get(u))
            for u in (THREADS, thread_url, f"{thread_url}messages/")
        ]

    counts()
    one = counts()
    for n in range(29):
        other = actions.start_conversation(
            by=caller_of_user(alice.contact), subject=str(n), message="Hi", now=now
        )
        post(conversation, tim, str(n), now)
        assert other
    assert counts() == one == [2, 2, 2]
    assert (len(as_alice.get(THREADS).json()), len(as_alice.get(f"{thread_url}messages/").json())) == (30, 30)


def test_start_a_thread(as_alice, alice):
    response = as_alice.post(THREADS, {"subject": "Brakes", "initialMessage": "They squeak"}, format="json")
    conversation = Conversation.objects.get()
    assert (response.status_code, response.json()) == (201, thread_body(conversation))
    assert (conversation.customer, conversation.last_message.body) == (alice, "They squeak")
    silent = as_alice.post(THREADS, {"subject": "Later"}, format="json")
    assert (silent.status_code, silent.json()["lastMessage"]) == (201, None)


def test_first_thread_creates_the_customer_record(sign_in, carol):
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
def test_invalid_thread_is_400_and_creates_nothing(as_alice, body, fields):
    response = as_alice.post(THREADS, body, format="json")
    assert (response.status_code, response.json()) == (400, fields)
    assert not Conversation.objects.exists()


def test_staff_cannot_start_a_thread(as_tim):
    response = as_tim.post(THREADS, {"subject": "Hi"}, format="json")
    assert (response.status_code, response.json()) == (
        403,
        {"error": "This endpoint is only accessible to customers."},
    )
    assert not Conversation.objects.exists()


def test_retrieve_a_thread(as_alice, as_tim, conversation, thread_url):
    assert as_alice.get(thread_url).json() == as_tim.get(thread_url).json() == thread_body(conversation)
    assert as_alice.get(thread_url.rstrip("/")).json() == thread_body(conversation)


def test_close_and_reopen_a_thread(as_alice, conversation, thread_url):
    for status, stored in (("closed", "closed"), ("closed", "closed"), ("open", "open"), ("open", "open")):
        response = as_alice.patch(thread_url, {"status": status}, format="json")
        assert (response.status_code, response.json()) == (200, thread_body(conversation))
        assert (response.json()["status"], conversation.status) == (status, stored)
    assert as_alice.patch(thread_url, {"status": "lost"}, format="json").json() == {
        "status": ['"lost" is not a valid choice. Choose one of: open, closed.']
    }
    assert as_alice.patch(thread_url, {}, format="json").json() == thread_body(conversation)


def test_customers_message_reopens_a_closed_thread(as_alice, conversation, thread_url):
    as_alice.patch(thread_url, {"status": "closed"}, format="json")
    as_alice.post(f"{thread_url}messages/", {"body": "One more thing"}, format="json")
    assert as_alice.get(thread_url).json()["status"] == "open"


def test_technicians_cannot_close_a_thread(as_tim, sign_in, conversation, thread_url):
    response = as_tim.patch(thread_url, {"status": "closed"}, format="json")
    assert (response.status_code, response.json()) == (403, {"error": "Your role does not allow this."})
    assert thread_body(conversation)["status"] == "open"
    advisor = sign_in(factories.UserFactory(role="advisor"))
    assert advisor.patch(thread_url, {"status": "closed"}, format="json").json()["status"] == "closed"


def test_thread_of_another_customer_is_404_like_a_missing_one(
    as_alice, as_bob, sign_in, carol, conversation, thread_url
):
    before = thread_body(conversation)
    missing = f"{THREADS}{uuid4()}/"
    for client, address in ((as_bob, thread_url), (sign_in(carol), thread_url), (as_alice, missing)):
        for response in (
            client.get(address),
            client.patch(address, {"status": "closed"}, format="json"),
            client.get(f"{address}messages/"),
            client.post(f"{address}messages/", {"body": "Hi"}, format="json"),
        ):
            assert (response.status_code, response.json()) == (404, NOT_FOUND)
    assert (thread_body(conversation), conversation.messages.count()) == (before, 1)


@pytest.mark.parametrize("address", [f"{THREADS}1/", f"{THREADS}abc/messages/"])
def test_malformed_id_is_404(as_alice, address):
    write = as_alice.post if "messages" in address else as_alice.patch
    for response in (
        as_alice.get(address),
        write(address, {"body": "Hi", "status": "closed"}, format="json"),
    ):
        assert (response.status_code, response.json()) == (404, NOT_FOUND)


def test_without_a_token_is_401(api, conversation, thread_url):
    for response in (
        api.get(THREADS),
        api.post(THREADS, {"subject": "a"}, format="json"),
        api.get(thread_url),
        api.patch(thread_url, {"status": "closed"}, format="json"),
        api.get(f"{thread_url}messages/"),
        api.post(f"{thread_url}messages/", {"body": "a"}, format="json"),
        api.post(TICKET),
    ):
        assert (response.status_code, response.json()) == (401, UNAUTHENTICATED)
    assert (Conversation.objects.count(), conversation.messages.count()) == (1, 1)


@pytest.mark.parametrize(("address", "allow"), [(THREADS, "GET, HEAD, POST"), (TICKET, "POST")])
def test_other_methods_are_405(as_alice, as_tim, address, allow):
    for client in (as_alice, as_tim):
        response = client.delete(address)
        assert (response.status_code, response["Allow"]) == (405, allow)
