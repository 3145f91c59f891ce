"""Many writes in one request: outcomes of their own, each once under one key."""

from __future__ import annotations

from threading import BoundedSemaphore

import pytest
from django.db import OperationalError
from zeal import zeal_ignore

from catalogue.models import Part
from common.domain.models import IdempotencyKey
from common.http.idempotency import StillAnswering
from customers.api.shop_staff import StaffCustomers
from customers.models import Customer
from integrations.api import shop_staff_batch
from integrations.api.shop_staff_batch import MOST
from testing import factories
from testing.clients import signed_in
from testing.resources import Rows
from testing.storms import parallel

pytestmark = pytest.mark.django_db
URL = "/api/shop/batch/"
CUSTOMERS = "/api/shop/customers/"
MISSING = {"error": "Not found", "detail": "There is nothing at this address.", "code": "not_found"}


def post(name, **more):
    return {"method": "POST", "path": CUSTOMERS, "body": {"name": name, "phone": "(217) 555-0123", **more}}


def patch(part, **body):
    return {"method": "PATCH", "path": f"/api/shop/parts/{part.pk}/", "body": body}


def outcome(status, body, **more):
    return {"status": status, "body": body, "etag": None, "replayed": False, "retry_after": None, **more}


@pytest.fixture
def client(sign_in):
    return sign_in(factories.UserFactory(role="manager"))


@pytest.fixture
def send(client):
    """Return a function that sends requests as one batch and returns their results."""

    def results(*requests, **headers):
        with zeal_ignore():  # each part is a request of its own
            response = client.post(URL, {"requests": requests}, format="json", headers=headers)
        assert response.status_code == 200, response.content
        return response.json()["results"]

    return results


def test_each_request_has_the_outcome_that_it_has_alone(client, send):
    part = factories.PartFactory()
    created, changed, refused, missing, removed = send(
        post("Ada Lovelace"),
        patch(part, name="Brake pads, rear"),
        post("Bob", colour="red"),
        {"method": "PATCH", "path": "/api/shop/parts/999999/", "body": {"name": "Nothing"}},
        {"method": "DELETE", "path": f"/api/shop/canned-jobs/{factories.CannedJobFactory().pk}/"},
    )
    customer = Customer.objects.get()
    alone = client.get(f"{CUSTOMERS}{customer.pk}/")
    assert created == outcome(201, alone.json(), etag=alone["ETag"])
    assert (changed["status"], changed["body"]["name"]) == (200, "Brake pads, rear")
    alone = client.post(CUSTOMERS, post("Bob", colour="red")["body"], format="json")
    assert refused == outcome(400, alone.json())
    alone = client.patch("/api/shop/parts/999999/", {"name": "Nothing"}, format="json")
    assert missing == outcome(404, alone.json())
    assert removed == outcome(204, None)


def test_refused_request_stops_no_other_and_changes_nothing(send):
    results = send(post("Ada"), post(""), post("Grace"))
    assert [result["status"] for result in results] == [201, 400, 201]
    assert [result["body"]["name"] for result in (results[0], results[2])] == ["Ada", "Grace"]
    assert Customer.objects.count() == 2


def test_requests_have_their_effects_in_order(send):
    part = factories.PartFactory()
    results = send(patch(part, name="First"), patch(part, name="Second"))
    assert [result["body"]["name"] for result in results] == ["First", "Second"]
    part.refresh_from_db()
    assert part.name == "Second"


def test_request_may_name_the_etag_of_its_row(client, send):
    part = factories.PartFactory(name="Pads")
    seen = client.get(f"/api/shop/parts/{part.pk}/")["ETag"]
    first, second = send(
        {**patch(part, name="Rear pads"), "if_match": seen},
        {**patch(part, name="Front pads"), "if_match": seen},
    )
    assert (first["status"], second["status"]) == (200, 412)
    assert (second["body"]["changed"], second["body"]["row"]["name"]) == (["name"], "Rear pads")


@pytest.mark.parametrize(
    "path",
    [
        "/api/shop/nothing/",
        "/api/shop/batch/",
        "/api/shop/repair-orders/customers/me/repair-orders/",
    ],
)
def test_only_operations_of_the_staff_are_requests(send, path):
    assert send({"method": "POST", "path": path, "body": {}}) == [outcome(404, MISSING)]


def test_method_that_the_address_lacks_is_405(send):
    [result] = send({"method": "DELETE", "path": CUSTOMERS})
    assert (result["status"], result["body"]["code"]) == (405, "method_not_allowed")


@pytest.mark.parametrize(
    ("wrong", "name", "message"),
    [
        ({"method": "GET", "path": CUSTOMERS}, "requests[0].method", '"GET" is not a valid choice.'),
        (
            {"method": "POST", "path": "/api/vehicles/"},
            "requests[0].path",
            "A path that begins with /api/shop/, without a query.",
        ),
        (
            {"method": "POST", "path": f"{CUSTOMERS}?page=1"},
            "requests[0].path",
            "A path that begins with /api/shop/, without a query.",
        ),
    ],
)
def test_wrong_request_is_named_and_nothing_is_written(client, wrong, name, message):
    response = client.post(URL, {"requests": [wrong, post("Ada")]}, format="json")
    assert response.status_code == 400
    assert message in response.json()["fields"][name][0]
    assert not Customer.objects.exists()


@pytest.mark.parametrize("number", [0, MOST + 1])
def test_a_batch_has_one_to_a_hundred_requests(client, number):
    response = client.post(URL, {"requests": [post("Ada")] * number}, format="json")
    assert (response.status_code, list(response.json()["fields"])) == (400, ["requests"])
    assert not Customer.objects.exists()


def test_each_request_needs_its_own_permission(sign_in):
    client = sign_in(factories.UserFactory(role="technician"))
    response = client.post(URL, {"requests": [post("Ada")]}, format="json")
    assert [result["body"]["code"] for result in response.json()["results"]] == ["role_may_not"]
    assert not Customer.objects.exists()


def test_repeated_batch_has_its_effects_once_and_tries_the_refused_again(send):
    other = factories.PartFactory(part_number="PADS-1")
    part = factories.PartFactory()
    requests = (post("Ada"), patch(part, part_number="PADS-1"))
    first = send(*requests, **{"Idempotency-Key": "import-7"})
    Part.objects.filter(pk=other.pk).update(part_number="PADS-2")
    second = send(*requests, **{"Idempotency-Key": "import-7"})
    assert [result["status"] for result in first] == [201, 400]
    assert [result["status"] for result in second] == [201, 200]
    assert second[0]["body"] == first[0]["body"]
    assert Customer.objects.count() == 1


def test_repeated_batch_undoes_no_later_change(client, send):
    part = factories.PartFactory(name="Pads")
    first = send(patch(part, name="Rear pads"), **{"Idempotency-Key": "names"})
    client.patch(f"/api/shop/parts/{part.pk}/", {"name": "Front pads"}, format="json")
    repeated = [outcome(200, first[0]["body"], replayed=True)]
    assert send(patch(part, name="Rear pads"), **{"Idempotency-Key": "names"}) == repeated
    part.refresh_from_db()
    assert part.name == "Front pads"


def test_repeated_change_with_an_etag_is_answered_again(client, send):
    part = factories.PartFactory(name="Pads")
    change = {**patch(part, name="Rear pads"), "if_match": client.get(f"/api/shop/parts/{part.pk}/")["ETag"]}
    first = send(change, **{"Idempotency-Key": "names"})
    assert [result["status"] for result in first] == [200]
    assert first[0]["etag"] == client.get(f"/api/shop/parts/{part.pk}/")["ETag"]
    repeated = [outcome(200, first[0]["body"], replayed=True)]
    assert send(change, **{"Idempotency-Key": "names"}) == repeated


def test_repeated_removal_is_answered_again(send):
    removal = {"method": "DELETE", "path": f"/api/shop/canned-jobs/{factories.CannedJobFactory().pk}/"}
    for is_repeated in (False, True):
        assert send(removal, **{"Idempotency-Key": "removals"}) == [outcome(204, None, replayed=is_repeated)]


@pytest.mark.parametrize("noun", ["customers", "appointments", "repair-orders", "parts", "vehicles"])
def test_etag_of_each_row_fits(client, send, noun):
    path = Rows().address(f"/api/shop/{noun}/{{id}}/")
    seen = client.get(path)["ETag"]
    [result] = send({"method": "PATCH", "path": path, "body": {}, "if_match": seen})
    assert result["status"] == 200


def test_key_of_another_batch_is_refused(client, send):
    send(post("Ada"), **{"Idempotency-Key": "import-7"})
    response = client.post(
        URL, {"requests": [post("Grace")]}, format="json", headers={"Idempotency-Key": "import-7"}
    )
    assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused")
    assert Customer.objects.count() == 1


def test_failure_of_one_request_is_its_500_and_is_logged(send, monkeypatch, caplog):
    def fail(*_):
        raise RuntimeError("a bug")

    monkeypatch.setattr(StaffCustomers, "create", fail)
    part = factories.PartFactory()
    failed, changed = send(post("Ada"), patch(part, name="Pads"))
    assert (failed["status"], failed["body"]["code"], changed["status"]) == (500, "server_error", 200)
    assert "a bug" in caplog.text


def test_batch_that_is_wrong_leaves_no_key(client):
    key = {"Idempotency-Key": "import-7"}
    wrong = client.post(URL, {"requests": [post("Ada"), {"method": "GET"}]}, format="json", headers=key)
    right = client.post(URL, {"requests": [post("Ada")]}, format="json", headers=key)
    assert (wrong.status_code, right.status_code) == (400, 200)


def test_body_that_is_nested_too_deep_is_400_alone(send):
    nested = []
    for _ in range(300):
        nested = [nested]
    refused, created = send(post("Ada", city=nested), post("Grace"))
    assert (refused["status"], refused["body"]["code"], created["status"]) == (400, "bad_request", 201)


def test_rest_of_a_batch_that_takes_too_long_is_503(send, monkeypatch):
    monkeypatch.setattr(shop_staff_batch, "SECONDS", -1)
    results = send(post("Ada"), post("Grace"))
    assert [(result["status"], result["retry_after"]) for result in results] == [(503, 5), (503, 5)]
    assert not Customer.objects.exists()


def test_parts_do_not_overtake_those_of_the_same_batch(send, monkeypatch):
    def wait(*_):
        raise StillAnswering

    monkeypatch.setattr(StaffCustomers, "create", wait)
    part = factories.PartFactory(name="Pads")
    results = send(patch(part, name="Rear"), post("Ada"), patch(part, name="Front"))
    assert [result["status"] for result in results] == [200, 409, 409]
    assert {result["body"]["code"] for result in results[1:]} == {"idempotency_in_progress"}
    part.refresh_from_db()
    assert part.name == "Rear"


def test_more_batches_at_once_than_threads_can_take_are_503(client, monkeypatch):
    monkeypatch.setattr(shop_staff_batch, "_slots", BoundedSemaphore(1))
    monkeypatch.setattr(shop_staff_batch, "_PATIENCE_SECONDS", 0.01)
    with shop_staff_batch._slots:
        response = client.post(URL, {"requests": [post("Ada")]}, format="json")
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert client.post(URL, {"requests": [post("Ada")]}, format="json").status_code == 200


def test_each_part_counts_as_a_request(client, settings):
    settings.RATE_USER = 3
    with zeal_ignore():
        response = client.post(URL, {"requests": [post(f"Ada {n}") for n in range(4)]}, format="json")
    assert [result["status"] for result in response.json()["results"]] == [201, 201, 429, 429]
    assert response.json()["results"][3]["retry_after"] > 0
    assert response["RateLimit-Remaining"] == "0"


def test_failure_of_the_database_is_the_503_of_one_request(send, monkeypatch):
    def fail(*_):
        raise OperationalError("deadlock detected")

    monkeypatch.setattr(StaffCustomers, "create", fail)
    [failed] = send(post("Ada"))
    assert (failed["status"], failed["body"]["code"]) == (503, "unavailable")


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_same_batch_at_once_has_its_effects_once(monkeypatch):
    monkeypatch.setattr(
        shop_staff_batch, "_slots", BoundedSemaphore(20)
    )  # else some are 503 on a slow machine
    client = signed_in(factories.UserFactory(role="manager"))
    body = {"requests": [post("Ada"), post("Grace")]}
    answers = parallel(
        20, lambda _: client.post(URL, body, format="json", headers={"Idempotency-Key": "import-7"}).json()
    )
    results = [answer["results"] for answer in answers]
    assert {tuple(result["status"] for result in some) for some in results} == {(201, 201)}
    assert [[result["body"] for result in some] for some in results] == [
        [result["body"] for result in results[0]]
    ] * 20
    for part in zip(*results, strict=True):  # one of the twenty had the effect
        assert sorted(result["replayed"] for result in part) == [False, *[True] * 19]
        assert [result["etag"] is None for result in part] == [result["replayed"] for result in part]
    assert Customer.objects.count() == 2
    assert IdempotencyKey.objects.count() == 3
