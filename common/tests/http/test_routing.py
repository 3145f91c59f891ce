from __future__ import annotations

import pytest
from django.http import JsonResponse
from django.urls import path, register_converter

from common.http.routing import IdConverter, PublicIdConverter, prefixed, route

register_converter(prefixed("TST"), "tst")


def show(request, **kwargs):
    return JsonResponse(kwargs)


urlpatterns = [
    route("slashed/", show),
    route("bare", show),
    route("rows/<id:number>/", show),
    route("rows/<id:number>/parts/<id:part>", show),
    route("tests/<tst:number>/", show),
    route("named/<uuid:uuid>/", show),
    route("public/<public_id:uuid>/", show),
    path("plain/", show),
]
pytestmark = pytest.mark.urls(__name__)

UUID = "0192d5b4-0000-7000-8000-000000000001"
FOUND = {
    "/slashed/": {},
    "/slashed": {},
    "/bare": {},
    "/bare/": {},
    "/rows/1/": {"number": 1},
    "/rows/1": {"number": 1},
    "/rows/9223372036854775807": {"number": 2**63 - 1},
    "/rows/5/parts/6": {"number": 5, "part": 6},
    "/rows/5/parts/6/": {"number": 5, "part": 6},
    "/tests/TST12/": {"number": 12},
    "/tests/TST12": {"number": 12},
    f"/named/{UUID}": {"uuid": UUID},
    f"/public/{UUID}": {"uuid": UUID},
    f"/public/{UUID.upper()}/": {"uuid": UUID},
    # An id of no row: the view's 404 names the model.
    "/public/123/": {"uuid": None},
    f"/public/{UUID}0/": {"uuid": None},
    f"/public/{UUID.replace('-', '')}/": {"uuid": None},
    f"/public/%7B{UUID}%7D/": {"uuid": None},
    f"/public/{UUID}%0A/": {"uuid": None},
    "/plain/": {},
}
LOST = [
    "/slashed//",
    "//slashed/",
    "/bare//",
    "/rows//1/",
    "/rows/1//",
    "/rows//",
    "/rows/",
    "/rows/0",
    "/rows/-1",
    "/rows/1.0",
    "/rows/x",
    "/rows/%C2%B2",
    "/rows/%D9%A1",
    "/rows/1%00",
    "/rows/1%0A",
    "/slashed%0A",
    "/rows/9223372036854775808",
    "/rows/" + "9" * 19,
    "/rows/" + "9" * 23,
    "/rows/" + "9" * 5000,
    "/tests/12",
    "/tests/tst12",
    "/tests/TST0",
    "/tests/TST012",
    "/tests/TST",
    "/tests/TST9223372036854775808",
    "/tests/TST" + "9" * 23,
    "/named/123",
    "/public/",
    f"/public/{UUID}//",
    "/public/1/2/",
    "/plain",
]


@pytest.mark.parametrize("address", FOUND)
@pytest.mark.parametrize("method", ["get", "post"])
def test_route_answers_with_and_without_slash(client, address, method):
    response = getattr(client, method)(address)
    assert (response.status_code, response.json()) == (200, FOUND[address])


@pytest.mark.parametrize("address", LOST)
def test_unknown_url_is_404(client, address):
    assert client.get(address).status_code == 404


def test_converters_format_the_ids_they_parse():
    assert IdConverter().to_url(7) == "7"
    assert PublicIdConverter().to_url(PublicIdConverter().to_python(UUID.upper())) == UUID
    converter = prefixed("ORD")()
    assert converter.to_url(7) == "ORD7"
    assert converter.to_python("ORD7") == 7
