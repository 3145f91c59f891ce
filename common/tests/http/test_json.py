from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from io import BytesIO
from uuid import UUID

import pytest
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ErrorDetail, ParseError
from rest_framework.permissions import AllowAny
from rest_framework.utils.serializer_helpers import ReturnDict, ReturnList

from common.domain.encoding import dumps
from common.domain.errors import TooLarge
from common.http.bodies import JSONParser, JSONResponse
from common.http.contracts.care import CareView
from common.http.contracts.shop import ShopView
from common.http.routing import route


class EchoMixin:
    permission_classes = [AllowAny]

    def post(self, request):
        return JSONResponse(dict(request.data))


class ShopEcho(EchoMixin, ShopView):
    pass


class CareEcho(EchoMixin, CareView):
    pass


urlpatterns = [route("api/shop/echo/", ShopEcho.as_view()), route("api/v1/customer/echo", CareEcho.as_view())]


class TestDumps:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (datetime(2025, 9, 17, 10, tzinfo=UTC), '"2025-09-17T10:00:00Z"'),
            (datetime(2025, 9, 17, 10, 0, 0, 5, tzinfo=UTC), '"2025-09-17T10:00:00.000005Z"'),
            (datetime(2025, 9, 17, 10, tzinfo=timezone(timedelta(hours=2))), '"2025-09-17T10:00:00+02:00"'),
            (datetime(2025, 9, 17, 10), '"2025-09-17T10:00:00Z"'),  # noqa: DTZ001
            (date(2025, 9, 17), '"2025-09-17"'),
            (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
            (Decimal("1.20"), '"1.20"'),
            ({1: "a"}, '{"1":"a"}'),
            ("ü\u2028</script>", '"ü\u2028</script>"'),
            (ErrorDetail("No.", code="x"), '"No."'),
            (gettext_lazy("Lazy"), '"Lazy"'),
            (ReturnList([1], serializer=None), "[1]"),
            (ReturnDict({"a": 1}, serializer=None), '{"a":1}'),
            ((1, 2), "[1,2]"),
        ],
    )
    def test_dumps(self, value, text):
        assert dumps(value).decode() == text


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_categories=["Cs"]))
)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), scalars | st.lists(scalars)))
def test_written_json_is_parsed(body):
    assert JSONParser().parse(BytesIO(dumps(body))) == body


MALFORMED = {
    "empty": b"",
    "cut off": b'{"a": 1',
    "word": b"oops",
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "lone surrogate": rb'{"a": "\ud800"}',
    "broken UTF-8": b'{"a": "\xff"}',
    "byte order mark": b'\xef\xbb\xbf{"a": 1}',
    "100,000 deep": b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "trailing comma": b'{"a": 1,}',
    "two bodies": b'{"a": 1}{"a": 2}',
    "NUL": b'{"a": "\x00"}',
}
NO_OBJECT = {"list": b"[]", "number": b"1", "text": b'"a"', "null": b"null", "true": b"true"}


class TestJSONParser:
    @pytest.mark.parametrize("name", MALFORMED)
    def test_malformed(self, name):
        with pytest.raises(ParseError) as refusal:
            JSONParser().parse(BytesIO(MALFORMED[name]))
        assert str(refusal.value.detail).startswith("The body is not valid JSON: ")

    @pytest.mark.parametrize("name", NO_OBJECT)
    def test_no_object(self, name):
        with pytest.raises(ParseError) as refusal:
            JSONParser().parse(BytesIO(NO_OBJECT[name]))
        assert str(refusal.value.detail) == "The body must be a JSON object."

    def test_stream_longer_than_its_length_is_too_large(self, settings):
        """A chunked body has no length, so the parser stops reading at the limit."""
        settings.MAX_BODY_BYTES = 1024
        stream = BytesIO(b'{"a": "' + b"x" * 5000 + b'"}')
        with pytest.raises(TooLarge) as refusal:
            JSONParser().parse(stream)
        assert refusal.value.text == "The request body is larger than 1024 bytes."
        assert stream.tell() == 1025

    def test_body_of_exactly_the_limit_is_parsed(self, settings):
        settings.MAX_BODY_BYTES = 1024
        raw = b'{"a": "' + b"x" * (1024 - 9) + b'"}'
        assert len(raw) == 1024
        assert JSONParser().parse(BytesIO(raw)) == {"a": "x" * 1015}


@pytest.mark.urls(__name__)
class TestOverHttp:
    SHOP, CARE = "/api/shop/echo/", "/api/v1/customer/echo"

    @pytest.mark.parametrize("name", [*sorted(MALFORMED.keys() - {"empty"}), *NO_OBJECT])
    def test_malformed_is_400_also_in_care(self, api, name):
        raw = (MALFORMED | NO_OBJECT)[name]
        shop = api.post(self.SHOP, raw, content_type="application/json")
        care = api.post(self.CARE, raw, content_type="application/json")
        assert (shop.status_code, care.status_code) == (400, 400)
        assert shop.json() == care.json() | {"fields": {}}
        assert (care.json()["error"], list(care.json())) == ("Malformed JSON", ["error", "detail"])

    def test_missing_body_is_an_empty_object(self, api):
        assert api.post(self.SHOP).json() == {}

    @pytest.mark.parametrize(
        "content_type",
        [
            "application/json", "application/json; charset=utf-8", "APPLICATION/JSON",
            "text/plain", "text/plain;charset=UTF-8",
        ],
    )  # fmt: skip
    def test_json_is_parsed(self, api, content_type):
        response = api.generic("POST", self.SHOP, '{"a": "ü"}', content_type=content_type)
        assert (response.status_code, response.json()) == (200, {"a": "ü"})

    @pytest.mark.parametrize(
        "content_type",
        [
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "text/html",
            "application/xml",
        ],
    )
    def test_other_content_type_is_415(self, api, content_type):
        response = api.generic("POST", self.SHOP, '{"a": 1}', content_type=content_type)
        assert response.status_code == 415
        assert response.json() == {
            "error": "Unsupported media type",
            "detail": f'Unsupported media type "{content_type}" in request.',
        }

    @pytest.mark.parametrize("accept", ["text/html", "application/xml", "*/*", "nonsense"])
    def test_accept_header_is_ignored(self, api, accept):
        response = api.post(self.SHOP, {"a": 1}, format="json", HTTP_ACCEPT=accept)
        assert (response.status_code, response["Content-Type"]) == (200, "application/json")

    def test_ten_megabytes_are_413_before_the_body_is_read(self, api):
        body = json.dumps({"a": "x" * 10_000_000})
        shop = api.post(self.SHOP, body, content_type="application/json")
        assert shop.status_code == 413
        assert shop.json() == {
            "error": "Request too large",
            "detail": "The request body is larger than this server takes.",
        }
        assert api.post("/admin/login/", body, content_type="application/json").status_code == 404  # not ours
