"""Parsing of addresses and import of rows."""

from __future__ import annotations

import pytest
from django.db import IntegrityError
from hypothesis import assume, given
from hypothesis import strategies as st

from accounts.models import User
from common.domain.sheets import CHANGE_REASON, SheetRow, Unreadable
from customers import imports
from customers.addresses import _UNIT, STATES, Address, AmbiguousAddress, parse_address
from customers.imports import Outcome, Verdict, check_columns, import_customers
from customers.models import Customer, CustomerUser
from testing import factories

PRINTED = "123 Main St, Portland, OR, 97201, USA"
PORTLAND = Address("123 Main St", "Portland", "OR", "97201", "USA")
COLUMNS = ("name", "email", "phone", "address")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (PRINTED, PORTLAND),
        ("  123  Main St ,Portland,OR,97201 , U.S.A. ", PORTLAND),
        ("123 Main St, Portland, OR, 97201", PORTLAND),
        ("123 Main St, Portland, OR 97201", PORTLAND),
        ("123 Main St, Portland OR 97201, United States", PORTLAND),
        ("123 Main St\r\nPortland, OR 97201", PORTLAND),
        ("123 Main St Portland, OR 97201", PORTLAND),
        ("123 Main St Portland OR 97201 USA", PORTLAND),
        ("1 A St, Apt 4, Bend, Oregon, 97701-12", None),
        ("1 A St, Apt B, Bend, Oregon, 97701-1234", Address("1 A St, Apt B", "Bend", "Oregon", "97701-1234")),
        ("1 A St, Charleston West Virginia 25301", Address("1 A St", "Charleston", "West Virginia", "25301")),
        ("1 A St, New York, New York 10001", Address("1 A St", "New York", "New York", "10001")),
        ("12 Elk Rd, Box Elder, SD 57719", Address("12 Elk Rd", "Box Elder", "SD", "57719")),
        ("9 Elm St Salt Lake City UT 84101", Address("9 Elm St", "Salt Lake City", "UT", "84101")),
        ("PO Box 12 Salem OR 97301", Address("PO Box 12", "Salem", "OR", "97301")),
        ("9 K Ave NW Washington DC 20500", Address("9 K Ave NW", "Washington", "DC", "20500")),
        (
            "10 Downing St, London, England, SW1A 2AA, UK",
            Address("10 Downing St", "London", "England", "SW1A 2AA", "UK"),
        ),
    ],
)
def test_address_is_parsed(text, address):
    if address is None:
        with pytest.raises(AmbiguousAddress):
            parse_address(text)
    else:
        assert parse_address(text) == address


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is missing"),
        ("USA", "it does not end in a state of the USA and a ZIP code"),
        ("123 Main St,, OR, 97201, USA", "a part between its commas is empty"),
        ("123 Main St, Portland, XX, 97201, USA", "it does not end in a state of the USA and a ZIP code"),
        ("123 Main St, Portland, OR, 972, USA", "it does not end in a state of the USA and a ZIP code"),
        ("123 Main St, OR, 97201, USA", "its street and city cannot be separated"),
        ("123 Main St, Apt B, OR, 97201, USA", "'Apt B' is not a city"),
        ("1 A St, Portland, Multnomah County, OR 97201", "'Portland' could be its street or its city"),
        (
            "123 Broadway Portland OR 97201",
            "its street and city cannot be separated: put a comma between them",
        ),
        (
            "55 Main St Paul MN 55101",
            "its street and city cannot be separated: put a comma between them",
        ),
        (
            "1 Main St Ave Maria FL 34142",
            "its street and city cannot be separated: put a comma between them",
        ),
        (
            "1 High St, London, UK",
            "it ends neither in a ZIP code nor in the five parts street, city, state, postal code, country",
        ),
        ("1 High St, London, England, none, UK", "'none' is not a postal code"),
    ],
)
def test_ambiguous_address_is_refused(text, reason):
    with pytest.raises(AmbiguousAddress) as refused:
        parse_address(text)
    assert str(refused.value) == reason


_word = st.text(st.characters(categories=("Lu", "Ll")), min_size=2, max_size=12)
_words = st.lists(_word, min_size=1, max_size=3).map(" ".join)
_street = st.tuples(st.integers(1, 99_999), _words).map(lambda t: f"{t[0]} {t[1]}")
_zip = st.from_regex(r"[0-9]{5}(-[0-9]{4})?", fullmatch=True).filter(str.isascii)
_home = st.builds(Address, _street, _words, st.sampled_from(sorted(STATES)).map(str.upper), _zip)
_abroad = st.builds(
    Address,
    _street,
    _words,
    _words,
    st.from_regex(r"[A-Z]{1,2}[0-9]{1,2} [0-9][A-Z]{2}", fullmatch=True),
    _words.map(lambda words: f"Republic of {words}"),
)


@given(_home | _abroad)
def test_formatted_address_is_parsed_into_its_parts(address):
    a = address
    assume(not _UNIT.fullmatch(a.city))  # no city is called Apt
    printed = f"{a.street_address}, {a.city}, {a.state}, {a.postal_code}, {a.country}"
    assert parse_address(printed) == address


@given(st.text(max_size=80))
def test_any_text_is_parsed_or_refused(text):
    try:
        parts = parse_address(text)
    except AmbiguousAddress:
        return
    assert all([parts.street_address, parts.city, parts.state, parts.postal_code, parts.country])


# --- Rows -------------------------------------------------------------------------------------------


def row(line=2, **cells):
    given = {"name": "Dora Dean", "email": "dora@example.com", "phone": "(555) 010-0001", "address": PRINTED}
    return SheetRow(line, given | cells)


def run_import(*rows, columns=COLUMNS, now, **options):
    return list(import_customers(rows, columns=columns, now=now, **options))


def test_row_creates_customer_whose_contact_cannot_sign_in(db, now):
    assert run_import(row(email=" Dora@Example.com "), now=now) == [Outcome(2, Verdict.CREATED)]
    customer = Customer.objects.with_contact().get()
    dora = customer.contact
    assert (dora.first_name, dora.last_name, dora.email, dora.phone, dora.role, dora.has_usable_password()) == (
        "Dora", "Dean", "dora@example.com", "(555) 010-0001", "customer", False,
    )  # fmt: skip
    assert [getattr(customer, name) for name in imports.ADDRESS] == [
        "123 Main St", "Portland", "OR", "97201", "USA",
    ]  # fmt: skip
    assert customer.customer_since == now
    assert CustomerUser.objects.get().user == dora
    for kept in (dora.history.get(), customer.history.get()):
        assert (kept.history_type, kept.history_user, kept.history_change_reason, kept.history_date) == (
            "+", None, CHANGE_REASON, now,
        )  # fmt: skip
    assert customer.history.get().contact_id == dora.pk


def test_structured_columns_are_stored_trimmed(db, now):
    cells = {"street_address": " 1 A St ", "city": "Bend", "state": " oregon ", "postal_code": "97701"}
    given = SheetRow(2, {"first_name": "Dora", "last_name": "", **cells, "company_name": "Dean Ltd"})
    assert run_import(given, columns=list(given.cells), now=now) == [Outcome(2, Verdict.CREATED)]
    customer = Customer.objects.with_contact().get()
    assert (customer.name, customer.state, customer.address) == (
        "Dean Ltd", "oregon", "1 A St, Bend, oregon 97701",
    )  # fmt: skip


def test_second_import_changes_nothing(db, now):
    rows = [row(), row(3, name="Eve", email="", phone=""), row(4, name="Eve", email="", phone="5550100001")]
    assert {o.verdict for o in run_import(*rows, now=now)} == {Verdict.CREATED}
    before = list(Customer.history.values_list()), list(User.history.values_list())
    assert run_import(*rows, now=now) == [Outcome(line, Verdict.UNCHANGED) for line in (2, 3, 4)]
    assert (list(Customer.history.values_list()), list(User.history.values_list())) == before


def test_different_row_is_conflict_without_change(db, now):
    run_import(row(), row(3, name="Eve", email=""), now=now)
    dora, eve = Customer.objects.order_by("id")
    User.objects.filter(pk=eve.contact_id).update(email="eve@example.com")
    before = list(Customer.objects.values_list()), list(User.objects.values_list())
    changed = [
        row(phone="(555) 010-0002", address="1 A St, Bend, OR, 97701, USA"),
        row(3, name="Eve", email=""),
    ]
    assert run_import(*changed, now=now) == [
        Outcome(
            2, Verdict.CONFLICT, f"customer {dora.pk} has another phone, street_address, city, postal_code"
        ),
        Outcome(3, Verdict.CONFLICT, f"customer {eve.pk} has another email"),
    ]
    assert (list(Customer.objects.values_list()), list(User.objects.values_list())) == before


def test_email_of_other_user_is_never_used(alice, tim, carol, now):
    second = factories.CustomerFactory(contact=alice.contact, login=False)
    rows = [row(2, email=tim.email), row(3, email=carol.email), row(4, email=alice.contact.email)]
    assert run_import(*rows, now=now) == [
        Outcome(2, Verdict.REFUSED, "email: it belongs to a member of staff"),
        Outcome(3, Verdict.CONFLICT, "a login without a customer has this email"),
        Outcome(4, Verdict.CONFLICT, "several customers have this email"),
    ]
    assert set(Customer.objects.all()) == {alice, second}


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"email": "dora@"}, "email: Enter a valid email address."),
        ({"phone": "555"}, "phone: Enter a phone number of 7 to 15 digits."),
        ({"name": "  "}, "name: it is missing"),
        ({"name": "D" * 101}, "first_name: Ensure this value has at most 100 characters (it has 101)."),
        ({"address": "1 A St, Bend, XX, 97701"}, "address: it does not end in a state of the USA and a ZIP code"),
        (
            {"name": "", "email": "x", "address": ""},
            "address: it is missing; name: it is missing; email: Enter a valid email address.",
        ),
    ],
)  # fmt: skip
def test_invalid_row_is_refused_with_every_reason(db, now, cells, reason):
    assert run_import(row(**cells), row(3, email="eve@example.com"), now=now) == [
        Outcome(2, Verdict.REFUSED, reason),
        Outcome(3, Verdict.CREATED),
    ]
    assert [c.email for c in User.objects.all()] == ["eve@example.com"]


def test_same_person_twice_in_a_file_is_refused(db, now):
    rows = [row(2), row(3, email="DORA@example.com", name="Eve"), row(4, email="")]
    rows += [row(5, name="dora DEAN", email="", phone="+1 555-010-0001"), row(6, email="", phone="")]
    rows += [row(7, email="", phone="")]
    assert run_import(*rows, now=now) == [
        Outcome(2, Verdict.CREATED),
        Outcome(3, Verdict.REFUSED, "this email is already in line 2"),
        Outcome(4, Verdict.REFUSED, "this name and phone are already in line 2"),
        Outcome(5, Verdict.REFUSED, "this name and phone are already in line 2"),
        Outcome(6, Verdict.CREATED),
        Outcome(7, Verdict.REFUSED, "this name, phone and address are already in line 6"),
    ]


def test_dry_run_returns_same_outcomes_without_change(db, now, django_assert_num_queries):
    rows = [row(2), row(3, email="", name="Eve"), row(4, phone="1")]
    with django_assert_num_queries(4) as asked:  # by email, by name and phone, and two for the savepoint
        outcomes = run_import(*rows, now=now, dry_run=True)
    assert [o.verdict for o in outcomes] == [Verdict.CREATED, Verdict.CREATED, Verdict.REFUSED]
    assert {q["sql"].split()[0] for q in asked.captured_queries} == {"SAVEPOINT", "SELECT", "RELEASE"}
    assert not Customer.objects.exists() and not User.objects.exists()
    assert run_import(*rows, now=now) == outcomes


def test_lookup_uses_no_join(db, now, django_assert_num_queries):
    """PostgreSQL plans a join by statistics, which do not include rows imported a moment ago.

    When they described empty tables, a batch of 500 took minutes.
    """
    rows = [row(2), row(3, email="", name="Eve", phone="")]
    run_import(*rows, now=now)
    # Five queries read users by email and by phone, their customers, customers by address and their contacts. Two are
    # the savepoint.
    with django_assert_num_queries(7) as asked:
        assert [o.verdict for o in run_import(*rows, now=now)] == [Verdict.UNCHANGED] * 2
    assert not [q for q in asked.captured_queries if "JOIN" in q["sql"]]


def test_email_taken_by_other_process_affects_one_row(db, now, monkeypatch):
    """Another process stores an email between lookup and insert, so the database refuses the batch."""
    real, calls = imports.create_imported, []

    def create_after_race(*, customers, **options):
        calls.append(len(customers))
        if len(calls) == 1:
            real(customers=customers, **options)
            raise IntegrityError
        real(customers=customers, **options)

    monkeypatch.setattr(imports, "create_imported", create_after_race)
    outcomes = run_import(row(2), row(3, email="eve@example.com"), now=now)
    assert outcomes == [Outcome(2, Verdict.CREATED), Outcome(3, Verdict.CREATED)]
    assert calls == [2, 1, 1]
    assert Customer.objects.count() == User.objects.count() == CustomerUser.objects.count() == 2


def test_row_refused_by_database_is_reported(db, now, monkeypatch):
    def refuse(**options):
        raise IntegrityError

    monkeypatch.setattr(imports, "create_imported", refuse)
    assert run_import(row(), now=now) == [
        Outcome(2, Verdict.CONFLICT, "the database refused it: run the import again")
    ]


@pytest.mark.parametrize(
    ("columns", "complaint"),
    [
        (["email", "address"], "A column is missing: name, or first_name and last_name, or company_name."),
        (["name", "city"], "A column is missing: address, or street_address, state, postal_code."),
        (
            ["name", "last_name", "address"],
            "The name is given twice: use name, or first_name and last_name.",
        ),
        (["name", "address", "city"], "The address is given twice: use address, or city."),
    ],
)
def test_required_columns(columns, complaint):
    with pytest.raises(Unreadable) as refused:
        check_columns(columns)
    assert str(refused.value) == complaint
