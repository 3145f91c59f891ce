from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from types import SimpleNamespace
from uuid import UUID

import pytest
from rest_framework import serializers

from common.domain.encoding import dumps
from common.domain.models import IdempotencyKey
from common.http.contracts.base import FieldMessages
from common.http.contracts.shop import ShopCustomerList
from common.http.fields import Degrees, EpochMilliseconds, Id, Instant, Miles, Money, PrefixedId, PublicId
from common.reads.serializers import Derived, follow


class Many:
    """A stand-in for a related manager."""

    def __init__(self, *rows):
        self.rows = rows

    def all(self):
        return self.rows


def row(**fields):
    return SimpleNamespace(**fields)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (datetime(2025, 9, 17, 10, tzinfo=UTC), "2025-09-17T10:00:00Z"),
        (datetime(2025, 9, 17, 10, tzinfo=timezone(timedelta(hours=2))), "2025-09-17T08:00:00Z"),
        (datetime(2025, 9, 17, 10, 0, 0, 120, tzinfo=UTC), "2025-09-17T10:00:00.000120Z"),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_instant_is_written_in_utc_in_every_time_zone(settings, zone, value, written):
    settings.TIME_ZONE = zone
    assert Instant().to_representation(value) == written


class TestDegrees:
    @pytest.mark.parametrize("text", ["0", "-180", "180", "-74.0060", "40.", "007.5"])
    def test_accepts(self, text):
        assert Degrees(limit=180).run_validation(text) == float(text)

    @pytest.mark.parametrize(
        "text", ["", "nan", "inf", "1e2", "1_0", "+1", ".5", "١", "181", "-180.01", "9" * 40]
    )
    def test_refuses(self, text):
        with pytest.raises(serializers.ValidationError):
            Degrees(limit=180).run_validation(text)


class TestId:
    @pytest.mark.parametrize("value", [1, "1", 2**63 - 1])
    def test_accepts(self, value):
        assert Id().run_validation(value) == int(value)

    @pytest.mark.parametrize("value", [0, -1, 2**63, "9" * 23, 10**30, 1.5, "x", None, [1], {"a": 1}])
    def test_refuses(self, value):
        with pytest.raises(serializers.ValidationError):
            Id().run_validation(value)


class TestSpelledId:
    def test_parses_its_own_format(self):
        assert PrefixedId("ORD").to_representation(123) == "ORD123"
        assert PrefixedId("ORD").run_validation("ORD123") == 123

    @pytest.mark.parametrize(
        "value",
        [
            "123",
            123,
            "ord123",
            "TKT123",
            "ORD0",
            "ORD01",
            "ORD",
            "ORD" + "9" * 19,
            True,
            [{"a": 1}],
            {},
            "\0",
        ],
    )
    def test_refuses_with_an_example(self, value):
        with pytest.raises(serializers.ValidationError, match="Must be an id like ORD123"):
            PrefixedId("ORD").run_validation(value)


class TestMoney:
    def test_is_written_as_text_or_as_a_number(self):
        assert Money().to_representation(Decimal("299.9")) == "299.90"
        assert dumps(Money(as_number=True).to_representation(Decimal("299.99"))) == b"299.99"

    @pytest.mark.parametrize(
        ("value", "read"), [("0.10", "0.10"), (0.1, "0.1"), (5, "5"), ("9" * 8, "9" * 8)]
    )
    def test_accepts(self, value, read):
        assert Money().run_validation(value) == Decimal(read)

    @pytest.mark.parametrize("value", ["1.005", "100000000", "NaN", "Infinity", "x", True, None, "1e400"])
    def test_refuses(self, value):
        with pytest.raises(serializers.ValidationError):
            Money().run_validation(value)


class TestDerived:
    def test_computes_from_values(self):
        field = Derived(lambda a, b: a * b, "price", "line.quantity", output=Money())
        assert field.to_representation(row(price=Decimal("2.50"), line=row(quantity=3))) == "7.50"

    def test_none_stays_none(self):
        field = Derived(lambda value: value, "contact.email", output=serializers.CharField())
        assert field.to_representation(row(contact=None)) is None

    def test_path_through_a_list_is_a_list(self):
        field = Derived(sum, "lines.quantity", output=serializers.IntegerField())
        assert field.to_representation(row(lines=Many(row(quantity=2), row(quantity=3)))) == 5


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a", 1),
        ("none.x.y", None),
        ("rows.n", [1, 2]),
        ("rows.inner.m", [[3], []]),
        ("deep.rows.n", [4]),
    ],
)
def test_follow(path, value):
    tree = row(
        a=1,
        none=None,
        rows=Many(row(n=1, inner=Many(row(m=3))), row(n=2, inner=Many())),
        deep=row(rows=Many(row(n=4))),
    )
    assert follow(tree, path.split(".")) == value


def test_lazy_values_are_written_as_plain_ones():
    class Frozen(tuple):
        __slots__ = ()

    class Odd:
        def __str__(self) -> str:
            return "odd"

    assert dumps({"a": Odd(), "b": Frozen((1, 2))}) == b'{"a":"odd","b":[1,2]}'


def test_schema_of_the_fields():
    assert list(ShopCustomerList.list_fields()) == [
        "count",
        "customer_id",
        "customer_name",
        "next",
        "previous",
    ]
    assert FieldMessages().to_representation({"vin": ["Wrong."]}) == {"vin": ["Wrong."]}
    assert str(IdempotencyKey(key="k", user_id=7)) == "k of user 7"


DAY = 1704067200000  # 2024-01-01T00:00:00Z


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("1704067200000", DAY),
        ("0", 0),
        ("2024-01-01T00:00:00Z", DAY),
        ("2024-01-01T00:00:00.001Z", DAY + 1),
        ("2024-01-01 02:00:00+02:00", DAY),
        ("2024-01-01T00:00:00", DAY),
        ("1969-12-31T23:59:59.999Z", -1),
        ("2024-01-01", DAY),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_epoch_milliseconds_accept_iso_and_milliseconds_in_utc(settings, zone, text, milliseconds):
    settings.TIME_ZONE = zone
    assert EpochMilliseconds().run_validation(text) == milliseconds
    last = 86_399_999 if text == "2024-01-01" else 0
    assert EpochMilliseconds(upper=True).run_validation(text) == milliseconds + last


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "-1",
        "1.5",
        "1e3",
        "1_000",
        "١",
        "9" * 16,
        "2024-13-01",
        "20240101T000000",
        "2024-W01-1",
        "2024-01",
    ],
)
def test_epoch_milliseconds_refuse_other_text(text):
    with pytest.raises(serializers.ValidationError):
        EpochMilliseconds().run_validation(text)


def test_miles_are_a_json_number_with_two_places():
    assert dumps(Miles().to_representation(Decimal("15000.50"))) == b"15000.5"
    assert Miles().run_validation(15000.5) == Decimal("15000.5")
    for wrong in (-1, 0.125, "Infinity", "NaN", True, 10**9):
        with pytest.raises(serializers.ValidationError):
            Miles().run_validation(wrong)


def test_public_id_is_a_uuid_as_text():
    text = "01A1fdb8-3352-7410-8148-8a1e7705ef42"
    assert PublicId().run_validation(text) == UUID(text)
    assert PublicId().to_representation(UUID(text)) == text.lower()
    for wrong in (
        71,
        UUID(text),
        text.replace("-", ""),
        f"{{{text}}}",
        f"urn:uuid:{text}",
        f"{text}\n",
        "",
        None,
    ):
        with pytest.raises(serializers.ValidationError):
            PublicId().run_validation(wrong)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("12,50", "Write 12.50 with a point."),
        ("1,250", "Write 1250 without a comma."),
        ("1,250.00", "Write 1250.00 without a comma."),
        ("1.250,00", "Write 1250.00 with a point."),
        ("1,,5", "Write a number such as 1250.00."),
        ("12 dollars", "A valid number is required."),
        ("", "A valid number is required."),
    ],
)
def test_a_number_that_cannot_be_read_says_how_to_write_it(text, message):
    with pytest.raises(serializers.ValidationError) as error:
        Money().run_validation(text)
    assert [str(detail) for detail in error.value.detail] == [message]
    assert error.value.get_codes() == ["invalid"]
