from __future__ import annotations

from datetime import date

import pytest
from django.http import QueryDict
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from rest_framework import serializers

from common.http.fields import ChoiceList, Day
from common.http.query import ListQuery
from common.reads.serializers import AskedAt


class Visits(ListQuery):
    status = ChoiceList(["pending", "in_progress", "completed"])
    dateFrom = Day(source="date_from", required=False)  # noqa: N815
    dateTo = Day(source="date_to", required=False)  # noqa: N815

    def validate(self, attrs):
        self.validate_range(attrs, "dateFrom", "dateTo")
        return attrs


def read(text):
    return Visits.read(QueryDict(text))


class Running(ListQuery):
    now = AskedAt()


def test_time_of_the_request_cannot_be_sent(now):
    for text in ("", "page=1"):
        assert now <= Running.read(QueryDict(text))["now"] <= timezone.now()
    with pytest.raises(serializers.ValidationError) as refused:
        Running.read(QueryDict("now=2020-01-01T00:00:00Z"))
    assert refused.value.detail == {"now": ["Unknown parameter."]}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", {}),
        ("status=&dateFrom=&page=&page_size=", {}),
        ("status=%20&page=%20", {}),
        ("status=pending", {"status": ["pending"]}),
        ("status=PENDING,In-Progress", {"status": ["pending", "in_progress"]}),
        ("status=%20Completed%20,,pending,", {"status": ["completed", "pending"]}),
        ("status=pending,pending,PENDING", {"status": ["pending"]}),
        ("status=completed&status=pending", {"status": ["completed", "pending"]}),
        ("dateFrom=2025-01-31", {"date_from": date(2025, 1, 31)}),
        (
            "dateFrom=2025-01-31&dateTo=2025-01-31",
            {"date_from": date(2025, 1, 31), "date_to": date(2025, 1, 31)},
        ),
        ("page=1", {"page": 1}),
        ("page=2147483648&page_size=200", {"page": 2**31, "page_size": 200}),
    ],
)
def test_read(text, values):
    assert read(text) == values


UNKNOWN, TWICE = ["Unknown parameter."], ["Given more than once."]
DATE = ["Date has wrong format. Use one of these formats instead: YYYY-MM-DD."]
INTEGER = ["A valid integer is required."]
NAME_ONE = ["Name at least one of pending, in_progress, completed."]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("stauts=pending", {"stauts": UNKNOWN}),
        ("=1", {"": UNKNOWN}),
        ("Status=pending", {"Status": UNKNOWN}),
        ("date_from=2025-01-01", {"date_from": UNKNOWN}),
        ("status=lost", {"status": ['"lost" is not one of pending, in_progress, completed.']}),
        ("status=pending,lost", {"status": ['"lost" is not one of pending, in_progress, completed.']}),
        ("status=pen%00ding", {"status": ['"pen\0ding" is not one of pending, in_progress, completed.']}),
        ("status=,", {"status": NAME_ONE}),
        ("status=%20,%20", {"status": NAME_ONE}),
        ("page=1&page=2", {"page": TWICE}),
        ("page=1&page=1", {"page": TWICE}),
        ("dateFrom=2025-01-01&dateFrom=", {"dateFrom": TWICE}),
        ("dateFrom=31.01.2025", {"dateFrom": DATE}),
        ("dateFrom=2025-02-30", {"dateFrom": DATE}),
        ("dateFrom=20250131", {"dateFrom": DATE}),
        ("dateFrom=2025-W05-5", {"dateFrom": DATE}),
        ("dateFrom=2025-1-31", {"dateFrom": DATE}),
        ("dateFrom=%EF%BC%92025-01-31", {"dateFrom": DATE}),  # a full-width 2
        ("dateFrom=2025-01-31T00:00:00Z", {"dateFrom": DATE}),
        ("dateFrom=2025-02-01&dateTo=2025-01-31", {"dateFrom": ["Must not be after dateTo."]}),
        ("page=0", {"page": ["Ensure this value is greater than or equal to 1."]}),
        ("page=-1", {"page": ["Ensure this value is greater than or equal to 1."]}),
        ("page=x", {"page": INTEGER}),
        ("page=1.5", {"page": INTEGER}),
        ("page=1e3", {"page": INTEGER}),
        ("page_size=1_0", {"page_size": INTEGER}),
        ("page=%2B1", {"page": INTEGER}),
        ("page=1.0", {"page": INTEGER}),
        ("page=%D9%A1", {"page": INTEGER}),  # an Arabic one
        ("page=2147483649", {"page": ["Ensure this value is less than or equal to 2147483648."]}),
        ("page=" + "9" * 23, {"page": ["Ensure this value is less than or equal to 2147483648."]}),
        ("page=" + "9" * 5000, {"page": ["String value too large."]}),
        ("page_size=201", {"page_size": ["Ensure this value is less than or equal to 200."]}),
        ("page_size=0", {"page_size": ["Ensure this value is greater than or equal to 1."]}),
        (
            "nope=1&page=x&status=lost&dateTo=x",
            {
                "nope": UNKNOWN,
                "page": INTEGER,
                "status": ['"lost" is not one of pending, in_progress, completed.'],
                "dateTo": DATE,
            },
        ),
    ],
)
def test_read_names_each_wrong_parameter(text, wrong):
    with pytest.raises(serializers.ValidationError) as refusal:
        read(text)
    assert refusal.value.detail == wrong


names = st.sampled_from(["status", "dateFrom", "dateTo", "page", "page_size", "other", ""])


@given(st.lists(st.tuples(names, st.text(max_size=12)), max_size=5))
def test_any_query_is_valid_or_its_error_names_the_parameter(pairs):
    query = QueryDict(mutable=True)
    for name, value in pairs:
        query.appendlist(name, value)
    try:
        values = Visits.read(query)
    except serializers.ValidationError as refusal:
        values, wrong = {}, set(refusal.detail)
    else:
        wrong = set()
    assert wrong <= {name for name, _ in pairs}
    assert set(values) <= {"status", "date_from", "date_to", "page", "page_size"}
    assert values.get("status") != []


def test_fields_are_made_once_and_keep_no_request_data():
    assert ListQuery().fields is ListQuery().fields
    assert Visits().fields is not ListQuery().fields
    with pytest.raises(serializers.ValidationError):
        ListQuery.read(QueryDict("page=x"))
    assert ListQuery.read(QueryDict("page_size=5")) == {"page_size": 5}
    assert ListQuery.read(QueryDict("page=2")) == {"page": 2}
