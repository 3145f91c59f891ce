from __future__ import annotations

from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError, ValidationError

from common.http.parsers import JSONParser
from vehicles.api.member_samples import Batch, BatchInput, BatchParser
from vehicles.telematics.samples import MAX_SAMPLES, Samples
from vehicles.tests.telematics.drives import T

SPAN = b'{"startTimestamp":1704067200000,"endTimestamp":1704070800000'


def read(parser, raw):
    """What becomes of a body."""
    try:
        body = parser.decode(raw)
        if isinstance(body, Batch):
            return dict(body)
        checked = BatchInput(data=body)
        checked.is_valid(raise_exception=True)
        return dict(checked.validated_data)
    except (ParseError, ValidationError) as refusal:
        return type(refusal), str(refusal)


def is_read_as_usual(raw):
    return read(BatchParser(), raw) == read(JSONParser(), raw)


def test_the_contracts_batch_goes_the_quick_way():
    raw = (
        b'{"vehicleId": "8C4EF03A-2B5C-4d5e-9f60-718293a4b5c6", "startTimestamp": 1704067200000, '
        b'"endTimestamp": 1704070800000, "samples": '
        b'[{"t": 1704067201000, "speed": 45.5, "fuelRate": 2.3, "odometer": 15001}, {"t": 1704067200000}]}'
    )
    batch = BatchParser().decode(raw)
    assert isinstance(batch, Batch)
    assert batch == {
        "uuid": UUID("8c4ef03a-2b5c-4d5e-9f60-718293a4b5c6"),
        "start": T,
        "end": 1704070800000,
        "samples": Samples([T, T + 1000], [None, 45.5], [None, 2.3], [None, 15001.0]),
    }
    assert is_read_as_usual(raw)


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
def test_whatever_is_unusual_is_read_as_any_body_is(samples):
    assert is_read_as_usual(SPAN + b',"samples":' + samples + b"}")


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
def test_and_so_is_what_stands_beside_the_samples(raw):
    assert is_read_as_usual(raw)


_values = st.none() | st.floats(0, 500) | st.integers(-1, 500) | st.booleans() | st.just("1")
_rows = st.fixed_dictionaries(
    {"t": st.integers(T - 2, T + 2) | st.floats(0, 2)},
    optional={"speed": _values, "fuelRate": _values, "odometer": st.floats(0, 10_000_001), "x": _values},
)


@given(
    st.lists(_rows, max_size=4), st.fixed_dictionaries({}, optional={"endTimestamp": _values, "x": _values})
)
def test_both_ways_are_one(rows, beside):
    assert is_read_as_usual(orjson.dumps({"samples": rows, **beside}))
