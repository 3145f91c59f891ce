"""Bad parameters of the admin's pages are refused with their names."""

from __future__ import annotations

import html

import pytest

from catalogue.models import Part
from testing import factories
from testing.admin import changelist, page


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("name__regex=(", "name__regex: regular expressions are not allowed."),
        ("name__iregex=(a%2B)%2B%24", "name__iregex: regular expressions are not allowed."),
        ("colour=red", "colour"),
        ("taxable__exact=perhaps", "taxable__exact: 'perhaps' is not one of 0, 1."),
        ("stock_from=many", "stock_from: 'many' is not a number."),
        ("id__in=a", "id__in"),
        ("id=99999999999999999999999999x", "id"),
        ("manufacturer__part__name=x", "manufacturer__part__name"),
        ("o=zz", "o: 'zz' is not a list of columns like 1.-2."),
        ("p=x", "p: 'x' is not the number of a page."),
        ("p=" + "9" * 5_000, "p: "),
    ],
    ids=lambda text: text[:30],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_export_refuses_bad_parameters(desk, query, reason, method):
    factories.PartFactory()
    response = desk.generic(method, f"{changelist(Part)}export/?{query}")
    assert response.status_code == 400
    assert reason in html.unescape(response.text)


@pytest.mark.parametrize(
    "query", ["name__contains=100%25", "q=9%250", "q=zz%28", "o=1.-2", "stock_to=1", "p=1"]
)
def test_export_takes_known_parameters_and_escapes_wildcards(desk, query):
    factories.PartFactory(name="1000", part_number="X")  # codes are found without punctuation
    response = desk.post(f"{changelist(Part)}export/?{query}", {"format": "0"})
    assert response.status_code == 200
    assert ("1000" in response.text) == (query in ("o=1.-2", "stock_to=1", "p=1"))


@pytest.mark.parametrize("answers", [{"format": "9"}, {"format": "x"}, {"format": "0", "export_items": "x"}])
def test_export_form_names_its_wrong_field(desk, answers):
    response = desk.post(f"{changelist(Part)}export/", answers)
    assert response.status_code == 200
    assert response.context["form"].errors


@pytest.mark.parametrize("query", ["name__regex=(", "o=zz", "p=x"])
def test_list_refuses_bad_parameters_with_a_message(desk, query):
    response = desk.get(f"{changelist(Part)}?{query}")
    assert (response.status_code, response.headers["Location"]) == (302, f"{changelist(Part)}?e=1")


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("p=x", "p: 'x' is not the number of a page."),
        ("p=0", "p: '0' is not the number of a page."),
        ("p=1&p=2", "p: '1, 2' is not the number of a page."),
        ("name__regex=(", "name__regex: this page has no such parameter, only p."),
    ],
)
def test_history_refuses_bad_parameters(desk, query, reason):
    response = desk.get(f"{page(factories.PartFactory(), 'history')}?{query}")
    assert response.status_code == 400
    assert reason in html.unescape(response.text)


def test_history_takes_the_number_of_a_page(desk):
    assert desk.get(f"{page(factories.PartFactory(), 'history')}?p=1").status_code == 200


@pytest.mark.parametrize("key", ["x", "99999999999999999999", "9" * 5_000, "1.5"])
def test_history_of_a_key_that_no_row_can_have_is_404(desk, key):
    part = factories.PartFactory()
    for url in (f"{key}/history/", f"{key}/history/1/", f"{part.pk}/history/{key}/"):
        assert desk.get(f"{changelist(Part)}{url}").status_code == 404


def test_import_of_an_impossible_number_is_refused(desk):
    assert desk.post(f"{changelist(Part)}process_import/", {"sheet": "9" * 5_000}).status_code == 302
