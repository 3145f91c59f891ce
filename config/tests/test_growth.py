"""The cost of a list does not grow with other customers' rows: the plans of every list of the URL conf.

On PostgreSQL, a shop with a million repair orders, as many lines of either kind, appointments and messages, and a tenth
to a half as many of the rest. The largest tables have a million rows, the others what 62,500 customers have. The
statements of each list run with real parameters, as a process runs them the first time and the sixth, when PostgreSQL
chooses a generic plan or a new plan each time.

A customer's lists may read a few rows for each of the customer's. Staff see all rows: a page may read a few rows for
each that it shows, and no more than match its filter. Totals are exact by the contracts, so a full page also counts
what matches.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from uuid import UUID

import pytest
from django.db import connection
from django.http import QueryDict
from django.utils import timezone
from psycopg import sql as literals
from rest_framework import serializers

from common.domain.caller import Caller, Role
from common.http.fields import ChoiceList, Month
from common.http.viewsets import StaffViewSet
from common.reads.orders import Order, Position
from common.reads.serializers import AskedAt
from common.reads.statements import fetch as fetch_rows
from config.tests.test_reads import LISTS, OF_PAGES
from testing import growth

OWN = [view for view in LISTS if not view.is_always_paged]
STAFFS = [view for view in LISTS if view.is_always_paged or view.__name__ == "Threads"]

POSITIONED = [view for view in LISTS if issubclass(view, StaffViewSet)]

CUSTOMERS = 62_500
ME = 31_234
BIG = {model._meta.db_table for model in growth.GROWING}
CUSTOMER, FLEET = Caller(Role.CUSTOMER, ME, ME), Caller(Role.CUSTOMER, growth.FLEET, growth.FLEET)
STAFF = Caller(Role.ADMIN, 1, None)
PAGE = 50
A_ROW = 12  # what one row of a page may read: itself, the rows it refers to, and an index entry for each
MINE = 4 * growth.EACH  # the most rows that a customer has in one table: messages of all threads, or lines
SLACK = 200
# What one row of a total may read: itself, three rows that it is filtered by, and as many of tables that are read whole
# because a third of their rows match.
A_TOTAL = 7
# To find the appointments of one zone's day, those of zones 26 hours apart are read.
A_DAYS_VISITS = 2_000

EXEMPT = {
    # Names are in another table, and some customers have none. So all customers are read and sorted.
    ("StaffCustomers", "ordering", "name"),
    ("StaffCustomers", "ordering", "-name"),
}
# Filters of recommendations that stand, all of which are read. They are few.
EXEMPT_FILTERS = {("StaffFollowUps", "location_id"), ("StaffFollowUps", "created_to")}


def words_for(view, name: str, field) -> list[str]:  # a line for each kind of field
    """Return typical values of a parameter, as a client sends them."""
    now = timezone.now()
    ids = {"customer_id": ME, "vehicle_id": ME, "unit_id": ME, "location_id": 3, "technician_id": 5}
    ids |= dict.fromkeys(("repair_order_id", "invoice_id", "order_id", "job_id"), ME)
    texts = {"search": ["31234", "driver n31234"], "unit_number": ["u31234"], "state": ["ny"]}
    if isinstance(field, ChoiceList):
        return [*field.choices, ",".join(list(field.choices)[:2])]
    if isinstance(field, Month):
        return [f"{now:%Y-%m}"]
    if isinstance(field, serializers.DateField):
        return [f"{now - timedelta(days=days):%Y-%m-%d}" for days in (1, 400)]
    if isinstance(field, serializers.DateTimeField):
        return [(now - timedelta(days=400)).isoformat()]
    if isinstance(field, serializers.FloatField):
        return ["40.5"]
    if isinstance(field, serializers.BooleanField):
        return ["true", "false"]
    if isinstance(field, serializers.IntegerField):
        return [str(ids[name])]
    if isinstance(field, serializers.UUIDField):
        return [str(UUID(int=3 if field.source == "location" else ME))]
    if isinstance(field, serializers.ChoiceField):
        return list(field.choices)
    return texts.get(name, ["fleet"])


def questions(view) -> Iterator[dict[str, str]]:
    """Return queries without parameters, and with each parameter alone."""
    yield {}
    for name, field in view.query().fields.items():
        if name in (*OF_PAGES, "lng") or isinstance(field, AskedAt):
            continue
        for word in words_for(view, name, field):
            yield {name: word, "lng": "-74"} if name == "lat" else {name: word}


def read_as(view, asked: dict[str, str]) -> dict:
    """Return the filters of a request with these parameters. A thread in the URL is the customer's own."""
    params = QueryDict(mutable=True)
    params.update(asked)
    in_path = {name: ME if name == "id" else UUID(int=ME) for name in view.path_query().fields}
    return view.query.read(params) | in_path


@pytest.fixture
def said(monkeypatch):
    """Record the statements of reads, and how many rows each returned."""
    heard = []

    def fetch(cursor, sql, params):
        rows = fetch_rows(cursor, sql, params)
        heard.append((sql, list(params), int(rows[0][0]) if "COUNT(*)" in sql[:20] else len(rows)))
        return rows

    monkeypatch.setattr("common.reads.statements.fetch", fetch)
    return heard


# --- On PostgreSQL, at a million rows ------------------------------------------------------------------------------

at_a_million = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="a million rows, and what was touched of them, are PostgreSQL's"
)


@pytest.fixture(scope="module")
def shop(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        try:
            growth.fill(CUSTOMERS)
            yield
        finally:
            growth.empty()
            connection.close()


def run(sql: str) -> list[tuple[bytes, ...]]:
    result = connection.connection.pgconn.exec_(sql.encode())
    assert not result.error_message, result.error_message.decode()
    return [result.get_value(row, 0) for row in range(result.ntuples)]


def numbered(sql: str) -> str:
    """Return the statement with `$1`, `$2`, … in place of Python's `%s`."""
    number = count(1)
    return re.sub("%[%s]", lambda match: f"${next(number)}" if match[0] == "%s" else "%", sql)


def plans(sql: str, params: list) -> Iterator[dict]:
    """Return the statement's plans with actual rows: of the first run, and of a generic plan."""
    values = [literals.Literal(value).as_string(connection.connection) for value in params]
    execute = f"EXECUTE measured({', '.join(values)})" if values else "EXECUTE measured"
    run(f"PREPARE measured AS {numbered(sql)}")
    for number in range(1, 7):
        is_looked_at = number in (1, 6)
        plan = run(f"EXPLAIN ({'ANALYZE, ' if is_looked_at else ''}FORMAT JSON) {execute}")
        if is_looked_at:
            yield json.loads(b"".join(plan))[0]["Plan"]
    run("DEALLOCATE measured")


def nodes(plan: dict) -> Iterator[dict]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def touched(plan: dict) -> int:
    """Return the number of rows and index entries that were read, including those that a condition removed."""
    counts = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
    scans = (node for node in nodes(plan) if "Scan" in node["Node Type"])
    # Below a Gather, each worker is another loop.
    return round(sum(sum(scan.get(name, 0) for name in counts) * scan["Actual Loops"] for scan in scans))


def read_whole(plan: dict) -> set[str]:
    return {n["Relation Name"] for n in nodes(plan) if n["Node Type"] == "Seq Scan"} & BIG


def told(plan: dict, depth: int = 0) -> str:
    keys = (
        "Relation Name",
        "Index Name",
        "Actual Rows",
        "Actual Loops",
        "Rows Removed by Filter",
        "Sort Key",
    )
    line = f"{'  ' * depth}{plan['Node Type']} " + " ".join(f"{plan[key]}" for key in keys if key in plan)
    return "\n".join([line, *(told(part, depth + 1) for part in plan.get("Plans", ()))])


def complaints(said: list, most, *, may_read_whole: bool = False) -> Iterator[str]:
    """Return the statements that read more than `most(rows returned)`, with their plans."""
    for sql, params, given in list(said):
        for plan in plans(sql, params):
            if touched(plan) > most(given) or (read_whole(plan) and not may_read_whole):
                yield f"{touched(plan)} > {most(given)} of {given}: {sql[:200]} {params}\n{told(plan)}"
    said.clear()


@at_a_million
@pytest.mark.parametrize("view", OWN, ids=lambda view: view.__name__)
def test_customers_list_reads_their_own_rows(shop, said, view):
    wrong = []
    for asked in questions(view):
        filters = read_as(view, asked)
        view.read.all(CUSTOMER, filters)
        view.read.page(CUSTOMER, filters, slice(0, PAGE))
        view.read.page(CUSTOMER, filters, slice(5, 10))
        view.read.count(CUSTOMER, filters)
        wrong += [(asked, text) for text in complaints(said, lambda given: A_ROW * given + 3 * MINE + SLACK)]
    assert wrong == []


@at_a_million
def test_fleets_page_reads_the_page(shop, said):
    """One customer has twenty thousand repairs of 2,500 units.

    In the order of an index, a page reads only its rows. By state and by unit it sorts all of the customer's rows.
    """
    view = next(view for view in LISTS if view.__name__ == "Repairs")
    repairs, units = growth.EACH * CUSTOMERS // growth.ONE_IN, 2 * CUSTOMERS // growth.ONE_IN
    wrong = []
    for asked in questions(view):
        if "unit_id" in asked:
            continue
        filters = read_as(view, asked)
        is_indexed = not asked or asked.get("ordering", "").endswith("repair_date")
        most = A_ROW * PAGE if is_indexed else 3 * repairs + units
        view.read.page(FLEET, filters, slice(0, PAGE))
        wrong += [(asked, text) for text in complaints(said, lambda given, most=most: most + SLACK)]
    assert wrong == []


@at_a_million
@pytest.mark.parametrize("view", STAFFS, ids=lambda view: view.__name__)
def test_staff_page_reads_the_page(shop, said, view):
    wrong = []
    for asked in questions(view):
        if any((view.__name__, *item) in EXEMPT for item in asked.items()):
            continue
        if any((view.__name__, name) in EXEMPT_FILTERS for name in asked):
            continue
        filters = read_as(view, asked)
        total = view.read.count(STAFF, filters)
        wrong += [
            (asked, "the total", text)
            for text in complaints(
                said, lambda given: A_TOTAL * (given + A_DAYS_VISITS), may_read_whole=total > 1_000
            )
        ]
        view.read.page(STAFF, filters, slice(0, PAGE))
        most = A_ROW * PAGE + SLACK + (total if asked else 0)
        wrong += [(asked, text) for text in complaints(said, lambda given, most=most: most)]
    assert wrong == []


def orders_of(view) -> list[dict[str, str]]:
    """Return the query of each order of a list, without those that no index has."""
    ordering = view.query().fields.get("ordering")
    words = [{}, *({"ordering": word} for word in ordering.choices)] if ordering else [{}]
    return [asked for asked in words if not any((view.__name__, *item) in EXEMPT for item in asked.items())]


def place_in_the_middle(view, filters: dict) -> Position | None:
    """Return the position of the middle row of a list, or None for an empty one."""
    rows = view.rows(STAFF, filters)
    order = Order(rows)
    middle = rows.values_list(*order.paths)[rows.count() // 2 :].first()
    return order.position(middle) if middle else None


@at_a_million
@pytest.mark.parametrize("view", POSITIONED, ids=lambda view: view.__name__)
def test_page_by_position_reads_the_page_wherever_it_begins(shop, said, view):
    wrong = []
    for asked in orders_of(view):
        filters = read_as(view, asked)
        for place in (None, place_in_the_middle(view, filters)):
            said.clear()
            view.read.after(STAFF, filters, place, PAGE)
            wrong += [(asked, place, text) for text in complaints(said, lambda given: A_ROW * PAGE + SLACK)]
    assert wrong == []


def steps(plan: dict) -> list[tuple[str, ...]]:
    """Return the plan's nodes with what each reads and by which condition, without figures and values."""
    keys = ("Node Type", "Relation Name", "Scan Direction", "Index Cond", "Filter", "Sort Key")
    value = r"'[^']*'::(?:timestamp with time zone|\w+)|\$\d+"
    return [
        tuple(f"{key}: {re.sub(value, '?', str(node[key]))}" for key in keys if key in node)
        for node in nodes(plan)
    ]


@pytest.mark.slow
@at_a_million
@pytest.mark.parametrize(
    "name", ["StaffRepairOrders", "StaffAppointments", "StaffVehicles", "StaffInvoices", "StaffPayments"]
)
def test_page_by_position_has_the_plan_of_a_table_of_ten_rows(shop, said, name):
    """The list's own table is read by the same index and condition. Rows that it refers to may be kept in memory.

    The small table is read by its index on request, because reading one block whole is cheaper.
    """
    view = next(view for view in POSITIONED if view.__name__ == name)
    filters, table = read_as(view, {}), view.model._meta.db_table
    place = place_in_the_middle(view, filters)
    said.clear()
    view.read.after(STAFF, filters, place, PAGE)
    sql, params, given = said[0]

    def reads(plan: dict) -> list[tuple[str, ...]]:
        return [step for step in steps(plan) if f"Relation Name: {table}" in step]

    of_a_million = [reads(plan) for plan in plans(sql, params)]
    assert given == PAGE + 1
    run("BEGIN")
    try:
        run(
            f"CREATE TEMP TABLE {table} (LIKE {table} INCLUDING ALL) ON COMMIT DROP"
        )  # it hides the large one
        run(f"INSERT INTO {table} SELECT * FROM public.{table} ORDER BY id DESC LIMIT 10")
        run(f"ANALYZE {table}")
        for way in ("seqscan", "bitmapscan", "sort"):
            run(f"SET LOCAL enable_{way} = off")
        small = plans(sql, params)
        of_ten = [reads(plan) for plan in small]
        sorts = [step for plan in small for step in steps(plan) if any("Sort Key" in part for part in step)]
    finally:
        run("ROLLBACK")
    assert of_ten == of_a_million
    assert ("Node Type: Index Scan" in of_ten[0][0], sorts) == (True, [])


@at_a_million
@pytest.mark.parametrize("name", ["StaffRepairOrders", "StaffAppointments", "StaffVehicles", "Customers"])
def test_later_page_skips_within_an_index(shop, said, name):
    view = next(view for view in LISTS if view.__name__ == name)
    skipped = 20_000
    view.read.page(STAFF, read_as(view, {}), slice(skipped, skipped + PAGE))
    sql, params, _ = said[0]
    for plan in plans(sql, params):
        skips = [node["Node Type"] for node in nodes(plan) if node["Actual Rows"] > skipped]
        assert skips in (["Index Only Scan"], ["Index Scan"]), told(plan)
        assert touched(plan) <= skipped + A_ROW * PAGE, told(plan)


# --- On both databases ---------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's words for it")
@pytest.mark.parametrize("view", OWN, ids=lambda view: view.__name__)
def test_customers_list_scans_no_growing_table_on_sqlite(said, view):
    """Except for searches, which have no index there."""
    for asked in questions(view):
        if "search" not in asked:
            view.read.all(CUSTOMER, read_as(view, asked))
    with connection.cursor() as cursor:
        for sql, params, _ in said:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
            steps = [row[3] for row in cursor.fetchall()]
            assert not [step for step in steps if step in {f"SCAN {table}" for table in BIG}], (sql, steps)


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL's catalogue says it")
def test_no_index_is_the_prefix_of_another():
    """Each index costs every write.

    Django adds an index to a foreign key unless told otherwise, and a second one to a unique text column. Indexes of
    libraries and of histories are not checked.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH plain AS (
              SELECT indexrelid, indrelid, indkey::text || ' ' AS columns,
                     coalesce(pg_get_expr(indpred, indrelid), '') AS condition
              FROM pg_index WHERE indexprs IS NULL
                AND NOT EXISTS (SELECT FROM pg_opclass WHERE oid = ANY (indclass) AND opcname LIKE '%%_pattern_ops')
            )
            SELECT short.indexrelid::regclass::text FROM plain short JOIN plain long USING (indrelid, condition)
            WHERE short.indexrelid <> long.indexrelid AND long.columns LIKE short.columns || '%%'
              AND short.indrelid = ANY (SELECT unnest(%s::text[])::regclass)
            """,
            [sorted(tables_of_ours())],
        )
        assert cursor.fetchall() == []


def tables_of_ours() -> set[str]:
    from django.apps import apps

    rooms = {model._meta.app_label for model in growth.GROWING} | {"files"}
    return {model._meta.db_table for room in rooms for model in apps.get_app_config(room).get_models()}
