from __future__ import annotations

from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError, ValidationError

from common.http.bodies import JSONParser
from vehicles.api.member_samples import BatchInput, BatchParser, ValidatedBatch
from vehicles.telematics.samples import MAX_SAMPLES, Samples
from vehicles.tests.telematics.drives import T

SPAN = b'{"startTimestamp":1704067200000,"endTimestamp":1704070800000'


def read(parser, raw):
    """Return the validated data of a body, or the error as (type, text)."""
    try:
        body = parser.decode(raw)
        if isinstance(body, ValidatedBatch):
            return dict(body)
        serializer = BatchInput(data=body)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)
    except (ParseError, ValidationError) as error:
        return type(error), str(error)


def parses_like_plain_json(raw):
    return read(BatchParser(), raw) == read(JSONParser(), raw)


def test_contract_batch_takes_the_fast_path():
    raw = (
        b'{"vehicleId": "8C4EF03A-2B5C-4d5e-9f60-718293a4b5c6", "startTimestamp": 1704067200000, '
        b'"endTimestamp": 1704070800000, "samples": '
        b'[{"t": 1704067201000, "speed": 45.5, "fuelRate": 2.3, "odometer": 15001}, {"t": 1704067200000}]}'
    )
    batch = BatchParser().decode(raw)
    assert isinstance(batch, ValidatedBatch)
    assert batch == {
        "uuid": UUID("8c4ef03a-2b5c-4d5e-9f60-718293a4b5c6"),
        "start": T,
        "end": 1704070800000,
        "samples": Samples([T, T + 1000], [None, 45.5], [None, 2.3], [None, 15001.0]),
    }
    assert parses_like_plain_json(raw)


@pytest.mark.parametrize(
    "samples",
    [
        b"[]",
        b"{}",
        b"null",
        b'"none"',
        b"[[1]]",
        b"[null]",
        b'[{"speed":1}]',
        b'[{"t":1704067200000.0}]',
        b'[{"t":"1704067200000"}]',
        b'[{"t":true}]',
        b'[{"t":-1}]',
        b'[{"t":1704067200}]',
        b'[{"t":99999999999999999999999}]',
        b'[{"t":1704067200000},{"t":1704067200000,"speed":401}]',
        b'[{"t":1704067200000,"speed":true}]',
        b'[{"t":1704067200000,"speed":"1"}]',
        b'[{"t":1704067200000,"speed":NaN}]',
        b'[{"t":1704067200000,"speed":1e400}]',
        b'[{"t":1704067200000,"speed":-0.0}]',
        b'[{"t":1704067200000,"speed":-1e-300}]',
        b'[{"t":1704067200000,"speed":400.00000000000001}]',
        b'[{"t":1704067200000,"odometer":10000000.000001}]',
        b'[{"t":1704067200000,"fuel_rate":2.5}]',
        b'[{"t":1704067200000,"note":"a\xff"}]',
        b'[{"t":1704067200000,"note":"\\ud800"}]',
        b'[{"t":1704067200000,"t":1704067200001}]',
        b'[{"\\u0074":1704067200000}]',
        b'[{"t":1704067200000},]',
        b"[" * 5000 + b"]" * 5000,
        b"[" + b",".join([b'{"t":1704067200000}'] * (MAX_SAMPLES + 1)) + b"]",
    ],
)
def test_unusual_samples_are_parsed_like_plain_json(samples):
    assert parses_like_plain_json(SPAN + b',"samples":' + samples + b"}")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        SPAN + b"}",
        SPAN + b',"samples":[],"vehicleId":null}',
        SPAN + b',"samples":[],"vehicleId":"car"}',
        SPAN + b',"samples":[],"vehicleId":12}',
        SPAN + b',"samples":[],"vehicleId":"8c4ef03a2b5c4d5e9f60718293a4b5c6"}',
        SPAN + b',"samples":[],"vehicleId":"{8c4ef03a-2b5c-4d5e-9f60-718293a4b5c6}"}',
        SPAN + b',"samples":[],"vehicleId":"\xff"}',
        SPAN + b',"samples":[],"vehicleId":' + b"[" * 5000 + b"]" * 5000 + b"}",
        SPAN + b',"samples":[],"more":1}',
        SPAN + b',"samples":[]} {}',
        b"\xef\xbb\xbf" + SPAN + b',"samples":[]}',
        b'{"samples":[],"startTimestamp":"1704067200000","endTimestamp":1704067200000.0}',
        b'{"samples":[],"startTimestamp":1704067200,"endTimestamp":1e99}',
        b'{"samples":[],"startTimestamp":1704067200000}',
    ],
)
def test_unusual_fields_are_parsed_like_plain_json(raw):
    assert parses_like_plain_json(raw)


_values = st.none() | st.floats(0, 500) | st.integers(-1, 500) | st.booleans() | st.just("1")
_rows = st.fixed_dictionaries(
    {"t": st.integers(T - 2, T + 2) | st.floats(0, 2)},
    optional={"speed": _values, "fuelRate": _values, "odometer": st.floats(0, 10_000_001), "x": _values},
)


@given(
    st.lists(_rows, max_size=4), st.fixed_dictionaries({}, optional={"endTimestamp": _values, "x": _values})
)
def test_both_parsers_give_the_same_result(rows, beside):
    assert parses_like_plain_json(orjson.dumps({"samples": rows, **beside}))
