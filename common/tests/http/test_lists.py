from __future__ import annotations

import pytest
from rest_framework import serializers

from catalogue.models import Part
from common.http.contracts.member import MemberList
from common.http.contracts.shop import ShopCustomerList
from common.http.lists import Page
from common.http.permissions import SignedIn
from common.http.routing import route
from testing.factories import PartFactory

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


class Row(serializers.Serializer):
    name = serializers.CharField()


class PartsMixin:
    serializer_class = Row

    @staticmethod
    def rows(caller, filters):
        return Part.objects.filter(**filters).order_by("id")


class Bare(PartsMixin, MemberList):
    permission_classes = [SignedIn]


class Wrapped(PartsMixin, ShopCustomerList):
    pass


urlpatterns = [route("api/parts/", Bare.as_view()), route("api/shop/parts/", Wrapped.as_view())]

HERE = "http://testserver"


@pytest.fixture
def _five(db):
    for number in range(1, 6):
        PartFactory(name=f"Part {number}")


def names(*numbers):
    return [{"name": f"Part {number}"} for number in numbers]


@pytest.mark.usefixtures("_five")
class TestBare:
    def test_list_is_whole_by_default(self, as_alice):
        response = as_alice.get("/api/parts/")
        assert (response.status_code, response.json()) == (200, names(1, 2, 3, 4, 5))
        assert "Link" not in response
        assert "X-Total-Count" not in response

    @pytest.mark.parametrize(
        ("query", "numbers", "links"),
        [
            ("page_size=2", (1, 2), {"first": 1, "next": 2, "last": 3}),
            ("page_size=2&page=1", (1, 2), {"first": 1, "next": 2, "last": 3}),
            ("page_size=2&page=2", (3, 4), {"first": 1, "prev": 1, "next": 3, "last": 3}),
            ("page_size=2&page=3", (5,), {"first": 1, "prev": 2, "last": 3}),
            ("page_size=5", (1, 2, 3, 4, 5), {"first": 1, "last": 1}),
            ("page=1", (1, 2, 3, 4, 5), {"first": 1, "last": 1}),
        ],
    )
    def test_each_parameter_alone_pages(self, as_alice, query, numbers, links):
        response = as_alice.get(f"/api/parts/?{query}")
        assert response.json() == names(*numbers)
        assert response["X-Total-Count"] == "5"
        written = dict(reversed(part.split("; ")) for part in response["Link"].split(", "))
        size = "&page_size=2" if "page_size=2" in query else "&page_size=5" if "page_size" in query else ""
        expected = {
            f'rel="{name}"': {f"page={page}", *size.strip("&").split()} for name, page in links.items()
        }
        assert {
            rel: set(url.strip("<>").removeprefix(f"{HERE}/api/parts/?").split("&"))
            for rel, url in written.items()
        } == expected
        assert list(written) == list(expected)

    def test_page_after_the_last_is_400(self, as_alice):
        response = as_alice.get("/api/parts/?page=4&page_size=2")
        assert (response.status_code, response.json()) == (400, {"page": ["The last page is 3."]})

    def test_unknown_filter_is_400(self, as_alice):
        response = as_alice.get("/api/parts/?colour=red")
        assert (response.status_code, response.json()) == (400, {"colour": ["Unknown parameter."]})


def test_empty_list_has_one_page(as_alice):
    response = as_alice.get("/api/parts/?page=1")
    assert (response.status_code, response.json(), response["X-Total-Count"]) == (200, [], "0")
    assert as_alice.get("/api/parts/?page=2").json() == {"page": ["The last page is 1."]}


@pytest.mark.usefixtures("_five")
class TestWrapped:
    def body(self, alice, rows, count=5, **more):
        return {
            "results": rows,
            "count": count,
            "customer_id": alice.pk,
            "customer_name": "Alice Cooper",
        } | more

    def test_list_is_whole_by_default(self, alice, as_alice):
        response = as_alice.get("/api/shop/parts/")
        assert response.json() == self.body(alice, names(1, 2, 3, 4, 5))

    def test_page_has_links_and_the_total(self, alice, as_alice):
        page = f"{HERE}/api/shop/parts?page=%d&page_size=2"
        response = as_alice.get("/api/shop/parts?page=2&page_size=2")
        assert response.json() == self.body(alice, names(3, 4), next=page % 3, previous=page % 1)
        assert "Link" not in response
        first = as_alice.get("/api/shop/parts?page=1&page_size=2").json()
        last = as_alice.get("/api/shop/parts?page=3&page_size=2").json()
        assert (first["previous"], first["next"]) == (None, page % 2)
        assert (last["previous"], last["next"]) == (page % 2, None)

    def test_page_after_the_last_is_400_and_names_the_last(self, as_alice):
        response = as_alice.get("/api/shop/parts/?page=9")
        assert response.status_code == 400
        assert response.json() == {
            "error": "Invalid input",
            "detail": "page: The last page is 1.",
            "fields": {"page": ["The last page is 1."]},
        }


@pytest.mark.parametrize(
    ("total", "size", "last"), [(0, 50, 1), (1, 50, 1), (50, 50, 1), (51, 50, 2), (7, 1, 7)]
)
def test_page_last(total, size, last):
    assert Page(1, size, total, "").last == last
