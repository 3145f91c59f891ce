"""The staff's API: what every resource has."""

from __future__ import annotations

import pytest

from catalogue.models import Part
from common.http.positions import WRONG_CURSOR
from testing.factories import CannedJobFactory, CustomerFactory, DeliveryFactory, PartFactory
from testing.storms import parallel
from testing.suites import invalid, refused, stored

PARTS = "/api/shop/parts/"
KEY = {"Idempotency-Key": "once"}


@pytest.mark.django_db
class TestPositions:
    def test_cursor_of_another_list_or_order_is_400(self, as_ada):
        for _ in range(2):
            PartFactory()
            CustomerFactory()
        parts = as_ada.get(PARTS, {"after": "", "page_size": "1"}).json()["next"]
        cursor = parts.partition("after=")[2].partition("&")[0]
        for url in (
            f"/api/shop/customers/?after={cursor}",
            f"{PARTS}?after={cursor}&ordering=-name",
            f"{PARTS}?after={cursor[:-1]}",
        ):
            response = as_ada.get(url)
            assert (response.status_code, response.json()) == (400, invalid("after", WRONG_CURSOR)), url
        assert as_ada.get(f"{PARTS}?after={cursor}").status_code == 200

    def test_page_by_position_counts_nothing(self, as_ada, django_assert_num_queries):
        for _ in range(3):
            PartFactory()
        url = as_ada.get(PARTS, {"after": "", "page_size": "1"}).json()["next"]
        as_ada.get(url)
        with django_assert_num_queries(2):  # the caller, and the rows
            as_ada.get(url)


@pytest.mark.django_db
class TestKeys:
    """Idempotency keys of changes and removals."""

    def test_repeated_change_is_answered_again_and_undoes_nothing(self, as_ada):
        part = PartFactory(name="Pads")
        first = as_ada.patch(f"{PARTS}{part.pk}/", {"name": "Rear"}, format="json", headers=KEY)
        as_ada.patch(f"{PARTS}{part.pk}/", {"name": "Front"}, format="json")
        second = as_ada.patch(f"{PARTS}{part.pk}/", {"name": "Rear"}, format="json", headers=KEY)
        assert (second.status_code, second.content) == (200, first.content)
        assert second["Idempotent-Replayed"] == "true"
        part.refresh_from_db()
        assert part.name == "Front"

    def test_repeated_removal_is_answered_again(self, as_ada):
        url = f"/api/shop/canned-jobs/{CannedJobFactory().pk}/"
        assert [as_ada.delete(url, headers=KEY).status_code for _ in range(2)] == [204, 204]
        assert as_ada.delete(url).status_code == 404

    def test_key_of_another_change_is_422(self, as_ada):
        url = f"{PARTS}{PartFactory(name='Pads').pk}/"
        as_ada.patch(url, {"name": "Rear"}, format="json", headers=KEY)
        response = as_ada.patch(url, {"name": "Front"}, format="json", headers=KEY)
        assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused")

    def test_refused_change_leaves_no_key(self, as_ada):
        url = f"{PARTS}{PartFactory().pk}/"
        assert as_ada.patch(url, {"name": ""}, format="json", headers=KEY).status_code == 400
        assert as_ada.patch(url, {"name": "Rear"}, format="json", headers=KEY).status_code == 200


@pytest.mark.django_db
class TestExports:
    @pytest.mark.parametrize("kind", ["ndjson", "csv"])
    def test_export_reads_page_by_page(self, as_ada, monkeypatch, django_assert_num_queries, kind):
        monkeypatch.setattr("common.http.positions.PAGE_ROWS", 2)
        made = [PartFactory(name=f"Part {number}").pk for number in range(5)]
        asked = {"format": kind, "fields": "name,id", "ordering": "-name"}
        as_ada.get(PARTS, asked).getvalue()
        with django_assert_num_queries(1 + 1 + 3):  # the caller, the total, and three pages
            response = as_ada.get(PARTS, asked)
            text = response.getvalue().decode("utf-8-sig")
        assert response["X-Total-Count"] == "5"
        assert [line for line in text.splitlines() if "Part" in line] == [
            f'{{"id":{pk},"name":"Part {number}"}}' if kind == "ndjson" else f"{pk},Part {number}"
            for number, pk in reversed(list(enumerate(made)))
        ]

    def test_file_of_a_parent_that_does_not_exist_is_404(self, as_ada):
        response = as_ada.get(f"{PARTS}999999/moves/", {"format": "csv"})
        assert (response.status_code, response.json()["code"]) == (404, "not_found")


@pytest.mark.django_db
class TestMatches:
    def test_write_with_the_present_etag_is_made(self, as_ada):
        part = PartFactory()
        url = f"{PARTS}{part.pk}/"
        tag = as_ada.get(url)["ETag"]
        response = as_ada.post(f"{url}receive/", {"pieces": 2}, format="json", headers={"If-Match": tag})
        assert (response.status_code, response.json()["stock"]) == (200, part.stock + 2)
        late = as_ada.delete(url, headers={"If-Match": tag})
        assert (late.status_code, late.json()["changed"]) == (412, ["is_stocked", "stock", "available"])
        again = as_ada.patch(url, {"name": "x"}, format="json", headers={"If-Match": late.json()["etag"]})
        assert (again.status_code, again.json()["name"]) == (200, "x")

    def test_malformed_match_is_400(self, as_ada):
        part = PartFactory()
        before = stored(part)
        response = as_ada.patch(f"{PARTS}{part.pk}/", {"name": "x"}, format="json", headers={"If-Match": "3"})
        body = {
            "error": "Invalid input",
            "detail": "If-Match must be the ETag of the row, with its quotes.",
            "fields": {},
            "code": "wrong_match",
        }
        refused(response, 400, body, part, before=[before])

    def test_missing_row_is_404_before_its_etag_is_compared(self, as_ada):
        response = as_ada.patch(f"{PARTS}999999/", {}, format="json", headers={"If-Match": "*"})
        assert (response.status_code, response.json()["code"]) == (404, "not_found")


@pytest.mark.storm
@pytest.mark.django_db(transaction=True)
def test_of_parallel_writes_of_the_same_state_one_is_made(sign_in, ada):
    part = PartFactory(stock=0)
    url = f"{PARTS}{part.pk}/"
    clients = [sign_in(ada) for _ in range(4)]
    tag = clients[0].get(url)["ETag"]

    def receive(number):
        body = {"pieces": number + 1}
        return clients[number].post(f"{url}receive/", body, format="json", headers={"If-Match": tag})

    answers = parallel(4, receive)
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
    [made] = [answer.json()["stock"] for answer in answers if answer.status_code == 200]
    assert Part.objects.get(pk=part.pk).stock == made


@pytest.mark.django_db
class TestRates:
    def test_every_answer_tells_what_is_left(self, as_ada, settings):
        settings.RATE_USER = 3
        answers = [as_ada.get(PARTS), as_ada.get(f"{PARTS}999999/"), as_ada.put(PARTS), as_ada.get(PARTS)]
        told = [
            (answer.status_code, answer["RateLimit-Limit"], answer["RateLimit-Remaining"])
            for answer in answers
        ]
        assert told == [(200, "3", "2"), (404, "3", "1"), (405, "3", "0"), (429, "3", "0")]
        assert all(1 <= int(answer["RateLimit-Reset"]) <= 60 for answer in answers)
        assert answers[-1]["Retry-After"] == answers[-1]["RateLimit-Reset"]

    def test_contracts_tell_nothing(self, as_alice):
        assert "RateLimit-Limit" not in as_alice.get("/api/shop/vehicles/customers/me/vehicles/")

    def test_request_without_a_caller_has_no_rate(self, api):
        assert "RateLimit-Limit" not in api.get(PARTS)


@pytest.mark.django_db
class TestNothingToMatch:
    @pytest.mark.parametrize("below", ["phone-calls", "tax-exemptions"])
    def test_write_to_no_row_with_an_etag_takes_no_if_match(self, as_ada, below):
        customer = CustomerFactory()
        url = f"/api/shop/customers/{customer.pk}/"
        headers = {"If-Match": as_ada.get(url)["ETag"]}
        response = as_ada.post(f"{url}{below}/", {}, format="json", headers=headers)
        assert (response.status_code, response.json()["code"]) == (400, "nothing_to_match")

    def test_replay_of_a_delivery_compares_its_etag(self, as_ada):
        url = f"/api/shop/webhooks/deliveries/{DeliveryFactory().pk}/replay/"
        response = as_ada.post(url, format="json", headers={"If-Match": '"stale"'})
        assert (response.status_code, response.json()["code"]) == (412, "row_changed")
